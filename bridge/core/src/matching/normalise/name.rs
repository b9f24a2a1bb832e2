//! Given and family names: titles, particles, joined and swapped fields, names of several people.

use crate::matching::given_names;
use crate::matching::person::{Given, Kind, Person, Word, hash32};

/// Titles and the sex they tell, if any.
const TITLES: &[(&str, u8)] = &[
    ("mrs", b'F'),
    ("ms", b'F'),
    ("miss", b'F'),
    ("mr", b'M'),
    ("master", b'M'),
    ("mister", b'M'),
    ("sir", b'M'),
    ("dr", 0),
    ("prof", 0),
    ("professor", 0),
    ("rev", 0),
    ("mx", 0),
    ("sr", 0),
    ("jr", 0),
    ("jnr", 0),
    ("snr", 0),
];

/// Words that begin a family name of several words.
const PARTICLES: &[&str] = &[
    "o", "de", "da", "do", "dos", "das", "di", "del", "della", "dello", "du", "la", "le", "van", "von", "der", "den",
    "ten", "ter", "el", "al", "bin", "ibn", "abu", "st", "saint", "mac", "mc", "san", "santa",
];

/// Words that no single person is called by.
const SEVERAL: &[&str] = &[
    "family",
    "families",
    "household",
    "mum",
    "mom",
    "mother",
    "dad",
    "father",
    "parent",
    "parents",
    "carer",
    "carers",
    "guardian",
    "guardians",
    "and",
    "estate",
    "couple",
    "twins",
    "siblings",
    "children",
    "kids",
];

/// Words put into a name field when there is no name.
const NO_NAME: &[&str] = &[
    "unknown",
    "na",
    "none",
    "test",
    "noname",
    "anonymous",
    "contact",
    "client",
    "patient",
    "null",
    "nil",
    "tba",
    "tbc",
];

fn given(token: &str) -> Given {
    Given {
        word: Word::new(token),
        known: given_names::place(token),
    }
}

/// Reads both name fields into `p`; the sex that a title tells.
pub(super) fn read(given_name: &str, surname: &str, text: &mut String, p: &mut Person) -> u8 {
    let mut title = 0;
    let several = given_name.contains(['&', '+']) || surname.contains(['&', '+']);
    super::fold(given_name, text);
    let mut given_tokens: Vec<&str> = Vec::with_capacity(4);
    let mut several = several;
    let mut take = |token: &mut &'_ str| -> bool {
        if let Some((_, sex)) = TITLES.iter().find(|(t, _)| t == token) {
            title = *sex;
            return false;
        }
        several |= SEVERAL.contains(token);
        !NO_NAME.contains(token)
    };
    let given_text = std::mem::take(text);
    for token in given_text.split(' ') {
        let mut token = token.trim_matches('-');
        if !token.is_empty() && !token.bytes().all(|b| b.is_ascii_digit()) && take(&mut token) {
            given_tokens.push(token);
        }
    }
    super::fold(surname, text);
    let mut family_tokens: Vec<&str> = Vec::with_capacity(4);
    for token in text.split([' ', '-']) {
        let mut token = token;
        if !token.is_empty() && !token.bytes().all(|b| b.is_ascii_digit()) && take(&mut token) {
            family_tokens.push(token);
        }
    }
    // "Maria De Luca" in one field: the family name is what stands last, with its particles.
    if family_tokens.is_empty() && given_tokens.len() > 1 {
        let mut from = given_tokens.len() - 1;
        while from > 1 && PARTICLES.contains(&given_tokens[from - 1]) {
            from -= 1;
        }
        family_tokens = given_tokens.split_off(from);
        family_tokens = family_tokens
            .iter()
            .flat_map(|t| t.split('-'))
            .filter(|t| !t.is_empty())
            .collect();
    } else if given_tokens.is_empty() && family_tokens.len() > 1 {
        given_tokens = vec![family_tokens.remove(0)];
    }
    let mut joined = String::with_capacity(24);
    let mut next = given_tokens.iter().map(|t| {
        joined.clear();
        joined.extend(t.chars().filter(|c| *c != '-'));
        given(&joined)
    });
    p.given = next.next().unwrap_or_default();
    p.middle = next.next().unwrap_or_default();
    let mut whole = String::with_capacity(24);
    family_tokens.iter().for_each(|t| whole.push_str(t));
    p.surname = Word::new(&whole);
    if let [first, .., last] = family_tokens[..] {
        let part = |t: &str| if t.len() > 2 { hash32(t) } else { 0 };
        p.surname_parts = [part(first), part(last)];
    }
    p.kind = if several {
        Kind::Several
    } else if p.given.word.is_empty() && p.surname.is_empty() {
        Kind::Nameless
    } else {
        Kind::Person
    };
    title
}
