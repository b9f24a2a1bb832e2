//! The matcher over the records that the bridge holds, of any number of systems: with our own
//! reference where a record carries it, pairs that a person told apart, and records the bridge made.

use super::compare::{GivenLevel, compare};
use super::decide::{Decider, Decision, Settings, Verdict};
use super::index::{At, Index};
use super::person::{Born, Person, Raw, hash_text};
use super::reasons::{Names, reasons};
use super::weights::Weights;
use crate::value::Values;
use std::collections::{BTreeMap, HashMap, HashSet};

/// System and remote id of a record.
pub type Name = (String, String);

/// A record that takes part in matching.
#[derive(Clone, Debug)]
pub struct Known {
    /// System name.
    pub system: String,
    /// Remote id.
    pub remote_id: String,
    /// Its entity, once decided.
    pub entity: Option<String>,
    /// The bridge made this record from another one: it says nothing about anybody else.
    pub created_here: bool,
    /// What it holds.
    pub values: Values,
}

/// Somebody who may be the same person.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Position of the other record.
    pub other: usize,
    /// How likely it is that they are one person, 0 to 1.
    pub score: f64,
    /// Why, in words; names units, never values.
    pub reasons: Vec<String>,
}

/// What is known of a record's identity.
#[derive(Clone, Debug, PartialEq)]
pub enum Identity {
    /// The same person as that record, by this evidence.
    Same {
        /// Position of the other record.
        other: usize,
        /// The evidence in words.
        evidence: String,
    },
    /// Perhaps one of these, best first.
    Maybe(Vec<Candidate>),
    /// Nobody the other systems know.
    Nobody,
}

/// How many candidates are kept for one record.
pub const KEPT: usize = 5;

/// What matching compares of a record's canonical values.
fn person(values: &Values) -> Person {
    let text = |unit: &str| values.get(unit).and_then(|v| v.as_text()).unwrap_or_default();
    let part = |unit: &str, part: &str| values.get(unit).and_then(|v| v.part(part)).unwrap_or_default();
    Person::new(&Raw {
        given_name: part("official_name", "given"),
        surname: part("official_name", "family"),
        date_of_birth: text("birth_date"),
        sex: text("sex"),
        phones: [text("mobile"), text("phone"), ""],
        emails: [text("email"), ""],
        street: part("home_address", "line"),
        suburb: part("home_address", "city"),
        postcode: part("home_address", "postcode"),
        card: "",
    })
}

/// Records by their keys.
pub struct Matcher {
    records: Vec<Known>,
    /// Each record's place in the index, and back.
    places: Vec<At>,
    positions: Vec<Vec<usize>>,
    index: Index,
    weights: Weights,
    settings: Settings,
    reference: String,
    references: HashMap<String, Vec<usize>>,
    numbers: HashMap<String, Vec<usize>>,
    apart: HashSet<(At, At)>,
}

impl Matcher {
    /// Indexes records. `reference` is the unit that carries our reference (the patient's number);
    /// it is a record's own number in `home`. `different` holds pairs a person has told apart.
    /// `today` tells children from adults.
    pub fn new(records: Vec<Known>, home: &str, reference: &str, different: &[(Name, Name)], today: Born) -> Self {
        let mut systems: Vec<&str> = records.iter().map(|r| r.system.as_str()).collect();
        systems.sort_unstable();
        systems.dedup();
        let mut sides: Vec<Vec<(Person, u64)>> = vec![vec![]; systems.len()];
        let mut positions: Vec<Vec<usize>> = vec![vec![]; systems.len()];
        let (mut references, mut numbers) = (
            HashMap::<String, Vec<usize>>::new(),
            HashMap::<String, Vec<usize>>::new(),
        );
        let mut places = vec![];
        let mut by_name = BTreeMap::new();
        for (i, record) in records.iter().enumerate() {
            let side = systems.binary_search(&record.system.as_str()).unwrap_or_default();
            let at = At {
                side: side as u8,
                record: sides[side].len() as u32,
            };
            sides[side].push((person(&record.values), hash_text(&record.remote_id)));
            positions[side].push(i);
            places.push(at);
            by_name.insert((record.system.as_str(), record.remote_id.as_str()), at);
            if let Some(number) = record.values.get(reference).and_then(|v| v.as_text()) {
                let by = if record.system == home {
                    &mut numbers
                } else {
                    &mut references
                };
                by.entry(number.to_string()).or_default().push(i);
            }
        }
        let at = |name: &Name| by_name.get(&(name.0.as_str(), name.1.as_str())).copied();
        let apart = different
            .iter()
            .filter_map(|(a, b)| Some((at(a)?, at(b)?)))
            .flat_map(|(a, b)| [(a, b), (b, a)])
            .collect();
        Self {
            index: Index::new(sides),
            records,
            places,
            positions,
            weights: Weights::shipped(),
            settings: Settings::new(today),
            reference: reference.to_string(),
            references,
            numbers,
            apart,
        }
    }

    /// The records, in the order given.
    pub fn records(&self) -> &[Known] {
        &self.records
    }

    /// The record elsewhere that carries this record's number, or whose number this one carries,
    /// if exactly one does and name or birth date supports it.
    fn by_reference(&self, i: usize) -> Option<usize> {
        let number = self.records[i].values.get(&self.reference)?.as_text()?;
        let ([here], [there]) = (&self.numbers.get(number)?[..], &self.references.get(number)?[..]) else {
            return None;
        };
        let j = if *here == i { *there } else { *here };
        let (a, b) = (self.places[i], self.places[j]);
        let c = compare(self.index.person(a), self.index.person(b), &self.index);
        let supported = c.given != GivenLevel::Different || c.born == super::compare::BornLevel::Same;
        (a.side != b.side && !self.apart.contains(&(a, b)) && supported).then_some(j)
    }

