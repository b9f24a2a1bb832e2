//! What inputs accept, and how their values are spelt for Halaxy. Texts that do not fit are never repeated: they may be
//! somebody's data.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value as Json;

/// What an input accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// An id of this resource type; a reference to it is cut to its id.
    Id(&'static str),
    /// Ids with commas between.
    Ids(&'static str),
    /// A reference to one of these types: `Type/id`, a URL that ends so, or the id alone where one type is meant.
    Reference(&'static [&'static str]),
    /// A date, `YYYY-MM-DD`.
    Date,
    /// A moment with its offset from UTC.
    Instant,
    /// A date or a moment, perhaps after one of `eq ne gt lt ge le`.
    When,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A field to sort by, perhaps after `-`.
    Sort(&'static [&'static str]),
    /// A word of an open set: lower case is Halaxy's own.
    Code,
    /// Any text.
    Text,
    /// An e-mail address.
    Email,
    /// A phone number; digits, spaces and a leading plus.
    Phone,
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds.
    Number(u32, u32),
    /// A decimal number, perhaps after one of `eq ne gt lt ge le`.
    Amount,
    /// This very word, so that nobody does it by mistake.
    Word(&'static str),
}

const PREFIXES: [&str; 6] = ["eq", "ne", "gt", "lt", "ge", "le"];

/// How ids of a type begin (halaxy-api.md section 7.0); any way if none is named.
fn beginnings(resource: &str) -> &'static [&'static str] {
    match resource {
        "Practitioner" | "PractitionerRole" => &["PR-", "EP-"],
        "Organization" => &["PG-", "CL-", "OG-", "FD-", "SP-"],
        _ => &[],
    }
}

fn is_id(resource: &str, text: &str) -> bool {
    let beginnings = beginnings(resource);
    let sound = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
    let rest = beginnings.iter().find_map(|b| text.strip_prefix(b));
    let rest = if beginnings.is_empty() { Some(text) } else { rest };
    rest.is_some_and(|rest| {
        !rest.is_empty() && text.len() <= 64 && text.bytes().all(sound) && rest != "." && rest != ".."
    })
}

/// The type and id that a text names, the type if it says one.
fn taken_apart(text: &str) -> (Option<&str>, &str) {
    let mut parts = text.trim().rsplit('/');
    let id = parts.next().unwrap_or_default();
    (parts.next().filter(|kind| !kind.is_empty()), id)
}

impl Check {
    /// The value as it is sent; references as `Type/id`.
    ///
    /// # Errors
    /// What is accepted instead.
    pub fn read(self, text: &str) -> Result<Json, String> {
        let text = text.trim();
        self.value(text).ok_or_else(|| self.remedy())
    }

