//! A month's statements as text, CSV and a page to print.

use super::{Detail, Statement, Statements, Sums};
use crate::ledger::money::Cents;
use crate::ledger::rules::{FeeBasis, Standing};
use crate::ledger::sheet::{Sheet, html_escape, page};

use super::fee::{Bound, FeePart};

impl Statements {
    /// One row per practitioner, then what stands apart, then the sum.
    pub fn overview(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "practitioner",
            "standing",
            "#billed",
            "#written off",
            "#received",
            "#refunded",
            "#fee",
            "#GST on fee",
            "#payable",
            "#held before",
            "#paid out",
            "#held after",
        ]);
        for s in &self.practitioners {
            let standing = match s.standing {
                Standing::Principal => "principal",
                Standing::Agent => "agent",
            };
            let held =
                |f: fn(&super::HeldBalance) -> Cents| s.held.as_ref().map_or(String::new(), |h| f(h).to_string());
            sheet.push(
                [s.practitioner.clone(), standing.into()]
                    .into_iter()
                    .chain(four(&s.sums))
                    .chain([
                        s.fee.to_string(),
                        s.gst.to_string(),
                        s.payable.map_or(String::new(), |p| p.to_string()),
                        held(|h| h.opening + h.brought_forward),
                        held(|h| h.paid_out),
                        held(|h| h.closing),
                    ]),
            );
        }
        let mut apart = Sums::default();
        for a in &self.apart {
            apart.add(a.detail.what, a.detail.amount);
        }
        if !self.apart.is_empty() {
            sheet.push(
                ["(no practitioner)".into(), String::new()]
                    .into_iter()
                    .chain(four(&apart)),
            );
        }
        let fee: Cents = self.practitioners.iter().map(|s| s.fee).sum();
        let gst: Cents = self.practitioners.iter().map(|s| s.gst).sum();
        let all = ["(all)".into(), String::new()].into_iter().chain(four(&self.sums));
        sheet.push(all.chain([fee.to_string(), gst.to_string()]));
        sheet
    }

    /// What belongs to no practitioner.
    pub fn apart_sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "why", "what", "date", "invoice", "line", "payment", "item", "in fee", "#amount",
        ]);
        for a in &self.apart {
            sheet.push([a.why.words().to_owned()].into_iter().chain(cells(&a.detail)));
        }
        sheet
    }

    /// Everything for a terminal.
    pub fn text(&self) -> String {
        let mut out = format!(
            "Statements {} ({})\n\n{}",
            self.month,
            self.currency,
            self.overview().text()
        );
        for s in &self.practitioners {
            for line in s.fee_lines() {
                out += &format!("\n{}: {line}", plain(&s.practitioner));
            }
        }
        if !self.apart.is_empty() {
            out += &format!("\n\nOf no practitioner:\n{}", self.apart_sheet().text());
        }
        for note in &self.notes {
            out += &format!("\nNote: {}", plain(note));
        }
        out.trim_end().to_owned() + "\n"
    }

    /// Every row and every total in one table: `what` says which.
    pub fn csv(&self) -> String {
        let mut sheet = Sheet::new(&[
            "month",
            "currency",
            "practitioner",
            "standing",
            "what",
            "date",
            "invoice",
            "line",
            "payment",
            "item",
            "in fee",
            "#amount",
            "why apart",
        ]);
        let (month, currency) = (self.month.to_string(), self.currency.to_string());
        let mut push = |who: &str, standing: &str, row: [String; 8], why: &str| {
            let front = [month.clone(), currency.clone(), who.to_owned(), standing.to_owned()];
            sheet.push(front.into_iter().chain(row).chain([why.to_owned()]));
        };
        let total = |what: &str, amount: Cents| -> [String; 8] {
            let mut row: [String; 8] = Default::default();
            row[0] = what.into();
            row[7] = amount.to_string();
            row
        };
        for s in &self.practitioners {
            let standing = match s.standing {
                Standing::Principal => "principal",
                Standing::Agent => "agent",
            };
            for d in &s.details {
                push(&s.practitioner, standing, cells(d), "");
            }
            for (what, amount) in s.totals() {
                push(&s.practitioner, standing, total(what, amount), "");
            }
        }
        for a in &self.apart {
            push("", "", cells(&a.detail), a.why.words());
        }
        sheet.csv()
    }

    /// A page to print: an overview, then a sheet of paper per practitioner.
    pub fn html(&self) -> String {
        let mut body = format!("<section>{}", self.overview().html());
        for note in &self.notes {
            body += &format!("<p>{}</p>\n", html_escape(note));
        }
        if !self.apart.is_empty() {
            body += &format!("<h2>Of no practitioner</h2>{}", self.apart_sheet().html());
        }
        body += "</section>\n";
        for s in &self.practitioners {
            body += &s.section();
        }
        page(
            &format!("Statements {} ({})", self.month, self.currency),
            &body,
            &self.csv(),
        )
    }
}

