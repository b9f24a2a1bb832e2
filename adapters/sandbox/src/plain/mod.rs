//! The stand-in of a plain CRM: offset paging, no unique email, no modified-since filter, terse answers.

mod appointments;
mod bookings;
mod companies;
mod contact;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::http::Method;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::appointments::Appointments;
use self::contact::{Contact, EXTERNAL_REF, PROVIDER_NUMBER};
use crate::answer::{Answer, Call, Context};
use crate::clock::SECOND;
use crate::control::ControlError;
use crate::limits::SlidingWindow;
use crate::options::Manners;
use crate::people::CsvPerson;

const PAGE_CAP: usize = 100;

/// What differs between manners, as switches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlainSwitches {
    /// How many milliseconds the product's clock is ahead of ours; behind if negative.
    pub clock_ahead_ms: i64,
    /// Requests a second.
    pub requests_per_second: usize,
    /// Whether phone numbers are stored without blanks and brackets.
    pub respell_phones: bool,
    /// Whether the list puts the contacts changed last first, so that every edit moves rows between pages.
    pub list_newest_first: bool,
}

impl PlainSwitches {
    /// The switches as some manners set them.
    pub fn for_manners(manners: Manners) -> Self {
        let nasty = manners == Manners::Nasty;
        Self {
            clock_ahead_ms: 0,
            requests_per_second: if manners == Manners::Polite { 100_000 } else { 100 },
            respell_phones: nasty,
            list_newest_first: nasty,
        }
    }
}

impl Default for PlainSwitches {
    fn default() -> Self {
        Self::for_manners(Manners::Real)
    }
}

/// The stand-in's state.
pub(crate) struct Plain {
    /// The API key.
    pub key: String,
    pub switches: PlainSwitches,
    contacts: BTreeMap<u64, Contact>,
    live: BTreeSet<u64>,
    by_updated: BTreeSet<(i64, u64)>,
    by_reference: HashMap<String, BTreeSet<u64>>,
    next_id: u64,
    appointments: Appointments,
    pub(crate) bookings: bookings::Bookings,
    pub(crate) companies: companies::Companies,
    window: SlidingWindow,
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, json!({"error": {"code": code, "message": message}}))
}

impl Plain {
    /// An empty CRM.
    pub fn new(cx: &mut Context<'_>) -> Self {
        Self {
            key: format!("key_{:032x}", cx.rng.random::<u128>()),
            switches: PlainSwitches::for_manners(cx.manners),
            contacts: BTreeMap::new(),
            live: BTreeSet::new(),
            by_updated: BTreeSet::new(),
            by_reference: HashMap::new(),
            next_id: 10_000,
            appointments: Appointments::new(),
            bookings: bookings::Bookings::default(),
            companies: companies::Companies::default(),
            window: SlidingWindow::default(),
        }
    }

    /// Takes over other manners; switches set by hand before are lost.
    pub fn set_manners(&mut self, manners: Manners) {
        self.switches = PlainSwitches::for_manners(manners);
    }

    /// Loads a person.
    pub fn load(&mut self, person: &CsvPerson, updated: i64) -> String {
        self.next_id += 1;
        let id = self.next_id;
        self.put(Contact::from_csv(id, person, updated));
        id.to_string()
    }

    /// Stores a contact and keeps the look-ups right.
    fn put(&mut self, contact: Contact) {
        let id = contact.id;
        if let Some(old) = self.contacts.get(&id) {
            self.by_updated.remove(&(old.updated, id));
            if let Some(reference) = old.value(EXTERNAL_REF)
                && let Some(ids) = self.by_reference.get_mut(reference)
            {
                ids.remove(&id);
            }
        }
        if let Some(reference) = contact.value(EXTERNAL_REF) {
            self.by_reference.entry(reference.to_owned()).or_default().insert(id);
        }
        if contact.deleted {
            self.live.remove(&id);
        } else {
            self.live.insert(id);
            self.by_updated.insert((contact.updated, id));
        }
        self.contacts.insert(id, contact);
    }

