//! Countries: ISO 3166-1 codes and the names people write in addresses.

use std::fmt;
use std::str::FromStr;

/// A country by its ISO 3166-1 alpha-2 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// Not a two-letter country code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no two-letter country code such as AU")]
pub struct UnknownCountry(pub String);

impl Country {
    /// Australia.
    pub const AU: Country = Country(*b"AU");

    /// The two letters, upper case.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        match text.trim().as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Ok(Country([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => Err(UnknownCountry(text.to_string())),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Canonical name first, then other spellings. ISO 3166-1 short names, save where everyday English
/// differs. England, Scotland and Wales stay as written: they say more than the country does.
const NAMES: &[&[&str]] = &[
    &["Australia", "AU", "AUS", "Commonwealth of Australia"],
    &["New Zealand", "NZ", "NZL", "Aotearoa", "Aotearoa New Zealand"],
    &["United Kingdom", "GB", "GBR", "UK", "U.K.", "Great Britain"],
    &["Ireland", "IE", "IRL", "Republic of Ireland", "Eire"],
    &[
        "United States",
        "US",
        "USA",
        "U.S.",
        "U.S.A.",
        "United States of America",
    ],
    &["Canada", "CA", "CAN"],
    &["Singapore", "SG", "SGP"],
    &["South Africa", "ZA", "ZAF"],
    &["India", "IN", "IND"],
    &["China", "CN", "CHN"],
    &["Hong Kong", "HK", "HKG"],
    &["Germany", "DE", "DEU", "Deutschland"],
    &["France", "FR", "FRA"],
    &["Netherlands", "NL", "NLD", "The Netherlands"],
    &["Fiji", "FJ", "FJI"],
    &["Papua New Guinea", "PG", "PNG"],
];

/// The canonical name of a country, if the text names one we know.
pub(super) fn name(text: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|names| names.iter().any(|n| n.eq_ignore_ascii_case(text)))
        .map(|names| names[0])
}
