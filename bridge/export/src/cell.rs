//! Values as exports hold them: typed, so that every format can say what they are.

use crate::column::Unreadable;
use bridge_core::{Time, deny};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use std::borrow::Cow;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// True or false.
    Flag,
    /// A whole number.
    Whole,
    /// A calendar day.
    Day,
    /// A moment.
    Moment,
    /// A decimal number of at most four places: amounts, quantities.
    Amount,
    /// Whole cents in the record; an amount in exports.
    Cents,
}

impl Shape {
    /// As the page of columns calls it.
    pub fn word(self) -> &'static str {
        match self {
            Shape::Text => "text",
            Shape::Flag => "true/false",
            Shape::Whole => "whole number",
            Shape::Day => "day",
            Shape::Moment => "moment",
            Shape::Amount | Shape::Cents => "decimal",
        }
    }
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Text, never the empty one.
    Text(String),
    /// True or false.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// A calendar day.
    Day(Date),
    /// A moment, microseconds since 1970 UTC.
    Moment(Time),
    /// A decimal number of at most four places.
    Amount(Decimal),
}

/// Decimal places that amounts keep in typed formats.
pub const PLACES: u32 = 4;
/// Above this an amount fits no typed column (18 digits).
const LARGEST: i64 = 99_999_999_999_999;

impl Cell {
    /// Text; the empty one is nothing.
    pub fn text(text: impl Into<String>) -> Cell {
        let text = text.into();
        if text.is_empty() { Cell::Empty } else { Cell::Text(text) }
    }

    /// The same, but for a text or number that holds a healthcare identifier: those go nowhere.
    pub fn without_denied(self) -> Cell {
        let denied = match &self {
            Cell::Text(text) => deny::holds_identifier(text),
            Cell::Whole(number) => deny::holds_identifier(&number.to_string()),
            _ => false,
        };
        match self {
            Cell::Text(_) if denied => Cell::text(deny::REMOVED),
            _ if denied => Cell::Empty,
            cell => cell,
        }
    }

    /// A JSON value as a column of that shape holds it.
    ///
    /// # Errors
    /// [`Unreadable`] if it is something else.
    pub fn read(shape: Shape, value: &Json) -> Result<Cell, Unreadable> {
        if value.is_null() || value.as_str() == Some("") {
            return Ok(Cell::Empty);
        }
        match shape {
            Shape::Text => Ok(match value {
                Json::String(text) => Cell::text(text),
                other => Cell::text(other.to_string()),
            }),
            Shape::Flag => value.as_bool().map(Cell::Flag).ok_or(Unreadable),
            Shape::Whole => value.as_i64().map(Cell::Whole).ok_or(Unreadable),
            // Some days come with a time of day, on the practice's clock.
            Shape::Day => {
                let day = value.as_str().and_then(|text| text.get(..10)?.parse().ok());
                day.map(Cell::Day).ok_or(Unreadable)
            }
            Shape::Moment => match value {
                Json::Number(micros) => micros.as_i64().map(Cell::Moment).ok_or(Unreadable),
                other => {
                    let at = other.as_str().and_then(|text| text.parse::<Timestamp>().ok());
                    at.map(|at| Cell::Moment(at.as_microsecond())).ok_or(Unreadable)
                }
            },
            Shape::Amount => amount(value).map(Cell::Amount).ok_or(Unreadable),
            Shape::Cents => value
                .as_i64()
                .map(|cents| Cell::Amount(Decimal::new(cents, 2)))
                .ok_or(Unreadable),
        }
    }

    /// As text: days and moments as in ISO 8601, amounts with at least two places.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Cell::Empty => Cow::Borrowed(""),
            Cell::Text(text) => Cow::Borrowed(text),
            Cell::Flag(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
            Cell::Whole(number) => Cow::Owned(number.to_string()),
            Cell::Day(day) => Cow::Owned(day.to_string()),
            Cell::Moment(at) => Cow::Owned(
                Timestamp::from_microsecond(*at)
                    .unwrap_or(Timestamp::UNIX_EPOCH)
                    .to_string(),
            ),
            Cell::Amount(amount) => Cow::Owned(amount_text(amount)),
        }
    }
}

/// `12.30`, `0.125`: as many places as it has, two at least.
fn amount_text(amount: &Decimal) -> String {
    let amount = amount.normalize();
    if amount.scale() < 2 {
        format!("{amount:.2}")
    } else {
        amount.to_string()
    }
}

/// Exactly the digits of the number or text; none if there are too many.
fn amount(value: &Json) -> Option<Decimal> {
    let text = match value {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone(),
        _ => return None,
    };
    let read = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text));
    let amount = read.ok()?.normalize();
    (amount.scale() <= PLACES && amount.abs() <= Decimal::from(LARGEST)).then_some(amount)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_read_as_their_column_says_or_refused() {
        let read = |shape, value: Json| Cell::read(shape, &value).map(|cell| cell.to_text().into_owned());
        let text = |text: &str| Ok(text.to_string());
        assert_eq!(read(Shape::Amount, json!(180)), text("180.00"));
        assert_eq!(read(Shape::Amount, json!(-12.3)), text("-12.30"));
        assert_eq!(read(Shape::Amount, json!("0.1250")), text("0.125"));
        assert_eq!(read(Shape::Amount, json!(1e-3)), text("0.001"));
        assert_eq!(read(Shape::Amount, json!(0.00001)), Err(Unreadable));
        assert_eq!(read(Shape::Amount, json!(1e18)), Err(Unreadable));
        assert_eq!(read(Shape::Cents, json!(-5)), text("-0.05"));
        assert_eq!(read(Shape::Cents, json!(18000)), text("180.00"));
        assert_eq!(read(Shape::Cents, json!(1.5)), Err(Unreadable));
        assert_eq!(
            read(Shape::Moment, json!("2026-03-04T09:00:00+10:00")),
            text("2026-03-03T23:00:00Z")
        );
        assert_eq!(read(Shape::Moment, json!("2026-03-04T09:00:00")), Err(Unreadable));
        assert_eq!(read(Shape::Day, json!("2026-03-04T09:00:00+10:00")), text("2026-03-04"));
        assert_eq!(read(Shape::Day, json!("2026-02-30")), Err(Unreadable));
        assert_eq!(read(Shape::Day, json!("")), text(""));
        assert_eq!(read(Shape::Flag, json!(null)), text(""));
        assert_eq!(read(Shape::Flag, json!("yes")), Err(Unreadable));
        assert_eq!(read(Shape::Text, json!(["a"])), text("[\"a\"]"));
    }
}
