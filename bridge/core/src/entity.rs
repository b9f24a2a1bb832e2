//! The aggregate that every decision is made on: one entity with all its links, writes and open
//! questions. Capture, reconcile and deliver are pure functions over it; the store only loads and
//! saves it. State and names follow the model-checked merge rule (`bridge/ARCHITECTURE.md`).

use crate::shared::Shared;
use crate::undo::Undoing;
use crate::value::{Value, Values};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A moment on the bridge's own clock, microseconds since 1970 UTC. Times of remote systems are
/// never of this type, since no two clocks are compared.
pub type Time = i64;

/// A record's version as its product states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Version {
    /// A number that grows with every change of the record.
    Counting(i64),
    /// A token that only says "same" or "another" (an ETag).
    Opaque(String),
}

/// Who made an edit, as far as the product tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// A person working in the product.
    Person,
    /// A form, an import, an automation or another integration.
    Automation,
    /// The product does not tell.
    #[default]
    Unknown,
}

/// Where an agreed value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Seen in that system.
    System(String),
    /// Decided by a person in review.
    Person,
}

/// The entity's value of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
    /// The edit was made after this moment: start of the last exact read that still showed the base.
    pub lo: Time,
    /// The edit was made before this moment: when the change was first stored.
    pub hi: Time,
}

/// What is uncertain about a unit after a write whose outcome nobody saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The whole value: it may have landed and been changed back.
    Value,
    /// These elements of a set.
    Elements(BTreeSet<String>),
}

/// One unit of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkUnit {
    /// Last value both this system and the entity agreed on: what was sent, or adopted.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "b")]
    pub base: Option<Value>,
    /// The remote's spelling of `base`, where it differs from it.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "w")]
    pub shown: Option<Value>,
    /// What the system was last seen to hold, where it differs from `base`.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "s")]
    pub(crate) seen: Option<Value>,
    /// `seen` is `base` (kept so that the common case stores one value).
    #[serde(default, skip_serializing_if = "std::ops::Not::not", rename = "e")]
    pub(crate) seen_is_base: bool,
    /// Open doubt.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "d")]
    pub doubt: Option<Doubt>,
    /// Start of the last exact read that still showed `base`.
    #[serde(default, rename = "l")]
    pub lo: Time,
    /// When the value in `seen` was first stored.
    #[serde(default, rename = "h")]
    pub hi: Time,
    /// Last few bases, oldest first: shows two systems rewriting each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "t")]
    pub trail: Vec<Value>,
    /// Who made the edit that `seen` shows.
    #[serde(default, skip_serializing_if = "is_unknown", rename = "a")]
    pub author: Author,
    /// This unit is not written here until its agreed value is another one, or a person releases it.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "x")]
    pub held: Option<UnitHold>,
}

fn is_unknown(author: &Author) -> bool {
    *author == Author::Unknown
}

impl LinkUnit {
    /// What the system was last seen to hold; `None` is absent.
    pub fn seen(&self) -> Option<&Value> {
        if self.seen_is_base {
            self.base.as_ref()
        } else {
            self.seen.as_ref()
        }
    }

    /// Replaces what was seen.
    pub fn set_seen(&mut self, value: Value) {
        if self.base.as_ref() == Some(&value) {
            self.seen_is_base = true;
            self.seen = None;
        } else {
            self.seen_is_base = false;
            self.seen = Some(value);
        }
    }

    /// Replaces the base and the remote's spelling of it; what was seen stays.
    pub fn set_base(&mut self, base: Value, shown: Option<Value>) {
        let seen = self.seen().cloned();
        self.shown = shown.filter(|s| *s != base);
        self.base = Some(base);
        if let Some(seen) = seen {
            self.set_seen(seen);
        }
    }

    /// The remote's spelling of the base: `shown`, or the base itself.
    pub fn shown(&self) -> Option<&Value> {
        self.shown.as_ref().or(self.base.as_ref())
    }
}

/// Why one unit of a link is not written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitHold {
    /// The value that could not be written; another agreed value is tried afresh.
    pub value: Value,
    /// Why.
    pub why: Hold,
}

/// Why something waits. Carries names and codes, never personal values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The product answered success and kept the old value.
    NotTaken,
    /// Another record of that system already has this value, which may stand on one record only.
    Taken,
    /// The product refused the value or the record; its error code.
    Refused(String),
    /// Another record was merged into this one; a person says what that means.
    Merged,
    /// Two values keep replacing each other.
    Alternates,
    /// A create may have landed and cannot be looked up.
    MayExist,
    /// Since a name or birth date was changed, the records no longer look like one person.
    LooksWrong,
    /// A person took back what was written here.
    Undone,
}

/// State of a link. Rows are never deleted: what is gone stays as a tombstone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// The record exists.
    #[default]
    Live,
    /// Removed or archived in its system.
    Gone,
    /// Merged into another record of its system.
    Merged,
}

/// Everything known of one record, and which entity it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// System name.
    pub system: String,
    /// Remote kind.
    pub kind: String,
    /// Remote id.
    pub remote_id: String,
    /// The entity, once identity is decided.
    pub entity: Option<String>,
    /// New at every link, cut and relink; an answer for another generation changes nothing.
    pub generation: i64,
    /// Live, or a tombstone.
    pub state: LinkState,
    /// When the last fact about the record was stored (an accepted read, a write marked sent or settled).
    pub known_at: Time,
    /// A direct read is due.
    pub look: bool,
    /// Since when it is due: only a read begun later answers it.
    pub asked: Time,
    /// The whole record waits.
    pub held: Option<Hold>,
    /// Version last known.
    pub version: Option<Version>,
    /// The removal was judged.
    pub removal_judged: bool,
    /// The bridge created this record itself.
    pub created_here: bool,
    /// Ids of records merged into this one, as far as known.
    pub merged_from: Vec<String>,
    /// Per unit.
    pub units: BTreeMap<String, Shared<LinkUnit>>,
}

