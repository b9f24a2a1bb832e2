//! How a document is shown, with the oddities that the switches ask for, and how its references are kept.

use serde_json::{Map, Value, json};

use super::kinds::{INVOICE, Kind, LINE, PAYMENT};
use super::store::Document;
use crate::clock::practice_instant;
use crate::halaxy::switches::{HalaxySwitches, Precision};

/// The resource as the API shows it. `base` ends without a slash.
pub(super) fn shown(kind: &Kind, document: &Document, base: &str, switches: &HalaxySwitches) -> Value {
    let millis = switches.precision == Precision::Milli;
    let mut shown = Map::new();
    shown.insert("resourceType".into(), kind.name.into());
    shown.insert("id".into(), (*document.id).into());
    let stamp = practice_instant(document.last_updated, millis);
    shown.insert("meta".into(), json!({"lastUpdated": stamp}));
    if let Value::Object(body) = document.body() {
        shown.extend(body);
    }
    let odd = document.seq % 2 == 1;
    if kind.place == INVOICE.place {
        shown.insert("lineItem".into(), Value::Null);
        if switches.recipient_as_list
            && odd
            && let Some(recipient) = shown.get_mut("recipient")
        {
            *recipient = json!([recipient.take()]);
        }
    }
    if kind.place == LINE.place {
        shown.entry("status").or_insert(Value::Null);
        if switches.short_price_name
            && odd
            && let Some(prices) = shown.shift_remove("unitPriceComponent")
        {
            shown.insert("priceComponent".into(), prices);
        }
    }
    if kind.place == PAYMENT.place && switches.refunds_negative && odd && super::account::is_refund(&shown) {
        negate(&mut shown);
    }
    let mut shown = Value::Object(shown);
    absolute(&mut shown, base);
    shown
}

fn negate(payment: &mut Map<String, Value>) {
    for part in payment
        .get_mut("priceComponent")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let amount = &mut part["amount"]["value"];
        if let Some(number) = amount.as_number() {
            let text = format!("-{number}");
            *amount = serde_json::from_str(&text).unwrap_or(Value::Null);
        }
    }
}

fn absolute(value: &mut Value, base: &str) {
    each_reference(value, &mut |text| {
        if !text.contains("://") {
            *text = format!("{base}/{text}");
        }
    });
}

/// Makes references relative, whichever of the three accepted forms they came in.
pub(super) fn relative(value: &mut Value) {
    each_reference(value, &mut |text| {
        if let Some(position) = cut(text) {
            *text = text[position + 1..].to_owned();
        }
    });
}

/// Where the relative part of a reference begins, if there is more before it.
fn cut(text: &str) -> Option<usize> {
    text.rmatch_indices('/').nth(1).map(|(at, _)| at)
}

/// Whether all references are relative already.
pub(super) fn is_relative(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().all(|(name, member)| match member {
            Value::String(text) => name != "reference" || cut(text).is_none(),
            other => is_relative(other),
        }),
        Value::Array(items) => items.iter().all(is_relative),
        _ => true,
    }
}

fn each_reference(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "reference" => change(text),
                    other => each_reference(other, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_reference(item, change)),
        _ => {}
    }
}
