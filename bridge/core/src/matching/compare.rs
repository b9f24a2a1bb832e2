//! How two records compare, field by field, in levels. A level says what was found, never how
//! much it weighs.

mod fields;
mod levels;
mod mailbox;
mod names;

use super::blocking;
use super::person::Person;
use fields::{born, card, email, phone, place};
pub use levels::{
    BornLevel, CardLevel, ContactLevel, GivenLevel, MiddleLevel, OwnerLevel, PlaceLevel, SexLevel, SurnameLevel,
};
use mailbox::{chance, owner};
pub(super) use names::slip_of_another;
use names::{crossed, given, middle, surname};

/// What is known of all records, for judging how telling an agreement is.
pub trait Frequencies {
    /// Records in all.
    fn records(&self) -> u32;
    /// Records with this given name.
    fn given(&self, hash: u32) -> u32;
    /// Records with this family name.
    fn surname(&self, hash: u32) -> u32;
    /// Records under a key that bear other given names than `a` and `b` do; at most [`CROWD`].
    fn others(&self, key: blocking::BlockKey, a: &Person, b: &Person) -> u8;
}

/// From so many other people on, who uses a phone or mailbox says nothing of a household.
pub const CROWD: u8 = 6;

/// Records of the wide world that count beside the ones at hand.
const WORLD: f32 = 1_000.0;
/// The share of a usual name there.
const USUAL: f32 = 0.001;

/// Two records compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Given names.
    pub given: GivenLevel,
    /// Family names.
    pub surname: SurnameLevel,
    /// Whether given and family name stand in each other's place.
    pub crossed: bool,
    /// Second given names.
    pub middle: MiddleLevel,
    /// Birth dates.
    pub born: BornLevel,
    /// Sex.
    pub sex: SexLevel,
    /// Phones.
    pub phone: ContactLevel,
    /// Mailboxes.
    pub email: ContactLevel,
    /// Whose name the mailbox spells that is the same.
    pub owner: OwnerLevel,
    /// Addresses.
    pub place: PlaceLevel,
    /// Cards.
    pub card: CardLevel,
    /// Other people who use the same phone.
    pub phone_others: u8,
    /// Other people who use the same mailbox.
    pub email_others: u8,
    /// Share of records with the same given name; 0 unless they agree.
    pub given_share: f32,
    /// Share of records with the same family name; 0 unless they agree.
    pub surname_share: f32,
    /// Records under the same phone in all, as a share.
    pub phone_share: f32,
    /// Records under the same mailbox in all, as a share; of mailboxes that are alike because the
    /// names are, how often those of two namesakes are.
    pub email_share: f32,
}

/// Compares two records. Symmetric.
pub fn compare(a: &Person, b: &Person, f: &impl Frequencies) -> Comparison {
    let mut c = Comparison {
        given: given(a, b, f),
        surname: surname(a, b),
        middle: middle(a, b),
        born: born(a.born, b.born),
        place: place(a, b),
        card: card(a, b),
        ..Comparison::default()
    };
    let apart = |g: GivenLevel| matches!(g, GivenLevel::Different | GivenLevel::Missing | GivenLevel::Initial);
    if apart(c.given)
        && !matches!(c.surname, SurnameLevel::Same | SurnameLevel::Part)
        && let Some((given, surname)) = crossed(a, b, f).or_else(|| crossed(b, a, f))
    {
        (c.crossed, c.given, c.surname) = (true, given, surname);
    }
    c.sex = match (a.sex, b.sex) {
        (0, _) | (_, 0) => SexLevel::Missing,
        (x, y) if x == y => SexLevel::Same,
        _ => SexLevel::Different,
    };
    (c.phone, c.phone_others) = phone(a, b, f);
    (c.email, c.email_others) = email(a, b, f);
    c.owner = owner(a, b, &c);
    // few records tell little of how common a name is: as many of the wide world count with them
    let all = f.records() as f32 + WORLD;
    let shared = |level: ContactLevel, others: u8| match level {
        ContactLevel::Own | ContactLevel::Shared | ContactLevel::Crowd => (f32::from(others) + 2.0) / all,
        _ => 0.0,
    };
    c.phone_share = shared(c.phone, c.phone_others);
    c.email_share = shared(c.email, c.email_others).max(chance(a, b, &c));
    if c.given == GivenLevel::Same {
        c.given_share = (f.given(a.given.word.hash).max(f.given(b.given.word.hash)) as f32 + WORLD * USUAL) / all;
    }
    if c.surname == SurnameLevel::Same {
        c.surname_share = (f.surname(a.surname.hash).max(f.surname(b.surname.hash)) as f32 + WORLD * USUAL) / all;
    }
    c
}
