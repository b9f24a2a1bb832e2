//! The ledger with the built program, over HTTP: a month is posted and proved, people change things on both sides, bad
//! input is held, and the program is killed in the middle.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod desk;
mod people;
mod posting;
