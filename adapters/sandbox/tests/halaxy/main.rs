//! Halaxy's stand-in behaves as halaxy-api.md describes Halaxy.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod lists;
mod patients;
mod support;
