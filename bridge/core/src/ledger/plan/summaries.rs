//! Daily summaries: each source's position brought to what it should be, in one journal a day and location.

use super::{Desk, Share};
use crate::ledger::document::{Document, DocumentKind, DocumentLine};
use crate::ledger::entry::{Entry, EntryState, Purpose, digest};
use crate::ledger::fit::fit;
use crate::ledger::hold::{Source, Why};
use crate::ledger::money::Cents;
use crate::ledger::position::Position;
use crate::ledger::rules::Approve;
use crate::ledger::target::{Charged, Moved, plain_line};
use jiff::civil::Date;
use std::collections::BTreeMap;

impl<'a> Desk<'a> {
    pub(super) fn debtors(&self) -> (&'a str, &'a str) {
        let a = &self.given.rules.accounts;
        (
            a.patient_debtors.as_deref().unwrap_or_default(),
            a.deposits.as_deref().unwrap_or_default(),
        )
    }

    pub(super) fn balance(&self, position: &mut Position, account: &str, amount: Cents) {
        let line = plain_line("", amount, account, &self.given.rules.accounts.no_tax, "");
        position.lines(&[line], 1);
    }

    /// Takes a source out of the summaries it is in.
    pub(super) fn unsum(&mut self, source: &Source, date: Date, location: &str) {
        let Some(now) = self.summed.get(source).filter(|p| !p.is_zero()) else {
            return;
        };
        let mut back = Position::default();
        back.plus(now, -1);
        self.summed.remove(source);
        self.share(source, back, date, location);
    }

    pub(super) fn share(&mut self, source: &Source, position: Position, serves: Date, location: &str) {
        let day = self.first_open(serves);
        self.shares.entry((day, location.to_owned())).or_default().push(Share {
            source: source.clone(),
            position,
            serves,
        });
    }

    pub(super) fn summarise_invoice(&mut self, id: &str, charged: &Charged) {
        let source = Source::Invoice(id.into());
        let (debtors, _) = self.debtors();
        let mut billed = Position::default();
        billed.lines(&charged.lines, -1);
        self.balance(&mut billed, debtors, charged.gross());
        let mut whole = billed.clone();
        if !charged.written_off.is_empty() {
            whole.lines(&charged.written_off, 1);
            let given_up: Cents = charged.written_off.iter().map(|l| l.net + l.tax).sum();
            self.balance(&mut whole, debtors, -given_up);
        }
        self.summarise(&source, billed, whole, charged.date, &charged.location);
    }

    pub(super) fn summarise_money(&mut self, source: &Source, moved: &Moved) {
        let (debtors, deposits) = self.debtors();
        let signed = moved.signed();
        if self.given.books.account(&moved.account).is_some_and(|a| a.bank) {
            let account = moved.account.clone();
            self.hold(source, Why::BankInSummary { account });
            return;
        }
        let mut whole = Position::default();
        self.balance(&mut whole, &moved.account, signed);
        let other = if moved.invoice.is_some() { debtors } else { deposits };
        self.balance(&mut whole, other, -signed);
        self.summarise(source, whole.clone(), whole, moved.date, &moved.location);
    }

    /// What Halaxy says has not changed, and nothing is owed or given up otherwise: other rules change nothing about it.
    fn only_recoded(&self, source: &Source, by: &Position) -> bool {
        let (debtors, deposits) = self.debtors();
        let bad_debts = self.given.rules.accounts.bad_debts.as_deref();
        let basis = self.basis(source);
        by.totals() == (Cents::ZERO, Cents::ZERO)
            && self.rests_on.is(source, &basis)
            && by
                .parts()
                .all(|(p, ..)| p.account != debtors && p.account != deposits && Some(p.account.as_str()) != bad_debts)
    }

    /// Brings a source's position in summaries to what it should be: what was billed or moved on its own day; what was
    /// assigned or given up later on the last day that is summarised.
    pub(super) fn summarise(&mut self, source: &Source, first: Position, whole: Position, date: Date, location: &str) {
        let now = self.summed.get(source).cloned().unwrap_or_default();
        let mut rest = whole;
        rest.plus(&now, -1);
        if rest.is_zero() || self.only_recoded(source, &rest) {
            return;
        }
        let fresh = now.is_zero();
        if fresh && !first.is_zero() {
            rest.plus(&first, -1);
            self.share(source, first, date, location);
            if rest.is_zero() {
                return;
            }
        } else if !self.may_correct(source, &rest) {
            return;
        }
        let (debtors, deposits) = self.debtors();
        let bad_debts = self.given.rules.accounts.bad_debts.as_deref();
        let later = rest
            .parts()
            .all(|(p, ..)| p.account == debtors || p.account == deposits || Some(p.account.as_str()) == bad_debts);
        let seen = self.given.settled.unwrap_or(self.given.today);
        let day = if later { seen.max(date) } else { date };
        self.share(source, rest, day, location);
    }

