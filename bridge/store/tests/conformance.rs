//! What every store must do, whatever database is under it: here over SQLite. Written against the public
//! interface; only `place` knows how a database is made and looked into.
#![allow(clippy::unwrap_used)]

#[path = "conformance/place_sqlite.rs"]
mod place;
#[path = "conformance/support.rs"]
mod support;

#[path = "conformance/aggregates.rs"]
mod aggregates;
#[path = "conformance/concerns.rs"]
mod concerns;
#[path = "conformance/counterparts.rs"]
mod counterparts;
#[path = "conformance/damage.rs"]
mod damage;
#[path = "conformance/events.rs"]
mod events;
#[path = "conformance/feed.rs"]
mod feed;
#[path = "conformance/file.rs"]
mod file;
#[path = "conformance/hints.rs"]
mod hints;
#[path = "conformance/index.rs"]
mod index;
#[path = "conformance/large.rs"]
mod large;
#[path = "conformance/leases.rs"]
mod leases;
#[path = "conformance/ledger.rs"]
mod ledger;
#[path = "conformance/lists.rs"]
mod lists;
#[path = "conformance/located.rs"]
mod located;
#[path = "conformance/mirror.rs"]
mod mirror;
#[path = "conformance/notes.rs"]
mod notes;
#[path = "conformance/observed.rs"]
mod observed;
#[path = "conformance/review.rs"]
mod review;
#[path = "conformance/secrecy.rs"]
mod secrecy;
#[path = "conformance/work.rs"]
mod work;
