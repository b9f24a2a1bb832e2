//! What may go nowhere: healthcare identifiers and fields of My Health Record, and, unless a purpose is named, Medicare
//! and DVA numbers. The Healthcare Identifiers Act 2010 and the My Health Records Act 2012 punish use of the former beyond
//! care; Australian Privacy Principle 9 (government related identifiers) binds the latter.
//!
//! Found by name (of a unit, a member or a naming system), and identifiers by their form as well.

use crate::value::Value;
use serde_json::Value as Json;

/// Why something may not be mapped, kept or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Never.
    Never,
    /// Only for a purpose that the configuration names.
    WithoutPurpose,
}

/// Words that name what is never allowed, and what needs a purpose.
const NEVER: [&str; 7] = [
    "ihi",
    "hpii",
    "hpio",
    "mhr",
    "pcehr",
    "myhealthrecord",
    "healthcareidentifier",
];
const WITH_PURPOSE: [&str; 4] = ["medicare", "dva", "veterans", "veteranaffairs"];
/// Digits that Individual Healthcare Identifiers begin with: 80, the country 036, and the sort of number.
const IHI: &str = "800360";

/// What a name (of a unit, a path, a member, a naming system) stands for.
pub fn by_name(name: &str) -> Option<Denied> {
    let words = words(name);
    let joined = |list: &[&str]| {
        words.iter().enumerate().any(|(at, word)| {
            let is = |known: &&str| *known == word.as_str();
            let phrase = words[at..].iter().take(3).fold(String::new(), |all, word| all + word);
            let begins = |known: &&str| known.len() > 10 && phrase.starts_with(*known);
            list.iter().any(|known| is(known) || begins(known))
        })
    };
    // Naming systems of the national identifiers: .../id/hi/ihi/1.0
    let system = words.windows(2).any(|pair| pair[0] == "id" && pair[1] == "hi");
    if system || joined(&NEVER) {
        Some(Denied::Never)
    } else if joined(&WITH_PURPOSE) {
        Some(Denied::WithoutPurpose)
    } else {
        None
    }
}

/// Lower-case words of a name, at punctuation and where capitals begin.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut low = false;
    for c in name.chars() {
        let new = !c.is_alphanumeric() || (c.is_uppercase() && low);
        if new && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        low = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a text holds an Individual Healthcare Identifier: sixteen digits of its issuer with a right check digit.
/// Files travel as texts too, so it is looked at in place.
pub fn holds_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_gap = |byte: &&u8| matches!(byte, b' ' | b'-');
    let begins = |at: usize| {
        let before = bytes[..at].iter().rev().find(|byte| !is_gap(byte));
        before.is_none_or(|byte| !byte.is_ascii_digit())
    };
    let eights = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'8');
    eights.map(|(at, _)| at).filter(|at| begins(*at)).any(|at| {
        let digits = bytes[at..].iter().filter(|byte| !is_gap(byte));
        let digits = digits.take_while(|byte| byte.is_ascii_digit()).take(17);
        let number: String = digits.map(|byte| char::from(*byte)).collect();
        number.len() == 16 && number.starts_with(IHI) && luhn(&number)
    })
}

/// The check digit of ISO/IEC 7812, which these numbers have.
fn luhn(number: &str) -> bool {
    let mut sum = 0;
    for (place, c) in number.chars().rev().enumerate() {
        let Some(digit) = c.to_digit(10) else { return false };
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum += doubled / 10 + doubled % 10;
    }
    sum % 10 == 0
}

/// Whether a value holds what may go nowhere, whatever its unit is called.
pub fn holds(value: &Value) -> bool {
    match value {
        Value::Text(text) => holds_identifier(text),
        Value::Group(parts) => parts.values().any(|part| holds_identifier(part)),
        Value::Set(elements) => elements.iter().any(|element| holds_identifier(element)),
        Value::Empty | Value::Flag(_) => false,
    }
}

/// Why a body that holds what may go nowhere is not sent.
pub const CODE: &str = "it holds a healthcare identifier, which is sent nowhere";

/// Whether a body on its way out holds what may go nowhere: by the name of a member or naming system, or by form.
pub fn holds_in(body: &Json) -> bool {
    let never = |name: &str| by_name(name) == Some(Denied::Never);
    match body {
        Json::Object(members) => {
            let named = |name: &str| members.get(name).and_then(Json::as_str).is_some_and(never);
            let says = |value: &Json| !matches!(value, Json::Null) && value != "";
            named("system")
                || named("url")
                || members
                    .iter()
                    .any(|(name, value)| says(value) && (never(name) || holds_in(value)))
        }
        Json::Array(items) => items.iter().any(holds_in),
        Json::String(text) => holds_identifier(text),
        Json::Number(number) => holds_identifier(&number.to_string()),
        Json::Null | Json::Bool(_) => false,
    }
}

