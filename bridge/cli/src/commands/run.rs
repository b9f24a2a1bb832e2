//! `run`: the service.

use crate::args::ConfigArg;
use crate::config::Config;
use crate::drive::{self, Pass};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::report::Report;
use crate::telemetry::Telemetry;
use crate::wiring::WiringError;
use crate::{commands, serving, signals, wiring};
use bridge_admin::health::Watch;
use bridge_admin::metrics;
use bridge_engine::{Approval, Engine, EngineError, Step};
use bridge_store::StoreError;
use clap::Args;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Longest pause between two attempts to reach a store that is away.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What `run` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge run
  RUST_LOG=info halaxy-bridge run --log-format json

SIGTERM and Ctrl-C let it finish what it has begun and end with code 0. Until a first plan is
approved it only reads. Decisions made by other commands meanwhile are taken up within a second.
If a server that holds the store goes away, it waits and carries on.

With [serve] listen = \"127.0.0.1:8600\" it answers /health, /ready, /status.json and /metrics there.
Traces and metrics go to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names.")]
pub struct RunArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Runs until stopped.
///
/// # Errors
/// [`Failure`] if the configuration, the store or the engine fails.
pub async fn run(args: &RunArgs, out: &Output, telemetry: &Telemetry) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let mut engine = wiring::engine(&config).await?;
    let stop = signals::stop();
    let watch = Watch::new(config.alerts.clone());
    let serving = serving::start(&config, &watch, telemetry.registry(), &stop).await?;
    let watched = serving.is_some() || telemetry.pushes_metrics();
    if watched {
        metrics::show(&watch);
    }
    let started = Instant::now();
    let names: Vec<&str> = config.systems.keys().map(String::as_str).collect();
    out.remark(format!("Keeping {} in step. Stop with Ctrl-C.", names.join(" and ")));
    if engine.approval().await? != Approval::Given {
        out.remark("Nothing is approved yet, so it only reads. To approve, stop it, look at `halaxy-bridge plan`, and run `halaxy-bridge sync --approve DIGEST`.");
    }
    if let Some(serving) = &serving {
        serving.open(&engine);
        out.remark(format!("Listening on {}.", serving.address));
    }
    let mut sum = Step::default();
    let mut tell = |step: &Step| {
        sum.add(step);
        if step.sent + step.linked + step.entities > 0 {
            tracing::info!(
                observed = step.observed,
                linked = step.linked,
                sent = step.sent,
                refused = step.failures,
                "step"
            );
        }
    };
    loop {
        let ended = tokio::select! {
            ended = drive::serve(&engine, &stop, &mut tell) => ended,
            never = watch.keep(&engine), if watched => match never {},
        };
        let Err(error) = ended else { break };
        let EngineError::Store(StoreError::Unreachable { .. }) = error else {
            return Err(error.into());
        };
        watch.lost(error.to_string());
        tracing::warn!(%error, "waiting for the store");
        // What this engine knew of calls on their way is void; a new one looks what became of them.
        if let Some(serving) = &serving {
            serving.close();
        }
        drop(engine);
        engine = match again(&config, &stop).await? {
            Some(engine) => engine,
            None => {
                out.remark("Stopped while the store was away.");
                return Ok(Exit::Done);
            }
        };
        if let Some(serving) = &serving {
            serving.open(&engine);
        }
    }
    if let Some(serving) = serving {
        serving.ended().await;
    }
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

/// Starts anew once the store can be reached; none if it is asked to stop before.
async fn again(config: &Config, stop: &CancellationToken) -> Result<Option<Engine>, Failure> {
    let mut wait = Duration::from_millis(250);
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return Ok(None),
        }
        match wiring::engine(config).await {
            Err(
                WiringError::Store(StoreError::Unreachable { .. })
                | WiringError::Engine(EngineError::Store(StoreError::Unreachable { .. })),
            ) => wait = (wait * 2).min(LONGEST_WAIT),
            other => return Ok(Some(other?)),
        }
    }
}
