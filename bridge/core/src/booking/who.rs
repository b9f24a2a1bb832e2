//! Recognising who asks among the patients of the practice. A name and a second thing that nobody else shares, or nobody.

use crate::codec::{Country, e164};
use serde::{Deserialize, Serialize};

/// Somebody by name and contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Given name.
    pub given: String,
    /// Family name.
    pub family: String,
    /// Birth date, `YYYY-MM-DD`.
    pub birth_date: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
}

impl Named {
    /// Whether it is enough to look for somebody: both names, and a birth date or a way to reach them.
    pub fn is_enough(&self) -> bool {
        let said = |text: &Option<String>| text.as_deref().is_some_and(|text| !plain(text).is_empty());
        let names = !plain(&self.given).is_empty() && !plain(&self.family).is_empty();
        names && (said(&self.birth_date) || said(&self.email) || said(&self.phone))
    }
}

/// A patient who may be meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Halaxy's id.
    pub id: String,
    /// Given and family names: the legal and the preferred one.
    pub names: Vec<(String, String)>,
    /// Birth date, `YYYY-MM-DD`.
    pub birth_date: Option<String>,
    /// E-mail addresses.
    pub emails: Vec<String>,
    /// Phone numbers.
    pub phones: Vec<String>,
    /// Whether the patient may be booked for: not archived, blocked or deceased.
    pub active: bool,
}

/// Who was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// This patient, by id.
    One(String),
    /// Nobody.
    Nobody,
    /// Several could be meant.
    Several(Vec<String>),
}

/// Who is meant. Names must be the same, and the birth date or a way to reach them; a birth date that differs rules out.
pub fn recognise(named: &Named, patients: &[Candidate], home: Country) -> Recognised {
    let number = |text: &str| e164(text, home).unwrap_or_else(|| plain(text));
    let fits = |one: &&Candidate| {
        let name = one.names.iter().any(|(given, family)| {
            plain(family) == plain(&named.family) && first_name(given) == first_name(&named.given)
        });
        let born = match (&named.birth_date, &one.birth_date) {
            (Some(said), Some(kept)) => Some(said.trim() == kept.trim()),
            _ => None,
        };
        let mail = named.email.as_deref().is_some_and(|said| {
            let same = |kept: &String| kept.trim().eq_ignore_ascii_case(said.trim());
            !said.trim().is_empty() && one.emails.iter().any(same)
        });
        let phone = named.phone.as_deref().is_some_and(|said| {
            let same = |kept: &String| number(kept) == number(said);
            !plain(said).is_empty() && one.phones.iter().any(same)
        });
        one.active && name && born != Some(false) && (born == Some(true) || mail || phone)
    };
    let mut found: Vec<String> = patients.iter().filter(fits).map(|one| one.id.clone()).collect();
    found.sort();
    found.dedup();
    match found.len() {
        0 => Recognised::Nobody,
        1 => Recognised::One(found.remove(0)),
        _ => Recognised::Several(found),
    }
}

/// Letters and digits in lower case, accents left out.
fn plain(text: &str) -> String {
    let text = deunicode::deunicode(text).to_lowercase();
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The first of the given names.
fn first_name(text: &str) -> String {
    let mut words = text.split_whitespace().map(plain).filter(|word| !word.is_empty());
    words.next().unwrap_or_default()
}
