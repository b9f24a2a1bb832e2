//! What people do in the product: their edits carry an author and show in the history.

use serde_json::{Value, json};

use super::Hubspot;
use super::contact::{Contact, Source};
use super::error::Problem;
use super::properties::EMAIL;
use crate::answer::Context;
use crate::control::{Author, ControlError};
use crate::people::CsvPerson;

/// Whether a contact has unsubscribed from all mail; read only for calls.
const OPTED_OUT: &str = "hs_email_optout";

impl From<Author> for Source {
    fn from(author: Author) -> Self {
        match author {
            Author::Person => Self::CrmUi,
            Author::Form => Self::Form,
            Author::Import => Self::Import,
            Author::Automation => Self::Automation,
        }
    }
}

impl From<Problem> for ControlError {
    fn from(problem: Problem) -> Self {
        match problem.status {
            404 => Self::NotFound,
            409 => Self::Conflict(problem.message),
            _ => Self::Refused(problem.message),
        }
    }
}

impl Hubspot {
    /// Loads a person by an import of long ago. A mailbox that another contact already has is left out.
    pub fn load(&mut self, person: &CsvPerson, created: i64, modified: i64) -> String {
        let id = self.contacts.fresh_id();
        let mut contact = Contact::new(id, created);
        let phone = if person.phone_is_mobile() {
            "mobilephone"
        } else {
            "phone"
        };
        let gender = match person.sex.as_str() {
            "M" | "m" => "male",
            "F" | "f" => "female",
            _ => "",
        };
        let email = if self.switches.lower_case_email {
            person.email.to_lowercase()
        } else {
            person.email.clone()
        };
        for (name, value) in [
            ("firstname", person.given_name.as_str()),
            ("lastname", &person.surname),
            ("email", &email),
            (phone, &person.phone),
            ("date_of_birth", &person.date_of_birth),
            ("gender", gender),
            ("address", &person.street),
            ("city", &person.suburb),
            ("state", &person.state),
            ("zip", &person.postcode),
        ] {
            let Some(number) = self.properties.number(name) else {
                continue;
            };
            if number == EMAIL && self.contacts.holder(EMAIL, value).is_some() {
                continue;
            }
            contact.set(number, value, created, Source::Import);
        }
        contact.modified = modified;
        self.contacts.load(contact, &self.properties);
        id.to_string()
    }

    /// Every contact as the product shows it; archived ones only if asked.
    pub fn records(&self, with_removed: bool) -> Vec<Value> {
        let live = self.contacts.live_after(0);
        let archived = self.contacts.archived_after(0).filter(|_| with_removed);
        live.chain(archived)
            .map(|contact| contact.shown_full(&self.properties))
            .collect()
    }

    /// One live contact as the product shows it.
    pub fn record(&self, id: &str) -> Option<Value> {
        let contact = self.contacts.get(id.parse().ok()?)?;
        let mut shown = contact.shown_full(&self.properties);
        let employers = self.employers_of(id);
        if !employers.is_empty() {
            shown["associations"] = json!({ "companies": employers });
        }
        Some(shown)
    }

    /// A person makes a contact.
    pub fn person_create(
        &mut self,
        body: &Value,
        author: Author,
        cx: &mut Context<'_>,
    ) -> Result<String, ControlError> {
        let values = self.values(&flat(body))?;
        Ok(self.insert(values, author.into(), cx)?.to_string())
    }

    /// A person changes a contact; null clears.
    pub fn person_edit(
        &mut self,
        id: &str,
        patch: &Value,
        author: Author,
        cx: &mut Context<'_>,
    ) -> Result<(), ControlError> {
        let own = self.find(id, None)?.id;
        let mut patch = flat(patch);
        let unsubscribed = patch.as_object_mut().and_then(|members| members.remove(OPTED_OUT));
        let mut values = self.values(&patch)?;
        // Whoever follows the link in a mailing changes what no call can change.
        if let (Some(value), Some(number)) = (unsubscribed, self.properties.number(OPTED_OUT)) {
            values.push((number, value.as_str().unwrap_or_default().to_owned()));
        }
        self.contacts.check_unique(Some(own), &values, &self.properties)?;
        let visible = self.visible_at(cx);
        self.contacts
            .update(own, &values, cx.now, author.into(), false, visible, &self.properties);
        Ok(())
    }

    /// A person deletes a contact, which archives it.
    pub fn person_delete(&mut self, id: &str, cx: &mut Context<'_>) -> Result<(), ControlError> {
        let own = self.find(id, None)?.id;
        let visible = self.visible_at(cx);
        self.contacts.archive(own, cx.now, visible, &self.properties);
        Ok(())
    }

    /// A person brings a deleted contact back.
    pub fn person_restore(&mut self, id: &str, cx: &mut Context<'_>) -> Result<(), ControlError> {
        let visible = self.visible_at(cx);
        let number = id.parse().unwrap_or(0);
        if self.contacts.restore(number, cx.now, visible, &self.properties) {
            Ok(())
        } else {
            Err(ControlError::NotFound)
        }
    }

    /// A person merges two contacts; gives the survivor's id.
    pub fn person_merge(&mut self, winner: &str, loser: &str, cx: &mut Context<'_>) -> Result<String, ControlError> {
        Ok(self.merge(winner, loser, cx)?.to_string())
    }
}

/// `{"properties": {...}}` or the members themselves, null as the empty text.
fn flat(body: &Value) -> Value {
    let members = body.get("properties").unwrap_or(body);
    let Value::Object(members) = members else {
        return members.clone();
    };
    let texts = members
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "id" | "archived" | "createdAt" | "updatedAt"))
        .map(|(name, value)| (name.clone(), if value.is_null() { json!("") } else { value.clone() }))
        .collect();
    Value::Object(texts)
}
