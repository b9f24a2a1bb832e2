//! Which payments of Halaxy a statement's rows are: by reference, one to one by amount and day, several rows of one
//! reference, the batch of a day, and last a choice of payments where only one choice sums up.

use super::layout::SettlementRule;
use super::pairs::{by_day, only_run, only_subset};
use super::read::split_tax;
use super::{Imported, Row, RowKind};
use crate::ledger::facts::{Facts, PaymentKind};
use crate::ledger::money::Cents;
use crate::ledger::rules::Rules;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One sum may pay the days since the last one: a long weekend.
const RUN_DAYS: i64 = 4;
/// A choice is looked for among so many payments at most.
const MOST_CHOICES: usize = 24;

/// What a tie rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The row names the payment or its invoice, and the amount is the same.
    Reference,
    /// One row and one payment of the same amount, within the layout's days.
    Amount,
    /// Several rows of one reference that sum to one payment.
    Rows,
    /// One row that is all that was left of a day, or of some days in a row.
    Batch,
    /// One row and the only choice of payments that sums to it.
    Choice,
}

/// Rows and payments that belong together: `gross` is what the payments sum to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    /// Layout.
    pub provider: String,
    /// The settlement's reference.
    pub settlement: String,
    /// When it was paid.
    pub paid_on: Date,
    /// Keys of the rows.
    pub rows: Vec<String>,
    /// Ids of the payments.
    pub payments: Vec<String>,
    /// What it rests on.
    pub by: By,
    /// Before fees; what Halaxy received.
    pub gross: Cents,
    /// Fee without tax.
    pub fee: Cents,
    /// Tax on it.
    pub fee_tax: Cents,
    /// What payers paid on top for paying by card, with its tax.
    #[serde(default, skip_serializing_if = "super::nothing")]
    pub surcharge: Cents,
    /// The fee is on no statement: it is what the bank's sum falls short of the payments.
    pub grossed_up: bool,
}

/// A row that is no payment Halaxy shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowLeft {
    /// Layout.
    pub provider: String,
    /// The settlement's reference.
    pub settlement: String,
    /// Its key.
    pub row: String,
    /// Its reference.
    pub reference: String,
    /// When.
    pub date: Date,
    /// Before fees.
    pub gross: Cents,
}

/// A payment that is on no statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentLeft {
    /// Layout that settles its method.
    pub provider: String,
    /// Its id.
    pub payment: String,
    /// Its invoice.
    pub invoice: Option<String>,
    /// Method, as the layout spells it.
    pub method: String,
    /// When.
    pub date: Date,
    /// How much; below zero if given back.
    pub amount: Cents,
}

/// A row and a payment that are probably the same, but not of the same amount: something was keyed wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The row.
    pub row: RowLeft,
    /// The payment.
    pub payment: PaymentLeft,
    /// Whether the row names it; else both are all that is left of their day.
    pub named: bool,
}

impl Difference {
    /// What the statement has more than Halaxy.
    pub fn amount(&self) -> Cents {
        self.row.gross - self.payment.amount
    }
}

/// What tying found. Every row but fees, and every payment of a settled method, is in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieOut {
    /// What belongs together.
    pub ties: Vec<Tie>,
    /// What probably does, with the difference.
    pub differences: Vec<Difference>,
    /// Rows that are no payment.
    pub rows: Vec<RowLeft>,
    /// Payments on no statement.
    pub payments: Vec<PaymentLeft>,
}

/// Ties all statements imported to all payments since `start_from`.
pub fn tie(facts: &Facts, rules: &Rules, imported: &Imported) -> TieOut {
    let mut out = TieOut::default();
    for layout in rules.settlement_layouts() {
        let mut bench = Bench::new(&layout, facts, rules, imported);
        bench.by_reference();
        bench.by_amount();
        bench.by_rows();
        bench.by_batch();
        bench.by_choice();
        bench.finish(&mut out);
    }
    out
}

