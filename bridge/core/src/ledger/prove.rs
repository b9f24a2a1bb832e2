//! Proof: does Halaxy equal what was posted, and does what was posted equal what the books say now? Reckoned from sums,
//! without the planner, so that a mistake of the planner shows here.

mod books;
pub(super) mod find;
pub mod sheets;

use super::document::{DocumentKind, Shown};
use super::entry::{Entry, Purpose};
use super::hold::{Held, Source};
use super::money::Cents;
use super::position::{Place, Position};
use super::rules::{Mode, PayerType, Rules};
use super::target::{Target, plain_line};
use crate::hex::hex;
use find::{Parts, untaxed};
use jiff::civil::Date;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What a proof is made from.
pub struct Evidence<'a> {
    /// What the books should hold.
    pub target: &'a Target,
    /// Everything ever posted.
    pub entries: Vec<&'a Entry>,
    /// Everything the books show of the kinds that are posted.
    pub shown: Vec<&'a Shown>,
    /// Ids in the books of our contacts, by our key.
    pub contacts: HashMap<&'a str, &'a str>,
    /// Rules.
    pub rules: &'a Rules,
    /// The last day that is settled, where days are summarised once they are ([`super::plan::Given::settled`]).
    pub settled: Option<Date>,
    /// What the planner says waits for the next summaries. It is believed only where a summary of the last settled day
    /// exists, so that it waits for a day at most.
    pub later: &'a BTreeSet<Source>,
    /// First day, by Halaxy's date.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

/// Where a difference lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    /// Halaxy and what was posted.
    HalaxyAndPosted,
    /// What was posted and the books.
    PostedAndBooks,
    /// In the books only.
    BooksOnly,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What: `amount`, `date`, `account 200`, `status` ...
    pub what: String,
    /// On the first side.
    pub first: String,
    /// On the second side.
    pub second: String,
}

/// One document, or invoice or payment of Halaxy, that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// Where.
    pub between: Between,
    /// Halaxy's date.
    pub date: Date,
    /// `invoice 600001`, `payment 620001`, or the document's key or id in the books.
    pub subject: String,
    /// What differs.
    pub changes: Vec<Change>,
    /// By how much, in cents: the second side less the first.
    pub by: Cents,
}

/// Money of one day, method and clearing account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DayRow {
    /// Halaxy's date.
    pub date: Date,
    /// Method, as Halaxy writes it.
    pub method: String,
    /// Clearing account.
    pub account: String,
    /// Received less given back, by Halaxy.
    pub halaxy: Cents,
    /// Posted.
    pub posted: Cents,
    /// In the books now.
    pub books: Cents,
}

/// Sales of one account and tax rate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SalesRow {
    /// Account.
    pub account: String,
    /// Tax rate.
    pub tax_code: String,
    /// Without tax, by Halaxy.
    pub halaxy_net: Cents,
    /// Tax, by Halaxy.
    pub halaxy_tax: Cents,
    /// Without tax, as posted.
    pub posted_net: Cents,
    /// Tax, as posted.
    pub posted_tax: Cents,
}

/// What is owed by one type of payer: what is charged less what is given up, received and credited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DebtorRow {
    /// By Halaxy.
    pub halaxy: Cents,
    /// As posted.
    pub posted: Cents,
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Everything that differs, first.
    pub differences: Vec<Difference>,
    /// What waits, and why.
    pub held: Vec<Held>,
    /// Invoices and payments that differ only until their day is summarised next: it is not over, or they changed after
    /// its last summary.
    pub later: Vec<Difference>,
    /// By day, method and clearing account.
    pub days: Vec<DayRow>,
    /// Sales without tax and tax, by account and tax rate: what Halaxy says and what was posted, within the days.
    pub sales: Vec<SalesRow>,
    /// By payer type, over all time.
    pub debtors: BTreeMap<PayerType, DebtorRow>,
    /// Deposits and overpayments not used yet, over all time: by Halaxy, as posted.
    pub advances: (Cents, Cents),
    /// Invoices and payments of Halaxy looked at.
    pub sources: u64,
    /// Documents looked at in the books.
    pub documents: u64,
}

