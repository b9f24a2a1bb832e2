//! Operations on one contact at a time.

use axum::http::Method;
use serde_json::{Value, json};

use super::Hubspot;
use super::contact::{Contact, Source, View};
use super::error::Problem;
use super::properties::EMAIL;
use crate::answer::{Answer, Call, Context};

/// The largest page of a list, and with history.
const PAGE_CAP: usize = 100;
const HISTORY_PAGE_CAP: usize = 50;

/// What a reader asked for in the query.
pub(super) fn view_of(call: &Call) -> View {
    View {
        properties: call.list_param("properties"),
        with_history: call.list_param("propertiesWithHistory"),
    }
}

impl Hubspot {
    /// `GET contacts`: pages by id.
    pub(super) fn list(&self, call: &Call) -> Result<Answer, Problem> {
        let view = view_of(call);
        let cap = if view.with_history.is_empty() {
            PAGE_CAP
        } else {
            HISTORY_PAGE_CAP
        };
        let limit = match call.param("limit") {
            None => 10,
            Some(text) => text
                .parse::<usize>()
                .ok()
                .filter(|limit| (1..=cap).contains(limit))
                .ok_or_else(|| Problem::invalid(format!("Invalid limit: it must lie between 1 and {cap}")))?,
        };
        let after = match call.param("after") {
            None | Some("") => 0,
            Some(text) => text
                .parse::<u64>()
                .map_err(|_| Problem::invalid("Invalid after: not a paging token"))?,
        };
        let page = |contacts: &mut dyn Iterator<Item = &Contact>| {
            let mut results: Vec<(u64, Value)> = contacts
                .take(limit + 1)
                .map(|contact| (contact.id, contact.shown(&view, &self.properties)))
                .collect();
            let more = results.len() > limit;
            results.truncate(limit);
            (results, more)
        };
        let (results, more) = if call.flag("archived") {
            page(&mut self.contacts.archived_after(after))
        } else {
            page(&mut self.contacts.live_after(after))
        };
        let last = results.last().map(|(id, _)| *id);
        let rows: Vec<Value> = results.into_iter().map(|(_, shown)| shown).collect();
        let mut body = json!({"results": rows});
        if let (true, Some(last)) = (more, last) {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (key, value) in call.query.iter().filter(|(key, _)| key != "after") {
                query.append_pair(key, value);
            }
            query.append_pair("after", &last.to_string());
            let link = format!("{}/{}?{}", call.base, call.path.join("/"), query.finish());
            body["paging"] = json!({"next": {"after": last.to_string(), "link": link}});
        }
        Ok(Answer::json(200, body))
    }

    /// `GET contacts/{id}`; a merged id answers with the survivor.
    pub(super) fn read(&self, id: &str, call: &Call) -> Result<Answer, Problem> {
        let view = view_of(call);
        if call.flag("archived") {
            let contact = id.parse().ok().and_then(|id| self.contacts.get_archived(id));
            let contact = contact.ok_or_else(|| Problem::not_found(id))?;
            return Ok(Answer::json(200, contact.shown(&view, &self.properties)));
        }
        let contact = self.find(id, call.param("idProperty"))?;
        Ok(Answer::json(200, contact.shown(&view, &self.properties)))
    }

    /// The live contact that an id, or a value of a unique property, names.
    pub(super) fn find(&self, id: &str, id_property: Option<&str>) -> Result<&Contact, Problem> {
        let number = self.unique_property(id_property)?;
        let key = match number {
            None => id.parse::<u64>().ok(),
            Some(number) => self.contacts.holder(number, id),
        };
        key.and_then(|key| self.contacts.get(key))
            .ok_or_else(|| Problem::not_found(id))
    }

    /// The property that names objects; `None` for the record id itself.
    pub(super) fn unique_property(&self, name: Option<&str>) -> Result<Option<u16>, Problem> {
        match name {
            None | Some("" | "hs_object_id") => Ok(None),
            Some(name) => self
                .properties
                .number(name)
                .filter(|number| self.properties.get(*number).unique)
                .map(Some)
                .ok_or_else(|| Problem::invalid(format!("idProperty {name} is not a unique property of contacts"))),
        }
    }

