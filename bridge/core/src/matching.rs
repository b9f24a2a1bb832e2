//! Which records are the same person. Linking by itself needs name, birth date and one of mobile
//! or e-mail to agree, uniquely in both systems, or our own reference to stand in the record.
//! Anything weaker that nothing contradicts is a *candidate*: a person decides, and nothing is
//! created while it waits. Better two records too many in a queue than one person twice.

pub mod batch;
pub mod blocking;
pub mod compare;
pub mod decide;
pub mod given_names;
pub mod guards;
pub mod index;
mod keys;
pub mod learn;
mod normalise;
pub mod person;
pub mod reasons;
pub mod weights;

use crate::value::Values;
use keys::{Features, Key};
use std::collections::{BTreeMap, HashMap};

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
    /// 0 to 1: orders the queue, is no probability.
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
/// From this score on, a candidate is worth showing beside a better one.
const CLEAR: f64 = 0.2;

/// Records by their keys.
pub struct Matcher {
    records: Vec<Known>,
    features: Vec<Features>,
    exact: HashMap<Key, Vec<usize>>,
    weak: HashMap<Key, Vec<usize>>,
    references: HashMap<String, Vec<usize>>,
    numbers: HashMap<String, Vec<usize>>,
    different: std::collections::HashSet<(usize, usize)>,
}

impl Matcher {
    /// Indexes records. `reference` is the unit that carries our reference (the patient's number);
    /// it is a record's own number in `home`. `different` holds pairs a person has told apart.
    pub fn new(records: Vec<Known>, home: &str, reference: &str, different: &[(Name, Name)]) -> Self {
        let features: Vec<Features> = records.iter().map(|r| Features::of(&r.values)).collect();
        let (mut exact, mut weak) = (HashMap::<Key, Vec<usize>>::new(), HashMap::<Key, Vec<usize>>::new());
        let (mut references, mut numbers) = (
            HashMap::<String, Vec<usize>>::new(),
            HashMap::<String, Vec<usize>>::new(),
        );
        let mut position = BTreeMap::new();
        for (i, (record, features)) in records.iter().zip(&features).enumerate() {
            for key in features.exact() {
                exact.entry(key).or_default().push(i);
            }
            for key in features.weak() {
                weak.entry(key).or_default().push(i);
            }
            if let Some(number) = record.values.get(reference).and_then(|v| v.as_text()) {
                let index = if record.system == home {
                    &mut numbers
                } else {
                    &mut references
                };
                index.entry(number.to_string()).or_default().push(i);
            }
            position.insert((record.system.as_str(), record.remote_id.as_str()), i);
        }
        let at = |r: &(String, String)| position.get(&(r.0.as_str(), r.1.as_str())).copied();
        let different = different
            .iter()
            .filter_map(|(a, b)| Some((at(a)?, at(b)?)))
            .flat_map(|(a, b)| [(a, b), (b, a)])
            .collect();
        Self {
            records,
            features,
            exact,
            weak,
            references,
            numbers,
            different,
        }
    }

    /// The records, in the order given.
    pub fn records(&self) -> &[Known] {
        &self.records
    }

    fn elsewhere(&self, i: usize, j: usize) -> bool {
        self.records[i].system != self.records[j].system && !self.different.contains(&(i, j))
    }

    /// The one record elsewhere that shares an exact key with `i`, if it is the only one there and
    /// `i` is the only one here.
    fn exact_partners(&self, i: usize) -> Vec<usize> {
        let mut found: Vec<usize> = self.features[i]
            .exact()
            .iter()
            .flat_map(|k| self.exact.get(k).into_iter().flatten().copied())
            .filter(|j| *j != i)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The record elsewhere that carries this record's number, or whose number this one carries,
    /// if exactly one does and name or birth date supports it.
    fn by_reference(&self, i: usize) -> Option<usize> {
        let number = self.features[i].number()?;
        let ([here], [there]) = (&self.numbers.get(number)?[..], &self.references.get(number)?[..]) else {
            return None;
        };
        let j = if *here == i { *there } else { *here };
        let (a, b) = (&self.features[i], &self.features[j]);
        (self.elsewhere(i, j) && (a.name_supports(b) || a.same_birth_date(b))).then_some(j)
    }

    /// Decides the identity of record `i` among the records of other systems.
    pub fn identify(&self, i: usize) -> Identity {
        if let Some(j) = self.by_reference(i) {
            return Identity::Same {
                other: j,
                evidence: "the record carries our reference".into(),
            };
        }
        let partners = self.exact_partners(i);
        if let [j] = partners[..]
            && self.elsewhere(i, j)
            && self.exact_partners(j) == [i]
        {
            return Identity::Same {
                other: j,
                evidence: self.features[i].evidence(&self.features[j]),
            };
        }
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let strong = self.features[i].strong();
        let weak = self.features[i].weak();
        for (key, strong) in strong.iter().map(|k| (k, true)).chain(weak.iter().map(|k| (k, false))) {
            for &j in self.weak.get(key).into_iter().flatten() {
                if i == j || !self.elsewhere(i, j) || self.records[j].created_here || !seen.insert(j) {
                    continue;
                }
                let (a, b) = (&self.features[i], &self.features[j]);
                if !strong && a.contradicts(b, key) {
                    seen.remove(&j);
                    continue;
                }
                let (score, reasons) = a.compare(b);
                candidates.push(Candidate {
                    other: j,
                    score,
                    reasons,
                });
            }
            // a long list of faint resemblances adds nothing: one is enough to wait for
            if !strong && candidates.len() >= 4 * KEPT {
                break;
            }
        }
        if candidates.is_empty() {
            return Identity::Nobody;
        }
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.other.cmp(&b.other)));
        // Faint resemblances are only a reason to wait: one stands for all of them.
        let clear = candidates.iter().filter(|c| c.score >= CLEAR).count();
        candidates.truncate(clear.clamp(1, KEPT));
        Identity::Maybe(candidates)
    }
}
