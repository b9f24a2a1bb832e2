//! Meetings and the contacts they stand with (vendor-apis.md section 1, "Meeting-like data"). Search lags behind as that
//! of contacts does. \[inferred: an association that is taken from a merged contact is taken from its survivor, since the
//! old id leads there\]

mod lists;
mod people;

use super::Hubspot;
use super::error::Problem;
use super::objects::text_of;
use super::properties::Properties;
use crate::answer::{Answer, Call, Context};
use crate::clock::{span_of, utc_millis};
use axum::http::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const BATCH_CAP: usize = 100;
/// The product's own type of association between a meeting and a contact.
const WITH_CONTACT: i64 = 200;

/// A meeting. Times are microseconds.
#[derive(Debug, Clone)]
struct Meeting {
    id: u64,
    created: i64,
    modified: i64,
    archived: Option<i64>,
    values: BTreeMap<u16, String>,
    contacts: BTreeSet<u64>,
}

/// All meetings.
#[derive(Debug)]
pub(super) struct Meetings {
    pub properties: Properties,
    all: BTreeMap<u64, Meeting>,
    /// Values of unique properties to live meetings.
    unique: HashMap<(u16, String), u64>,
    /// What search still shows of meetings that changed lately, and until when.
    stale: HashMap<u64, (i64, Option<Meeting>)>,
    next_id: u64,
}

impl Meetings {
    /// None yet.
    pub fn new(now: i64) -> Self {
        Self {
            properties: Properties::of_meetings(now),
            all: BTreeMap::new(),
            unique: HashMap::new(),
            stale: HashMap::new(),
            next_id: 84_000,
        }
    }

    fn live(&self, id: u64) -> Option<&Meeting> {
        self.all.get(&id).filter(|meeting| meeting.archived.is_none())
    }

    fn values(&self, sent: &Value) -> Result<Vec<(u16, String)>, Problem> {
        let Value::Object(sent) = sent else {
            return Err(Problem::invalid("Invalid input JSON: properties is required"));
        };
        let mut values = Vec::with_capacity(sent.len());
        for (name, value) in sent {
            let number = self.properties.number(name).ok_or_else(|| {
                let text = format!("Property \"{name}\" does not exist");
                Problem::property(name, "PROPERTY_DOESNT_EXIST", &text)
            })?;
            let text =
                text_of(value).ok_or_else(|| Problem::invalid(format!("Invalid input JSON: {name} must be a text")))?;
            self.properties.check(number, &text)?;
            values.push((number, self.respelt(number, text)));
        }
        Ok(values)
    }

    /// Times are shown in ISO form, however they were written.
    fn respelt(&self, number: u16, text: String) -> String {
        let is_time = self
            .properties
            .definition(&self.properties.get(number).name)
            .is_some_and(|definition| definition["type"] == "datetime");
        if !is_time || text.is_empty() {
            return text;
        }
        let micros = match text.parse::<i64>() {
            Ok(millis) => Some(millis * 1_000),
            Err(_) => span_of(&text).map(|span| span.0),
        };
        micros.map_or(text, utc_millis)
    }

    fn check_unique(&self, own: Option<u64>, values: &[(u16, String)]) -> Result<(), Problem> {
        for (number, value) in values {
            let property = self.properties.get(*number);
            let holder = self.unique.get(&(*number, value.clone()));
            if property.unique && !value.is_empty() && holder.is_some_and(|holder| Some(*holder) != own) {
                let text = format!("Cannot set {}: the value is not unique.", property.name);
                return Err(Problem::new(409, "CONFLICT", text));
            }
        }
        Ok(())
    }

    /// Puts a meeting in the place of what was there. Search shows that until `visible`.
    fn put(&mut self, meeting: Meeting, visible: i64) {
        let id = meeting.id;
        let before = self.all.get(&id).cloned();
        if let Some(before) = &before {
            for (number, value) in &before.values {
                if self.unique.get(&(*number, value.clone())) == Some(&id) {
                    self.unique.remove(&(*number, value.clone()));
                }
            }
        }
        if meeting.archived.is_none() {
            for (number, value) in meeting.values.iter().filter(|(_, value)| !value.is_empty()) {
                if self.properties.get(*number).unique {
                    self.unique.insert((*number, value.clone()), id);
                }
            }
        }
        let shown = self.stale.remove(&id).map_or(before, |(_, shown)| shown);
        self.stale.insert(id, (visible, shown));
        self.all.insert(id, meeting);
    }
}

