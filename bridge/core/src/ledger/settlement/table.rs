//! The clearing tie-out as a bookkeeper reads it: day by day and method by method, and what is left on either side.

use super::tie::{Difference, PaymentLeft, RowLeft, TieOut, moved};
use super::{Imported, Row, RowKind};
use crate::ledger::facts::Facts;
use crate::ledger::money::Cents;
use crate::ledger::rules::Rules;
use crate::ledger::share::share;
use crate::ledger::sheet::{Sheet, page};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One day and method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayLine {
    /// The day of the payments; of rows that are none, their own.
    pub date: Date,
    /// Method, as the layout spells it, else as Halaxy does.
    pub method: String,
    /// What Halaxy received, less what was given back.
    pub received: Cents,
    /// What statements show of it, before fees; none for methods without statements.
    pub settled: Option<Cents>,
    /// Fees, with their tax.
    pub fee: Cents,
    /// Received less settled.
    pub difference: Cents,
    /// Days since, of a difference.
    pub age: Option<i64>,
}

impl TieOut {
    /// Day by day and method by method, within the two days; ages as of `today`.
    pub fn days(
        &self,
        facts: &Facts,
        rules: &Rules,
        imported: &Imported,
        span: (Date, Date),
        today: Date,
    ) -> Vec<DayLine> {
        let layouts = rules.settlement_layouts();
        let method_of = |method: &str| {
            let spelt = layouts
                .iter()
                .flat_map(|l| &l.method)
                .find(|m| m.eq_ignore_ascii_case(method.trim()));
            spelt.map_or_else(|| (method.trim().to_owned(), false), |m| (m.clone(), true))
        };
        let rows: BTreeMap<&str, &Row> = imported
            .settlements
            .iter()
            .flat_map(|s| &s.rows)
            .map(|r| (r.key.as_str(), r))
            .collect();
        let first = |provider: &str| {
            let layout = layouts.iter().find(|l| l.name == provider);
            layout
                .and_then(|l| l.method.first())
                .cloned()
                .unwrap_or_else(|| provider.to_owned())
        };
        // (received, settled, fee)
        let mut days: BTreeMap<(Date, String), (Cents, Cents, Cents)> = BTreeMap::new();
        let mut money: BTreeMap<&str, (Date, String, Cents)> = BTreeMap::new();
        for p in facts.payments.values().filter(|p| p.date >= rules.start_from) {
            let Some(amount) = moved(p).filter(|a| !a.is_zero()) else {
                continue;
            };
            let method = method_of(&p.method).0;
            days.entry((p.date, method.clone())).or_default().0 += amount;
            money.insert(&p.id, (p.date, method, amount));
        }
        for tie in &self.ties {
            let paid: Vec<_> = tie.payments.iter().filter_map(|id| money.get(id.as_str())).collect();
            let weights: Vec<Cents> = paid.iter().map(|(_, _, a)| a.abs()).collect();
            let fees = share(tie.fee + tie.fee_tax, &weights).unwrap_or_default();
            for ((date, method, amount), fee) in paid.into_iter().zip(fees) {
                let day = days.entry((*date, method.clone())).or_default();
                day.1 += *amount;
                day.2 += fee;
            }
        }
        let fee_of = |key: &str| rows.get(key).map_or(Cents::ZERO, |r| r.fee + r.fee_tax);
        for Difference { row, payment, .. } in &self.differences {
            let day = days.entry((payment.date, payment.method.clone())).or_default();
            day.1 += row.gross;
            day.2 += fee_of(&row.row);
        }
        for row in &self.rows {
            let day = days.entry((row.date, first(&row.provider))).or_default();
            day.1 += row.gross;
            day.2 += fee_of(&row.row);
        }
        for s in &imported.settlements {
            for row in s.rows.iter().filter(|r| r.kind == RowKind::Fee) {
                days.entry((row.date, first(&s.provider))).or_default().2 += row.fee + row.fee_tax;
            }
        }
        let within = days
            .into_iter()
            .filter(|((date, _), _)| (span.0..=span.1).contains(date));
        let lines = within.map(|((date, method), (received, settled, fee))| {
            let has = method_of(&method).1 || !settled.is_zero();
            let difference = received - settled;
            let age = (super::tie::day_number(today) - super::tie::day_number(date)).max(0);
            DayLine {
                date,
                method,
                received,
                settled: has.then_some(settled),
                fee,
                difference: if has { difference } else { Cents::ZERO },
                age: (has && !difference.is_zero()).then_some(age),
            }
        });
        lines.collect()
    }

