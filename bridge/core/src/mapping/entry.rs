//! One unit of a mapping: reading and writing it.

use super::WriteError;
use crate::codec::{Codec, Country, Unreadable, canonical_address};
use crate::path::{Leaf, Path};
use crate::schema::{AcceptRule, UnitType};
use crate::value::Value;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Which way a unit travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Both,
    Read,
    Write,
}

impl Direction {
    pub(crate) fn reads(self) -> bool {
        self != Direction::Write
    }

    pub(crate) fn writes(self) -> bool {
        self != Direction::Read
    }
}

/// Where a unit's value stands.
#[derive(Clone, Debug)]
pub(crate) enum Places {
    /// In one place.
    One(Path, Codec),
    /// A name or an address, part by part.
    Parts(Vec<(&'static str, Path, Codec)>),
    /// A set in a list of texts, or in one text with a separator between the elements.
    Set(Path, Codec, Option<String>),
}

/// One unit of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) unit: String,
    pub(crate) line: usize,
    pub(crate) kind: UnitType,
    pub(crate) direction: Direction,
    pub(crate) places: Places,
    pub(crate) country: Country,
    /// A missing place says nothing, instead of blank.
    pub(crate) missing_is_absent: bool,
    pub(crate) accept: Option<AcceptRule>,
    /// What a number that needs one is sent for.
    pub(crate) purpose: Option<String>,
}

/// What a record says about a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Value(Value),
    Missing,
    Unreadable,
}

impl Entry {
    /// Every path with its codec.
    pub(crate) fn places(&self) -> Vec<(&Path, &Codec)> {
        match &self.places {
            Places::One(path, codec) | Places::Set(path, codec, _) => vec![(path, codec)],
            Places::Parts(parts) => parts.iter().map(|(_, path, codec)| (path, codec)).collect(),
        }
    }

    pub(crate) fn paths(&self) -> Vec<&Path> {
        self.places().into_iter().map(|(path, _)| path).collect()
    }

    /// What the record says, `missing` taken into account.
    pub(crate) fn state(&self, body: &Json) -> State {
        match self.get(body) {
            Ok(Some(value)) => State::Value(value),
            Ok(None) if self.missing_is_absent => State::Missing,
            Ok(None) if matches!(self.places, Places::Set(..)) => State::Value(Value::Set(BTreeSet::new())),
            Ok(None) => State::Value(Value::Empty),
            Err(Unreadable) => State::Unreadable,
        }
    }

    fn get(&self, body: &Json) -> Result<Option<Value>, Unreadable> {
        match &self.places {
            Places::One(path, codec) => {
                let Some(leaf) = path.read(body).map_err(|_| Unreadable)? else {
                    return Ok(None);
                };
                codec.read(leaf).map(Some)
            }
            Places::Parts(parts) => {
                let mut any = false;
                let mut group = BTreeMap::new();
                for (part, path, codec) in parts {
                    let Some(leaf) = path.read(body).map_err(|_| Unreadable)? else {
                        continue;
                    };
                    any = true;
                    let text = codec.read_text(leaf)?;
                    if !text.is_empty() {
                        group.insert(part.to_string(), text.into_owned());
                    }
                }
                if self.kind == UnitType::Address {
                    canonical_address(&mut group, self.country);
                }
                Ok(any.then_some(match group.is_empty() {
                    true => Value::Empty,
                    false => Value::Group(group),
                }))
            }
            Places::Set(path, codec, separator) => {
                let Some(leaf) = path.read(body).map_err(|_| Unreadable)? else {
                    return Ok(None);
                };
                let elements = raw_elements(leaf, separator.as_deref())?;
                let mut set = BTreeSet::new();
                for raw in &elements {
                    let text = codec.read_text(Leaf::One(raw))?;
                    if !text.is_empty() {
                        set.insert(text.into_owned());
                    }
                }
                Ok(Some(Value::Set(set)))
            }
        }
    }

