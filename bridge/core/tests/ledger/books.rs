//! Books of paper: every document by double entry, so that what the bridge planned can be summed up by somebody else.

use bridge_core::ledger::chart::{Account, Books, TaxRate};
use bridge_core::ledger::document::{Document, DocumentKind};
use bridge_core::ledger::entry::{Entry, EntryState};
use bridge_core::ledger::{Cents, Currency, Plan};
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

pub fn chart() -> Books {
    let account = |code: &str, takes_payments: bool| Account {
        code: code.into(),
        name: format!("Account {code}"),
        system: None,
        active: true,
        bank: false,
        takes_payments,
    };
    let rate = |code: &str, percent: i64| TaxRate {
        code: code.into(),
        name: code.into(),
        percent: Decimal::from(percent),
        active: true,
    };
    Books {
        name: "Sampleton".into(),
        country: "AU".into(),
        currency: Currency::new("AUD").unwrap(),
        locked_to: None,
        accounts: ["200", "210", "411", "612", "820", "825", "830", "860", "970"]
            .iter()
            .map(|c| account(c, false))
            .chain(["650", "651"].iter().map(|c| account(c, true)))
            .collect(),
        tax_rates: vec![rate("FREE", 0), rate("GST", 10), rate("EXCL", 0)],
        tracking: vec![],
    }
}

#[derive(Default, Debug)]
pub struct Paper {
    pub accounts: BTreeMap<String, Cents>,
    pub debtors: BTreeMap<String, Cents>,
    pub open: BTreeMap<String, Cents>,
}

impl Paper {
    /// Enters every document that counts, and refuses what real books would.
    pub fn of(entries: &[Entry]) -> Paper {
        let mut paper = Paper::default();
        let by_key: BTreeMap<&str, &Document> = entries
            .iter()
            .filter(|e| e.counts())
            .map(|e| (e.key(), &e.document))
            .collect();
        for e in entries.iter().filter(|e| e.counts()) {
            paper.enter(&e.document, &by_key);
        }
        for (key, open) in &paper.open {
            assert!(!open.is_negative(), "{key} has less than nothing open: {open}");
        }
        paper
    }

    fn add(&mut self, account: &str, amount: Cents) {
        *self.accounts.entry(account.into()).or_default() += amount;
    }

    fn owe(&mut self, contact: &str, amount: Cents) {
        *self.debtors.entry(contact.into()).or_default() += amount;
    }

    fn enter(&mut self, d: &Document, by_key: &BTreeMap<&str, &Document>) {
        let net: Cents = d.lines.iter().map(|l| l.net).sum();
        let tax: Cents = d.lines.iter().map(|l| l.tax).sum();
        let named = |key: &Option<String>| -> &Document {
            by_key
                .get(key.as_deref().unwrap_or_default())
                .unwrap_or_else(|| panic!("{} names {key:?}, which is not there", d.key))
        };
        match d.kind {
            DocumentKind::Invoice | DocumentKind::CreditNote => {
                assert_eq!(net + tax, d.total);
                assert!(!d.total.is_negative(), "{} is negative", d.key);
                let sign = if d.kind == DocumentKind::Invoice { 1 } else { -1 };
                self.owe(d.contact.as_deref().unwrap(), Cents(sign * d.total.0));
                for l in &d.lines {
                    self.add(&l.account, Cents(-sign * l.net.0));
                }
                self.add("GST", Cents(-sign * tax.0));
                *self.open.entry(d.key.clone()).or_default() += d.total;
            }
            DocumentKind::Prepayment | DocumentKind::Overpayment => {
                self.add(d.account.as_deref().unwrap(), d.total);
                self.owe(d.contact.as_deref().unwrap(), -d.total);
                *self.open.entry(d.key.clone()).or_default() += d.total;
            }
            DocumentKind::Payment => {
                let on = named(&d.of);
                self.add(d.account.as_deref().unwrap(), d.total);
                self.owe(on.contact.as_deref().unwrap(), -d.total);
                *self.open.entry(on.key.clone()).or_default() -= d.total;
            }
            DocumentKind::Refund => {
                let on = named(&d.of);
                assert_ne!(on.kind, DocumentKind::Invoice);
                self.add(d.account.as_deref().unwrap(), -d.total);
                self.owe(on.contact.as_deref().unwrap(), d.total);
                *self.open.entry(on.key.clone()).or_default() -= d.total;
            }
            DocumentKind::Allocation => {
                let (from, to) = (named(&d.of), named(&d.to));
                assert_eq!(from.contact, to.contact, "{} crosses debtors", d.key);
                assert_eq!(to.kind, DocumentKind::Invoice);
                *self.open.entry(from.key.clone()).or_default() -= d.total;
                *self.open.entry(to.key.clone()).or_default() -= d.total;
            }
            DocumentKind::Journal => {
                assert_eq!(net + tax, Cents::ZERO, "{} does not balance", d.key);
                for l in &d.lines {
                    self.add(&l.account, l.net);
                }
                self.add("GST", tax);
            }
        }
    }
}

/// Does what a plan says. Fails like real books on keys used twice, and on locked days.
pub fn carry_out(entries: &mut Vec<Entry>, plan: &Plan, locked_to: Option<Date>) {
    let open = |d: Date| locked_to.is_none_or(|to| d > to);
    for key in &plan.void {
        let e = entries
            .iter_mut()
            .find(|e| e.key() == key && e.state == EntryState::Posted)
            .unwrap_or_else(|| panic!("{key} is not there to be voided"));
        assert!(open(e.document.date), "{key} is locked");
        e.state = EntryState::Void;
    }
    for e in &plan.post {
        assert!(
            entries.iter().all(|other| other.key() != e.key()),
            "{} is used twice",
            e.key()
        );
        assert!(open(e.document.date), "{} is dated in a locked period", e.key());
        // What adapters take for a key: anything else could change a query.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/#".contains(c);
        assert!(
            e.key().len() <= 64 && e.key().chars().all(plain),
            "{} is no key",
            e.key()
        );
        let mut e = e.clone();
        e.state = EntryState::Posted;
        e.remote_id = Some(format!("r-{}", e.key()));
        entries.push(e);
    }
}
