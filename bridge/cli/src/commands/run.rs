//! `run`: the service, and what one process of it does.

use crate::args::ConfigArg;
use crate::commands::{self, practices};
use crate::config::ServeConfig;
use crate::drive::Pass;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::report::Report;
use crate::service::{self, Next, Role, Service};
use crate::telemetry::Telemetry;
use crate::{pages, serving, signals};
use bridge_admin::health::Watch;
use bridge_admin::metrics;
use bridge_engine::Step;
use clap::Args;
use std::time::Instant;

/// Where to listen instead of what `[serve]` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    None,
    /// There.
    At(std::net::SocketAddr),
}

impl std::str::FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Listen::None);
        }
        let address = text.parse().map(Listen::At);
        address.map_err(|_| "give an IP address and a port, such as 127.0.0.1:8600, or none".into())
    }
}

/// What `run` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge run
  RUST_LOG=info halaxy-bridge run --log-format json
  halaxy-bridge run --role reconcile --listen none     another worker on the same machine
  halaxy-bridge run -c /etc/halaxy-bridge/practices    every practice of a folder, each in a process of its own

SIGTERM and Ctrl-C let it finish what it has begun and end with code 0. Until a first plan is
approved it only reads. Decisions made by other commands meanwhile are taken up within a second.
If a server that holds the store goes away, it waits and carries on.

Any number of workers may share a practice whose store is PostgreSQL. One of them drives: it alone
reads and writes the accounts. With RabbitMQ the others help to decide; when the driver ends, one of
them takes over. Products may send webhooks to any of them.

In a folder without bridge.toml every *.toml is a practice. The process of NORTH.toml sees only
environment variables whose names begin with NORTH_, beside the usual ones.

With [serve] listen = \"127.0.0.1:8600\" the admin app is there, beside /health, /ready,
/status.json and /metrics; `halaxy-bridge admin setup` lets the first administrator in.
Traces and metrics go to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names.")]
pub struct RunArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What this process does.
    #[arg(long, value_enum, default_value_t, value_name = "ROLE")]
    pub role: Role,
    /// Where to listen instead of what [serve] says; `none` for nowhere.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<Listen>,
    /// End when standard input does: for whoever keeps this process.
    #[arg(long, hide = true)]
    pub kept: bool,
}

/// Runs until stopped.
///
/// # Errors
/// [`Failure`] if the configuration, the store or the engine fails.
pub async fn run(args: &RunArgs, out: &Output, telemetry: &Telemetry) -> Result<Exit, Failure> {
    if let Some(files) = args.config.practices() {
        return practices::run(&files, args, out).await;
    }
    let mut config = commands::load(&args.config)?;
    match args.listen {
        None => {}
        Some(Listen::None) => config.serve = None,
        Some(Listen::At(listen)) => {
            let configured = config.serve.take();
            config.serve = Some(ServeConfig {
                listen,
                public_url: configured.as_ref().and_then(|serve| serve.public_url.clone()),
                admin: configured.as_ref().is_none_or(|serve| serve.admin),
                locations: configured.as_ref().is_some_and(|serve| serve.locations),
                oidc: configured.as_ref().and_then(|serve| serve.oidc.clone()),
                line: configured.map_or(0, |serve| serve.line),
            });
        }
    }
    let stop = signals::stop();
    if args.kept {
        signals::stop_with_keeper(&stop);
    }
    let watch = Watch::new(config.alerts.clone());
    // Whatever cannot be had from the start is said at once; what goes away later is waited for.
    let mut worker = service::first(&config, args.role, out).await?;
    let serving = serving::start(&config, &watch, telemetry.registry(), &stop).await?;
    let watched = serving.is_some() || telemetry.pushes_metrics();
    if watched {
        metrics::show(&watch);
    }
    if let Some(serving) = &serving {
        out.remark(format!("Listening on {}.", serving.address));
        if let Some(why) = config
            .serve
            .as_ref()
            .filter(|serve| serve.admin)
            .and_then(pages::unreachable)
        {
            out.remark(why);
        }
    }
    let service = Service {
        config: &config,
        role: args.role,
        stop: &stop,
        watch: watched.then_some(&watch),
        serving: serving.as_ref(),
        out,
    };
    let started = Instant::now();
    let mut sum = Step::default();
    let last = loop {
        match service.turn(worker, &mut sum).await? {
            Next::Work(next) => worker = next,
            Next::Stopped(last) => break last,
        }
    };
    if let Some(serving) = serving {
        serving.ended().await;
    }
    let Some(engine) = last else {
        out.remark("Stopped while the store was away.");
        return Ok(Exit::Done);
    };
    let pass = Pass {
        sum,
        converged: engine.settled().await?,
        ..Pass::default()
    };
    let report = Report::of(&engine, &pass, started.elapsed()).await?;
    out.document(&report);
    out.remark("Stopped.");
    Ok(Exit::Done)
}