impl Proof {
    /// Compares.
    pub fn of(evidence: &Evidence<'_>) -> Proof {
        let mut prover = Prover {
            e: evidence,
            differences: Vec::new(),
            later: Vec::new(),
            summarised: evidence
                .settled
                .is_some_and(|day| evidence.entries.iter().any(|e| e.counts() && e.settled == Some(day))),
            days: BTreeMap::new(),
            sales: BTreeMap::new(),
            sources: 0,
            documents: 0,
        };
        prover.halaxy();
        prover.books();
        let (debtors, advances) = prover.balances();
        let mut differences = prover.differences;
        differences.sort();
        let mut later = prover.later;
        later.sort();
        Proof {
            from: evidence.from,
            to: evidence.to,
            differences,
            held: evidence.target.held.clone(),
            later,
            days: prover.days.into_values().collect(),
            sales: prover.sales.into_values().collect(),
            debtors,
            advances,
            sources: prover.sources,
            documents: prover.documents,
        }
    }

    /// Nothing differs and nothing waits.
    pub fn holds(&self) -> bool {
        self.differences.is_empty() && self.held.is_empty()
    }

    /// SHA-256 of the whole as JSON, as hex digits: the same proof has the same digest.
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        hex(&Sha256::digest(&json))
    }
}

struct Prover<'a> {
    e: &'a Evidence<'a>,
    differences: Vec<Difference>,
    later: Vec<Difference>,
    /// The days that are settled were summarised since the last of them was.
    summarised: bool,
    days: BTreeMap<(Date, String, String), DayRow>,
    sales: BTreeMap<(String, String), SalesRow>,
    sources: u64,
    documents: u64,
}

impl<'a> Prover<'a> {
    fn within(&self, date: Date) -> bool {
        (self.e.from..=self.e.to).contains(&date)
    }

    /// Each source's position by what Halaxy shows against that of its documents.
    fn halaxy(&mut self) {
        let e = self.e;
        let balance = [&e.rules.accounts.patient_debtors, &e.rules.accounts.deposits].map(Option::as_deref);
        for entry in e.entries.iter().filter(|x| x.counts()) {
            self.sold(entry);
        }
        let mut parts = Parts::of(&e.entries);
        for (id, charged) in &e.target.charged {
            let mut wanted = Position::default();
            wanted.lines(&charged.lines, -1);
            wanted.lines(&charged.written_off, 1);
            let source = Source::Invoice(id.clone());
            let now = parts.take(&source).sum(balance);
            // What was coded by the rules of its day, and is what it was, stands.
            let same = now.basis == Some(charged.basis.as_str());
            if let Some((position, _)) = now
                .posted
                .as_ref()
                .filter(|(p, _)| same && p.totals() == wanted.totals())
            {
                wanted = position.clone();
            }
            if self.within(charged.date) {
                for (place, net, tax) in wanted.parts() {
                    if self.sold_to(&place.account) {
                        let row = self.sales_row(&place.account, &place.tax_code);
                        row.halaxy_net -= net;
                        row.halaxy_tax -= tax;
                    }
                }
            }
            self.compare(&source, charged.date, wanted, now.posted);
        }
        for (id, moved) in &e.target.moved {
            let signed = moved.signed();
            let source = Source::Payment(id.clone());
            let now = parts.take(&source).sum(balance);
            let same = now.basis == Some(moved.basis().as_str());
            // Tax codes of balance lines say nothing.
            let now = now.posted.map(|(p, d)| (untaxed(&p), d));
            let before = now
                .as_ref()
                .and_then(|(p, _)| p.parts().next().map(|(place, ..)| place.account.clone()));
            let account = before.filter(|_| same).unwrap_or_else(|| moved.account.clone());
            let mut wanted = Position::default();
            wanted.lines(&[plain_line("", signed, &account, "", "")], 1);
            if self.within(moved.date) {
                let row = self.day(moved.date, id, &account);
                row.halaxy += signed;
                let there: Cents = now.iter().flat_map(|(p, _)| p.parts()).map(|(_, n, t)| n + t).sum();
                // What was moved to another account counts there, in its own row below.
                row.posted += there;
            }
            self.compare(&source, moved.date, wanted, now);
        }
        let held: HashSet<&Source> = e.target.held.iter().map(|h| &h.source).collect();
        for (source, of) in parts.left() {
            let Some((position, date)) = of.sum(balance).posted else {
                continue;
            };
            let opening = matches!(source, Source::Invoice(id) if self.opening(id));
            if !position.is_zero() && !held.contains(source) && !opening {
                self.compare(source, date, Position::default(), Some((position, date)));
            }
        }
    }

