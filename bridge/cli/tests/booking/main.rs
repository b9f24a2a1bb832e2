//! `book`: found, shown without being sent, booked once for each key, asked for in the CRM and answered there; and what
//! `kill -9` leaves is gone on with.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod asked;
mod killed;
mod support;
