//! Parts of bodies that take more than one member, and what members of a body have to do with each other
//! (halaxy-api.md sections 7.1 to 7.9).

use super::Wrong;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

const STATUS: &str = "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status";
/// The file types that attachments may have, and their size.
const ATTACHMENTS: [&str; 8] = [
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/pdf",
    "image/jpeg",
    "image/jpg",
    "image/png",
];
const ATTACHMENT_BYTES: usize = 20 * 1024 * 1024;

/// Sets a member by JSON pointer; what is missing on the way is made.
pub(super) fn set(body: &mut Json, pointer: &str, value: Json) {
    let mut at = body;
    for step in pointer.split('/').skip(1) {
        at = match step.parse::<usize>() {
            Ok(place) => {
                if !at.is_array() {
                    *at = json!([]);
                }
                let Json::Array(items) = at else { return };
                while items.len() <= place {
                    items.push(Json::Null);
                }
                &mut items[place]
            }
            Err(_) => {
                if !at.is_object() {
                    *at = Json::Object(Map::new());
                }
                &mut at[step]
            }
        };
    }
    *at = value;
}

fn push(body: &mut Json, member: &str, value: Json) {
    if !body[member].is_array() {
        body[member] = json!([]);
    }
    if let Some(items) = body[member].as_array_mut() {
        items.push(value);
    }
}

/// A list with one given name.
pub(super) fn given(body: &mut Json, value: Json, _: &str) {
    official(body);
    set(body, "/name/0/given", json!([value]));
}

/// The family name.
pub(super) fn family(body: &mut Json, value: Json, _: &str) {
    official(body);
    set(body, "/name/0/family", value);
}

fn official(body: &mut Json) {
    if body["name"][0].is_null() {
        set(body, "/name/0/use", "official".into());
    }
}

/// A mobile number.
pub(super) fn mobile(body: &mut Json, value: Json, _: &str) {
    push(
        body,
        "telecom",
        json!({"system": "sms", "use": "mobile", "value": value}),
    );
}

/// An e-mail address at home.
pub(super) fn email(body: &mut Json, value: Json, _: &str) {
    push(
        body,
        "telecom",
        json!({"system": "email", "use": "home", "value": value}),
    );
}

/// A landline at work.
pub(super) fn work_phone(body: &mut Json, value: Json, _: &str) {
    push(
        body,
        "telecom",
        json!({"system": "phone", "use": "work", "value": value}),
    );
}

/// The patient whose status changes.
pub(super) fn participant(body: &mut Json, value: Json, _: &str) {
    set(body, "/participant/0/actor", value);
}

/// A list of one reference to somebody.
pub(super) fn actor(body: &mut Json, value: Json, _: &str) {
    push(body, "actor", value);
}

/// The status of the patient's part, whose code system is named after the region.
pub(super) fn participant_status(body: &mut Json, value: Json, base: &str) {
    let presets = base.trim_end_matches('/').trim_end_matches("/main");
    let system = format!("{presets}/presets/CodeSystem/appointment-participant-status");
    let status = json!([{"url": STATUS, "valueCoding": {"system": system, "code": value}}]);
    set(body, "/participant/0/modifierExtension", status);
}

macro_rules! parameters {
    ($($name:ident $parameter:literal $value:literal;)*) => {
        $(
            pub(super) fn $name(body: &mut Json, value: Json, _: &str) {
                push(body, "parameter", json!({"name": $parameter, $value: value}));
            }
        )*
    };
}

parameters! {
    book_into "appt-id" "valueReference";
    book_patient "patient-id" "valueReference";
    book_service "healthcare-service-id" "valueReference";
    book_fee "charge-item-definition-id" "valueReference";
    book_location "location-type" "valueCode";
    book_status "status" "valueCode";
}

/// The place of the appointment to book among the parameters.
fn new_appointment(body: &mut Json) -> usize {
    let known = |body: &Json| {
        let all = body["parameter"].as_array()?;
        all.iter().position(|one| one["name"] == "appt-resource")
    };
    known(body).unwrap_or_else(|| {
        let made = json!({"name": "appt-resource", "resource": {"resourceType": "Appointment"}});
        push(body, "parameter", made);
        body["parameter"].as_array().map_or(0, |all| all.len() - 1)
    })
}

fn set_new(body: &mut Json, member: &str, value: Json) {
    let place = new_appointment(body);
    set(body, &format!("/parameter/{place}/resource/{member}"), value);
}

/// The start of the appointment to book.
pub(super) fn book_start(body: &mut Json, value: Json, _: &str) {
    set_new(body, "start", value);
}

/// Its end.
pub(super) fn book_end(body: &mut Json, value: Json, _: &str) {
    set_new(body, "end", value);
}

/// Who it is with.
pub(super) fn book_with(body: &mut Json, value: Json, _: &str) {
    set_new(body, "participant", json!([{"actor": value}]));
}

/// The comment in the calendar.
pub(super) fn book_description(body: &mut Json, value: Json, _: &str) {
    set_new(body, "description", value);
}

/// A parameter of that name.
pub(super) fn parameter<'a>(body: &'a Json, name: &str) -> Option<&'a Json> {
    body["parameter"].as_array()?.iter().find(|one| one["name"] == name)
}

