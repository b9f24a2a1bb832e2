//! The pure heart of halaxy-bridge: what a value is, how a remote record is read and written
//! through a mapping, which reads count, how edits from several systems merge, what is to be
//! sent where, and what an answer means. No I/O, no clock, no randomness: time and ids come in
//! as parameters, so the same inputs always give the same plan.
//!
//! | word | meaning |
//! |---|---|
//! | system | one connected account of an external application (`halaxy`, `crm`) |
//! | record | one object in one system: (system, kind, remote id) |
//! | entity | the real-world thing, with the bridge's own UUIDv7 |
//! | link | the statement that a record is an entity, with everything known of the record |
//! | unit | the smallest thing that is merged: a field, or a group that only makes sense together |
//! | base | per link and unit: the last value this system and the entity agreed on |
//! | shown | the remote's own spelling of the base, where it respells what it is sent |
//! | seen | per link and unit: what the system was last seen to hold |
//! | agreed | the entity's value of a unit, with where it came from |
//! | look | a mark that a record is due for a direct read |
//! | conflict | a unit that systems changed differently and no policy decides |
//! | hold | something that must wait, always with a reason |
#![deny(missing_docs)]

pub mod affairs;
pub mod booking;
pub mod capture;
pub mod care;
pub mod change;
pub mod codec;
pub mod condition;
pub mod config_problem;
pub mod consent;
pub mod csv_cell;
pub mod deny;
pub mod diary;
pub mod effects;
pub mod entity;
mod hex;
pub mod hindsight;
pub mod laws;
pub mod ledger;
pub mod location;
pub mod mapping;
pub mod matching;
pub mod merge;
pub mod path;
pub mod plan;
mod report_rows;
pub mod review;
pub mod schema;
pub mod settle;
mod shared;
pub mod table;
pub mod telehealth;
pub mod typed;
pub mod undo;
pub mod value;
pub mod waiting;

pub use entity::{
    Agreed, Author, Card, CardKind, Conflict, Doubt, Entity, Grave, Hold, Lane, Link, LinkState, LinkUnit, Op, Origin,
    Time, UnitHold, Version, Write, WriteState,
};
pub use hex::hex;
pub use schema::{Accept, AcceptRule, Class, Clear, OptOut, Party, Schema, Unit, UnitType, Wins};
pub use shared::Shared;
pub use value::{Value, Values};
