//! Mappings: where the units of an entity live in one product's records. A mapping is a lens: it
//! reads a record into canonical values and writes values into a record, and keeps the laws that
//! [`crate::laws`] checks.

mod code_table;
mod entity_file;
mod entry;
mod file;
mod privacy;
mod shared_places;

pub use entity_file::{EntityFile, UnitSpec};
pub use privacy::check_privacy;

use crate::codec::Country;
use crate::schema::{AcceptRule, Class, UnitType};
use crate::value::{Value, Values};
pub(crate) use entry::{Entry, Places, State};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The units of one entity in the records of one product.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Remote kind that holds the entity, e.g. `Patient`.
    pub kind: String,
    /// Entity type, e.g. `person`.
    pub entity: String,
    /// Display name of the file the mapping came from.
    pub file: String,
    country: Country,
    entries: Vec<Entry>,
}

/// What a record was read as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Canonical values. Units without an entry are absent.
    pub values: Values,
    /// Units that are absent because the record holds something that is no value of their type.
    pub unreadable: Vec<String>,
}

/// What a write made of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The whole new body.
    pub body: Json,
    /// Units left as they were because what the record holds there cannot be read.
    pub untouched: Vec<String>,
}

/// A write that makes no sense for the mapping. No case names a personal value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The mapping does not name the unit.
    #[error("unit `{0}` is not mapped")]
    NotMapped(String),
    /// The mapping only reads the unit.
    #[error("unit `{0}` is only read by this mapping")]
    ReadOnly(String),
    /// A flag for a text, a text for a group, and so on.
    #[error("unit `{0}` was given a value of another type")]
    WrongType(String),
    /// The spelling the mapping demands cannot express the value (e.g. a number for text).
    #[error("the value of unit `{0}` cannot be spelt as the mapping demands")]
    Unspellable(String),
}

impl Mapping {
    /// The units of a full record. A unit whose place is missing is [`Value::Empty`], or absent
    /// where the mapping says `missing = "absent"`.
    pub fn read(&self, body: &Json) -> Reading {
        let mut reading = Reading::default();
        for entry in self.entries.iter().filter(|e| e.direction.reads()) {
            match entry.state(body) {
                State::Value(value) => {
                    reading.values.insert(entry.unit.clone(), value);
                }
                State::Missing => {}
                State::Unreadable => reading.unreadable.push(entry.unit.clone()),
            }
        }
        reading
    }

    /// The record's whole new body with the values in it; see [`Mapping::write_reporting`].
    pub fn write(&self, body: &Json, values: &Values) -> Result<Json, WriteError> {
        self.write_reporting(body, values).map(|written| written.body)
    }

    /// Puts the values into the record and says what was left alone. A unit that already reads as
    /// its value keeps its spelling byte for byte; everything unmapped is kept; a unit whose
    /// present content cannot be read is not touched. A record to be created starts from `{}`.
    pub fn write_reporting(&self, body: &Json, values: &Values) -> Result<Written, WriteError> {
        let mut written = Written {
            body: body.clone(),
            untouched: Vec::new(),
        };
        for (unit, value) in values {
            let entry = self.entry(unit).ok_or_else(|| WriteError::NotMapped(unit.clone()))?;
            if !entry.direction.writes() {
                return Err(WriteError::ReadOnly(unit.clone()));
            }
            if !entry.put(&mut written.body, value)? {
                written.untouched.push(unit.clone());
            }
        }
        Ok(written)
    }

    /// What the record would read as if the product stored exactly what it was sent. The value
    /// itself where the unit is not mapped or cannot be written.
    pub fn normalise(&self, unit: &str, value: &Value) -> Value {
        let Some(entry) = self.entry(unit) else {
            return value.clone();
        };
        let mut body = Json::Object(Default::default());
        match entry.put(&mut body, value).map(|_| entry.state(&body)) {
            Ok(State::Value(read)) => read,
            Ok(State::Missing) => Value::Empty,
            _ => value.clone(),
        }
    }

