//! A calendar month of the practice (`2026-10`).

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A month. Orders by time; written `2026-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(Date);

/// Not a month between 2000-01 and 2199-12, written with four and two digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a month: write it like 2026-10")]
pub struct NotAMonth;

impl Month {
    /// The month of a day.
    pub fn of(day: Date) -> Month {
        Month(day.first_of_month())
    }

    /// Its first day.
    pub fn first(self) -> Date {
        self.0
    }

    /// Its last day.
    pub fn last(self) -> Date {
        self.0.last_of_month()
    }

    /// How many days it has.
    pub fn days(self) -> i64 {
        i64::from(self.0.days_in_month())
    }

    /// The month after it.
    pub fn next(self) -> Month {
        Month(self.0.saturating_add(1.month()))
    }

    /// Whether the day is in it.
    pub fn has(self, day: Date) -> bool {
        Month::of(day) == self
    }
}

impl FromStr for Month {
    type Err = NotAMonth;
    fn from_str(text: &str) -> Result<Month, NotAMonth> {
        let (year, month) = text.split_once('-').ok_or(NotAMonth)?;
        let digits = |t: &str, n| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(NotAMonth);
        }
        let year: i16 = year.parse().map_err(|_| NotAMonth)?;
        let month: i8 = month.parse().map_err(|_| NotAMonth)?;
        if !(2000..2200).contains(&year) {
            return Err(NotAMonth);
        }
        Date::new(year, month, 1).map(Month).map_err(|_| NotAMonth)
    }
}

impl TryFrom<String> for Month {
    type Error = NotAMonth;
    fn try_from(text: String) -> Result<Month, NotAMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> String {
        month.to_string()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.0.year(), self.0.month()))
    }
}
