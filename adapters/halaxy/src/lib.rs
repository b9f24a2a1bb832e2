//! Halaxy: a typed client, and the adapter through which the engine sees an account.
//!
//! Kinds are resource types (`Patient`). Bodies stay as received; [`PatientView`] names their parts, and [`money`] reads
//! invoices, payments and what they refer to as the ledger's facts.
#![deny(missing_docs)]

mod adapter;
mod bundle;
mod calendar;
mod call;
mod client;
pub mod endpoints;
mod feed;
mod links;
mod mirror;
pub mod money;
mod options;
mod pass;
mod patient;
mod probe;
mod query;
mod stamp;
mod verdicts;
mod webhook;
mod writes;

pub use adapter::HalaxyAdapter;
pub use bundle::{ResourcePage, reference_id};
pub use calendar::HalaxyCalendar;
pub use call::{Reply, advice};
pub use client::{HalaxyClient, Written};
pub use mirror::HalaxyMirror;
pub use money::{MONEY_KINDS, MoneyReader};
pub use options::{HalaxyOptions, OptionsError, Region};
pub use patient::{PATIENT_STATUS, PatientView};
pub use query::{Compare, PAGE_SIZE, Query};
pub use webhook::HalaxyWebhook;
