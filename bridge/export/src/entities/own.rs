//! What the bridge itself knows: people, links, conflicts, the public stream, and what was posted to the books.

use super::{Entity, Practice, Records};
use crate::cell::Shape::{self, Cents, Day, Flag, Moment, Text, Whole};
use crate::column::At::Path;
use crate::column::{At, Column, Spec};
use bridge_core::{Class, Unit, UnitType};
use bridge_store::Followed;
use std::collections::BTreeSet;

const fn c(name: &'static str, at: At, shape: Shape, class: Option<Class>, about: &'static str) -> Spec {
    Spec {
        name,
        at,
        shape,
        class,
        about,
    }
}

const LINKS: [Spec; 7] = [
    c("system", Path("system"), Text, None, "System."),
    c("kind", Path("kind"), Text, None, "Kind of record there."),
    c("id", Path("id"), Text, None, "Its id there."),
    c(
        "entity",
        Path("entity"),
        Text,
        None,
        "Who it is; empty while that is not decided.",
    ),
    c("state", Path("state"), Text, None, "live, gone or merged."),
    c(
        "created_by_bridge",
        Path("created_here"),
        Flag,
        None,
        "The bridge made the record.",
    ),
    c(
        "held",
        Path("held"),
        Flag,
        None,
        "Something about it waits for a person.",
    ),
];

const CONFLICTS: [Spec; 6] = [
    c(
        "id",
        Path("id"),
        Text,
        None,
        "Conflict; the same as long as that unit is in conflict.",
    ),
    c("entity", Path("entity"), Text, None, "Who it is about."),
    c("unit", Path("unit"), Text, None, "What it is about."),
    c("since", Path("since"), Moment, None, "Open since."),
    c("why", Path("why"), Text, None, "Why a person is asked."),
    c(
        "values",
        Path("values"),
        Text,
        None,
        "The values as JSON, by system; empty unless the class of the unit is in the export.",
    ),
];

const EVENTS: [Spec; 9] = [
    c("seq", Path("seq"), Whole, None, "Its number in the stream."),
    c(
        "id",
        Path("id"),
        Text,
        None,
        "Its id, the same however often it is sent.",
    ),
    c("at", Path("at"), Moment, None, "When the bridge saw the change."),
    c("system", Path("system"), Text, None, "System."),
    c("kind", Path("kind"), Text, None, "Kind of record there."),
    c("record", Path("record"), Text, None, "Its id there."),
    c("what", Path("what"), Text, None, "created, updated or removed."),
    c("units", Path("units[]"), Text, None, "Names of what changed."),
    c(
        "by_bridge",
        Path("by_bridge"),
        Flag,
        None,
        "The bridge made the change itself.",
    ),
];

const FINANCIAL: Option<Class> = Some(Class::Financial);

#[rustfmt::skip]
const ENTRIES: [Spec; 14] = [
    c("key", Path("document.key"), Text, None, "The document's own key, by which the books know it."),
    c("kind", Path("document.kind"), Text, FINANCIAL, "invoice, credit_note, payment ..."),
    c("purpose", Path("purpose"), Text, FINANCIAL, "What it is for."),
    c("state", Path("state"), Text, None, "planned, sent, posted, voiding, void or refused."),
    c("books_id", Path("remote_id"), Text, None, "Its id in the books."),
    c("date", Path("document.date"), Day, FINANCIAL, "Accounting date."),
    c("serves", Path("serves"), Day, FINANCIAL, "The day it belongs to in Halaxy."),
    c("currency", Path("document.currency"), Text, None, "Currency."),
    c("total", Path("document.total"), Cents, FINANCIAL, "With tax."),
    c("tax", Path("document.tax"), Cents, FINANCIAL, "Tax in it."),
    c("account", Path("document.account"), Text, FINANCIAL, "Bank or clearing account, by code."),
    c("acts_on", Path("document.of"), Text, None, "Key of the document that it pays, uses or gives back."),
    c("debtor", Path("contact.key"), Text, FINANCIAL, "Key of the debtor."),
    c("debtor_name", Path("contact.name"), Text, Some(Class::Identity), "Name of the debtor."),
];

