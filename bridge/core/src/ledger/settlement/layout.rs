//! How a provider's statement is read: columns, dates and words as data, with four layouts shipped.

use super::RowKind;
use crate::ledger::rules::Rules;
use jiff::civil::date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What a column of a statement holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// Reference of the whole payment (pay run, payout).
    Settlement,
    /// When the whole was paid.
    PaidOn,
    /// Reference of the row.
    Reference,
    /// When the row happened.
    Date,
    /// Before fees.
    Gross,
    /// Fee.
    Fee,
    /// Tax on the fee.
    FeeTax,
    /// What the payer paid on top for paying by card, with its tax.
    Surcharge,
    /// After fees.
    Net,
    /// What kind of row, by a word.
    Kind,
}

impl Column {
    /// As `[settlement.columns]` spells it.
    pub fn word(self) -> &'static str {
        match self {
            Column::Settlement => "settlement",
            Column::PaidOn => "paid_on",
            Column::Reference => "reference",
            Column::Date => "date",
            Column::Gross => "gross",
            Column::Fee => "fee",
            Column::FeeTax => "fee_tax",
            Column::Surcharge => "surcharge",
            Column::Net => "net",
            Column::Kind => "kind",
        }
    }
}

/// One provider whose statements are imported. What is not given is as in the shipped layout of the same name, or of
/// the one named in `like` (`hicaps`, `tyro`, `medicare`, `card`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementRule {
    /// Its name, in lists and keys of journals: letters, digits and dashes.
    pub name: String,
    /// The shipped layout to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// Halaxy's payment methods that it settles, whatever their case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub method: Vec<String>,
    /// How dates are written, by `strftime` patterns tried in order; ISO dates are always read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub date: Vec<String>,
    /// Names of columns, the best first, whatever their case, blanks and punctuation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<Column, Vec<String>>,
    /// Words of the `kind` column, whatever their case; rows of other words are payments, or refunds if below zero.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<RowKind, Vec<String>>,
    /// A payment appears on the statement within so many days. 5 if no layout says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_days: Option<u16>,
    /// Whether the fee column includes the tax on the fee. Yes if no layout says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_includes_tax: Option<bool>,
    /// Whether the gross column includes the surcharge. Where this is not said, the net column tells; else yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross_includes_surcharge: Option<bool>,
    /// Account of surcharges, by code: income.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surcharge_account: Option<String>,
    /// Tax rate of surcharges, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surcharge_tax: Option<String>,
    /// Tax within surcharges, per cent. Nothing if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surcharge_tax_percent: Option<Decimal>,
    /// Tax on fees, per cent, where no column states it. Nothing if no layout says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_tax_percent: Option<Decimal>,
    /// For statements that show only what reached the bank: a sum that falls short of a day's payments by at most so
    /// many per cent is theirs, and the difference is the fee. Off if no layout says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_at_most_percent: Option<Decimal>,
    /// The bank account the money arrives in, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
    /// Account of the provider's fees, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_account: Option<String>,
    /// Tax rate of the fees, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_tax: Option<String>,
}

#[derive(Deserialize)]
struct Shipped {
    settlement: Vec<SettlementRule>,
}

// Read by the tests of this crate: it is well-formed.
static SHIPPED: LazyLock<Vec<SettlementRule>> = LazyLock::new(|| {
    toml::from_str::<Shipped>(include_str!("layouts.toml")).map_or_else(|_| Vec::new(), |s| s.settlement)
});

impl SettlementRule {
    fn filled(&self) -> SettlementRule {
        let base = self.like.as_ref().unwrap_or(&self.name);
        let Some(base) = SHIPPED.iter().find(|s| s.name == *base) else {
            return self.clone();
        };
        let mut all = self.clone();
        if all.method.is_empty() {
            all.method.clone_from(&base.method);
        }
        if all.date.is_empty() {
            all.date.clone_from(&base.date);
        }
        for (column, names) in &base.columns {
            all.columns.entry(*column).or_insert_with(|| names.clone());
        }
        for (kind, words) in &base.words {
            all.words.entry(*kind).or_insert_with(|| words.clone());
        }
        all.window_days = all.window_days.or(base.window_days);
        all
    }

    /// Whether it settles payments of that method.
    pub fn settles(&self, method: &str) -> bool {
        self.method.iter().any(|m| m.eq_ignore_ascii_case(method.trim()))
    }

