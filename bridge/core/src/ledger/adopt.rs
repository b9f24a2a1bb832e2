//! What the books already have of our invoices: posted by Halaxy's own accounting link, or by hand. Such invoices are
//! never posted a second time; a person may adopt what is there.

use super::document::{Contact, Document, DocumentKind, DocumentLine, Shown, Status};
use super::entry::{Entry, EntryState, Purpose};
use super::hold::{Held, Source, Why};
use super::money::Cents;
use super::rules::{Mode, Rules};
use super::target::{Charged, Target, Way};
use jiff::ToSpan;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How far apart in days a payment's dates may lie to be the same payment.
const DAYS_APART: i32 = 3;

/// A document of one of our invoices that we did not post.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// The invoice in Halaxy.
    pub invoice: String,
    /// Its number in the books.
    pub number: String,
    /// What the books show of it.
    pub shown: Shown,
    /// The payments on it.
    pub payments: Vec<Shown>,
    /// Its total is the invoice's.
    pub same_total: bool,
}

/// Finds documents of invoices that would be posted now: an invoice in the books whose number is Halaxy's number, or that
/// number behind letters, dashes, blanks or a hash (`INV-600001`, `Halaxy #600001`).
pub fn foreign<'a>(
    target: &Target,
    entries: &[&Entry],
    shown: impl Iterator<Item = &'a Shown>,
    rules: &Rules,
) -> Vec<Foreign> {
    let posted: HashSet<&str> = entries
        .iter()
        .filter(|e| e.counts())
        .flat_map(|e| &e.sources)
        .filter_map(|s| match s {
            Source::Invoice(id) => Some(id.as_str()),
            Source::Payment(_) => None,
        })
        .collect();
    let ours: HashSet<&str> = entries.iter().filter_map(|e| e.remote_id.as_deref()).collect();
    let mut invoices: Vec<&Shown> = Vec::new();
    let mut payments: HashMap<&str, Vec<&Shown>> = HashMap::new();
    for s in shown.filter(|s| s.status != Status::Void && !ours.contains(s.remote_id.as_str())) {
        match (s.kind, &s.of) {
            (DocumentKind::Invoice, _) => invoices.push(s),
            (DocumentKind::Payment, Some(of)) => payments.entry(of).or_default().push(s),
            _ => {}
        }
    }
    let mut found: Vec<Foreign> = invoices
        .into_iter()
        .filter_map(|s| {
            let number = s.key.as_deref()?;
            let id = number.trim_start_matches(|c: char| !c.is_ascii_digit());
            // What starts with our own prefix is ours, and is looked up by its key.
            if number.starts_with(&rules.prefix) || posted.contains(id) {
                return None;
            }
            let charged = target
                .charged
                .get(id)
                .filter(|c| c.mode == Mode::Invoice || !c.lines.is_empty())?;
            Some(Foreign {
                invoice: id.to_owned(),
                number: number.to_owned(),
                shown: s.clone(),
                payments: payments
                    .get(s.remote_id.as_str())
                    .into_iter()
                    .flatten()
                    .map(|p| (*p).clone())
                    .collect(),
                same_total: s.total == charged.gross(),
            })
        })
        .collect();
    found.sort_by(|a, b| (&a.invoice, &a.number).cmp(&(&b.invoice, &b.number)));
    found
}

impl Target {
    /// Takes invoices that the books already have out of what is to be posted, with the money for them.
    pub fn set_aside(&mut self, found: &[Foreign]) {
        let ids: BTreeSet<&str> = found.iter().map(|f| f.invoice.as_str()).collect();
        if ids.is_empty() {
            return;
        }
        for f in found {
            self.charged.remove(&f.invoice);
            self.held.push(Held {
                source: Source::Invoice(f.invoice.clone()),
                why: Why::AlreadyThere {
                    number: f.number.clone(),
                    remote_id: f.shown.remote_id.clone(),
                    total: f.shown.total,
                },
            });
        }
        let waiting: Vec<(String, String)> = self
            .moved
            .iter()
            .filter_map(|(id, m)| Some((id.clone(), m.invoice.clone()?)))
            .filter(|(_, invoice)| ids.contains(invoice.as_str()))
            .collect();
        for (id, invoice) in waiting {
            self.moved.remove(&id);
            self.held.push(Held {
                source: Source::Payment(id),
                why: Why::InvoiceHeld { invoice },
            });
        }
    }
}

