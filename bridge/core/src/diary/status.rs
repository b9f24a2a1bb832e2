//! Statuses of a patient's part in an appointment: an open set, kept to the letter, and what each means for a CRM.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a CRM is told of how a visit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is to take place, or nobody said yet how it went.
    Scheduled,
    /// It took place.
    Completed,
    /// It will not take place, or did not.
    Cancelled,
    /// The patient did not come.
    NoShow,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 4] = [
        Outcome::Scheduled,
        Outcome::Completed,
        Outcome::Cancelled,
        Outcome::NoShow,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Scheduled => "scheduled",
            Outcome::Completed => "completed",
            Outcome::Cancelled => "cancelled",
            Outcome::NoShow => "no_show",
        }
    }

    /// The outcome of that name.
    pub fn named(word: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// Codes seen or documented (halaxy-api.md section 7.3). Any that begins with "cancel" is a cancellation; what is not
/// known is still to take place, since a CRM must not say of a visit that it happened when nobody knows.
const KNOWN: [(&str, Outcome); 15] = [
    ("booked", Outcome::Scheduled),
    ("tentative", Outcome::Scheduled),
    ("confirmed", Outcome::Scheduled),
    ("accepted", Outcome::Scheduled),
    ("check response", Outcome::Scheduled),
    ("pending", Outcome::Scheduled),
    ("arrived", Outcome::Scheduled),
    ("attended", Outcome::Completed),
    ("fulfilled", Outcome::Completed),
    ("completed", Outcome::Completed),
    ("rejected", Outcome::Cancelled),
    ("declined", Outcome::Cancelled),
    ("did not attend", Outcome::NoShow),
    ("no show", Outcome::NoShow),
    ("noshow", Outcome::NoShow),
];

/// What a status means; `own` are the practice's own decisions, by status in lower case.
pub fn outcome(status: &str, own: &BTreeMap<String, Outcome>) -> Outcome {
    let plain = status.trim().to_lowercase();
    if let Some(decided) = own.get(&plain) {
        return *decided;
    }
    if plain.starts_with("cancel") {
        return Outcome::Cancelled;
    }
    KNOWN
        .iter()
        .find(|(code, _)| *code == plain)
        .map_or(Outcome::Scheduled, |(_, outcome)| *outcome)
}
