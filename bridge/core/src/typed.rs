//! Values that a person types, in canonical spelling.

use crate::codec::{Codec, Country, canonical_address};
use crate::mapping::EntityFile;
use crate::path::Leaf;
use crate::schema::UnitType;
use crate::value::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// The value of a unit as typed: text; for names and addresses `part=value; part=value`; for sets
/// elements separated by commas. Blank text means empty.
///
/// # Errors
/// What is wrong with the text and how to write it. The text itself is not repeated.
pub fn value(entity: &EntityFile, country: Country, unit: &str, text: &str) -> Result<Value, String> {
    let spec = entity
        .unit(unit)
        .ok_or_else(|| format!("there is no unit `{unit}` in {}", entity.file))?;
    if text.trim().is_empty() {
        return Ok(Value::Empty);
    }
    let codec = Codec::plain(spec.unit.kind, country);
    let one = |text: &str| {
        codec
            .read(Leaf::One(&json!(text.trim())))
            .map_err(|_| format!("that is no value of `{unit}`; {}", example(spec.unit.kind)))
    };
    if spec.unit.set {
        let elements: Result<Vec<Value>, String> = text.split(',').filter(|e| !e.trim().is_empty()).map(one).collect();
        return Ok(Value::set(elements?.iter().map(Value::to_line)));
    }
    match spec.unit.kind {
        UnitType::Name => parts(text, &["given", "family"]).map(Value::group),
        UnitType::Address => {
            let mut parts = parts(text, &["line", "city", "state", "postcode", "country"])?;
            canonical_address(&mut parts, country);
            Ok(Value::group(parts))
        }
        UnitType::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "yes" | "true" => Ok(Value::Flag(true)),
            "no" | "false" => Ok(Value::Flag(false)),
            _ => Err(format!("`{unit}` is yes or no")),
        },
        UnitType::Code if !spec.codes.is_empty() && !spec.codes.iter().any(|c| c == text.trim()) => {
            Err(format!("`{unit}` is one of {}", spec.codes.join(", ")))
        }
        _ => one(text),
    }
}

fn example(kind: UnitType) -> &'static str {
    match kind {
        UnitType::Date => "write it like 1980-12-31",
        UnitType::Month => "write it like 2026-11",
        UnitType::Phone => "write it like 0491 570 006 or +61491570006",
        _ => "write plain text",
    }
}

fn parts(text: &str, known: &[&str]) -> Result<BTreeMap<String, String>, String> {
    let mut parts = BTreeMap::new();
    for pair in text.split(';').filter(|p| !p.trim().is_empty()) {
        let found = pair
            .split_once('=')
            .map(|(part, value)| (part.trim(), value))
            .filter(|(part, _)| known.contains(part));
        let Some((part, value)) = found else {
            let shape: Vec<String> = known.iter().map(|part| format!("{part}=..")).collect();
            return Err(format!("write it in parts: \"{}\"", shape.join("; ")));
        };
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if !value.is_empty() {
            parts.insert(part.to_string(), value);
        }
    }
    Ok(parts)
}