    /// Days from a payment to its row, at most.
    pub fn window(&self) -> i64 {
        i64::from(self.window_days.unwrap_or(5))
    }

    fn slip(&self) -> Option<(String, &'static str)> {
        let name = &self.name;
        if name.is_empty() || name.len() > 20 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Some((
                format!("settlement name `{name}` is not 1 to 20 letters, digits and dashes"),
                "Write for example name = \"hicaps\".",
            ));
        }
        if self
            .like
            .as_ref()
            .is_some_and(|l| !SHIPPED.iter().any(|s| s.name == *l))
        {
            return Some((
                format!("settlement `{name}` is like no layout that is shipped"),
                "Shipped are hicaps, tyro, medicare and card; or leave `like` out and give all columns.",
            ));
        }
        let all = self.filled();
        let lacks = |c: Column| all.columns.get(&c).is_none_or(Vec::is_empty);
        if lacks(Column::Date) || (lacks(Column::Gross) && lacks(Column::Net)) {
            return Some((
                format!("settlement `{name}` names no columns for `date` and for `gross` or `net`"),
                "Give them under [settlement.columns], or say which shipped layout it is `like`.",
            ));
        }
        if all.method.is_empty() {
            return Some((
                format!("settlement `{name}` settles no `method`"),
                "Name the payment methods as Halaxy writes them.",
            ));
        }
        let day = date(2026, 10, 31).at(13, 30, 0, 0);
        let odd = |pattern: &&String| {
            let text = jiff::fmt::strtime::format(pattern.as_str(), day);
            text.is_ok_and(|t| super::read::by_pattern(pattern, &t) == Some(day.date()))
        };
        if let Some(pattern) = all.date.iter().find(|p| !odd(p)) {
            return Some((
                format!("settlement `{name}`: `{pattern}` is no date pattern"),
                "Day, month and year as %d/%m/%Y or %d-%b-%Y, with %H:%M for a time.",
            ));
        }
        let percent = |p: Decimal| p >= Decimal::ZERO && p < Decimal::ONE_HUNDRED;
        if ![all.fee_tax_percent, all.fee_at_most_percent, all.surcharge_tax_percent]
            .into_iter()
            .flatten()
            .all(percent)
        {
            return Some((
                format!("settlement `{name}`: a percentage is not between 0 and 100"),
                "Write 10 for 10 per cent.",
            ));
        }
        None
    }

    /// What is wrong with some rules, each with the text to point at, and what to do.
    pub(in crate::ledger) fn slips(rules: &[SettlementRule]) -> Vec<(String, String, &'static str)> {
        let mut found = Vec::new();
        let mut names = BTreeSet::new();
        let mut methods = BTreeSet::new();
        for rule in rules {
            let at = || format!("\"{}\"", rule.name);
            found.extend(rule.slip().map(|(problem, remedy)| (at(), problem, remedy)));
            if !names.insert(&rule.name) {
                let problem = format!("settlement `{}` is there twice", rule.name);
                found.push((at(), problem, "Give each a name of its own."));
            }
            for method in rule.filled().method {
                if !methods.insert(method.to_lowercase()) {
                    let problem = format!("payment method `{method}` is settled by two [[settlement]]s");
                    found.push((
                        at(),
                        problem,
                        "Let one settle it: give the other a `method` list without it.",
                    ));
                }
            }
        }
        found
    }
}

impl Rules {
    /// Every layout statements can be read by: those of `ledger.toml`, then shipped ones it does not name, less the
    /// methods that are settled already.
    pub fn settlement_layouts(&self) -> Vec<SettlementRule> {
        let mut all: Vec<SettlementRule> = self.settlement.iter().map(|s| s.filled()).collect();
        for layout in SHIPPED.iter() {
            if all.iter().any(|s| s.name == layout.name) {
                continue;
            }
            let mut layout = layout.clone();
            layout.method.retain(|m| !all.iter().any(|s| s.settles(m)));
            all.push(layout);
        }
        all
    }

    /// The layout of that name.
    pub fn settlement_layout(&self, name: &str) -> Option<SettlementRule> {
        self.settlement_layouts()
            .into_iter()
            .find(|s| s.name.eq_ignore_ascii_case(name))
    }
}
