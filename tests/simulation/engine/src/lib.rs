//! The same kind of worlds around the real engine: its store is a real store, its accounts are fake
//! products in the same process, time is virtual, and it may be killed at any point of any call.
#![deny(missing_docs)]

pub mod account;
pub mod clock;
pub mod history;
pub mod product;
mod verdict;
pub mod world;
