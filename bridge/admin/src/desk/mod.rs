//! The desk: what people decide with. Plain async services over the store and the engine, with results that serialise;
//! pages and the JSON API use the same ones. Nothing here checks who somebody is: callers do, and say who asks, for the
//! history.
//!
//! | module | what it does |
//! |---|---|
//! | [`affairs`] | appointments and what is owed |
//! | [`find`] | people by name parts, e-mail, phone, number or invoice |
//! | [`inbox`] | one list of what waits, with filters and counts |
//! | [`detail`] | one item with everything that helps to decide, and what each choice would write |
//! | [`act`] | decisions bound to what was shown; assign, snooze, comment, take back |
//! | [`bulk`] | one decision for a group of one pattern |
//! | [`rules`] | a rule proposed from a decision, tried on what is open and what people decided |
//! | [`trial`] | a record tried in a mapping, both ways |
//! | [`timeline`] | everything about one entity, runs, and looking at once |
//! | [`person`] | what stands beside it: values, records with evidence, unlinking |
//! | [`backfill`] | the first plan in groups, approving, pausing, when it will be done |
//! | [`undo_run`] | taking a whole run back, which may take a while |
//! | [`seen`] | alerts that somebody looks after |
//! | `scope` | the desk of somebody who may see the people of some locations only |

pub mod act;
pub mod affairs;
pub mod backfill;
pub mod bulk;
pub mod detail;
mod diff;
pub mod find;
pub mod inbox;
mod limit;
pub mod person;
mod plain;
pub mod rules;
mod scope;
pub mod seen;
mod tasks;
pub mod timeline;
pub mod trial;
pub mod undo_run;

pub use diff::{Piece, pieces};
pub(crate) use plain::because;

use adapter_kit::Clock;
use bridge_core::codec::{Country, national};
use bridge_core::mapping::EntityFile;
use bridge_core::review::DecisionError;
use bridge_core::{Class, Entity, LinkState, UnitType, Value};
use bridge_engine::affairs::AffairsReader;
use bridge_engine::{Engine, EngineError};
use bridge_store::{Store, StoreError, Within};
use limit::Limit;
use serde::Serialize;
use std::sync::Arc;

/// Why the desk did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The engine's or the store's reason, or a decision that does not fit any more.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What was asked makes no sense; how to ask.
    #[error("{0}")]
    Asked(String),
    /// It is about every location, and whoever asks is bound to some.
    #[error("that is about every location of the practice, and this access is bound to some")]
    Everywhere,
    /// Asked too often; when to come again, seconds.
    #[error("that is too often: try again in {0} s")]
    TooOften(u64),
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<DecisionError> for DeskError {
    fn from(error: DecisionError) -> Self {
        EngineError::from(error).into()
    }
}

/// What a wrong choice costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Who somebody is, or anything clinical. Never decided in bulk.
    Red,
    /// How somebody is reached, and everything else.
    Amber,
    /// Only case, spaces and punctuation differ, or a write waits by itself.
    Grey,
}

/// The desk of one practice.
#[derive(Clone)]
pub struct Desk {
    engine: Arc<Engine>,
    file: Arc<EntityFile>,
    country: Country,
    clock: Arc<dyn Clock>,
    searches: Arc<Limit>,
    plans: backfill::Planning,
    within: Option<Arc<Within>>,
    looks: undo_run::Looks,
    affairs: Option<AffairsReader>,
}

impl Desk {
    /// The desk beside whoever drives the practice's accounts. `file` names the units, `country` is the default of phone
    /// numbers.
    pub fn new(engine: Engine, file: EntityFile, country: Country, clock: Arc<dyn Clock>) -> Desk {
        Desk {
            engine: Arc::new(engine),
            file: Arc::new(file),
            country,
            clock,
            searches: Arc::default(),
            plans: backfill::Planning::default(),
            within: None,
            looks: undo_run::Looks::default(),
            affairs: None,
        }
    }

    /// The store, with everything in it: whoever shows people of it asks whether they are seen.
    pub fn store(&self) -> &Store {
        self.engine.store()
    }

