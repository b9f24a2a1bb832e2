//! Raw JSON to canonical values and back, one [`Codec`] per unit (or per part of a name or an
//! address). Reading is forgiving in spelling and strict in meaning: what cannot be understood is
//! either kept word for word (phones, e-mail addresses, codes) or [`Unreadable`], which makes the
//! unit absent; it never becomes empty.

mod address;
mod codes;
mod country;
mod date;
mod phone;
mod text;

pub use address::canonical_address;
pub use codes::Codes;
pub use country::{Country, UnknownCountry};
pub use phone::{e164, national};

use crate::path::Leaf;
use crate::schema::UnitType;
use crate::value::Value;
use date::DateSpelling;
use serde_json::Value as Json;
use std::borrow::Cow;

/// Something stands in the record that is no value of the unit's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record holds something that is no value of this unit's type")]
pub struct Unreadable;

/// The value cannot be spelt the way the mapping demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value cannot be spelt as the mapping demands")]
pub struct Unspellable;

/// How flags are spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagSpelling {
    /// JSON `true` and `false`.
    Json,
    /// The texts `true` and `false`.
    Text,
    /// The texts `yes` and `no`.
    YesNo,
    /// The numbers 1 and 0.
    OneZero,
}

/// Reads and writes one place of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Text; runs of white space are one space. `number` writes whole numbers as JSON numbers.
    Text {
        /// Write a JSON number.
        number: bool,
    },
    /// Lines of a postal address, joined by `, `.
    Lines,
    /// A calendar date.
    Date(DateSpelling),
    /// A calendar month.
    Month,
    /// A phone number.
    Phone {
        /// Where numbers without a country code belong.
        country: Country,
        /// Write numbers of that country the way they are dialled there.
        national: bool,
    },
    /// An e-mail address.
    Email,
    /// A flag.
    Flag(FlagSpelling),
    /// A code.
    Code(Codes),
    /// The id at the end of a reference.
    Reference {
        /// Written before the id, e.g. `Organization/`.
        prefix: String,
    },
}

impl Codec {
    /// The codec of a type in its plainest spelling. Names and addresses are text per part.
    pub fn plain(kind: UnitType, country: Country) -> Codec {
        match kind {
            UnitType::Text | UnitType::Name | UnitType::Address => Codec::Text { number: false },
            UnitType::Date => Codec::Date(DateSpelling::Iso),
            UnitType::Month => Codec::Month,
            UnitType::Phone => Codec::Phone {
                country,
                national: false,
            },
            UnitType::Email => Codec::Email,
            UnitType::Boolean => Codec::Flag(FlagSpelling::Json),
            UnitType::Code => Codec::Code(Codes::default()),
            UnitType::Reference => Codec::Reference { prefix: String::new() },
        }
    }

