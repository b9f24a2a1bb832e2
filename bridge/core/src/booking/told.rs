//! What a requester is told, in words. They name times and ids; never a person.

use super::course::{Reason, Record, State, Why};
use super::when::read;
use crate::Time;
use jiff::tz::TimeZone;
use serde::Serialize;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// One word: `booked`, `taken`, `refused`, `waiting`, `unknown`, `open` or `withdrawn`.
    pub outcome: &'static str,
    /// A sentence.
    pub text: String,
    /// What to do about it; nothing if nothing is to be done.
    pub remedy: Option<&'static str>,
}

impl Record {
    /// What became of it, on the practice's clock.
    pub fn told(&self, zone: &TimeZone) -> Told {
        let start = self.request.as_ref().map(|request| request.start);
        let then = start.map_or_else(|| "then".to_string(), |at: Time| read(at, zone));
        let (outcome, text, remedy) = match &self.state {
            State::Booked { cancelled: true, .. } => (
                "booked",
                format!("It was booked for {then} and has been cancelled since."),
                Some("Ask again for another time; this request is done."),
            ),
            State::Booked { already: true, .. } => (
                "booked",
                format!("The patient has this appointment already: {then}."),
                None,
            ),
            State::Booked { .. } => ("booked", format!("Booked for {then}."), None),
            State::Taken => (
                "taken",
                format!("Nothing was booked: {then} is taken."),
                Some("Choose another time; `book find` shows free ones."),
            ),
            State::Refused { reason, .. } => refused(reason, &then),
            State::Waiting { why } => waiting(*why, &then),
            State::Sent { .. } | State::Unknown { .. } => (
                "unknown",
                format!("It was sent for {then} and not answered; nobody knows yet whether it is booked."),
                Some("Ask for the same request key again: the calendar is looked at before anything is repeated."),
            ),
            State::Asked | State::Marked => (
                "open",
                format!("Nothing is booked yet for {then}; it is tried again."),
                Some("Ask for the same request key again, or let the service go on."),
            ),
            State::Withdrawn => ("withdrawn", "Given up; nothing was booked.".to_string(), None),
        };
        Told { outcome, text, remedy }
    }
}

fn refused(reason: &Reason, then: &str) -> (&'static str, String, Option<&'static str>) {
    let (text, remedy) = match reason {
        Reason::NotOffered => (
            format!("Nothing was booked: the practice does not offer {then}."),
            "Choose a time that `book find` shows; somebody of the practice may book others with --unoffered.",
        ),
        Reason::Past => (
            format!("Nothing was booked: {then} has passed."),
            "Choose another time.",
        ),
        Reason::Conflict => (
            format!("Nothing was booked: Halaxy says that {then} is taken, though nothing is seen there."),
            "Choose another time, or look into the calendar for what is hidden from the API key.",
        ),
        Reason::Location => (
            "Nothing was booked: this Halaxy account does not take that location at booking.".to_string(),
            "Book with location clinic, and change the location in Halaxy.",
        ),
        Reason::Unknown => (
            "Nothing was booked: Halaxy knows no such patient, practitioner role, appointment type or fee.".to_string(),
            "Check the ids: `halaxy list-practitioner-roles`, `list-healthcare-services` and so on show them.",
        ),
        Reason::Forbidden => (
            "Nothing was booked: the API key may not book.".to_string(),
            "Allow Appointments to be created in Halaxy under Settings > API keys.",
        ),
        Reason::Invalid => (
            "Nothing was booked: Halaxy does not accept the request.".to_string(),
            "`book request --dry-run` shows what would be sent.",
        ),
        Reason::Unreadable { part, what } => (
            format!("Nothing was booked: {part} {what}."),
            "Correct it and ask anew.",
        ),
    };
    ("refused", text, Some(remedy))
}

fn waiting(why: Why, then: &str) -> (&'static str, String, Option<&'static str>) {
    let (text, remedy) = match why {
        Why::Nobody => (
            "Nothing is booked yet: it is not sure which patient is meant.".to_string(),
            "Say who it is with `book decide KEY --patient ID`; make the patient in Halaxy first if there is none.",
        ),
        Why::Several => (
            "Nothing is booked yet: several patients may be meant.".to_string(),
            "Say who it is with `book decide KEY --patient ID`.",
        ),
        Why::NotLinked => (
            "Nothing is booked yet: the contact is linked with no patient.".to_string(),
            "Link the contact (`links`, `matches`), or say who it is with `book decide KEY --patient ID`.",
        ),
        Why::Moved => (
            format!("It was sent for {then} and not answered, and the patient has a new appointment at another time."),
            "Look into the calendar: `book decide KEY --booked APPOINTMENT` if that is it, `--withdraw` if not.",
        ),
        Why::NoAnswer => (
            format!("It was sent for {then} several times; Halaxy never answered, and it is not there."),
            "Look into the calendar: `book decide KEY --booked APPOINTMENT` or `--withdraw`.",
        ),
    };
    ("waiting", text, Some(remedy))
}
