//! Companies of the plain CRM. Nothing keeps a client from making the same one twice.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{PAGE_CAP, error};
use crate::answer::{Answer, Call};
use crate::clock::utc_millis;

/// Members a client may write.
const MEMBERS: [&str; 14] = [
    "name",
    "email",
    "phone",
    "address_line",
    "suburb",
    "state",
    "postcode",
    "role",
    "active",
    "referrals_this_month",
    "referrals_this_year",
    "last_referral",
    "external_ref",
    "notes",
];

/// A company.
#[derive(Debug, Default)]
struct Company {
    values: BTreeMap<&'static str, String>,
    deleted: bool,
    updated: i64,
}

/// All companies by id.
#[derive(Debug, Default)]
pub(crate) struct Companies {
    rows: BTreeMap<u64, Company>,
    last: u64,
}

impl Companies {
    /// Answers an API call below `companies`.
    pub fn handle(&mut self, rest: &[&str], call: &Call, now: i64) -> Answer {
        let gone = || error(404, "not_found", "no such company");
        let deleted = call.flag("include_deleted");
        let sent = || match call.json() {
            Some(Value::Object(sent)) => Some(sent),
            _ => None,
        };
        match (&call.method, rest) {
            (&Method::GET, []) => self.list(call, deleted),
            (&Method::GET, [id]) => {
                let id = id.parse().unwrap_or(0);
                match self.rows.get(&id).filter(|row| deleted || !row.deleted) {
                    Some(row) => Answer::json(200, shown(id, row)),
                    None => gone(),
                }
            }
            (&Method::POST, []) => match sent().map(|sent| self.add(&sent, now)) {
                Some(Ok(id)) => Answer::json(201, json!({"id": id})),
                Some(Err(member)) => invalid(&member),
                None => error(400, "bad_request", "send a JSON object"),
            },
            (&Method::PATCH, [id]) => match sent().map(|sent| self.change(id, &sent, now)) {
                Some(Ok(true)) => Answer::empty(204),
                Some(Ok(false)) => gone(),
                Some(Err(member)) => invalid(&member),
                None => error(400, "bad_request", "send a JSON object"),
            },
            _ => error(405, "method_not_allowed", "not offered here"),
        }
    }

    fn list(&self, call: &Call, deleted: bool) -> Answer {
        let number = |name: &str, otherwise: usize| call.param(name).map_or(Some(otherwise), |text| text.parse().ok());
        let (Some(offset), Some(limit @ 1..=PAGE_CAP)) = (number("offset", 0), number("limit", 50)) else {
            return error(400, "bad_request", "offset is a number, limit one between 1 and 100");
        };
        let reference = call.param("external_ref");
        let rows: Vec<Value> = self
            .rows
            .iter()
            .filter(|(_, row)| deleted || !row.deleted)
            .filter(|(_, row)| {
                reference.is_none_or(|wanted| row.values.get("external_ref").is_some_and(|r| r == wanted))
            })
            .map(|(id, row)| shown(*id, row))
            .collect();
        let total = rows.len();
        let items: Vec<Value> = rows.into_iter().skip(offset).take(limit).collect();
        Answer::json(200, json!({"items": items, "total": total}))
    }

    /// Every company as it is shown.
    pub fn all(&self, with_removed: bool) -> Vec<Value> {
        let rows = self.rows.iter().filter(|(_, row)| with_removed || !row.deleted);
        rows.map(|(id, row)| shown(*id, row)).collect()
    }

    /// Makes a company; the member at fault if there is one.
    pub fn add(&mut self, sent: &Map<String, Value>, now: i64) -> Result<String, String> {
        let mut row = Company::default();
        row.set(sent, now)?;
        if !row.values.contains_key("name") {
            return Err("name".into());
        }
        self.last += 1;
        self.rows.insert(self.last, row);
        Ok(self.last.to_string())
    }

    /// Changes members; whether there is such a company, or the member at fault.
    pub fn change(&mut self, id: &str, sent: &Map<String, Value>, now: i64) -> Result<bool, String> {
        let row = self.rows.get_mut(&id.parse().unwrap_or(0)).filter(|row| !row.deleted);
        row.map_or(Ok(false), |row| row.set(sent, now).map(|()| true))
    }

    /// Deletes a company; whether there was one.
    pub fn remove(&mut self, id: &str, now: i64) -> bool {
        let row = self.rows.get_mut(&id.parse().unwrap_or(0)).filter(|row| !row.deleted);
        row.map(|row| (row.deleted, row.updated) = (true, now)).is_some()
    }
}

impl Company {
    /// Null and the empty text clear.
    fn set(&mut self, sent: &Map<String, Value>, now: i64) -> Result<(), String> {
        let mut next = self.values.clone();
        for (name, value) in sent {
            let member = MEMBERS.into_iter().find(|member| member == name);
            match (member, value) {
                (Some(member), Value::String(text)) if !text.trim().is_empty() => {
                    next.insert(member, text.trim().to_owned());
                }
                (Some(member), Value::String(_) | Value::Null) => drop(next.remove(member)),
                _ => return Err(name.clone()),
            }
        }
        (self.values, self.updated) = (next, now);
        Ok(())
    }
}

fn shown(id: u64, row: &Company) -> Value {
    let mut shown = Map::new();
    shown.insert("id".into(), id.to_string().into());
    for name in MEMBERS {
        let value = row.values.get(name).map_or(Value::Null, |text| text.clone().into());
        shown.insert(name.into(), value);
    }
    shown.insert("deleted".into(), row.deleted.into());
    shown.insert("updated_at".into(), utc_millis(row.updated).into());
    Value::Object(shown)
}

fn invalid(member: &str) -> Answer {
    let text = format!("{member}: unknown, missing, or not a value of this member");
    Answer::json(
        422,
        json!({"error": {"code": "invalid_member", "field": member, "message": text}}),
    )
}
