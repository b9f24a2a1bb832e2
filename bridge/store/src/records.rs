//! Plain types that go into a store and come out of it, beside the aggregate of `bridge_core`.

use crate::error::Result;
use bridge_core::{Card, Conflict, Lane, Link, LinkState, Shared, Time, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Names one record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// System name.
    pub system: String,
    /// Remote kind.
    pub kind: String,
    /// Remote id.
    pub remote_id: String,
}

impl RecordKey {
    /// The record of that name.
    pub fn new(system: impl Into<String>, kind: impl Into<String>, remote_id: impl Into<String>) -> Self {
        Self {
            system: system.into(),
            kind: kind.into(),
            remote_id: remote_id.into(),
        }
    }
}

impl From<&Shared<Link>> for RecordKey {
    fn from(link: &Shared<Link>) -> Self {
        Self::from(&**link)
    }
}

impl From<&Link> for RecordKey {
    fn from(link: &Link) -> Self {
        Self::new(&link.system, &link.kind, &link.remote_id)
    }
}

/// A link as capture needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkRow {
    /// The link.
    pub link: Link,
    /// Its entity has a write to this system that is sent or unknown.
    pub busy: bool,
}

/// A text that records are found by. Stored as a keyed hash only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupKey {
    /// What it is, e.g. `email`, `phone`, `name_birth`, `reference`.
    pub kind: &'static str,
    /// The text in one spelling; whoever looks up must spell it the same.
    pub text: String,
}

impl LookupKey {
    /// A key of that kind.
    pub fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }
}

/// A record that a look-up key led to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Place of the key in the list that was asked for.
    pub key: usize,
    /// The record.
    pub record: RecordKey,
    /// Its entity, where identity is decided.
    pub entity: Option<String>,
    /// Whether the record exists, or is a tombstone.
    pub live: bool,
}

/// One line of the audit: who, when, which unit, why. `reason` and `units` carry names and codes
/// only; values belong into `body`, which is sealed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: Time,
    /// In which run.
    pub run: Option<String>,
    /// Which entity, if any.
    pub entity: Option<String>,
    /// Which system, if any.
    pub system: Option<String>,
    /// Which record, if any.
    pub remote_id: Option<String>,
    /// What happened, e.g. `adopted`, `sent`, `refused`.
    pub event: String,
    /// Units concerned.
    pub units: Vec<String>,
    /// Why.
    pub reason: String,
    /// Values and details.
    pub body: Option<serde_json::Value>,
}

/// A value that was overruled or overwritten, kept so that a person can have it back.
#[derive(Clone, Debug, PartialEq)]
pub struct Loser {
    /// Entity.
    pub entity: String,
    /// Unit.
    pub unit: String,
    /// System that held the value.
    pub system: String,
    /// When it lost.
    pub at: Time,
    /// Kept until.
    pub until: Time,
    /// By what it lost: a policy, a person, a later edit.
    pub why: String,
    /// The value.
    pub value: Value,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateState {
    /// Waits for a person.
    Open,
    /// Probably the same person twice in one system, not yet looked at.
    Twice,
    /// A faint resemblance: keeps anybody from being made twice, and is not worth a look by itself.
    Faint,
    /// The same, as decided or as found later.
    Same,
    /// Not the same; never asked again.
    Different,
    /// Not the same, but of one household; never asked again.
    Household,
    /// The same person twice in one system: to be merged there, not by us.
    Duplicate,
}

impl CandidateState {
    /// Its word, as it is kept and shown.
    pub fn code(self) -> &'static str {
        match self {
            CandidateState::Open => "open",
            CandidateState::Twice => "twice",
            CandidateState::Faint => "faint",
            CandidateState::Same => "same",
            CandidateState::Different => "different",
            CandidateState::Household => "household",
            CandidateState::Duplicate => "duplicate",
        }
    }
}

/// Who decided, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// When.
    pub at: Time,
    /// Who, as the person was named to us.
    pub by: String,
}

/// Two records that may be the same entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Short, and the same for the same pair.
    pub id: String,
    /// One record; `a` sorts before `b`.
    pub a: RecordKey,
    /// The other.
    pub b: RecordKey,
    /// Thousandths of certainty.
    pub score: i64,
    /// Why; names of what agrees or differs, no values.
    pub reasons: Vec<String>,
    /// Open or decided.
    pub state: CandidateState,
    /// When the pair was first found.
    pub since: Time,
    /// Who decided, or opened it again after it was decided.
    pub decided: Option<Decided>,
}

impl Candidate {
    /// An open candidate; the order of the two does not matter.
    pub fn new(one: RecordKey, other: RecordKey, score: i64, reasons: Vec<String>, since: Time) -> Self {
        let (a, b) = if one <= other { (one, other) } else { (other, one) };
        let id = short_id(&[&a.system, &a.kind, &a.remote_id, &b.system, &b.kind, &b.remote_id]);
        Self {
            id,
            a,
            b,
            score,
            reasons,
            state: CandidateState::Open,
            since,
            decided: None,
        }
    }
}