    pub(super) fn may_correct(&mut self, source: &Source, by: &Position) -> bool {
        let key = match source {
            Source::Invoice(id) => format!("{}{id}", self.given.rules.prefix),
            Source::Payment(id) => format!("{}P{id}", self.given.rules.prefix),
        };
        let (up, down) = by.split("Correction", "correction");
        let lines = up.into_iter().chain(down).collect();
        let document = self.document(DocumentKind::Journal, key.clone(), self.given.today, lines);
        // The day does not matter to the approval.
        let undated = Document {
            date: Date::constant(2000, 1, 1),
            ..document
        };
        self.may(source, Some(Approve::Correction), &key, &digest(&undated))
    }

    /// The shares whose journal is due: of days that are over, and that have no journal made since the last of them was
    /// over. So a day that is looked at often has one journal, and what comes later one for each day on which it is
    /// found. What a person has coded anew waits for nothing.
    fn ripe(&mut self) -> BTreeMap<(Date, String), Vec<Share>> {
        let mut shares = std::mem::take(&mut self.shares);
        let Some(settled) = self.given.settled else {
            return shares;
        };
        for ((day, location), of_day) in &shares {
            if *day > settled || self.summarised(*day, location, settled) {
                let recode = self.given.recode;
                let later = of_day.iter().map(|s| &s.source).filter(|s| !recode.contains(s));
                self.plan.later.extend(later.cloned());
            }
        }
        // A source goes whole, since what is left of it alone would be a correction.
        for of_day in shares.values_mut() {
            of_day.retain(|s| !self.plan.later.contains(&s.source));
        }
        shares.retain(|_, of_day| !of_day.is_empty());
        shares
    }

    /// Whether the day's journal was made since that last day was over.
    fn summarised(&self, day: Date, location: &str, settled: Date) -> bool {
        let base = self.day_key(day, location);
        let again = format!("{base}-R");
        let is_it = |key: &str| key == base || key.strip_prefix(&again).is_some_and(|n| n.parse::<u32>().is_ok());
        self.by_key
            .range(base.clone()..)
            .take_while(|(key, _)| key.starts_with(&base))
            .any(|(key, at)| is_it(key) && self.entries[*at].counts() && self.entries[*at].settled == Some(settled))
    }

    fn day_key(&self, day: Date, location: &str) -> String {
        let prefix = &self.given.rules.prefix;
        match location {
            "" => format!("{prefix}DAY-{day}"),
            at => {
                let at = at.replace(|c: char| !c.is_ascii_alphanumeric(), "");
                format!("{prefix}DAY-{day}-{at}")
            }
        }
    }

    pub(super) fn summaries(&mut self) {
        let shares = self.ripe();
        for ((day, location), shares) in shares {
            let mut sum = Position::default();
            for share in &shares {
                sum.plus(&share.position, 1);
            }
            let serves = shares.iter().map(|s| s.serves).min().unwrap_or(day);
            let mut lines = Vec::new();
            let mut fits = true;
            for (place, net, tax) in sum.parts() {
                let Some(pieces) = fit(net, tax, self.percent(&place.tax_code), 0) else {
                    fits = false;
                    break;
                };
                for (net, tax) in pieces {
                    lines.push(DocumentLine {
                        tracking: place.tracking.clone(),
                        tax,
                        ..plain_line("Daily summary", net, &place.account, &place.tax_code, "summary")
                    });
                }
            }
            if !fits {
                for share in &shares {
                    self.hold(&share.source, Why::Amount);
                }
                continue;
            }
            let key = self.key(self.day_key(day, &location), "");
            let mut document = self.document(DocumentKind::Journal, key, day, lines);
            document.note = format!("{} records", shares.len());
            (document.total, document.tax) = (Cents::ZERO, Cents::ZERO);
            let first = shares.first().map(|s| s.source.clone());
            let entry = Entry {
                document,
                purpose: Purpose::Summary,
                bases: shares.iter().map(|s| self.basis(&s.source)).collect(),
                round: shares.iter().map(|s| self.rests_on.round(&s.source)).max().unwrap_or(1),
                sources: shares.iter().map(|s| s.source.clone()).collect(),
                shares: shares.iter().map(|s| s.position.to_effects()).collect(),
                settled: self.given.settled,
                serves,
                contact: None,
                state: EntryState::Planned,
                remote_id: None,
                refused: None,
            };
            if let Some(first) = first {
                self.post(&first, entry, None);
            }
        }
    }
}
