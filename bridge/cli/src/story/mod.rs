//! The demo: a stage of stand-ins, a practice connected to it, and scenes that people can follow.

pub mod books;
pub mod hands;
pub mod links_out;
pub mod office;
pub mod practice;
pub mod scenes;
pub mod stage;
