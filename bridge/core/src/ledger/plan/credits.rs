//! Credits: which credit is used for which invoice, and out of which money can be given back.

use super::Desk;
use crate::ledger::document::DocumentKind;
use crate::ledger::entry::{Entry, Purpose};
use crate::ledger::hold::Source;
use crate::ledger::money::Cents;
use crate::ledger::rules::Mode;
use jiff::civil::Date;

impl Desk<'_> {
    /// Invoices of a source with something open on them, oldest first, of one debtor.
    pub(super) fn open_invoices(&self, id: &str, contact: &str) -> Vec<String> {
        let source = Source::Invoice(id.into());
        let mut all: Vec<&Entry> = self
            .of(&source, &[Purpose::Charge, Purpose::Restored, Purpose::Reopened])
            .into_iter()
            .map(|i| self.entries[i].as_ref())
            .filter(|e| e.document.contact.as_deref() == Some(contact) && self.left(e.key()).is_positive())
            .collect();
        all.sort_by(|a, b| (a.document.date, a.key()).cmp(&(b.document.date, b.key())));
        all.into_iter().map(|e| e.key().to_owned()).collect()
    }

    pub(super) fn left(&self, key: &str) -> Cents {
        self.open.get(key).copied().unwrap_or_default()
    }

    pub(super) fn at(&self, key: &str) -> Option<&Entry> {
        self.by_key.get(key).map(|i| self.entries[*i].as_ref())
    }

    /// Uses a credit for the open invoices of an invoice in Halaxy.
    pub(super) fn assign(&mut self, source: &Source, credit: &str, id: &str) {
        let Some((contact, date)) = self
            .at(credit)
            .and_then(|e| Some((e.contact.clone()?, e.document.date)))
        else {
            return;
        };
        for invoice in self.open_invoices(id, &contact.key) {
            let amount = self.left(credit).min(self.left(&invoice));
            if !amount.is_positive() {
                return;
            }
            let to_date = self.at(&invoice).map_or(date, |e| e.document.date);
            let day = self.first_open(date.max(to_date));
            let key = self.key(
                format!(
                    "{credit}:{}",
                    invoice.trim_start_matches(self.given.rules.prefix.as_str())
                ),
                "A",
            );
            let mut document = self.document(DocumentKind::Allocation, key, day, Vec::new());
            document.of = Some(credit.into());
            document.to = Some(invoice);
            document.total = amount;
            let entry = self.entry(document, Purpose::Assign, source, day, &contact);
            if !self.post(source, entry, None) {
                return;
            }
        }
    }

    pub(super) fn allocations(&mut self) {
        let ids: Vec<String> = self
            .of_source
            .iter()
            .filter_map(|(s, all)| match s {
                Source::Invoice(id) if all.iter().any(|i| self.entries[*i].is_credit()) => Some(id.clone()),
                _ => None,
            })
            .filter(|id| !self.blocked.contains(id))
            .collect();
        for id in ids {
            let source = Source::Invoice(id.clone());
            for i in self.of(&source, &[Purpose::Reversal, Purpose::WriteOff]) {
                let key = self.entries[i].key().to_owned();
                self.assign(&source, &key, &id);
            }
        }
    }

    /// Credits of a debtor that money for an invoice (or without one) can be given back from, oldest first.
    pub(super) fn credits(&self, invoice: Option<&str>, contact: &str) -> Vec<String> {
        match invoice {
            Some(id) => {
                let paid = self.paid.get(id).into_iter().flatten();
                let sources = paid.map(|payment| Source::Payment((*payment).to_owned()));
                let all = [Source::Invoice(id.into())].into_iter().chain(sources);
                self.credits_among(all.filter_map(|s| self.of_source.get(&s)).flatten(), contact)
            }
            None => self.credits_among(self.credits_of.get(contact).into_iter().flatten(), contact),
        }
    }

    /// What was taken back of an invoice and is not used, oldest first.
    pub(super) fn taken_back(&self, invoice: &str, contact: &str) -> Vec<String> {
        let all = self.of(&Source::Invoice(invoice.into()), &[Purpose::Reversal]);
        self.credits_among(all.iter(), contact)
    }

    fn credits_among<'e>(&self, all: impl Iterator<Item = &'e usize>, contact: &str) -> Vec<String> {
        let mut found: Vec<(Date, String)> = all
            .map(|i| &self.entries[*i])
            .filter(|e| {
                e.counts()
                    && e.is_credit()
                    && e.purpose != Purpose::WriteOff
                    && e.document.contact.as_deref() == Some(contact)
                    && self.left(e.key()).is_positive()
            })
            .map(|e| (e.document.date, e.key().to_owned()))
            .collect();
        found.sort();
        found.dedup();
        found.into_iter().map(|(_, key)| key).collect()
    }

    /// Uses what was received in advance, or too much, for the invoice it is for.
    pub(super) fn advance(&mut self, source: &Source, invoice: &str) {
        for i in self.of(source, &[Purpose::Deposit, Purpose::Over]) {
            let key = self.entries[i].key().to_owned();
            if self.left(&key).is_positive() {
                self.assign(source, &key, invoice);
            }
        }
    }

    pub(super) fn advances(&mut self) {
        for (id, moved) in &self.given.target.moved {
            let source = Source::Payment(id.clone());
            if let Some(invoice) = &moved.invoice
                && moved.mode == Mode::Invoice
                && !self.blocked.contains(invoice)
                && self.unsettled(&source).is_none()
            {
                self.advance(&source, invoice);
            }
        }
    }
}
