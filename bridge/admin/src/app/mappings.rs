//! Mappings as they are at work: units, owners, policies and privacy classes, the decision table, and a box to try a record
//! in. To be read only; what is typed into the box is neither kept nor logged.

use super::call::Call;
use super::render::{Answer, page};
use super::words::{system, unit};
use super::{App, Refused};
use crate::access::role::Role;
use crate::desk::trial::{Trial, sample, try_record};
use axum::http::StatusCode;
use bridge_core::{Accept, AcceptRule, Class, Clear, Party, Unit, UnitType, Wins};
use bridge_engine::Settings;
use serde::Serialize;
use std::collections::BTreeMap;

/// Roles that may type a record into the box. Bookkeepers see documents, not records of people.
pub(super) const TRIERS: [Role; 4] = [Role::Admin, Role::Reviewer, Role::Auditor, Role::Operator];

#[derive(Serialize)]
struct Mappings {
    here: &'static str,
    systems: Vec<SystemRow>,
    units: Vec<UnitRow>,
    may: bool,
    asked: Option<Asked>,
}

#[derive(Serialize)]
struct SystemRow {
    key: String,
    title: String,
    kind: String,
    file: String,
    home: bool,
    classes: Vec<&'static str>,
    reads: usize,
    writes: usize,
}

#[derive(Serialize)]
struct UnitRow {
    name: String,
    key: String,
    kind: &'static str,
    class: &'static str,
    wins: String,
    first: String,
    clear: &'static str,
    /// For each system, in their order.
    at: Vec<Place>,
}

/// One unit in one system.
#[derive(Serialize)]
struct Place {
    paths: Vec<String>,
    reads: bool,
    writes: bool,
    /// Whether edits made there are taken.
    takes: String,
}

/// What was typed into the box, and what becomes of it.
#[derive(Serialize)]
struct Asked {
    system: String,
    record: String,
    trial: Option<Trial>,
}

#[derive(Serialize)]
struct RulesPage {
    here: &'static str,
    tables: Vec<Table>,
}

#[derive(Serialize)]
struct Table {
    title: String,
    note: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Identity => "identity",
        Class::Contact => "contact",
        Class::Financial => "financial",
        Class::Appointment => "appointment",
        Class::Clinical => "clinical",
    }
}

fn kind(kind: UnitType) -> &'static str {
    match kind {
        UnitType::Text => "text",
        UnitType::Name => "name",
        UnitType::Date => "date",
        UnitType::Month => "month",
        UnitType::Phone => "phone",
        UnitType::Email => "email",
        UnitType::Address => "address",
        UnitType::Boolean => "yes or no",
        UnitType::Code => "code",
        UnitType::Reference => "reference",
    }
}

fn wins(wins: &Wins) -> String {
    match wins {
        Wins::Review => "a person decides".into(),
        Wins::Newest => "the newest".into(),
        Wins::System(name) => system(name),
        Wins::OptOut(_) => "whoever permits least".into(),
    }
}

fn takes(rule: Option<&AcceptRule>) -> String {
    let word = |accept: Accept| match accept {
        Accept::Yes => "taken",
        Accept::Review => "asked",
        Accept::No => "put back",
    };
    let Some(rule) = rule else {
        return String::new();
    };
    let [person, automation, unknown] = [rule.person, rule.automation, rule.unknown].map(word);
    if person == automation && person == unknown {
        return person.into();
    }
    format!("people {person}, automations {automation}, unknown {unknown}")
}

fn content(call: &Call, asked: Option<Asked>) -> Mappings {
    let may = call.role().is_some_and(|role| TRIERS.contains(&role));
    let Some(settings) = call.shelf.desk.as_ref().map(|desk| desk.engine().settings()) else {
        return Mappings {
            here: "/mappings",
            systems: vec![],
            units: vec![],
            may,
            asked,
        };
    };
    Mappings {
        here: "/mappings",
        systems: settings.systems.iter().map(|of| system_row(settings, of)).collect(),
        units: settings
            .schema
            .units
            .iter()
            .map(|unit| unit_row(settings, unit))
            .collect(),
        may,
        asked,
    }
}

fn system_row(settings: &Settings, of: &bridge_engine::System) -> SystemRow {
    let party: Option<&Party> = settings.schema.party(&of.name);
    let received = |unit: &&Unit| party.is_some_and(|party| party.receives.contains(&unit.name));
    let mut classes: Vec<Class> = settings.schema.units.iter().filter(received).map(|u| u.class).collect();
    classes.sort();
    classes.dedup();
    let mapping = &of.mapping;
    SystemRow {
        key: of.name.clone(),
        title: system(&of.name),
        kind: mapping.kind.clone(),
        file: mapping.file.clone(),
        home: of.name == settings.home,
        classes: classes.into_iter().map(class).collect(),
        reads: mapping.units().filter(|unit| mapping.can_read(unit)).count(),
        writes: settings.schema.units.iter().filter(received).count(),
    }
}