    fn value(self, text: &str) -> Option<Json> {
        let id = |resource: &str, text: &str| {
            let (kind, id) = taken_apart(text);
            (kind.is_none_or(|kind| kind == resource) && is_id(resource, id)).then(|| id.to_string())
        };
        match self {
            Check::Id(resource) => Some(id(resource, text)?.into()),
            Check::Ids(resource) => {
                let ids: Option<Vec<String>> = text.split(',').map(|part| id(resource, part)).collect();
                Some(ids?.join(",").into())
            }
            Check::Reference(types) => {
                let (said, id) = taken_apart(text);
                let kind = match (said, types) {
                    (Some(said), _) => types.iter().find(|kind| **kind == said)?,
                    (None, [only]) => only,
                    (None, _) => return None,
                };
                is_id(kind, id).then(|| format!("{kind}/{id}").into())
            }
            Check::Date => is_date(text).then(|| text.into()),
            Check::Instant => text.parse::<Timestamp>().ok().map(|_| text.into()),
            Check::When => {
                let (_, at) = without_prefix(text);
                (is_date(at) || at.parse::<Timestamp>().is_ok()).then(|| text.into())
            }
            Check::OneOf(words) => words.iter().find(|word| **word == text).map(|word| (*word).into()),
            Check::Sort(fields) => fields.contains(&text.trim_start_matches('-')).then(|| text.into()),
            Check::Code => {
                let sound = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '(' | ')' | ',');
                let fits = !text.is_empty() && text.len() <= 60 && text.chars().all(sound);
                fits.then(|| text.to_lowercase().into())
            }
            Check::Text => {
                let plain = !text.is_empty() && text.len() <= 4_000 && !text.contains('\0');
                plain.then(|| text.into())
            }
            Check::Email => {
                let (user, host) = text.rsplit_once('@')?;
                let sound = !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace);
                sound.then(|| text.into())
            }
            Check::Phone => {
                let digits = text.chars().filter(char::is_ascii_digit).count();
                let sound = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')');
                ((4..=15).contains(&digits) && text.chars().all(sound)).then(|| text.into())
            }
            Check::Flag => text.parse::<bool>().ok().map(Json::from),
            Check::Number(least, most) => {
                let number = text.parse::<u32>().ok()?;
                (least..=most).contains(&number).then(|| number.into())
            }
            Check::Amount => without_prefix(text).1.parse::<Decimal>().ok().map(|_| text.into()),
            Check::Word(word) => (text == word).then(|| text.into()),
        }
    }

    /// What is accepted, as an instruction.
    pub fn remedy(self) -> String {
        let shape = |resource: &str| match beginnings(resource) {
            [] => format!("the id of a {resource}, e.g. 900001"),
            all => format!("the id of a {resource}: {} and a number", all.join(" or ")),
        };
        match self {
            Check::Id(resource) => format!("give {}", shape(resource)),
            Check::Ids(resource) => format!("give {}; several with commas between", shape(resource)),
            Check::Reference([only]) => format!("give {}", shape(only)),
            Check::Reference(types) => format!("give TYPE/ID, where TYPE is {}", types.join(" or ")),
            Check::Date => "write a date as YYYY-MM-DD".into(),
            Check::Instant => "write a moment with its offset, e.g. 2026-03-04T09:00:00+10:00".into(),
            Check::When => {
                "write a date (2026-03-04) or a moment with its offset, perhaps with gt, ge, lt, le, eq or ne \
                            in front, e.g. ge2026-03-04"
                    .into()
            }
            Check::OneOf(words) => format!("write one of: {}", words.join(", ")),
            Check::Sort(fields) => format!("write one of: {}; with - in front for the reverse", fields.join(", ")),
            Check::Code => "write the status or code as Halaxy shows it, e.g. booked; at most 60 letters".into(),
            Check::Text => "write some text, at most 4,000 letters; longer ones go into --body".into(),
            Check::Email => "write an e-mail address, e.g. name@example.org".into(),
            Check::Phone => "write a phone number with 4 to 15 digits, e.g. +61491570006".into(),
            Check::Flag => "write true or false".into(),
            Check::Number(least, most) => format!("write a whole number from {least} to {most}"),
            Check::Amount => "write a number, perhaps with gt, ge, lt, le, eq or ne in front, e.g. gt0".into(),
            Check::Word(word) => format!("write `{word}` to say that you mean it"),
        }
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<Date>().is_ok()
}

fn without_prefix(text: &str) -> (&str, &str) {
    let known = PREFIXES.iter().find(|prefix| text.starts_with(**prefix));
    known.map_or(("", text), |prefix| text.split_at(prefix.len()))
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn references_take_every_spelling_and_no_other_type() {
        let patient = Check::Reference(&["Patient"]);
        for text in [
            "900001",
            "Patient/900001",
            "/main/Patient/900001",
            "https://au-api.halaxy.com/main/Patient/900001",
        ] {
            assert_eq!(patient.read(text), Ok("Patient/900001".into()), "{text}");
        }
        let either = Check::Reference(&["Patient", "Organization"]);
        assert!(either.read("900001").is_err());
        assert_eq!(
            either.read("Organization/FD-150001"),
            Ok("Organization/FD-150001".into())
        );
        for text in ["Invoice/7", "Patient/", "", "Patient/../7", "Patient/a b"] {
            assert!(patient.read(text).is_err(), "{text}");
        }
        assert!(Check::Id("Practitioner").read("500001").is_err());
        assert!(Check::Id("PractitionerRole").read("Practitioner/PR-5").is_err());
        assert!(Check::Id("Patient").read("..").is_err());
    }

    #[test]
    fn times_have_an_offset_and_dates_are_real() {
        assert!(Check::Instant.read("2026-03-04T09:00:00").is_err());
        assert!(Check::Instant.read("2026-03-04T09:00:00+10:00").is_ok());
        assert!(Check::Date.read("2026-02-30").is_err());
        assert!(Check::When.read("ge2026-03-04").is_ok());
        assert!(Check::When.read("after 2026").is_err());
        assert!(Check::Amount.read("gt0").is_ok());
    }
}
