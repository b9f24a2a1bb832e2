//! The contract between the engine and a product. An adapter moves bodies; it decides nothing:
//! which read counts, what is merged and what is sent is decided in `bridge-core`.

use crate::activities::Activities;
use crate::budget::DayUse;
use crate::referrers::Referrers;
use async_trait::async_trait;
use bridge_core::{Author, Time, Version};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

/// How a product lets a write depend on what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// No conditional write: a direct read just before, and a short window that stays open.
    Read,
    /// The write names the version it was made from and is refused if the record moved.
    Conditional,
}

/// What the answer to a write shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerStyle {
    /// The record as this very write left it.
    Written,
    /// A record that may be older or newer than the write.
    Later,
    /// Nothing of the record.
    None,
}

/// Whether records carry versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// None, or only a time stamp (which orders nothing).
    None,
    /// A number that grows by one per change.
    Counting,
    /// A token that only tells same from other.
    Opaque,
}

/// A product's manners for one kind, as far as the engine must know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// How writes are guarded.
    pub guard: Guard,
    /// What answers show.
    pub answer: AnswerStyle,
    /// Versions.
    pub versions: Versions,
    /// How long a list or search may take to show a write.
    pub lag: Duration,
    /// The longest a call can live after we gave up on it.
    pub call_life: Duration,
    /// Records one direct read can fetch.
    pub read_batch: usize,
    /// Updates one call can carry.
    pub update_batch: usize,
    /// Creates one call can carry.
    pub create_batch: usize,
    /// How many guarded writes fit into the time a guard stays fresh (rate limit x 5 s).
    pub guard_batch: usize,
    /// Direct reads tell what members held earlier.
    pub keeps_history: bool,
    /// Records keep a reference of ours by which a create can be looked up.
    pub keeps_reference: bool,
    /// Creating by reference twice makes one record (upsert, or an idempotency key that lasts).
    pub create_is_idempotent: bool,
    /// Paths whose value may stand on one record only.
    pub unique: Vec<String>,
}

/// One record as a product shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Remote {
    /// Its id. May differ from the id asked for, where products redirect merged records.
    pub id: String,
    /// The body exactly as received.
    pub body: Json,
    /// Its version, where the product has versions.
    pub version: Option<Version>,
    /// The product's own change mark (time stamp or etag) as text: compared for "unmoved", never ordered.
    pub mark: Option<String>,
    /// False for archived or deleted records that can still be read.
    pub alive: bool,
    /// Ids of records merged into this one.
    pub merged_from: Vec<String>,
    /// Who made the latest edit of a member, by the mapping's path text (e.g. `properties.email`).
    pub authors: BTreeMap<String, Author>,
    /// What a member held, newest first, the present value included: by the mapping's path text,
    /// for direct reads of products that keep a history.
    pub history: BTreeMap<String, Vec<Json>>,
}

/// One page of changes or of a full listing.
#[derive(Clone, Debug)]
pub struct Page {
    /// The records on it; a record may repeat.
    pub records: Vec<Remote>,
    /// Opaque position to be stored together with these records, and handed to the next call.
    pub cursor: String,
    /// The next page can be had at once.
    pub more: bool,
    /// Rows come from a list or search that may lag behind the records: hints, not facts.
    pub may_lag: bool,
    /// When the request for this page began, on the bridge's clock.
    pub started: Time,
}

/// The outcome of a direct read of one id.
#[derive(Clone, Debug)]
pub enum Read {
    /// The record (which may be dead, or carry another id: see [`Remote`]).
    Found(Box<Remote>),
    /// The product has no such record (any more).
    Missing,
    /// This record could not be read; the others could.
    Failed(AdapterError),
}

/// One write on its way out.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// Make a record.
    Create {
        /// Key of this attempt, stable over repeats.
        key: String,
        /// Our reference, to be kept in the record where the product can.
        reference: String,
        /// The whole body.
        body: Json,
    },
    /// Change a record.
    Update {
        /// Key of this attempt, stable over repeats.
        key: String,
        /// Remote id.
        id: String,
        /// The body the guard saw.
        before: Json,
        /// That body with the new values.
        after: Json,
        /// The version the guard saw, for conditional writes.
        version: Option<Version>,
    },
}

/// The answer to one write.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Done.
    Applied {
        /// The record's id.
        id: String,
        /// The record, where the answer shows it.
        record: Option<Box<Remote>>,
    },
    /// The record moved since the guard (412). Nothing was written.
    Moved,
    /// No such record (404). Nothing was written.
    Gone,
    /// The product will not take it. Nothing was written.
    Refused(Refusal),
    /// Proved not processed (429, refused connection, not sent): may be sent again later.
    Later(AdapterError),
    /// It may or may not have landed.
    Unknown(AdapterError),
}

