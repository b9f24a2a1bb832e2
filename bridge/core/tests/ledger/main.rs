//! The ledger's decisions through its public interface: examples a bookkeeper can read, and laws over random histories.
#![allow(clippy::unwrap_used)]

mod adoption;
mod books;
mod examples;
mod history;
mod recoding;
mod rounding;
mod settled;
mod truth;
