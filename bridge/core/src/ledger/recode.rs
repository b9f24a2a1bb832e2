//! Applying other rules to what was posted: nothing that was coded by the rules of its day moves by itself, only what a
//! person names. What is named is planned as if nothing were known of what it rested on, so that it is corrected by exactly
//! what differs, as every other correction is.

use super::document::DocumentLine;
use super::entry::{Effect, Entry};
use super::hold::Source;
use super::position::Position;
use super::prove::find::{Parts, untaxed};
use super::rules::Rules;
use super::target::{Charged, Moved, Target, plain_line};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// What a person names. Everything named must fit; nothing named fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Lines that this rule coded, or codes now, and payments of a method (`item 10960`, `default`, `method EFTPOS`).
    pub rule: Option<String>,
    /// Not before this day, by Halaxy's date.
    pub from: Option<Date>,
    /// Not after it.
    pub to: Option<Date>,
    /// These invoices, and the money for them; by id. All if empty.
    pub invoices: BTreeSet<String>,
}

impl Choice {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        *self == Choice::default()
    }

    fn dated(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
    }

    fn invoice(&self, id: &str, charged: &Charged, posted: &BTreeSet<&str>) -> bool {
        let coded = |l: &DocumentLine| Some(&l.rule) == self.rule.as_ref();
        let rule = |rule: &String| posted.contains(rule.as_str()) || charged.lines.iter().any(coded);
        self.dated(charged.date)
            && (self.invoices.is_empty() || self.invoices.contains(id))
            && self.rule.as_ref().is_none_or(rule)
    }

    fn payment(&self, moved: &Moved) -> bool {
        let of = moved.invoice.as_ref().is_some_and(|id| self.invoices.contains(id));
        let method = format!("method {}", moved.method);
        self.dated(moved.date)
            && (self.invoices.is_empty() || of)
            && self.rule.as_ref().is_none_or(|rule| rule.eq_ignore_ascii_case(&method))
    }
}

/// An invoice or payment that the rules of now code otherwise than those of its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recoding {
    /// What.
    pub source: Source,
    /// Its date in Halaxy.
    pub date: Date,
    /// What moves, by account, tax rate and tracking: debits positive. Sums to nothing.
    pub moves: Vec<Effect>,
}

/// What of that which was posted would be coded otherwise now, as far as a person names it. Whatever changed in Halaxy
/// since it was posted is left out: it is corrected anyway.
pub fn recodings(target: &Target, entries: &[&Entry], rules: &Rules, choice: &Choice) -> Vec<Recoding> {
    let balance = [&rules.accounts.patient_debtors, &rules.accounts.deposits].map(Option::as_deref);
    let mut coded: BTreeMap<&Source, BTreeSet<&str>> = BTreeMap::new();
    for entry in entries.iter().filter(|e| e.counts() && choice.rule.is_some()) {
        if let Some(source) = entry.sources.first().filter(|_| entry.shares.is_empty()) {
            let rules = entry.document.lines.iter().map(|l| l.rule.as_str());
            coded.entry(source).or_default().extend(rules);
        }
    }
    let none = BTreeSet::new();
    let mut parts = Parts::of(entries);
    let mut all = Vec::new();
    for (id, charged) in &target.charged {
        let source = Source::Invoice(id.clone());
        let posted_by = coded.get(&source).unwrap_or(&none);
        if !choice.invoice(id, charged, posted_by) {
            continue;
        }
        let now = parts.take(&source).sum(balance);
        let Some((posted, _)) = now.posted.filter(|_| now.basis == Some(charged.basis.as_str())) else {
            continue;
        };
        let mut moves = Position::default();
        moves.lines(&charged.lines, -1);
        moves.lines(&charged.written_off, 1);
        all.extend(recoding(source, charged.date, moves, &posted));
    }
    for (id, moved) in target.moved.iter().filter(|(_, m)| choice.payment(m)) {
        let source = Source::Payment(id.clone());
        let now = parts.take(&source).sum(balance);
        let Some((posted, _)) = now.posted.filter(|_| now.basis == Some(moved.basis().as_str())) else {
            continue;
        };
        let mut moves = Position::default();
        moves.lines(&[plain_line("", moved.signed(), &moved.account, "", "")], 1);
        all.extend(recoding(source, moved.date, moves, &untaxed(&posted)));
    }
    all
}

/// None if nothing moves, or if it is another amount: that is a correction of its own.
fn recoding(source: Source, date: Date, wanted: Position, posted: &Position) -> Option<Recoding> {
    let mut moves = wanted;
    moves.plus(posted, -1);
    let (net, tax) = moves.totals();
    (!moves.is_zero() && (net + tax).is_zero()).then(|| Recoding {
        source,
        date,
        moves: moves.to_effects(),
    })
}
