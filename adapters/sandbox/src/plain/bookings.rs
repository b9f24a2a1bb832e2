//! Booking requests of the plain CRM: an object of its own, listed whole by offset, filled in by people and changed by
//! clients.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::error;
use crate::answer::{Answer, Call};
use crate::clock::utc_millis;

/// Members that may be written.
const MEMBERS: [&str; 14] = [
    "contact_id",
    "asked_at",
    "start",
    "minutes",
    "practitioner",
    "service",
    "fee",
    "location",
    "comment",
    "answered",
    "outcome",
    "message",
    "appointment",
    "owner",
];
const PAGE_CAP: usize = 100;

/// The requests by id.
#[derive(Debug, Default)]
pub(crate) struct Bookings {
    rows: BTreeMap<u64, (Map<String, Value>, i64)>,
    last: u64,
}

impl Bookings {
    /// Answers an API call below `booking_requests`.
    pub fn handle(&mut self, rest: &[&str], call: &Call, now: i64) -> Answer {
        match (&call.method, rest) {
            (&Method::GET, []) => self.list(call),
            (&Method::GET, [id]) => match id.parse().ok().and_then(|id| self.shown(id)) {
                Some(row) => Answer::json(200, row),
                None => error(404, "not_found", "no such booking request"),
            },
            (&Method::PATCH, [id]) => match call.json() {
                Some(Value::Object(sent)) => match self.change(id, &sent, now) {
                    Ok(true) => Answer::empty(204),
                    Ok(false) => error(404, "not_found", "no such booking request"),
                    Err(member) => error(400, "invalid_member", &format!("{member}: unknown, or no text")),
                },
                _ => error(400, "bad_request", "send a JSON object"),
            },
            _ => error(405, "method_not_allowed", "not offered here"),
        }
    }

    fn list(&self, call: &Call) -> Answer {
        let number = |name: &str, otherwise: usize| call.param(name).map_or(Some(otherwise), |text| text.parse().ok());
        let (Some(offset), Some(limit @ 1..=PAGE_CAP)) = (number("offset", 0), number("limit", 50)) else {
            return error(
                400,
                "bad_request",
                "offset and limit are numbers, limit between 1 and 100",
            );
        };
        let items: Vec<Value> = self.all().skip(offset).take(limit).collect();
        Answer::json(200, json!({"items": items, "total": self.rows.len()}))
    }

    /// Every request as it is shown.
    pub fn all(&self) -> impl Iterator<Item = Value> {
        self.rows.keys().filter_map(|id| self.shown(*id))
    }

    fn shown(&self, id: u64) -> Option<Value> {
        let (values, updated) = self.rows.get(&id)?;
        let mut shown = Map::new();
        shown.insert("id".into(), id.to_string().into());
        for name in MEMBERS {
            shown.insert(name.into(), values.get(name).cloned().unwrap_or(Value::Null));
        }
        shown.insert("updated_at".into(), utc_millis(*updated).into());
        Some(Value::Object(shown))
    }

    /// Makes a request; the member at fault if there is one.
    pub fn add(&mut self, sent: &Map<String, Value>, now: i64) -> Result<String, String> {
        let id = self.last + 1;
        self.rows.insert(id, (Map::new(), now));
        match self.change(&id.to_string(), sent, now) {
            Ok(_) => {
                self.last = id;
                Ok(id.to_string())
            }
            Err(member) => {
                self.rows.remove(&id);
                Err(member)
            }
        }
    }

    /// Changes members, null and the empty text clear; whether there is such a request, or the member at fault.
    pub fn change(&mut self, id: &str, sent: &Map<String, Value>, now: i64) -> Result<bool, String> {
        let Some((values, updated)) = id.parse().ok().and_then(|id: u64| self.rows.get_mut(&id)) else {
            return Ok(false);
        };
        let sound = |(name, value): &(&String, &Value)| {
            MEMBERS.contains(&name.as_str()) && (value.is_string() || value.is_null() || value.is_u64())
        };
        if let Some((name, _)) = sent.iter().find(|member| !sound(member)) {
            return Err(name.clone());
        }
        for (name, value) in sent {
            match value.as_str() {
                Some("") => drop(values.remove(name)),
                _ if value.is_null() => drop(values.remove(name)),
                _ => drop(values.insert(name.clone(), value.clone())),
            }
        }
        *updated = now;
        Ok(true)
    }

    /// Deletes a request; whether there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        id.parse().is_ok_and(|id: u64| self.rows.remove(&id).is_some())
    }
}
