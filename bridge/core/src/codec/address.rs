//! Postal addresses: state and country names.

use super::country::{self, Country};
use std::collections::BTreeMap;

/// Australian states and territories: abbreviation (Australia Post) and name.
const STATES: &[(&str, &str)] = &[
    ("ACT", "Australian Capital Territory"),
    ("NSW", "New South Wales"),
    ("NT", "Northern Territory"),
    ("QLD", "Queensland"),
    ("SA", "South Australia"),
    ("TAS", "Tasmania"),
    ("VIC", "Victoria"),
    ("WA", "Western Australia"),
];

/// Brings the parts of an address (`line`, `city`, `state`, `postcode`, `country`) to their
/// canonical spelling. A state is an Australian one if the address says Australia, or says no
/// country and `home` is Australia.
pub fn canonical_address(parts: &mut BTreeMap<String, String>, home: Country) {
    if let Some(country) = parts.get_mut("country")
        && let Some(name) = country::name(country)
        && country != name
    {
        *country = name.to_string();
    }
    let australian = match parts.get("country") {
        Some(country) => country == "Australia",
        None => home == Country::AU,
    };
    if australian
        && let Some(state) = parts.get_mut("state")
        && let Some(short) = state_short(state)
        && state != short
    {
        *state = short.to_string();
    }
    if let Some(postcode) = parts.get_mut("postcode") {
        postcode.make_ascii_uppercase();
    }
}

fn state_short(text: &str) -> Option<&'static str> {
    let plain = |c: &char| *c != '.';
    let text: String = text.chars().filter(plain).collect();
    STATES
        .iter()
        .find(|(short, name)| short.eq_ignore_ascii_case(&text) || name.eq_ignore_ascii_case(&text))
        .map(|(short, _)| *short)
}