    /// The engine that decisions go through.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What a wrong choice about something of that topic costs ([`bridge_store::Item::topic`]).
    pub fn risk(&self, topic: &str) -> Risk {
        let (sort, rest) = topic.split_once('/').unwrap_or((topic, ""));
        let (unit, cosmetic) = match rest.split_once('/') {
            Some((unit, _)) => (unit, true),
            None => (rest, false),
        };
        let consent = self
            .file
            .unit(unit)
            .is_some_and(|spec| bridge_core::consent::policy(&spec.unit).is_some());
        let class = self.file.unit(unit).map(|spec| spec.unit.class);
        match (sort, class) {
            ("match", _) => Risk::Red,
            ("conflict", _) if consent => Risk::Red,
            ("card", _) if matches!(unit, "merged" | "looks_wrong") => Risk::Red,
            ("conflict", Some(Class::Identity | Class::Clinical) | None) => Risk::Red,
            ("conflict", _) if cosmetic => Risk::Grey,
            ("hold", Some(Class::Identity | Class::Clinical)) => Risk::Amber,
            ("hold", _) => Risk::Grey,
            _ => Risk::Amber,
        }
    }

    /// A value as people of the practice write it, where that is not how it is kept: `0491 570 006`, `31 December 1980`.
    pub(crate) fn as_written(&self, unit: &str, value: &Value) -> Option<String> {
        let text = value.as_text()?;
        match self.kind_of_unit(unit)? {
            UnitType::Phone => {
                let digits = national(text, self.country)?;
                let groups: &[usize] = match digits.as_bytes() {
                    [b'0', b'4' | b'5', ..] if digits.len() == 10 => &[4, 3, 3],
                    [b'0', ..] if digits.len() == 10 => &[2, 4, 4],
                    _ => return Some(digits),
                };
                let mut rest = digits.as_str();
                let groups = groups.iter().map(|n| {
                    let (group, after) = rest.split_at((*n).min(rest.len()));
                    rest = after;
                    group
                });
                Some(groups.collect::<Vec<_>>().join(" "))
            }
            UnitType::Date => {
                let date: jiff::civil::Date = text.parse().ok()?;
                Some(date.strftime("%-d %B %Y").to_string())
            }
            _ => None,
        }
    }

    /// What a unit holds.
    pub(crate) fn kind_of_unit(&self, unit: &str) -> Option<UnitType> {
        self.file.unit(unit).map(|spec| spec.unit.kind)
    }

    /// Now, by the desk's clock.
    pub(crate) fn now(&self) -> bridge_core::Time {
        self.clock.now()
    }

    pub(crate) async fn entity(&self, id: &str) -> Result<Entity, DeskError> {
        self.sees(id).await?;
        let found = self.store().entities(&[id.to_string()]).await?.pop();
        Ok(found.ok_or_else(|| EngineError::NotFound(format!("entity {id}")))?)
    }
}

/// Who an entity is, as far as a row needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Who {
    /// The entity.
    pub entity: String,
    /// Given and family name, as agreed or as the first record shows it.
    pub name: Option<String>,
    /// The letters that the name begins with, for whoever may not see more.
    pub initials: String,
    /// Birth date.
    pub born: Option<String>,
    /// The number in Halaxy.
    pub number: Option<String>,
    /// Its records.
    pub records: Vec<Record>,
}

/// One record of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// System.
    pub system: String,
    /// Its id there.
    pub id: String,
    /// It exists there.
    pub live: bool,
}

/// What stands in an entity's records, the agreed value first.
pub(crate) fn value_of<'e>(entity: &'e Entity, unit: &str) -> Option<&'e Value> {
    let agreed = entity.agreed.get(unit).map(|a| &a.value).filter(|v| !v.is_empty());
    let seen = || entity.links.values().find_map(|l| l.units.get(unit)?.seen());
    agreed.or_else(seen)
}

pub(crate) fn who(entity: &Entity) -> Who {
    let name = value_of(entity, "official_name").map(|value| {
        let parts: Vec<&str> = ["given", "family"].iter().filter_map(|part| value.part(part)).collect();
        if parts.is_empty() {
            value.to_line()
        } else {
            parts.join(" ")
        }
    });
    let text = |unit: &str| value_of(entity, unit).and_then(Value::as_text).map(str::to_string);
    let words = name.iter().flat_map(|name| name.split_whitespace());
    Who {
        entity: entity.id.clone(),
        initials: words.filter_map(|word| word.chars().next()).collect(),
        born: text("birth_date"),
        number: text("halaxy_number"),
        records: entity
            .links
            .values()
            .map(|link| Record {
                system: link.system.clone(),
                id: link.remote_id.clone(),
                live: link.state == LinkState::Live,
            })
            .collect(),
        name,
    }
}
