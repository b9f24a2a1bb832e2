//! Lines of the history about what a system was told of somebody beside the writes of people's units: appointments,
//! documents of the books, bookings, actions, exports. Names of what was told, never values.

use crate::{error::Result, records::AuditEntry, tx::Tx};
use bridge_core::Time;
use std::collections::{BTreeMap, BTreeSet};

/// It was told, by the system's own word.
const TOLD: &str = "told";
/// It was sent, and nobody saw an answer.
const MAY_BE_TOLD: &str = "may be told";

/// Whom something that was told is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// An entity, by id.
    Entity(String),
    /// A record, whose entity is looked up: system, kind and id.
    Record(String, String, String),
}

/// What a system was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// The system.
    pub system: String,
    /// Its record, if known.
    pub remote_id: Option<String>,
    /// Names of what was told.
    pub units: Vec<String>,
    /// Which part told it and what for; words, ids and codes.
    pub purpose: String,
    /// Whether it arrived for sure.
    pub certain: bool,
    /// Whom it is about; nobody for what names no person.
    pub about: BTreeSet<About>,
}

impl About {
    /// About whoever a record stands for.
    pub fn record(system: &str, kind: &str, id: &str) -> About {
        About::Record(system.to_owned(), kind.to_owned(), id.to_owned())
    }
}

impl AuditEntry {
    /// Whether the line says that a system was told something, and if so, whether that is certain.
    pub fn tells(&self) -> Option<bool> {
        self.system.as_ref()?;
        match self.event.as_str() {
            "applied" | TOLD => Some(true),
            "unknown" | MAY_BE_TOLD => Some(false),
            _ => None,
        }
    }
}

impl Tx {
    /// Notes what systems were told: a line for each person it is about, one without a person otherwise. Of a record that is
    /// nobody's the line names the record.
    pub async fn append_told(&mut self, told: &[Telling], now: Time) -> Result<()> {
        let mut of: BTreeMap<&About, Option<String>> = BTreeMap::new();
        for about in told.iter().flat_map(|telling| &telling.about) {
            if of.contains_key(about) {
                continue;
            }
            let entity = match about {
                About::Entity(id) => Some(id.clone()),
                About::Record(system, kind, id) => self.entity_of(system, kind, id).await?,
            };
            of.insert(about, entity);
        }
        let mut lines = vec![];
        for telling in told {
            let line = |entity: Option<String>, nobody: &str| AuditEntry {
                at: now,
                entity,
                system: Some(telling.system.clone()),
                remote_id: telling.remote_id.clone(),
                event: if telling.certain { TOLD } else { MAY_BE_TOLD }.into(),
                units: telling.units.clone(),
                reason: format!("{}{nobody}", telling.purpose),
                ..AuditEntry::default()
            };
            let mut people = BTreeSet::new();
            for about in &telling.about {
                match (of.get(about).cloned().flatten(), about) {
                    (Some(entity), _) => drop(people.insert(entity)),
                    (None, About::Record(_, kind, id)) => lines.push(line(None, &format!(", of {kind}/{id}"))),
                    (None, About::Entity(_)) => {}
                }
            }
            if telling.about.is_empty() {
                lines.push(line(None, ""));
            }
            lines.extend(people.into_iter().map(|entity| line(Some(entity), "")));
        }
        self.append_audit(&lines).await
    }
}
