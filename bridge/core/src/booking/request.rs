//! What somebody asks for.

use super::when::{self, WhenProblem};
use super::who::Named;
use crate::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Where an appointment can take place (halaxy-api.md section 7.3).
pub const LOCATIONS: [&str; 5] = ["clinic", "telehealth", "online", "phone", "organization"];
/// The longest appointment, in minutes.
pub const LONGEST: u32 = 24 * 60;
/// Longest comment in the calendar, in characters.
const COMMENT: usize = 500;

/// Who comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// A patient, by Halaxy's id.
    Patient(String),
    /// Somebody who has to be recognised among the patients.
    Named(Named),
    /// The contact of another system, whose link says which patient that is.
    Contact {
        /// The system.
        system: String,
        /// Kind of the record.
        kind: String,
        /// Its id there.
        id: String,
    },
}

/// A request to book, every part of it decided but perhaps the patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Who comes.
    pub who: Who,
    /// When it begins.
    pub start: Time,
    /// How long it takes.
    pub minutes: u32,
    /// Practitioner at a place: the id of a PractitionerRole, `PR-..`.
    pub role: String,
    /// Appointment type, by Halaxy's id.
    pub service: Option<String>,
    /// Fee, by Halaxy's id. Halaxy raises an invoice for it.
    pub fee: Option<String>,
    /// Where: one of [`LOCATIONS`].
    pub location: String,
    /// The comment in the calendar. It is seen by everybody who sees the calendar.
    pub comment: Option<String>,
    /// Book even if the practice's rules for online booking do not offer the time.
    pub unoffered: bool,
}

/// A booking as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The patient's id.
    pub patient: String,
    /// What is booked.
    pub request: Request,
}

/// What a practice says once for all requests, and names for what else is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Practitioner at a place.
    pub role: Option<String>,
    /// Minutes.
    pub minutes: Option<u32>,
    /// Appointment type.
    pub service: Option<String>,
    /// Fee.
    pub fee: Option<String>,
    /// Location.
    pub location: Option<String>,
    /// Ids by the words that people use for them, e.g. `Dr Tester` for `PR-700001`.
    pub names: BTreeMap<String, String>,
}

/// What a request says, in the words it came in; nothing where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// When it begins, as [`when::moment`] reads it.
    pub start: Option<String>,
    /// How long it takes.
    pub minutes: Option<String>,
    /// Practitioner role: an id, or a name that the practice gave it.
    pub role: Option<String>,
    /// Appointment type.
    pub service: Option<String>,
    /// Fee.
    pub fee: Option<String>,
    /// Location.
    pub location: Option<String>,
    /// Comment.
    pub comment: Option<String>,
}

/// Why words make no request. Names the part; never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} {what}")]
pub struct RequestProblem {
    /// The part: `start`, `minutes`, `role`, `service`, `fee`, `location`, `comment` or `who`.
    pub part: &'static str,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl Request {
    /// The request that these words make.
    ///
    /// # Errors
    /// [`RequestProblem`] for the first part that is missing or cannot be used.
    pub fn read(who: Who, words: &Wording, defaults: &Defaults, zone: &TimeZone) -> Result<Request, RequestProblem> {
        let bad = |part: &'static str, what: &str| RequestProblem {
            part,
            what: what.to_string(),
        };
        if let Who::Patient(id) = &who
            && !is_number(id)
        {
            return Err(bad("who", "is no patient: an id of Halaxy's is a number"));
        }
        let start = match &words.start {
            None => return Err(bad("start", "is missing; say when it begins")),
            Some(text) => {
                when::moment(text, zone).map_err(|problem: WhenProblem| bad("start", &problem.to_string()))?
            }
        };
        let minutes = match &words.minutes {
            Some(text) => text.trim().parse().ok(),
            None => defaults.minutes,
        };
        let minutes = minutes
            .filter(|minutes| (1..=LONGEST).contains(minutes))
            .ok_or_else(|| bad("minutes", "are missing or no number from 1 to 1440"))?;
        let named = |said: &Option<String>, usual: &Option<String>| {
            let said = said.as_ref().or(usual.as_ref())?;
            let said = said.trim();
            Some(defaults.names.get(said).map_or(said, String::as_str).to_string())
        };
        let role = named(&words.role, &defaults.role)
            .ok_or_else(|| bad("role", "is missing; say who it is with, e.g. PR-700001"))?;
        let role = role.rsplit('/').next().unwrap_or_default().to_string();
        if !role.strip_prefix("PR-").is_some_and(is_number) {
            return Err(bad(
                "role",
                "is no practitioner role of the practice (PR-..) and no name that [booking.names] gives one",
            ));
        }
        let record = |part: &'static str, said: &Option<String>, usual: &Option<String>| match named(said, usual) {
            None => Ok(None),
            Some(id) => {
                let id = id.rsplit('/').next().unwrap_or_default().to_string();
                match is_number(&id) {
                    true => Ok(Some(id)),
                    false => Err(bad(
                        part,
                        "is no id of Halaxy's and no name that [booking.names] gives one",
                    )),
                }
            }
        };
        let service = record("service", &words.service, &defaults.service)?;
        let fee = record("fee", &words.fee, &defaults.fee)?;
        let location = named(&words.location, &defaults.location).unwrap_or_else(|| "clinic".into());
        if !LOCATIONS.contains(&location.as_str()) {
            return Err(bad(
                "location",
                "is none of clinic, telehealth, online, phone, organization",
            ));
        }
        let comment = words.comment.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if comment.is_some_and(|text| text.chars().count() > COMMENT) {
            return Err(bad("comment", "is longer than 500 characters"));
        }
        Ok(Request {
            who,
            start,
            minutes,
            role,
            service,
            fee,
            location,
            comment: comment.map(str::to_string),
            unoffered: false,
        })
    }

    /// When it ends.
    pub fn end(&self) -> Time {
        self.start + Time::from(self.minutes) * 60_000_000
    }

    /// What tells this request from any other: a key stands for one only.
    pub fn digest(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        crate::hex(&Sha256::digest(text)[..16])
    }
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}
