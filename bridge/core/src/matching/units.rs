//! A record's units as matching sees them.

use super::compare::{BornLevel, Comparison, GivenLevel, SurnameLevel, compare};
use super::index::Index;
use super::person::{Person, Raw};
use crate::entity::Link;
use crate::value::{Value, Values};

/// The units that tell people apart; nothing else of a record is needed for matching.
pub const UNITS: [&str; 8] = [
    "official_name",
    "preferred_name",
    "birth_date",
    "sex",
    "mobile",
    "phone",
    "email",
    "home_address",
];

/// Whether these values change a unit that says who a record is.
pub fn changes_key(link: &Link, values: &Values) -> bool {
    changes(link, values, &["official_name", "birth_date", "sex"])
}

/// Whether these values change anything that tells people apart.
pub fn changes_person(link: &Link, values: &Values) -> bool {
    changes(link, values, &UNITS)
}

fn changes(link: &Link, values: &Values, units: &[&str]) -> bool {
    units.iter().any(|unit| {
        let value = values.get(*unit);
        value.is_some() && link.units.get(*unit).and_then(|x| x.seen()) != value
    })
}

/// The person whom a record's units show.
pub fn person(values: &Values) -> Person {
    let text = |unit: &str| values.get(unit).and_then(Value::as_text).unwrap_or_default();
    let part = |unit: &str, part: &str| values.get(unit).and_then(|v| v.part(part)).unwrap_or_default();
    let line = part("home_address", "line").replace('\n', " ");
    Person::new(&Raw {
        given_name: part("official_name", "given"),
        surname: part("official_name", "family"),
        date_of_birth: text("birth_date"),
        sex: text("sex"),
        phones: [text("mobile"), text("phone"), ""],
        emails: [text("email"), ""],
        street: &line,
        suburb: part("home_address", "city"),
        postcode: part("home_address", "postcode"),
        card: "",
    })
}

/// Whether two linked records contradict each other so much that one of them seems to be somebody
/// else's by now. A marriage, a nickname or a corrected slip is no contradiction.
pub fn contradict(a: &Values, b: &Values) -> bool {
    // Who else has the same name or mailbox does not matter here: nobody is there to compare with.
    let c: Comparison = compare(&person(a), &person(b), &Index::default());
    let other_given = c.given == GivenLevel::Different;
    let other_family = matches!(c.surname, SurnameLevel::Different | SurnameLevel::Changed);
    let other_date = c.born == BornLevel::Different;
    (other_given && other_date) || (other_given && other_family && c.born != BornLevel::Same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(given: &str, family: &str, born: &str) -> Values {
        [
            (
                "official_name".to_string(),
                Value::group([("given", given), ("family", family)]),
            ),
            ("birth_date".to_string(), Value::text(born)),
        ]
        .into()
    }

    #[test]
    fn a_record_that_became_somebody_elses_contradicts() {
        let miriam = values("Miriam", "Samplewood", "1988-04-17");
        for (given, family, born, wrong) in [
            ("Miriam", "Samplewood", "1988-04-17", false),
            ("Miriam", "Testacre", "1988-04-17", false), // married
            ("Miri", "Samplewood", "1988-04-17", false),
            ("Mirjam", "Samplewood", "1988-04-18", false),
            ("Miriam", "Samplewood", "1987-12-01", false), // a date put right
            ("Miriam", "Testacre", "", false),
            ("Bruno", "Samplewood", "1988-04-17", false), // a name that was affirmed, perhaps
            ("Bruno", "Samplewood", "1970-12-01", true),
            ("Bruno", "Testacre", "1970-12-01", true),
            ("Bruno", "Testacre", "", true),
        ] {
            let other = values(given, family, born);
            assert_eq!(contradict(&miriam, &other), wrong, "{given} {family} {born}");
            assert_eq!(contradict(&other, &miriam), wrong, "either way");
        }
    }
}
