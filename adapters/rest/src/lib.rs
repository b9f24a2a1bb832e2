//! Runs declarative connectors: one TOML file describes a REST product, and [`RestAdapter`] is
//! the adapter that the file makes of it. No product is named in this crate's code.
//!
//! | module | what it holds |
//! |---|---|
//! | [`connector`] | the parsed file |
//! | `parse` | from text to connector, with findings that know their line |
//! | [`place`], [`template`] | where something stands in an answer; requests with holes |
//! | `account`, `meaning` | credentials, limits, calls; what answers mean |
//! | `cursor`, `pages` | paging, changes, listings |
//! | `record`, `body` | records coming in; bodies going out |
//! | `lookups`, `writes`, `setup` | reads, creates and updates, probes and preparation |
//! | [`connect`] | signing in, and which organisations that opens |
//! | [`books`] | accounting products |
//! | `activities` | appointments as activities of contacts |
//! | `referrers` | who refers, as records |
//! | `webhook` | what the product sends |
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod activities;
mod adapter;
mod body;
pub mod books;
pub mod connect;
pub mod connector;
mod cursor;
mod lookups;
mod meaning;
mod pages;
mod parse;
pub mod place;
mod record;
mod referrers;
mod setup;
pub mod shipped;
pub mod template;
mod webhook;
mod writes;

pub use account::{RestOptions, SetupError};
pub use adapter::RestAdapter;
pub use books::RestBooks;
pub use connector::Connector;
pub use webhook::RestWebhook;
