//! Appointments of the plain CRM: each belongs to one contact. Nothing keeps a client from making the same one twice.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{Plain, error};
use crate::answer::{Answer, Call, Context};
use crate::clock::{span_of, utc_millis};
use crate::control::ControlError;

/// Members a client may write.
const MEMBERS: [&str; 10] = [
    "contact_id",
    "title",
    "description",
    "starts_at",
    "ends_at",
    "state",
    "status_text",
    "mode",
    "location",
    "external_ref",
];
/// Members without which there is no appointment.
const NEEDED: [&str; 4] = ["contact_id", "title", "starts_at", "ends_at"];
const STATES: [&str; 4] = ["planned", "done", "cancelled", "missed"];

/// An appointment.
#[derive(Debug, Clone)]
pub(super) struct Appointment {
    values: Map<String, Value>,
    deleted: bool,
    updated: i64,
}

/// All appointments by id.
pub(super) type Appointments = BTreeMap<u64, Appointment>;

impl Appointment {
    fn shown(&self, id: u64) -> Value {
        let mut shown = Map::new();
        shown.insert("id".into(), id.to_string().into());
        for name in MEMBERS {
            shown.insert(name.into(), self.values.get(name).cloned().unwrap_or(Value::Null));
        }
        shown.insert("deleted".into(), self.deleted.into());
        shown.insert("updated_at".into(), utc_millis(self.updated).into());
        Value::Object(shown)
    }
}

impl Plain {
    /// Answers a call on `appointments` and what lies below.
    pub(super) fn appointment_call(&mut self, rest: &[&str], call: &Call, cx: &Context<'_>) -> Answer {
        let gone = || error(404, "not_found", "no such appointment");
        let deleted = call.flag("include_deleted");
        match (&call.method, rest) {
            (&Method::GET, []) => self.list_appointments(call, deleted),
            (&Method::GET, [id]) => match self.appointment(id, deleted) {
                Some((id, found)) => Answer::json(200, found.shown(id)),
                None => gone(),
            },
            (&Method::POST | &Method::PATCH, _) if call.json().is_none_or(|sent| !sent.is_object()) => {
                error(400, "bad_request", "send a JSON object")
            }
            (&Method::POST, []) => match self.make_appointment(&call.json().unwrap_or_default(), cx.now) {
                Ok(id) => Answer::json(201, json!({"id": id.to_string()})),
                Err(member) => invalid(&member),
            },
            (&Method::PATCH, [id]) => match self.change_appointment(id, &call.json().unwrap_or_default(), cx.now) {
                Ok(true) => Answer::empty(204),
                Ok(false) => gone(),
                Err(member) => invalid(&member),
            },
            _ => error(405, "method_not_allowed", "not offered here"),
        }
    }

    fn appointment(&self, id: &str, deleted: bool) -> Option<(u64, &Appointment)> {
        let id = id.parse().ok()?;
        let found = self.appointments.get(&id).filter(|found| deleted || !found.deleted)?;
        Some((id, found))
    }

    fn list_appointments(&self, call: &Call, deleted: bool) -> Answer {
        let number = |name: &str, otherwise: usize| match call.param(name) {
            None => Some(otherwise),
            Some(text) => text.parse::<usize>().ok(),
        };
        let (Some(offset), Some(limit @ 1..=100)) = (number("offset", 0), number("limit", 50)) else {
            return error(400, "bad_request", "offset is a number, limit one between 1 and 100");
        };
        let reference = call.param("external_ref");
        let rows: Vec<Value> = self
            .appointments
            .iter()
            .filter(|(_, found)| deleted || !found.deleted)
            .filter(|(_, found)| {
                reference.is_none_or(|wanted| found.values.get("external_ref") == Some(&wanted.into()))
            })
            .map(|(id, found)| found.shown(*id))
            .collect();
        let total = rows.len();
        let items: Vec<Value> = rows.into_iter().skip(offset).take(limit).collect();
        Answer::json(200, json!({"items": items, "total": total}))
    }