pub(super) fn day_number(day: Date) -> i64 {
    day.duration_since(date(1970, 1, 1)).as_hours() / 24
}

/// The money of a payment: below zero if it was given back, none if it is no money.
pub(super) fn moved(payment: &crate::ledger::facts::Payment) -> Option<Cents> {
    match (&payment.kind, payment.void || payment.removed) {
        (PaymentKind::Payment | PaymentKind::Deposit, false) => Some(payment.amount),
        (PaymentKind::Refund, false) => Some(-payment.amount),
        _ => None,
    }
}

struct Paid<'a> {
    payment: &'a crate::ledger::facts::Payment,
    method: &'a str,
    day: i64,
    amount: Cents,
    taken: bool,
}

struct Stated<'a> {
    settlement: &'a super::Settlement,
    row: &'a Row,
    day: i64,
    taken: bool,
}

struct Bench<'a> {
    layout: &'a SettlementRule,
    payments: Vec<Paid<'a>>,
    rows: Vec<Stated<'a>>,
    ties: Vec<Tie>,
}

impl<'a> Bench<'a> {
    fn new(layout: &'a SettlementRule, facts: &'a Facts, rules: &Rules, imported: &'a Imported) -> Self {
        let paid = facts
            .payments
            .values()
            .filter(|p| p.date >= rules.start_from)
            .filter_map(|payment| {
                let method = layout
                    .method
                    .iter()
                    .find(|m| m.eq_ignore_ascii_case(payment.method.trim()))?;
                Some(Paid {
                    payment,
                    method,
                    day: day_number(payment.date),
                    amount: moved(payment).filter(|a| !a.is_zero())?,
                    taken: false,
                })
            });
        let mut payments: Vec<Paid<'_>> = paid.collect();
        payments.sort_by_key(|p| (p.day, &p.payment.id));
        let mine = imported.settlements.iter().filter(|s| s.provider == layout.name);
        let stated = mine.flat_map(|settlement| {
            let rows = settlement.rows.iter().filter(|r| r.kind != RowKind::Fee);
            rows.map(move |row| Stated {
                settlement,
                row,
                day: day_number(row.date),
                taken: false,
            })
        });
        let mut rows: Vec<Stated<'_>> = stated.collect();
        rows.sort_by_key(|r| (r.day, &r.row.key));
        Bench {
            layout,
            payments,
            rows,
            ties: Vec::new(),
        }
    }

    fn within(&self, row: usize, payment: usize) -> bool {
        let lag = self.rows[row].day - self.payments[payment].day;
        (-1..=self.layout.window()).contains(&lag)
    }

