//! The webhooks of the books: which invoices, credit notes and contacts became other than they were, told in the product's
//! form (vendor-apis.md section 7). Payments have no events of their own: they show as changes of their invoices.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rand::RngExt;
use serde_json::{Value, json};

use super::Books;
use super::ledger::{Document, Kind};

/// How what webhooks tell of stands, by id.
pub(crate) type Marks = HashMap<String, u64>;

fn mark(of: &impl std::fmt::Debug, more: &mut dyn Iterator<Item = String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{of:?}").hash(&mut hasher);
    for part in more {
        part.hash(&mut hasher);
    }
    hasher.finish()
}

fn category_of(document: &Document) -> Option<(&'static str, &'static str)> {
    match document.kind {
        Kind::Invoice => Some(("INVOICE", "Invoices")),
        Kind::CreditNote => Some(("CREDITNOTE", "CreditNotes")),
        // There are no events of these.
        Kind::Prepayment | Kind::Overpayment => None,
    }
}

impl Books {
    /// Everything that webhooks could tell of, with its category and place below the API's address.
    fn told(&self) -> impl Iterator<Item = (&'static str, &'static str, &str, u64)> {
        let ledger = &self.ledger;
        let documents = ledger.documents.iter().filter_map(|document| {
            let (category, plural) = category_of(document)?;
            let payments = document.payments.iter().map(|at| format!("{:?}", ledger.payments[*at]));
            let allocations = document.allocations.iter();
            let allocations = allocations.map(|at| format!("{:?}", ledger.allocations[*at]));
            let mark = mark(document, &mut payments.chain(allocations));
            Some((category, plural, document.id.as_str(), mark))
        });
        let contacts = ledger.contacts.iter();
        let contacts = contacts.map(|c| ("CONTACT", "Contacts", c.id.as_str(), mark(c, &mut std::iter::empty())));
        documents.chain(contacts)
    }

    /// How everything stands.
    pub(crate) fn marks(&self) -> Marks {
        self.told().map(|(_, _, id, mark)| (id.to_owned(), mark)).collect()
    }

    /// What to tell of what has changed since, in one message; none if nothing has.
    pub(crate) fn news_since(&mut self, before: &Marks, now: i64) -> Option<Value> {
        let at = jiff::Timestamp::from_microsecond(now).unwrap_or_default();
        // Without a zone, though it is UTC.
        let at = at.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string();
        let tenant = &self.ledger.chart.organisation;
        let changed = self.told().filter(|(_, _, id, mark)| before.get(*id) != Some(mark));
        let events: Vec<Value> = changed
            .map(|(category, plural, id, _)| {
                json!({
                    "resourceUrl": format!("https://api.xero.com/api.xro/2.0/{plural}/{id}"), "resourceId": id,
                    "eventDateUtc": at, "eventType": if before.contains_key(id) { "UPDATE" } else { "CREATE" },
                    "eventCategory": category, "tenantId": tenant, "tenantType": "ORGANISATION",
                })
            })
            .collect();
        (!events.is_empty()).then(|| self.message(events))
    }

    /// A message without events: what a subscription is tried with.
    pub(crate) fn intent(&mut self) -> Value {
        self.message(Vec::new())
    }

    fn message(&mut self, events: Vec<Value>) -> Value {
        let first = if events.is_empty() { 0 } else { self.sequence + 1 };
        self.sequence += events.len() as u64;
        let last = if events.is_empty() { 0 } else { self.sequence };
        let letters = |_| char::from(self.rng.random_range(b'A'..=b'Z'));
        let entropy: String = (0..20).map(letters).collect();
        json!({"events": events, "firstEventSequence": first, "lastEventSequence": last, "entropy": entropy})
    }
}
