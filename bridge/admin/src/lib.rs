//! What the bridge serves over HTTP, behind one listener. Each part is a router of its own in a file of
//! its own; [`router`] puts them behind the same limits, and [`Listener`] serves them until it is asked
//! to stop.
//!
//! Addresses on the internet belong behind a proxy that ends TLS: the listener speaks plain HTTP.
#![deny(missing_docs)]

pub mod health;
mod listener;
pub mod metrics;

pub use listener::{BODY_LIMIT, Listener, router};
