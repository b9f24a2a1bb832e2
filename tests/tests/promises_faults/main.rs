//! Promises about what goes wrong outside: cursors, crashes, poison, outages and lists that leave records out.
#![allow(clippy::unwrap_used)]

mod costs;
mod crashes;
mod cursors;
mod poison;
mod removals;
mod support;
