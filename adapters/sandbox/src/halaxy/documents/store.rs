//! The shelves of documents.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::kinds::{KINDS, Kind, LINE, PAYMENT};

/// Members that every resource has, kept beside the body.
pub(super) const OWN: [&str; 3] = ["resourceType", "id", "meta"];

/// A document as kept. The body is compact JSON text, since most documents are only looked at in pages.
#[derive(Debug)]
pub(crate) struct Document {
    pub id: Box<str>,
    /// Its place in the order of making.
    pub seq: u64,
    pub created: i64,
    pub last_updated: i64,
    pub removed: bool,
    /// Everything but `resourceType`, `id` and `meta`; references are relative.
    body: Box<str>,
}

impl Document {
    /// The body as JSON.
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// All documents of one kind, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    rows: Vec<Document>,
    by_id: HashMap<Box<str>, usize>,
    largest: u64,
}

impl Shelf {
    /// How many there are, removed ones too.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// All, removed ones too.
    pub fn rows(&self) -> &[Document] {
        &self.rows
    }

    /// The `nth` made.
    pub fn row(&self, nth: usize) -> Option<&Document> {
        self.rows.get(nth)
    }

    /// By id, removed or not.
    pub fn find(&self, id: &str) -> Option<&Document> {
        self.by_id.get(id).and_then(|nth| self.rows.get(*nth))
    }

    /// Moves `lastUpdated` without changing anything, as a background job does.
    pub fn touch(&mut self, nth: usize, now: i64) {
        if let Some(document) = self.rows.get_mut(nth) {
            document.last_updated = now;
        }
    }
}

/// All documents.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    shelves: [Shelf; KINDS.len()],
    /// Lines and payments of invoices: the shelf and the place on it.
    of_invoice: HashMap<Box<str>, BTreeSet<(usize, usize)>>,
}

impl Documents {
    /// The shelf of a kind.
    pub fn shelf(&self, kind: &Kind) -> &Shelf {
        &self.shelves[kind.place]
    }

    /// The shelf of a kind.
    pub fn shelf_mut(&mut self, kind: &Kind) -> &mut Shelf {
        &mut self.shelves[kind.place]
    }

    /// A live document's body.
    pub fn body(&self, kind: &Kind, id: &str) -> Option<Value> {
        self.shelf(kind)
            .find(id)
            .filter(|document| !document.removed)
            .map(Document::body)
    }

    /// The id that the next document of a kind gets.
    pub fn next_id(&self, kind: &Kind) -> String {
        self.next_id_with(kind, kind.prefix)
    }

    /// As [`Documents::next_id`], with a beginning of its own.
    pub fn next_id_with(&self, kind: &Kind, prefix: &str) -> String {
        format!("{prefix}{}", self.shelf(kind).largest.max(kind.first) + 1)
    }

    /// Puts a new document on its shelf; false if the id is taken.
    pub fn add(&mut self, kind: &Kind, id: &str, body: &Value, created: i64, last_updated: i64) -> bool {
        let shelf = self.shelf_mut(kind);
        if shelf.by_id.contains_key(id) {
            return false;
        }
        let digits = id.rsplit('-').next().unwrap_or(id);
        shelf.largest = shelf.largest.max(digits.parse().unwrap_or(0));
        let nth = shelf.rows.len();
        shelf.by_id.insert(id.into(), nth);
        shelf.rows.push(Document {
            id: id.into(),
            seq: nth as u64,
            created,
            last_updated,
            removed: false,
            body: kept(body),
        });
        if let Some(invoice) = invoice_of(kind, body) {
            self.of_invoice
                .entry(invoice.into())
                .or_default()
                .insert((kind.place, nth));
        }
        true
    }

    /// Stores a body; moves `lastUpdated` to `now` if it changed and `moves`.
    pub fn store(&mut self, kind: &Kind, id: &str, body: &Value, now: i64, moves: bool) {
        let Some(nth) = self.shelf(kind).by_id.get(id).copied() else {
            return;
        };
        let document = &mut self.shelves[kind.place].rows[nth];
        let text = kept(body);
        if text == document.body {
            return;
        }
        let before = invoice_of(kind, &document.body()).map(Box::<str>::from);
        document.body = text;
        if moves {
            document.last_updated = now;
        }
        let after = invoice_of(kind, body).map(Box::<str>::from);
        if before != after {
            self.leave(before, (kind.place, nth));
            if let Some(invoice) = after {
                self.of_invoice.entry(invoice).or_default().insert((kind.place, nth));
            }
        }
    }

    /// Takes a document away; false if it is not there.
    pub fn remove(&mut self, kind: &Kind, id: &str) -> bool {
        let Some(nth) = self.shelf(kind).by_id.get(id).copied() else {
            return false;
        };
        let document = &mut self.shelves[kind.place].rows[nth];
        if document.removed {
            return false;
        }
        document.removed = true;
        let invoice = invoice_of(kind, &document.body()).map(Box::<str>::from);
        self.leave(invoice, (kind.place, nth));
        true
    }

    fn leave(&mut self, invoice: Option<Box<str>>, child: (usize, usize)) {
        if let Some(children) = invoice.and_then(|invoice| self.of_invoice.get_mut(&invoice)) {
            children.remove(&child);
        }
    }

    /// The live lines or payments (`kind`) of an invoice: id and body.
    pub fn of_invoice(&self, invoice: &str, kind: &Kind) -> Vec<(Box<str>, Value)> {
        let children = self.of_invoice.get(invoice).into_iter().flatten();
        children
            .filter(|(place, _)| *place == kind.place)
            .map(|(place, nth)| &self.shelves[*place].rows[*nth])
            .map(|document| (document.id.clone(), document.body()))
            .collect()
    }
}

/// A body as it is kept: without the members that every resource has.
fn kept(body: &Value) -> Box<str> {
    let mut text = String::from("{");
    let members = body.as_object().into_iter().flatten();
    for (name, value) in members.filter(|(name, _)| !OWN.contains(&name.as_str())) {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        text.push_str(&value.to_string());
    }
    text.push('}');
    text.into_boxed_str()
}

/// The invoice that a line or a payment belongs to.
pub(super) fn invoice_of<'a>(kind: &Kind, body: &'a Value) -> Option<&'a str> {
    let child = kind.place == LINE.place || kind.place == PAYMENT.place;
    let reference = body["invoice"]["reference"].as_str().filter(|_| child)?;
    reference.rsplit('/').next()
}
