//! Addresses: unit, number, and the name of the street without its type.

use crate::matching::person::{Person, Raw, Street, Word};

const TYPES: &[&str] = &[
    "street",
    "st",
    "str",
    "road",
    "rd",
    "avenue",
    "ave",
    "av",
    "court",
    "ct",
    "crt",
    "drive",
    "dr",
    "drv",
    "place",
    "pl",
    "crescent",
    "cres",
    "cr",
    "parade",
    "pde",
    "close",
    "cl",
    "lane",
    "ln",
    "way",
    "circuit",
    "cct",
    "cir",
    "boulevard",
    "blvd",
    "bvd",
    "highway",
    "hwy",
    "terrace",
    "tce",
    "grove",
    "gr",
    "gve",
    "esplanade",
    "esp",
    "square",
    "sq",
    "loop",
    "mews",
    "rise",
    "track",
    "walk",
    "row",
    "alley",
    "gardens",
    "gdns",
];

const UNIT: &[&str] = &[
    "unit",
    "u",
    "flat",
    "apt",
    "apartment",
    "suite",
    "shop",
    "villa",
    "level",
    "lot",
    "no",
];

fn number(token: &str) -> Option<u32> {
    let digits: &str = token.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    (!digits.is_empty() && digits.len() <= 7 && token.len() - digits.len() <= 1)
        .then(|| digits.parse().ok())
        .flatten()
}

/// Reads the address into `p`.
pub(super) fn read(raw: &Raw<'_>, text: &mut String, p: &mut Person) {
    super::fold(raw.street, text);
    let mut street = Street::default();
    let mut name = String::with_capacity(24);
    for token in text.split([' ', '-']).filter(|t| !t.is_empty()) {
        if let Some(n) = number(token) {
            if name.is_empty() {
                // "3/12 High St": the last number before the name is the house
                if street.number != 0 {
                    street.unit = street.number;
                }
                street.number = n;
            }
        } else if TYPES.contains(&token) && !name.is_empty() {
            break;
        } else if !UNIT.contains(&token) || !name.is_empty() {
            name.push_str(token);
        }
    }
    street.name = Word::new(&name);
    p.street = street;
    super::fold(raw.suburb, text);
    let suburb: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    p.suburb = Word::new(&suburb);
    p.postcode = raw.postcode.trim().parse().ok().filter(|n| *n < 10_000).unwrap_or(0);
}
