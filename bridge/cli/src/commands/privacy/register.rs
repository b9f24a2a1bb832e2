//! The register of disclosure, and what a breach of a system touched. Both are read from the history, whose lines are
//! written in the transaction that settles a write.

use crate::commands;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::exports;
use crate::output::{Output, count};
use crate::{times, wiring};
use bridge_core::Time;
use bridge_export::warehouse;
use bridge_store::{AuditEntry, Store, Told};
use clap::Args;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// What `privacy register` takes.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// Of this person only: id of the entity, or SYSTEM:ID of one of its records.
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// Of this system only; `export` for files, `warehouse` for the warehouse.
    #[arg(long, value_name = "SYSTEM")]
    system: Option<String>,
    /// Of this unit only, e.g. after a correction.
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// First day.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
}

/// What `privacy breach` takes.
#[derive(Debug, Args)]
pub struct BreachArgs {
    /// The system.
    #[arg(long, value_name = "SYSTEM")]
    system: String,
    /// First day of the breach.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Last day of the breach.
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Everybody the system was ever told of, not only in that time.
    #[arg(long)]
    all: bool,
}

/// Lines of the history that tell of a disclosure.
async fn disclosures(store: &Store, wanted: &Told) -> Result<Vec<AuditEntry>, Failure> {
    let mut lines = store.all_told(wanted).await?;
    lines.retain(|line| line.tells().is_some());
    Ok(lines)
}

/// Systems, and what else is told: files and the warehouse.
fn known(config: &Config, system: &str) -> Result<(), Failure> {
    if [exports::TOLD, warehouse::TOLD].contains(&system) {
        return Ok(());
    }
    commands::pause::known(config, system)
}

/// Which part told it: the sync of people's units says nothing of itself.
fn told_by(entry: &AuditEntry) -> &str {
    match entry.event.as_str() {
        "applied" | "unknown" => "sync",
        _ => &entry.reason,
    }
}

/// A line as a register shows it.
pub(super) fn line(config: &Config, entry: &AuditEntry) -> Json {
    let system = entry.system.clone().unwrap_or_default();
    let to = config.destinations.get(&system);
    json!({
        "at": times::iso(entry.at), "entity": entry.entity, "system": system, "record": entry.remote_id,
        "units": entry.units, "certain": entry.tells() == Some(true), "by": told_by(entry),
        "recipient": to.map(|d| &d.name), "country": to.map(|d| &d.country), "purpose": to.map(|d| &d.purpose),
    })
}

pub(super) async fn register(config: &Config, args: &RegisterArgs, out: &Output) -> Result<Exit, Failure> {
    let store = wiring::store(config).await?;
    if let Some(system) = &args.system {
        known(config, system)?;
    }
    // Parts tell of what is no unit of people: `appointment.start`, `invoice.date`.
    let is_unit = |unit: &&String| config.entity.unit(unit).is_some() || unit.contains('.');
    if let Some(unit) = args.unit.as_ref().filter(|unit| !is_unit(unit)) {
        return Err(Failure::Usage(format!(
            "`{unit}` is no unit; they are declared in {}, or written like appointment.start",
            config.entity.file
        )));
    }
    let entity = match &args.person {
        Some(person) => Some(person_of(&store, config, person).await?),
        None => None,
    };
    let (from, to) = super::days(config, args.from.as_deref(), args.to.as_deref())?;
    let wanted = Told {
        entity,
        system: args.system.clone(),
        from,
        to,
    };
    let mut lines = disclosures(&store, &wanted).await?;
    if let Some(unit) = &args.unit {
        lines.retain(|line| line.units.contains(unit));
    }
    out.document(&lines.iter().map(|entry| line(config, entry)).collect::<Vec<_>>());
    let row = |entry: &AuditEntry| {
        let system = entry.system.clone().unwrap_or_default();
        let purpose = config.destinations.get(&system);
        vec![
            times::local(entry.at, &config.time_zone),
            system,
            entry.units.join(", "),
            purpose.map_or("not declared".into(), |d| format!("{} ({})", d.purpose, d.country)),
            told_by(entry).to_owned(),
            match entry.tells() {
                Some(true) => "",
                _ => "may have arrived",
            }
            .into(),
            entry.entity.clone().unwrap_or_default(),
        ]
    };
    out.table(
        &["when", "told", "units", "purpose", "by", "", "person"],
        lines.iter().map(row).collect(),
        "Nobody was told anything in that time.",
    );
    Ok(Exit::Done)
}

/// The entity of a person, one that was erased included: the register outlives it.
async fn person_of(store: &Store, config: &Config, person: &str) -> Result<String, Failure> {
    if !person.contains(':') && !store.audit(person).await?.is_empty() {
        return Ok(person.to_string());
    }
    commands::entity_of(store, config, person).await
}

/// What a system was told of one person.
#[derive(Default)]
struct Touched {
    records: BTreeSet<String>,
    units: BTreeSet<String>,
    first: Time,
    last: Time,
}

pub(super) async fn breach(config: &Config, args: &BreachArgs, out: &Output) -> Result<Exit, Failure> {
    known(config, &args.system)?;
    let store = wiring::store(config).await?;
    let (from, to) = super::days(config, args.from.as_deref(), args.to.as_deref())?;
    let wanted = Told {
        system: Some(args.system.clone()),
        from: if args.all { 0 } else { from },
        to,
        ..Told::default()
    };
    let mut people: BTreeMap<String, Touched> = BTreeMap::new();
    for entry in disclosures(&store, &wanted).await? {
        let Some(entity) = entry.entity else { continue };
        let touched = people.entry(entity).or_default();
        if touched.first == 0 {
            touched.first = entry.at;
        }
        touched.last = entry.at;
        touched.records.extend(entry.remote_id);
        touched.units.extend(entry.units);
    }
    let units: BTreeSet<&String> = people.values().flat_map(|touched| &touched.units).collect();
    let to_whom = config.destinations.get(&args.system);
    out.document(&json!({
        "system": args.system, "recipient": to_whom, "people": people.len(), "units": units,
        "list": people.iter().map(|(entity, t)| json!({
            "entity": entity, "records": t.records, "units": t.units,
            "first": times::iso(t.first), "last": times::iso(t.last),
        })).collect::<Vec<_>>(),
    }));
    let rows = people.iter().map(|(entity, t)| {
        vec![
            entity.clone(),
            t.records.iter().cloned().collect::<Vec<_>>().join(", "),
            t.units.iter().cloned().collect::<Vec<_>>().join(", "),
            times::local(t.first, &config.time_zone),
            times::local(t.last, &config.time_zone),
        ]
    });
    out.table(
        &["person", "record", "units", "first told", "last told"],
        rows.collect(),
        "The bridge told that system nothing in that time.",
    );
    if !people.is_empty() {
        let units: Vec<String> = units.into_iter().cloned().collect();
        out.line(format!(
            "{}; units: {}. Names: `{}` for each. A breach that is likely to harm somebody is told to the OAIC and to them as \
             soon as practicable.",
            count(people.len() as u64, "person"),
            units.join(", "),
            config.command("links show ENTITY")
        ));
    }
    Ok(Exit::Done)
}
