//! One item as lists show it.

use super::View;
use crate::app::words::{Moment, capital, system, unit, value};
use crate::desk::inbox::Row;
use crate::desk::{Risk, Who};
use bridge_core::Value;
use bridge_core::merge::AGREED;
use serde::Serialize;

/// One item.
#[derive(Serialize)]
pub(super) struct Line {
    pub id: String,
    /// Its own page, for whoever may see that.
    pub link: Option<String>,
    pub kind: String,
    pub risk: &'static str,
    pub risk_words: &'static str,
    pub people: Vec<Person>,
    pub what: String,
    pub why: String,
    /// What each system holds, in the order of the columns.
    pub cells: Vec<Cell>,
    pub agreed: Cell,
    pub suggestion: Option<Advice>,
    pub since: Moment,
    pub assigned: Option<String>,
    pub asleep: Option<Moment>,
}

/// Somebody: the name where it may be shown, and the numbers of the records.
#[derive(Serialize)]
pub(super) struct Person {
    pub entity: String,
    pub name: Option<String>,
    pub initials: Option<String>,
    pub born: Option<String>,
    pub record: String,
    pub records: Vec<String>,
}

/// What one side holds.
#[derive(Serialize, Default)]
pub(super) struct Cell {
    /// It holds something at all, or is known to be blank.
    pub known: bool,
    pub blank: bool,
    pub text: Option<String>,
    /// It is what is asked about.
    pub asks: bool,
}

/// What is likely right.
#[derive(Serialize)]
pub(super) struct Advice {
    /// A system, or `agreed`.
    pub take: String,
    pub title: String,
    pub why: String,
}

/// What a wrong choice costs, for machines and people.
pub(super) fn risk_of(risk: Risk) -> (&'static str, &'static str) {
    match risk {
        Risk::Red => ("red", "Who somebody is, or consent"),
        Risk::Amber => ("amber", "How somebody is reached"),
        Risk::Grey => ("grey", "Spelling, or waits by itself"),
    }
}

/// The name of a side: a system, or what was agreed.
pub(super) fn side(name: &str) -> String {
    match name {
        AGREED => "Last agreed".into(),
        name => system(name),
    }
}

impl View<'_> {
    pub(super) fn person(&self, who: &Who) -> Person {
        let mut records: Vec<_> = who.records.iter().collect();
        records.sort_by_key(|record| self.place(&record.system));
        let records: Vec<String> = records
            .iter()
            .map(|record| {
                let gone = if record.live { "" } else { " (removed)" };
                format!("{} {}{gone}", system(&record.system), record.id)
            })
            .collect();
        let seen = |text: &Option<String>| text.clone().filter(|text| self.values && !text.is_empty());
        Person {
            entity: who.entity.clone(),
            name: seen(&who.name),
            initials: Some(who.initials.clone()).filter(|text| self.values && !text.is_empty()),
            born: seen(&who.born),
            record: records.first().cloned().unwrap_or_else(|| "no record".into()),
            records,
        }
    }

    pub(super) fn cell(&self, held: Option<&Value>, asks: bool) -> Cell {
        Cell {
            known: held.is_some(),
            blank: self.values && held.is_some_and(Value::is_empty),
            text: held.filter(|_| self.values).map(value),
            asks,
        }
    }

    /// Of a pair, the home system's record stands left.
    pub(super) fn home_first(&self, row: &mut Row) {
        let place = |who: &Who| {
            let of = who.records.iter().map(|record| self.place(&record.system));
            of.min().unwrap_or(usize::MAX)
        };
        row.who.sort_by_key(place);
    }

    fn place(&self, name: &str) -> usize {
        self.systems().iter().position(|s| s == name).unwrap_or(usize::MAX)
    }

    pub(super) fn line(&self, mut row: Row, link: Option<String>) -> Line {
        self.home_first(&mut row);
        let (what, why) = match (row.kind.as_str(), &row.unit) {
            ("conflict", Some(name)) => {
                let why = row.what.split_once(": ").map_or("", |(_, why)| why);
                (unit(name), capital(why))
            }
            ("match", _) => {
                let (what, why) = row.what.split_once(": ").unwrap_or((&row.what, ""));
                (capital(what), capital(why))
            }
            _ => (capital(&row.what), String::new()),
        };
        let (risk, risk_words) = risk_of(row.risk);
        let cells = self.systems().iter().map(|name| {
            let found = row.sides.iter().find(|side| side.system == *name);
            self.cell(found.map(|side| &side.value), found.is_some_and(|side| side.asks))
        });
        Line {
            cells: cells.collect(),
            agreed: self.cell(row.agreed.as_ref(), false),
            suggestion: row.suggestion.map(|advice| Advice {
                title: side(&advice.take),
                take: advice.take,
                why: advice.why,
            }),
            people: row.who.iter().map(|who| self.person(who)).collect(),
            since: self.clock.moment(row.since),
            assigned: row.assigned,
            asleep: self.clock.maybe(row.snoozed_until),
            kind: row.kind,
            id: row.id,
            link,
            risk,
            risk_words,
            what,
            why,
        }
    }
}
