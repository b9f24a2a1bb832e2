//! What the engine is told: the systems, how often to look, and where the brakes are.

use crate::deliver::micros;
use adapter_kit::{Adapter, Traits};
use bridge_core::capture::{How, Observation};
use bridge_core::mapping::Mapping;
use bridge_core::{Author, Schema, Time};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One connected account with the mapping of its records.
pub struct System {
    /// Name in the configuration.
    pub name: String,
    /// The account.
    pub adapter: Arc<dyn Adapter>,
    /// Where the units live in its records.
    pub mapping: Arc<Mapping>,
    /// How often it is polled.
    pub poll_every: Duration,
    /// The unit whose value records here keep as our reference.
    pub reference: String,
    /// The unit at each mapped path, by the path's text, for authors and refusals that name a member.
    pub paths: BTreeMap<String, String>,
}

impl System {
    /// Remote kind.
    pub fn kind(&self) -> &str {
        &self.mapping.kind
    }

    /// Manners of its kind.
    pub fn traits(&self) -> Traits {
        self.adapter.traits(&self.mapping.kind)
    }

    /// The unit that lives at a path, by the path's own text.
    pub fn unit_at(&self, path: &str) -> Option<String> {
        self.paths
            .iter()
            .find(|(p, _)| *p == path)
            .map(|(_, unit)| unit.clone())
    }

    /// A record as the merge rule sees it.
    pub fn observe(&self, record: &adapter_kit::Remote, how: How, started: Time) -> Observation {
        let authors: BTreeMap<String, Author> = record
            .authors
            .iter()
            .filter_map(|(path, author)| Some((self.unit_at(path)?, *author)))
            .collect();
        Observation {
            system: self.name.clone(),
            kind: self.kind().into(),
            remote_id: record.id.clone(),
            how,
            started,
            alive: record.alive,
            version: record.version.clone(),
            mark: record.mark.clone(),
            values: self.mapping.read(&record.body).values,
            authors,
            merged_from: record.merged_from.clone(),
        }
    }

    /// A record that a direct read did not find.
    pub fn missing(&self, remote_id: &str, started: Time) -> Observation {
        Observation {
            system: self.name.clone(),
            kind: self.kind().into(),
            remote_id: remote_id.into(),
            how: How::Direct,
            started,
            alive: false,
            version: None,
            mark: None,
            values: Default::default(),
            authors: BTreeMap::new(),
            merged_from: vec![],
        }
    }
}

/// Where new ids come from.
pub trait Ids: Send + Sync {
    /// An id for a new entity: UUIDv7 in real life.
    fn entity(&self, now: Time) -> String;

    /// An id for an event of the public stream.
    fn event(&self, now: Time) -> String {
        self.entity(now)
    }
}

/// UUIDv7 from the operating system's randomness.
#[derive(Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn entity(&self, now: Time) -> String {
        let seconds = u64::try_from(now / 1_000_000).unwrap_or(0);
        let nanos = u32::try_from(now.rem_euclid(1_000_000)).unwrap_or(0) * 1_000;
        uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)).to_string()
    }
}

/// When a plan is held as a whole for a person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brakes {
    /// Share of a system's linked records that may be changed in one go (0 to 1).
    pub share: f64,
    /// So many changes are always allowed.
    pub floor: u64,
}

impl Default for Brakes {
    fn default() -> Self {
        Self {
            share: 0.8,
            floor: 1_500,
        }
    }
}

/// Everything the engine is told when it is made.
pub struct Settings {
    /// Units, policies and parties.
    pub schema: Arc<Schema>,
    /// The systems, sorted by name.
    pub systems: Vec<System>,
    /// Name of the system that the reference unit belongs to.
    pub home: String,
    /// The unit by which other systems refer to the home system's record.
    pub reference: String,
    /// How often full listings are compared; never if `None`.
    pub sweep_every: Option<Duration>,
    /// How long overruled values are kept.
    pub keep_losers: Duration,
    /// Brakes.
    pub brakes: Brakes,
    /// Digest of everything an approval covers: mappings, policies, creation rules.
    pub digest: String,
}

impl Settings {
    /// The system of that name.
    pub fn system(&self, name: &str) -> Option<&System> {
        self.systems.iter().find(|s| s.name == name)
    }

    /// A value of an entity that has lost now, as it is kept.
    pub(crate) fn kept(&self, entity: &str, lost: bridge_core::plan::Loser, now: Time) -> bridge_store::Loser {
        bridge_store::Loser {
            entity: entity.into(),
            unit: lost.unit,
            system: lost.system,
            at: now,
            until: self.losers_until(now),
            why: lost.rule,
            value: lost.value,
        }
    }

    /// Until when a value that is overruled now is kept.
    pub fn losers_until(&self, now: Time) -> Time {
        now + micros(self.keep_losers)
    }

    /// Digest under which a system's cursor is kept: another mapping reads everything afresh.
    pub fn cursor_digest(&self, system: &System) -> String {
        system.mapping.digest()
    }
}
