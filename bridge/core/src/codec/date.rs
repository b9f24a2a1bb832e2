//! Calendar dates and months.

use super::{Unreadable, Unspellable};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::borrow::Cow;

/// How a product spells dates. ISO dates and date-times are read under every spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateSpelling {
    /// `2026-03-04`.
    Iso,
    /// `04/03/2026`.
    DayMonthYear,
    /// `03/04/2026`.
    MonthDayYear,
    /// Milliseconds since 1970 at midnight UTC, as text.
    EpochMs,
}

impl DateSpelling {
    pub(super) fn named(word: &str) -> Option<DateSpelling> {
        Some(match word {
            "iso" => DateSpelling::Iso,
            "dd/mm/yyyy" => DateSpelling::DayMonthYear,
            "mm/dd/yyyy" => DateSpelling::MonthDayYear,
            "epoch_ms" => DateSpelling::EpochMs,
            _ => return None,
        })
    }

    /// The ISO date. Impossible dates and partial ones are unreadable: neither is known to be blank.
    pub(super) fn read<'a>(self, raw: Cow<'a, str>) -> Result<Cow<'a, str>, Unreadable> {
        if iso_prefix(&raw) {
            return Ok(shorten(raw, 10));
        }
        let date = match self {
            DateSpelling::Iso => return Err(Unreadable),
            DateSpelling::EpochMs => {
                let ms: i64 = raw.parse().map_err(|_| Unreadable)?;
                let time = Timestamp::from_millisecond(ms).map_err(|_| Unreadable)?;
                time.to_zoned(TimeZone::UTC).date()
            }
            DateSpelling::DayMonthYear | DateSpelling::MonthDayYear => {
                let numbers: Vec<i16> = raw
                    .split(['/', '.', '-'])
                    .map(|n| {
                        if n.bytes().all(|b| b.is_ascii_digit()) {
                            n.parse().map_err(|_| Unreadable)
                        } else {
                            Err(Unreadable)
                        }
                    })
                    .collect::<Result<_, _>>()?;
                let [first, second, year] = numbers[..] else {
                    return Err(Unreadable);
                };
                if year < 1000 {
                    return Err(Unreadable);
                }
                let (day, month) = if self == DateSpelling::DayMonthYear {
                    (first, second)
                } else {
                    (second, first)
                };
                let small = |n: i16| i8::try_from(n).map_err(|_| Unreadable);
                Date::new(year, small(month)?, small(day)?).map_err(|_| Unreadable)?
            }
        };
        Ok(Cow::Owned(date.to_string()))
    }

    /// An ISO date as the product spells it.
    pub(super) fn write(self, iso: &str) -> Result<String, Unspellable> {
        let date: Date = if iso_prefix(iso) {
            iso.parse().map_err(|_| Unspellable)?
        } else {
            return Err(Unspellable);
        };
        let (year, month, day) = (date.year(), date.month(), date.day());
        Ok(match self {
            DateSpelling::Iso => iso.to_string(),
            DateSpelling::DayMonthYear => format!("{day:02}/{month:02}/{year:04}"),
            DateSpelling::MonthDayYear => format!("{month:02}/{day:02}/{year:04}"),
            DateSpelling::EpochMs => {
                let midnight = date.to_zoned(TimeZone::UTC).map_err(|_| Unspellable)?;
                midnight.timestamp().as_millisecond().to_string()
            }
        })
    }
}

/// The month of an ISO month, date or date-time.
pub(super) fn month(raw: Cow<'_, str>) -> Result<Cow<'_, str>, Unreadable> {
    let full = match raw.len() {
        7 => iso_prefix(&format!("{raw}-01")),
        _ => iso_prefix(&raw),
    };
    if full { Ok(shorten(raw, 7)) } else { Err(Unreadable) }
}

fn shorten(raw: Cow<'_, str>, length: usize) -> Cow<'_, str> {
    match raw {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..length]),
        Cow::Owned(mut text) => {
            text.truncate(length);
            Cow::Owned(text)
        }
    }
}

/// Whether the text is a possible ISO date, alone or with a time behind it. A date-time's date is
/// the one its own offset gives.
fn iso_prefix(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    if bytes.len() > 10 && !(matches!(bytes[10], b'T' | b't' | b' ') && bytes.get(11).is_some_and(u8::is_ascii_digit)) {
        return false;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes[range].iter().try_fold(0i16, |sum, b| {
            b.is_ascii_digit().then(|| sum * 10 + i16::from(b - b'0'))
        })
    };
    match (number(0..4), number(5..7), number(8..10)) {
        (Some(year), Some(month), Some(day)) => year > 0 && Date::new(year, month as i8, day as i8).is_ok(),
        _ => false,
    }
}
