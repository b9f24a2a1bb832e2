//! What keeps two records from being linked by themselves, whatever the weights say. A guard turns
//! a link into a question for a person, or tells the two apart.

use super::compare::{
    BornLevel, CROWD, CardLevel, Comparison, ContactLevel, GivenLevel, OwnerLevel, PlaceLevel, SexLevel, SurnameLevel,
    slip_of_another,
};
use super::person::{Born, Kind, Person};

/// Why two records are not linked without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// One speaks for several people. Tells apart.
    Several,
    /// Another given name, and a birth date that differs or that a child needs. Tells apart.
    OtherOfHousehold,
    /// The birth dates contradict.
    BirthDates,
    /// Two people on one card.
    OtherOnCard,
    /// The sex differs.
    Sex,
    /// One has no usable given or family name.
    NoName,
    /// The given names are not one name by spelling or general knowledge.
    GivenNames,
    /// The given name is an initial, and birth date or contact does not stand by it.
    InitialAlone,
    /// A child, or somebody of unknown age, without a birth date on both sides.
    ChildWithoutBirthDate,
    /// Name and birth date agree, and nothing else does.
    NoThirdField,
    /// The family names differ, and birth date or contact does not stand by them.
    FamilyNames,
    /// Only a phone or mailbox that many people use ties them.
    CrowdOnly,
    /// One has no birth date where nearly all of its system have one, and too little else agrees.
    DateUnknown,
    /// Too little beside a birth date that nearly agrees.
    NearBirthDate,
}

impl Guard {
    /// In plain words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Several => "one of the records speaks for several people",
            Self::OtherOfHousehold => "another given name, and no birth date that would say otherwise",
            Self::BirthDates => "the birth dates contradict each other",
            Self::OtherOnCard => "the card is the same, but the two have different numbers on it",
            Self::Sex => "the sex differs",
            Self::NoName => "a name is missing",
            Self::GivenNames => "the given names may be two people's",
            Self::InitialAlone => "the given name is only an initial",
            Self::ChildWithoutBirthDate => "children share phone, mailbox and address: both birth dates are needed",
            Self::NoThirdField => "name and birth date agree, but no phone, mailbox, address or card does",
            Self::FamilyNames => "the family names differ",
            Self::CrowdOnly => "only a phone or mailbox that many people use is the same",
            Self::DateUnknown => "a birth date is missing: it may be a relative of that name",
            Self::NearBirthDate => "the birth dates differ, and too little else agrees",
        }
    }

    /// Whether it stands even against two records that a third ties together.
    pub fn holds_always(self) -> bool {
        matches!(self, Self::Several | Self::OtherOnCard | Self::Sex)
    }

    /// Whether it tells the two apart for good, instead of asking.
    pub fn parts(self) -> bool {
        matches!(self, Self::Several | Self::OtherOfHousehold)
    }
}

/// From this age on people mostly have a phone and a mailbox of their own, and may hold a Medicare
/// card of their own (Services Australia: from fifteen).
const OWN_CONTACT: u16 = 15;
/// From this age on nobody shares them as a child does.
const GROWN: u16 = 18;
/// Until this age twins mostly live together.
pub(super) const TOGETHER: u16 = 30;

/// Whether somebody born then is younger than `age` at `today`. Nobody is, by an unknown date.
fn younger(born: Born, age: u16, today: Born) -> bool {
    let grown = (born.year + age, born.month, born.day);
    born.year != 0 && grown > (today.year, today.month, today.day)
}

/// How many of phone, mailbox, house and card tie two records.
pub fn ties(c: &Comparison) -> u32 {
    let contact = |l: ContactLevel| u32::from(matches!(l, ContactLevel::Own | ContactLevel::Shared));
    contact(c.phone)
        + contact(c.email)
        + u32::from(c.place == PlaceLevel::House)
        + u32::from(matches!(c.card, CardLevel::Person | CardLevel::Card))
}

/// What a guard must know beside the two records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Around {
    /// For telling children from adults.
    pub today: Born,
    /// Whether one record lacks a birth date though its system's records usually have one.
    pub date_unusually_missing: bool,
    /// Whether the records show households at all. A list of single people has no twins to mistake.
    pub households: bool,
}