    fn reasons(&self, at: At, verdict: &Verdict) -> Vec<String> {
        let (a, b) = (self.index.person(at), self.index.person(verdict.other));
        reasons(a, b, verdict, Names::Hidden)
    }

    /// Decides the identity of record `i` among the records of other systems.
    pub fn identify(&self, i: usize) -> Identity {
        if let Some(j) = self.by_reference(i) {
            return Identity::Same {
                other: j,
                evidence: "the record carries our reference".into(),
            };
        }
        let at = self.places[i];
        let decider = Decider::new(&self.index, &self.weights, self.settings).telling_apart(&self.apart);
        let position = |at: At| self.positions[usize::from(at.side)][at.record as usize];
        let mut verdicts: Vec<Verdict> = (0..self.index.sides())
            .filter(|side| *side != at.side)
            .flat_map(|side| decider.decide(at, side))
            .collect();
        let mut links: Vec<&Verdict> = verdicts.iter().filter(|v| v.decision == Decision::Link).collect();
        // of several systems, somebody who has an entity already comes first
        links.sort_by_key(|v| self.records[position(v.other)].entity.is_none());
        if let Some(link) = links.first() {
            return Identity::Same {
                other: position(link.other),
                evidence: self.reasons(at, link).join("; "),
            };
        }
        verdicts.retain(|v| !self.records[position(v.other)].created_here);
        verdicts.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.other.cmp(&b.other)));
        if verdicts.is_empty() {
            return Identity::Nobody;
        }
        let candidates = verdicts.iter().take(KEPT).map(|v| Candidate {
            other: position(v.other),
            score: f64::from(v.probability),
            reasons: self.reasons(at, v),
        });
        Identity::Maybe(candidates.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    const TODAY: Born = Born {
        year: 2026,
        month: 7,
        day: 1,
    };

    fn known(system: &str, id: &str, given: &str, born: &str, mobile: &str, email: &str) -> Known {
        let mut values = Values::new();
        let name = Value::group([("given", given), ("family", "Samplewood")]);
        values.insert("official_name".into(), name);
        for (unit, text) in [("birth_date", born), ("mobile", mobile), ("email", email)] {
            values.insert(unit.into(), Value::text(text));
        }
        Known {
            system: system.into(),
            remote_id: id.into(),
            entity: None,
            created_here: false,
            values,
        }
    }

    fn couple() -> Vec<Known> {
        vec![
            known(
                "halaxy",
                "P1",
                "Miriam",
                "1988-04-17",
                "+61491570006",
                "family@example.org",
            ),
            known(
                "halaxy",
                "P2",
                "Bruno",
                "1987-01-02",
                "+61491570006",
                "family@example.org",
            ),
            known("crm", "C1", "Miriam", "1988-04-17", "+61491570006", ""),
            known("books", "B1", "Miriam", "1988-04-17", "", "family@example.org"),
        ]
    }

    #[test]
    fn the_person_is_found_in_every_system_and_the_relative_is_not() {
        let matcher = Matcher::new(couple(), "halaxy", "halaxy_number", &[], TODAY);
        assert!(
            matches!(matcher.identify(2), Identity::Same { other: 0, .. }),
            "{:?}",
            matcher.identify(2)
        );
        assert!(matches!(matcher.identify(3), Identity::Same { .. }));
        assert_eq!(matcher.identify(1), Identity::Nobody);
    }

    #[test]
    fn who_was_told_apart_stays_apart() {
        let name = |s: &str, id: &str| (s.to_string(), id.to_string());
        let apart = [(name("halaxy", "P1"), name("crm", "C1"))];
        let mut records = couple();
        records.truncate(3);
        let matcher = Matcher::new(records, "halaxy", "halaxy_number", &apart, TODAY);
        assert_eq!(matcher.identify(2), Identity::Nobody);
        assert_eq!(matcher.identify(0), Identity::Nobody);
    }

    #[test]
    fn reasons_that_are_stored_hold_no_values() {
        let mut records = couple();
        records.truncate(2);
        records.push(known("crm", "C1", "M", "", "+61491570006", ""));
        let matcher = Matcher::new(records, "halaxy", "halaxy_number", &[], TODAY);
        let Identity::Maybe(list) = matcher.identify(2) else {
            panic!("a question: {:?}", matcher.identify(2))
        };
        assert!(!list.is_empty());
        for text in list.iter().flat_map(|c| &c.reasons) {
            let low = text.to_lowercase();
            assert!(
                !["miriam", "bruno", "samplewood", "4915"]
                    .iter()
                    .any(|v| low.contains(v)),
                "{text}"
            );
        }
    }

    #[test]
    fn our_reference_links_where_the_name_supports_it() {
        let mut records = couple();
        records.truncate(1);
        records[0].values.insert("halaxy_number".into(), Value::text("4711"));
        let mut contact = known("crm", "C1", "Miriam", "", "", "other@example.org");
        contact.values.insert("halaxy_number".into(), Value::text("4711"));
        records.push(contact);
        let matcher = Matcher::new(records, "halaxy", "halaxy_number", &[], TODAY);
        assert!(matches!(matcher.identify(1), Identity::Same { other: 0, .. }));
    }
}
