//! One contact: its values with their history, and how it is shown.

use serde_json::{Map, Value, json};

use super::properties::Properties;
use crate::clock::utc_millis;

/// So many versions of one property are kept.
const VERSIONS: usize = 45;
/// Shown whatever was asked for.
const ALWAYS: [&str; 3] = ["createdate", "hs_object_id", "lastmodifieddate"];
/// Shown if nothing was asked for.
const BY_DEFAULT: [&str; 3] = ["email", "firstname", "lastname"];

/// Who wrote a value, as the history names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    CrmUi,
    Form,
    Import,
    Automation,
    Integration,
    Merge,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::CrmUi => "CRM_UI",
            Self::Form => "FORM",
            Self::Import => "IMPORT",
            Self::Automation => "AUTOMATION_PLATFORM",
            Self::Integration => "INTEGRATION",
            Self::Merge => "MERGE_OBJECTS",
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::CrmUi => "userId:7001001",
            Self::Form => "form:5b1d0f8e",
            Self::Import => "import:3001",
            Self::Automation => "workflow:4001",
            Self::Integration => "9001001",
            Self::Merge => "merge",
        }
    }
}

/// A value with its origin.
#[derive(Debug, Clone)]
struct Held {
    property: u16,
    text: Box<str>,
    at: i64,
    source: Source,
}

/// A contact. Times are microseconds, shown in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub id: u64,
    pub created: i64,
    pub modified: i64,
    pub archived: Option<i64>,
    values: Vec<Held>,
    /// Earlier versions, oldest first.
    earlier: Vec<Held>,
}

/// What a reader asked to see.
#[derive(Debug, Default, Clone)]
pub(crate) struct View {
    pub properties: Vec<String>,
    pub with_history: Vec<String>,
}

impl Contact {
    /// A contact without values.
    pub fn new(id: u64, created: i64) -> Self {
        Self {
            id,
            created,
            modified: created,
            archived: None,
            values: Vec::new(),
            earlier: Vec::new(),
        }
    }

    /// The current value; `None` if it was never set.
    pub fn value(&self, property: u16) -> Option<&str> {
        self.values
            .iter()
            .find(|held| held.property == property)
            .map(|held| &*held.text)
    }

    /// The numbers of all properties ever set.
    pub fn set_properties(&self) -> impl Iterator<Item = u16> {
        self.values.iter().map(|held| held.property)
    }

    /// Sets a value; says whether it changed. An unchanged value makes no version.
    pub fn set(&mut self, property: u16, text: &str, at: i64, source: Source) -> bool {
        let new = Held {
            property,
            text: text.into(),
            at,
            source,
        };
        match self.values.iter_mut().find(|held| held.property == property) {
            Some(held) if &*held.text == text => false,
            Some(held) => {
                let old = std::mem::replace(held, new);
                let kept = self.earlier.iter().filter(|held| held.property == property).count();
                if kept + 1 >= VERSIONS
                    && let Some(oldest) = self.earlier.iter().position(|held| held.property == property)
                {
                    self.earlier.remove(oldest);
                }
                self.earlier.push(old);
                true
            }
            None if text.is_empty() => false,
            None => {
                self.values.push(new);
                true
            }
        }
    }

    /// A property as text, the computed ones included.
    pub fn text(&self, name: &str, properties: &Properties) -> Option<String> {
        match name {
            "hs_object_id" => Some(self.id.to_string()),
            "createdate" => Some(utc_millis(self.created)),
            "lastmodifieddate" => Some(utc_millis(self.modified)),
            _ => self.value(properties.number(name)?).map(str::to_owned),
        }
    }

    /// The object as the API shows it. A property that was asked for and never set is null; unknown ones are passed over.
    pub fn shown(&self, view: &View, properties: &Properties) -> Value {
        let mut asked: Vec<&str> = if view.properties.is_empty() {
            BY_DEFAULT.to_vec()
        } else {
            view.properties.iter().map(String::as_str).collect()
        };
        asked.extend(view.with_history.iter().map(String::as_str));
        asked.extend(ALWAYS);
        asked.sort_unstable();
        asked.dedup();
        let mut shown = Map::new();
        for name in asked {
            if properties.number(name).is_some() {
                let value = self.text(name, properties).map_or(Value::Null, Value::String);
                shown.insert(name.to_owned(), value);
            }
        }
        let mut object = self.frame(shown);
        if !view.with_history.is_empty() {
            let history: Map<String, Value> = view
                .with_history
                .iter()
                .filter_map(|name| Some((name.clone(), self.history(properties.number(name)?).into())))
                .collect();
            object["propertiesWithHistory"] = Value::Object(history);
        }
        object
    }

    /// The object with every property that has a value.
    pub fn shown_full(&self, properties: &Properties) -> Value {
        let mut shown = Map::new();
        for held in self.values.iter().filter(|held| !held.text.is_empty()) {
            shown.insert(properties.get(held.property).name.clone(), (*held.text).into());
        }
        for name in ALWAYS {
            if let Some(text) = self.text(name, properties) {
                shown.insert(name.to_owned(), text.into());
            }
        }
        self.frame(shown)
    }

    fn frame(&self, shown: Map<String, Value>) -> Value {
        let mut object = json!({
            "id": self.id.to_string(),
            "properties": shown,
            "createdAt": utc_millis(self.created),
            "updatedAt": utc_millis(self.modified),
            "archived": self.archived.is_some(),
        });
        if let Some(at) = self.archived {
            object["archivedAt"] = utc_millis(at).into();
        }
        object
    }

    /// All kept versions of a property, newest first.
    fn history(&self, property: u16) -> Vec<Value> {
        let now = self.values.iter().filter(|held| held.property == property);
        let before = self.earlier.iter().rev().filter(|held| held.property == property);
        now.chain(before)
            .map(|held| {
                json!({
                    "value": &*held.text,
                    "timestamp": utc_millis(held.at),
                    "sourceType": held.source.name(),
                    "sourceId": held.source.id(),
                })
            })
            .collect()
    }
}
