//! Contacts: unique by name among all, archived ones included, and by `ContactNumber`.

use serde_json::{Map, Value, json};

use super::dates;
use super::ledger::{Act, Kind, Ledger};
use super::members::{member, short, text};
use super::money::number;
use super::problem::Problem;

/// One contact.
#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub id: String,
    pub number: Option<String>,
    pub name: String,
    pub archived: bool,
    pub merged_to: Option<String>,
    /// Texts that are kept as sent.
    pub texts: Map<String, Value>,
    pub phones: Vec<Value>,
    pub addresses: Vec<Value>,
    pub updated: i64,
}

/// Texts that are kept, with the longest they may be.
const TEXTS: &[(&str, usize)] = &[
    ("AccountNumber", 50),
    ("FirstName", 255),
    ("LastName", 255),
    ("CompanyNumber", 50),
    ("EmailAddress", 255),
    ("TaxNumber", 50),
];

const PHONE_TYPES: [&str; 4] = ["DEFAULT", "DDI", "MOBILE", "FAX"];
const ADDRESS_TYPES: [&str; 2] = ["STREET", "POBOX"];
const PHONE_TEXTS: &[(&str, usize)] = &[("PhoneNumber", 50), ("PhoneAreaCode", 10), ("PhoneCountryCode", 20)];
const ADDRESS_TEXTS: &[(&str, usize)] = &[
    ("AddressLine1", 500),
    ("AddressLine2", 500),
    ("AddressLine3", 500),
    ("AddressLine4", 500),
    ("City", 255),
    ("Region", 255),
    ("PostalCode", 50),
    ("Country", 50),
    ("AttentionTo", 255),
];

