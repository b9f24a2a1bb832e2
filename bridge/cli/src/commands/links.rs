//! `links`: which records are the same person.

use crate::args::{ByArg, ConfigArg};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::holds;
use crate::output::{Output, count};
use crate::{commands, times, wiring};
use bridge_core::codec::e164;
use bridge_core::{Entity, LinkState, Value};
use bridge_store::{LinkedRow, LookupKey, Page, RecordKey, Store};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

/// What `links` takes.
#[derive(Debug, Args)]
pub struct LinksArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: LinksAction,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// What can be done with links.
#[derive(Debug, Subcommand)]
pub enum LinksAction {
    /// List people with their records, and by which evidence they were linked.
    #[command(after_help = "\
Examples:
  halaxy-bridge links list
  halaxy-bridge links list --all --json > links.json")]
    List {
        /// People with a single record too.
        #[arg(long)]
        all: bool,
    },
    /// Find people by name, mailbox, phone number or Halaxy number.
    #[command(after_help = "\
Examples:
  halaxy-bridge links find samplewood
  halaxy-bridge links find '0491 570 006'
  halaxy-bridge links find miriam@example.org --json")]
    Find {
        /// Beginnings of up to three names, a whole mailbox, phone number or Halaxy number.
        text: String,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
    },
    /// Show what is known of one person in every system.
    #[command(
        after_help = "Examples:\n  halaxy-bridge links show halaxy:PA-1042\n  halaxy-bridge links show 019a8c3e-7d51-7c31-b1f4-2f60a3b8f3aa"
    )]
    Show {
        /// Id of the entity, or SYSTEM:ID of one of its records.
        entity: String,
    },
    /// Cut a record off: it is somebody else.
    #[command(after_help = "\
Examples:
  halaxy-bridge links unlink 019a8c3e-7d51-7c31-b1f4-2f60a3b8f3aa crm --plan    what it would mean
  halaxy-bridge links unlink 019a8c3e-7d51-7c31-b1f4-2f60a3b8f3aa crm

The record becomes a person of its own; the two are never linked again by themselves, and values
that travelled before are not taken back.")]
    Unlink {
        /// Id of the entity, or SYSTEM:ID of one of its records.
        entity: String,
        /// The system whose record is cut off.
        system: String,
        /// Only say what it would mean.
        #[arg(long)]
        plan: bool,
        /// Who decides.
        #[command(flatten)]
        by: ByArg,
    },
}

/// Does it.
///
/// # Errors
/// [`Failure`] for an unknown entity, or if the store fails.
pub async fn run(args: &LinksArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    match &args.action {
        LinksAction::List { all } => list(&wiring::store(&config).await?, *all, out).await,
        LinksAction::Find { text, limit } => find(&config, text, *limit, out).await,
        LinksAction::Show { entity } => show(&config, entity, out).await,
        LinksAction::Unlink {
            entity,
            system,
            plan,
            by,
        } => {
            let engine = wiring::desk(&config).await?;
            let entity = commands::entity_of(engine.store(), &config, entity).await?;
            if *plan {
                return unlink_plan(engine.store(), &entity, system, out).await;
            }
            let own = engine.unlink(&entity, system, &by.name()).await?;
            out.document(&json!({ "entity": entity, "system": system, "now": own }));
            out.line(format!("Cut off: the record in {system} is now entity {own}."));
            Ok(Exit::Done)
        }
    }
}

