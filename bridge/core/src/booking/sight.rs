//! What a calendar that was looked at says of a request.

use super::request::Request;
use crate::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A time that the practice offers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FreeTime {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// With whom and where: the id of a PractitionerRole.
    pub role: String,
}

/// An appointment as a calendar shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appointment {
    /// Its id.
    pub id: String,
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// Ids of the practitioner roles in it.
    pub roles: Vec<String>,
    /// Patients in it, with the status of each as it is spelt; none in a block of the calendar.
    pub patients: Vec<(String, String)>,
}

/// A look at the calendar, from the side of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The time is free.
    Free,
    /// An appointment of this patient, there and then, that was not there before the request was sent.
    Ours {
        /// Its id.
        id: String,
        /// It was cancelled since.
        cancelled: bool,
    },
    /// New appointments of this patient there, at other times: one of them may be ours, moved since.
    Elsewhere(Vec<String>),
    /// The patient had this very time before.
    Already(String),
    /// Somebody or something else has the time.
    Taken,
}

/// Whether a status gives the time back (halaxy-api.md section 7.3; whatever is not known keeps it).
fn gives_back(status: &str) -> bool {
    let status = status.trim().to_lowercase();
    status.starts_with("cancelled") || status == "rejected"
}

impl Appointment {
    /// Whether it takes its time up: a block, or a patient who has not cancelled.
    pub fn stands(&self) -> bool {
        self.patients.is_empty() || self.patients.iter().any(|(_, status)| !gives_back(status))
    }

    fn of(&self, patient: &str) -> Option<&str> {
        let part = self.patients.iter().find(|(id, _)| id == patient);
        part.map(|(_, status)| status.as_str())
    }
}

/// What these appointments say of a request for this patient. `before` are the ids that were there before it was sent;
/// `others` those known to belong to other requests.
pub fn look(
    request: &Request,
    patient: &str,
    shown: &[Appointment],
    before: &BTreeSet<String>,
    others: &BTreeSet<String>,
) -> Sight {
    let there = || shown.iter().filter(|one| one.roles.contains(&request.role));
    let mine = |one: &&Appointment| one.of(patient).is_some() && !others.contains(&one.id);
    let fresh = |one: &&Appointment| mine(one) && !before.contains(&one.id);
    let then = |one: &&Appointment| one.start == request.start;
    let kept = |one: &Appointment| one.of(patient).is_some_and(|status| !gives_back(status));
    let mut ours: Vec<&Appointment> = there().filter(fresh).filter(then).collect();
    ours.sort_by_key(|one| (!kept(one), one.id.clone()));
    if let Some(one) = ours.first() {
        return Sight::Ours {
            id: one.id.clone(),
            cancelled: !kept(one),
        };
    }
    let elsewhere: Vec<String> = there().filter(fresh).map(|one| one.id.clone()).collect();
    if !elsewhere.is_empty() {
        return Sight::Elsewhere(elsewhere);
    }
    let over = |one: &&Appointment| one.start < request.end() && request.start < one.end && one.stands();
    let held = there().filter(over).find(|one| then(one) && kept(one));
    match held.or_else(|| there().find(over)) {
        None => Sight::Free,
        Some(one) if then(&one) && kept(one) => Sight::Already(one.id.clone()),
        Some(_) => Sight::Taken,
    }
}

/// Whether the practice offers exactly this time.
pub fn offered(request: &Request, free: &[FreeTime]) -> bool {
    free.iter()
        .any(|time| time.role == request.role && time.start == request.start && time.end >= request.end())
}
