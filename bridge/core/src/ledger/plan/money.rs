//! Money: receipts, deposits, overpayments and refunds, and what is done when Halaxy shows them elsewhere later.

use super::Desk;
use crate::ledger::document::{Contact, DocumentKind};
use crate::ledger::entry::{Entry, Purpose};
use crate::ledger::hold::{Source, Why};
use crate::ledger::money::Cents;
use crate::ledger::rules::{Approve, Mode};
use crate::ledger::target::{Moved, Way, plain_line};
use jiff::civil::Date;
use std::collections::BTreeMap;

impl Desk<'_> {
    pub(super) fn waits(&mut self, source: &Source, moved: &Moved) -> bool {
        if let Some(id) = moved.invoice.as_ref().filter(|id| self.blocked.contains(*id)) {
            let invoice = id.clone();
            self.hold(source, Why::InvoiceHeld { invoice });
            return true;
        }
        if let Some(key) = self.unsettled(source) {
            // Told once, by the first of the two passes over money.
            if !self.plan.held.iter().rev().take(64).any(|h| h.source == *source) {
                self.hold(source, Why::Unknown { key });
            }
            return true;
        }
        false
    }

    /// The debtor and Halaxy invoice that a document belongs to.
    pub(super) fn owner(&self, key: &str) -> (Option<String>, Option<String>) {
        let Some(e) = self.at(key) else { return (None, None) };
        let invoice = e.sources.iter().find_map(|s| match s {
            Source::Invoice(id) => Some(id.clone()),
            Source::Payment(_) => None,
        });
        (e.document.contact.clone(), invoice)
    }

    /// Undoes what stands in the wrong place: another account, amount, day, debtor or invoice than Halaxy shows now.
    pub(super) fn misplaced(&mut self) {
        let target = self.given.target;
        for (id, moved) in &target.moved {
            let source = Source::Payment(id.clone());
            let posted = match moved.way {
                Way::In => self.of(&source, &[Purpose::Receipt, Purpose::Deposit, Purpose::Over]),
                Way::Out => self.of(&source, &[Purpose::Refund, Purpose::Reopened]),
            };
            if posted.is_empty() {
                continue;
            }
            if moved.mode == Mode::Summary && moved.amount.is_positive() {
                self.hold(&source, Why::ModeChanged);
                continue;
            }
            if self.waits(&source, moved) {
                continue;
            }
            match moved.way {
                Way::In => self.misplaced_receipts(&source, moved, posted),
                Way::Out => self.misplaced_refunds(&source, moved, posted),
            }
        }
    }

    pub(super) fn misplaced_receipts(&mut self, source: &Source, moved: &Moved, posted: Vec<usize>) {
        let contact = moved.contact.as_ref().map(|c| c.key.clone());
        // What was given out again under this payment (a transfer to another debtor, or an undoing in a locked period).
        let mut undone: BTreeMap<(Option<String>, Option<String>), Cents> = BTreeMap::new();
        for i in self.of(source, &[Purpose::Refund, Purpose::Reopened]) {
            let e = &self.entries[i];
            let (who, account) = match e.purpose {
                Purpose::Refund => (
                    e.document.of.as_ref().and_then(|k| self.owner(k).0),
                    e.document.account.clone(),
                ),
                _ => (
                    e.document.contact.clone(),
                    e.document.lines.first().map(|l| l.account.clone()),
                ),
            };
            *undone.entry((who, account)).or_default() += e.document.total;
        }
        let mut kept = Cents::ZERO;
        for i in posted {
            let e = &self.entries[i];
            let (date, amount, account) = (e.document.date, e.document.total, e.document.account.clone());
            let serves = e.serves;
            let (who, invoice) = match &e.document.of {
                Some(on) => self.owner(on),
                None => (e.document.contact.clone(), moved.invoice.clone()),
            };
            let spot = (who.clone(), account.clone());
            let gone = undone.get(&spot).copied().unwrap_or_default().min(amount);
            if gone.is_positive() {
                *undone.entry(spot).or_default() -= gone;
            }
            let stands = amount - gone;
            let method = self.entries[i]
                .bases
                .first()
                .is_some_and(|b| *b == moved.method.to_lowercase());
            let in_place = (account.as_deref() == Some(moved.account.as_str()) || method)
                && serves == moved.date
                && (contact.is_none() || who == contact)
                && invoice == moved.invoice
                && kept + stands <= moved.amount;
            if in_place || stands.is_zero() {
                kept += stands;
                continue;
            }
            if !self.locked(date) && gone.is_zero() {
                self.void(source, i);
                continue;
            }
            // Locked: what was received stays received, and goes out again on an open day.
            let excess = if who == contact && invoice == moved.invoice && account.as_deref() == Some(&moved.account) {
                (kept + stands - moved.amount).max(Cents::ZERO)
            } else if invoice != moved.invoice && who == contact {
                self.hold(source, Why::LockedPayment { date });
                kept += stands;
                continue;
            } else {
                stands
            };
            if excess.is_zero() {
                // Only the day differs, and it is closed.
                kept += stands;
                continue;
            }
            kept += if who == contact { stands - excess } else { Cents::ZERO };
            let payer = match &who {
                Some(key) => Contact {
                    key: key.clone(),
                    name: self.name_of(key),
                },
                None => continue,
            };
            let of_invoice = invoice.clone().or_else(|| moved.invoice.clone());
            self.give_back(
                source,
                of_invoice.as_deref(),
                &payer,
                account.as_deref().unwrap_or_default(),
                excess,
                date,
                None,
            );
        }
        // Allocations of deposits to an invoice that Halaxy no longer names.
        for i in self.of(source, &[Purpose::Assign]) {
            let e = &self.entries[i];
            let to = e.document.to.as_ref().and_then(|k| self.owner(k).1);
            if to != moved.invoice {
                if self.locked(e.document.date) {
                    let date = e.document.date;
                    self.hold(source, Why::LockedPayment { date });
                } else {
                    self.void(source, i);
                }
            }
        }
    }

    pub(super) fn name_of(&self, key: &str) -> String {
        self.entries
            .iter()
            .filter_map(|e| e.contact.as_ref())
            .find(|c| c.key == key)
            .map_or_else(|| key.to_owned(), |c| c.name.clone())
    }

    pub(super) fn misplaced_refunds(&mut self, source: &Source, moved: &Moved, posted: Vec<usize>) {
        let total: Cents = posted.iter().map(|i| self.entries[*i].document.total).sum();
        let contact = moved.contact.as_ref().map(|c| c.key.clone());
        let method = moved.method.to_lowercase();
        let same = |e: &Entry, account: Option<&str>| {
            account == Some(moved.account.as_str()) || e.bases.first().is_some_and(|b| *b == method)
        };
        let right = |e: &Entry| match e.purpose {
            Purpose::Refund => {
                same(e, e.document.account.as_deref())
                    && e.document.of.as_ref().is_some_and(|k| self.owner(k).0 == contact)
            }
            _ => same(e, e.document.lines.first().map(|l| l.account.as_str())) && e.document.contact == contact,
        };
        if total <= moved.amount && posted.iter().all(|i| right(&self.entries[*i])) {
            return;
        }
        for i in posted {
            if !self.void(source, i) {
                return;
            }
        }
    }

    /// Gives money back: out of what credit there is, else the debt is owed again.
    pub(super) fn give_back(
        &mut self,
        source: &Source,
        invoice: Option<&str>,
        contact: &Contact,
        account: &str,
        amount: Cents,
        serves: Date,
        approve: Option<Approve>,
    ) {
        let Source::Payment(id) = source else { return };
        let prefix = self.given.rules.prefix.clone();
        let date = self.first_open(serves);
        let mut rest = amount;
        // What moves a receipt elsewhere leaves other payments' credits alone: they may move as well.
        let only = matches!(self.given.target.moved.get(id), Some(m) if m.way == Way::In).then_some(Purpose::Reversal);
        for credit in self.credits(invoice, &contact.key, only) {
            let part = rest.min(self.left(&credit));
            if !part.is_positive() {
                continue;
            }
            let day = date.max(self.at(&credit).map_or(date, |e| e.document.date));
            let key = self.key(format!("{prefix}F{id}"), "");
            let mut document = self.document(DocumentKind::Refund, key, day, Vec::new());
            document.of = Some(credit);
            document.account = Some(account.into());
            document.total = part;
            let entry = self.entry(document, Purpose::Refund, source, serves, contact);
            if !self.post(source, entry, approve) {
                return;
            }
            rest -= part;
        }
        if !rest.is_positive() {
            return;
        }
        if self.given.books.account(account).is_some_and(|a| a.bank) {
            self.hold(
                source,
                Why::BankRefund {
                    account: account.into(),
                },
            );
            return;
        }
        let key = self.key(format!("{prefix}F{id}"), "I");
        let line = plain_line(
            "Money given back",
            rest,
            account,
            &self.given.rules.accounts.no_tax,
            "method",
        );
        let mut document = self.document(DocumentKind::Invoice, key, date, vec![line]);
        document.due = Some(date);
        let mut entry = self.entry(document, Purpose::Reopened, source, serves, contact);
        if let Some(invoice) = invoice {
            entry.sources.push(Source::Invoice(invoice.into()));
        }
        self.post(source, entry, approve);
    }

    pub(super) fn money(&mut self) {
        let target = self.given.target;
        let mut order: Vec<(&String, &Moved)> = target.moved.iter().collect();
        // Money in before money out, so that what is given back finds its credit.
        order.sort_by_key(|(id, m)| (m.way == Way::Out, m.date, *id));
        for (id, moved) in order {
            let source = Source::Payment(id.clone());
            let posted = self.of(
                &source,
                &[
                    Purpose::Receipt,
                    Purpose::Deposit,
                    Purpose::Over,
                    Purpose::Refund,
                    Purpose::Reopened,
                ],
            );
            if moved.mode == Mode::Summary {
                if posted.is_empty() && !self.waits(&source, moved) {
                    self.summarise_money(&source, moved);
                }
                continue;
            }
            if self.waits(&source, moved) {
                continue;
            }
            self.unsum(&source, moved.date, &moved.location);
            match moved.way {
                Way::In => self.receive(&source, id, moved, &posted),
                Way::Out => {
                    let given: Cents = posted.iter().map(|i| self.entries[*i].document.total).sum();
                    let rest = moved.amount - given;
                    if let (true, Some(contact)) = (rest.is_positive(), &moved.contact) {
                        let (contact, account, date) = (contact.clone(), moved.account.clone(), moved.date);
                        self.give_back(
                            &source,
                            moved.invoice.as_deref(),
                            &contact,
                            &account,
                            rest,
                            date,
                            Some(Approve::Refund),
                        );
                    }
                }
            }
        }
    }

    pub(super) fn receive(&mut self, source: &Source, id: &str, moved: &Moved, posted: &[usize]) {
        let mut there = Cents::ZERO;
        for i in posted {
            let e = &self.entries[*i];
            if !e.counts() {
                continue;
            }
            match e.purpose {
                Purpose::Refund | Purpose::Reopened => there -= e.document.total,
                _ => there += e.document.total,
            }
        }
        let prefix = self.given.rules.prefix.clone();
        let date = self.first_open(moved.date);
        let mut rest = moved.amount - there;
        let Some(contact) = moved.contact.clone() else { return };
        if let Some(invoice) = &moved.invoice {
            self.advance(source, invoice);
            if !rest.is_positive() {
                return;
            }
            for on in self.open_invoices(invoice, &contact.key) {
                let part = rest.min(self.left(&on));
                if !part.is_positive() {
                    continue;
                }
                let day = date.max(self.at(&on).map_or(date, |e| {
                    if e.document.date > date && self.locked(moved.date) {
                        e.document.date
                    } else {
                        date
                    }
                }));
                let key = self.key(format!("{prefix}P{id}"), "");
                let mut document = self.document(DocumentKind::Payment, key, day, Vec::new());
                document.of = Some(on);
                document.account = Some(moved.account.clone());
                document.total = part;
                let entry = self.entry(document, Purpose::Receipt, source, moved.date, &contact);
                if !self.post(source, entry, None) {
                    return;
                }
                rest -= part;
            }
        }
        if !rest.is_positive() {
            return;
        }
        let (kind, purpose, mark, approve) = match moved.invoice {
            Some(_) => (
                DocumentKind::Overpayment,
                Purpose::Over,
                "O",
                Some(Approve::Overpayment),
            ),
            None => (DocumentKind::Prepayment, Purpose::Deposit, "D", None),
        };
        let Some(deposits) = self.given.rules.accounts.deposits.clone() else {
            self.hold(
                source,
                Why::NeedsAccount {
                    name: "deposits".into(),
                },
            );
            return;
        };
        let text = if kind == DocumentKind::Overpayment {
            "Overpayment"
        } else {
            "Deposit"
        };
        let line = plain_line(
            text,
            rest,
            &deposits,
            &self.given.rules.accounts.no_tax,
            "accounts.deposits",
        );
        let key = self.key(format!("{prefix}{mark}{id}"), "");
        let mut document = self.document(kind, key, date, vec![line]);
        document.account = Some(moved.account.clone());
        let entry = self.entry(document, purpose, source, moved.date, &contact);
        self.post(source, entry, approve);
    }
}
