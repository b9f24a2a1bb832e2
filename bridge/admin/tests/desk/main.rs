//! The desk's laws over a store in memory: a decision applies to what was shown and nothing else, what is taken back is as it
//! was, a group is decided as one by one would be, and what is shown of a choice is what it causes.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod deciding;
mod finding;
mod groups;
mod support;