/// In the order they are listed.
pub(super) fn entities(practice: &Practice<'_>) -> Vec<Entity> {
    let entity = |name: &str, about: &str, records, keys, columns: &[Spec]| Entity {
        name: name.into(),
        about: about.into(),
        records,
        keys,
        columns: columns.iter().map(Column::of).collect(),
        mirrored: None,
    };
    let followed = Records::Followed;
    vec![
        people(practice),
        entity(
            "links",
            "Records of every system, and who they are.",
            followed(Followed::Links),
            3,
            &LINKS,
        ),
        entity(
            "conflicts",
            "Open conflicts.",
            followed(Followed::Conflicts),
            1,
            &CONFLICTS,
        ),
        entity(
            "events",
            "The public stream, as far as it is kept ([events] in the configuration).",
            Records::Events,
            1,
            &EVENTS,
        ),
        entity(
            "ledger-entries",
            "Documents that the bridge posted to the books, or is to post.",
            followed(Followed::Ledger("entry")),
            1,
            &ENTRIES,
        ),
    ]
}

/// Columns of people follow from the units and systems of the configuration.
fn people(practice: &Practice<'_>) -> Entity {
    let plain = |name: &str, shape, about: &str| Column::at(name.into(), name, shape, None, about.into());
    let mut columns = vec![plain("id", Text, "The person, whatever the systems call them.")];
    for system in &practice.systems {
        for (member, about) in [("id", "Id of the record in"), ("state", "live, gone or merged, in")] {
            let name = format!("{}_{member}", word(system));
            let path = format!("records.{}.{member}", quoted(system));
            columns.push(Column::at(name, &path, Text, None, format!("{about} {system}.")));
        }
    }
    columns.push(plain("conflicts", Whole, "Open conflicts about the person."));
    for spec in &practice.units.units {
        unit(&spec.unit, &mut columns);
    }
    // Names of systems and units are the user's; two may come to the same word.
    let mut taken = BTreeSet::new();
    for column in &mut columns {
        while !taken.insert(column.name.clone()) {
            column.name.push('_');
        }
    }
    Entity {
        name: "people".into(),
        about: "Everybody who has a record somewhere, with the agreed value of every unit.".into(),
        records: Records::Followed(Followed::People),
        keys: 1,
        columns,
        mirrored: None,
    }
}

fn unit(unit: &Unit, columns: &mut Vec<Column>) {
    let path = format!("units.{}", quoted(&unit.name));
    let mut add = |suffix: &str, path: &str, shape, about: String| {
        columns.push(Column::at(
            format!("{}{suffix}", word(&unit.name)),
            path,
            shape,
            Some(unit.class),
            about,
        ));
    };
    let agreed = format!("Agreed value of `{}`", unit.name);
    if unit.set {
        return add(
            "",
            &format!("{path}[]"),
            Text,
            format!("{agreed}; elements separated by `; `."),
        );
    }
    let parts: &[&str] = match unit.kind {
        UnitType::Name => &["given", "family"],
        UnitType::Address => &["line", "city", "state", "postcode", "country"],
        _ => &[],
    };
    for part in parts {
        add(
            &format!("_{part}"),
            &format!("{path}.{part}"),
            Text,
            format!("{agreed}, part `{part}`."),
        );
    }
    if parts.is_empty() {
        let shape = match unit.kind {
            UnitType::Date => Day,
            UnitType::Boolean => Flag,
            _ => Text,
        };
        add("", &path, shape, format!("{agreed}."));
    }
}

/// A name as part of a column's: small letters, digits and `_`.
fn word(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    name.chars().map(plain).collect()
}

/// A name as a member in a path.
fn quoted(name: &str) -> String {
    let quote = if name.contains('\'') { '"' } else { '\'' };
    format!("{quote}{name}{quote}")
}