/// Why a product will not take a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of refusal.
    pub kind: RefusalKind,
    /// The product's code or category; never its message, which may echo personal values.
    pub code: String,
    /// Path of the member at fault, where the product says so (e.g. `properties.email`).
    pub path: Option<String>,
}

/// Kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The value stands on another record, and may stand on one only.
    Taken,
    /// The value or record is not valid there.
    Invalid,
    /// We may not do this.
    Forbidden,
}

/// One look-up by our reference.
#[derive(Clone, Debug)]
pub struct Found {
    /// The reference asked for.
    pub reference: String,
    /// Records that carry it, archived and deleted ones included.
    pub records: Vec<Remote>,
}

/// One harmless probe of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What was tried, e.g. `read Patient`.
    pub what: String,
    /// The problem and its remedy, if it failed.
    pub problem: Option<(String, String)>,
}

/// Something a product must have before it can be synchronised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepareStep {
    /// What it is, e.g. `property halaxy_patient_id (unique)`.
    pub what: String,
    /// Already there.
    pub present: bool,
}

/// What went wrong with a call, by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many calls; try again after this long.
    Throttled(Option<Duration>),
    /// The day's calls are used up; try again after this long.
    DayBudget(Option<Duration>),
    /// Credentials are wrong or revoked: a person must act.
    Auth,
    /// The account may not use this resource: a person must act; other resources go on.
    Scope(String),
    /// The product or the network does not answer now.
    Unavailable,
    /// The product refuses the request; repeating does not help.
    Refused,
    /// The product answered something the adapter does not understand.
    Protocol,
}

/// A call that failed. The text carries ids, codes and names only, never a record's values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{system}: {what} ({code})")]
pub struct AdapterError {
    /// System name.
    pub system: String,
    /// What was being done, e.g. `GET Patient`.
    pub what: String,
    /// HTTP status or the product's code.
    pub code: String,
    /// What the caller can do.
    pub failure: Failure,
    /// Proved that the product did not process the request.
    pub not_processed: bool,
}

/// One connected account of a product.
#[async_trait]
pub trait Adapter: Send + Sync {
    /// Manners for one kind.
    fn traits(&self, kind: &str) -> Traits;

    /// The next page of changes. Without a cursor it starts with everything there is; once
    /// `more` is false every record that existed when the pass began has been on a page.
    /// A later call with the cursor of the last page gives what changed since.
    async fn changes(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError>;

    /// The next page of a complete listing, for sweeps. `None` starts afresh.
    async fn listing(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError>;

    /// Direct reads, in the order asked; at most [`Traits::read_batch`] ids. Never by search.
    async fn read(&self, kind: &str, ids: &[String]) -> Result<Vec<Read>, AdapterError>;

    /// Sends writes (at most one batch of one operation) and gives one answer for each, in order.
    async fn write(&self, kind: &str, writes: Vec<Outgoing>) -> Vec<Answer>;

    /// Looks records up by our references, the dead included. Only where `keeps_reference`.
    async fn find(&self, kind: &str, references: &[String]) -> Result<Vec<Found>, AdapterError>;

    /// Harmless probes of credentials and scopes for these kinds.
    async fn probe(&self, kinds: &[String]) -> Vec<Probe>;

    /// What the product must have; makes the missing parts if `apply`.
    async fn prepare(&self, kind: &str, apply: bool) -> Result<Vec<PrepareStep>, AdapterError>;

    /// Calls made and throttled since the adapter was made, for budgets and reports.
    fn usage(&self) -> Usage;

    /// Appointments as activities of contacts, where the product keeps such. They share the account's limits.
    fn activities(&self) -> Option<&dyn Activities> {
        None
    }

    /// Referrers as records, where the product holds such. They share the account's limits.
    fn referrers(&self) -> Option<&dyn Referrers> {
        None
    }
}

/// Calls since the adapter was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All API calls, token calls included.
    pub calls: u64,
    /// Those that read.
    pub reads: u64,
    /// Those that wrote.
    pub writes: u64,
    /// Answers that said "too many".
    pub throttled: u64,
    /// What is used of the day's calls, where the account has a daily limit.
    pub day: Option<DayUse>,
    /// Until when the credentials can be renewed, where the product says so: after it a person must
    /// connect the account anew.
    pub credentials_until: Option<Time>,
}
