//! Canonical values. A unit is in one of three states: *absent* (not read, not mapped: it has no
//! entry in [`Values`]), *empty* (known to be blank: [`Value::Empty`]) or a value. Absent never
//! means empty, and never writes.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The canonical value of one unit. Equality on this type is equality for the merge rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Known to be blank.
    #[serde(with = "empty")]
    Empty,
    /// A true/false unit.
    Flag(bool),
    /// Text in canonical spelling: plain text, ISO date (`2026-03-04`), month (`2026-03`), E.164
    /// phone, e-mail address, code or remote reference, by the unit's type. Never the empty string.
    Text(String),
    /// Parts that only make sense together (a name, an address). Empty parts are left out.
    Group(BTreeMap<String, String>),
    /// An unordered set, merged element by element. The empty set is a value, not [`Value::Empty`].
    Set(BTreeSet<String>),
}

/// The units read from, or to be written to, one record. A unit without an entry is absent.
pub type Values = BTreeMap<String, Value>;

impl Value {
    /// Canonical text: blank text is [`Value::Empty`].
    pub fn text(text: impl Into<String>) -> Value {
        let text = text.into();
        if text.is_empty() {
            Value::Empty
        } else {
            Value::Text(text)
        }
    }

    /// A group of parts; blank parts are left out, and no parts at all is [`Value::Empty`].
    pub fn group<K: Into<String>, V: Into<String>>(parts: impl IntoIterator<Item = (K, V)>) -> Value {
        let parts: BTreeMap<String, String> = parts
            .into_iter()
            .map(|(k, v)| (k.into(), v.into()))
            .filter(|(_, v)| !v.is_empty())
            .collect();
        if parts.is_empty() {
            Value::Empty
        } else {
            Value::Group(parts)
        }
    }

    /// A set of elements.
    pub fn set<V: Into<String>>(elements: impl IntoIterator<Item = V>) -> Value {
        Value::Set(elements.into_iter().map(Into::into).collect())
    }

    /// Whether the unit is known to be blank.
    pub fn is_empty(&self) -> bool {
        matches!(self, Value::Empty)
    }

    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// One part of a group.
    pub fn part(&self, name: &str) -> Option<&str> {
        match self {
            Value::Group(parts) => parts.get(name).map(String::as_str),
            _ => None,
        }
    }

    /// The elements of a set; every other value has none.
    pub fn elements(&self) -> BTreeSet<String> {
        match self {
            Value::Set(elements) => elements.clone(),
            _ => BTreeSet::new(),
        }
    }

    /// One line for people: parts joined by spaces, elements by commas.
    pub fn to_line(&self) -> String {
        match self {
            Value::Empty => String::new(),
            Value::Flag(flag) => if *flag { "yes" } else { "no" }.to_string(),
            Value::Text(text) => text.clone(),
            Value::Group(parts) => parts.values().cloned().collect::<Vec<_>>().join(" "),
            Value::Set(elements) => elements.iter().cloned().collect::<Vec<_>>().join(", "),
        }
    }
}

/// `null` stands for empty.
mod empty {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        <()>::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trips_every_shape() {
        for value in [
            Value::Empty,
            Value::Flag(true),
            Value::text("x"),
            Value::group([("family", "Samplewood"), ("given", "Miriam")]),
            Value::set(["a", "b"]),
            Value::set(Vec::<String>::new()),
        ] {
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value, "{json}");
        }
    }

    #[test]
    fn blank_text_and_groups_are_empty() {
        assert!(Value::text("").is_empty());
        assert!(Value::group([("given", "")]).is_empty());
    }
}
