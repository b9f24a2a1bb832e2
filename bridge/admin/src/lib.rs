//! What the bridge serves over HTTP, behind one listener. Each part is a router of its own in a file of
//! its own; [`router`] puts them behind the same limits, and [`Listener`] serves them until it is asked
//! to stop.
//!
//! Addresses on the internet belong behind a proxy that ends TLS: the listener speaks plain HTTP.
//!
//! | module | what it serves |
//! |---|---|
//! | [`webhooks`], [`inbox`] | where products call, and how what they tell is kept |
//! | [`api`] | Halaxy's endpoints as actions, for programs with a token |
//! | [`desk`] | what people decide with: search, inbox, details, decisions, undo, rules, timelines |
//! | [`actions`], [`receipts`] | what carries actions out, each write once for its request key |
//! | [`bookings`] | the booking desk, for programs |
//! | [`app`], [`access`] | the pages for people, and who may see which |
//! | [`holds`] | what waits and why, of one entity or all |
//! | [`health`], [`metrics`] | how the practice is doing, for people, probes and Prometheus |
#![deny(missing_docs)]

pub mod access;
pub mod actions;
pub mod api;
pub mod app;
pub mod bookings;
pub mod desk;
pub mod health;
pub mod holds;
pub mod inbox;
mod listener;
pub mod metrics;
pub mod receipts;
mod taken;
pub mod webhooks;

pub use listener::{BODY_LIMIT, Ending, Listener, Peer, router};