    fn opening(&self, id: &str) -> bool {
        self.e.target.charged.get(id).is_some_and(|c| c.opening)
    }

    fn sold(&mut self, entry: &Entry) {
        // What was given up counts where it was charged, as in Halaxy's column, whenever it was posted.
        let charged = entry.sources.iter().find_map(|source| match source {
            Source::Invoice(id) => self.e.target.charged.get(id).map(|charged| charged.date),
            _ => None,
        });
        let of = match entry.purpose {
            Purpose::WriteOff | Purpose::Restored => charged.unwrap_or(entry.serves),
            _ => entry.serves,
        };
        if !self.within(of) {
            return;
        }
        let sign = match entry.purpose {
            // Of what was given up only an agent's fees are sales taken back; the practice's are bad debts.
            Purpose::Charge | Purpose::Restored => 1,
            Purpose::Reversal | Purpose::WriteOff => -1,
            Purpose::Summary => {
                for effect in entry.shares.iter().flatten() {
                    if self.sold_to(&effect.account) {
                        let row = self.sales_row(&effect.account, &effect.tax_code);
                        row.posted_net -= effect.net;
                        row.posted_tax -= effect.tax;
                    }
                }
                return;
            }
            _ => return,
        };
        for line in &entry.document.lines {
            if !self.sold_to(&line.account) {
                continue;
            }
            let row = self.sales_row(&line.account, &line.tax_code);
            row.posted_net += Cents(line.net.0 * sign);
            row.posted_tax += Cents(line.tax.0 * sign);
        }
    }

    /// Summaries hold money and balances too: only accounts that lines are coded to are sales.
    fn sold_to(&self, account: &str) -> bool {
        let rules = self.e.rules;
        let a = &rules.accounts;
        let balance = [&a.bad_debts, &a.deposits, &a.patient_debtors]
            .into_iter()
            .flatten()
            .any(|x| x == account);
        !balance && !rules.method.iter().any(|m| m.account == account)
    }

    fn sales_row(&mut self, account: &str, tax_code: &str) -> &mut SalesRow {
        self.sales
            .entry((account.into(), tax_code.into()))
            .or_insert_with(|| SalesRow {
                account: account.into(),
                tax_code: tax_code.into(),
                ..SalesRow::default()
            })
    }

    fn day(&mut self, date: Date, payment: &str, account: &str) -> &mut DayRow {
        let method = self.e.target.moved.get(payment).map_or("", |m| m.method.as_str());
        self.days
            .entry((date, method.to_owned(), account.to_owned()))
            .or_insert_with(|| DayRow {
                date,
                method: method.to_owned(),
                account: account.to_owned(),
                ..DayRow::default()
            })
    }