/// What cutting a record off would mean.
async fn unlink_plan(store: &Store, id: &str, system: &str, out: &Output) -> Result<Exit, Failure> {
    let entity = store.entities(&[id.to_string()]).await?.pop();
    let entity = entity.ok_or_else(|| Failure::Usage(format!("there is no entity {id}")))?;
    let Some(link) = entity.links.get(system) else {
        return Err(Failure::Usage(format!("entity {id} has no record in {system}")));
    };
    let stays: Vec<String> = entity
        .links
        .values()
        .filter(|l| l.system != system)
        .map(|l| format!("{}:{}", l.system, l.remote_id))
        .collect();
    let audit = store.audit(id).await?;
    let applied = |there: bool| -> Vec<String> {
        let of = audit
            .iter()
            .filter(|e| e.event == "applied" && (e.system.as_deref() == Some(system)) == there);
        let units: std::collections::BTreeSet<String> = of.flat_map(|e| e.units.iter().cloned()).collect();
        units.into_iter().collect()
    };
    let (sent_there, sent_elsewhere) = (applied(true), applied(false));
    let conflicts = entity.conflicts.len();
    out.document(&json!({
        "entity": id, "cut": format!("{system}:{}", link.remote_id), "stays": stays,
        "written_to_it": sent_there, "written_to_the_others": sent_elsewhere, "conflicts_closed": conflicts,
    }));
    out.line(format!(
        "{system}:{} becomes a person of its own; {} stay together.",
        link.remote_id,
        stays.join(", ")
    ));
    let units = |units: &[String]| {
        if units.is_empty() {
            "nothing".into()
        } else {
            units.join(", ")
        }
    };
    out.line(format!("The bridge wrote to it: {}.", units(&sent_there)));
    out.line(format!("The bridge wrote to the others: {}.", units(&sent_elsewhere)));
    out.line("These values stay where they are: correct them by hand in the record they do not belong to.");
    if conflicts > 0 {
        out.line(format!("{} closed.", count(conflicts as u64, "open conflict")));
    }
    out.line("The two are never linked again by themselves, and nothing is created in their place.");
    Ok(Exit::Done)
}

async fn list(store: &Store, all: bool, out: &Output) -> Result<Exit, Failure> {
    let mut shown = vec![];
    for row in Page::all(async |page| store.linked(&page).await).await? {
        if all || live(&row) > 1 {
            let evidence = evidence(store, &row.entity).await?;
            shown.push((row, evidence));
        }
    }
    out.document(&shown.iter().map(row_json).collect::<Vec<_>>());
    let rows = shown.iter().map(|(row, evidence)| {
        let records: Vec<String> = row
            .records
            .iter()
            .map(|(r, s)| format!("{}:{}{}", r.system, r.remote_id, gone(*s)))
            .collect();
        vec![
            row.entity.clone(),
            records.join("  "),
            evidence.clone().unwrap_or_default(),
        ]
    });
    out.table(
        &["entity", "records", "evidence"],
        rows.collect(),
        "Nobody is linked yet.",
    );
    if !shown.is_empty() {
        out.line(format!("{}.", count(shown.len() as u64, "person")));
    }
    Ok(Exit::Done)
}

async fn find(config: &Config, text: &str, limit: usize, out: &Output) -> Result<Exit, Failure> {
    let store = wiring::store(config).await?;
    let mut keys = bridge_engine::lookup::query(text);
    keys.extend(e164(text, config.country).map(|number| LookupKey::new("phone", number)));
    let mut found = store.find_keys(&keys).await?;
    found.extend(store.search_name(text, limit).await?);
    let mut records: Vec<(RecordKey, Option<String>)> = found
        .into_iter()
        .filter(|f| f.live)
        .map(|f| (f.record, f.entity))
        .collect();
    records.sort();
    records.dedup();
    records.truncate(limit);
    let (mut shown, mut rows) = (vec![], vec![]);
    for (record, entity) in records {
        let link = store
            .links(&record.system, &record.kind, std::slice::from_ref(&record.remote_id))
            .await?
            .pop();
        let values = link.map(|row| row.link.seen()).unwrap_or_default();
        let line = |unit: &str| values.get(unit).map(Value::to_line).unwrap_or_default();
        let name = format!("{}:{}", record.system, record.remote_id);
        rows.push(vec![
            name,
            line("official_name"),
            line("birth_date"),
            entity.clone().unwrap_or_else(|| "undecided".into()),
        ]);
        shown.push(json!({
            "system": record.system, "kind": record.kind, "id": record.remote_id, "entity": entity,
            "official_name": values.get("official_name"), "birth_date": values.get("birth_date"),
        }));
    }
    out.document(&shown);
    out.table(&["record", "name", "born", "entity"], rows, "Nobody is found.");
    Ok(Exit::Done)
}

fn live(row: &LinkedRow) -> usize {
    row.records
        .iter()
        .filter(|(_, state)| *state == LinkState::Live)
        .count()
}

fn gone(state: LinkState) -> &'static str {
    match state {
        LinkState::Live => "",
        LinkState::Gone => " (removed)",
        LinkState::Merged => " (merged)",
    }
}

fn row_json((row, evidence): &(LinkedRow, Option<String>)) -> Json {
    let records: Vec<Json> = row
        .records
        .iter()
        .map(|(r, state)| json!({ "system": r.system, "kind": r.kind, "id": r.remote_id, "state": state }))
        .collect();
    json!({ "entity": row.entity, "records": records, "evidence": evidence })
}