    /// Puts the value into the body; `false` where what stands there cannot be read, which is left alone.
    pub(crate) fn put(&self, body: &mut Json, value: &Value) -> Result<bool, WriteError> {
        let current = match self.get(body) {
            Ok(current) => current,
            Err(Unreadable) => return Ok(false),
        };
        let blank = match value {
            Value::Empty => true,
            Value::Set(elements) => elements.is_empty(),
            _ => false,
        };
        let same = match &current {
            Some(current) => current == value || (blank && *current == self.blank()),
            None => blank,
        };
        if same {
            return Ok(true);
        }
        match (&self.places, value) {
            (Places::One(path, _), Value::Empty) => self.clear(path, body)?,
            (Places::One(path, codec), Value::Text(text)) if !matches!(codec, Codec::Flag(_)) => {
                let leaf = codec.write(text, path.is_list()).map_err(|_| self.unspellable())?;
                self.set(path, body, leaf)?;
            }
            (Places::One(path, codec), Value::Flag(flag)) => {
                let leaf = codec.write_flag(*flag).ok_or_else(|| self.wrong_type())?;
                self.set(path, body, leaf)?;
            }
            (Places::Parts(parts), Value::Group(_) | Value::Empty) => {
                let old = current.unwrap_or(Value::Empty);
                for (part, path, codec) in parts.iter().filter(|(part, ..)| old.part(part) != value.part(part)) {
                    self.put_part(body, path, codec, value.part(part))?;
                }
                // A part's spelling may mean something else beside its new neighbours (a state
                // under another country); then none of the old spellings can stay.
                if !matches!(self.get(body), Ok(Some(now)) if now == *value) {
                    for (part, path, codec) in parts {
                        self.put_part(body, path, codec, value.part(part))?;
                    }
                }
            }
            (Places::Set(path, ..), Value::Empty) => self.clear(path, body)?,
            (Places::Set(path, codec, separator), Value::Set(elements)) => {
                self.put_set(body, path, codec, separator.as_deref(), elements)?;
            }
            _ => return Err(self.wrong_type()),
        }
        Ok(true)
    }

    fn put_part(&self, body: &mut Json, path: &Path, codec: &Codec, text: Option<&str>) -> Result<(), WriteError> {
        match text {
            None => self.clear(path, body),
            Some(text) => {
                let leaf = codec.write(text, path.is_list()).map_err(|_| self.unspellable())?;
                self.set(path, body, leaf)
            }
        }
    }

    /// Elements that stay keep their spelling and order; new ones follow, sorted.
    fn put_set(
        &self,
        body: &mut Json,
        path: &Path,
        codec: &Codec,
        separator: Option<&str>,
        elements: &BTreeSet<String>,
    ) -> Result<(), WriteError> {
        let old = match path.read(body) {
            Ok(Some(leaf)) => raw_elements(leaf, separator).map_err(|_| self.wrong_type())?,
            _ => Vec::new(),
        };
        let mut kept = BTreeSet::new();
        let mut list = Vec::new();
        for raw in old {
            let text = codec
                .read_text(Leaf::One(&raw))
                .map_err(|_| self.wrong_type())?
                .into_owned();
            if elements.contains(&text) {
                kept.insert(text);
                list.push(raw);
            }
        }
        for element in elements.difference(&kept) {
            list.push(codec.write(element, false).map_err(|_| self.unspellable())?);
        }
        if list.is_empty() {
            return self.clear(path, body);
        }
        let Some(separator) = separator else {
            return self.set(path, body, Json::Array(list));
        };
        let texts: Vec<&str> = list.iter().filter_map(Json::as_str).collect();
        if texts.len() < list.len() || texts.iter().any(|t| t.contains(separator)) {
            return Err(self.unspellable());
        }
        self.set(path, body, Json::String(texts.join(separator)))
    }

    /// How this entry reads nothing at all.
    fn blank(&self) -> Value {
        if matches!(self.places, Places::Set(..)) {
            Value::Set(BTreeSet::new())
        } else {
            Value::Empty
        }
    }

    fn set(&self, path: &Path, body: &mut Json, leaf: Json) -> Result<(), WriteError> {
        path.set(body, leaf).map_err(|_| self.wrong_type())
    }

    fn clear(&self, path: &Path, body: &mut Json) -> Result<(), WriteError> {
        path.clear(body).map_err(|_| self.wrong_type())
    }

    fn wrong_type(&self) -> WriteError {
        WriteError::WrongType(self.unit.clone())
    }

    fn unspellable(&self) -> WriteError {
        WriteError::Unspellable(self.unit.clone())
    }

    /// What the entry means, for the mapping's digest.
    pub(super) fn meaning(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {}",
            self.unit, self.kind, self.direction, self.places, self.missing_is_absent
        )
    }
}

/// The elements of a set as they stand in the record.
fn raw_elements(leaf: Leaf<'_>, separator: Option<&str>) -> Result<Vec<Json>, Unreadable> {
    match (leaf, separator) {
        (Leaf::List(list), None) => Ok(list.to_vec()),
        (Leaf::One(Json::String(text)), Some(separator)) => Ok(text
            .split(separator)
            .filter(|e| !e.trim().is_empty())
            .map(Json::from)
            .collect()),
        _ => Err(Unreadable),
    }
}
