//! Money in cents, other quantities in decimals; no floats. JSON numbers are read from and written as their digits.

use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value};

/// An amount in hundredths of the organisation's currency.
pub(super) type Cents = i64;

/// Beyond this no quantity, price or amount is taken; products of two still fit.
const MOST: i64 = 99_999_999;

/// The most that one line may come to, in cents; sums of any number of lines still fit.
pub(super) const MOST_OF_A_LINE: Cents = 999_999_999_999;

/// A JSON number, or a string that holds one, exactly as written.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let read = Decimal::from_str(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .ok()?;
    (read.abs() <= Decimal::from(MOST)).then_some(read)
}

/// An amount that is whole cents.
pub(super) fn cents_of(value: &Value) -> Option<Cents> {
    let read = decimal(value)?.normalize();
    (read.scale() <= 2).then(|| round(read))
}

/// To whole cents, halves away from zero.
pub(super) fn round(value: Decimal) -> Cents {
    let mut cents = value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    cents.rescale(2);
    // Inputs are bounded so that no product leaves this range.
    i64::try_from(cents.mantissa()).unwrap_or(i64::MAX)
}

/// To so many places, halves away from zero.
pub(super) fn round_to(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// Cents as a decimal.
pub(super) fn as_decimal(cents: Cents) -> Decimal {
    Decimal::new(cents, 2)
}

/// Cents as a JSON number with its two places.
pub(super) fn number(cents: Cents) -> Value {
    exact(as_decimal(cents))
}

/// A decimal as a JSON number; exact for the fifteen digits that every reader keeps.
pub(super) fn exact(value: Decimal) -> Value {
    // A point makes it a fraction for every reader, as the product writes it.
    let text = match value.normalize().to_string() {
        text if text.contains('.') => text,
        text => format!("{text}.0"),
    };
    Number::from_str(&text).map_or(Value::Null, Value::Number)
}

/// The tax on one line, rounded to cents: on top of the amount, or held in it.
pub(super) fn tax_on(amount: Cents, percent: Decimal, inclusive: bool) -> Cents {
    let hundred = Decimal::ONE_HUNDRED;
    let whole = if inclusive { hundred + percent } else { hundred };
    round(as_decimal(amount) * percent / whole)
}

/// How much of each part belongs to the first `taken` of their sum, to the cent: the results sum to `taken`, grow with
/// it without ever being taken back, and are the parts themselves when all is taken.
pub(super) fn first_of(parts: &[Cents], taken: Cents) -> Vec<Cents> {
    let whole: Cents = parts.iter().sum();
    if whole == 0 {
        return vec![0; parts.len()];
    }
    let (mut sum, mut before) = (0, 0);
    parts
        .iter()
        .map(|part| {
            sum += part;
            let upto = as_decimal(sum) * as_decimal(taken) / as_decimal(whole);
            let upto = round(upto);
            let own = upto - before;
            before = upto;
            own
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn digits_survive_the_way_in_and_out() {
        for text in ["0.1", "0.07", "10.1", "1234567.89", "99999999.0", "-4.35", "33.3333"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(exact(decimal(&value).unwrap()).to_string(), text);
        }
        assert_eq!(cents_of(&json!(180.5)), Some(18_050));
        assert_eq!(cents_of(&json!("180.50")), Some(18_050));
        assert_eq!(cents_of(&json!(0.005)), None);
        assert_eq!(cents_of(&json!(1e30)), None);
        assert_eq!(cents_of(&json!(100_000_000)), None);
        assert_eq!(cents_of(&json!(null)), None);
    }

    #[test]
    fn tax_is_rounded_by_line_and_halves_go_away_from_zero() {
        let ten = Decimal::from(10);
        assert_eq!(tax_on(1_005, ten, false), 101);
        assert_eq!(tax_on(-1_005, ten, false), -101);
        assert_eq!(tax_on(11_000, ten, true), 1_000);
        assert_eq!(tax_on(1_000, ten, true), 91);
    }

    #[test]
    fn shares_sum_to_what_is_taken() {
        let parts = [3_333, 333, 6_667, 667];
        let whole: Cents = parts.iter().sum();
        for taken in 0..=whole {
            assert_eq!(first_of(&parts, taken).iter().sum::<Cents>(), taken);
        }
        assert_eq!(first_of(&parts, whole), parts);
    }
}
