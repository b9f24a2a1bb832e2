//! What can be exported: each entity with where its records are and which columns they have. The tables are the only
//! place that says so; requests, listings and `EXPORTS.md` are made from them.

mod document;
mod halaxy;
mod own;
pub(crate) mod view;

pub use document::document;
pub use view::View;

use crate::column::{Column, Spec};
use crate::grant::Grant;
use bridge_core::mapping::EntityFile;
use bridge_store::Followed;
use std::collections::BTreeMap;

/// One kind of record of the product as a table.
struct Table {
    name: &'static str,
    kind: &'static str,
    about: &'static str,
    columns: &'static [Spec],
}

/// Where an entity's records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// What the store can follow.
    Followed(Followed),
    /// The public stream, which numbers its events itself.
    Events,
}

/// Something that can be exported.
#[derive(Clone, Debug)]
pub struct Entity {
    /// As the command names it.
    pub name: String,
    /// What a row is.
    pub about: String,
    /// Where its records are.
    pub records: Records,
    /// How many columns, from the first, tell a row from all others.
    pub keys: usize,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The kind that must be mirrored for it, if one must.
    pub mirrored: Option<&'static str>,
}

/// The names of everything that can be exported, in the order it is listed.
pub const NAMES: [&str; 17] = [
    "people",
    "links",
    "conflicts",
    "events",
    "ledger-entries",
    "appointments",
    "practitioners",
    "roles",
    "organisations",
    "services",
    "fees",
    "coverage",
    "invoices",
    "invoice-lines",
    "payments",
    "referrals",
    "schedules",
];

/// What the catalogue is made for.
#[derive(Clone, Debug)]
pub struct Practice<'a> {
    /// The units of people, with their classes.
    pub units: &'a EntityFile,
    /// Systems that hold people, by name.
    pub systems: Vec<String>,
    /// The system that Halaxy is.
    pub home: String,
}

/// Everything that can be exported, in the order it is listed.
pub fn catalogue(practice: &Practice<'_>) -> Vec<Entity> {
    let mut all = own::entities(practice);
    all.extend(halaxy::TABLES.iter().map(|table| Entity {
        name: table.name.into(),
        about: table.about.into(),
        records: Records::Followed(Followed::Mirrored {
            system: practice.home.clone(),
            kind: table.kind.into(),
        }),
        keys: 1,
        columns: table.columns.iter().map(Column::of).collect(),
        mirrored: Some(table.kind),
    }));
    all
}

/// The kinds that must be mirrored for entities of these names.
pub fn kinds_for<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<&'static str> {
    let kind = |name| {
        halaxy::TABLES
            .iter()
            .find(|table| table.name == name)
            .map(|table| table.kind)
    };
    names.into_iter().filter_map(kind).collect()
}

impl Entity {
    /// The entity as it may be shown: without the columns of other classes, which are counted by class.
    pub fn under(mut self, grant: &Grant) -> (Entity, BTreeMap<&'static str, usize>) {
        let mut left_out = BTreeMap::new();
        self.columns.retain(|column| {
            let allowed = grant.allows(column.class);
            if !allowed {
                *left_out.entry(crate::grant::word(column.class)).or_default() += 1;
            }
            allowed
        });
        (self, left_out)
    }
}
