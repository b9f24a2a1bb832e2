//! What an Appointment of Halaxy says (halaxy-api.md section 7.3), read with tolerance: what is not understood is passed
//! over, and only what nothing can be done without makes it unreadable.

use super::mode::Mode;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value as Json;

/// A booked time. One without patients is a calendar block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Halaxy's id.
    pub id: String,
    /// Begins; seconds since 1970 UTC.
    pub start: i64,
    /// Ends; seconds since 1970 UTC.
    pub end: i64,
    /// The practitioner role that holds it, by id.
    pub role: Option<String>,
    /// The mode that it names itself.
    pub mode: Option<Mode>,
    /// The appointment type (HealthcareService), by id.
    pub service: Option<String>,
    /// The comment of the calendar.
    pub comment: Option<String>,
    /// The patients, each once.
    pub patients: Vec<Attendance>,
}

/// A patient's part in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendance {
    /// Patient id.
    pub patient: String,
    /// Status, as Halaxy spells it; empty if it says none.
    pub status: String,
}

/// A member without which nothing can be said of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be read")]
pub struct NotRead(pub &'static str);

/// Ends of the addresses of Halaxy's own extensions.
const STATUS: &str = "appointment-participant-status";
const LOCATION_TYPE: &str = "location-type";
/// Longest status that is taken to be one.
const LONGEST_STATUS: usize = 60;

impl Visit {
    /// Reads a body. A time without an offset is the practice's.
    ///
    /// # Errors
    /// [`NotRead`] if `start` or `end` is missing, is no time, or they are out of order.
    pub fn read(id: &str, body: &Json, zone: &TimeZone) -> Result<Visit, NotRead> {
        let start = instant(&body["start"], zone).ok_or(NotRead("start"))?;
        let end = match (instant(&body["end"], zone), body["minutesDuration"].as_i64()) {
            (Some(end), _) => end,
            (None, Some(minutes)) => start.saturating_add(minutes.saturating_mul(60)),
            (None, None) => return Err(NotRead("end")),
        };
        if end < start {
            return Err(NotRead("end"));
        }
        let mut visit = Visit {
            id: id.to_owned(),
            start,
            end,
            role: None,
            mode: None,
            service: None,
            comment: text(&body["description"]).or_else(|| text(&body["comment"])),
            patients: Vec::new(),
        };
        for part in elements(&body["participant"]) {
            match linked(&part["actor"]) {
                Some(("PractitionerRole", role)) => {
                    visit.role.get_or_insert_with(|| role.to_owned());
                }
                Some(("Patient", patient)) if visit.patients.iter().all(|p| p.patient != patient) => {
                    visit.patients.push(Attendance {
                        patient: patient.to_owned(),
                        status: status(part),
                    });
                }
                _ => {}
            }
        }
        visit.mode = location_type(&body["extension"]);
        for about in elements(&body["supportingInformation"]) {
            match linked(about) {
                Some(("HealthcareService", service)) => {
                    visit.service.get_or_insert_with(|| service.to_owned());
                }
                Some(("ChargeItemDefinition", _)) => {}
                _ => {
                    let mode = mode_of(about).or_else(|| location_type(&about["extension"]));
                    visit.mode = visit.mode.or(mode);
                }
            }
        }
        Ok(visit)
    }

    /// A calendar block: nobody's appointment.
    pub fn is_block(&self) -> bool {
        self.patients.is_empty()
    }
}

fn elements(value: &Json) -> &[Json] {
    match value {
        Json::Array(all) => all,
        Json::Null => &[],
        one => std::slice::from_ref(one),
    }
}

fn text(value: &Json) -> Option<String> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// Type and id that a reference names, absolute or relative.
pub(crate) fn linked(reference: &Json) -> Option<(&str, &str)> {
    let text = reference["reference"].as_str()?.trim_end_matches('/');
    let (before, id) = text.rsplit_once('/')?;
    let kind = before.rsplit('/').next().filter(|kind| !kind.is_empty())?;
    (!id.is_empty()).then_some((kind, id))
}

fn instant(value: &Json, zone: &TimeZone) -> Option<i64> {
    let text = value.as_str()?.trim();
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(stamp.as_second());
    }
    // A date alone is no time of a visit.
    let civil: DateTime = text.contains('T').then(|| text.parse().ok())??;
    Some(civil.to_zoned(zone.clone()).ok()?.timestamp().as_second())
}

/// The patient's status stands in `modifierExtension`; older bodies are said to have had it in `extension`.
fn status(part: &Json) -> String {
    let found = ["modifierExtension", "extension"].into_iter().find_map(|member| {
        let mut all = elements(&part[member]).iter();
        let one = all.find(|one| one["url"].as_str().is_some_and(|url| url.ends_with(STATUS)))?;
        let coding = &one["valueCoding"];
        text(&coding["code"])
            .or_else(|| text(&coding["display"]))
            .or_else(|| text(&one["valueCode"]))
    });
    found
        .filter(|status| status.chars().count() <= LONGEST_STATUS)
        .unwrap_or_default()
}

fn location_type(extensions: &Json) -> Option<Mode> {
    let mut all = elements(extensions).iter();
    let one = all.find(|one| one["url"].as_str().is_some_and(|url| url.ends_with(LOCATION_TYPE)))?;
    mode_of(one)
}

/// The mode in whatever member a location type may stand.
fn mode_of(value: &Json) -> Option<Mode> {
    let places = [
        "/valueCode",
        "/valueString",
        "/valueCoding/code",
        "/valueCoding/display",
        "/identifier/value",
        "/display",
    ];
    let named = places
        .iter()
        .filter_map(|place| value.pointer(place)?.as_str())
        .find_map(Mode::of_location_type);
    named.or_else(|| {
        let text = value["reference"].as_str()?;
        Mode::of_location_type(text.rsplit('/').next()?)
    })
}
