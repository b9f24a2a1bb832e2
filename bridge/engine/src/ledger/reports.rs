//! What bookkeepers read: previews, drift, the close of a month, and what waits. Commands and pages show the same ones; nothing
//! else sums anything.

mod close;
mod document;
mod drift;
mod holds;
mod preview;

pub(in crate::ledger) use close::WHICH;
pub use close::{Closing, Figures, Light, Step};
pub use document::{document_lines, document_shares};
pub use drift::Drift;
pub use holds::{HoldGroup, hold_groups};
pub use preview::{documents, journal_rows, lines};
