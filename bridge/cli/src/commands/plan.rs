//! `plan`: what a sync would do, without doing it.

use crate::args::ConfigArg;
use crate::config::Config;
use crate::drive::{self, Pass};
use crate::exit::{Exit, Failure};
use crate::output::{Output, count, thousands};
use crate::{commands, signals, times, wiring};
use bridge_engine::{Approval, Engine, Preview};
use bridge_store::Candidate;
use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Writes that people are shown unless they ask for all.
const SHOWN: usize = 20;

/// What `plan` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge plan
  halaxy-bridge plan --all            every write, not only the first 20
  halaxy-bridge plan --json | jq .would

Nothing is linked, created or sent. The digest names exactly this plan: `sync --approve DIGEST`
does it, and refuses if it has changed meanwhile.")]
pub struct PlanArgs {
    /// List every write.
    #[arg(long)]
    pub all: bool,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Reads, plans, prints.
///
/// # Errors
/// [`Failure`] if a system cannot be read or the store fails.
pub async fn run(args: &PlanArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let engine = wiring::engine(&config).await?;
    let preview = read_and_plan(&engine, &signals::stop(), out).await?;
    out.document(&document(&engine, &preview).await?);
    tell(&config, &engine, &preview, args.all, out).await?;
    Ok(Exit::Done)
}

/// Reads every system to the end, then plans.
pub(crate) async fn read_and_plan(engine: &Engine, stop: &CancellationToken, out: &Output) -> Result<Preview, Failure> {
    let bar = out.spinner("reading");
    let read = drive::until_read(engine, stop, |sum| {
        bar.set_message(format!("reading: {}", count(sum.observed as u64, "new value")))
    })
    .await?;
    if !read.converged {
        bar.finish_and_clear();
        return Err(not_read(&read));
    }
    bar.set_message("planning");
    let preview = engine.preview().await?;
    bar.finish_and_clear();
    Ok(preview)
}

fn not_read(pass: &Pass) -> Failure {
    if pass.gave_up.is_empty() {
        Failure::Failed("stopped before every system was read".into())
    } else {
        Failure::Failed(pass.gave_up.join("; "))
    }
}

/// The JSON of `plan --json`.
pub(crate) async fn document(engine: &Engine, preview: &Preview) -> Result<Value, Failure> {
    let counts = engine.store().counts().await?;
    let mut would = serde_json::to_value(&preview.would).unwrap_or_default();
    let mut systems = serde_json::Map::new();
    for system in &engine.settings().systems {
        let of = |counts: &std::collections::BTreeMap<String, usize>| counts.get(&system.name).copied().unwrap_or(0);
        let records = counts.records.get(&system.name).copied().unwrap_or(0);
        let (created, updated) = (of(&preview.would.created), of(&preview.would.updated));
        systems.insert(
            system.name.clone(),
            json!({ "records": records, "writes": created + updated, "calls": of(&preview.would.calls) }),
        );
        for (key, n) in [("created", created), ("updated", updated)] {
            would[key][&system.name] = json!(n);
        }
    }
    would["systems"] = Value::Object(systems);
    would["failures"] = json!(0);
    let mut open: Vec<Value> = super::matches::open(engine.store())
        .await?
        .iter()
        .map(candidate)
        .collect();
    open.extend(preview.candidates.iter().map(|c| {
        let records: Vec<Value> = c
            .records
            .iter()
            .map(|(system, id)| json!({ "system": system, "id": id }))
            .collect();
        json!({ "records": records, "score": c.score, "reasons": c.reasons })
    }));
    Ok(json!({
        "would": would,
        "writes": preview.writes,
        "candidates": open,
        "brakes": engine.brakes().await?,
        "approval": engine.approval().await?,
        "digest": preview.digest,
    }))
}

fn candidate(c: &Candidate) -> Value {
    let record = |r: &bridge_store::RecordKey| json!({ "system": r.system, "kind": r.kind, "id": r.remote_id });
    json!({ "id": c.id, "records": [record(&c.a), record(&c.b)], "score": c.score as f64 / 1_000.0, "reasons": c.reasons, "since": times::iso(c.since) })
}

/// The plan in words.
pub(crate) async fn tell(
    config: &Config,
    engine: &Engine,
    preview: &Preview,
    all: bool,
    out: &Output,
) -> Result<(), Failure> {
    if out.json() {
        return Ok(());
    }
    let counts = engine.store().counts().await?;
    let would = &preview.would;
    out.heading("A sync would do this");
    let rows = engine.settings().systems.iter().map(|system| {
        let of = |counts: &std::collections::BTreeMap<String, usize>| {
            thousands(counts.get(&system.name).copied().unwrap_or(0) as u64)
        };
        let records = counts.records.get(&system.name).copied().unwrap_or(0);
        vec![
            system.name.clone(),
            thousands(records),
            of(&would.created),
            of(&would.updated),
            of(&would.calls),
        ]
    });
    out.table(&["system", "records", "create", "update", "calls"], rows.collect(), "");
    out.line(format!(
        "Link {}; leave {}, {} and {} to a person; hold {}.",
        count(would.links as u64, "pair"),
        count(would.candidates as u64, "possible match"),
        count(would.twice as u64, "person entered twice"),
        count(would.conflicts as u64, "value conflict"),
        count(would.holds as u64, "write"),
    ));
    let shown = if all {
        preview.writes.len()
    } else {
        SHOWN.min(preview.writes.len())
    };
    let rows = preview.writes[..shown].iter().map(|w| {
        vec![
            w.op.clone(),
            w.system.clone(),
            w.entity.clone(),
            w.units.join(", "),
            match w.may_be_held.as_slice() {
                [] => w.reason.clone(),
                units => format!("{}; {} may be held: another record has it", w.reason, units.join(", ")),
            },
        ]
    });
    out.table(
        &["", "in", "entity", "units", "why"],
        rows.collect(),
        "There is nothing to write.",
    );
    if shown < preview.writes.len() {
        out.line(format!(
            "... and {} more (--all lists them).",
            thousands((preview.writes.len() - shown) as u64)
        ));
    }
    for brake in engine.brakes().await? {
        out.line(format!(
            "Brake: {} of {} linked records of {} would change at once.",
            thousands(brake.writes),
            thousands(brake.linked),
            brake.system
        ));
    }
    match engine.approval().await? {
        Approval::Given => {}
        Approval::Missing => out.line("This is the first time: a person must approve it."),
        Approval::Outdated => {
            out.line("Mappings or rules have changed since the last approval: a person must approve it again.")
        }
    }
    out.line(format!(
        "Nothing was sent. To do it: {}",
        config.command(&format!("sync --approve {}", preview.digest))
    ));
    Ok(())
}