    /// `POST contacts`.
    pub(super) fn create(&mut self, call: &Call, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        let sent = call.json().ok_or_else(|| Problem::invalid("Invalid input JSON"))?;
        let values = self.values(&sent["properties"])?;
        let id = self.insert(values, Source::Integration, cx)?;
        let contact = self.contacts.get(id).ok_or_else(|| Problem::not_found("new"))?;
        Ok(Answer::json(201, contact.shown_full(&self.properties)))
    }

    /// Makes a contact of checked values.
    pub(super) fn insert(
        &mut self,
        values: Vec<(u16, String)>,
        source: Source,
        cx: &mut Context<'_>,
    ) -> Result<u64, Problem> {
        if source == Source::Integration {
            for name in &self.switches.required_on_create {
                let given = self.properties.number(name).is_some_and(|number| {
                    values
                        .iter()
                        .any(|(property, value)| *property == number && !value.is_empty())
                });
                if !given {
                    return Err(Problem::property(
                        name,
                        "REQUIRED_PROPERTY",
                        "the account requires this property",
                    ));
                }
            }
        }
        self.contacts.check_unique(None, &values, &self.properties)?;
        let id = self.contacts.fresh_id();
        let mut contact = Contact::new(id, cx.now);
        for (number, value) in &values {
            contact.set(*number, value, cx.now, source);
        }
        let visible = self.visible_at(cx);
        self.contacts.insert(contact, visible, &self.properties);
        Ok(id)
    }

    /// `PATCH contacts/{id}`.
    pub(super) fn patch(&mut self, id: &str, call: &Call, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        let own = self.find(id, call.param("idProperty"))?.id;
        let sent = call.json().ok_or_else(|| Problem::invalid("Invalid input JSON"))?;
        let values = self.values(&sent["properties"])?;
        self.update(own, &values, Source::Integration, cx)?;
        let names: Vec<String> = values
            .iter()
            .map(|(number, _)| self.properties.get(*number).name.clone())
            .collect();
        Ok(Answer::json(200, self.shown_after_write(own, names)?))
    }

    /// What a write answers: the written properties and those always shown.
    pub(super) fn shown_after_write(&self, id: u64, properties: Vec<String>) -> Result<Value, Problem> {
        let view = View {
            properties,
            with_history: Vec::new(),
        };
        let contact = self
            .contacts
            .get(id)
            .ok_or_else(|| Problem::not_found(&id.to_string()))?;
        Ok(contact.shown(&view, &self.properties))
    }

    /// Sets checked values of a contact.
    pub(super) fn update(
        &mut self,
        id: u64,
        values: &[(u16, String)],
        source: Source,
        cx: &mut Context<'_>,
    ) -> Result<(), Problem> {
        self.contacts.check_unique(Some(id), values, &self.properties)?;
        let visible = self.visible_at(cx);
        let touch = self.switches.noop_write_moves_modified;
        self.contacts
            .update(id, values, cx.now, source, touch, visible, &self.properties);
        Ok(())
    }

    /// `DELETE contacts/{id}`: archives. An unknown id is answered the same way.
    pub(super) fn archive(&mut self, id: &str, call: &Call, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        if let Ok(contact) = self.find(id, call.param("idProperty")) {
            let own = contact.id;
            let visible = self.visible_at(cx);
            self.contacts.archive(own, cx.now, visible, &self.properties);
        }
        Ok(Answer::empty(204))
    }

    /// `POST contacts/gdpr-delete`.
    pub(super) fn erase(&mut self, call: &Call, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        let sent = call.json().ok_or_else(|| Problem::invalid("Invalid input JSON"))?;
        let id = text_of(&sent["objectId"]).ok_or_else(|| Problem::invalid("objectId is required"))?;
        let own = match self.find(&id, sent["idProperty"].as_str()) {
            Ok(contact) => Some(contact.id),
            Err(_) => id.parse().ok(),
        };
        let visible = self.visible_at(cx);
        if own.is_some_and(|own| self.contacts.purge(own, visible, &self.properties)) {
            Ok(Answer::empty(204))
        } else {
            Err(Problem::not_found(&id))
        }
    }