    /// Words that `write_as` may say for a type; references take any prefix that ends in `/`.
    pub fn spellings(kind: UnitType) -> &'static [&'static str] {
        match kind {
            UnitType::Text => &["text", "number"],
            UnitType::Date => &["iso", "dd/mm/yyyy", "mm/dd/yyyy", "epoch_ms"],
            UnitType::Phone => &["e164", "national"],
            UnitType::Boolean => &["boolean", "text", "yes_no", "one_zero"],
            _ => &[],
        }
    }

    /// The codec of a type in the spelling that `write_as` says; `None` if it says nothing known.
    pub fn spelt(kind: UnitType, country: Country, write_as: &str) -> Option<Codec> {
        if !Self::spellings(kind).contains(&write_as) && kind != UnitType::Reference {
            return None;
        }
        Some(match (kind, write_as) {
            (UnitType::Text, word) => Codec::Text {
                number: word == "number",
            },
            (UnitType::Date, word) => Codec::Date(DateSpelling::named(word)?),
            (UnitType::Phone, word) => Codec::Phone {
                country,
                national: word == "national",
            },
            (UnitType::Boolean, "text") => Codec::Flag(FlagSpelling::Text),
            (UnitType::Boolean, "yes_no") => Codec::Flag(FlagSpelling::YesNo),
            (UnitType::Boolean, "one_zero") => Codec::Flag(FlagSpelling::OneZero),
            (UnitType::Reference, prefix) if prefix.ends_with('/') => Codec::Reference {
                prefix: prefix.to_string(),
            },
            (UnitType::Reference, _) => return None,
            (kind, _) => Self::plain(kind, country),
        })
    }

    /// The value of a whole unit; blank is [`Value::Empty`].
    pub fn read(&self, leaf: Leaf<'_>) -> Result<Value, Unreadable> {
        if let (Codec::Flag(_), Leaf::One(json)) = (self, leaf) {
            return read_flag(json);
        }
        Ok(Value::text(self.read_text(leaf)?))
    }

    /// Canonical text; blank is the empty string.
    pub fn read_text<'a>(&self, leaf: Leaf<'a>) -> Result<Cow<'a, str>, Unreadable> {
        match leaf {
            Leaf::One(json) => self.canonical(scalar(json)?),
            Leaf::List([only]) => self.canonical(scalar(only)?),
            Leaf::List(list) => {
                let joint = if matches!(self, Codec::Lines) { ", " } else { " " };
                let mut joined = String::new();
                for element in list {
                    let element = scalar(element)?;
                    if !joined.is_empty() {
                        joined.push_str(joint);
                    }
                    joined.push_str(&element);
                }
                self.canonical(Cow::Owned(joined))
            }
        }
    }

    /// Canonical text of a raw spelling; blank is the empty string.
    pub fn canonical<'a>(&self, raw: Cow<'a, str>) -> Result<Cow<'a, str>, Unreadable> {
        let raw = text::squeeze(raw, matches!(self, Codec::Lines));
        if raw.is_empty() {
            return Ok(raw);
        }
        match self {
            Codec::Text { .. } => Ok(raw),
            Codec::Lines => Ok(text::lines(raw)),
            Codec::Date(spelling) => spelling.read(raw),
            Codec::Month => date::month(raw),
            Codec::Phone { country, .. } => Ok(match phone::e164(&raw, *country) {
                Some(number) if number != *raw => Cow::Owned(number),
                _ => raw,
            }),
            Codec::Email => Ok(text::email(raw)),
            Codec::Code(codes) => Ok(codes.read(raw)),
            Codec::Reference { .. } => Ok(text::last_segment(raw)),
            Codec::Flag(_) => match read_flag(&Json::String(raw.into_owned()))? {
                Value::Flag(flag) => Ok(Cow::Borrowed(if flag { "true" } else { "false" })),
                _ => Err(Unreadable),
            },
        }
    }

    /// A canonical, non-blank value as the record spells it; `list` where the path names a list.
    pub fn write(&self, value: &str, list: bool) -> Result<Json, Unspellable> {
        if list {
            let elements: Vec<Json> = match self {
                Codec::Lines => value.split(", ").map(Json::from).collect(),
                _ => value.split(' ').map(Json::from).collect(),
            };
            return Ok(Json::Array(elements));
        }
        Ok(match self {
            Codec::Text { number: true } => Json::from(value.parse::<i64>().map_err(|_| Unspellable)?),
            Codec::Date(spelling) => Json::String(spelling.write(value)?),
            Codec::Phone {
                country,
                national: true,
            } => Json::String(phone::national(value, *country).unwrap_or_else(|| value.to_string())),
            Codec::Code(codes) => codes.write(value),
            Codec::Reference { prefix } => Json::String(format!("{prefix}{value}")),
            _ => Json::String(value.to_string()),
        })
    }

    /// A flag as the record spells it; `None` where the unit is no flag.
    pub fn write_flag(&self, flag: bool) -> Option<Json> {
        let Codec::Flag(spelling) = self else {
            return None;
        };
        Some(match spelling {
            FlagSpelling::Json => Json::Bool(flag),
            FlagSpelling::Text => Json::from(if flag { "true" } else { "false" }),
            FlagSpelling::YesNo => Json::from(if flag { "yes" } else { "no" }),
            FlagSpelling::OneZero => Json::from(u8::from(flag)),
        })
    }
}

fn read_flag(json: &Json) -> Result<Value, Unreadable> {
    let text = match json {
        Json::Bool(flag) => return Ok(Value::Flag(*flag)),
        other => scalar(other)?,
    };
    match text.trim() {
        "" => Ok(Value::Empty),
        t if ["true", "yes", "y", "1"].iter().any(|w| t.eq_ignore_ascii_case(w)) => Ok(Value::Flag(true)),
        t if ["false", "no", "n", "0"].iter().any(|w| t.eq_ignore_ascii_case(w)) => Ok(Value::Flag(false)),
        _ => Err(Unreadable),
    }
}

/// A text or number as text; null is blank.
fn scalar(json: &Json) -> Result<Cow<'_, str>, Unreadable> {
    match json {
        Json::String(text) => Ok(Cow::Borrowed(text)),
        Json::Number(number) => Ok(Cow::Owned(number.to_string())),
        Json::Null => Ok(Cow::Borrowed("")),
        _ => Err(Unreadable),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
