//! `run`: the service.

use crate::args::ConfigArg;
use crate::drive::{self, Pass};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::report::Report;
use crate::{commands, signals, wiring};
use bridge_engine::{Approval, Step};
use clap::Args;
use std::time::Instant;

/// What `run` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge run
  RUST_LOG=info halaxy-bridge run --log-format json

SIGTERM and Ctrl-C let it finish what it has begun and end with code 0. Until a first plan is
approved it only reads. Decisions made by other commands meanwhile are taken up within a second.")]
pub struct RunArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Runs until stopped.
///
/// # Errors
/// [`Failure`] if the configuration, the store or the engine fails.
pub async fn run(args: &RunArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let engine = wiring::engine(&config).await?;
    let stop = signals::stop();
    let started = Instant::now();
    let names: Vec<&str> = config.systems.keys().map(String::as_str).collect();
    out.remark(format!("Keeping {} in step. Stop with Ctrl-C.", names.join(" and ")));
    if engine.approval().await? != Approval::Given {
        out.remark("Nothing is approved yet, so it only reads. To approve, stop it, look at `halaxy-bridge plan`, and run `halaxy-bridge sync --approve DIGEST`.");
    }
    let mut sum = Step::default();
    drive::serve(&engine, &stop, |step| {
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
    })
    .await?;
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