    /// Answers an API call.
    pub fn handle(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        if call.header("x-api-key") != Some(self.key.as_str()) {
            return error(401, "unauthorized", "send your key as X-Api-Key");
        }
        let limit = self.switches.requests_per_second;
        let spent = self.window.take(cx.now, limit, SECOND);
        let answer = if spent.allowed {
            self.route(call, cx)
        } else {
            error(429, "too_many_requests", "slow down").with("retry-after", 1)
        };
        answer
            .with("x-ratelimit-limit", limit)
            .with("x-ratelimit-remaining", spent.remaining)
            .with("x-ratelimit-reset", cx.now.div_euclid(SECOND) + 1)
    }

    fn route(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        let segments = call.segments();
        match (&call.method, segments.as_slice()) {
            (&Method::GET, ["contacts"]) => self.list(call),
            (&Method::POST, ["contacts"]) => match self.sent(call) {
                Ok(sent) => match self.create(&sent, cx.now) {
                    Ok(id) => Answer::json(201, json!({"id": id})),
                    Err(member) => refused(&member),
                },
                Err(answer) => *answer,
            },
            (&Method::GET, ["contacts", id]) => match self.visible(id, call.flag("include_deleted")) {
                Some(contact) => Answer::json(200, contact.shown()),
                None => error(404, "not_found", "no such contact"),
            },
            (&Method::PATCH, ["contacts", id]) => match self.sent(call) {
                Ok(sent) => match self.change(id, &sent, cx.now) {
                    Ok(true) => Answer::empty(204),
                    Ok(false) => error(404, "not_found", "no such contact"),
                    Err(member) => refused(&member),
                },
                Err(answer) => *answer,
            },
            (&Method::DELETE, ["contacts", id]) => {
                if self.delete(id, cx.now) {
                    Answer::empty(204)
                } else {
                    error(404, "not_found", "no such contact")
                }
            }
            (_, ["appointments", rest @ ..]) => self.appointment_call(rest, call, cx),
            (_, ["companies", rest @ ..]) => self.companies.handle(rest, call, cx.now),
            (_, ["booking_requests", rest @ ..]) => self.bookings.handle(rest, call, cx.now),
            (_, ["contacts"] | ["contacts", _]) => error(405, "method_not_allowed", "not offered here"),
            _ => error(404, "not_found", "no such path"),
        }
    }

    fn sent(&self, call: &Call) -> Result<Map<String, Value>, Box<Answer>> {
        match call.json() {
            Some(Value::Object(sent)) => Ok(sent),
            _ => Err(Box::new(error(400, "bad_request", "send a JSON object"))),
        }
    }

    fn list(&self, call: &Call) -> Answer {
        let number = |name: &str, otherwise: usize| match call.param(name) {
            None => Some(otherwise),
            Some(text) => text.parse::<usize>().ok(),
        };
        let (Some(offset), Some(limit)) = (number("offset", 0), number("limit", 50)) else {
            return error(400, "bad_request", "offset and limit are numbers");
        };
        if limit == 0 || limit > PAGE_CAP {
            return error(400, "bad_request", "limit lies between 1 and 100");
        }
        let deleted = call.flag("include_deleted");
        let (rows, total): (Vec<&Contact>, usize) = if let Some(reference) = call.param("external_ref") {
            let found: Vec<&Contact> = self
                .by_reference
                .get(reference)
                .into_iter()
                .flatten()
                .filter_map(|id| self.contacts.get(id))
                .filter(|contact| deleted || !contact.deleted)
                .collect();
            let total = found.len();
            (found.into_iter().skip(offset).take(limit).collect(), total)
        } else if let Some(number) = call.param("provider_number") {
            let found: Vec<&Contact> = self
                .contacts
                .values()
                .filter(|contact| contact.value(PROVIDER_NUMBER) == Some(number) && (deleted || !contact.deleted))
                .collect();
            let total = found.len();
            (found.into_iter().skip(offset).take(limit).collect(), total)
        } else if deleted {
            (
                self.contacts.values().skip(offset).take(limit).collect(),
                self.contacts.len(),
            )
        } else if self.switches.list_newest_first {
            let ids = self.by_updated.iter().rev().skip(offset).take(limit);
            (
                ids.filter_map(|(_, id)| self.contacts.get(id)).collect(),
                self.live.len(),
            )
        } else {
            let ids = self.live.iter().skip(offset).take(limit);
            (ids.filter_map(|id| self.contacts.get(id)).collect(), self.live.len())
        };
        let items: Vec<Value> = rows.into_iter().map(Contact::shown).collect();
        Answer::json(200, json!({"items": items, "total": total}))
    }