    /// What is left on either side, and what differs; within the two days.
    pub fn open_sheet(&self, span: (Date, Date)) -> Sheet {
        let mut sheet = Sheet::new(&[
            "what",
            "provider",
            "date",
            "settlement",
            "row reference",
            "payment",
            "invoice",
            "#statement",
            "#Halaxy",
            "#difference",
        ]);
        let within = |d: Date| (span.0..=span.1).contains(&d);
        let mut push = |what: &str, row: Option<&RowLeft>, payment: Option<&PaymentLeft>| {
            let provider = row.map(|r| &r.provider).or(payment.map(|p| &p.provider));
            let date = payment.map(|p| p.date).or(row.map(|r| r.date));
            let text = |t: Option<&String>| t.cloned().unwrap_or_default();
            let (stated, received) = (row.map(|r| r.gross), payment.map(|p| p.amount));
            let amount = |a: Option<Cents>| a.map_or(String::new(), |a| a.to_string());
            sheet.push([
                what.to_owned(),
                text(provider),
                date.map_or(String::new(), |d| d.to_string()),
                text(row.map(|r| &r.settlement)),
                text(row.map(|r| &r.reference)),
                text(payment.map(|p| &p.payment)),
                text(payment.and_then(|p| p.invoice.as_ref())),
                amount(stated),
                amount(received),
                (received.unwrap_or_default() - stated.unwrap_or_default()).to_string(),
            ]);
        };
        for d in self.differences.iter().filter(|d| within(d.payment.date)) {
            let what = if d.named {
                "another amount"
            } else {
                "perhaps another amount"
            };
            push(what, Some(&d.row), Some(&d.payment));
        }
        for r in self.rows.iter().filter(|r| within(r.date)) {
            push("not in Halaxy", Some(r), None);
        }
        for p in self.payments.iter().filter(|p| within(p.date)) {
            push("not settled", None, Some(p));
        }
        sheet
    }
}

/// Day lines as a table, with their sum; `nonzero` leaves out days without a difference.
pub fn days_sheet(lines: &[DayLine], nonzero: bool) -> Sheet {
    let mut sheet = Sheet::new(&[
        "date",
        "method",
        "#Halaxy received",
        "#settled",
        "#fee",
        "#difference",
        "#age",
    ]);
    let mut sum = (Cents::ZERO, Cents::ZERO, Cents::ZERO, Cents::ZERO);
    for l in lines.iter().filter(|l| !nonzero || !l.difference.is_zero()) {
        sum.0 += l.received;
        sum.1 += l.settled.unwrap_or_default();
        sum.2 += l.fee;
        sum.3 += l.difference;
        sheet.push([
            l.date.to_string(),
            l.method.clone(),
            l.received.to_string(),
            l.settled.map_or_else(|| "no statements".to_owned(), |s| s.to_string()),
            l.fee.to_string(),
            l.difference.to_string(),
            l.age.map_or(String::new(), |a| a.to_string()),
        ]);
    }
    let all = ["(all)".to_owned(), String::new()];
    sheet.push(
        all.into_iter()
            .chain([sum.0, sum.1, sum.2, sum.3].map(|c| c.to_string())),
    );
    sheet
}

/// The tie-out as a page to print: differences first.
pub fn tieout_page(title: &str, lines: &[DayLine], open: &Sheet) -> String {
    let days = days_sheet(lines, false);
    let mut body = String::new();
    if open.is_empty() {
        body += "<p>Everything is tied.</p>\n";
    } else {
        body += &format!("<h2>To look at</h2>\n{}", open.html());
    }
    body += &format!("<h2>Day by day</h2>\n{}", days.html());
    page(title, &body, &format!("{}{}", open.csv(), days.csv()))
}