/// Names are compared without case and outer blanks [I].
fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Ledger {
    /// Finds a contact by its id or its number.
    pub fn contact(&self, name: &str) -> Option<usize> {
        self.contacts
            .place(name)
            .or_else(|| self.contact_numbers.get(name).copied())
    }

    /// Takes one contact: made new, or found and changed if `may_update` or the path named it.
    pub fn put_contact(
        &mut self,
        sent: &Value,
        named: Option<usize>,
        may_update: bool,
        act: &mut Act<'_>,
    ) -> Result<usize, Problem> {
        let found = match named {
            Some(place) => Some(place),
            None => self.find_contact(sent, may_update)?,
        };
        let mut problems = Vec::new();
        let old = found.map(|place| self.contacts[place].clone());
        let contact = self.read_contact(sent, old.as_ref(), act, &mut problems);
        if let Some(place) = self.names.get(&key(&contact.name))
            && Some(*place) != found
        {
            // The product's wording.
            problems.push(format!(
                "The contact name {} is already assigned to another contact. The contact name must be unique across all active contacts.",
                contact.name
            ));
        }
        if let Some(number) = &contact.number
            && self
                .contact_numbers
                .get(number)
                .is_some_and(|place| Some(*place) != found)
        {
            problems.push(format!(
                "The contact number {number} is already assigned to another contact. The contact number must be unique."
            ));
        }
        if !problems.is_empty() {
            return Err(Problem::Invalid(problems));
        }
        Ok(self.store_contact(contact, found))
    }

    /// The contact an element means: by id, by number, by name alone [I].
    fn find_contact(&self, sent: &Value, may_update: bool) -> Result<Option<usize>, Problem> {
        if let Some(id) = text(sent, "ContactID") {
            let found = self.contacts.place(&id);
            return match found {
                Some(_) if may_update => Ok(found),
                Some(_) => Err(Problem::of("A contact with this ContactID exists already")),
                None => Err(Problem::of(
                    "The contact with the specified ContactID could not be found",
                )),
            };
        }
        if !may_update {
            return Ok(None);
        }
        Ok(match (text(sent, "ContactNumber"), text(sent, "Name")) {
            (Some(number), _) => self.contact_numbers.get(&number).copied(),
            (None, Some(name)) => self.names.get(&key(&name)).copied(),
            (None, None) => None,
        })
    }

    fn read_contact(
        &self,
        sent: &Value,
        old: Option<&Contact>,
        act: &mut Act<'_>,
        problems: &mut Vec<String>,
    ) -> Contact {
        let mut contact = old.cloned().unwrap_or_else(|| Contact {
            id: act.id(),
            number: None,
            name: String::new(),
            archived: false,
            merged_to: None,
            texts: Map::new(),
            phones: Vec::new(),
            addresses: Vec::new(),
            updated: act.now,
        });
        if let Some(name) = short(sent, "Name", 255, problems) {
            contact.name = name;
        }
        if contact.name.is_empty() {
            problems.push("The contact name must be specified".to_owned());
        }
        if let Some(number) = short(sent, "ContactNumber", 50, problems) {
            contact.number = Some(number);
        }
        for (name, most) in TEXTS {
            // An empty text clears.
            if member(sent, name).and_then(Value::as_str).is_some_and(str::is_empty) {
                contact.texts.shift_remove(*name);
            } else if let Some(text) = short(sent, name, *most, problems) {
                contact.texts.insert((*name).to_owned(), json!(text));
            }
        }
        if contact
            .texts
            .get("EmailAddress")
            .and_then(Value::as_str)
            .is_some_and(|mailbox| !mailbox.contains('@'))
        {
            problems.push("Email address must be valid.".to_owned());
        }
        parts(
            sent,
            "Phones",
            "PhoneType",
            &PHONE_TYPES,
            PHONE_TEXTS,
            &mut contact.phones,
            problems,
        );
        parts(
            sent,
            "Addresses",
            "AddressType",
            &ADDRESS_TYPES,
            ADDRESS_TEXTS,
            &mut contact.addresses,
            problems,
        );
        match text(sent, "ContactStatus").as_deref() {
            None => {}
            Some("ACTIVE") => contact.archived = false,
            Some("ARCHIVED") => contact.archived = true,
            Some(_) => problems.push("ContactStatus is ACTIVE or ARCHIVED".to_owned()),
        }
        contact.updated = act.now;
        contact
    }

    pub fn store_contact(&mut self, contact: Contact, found: Option<usize>) -> usize {
        let place = match found {
            Some(place) => {
                let old = &self.contacts[place];
                self.names.remove(&key(&old.name));
                if let Some(number) = &old.number {
                    self.contact_numbers.remove(number);
                }
                place
            }
            None => self.contacts.len(),
        };
        self.names.insert(key(&contact.name), place);
        if let Some(number) = &contact.number {
            self.contact_numbers.insert(number.clone(), place);
        }
        if found.is_some() {
            self.contacts[place] = contact;
        } else {
            self.contacts.push(contact);
        }
        place
    }

    /// The contact of a document: by id, by number, by name; a name nobody has makes a contact, as in the product.
    pub fn contact_of(&mut self, sent: &Value, act: &mut Act<'_>) -> Result<usize, Problem> {
        let Some(asked) = member(sent, "Contact") else {
            return Err(Problem::of("A Contact must be specified for this type of transaction"));
        };
        let found = self.find_contact(asked, true)?;
        let place = match found {
            Some(place) => place,
            None if text(asked, "Name").is_some() => self.put_contact(asked, None, false, act)?,
            None => {
                return Err(Problem::of(
                    "The contact with the specified contact details could not be found",
                ));
            }
        };
        if self.contacts[place].archived && act.by_app {
            // The product's wording.
            return Err(Problem::of(
                "The Contact with the specified contact details has been archived. The contact must be un-archived before creating new invoices or credit notes.",
            ));
        }
        Ok(place)
    }

    /// Two contacts become one: the loser is archived and tells whom it became, and its documents move.
    pub fn merge_contacts(&mut self, winner: usize, loser: usize, now: i64) {
        let moved = self.of_contact.remove(&loser).unwrap_or_default();
        for place in &moved {
            self.documents[*place].contact = winner;
            self.documents[*place].updated = now;
        }
        self.of_contact.entry(winner).or_default().extend(moved);
        for transaction in self.bank.iter_mut().filter(|row| row.contact == Some(loser)) {
            transaction.contact = Some(winner);
            transaction.updated = now;
        }
        let survivor = self.contacts[winner].id.clone();
        let contact = &mut self.contacts[loser];
        contact.archived = true;
        contact.merged_to = Some(survivor);
        contact.updated = now;
        self.contacts[winner].updated = now;
    }

    /// A contact as the product shows it; `whole` adds what lists without pages leave out.
    pub fn shown_contact(&self, place: usize, whole: bool) -> Value {
        let contact = &self.contacts[place];
        let documents = self.of_contact.get(&place).map_or(&[][..], Vec::as_slice);
        let mut shown = json!({
            "ContactID": contact.id,
            "ContactStatus": if contact.archived { "ARCHIVED" } else { "ACTIVE" },
            "Name": contact.name,
            "BankAccountDetails": "",
            "Addresses": with_blanks(&contact.addresses, "AddressType", &ADDRESS_TYPES, &["City", "Region", "PostalCode", "Country"]),
            "Phones": with_blanks(&contact.phones, "PhoneType", &PHONE_TYPES, &["PhoneNumber", "PhoneAreaCode", "PhoneCountryCode"]),
            "UpdatedDateUTC": dates::instant(contact.updated),
            "ContactGroups": [],
            // Whether somebody is a customer shows without moving the contact's time (vendor-apis.md section 7).
            "IsSupplier": false,
            "IsCustomer": documents.iter().any(|place| self.documents[*place].kind == Kind::Invoice),
            "ContactPersons": [],
            "HasAttachments": false,
            "HasValidationErrors": false,
        });
        if let Some(number) = &contact.number {
            shown["ContactNumber"] = json!(number);
        }
        for (name, value) in &contact.texts {
            shown[name] = value.clone();
        }
        if whole {
            if let Some(survivor) = &contact.merged_to {
                shown["MergedToContactID"] = json!(survivor);
            }
            let outstanding: i64 = documents
                .iter()
                .filter(|place| self.documents[**place].status.is_posted())
                .map(|place| match self.documents[*place].kind {
                    Kind::Invoice => self.open(*place),
                    _ => -self.open(*place),
                })
                .sum();
            if !documents.is_empty() {
                shown["Balances"] = json!({
                    "AccountsReceivable": {"Outstanding": number(outstanding), "Overdue": number(0)},
                    "AccountsPayable": {"Outstanding": number(0), "Overdue": number(0)},
                });
            }
        }
        shown
    }

    /// What documents show of their contact.
    pub fn contact_in_short(&self, place: usize) -> Value {
        let contact = &self.contacts[place];
        let mut shown = json!({
            "ContactID": contact.id,
            "Name": contact.name,
            "Addresses": [],
            "Phones": [],
            "ContactGroups": [],
            "ContactPersons": [],
            "HasValidationErrors": false,
        });
        if let Some(number) = &contact.number {
            shown["ContactNumber"] = json!(number);
        }
        shown
    }
}

