//! `status`: what there is, what waits, and what the last runs did.

use crate::args::ConfigArg;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count, thousands};
use crate::report::Report;
use crate::{commands, times, wiring};
use bridge_core::Time;
use bridge_engine::Approval;
use bridge_engine::vitals::{LedgerVitals, PartVitals, ProofVitals, State};
use clap::Args;
use serde_json::{Value, json};

/// What `status` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge status
  halaxy-bridge status --json | jq .waiting

Reads the store only; no account is called. Alerts say what somebody should see to: a system that could not be
looked at in time, credentials, calls of the day, parked work, brakes. Exit code 3 if something waits for a person.")]
pub struct StatusArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Prints the status.
///
/// # Errors
/// [`Failure`] if the configuration or the store fails.
pub async fn run(args: &StatusArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let engine = wiring::desk(&config).await?;
    let store = engine.store();
    let vitals = engine.vitals(&config.alerts).await?;
    let counts = store.counts().await?;
    let approval = engine.approval().await?;
    let brakes = engine.brakes().await?;
    let now = times::now();
    let mut systems = serde_json::Map::new();
    let mut rows = vec![];
    for system in &engine.settings().systems {
        let cursor = store
            .cursor(&system.name, system.kind(), &engine.settings().cursor_digest(system))
            .await?;
        let of = |counts: &std::collections::BTreeMap<String, u64>| counts.get(&system.name).copied().unwrap_or(0);
        let read = cursor.map(|c| c.updated);
        systems.insert(
            system.name.clone(),
            json!({
                "records": of(&counts.records), "linked": of(&counts.links), "last_read": read.map(times::iso),
                "vitals": vitals.systems.get(&system.name),
            }),
        );
        let read = read.map_or("never".into(), |at| times::ago(at, now));
        rows.push(vec![
            system.name.clone(),
            thousands(of(&counts.records)),
            thousands(of(&counts.links)),
            read,
        ]);
    }
    let runs = store.runs(5).await?;
    let waiting = Report {
        candidates: counts.candidates,
        twice: counts.twice,
        faint: counts.faint,
        conflicts: counts.conflicts,
        cards: counts.cards,
        holds: counts.held,
        brakes: brakes.len() as u64,
        ..Report::default()
    };
    let shown: Vec<Value> = runs
        .iter()
        .map(|r| json!({ "kind": r.kind, "started": times::iso(r.started), "ended": r.ended.map(times::iso), "counts": r.counts }))
        .collect();
    out.document(&json!({
        "practice": config.practice,
        "approval": approval,
        "systems": systems,
        "entities": counts.entities,
        "work": {
            "dirty": counts.dirty, "planned": counts.planned, "unsettled": counts.unsettled, "unknown": counts.unknown,
            "looks": counts.looks, "unidentified": counts.unidentified,
        },
        "waiting": {
            "candidates": counts.candidates, "twice": counts.twice, "faint": counts.faint, "conflicts": counts.conflicts, "cards": counts.cards, "holds": counts.held, "brakes": brakes,
        },
        "runs": shown,
        "ledger": vitals.ledger,
        "parts": vitals.parts,
        "state": vitals.state,
        "alerts": vitals.alerts,
    }));
    out.heading(&config.practice);
    out.table(
        &["system", "records", "decided", "last read"],
        rows,
        "No system is configured.",
    );
    let left = counts.dirty + counts.planned + counts.unsettled + counts.looks + counts.unidentified;
    out.line(match approval {
        Approval::Missing => format!("Nothing is approved yet: see `{}`.", config.command("plan")),
        Approval::Outdated => format!(
            "Mappings or rules have changed since the last approval: see `{}`.",
            config.command("plan")
        ),
        Approval::Given if left == 0 && vitals.state == State::CouldNotLook => format!(
            "{} known; nothing is left to do of what was seen, but not everything could be looked at.",
            count(counts.entities, "person")
        ),
        Approval::Given if left == 0 => format!("{} known; nothing is left to do.", count(counts.entities, "person")),
        Approval::Given => format!(
            "{} known; {} left to do.",
            count(counts.entities, "person"),
            count(left, "thing")
        ),
    });
    if config.ledger.is_some() {
        for line in books(&config, vitals.ledger.as_ref(), now) {
            out.line(line);
        }
    }
    for (name, part) in &vitals.parts {
        out.line(beside(name, part, now));
    }
    for alert in &vitals.alerts {
        let of = alert.system.as_ref().map(|s| format!("{s}: ")).unwrap_or_default();
        out.line(format!("{} {of}{}. {}", out.bold("ALERT"), alert.message, alert.remedy));
    }
    for run in &runs {
        let n = |of: &str| {
            run.counts[of]
                .as_object()
                .map_or(0, |m| m.values().filter_map(Value::as_u64).sum::<u64>())
        };
        let when = times::local(run.started, &config.time_zone);
        let end = run.ended.map_or("not ended".into(), |e| {
            format!("{:.1} s", (e - run.started) as f64 / 1e6)
        });
        out.line(format!(
            "{when}  {} ({end}): {} created, {} updated",
            run.kind,
            thousands(n("created")),
            thousands(n("updated"))
        ));
    }
    waiting.tell_waiting(out);
    Ok(
        if waiting.waiting() || approval != Approval::Given || !vitals.alerts.is_empty() {
            Exit::Waiting
        } else {
            Exit::Done
        },
    )
}

/// How a part beside the engine is doing, in a line.
fn beside(name: &str, part: &PartVitals, now: Time) -> String {
    let figures = part.figures.iter().map(|(what, n)| format!("{} {what}", thousands(*n)));
    let mut words: Vec<String> = figures.collect();
    words.push(format!("last round {}", times::ago(part.at, now)));
    words.extend(part.trouble.iter().cloned());
    let mut name = name.to_string();
    name[..1].make_ascii_uppercase();
    format!("{name}: {}.", words.join(", "))
}

/// How the books are kept, in a line or two.
fn books(config: &Config, ledger: Option<&LedgerVitals>, now: Time) -> Vec<String> {
    let preview = config.command("ledger preview");
    let Some(ledger) = ledger else {
        return vec![format!("Books: not looked after yet; see `{preview}`.")];
    };
    let mut lines = vec![format!(
        "Books: {} posted, {} held, last looked after {}.",
        count(ledger.posted, "document"),
        thousands(ledger.held),
        times::ago(ledger.at, now)
    )];
    if !ledger.approved {
        let waiting = count(ledger.unapproved, "document");
        lines.push(format!(
            "  Posting is not approved ({waiting} to post): see `{preview}`."
        ));
    }
    for trouble in &ledger.trouble {
        lines.push(format!("  {trouble}"));
    }
    let told = |proof: &ProofVitals| {
        let result = match (&proof.failed, proof.differences) {
            (Some(why), _) => format!("could not be done: {why}"),
            (None, Some(0) | None) => "no difference".to_string(),
            (None, Some(n)) => format!("{}; see `{}`", count(n, "difference"), config.command("ledger drift")),
        };
        format!(
            "  Proof of {} to {}, {}: {result}.",
            proof.from,
            proof.to,
            times::ago(proof.at, now)
        )
    };
    lines.push(match &ledger.proof {
        None => "  Not proved yet: the service does it every night.".into(),
        Some(proof) => told(proof),
    });
    // A later proof of other days that agrees says nothing of these.
    let amiss = ledger
        .amiss
        .as_ref()
        .filter(|amiss| ledger.proof.as_ref() != Some(amiss));
    lines.extend(amiss.map(told));
    lines
}
