//! Whose every cent is: invoices by their lines, money divided over the lines it was for.

use super::Detail;
use crate::ledger::facts::{Facts, Invoice, InvoiceKind, Line, LineStatus, Payment, PaymentKind};
use crate::ledger::hold::Why;
use crate::ledger::money::{Cents, Currency};
use crate::ledger::rules::Rules;
use crate::ledger::share::share;
use crate::ledger::target::{Standing, amounts, standing};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Charged on an invoice.
    Billed,
    /// Charged, and given up since.
    WrittenOff,
    /// Received.
    Received,
    /// Given back.
    Refunded,
}

impl What {
    /// In a word or two.
    pub fn word(self) -> &'static str {
        match self {
            What::Billed => "billed",
            What::WrittenOff => "written off",
            What::Received => "received",
            What::Refunded => "refunded",
        }
    }
}

/// Why something belongs to no practitioner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Apart {
    /// The line names nobody who performed it.
    NoPractitioner,
    /// The invoice has no line of more than nothing that the money could be divided over.
    NoLine,
    /// Money that is for no invoice (yet).
    NoInvoice,
    /// An invoice's total differs from its lines.
    Rounding,
}

impl Apart {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Apart::NoPractitioner => "no practitioner on the line",
            Apart::NoLine => "no line to divide it over",
            Apart::NoInvoice => "not assigned to an invoice",
            Apart::Rounding => "total differs from its lines",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    Rule(usize),
    Plain { id: String, name: String },
    Apart(Apart),
}

#[derive(Clone, Debug)]
pub(super) struct Happened {
    pub what: What,
    pub date: Date,
    pub invoice: Option<String>,
    pub line: Option<String>,
    pub payment: Option<String>,
    pub item: Option<String>,
    pub charge: Option<String>,
    pub amount: Cents,
}

impl Happened {
    pub fn detail(&self, in_fee: bool) -> Detail {
        Detail {
            what: self.what,
            date: self.date,
            invoice: self.invoice.clone(),
            line: self.line.clone(),
            payment: self.payment.clone(),
            item: self.item.clone(),
            amount: self.amount,
            in_fee,
        }
    }
}

/// Everything since `start_from` up to a day.
pub(super) struct Flow {
    pub rows: Vec<(Whose, Happened)>,
    pub notes: Vec<String>,
}

/// Whether an invoice is charged, and whether it is given up since. Unknown words count as charged.
fn charge(invoice: &Invoice) -> Option<bool> {
    if invoice.kind == InvoiceKind::Quote {
        return None;
    }
    match standing(invoice) {
        Ok(Standing::Charged) | Err(_) => Some(false),
        Ok(Standing::WrittenOff) => Some(true),
        Ok(Standing::Void | Standing::NotYet) => None,
    }
}

fn charged(line: &Line) -> bool {
    !matches!(line.status, LineStatus::Voided | LineStatus::Unassigned)
}

struct Weighed<'a> {
    line: &'a Line,
    gross: Cents,
}

impl Flow {
    pub fn of(facts: &Facts, rules: &Rules, currency: Currency, to: Date) -> Flow {
        let mut unread: BTreeSet<&str> = BTreeSet::new();
        let mut lines: BTreeMap<&str, Vec<Weighed<'_>>> = BTreeMap::new();
        for line in facts.lines.values() {
            let Some(invoice) = &line.invoice else { continue };
            match amounts(line) {
                Ok((net, tax)) => lines
                    .entry(invoice)
                    .or_default()
                    .push(Weighed { line, gross: net + tax }),
                Err(_) => {
                    unread.insert(&line.id);
                }
            }
        }
        let mut book = Book {
            facts,
            rules,
            rows: Vec::new(),
            received: BTreeMap::new(),
        };
        let mut foreign = 0;
        for payment in facts.payments.values() {
            let (what, sign) = match (&payment.kind, payment.void || payment.removed) {
                (PaymentKind::Payment | PaymentKind::Deposit, false) => (What::Received, 1),
                (PaymentKind::Refund, false) => (What::Refunded, -1),
                _ => continue,
            };
            let since = payment.date >= rules.start_from;
            if payment.currency != currency {
                foreign += u64::from(since);
                continue;
            }
            if let Some(invoice) = &payment.invoice {
                *book.received.entry(invoice).or_default() += Cents(sign * payment.amount.0);
            }
            if since && payment.date <= to {
                let of = payment.invoice.as_deref().and_then(|i| lines.get(i));
                book.money(payment, what, of.map_or(&[], Vec::as_slice));
            }
        }
        let mut words: BTreeSet<String> = BTreeSet::new();
        for invoice in facts.invoices.values() {
            if invoice.date < rules.start_from || invoice.date > to || charge(invoice).is_none() {
                continue;
            }
            if invoice.currency != currency {
                foreign += 1;
                continue;
            }
            if let Err(Why::Word { word, .. }) = standing(invoice) {
                words.insert(word.chars().filter(|c| !c.is_control()).collect());
            }
            book.invoice(invoice, lines.get(invoice.id.as_str()).map_or(&[], Vec::as_slice));
        }
        let mut notes = Vec::new();
        if foreign > 0 {
            notes.push(format!(
                "{foreign} invoices and payments are not in {currency} and are left out."
            ));
        }
        for word in words {
            notes.push(format!(
                "Invoices with the unknown status `{word}` are counted as charged."
            ));
        }
        if !unread.is_empty() {
            let ids: Vec<&str> = unread.iter().take(10).copied().collect();
            let n = unread.len();
            notes.push(format!(
                "{n} lines have amounts that cannot be reckoned and count as nothing: {}.",
                ids.join(", ")
            ));
        }
        Flow { rows: book.rows, notes }
    }
}