fn unit_row(settings: &Settings, of: &Unit) -> UnitRow {
    let place = |at: &bridge_engine::System| {
        let party = settings.schema.party(&at.name);
        let paths: BTreeMap<String, String> = at.mapping.paths();
        Place {
            paths: paths
                .into_iter()
                .filter(|(_, u)| *u == of.name)
                .map(|(path, _)| path)
                .collect(),
            reads: at.mapping.can_read(&of.name),
            writes: party.is_some_and(|party| party.receives.contains(&of.name)),
            takes: takes(party.and_then(|party| party.accepts.get(&of.name))),
        }
    };
    UnitRow {
        name: unit(&of.name),
        key: of.name.clone(),
        kind: kind(of.kind),
        class: class(of.class),
        wins: wins(&of.wins),
        first: wins(&of.first_link),
        clear: match of.clear {
            Clear::Yes => "travels",
            Clear::No => "is put back",
            Clear::Review => "is asked",
        },
        at: settings.systems.iter().map(place).collect(),
    }
}

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    // A link asks for a made-up record of that system.
    let asked = call
        .query
        .get("sample")
        .zip(call.shelf.desk.as_ref())
        .and_then(|(name, desk)| {
            let record = sample(desk.engine().settings(), name)?;
            Some(Asked {
                system: name.clone(),
                record: serde_json::to_string_pretty(&record).unwrap_or_default(),
                trial: try_record(desk.engine().settings(), name, &record),
            })
        });
    page(app, call, "mappings.html", content(call, asked))
}

/// Shows what becomes of a record that somebody typed.
pub(super) async fn tried(app: &App, call: &Call) -> Answer {
    let told = |status, words: &str| Refused::Told(status, words.into());
    let record = serde_json::from_str(call.typed("record"))
        .ok()
        .filter(serde_json::Value::is_object)
        .ok_or_else(|| {
            let words = "That is no JSON object. Paste one record as the product shows it; nothing of it was kept.";
            told(StatusCode::UNPROCESSABLE_ENTITY, words)
        })?;
    let name = call.typed("system");
    let desk = call.shelf.desk.as_ref();
    let trial = desk.and_then(|desk| try_record(desk.engine().settings(), name, &record));
    let Some(trial) = trial else {
        return Err(told(StatusCode::UNPROCESSABLE_ENTITY, "There is no such system here."));
    };
    let asked = Asked {
        system: name.into(),
        record: call.typed("record").into(),
        trial: Some(trial),
    };
    page(app, call, "mappings.html", content(call, Some(asked)))
}

/// What becomes of a unit in every situation, worked out by the merge rule itself.
pub(super) async fn rules(app: &App, call: &Call) -> Answer {
    let content = RulesPage {
        here: "/mappings/rules",
        tables: tables(&bridge_core::table::render()),
    };
    page(app, call, "mappings-rules.html", content)
}

/// The tables of a text in Markdown, each with the heading and words before it.
fn tables(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let (mut title, mut note, mut inside) = (String::new(), String::new(), false);
    for line in text.lines().map(|line| line.replace('`', "")) {
        let cells = || -> Vec<String> {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        };
        if line.starts_with("|--") {
            continue;
        } else if line.starts_with('|') && inside {
            if let Some(table) = tables.last_mut() {
                table.rows.push(cells());
            }
        } else if line.starts_with('|') {
            inside = true;
            tables.push(Table {
                title: std::mem::take(&mut title),
                note: std::mem::take(&mut note).trim().to_owned(),
                columns: cells(),
                rows: vec![],
            });
        } else if let Some(heading) = line.strip_prefix('#') {
            (title, note, inside) = (heading.trim_start_matches('#').trim().into(), String::new(), false);
        } else {
            inside = false;
            note += &line;
            note.push(' ');
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decision_table_is_shown_whole() {
        let tables = tables(&bridge_core::table::render());
        let shape: Vec<(usize, bool)> = tables
            .iter()
            .map(|t| (t.columns.len(), t.rows.iter().all(|row| row.len() == t.columns.len())))
            .collect();
        assert_eq!(shape, [(7, true), (4, true)]);
        assert!(tables[0].rows.len() > 25 && tables[1].title.starts_with("Consent"));
        assert!(tables.iter().all(|t| !t.title.is_empty() && !t.note.is_empty()));
    }
}
