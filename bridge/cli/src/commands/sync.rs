//! `sync`: one pass until nothing is left to do.

use crate::args::ConfigArg;
use crate::besides::Besides;
use crate::commands::plan;
use crate::config::Config;
use crate::drive::{self, Pass};
use crate::exit::{Exit, Failure};
use crate::output::{Output, thousands};
use crate::report::Report;
use crate::{commands, outlets, signals, times, wiring};
use bridge_engine::{Approval, Engine, Step};
use clap::Args;
use serde_json::json;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// What `sync` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge sync                      from the second time on
  halaxy-bridge sync --approve 3f1c09a2e5b47d68
  halaxy-bridge sync --yes                the first time, without looking at the plan

A first backfill, and the first sync after mappings or rules changed, must be approved. Without
approval the plan is printed and nothing is sent (exit code 3). Killed at any moment, the next
sync carries on where this one ended.")]
pub struct SyncArgs {
    /// Approve whatever there is to do, brakes included.
    #[arg(long, conflicts_with = "approve")]
    pub yes: bool,
    /// Approve exactly the plan of that digest.
    #[arg(long, value_name = "DIGEST")]
    pub approve: Option<String>,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Approves if told to, then steps until everything has settled.
///
/// # Errors
/// [`Failure`] if the configuration, the store or the engine fails.
pub async fn run(args: &SyncArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let started = Instant::now();
    let engine = wiring::engine(&config).await?;
    let stop = signals::stop();
    let publisher = outlets::publisher(&config, &engine)?;
    if let Some(publisher) = &publisher {
        publisher.begin().await?;
    }
    if args.yes {
        engine.approve().await?;
    } else if let Some(exit) = approved(args.approve.as_deref(), &config, &engine, &stop, started, out).await? {
        return Ok(exit);
    }
    let run = times::now();
    let mut pass = settle(&engine, &stop, args.yes, out).await?;
    if let Some(besides) = Besides::new(&config, &engine) {
        besides.settle(&stop).await?;
        // What was worked out of appointments may have to be told of people.
        if config.diary.as_ref().is_some_and(|diary| diary.months) {
            let mut sum = pass.sum;
            pass = settle(&engine, &stop, args.yes, out).await?;
            sum.add(&pass.sum);
            pass.sum = sum;
        }
    }
    if let Some(publisher) = &publisher {
        outlets::send_all(publisher, &stop).await?;
    }
    let report = Report::of(&engine, &pass, started.elapsed()).await?;
    remember(&engine, run, &report).await?;
    Ok(ended(&report, &pass, &stop, out))
}

/// Makes sure that a person approved; otherwise prints the plan and ends.
async fn approved(
    digest: Option<&str>,
    config: &Config,
    engine: &Engine,
    stop: &CancellationToken,
    started: Instant,
    out: &Output,
) -> Result<Option<Exit>, Failure> {
    let given = engine.approval().await? == Approval::Given && engine.brakes().await?.is_empty();
    if digest.is_none() && given {
        return Ok(None);
    }
    let preview = plan::read_and_plan(engine, stop, out).await?;
    if digest == Some(preview.digest.as_str()) {
        engine.approve().await?;
        return Ok(None);
    }
    let report = Report::of(engine, &Pass::default(), started.elapsed()).await?;
    let mut document = serde_json::to_value(&report).unwrap_or_default();
    document["approval"] = json!(engine.approval().await?);
    document["plan"] = plan::document(engine, &preview).await?;
    out.document(&document);
    plan::tell(config, engine, &preview, false, out).await?;
    out.remark(match digest {
        Some(_) => {
            "Not done: the plan is another one than the digest names. Look at it, and approve it by its new digest."
        }
        None => "Not done: a person must approve this plan first (--approve DIGEST, or --yes).",
    });
    Ok(Some(Exit::Waiting))
}

/// Steps until everything has settled, with progress on stderr.
pub(crate) async fn settle(
    engine: &Engine,
    stop: &CancellationToken,
    release: bool,
    out: &Output,
) -> Result<Pass, Failure> {
    let bar = out.spinner("starting");
    let mut sum = Step::default();
    let pass = loop {
        let before = sum.clone();
        let pass = drive::until_settled(engine, stop, |now| {
            let mut all = before.clone();
            all.add(now);
            bar.set_message(doing(&all));
        })
        .await?;
        sum.add(&pass.sum);
        if !release || pass.brakes.is_empty() || stop.is_cancelled() {
            break pass;
        }
        engine.approve().await?;
    };
    bar.finish_and_clear();
    Ok(Pass { sum, ..pass })
}

/// What a pass has done so far, in a few words.
pub(crate) fn doing(sum: &Step) -> String {
    format!(
        "{} values read, {} people linked, {} written",
        thousands(sum.observed as u64),
        thousands(sum.linked as u64),
        thousands(sum.tallies.values().map(|t| t.created + t.updated).sum())
    )
}

/// Notes the pass, so that `status` can show it.
async fn remember(engine: &Engine, started: bridge_core::Time, report: &Report) -> Result<(), Failure> {
    let id = uuid::Uuid::now_v7().to_string();
    let mut tx = engine.store().begin().await?;
    tx.start_run(&id, "sync", started).await?;
    tx.end_run(&id, times::now(), &serde_json::to_value(report).unwrap_or_default())
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Prints the report; the exit code.
pub(crate) fn ended(report: &Report, pass: &Pass, stop: &CancellationToken, out: &Output) -> Exit {
    out.document(report);
    report.tell(out);
    for trouble in &pass.gave_up {
        out.error(trouble);
    }
    let held = report.brakes + report.paused + report.unapproved > 0;
    if !report.converged && !held && !stop.is_cancelled() {
        Exit::Failed
    } else if report.waiting() && !stop.is_cancelled() {
        Exit::Waiting
    } else {
        Exit::Done
    }
}