/// The first guard that stands against a link of the two, if any. Symmetric.
pub fn guard(a: &Person, b: &Person, c: &Comparison, around: Around) -> Option<Guard> {
    if a.kind == Kind::Several || b.kind == Kind::Several {
        return Some(Guard::Several);
    }
    if c.card == CardLevel::Other {
        return Some(Guard::OtherOnCard);
    }
    if c.sex == SexLevel::Different {
        return Some(Guard::Sex);
    }
    if around.households {
        among_households(a, b, c, around)
    } else {
        among_single_people(c)
    }
}

/// Where nobody shares a house with anybody, house and birth date make up for a damaged name, and
/// house and name for a damaged birth date.
fn among_single_people(c: &Comparison) -> Option<Guard> {
    let number = c.card == CardLevel::Person;
    let house = c.place == PlaceLevel::House;
    let street = house || matches!(c.place, PlaceLevel::Street | PlaceLevel::Line);
    let area = street || matches!(c.place, PlaceLevel::Area | PlaceLevel::Elsewhere);
    let same_date = c.born == BornLevel::Same;
    let near_date = same_date || matches!(c.born, BornLevel::Swapped | BornLevel::Slip | BornLevel::Near);
    let given = !matches!(
        c.given,
        GivenLevel::Different | GivenLevel::Missing | GivenLevel::Initial
    );
    let family = matches!(
        c.surname,
        SurnameLevel::Same | SurnameLevel::Misspelt | SurnameLevel::Part
    );
    let agree = u32::from(given) + u32::from(family) + u32::from(near_date) + u32::from(street) + u32::from(number);
    if c.born == BornLevel::Different && !(agree >= 3 && (street || number) || agree == 2 && house && (given || family))
    {
        return Some(Guard::BirthDates);
    }
    // house and date; house and one name; street and anything but one more
    let at_home = house && agree >= 2 && (given || family || same_date);
    let name_and_date = given && family && same_date && (area || c.card == CardLevel::Near);
    if !(agree >= 3 && (number || street || ties(c) > 0) || number && agree == 2 || name_and_date || at_home) {
        return Some(Guard::NoThirdField);
    }
    None
}

fn among_households(a: &Person, b: &Person, c: &Comparison, around: Around) -> Option<Guard> {
    if c.born == BornLevel::Different {
        let other = !matches!(
            c.given,
            GivenLevel::Same | GivenLevel::Form | GivenLevel::WideForm | GivenLevel::Misspelt
        );
        return Some(if other {
            Guard::OtherOfHousehold
        } else {
            Guard::BirthDates
        });
    }
    let ties = ties(c);
    let same_date = c.born == BornLevel::Same;
    let no_surname = c.surname == SurnameLevel::Missing;
    let own = |l: ContactLevel| l == ContactLevel::Own;
    let by_given = c.given == GivenLevel::Same && (ties > 1 || same_date && ties > 0 || own(c.phone) || own(c.email));
    if c.given == GivenLevel::Missing || no_surname && !by_given {
        return Some(Guard::NoName);
    }
    let below = |age: u16| younger(a.born, age, around.today) || younger(b.born, age, around.today);
    let child = below(GROWN);
    if c.born == BornLevel::Missing && child && c.given == GivenLevel::Different {
        return Some(Guard::OtherOfHousehold);
    }
    if c.born == BornLevel::Missing && (below(OWN_CONTACT) || child && c.given != GivenLevel::Same) {
        return Some(Guard::ChildWithoutBirthDate);
    }
    // Charlie's mailbox may be Charlotte's, or that of a Charlie beside her
    let (x, y) = (a.given.word.bytes(), b.given.word.bytes());
    let two_names = !x.starts_with(y) && !y.starts_with(x);
    if c.given == GivenLevel::WideForm && !same_date && c.owner == OwnerLevel::Short && two_names {
        return Some(Guard::GivenNames);
    }
    let one_unit = a.street.unit == b.street.unit;
    if let Some(guard) = names(c, child, ties, one_unit) {
        return Some(guard);
    }
    // a twin's name is often a slip from the same misspelling
    let twins = child || same_date && below(TOGETHER);
    if twins && c.given == GivenLevel::Misspelt && slip_of_another(&a.given, &b.given) {
        return Some(Guard::GivenNames);
    }
    let whole_name = c.given == GivenLevel::Same && c.surname == SurnameLevel::Same;
    // a file without a date where all others have one may be the child named after the parent
    let one_date = (a.born.year == 0) != (b.born.year == 0);
    let whole_given = matches!(c.given, GivenLevel::Same | GivenLevel::Misspelt);
    let number = c.card == CardLevel::Person;
    if around.date_unusually_missing && !number && (one_date && ties < 3 || !whole_given || ties < 2 && !whole_name) {
        return Some(Guard::DateUnknown);
    }
    // the same postcode is a third field where nothing speaks against it
    let unknown = |l: ContactLevel| l == ContactLevel::Missing;
    if whole_name && same_date && unknown(c.phone) && unknown(c.email) && c.place == PlaceLevel::Area {
        return None;
    }
    let crowd = c.phone == ContactLevel::Crowd || c.email == ContactLevel::Crowd;
    let same_given = matches!(c.given, GivenLevel::Same | GivenLevel::Form | GivenLevel::Misspelt);
    let same_family = matches!(
        c.surname,
        SurnameLevel::Same | SurnameLevel::Misspelt | SurnameLevel::Part
    );
    let nearly = c.email == ContactLevel::Near && same_date && same_given && same_family;
    let one_slip = same_given && same_family && (c.given == GivenLevel::Same || c.surname == SurnameLevel::Same);
    if ties == 0 && !(crowd && one_slip) && !nearly {
        return Some(if crowd { Guard::CrowdOnly } else { Guard::NoThirdField });
    }
    None
}

