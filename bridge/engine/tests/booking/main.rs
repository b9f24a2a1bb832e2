//! The booking desk over the stand-in of Halaxy: what requesters are told is what the calendar shows, whatever fails.
#![allow(clippy::unwrap_used)]

mod desk;
mod race;
mod single;
