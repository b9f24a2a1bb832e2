//! The monthly statement of a practitioner: what was billed and received, the service fee, what is payable, and what
//! is held (competitors.md 4.3). It shows the flow of money as it was, and says nothing of what it is for tax.
//!
//! * What was billed counts in the month of the invoice, with tax; money in the month it came or went. Nothing before
//!   `start_from` counts.
//! * A payment for an invoice of several practitioners is divided over its charged lines pro rata to their gross,
//!   largest remainders first ([`share`]). Were all lines taken back since, the lines as they were: so the refund
//!   takes from whom the payment gave to.
//! * Debts given up are shown in the month of their invoice, since Halaxy dates no write-off, and change no fee.
//! * The fee goes by the rules of each day: per cent of what happened on the days of the rule; fixed amounts, least and
//!   most pro rata by days. Days of rules that say the same are taken together, so that saying a rule again changes
//!   nothing. Each part is rounded to the cent once, as is the GST on it.
//! * What changed in Halaxy about earlier months shows in the opening balance.

mod fee;
mod flow;
mod journal;
mod print;

pub use fee::{Bound, FeePart};
pub use flow::{Apart, What};
pub use journal::{JournalHold, journal};

use super::facts::Facts;
use super::money::{Cents, Currency, MoneyError};
use super::month::Month;
use super::rules::{PractitionerRule, Rules, Standing};
use flow::{Flow, Happened, Whose};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[cfg(doc)]
use super::share::share;

/// Money of an agent that neither came from nor went to patients: paid out to the practitioner (negative), or brought
/// forward from before `start_from` (positive). Halaxy knows neither.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldMovement {
    /// The practitioner, by the name in the rules.
    pub practitioner: String,
    /// When.
    pub date: Date,
    /// How much; negative if it was paid out.
    pub amount: Cents,
    /// Where it stands (a reference in the books).
    pub reference: String,
}

/// What was billed and what money moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Charged, with tax.
    pub billed: Cents,
    /// Charged, and given up since.
    pub written_off: Cents,
    /// Received.
    pub received: Cents,
    /// Given back; positive.
    pub refunded: Cents,
}

impl Sums {
    fn add(&mut self, what: What, amount: Cents) {
        match what {
            What::Billed => self.billed += amount,
            What::WrittenOff => self.written_off += amount,
            What::Received => self.received += amount,
            What::Refunded => self.refunded += amount,
        }
    }

    /// Received less given back.
    pub fn kept(&self) -> Cents {
        self.received - self.refunded
    }
}

/// One row of the drill-down. Names no patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// What happened.
    pub what: What,
    /// When: the invoice's date, or the payment's.
    pub date: Date,
    /// Invoice.
    pub invoice: Option<String>,
    /// Its line.
    pub line: Option<String>,
    /// Payment.
    pub payment: Option<String>,
    /// Item number of the line.
    pub item: Option<String>,
    /// How much; a refund is positive.
    pub amount: Cents,
    /// Whether the fee was reckoned on it.
    pub in_fee: bool,
}

/// What the practice holds for an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBalance {
    /// At the start of the month.
    pub opening: Cents,
    /// Brought forward from before `start_from` in this month.
    pub brought_forward: Cents,
    /// Paid out to the practitioner in this month; positive.
    pub paid_out: Cents,
    /// At its end: opening, what is payable of the month and what was brought forward, less what was paid out.
    pub closing: Cents,
}

/// The statement of one practitioner and month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Key of its journal (`HX-S2026-10-DrA`): the same at every look.
    pub key: String,
    /// The practitioner's name: the rules', else Halaxy's, else the id.
    pub practitioner: String,
    /// Principal or agent.
    pub standing: Standing,
    /// The month.
    pub month: Month,
    /// Currency of all amounts.
    pub currency: Currency,
    /// What happened in the month.
    pub sums: Sums,
    /// How the fee is reckoned; empty without fee rules.
    pub fees: Vec<FeePart>,
    /// Service fee without GST.
    pub fee: Cents,
    /// GST on it.
    pub gst: Cents,
    /// Received less refunds, fee and GST; none for a principal without fee rules, whose pay is not decided here.
    pub payable: Option<Cents>,
    /// What is held; for agents only.
    pub held: Option<HeldBalance>,
    /// Billed since `start_from` and neither received nor given up by the month's end. With what is held this is the
    /// balance of an agent's account in the books, where invoices are posted when they are issued.
    pub owed: Cents,
    /// Every row behind it, by date.
    pub details: Vec<Detail>,
}

/// What belongs to no practitioner, with why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApartDetail {
    /// Why it stands apart.
    pub why: Apart,
    /// The row.
    #[serde(flatten)]
    pub detail: Detail,
}

/// All statements of a month. Over practitioners and what stands apart, every cent billed and every cent of payments
/// and refunds of the month is there once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statements {
    /// The month.
    pub month: Month,
    /// Currency.
    pub currency: Currency,
    /// By the order of the rules, then others by id.
    pub practitioners: Vec<Statement>,
    /// What belongs to no practitioner.
    pub apart: Vec<ApartDetail>,
    /// Of all of it.
    pub sums: Sums,
    /// What a reader should know, in words.
    pub notes: Vec<String>,
}

/// Why a month cannot be stated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// A fee beyond what the ledger can hold.
    #[error("the service fee of {practitioner} cannot be reckoned: {problem}")]
    Fee {
        /// The practitioner, by the name in the rules.
        practitioner: String,
        /// What is wrong.
        problem: MoneyError,
    },
}

