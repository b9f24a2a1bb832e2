//! Who is there: every live record as matching sees it, in memory, kept up record by record. One
//! changed record is matched in the time of a look at its own neighbours. Built from the store
//! when somebody new is to be identified for the first time.

use bridge_core::Link;
use bridge_core::matching::blocking::{faint_keys, faint_looks};
use bridge_core::matching::compare::{BornLevel, CardLevel, GivenLevel, SexLevel, compare};
use bridge_core::matching::decide::{Decider, Decision, Settings};
use bridge_core::matching::index::{At, Index};
use bridge_core::matching::learn::learn;
use bridge_core::matching::person::{Born, Person, hash_text};
use bridge_core::matching::reasons::{Names, compared, reasons};
use bridge_core::matching::units;
use bridge_core::matching::weights::Weights;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Below this probability two records have nothing to do with each other.
const FAINT: f32 = 0.0005;
/// Look-alikes kept for one record.
const KEPT: usize = 5;
/// So many places of records that are gone, to each that is there, and it is built anew.
const HOLES: usize = 2;

/// A record by system and remote id.
pub(crate) type Name = (String, String);

/// What the directory keeps of a record.
pub(crate) struct Entry {
    person: Person,
    /// The number by which other systems refer to the home system's record.
    reference: Option<String>,
}

impl Entry {
    /// What there is to know of a live record; nothing of those that say nothing about anybody else.
    pub fn of(link: &Link, reference: &str) -> Option<Entry> {
        if link.created_here || link.known_at == 0 || link.state != bridge_core::LinkState::Live {
            return None;
        }
        Some(Entry {
            person: units::person(&link.seen()),
            reference: link
                .units
                .get(reference)
                .and_then(|x| x.seen()?.as_text().map(str::to_string)),
        })
    }
}

/// A record that may be the same person.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resemblance {
    pub other: Name,
    /// The same person without anybody looking.
    pub link: bool,
    /// Worth a person's look; else it only keeps anybody from being made twice.
    pub ask: bool,
    /// 0 to 1.
    pub probability: f32,
    pub reasons: Vec<String>,
}

/// Everybody.
pub(crate) struct Directory {
    systems: Vec<String>,
    index: Index,
    weights: Weights,
    /// Remote ids by system and place in the index.
    ids: Vec<Vec<String>>,
    places: HashMap<Name, At>,
    references: HashMap<(bool, String), Vec<At>>,
    reference_of: HashMap<At, String>,
    /// Records by system and by what makes them resemble others faintly.
    faint: HashMap<(u8, u64), Vec<u32>>,
}

impl Directory {
    /// Of all these records; the home system comes first. Weights that were learnt earlier stay in
    /// force, so that the same pair is judged alike tomorrow.
    pub fn new(systems: Vec<String>, records: Vec<(Name, Entry)>, learnt: Option<Weights>) -> Self {
        let mut sides: Vec<Vec<(Person, u64)>> = systems.iter().map(|_| vec![]).collect();
        let mut directory = Self {
            index: Index::default(),
            weights: Weights::shipped(),
            ids: systems.iter().map(|_| vec![]).collect(),
            places: HashMap::with_capacity(records.len()),
            references: HashMap::new(),
            reference_of: HashMap::new(),
            faint: HashMap::new(),
            systems,
        };
        for (name, entry) in records {
            let Some(side) = directory.side(&name.0) else { continue };
            let record = sides[usize::from(side)].len() as u32;
            directory.resembles(At { side, record }, &entry.person);
            sides[usize::from(side)].push((entry.person, hash_text(&name.1)));
            directory.note(name, At { side, record }, entry.reference);
        }
        directory.index = Index::new(sides);
        directory.weights = match learnt {
            Some(weights) => weights,
            None if directory.systems.len() > 1 => learn(&directory.index, &directory.weights, 0, 1),
            None => directory.weights,
        };
        directory
    }

    /// The weights in force.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Whether so much changed that it had better be built anew.
    pub fn worn(&self) -> bool {
        let places: usize = self.ids.iter().map(Vec::len).sum();
        places > 1_000 + (1 + HOLES) * self.places.len()
    }

    fn side(&self, system: &str) -> Option<u8> {
        self.systems
            .iter()
            .position(|s| s == system)
            .and_then(|p| u8::try_from(p).ok())
    }

    fn note(&mut self, name: Name, at: At, reference: Option<String>) {
        self.ids[usize::from(at.side)].push(name.1.clone());
        self.places.insert(name, at);
        if let Some(reference) = reference {
            self.references
                .entry((at.side == 0, reference.clone()))
                .or_default()
                .push(at);
            self.reference_of.insert(at, reference);
        }
    }

    /// Puts a record as it is now in the place of what was known of it; `None` takes it out.
    pub fn put(&mut self, name: Name, entry: Option<Entry>) {
        if let Some(at) = self.places.remove(&name) {
            self.index.remove(at);
            if let Some(reference) = self.reference_of.remove(&at)
                && let Some(list) = self.references.get_mut(&(at.side == 0, reference))
            {
                list.retain(|other| *other != at);
            }
        }
        if let (Some(side), Some(entry)) = (self.side(&name.0), entry) {
            let at = self.index.insert(side, entry.person, hash_text(&name.1));
            self.resembles(at, &entry.person);
            self.note(name, at, entry.reference);
        }
    }

