//! Telehealth: what consultations by video and phone take of the practice's prepaid credits, and the calls that were made.
//!
//! Halaxy's API shows neither calls nor credits; its reports do, as CSV (competitors.md 6). A report is read by a layout
//! that is data ([`layout`]); each row counts once, whatever file it comes in ([`Ledgered`]); until a report shows what was
//! used it is [`estimate`]d and marked so. Links to video rooms have no place here.

mod calls;
pub mod cost;
pub mod estimate;
pub mod layout;
mod read;
mod usage;
mod who;

pub use calls::{Call, Ledgered, Merge};
pub use layout::{Column, Layout, Report};
pub use read::{Read, RowProblem, read};
pub use usage::{Usage, UsageKind};
pub use who::{Party, Who, matched};
