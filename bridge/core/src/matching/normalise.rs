//! From what a source holds to what is compared: names without marks and titles, dates in parts,
//! phones and mailboxes by the providers' rules, addresses without street types.

mod contact;
pub(super) use contact::local_number;
mod name;
mod place;

use super::person::{Born, Person, Raw};

/// Folded: lower case ASCII letters and digits, everything else a space; apostrophes vanish.
pub(super) fn fold(text: &str, out: &mut String) {
    out.clear();
    let mut push = |c: char| {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !matches!(c, '\'' | '`') {
            out.push(if c == '-' { '-' } else { ' ' });
        }
    };
    for c in text.chars() {
        if c.is_ascii() {
            push(c);
        } else if matches!(c, '\u{2019}' | '\u{2018}' | '\u{00b4}') {
            push('\'');
        } else if matches!(c, '\u{2010}'..='\u{2015}') {
            push('-');
        } else {
            deunicode::deunicode_char(c).unwrap_or(" ").chars().for_each(&mut push);
        }
    }
}

/// Normalises a record.
pub(super) fn person(raw: &Raw<'_>) -> Person {
    let mut p = Person::default();
    let mut text = String::with_capacity(48);
    let title = name::read(raw.given_name, raw.surname, &mut text, &mut p);
    p.born = born(raw.date_of_birth);
    p.sex = sex(raw.sex).unwrap_or(title);
    contact::phones(&raw.phones, &mut p.phones);
    contact::emails(&raw.emails, &mut p.emails);
    place::read(raw, &mut text, &mut p);
    (p.card, p.irn) = contact::card(raw.card);
    p.card_is_personal = p.card != 0 && !contact::is_medicare(p.card);
    p
}

fn sex(text: &str) -> Option<u8> {
    match text.trim().as_bytes().first()?.to_ascii_lowercase() {
        b'f' | b'w' => Some(b'F'),
        b'm' => Some(b'M'),
        _ => None,
    }
}

/// ISO dates (with or without a time), `D/M/YYYY`, or eight digits with the year in front.
fn born(text: &str) -> Born {
    let text = text.trim();
    let text = text.split(['T', ' ']).next().unwrap_or_default();
    let mut parts = [0u32; 3];
    let mut count = 0;
    for part in text.split(['-', '/', '.']) {
        if count == 3 || part.is_empty() || part.len() > 8 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Born::default();
        }
        parts[count] = part.parse().unwrap_or_default();
        count += 1;
    }
    let (year, month, day) = match (count, parts) {
        (1, [n, ..]) if text.len() == 8 => (n / 10_000, n / 100 % 100, n % 100),
        (3, [y, m, d]) if y > 1_000 => (y, m, d),
        (3, [d, m, y]) if y > 1_000 => (y, m, d),
        _ => return Born::default(),
    };
    if !(1_850..=2_150).contains(&year) || month > 99 || day > 99 {
        return Born::default();
    }
    // what programs put in for no date
    if (month, day) == (1, 1) && matches!(year, 1900 | 1901 | 1970) {
        return Born::default();
    }
    Born {
        year: year as u16,
        month: month as u8,
        day: day as u8,
    }
}
