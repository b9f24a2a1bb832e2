//! How two records compare, field by field, in levels. A level says what was found, never how
//! much it weighs.

use super::blocking;
use super::given_names::{self, Relation};
use super::normalise::local_number;
use super::person::{Born, Given, Person, Word};

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

macro_rules! levels {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[repr(u8)]
        pub enum $name { $($(#[$item])* $variant),+ }
        impl $name {
            /// All levels, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The name in tables of weights.
            pub fn code(self) -> &'static str {
                match self { $($name::$variant => $code),+ }
            }
        }
    };
}

levels! {
    /// Given names.
    GivenLevel {
        /// Letter for letter.
        Same = "same",
        /// A short form or spelling by general knowledge.
        Form = "form",
        /// A short form that stands for several names.
        WideForm = "wide-form",
        /// Two short forms of one name.
        Sisters = "sisters",
        /// Loose equivalents in two languages.
        Loose = "loose",
        /// One slip apart, and one of them is hardly anybody's name.
        Misspelt = "misspelt",
        /// Two slips apart in a long name that is nobody else's.
        FarMisspelt = "far-misspelt",
        /// One slip from a short form, and hardly anybody's name.
        FormMisspelt = "form-misspelt",
        /// One begins like the other.
        Begins = "begins",
        /// One slip apart, but both are names.
        Alike = "alike",
        /// An initial that fits.
        Initial = "initial",
        /// One's first name is the other's second.
        Second = "second",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Family names.
    SurnameLevel {
        /// Letter for letter.
        Same = "same",
        /// One or two slips apart.
        Misspelt = "misspelt",
        /// A part of a double name.
        Part = "part",
        /// They differ; the person may have married.
        Changed = "changed",
        /// They differ, and both are men's.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Birth dates.
    BornLevel {
        /// The same date.
        Same = "same",
        /// Day and month stand in each other's place.
        Swapped = "swapped",
        /// One slip in one part.
        Slip = "slip",
        /// The same year, and one is the first of January: only the year was known.
        Placeholder = "placeholder",
        /// One part differs by more than a slip.
        Near = "near",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Sex.
    SexLevel {
        /// The same.
        Same = "same",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Phones and mailboxes.
    ContactLevel {
        /// The same, and nobody else's.
        Own = "own",
        /// The same, and one to four others use it.
        Shared = "shared",
        /// The same, and many use it.
        Crowd = "crowd",
        /// One slip apart.
        Near = "near",
        /// The same name at another provider.
        Namesake = "namesake",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Addresses.
    PlaceLevel {
        /// The same house.
        House = "house",
        /// The same street or number in the same postcode or suburb.
        Street = "street",
        /// The same postcode or suburb; a street is missing.
        Area = "area",
        /// The same postcode or suburb, another street.
        Elsewhere = "elsewhere",
        /// The same street and number in another postcode and suburb.
        Line = "line",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Medicare cards.
    CardLevel {
        /// The same card and the same person on it.
        Person = "person",
        /// The same card; at least one does not say whose.
        Card = "card",
        /// The same card, two people on it.
        Other = "other",
        /// One slip apart.
        Near = "near",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

levels! {
    /// Second given names.
    MiddleLevel {
        /// The same, or a fitting initial.
        Same = "same",
        /// They differ.
        Different = "different",
        /// At least one is missing.
        #[default]
        Missing = "missing",
    }
}

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
    /// Records under the same phone and mailbox in all, as a share.
    pub phone_share: f32,
    /// As above.
    pub email_share: f32,
}

/// Slips between two words, counting a swap of neighbours as one; anything past `most` is `most + 1`.
fn slips(a: &[u8], b: &[u8], most: usize) -> usize {
    let (mut a, mut b) = (a, b);
    while let ([x, ra @ ..], [y, rb @ ..]) = (a, b)
        && x == y
    {
        (a, b) = (ra, rb);
    }
    while let ([ra @ .., x], [rb @ .., y]) = (a, b)
        && x == y
    {
        (a, b) = (ra, rb);
    }
    if a.len().abs_diff(b.len()) > most || a.len().max(b.len()) > 24 {
        return most + 1;
    }
    if a.is_empty() || b.is_empty() {
        return a.len().max(b.len());
    }
    let mut rows = [[0u8; 26]; 3];
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j as u8;
    }
    for i in 1..=a.len() {
        let (now, above, two) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i as u8;
        for j in 1..=b.len() {
            let swap = u8::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[above][j] + 1)
                .min(rows[now][j - 1] + 1)
                .min(rows[above][j - 1] + swap);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[two][j - 2] + 1);
            }
            rows[now][j] = best;
        }
    }
    usize::from(rows[a.len() % 3][b.len()]).min(most + 1)
}

/// Whether one of two names is so rare beside the other that it must be a slip.
fn one_is_a_slip(a: u32, b: u32) -> bool {
    let (rare, common) = (a.min(b), a.max(b));
    rare <= 1 || u64::from(rare) * 25 <= u64::from(common)
}

fn given_words(a: &Given, b: &Given, f: &impl Frequencies) -> GivenLevel {
    let (x, y) = (&a.word, &b.word);
    if x.is_empty() || y.is_empty() {
        return GivenLevel::Missing;
    }
    if x.hash == y.hash {
        return if x.is_initial() {
            GivenLevel::Initial
        } else {
            GivenLevel::Same
        };
    }
    if x.is_initial() || y.is_initial() {
        return if x.bytes()[0] == y.bytes()[0] {
            GivenLevel::Initial
        } else {
            GivenLevel::Different
        };
    }
    match given_names::relation(a.known, b.known) {
        Some(Relation::Form) => {
            let many = given_names::stands_for(a.known).max(given_names::stands_for(b.known)) > 1;
            let wide = many || given_names::is_full(a.known) && given_names::is_full(b.known);
            return if wide { GivenLevel::WideForm } else { GivenLevel::Form };
        }
        Some(Relation::Sisters) => return GivenLevel::Sisters,
        Some(Relation::Loose) => return GivenLevel::Loose,
        None => {}
    }
    let (p, q) = (x.bytes(), y.bytes());
    let distance = slips(p, q, 2);
    let long = p.len().max(q.len());
    if distance == 1 && p.len().min(q.len()) >= 3 {
        // few mistype a first letter, and Lara and Zara are two names however rare they are
        let two_names = p[0] != q[0] || a.known != 0 && b.known != 0;
        return if !two_names && one_is_a_slip(f.given(x.hash), f.given(y.hash)) {
            GivenLevel::Misspelt
        } else {
            GivenLevel::Alike
        };
    }
    let short = p.len().min(q.len());
    if short >= 3 && p[..short] == q[..short] {
        return GivenLevel::Begins;
    }
    let slip_of = |x: &Given, y: &Given| {
        x.known == 0 && y.known != 0 && x.word.bytes().len() >= 3 && f.given(x.word.hash) <= 2 && {
            given_names::any_form(y.known, |form| {
                form.len() >= 4 && form[0] == x.word.bytes()[0] && slips(form, x.word.bytes(), 1) <= 1
            })
        }
    };
    if slip_of(a, b) || slip_of(b, a) {
        return GivenLevel::FormMisspelt;
    }
    if distance == 2 && long >= 5 && p[0] == q[0] && (a.known == 0 || b.known == 0) {
        return if one_is_a_slip(f.given(x.hash), f.given(y.hash)) {
            GivenLevel::FarMisspelt
        } else {
            GivenLevel::Different
        };
    }
    GivenLevel::Different
}

fn given(a: &Person, b: &Person, f: &impl Frequencies) -> GivenLevel {
    let first = given_words(&a.given, &b.given, f);
    if first != GivenLevel::Different {
        return first;
    }
    let second = |x: &Given, y: &Given| !y.word.is_initial() && x.word.hash == y.word.hash && y.word.hash != 0;
    if second(&a.given, &b.middle) || second(&b.given, &a.middle) {
        return GivenLevel::Second;
    }
    first
}

fn family<const N: usize, const M: usize>(a: &Word<N>, b: &Word<M>) -> Option<SurnameLevel> {
    if a.is_empty() || b.is_empty() {
        return Some(SurnameLevel::Missing);
    }
    if a.hash == b.hash {
        return Some(SurnameLevel::Same);
    }
    let long = a.bytes().len().max(b.bytes().len());
    let most = if long >= 7 { 2 } else { 1 };
    (long >= 4 && slips(a.bytes(), b.bytes(), most) <= most).then_some(SurnameLevel::Misspelt)
}

fn surname(a: &Person, b: &Person) -> SurnameLevel {
    if let Some(level) = family(&a.surname, &b.surname) {
        return level;
    }
    let part = |x: &Person, y: &Person| {
        x.surname_parts
            .iter()
            .any(|p| *p != 0 && (*p == y.surname.hash || y.surname_parts.contains(p)))
    };
    if part(a, b) || part(b, a) {
        return SurnameLevel::Part;
    }
    if a.sex == b'M' || b.sex == b'M' {
        SurnameLevel::Different
    } else {
        SurnameLevel::Changed
    }
}

fn born(a: Born, b: Born) -> BornLevel {
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

fn phone(a: &Person, b: &Person, f: &impl Frequencies) -> (ContactLevel, u8) {
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

fn email(a: &Person, b: &Person, f: &impl Frequencies) -> (ContactLevel, u8) {
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

fn place(a: &Person, b: &Person) -> PlaceLevel {
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

fn card(a: &Person, b: &Person) -> CardLevel {
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

fn middle(a: &Person, b: &Person) -> MiddleLevel {
    let (x, y) = (&a.middle.word, &b.middle.word);
    if x.is_empty() || y.is_empty() {
        return MiddleLevel::Missing;
    }
    let initial = (x.is_initial() || y.is_initial()) && x.bytes()[0] == y.bytes()[0];
    if x.hash == y.hash || initial || slips(x.bytes(), y.bytes(), 1) <= 1 {
        MiddleLevel::Same
    } else {
        MiddleLevel::Different
    }
}

/// The levels if given and family name stand in each other's place in one of the two. Seen from
/// the name that agrees letter for letter.
fn crossed(a: &Person, b: &Person, f: &impl Frequencies) -> Option<(GivenLevel, SurnameLevel)> {
    let whole = |w: u32, v: u32| w == v && w != 0;
    let as_given = |w: &Word<22>| {
        let text = std::str::from_utf8(w.bytes()).unwrap_or_default();
        Given {
            word: Word::new(text),
            known: given_names::place(text),
        }
    };
    let changed = || {
        if a.sex == b'M' || b.sex == b'M' {
            SurnameLevel::Different
        } else {
            SurnameLevel::Changed
        }
    };
    // b has them crossed, or a has: the same test either way round
    if whole(a.given.word.hash, b.surname.hash) && !a.given.word.is_initial() {
        if a.surname.is_empty() || b.given.word.is_empty() {
            return None;
        }
        // which of the two words is the given name, general knowledge or frequency must say
        let given_is_a = f.given(a.given.word.hash) >= f.surname(a.given.word.hash);
        let rest = family(&b.given.word, &a.surname);
        return Some(if given_is_a {
            (GivenLevel::Same, rest.unwrap_or_else(changed))
        } else {
            (given_words(&as_given(&a.surname), &b.given, f), SurnameLevel::Same)
        });
    }
    None
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
    // few records tell little of how common a name is: as many of the wide world count with them
    let all = f.records() as f32 + WORLD;
    let shared = |level: ContactLevel, others: u8| match level {
        ContactLevel::Own | ContactLevel::Shared | ContactLevel::Crowd => (f32::from(others) + 2.0) / all,
        _ => 0.0,
    };
    c.phone_share = shared(c.phone, c.phone_others);
    c.email_share = shared(c.email, c.email_others);
    if c.given == GivenLevel::Same {
        c.given_share = (f.given(a.given.word.hash).max(f.given(b.given.word.hash)) as f32 + WORLD * USUAL) / all;
    }
    if c.surname == SurnameLevel::Same {
        c.surname_share = (f.surname(a.surname.hash).max(f.surname(b.surname.hash)) as f32 + WORLD * USUAL) / all;
    }
    c
}
