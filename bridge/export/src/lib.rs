//! Exports: what the bridge knows and mirrors, as rows of typed columns. Once, as a feed of changes by cursor, or
//! continuously into a database of the user's.
//!
//! - [`entities`] states in tables what there is; [`Grant`] says which privacy classes may leave.
//! - [`Reader`] gives rows page by page, all of them or those that changed, so that memory stays bounded.
//! - [`format`] writes rows as CSV, NDJSON or Parquet; [`Draft`] is a file that has its name only when it is whole.
//! - [`warehouse`] keeps tables of a PostgreSQL schema as an export would show them.
#![deny(missing_docs)]

mod about;
mod cell;
mod column;
mod cursor;
mod draft;
pub mod entities;
pub mod format;
mod grant;
mod read;
pub mod warehouse;

pub use cell::{Cell, PLACES, Shape};
pub use column::{At, Column, Spec, Unreadable};
pub use cursor::{Cursor, CursorError};
pub use draft::{Draft, DraftError};
pub use grant::{Grant, GrantError, word};
pub use read::{Place, ReadError, Reader, Row};
