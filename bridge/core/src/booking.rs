//! Booking appointments: what a request is, which moment a wall time means, what a calendar that was looked at says of
//! it, and what comes next. Nothing is booked here; [`course::Record`] is moved on by what an answer or a look tells.
//!
//! A request ends once and for all: booked, taken, refused or withdrawn. What was sent and not answered is looked at,
//! and goes out again only when the call's life is over and the time is free.

pub mod course;
pub mod form;
pub mod request;
pub mod sight;
pub mod told;
pub mod when;
pub mod who;

pub use course::{Answered, Next, Origin, Reason, Record, State, Why};
pub use form::{Answer, Form, FormProblem};
pub use request::{Booking, Defaults, Request, RequestProblem, Who};
pub use sight::{Appointment, FreeTime, Sight};
pub use told::Told;
pub use when::WhenProblem;
pub use who::{Candidate, Named, Recognised};
