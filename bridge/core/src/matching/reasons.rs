//! Why two records look like one person or do not, in words a receptionist understands. Only the
//! two records' own names are ever printed; what other people hold is counted, never shown.

use super::compare::{
    BornLevel, CardLevel, Comparison, ContactLevel, GivenLevel, MiddleLevel, OwnerLevel, PlaceLevel, SexLevel,
    SurnameLevel,
};
use super::decide::{Obstacle, Verdict};
use super::person::{Person, Word};

/// Whether reasons may print the names of the two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// For a person who sees both records anyway.
    Shown,
    /// For logs and stored reasons.
    Hidden,
}

fn title<const N: usize>(word: &Word<N>) -> String {
    let text = String::from_utf8_lossy(word.bytes());
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn others(count: u8, crowd: bool) -> String {
    match count {
        _ if crowd => ", which many other people use".into(),
        0 => String::new(),
        1 => ", which 1 other person uses".into(),
        n => format!(", which {n} other people use"),
    }
}

fn given(c: &Comparison, both: &str) -> Option<String> {
    Some(match c.given {
        GivenLevel::Same => return None,
        GivenLevel::Form => format!("given names differ{both}: a known short form or spelling"),
        GivenLevel::WideForm => format!("given names differ{both}: a known short form, of more names than one"),
        GivenLevel::Sisters => format!("given names differ{both}: two short forms of one name"),
        GivenLevel::Loose => format!("given names differ{both}: sometimes used for one another"),
        GivenLevel::Misspelt => format!("given names differ by one slip{both}"),
        GivenLevel::FarMisspelt => format!("given names differ by two slips{both}"),
        GivenLevel::FormMisspelt => format!("given names differ{both}: one slip from a known short form"),
        GivenLevel::Begins => format!("given names begin alike{both}"),
        GivenLevel::Alike => format!("given names are alike, but both are names{both}"),
        GivenLevel::Initial => format!("only an initial stands for the given name{both}"),
        GivenLevel::Second => format!("the first given name of one is the second of the other{both}"),
        GivenLevel::Different => format!("given names differ{both}"),
        GivenLevel::Missing => "a given name is missing".into(),
    })
}

fn surname(c: &Comparison, both: &str) -> Option<String> {
    Some(match c.surname {
        SurnameLevel::Same => return None,
        SurnameLevel::Misspelt => format!("family names differ by a slip{both}"),
        SurnameLevel::Part => format!("one family name is part of the other{both}"),
        SurnameLevel::Changed => format!("family names differ{both}, perhaps by marriage"),
        SurnameLevel::Different => format!("family names differ{both}"),
        SurnameLevel::Missing => "a family name is missing".into(),
    })
}

fn contact(level: ContactLevel, count: u8, what: &str) -> Option<String> {
    Some(match level {
        ContactLevel::Own => format!("same {what}"),
        ContactLevel::Shared => format!("same {what}{}", others(count, false)),
        ContactLevel::Crowd => format!("same {what}{}", others(count, true)),
        ContactLevel::Near => format!("{what} differs by a slip"),
        ContactLevel::Namesake => format!("{what} is alike, at another provider or spelled with other marks"),
        ContactLevel::Different => format!("{what} differs"),
        ContactLevel::Missing => return None,
    })
}

fn mobile(p: &Person, q: &Person) -> bool {
    let is = |n: &u64| (400_000_000..500_000_000).contains(n);
    p.phones.iter().any(|n| is(n) && q.phones.contains(n))
}

/// What was compared, in words: what agrees first.
pub fn compared(a: &Person, b: &Person, c: &Comparison, names: Names) -> Vec<String> {
    let (mut agree, mut differ): (Vec<String>, Vec<String>) = (vec![], vec![]);
    let shown = |x: String, y: String| match names {
        Names::Shown if !x.is_empty() && !y.is_empty() => format!(": {x} / {y}"),
        _ => String::new(),
    };
    match (c.given, c.surname) {
        (GivenLevel::Same, SurnameLevel::Same) if c.crossed => {
            agree.push("same name, given and family name in each other's place".into());
        }
        (GivenLevel::Same, SurnameLevel::Same) => agree.push("same full name".into()),
        (given, family) => {
            if given == GivenLevel::Same {
                agree.push("same given name".into());
            }
            if family == SurnameLevel::Same {
                agree.push("same family name".into());
            }
        }
    }
    match c.born {
        BornLevel::Same => agree.push("same birth date".into()),
        BornLevel::Swapped => differ.push("day and month of birth stand in each other's place".into()),
        BornLevel::Slip => differ.push("birth dates differ by one slip".into()),
        BornLevel::Placeholder => differ.push("birth dates agree in the year, and one may only stand for it".into()),
        BornLevel::Near => differ.push("birth dates differ in one part".into()),
        BornLevel::Different => differ.push("birth dates differ".into()),
        BornLevel::Missing => {}
    }
    let phone = if mobile(a, b) { "mobile" } else { "phone" };
    for (level, count, what) in [(c.phone, c.phone_others, phone), (c.email, c.email_others, "e-mail")] {
        if let Some(text) = contact(level, count, what) {
            match level {
                ContactLevel::Own | ContactLevel::Shared | ContactLevel::Crowd => agree.push(text),
                _ => differ.push(text),
            }
        }
    }
    if c.owner == OwnerLevel::Named {
        agree.push("the e-mail address spells the given name".into());
    }
    match c.card {
        CardLevel::Person => agree.push("same Medicare card and number on it".into()),
        CardLevel::Card => agree.push("same Medicare card".into()),
        CardLevel::Other => differ.push("same Medicare card, but another person on it".into()),
        CardLevel::Near => differ.push("Medicare numbers differ by a slip".into()),
        CardLevel::Different => differ.push("Medicare numbers differ".into()),
        CardLevel::Missing => {}
    }
    match c.place {
        PlaceLevel::House => agree.push("same address".into()),
        PlaceLevel::Street => agree.push("same street, not surely the same house".into()),
        PlaceLevel::Area => agree.push("same suburb".into()),
        PlaceLevel::Elsewhere => differ.push("another street in the same suburb".into()),
        PlaceLevel::Line => differ.push("same street and number, another suburb".into()),
        PlaceLevel::Different => differ.push("addresses differ".into()),
        PlaceLevel::Missing => {}
    }
    match c.middle {
        MiddleLevel::Same => agree.push("second given names agree".into()),
        MiddleLevel::Different => differ.push("second given names differ".into()),
        MiddleLevel::Missing => {}
    }
    if c.sex == SexLevel::Different {
        differ.push("the sex differs".into());
    }
    differ.extend(given(c, &shown(title(&a.given.word), title(&b.given.word))));
    differ.extend(surname(c, &shown(title(&a.surname), title(&b.surname))));
    agree.append(&mut differ);
    agree
}

/// All reasons of a verdict: what was compared, then what keeps the two from being linked.
pub fn reasons(a: &Person, b: &Person, verdict: &Verdict, names: Names) -> Vec<String> {
    let mut reasons = compared(a, b, &verdict.comparison, names);
    match verdict.obstacle {
        Some(Obstacle::Guard(guard)) => reasons.push(guard.words().into()),
        Some(Obstacle::Twice) => {
            reasons.push("probably the same person twice in one system: the other record fits better".into())
        }
        Some(Obstacle::Rival) => reasons.push("somebody else fits nearly as well".into()),
        Some(Obstacle::Weak) => reasons.push("too little agrees to be sure".into()),
        None => reasons.push("nobody else fits nearly as well".into()),
    }
    reasons
}
