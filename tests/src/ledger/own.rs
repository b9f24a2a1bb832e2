//! What the books must come to, reckoned from the practice's own books and nothing else: neither the planner nor what
//! the adapters read has a part in it.

use super::rules::{Modes, account_of, held_of};
use adapter_sandbox::practice_month::OwnBooks;
use std::collections::BTreeMap;

/// What each debtor owes by the key of their contact, in cents; less than nothing is their credit.
pub type Debtors = BTreeMap<String, i64>;

/// Balances in cents, debits positive; accounts and debtors without any are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// By account.
    pub accounts: BTreeMap<String, i64>,
    /// By contact.
    pub debtors: Debtors,
}

impl Truth {
    /// The books of a practice that posts in this manner.
    pub fn of(books: &OwnBooks, modes: Modes) -> Truth {
        let mut truth = Truth::default();
        for invoice in books.invoices.values() {
            for line in &invoice.lines {
                let gross = line.net + line.tax;
                if line.agent {
                    // The fees are the practitioner's, and so is what is given up of them.
                    truth.add(held_of(line.role), if line.written_off { 0 } else { -gross });
                    continue;
                }
                truth.add(&account_of(line.category), -line.net);
                truth.add("820", -line.tax);
                if line.written_off {
                    truth.add("406", line.net);
                    truth.add("820", line.tax);
                }
            }
            let summed = modes.sums(&invoice.payer, Some(invoice.payer_type));
            truth.owe(&invoice.payer, invoice.open, summed.then_some("630"));
        }
        for payment in books.payments.values() {
            let cents = if payment.refund { -payment.cents } else { payment.cents };
            truth.add(&modes.clearing_of(payment.method), cents);
            if payment.invoice.is_none() {
                let summed = modes.sums(&payment.payer, None);
                truth.owe(&payment.payer, -cents, summed.then_some("850"));
            }
        }
        truth.accounts.retain(|_, cents| *cents != 0);
        truth.debtors.retain(|_, cents| *cents != 0);
        truth
    }

    /// Takes the books of another month of the practice in.
    pub fn join(&mut self, other: &Truth) {
        for (account, cents) in &other.accounts {
            self.add(account, *cents);
        }
        for (debtor, cents) in &other.debtors {
            *self.debtors.entry(debtor.clone()).or_default() += cents;
        }
        self.accounts.retain(|_, cents| *cents != 0);
        self.debtors.retain(|_, cents| *cents != 0);
    }

    fn add(&mut self, account: &str, cents: i64) {
        *self.accounts.entry(account.to_owned()).or_default() += cents;
    }

    /// Whoever is in daily summaries has no contact in the books.
    fn owe(&mut self, payer: &str, cents: i64, summed: Option<&str>) {
        if let Some(account) = summed {
            self.add(account, cents);
            return;
        }
        self.add("610", cents);
        let key = match payer.split_once('/').unwrap() {
            ("Patient", id) => format!("HX-P-{id}"),
            (_, id) => format!("HX-O-{id}"),
        };
        *self.debtors.entry(key).or_default() += cents;
    }
}
