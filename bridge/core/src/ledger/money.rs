//! Amounts: whole cents of one currency. Unit prices and quantities are decimals; nothing is a float.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// An amount in hundredths of its document's currency (180.00 is `Cents(18000)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(pub i64);

/// A currency with two decimal places, by its ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Why something is no amount the ledger can hold. Names no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Finer than a cent.
    #[error("the amount has fractions of a cent")]
    Fraction,
    /// Beyond what is believed of a practice (10 billion), or more digits than JSON numbers carry exactly.
    #[error("the amount is too large or has too many digits to be read exactly")]
    Size,
    /// Not a number at all.
    #[error("the amount is not a number")]
    NotANumber,
    /// Not an ISO 4217 code of a currency with two decimal places.
    #[error("currency '{0}' is not one the ledger keeps (two decimal places, e.g. AUD, NZD, GBP)")]
    Currency(String),
}

/// Largest amount: 10 billion, so that sums of a million documents stay far from the end of 64 bits.
const LARGEST: i64 = 1_000_000_000_000;
/// A JSON number of so many significant digits is carried exactly, whatever reads it.
const EXACT_DIGITS: usize = 15;
const CODES: [&str; 12] = [
    "AUD", "NZD", "GBP", "EUR", "USD", "CAD", "SGD", "HKD", "ZAR", "CHF", "DKK", "SEK",
];

impl Cents {
    /// Nothing.
    pub const ZERO: Cents = Cents(0);

    /// An amount that must be whole cents.
    ///
    /// # Errors
    /// [`MoneyError::Fraction`] or [`MoneyError::Size`].
    pub fn exact(amount: Decimal) -> Result<Cents, MoneyError> {
        let rounded = amount.round_dp(2);
        if rounded != amount {
            return Err(MoneyError::Fraction);
        }
        Self::rounded(amount)
    }

    /// An amount rounded to cents, halves away from zero, as invoices are.
    ///
    /// # Errors
    /// [`MoneyError::Size`].
    pub fn rounded(amount: Decimal) -> Result<Cents, MoneyError> {
        let cents = amount
            .checked_mul(Decimal::ONE_HUNDRED)
            .ok_or(MoneyError::Size)?
            .round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        let cents = i64::try_from(cents).map_err(|_| MoneyError::Size)?;
        if cents.abs() > LARGEST {
            return Err(MoneyError::Size);
        }
        Ok(Cents(cents))
    }

    /// As a decimal of whole units (`180.00`).
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// Without its sign.
    pub fn abs(self) -> Cents {
        Cents(self.0.abs())
    }

    /// Whether nothing.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// More than nothing.
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Less than nothing.
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// A decimal as JSON shows it: a number, or text that is one. Numbers of more than 15 significant digits are
/// refused, since they may have lost some on the way.
///
/// # Errors
/// [`MoneyError::NotANumber`] or [`MoneyError::Size`].
pub fn json_decimal(value: &serde_json::Value) -> Result<Decimal, MoneyError> {
    let text = match value {
        serde_json::Value::Number(n) => n.to_string(),
        serde_json::Value::String(s) => s.trim().to_owned(),
        _ => return Err(MoneyError::NotANumber),
    };
    let parsed = if text.contains(['e', 'E']) {
        Decimal::from_scientific(&text)
    } else {
        text.parse()
    };
    let decimal = parsed.map_err(|_| MoneyError::NotANumber)?;
    let digits = decimal.normalize().mantissa().unsigned_abs().to_string().len();
    if value.is_number() && digits > EXACT_DIGITS {
        return Err(MoneyError::Size);
    }
    Ok(decimal)
}

/// A decimal as a JSON number (vendors refuse decimal strings: contract-check.md).
///
/// # Errors
/// [`MoneyError::Size`] if a JSON number would not carry it exactly.
pub fn decimal_json(value: Decimal) -> Result<serde_json::Number, MoneyError> {
    let value = value.normalize();
    if value.mantissa().unsigned_abs().to_string().len() > EXACT_DIGITS {
        return Err(MoneyError::Size);
    }
    if value.scale() == 0 {
        return i64::try_from(value)
            .map(serde_json::Number::from)
            .map_err(|_| MoneyError::Size);
    }
    // Up to 15 digits the nearest binary number prints as these very digits.
    let near: f64 = value.to_string().parse().map_err(|_| MoneyError::NotANumber)?;
    serde_json::Number::from_f64(near).ok_or(MoneyError::Size)
}

impl Currency {
    /// Australian dollars.
    pub const AUD: Currency = Currency(*b"AUD");

    /// By its code, whatever its case.
    ///
    /// # Errors
    /// [`MoneyError::Currency`].
    pub fn new(code: &str) -> Result<Currency, MoneyError> {
        let upper = code.trim().to_ascii_uppercase();
        match CODES.iter().find(|c| **c == upper) {
            Some(c) => {
                let b = c.as_bytes();
                Ok(Currency([b[0], b[1], b[2]]))
            }
            None => Err(MoneyError::Currency(code.chars().take(8).collect())),
        }
    }

    /// The ISO code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(code: String) -> Result<Self, MoneyError> {
        Currency::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let all = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", all / 100, all % 100))
    }
}

impl Add for Cents {
    type Output = Cents;
    fn add(self, other: Cents) -> Cents {
        Cents(self.0 + other.0)
    }
}

impl Sub for Cents {
    type Output = Cents;
    fn sub(self, other: Cents) -> Cents {
        Cents(self.0 - other.0)
    }
}

impl AddAssign for Cents {
    fn add_assign(&mut self, other: Cents) {
        self.0 += other.0;
    }
}

impl SubAssign for Cents {
    fn sub_assign(&mut self, other: Cents) {
        self.0 -= other.0;
    }
}

impl Neg for Cents {
    type Output = Cents;
    fn neg(self) -> Cents {
        Cents(-self.0)
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Cents>>(all: I) -> Cents {
        Cents(all.map(|c| c.0).sum())
    }
}