struct Book<'a> {
    facts: &'a Facts,
    rules: &'a Rules,
    rows: Vec<(Whose, Happened)>,
    /// Net of refunds, by invoice, over all time.
    received: BTreeMap<&'a str, Cents>,
}

impl<'a> Book<'a> {
    fn whose(&self, line: &Line) -> Whose {
        let Some(role_id) = &line.role else {
            return Whose::Apart(Apart::NoPractitioner);
        };
        let role = self.facts.roles.get(role_id);
        if let Some(rule) = self.rules.practitioner(line, role) {
            let at = self.rules.practitioner.iter().position(|p| std::ptr::eq(p, rule));
            return at.map_or(Whose::Apart(Apart::NoPractitioner), Whose::Rule);
        }
        let id = role
            .and_then(|r| r.practitioner.clone())
            .unwrap_or_else(|| role_id.clone());
        let mut named = self
            .facts
            .roles
            .values()
            .filter(|r| r.practitioner.as_ref() == Some(&id));
        let name = named
            .find(|r| !r.name.is_empty())
            .or(role.filter(|r| !r.name.is_empty()));
        Whose::Plain {
            name: name.map_or_else(|| id.clone(), |r| r.name.clone()),
            id,
        }
    }

    fn push(
        &mut self,
        whose: Whose,
        what: What,
        date: Date,
        line: Option<&Line>,
        ids: (Option<&str>, Option<&str>),
        amount: Cents,
    ) {
        let (invoice, payment) = ids;
        if !amount.is_zero() {
            let row = Happened {
                what,
                date,
                invoice: invoice.map(str::to_owned),
                line: line.map(|l| l.id.clone()),
                payment: payment.map(str::to_owned),
                item: line.and_then(|l| l.code.clone()),
                charge: line.and_then(|l| l.charge.clone()),
                amount,
            };
            self.rows.push((whose, row));
        }
    }

    fn money(&mut self, payment: &Payment, what: What, lines: &[Weighed<'_>]) {
        let ids = (payment.invoice.as_deref(), Some(payment.id.as_str()));
        let now: Vec<&Weighed<'_>> = lines.iter().filter(|w| charged(w.line)).collect();
        let ever: Vec<&Weighed<'_>> = lines.iter().collect();
        let parts = [now, ever].into_iter().find_map(|lines| {
            let weights: Vec<Cents> = lines.iter().map(|w| w.gross).collect();
            Some((share(payment.amount, &weights)?, lines))
        });
        match (parts, &payment.invoice) {
            (Some((parts, lines)), _) => {
                for (part, w) in parts.into_iter().zip(lines) {
                    self.push(self.whose(w.line), what, payment.date, Some(w.line), ids, part);
                }
            }
            (None, Some(_)) => self.push(
                Whose::Apart(Apart::NoLine),
                what,
                payment.date,
                None,
                ids,
                payment.amount,
            ),
            (None, None) => self.push(
                Whose::Apart(Apart::NoInvoice),
                what,
                payment.date,
                None,
                ids,
                payment.amount,
            ),
        }
    }

    fn invoice(&mut self, invoice: &Invoice, lines: &[Weighed<'_>]) {
        let ids = (Some(invoice.id.as_str()), None);
        let on: Vec<&Weighed<'_>> = lines.iter().filter(|w| charged(w.line)).collect();
        for w in &on {
            self.push(
                self.whose(w.line),
                What::Billed,
                invoice.date,
                Some(w.line),
                ids,
                w.gross,
            );
        }
        let whole: Cents = on.iter().map(|w| w.gross).sum();
        let off = invoice.gross - whole;
        self.push(
            Whose::Apart(Apart::Rounding),
            What::Billed,
            invoice.date,
            None,
            ids,
            off,
        );

        let all = charge(invoice) == Some(true);
        let given: Vec<&&Weighed<'_>> = on
            .iter()
            .filter(|w| all || w.line.status == LineStatus::WriteOff)
            .collect();
        let weights: Vec<Cents> = given.iter().map(|w| w.gross).collect();
        let most: Cents = weights.iter().filter(|w| w.is_positive()).copied().sum();
        let received = self.received.get(invoice.id.as_str()).copied().unwrap_or_default();
        let open = (whole - received).max(Cents::ZERO).min(most);
        for (part, w) in share(open, &weights).unwrap_or_default().into_iter().zip(given) {
            self.push(
                self.whose(w.line),
                What::WrittenOff,
                invoice.date,
                Some(w.line),
                ids,
                part,
            );
        }
    }
}
