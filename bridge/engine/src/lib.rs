//! The loop: capture what systems show, reconcile what changed, deliver what is planned, look at
//! what is uncertain. Decisions are made by `bridge-core`; this crate only moves facts and orders
//! effects: store before call, guard before write, mark before send.
//!
//! [`Engine::step`] does one round of everything that is due and says what it did and when it
//! wants to be called again. Time and ids come in ([`adapter_kit::Clock`], [`Ids`]), so that a
//! simulation can drive the real engine.
#![deny(missing_docs)]

pub mod affairs;
mod approval;
pub mod booking;
mod capture;
pub mod care;
pub mod consent;
mod deliver;
mod desk;
pub mod diary;
mod directory;
pub mod erase;
mod error;
mod follow;
mod handed;
mod held_up;
mod hints;
mod identify;
pub mod joined;
pub mod kept_back;
pub mod ledger;
pub mod located;
mod look_back;
pub mod lookup;
mod marked;
mod matches;
mod measure;
mod merges;
pub mod mirror;
mod note;
pub mod pause;
mod people;
mod preview;
mod reconcile;
pub mod referrers;
mod rematch;
pub mod retention;
mod runs;
mod send;
mod settings;
mod step;
mod sweep;
mod take_back;
mod take_back_run;
mod take_back_write;
pub mod telehealth;
mod tell;
mod unknown;
pub mod vitals;
mod words;

pub use approval::{Approval, Brake};
pub use desk::{Asked, Decided};
pub use error::EngineError;
pub use held_up::{HeldBy, HeldUp};
pub use matches::Verdict;
pub use note::drove_lately;
pub use people::Resolution;
pub use preview::{Preview, PreviewCandidate, PreviewWrite, Would};
pub use settings::{Brakes, Ids, RandomIds, Settings, System};
pub use step::{Engine, Health, Step, Tally};
pub use sweep::swept;
pub use take_back::KEPT;
pub use take_back_run::{PutBack, RunUndo, TakingBack};
pub use tell::Stream;
pub use words::{record_stands, words, write_stands};
