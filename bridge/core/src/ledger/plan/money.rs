//! Money: receipts, deposits, overpayments and refunds, and what is done when Halaxy shows them elsewhere later.

use super::Desk;
use crate::ledger::document::{Contact, DocumentKind};
use crate::ledger::entry::Purpose;
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
            if self.waits(&source, moved) {
                continue;
            }
            // What belongs to a daily summary now is taken back as a whole.
            let nothing;
            let moved = if moved.mode == Mode::Summary {
                nothing = Moved {
                    amount: Cents::ZERO,
                    ..moved.clone()
                };
                &nothing
            } else {
                moved
            };
            match moved.way {
                Way::In => self.misplaced_receipts(&source, moved, posted),
                Way::Out => self.misplaced_refunds(&source, moved, posted),
            }
        }
    }

    /// Whose money an entry moved, for which invoice of Halaxy if it stands on one, and by which account.
    fn spot(&self, at: usize) -> Spot {
        let e = &self.entries[at];
        let (who, invoice) = match &e.document.of {
            Some(on) if e.document.kind == DocumentKind::Payment => self.owner(on),
            Some(on) => (self.owner(on).0, None),
            None => (e.document.contact.clone(), None),
        };
        Spot {
            who,
            invoice,
            account: e.money_account().map(str::to_owned),
        }
    }

    /// How much of each posted entry was undone under its payment by documents of their own: first of the very credit
    /// that was paid back, then of receipts on invoices, whose credits are what was taken back; then of what is left.
    fn undone(&self, source: &Source, by: &[Purpose], posted: &[usize]) -> BTreeMap<usize, Cents> {
        let mut gone: BTreeMap<usize, Cents> = BTreeMap::new();
        let mut left: Vec<(usize, Cents)> = self
            .of(source, by)
            .into_iter()
            .map(|i| (i, self.entries[i].document.total))
            .collect();
        let very = |u: usize, i: usize| self.entries[u].document.of.as_deref() == Some(self.entries[i].key());
        let receipt = |_: usize, i: usize| self.entries[i].document.kind == DocumentKind::Payment;
        let any = |_: usize, _: usize| true;
        let passes: [&dyn Fn(usize, usize) -> bool; 3] = [&very, &receipt, &any];
        for fits in passes {
            for (undoing, amount) in &mut left {
                let spot = self.spot(*undoing);
                for i in posted.iter().copied().filter(|i| fits(*undoing, *i)) {
                    let of = self.spot(i);
                    if (&of.who, &of.account) != (&spot.who, &spot.account) {
                        continue;
                    }
                    let taken = gone.entry(i).or_default();
                    let part = (*amount).min(self.entries[i].document.total - *taken);
                    *taken += part;
                    *amount -= part;
                }
            }
        }
        gone
    }

    fn misplaced_receipts(&mut self, source: &Source, moved: &Moved, posted: Vec<usize>) {
        let contact = moved.contact.as_ref().map(|c| c.key.clone());
        let undone = self.undone(source, &[Purpose::Refund, Purpose::Reopened], &posted);
        let mut kept = Cents::ZERO;
        for i in posted {
            let e = &self.entries[i];
            let (date, amount, serves, voidable) = (e.document.date, e.document.total, e.serves, e.voidable());
            // A credit is used for whatever invoice Halaxy names.
            let on_invoice = e.document.of.is_some();
            let spot = self.spot(i);
            let gone = undone.get(&i).copied().unwrap_or_default();
            let stands = amount - gone;
            let whose = contact.is_none() || spot.who == contact;
            let there = (spot.account.as_deref() == Some(moved.account.as_str()) || self.by_method(source, i, moved))
                && whose
                && (!on_invoice || spot.invoice == moved.invoice);
            let fits = kept + stands <= moved.amount;
            if stands.is_zero() || (there && fits && serves == moved.date) {
                kept += stands;
                continue;
            }
            if !self.locked(date) && gone.is_zero() && voidable {
                self.void(source, i);
                continue;
            }
            // What was received stays received, and goes out again on an open day. Of what only the day differs, only
            // what is too much.
            let excess = if there {
                (kept + stands - moved.amount).max(Cents::ZERO)
            } else {
                stands
            };
            kept += stands - excess;
            let (Some(who), true) = (spot.who, excess.is_positive()) else {
                continue;
            };
            if !on_invoice && !self.release(source, i, excess) {
                kept += excess;
                continue;
            }
            let payer = self.known(&who);
            let invoice = spot.invoice.or_else(|| moved.invoice.clone());
            let account = spot.account.unwrap_or_default();
            // Out of the credit it is, or of what was taken back of its invoice. Others may move as well.
            let credits = match &invoice {
                Some(id) if on_invoice => self.taken_back(id, &who),
                _ => vec![self.entries[i].key().to_owned()],
            };
            self.give_back(
                source,
                invoice.as_deref(),
                &payer,
                &account,
                excess,
                date,
                credits,
                None,
            );
        }
        // Allocations of credits to an invoice that Halaxy no longer names.
        for i in self.of(source, &[Purpose::Assign]) {
            let e = &self.entries[i];
            let to = e.document.to.as_ref().and_then(|k| self.owner(k).1);
            // Used in a locked period for an invoice that was taken back since, it is what was taken back that is free.
            let charged = to.as_ref().and_then(|id| self.given.target.charged.get(id));
            let free = moved.invoice.is_none() && charged.is_some_and(|c| c.lines.is_empty());
            if to != moved.invoice && !(free && self.locked(e.document.date)) {
                self.void(source, i);
            }
        }
    }

    /// Takes a credit back from invoices until so much of it is left. False if that cannot be: a person has to.
    fn release(&mut self, source: &Source, credit: usize, amount: Cents) -> bool {
        let key = self.entries[credit].key().to_owned();
        let acting = self.acting.get(&key).cloned().unwrap_or_default();
        for i in acting.into_iter().rev() {
            let e = &self.entries[i];
            if self.left(&key) >= amount {
                break;
            }
            if e.counts() && e.document.kind == DocumentKind::Allocation && !self.void(source, i) {
                return false;
            }
        }
        true
    }

    pub(super) fn known(&self, key: &str) -> Contact {
        Contact {
            key: key.to_owned(),
            name: self.names.get(key).cloned().unwrap_or_else(|| key.to_owned()),
        }
    }

    /// Posted for the method that Halaxy still names: the account of that day stands, whatever the rules say now.
    fn by_method(&self, source: &Source, at: usize, moved: &Moved) -> bool {
        let basis = self.entries[at]
            .bases
            .first()
            .filter(|_| !self.given.recode.contains(source));
        basis.is_some_and(|b| *b == moved.basis())
    }

    fn misplaced_refunds(&mut self, source: &Source, moved: &Moved, posted: Vec<usize>) {
        let contact = moved.contact.as_ref().map(|c| c.key.clone());
        let undone = self.undone(source, &[Purpose::Deposit, Purpose::Over], &posted);
        let mut kept = Cents::ZERO;
        for i in posted {
            let e = &self.entries[i];
            let (amount, serves) = (e.document.total, e.serves);
            let spot = self.spot(i);
            let gone = undone.get(&i).copied().unwrap_or_default();
            let stands = amount - gone;
            let account = spot.account.as_deref() == Some(moved.account.as_str()) || self.by_method(source, i, moved);
            let there = account && spot.who == contact;
            if stands.is_zero() || (there && kept + stands <= moved.amount) {
                kept += stands;
                continue;
            }
            if self.locked_by(i).is_none() && gone.is_zero() {
                self.void(source, i);
                continue;
            }
            let excess = if there { kept + stands - moved.amount } else { stands };
            kept += stands - excess;
            let (Some(who), Some(account)) = (spot.who, spot.account) else {
                continue;
            };
            self.take_back(source, moved, &who, &account, excess, serves);
        }
    }

    /// Money that was given back by mistake, and stands in a locked period: the debtor's credit again.
    fn take_back(&mut self, source: &Source, moved: &Moved, who: &str, account: &str, amount: Cents, serves: Date) {
        let payer = self.known(who);
        let date = self.first_open(serves);
        if let Some(key) = self.credit(source, &payer, account, amount, (date, serves), Purpose::Over, None)
            && let Some(invoice) = &moved.invoice
        {
            self.assign(source, &key, invoice);
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
        credits: Vec<String>,
        approve: Option<Approve>,
    ) {
        let Source::Payment(id) = source else { return };
        let prefix = self.given.rules.prefix.clone();
        let date = self.first_open(serves);
        let mut rest = amount;
        for credit in credits {
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
            let there = self.received(&posted);
            if moved.mode == Mode::Summary {
                if there.is_zero() && !self.waits(&source, moved) {
                    self.summarise_money(&source, moved);
                }
                continue;
            }
            if self.waits(&source, moved) {
                continue;
            }
            self.unsum(&source, moved.date, &moved.location);
            match moved.way {
                Way::In => self.receive(&source, id, moved, there),
                Way::Out => {
                    let rest = moved.amount + there;
                    if let (true, Some(contact)) = (rest.is_positive(), &moved.contact) {
                        let (contact, account, date) = (contact.clone(), moved.account.clone(), moved.date);
                        let invoice = moved.invoice.as_deref();
                        let credits = self.credits(invoice, &contact.key);
                        let approve = Some(Approve::Refund);
                        self.give_back(&source, invoice, &contact, &account, rest, date, credits, approve);
                    }
                }
            }
        }
    }

    /// What documents of a payment brought, less what they gave out.
    fn received(&self, posted: &[usize]) -> Cents {
        let counting = posted.iter().map(|i| &self.entries[*i]).filter(|e| e.counts());
        counting
            .map(|e| match e.purpose {
                Purpose::Refund | Purpose::Reopened => -e.document.total,
                _ => e.document.total,
            })
            .sum()
    }

    pub(super) fn receive(&mut self, source: &Source, id: &str, moved: &Moved, there: Cents) {
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
        let (purpose, approve) = match moved.invoice {
            Some(_) => (Purpose::Over, Some(Approve::Overpayment)),
            None => (Purpose::Deposit, None),
        };
        self.credit(
            source,
            &contact,
            &moved.account,
            rest,
            (date, moved.date),
            purpose,
            approve,
        );
    }

    /// Money that no invoice asks for: the debtor's credit. Books take prepayments and overpayments into bank accounts
    /// only (vendor-apis.md 7: bank transactions); into a clearing account that is none it is a credit note on it.
    fn credit(
        &mut self,
        source: &Source,
        contact: &Contact,
        account: &str,
        amount: Cents,
        (date, serves): (Date, Date),
        purpose: Purpose,
        approve: Option<Approve>,
    ) -> Option<String> {
        let Source::Payment(id) = source else { return None };
        let (text, mark, kind) = match purpose {
            Purpose::Over => ("Overpayment", "O", DocumentKind::Overpayment),
            _ => ("Deposit", "D", DocumentKind::Prepayment),
        };
        let rules = self.given.rules;
        let bank = self.given.books.account(account).is_some_and(|a| a.bank);
        let (kind, coded, rule) = match (&rules.accounts.deposits, bank) {
            (_, false) => (DocumentKind::CreditNote, account.to_owned(), "method"),
            (Some(deposits), true) => (kind, deposits.clone(), "accounts.deposits"),
            (None, true) => {
                let name = "deposits".into();
                self.hold(source, Why::NeedsAccount { name });
                return None;
            }
        };
        let line = plain_line(text, amount, &coded, &rules.accounts.no_tax, rule);
        let key = self.key(format!("{}{mark}{id}", rules.prefix), "");
        let mut document = self.document(kind, key.clone(), date, vec![line]);
        document.account = bank.then(|| account.to_owned());
        let entry = self.entry(document, purpose, source, serves, contact);
        self.post(source, entry, approve).then_some(key)
    }
}

/// Where money stands.
struct Spot {
    who: Option<String>,
    invoice: Option<String>,
    account: Option<String>,
}