/// Whose a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The entity.
    pub entity: String,
    /// Systems in which it has a live record.
    pub systems: BTreeSet<String>,
}

/// How far a feed was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Opaque to the store.
    pub position: String,
    /// When it last moved.
    pub updated: Time,
}

/// One bounded pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Id, given by whoever starts it.
    pub id: String,
    /// What it was: `sync`, `sweep`, `backfill`.
    pub kind: String,
    /// Start.
    pub started: Time,
    /// End; none while it runs, or if it was killed.
    pub ended: Option<Time>,
    /// Its counts.
    pub counts: serde_json::Value,
}

/// A planned write that may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Entity whose write it is.
    pub entity: String,
    /// Lane of the write.
    pub lane: Lane,
    /// It makes a new record.
    pub create: bool,
}

/// Which planned writes of a system wait for a person; none of those in [`Lane::Requested`] ever do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptBack {
    /// Those that make a record.
    pub creates: bool,
    /// Those that change one.
    pub updates: bool,
}

impl KeptBack {
    /// Whether a write of that lane waits.
    pub fn holds(self, lane: Lane, create: bool) -> bool {
        lane != Lane::Requested && if create { self.creates } else { self.updates }
    }
}

/// An open conflict.
#[derive(Clone, Debug, PartialEq)]
pub struct ConflictRow {
    /// Short, and the same as long as the unit of that entity is in conflict.
    pub id: String,
    /// Entity.
    pub entity: String,
    /// Unit.
    pub unit: String,
    /// The conflict.
    pub conflict: Conflict,
}

/// An open card.
#[derive(Clone, Debug, PartialEq)]
pub struct CardRow {
    /// Short, and the same for the same question.
    pub id: String,
    /// Entity.
    pub entity: String,
    /// The card.
    pub card: Card,
}

/// An entity's records, as `links list` shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedRow {
    /// Entity.
    pub entity: String,
    /// Its records with their states, by system.
    pub records: Vec<(RecordKey, LinkState)>,
}

/// Which conflicts or cards are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this entity.
    pub entity: Option<String>,
    /// Of this unit (conflicts only).
    pub unit: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What [`Paged::next`] of the page before said; none for the first.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl Page {
    /// The first page of that size.
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// A whole list, page by page. For lists that fit into memory.
    ///
    /// # Errors
    /// Whatever `fetch` fails with.
    pub async fn all<T>(mut fetch: impl AsyncFnMut(Page) -> Result<Paged<T>>) -> Result<Vec<T>> {
        const ROWS: usize = 1_000;
        let (mut rows, mut page) = (vec![], Page::first(ROWS));
        loop {
            let part = fetch(page.clone()).await?;
            rows.extend(part.rows);
            match part.next {
                Some(next) => page.after = Some(next),
                None => return Ok(rows),
            }
        }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Paged<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page starts; none at the end.
    pub next: Option<String>,
}

/// Since when the longest waiting of each sort waits; none where nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oldest {
    /// Entities that wait for reconcile.
    pub dirty: Option<Time>,
    /// Records that are due for a direct read.
    pub looks: Option<Time>,
    /// Writes that are sent, or whose outcome is unknown.
    pub unsettled: Option<Time>,
}

/// How much of everything there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entities.
    pub entities: u64,
    /// Live records that belong to an entity, by system.
    pub links: BTreeMap<String, u64>,
    /// Live records, by system.
    pub records: BTreeMap<String, u64>,
    /// Entities that wait for reconcile.
    pub dirty: u64,
    /// Writes to be sent.
    pub planned: u64,
    /// Writes sent or with an unknown outcome.
    pub unsettled: u64,
    /// Writes with an unknown outcome.
    pub unknown: u64,
    /// Writes that wait for a person, and live records that do.
    pub held: u64,
    /// Units in conflict.
    pub conflicts: u64,
    /// Open cards.
    pub cards: u64,
    /// Open candidates.
    pub candidates: u64,
    /// People who are probably twice in one system.
    pub twice: u64,
    /// Faint resemblances, which only hold back creations.
    pub faint: u64,
    /// Live records without an entity.
    pub unidentified: u64,
    /// Records due for a direct read.
    pub looks: u64,
    /// Hints that nobody has followed.
    pub hints: u64,
}

/// Id of the conflict of that unit.
pub fn conflict_id(entity: &str, unit: &str) -> String {
    short_id(&["conflict", entity, unit])
}

/// Eight letters and digits that people can type: 40 bits of a hash, without i, l, o and u.
pub(crate) fn short_id(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let hash = hash.finalize();
    let bits = hash
        .iter()
        .take(5)
        .fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    (0..8)
        .rev()
        .map(|place| char::from(b"0123456789abcdefghjkmnpqrstvwxyz"[(bits >> (place * 5) & 31) as usize]))
        .collect()
}
