//! Reading members of what was sent. Absent and null are one; members nobody knows are passed over, as the product does.

use jiff::civil::Date;
use serde_json::Value;

use super::chart::CURRENCY;
use super::dates;

/// A member that is there.
pub(super) fn member<'a>(sent: &'a Value, name: &str) -> Option<&'a Value> {
    sent.get(name).filter(|value| !value.is_null())
}

/// A text that is not blank, trimmed.
pub(super) fn text(sent: &Value, name: &str) -> Option<String> {
    let text = member(sent, name)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A boolean.
pub(super) fn flag(sent: &Value, name: &str) -> Option<bool> {
    member(sent, name)?.as_bool()
}

/// A day; a message if there is something else.
pub(super) fn day(sent: &Value, name: &str, problems: &mut Vec<String>) -> Option<Date> {
    let value = member(sent, name)?;
    let read = dates::read_day(value);
    if read.is_none() {
        problems.push(format!("{name} is not a valid date"));
    }
    read
}

/// A text of at most so many characters.
pub(super) fn short(sent: &Value, name: &str, most: usize, problems: &mut Vec<String>) -> Option<String> {
    let text = text(sent, name)?;
    if text.chars().count() > most {
        problems.push(format!("{name} may hold at most {most} characters"));
    }
    Some(text)
}

/// Refuses another currency; the wording is the product's.
pub(super) fn currency(sent: &Value, problems: &mut Vec<String>) {
    if let Some(code) = text(sent, "CurrencyCode")
        && code != CURRENCY
    {
        problems.push(format!("Organisation is not subscribed to currency '{code}'"));
    }
}

/// The elements of a body: an array under `plural`, or one bare object.
pub(super) fn elements(body: &Value, plural: &str) -> Option<Vec<Value>> {
    let body = body.as_object()?;
    match body.get(plural) {
        Some(Value::Array(all)) => all.iter().all(Value::is_object).then(|| all.clone()),
        Some(one @ Value::Object(_)) => Some(vec![one.clone()]),
        Some(_) => None,
        None => Some(vec![Value::Object(body.clone())]),
    }
}
