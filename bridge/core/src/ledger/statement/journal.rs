//! The journal that takes the practice's fee out of what it holds for an agent.

use super::Statement;
use crate::ledger::document::{Document, DocumentLine};
use crate::ledger::money::Cents;
use crate::ledger::month::Month;
use crate::ledger::rules::{PractitionerRule, Rules, Standing, TrackingSource};
use deunicode::deunicode;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// Why a fee cannot be booked, for a bookkeeper.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalHold {
    /// No account for the liability.
    #[error("`{0}` has no `held_account`: name the liability account that holds this practitioner's fees")]
    NoHeldAccount(String),
    /// No account for the fee.
    #[error("`{0}` has no `fee_account`: name the income account of the practice's service fee")]
    NoFeeAccount(String),
    /// No tax rate for the fee.
    #[error("`{0}` has no `fee_tax`: name the tax rate of the service fee, also where its GST is nothing")]
    NoFeeTax(String),
    /// Fee rules of one month with different GST, and one tax rate for them.
    #[error(
        "`{0}` has fee rules with different `gst_percent` in {1}, and one `fee_tax`: let the new rule start on the \
         first of a month, or book this month's fee by hand"
    )]
    MixedGst(String, Month),
}

/// A key for each practitioner rule: of letters and digits of the name, and of an id where names fall together.
pub(super) fn keys(rules: &Rules, month: Month) -> Vec<String> {
    let mut used = BTreeSet::new();
    let all = rules.practitioner.iter();
    all.map(|p| {
        let first = key(&rules.prefix, month, &p.name);
        let plain = !short(&p.name).is_empty() && used.insert(first.clone());
        if plain {
            return first;
        }
        let id = p.practitioner.first().map_or("", String::as_str);
        let second = format!("{first}-{}", short(id));
        used.insert(second.clone());
        second
    })
    .collect()
}

pub(super) fn key(prefix: &str, month: Month, name: &str) -> String {
    format!("{prefix}S{month}-{}", short(name))
}

/// At most 18 letters and digits, so that prefix, month, name and id stay within a key's 64 characters.
fn short(name: &str) -> String {
    let plain = deunicode(name);
    plain.chars().filter(char::is_ascii_alphanumeric).take(18).collect()
}

/// The journal of an agent's statement: debit the liability with fee and GST, credit the fee. None if there is no fee,
/// and for principals.
///
/// # Errors
/// [`JournalHold`]: what the rules leave open.
pub fn journal(statement: &Statement, rules: &Rules) -> Result<Option<Document>, JournalHold> {
    let by_name = |p: &&PractitionerRule| p.name == statement.practitioner && p.standing == Standing::Agent;
    let Some(rule) = rules.practitioner.iter().find(by_name) else {
        return Ok(None);
    };
    let whole = statement.fee + statement.gst;
    if statement.fee.is_zero() && statement.gst.is_zero() {
        return Ok(None);
    }
    let name = || rule.name.clone();
    let held = rule
        .held_account
        .clone()
        .ok_or_else(|| JournalHold::NoHeldAccount(name()))?;
    let income = rule
        .fee_account
        .clone()
        .ok_or_else(|| JournalHold::NoFeeAccount(name()))?;
    let tax_code = rule.fee_tax.clone().ok_or_else(|| JournalHold::NoFeeTax(name()))?;
    let rates: BTreeSet<Decimal> = statement
        .fees
        .iter()
        .filter(|f| !f.fee.is_zero())
        .map(|f| f.rule.gst_percent.normalize())
        .collect();
    if rates.len() > 1 {
        return Err(JournalHold::MixedGst(name(), statement.month));
    }
    let mut tracking = BTreeMap::new();
    for (category, t) in &rules.tracking {
        let option = rule.practitioner.iter().find_map(|id| t.options.get(id));
        if let (TrackingSource::Practitioner, Some(option)) = (t.by, option) {
            tracking.insert(category.clone(), option.clone());
        }
    }
    let line = |text: String, net: Cents, tax: Cents, account: String, tax_code: String| DocumentLine {
        description: text,
        quantity: Decimal::ONE,
        unit: net.decimal().normalize(),
        net,
        tax,
        account,
        tax_code,
        tracking: tracking.clone(),
        rule: format!("practitioner {}", rule.name),
    };
    let month = statement.month;
    Ok(Some(Document::journal(
        statement.key.clone(),
        format!("Service fee {month}"),
        month.last(),
        statement.currency,
        vec![
            line(
                format!("Service fee {month} and GST on it"),
                whole,
                Cents::ZERO,
                held,
                rules.accounts.no_tax.clone(),
            ),
            line(
                format!("Service fee {month}"),
                -statement.fee,
                -statement.gst,
                income,
                tax_code,
            ),
        ],
    )))
}