impl Statement {
    /// This practitioner's statement alone, to print and to hand out.
    pub fn html(&self) -> String {
        let title = format!("{}: statement {} ({})", self.practitioner, self.month, self.currency);
        page(&title, &self.section(), &self.csv())
    }

    /// This practitioner's rows and totals in one table.
    pub fn csv(&self) -> String {
        let alone = Statements {
            month: self.month,
            currency: self.currency,
            practitioners: vec![self.clone()],
            apart: Vec::new(),
            sums: self.sums,
            notes: Vec::new(),
        };
        alone.csv()
    }

    /// Every row behind it, by date.
    pub fn rows(&self) -> Sheet {
        let mut rows = Sheet::new(&[
            "what", "date", "invoice", "line", "payment", "item", "in fee", "#amount",
        ]);
        for d in &self.details {
            rows.push(cells(d));
        }
        rows
    }

    /// Its figures, in order, with their names.
    pub fn totals(&self) -> Vec<(&'static str, Cents)> {
        let mut all = vec![
            ("total billed", self.sums.billed),
            ("total written off", self.sums.written_off),
            ("total received", self.sums.received),
            ("total refunded", self.sums.refunded),
        ];
        if let Some(payable) = self.payable {
            all.extend([
                ("service fee", self.fee),
                ("GST on the fee", self.gst),
                ("payable", payable),
            ]);
        }
        if let Some(h) = &self.held {
            all.extend([
                ("held at the start", h.opening),
                ("brought forward", h.brought_forward),
                ("paid out", h.paid_out),
                ("held at the end", h.closing),
            ]);
        }
        all.push(("still owed by patients and payers", self.owed));
        all
    }

    /// How the fee was reckoned, a line per part.
    pub fn fee_lines(&self) -> Vec<String> {
        self.fees.iter().map(FeePart::words).collect()
    }

    fn section(&self) -> String {
        let mut totals = Sheet::new(&["", "#amount"]);
        for (what, amount) in self.totals() {
            totals.push([what.to_owned(), amount.to_string()]);
        }
        let fees: String = self
            .fee_lines()
            .iter()
            .map(|l| format!("<p>{}</p>\n", html_escape(l)))
            .collect();
        format!(
            "<section><h2>{}</h2>\n{}{fees}{}</section>\n",
            html_escape(&self.practitioner),
            totals.html(),
            self.rows().html()
        )
    }
}

impl FeePart {
    /// In words: `Fee 400.00 + GST 40.00: 40 % of 1000.00 received on 2026-10-01 to 2026-10-31 (31 of 31 days)`.
    pub fn words(&self) -> String {
        let r = &self.rule;
        let basis = match r.basis {
            FeeBasis::Received => "received less refunds",
            FeeBasis::Billed => "billed",
        };
        let days: Vec<String> = self.days.iter().map(|(a, b)| format!("{a} to {b}")).collect();
        let mut text = format!(
            "Fee {} + GST {} ({} %): ",
            self.fee,
            self.gst,
            r.gst_percent.normalize()
        );
        text += &format!("{} % of {} {basis}", r.percent.normalize(), self.basis);
        if !r.fixed.is_zero() {
            text += &format!(", and {} a month", r.fixed);
        }
        match (self.bound, r.at_least, r.at_most) {
            (Some(Bound::AtLeast), Some(least), _) => text += &format!(", raised to the least of {least} a month"),
            (Some(Bound::AtMost), _, Some(most)) => text += &format!(", lowered to the most of {most} a month"),
            _ => {}
        }
        text + &format!(", on {} ({} of {} days)", days.join(" and "), self.count, self.of)
    }
}

fn four(s: &Sums) -> [String; 4] {
    [s.billed, s.written_off, s.received, s.refunded].map(|c| c.to_string())
}

fn cells(d: &Detail) -> [String; 8] {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    [
        d.what.word().to_owned(),
        d.date.to_string(),
        text(&d.invoice),
        text(&d.line),
        text(&d.payment),
        text(&d.item),
        if d.in_fee { "yes" } else { "" }.to_owned(),
        d.amount.to_string(),
    ]
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