    fn compare(&mut self, source: &Source, date: Date, wanted: Position, posted: Option<(Position, Date)>) {
        if !self.within(date) {
            return;
        }
        self.sources += 1;
        let posted = posted.map(|(p, _)| p).unwrap_or_default();
        let mut by = Position::default();
        by.plus(&posted, 1);
        by.plus(&wanted, -1);
        if by.is_zero() {
            return;
        }
        let sum = |p: &Position, place: &Place| -> (Cents, Cents) {
            p.parts()
                .find(|(x, ..)| *x == place)
                .map_or((Cents::ZERO, Cents::ZERO), |(_, n, t)| (n, t))
        };
        let changes = by
            .parts()
            .map(|(place, ..)| {
                let ((a, at), (b, bt)) = (sum(&wanted, place), sum(&posted, place));
                let tracking: Vec<&str> = place.tracking.values().map(String::as_str).collect();
                Change {
                    what: format!("account {} {} {}", place.account, place.tax_code, tracking.join(" "))
                        .trim()
                        .to_owned(),
                    first: format!("{a} tax {at}"),
                    second: format!("{b} tax {bt}"),
                }
            })
            .collect();
        let by: Cents = by.parts().map(|(_, n, t)| n + t).sum();
        let difference = Difference {
            between: Between::HalaxyAndPosted,
            date,
            subject: source.to_string(),
            changes,
            by,
        };
        if self.waits(source, date) {
            self.later.push(difference);
        } else {
            self.differences.push(difference);
        }
    }

    /// Whether a source that differs has only to wait for the next summaries.
    fn waits(&self, source: &Source, date: Date) -> bool {
        let target = self.e.target;
        let mode = match source {
            Source::Invoice(id) => target.charged.get(id).map(|c| c.mode),
            Source::Payment(id) => target.moved.get(id).map(|m| m.mode),
        };
        let open = mode == Some(Mode::Summary) && self.e.settled.is_some_and(|settled| date > settled);
        open || (self.summarised && self.e.later.contains(source))
    }

    /// What is owed by payer type, and what was paid in advance.
    fn balances(&self) -> (BTreeMap<PayerType, DebtorRow>, (Cents, Cents)) {
        let e = self.e;
        let mut rows: BTreeMap<PayerType, DebtorRow> = BTreeMap::new();
        let mut advances = (Cents::ZERO, Cents::ZERO);
        for charged in e.target.charged.values() {
            let given_up: Cents = charged.written_off.iter().map(|l| l.net + l.tax).sum();
            rows.entry(charged.payer).or_default().halaxy += charged.gross() - given_up;
        }
        for moved in e.target.moved.values() {
            let signed = moved.signed();
            match moved.invoice.as_ref().and_then(|i| e.target.charged.get(i)) {
                Some(charged) => rows.entry(charged.payer).or_default().halaxy -= signed,
                None => advances.0 += signed,
            }
        }
        let payer = |source: &Source| match source {
            Source::Invoice(id) => e.target.charged.get(id).map(|c| c.payer),
            Source::Payment(id) => {
                let invoice = e.target.moved.get(id)?.invoice.as_ref()?;
                e.target.charged.get(invoice).map(|c| c.payer)
            }
        };
        let debtors = e.rules.accounts.patient_debtors.as_deref().unwrap_or_default();
        let deposits = e.rules.accounts.deposits.as_deref().unwrap_or_default();
        for entry in e.entries.iter().filter(|x| x.counts()) {
            let total = entry.document.total;
            let signed = match entry.document.kind {
                DocumentKind::Invoice | DocumentKind::Refund => total,
                DocumentKind::CreditNote
                | DocumentKind::Payment
                | DocumentKind::Prepayment
                | DocumentKind::Overpayment => -total,
                DocumentKind::Allocation | DocumentKind::Journal => Cents::ZERO,
            };
            if let Some(source) = entry.sources.first().filter(|_| entry.shares.is_empty()) {
                match payer(source) {
                    Some(payer) => rows.entry(payer).or_default().posted += signed,
                    None => advances.1 -= signed,
                }
            }
            for (source, share) in entry.sources.iter().zip(&entry.shares) {
                for effect in share {
                    if effect.account == debtors {
                        rows.entry(payer(source).unwrap_or(PayerType::Patient))
                            .or_default()
                            .posted += effect.net;
                    } else if effect.account == deposits {
                        advances.1 -= effect.net;
                    }
                }
            }
        }
        (rows, advances)
    }
}
