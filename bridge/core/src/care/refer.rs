//! Referrers as a CRM should hold them: one record for each person who refers and one for each practice they work at,
//! known by Halaxy's id, followed as they change, with how many they referred and when last. Of patients nothing is told
//! but how many there were.
//!
//! Records are matched by our key or by provider number, never by name.

mod entry;
mod field;
mod known;
mod plan;

pub use entry::{Entry, EntryState, Refused};
pub use field::{Field, Fields, Sort};
pub use known::{KINDS, Known, Rules, Wanted};
pub use plan::{Act, Given, Held, Plan, Planned, Why, adopted};
