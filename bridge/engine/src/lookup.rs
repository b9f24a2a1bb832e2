//! What records are found by without opening them: keyed hashes of mailbox, phone numbers, name
//! with birth date, and number; and the parts of names, for the search of people.

use bridge_core::{Link, Value};
use bridge_store::LookupKey;

/// Keys of one record, spelt as [`query`] spells them.
pub fn keys(link: &Link) -> Vec<LookupKey> {
    let text = |unit: &str| link.units.get(unit).and_then(|x| x.seen()).and_then(Value::as_text);
    let mut keys = vec![];
    for unit in ["email", "mobile", "phone", "halaxy_number"] {
        let seen = link.units.get(unit).and_then(|x| x.seen());
        keys.extend(seen.and_then(|value| of_unit(unit, value)));
    }
    if let (names, Some(born)) = (names(link), text("birth_date"))
        && !names.is_empty()
    {
        keys.push(LookupKey::new(
            "name_birth",
            format!("{}|{born}", names.join(" ").to_lowercase()),
        ));
    }
    keys
}

/// The key by which records with that value of a unit are found, if there is one.
pub fn of_unit(unit: &str, value: &Value) -> Option<LookupKey> {
    let name = match unit {
        "email" => "email",
        "mobile" | "phone" => "phone",
        "halaxy_number" => "number",
        _ => return None,
    };
    value.as_text().map(|text| LookupKey::new(name, text))
}

/// The words of a record's names.
pub fn names(link: &Link) -> Vec<String> {
    let name = link.units.get("official_name").and_then(|x| x.seen());
    let parts = ["given", "family"].into_iter().filter_map(|part| name?.part(part));
    parts
        .flat_map(|part| part.split_whitespace().map(str::to_string))
        .collect()
}

/// The keys that a text typed by a person may stand for: a mailbox, a phone number in E.164, or a
/// number of the home system.
pub fn query(text: &str) -> Vec<LookupKey> {
    let text = text.trim();
    vec![
        LookupKey::new("email", text.to_lowercase()),
        LookupKey::new("phone", text),
        LookupKey::new("number", text),
    ]
}
