//! Fake systems: their manners, and the records people type into.

use crate::ghost::Typed;
use bridge_core::capture::{How, Observation};
use bridge_core::{Author, Time, Value, Version};
use std::collections::{BTreeMap, BTreeSet};

/// Name of a unit.
pub type UnitName = &'static str;
/// Name of a system.
pub type SystemName = &'static str;
/// Values with ghosts by unit.
pub type TypedValues = BTreeMap<UnitName, Typed>;

/// Whether records carry versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// None.
    None,
    /// One more per change.
    Counting,
    /// A token.
    Opaque,
}

/// How a write depends on what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarding {
    /// A direct read just before.
    Read,
    /// The product refuses a write made from another version.
    Conditional,
}

/// What the answer to a write shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// The record as the write left it.
    Written,
    /// Nothing of the record.
    Nothing,
}

/// How a product behaves.
#[derive(Clone, Debug)]
pub struct Manners {
    /// Versions.
    pub versions: Versions,
    /// Guard.
    pub guard: Guarding,
    /// Answers.
    pub answers: Answers,
    /// Spellings the product stores instead of what it is sent.
    pub respells: BTreeMap<&'static str, &'static str>,
    /// Units it answers success for and does not store.
    pub ignores: BTreeSet<UnitName>,
    /// A value of a unit it refuses.
    pub refuses: Option<(UnitName, &'static str)>,
    /// How long lists and searches may lag.
    pub lag: Time,
    /// Its clock against ours.
    pub skew: Time,
    /// Edits made there are taken.
    pub gives: bool,
    /// Records keep a reference of ours.
    pub keeps_reference: bool,
    /// What its automation makes of a value.
    pub automation: BTreeMap<&'static str, &'static str>,
    /// It tells who made an edit.
    pub tells_authors: bool,
    /// A removed record cannot be read any more (else it can, marked dead).
    pub forgets_removed: bool,
    /// How long a call may live after we gave up on it.
    pub call_life: Time,
    /// Calls may land later than that.
    pub outlives: bool,
    /// A unit its lists leave out.
    pub leaves_out: Option<UnitName>,
    /// Rows on one page of changes.
    pub page: usize,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            versions: Versions::Opaque,
            guard: Guarding::Conditional,
            answers: Answers::Written,
            respells: BTreeMap::new(),
            ignores: BTreeSet::new(),
            refuses: None,
            lag: 0,
            skew: 0,
            gives: true,
            keeps_reference: true,
            automation: BTreeMap::new(),
            tells_authors: false,
            forgets_removed: false,
            call_life: 0,
            outlives: false,
            leaves_out: None,
            page: 3,
        }
    }
}

impl Manners {
    /// What the product stores when it is sent this.
    pub fn stored(&self, value: &Value) -> Value {
        match value.as_text().and_then(|t| self.respells.get(t)) {
            Some(other) => Value::text(*other),
            None => value.clone(),
        }
    }
}

/// A record as it stood at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Values.
    pub values: TypedValues,
    /// True version (what the bridge sees of it depends on the manners).
    pub version: i64,
    /// When it last changed, on our clock.
    pub modified: Time,
    /// Exists.
    pub alive: bool,
    /// Writes of ours landed so far.
    pub landed: u32,
    /// Records merged into it.
    pub merged_from: Vec<String>,
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The person it stands for.
    pub who: u16,
    /// As it stands.
    pub now: Snapshot,
    /// As it stood before the last change.
    pub before: Snapshot,
    /// As lists and searches show it.
    pub indexed: Option<Snapshot>,
    /// Our reference.
    pub reference: Option<String>,
    /// When it was made.
    pub made: Time,
    /// The bridge made it.
    pub made_by_bridge: bool,
    /// A person removed it.
    pub killed: bool,
    /// When a person said that it is somebody else.
    pub cut_at: Time,
    /// Ghost: per unit, the value the bridge last wrote or took as its base.
    pub known: BTreeMap<UnitName, Value>,
    /// Ghost: what the bridge truly knows of the record.
    pub anchor: TypedValues,
}

impl Record {
    /// A new record.
    pub fn new(who: u16, values: TypedValues, made: Time) -> Self {
        let now = Snapshot {
            values: values.clone(),
            version: 1,
            modified: made,
            alive: true,
            landed: 0,
            merged_from: vec![],
        };
        Self {
            who,
            before: now.clone(),
            now,
            indexed: None,
            reference: None,
            made,
            made_by_bridge: false,
            killed: false,
            cut_at: 0,
            known: values.iter().map(|(u, t)| (*u, t.value.clone())).collect(),
            anchor: values,
        }
    }

    /// One change, by anybody: one step of the version.
    pub fn change(&mut self, at: Time, change: impl FnOnce(&mut Snapshot)) {
        self.before = self.now.clone();
        change(&mut self.now);
        self.now.version += 1;
        self.now.modified = at;
    }
}

/// One connected account of a product.
#[derive(Clone, Debug)]
pub struct System {
    /// Its manners.
    pub manners: Manners,
    /// Its records by id.
    pub records: BTreeMap<String, Record>,
    /// Ids in the order its list of changes shows them; a cursor is a position in it.
    pub changes: Vec<String>,
    /// Ids ever given out.
    pub ids: usize,
}

impl System {
    /// An empty account.
    pub fn new(manners: Manners) -> Self {
        Self {
            manners,
            records: BTreeMap::new(),
            changes: vec![],
            ids: 0,
        }
    }

    /// The list catches up with a record: it shows it as it is, once more.
    pub fn index(&mut self, id: &str) {
        if let Some(record) = self.records.get_mut(id) {
            record.indexed = Some(record.now.clone());
            self.changes.push(id.into());
        }
    }

    /// Whether the list does not show the record's last change yet.
    pub fn behind(&self, id: &str) -> bool {
        let record = &self.records[id];
        record.indexed.as_ref().is_none_or(|i| i.version != record.now.version)
    }

    /// What a list or a direct read lets the bridge see.
    pub fn show(&self, system: &str, id: &str, snap: &Snapshot, how: How, started: Time) -> Observation {
        let m = &self.manners;
        let hidden = !snap.alive && m.forgets_removed;
        let version = match m.versions {
            _ if hidden => None,
            Versions::None => None,
            Versions::Counting => Some(Version::Counting(snap.version)),
            Versions::Opaque => Some(Version::Opaque(format!("t{}", snap.version))),
        };
        let values = if hidden {
            TypedValues::new()
        } else {
            snap.values.clone()
        };
        let listed = |u: &UnitName| how == How::Direct || m.leaves_out != Some(*u);
        let values: TypedValues = values.into_iter().filter(|(u, _)| listed(u)).collect();
        Observation {
            system: system.into(),
            kind: "person".into(),
            remote_id: id.into(),
            how,
            started,
            alive: snap.alive,
            version,
            mark: (!hidden).then(|| ((snap.modified + m.skew) / 4).to_string()),
            authors: values
                .iter()
                .filter(|(_, t)| m.tells_authors && t.author != Author::Unknown)
                .map(|(u, t)| (u.to_string(), t.author))
                .collect(),
            values: values.into_iter().map(|(u, t)| (u.to_string(), t.value)).collect(),
            merged_from: snap.merged_from.clone(),
        }
    }
}
