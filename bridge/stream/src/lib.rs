//! The public stream: one event for each change of a record that the bridge has seen, sent to a topic exchange and
//! as signed webhooks, so that notification platforms, spreadsheets and internal systems can follow.
//!
//! The engine writes events into the store, in the transaction that stores what was seen; [`Publisher`] sends them
//! from each subscriber's stored position. Every event arrives at least once, in the order it was seen; who gets one
//! twice knows it by its id. Events hold ids and names of units, never what a unit holds: [`document`] says how.
#![deny(missing_docs)]

mod cursor;
pub mod document;
mod outlet;
mod pattern;
mod publisher;
mod sign;
mod webhook;

pub use cursor::{Cursor, CursorError};
pub use outlet::{Broker, Letter, Outlet, Sent, Stopped};
pub use pattern::{Pattern, PatternError};
pub use publisher::{PARK_AFTER, Publisher};
pub use sign::{SecretError, Signer};
pub use webhook::{AddressError, Webhook, address};
