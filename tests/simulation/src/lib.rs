//! A seeded, single-threaded simulation of people, products and faults around the real pure core.
//! Virtual time, no I/O; the same seed gives the same trace. A checker that knows who typed what
//! on top of what names every broken promise.
#![deny(missing_docs)]

mod answers;
mod chance;
mod deliver;
pub mod dice;
pub mod drill;
pub mod ghost;
pub mod history;
mod judge;
mod outcome;
mod people;
pub mod plot;
pub mod promise;
mod quiet;
pub mod remote;
pub mod scenes;
mod script;
pub mod step;
mod tell;
mod watch;
pub mod world;

pub use watch::watch_row;
