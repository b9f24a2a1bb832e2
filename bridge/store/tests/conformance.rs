//! What every store must do, whatever database is under it. Written against the public interface;
//! only `support` and `secrecy` know how a database is made and looked into.
#![allow(clippy::unwrap_used)]

#[path = "conformance/support.rs"]
mod support;

#[path = "conformance/aggregates.rs"]
mod aggregates;
#[path = "conformance/damage.rs"]
mod damage;
#[path = "conformance/index.rs"]
mod index;
#[path = "conformance/lists.rs"]
mod lists;
#[path = "conformance/notes.rs"]
mod notes;
#[path = "conformance/observed.rs"]
mod observed;
#[path = "conformance/secrecy.rs"]
mod secrecy;
#[path = "conformance/work.rs"]
mod work;
