//! Phone numbers to E.164 and back, by the numbering plans of the countries that Halaxy's
//! practices are in. Whatever does not fit a plan (extensions, notes, two numbers in one field,
//! local numbers without their area code) is nobody's number to guess at and stays as written.
//!
//! Sources: ITU-T E.164 (at most 15 digits); Australia: Telecommunications Numbering Plan 2025
//! (ACMA); New Zealand: Number Administration Deed; United Kingdom: National Telephone Numbering
//! Plan (Ofcom); Ireland: Numbering Conditions of Use (ComReg); US and Canada: North American
//! Numbering Plan (NANPA). International prefixes: ITU-T list of dialling procedures.

use super::country::Country;

/// How numbers are built in one country.
struct Plan {
    countries: &'static [&'static str],
    calling_code: &'static str,
    /// Dialled before a national number inside the country.
    trunk: &'static str,
    /// Dialled before a country code.
    exits: &'static [&'static str],
    /// First digits of a national number (without trunk) with the lengths that go with them.
    numbers: &'static [(&'static str, &'static [usize])],
    /// First digits of numbers that are dialled without a trunk prefix.
    bare: &'static [&'static str],
}

const PLANS: &[Plan] = &[
    Plan {
        countries: &["AU"],
        calling_code: "61",
        trunk: "0",
        exits: &["0011", "00"],
        numbers: &[
            ("1300", &[10]),
            ("1800", &[10]),
            ("13", &[6]),
            ("2", &[9]),
            ("3", &[9]),
            ("4", &[9]),
            ("5", &[9]),
            ("7", &[9]),
            ("8", &[9]),
        ],
        bare: &["1300", "1800", "13"],
    },
    Plan {
        countries: &["NZ"],
        calling_code: "64",
        trunk: "0",
        exits: &["00"],
        numbers: &[
            ("2", &[8, 9, 10]),
            ("3", &[8]),
            ("4", &[8]),
            ("508", &[9]),
            ("6", &[8]),
            ("7", &[8]),
            ("800", &[9, 10]),
            ("9", &[8]),
        ],
        bare: &[],
    },
    Plan {
        countries: &["GB"],
        calling_code: "44",
        trunk: "0",
        exits: &["00"],
        numbers: &[
            ("1", &[9, 10]),
            ("2", &[10]),
            ("3", &[10]),
            ("5", &[10]),
            ("7", &[10]),
            ("800", &[9, 10]),
            ("8", &[10]),
            ("9", &[10]),
        ],
        bare: &[],
    },
    Plan {
        countries: &["IE"],
        calling_code: "353",
        trunk: "0",
        exits: &["00"],
        numbers: &[
            ("1800", &[10]),
            ("1850", &[10]),
            ("1890", &[10]),
            ("1", &[8]),
            ("2", &[7, 8, 9]),
            ("4", &[7, 8, 9]),
            ("5", &[7, 8, 9]),
            ("6", &[7, 8, 9]),
            ("7", &[8, 9]),
            ("8", &[9]),
            ("9", &[7, 8, 9]),
        ],
        bare: &["1800", "1850", "1890"],
    },
    Plan {
        countries: &["US", "CA"],
        calling_code: "1",
        trunk: "1",
        exits: &["011", "00"],
        numbers: &[
            ("2", &[10]),
            ("3", &[10]),
            ("4", &[10]),
            ("5", &[10]),
            ("6", &[10]),
            ("7", &[10]),
            ("8", &[10]),
            ("9", &[10]),
        ],
        bare: &[],
    },
];

impl Plan {
    fn of(country: Country) -> Option<&'static Plan> {
        PLANS.iter().find(|plan| plan.countries.contains(&country.code()))
    }

    /// Whether the digits are a national number, without trunk prefix.
    fn fits(&self, digits: &str) -> bool {
        // In North America the exchange code begins with 2-9, like the area code.
        let exchange_ok = self.calling_code != "1" || digits.as_bytes().get(3).is_some_and(|d| *d >= b'2');
        exchange_ok && self.numbers.iter().any(|number| matches(number, digits))
    }

    fn is_bare(&self, digits: &str) -> bool {
        self.numbers
            .iter()
            .any(|number| self.bare.contains(&number.0) && matches(number, digits))
    }

    /// A national number from digits that may begin with the trunk prefix.
    fn strip_trunk<'d>(&self, digits: &'d str) -> Option<&'d str> {
        let stripped = digits
            .strip_prefix(self.trunk)
            .filter(|rest| self.fits(rest) && !self.is_bare(rest));
        stripped.or_else(|| self.fits(digits).then_some(digits))
    }
}

fn matches((first, lengths): &(&str, &[usize]), digits: &str) -> bool {
    digits.starts_with(first) && lengths.contains(&digits.len())
}

/// The number as E.164 (`+` and digits), or `None` where the text is no number we are sure of.
/// `home` is the country of numbers without a country code. E.164 comes back unchanged.
pub fn e164(text: &str, home: Country) -> Option<String> {
    let (plus, digits) = digits(text)?;
    let plan = Plan::of(home);
    if plus {
        return international(&digits);
    }
    if let Some(plan) = plan {
        if let Some(number) = plan.strip_trunk(&digits) {
            return Some(format!("+{}{number}", plan.calling_code));
        }
        if let Some(rest) = plan.exits.iter().find_map(|exit| digits.strip_prefix(exit)) {
            return international(rest);
        }
        // Written with the country code but without its plus.
        if let Some(rest) = digits.strip_prefix(plan.calling_code)
            && plan.fits(rest)
        {
            return Some(format!("+{digits}"));
        }
    }
    None
}

/// A number of `home` as it is dialled there, digits only; `None` for any other number.
pub fn national(number: &str, home: Country) -> Option<String> {
    let plan = Plan::of(home)?;
    let digits = number
        .strip_prefix('+')?
        .strip_prefix(plan.calling_code)
        .filter(|rest| plan.fits(rest))?;
    let trunk = if plan.is_bare(digits) || plan.calling_code == "1" {
        ""
    } else {
        plan.trunk
    };
    Some(format!("{trunk}{digits}"))
}

/// Country code and number. Plans we know are enforced; others are taken by E.164's length.
fn international(digits: &str) -> Option<String> {
    if let Some(plan) = PLANS.iter().find(|plan| digits.starts_with(plan.calling_code)) {
        // People write +61 (0)4..: the trunk zero is not part of the number.
        let number = plan.strip_trunk(&digits[plan.calling_code.len()..])?;
        return Some(format!("+{}{number}", plan.calling_code));
    }
    ((8..=15).contains(&digits.len()) && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

/// The digits, and whether a `+` stands before them; `None` if anything else than the usual
/// punctuation stands among them.
fn digits(text: &str) -> Option<(bool, String)> {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let mut digits = String::with_capacity(16);
    let mut plus = false;
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() && !plus => plus = true,
            ' ' | '-' | '.' | '(' | ')' | '\u{a0}' | '\u{2010}'..='\u{2015}' => {}
            _ => return None,
        }
    }
    (!digits.is_empty()).then_some((plus, digits))
}
