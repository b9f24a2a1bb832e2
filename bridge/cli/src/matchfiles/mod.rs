//! Exports as files: their columns, their records, and the page about a match of two.

pub mod columns;
pub mod read;
pub mod summary;