    fn visible(&self, id: &str, with_deleted: bool) -> Option<&Contact> {
        self.contacts
            .get(&id.parse().ok()?)
            .filter(|contact| with_deleted || !contact.deleted)
    }

    fn create(&mut self, sent: &Map<String, Value>, now: i64) -> Result<String, String> {
        let mut contact = Contact::new(self.next_id + 1, now);
        contact.set(sent, self.switches.respell_phones)?;
        self.next_id += 1;
        self.put(contact);
        Ok(self.next_id.to_string())
    }

    fn change(&mut self, id: &str, sent: &Map<String, Value>, now: i64) -> Result<bool, String> {
        let Some(mut contact) = self.visible(id, false).cloned() else {
            return Ok(false);
        };
        if contact.set(sent, self.switches.respell_phones)? {
            contact.updated = now;
            self.put(contact);
        }
        Ok(true)
    }

    fn delete(&mut self, id: &str, now: i64) -> bool {
        let Some(mut contact) = self.visible(id, false).cloned() else {
            return false;
        };
        // The row leaves the list, so the old place is cleared by hand.
        self.by_updated.remove(&(contact.updated, contact.id));
        contact.deleted = true;
        contact.updated = now;
        self.put(contact);
        true
    }

    /// Every contact as the product shows it; deleted ones only if asked.
    pub fn records(&self, with_removed: bool) -> Vec<Value> {
        self.contacts
            .values()
            .filter(|contact| with_removed || !contact.deleted)
            .map(Contact::shown)
            .collect()
    }

    /// One live contact as the product shows it.
    pub fn record(&self, id: &str) -> Option<Value> {
        self.visible(id, false).map(Contact::shown)
    }

    /// A person makes a contact.
    pub fn person_create(&mut self, body: &Value, now: i64) -> Result<String, ControlError> {
        self.create(&typed(body)?, now).map_err(member_at_fault)
    }

    /// A person changes a contact.
    pub fn person_edit(&mut self, id: &str, patch: &Value, now: i64) -> Result<(), ControlError> {
        match self.change(id, &typed(patch)?, now).map_err(member_at_fault)? {
            true => Ok(()),
            false => Err(ControlError::NotFound),
        }
    }

    /// A person deletes a contact.
    pub fn person_delete(&mut self, id: &str, now: i64) -> Result<(), ControlError> {
        if self.delete(id, now) {
            Ok(())
        } else {
            Err(ControlError::NotFound)
        }
    }

    /// A person brings a deleted contact back.
    pub fn person_restore(&mut self, id: &str, now: i64) -> Result<(), ControlError> {
        let found = self.visible(id, true).filter(|contact| contact.deleted).cloned();
        let mut contact = found.ok_or(ControlError::NotFound)?;
        contact.deleted = false;
        contact.updated = now;
        self.put(contact);
        Ok(())
    }

    /// A person merges two contacts; blanks are filled and the loser is deleted, without a trace of the merge.
    pub fn person_merge(&mut self, winner: &str, loser: &str, now: i64) -> Result<String, ControlError> {
        if winner == loser {
            return Err(ControlError::Refused("a record cannot be merged with itself".into()));
        }
        let other = self.visible(loser, false).cloned().ok_or(ControlError::NotFound)?;
        let mut contact = self.visible(winner, false).cloned().ok_or(ControlError::NotFound)?;
        contact.fill_blanks(&other);
        contact.updated = now;
        self.put(contact);
        self.delete(loser, now);
        Ok(winner.to_owned())
    }
}

fn refused(member: &str) -> Answer {
    error(
        400,
        "invalid_member",
        &format!("{member}: unknown, or not a value of this member"),
    )
}

/// A person typed into a member that is none, or what it cannot hold.
pub(crate) fn member_at_fault(member: String) -> ControlError {
    ControlError::Refused(format!("{member}: unknown, or not a value of this member"))
}

/// What a person typed: the members shown but not typed are passed over.
fn typed(body: &Value) -> Result<Map<String, Value>, ControlError> {
    let Value::Object(members) = body else {
        return Err(ControlError::Refused("a JSON object is expected".into()));
    };
    Ok(members
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "id" | "deleted" | "updated_at"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect())
}
