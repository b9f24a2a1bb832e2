//! The parts of the `halaxy-bridge` program: configuration, wiring, commands and what they print.
//!
//! | module | what it holds |
//! |---|---|
//! | [`args`] | the command line |
//! | [`commands`] | one file per command |
//! | [`config`], [`wiring`], [`kept_token`] | from `bridge.toml` to a running engine |
//! | [`booking`] | the booking desk in a process |
//! | [`books`], [`landing`] | accounting systems, and signing in to them |
//! | [`serving`] | what the service listens on |
//! | [`affairs`] | what of appointments and invoices the desk may show |
//! | [`outlets`] | the public stream, and who it is sent to |
//! | [`besides`] | the mirror and what lives from it, beside the engine |
//! | [`diary`] | appointments in the CRM, beside the engine |
//! | [`drive`] | one pass until everything has settled |
//! | [`exports`] | what can be exported of a configuration, and the warehouse beside the service |
//! | [`report`] | what a pass did, as people and programs read it |
//! | [`story`] | the stand-ins and the scenes of `demo` |
//! | [`review`], [`holds`], [`typed`] | what people decide on, and what they type |
//! | [`matchfiles`] | exports as files, for `match` |
//! | [`marks`] | what was asked for by its contents, so that it is made once |
//! | [`output`], [`exit`] | printing, and what a command ends with |
//! | [`watch`] | referrals and calls, beside the engine |
//! | [`telemetry`] | logs, traces and metrics |
#![deny(missing_docs)]

pub mod affairs;
pub mod args;
pub mod besides;
pub mod booking;
pub mod books;
pub mod commands;
pub mod config;
pub mod diary;
pub mod drive;
pub mod exit;
pub mod exports;
pub use bridge_admin::holds;
pub mod kept_token;
pub mod landing;
pub mod ledger;
pub mod marks;
pub mod matchfiles;
pub mod outlets;
pub mod output;
pub mod pages;
pub mod referrers;
pub mod report;
pub mod review;
pub mod rules_check;
pub mod service;
pub mod serving;
pub mod signals;
pub mod story;
pub mod telemetry;
pub mod times;
pub mod typed;
pub mod watch;
pub mod wiring;