    /// The mapped units, in the order of the entity file.
    pub fn units(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.unit.as_str())
    }

    /// Whether the unit is read from the product.
    pub fn can_read(&self, unit: &str) -> bool {
        self.entry(unit).is_some_and(|e| e.direction.reads())
    }

    /// Whether the unit may be written to the product.
    pub fn can_write(&self, unit: &str) -> bool {
        self.entry(unit).is_some_and(|e| e.direction.writes())
    }

    /// Line of the unit's entry in the file, from 1.
    pub fn line(&self, unit: &str) -> Option<usize> {
        self.entry(unit).map(|e| e.line)
    }

    /// The `accept` rule the mapping itself states for the unit, over that of the entity file.
    pub fn accept(&self, unit: &str) -> Option<AcceptRule> {
        self.entry(unit).and_then(|e| e.accept)
    }

    /// The unit at each mapped path, by the path's text (`properties.firstname` is part of
    /// `official_name`), for authors and refusals that name a member.
    pub fn paths(&self) -> BTreeMap<String, String> {
        let of = |e: &Entry| -> Vec<(String, String)> {
            e.paths().iter().map(|p| (p.to_string(), e.unit.clone())).collect()
        };
        self.entries.iter().flat_map(of).collect()
    }

    /// Top-level members of the record that the mapping reads or writes.
    pub fn members(&self) -> BTreeSet<String> {
        self.entries
            .iter()
            .flat_map(|e| e.paths())
            .map(|path| path.top().to_string())
            .collect()
    }

    /// Members directly under a top-level one, e.g. the names of HubSpot's `properties`, which a
    /// product returns only when asked.
    pub fn members_under(&self, top: &str) -> BTreeSet<String> {
        self.entries
            .iter()
            .flat_map(|e| e.paths())
            .filter(|path| path.top() == top)
            .filter_map(|path| path.under_top().map(str::to_string))
            .collect()
    }

    /// Units a system with these rights receives: mapped, writable, and of a permitted class. The
    /// home system receives every class.
    pub fn receives(&self, entity: &EntityFile, may_receive: &BTreeSet<Class>, is_home: bool) -> BTreeSet<String> {
        self.units()
            .filter(|u| self.can_write(u))
            .filter(|u| {
                is_home
                    || entity
                        .unit(u)
                        .is_some_and(|spec| may_receive.contains(&spec.unit.class))
            })
            .map(str::to_string)
            .collect()
    }

    /// Whether edits made in this system are taken, per unit that is read there: the mapping's own
    /// rule, else always for the home system, else the entity file's.
    pub fn accepts(&self, entity: &EntityFile, is_home: bool) -> BTreeMap<String, AcceptRule> {
        let rule = |unit: &str| {
            let spec = entity.unit(unit)?;
            let default = if is_home {
                AcceptRule::always(crate::schema::Accept::Yes)
            } else {
                spec.accept
            };
            Some((unit.to_string(), self.accept(unit).unwrap_or(default)))
        };
        self.units().filter(|u| self.can_read(u)).filter_map(rule).collect()
    }

    /// SHA-256, in hex, over what the mapping means: kind, paths, types, spellings, directions. It
    /// moves when stored readings may no longer be what a new reading would give.
    pub fn digest(&self) -> String {
        let mut meaning: Vec<String> = self.entries.iter().map(Entry::meaning).collect();
        meaning.sort();
        let head = format!("{}\u{0}{}\u{0}{}", self.entity, self.kind, self.country);
        let hash = Sha256::digest(format!("{head}\u{0}{}", meaning.join("\u{0}")).as_bytes());
        crate::hex(&hash)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Moves a unit past the parser's checks, to see the laws find what the parser would refuse.
    #[cfg(test)]
    pub(crate) fn replace_place(&mut self, unit: &str, path: crate::path::Path, codec: crate::codec::Codec) {
        if let Some(entry) = self.entries.iter_mut().find(|e| e.unit == unit) {
            entry.places = Places::One(path, codec);
        }
    }

    fn entry(&self, unit: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.unit == unit)
    }
}

/// The parts a type consists of; none for types of one text.
pub(crate) fn parts_of(kind: UnitType) -> &'static [&'static str] {
    match kind {
        UnitType::Name => &["given", "family"],
        UnitType::Address => &["line", "city", "state", "postcode", "country"],
        _ => &[],
    }
}
