//! Lines whose tax the books reckon by themselves: an amount of net and tax as lines that a rate confirms.

use super::money::Cents;
use super::target::tax_at;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// What rounding explains whatever the amount, in cents.
const ROUNDING: i64 = 30;
/// Of larger amounts, so many hundredths: a rate taken for another misses by more.
const SHARE: i64 = 100;
/// Rates repeat within this many cents.
const PERIOD: i64 = 100;

/// Splits net and tax into pieces so that each piece's tax is what the rate says, within `off` cents. Sums of lines that
/// were rounded one by one differ from the rounded sum; pieces of some cents carry that difference, as many as it takes
/// (a piece carries half a cent at most). `None` if the difference is more than rounding explains: the tax is not of that
/// rate.
pub fn fit(net: Cents, tax: Cents, percent: Decimal, off: i64) -> Option<Vec<(Cents, Cents)>> {
    let by_rate = tax_at(net, percent)?;
    let apart = (by_rate - tax).abs().0;
    if apart <= off {
        return Some(vec![(net, tax)]);
    }
    if percent.is_zero() || apart > ROUNDING.max(net.abs().0 / SHARE) {
        return None;
    }
    // Work on the positive side; the rate rounds symmetrically.
    let sign = if net.is_negative() || (net.is_zero() && tax.is_negative()) {
        -1
    } else {
        1
    };
    let (net, tax) = (net.0 * sign, tax.0 * sign);
    let gain = |p: i64| -> Option<Decimal> {
        Some(tax_at(Cents(p), percent)?.decimal() - Cents(p).decimal() * percent / Decimal::ONE_HUNDRED)
    };
    let short = tax > tax_at(Cents(net), percent)?.0;
    let mut best = (1, gain(1)?);
    for p in 2..=PERIOD {
        let g = gain(p)?;
        if (short && g > best.1) || (!short && g < best.1) {
            best = (p, g);
        }
    }
    if best.1.is_zero() {
        return None;
    }
    let piece = best.0;
    let piece_tax = tax_at(Cents(piece), percent)?.0;
    let (mut rest_net, mut rest_tax) = (net, tax);
    let mut pieces = Vec::new();
    // The rest rounds as well: by less than a cent, which a few pieces more make up for.
    let needed = (Cents(apart).decimal() / best.1.abs()).ceil().to_usize()?;
    for _ in 0..needed + PERIOD as usize {
        rest_net -= piece;
        rest_tax -= piece_tax;
        pieces.push((Cents(piece * sign), Cents(piece_tax * sign)));
        if tax_at(Cents(rest_net), percent)?.0 == rest_tax {
            pieces.insert(0, (Cents(rest_net * sign), Cents(rest_tax * sign)));
            return Some(pieces);
        }
    }
    None
}
