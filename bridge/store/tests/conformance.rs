//! What every store must do, whatever database is under it. Written against the public interface;
//! only `support` knows how a database is made and looked into.

#[path = "conformance/support.rs"]
mod support;

#[path = "conformance/aggregates.rs"]
mod aggregates;
