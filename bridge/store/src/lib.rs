//! Where the bridge keeps everything: one [`Store`] per practice over SQLite or PostgreSQL. The only
//! crate with SQL. Callers see the aggregate of `bridge_core`, batches and transactions, never the
//! database.
//!
//! - Reads are methods of [`Store`]; every change is a method of [`Tx`], the one write transaction
//!   of a practice at a time. What must agree is changed in one [`Tx`]; dropped without [`Tx::commit`] it leaves
//!   nothing.
//! - An [`bridge_core::Entity`] is saved against the revision it was loaded with; a stale one is
//!   not written and is named, so two workers on one entity exclude each other.
//! - Personal values are sealed ([`Key`]); columns hold ids, states and times. Look-ups go by keyed
//!   hash ([`LookupKey`]).
//! - What only one process may do is done under a [`Lease`] ([`Store::begin_as`]): a worker that was
//!   paused while another one took its lease cannot write any more.
//! - A missing file is a new, empty store. A damaged one is refused ([`StoreError::Corrupt`]): the
//!   way back is a backup, or linking again from the systems, never creating again.
//! - Every row belongs to a practice, and a [`Store`] sees the rows of its own only.
#![deny(missing_docs)]

mod audit;
mod body;
mod candidates;
mod codec;
mod codes;
mod concerns;
mod counterparts;
mod counts;
mod db;
mod decisions;
mod erase;
mod error;
mod events;
mod feed;
mod hints;
mod inbox;
mod index;
mod key;
mod ledger;
mod load;
mod located;
mod mailbox;
mod mirror;
mod names;
mod open;
mod pages;
mod pool;
mod postgres;
mod progress;
mod records;
mod register;
mod review;
mod rotate;
mod samples;
mod save;
mod sqlite;
mod tables;
mod telling;
mod trace;
mod tx;
mod waiting;
mod within;
mod work;

pub use concerns::mirrored_part;
pub use counts::Sizes;
pub use decisions::DecisionRow;
pub use error::{Result, StoreError};
pub use events::{Event, Subscriber};
pub use feed::{Changed, Followed};
pub use hints::Hint;
pub use key::{Key, KeyError};
pub use located::{Located, Visited};
pub use mirror::Mirrored;
pub use open::Store;
pub use pages::{LineFilter, Lines};
pub use postgres::Driving;
pub use progress::Lease;
pub use records::{
    AuditEntry, Candidate, CandidateState, CardRow, ConflictRow, Counts, Cursor, Decided, Due, Filter, Found, KeptBack,
    LinkRow, LinkedRow, LookupKey, Loser, Oldest, Owner, Page, Paged, RecordKey, Run, conflict_id,
};
pub use register::{Ages, Told};
pub use samples::{Sample, Span};
pub use tables::TableSum;
pub use telling::{About, Telling};
pub use trace::trace_subject;
pub use tx::Tx;
pub use waiting::{Cell, Item, ItemFilter, hold_id, hold_items};
pub use within::Within;