    fn resembles(&mut self, at: At, person: &Person) {
        for key in faint_keys(person) {
            self.faint.entry((at.side, key)).or_default().push(at.record);
        }
    }

    /// Records of other systems under the same faint keys.
    fn neighbours(&self, at: At) -> BTreeSet<At> {
        let looks = faint_looks(self.index.person(at));
        let mut found = BTreeSet::new();
        for side in (0..self.index.sides()).filter(|side| *side != at.side) {
            let lists = looks.iter().filter_map(|key| self.faint.get(&(side, *key)));
            let there = lists.flatten().map(|record| At { side, record: *record });
            found.extend(there.filter(|other| !self.index.is_gone(*other)));
        }
        found
    }

    /// Everybody who may resemble a record faintly.
    pub fn around(&self, name: &Name) -> Vec<Name> {
        let at = self.places.get(name).copied();
        let around = at.into_iter().flat_map(|at| self.neighbours(at));
        around.map(|other| self.name(other)).collect()
    }

    /// Who a record resembles faintly in other systems: a like name that nothing contradicts. `free`
    /// says who may still be somebody's counterpart. Kept are the likeliest.
    pub fn faintly(&self, name: &Name, apart: &HashSet<(At, At)>, free: &impl Fn(&Name) -> bool) -> Vec<Resemblance> {
        let Some(at) = self.places.get(name).copied() else {
            return vec![];
        };
        let person = self.index.person(at);
        let mut found = vec![];
        for other in self.neighbours(at) {
            if apart.contains(&(at, other)) || !free(&self.name(other)) {
                continue;
            }
            let theirs = self.index.person(other);
            let c = compare(person, theirs, &self.index);
            let initial = |p: &Person| p.given.word.is_initial();
            let dated = |p: &Person| (p.born.month, p.born.day) != (1, 1);
            let contradicts = (matches!(c.born, BornLevel::Different) && dated(person) && dated(theirs))
                || (c.given == GivenLevel::Different && (initial(person) || initial(theirs)))
                || c.sex == SexLevel::Different
                || c.card == CardLevel::Other;
            if !contradicts {
                let odds = self.weights.odds(&c, self.index.largest() as f32);
                found.push((odds, other, compared(person, theirs, &c, Names::Hidden)));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        found.truncate(KEPT);
        let resemblance = |(odds, other, reasons): (f32, At, Vec<String>)| Resemblance {
            other: self.name(other),
            link: false,
            ask: false,
            probability: 1.0 / (1.0 + (-odds).exp()),
            reasons,
        };
        found.into_iter().map(resemblance).collect()
    }

    fn name(&self, at: At) -> Name {
        let side = usize::from(at.side);
        (self.systems[side].clone(), self.ids[side][at.record as usize].clone())
    }

    /// The record elsewhere that carries this record's number, or whose number this one carries, if
    /// exactly one does and name or birth date supports it.
    fn by_reference(&self, at: At, apart: &HashSet<(At, At)>) -> Option<Resemblance> {
        let number = self.reference_of.get(&at)?;
        let list = |home: bool| self.references.get(&(home, number.clone()));
        let ([here], [there]) = (&list(true)?[..], &list(false)?[..]) else {
            return None;
        };
        let other = if *here == at { *there } else { *here };
        let c = compare(self.index.person(at), self.index.person(other), &self.index);
        let supported = c.given != GivenLevel::Different || c.born == BornLevel::Same;
        (supported && !apart.contains(&(at, other))).then(|| Resemblance {
            other: self.name(other),
            link: true,
            ask: true,
            probability: 1.0,
            reasons: vec!["the record carries our reference".into()],
        })
    }

    /// Pairs as the index knows them, both ways round.
    pub fn pairs(&self, names: &[(Name, Name)]) -> HashSet<(At, At)> {
        let at = |name: &Name| self.places.get(name).copied();
        let known = names.iter().filter_map(|(a, b)| Some((at(a)?, at(b)?)));
        known.flat_map(|(a, b)| [(a, b), (b, a)]).collect()
    }

    /// Who a record may be among the records of other systems, the surest first. `today` tells
    /// children from adults; `apart` holds who was told apart.
    pub fn resembling(&self, name: &Name, today: Born, apart: &HashSet<(At, At)>) -> Vec<Resemblance> {
        let Some(at) = self.places.get(name).copied() else {
            return vec![];
        };
        if let Some(sure) = self.by_reference(at, apart) {
            return vec![sure];
        }
        let usual = Settings::new(today);
        let settings = Settings { review: FAINT, ..usual };
        let decider = Decider::new(&self.index, &self.weights, settings).telling_apart(apart);
        let mut found = vec![];
        for side in (0..self.index.sides()).filter(|side| *side != at.side) {
            let verdicts = decider.decide(at, side);
            found.extend(verdicts.iter().map(|v| Resemblance {
                other: self.name(v.other),
                link: v.decision == Decision::Link,
                ask: v.probability >= usual.review,
                probability: v.probability,
                reasons: reasons(self.index.person(at), self.index.person(v.other), v, Names::Hidden),
            }));
        }
        found.sort_by(|a, b| {
            (b.link, b.probability)
                .partial_cmp(&(a.link, a.probability))
                .unwrap_or(std::cmp::Ordering::Equal)
                .then_with(|| a.other.cmp(&b.other))
        });
        let mut seen = HashSet::new();
        found.retain(|r| seen.insert(r.other.clone()));
        found.truncate(KEPT);
        found
    }
}
