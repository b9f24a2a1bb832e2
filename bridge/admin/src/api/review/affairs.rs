//! What stands with people, in the answers of the review: appointments and what is owed.

use serde_json::{Value as Json, json};

/// A property `affairs` of the answers that have one, by path.
pub(super) fn answered(path: &str) -> Option<Json> {
    match path {
        "/api/review/items/{id}" => Some(json!({ "type": "array", "items": person() })),
        "/api/review/people/{id}" => Some(person()),
        _ => None,
    }
}

/// What stands with one person.
fn person() -> Json {
    let maybe = |kind: &str| json!({ "type": [kind, "null"] });
    let month =
        json!({ "type": ["string", "null"], "description": "As 2026-03, where the appointment itself is not known" });
    let meeting = json!({
        "type": ["object", "null"],
        "required": ["start", "end", "place", "practitioner"],
        "properties": {
            "start": { "type": "integer", "description": "Seconds since 1970 UTC" },
            "end": { "type": "integer", "description": "Seconds since 1970 UTC" },
            "place": maybe("string"),
            "practitioner": maybe("string"),
        },
    });
    let currency = || json!({ "type": "string", "minLength": 3, "maxLength": 3 });
    let owed = json!({
        "type": "object",
        "required": ["currency", "cents"],
        "properties": { "currency": currency(), "cents": { "type": "integer" } },
    });
    let invoice = json!({
        "type": "object",
        "required": ["number", "date", "cents", "currency"],
        "properties": {
            "number": { "type": "string" },
            "date": { "type": "string", "format": "date" },
            "cents": { "type": "integer" },
            "currency": currency(),
        },
    });
    let calendar = json!({ "last": meeting, "next": meeting });
    let balance = json!({
        "owed": { "type": "array", "items": owed },
        "invoices": { "type": "array", "items": invoice },
    });
    json!({
        "type": "object",
        "required": ["entity", "appointments", "balance", "last_month", "next_month"],
        "properties": {
            "entity": { "type": "string" },
            "appointments": part(&["last", "next"], calendar),
            "balance": part(&["owed", "invoices"], balance),
            "last_month": month,
            "next_month": month,
        },
    })
}

/// Something that may be known.
fn part(required: &[&str], properties: Json) -> Json {
    let standings = ["known", "not_followed", "reading", "too_many", "no_record"];
    json!({
        "type": "object",
        "required": ["standing", "as_of", "unread", "known"],
        "properties": {
            "standing": { "type": "string", "enum": standings },
            "as_of": { "type": ["integer", "null"], "description": "Microseconds since 1970 UTC" },
            "unread": { "type": "integer", "minimum": 0, "description": "Records that cannot be read, and are left out" },
            "known": { "type": ["object", "null"], "required": required, "properties": properties },
        },
    })
}
