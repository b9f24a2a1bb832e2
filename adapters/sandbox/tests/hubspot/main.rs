//! The HubSpot-shaped stand-in behaves as vendor-apis.md section 1 and sdk-clients.md section 1 describe HubSpot.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod batches;
mod calls;
mod contacts;
mod lists;
mod support;