/// What stands where a text held what may go nowhere.
pub const REMOVED: &str = "[removed]";

/// Takes out of a body what may go nowhere: members and elements by name or naming system, and texts by their form.
pub fn redact(body: &mut Json) {
    match body {
        Json::Object(members) => {
            members.retain(|name, value| by_name(name).is_none() && !is_named(value));
            members.values_mut().for_each(redact);
        }
        Json::Array(items) => {
            items.retain(|item| !is_named(item));
            items.iter_mut().for_each(redact);
        }
        Json::String(text) if holds_identifier(text) => *text = REMOVED.into(),
        _ => {}
    }
}

/// An identifier or extension of a naming system that may not be kept.
fn is_named(value: &Json) -> bool {
    // Codes of a fee schedule are no card numbers.
    let number = |name: &str| value.get("value").is_some() || words(name).iter().any(|w| w == "number" || w == "card");
    let names = ["system", "url"]
        .iter()
        .filter_map(|member| value.get(member)?.as_str());
    names.into_iter().any(|name| match by_name(name) {
        Some(Denied::Never) => true,
        Some(Denied::WithoutPurpose) => number(name),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_national_identifiers_are_known_and_others_are_not() {
        for never in [
            "ihi",
            "properties.patient_ihi",
            "identifier[system='http://ns.electronichealth.net.au/id/hi/ihi/1.0'].value",
            "http://ns.electronichealth.net.au/id/hi/hpii/1.0",
            "myHealthRecordStatus",
            "my_health_record",
            "healthcareIdentifier",
        ] {
            assert_eq!(by_name(never), Some(Denied::Never), "{never}");
        }
        for purpose in [
            "medicare_number",
            "properties.dvaNumber",
            "http://ns.electronichealth.net.au/id/medicare-number",
        ] {
            assert_eq!(by_name(purpose), Some(Denied::WithoutPurpose), "{purpose}");
        }
        for free in [
            "hi",
            "history",
            "delphi",
            "email",
            "halaxy_number",
            "telecom[system=sms].value",
            "shift",
        ] {
            assert_eq!(by_name(free), None, "{free}");
        }
    }

    #[test]
    fn an_identifier_is_known_by_its_form() {
        assert!(holds_identifier("8003608833357361"));
        assert!(holds_identifier("IHI: 8003 6088 3335 7361, please"));
        assert!(!holds_identifier("8003608833357362"), "its check digit is wrong");
        assert!(!holds_identifier("18003608833357361"), "it is part of a longer number");
        assert!(!holds_identifier("4111111111111111"));
        assert!(holds(&Value::text("8003608833357361")));
    }

    #[test]
    fn a_body_on_its_way_out_is_known_to_hold_one() {
        for body in [
            json!({"a": [{"text": "for 8003-6088-3335-7361"}]}),
            json!({"total": 8_003_608_833_357_361_u64}),
            json!({"properties": {"patient_ihi": "unknown"}}),
            json!([{"system": "http://ns.electronichealth.net.au/id/hi/ihi/1.0", "value": "1"}]),
        ] {
            assert!(holds_in(&body), "{body}");
        }
        for body in [
            json!({"ihi": "", "mhr": null, "phone": "+61 491 570 006", "file": "88888888QUJD8003608833357361888"}),
            json!({"system": "https://practice.example/number", "value": "8003608833357362"}),
        ] {
            assert!(!holds_in(&body), "{body}");
        }
    }

    #[test]
    fn bodies_lose_them_and_keep_the_rest() {
        let mut body = json!({
            "id": "1",
            "identifier": [
                {"system": "http://ns.electronichealth.net.au/id/hi/ihi/1.0", "value": "8003608833357361"},
                {"system": "http://ns.electronichealth.net.au/id/medicare-number", "value": "1"},
                {"system": "https://practice.example/number", "value": "7"},
            ],
            "note": "ihi 8003608833357361",
            "dvaNumber": "N1",
            "extension": [{"url": "https://x.example/status", "valueString": "current"}],
        });
        redact(&mut body);
        assert_eq!(
            body,
            json!({
                "id": "1",
                "identifier": [{"system": "https://practice.example/number", "value": "7"}],
                "note": "[removed]",
                "extension": [{"url": "https://x.example/status", "valueString": "current"}],
            })
        );
    }
}
