//! One record as matching sees it: folded, normalised and of fixed size, so that a million of them
//! fit in memory and comparing two touches nothing else.

use super::normalise;

/// What a source says of one person, as it stands there. Blank and unknown are the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw<'a> {
    /// Given names.
    pub given_name: &'a str,
    /// Family name.
    pub surname: &'a str,
    /// ISO, `D/M/YYYY` or eight digits.
    pub date_of_birth: &'a str,
    /// Any word or code for it.
    pub sex: &'a str,
    /// Up to three phone numbers count.
    pub phones: [&'a str; 3],
    /// Up to two mailboxes count.
    pub emails: [&'a str; 2],
    /// Number and street, in one line.
    pub street: &'a str,
    /// Suburb or town.
    pub suburb: &'a str,
    /// Postcode.
    pub postcode: &'a str,
    /// Medicare card number, with the person's own number on it after a slash or as an eleventh digit.
    pub card: &'a str,
}

/// A name of at most `N` folded letters, with a hash of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<const N: usize> {
    /// Of the whole word, also past `N`; 0 for none.
    pub hash: u32,
    len: u8,
    letters: [u8; N],
}

impl<const N: usize> Default for Word<N> {
    fn default() -> Self {
        Self {
            hash: 0,
            len: 0,
            letters: [0; N],
        }
    }
}

impl<const N: usize> Word<N> {
    /// From folded ASCII text.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut letters = [0; N];
        let len = bytes.len().min(N);
        letters[..len].copy_from_slice(&bytes[..len]);
        Self {
            hash: if text.is_empty() { 0 } else { hash32(text) },
            len: len as u8,
            letters,
        }
    }

    /// The letters that are kept.
    pub fn bytes(&self) -> &[u8] {
        &self.letters[..usize::from(self.len)]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it is one letter.
    pub fn is_initial(&self) -> bool {
        self.len == 1
    }
}

/// A given name, with its place in the table of short forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The letters.
    pub word: Word<14>,
    /// Place in the table of given names; 0 if it is not there.
    pub known: u16,
}

/// A birth date in its parts, unchecked: sources hold impossible ones too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Born {
    /// Year; 0 for no date.
    pub year: u16,
    /// Month.
    pub month: u8,
    /// Day.
    pub day: u8,
}

impl From<jiff::civil::Date> for Born {
    fn from(date: jiff::civil::Date) -> Self {
        Self {
            year: date.year().unsigned_abs(),
            month: date.month().unsigned_abs(),
            day: date.day().unsigned_abs(),
        }
    }
}

/// What kind of record stands behind a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A person, as far as the name tells.
    #[default]
    Person,
    /// No usable name.
    Nameless,
    /// "The X Family", "A & B", "Sam's mum": no single person.
    Several,
}

/// A mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// Of the whole address after the provider's rules; 0 for none.
    pub hash: u64,
    /// Of the part before the `@` after the provider's rules.
    pub exact: u32,
    /// Letters and digits of the part before the `@`.
    pub local: Word<22>,
    /// Dots, dashes and underscores that count.
    pub marks: u8,
    /// Of the domain's first label.
    pub provider: u32,
}

/// A street address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Street {
    /// House number; 0 for none.
    pub number: u32,
    /// Unit; 0 for none.
    pub unit: u32,
    /// Name without its type.
    pub name: Word<14>,
}

/// One record, normalised.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Person {
    /// First given name.
    pub given: Given,
    /// Second given name or its initial.
    pub middle: Given,
    /// Whole family name, joined.
    pub surname: Word<22>,
    /// First and last part of a family name of several parts, else 0.
    pub surname_parts: [u32; 2],
    /// Whether name fields were empty or filled in an unusual way.
    pub kind: Kind,
    /// Birth date.
    pub born: Born,
    /// `F`, `M` or 0.
    pub sex: u8,
    /// National numbers without the leading zero; 0 for none.
    pub phones: [u64; 3],
    /// Mailboxes.
    pub emails: [Mailbox; 2],
    /// Street.
    pub street: Street,
    /// Suburb.
    pub suburb: Word<10>,
    /// Four digits; 0 for none.
    pub postcode: u16,
    /// Medicare card, or another number that is one person's; 0 for none.
    pub card: u64,
    /// Whether the number is one person's by itself: no Medicare card, which families share.
    pub card_is_personal: bool,
    /// The person's number on the card; 0 for none.
    pub irn: u8,
}

impl Person {
    /// Normalises a record.
    pub fn new(raw: &Raw<'_>) -> Self {
        normalise::person(raw)
    }

    /// How many fields are filled: of two records of one person the fuller one is linked.
    pub fn fullness(&self) -> u32 {
        let filled = [
            !self.given.word.is_empty() && !self.given.word.is_initial(),
            !self.surname.is_empty(),
            self.born.year != 0,
            self.sex != 0,
            self.phones[0] != 0,
            self.emails[0].hash != 0,
            !self.street.name.is_empty(),
            self.postcode != 0,
            self.card != 0,
        ];
        filled.iter().map(|f| u32::from(*f)).sum()
    }
}

/// A stable hash of text, for use in one process.
pub fn hash64(kind: u8, parts: &[u64]) -> u64 {
    let mut h = 0x9e37_79b9_7f4a_7c15_u64 ^ (u64::from(kind) << 32);
    for part in parts {
        h = (h ^ part).wrapping_mul(0xff51_afd7_ed55_8ccd);
        h ^= h >> 32;
    }
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 29)
}

/// A hash of text.
pub fn hash_text(text: &str) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    for b in text.bytes() {
        h = (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash64(0, &[h])
}

pub(super) fn hash32(text: &str) -> u32 {
    ((hash_text(text) >> 16) as u32).max(1)
}