/// Takes phones or addresses: those of a type that was sent replace the one of that type.
fn parts(
    sent: &Value,
    plural: &str,
    kind: &str,
    kinds: &[&str],
    texts: &[(&str, usize)],
    into: &mut Vec<Value>,
    problems: &mut Vec<String>,
) {
    for part in member(sent, plural).and_then(Value::as_array).into_iter().flatten() {
        let Some(own) = text(part, kind).filter(|own| kinds.contains(&own.as_str())) else {
            problems.push(format!("{kind} is one of {}", kinds.join(", ")));
            continue;
        };
        let mut kept = json!({kind: own});
        for (name, most) in texts {
            if let Some(text) = short(part, name, *most, problems) {
                kept[*name] = json!(text);
            }
        }
        into.retain(|known| known[kind] != kept[kind]);
        into.push(kept);
    }
}

/// All types in the product's order; those nobody filled in are blank.
fn with_blanks(parts: &[Value], kind: &str, kinds: &[&str], blanks: &[&str]) -> Value {
    kinds
        .iter()
        .map(|own| {
            let mut shown = json!({kind: own});
            for name in blanks {
                shown[*name] = json!("");
            }
            if let Some(known) = parts.iter().find(|part| part[kind] == *own)
                && let Value::Object(members) = known
            {
                for (name, value) in members {
                    shown[name] = value.clone();
                }
            }
            shown
        })
        .collect()
}
