//! `conflicts`: values that two systems changed differently, questions about whole records, and
//! writes that are held.

use crate::args::{ByArg, ConfigArg};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{commands, holds, review, times, typed, wiring};
use bridge_core::review::Choice;
use bridge_core::{CardKind, Value};
use bridge_engine::{Engine, Resolution};
use bridge_store::{CardRow, ConflictRow, Filter, Page, Store};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What `conflicts` takes.
#[derive(Debug, Args)]
pub struct ConflictsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ConflictsAction,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// What can be done with conflicts.
#[derive(Debug, Subcommand)]
pub enum ConflictsAction {
    /// List what waits for a decision.
    #[command(after_help = "\
Examples:
  halaxy-bridge conflicts list
  halaxy-bridge conflicts list --no-values --json | jq length")]
    List {
        /// Leave personal values out.
        #[arg(long)]
        no_values: bool,
    },
    /// List questions about whole records only.
    Cards,
    /// List writes that are held, and why.
    Holds,
    /// Show one conflict or card with everything that helps to decide.
    #[command(after_help = "Example:\n  halaxy-bridge conflicts show 7k2m9q4c")]
    Show {
        /// Id from the list.
        id: String,
    },
    /// Decide a conflict: the value goes to every system.
    #[command(after_help = "\
Examples:
  halaxy-bridge conflicts resolve 7k2m9q4c --take halaxy
  halaxy-bridge conflicts resolve 7k2m9q4c --take agreed            the last agreed value
  halaxy-bridge conflicts resolve 7k2m9q4c --value '0491 570 006'
  halaxy-bridge conflicts resolve 7k2m9q4c --value 'given=Miriam; family=Samplewood'

The values that lose are kept and can be brought back. If a value has changed since it was shown
(--state, from `show`), nothing is decided. The decision is sent with the next sync, or at
once by the running service.")]
    Resolve {
        /// Id from the list.
        id: String,
        /// Take the value of this system, or `agreed`.
        #[arg(
            long,
            value_name = "SYSTEM",
            required_unless_present = "value",
            conflicts_with = "value"
        )]
        take: Option<String>,
        /// Take this value.
        #[arg(long, value_name = "TEXT")]
        value: Option<String>,
        /// Decide only if the values are still those that `show` printed with this state.
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Who decides.
        #[command(flatten)]
        by: ByArg,
    },
    /// Close a card after looking at it.
    #[command(after_help = "Example:\n  halaxy-bridge conflicts dismiss 2c8f0x1n")]
    Dismiss {
        /// Id from the list.
        id: String,
        /// Who decides.
        #[command(flatten)]
        by: ByArg,
    },
}

/// Does it.
///
/// # Errors
/// [`Failure`] for an unknown id, or if a value has changed since it was shown.
pub async fn run(args: &ConflictsArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    match &args.action {
        ConflictsAction::List { no_values } => list(&config, !no_values, out).await,
        ConflictsAction::Cards => {
            let cards = all_cards(&wiring::store(&config).await?).await?;
            out.document(&cards.iter().map(card_json).collect::<Vec<_>>());
            tell_cards(&cards, out);
            Ok(Exit::Done)
        }
        ConflictsAction::Holds => {
            let rows = holds::all(&wiring::store(&config).await?).await?;
            out.document(&rows);
            let cells = rows
                .into_iter()
                .map(|r| vec![r.entity, r.system, r.units.join(", "), r.reason]);
            out.table(&["entity", "in", "units", "why"], cells.collect(), "Nothing is held.");
            Ok(Exit::Done)
        }
        ConflictsAction::Show { id } => show(&config, id, out).await,
        ConflictsAction::Resolve {
            id,
            take,
            value,
            state,
            by,
        } => {
            let engine = wiring::desk(&config).await?;
            let row = conflict(engine.store(), id).await?;
            if state.as_ref().is_some_and(|s| *s != state_of(&row)) {
                return Err(Failure::Failed(
                    "the values have changed since they were shown: look again".into(),
                ));
            }
            let choice = match (take, value) {
                (Some(system), _) => review::choice_of(engine.store(), &row, system).await?,
                (None, Some(text)) => Choice::Value(typed::value(&config, &row.unit, text).map_err(Failure::Usage)?),
                (None, None) => {
                    return Err(Failure::Usage(
                        "say which value to take: --take SYSTEM or --value TEXT".into(),
                    ));
                }
            };
            resolve(&engine, &row, choice, by, out).await
        }
        ConflictsAction::Dismiss { id, by } => {
            let engine = wiring::desk(&config).await?;
            let card = all_cards(engine.store()).await?.into_iter().find(|c| c.id == *id);
            let card = card.ok_or_else(|| Failure::Usage(format!("there is no open card {id}")))?;
            engine.dismiss(&card, &by.name()).await?;
            out.document(&json!({ "id": id, "dismissed": true }));
            out.line("Closed.");
            Ok(Exit::Done)
        }
    }
}

async fn resolve(
    engine: &Engine,
    row: &ConflictRow,
    choice: Choice,
    by: &ByArg,
    out: &Output,
) -> Result<Exit, Failure> {
    let shown = row.conflict.values.clone();
    engine
        .resolve(
            row,
            &Resolution {
                choice,
                shown,
                by: by.name(),
            },
        )
        .await?;
    out.document(&json!({ "id": row.id, "resolved": true, "entity": row.entity, "unit": row.unit }));
    out.line(format!(
        "Decided: {} of {}. It goes out with the next sync, or by itself while the service runs.",
        row.unit, row.entity
    ));
    Ok(Exit::Done)
}

