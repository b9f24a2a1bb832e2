//! Birth dates, phones, mailboxes, addresses and cards.

use super::levels::{BornLevel, CardLevel, ContactLevel, PlaceLevel};
use super::names::slips;
use super::{CROWD, Frequencies};
use crate::matching::blocking;
use crate::matching::normalise::local_number;
use crate::matching::person::{Born, Person};

pub(super) fn born(a: Born, b: Born) -> BornLevel {
    if a.year == 0 || b.year == 0 {
        return BornLevel::Missing;
    }
    if a == b {
        return BornLevel::Same;
    }
    if a.year == b.year && a.month == b.day && a.day == b.month {
        return BornLevel::Swapped;
    }
    if a.year == b.year && ((a.month, a.day) == (1, 1) || (b.month, b.day) == (1, 1)) {
        return BornLevel::Placeholder;
    }
    let parts = [
        (a.year / 100, b.year / 100),
        (a.year % 100, b.year % 100),
        (u16::from(a.month), u16::from(b.month)),
        (u16::from(a.day), u16::from(b.day)),
    ];
    let mut differing = parts.iter().filter(|(x, y)| x != y);
    match (differing.next(), differing.next()) {
        (Some((x, y)), None) => {
            let turned = x / 10 == y % 10 && x % 10 == y / 10;
            if x.abs_diff(*y) == 1 || x / 10 == y / 10 || x % 10 == y % 10 || turned {
                BornLevel::Slip
            } else {
                BornLevel::Near
            }
        }
        // a month typed wrong often drags the day to the month's end
        (Some(_), Some(_)) if a.year == b.year && a.month.abs_diff(b.month) == 1 && a.day.min(b.day) >= 28 => {
            BornLevel::Near
        }
        _ => BornLevel::Different,
    }
}

fn contact_level(others: u8) -> ContactLevel {
    match others {
        0 => ContactLevel::Own,
        o if o < CROWD => ContactLevel::Shared,
        _ => ContactLevel::Crowd,
    }
}

pub(super) fn phone(a: &Person, b: &Person, f: &impl Frequencies) -> (ContactLevel, u8) {
    if a.phones[0] == 0 || b.phones[0] == 0 {
        return (ContactLevel::Missing, 0);
    }
    let mut near = false;
    for x in a.phones.iter().filter(|x| **x != 0) {
        for y in b.phones.iter().filter(|y| **y != 0) {
            let short = *x < 100_000_000 || *y < 100_000_000;
            if x == y || short && local_number(*x) == local_number(*y) {
                let others = f.others(blocking::of_phone(*x), a, b);
                return (contact_level(others), others);
            }
            near |= one_digit(*x, *y);
        }
    }
    (
        if near {
            ContactLevel::Near
        } else {
            ContactLevel::Different
        },
        0,
    )
}

/// Whether two numbers differ in one digit or in two neighbours' order.
fn one_digit(mut x: u64, mut y: u64) -> bool {
    let (mut differing, mut last) = (0, (0, 0));
    let (mut at, mut first_at) = (0, 0);
    let mut turned = false;
    while x != 0 || y != 0 {
        let (p, q) = (x % 10, y % 10);
        if p != q {
            differing += 1;
            if differing == 1 {
                (last, first_at) = ((p, q), at);
            } else {
                turned = differing == 2 && at == first_at + 1 && last == (q, p);
            }
        }
        (x, y, at) = (x / 10, y / 10, at + 1);
    }
    differing == 1 || turned
}

/// Whether two mailbox names are one slip apart in a letter within: another number is another
/// mailbox, and the letter at either end may be somebody else's initial.
fn one_letter(p: &[u8], q: &[u8]) -> bool {
    let digits = |w: &[u8]| {
        w.iter()
            .filter(|b| b.is_ascii_digit())
            .fold(1u64, |n, b| n.wrapping_mul(11) + u64::from(*b))
    };
    let letters = |w: &[u8]| w.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |at| w[at]);
    let ends = p.first() == q.first() && letters(p) == letters(q);
    p != q && ends && digits(p) == digits(q) && slips(p, q, 1) <= 1
}

