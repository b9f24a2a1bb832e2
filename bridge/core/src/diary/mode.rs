//! How a visit takes place.

use serde::{Deserialize, Serialize};

/// How a visit takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// At the practice.
    Clinic,
    /// By video.
    Video,
    /// By telephone.
    Phone,
    /// Somewhere else, e.g. at the patient's home or at another organisation.
    Other,
}

/// Halaxy's location types. `$book` documents clinic, telehealth, online, phone and organization; how a read spells them
/// is not documented, so the labels of its screens are here too \[inferred\].
const LOCATION_TYPES: [(&str, Mode); 14] = [
    ("clinic", Mode::Clinic),
    ("in person", Mode::Clinic),
    ("telehealth", Mode::Video),
    ("halaxy telehealth", Mode::Video),
    ("online", Mode::Video),
    ("video", Mode::Video),
    ("phone", Mode::Phone),
    ("telephone", Mode::Phone),
    ("phone consultation", Mode::Phone),
    ("organization", Mode::Other),
    ("organisation", Mode::Other),
    ("home", Mode::Other),
    ("home visit", Mode::Other),
    ("other", Mode::Other),
];

/// Words in the name of an appointment type by which practices tell a mode. A name that has none tells nothing.
const NAME_WORDS: [(&str, Mode); 7] = [
    ("telehealth", Mode::Video),
    ("video", Mode::Video),
    ("online", Mode::Video),
    ("phone", Mode::Phone),
    ("telephone", Mode::Phone),
    ("home visit", Mode::Other),
    ("clinic", Mode::Clinic),
];

impl Mode {
    /// The mode that a location type names.
    pub fn of_location_type(text: &str) -> Option<Mode> {
        let plain = text.trim().to_lowercase().replace(['-', '_'], " ");
        LOCATION_TYPES
            .iter()
            .find(|(spelt, _)| *spelt == plain)
            .map(|(_, mode)| *mode)
    }

    /// The mode that the name of an appointment type tells of, if it does.
    pub fn of_service_name(name: &str) -> Option<Mode> {
        let plain: String = name
            .to_lowercase()
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { ' ' })
            .collect();
        let padded = format!(" {} ", plain.split_whitespace().collect::<Vec<_>>().join(" "));
        NAME_WORDS
            .iter()
            .find(|(word, _)| padded.contains(&format!(" {word} ")))
            .map(|(_, mode)| *mode)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Clinic => "clinic",
            Mode::Video => "video",
            Mode::Phone => "phone",
            Mode::Other => "other",
        }
    }
}