    fn free_rows(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|i| !self.rows[*i].taken).collect()
    }

    fn free_payments(&self) -> Vec<usize> {
        (0..self.payments.len()).filter(|i| !self.payments[*i].taken).collect()
    }

    /// Payments that may belong to a row.
    fn near(&self, row: usize) -> impl Iterator<Item = usize> {
        let day = self.rows[row].day;
        let from = self.payments.partition_point(|p| p.day < day - self.layout.window());
        let to = self.payments.partition_point(|p| p.day <= day + 1);
        (from..to).filter(|i| !self.payments[*i].taken)
    }

    fn tie(&mut self, rows: &[usize], payments: &[usize], by: By) {
        let settlement = self.rows[rows[0]].settlement;
        let of = |f: fn(&Row) -> Cents| -> Cents { rows.iter().map(|r| f(self.rows[*r].row)).sum() };
        let (gross, fee, fee_tax) = (of(|r| r.gross), of(|r| r.fee), of(|r| r.fee_tax));
        let received: Cents = payments.iter().map(|p| self.payments[*p].amount).sum();
        let short = received - gross;
        let more = split_tax(short, self.layout.fee_tax_percent.unwrap_or_default(), true);
        let (more, more_tax) = more.unwrap_or((short, Cents::ZERO));
        self.ties.push(Tie {
            provider: self.layout.name.clone(),
            settlement: settlement.reference.clone(),
            paid_on: settlement.paid_on,
            rows: rows.iter().map(|r| self.rows[*r].row.key.clone()).collect(),
            payments: payments.iter().map(|p| self.payments[*p].payment.id.clone()).collect(),
            by,
            gross: received,
            fee: fee + more,
            fee_tax: fee_tax + more_tax,
            surcharge: of(|r| r.surcharge),
            grossed_up: !short.is_zero(),
        });
        for r in rows {
            self.rows[*r].taken = true;
        }
        for p in payments {
            self.payments[*p].taken = true;
        }
    }

    /// Payments by their own ids and by their invoices'.
    fn named(&self) -> BTreeMap<&'a str, Vec<usize>> {
        let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for i in self.free_payments() {
            let p = self.payments[i].payment;
            named.entry(&p.id).or_default().push(i);
            if let Some(invoice) = p.invoice.as_deref().filter(|i| *i != p.id) {
                named.entry(invoice).or_default().push(i);
            }
        }
        named
    }

    fn candidates(&self, row: usize, named: &BTreeMap<&str, Vec<usize>>) -> BTreeSet<usize> {
        let reference = &self.rows[row].row.reference;
        let words = reference
            .split(|c: char| !(c.is_alphanumeric() || c == '-'))
            .chain([reference.as_str()]);
        let found = words.filter_map(|w| named.get(w)).flatten().copied();
        found
            .filter(|p| !self.payments[*p].taken && self.within(row, *p))
            .collect()
    }

    fn by_reference(&mut self) {
        let named = self.named();
        for row in self.free_rows() {
            let gross = self.rows[row].row.gross;
            let found = self
                .candidates(row, &named)
                .into_iter()
                .find(|p| self.payments[*p].amount == gross);
            if let Some(payment) = found {
                self.tie(&[row], &[payment], By::Reference);
            }
        }
    }

    fn by_amount(&mut self) {
        type Days = Vec<(i64, usize)>;
        let mut by: BTreeMap<Cents, (Days, Days)> = BTreeMap::new();
        for i in self.free_rows() {
            by.entry(self.rows[i].row.gross)
                .or_default()
                .0
                .push((self.rows[i].day, i));
        }
        for i in self.free_payments() {
            by.entry(self.payments[i].amount)
                .or_default()
                .1
                .push((self.payments[i].day, i));
        }
        for (rows, payments) in by.into_values() {
            for (row, payment) in by_day(&rows, &payments, self.layout.window()) {
                self.tie(&[row], &[payment], By::Amount);
            }
        }
    }

    fn by_rows(&mut self) {
        let mut groups: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for i in self.free_rows() {
            let r = &self.rows[i];
            if !r.row.reference.is_empty() {
                groups
                    .entry((&r.settlement.reference, &r.row.reference))
                    .or_default()
                    .push(i);
            }
        }
        for rows in groups.into_values().filter(|g| g.len() > 1) {
            let sum: Cents = rows.iter().map(|r| self.rows[*r].row.gross).sum();
            let fits = |p: &usize| self.payments[*p].amount == sum && rows.iter().all(|r| self.within(*r, *p));
            let found: Vec<usize> = self.near(rows[0]).filter(fits).take(2).collect();
            if let [payment] = found[..] {
                self.tie(&rows, &[payment], By::Rows);
            }
        }
    }

    fn by_batch(&mut self) {
        // What is left of each day.
        let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
        for p in self.free_payments() {
            *sums.entry(self.payments[p].day).or_default() += self.payments[p].amount.0;
        }
        for row in self.free_rows() {
            let Stated { day, row: stated, .. } = self.rows[row];
            let near = sums.range(day - self.layout.window()..=day + 1);
            let days: Vec<(i64, i64)> = near.map(|(day, sum)| (*day, *sum)).collect();
            let gross = stated.gross.0;
            let short = self.layout.fee_at_most_percent.filter(|_| stated.net_only && gross > 0);
            let taken_off = |sum: i64| {
                let most = short.and_then(|p| Decimal::from(sum).checked_mul(p)?.checked_div(Decimal::ONE_HUNDRED));
                most.is_some_and(|most| sum > gross && Decimal::from(sum - gross) <= most)
            };
            let run = only_run(&days, RUN_DAYS, |sum| sum == gross).or_else(|| only_run(&days, RUN_DAYS, taken_off));
            let Some(run) = run else { continue };
            let in_run = |p: &usize| run.contains(&self.payments[*p].day);
            let payments: Vec<usize> = self.near(row).filter(in_run).collect();
            sums.retain(|day, _| !run.contains(day));
            self.tie(&[row], &payments, By::Batch);
        }
    }

    fn by_choice(&mut self) {
        let mut found: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut asked: BTreeMap<usize, u32> = BTreeMap::new();
        for row in self.free_rows() {
            let near: Vec<usize> = self.near(row).take(MOST_CHOICES + 1).collect();
            if near.len() > MOST_CHOICES {
                continue;
            }
            let amounts: Vec<i64> = near.iter().map(|p| self.payments[*p].amount.0).collect();
            if let Some(chosen) = only_subset(self.rows[row].row.gross.0, &amounts) {
                let chosen: Vec<usize> = chosen.into_iter().map(|i| near[i]).collect();
                for p in &chosen {
                    *asked.entry(*p).or_default() += 1;
                }
                found.push((row, chosen));
            }
        }
        for (row, payments) in found {
            if payments.iter().all(|p| asked.get(p) == Some(&1)) {
                self.tie(&[row], &payments, By::Choice);
            }
        }
    }

    fn row_left(&self, i: usize) -> RowLeft {
        let r = &self.rows[i];
        RowLeft {
            provider: self.layout.name.clone(),
            settlement: r.settlement.reference.clone(),
            row: r.row.key.clone(),
            reference: r.row.reference.clone(),
            date: r.row.date,
            gross: r.row.gross,
        }
    }

    fn payment_left(&self, i: usize) -> PaymentLeft {
        let p = &self.payments[i];
        PaymentLeft {
            provider: self.layout.name.clone(),
            payment: p.payment.id.clone(),
            invoice: p.payment.invoice.clone(),
            method: p.method.to_owned(),
            date: p.payment.date,
            amount: p.amount,
        }
    }

    /// What is left: pairs that differ, then single ones.
    fn finish(mut self, out: &mut TieOut) {
        let named = self.named();
        let mut pairs: Vec<(usize, usize, bool)> = Vec::new();
        for row in self.free_rows() {
            let found: Vec<usize> = self.candidates(row, &named).into_iter().take(2).collect();
            if let [payment] = found[..] {
                pairs.push((row, payment, true));
                self.rows[row].taken = true;
                self.payments[payment].taken = true;
            }
        }
        let mut days: BTreeMap<(i64, bool), (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for i in self.free_rows() {
            let r = &self.rows[i];
            days.entry((r.day, r.row.gross.is_negative())).or_default().0.push(i);
        }
        for i in self.free_payments() {
            let p = &self.payments[i];
            days.entry((p.day, p.amount.is_negative())).or_default().1.push(i);
        }
        for (rows, payments) in days.into_values() {
            if let ([row], [payment]) = (&rows[..], &payments[..]) {
                pairs.push((*row, *payment, false));
                self.rows[*row].taken = true;
                self.payments[*payment].taken = true;
            }
        }
        out.differences
            .extend(pairs.iter().map(|(row, payment, named)| Difference {
                row: self.row_left(*row),
                payment: self.payment_left(*payment),
                named: *named,
            }));
        out.rows.extend(self.free_rows().into_iter().map(|i| self.row_left(i)));
        out.payments
            .extend(self.free_payments().into_iter().map(|i| self.payment_left(i)));
        out.ties.append(&mut self.ties);
    }
}