/// Why the records are the same person: the last word on it in the history.
async fn evidence(store: &Store, entity: &str) -> Result<Option<String>, Failure> {
    let audit = store.audit(entity).await?;
    let said = audit
        .into_iter()
        .rev()
        .find(|e| matches!(e.event.as_str(), "linked" | "same person"));
    if let Some(e) = said {
        let by_person = e.event == "same person";
        return Ok(Some(if by_person {
            format!("a person said so ({})", e.reason)
        } else {
            e.reason
        }));
    }
    let id = [entity.to_string()];
    let made = store
        .entities(&id)
        .await?
        .iter()
        .any(|e| e.links.values().any(|l| l.created_here));
    Ok(made.then(|| "created by the bridge".into()))
}

async fn show(config: &Config, text: &str, out: &Output) -> Result<Exit, Failure> {
    let store = wiring::store(config).await?;
    let id = commands::entity_of(&store, config, text).await?;
    let Some(entity) = store.entities(std::slice::from_ref(&id)).await?.pop() else {
        return Err(Failure::Usage(format!("there is no entity {id}")));
    };
    let evidence = evidence(&store, &id).await?;
    let losers = store.losers(&id).await?;
    let mut held = vec![];
    holds::of(&entity, &mut held);
    let seen = |system: &str, unit: &str| {
        entity
            .links
            .get(system)
            .and_then(|l| l.units.get(unit))
            .and_then(|x| x.seen())
    };
    let records: Vec<Json> = entity
        .links
        .values()
        .map(|l| json!({ "system": l.system, "kind": l.kind, "id": l.remote_id, "state": l.state, "values": l.seen() }))
        .collect();
    let agreed: serde_json::Map<String, Json> = entity
        .agreed
        .iter()
        .map(|(unit, a)| (unit.clone(), json!(a.value)))
        .collect();
    let kept: Vec<Json> = losers
        .iter()
        .map(|l| json!({ "unit": l.unit, "system": l.system, "value": l.value, "why": l.why, "at": times::iso(l.at), "until": times::iso(l.until) }))
        .collect();
    out.document(&json!({
        "entity": id, "records": records, "agreed": agreed, "evidence": evidence, "holds": held,
        "conflicts": entity.conflicts.keys().collect::<Vec<_>>(), "overruled": kept,
    }));
    out.heading(&format!("{} {id}", entity.kind));
    for link in entity.links.values() {
        out.line(format!("  {}:{}{}", link.system, link.remote_id, gone(link.state)));
    }
    out.line(format!(
        "Linked because: {}",
        evidence.unwrap_or_else(|| "nothing is noted".into())
    ));
    let header: Vec<&str> = ["", "agreed"]
        .into_iter()
        .chain(entity.links.keys().map(String::as_str))
        .collect();
    let cell = |value: Option<&Value>| value.map_or("-".to_string(), Value::to_line);
    let rows = units(config, &entity).into_iter().map(|unit| {
        let systems = entity.links.keys().map(|system| cell(seen(system, &unit)));
        let agreed = cell(entity.agreed.get(&unit).map(|a| &a.value));
        [unit.clone(), agreed].into_iter().chain(systems).collect()
    });
    out.table(&header, rows.collect(), "No values are known.");
    for unit in entity.conflicts.keys() {
        out.line(format!(
            "In conflict: {unit} (halaxy-bridge conflicts show {})",
            bridge_store::conflict_id(&id, unit)
        ));
    }
    for hold in held {
        out.line(format!(
            "Held: {} in {}: {}",
            hold.units.join(", "),
            hold.system,
            hold.reason
        ));
    }
    for loser in losers {
        let when = times::local(loser.at, &config.time_zone);
        out.line(format!(
            "Overruled {when}: {} of {} was {} ({})",
            loser.unit,
            loser.system,
            loser.value.to_line(),
            loser.why
        ));
    }
    Ok(Exit::Done)
}

/// Units that anybody holds, in the order of the entity file.
fn units(config: &Config, entity: &Entity) -> Vec<String> {
    let held = |unit: &&String| {
        entity.agreed.contains_key(*unit) || entity.links.values().any(|l| l.units.contains_key(*unit))
    };
    config
        .entity
        .units
        .iter()
        .map(|spec| &spec.unit.name)
        .filter(held)
        .cloned()
        .collect()
}