impl Hubspot {
    /// Answers a call on `meetings` and what lies below.
    pub(super) fn meeting_call(&mut self, rest: &[&str], call: &Call, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        let sent = || call.json().ok_or_else(|| Problem::invalid("Invalid input JSON"));
        match (call.method.clone(), rest) {
            (Method::GET, []) => self.meeting_list(call),
            (Method::POST, []) => {
                let id = self.meeting_create(&sent()?, cx)?;
                Ok(Answer::json(201, self.meeting_shown(id, None)?))
            }
            (Method::POST, ["search"]) => self.meeting_search(&sent()?, cx),
            (Method::POST, ["batch", operation]) => self.meeting_batch(operation, &sent()?, call.flag("archived"), cx),
            (Method::GET, [id]) => {
                let own = self.meeting_named(id, call.param("idProperty"), call.flag("archived"))?;
                let asked = call.list_param("properties");
                let mut shown = self.meeting_shown(own, Some(&asked))?;
                if call.list_param("associations").iter().any(|kind| kind == "contacts") {
                    shown["associations"] = self.meeting_contacts(own);
                }
                Ok(Answer::json(200, shown))
            }
            (Method::PATCH, [id]) => {
                let own = self.meeting_named(id, call.param("idProperty"), false)?;
                self.meeting_update(own, &sent()?["properties"], cx)?;
                Ok(Answer::json(200, self.meeting_shown(own, None)?))
            }
            (Method::DELETE, [id]) => {
                if let Ok(own) = self.meeting_named(id, None, false) {
                    self.meeting_archive(own, cx);
                }
                Ok(Answer::empty(204))
            }
            (Method::PUT, [id, "associations", "default", "contacts" | "contact", contact]) => {
                let own = self.meeting_named(id, None, false)?;
                let contact = self.find(contact, None)?.id;
                self.meeting_changed(own, cx, |meeting| {
                    meeting.contacts.insert(contact);
                });
                Ok(Answer::json(
                    200,
                    json!({"status": "COMPLETE", "results": [{"from": {"id": id}, "to": {"id": contact.to_string()}}]}),
                ))
            }
            (Method::DELETE, [id, "associations", "contacts" | "contact", contact]) => {
                let own = self.meeting_named(id, None, false)?;
                let contact = contact.parse().unwrap_or(0);
                let meant = self.contacts.resolve(contact);
                let keep: BTreeSet<u64> = self.all_contacts_of(own, |other| other != meant);
                self.meeting_changed(own, cx, |meeting| meeting.contacts = keep);
                Ok(Answer::empty(204))
            }
            (_, [] | [_] | ["batch", _]) => Err(Problem::new(405, "VALIDATION_ERROR", "Method not allowed")),
            _ => Err(Problem::new(404, "OBJECT_NOT_FOUND", "No such path")),
        }
    }

    /// The contacts of a meeting whose survivors pass, as they were written.
    fn all_contacts_of(&self, id: u64, keep: impl Fn(u64) -> bool) -> BTreeSet<u64> {
        let meeting = self.meetings.all.get(&id);
        let all = meeting.into_iter().flat_map(|meeting| meeting.contacts.iter().copied());
        all.filter(|contact| keep(self.contacts.resolve(*contact))).collect()
    }

    fn meeting_named(&self, id: &str, id_property: Option<&str>, archived: bool) -> Result<u64, Problem> {
        let number = match id_property {
            None | Some("" | "hs_object_id") => None,
            Some(name) => {
                let number = self.meetings.properties.number(name);
                let unique = number.filter(|number| self.meetings.properties.get(*number).unique);
                let bad = || Problem::invalid(format!("idProperty {name} is not a unique property of meetings"));
                Some(unique.ok_or_else(bad)?)
            }
        };
        let found = match number {
            None => id.parse::<u64>().ok(),
            Some(number) => self.meetings.unique.get(&(number, id.to_owned())).copied(),
        };
        let there = |id: &u64| match self.meetings.all.get(id) {
            Some(meeting) => meeting.archived.is_some() == archived,
            None => false,
        };
        found.filter(there).ok_or_else(|| Problem::not_found(id))
    }

    /// Makes a meeting with its associations; nothing is made if one of them cannot be.
    fn meeting_create(&mut self, sent: &Value, cx: &mut Context<'_>) -> Result<u64, Problem> {
        let values = self.meetings.values(&sent["properties"])?;
        let number = |name: &str| self.meetings.properties.number(name);
        let given = |name: &str| {
            values
                .iter()
                .any(|(property, text)| Some(*property) == number(name) && !text.is_empty())
        };
        if !given("hs_timestamp") && !given("hs_meeting_start_time") {
            let text = "a meeting needs a time";
            return Err(Problem::property("hs_timestamp", "REQUIRED_PROPERTY", text));
        }
        let mut contacts = BTreeSet::new();
        for association in sent["associations"].as_array().into_iter().flatten() {
            let types = association["types"].as_array().map(Vec::as_slice).unwrap_or_default();
            let fits = |of: &Value| {
                of["associationTypeId"].as_i64() == Some(WITH_CONTACT) && of["associationCategory"] == "HUBSPOT_DEFINED"
            };
            if types.is_empty() || !types.iter().all(fits) {
                return Err(Problem::invalid(
                    "an association type does not exist between these objects",
                ));
            }
            let contact = text_of(&association["to"]["id"]).unwrap_or_default();
            match self.find(&contact, None) {
                Ok(found) => contacts.insert(found.id),
                Err(_) => {
                    let mut problem = Problem::invalid("One or more associations are not valid");
                    problem
                        .details
                        .push(json!({"message": "no such contact", "code": "INVALID_OBJECT_ID"}));
                    return Err(problem);
                }
            };
        }
        self.meetings.check_unique(None, &values)?;
        self.meetings.next_id += 1;
        let meeting = Meeting {
            id: self.meetings.next_id,
            created: cx.now,
            modified: cx.now,
            archived: None,
            values: values.into_iter().collect(),
            contacts,
        };
        let (id, visible) = (meeting.id, self.visible_at(cx));
        self.meetings.put(meeting, visible);
        Ok(id)
    }

    fn meeting_update(&mut self, id: u64, sent: &Value, cx: &mut Context<'_>) -> Result<(), Problem> {
        let values = self.meetings.values(sent)?;
        self.meetings.check_unique(Some(id), &values)?;
        self.meeting_changed(id, cx, |meeting| meeting.values.extend(values));
        Ok(())
    }

    fn meeting_changed(&mut self, id: u64, cx: &mut Context<'_>, change: impl FnOnce(&mut Meeting)) {
        let Some(mut meeting) = self.meetings.all.get(&id).cloned() else {
            return;
        };
        change(&mut meeting);
        meeting.modified = cx.now;
        let visible = self.visible_at(cx);
        self.meetings.put(meeting, visible);
    }

    fn meeting_archive(&mut self, id: u64, cx: &mut Context<'_>) {
        let now = cx.now;
        self.meeting_changed(id, cx, |meeting| meeting.archived = Some(now));
    }
}