/// Either a new appointment or one that is there; a new one has times and somebody it is with.
pub(super) fn booking(body: &mut Json) -> Result<(), Wrong> {
    let (made, there) = (
        parameter(body, "appt-resource").is_some(),
        parameter(body, "appt-id").is_some(),
    );
    match (made, there) {
        (true, true) => Err((
            "appointment",
            "goes only without times of a new one",
            "leave out either",
        )),
        (false, false) => Err((
            "start",
            "is missing",
            "give --start, --end and --practitioner-role, or --appointment",
        )),
        (false, true) => Ok(()),
        (true, false) => {
            let place = new_appointment(body);
            let made = &mut body["parameter"][place]["resource"];
            if made["start"].is_null() || made["end"].is_null() {
                return Err(("end", "and --start belong together", "give both"));
            }
            if made["participant"].as_array().is_none_or(Vec::is_empty) {
                return Err((
                    "practitioner-role",
                    "is missing",
                    "say who it is with: `list-practitioner-roles` shows them",
                ));
            }
            times(made)
        }
    }
}

/// Start and end come together, in order; the minutes follow from them.
pub(super) fn times(body: &mut Json) -> Result<(), Wrong> {
    let at = |member: &str| body[member].as_str().map(|text| text.parse::<Timestamp>());
    let (start, end) = match (at("start"), at("end")) {
        (None, None) => return Ok(()),
        (Some(Ok(start)), Some(Ok(end))) => (start, end),
        (Some(_), None) | (None, Some(_)) => return Err(("end", "and --start belong together", "give both")),
        _ => return Err(("start", "or --end is no moment", "write moments with their offset")),
    };
    let minutes = (end.as_second() - start.as_second()) / 60;
    if !(1..=24 * 60).contains(&minutes) {
        return Err((
            "end",
            "is not after --start within a day",
            "give an end from 1 minute to 24 hours later",
        ));
    }
    match body["minutesDuration"].as_i64() {
        Some(said) if said != minutes => Err((
            "body",
            "says other minutes than lie between",
            "leave minutesDuration out",
        )),
        _ => {
            body["minutesDuration"] = minutes.into();
            Ok(())
        }
    }
}

/// A change of an appointment: times in order, a status only with its patient.
pub(super) fn appointment(body: &mut Json) -> Result<(), Wrong> {
    for one in body["participant"].as_array().into_iter().flatten() {
        let about = one["actor"]["reference"].as_str().unwrap_or_default();
        if about.is_empty() {
            return Err((
                "patient",
                "is missing",
                "say whose status changes: it is kept for each patient",
            ));
        }
        if about.contains("Patient/") && one["modifierExtension"].as_array().is_none_or(Vec::is_empty) {
            return Err((
                "status",
                "is missing",
                "say which status the patient's part gets, e.g. --status cancelled",
            ));
        }
    }
    times(body)
}

/// The period to fill is a day at least, or none, which means all.
pub(super) fn generation(body: &mut Json) -> Result<(), Wrong> {
    let at = |member: &str| body["period"][member].as_str().map(|text| text.parse::<Timestamp>());
    match (at("start"), at("end")) {
        (None, None) => Ok(()),
        (Some(Ok(start)), Some(Ok(end))) if end.as_second() - start.as_second() >= 86_400 => Ok(()),
        (Some(Ok(_)), Some(Ok(_))) => Err((
            "to",
            "is less than 24 hours after --from",
            "give a longer period, or none",
        )),
        (Some(_), None) | (None, Some(_)) => {
            Err(("to", "and --from belong together", "give both, or none for everything"))
        }
        _ => Err(("from", "or --to is no moment", "write moments with their offset")),
    }
}

/// Attachments have an accepted type, base64 data and an accepted size.
pub(super) fn attachments(body: &mut Json) -> Result<(), Wrong> {
    for one in body["attachments"].as_array().into_iter().flatten() {
        if !one["contentType"]
            .as_str()
            .is_some_and(|kind| ATTACHMENTS.contains(&kind))
        {
            return Err((
                "body",
                "has an attachment of a type that Halaxy does not take",
                "attach pdf, jpeg, png, doc, docx, xls or xlsx",
            ));
        }
        let data = one["data"].as_str().unwrap_or_default();
        let sound = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=');
        if data.is_empty() || !data.len().is_multiple_of(4) || !data.bytes().all(sound) {
            return Err((
                "body",
                "has an attachment whose data is not base64",
                "put the file's bytes as base64 into `data`",
            ));
        }
        if data.len() / 4 * 3 > ATTACHMENT_BYTES {
            return Err(("body", "has an attachment above 20 MB", "attach a smaller file"));
        }
    }
    Ok(())
}

/// An official name, and attachments as they should be.
pub(super) fn patient(body: &mut Json) -> Result<(), Wrong> {
    let names = body["name"].as_array();
    if names.is_some_and(|names| !names.iter().any(|name| name["use"] == "official")) {
        return Err((
            "body",
            "has no official name",
            "give one name `\"use\": \"official\"`; Halaxy refuses a patient without",
        ));
    }
    attachments(body)
}

/// A note by our own staff, with its text as plain HTML.
pub(super) fn note(body: &mut Json) -> Result<(), Wrong> {
    for author in body["author"].as_array().into_iter().flatten() {
        let ours = author["reference"]
            .as_str()
            .is_some_and(|text| text.contains("PractitionerRole/PR-"));
        if !ours {
            return Err((
                "author",
                "is no practitioner role of the practice",
                "give a role whose id begins with PR-",
            ));
        }
    }
    for content in body["content"].as_array().into_iter().flatten() {
        if content["attachment"]["contentType"] != "text/html" || !content["attachment"]["data"].is_string() {
            return Err((
                "body",
                "has content that is not text/html",
                "put plain HTML, not base64, into content[].attachment.data",
            ));
        }
    }
    attachments(body)
}