/// The statements of a month. Rows in another currency are left out and noted.
///
/// # Errors
/// [`StatementError`] if a fee rule makes no amount.
pub fn statements(
    facts: &Facts,
    rules: &Rules,
    month: Month,
    currency: Currency,
    movements: &[HeldMovement],
) -> Result<Statements, StatementError> {
    let flow = Flow::of(facts, rules, currency, month.last());
    let mut by: BTreeMap<&Whose, Vec<&Happened>> = BTreeMap::new();
    for (whose, row) in &flow.rows {
        by.entry(whose).or_default().push(row);
    }
    let own: Vec<Whose> = (0..rules.practitioner.len()).map(Whose::Rule).collect();
    for whose in &own {
        by.entry(whose).or_default();
    }
    let keys = journal::keys(rules, month);
    let mut found = Statements {
        month,
        currency,
        practitioners: Vec::new(),
        apart: Vec::new(),
        sums: Sums::default(),
        notes: flow.notes,
    };
    for (whose, mut rows) in by {
        rows.sort_by(|a, b| {
            (a.date, a.what, &a.payment, &a.invoice, &a.line).cmp(&(b.date, b.what, &b.payment, &b.invoice, &b.line))
        });
        let now: Vec<&Happened> = rows.iter().filter(|r| month.has(r.date)).copied().collect();
        for row in &now {
            found.sums.add(row.what, row.amount);
        }
        match whose {
            Whose::Apart(why) => found.apart.extend(now.iter().map(|r| ApartDetail {
                why: *why,
                detail: r.detail(false),
            })),
            Whose::Rule(at) => {
                let rule = &rules.practitioner[*at];
                let statement = ruled(
                    rule,
                    keys[*at].clone(),
                    rules.start_from,
                    month,
                    currency,
                    &rows,
                    movements,
                );
                found
                    .practitioners
                    .push(statement.map_err(|problem| StatementError::Fee {
                        practitioner: rule.name.clone(),
                        problem,
                    })?);
            }
            Whose::Plain { id, name } if !now.is_empty() => found.practitioners.push(Statement {
                key: journal::key(&rules.prefix, month, id),
                practitioner: name.clone(),
                standing: Standing::Principal,
                month,
                currency,
                sums: sums(&now),
                fees: Vec::new(),
                fee: Cents::ZERO,
                gst: Cents::ZERO,
                payable: None,
                held: None,
                owed: owed(&rows),
                details: now.iter().map(|r| r.detail(false)).collect(),
            }),
            Whose::Plain { .. } => {}
        }
    }
    for m in movements.iter().filter(|m| month.has(m.date)) {
        let agent = |p: &&PractitionerRule| p.name == m.practitioner && p.standing == Standing::Agent;
        if !rules.practitioner.iter().any(|p| agent(&p)) {
            found.notes.push(format!(
                "{} on {} is for `{}`, who is no agent in the rules: it is in no statement.",
                m.amount, m.date, m.practitioner
            ));
        }
    }
    Ok(found)
}

fn sums(rows: &[&Happened]) -> Sums {
    let mut sums = Sums::default();
    for row in rows {
        sums.add(row.what, row.amount);
    }
    sums
}

fn owed(rows: &[&Happened]) -> Cents {
    let all = sums(rows);
    all.billed - all.written_off - all.kept()
}

/// The statement of a practitioner with a rule; `rows` are all since `start_from`.
fn ruled(
    rule: &PractitionerRule,
    key: String,
    start: Date,
    month: Month,
    currency: Currency,
    rows: &[&Happened],
    movements: &[HeldMovement],
) -> Result<Statement, MoneyError> {
    let agent = rule.standing == Standing::Agent;
    let moved: Vec<&HeldMovement> = movements
        .iter()
        .filter(|m| agent && m.practitioner == rule.name && m.date >= start)
        .collect();
    let mut opening = Cents::ZERO;
    let mut at = Month::of(start);
    while agent && at < month {
        let then: Vec<&Happened> = rows.iter().filter(|r| at.has(r.date)).copied().collect();
        let fees = fee::of(&rule.fee, at, start, &then)?;
        opening += sums(&then).kept() - fees.iter().map(|f| f.fee + f.gst).sum();
        opening += moved.iter().filter(|m| at.has(m.date)).map(|m| m.amount).sum();
        at = at.next();
    }
    let now: Vec<&Happened> = rows.iter().filter(|r| month.has(r.date)).copied().collect();
    let fees = fee::of(&rule.fee, month, start, &now)?;
    let fee: Cents = fees.iter().map(|f| f.fee).sum();
    let gst: Cents = fees.iter().map(|f| f.gst).sum();
    let sums = sums(&now);
    let payable = sums.kept() - fee - gst;
    let moves = |sign: fn(&Cents) -> bool| -> Cents {
        let amounts = moved.iter().filter(|m| month.has(m.date)).map(|m| m.amount);
        amounts.filter(sign).sum()
    };
    let brought_forward = moves(|a| a.is_positive());
    let paid_out = -moves(|a| a.is_negative());
    Ok(Statement {
        key,
        practitioner: rule.name.clone(),
        standing: rule.standing,
        month,
        currency,
        sums,
        fee,
        gst,
        payable: (agent || !rule.fee.is_empty()).then_some(payable),
        held: agent.then_some(HeldBalance {
            opening,
            brought_forward,
            paid_out,
            closing: opening + payable + brought_forward - paid_out,
        }),
        owed: owed(rows),
        details: now.iter().map(|r| r.detail(fee::counts(&rule.fee, r))).collect(),
        fees,
    })
}
