//! Under which keys a record is found. Two records that share no key are never compared, so the
//! keys follow the ways in which one person's records differ: each survives some of them.

use super::given_names;
use super::normalise::local_number;
use super::person::{Given, Person, hash64};

/// An opaque key. Records that share one are candidates.
pub type BlockKey = u64;

/// What a key is made of; the first number of the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum By {
    Mailbox = 1,
    Local = 2,
    Phone = 3,
    Name = 4,
    BirthDate = 5,
    SoundAtPlace = 6,
    Address = 7,
    Card = 8,
    Sound = 9,
    NameAtPlace = 10,
    NameOfYear = 11,
    AddressOfOne = 12,
    GivenAtBirth = 13,
    FaintGiven = 14,
    FaintName = 15,
    FaintFamily = 16,
    FaintPlace = 17,
}

/// Soundex of a folded word, without its fixed length: spellings of one name mostly agree.
pub(super) fn sound(word: &[u8]) -> u64 {
    let code = |c: u8| match c {
        b'b' | b'f' | b'p' | b'v' => 1,
        b'c' | b'g' | b'j' | b'k' | b'q' | b's' | b'x' | b'z' => 2,
        b'd' | b't' => 3,
        b'l' => 4,
        b'm' | b'n' => 5,
        b'r' => 6,
        _ => 0u64,
    };
    let Some(first) = word.first() else { return 0 };
    let first = match first {
        b'k' | b'q' => b'c',
        b'y' | b'j' => b'i',
        other => *other,
    };
    let (mut out, mut last, mut count) = (u64::from(first), code(first), 0);
    for c in &word[1..] {
        let now = code(*c);
        if now != 0 && now != last {
            out = out * 8 + now;
            count += 1;
            if count == 3 {
                break;
            }
        }
        if !matches!(c, b'h' | b'w') {
            last = now;
        }
    }
    out
}

fn key(by: By, parts: &[u64]) -> BlockKey {
    hash64(by as u8, parts)
}

/// Two parts in either order: names stand in each other's fields too.
fn either(a: u64, b: u64) -> [u64; 2] {
    [a.min(b), a.max(b)]
}

/// Keys of what a record shares with its household: each says by how many it is used.
pub(super) fn of_phone(phone: u64) -> BlockKey {
    key(By::Phone, &[local_number(phone)])
}

pub(super) fn of_mailbox(hash: u64) -> BlockKey {
    key(By::Mailbox, &[hash])
}

pub(super) fn of_card(card: u64) -> BlockKey {
    key(By::Card, &[card])
}

pub(super) fn of_address(p: &Person) -> Option<BlockKey> {
    (!p.street.name.is_empty() && p.street.number != 0 && p.postcode != 0).then(|| {
        key(
            By::Address,
            &[
                u64::from(p.street.number),
                u64::from(p.street.name.hash),
                u64::from(p.postcode),
            ],
        )
    })
}

/// The names a given name may stand for, itself included, as numbers.
fn stems(given: &Given, out: &mut Vec<u64>) {
    out.clear();
    if given.word.is_empty() {
        return;
    }
    out.push(u64::from(given.word.hash));
    if given.known != 0 {
        out.extend(
            given_names::roots(given.known)
                .iter()
                .take(5)
                .map(|r| u64::from(*r) << 40 | 1),
        );
    }
}

/// Keys under which a record is found by whoever resembles it faintly: any form of the given name, a
/// like family name with the same first letter, and, of those who have no given name, the place.
/// Far too wide to match by; wide enough that hardly anybody is made twice.
pub fn faint_keys(p: &Person) -> Vec<BlockKey> {
    let mut out = around(p);
    let given = p.given.word.bytes();
    if given.len() == 1 {
        out.push(key(By::FaintFamily, &[sound(p.surname.bytes())]));
    } else if given.is_empty() && p.postcode != 0 {
        out.push(key(By::FaintPlace, &[u64::from(p.postcode)]));
    }
    out
}

/// The keys to look under for who resembles a record faintly.
pub fn faint_looks(p: &Person) -> Vec<BlockKey> {
    let mut out = around(p);
    out.push(key(By::FaintFamily, &[sound(p.surname.bytes())]));
    if p.postcode != 0 {
        out.push(key(By::FaintPlace, &[u64::from(p.postcode)]));
    }
    out
}

fn around(p: &Person) -> Vec<BlockKey> {
    let (given, family) = (p.given.word.bytes(), p.surname.bytes());
    let Some(letter) = given.first() else { return vec![] };
    let mut stem = vec![];
    stems(&p.given, &mut stem);
    let mut out: Vec<BlockKey> = stem.into_iter().map(|s| key(By::FaintGiven, &[s])).collect();
    if given.len() > 1 {
        out.push(key(By::FaintGiven, &[sound(given), 1]));
    }
    if !family.is_empty() {
        out.push(key(By::FaintName, &[sound(family), u64::from(*letter)]));
    }
    out
}

/// All keys of a record, without repetition.
pub fn keys(p: &Person) -> Vec<BlockKey> {
    let mut out = Vec::with_capacity(24);
    for mailbox in p.emails.iter().filter(|m| m.hash != 0) {
        out.push(of_mailbox(mailbox.hash));
        if mailbox.local.bytes().len() >= 6 {
            out.push(key(By::Local, &[u64::from(mailbox.local.hash)]));
        }
    }
    out.extend(p.phones.iter().filter(|n| **n != 0).map(|n| of_phone(*n)));
    if p.card != 0 {
        out.push(of_card(p.card));
    }
    let born = p.born;
    let postcode = u64::from(p.postcode);
    let (given, family) = (p.given.word.bytes(), p.surname.bytes());
    let letter = |word: &[u8]| word.first().map_or(0, |c| u64::from(*c));
    if born.year != 0 {
        let [low, high] = either(u64::from(born.month), u64::from(born.day));
        let date = u64::from(born.year) << 16 | low << 8 | high;
        out.push(key(By::BirthDate, &[date, letter(given)]));
        if letter(family) != letter(given) {
            out.push(key(By::BirthDate, &[date, letter(family)]));
        }
    }
    if let Some(address) = of_address(p) {
        out.push(address);
        out.push(key(By::AddressOfOne, &[address, letter(given)]));
    }
    if !given.is_empty() && !family.is_empty() {
        let mut stem = Vec::with_capacity(6);
        stems(&p.given, &mut stem);
        let mut families = [u64::from(p.surname.hash), 0];
        if p.surname_parts[1] != 0 {
            families[1] = u64::from(p.surname_parts[1]);
        }
        for family in families.into_iter().filter(|f| *f != 0) {
            for stem in &stem {
                let [a, b] = either(*stem, family);
                out.push(key(By::Name, &[a, b]));
                if postcode != 0 {
                    out.push(key(By::NameAtPlace, &[a, b, postcode]));
                }
                if born.year != 0 {
                    out.push(key(By::NameOfYear, &[a, b, u64::from(born.year)]));
                }
            }
        }
        let sounds = either(sound(given), sound(family));
        out.push(key(By::Sound, &sounds));
        if postcode != 0 {
            out.push(key(By::SoundAtPlace, &[sound(family), letter(given), postcode]));
        }
    }
    if born.year != 0 && !given.is_empty() {
        out.push(key(
            By::GivenAtBirth,
            &[sound(given), u64::from(born.month), u64::from(born.day)],
        ));
    }
    out.sort_unstable();
    out.dedup();
    out
}
