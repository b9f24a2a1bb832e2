//! What a CRM is told of one patient's part in one appointment.

use super::mode::Mode;
use super::status::Outcome;
use super::wording::when;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A member of an activity, as connectors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    /// The title.
    Title,
    /// The lines of the text, divided by line feeds.
    Text,
    /// Begins; seconds since 1970 UTC.
    Start,
    /// Ends; seconds since 1970 UTC.
    End,
    /// An [`Outcome`], by its word.
    Outcome,
    /// The status as Halaxy spells it.
    Status,
    /// A [`Mode`], by its word; blank if nobody says.
    Mode,
    /// The name of the place; blank if nobody says.
    Place,
}

impl Member {
    /// All of them.
    pub const ALL: [Member; 8] = [
        Member::Title,
        Member::Text,
        Member::Start,
        Member::End,
        Member::Outcome,
        Member::Status,
        Member::Mode,
        Member::Place,
    ];

    /// Its name in a connector file.
    pub fn name(self) -> &'static str {
        match self {
            Member::Title => "title",
            Member::Text => "text",
            Member::Start => "start",
            Member::End => "end",
            Member::Outcome => "outcome",
            Member::Status => "status",
            Member::Mode => "mode",
            Member::Place => "place",
        }
    }
}

/// Members with their values as texts; a blank one clears.
pub type Members = BTreeMap<Member, String>;

/// What a CRM is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Title.
    pub title: String,
    /// Begins; seconds since 1970 UTC.
    pub start: i64,
    /// Ends; seconds since 1970 UTC.
    pub end: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// Status as Halaxy spells it, or `removed`.
    pub status: String,
    /// How it takes place.
    pub mode: Option<Mode>,
    /// Name of the place.
    pub place: Option<String>,
    /// Further lines, each a name and a text: what the configuration says may be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<(String, String)>,
}

impl Activity {
    /// The text: a line for each thing that is told.
    pub fn text(&self, zone: &TimeZone) -> String {
        let mut lines = vec![("When", when(self.start, self.end, zone))];
        if !self.status.is_empty() {
            lines.push(("Status", self.status.clone()));
        }
        lines.extend(self.mode.map(|mode| ("Mode", mode.word().to_owned())));
        lines.extend(self.place.iter().map(|place| ("Place", place.clone())));
        lines.extend(self.more.iter().map(|(name, text)| (name.as_str(), text.clone())));
        let lines: Vec<String> = lines
            .into_iter()
            .map(|(name, text)| {
                let one_line = text.split(['\n', '\r']).map(str::trim).collect::<Vec<_>>().join(" ");
                format!("{name}: {one_line}")
            })
            .collect();
        lines.join("\n")
    }

    /// Member by member.
    pub fn members(&self, zone: &TimeZone) -> Members {
        Member::ALL
            .into_iter()
            .map(|member| {
                let text = match member {
                    Member::Title => self.title.clone(),
                    Member::Text => self.text(zone),
                    Member::Start => self.start.to_string(),
                    Member::End => self.end.to_string(),
                    Member::Outcome => self.outcome.word().to_owned(),
                    Member::Status => self.status.clone(),
                    Member::Mode => self.mode.map(Mode::word).unwrap_or_default().to_owned(),
                    Member::Place => self.place.clone().unwrap_or_default(),
                };
                (member, text)
            })
            .collect()
    }

    /// The same activity once its appointment, or the patient's part in it, is no more.
    pub fn removed(&self) -> Activity {
        Activity {
            outcome: Outcome::Cancelled,
            status: "removed".into(),
            ..self.clone()
        }
    }
}

/// Our key of an activity: the appointment and the patient, by Halaxy's ids.
pub fn key(appointment: &str, patient: &str) -> String {
    format!("halaxy-{appointment}-{patient}")
}
