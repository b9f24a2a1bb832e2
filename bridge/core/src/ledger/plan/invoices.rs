//! Invoices: what is charged, corrected, voided and given up.

use super::Desk;
use crate::ledger::document::{Contact, DocumentKind, DocumentLine};
use crate::ledger::entry::Purpose;
use crate::ledger::fit::fit;
use crate::ledger::hold::{Source, Why};
use crate::ledger::money::Cents;
use crate::ledger::position::Position;
use crate::ledger::rules::{Approve, Mode};
use crate::ledger::target::Charged;
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

impl Desk<'_> {
    pub(super) fn invoices(&mut self) {
        let target = self.given.target;
        for (id, charged) in &target.charged {
            let source = Source::Invoice(id.clone());
            if let Some(key) = self.unsettled(&source) {
                self.hold(&source, Why::Unknown { key });
                self.blocked.insert(id.clone());
                continue;
            }
            match charged.mode {
                Mode::Summary if self.withdraw(id, &source, charged) => self.summarise_invoice(id, charged),
                Mode::Summary => drop(self.blocked.insert(id.clone())),
                Mode::Invoice => {
                    self.unsum(&source, charged.date, &charged.location);
                    self.invoice(id, &source, charged);
                    self.written_off(id, &source, charged);
                }
            }
        }
    }

    /// Takes back what was posted of an invoice that belongs to a daily summary now. Whether nothing of it is left.
    fn withdraw(&mut self, id: &str, source: &Source, charged: &Charged) -> bool {
        const ALL: [Purpose; 4] = [Purpose::Charge, Purpose::Reversal, Purpose::WriteOff, Purpose::Restored];
        if self.of(source, &ALL).is_empty() {
            return true;
        }
        let nothing = Charged {
            lines: Vec::new(),
            written_off: Vec::new(),
            ..charged.clone()
        };
        self.invoice(id, source, &nothing);
        self.written_off(id, source, &nothing);
        let mut left = Position::default();
        for i in self.of(source, &ALL) {
            let e = &self.entries[i];
            let adds = matches!(e.document.kind, DocumentKind::Invoice);
            left.lines(&e.document.lines, if adds { 1 } else { -1 });
        }
        left.is_zero()
    }

    pub(super) fn invoice(&mut self, id: &str, source: &Source, charged: &Charged) {
        let charges = self.of(source, &[Purpose::Charge, Purpose::Reversal]);
        let mut posted: BTreeMap<(String, Date), Position> = BTreeMap::new();
        for i in &charges {
            let e = &self.entries[*i];
            let contact = e.document.contact.clone().unwrap_or_default();
            let sign = if e.purpose == Purpose::Charge { 1 } else { -1 };
            posted
                .entry((contact, e.serves))
                .or_default()
                .lines(&e.document.lines, sign);
        }
        posted.retain(|_, p| !p.is_zero());
        let here = (charged.contact.key.clone(), charged.date);
        let mut differs = Position::default();
        differs.lines(&charged.lines, 1);
        let billed = !differs.is_zero();
        if let Some(now) = posted.get(&here) {
            differs.plus(now, -1);
        }
        let elsewhere = posted.keys().any(|k| *k != here);
        // Other rules than those of the day it was posted on change nothing about it.
        let recoded = differs.totals() == (Cents::ZERO, Cents::ZERO) && self.rests_on.is(source, &charged.basis);
        if (differs.is_zero() || recoded) && !elsewhere {
            return;
        }
        if posted.is_empty() {
            if billed {
                self.charge(id, source, charged, None);
            }
            return;
        }
        if let [only] = charges[..]
            && self.untouched(source, only)
        {
            if self.void(source, only) && billed {
                self.charge(id, source, charged, None);
            }
            return;
        }
        let others: Vec<((String, Date), Position)> = posted.into_iter().filter(|(k, _)| *k != here).collect();
        for ((contact, serves), position) in others {
            let contact = self.known_contact(source, &contact);
            self.correct(id, source, &contact, serves, &position, -1);
        }
        if elsewhere && self.given_nothing(&charges, &here) && billed {
            self.charge(id, source, charged, Some(Approve::Correction));
        } else {
            self.correct(id, source, &charged.contact, charged.date, &differs, 1);
        }
    }

    /// Whether nothing was posted for this debtor and day.
    pub(super) fn given_nothing(&self, charges: &[usize], here: &(String, Date)) -> bool {
        !charges.iter().any(|i| {
            let e = &self.entries[*i];
            e.document.contact.as_ref() == Some(&here.0) && e.serves == here.1
        })
    }

    pub(super) fn known_contact(&self, source: &Source, key: &str) -> Contact {
        self.of_source
            .get(source)
            .into_iter()
            .flatten()
            .filter_map(|i| self.entries[*i].contact.clone())
            .find(|c| c.key == key)
            .unwrap_or_else(|| Contact {
                key: key.into(),
                name: key.into(),
            })
    }

    /// Posted in an open period, and nothing acts on it.
    pub(super) fn untouched(&self, source: &Source, at: usize) -> bool {
        let e = &self.entries[at];
        let others = self.of(source, &[Purpose::WriteOff, Purpose::Restored, Purpose::Reopened]);
        e.purpose == Purpose::Charge
            && others.is_empty()
            && !self.locked(e.document.date)
            && self.open.get(e.key()) == Some(&e.document.total)
    }

    pub(super) fn charge(&mut self, id: &str, source: &Source, charged: &Charged, approve: Option<Approve>) {
        let key = self.key(format!("{}{id}", self.given.rules.prefix), "");
        let date = self.first_open(charged.date);
        let mut document = self.document(DocumentKind::Invoice, key, date, charged.lines.clone());
        document.due = Some(charged.due.max(date));
        let entry = self.entry(document, Purpose::Charge, source, charged.date, &charged.contact);
        if !self.post(source, entry, approve) {
            self.blocked.insert(id.into());
        }
    }

    /// Posts a difference: what was added as an invoice, what was taken off as a credit note.
    pub(super) fn correct(
        &mut self,
        id: &str,
        source: &Source,
        contact: &Contact,
        serves: Date,
        by: &Position,
        sign: i64,
    ) {
        let mut position = Position::default();
        position.plus(by, sign);
        let (up, down) = position.split("Correction", "correction");
        for (lines, purpose) in [(down, Purpose::Reversal), (up, Purpose::Charge)] {
            if lines.is_empty() {
                continue;
            }
            let Some(lines) = self.fitting(lines) else {
                self.hold(source, Why::Amount);
                continue;
            };
            let base = format!("{}{id}", self.given.rules.prefix);
            let date = self.first_open(serves);
            let (kind, key) = match purpose {
                Purpose::Reversal => (DocumentKind::CreditNote, self.key(base, "C")),
                _ => (DocumentKind::Invoice, self.key(base, "")),
            };
            let mut document = self.document(kind, key, date, lines);
            if kind == DocumentKind::Invoice {
                document.due = Some(date);
            }
            let entry = self.entry(document, purpose, source, serves, contact);
            self.post(source, entry, Some(Approve::Correction));
        }
    }

    /// Lines whose stated tax the books will take: within a cent of the rate's.
    pub(super) fn fitting(&self, lines: Vec<DocumentLine>) -> Option<Vec<DocumentLine>> {
        let mut out = Vec::with_capacity(lines.len());
        for line in lines {
            let percent = self.percent(&line.tax_code);
            for (net, tax) in fit(line.net, line.tax, percent, 1)? {
                out.push(DocumentLine {
                    unit: net.decimal().normalize(),
                    net,
                    tax,
                    ..line.clone()
                });
            }
        }
        Some(out)
    }

    pub(super) fn percent(&self, tax_code: &str) -> Decimal {
        self.given.books.tax_rate(tax_code).map_or(Decimal::ZERO, |t| t.percent)
    }

    pub(super) fn written_off(&mut self, id: &str, source: &Source, charged: &Charged) {
        let mut posted: BTreeMap<String, Position> = BTreeMap::new();
        for i in self.of(source, &[Purpose::WriteOff, Purpose::Restored]) {
            let e = &self.entries[i];
            let sign = if e.purpose == Purpose::WriteOff { 1 } else { -1 };
            posted
                .entry(e.document.contact.clone().unwrap_or_default())
                .or_default()
                .lines(&e.document.lines, sign);
        }
        let mut wanted = Position::default();
        wanted.lines(&charged.written_off, 1);
        let here = posted.remove(&charged.contact.key).unwrap_or_default();
        wanted.plus(&here, -1);
        let mut steps = vec![(charged.contact.clone(), wanted)];
        for (contact, position) in posted {
            let mut back = Position::default();
            back.plus(&position, -1);
            steps.push((self.known_contact(source, &contact), back));
        }
        for (contact, position) in steps {
            let (net, tax) = position.totals();
            if (net + tax).is_zero() {
                continue;
            }
            let (up, down) = position.split("Written off", "accounts.bad_debts");
            for (lines, purpose, mark) in [(up, Purpose::WriteOff, "W"), (down, Purpose::Restored, "B")] {
                if lines.is_empty() {
                    continue;
                }
                let Some(lines) = self.fitting(lines) else {
                    self.hold(source, Why::Amount);
                    continue;
                };
                let kind = match purpose {
                    Purpose::WriteOff => DocumentKind::CreditNote,
                    _ => DocumentKind::Invoice,
                };
                let key = self.key(format!("{}{id}", self.given.rules.prefix), mark);
                let date = self.first_open(self.given.today.max(charged.date));
                let mut document = self.document(kind, key, date, lines);
                if kind == DocumentKind::Invoice {
                    document.due = Some(date);
                }
                let entry = self.entry(document, purpose, source, date, &contact);
                self.post(source, entry, Some(Approve::WriteOff));
            }
        }
    }
}
