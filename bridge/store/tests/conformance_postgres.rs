//! What every store must do, whatever database is under it: here over PostgreSQL. `tests/run` starts a server
//! and names it in HALAXY_BRIDGE_TEST_POSTGRES.
#![allow(clippy::unwrap_used)]

#[path = "conformance/place_postgres.rs"]
mod place;
#[path = "conformance/support.rs"]
mod support;

#[path = "conformance/aggregates.rs"]
mod aggregates;
#[path = "conformance/concerns.rs"]
mod concerns;
#[path = "conformance/copy.rs"]
mod copy;
#[path = "conformance/counterparts.rs"]
mod counterparts;
#[path = "conformance/damage.rs"]
mod damage;
#[path = "conformance/events.rs"]
mod events;
#[path = "conformance/feed.rs"]
mod feed;
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
#[path = "conformance/server.rs"]
mod server;
#[path = "conformance/work.rs"]
mod work;
