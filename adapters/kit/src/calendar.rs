//! The contract between booking and a product with a calendar.

use crate::contract::AdapterError;
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::booking::{Answered, Appointment, Booking, Candidate, FreeTime, Named, Request};
use std::time::Duration;

/// Which free times are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeAsk {
    /// Free from then.
    pub from: Time,
    /// Free until then.
    pub to: Time,
    /// Minutes.
    pub minutes: u32,
    /// Of which practitioner role, by id; any if not said.
    pub role: Option<String>,
    /// Of which practitioner, by id.
    pub practitioner: Option<String>,
    /// Only the first.
    pub first: bool,
}

impl FreeAsk {
    /// Whether the practice offers the time of a request.
    pub fn at(request: &Request) -> FreeAsk {
        FreeAsk {
            from: request.start,
            to: request.end(),
            minutes: request.minutes,
            role: Some(request.role.clone()),
            practitioner: None,
            first: false,
        }
    }
}

/// One calendar that can be booked into.
#[async_trait]
pub trait Calendar: Send + Sync {
    /// Times that the practice offers, in order.
    async fn free(&self, ask: &FreeAsk) -> Result<Vec<FreeTime>, AdapterError>;

    /// Every appointment of a practitioner role that takes place, or a part of which may, between two moments;
    /// cancelled ones and blocks too.
    async fn shown(&self, role: &str, from: Time, to: Time) -> Result<Vec<Appointment>, AdapterError>;

    /// A patient's appointments that were made since then, whoever they are with.
    async fn made_since(&self, patient: &str, since: Time) -> Result<Vec<Appointment>, AdapterError>;

    /// Books, once. Two bookings of one role at one time must be refused with [`Answered::Conflict`].
    async fn book(&self, booking: &Booking) -> Answered;

    /// Patients who may be meant: everybody with that address, number, or family name and birth date.
    async fn candidates(&self, named: &Named) -> Result<Vec<Candidate>, AdapterError>;

    /// The longest that a booking can live after we gave up on it, and that lists may lag behind, together.
    fn life(&self) -> Duration;
}
