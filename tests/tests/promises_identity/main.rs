//! Promises about who is who: nothing is created twice or comes back, and nobody is taken for somebody else.
#![allow(clippy::unwrap_used)]

mod creations;
mod likeness;
mod merges;
mod removals;
mod support;
