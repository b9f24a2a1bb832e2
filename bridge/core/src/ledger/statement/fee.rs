//! The service fee of a month, by rules that may change on any day.

use super::flow::{Happened, What};
use crate::ledger::money::{Cents, MoneyError};
use crate::ledger::month::Month;
use crate::ledger::rules::{FeeBasis, FeeRule};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Which bound decided a fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Raised to the least.
    AtLeast,
    /// Lowered to the most.
    AtMost,
}

/// The fee of the days on which the same terms applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeePart {
    /// The terms; `from` is the day the first of these rules started.
    pub rule: FeeRule,
    /// First and last day of each stretch.
    pub days: Vec<(Date, Date)>,
    /// How many days.
    pub count: i64,
    /// Days of the month.
    pub of: i64,
    /// What the percentage was taken of.
    pub basis: Cents,
    /// Which bound decided, if one did.
    pub bound: Option<Bound>,
    /// The fee without GST; negative if refunds outweigh.
    pub fee: Cents,
    /// GST on it.
    pub gst: Cents,
}

impl FeeRule {
    /// What is wrong with it, and what to do, if it can make no fee.
    pub fn slip(&self) -> Option<(&'static str, &'static str)> {
        let hundred = |p: Decimal| p >= Decimal::ZERO && p <= Decimal::ONE_HUNDRED;
        let amount = |a: Decimal| a >= Decimal::ZERO && a <= Decimal::from(10_000_000);
        let amounts = [Some(self.fixed), self.at_least, self.at_most];
        if !hundred(self.percent) || !hundred(self.gst_percent) {
            Some((
                "a percentage of a fee rule is not between 0 and 100",
                "Write 40 for 40 per cent.",
            ))
        } else if !amounts.into_iter().flatten().all(amount) {
            Some((
                "an amount of a fee rule is not between 0 and 10,000,000",
                "Write whole currency units a month, e.g. fixed = \"500.00\".",
            ))
        } else if matches!((self.at_least, self.at_most), (Some(least), Some(most)) if least > most) {
            Some((
                "`at_least` of a fee rule is above its `at_most`",
                "Exchange or drop one of them.",
            ))
        } else {
            None
        }
    }
}

/// The rule of a day.
fn rule_on(rules: &[FeeRule], day: Date) -> Option<&FeeRule> {
    rules.iter().rev().find(|r| r.from <= day)
}

fn same_terms(a: &FeeRule, b: &FeeRule) -> bool {
    FeeRule {
        from: a.from,
        ..b.clone()
    } == *a
}

/// Whether the fee is reckoned on it.
pub(super) fn counts(rules: &[FeeRule], row: &Happened) -> bool {
    rule_on(rules, row.date).is_some_and(|rule| {
        let basis = match rule.basis {
            FeeBasis::Received => matches!(row.what, What::Received | What::Refunded),
            FeeBasis::Billed => row.what == What::Billed,
        };
        let without = [&row.item, &row.charge]
            .into_iter()
            .flatten()
            .any(|i| rule.without.contains(i));
        basis && !without
    })
}

/// The parts of a month's fee; `rows` are the month's, and no day before `start` counts.
pub(super) fn of(rules: &[FeeRule], month: Month, start: Date, rows: &[&Happened]) -> Result<Vec<FeePart>, MoneyError> {
    let mut parts: Vec<FeePart> = Vec::new();
    let days = month.first().series(jiff::ToSpan::day(1)).take_while(|d| month.has(*d));
    for day in days.filter(|d| *d >= start) {
        let Some(rule) = rule_on(rules, day) else { continue };
        let at = match parts.iter().position(|p| same_terms(&p.rule, rule)) {
            Some(at) => at,
            None => {
                parts.push(FeePart {
                    rule: rule.clone(),
                    days: Vec::new(),
                    count: 0,
                    of: month.days(),
                    basis: Cents::ZERO,
                    bound: None,
                    fee: Cents::ZERO,
                    gst: Cents::ZERO,
                });
                parts.len() - 1
            }
        };
        let part = &mut parts[at];
        part.count += 1;
        match part.days.last_mut() {
            Some((_, last)) if last.tomorrow().ok() == Some(day) => *last = day,
            _ => part.days.push((day, day)),
        }
    }
    for row in rows.iter().filter(|r| counts(rules, r)) {
        let Some(rule) = rule_on(rules, row.date) else { continue };
        if let Some(part) = parts.iter_mut().find(|p| same_terms(&p.rule, rule)) {
            match row.what {
                What::Refunded => part.basis -= row.amount,
                _ => part.basis += row.amount,
            }
        }
    }
    for part in &mut parts {
        part.reckon().ok_or(MoneyError::Size)?;
    }
    Ok(parts)
}

impl FeePart {
    fn reckon(&mut self) -> Option<()> {
        let rule = &self.rule;
        let days = Decimal::from(self.count);
        let part = |a: Decimal| a.checked_mul(days)?.checked_div(Decimal::from(self.of));
        let percent = |a: Decimal, p: Decimal| a.checked_mul(p)?.checked_div(Decimal::ONE_HUNDRED);
        let mut fee = percent(self.basis.decimal(), rule.percent)?.checked_add(part(rule.fixed)?)?;
        if let Some(least) = rule.at_least.map(part) {
            let least = least?;
            if fee < least {
                (fee, self.bound) = (least, Some(Bound::AtLeast));
            }
        }
        if let Some(most) = rule.at_most.map(part) {
            let most = most?;
            if fee > most {
                (fee, self.bound) = (most, Some(Bound::AtMost));
            }
        }
        self.fee = Cents::rounded(fee).ok()?;
        self.gst = Cents::rounded(percent(self.fee.decimal(), rule.gst_percent)?).ok()?;
        Some(())
    }
}
