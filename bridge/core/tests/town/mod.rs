//! A small town of other people around the records of a case, so that names and numbers have the
//! frequencies they have in a practice.

use bridge_core::matching::decide::{Decider, Decision, Settings, Verdict};
use bridge_core::matching::index::{At, Index};
use bridge_core::matching::person::{Born, Person, Raw, hash_text};
use bridge_core::matching::reasons::{Names, reasons};
use bridge_core::matching::weights::Weights;

const TODAY: Born = Born {
    year: 2026,
    month: 7,
    day: 1,
};

/// What becomes of two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Link,
    Review,
    Apart,
}

fn filler(side: u64) -> Vec<(Person, u64)> {
    let given = [
        "Anna", "Peter", "Olga", "Hugo", "Vera", "Emil", "Nina", "Karl", "Iris", "Otto", "Clara", "Felix",
    ];
    let family = [
        "Abbott", "Barlow", "Crane", "Dawson", "Eccles", "Fenton", "Garland", "Hobbs", "Ingram", "Jarvis",
    ];
    (0..1_200u64)
        .map(|i| {
            let n = i * 2 + side;
            let (g, f) = (given[(n % 12) as usize], family[(n / 12 % 10) as usize]);
            let (phone, email) = (
                format!("04{:08}", 31_415_926 + n * 7_919),
                format!("{g}.{f}{n}@example.org"),
            );
            let born = format!("{}-{:02}-{:02}", 1940 + n % 60, 1 + n % 12, 2 + n % 26);
            let raw = Raw {
                given_name: g,
                surname: f,
                // contacts often have no birth date, patients nearly always do
                date_of_birth: if side == 1 && !i.is_multiple_of(3) { "" } else { &born },
                phones: [&phone, "", ""],
                emails: [&email, ""],
                street: "5 Elsewhere Road",
                suburb: "Farville",
                postcode: "4999",
                ..Raw::default()
            };
            (Person::new(&raw), hash_text(&format!("{side}/{n}")))
        })
        .collect()
}

/// `given|surname|born|sex|phone|email|street|postcode|card`, blanks left out at the end.
fn person(line: &str) -> (Person, u64) {
    let mut parts = line.split('|').map(str::trim);
    let mut next = || parts.next().unwrap_or_default();
    let raw = Raw {
        given_name: next(),
        surname: next(),
        date_of_birth: next(),
        sex: next(),
        phones: [next(), "", ""],
        emails: [next(), ""],
        street: next(),
        postcode: next(),
        card: next(),
        suburb: "",
    };
    (Person::new(&raw), hash_text(line))
}

/// The practice's and the CRM's records: those of the case first, then everybody else.
pub struct Town {
    index: Index,
    weights: Weights,
}

impl Town {
    pub fn new(left: &[&str], right: &[&str]) -> Self {
        let side = |lines: &[&str], n: u64| lines.iter().map(|l| person(l)).chain(filler(n)).collect::<Vec<_>>();
        Self {
            index: Index::new(vec![side(left, 0), side(right, 1)]),
            weights: Weights::shipped(),
        }
    }

    /// What becomes of two records, and why, asked from the first. Two of one side may be one person twice.
    pub fn between(&self, a: At, b: At) -> (Outcome, String) {
        let settings = Settings {
            within: a.side == b.side,
            ..Settings::new(TODAY)
        };
        let decider = Decider::new(&self.index, &self.weights, settings);
        let found: Option<Verdict> = decider.decide(a, b.side).into_iter().find(|v| v.other == b);
        let Some(found) = found else {
            return (Outcome::Apart, String::new());
        };
        let why = reasons(self.index.person(a), self.index.person(b), &found, Names::Shown).join("; ");
        let is = match found.decision {
            Decision::Link => Outcome::Link,
            Decision::Review => Outcome::Review,
        };
        (is, format!("{} {why}", found.probability))
    }
}