    /// The values of an appointment after a write; the name of the member that is at fault otherwise.
    fn checked(&self, mut values: Map<String, Value>, sent: &Value) -> Result<Map<String, Value>, String> {
        for (name, value) in sent.as_object().into_iter().flatten() {
            if !MEMBERS.contains(&name.as_str()) {
                return Err(name.clone());
            }
            match value {
                Value::Null => drop(values.remove(name)),
                Value::String(text) => drop(values.insert(name.clone(), text.trim().into())),
                _ => return Err(name.clone()),
            }
        }
        let text = |name: &str| values.get(name).and_then(Value::as_str).unwrap_or_default();
        if let Some(missing) = NEEDED.into_iter().find(|name| text(name).is_empty()) {
            return Err(missing.to_owned());
        }
        if self.visible(text("contact_id"), false).is_none() {
            return Err("contact_id".into());
        }
        if !text("state").is_empty() && !STATES.contains(&text("state")) {
            return Err("state".into());
        }
        // Only moments with a zone are taken.
        let moment = |name: &str| {
            let text = text(name);
            let zoned = text.contains('T') && (text.ends_with('Z') || text[text.len() - 6..].contains(['+', '-']));
            span_of(text)
                .filter(|_| zoned)
                .map(|span| span.0)
                .ok_or_else(|| name.to_owned())
        };
        if moment("starts_at")? > moment("ends_at")? {
            return Err("ends_at".into());
        }
        Ok(values)
    }

    fn make_appointment(&mut self, sent: &Value, now: i64) -> Result<u64, String> {
        let values = self.checked(Map::new(), sent)?;
        self.next_id += 1;
        let made = Appointment {
            values,
            deleted: false,
            updated: now,
        };
        self.appointments.insert(self.next_id, made);
        Ok(self.next_id)
    }

    fn change_appointment(&mut self, id: &str, sent: &Value, now: i64) -> Result<bool, String> {
        let Some((id, found)) = self.appointment(id, false).map(|(id, found)| (id, found.clone())) else {
            return Ok(false);
        };
        // A contact that is not named again is not looked at again.
        let mut probe = found.values.clone();
        let named = sent.get("contact_id").is_some();
        let kept = probe.get("contact_id").cloned();
        if !named && let Some(any) = self.live.iter().next() {
            probe.insert("contact_id".into(), any.to_string().into());
        }
        let mut values = self.checked(probe, sent)?;
        if let Some(kept) = kept.filter(|_| !named) {
            values.insert("contact_id".into(), kept);
        }
        let changed = Appointment {
            values,
            deleted: false,
            updated: now,
        };
        self.appointments.insert(id, changed);
        Ok(true)
    }

    /// Every appointment; deleted ones only if asked.
    pub fn appointment_records(&self, with_removed: bool) -> Vec<Value> {
        let all = self.appointments.iter();
        all.filter(|(_, found)| with_removed || !found.deleted)
            .map(|(id, found)| found.shown(*id))
            .collect()
    }

    /// A person makes an appointment.
    pub fn person_books(&mut self, body: &Value, now: i64) -> Result<String, ControlError> {
        let made = self.make_appointment(body, now).map_err(ControlError::Refused)?;
        Ok(made.to_string())
    }

    /// A person changes an appointment.
    pub fn person_rebooks(&mut self, id: &str, patch: &Value, now: i64) -> Result<(), ControlError> {
        match self.change_appointment(id, patch, now).map_err(ControlError::Refused)? {
            true => Ok(()),
            false => Err(ControlError::NotFound),
        }
    }

    /// A person deletes an appointment.
    pub fn person_strikes(&mut self, id: &str, now: i64) -> Result<(), ControlError> {
        let id = self
            .appointment(id, false)
            .map(|(id, _)| id)
            .ok_or(ControlError::NotFound)?;
        if let Some(found) = self.appointments.get_mut(&id) {
            found.deleted = true;
            found.updated = now;
        }
        Ok(())
    }
}

fn invalid(member: &str) -> Answer {
    let text = format!("{member}: unknown, missing, or not a value of this member");
    Answer::json(
        422,
        json!({"error": {"code": "invalid_member", "field": member, "message": text}}),
    )
}