async fn list(config: &Config, values: bool, out: &Output) -> Result<Exit, Failure> {
    let store = wiring::store(config).await?;
    let (conflicts, cards) = (all_conflicts(&store).await?, all_cards(&store).await?);
    let (mut shown, mut held) = (vec![], vec![]);
    for row in &conflicts {
        let known = review::values_of(&store, row).await?;
        shown.push(conflict_json(
            row,
            &known,
            &review::agreed_of(&store, row).await?,
            values,
        ));
        held.push((row, known));
    }
    out.document(&shown);
    let cell = |value: &Value| if values { value.to_line() } else { "(not shown)".into() };
    let rows = held.iter().map(|(row, known)| {
        let values: Vec<String> = known
            .iter()
            .map(|(name, value)| format!("{name}: {}", cell(value)))
            .collect();
        vec![
            row.id.clone(),
            row.unit.clone(),
            values.join("\n"),
            row.conflict.why.clone(),
            times::ago(row.conflict.since, times::now()),
        ]
    });
    out.table(
        &["id", "what", "values", "why", "since"],
        rows.collect(),
        "No conflicts.",
    );
    if !cards.is_empty() {
        tell_cards(&cards, out);
    }
    if !conflicts.is_empty() {
        out.line("Decide with: halaxy-bridge conflicts resolve ID --take SYSTEM");
    }
    Ok(Exit::Done)
}

async fn show(config: &Config, id: &str, out: &Output) -> Result<Exit, Failure> {
    let store = wiring::store(config).await?;
    let found = store.conflict(id).await?;
    let Some(row) = found else {
        let card = all_cards(&store).await?.into_iter().find(|c| c.id == id);
        let card = card.ok_or_else(|| Failure::Usage(format!("there is no open conflict or card {id}")))?;
        out.document(&card_json(&card));
        tell_cards(std::slice::from_ref(&card), out);
        out.line(format!("What happened: halaxy-bridge explain {}", card.entity));
        out.line(format!("Seen? Close it: halaxy-bridge conflicts dismiss {id}"));
        return Ok(Exit::Done);
    };
    let known = review::values_of(&store, &row).await?;
    let last = review::agreed_of(&store, &row).await?;
    let mut document = conflict_json(&row, &known, &last, true);
    document["state"] = json!(state_of(&row));
    out.document(&document);
    out.heading(&format!("{} of {}", row.unit, row.entity));
    let mut rows: Vec<Vec<String>> = known
        .iter()
        .map(|(name, value)| vec![name.clone(), value.to_line()])
        .collect();
    rows.push(vec![
        "last agreed".into(),
        last.as_ref().map_or("(nothing)".into(), Value::to_line),
    ]);
    out.table(&["", "value"], rows, "");
    out.line(format!(
        "Why: {}. Since {}.",
        row.conflict.why,
        times::local(row.conflict.since, &config.time_zone)
    ));
    out.line(format!(
        "Decide: halaxy-bridge conflicts resolve {id} --state {} --take SYSTEM",
        state_of(&row)
    ));
    Ok(Exit::Done)
}

fn tell_cards(cards: &[CardRow], out: &Output) {
    let rows = cards.iter().map(|row| {
        let units: Vec<&str> = row.card.units.iter().map(String::as_str).collect();
        vec![
            row.id.clone(),
            row.card.system.clone(),
            question(row.card.kind).into(),
            units.join(", "),
            row.entity.clone(),
        ]
    });
    out.table(
        &["id", "in", "what happened", "units", "entity"],
        rows.collect(),
        "No cards.",
    );
}

fn question(kind: CardKind) -> &'static str {
    match kind {
        CardKind::RemovedButChanged => "removed there, changed elsewhere; nothing was removed or created",
        CardKind::MayHaveOverwritten => "our write may have overwritten an edit made in that moment",
        CardKind::LooksWrong => {
            "since a name or birth date was changed, these no longer look like one person; nothing travels until you close this, or cut the link"
        }
        CardKind::Merged => "another record was merged into this one; it waits until you close this",
    }
}

fn card_json(row: &CardRow) -> Json {
    json!({
        "id": row.id, "entity": row.entity, "system": row.card.system, "card": row.card.kind,
        "units": row.card.units, "since": times::iso(row.card.since),
    })
}

fn conflict_json(row: &ConflictRow, known: &BTreeMap<String, Value>, agreed: &Option<Value>, values: bool) -> Json {
    let shown: BTreeMap<&String, Json> = known
        .iter()
        .map(|(name, v)| (name, if values { json!(v) } else { Json::Null }))
        .collect();
    let mut document = json!({
        "id": row.id, "entity": row.entity, "unit": row.unit, "values": shown,
        "last_agreed": agreed.as_ref().filter(|_| values), "since": times::iso(row.conflict.since), "why": row.conflict.why,
    });
    if !values {
        document["values_hidden"] = json!(true);
    }
    document
}

/// Names exactly these values.
fn state_of(row: &ConflictRow) -> String {
    let text = serde_json::to_string(&row.conflict.values).unwrap_or_default();
    bridge_core::hex(&Sha256::digest(text)[..6])
}

async fn conflict(store: &Store, id: &str) -> Result<ConflictRow, Failure> {
    store
        .conflict(id)
        .await?
        .ok_or_else(|| Failure::Usage(format!("there is no open conflict {id}")))
}

async fn all_conflicts(store: &Store) -> Result<Vec<ConflictRow>, Failure> {
    Ok(Page::all(async |page| store.conflicts(&Filter::default(), &page).await).await?)
}

async fn all_cards(store: &Store) -> Result<Vec<CardRow>, Failure> {
    Ok(Page::all(async |page| store.cards(&Filter::default(), &page).await).await?)
}
