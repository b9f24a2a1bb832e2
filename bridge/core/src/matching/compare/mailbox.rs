//! What the name of a mailbox says of whose it is: most people put their own name into it.

use super::Comparison;
use super::levels::{ContactLevel, GivenLevel, OwnerLevel, SurnameLevel};
use crate::matching::person::{Mailbox, Person};

/// Letters of a mailbox's name, without the digits that tell namesakes apart.
fn letters(mailbox: &Mailbox) -> &[u8] {
    let name = mailbox.local.bytes();
    let end = name.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |at| at + 1);
    &name[..end]
}

/// Whether both begin alike, as far as a mailbox's name was kept.
fn agrees(rest: &[u8], family: &[u8]) -> bool {
    let both = rest.len().min(family.len());
    both >= 2 && rest[..2] == family[..2]
}

/// Whether a mailbox spells a given name out: by itself, or with a family name before or after it.
fn spells(mailbox: &Mailbox, given: &[u8], families: [&[u8]; 2]) -> bool {
    let name = letters(mailbox);
    if given.len() < 3 {
        return false;
    }
    let after = name.strip_prefix(given);
    let before = name.strip_suffix(given);
    after.is_some_and(|rest| rest.is_empty() || families.iter().any(|f| agrees(rest, f)))
        || before.is_some_and(|rest| families.contains(&rest))
}

/// Whether a mailbox is an initial with a family name before or after it.
fn initials(mailbox: &Mailbox, letter: u8, families: [&[u8]; 2]) -> bool {
    let name = letters(mailbox);
    let rest = |rest: &[u8]| rest.len() > 2 && families.contains(&rest);
    matches!(name, [first, after @ ..] if *first == letter && rest(after))
        || matches!(name, [before @ .., last] if *last == letter && rest(before))
}

/// Whose name the mailbox spells that both hold, if there is one.
pub(super) fn owner(a: &Person, b: &Person, c: &Comparison) -> OwnerLevel {
    if !matches!(c.email, ContactLevel::Own | ContactLevel::Shared | ContactLevel::Crowd) {
        return OwnerLevel::Missing;
    }
    let Some(mailbox) = a
        .emails
        .iter()
        .find(|x| x.hash != 0 && b.emails.iter().any(|y| y.hash == x.hash))
    else {
        return OwnerLevel::Missing;
    };
    let (x, y) = (a.given.word.bytes(), b.given.word.bytes());
    let families = [a.surname.bytes(), b.surname.bytes()];
    let (longer, shorter) = if x.len() >= y.len() { (x, y) } else { (y, x) };
    let one_name = !matches!(
        c.given,
        GivenLevel::Different | GivenLevel::Second | GivenLevel::Missing | GivenLevel::Alike
    );
    if !one_name || c.crossed {
        OwnerLevel::Silent
    } else if spells(mailbox, longer, families) {
        OwnerLevel::Named
    } else if spells(mailbox, shorter, families) {
        OwnerLevel::Short
    } else {
        OwnerLevel::Silent
    }
}

/// How often two namesakes hold mailboxes as alike as these, where they are alike because the names
/// are: `kim.lee@one` and `kimlee@other` say nothing that the two names did not say. 0 for others.
pub(super) fn chance(a: &Person, b: &Person, c: &Comparison) -> f32 {
    let names = matches!(c.given, GivenLevel::Same | GivenLevel::Misspelt | GivenLevel::Form)
        && matches!(
            c.surname,
            SurnameLevel::Same | SurnameLevel::Misspelt | SurnameLevel::Part
        );
    if !names || !matches!(c.email, ContactLevel::Near | ContactLevel::Namesake) {
        return 0.0;
    }
    let families = [a.surname.bytes(), b.surname.bytes()];
    let made_of_names = |p: &Person| {
        let mailbox = &p.emails[0];
        [a, b].iter().any(|q| {
            let given = q.given.word.bytes();
            spells(mailbox, given, families) || given.first().is_some_and(|l| initials(mailbox, *l, families))
        })
    };
    if !made_of_names(a) && !made_of_names(b) {
        return 0.0;
    }
    let numbered = |p: &Person| letters(&p.emails[0]).len() < p.emails[0].local.bytes().len();
    match (c.email, numbered(a) || numbered(b)) {
        (ContactLevel::Namesake, false) => 0.2,
        (ContactLevel::Namesake, true) => 0.02,
        (_, false) => 0.01,
        (_, true) => 0.001,
    }
}