pub(super) fn email(a: &Person, b: &Person, f: &impl Frequencies) -> (ContactLevel, u8) {
    if a.emails[0].hash == 0 || b.emails[0].hash == 0 {
        return (ContactLevel::Missing, 0);
    }
    let mut best = ContactLevel::Different;
    for x in a.emails.iter().filter(|x| x.hash != 0) {
        for y in b.emails.iter().filter(|y| y.hash != 0) {
            if x.hash == y.hash {
                let others = f.others(blocking::of_mailbox(x.hash), a, b);
                return (contact_level(others), others);
            }
            let (p, q) = (x.local.bytes(), y.local.bytes());
            let long = p.len().min(q.len()) >= 5;
            let level =
                if x.provider == y.provider && long && (x.exact == y.exact || x.marks == y.marks && one_letter(p, q)) {
                    ContactLevel::Near
                } else if x.local.hash == y.local.hash && long {
                    ContactLevel::Namesake
                } else {
                    ContactLevel::Different
                };
            best = best.min(level);
        }
    }
    (best, 0)
}

/// Whether two street names are one: equal, a few slips apart, or the one cut short.
fn same_street(p: &[u8], q: &[u8]) -> bool {
    let short = p.len().min(q.len());
    let begin = short >= 5 && p[..5] == q[..5];
    begin || slips(p, q, 2) <= if p.len().max(q.len()) >= 7 { 2 } else { 1 }
}

pub(super) fn place(a: &Person, b: &Person) -> PlaceLevel {
    let (post, suburbs) = (
        a.postcode != 0 && b.postcode != 0,
        !a.suburb.is_empty() && !b.suburb.is_empty(),
    );
    let (s, t) = (a.suburb.bytes(), b.suburb.bytes());
    let suburb = suburbs && (a.suburb.hash == b.suburb.hash || s.len().min(t.len()) >= 5 && slips(s, t, 1) <= 1);
    let same_area = post && a.postcode == b.postcode || suburb;
    let (x, y) = (&a.street, &b.street);
    if !x.name.is_empty() && !y.name.is_empty() {
        let street = x.name.hash == y.name.hash || same_street(x.name.bytes(), y.name.bytes());
        let number = x.number == y.number && x.number != 0 && (x.unit == 0 || y.unit == 0 || x.unit == y.unit);
        let near_area = || {
            // two digits in each other's place change a number by a multiple of nine
            let near_post = || {
                let (x, y) = (u64::from(a.postcode), u64::from(b.postcode));
                let alike = x.abs_diff(y).is_multiple_of(9) || s.len().min(t.len()) > 1 && s[..2] == t[..2];
                post && alike && one_digit(x, y)
            };
            suburbs && slips(s, t, 2) <= 2 || near_post() || !post && !suburbs
        };
        if street && number && (same_area || near_area()) {
            return PlaceLevel::House;
        }
        if street && number && y.name.bytes().len() >= 4 {
            return PlaceLevel::Line;
        }
        if same_area {
            let number = x.number == y.number && x.number != 0;
            return if street || number {
                PlaceLevel::Street
            } else {
                PlaceLevel::Elsewhere
            };
        }
    }
    match (post || suburbs, same_area) {
        (_, true) => PlaceLevel::Area,
        (true, false) => PlaceLevel::Different,
        (false, false) => PlaceLevel::Missing,
    }
}

pub(super) fn card(a: &Person, b: &Person) -> CardLevel {
    if a.card == 0 || b.card == 0 {
        CardLevel::Missing
    } else if a.card == b.card {
        match (a.irn, b.irn) {
            _ if a.card_is_personal => CardLevel::Person,
            (0, _) | (_, 0) => CardLevel::Card,
            (x, y) if x == y => CardLevel::Person,
            _ => CardLevel::Other,
        }
    } else if one_digit(a.card, b.card) {
        CardLevel::Near
    } else {
        CardLevel::Different
    }
}
