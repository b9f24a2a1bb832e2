//! `explain`: why did this (not) sync? The history of one person's records in plain words.

use crate::args::ConfigArg;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::holds;
use crate::output::Output;
use crate::{commands, times, wiring};
use bridge_core::Entity;
use bridge_engine::{record_stands, words, write_stands};
use bridge_store::{RecordKey, Store};
use clap::Args;
use serde_json::{Value as Json, json};

/// What `explain` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge explain halaxy:PA-1042
  halaxy-bridge explain crm:501 --values       with the values that were sent
  halaxy-bridge explain 019a8c3e-7d51-7c31-b1f4-2f60a3b8f3aa --json")]
pub struct ExplainArgs {
    /// Id of the entity, or SYSTEM:ID of one of its records.
    pub entity: String,
    /// Show the values that were sent, and what stood there before.
    #[arg(long)]
    pub values: bool,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Prints the history and where things stand.
///
/// # Errors
/// [`Failure`] for an unknown entity, or if the store fails.
pub async fn run(args: &ExplainArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let store = wiring::store(&config).await?;
    if let Some(record) = undecided(&store, &config, &args.entity).await? {
        return tell_undecided(&store, &record, out).await;
    }
    let id = commands::entity_of(&store, &config, &args.entity).await?;
    let Some(entity) = store.entities(std::slice::from_ref(&id)).await?.pop() else {
        return Err(Failure::Usage(format!("there is no entity {id}")));
    };
    let history = store.audit(&id).await?;
    let now = standing(&config, &entity);
    let lines: Vec<Json> = history
        .iter()
        .map(|e| {
            let mut line = json!({
                "at": times::iso(e.at), "event": e.event, "system": e.system, "record": e.remote_id,
                "units": e.units, "reason": e.reason, "text": words(e),
            });
            if args.values {
                line["values"] = json!(e.body);
            }
            line
        })
        .collect();
    out.document(&json!({ "entity": id, "history": lines, "now": now }));
    out.heading(&format!("{} {id}", entity.kind));
    for entry in &history {
        out.line(format!(
            "{}  {}",
            times::local(entry.at, &config.time_zone),
            words(entry)
        ));
        if args.values
            && let Some(body) = &entry.body
        {
            out.line(format!("                      {body}"));
        }
    }
    out.heading("Now");
    for line in now {
        out.line(format!("  {line}"));
    }
    Ok(Exit::Done)
}

/// A record that is known and belongs to no entity yet.
async fn undecided(store: &Store, config: &Config, text: &str) -> Result<Option<RecordKey>, Failure> {
    let Some((system, id)) = text.split_once(':') else {
        return Ok(None);
    };
    let Some(known) = config.systems.get(system) else {
        return Ok(None);
    };
    let rows = store.links(system, &known.mapping.kind, &[id.to_string()]).await?;
    Ok(rows
        .first()
        .filter(|row| row.link.entity.is_none())
        .map(|row| RecordKey::from(&row.link)))
}

async fn tell_undecided(store: &Store, record: &RecordKey, out: &Output) -> Result<Exit, Failure> {
    let history = store.audit_of_record(record).await?;
    let text = "The record is known, and it is not decided yet who it is: that happens once every system has been read completely and a first plan is approved.";
    let lines: Vec<Json> = history
        .iter()
        .map(|e| json!({ "at": times::iso(e.at), "event": e.event, "text": words(e) }))
        .collect();
    out.document(&json!({ "entity": null, "history": lines, "now": [text] }));
    for entry in &history {
        out.line(format!("{}  {}", times::iso(entry.at), words(entry)));
    }
    out.line(text);
    Ok(Exit::Done)
}

/// Where things stand, and why nothing more happens.
fn standing(config: &Config, entity: &Entity) -> Vec<String> {
    let mut lines: Vec<String> = entity.links.values().map(|link| record_stands(link)).collect();
    for name in config.systems.keys().filter(|name| !entity.links.contains_key(*name)) {
        let why = if entity.candidate {
            "nothing is created while somebody may be the same person (halaxy-bridge matches list)"
        } else if !config.create_in.contains(name) {
            "create_in does not name it"
        } else if entity.writes.contains_key(name) {
            "it is to be created"
        } else {
            "the condition create_when does not hold, or it was removed there"
        };
        lines.push(format!("{name}: no record; {why}"));
    }
    for unit in entity.conflicts.keys() {
        lines.push(format!(
            "{unit} waits for a decision (halaxy-bridge conflicts show {})",
            bridge_store::conflict_id(&entity.id, unit)
        ));
    }
    lines.extend(entity.writes.values().map(write_stands));
    let mut held = vec![];
    holds::of(entity, &mut held);
    lines.extend(
        held.into_iter()
            .map(|h| format!("{} held in {}: {}", h.units.join(", "), h.system, h.reason)),
    );
    if entity.dirty {
        lines.push("something changed that is judged with the next step".into());
    }
    lines
}
