//! Promises about what people type: it arrives, nothing of it is lost or repeated, and order holds.
#![allow(clippy::unwrap_used)]

mod arriving;
mod echoes;
mod lost_answers;
mod overwriting;
mod support;