impl Foreign {
    /// Whether it can be adopted as it is: the books show what is needed. One with another total is adopted too; the
    /// difference is then corrected by a document of its own.
    pub fn adoptable(&self) -> bool {
        self.shown.contact.is_some() && self.shown.lines.is_some()
    }

    /// Entries as if we had posted it and the payments on it that Halaxy knows.
    pub fn entries(&self, charged: &Charged, moved: &BTreeMap<String, super::target::Moved>) -> Vec<Entry> {
        let s = &self.shown;
        let lines: Vec<DocumentLine> = s
            .lines
            .iter()
            .flatten()
            .map(|l| DocumentLine {
                description: "Adopted".into(),
                quantity: Decimal::ONE,
                unit: l.net.decimal().normalize(),
                net: l.net,
                tax: l.tax,
                account: l.account.clone(),
                tax_code: l.tax_code.clone().unwrap_or_default(),
                tracking: l.tracking.clone(),
                rule: "adopted".into(),
            })
            .collect();
        let source = Source::Invoice(self.invoice.clone());
        let document = document(s, self.number.clone(), lines, Some(charged.contact.key.clone()));
        let mut first = entry(document, Purpose::Charge, source, charged.contact.clone(), s);
        // Whoever posted it chose the accounts: they stand as long as Halaxy says the same.
        first.bases = vec![charged.basis.clone()];
        let mut entries = vec![first];
        let mut open: Vec<&String> = moved
            .iter()
            .filter(|(_, m)| m.invoice.as_deref() == Some(self.invoice.as_str()) && m.way == Way::In)
            .map(|(id, _)| id)
            .collect();
        for p in &self.payments {
            let same = |id: &&&String| {
                let m = &moved[**id];
                m.amount == p.total
                    && m.date <= p.date.saturating_add(DAYS_APART.days())
                    && p.date <= m.date.saturating_add(DAYS_APART.days())
            };
            let Some(id) = open.iter().find(same).map(|id| (*id).clone()) else {
                continue;
            };
            open.retain(|x| **x != id);
            let mut document = document_of_payment(p, &id, &self.number);
            document.account = p.account.clone();
            let mut e = entry(
                document,
                Purpose::Receipt,
                Source::Payment(id.clone()),
                charged.contact.clone(),
                p,
            );
            e.serves = moved[&id].date;
            e.bases = vec![moved[&id].basis()];
            entries.push(e);
        }
        entries
    }
}

fn document(s: &Shown, key: String, lines: Vec<DocumentLine>, contact: Option<String>) -> Document {
    Document {
        kind: s.kind,
        key,
        note: String::new(),
        date: s.date,
        due: None,
        currency: s.currency.unwrap_or(super::money::Currency::AUD),
        contact,
        of: None,
        to: None,
        account: None,
        total: s.total,
        tax: s.tax.unwrap_or(Cents::ZERO),
        lines,
    }
}

fn document_of_payment(s: &Shown, payment: &str, number: &str) -> Document {
    let key = s
        .key
        .clone()
        .filter(|k| !k.is_empty())
        .unwrap_or_else(|| format!("adopted-{payment}"));
    let mut d = document(s, format!("{key}/{payment}"), Vec::new(), None);
    d.of = Some(number.to_owned());
    d
}

fn entry(document: Document, purpose: Purpose, source: Source, contact: Contact, s: &Shown) -> Entry {
    Entry {
        document,
        purpose,
        sources: vec![source],
        shares: Vec::new(),
        bases: Vec::new(),
        round: 0,
        settled: None,
        serves: s.date,
        contact: Some(contact),
        state: EntryState::Posted,
        remote_id: Some(s.remote_id.clone()),
        refused: None,
    }
}