impl Link {
    /// A record never seen before.
    pub fn new(system: &str, kind: &str, remote_id: &str) -> Self {
        Self {
            system: system.into(),
            kind: kind.into(),
            remote_id: remote_id.into(),
            ..Self::default()
        }
    }

    /// What the record was last seen to hold.
    pub fn seen(&self) -> Values {
        self.units
            .iter()
            .filter_map(|(u, x)| x.seen().map(|v| (u.clone(), v.clone())))
            .collect()
    }
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Makes the record.
    Create,
    /// Changes units of it.
    Update,
}

/// Where a write stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteState {
    /// To be sent. Reconcile may replace or drop it.
    Planned,
    /// Marked before the call; the answer is not stored yet.
    Sent,
    /// It may have landed; it is looked at before anything is repeated.
    Unknown,
    /// A create that may exist and cannot be looked up: a person decides.
    Doubtful,
    /// Refused by the product: a person must act, or the values must change.
    Refused,
}

/// Order in which writes are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// A person waits for it.
    Requested,
    /// A live change.
    Live,
    /// First contact and repair.
    Backfill,
}

/// The one write a link may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Receiving system.
    pub system: String,
    /// Remote kind.
    pub kind: String,
    /// Create or update.
    pub op: Op,
    /// Generation of the link it was planned for (0 for a create).
    pub generation: i64,
    /// Where it stands.
    pub state: WriteState,
    /// Values to write.
    pub values: Values,
    /// What the guard saw of those units just before.
    pub guarded: Values,
    /// The version the guard saw.
    pub guard_version: Option<Version>,
    /// The record's own change mark at the guard, where it has one (opaque text).
    pub guard_mark: Option<String>,
    /// When it was marked sent; for an unknown one, the latest moment its call can have ended.
    pub at: Time,
    /// Not before this moment.
    pub not_before: Time,
    /// Attempts so far.
    pub tries: u32,
    /// Lane.
    pub lane: Lane,
    /// Key of this attempt, stable over repeats: idempotency and reference.
    pub key: String,
    /// Why each unit is written.
    pub reasons: BTreeMap<String, String>,
    /// Why it waits, if refused or doubtful.
    pub held: Option<Hold>,
}

/// A unit that systems changed differently and no policy decides. Derived at each reconcile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The values a person chooses from, by system name, or `agreed`.
    pub values: BTreeMap<String, Value>,
    /// Since when it is open.
    pub since: Time,
    /// Why it is in review.
    pub why: String,
}

/// A question about a whole record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// What happened.
    pub kind: CardKind,
    /// Where.
    pub system: String,
    /// Units concerned, where known.
    pub units: BTreeSet<String>,
    /// Since when.
    pub since: Time,
}

/// What a card asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardKind {
    /// Removed there, changed elsewhere.
    RemovedButChanged,
    /// An edit between our guard and our write may have been overwritten.
    MayHaveOverwritten,
    /// Another record was merged into this one.
    Merged,
    /// The linked records no longer look like one person.
    LooksWrong,
}

/// A record that must not be created again, or linked again by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grave {
    /// System.
    pub system: String,
    /// Remote id, where there was a record.
    pub remote_id: Option<String>,
}

/// A real-world thing with everything the bridge knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entity {
    /// UUIDv7.
    pub id: String,
    /// Entity type, e.g. `person`.
    pub kind: String,
    /// Grows with every stored change; a save against another revision is refused.
    pub revision: i64,
    /// Something changed that no reconcile has judged yet.
    pub dirty: bool,
    /// Creation waits: this may be a person the other system already has.
    pub candidate: bool,
    /// Agreed values by unit.
    pub agreed: BTreeMap<String, Shared<Agreed>>,
    /// Where nothing may be created again.
    pub graves: BTreeSet<Grave>,
    /// Open conflicts by unit.
    pub conflicts: BTreeMap<String, Conflict>,
    /// Open questions.
    pub cards: Vec<Card>,
    /// Links by system: at most one per system, live or gone.
    pub links: BTreeMap<String, Shared<Link>>,
    /// Writes by system: at most one per system.
    pub writes: BTreeMap<String, Write>,
    /// Units that a system refused for a record that does not exist there yet, by system and unit.
    pub refused: BTreeMap<String, BTreeMap<String, UnitHold>>,
    /// Units that a person took out of the sync for this entity: neither merged nor written.
    pub apart: BTreeSet<String>,
    /// Units that are being put back, by unit.
    pub undoing: BTreeMap<String, Undoing>,
}

impl Entity {
    /// Whether a write to that system is on its way or its outcome is not known.
    pub fn busy(&self, system: &str) -> bool {
        self.writes
            .get(system)
            .is_some_and(|w| matches!(w.state, WriteState::Sent | WriteState::Unknown))
    }

    /// Files a card unless the same one is open.
    pub fn file_card(&mut self, kind: CardKind, system: &str, units: BTreeSet<String>, now: Time) {
        if let Some(card) = self.cards.iter_mut().find(|c| c.kind == kind && c.system == system) {
            card.units.extend(units);
        } else {
            self.cards.push(Card {
                kind,
                system: system.into(),
                units,
                since: now,
            });
        }
    }
}