/// What given and family names forbid.
fn names(c: &Comparison, child: bool, ties: u32, one_unit: bool) -> Option<Guard> {
    let same_date = c.born == BornLevel::Same;
    let other_family = matches!(c.surname, SurnameLevel::Changed | SurnameLevel::Different);
    if c.crossed && other_family && (child || ties == 0 || !same_date) {
        return Some(Guard::FamilyNames);
    }
    let by_form = matches!(c.given, GivenLevel::Form | GivenLevel::WideForm | GivenLevel::Misspelt);
    let same = |l: ContactLevel| matches!(l, ContactLevel::Own | ContactLevel::Shared);
    let or_unknown = |l: ContactLevel| same(l) || l == ContactLevel::Missing;
    let by_contact = (same(c.phone) || same(c.email)) && or_unknown(c.phone) && or_unknown(c.email);
    let only_house = ties == 1 && c.place == PlaceLevel::House;
    match c.given {
        GivenLevel::Same => {}
        // a slip or a form of no other name: even of twins only one is called that
        GivenLevel::Form | GivenLevel::Misspelt if child && ties > 0 => {}
        // twins share a birth date, and often all but a letter
        _ if child && c.card != CardLevel::Person => return Some(Guard::GivenNames),
        GivenLevel::Initial if !(same_date && ties > 0) => return Some(Guard::InitialAlone),
        GivenLevel::Different | GivenLevel::Second => return Some(Guard::GivenNames),
        // a short form of several names is a relative's as well
        GivenLevel::WideForm if !same_date && only_house => {
            return Some(Guard::GivenNames);
        }
        GivenLevel::FormMisspelt | GivenLevel::Loose if ties == 1 && by_contact => {}
        GivenLevel::Misspelt if c.surname == SurnameLevel::Misspelt && !same_date && ties < 2 => {
            return Some(Guard::GivenNames);
        }
        _ if !by_form && !same_date && ties < 2 => return Some(Guard::GivenNames),
        _ => {}
    }
    if other_family && !same_date {
        // a coordinator's phone and mailbox stand on many files: two Sharons among them are two people
        let others = c.phone_others.max(c.email_others);
        let busy = others > if c.place == PlaceLevel::House { CROWD - 1 } else { 2 };
        if busy || only_house && !one_unit || c.surname == SurnameLevel::Different {
            return Some(Guard::FamilyNames);
        }
    }
    let near = matches!(
        c.born,
        BornLevel::Near | BornLevel::Placeholder | BornLevel::Slip | BornLevel::Swapped
    );
    // relatives of one name, some years or days apart, share a mailbox or a house
    let kin = match c.born {
        BornLevel::Near => ties < 2,
        BornLevel::Slip => only_house,
        _ => false,
    };
    if near && (c.given != GivenLevel::Same && !by_form || other_family && ties < 2 || kin) {
        return Some(Guard::NearBirthDate);
    }
    None
}