    /// `POST contacts/merge`.
    pub(super) fn merge_call(&mut self, call: &Call, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        let sent = call.json().ok_or_else(|| Problem::invalid("Invalid input JSON"))?;
        let (Some(winner), Some(loser)) = (text_of(&sent["primaryObjectId"]), text_of(&sent["objectIdToMerge"])) else {
            return Err(Problem::invalid("primaryObjectId and objectIdToMerge are required"));
        };
        let survivor = self.merge(&winner, &loser, cx)?;
        let contact = self.contacts.get(survivor).ok_or_else(|| Problem::not_found(&winner))?;
        Ok(Answer::json(200, contact.shown_full(&self.properties)))
    }

    /// Reads `{name: value}` with values checked and spelt as the product keeps them.
    pub(super) fn values(&self, sent: &Value) -> Result<Vec<(u16, String)>, Problem> {
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
            let text = self.respelt(number, text.trim());
            self.properties.check(number, &text)?;
            values.push((number, text));
        }
        Ok(values)
    }

    fn respelt(&self, number: u16, text: &str) -> String {
        let name = self.properties.get(number).name.as_str();
        if number == EMAIL && self.switches.lower_case_email {
            text.to_lowercase()
        } else if self.switches.respell_phones && matches!(name, "phone" | "mobilephone") {
            international(text)
        } else {
            text.to_owned()
        }
    }

    /// Puts a contact to a company; it may stand there already.
    fn employ(&mut self, id: &str, company: &str) -> Result<Answer, Problem> {
        let own = self.find(id, None)?.id;
        let companies = self.companies.as_ref().ok_or_else(|| Problem::not_found(company))?;
        let company = companies.find(company, None)?.id;
        self.employers.entry(own).or_default().insert(company);
        let results = json!([{"from": {"id": own.to_string()}, "to": {"id": company.to_string()}}]);
        Ok(Answer::json(200, json!({"status": "COMPLETE", "results": results})))
    }

    /// Takes a contact from a company: of two that do not stand together nothing is said.
    fn dismiss(&mut self, id: &str, company: &str) -> Result<Answer, Problem> {
        let own = self.find(id, None)?.id;
        let meant = company.parse().ok();
        if let Some(all) = self.employers.get_mut(&own) {
            all.retain(|known| Some(*known) != meant);
        }
        Ok(Answer::empty(204))
    }

    /// The companies of a contact.
    pub fn employers_of(&self, id: &str) -> Vec<String> {
        let all = id.parse().ok().and_then(|id: u64| self.employers.get(&id));
        all.into_iter().flatten().map(u64::to_string).collect()
    }

    /// Answers a call on `contacts` and what lies below.
    pub(super) fn objects(&mut self, rest: &[&str], call: &Call, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        let method = call.method.clone();
        match (method, rest) {
            (Method::GET, []) => self.list(call),
            (Method::POST, []) => self.create(call, cx),
            (Method::POST, ["search"]) => self.search(call, cx),
            (Method::POST, ["merge"]) => self.merge_call(call, cx),
            (Method::POST, ["gdpr-delete"]) => self.erase(call, cx),
            (Method::POST, ["batch", operation]) => self.batch(operation, call, cx),
            (Method::GET, [id]) => self.read(id, call),
            (Method::PATCH, [id]) => self.patch(id, call, cx),
            (Method::DELETE, [id]) => self.archive(id, call, cx),
            (Method::PUT, [id, "associations", "default", "companies" | "company", company]) => {
                self.employ(id, company)
            }
            (Method::DELETE, [id, "associations", "companies" | "company", company]) => self.dismiss(id, company),
            (_, [] | [_] | ["batch", _]) => Err(Problem::new(405, "VALIDATION_ERROR", "Method not allowed")),
            _ => Err(Problem::new(404, "OBJECT_NOT_FOUND", "No such path")),
        }
    }
}

/// A value as text; numbers and booleans are taken, null clears.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// `+61 491 570 006`: the spelling the product's screens put numbers into.
fn international(text: &str) -> String {
    let national = crate::halaxy::national_digits(text);
    match national.strip_prefix('0') {
        Some(rest) if rest.len() == 9 => {
            format!("+61 {} {} {}", &rest[..3], &rest[3..6], &rest[6..])
        }
        _ => text.to_owned(),
    }
}
