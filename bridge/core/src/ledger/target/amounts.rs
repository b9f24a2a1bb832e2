//! What lines come to, and how amounts divide. Whatever a record says, nothing here panics: what is beyond all numbers is no
//! amount.

use crate::ledger::document::DocumentLine;
use crate::ledger::facts::{Line, PriceKind};
use crate::ledger::hold::Why;
use crate::ledger::money::Cents;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// What a unit of a line costs without tax; none if that is beyond all numbers.
pub(super) fn unit_price(line: &Line) -> Option<Decimal> {
    let parts = line.prices.iter().map(|p| match p.kind {
        PriceKind::Base | PriceKind::Surcharge => p.amount,
        PriceKind::Deduction | PriceKind::Discount => -p.amount.abs(),
        PriceKind::Tax | PriceKind::Informational => Decimal::ZERO,
    });
    Some(sum(parts)?.normalize())
}

fn sum(mut amounts: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    amounts.try_fold(Decimal::ZERO, Decimal::checked_add)
}

/// A line's net and tax: quantity times the unit's, each rounded to cents.
///
/// # Errors
/// [`Why::Amount`] if they do not fit.
pub fn amounts(line: &Line) -> Result<(Cents, Cents), Why> {
    let of = |unit: Decimal| {
        line.quantity
            .checked_mul(unit)
            .and_then(|d| Cents::rounded(d).ok())
            .ok_or(Why::Amount)
    };
    let taxes = line.prices.iter().filter(|p| p.kind == PriceKind::Tax);
    let tax = sum(taxes.map(|p| p.amount)).ok_or(Why::Amount)?;
    Ok((of(unit_price(line).ok_or(Why::Amount)?)?, of(tax)?))
}

/// Tax on a net amount at so many per cent, rounded per line as the books do (vendor-apis.md 7).
pub fn tax_at(net: Cents, percent: Decimal) -> Option<Cents> {
    let tax = net.decimal().checked_mul(percent)?.checked_div(Decimal::ONE_HUNDRED)?;
    Cents::rounded(tax).ok()
}

/// Divides an amount by weights so that the parts sum to it exactly: largest remainders first.
pub fn share(amount: Cents, weights: &[i64]) -> Vec<Cents> {
    let whole: i128 = weights.iter().map(|w| i128::from(*w)).sum();
    if whole == 0 {
        return vec![Cents::ZERO; weights.len()];
    }
    let exact: Vec<(i128, i128)> = weights
        .iter()
        .map(|w| {
            let product = i128::from(amount.0) * i128::from(*w);
            (product.div_euclid(whole), product.rem_euclid(whole))
        })
        .collect();
    let mut left = i128::from(amount.0) - exact.iter().map(|(q, _)| q).sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(exact[*i].1), *i));
    let mut parts: Vec<i128> = exact.iter().map(|(q, _)| *q).collect();
    for i in order {
        if left == 0 {
            break;
        }
        parts[i] += 1;
        left -= 1;
    }
    parts
        .into_iter()
        .map(|p| Cents(i64::try_from(p).unwrap_or(0)))
        .collect()
}

/// A line of one unit.
pub(in crate::ledger) fn plain_line(text: &str, net: Cents, account: &str, tax: &str, rule: &str) -> DocumentLine {
    DocumentLine {
        description: text.into(),
        quantity: Decimal::ONE,
        unit: net.decimal().normalize(),
        net,
        tax: Cents::ZERO,
        account: account.into(),
        tax_code: tax.into(),
        tracking: BTreeMap::new(),
        rule: rule.into(),
    }
}
