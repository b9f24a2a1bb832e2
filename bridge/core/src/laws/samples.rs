//! Records and values made up for the laws: plausible ones, odd spellings of them, near misses of
//! every list element a path asks for, and things that are no value at all.

use super::dice::Dice;
use crate::codec::{Codec, canonical_address};
use crate::mapping::{Entry, Mapping, Places};
use crate::path::Path;
use crate::value::Value;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const TEXTS: &[&str] = &[
    "Mimi",
    "Anna Maria",
    "O'Neill",
    "Nguyễn",
    "van der Berg",
    "x",
    "7",
    "Zoë-Lou",
    "St. John",
    "true",
];
const LINES: &[&str] = &[
    "1 Test Street",
    "Unit 2, 1 Test Street",
    "PO Box 7",
    "Level 3, Tower B, 9 Rose Lane",
];
const STATES: &[&str] = &["VIC", "Victoria", "nsw", "N.S.W.", "South Australia", "California"];
const COUNTRIES: &[&str] = &["Australia", "AU", "USA", "New Zealand", "Eire", "Utopia"];
const DATES: &[&str] = &["1988-04-17", "2000-02-29", "1969-12-31", "1902-01-01", "2026-11-22"];
const PHONES: &[&str] = &[
    "+61491570006",
    "+61390002222",
    "+6421555123",
    "+447700900123",
    "+12025550123",
    "ext 12",
    "0390002222 or ask Rose",
];
const RAW_PHONES: &[&str] = &[
    "0491 570 006",
    "(03) 9000 2222",
    "+61 (0)491 570 006",
    "0011 44 7700 900123",
    "90002222",
];
const EMAILS: &[&str] = &["mimi@example.org", "a+b@example.com", "none", "Not An Address"];
const RAW_EMAILS: &[&str] = &[" Mimi@Example.ORG ", "mimi@example.org"];

/// A canonical value for the unit; sometimes nothing.
pub(super) fn sample_value(entry: &Entry, dice: &mut Dice) -> Value {
    if dice.once_in(6) {
        return Value::Empty;
    }
    match &entry.places {
        Places::One(_, Codec::Flag(_)) => Value::Flag(dice.once_in(2)),
        Places::One(_, codec) => Value::text(sample_text(codec, dice)),
        Places::Set(_, codec, _) => {
            let count = dice.below(4);
            Value::set((0..count).map(|_| sample_text(codec, dice)).collect::<Vec<_>>())
        }
        Places::Parts(parts) => {
            let mut group = BTreeMap::new();
            for (part, _, codec) in parts {
                if dice.once_in(4) {
                    continue;
                }
                let text = match *part {
                    "line" => sample_text(codec, dice),
                    "state" => dice.pick(STATES).to_string(),
                    "country" => dice.pick(COUNTRIES).to_string(),
                    "postcode" => "3000".to_string(),
                    _ => dice.pick(TEXTS).to_string(),
                };
                group.insert(part.to_string(), text);
            }
            canonical_address(&mut group, entry.country);
            Value::group(group)
        }
    }
}

/// Canonical text of the codec's type.
fn sample_text(codec: &Codec, dice: &mut Dice) -> String {
    let text = match codec {
        Codec::Text { number: true } => dice.below(100_000).to_string(),
        Codec::Text { .. } => dice.pick(TEXTS).to_string(),
        Codec::Lines => dice.pick(LINES).to_string(),
        Codec::Date(_) => dice.pick(DATES).to_string(),
        Codec::Month => dice.pick(DATES)[..7].to_string(),
        Codec::Phone { .. } => dice.pick(PHONES).to_string(),
        Codec::Email => dice.pick(EMAILS).to_string(),
        Codec::Flag(_) => "true".to_string(),
        Codec::Code(codes) => match codes.canonical() {
            known if known.is_empty() || dice.once_in(5) => "custom code".to_string(),
            known => dice.pick(&known).to_string(),
        },
        Codec::Reference { .. } => format!("PG-{}", dice.below(1000)),
    };
    // Two plans may spell one number in two ways; the practice's own country decides.
    match codec {
        Codec::Code(_) => text,
        codec => codec.canonical(text.clone().into()).map_or(text, |t| t.into_owned()),
    }
}

/// What a product may hold in such a place, spelt by people and other programs.
fn sample_raw(codec: &Codec, dice: &mut Dice) -> Json {
    if dice.once_in(8) {
        return dice
            .pick(&[
                Json::Null,
                json!(""),
                json!("  "),
                json!(42),
                json!({"odd": 1}),
                json!(["a", "b"]),
            ])
            .clone();
    }
    match codec {
        Codec::Text { .. } | Codec::Lines => {
            json!(format!(" {}  {}", dice.pick(TEXTS), dice.pick(LINES)))
        }
        Codec::Date(_) | Codec::Month => dice
            .pick(&[
                json!("1988-04-17T00:00:00+10:00"),
                json!("1988-02-31"),
                json!("17/04/1988"),
                json!("577238400000"),
            ])
            .clone(),
        Codec::Phone { .. } => json!(dice.pick(RAW_PHONES)),
        Codec::Email => json!(dice.pick(RAW_EMAILS)),
        Codec::Flag(_) => dice
            .pick(&[json!("Yes"), json!(0), json!("TRUE"), json!("perhaps")])
            .clone(),
        Codec::Code(codes) => match codes.spellings() {
            spellings if spellings.is_empty() => json!("Custom"),
            spellings => dice.pick(&spellings).clone(),
        },
        Codec::Reference { .. } => json!("https://api.example.org/main/Organization/PG-7"),
    }
}

/// A record as the product might hold it.
pub(super) fn sample_body(mapping: &Mapping, dice: &mut Dice) -> Json {
    let mut body = json!({"unmapped": {"kept": true}});
    for entry in mapping.entries() {
        match dice.below(4) {
            0 => {}
            1 => {
                for (path, codec) in entry.places() {
                    put_raw(&mut body, path, codec, dice);
                }
            }
            _ => {
                // A sample the mapping cannot spell leaves the place empty, which is a sample too.
                let value = sample_value(entry, dice);
                let _ = entry.put(&mut body, &value);
            }
        }
        for (path, codec) in entry.places() {
            if dice.once_in(3) {
                let leaf = if path.is_list() {
                    json!(["decoy"])
                } else {
                    sample_raw(codec, dice)
                };
                path.add_near_miss(&mut body, leaf, &mut |bound| dice.below(bound));
            }
        }
    }
    body
}

fn put_raw(body: &mut Json, path: &Path, codec: &Codec, dice: &mut Dice) {
    let mut raw = sample_raw(codec, dice);
    if path.is_list() && !dice.once_in(8) {
        raw = json!([raw, sample_raw(codec, dice)]);
    }
    // Where an earlier sample made a text of what should be a list, that stays: it is read as unreadable.
    let _ = path.set(body, raw);
}
