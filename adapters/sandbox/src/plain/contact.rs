//! One contact of the plain CRM.

use serde_json::{Map, Value, json};

use crate::clock::{is_date, utc_millis};
use crate::people::CsvPerson;

/// Members a client may write, in the order they are shown.
pub(crate) const MEMBERS: [&str; 22] = [
    "first_name",
    "last_name",
    "email",
    "mobile",
    "phone",
    "birth_date",
    "sex",
    "address_line",
    "suburb",
    "state",
    "postcode",
    "country",
    "external_ref",
    "preferred_name",
    "notes",
    "title",
    "role",
    "provider_number",
    "company_id",
    "referrals_this_month",
    "referrals_this_year",
    "last_referral",
];
const BIRTH_DATE: usize = 5;
const MOBILE: usize = 3;
const PHONE: usize = 4;
/// The place of the caller's own reference.
pub(crate) const EXTERNAL_REF: usize = 12;
/// The place of a referrer's provider number.
pub(crate) const PROVIDER_NUMBER: usize = 17;

/// A contact; blank members are `None`.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub id: u64,
    pub updated: i64,
    pub deleted: bool,
    values: [Option<Box<str>>; MEMBERS.len()],
}

impl Contact {
    /// A contact without values.
    pub fn new(id: u64, now: i64) -> Self {
        Self {
            id,
            updated: now,
            deleted: false,
            values: Default::default(),
        }
    }

    /// A person from a file.
    pub fn from_csv(id: u64, person: &CsvPerson, updated: i64) -> Self {
        let mut contact = Self::new(id, updated);
        let mobile = person.phone_is_mobile();
        let birth_date = if is_date(&person.date_of_birth) {
            person.date_of_birth.as_str()
        } else {
            ""
        };
        for (place, value) in [
            (0, person.given_name.as_str()),
            (1, &person.surname),
            (2, &person.email),
            (if mobile { MOBILE } else { PHONE }, &person.phone),
            (BIRTH_DATE, birth_date),
            (6, &person.sex),
            (7, &person.street),
            (8, &person.suburb),
            (9, &person.state),
            (10, &person.postcode),
        ] {
            contact.values[place] = (!value.is_empty()).then(|| value.into());
        }
        contact
    }

    /// A member's value by place.
    pub fn value(&self, place: usize) -> Option<&str> {
        self.values[place].as_deref()
    }

    /// Sets the members sent; says whether any changed. Null and the empty text clear.
    ///
    /// # Errors
    /// The name of a member that is unknown or holds what it cannot.
    pub fn set(&mut self, sent: &Map<String, Value>, respell_phones: bool) -> Result<bool, String> {
        let mut next = self.values.clone();
        for (name, value) in sent {
            let place = MEMBERS
                .iter()
                .position(|member| member == name)
                .ok_or_else(|| name.clone())?;
            let text = match value {
                Value::Null => "",
                Value::String(text) => text.trim(),
                _ => return Err(name.clone()),
            };
            if place == BIRTH_DATE && !text.is_empty() && !is_date(text) {
                return Err(name.clone());
            }
            let spelt: String = if respell_phones && matches!(place, MOBILE | PHONE) {
                text.chars()
                    .filter(|letter| !matches!(letter, ' ' | '-' | '(' | ')'))
                    .collect()
            } else {
                text.to_owned()
            };
            next[place] = (!spelt.is_empty()).then(|| spelt.into_boxed_str());
        }
        let changed = next != self.values;
        self.values = next;
        Ok(changed)
    }

    /// Fills blanks from another contact.
    pub fn fill_blanks(&mut self, other: &Self) {
        for (own, value) in self.values.iter_mut().zip(&other.values) {
            if own.is_none() {
                own.clone_from(value);
            }
        }
    }

    /// The record as the API shows it: every member, blank ones as null.
    pub fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("id".into(), self.id.to_string().into());
        for (name, value) in MEMBERS.iter().zip(&self.values) {
            let value = value.as_deref().map_or(Value::Null, Value::from);
            shown.insert((*name).to_owned(), value);
        }
        shown.insert("deleted".into(), self.deleted.into());
        shown.insert("updated_at".into(), json!(utc_millis(self.updated)));
        Value::Object(shown)
    }
}
