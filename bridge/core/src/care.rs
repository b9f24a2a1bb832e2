//! What stands around a patient's treatment besides the money: referrals and claim details as Halaxy shows them, what is
//! left of them, what is made only once, the files that are added, and clinical notes on their way out.
//!
//! Shapes are those of halaxy-api.md 7.6 to 7.9. Reading is tolerant: what is missing is `None`, what cannot be understood
//! is named. Comments of referrals are not read at all: they hold reasons for treatment.

pub mod attach;
mod body;
pub mod coverage;
pub mod note;
pub mod once;
pub mod refer;
pub mod referral;
pub mod referrer;
pub mod standing;

pub use attach::{Attachment, BadAttachment};
pub use body::Unreadable;
pub use coverage::Coverage;
pub use note::{BadNote, Note};
pub use referral::{Definition, Referral};
pub use referrer::Referrer;
pub use standing::{Limits, Overview, Standing, State};
