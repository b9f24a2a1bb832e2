//! Appointments as a CRM should show them: one activity for each patient of each appointment, and nothing that tells of
//! another patient, of what is treated, or of a link into a consultation. Pure: bodies, rules and times come in.
//!
//! | module | what it holds |
//! |---|---|
//! | `visit` | what an Appointment of Halaxy says |
//! | `mode` | clinic, video, phone or other: the one place where its spellings stand |
//! | `around` | names of places, practitioners and services that appointments refer to |
//! | `status` | the open set of statuses, and what each means for a CRM |
//! | `activity` | what a CRM is told, member by member |
//! | `wording` | how that is written, and how links are taken out |
//! | `rules` | what a practice decides: wording, window, statuses |
//! | `entry` | what was posted, and how far each posting got |
//! | `plan` | what to do next about each activity |
//! | `months` | months of the last and the next visit |

mod activity;
mod around;
mod entry;
mod mode;
mod months;
mod plan;
mod rules;
mod status;
mod visit;
mod wording;

pub use activity::{Activity, Member, Members, key};
pub use around::{Around, KINDS};
pub use entry::{Entry, EntryState, Outgoing, Refused};
pub use mode::Mode;
pub(crate) use months::last_and_next;
pub use months::{Months, months};
pub use plan::{Act, Edits, Given, Held, Plan, Planned, Why};
pub use rules::{Rules, Tell, Wanted};
pub use status::{Outcome, outcome};
pub(crate) use visit::linked;
pub use visit::{Attendance, NotRead, Visit};
pub use wording::without_links;
