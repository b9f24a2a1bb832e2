//! Who is there: every live record as matching sees it, in memory, kept up record by record. One
//! changed record is matched in the time of a look at its own neighbours. Built from the store
//! when somebody new is to be identified for the first time.

use bridge_core::Link;
use bridge_core::matching::blocking::{faint_keys, faint_looks};
use bridge_core::matching::blocks::Blocks;
use bridge_core::matching::compare::{BornLevel, CardLevel, GivenLevel, SexLevel, compare};
use bridge_core::matching::decide::{Decider, Decision, Settings};
use bridge_core::matching::index::{At, Index};
use bridge_core::matching::learn::learn;
use bridge_core::matching::person::{Born, Person, hash_text};
use bridge_core::matching::reasons::{Names, compared, reasons};
use bridge_core::matching::units;
use bridge_core::matching::weights::Weights;
use std::collections::{BTreeSet, HashSet};

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
    /// Of the number by which other systems refer to the home system's record; 0 for none.
    number: u64,
}

impl Entry {
    /// What there is to know of a live record; nothing of those that say nothing about anybody else.
    pub fn of(link: &Link, reference: &str) -> Option<Entry> {
        if link.created_here || link.known_at == 0 || link.state != bridge_core::LinkState::Live {
            return None;
        }
        let number = link.units.get(reference).and_then(|x| x.seen()?.as_text());
        Some(Entry {
            person: units::person(&link.seen()),
            number: number.map_or(0, |number| hash_text(number).max(1)),
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

/// One system's records by their places in the index.
#[derive(Default)]
struct Side {
    system: String,
    ids: Vec<Box<str>>,
    numbers: Vec<u64>,
    by_id: Blocks,
    by_number: Blocks,
    /// By what makes them resemble others faintly.
    faint: Blocks,
}

/// Everybody.
pub(crate) struct Directory {
    sides: Vec<Side>,
    index: Index,
    weights: Weights,
}

/// Everybody, being read.
pub(crate) struct Gathering {
    sides: Vec<(Side, Vec<(Person, u64)>)>,
}

impl Gathering {
    /// Of nobody yet; the home system comes first.
    pub fn new(systems: Vec<String>) -> Self {
        let side = |system| {
            let side = Side {
                system,
                ..Side::default()
            };
            (side, vec![])
        };
        Self {
            sides: systems.into_iter().map(side).collect(),
        }
    }

    /// Adds a record, once.
    pub fn add(&mut self, system: &str, remote_id: &str, entry: Entry) {
        if let Some((side, people)) = self.sides.iter_mut().find(|(side, _)| side.system == system) {
            people.push((entry.person, hash_text(remote_id)));
            side.ids.push(remote_id.into());
            side.numbers.push(entry.number);
        }
    }

    /// The directory of all that was added. Weights that were learnt earlier stay in force, so that
    /// the same pair is judged alike tomorrow.
    pub fn directory(self, learnt: Option<Weights>) -> Directory {
        let (mut sides, people): (Vec<Side>, Vec<_>) = self.sides.into_iter().unzip();
        for (side, people) in sides.iter_mut().zip(&people) {
            let places = || (0u32..).zip(people);
            side.by_id = Blocks::new(places().map(|(at, (_, id))| (*id, at)).collect());
            side.faint = Blocks::new(
                places()
                    .flat_map(|(at, (person, _))| faint_keys(person).into_iter().map(move |key| (key, at)))
                    .collect(),
            );
            let numbered = side.numbers.iter().zip(0u32..).filter(|(number, _)| **number != 0);
            side.by_number = Blocks::new(numbered.map(|(number, at)| (*number, at)).collect());
        }
        let index = Index::new(people);
        let shipped = Weights::shipped();
        let weights = match learnt {
            Some(weights) => weights,
            None if sides.len() > 1 => learn(&index, &shipped, 0, 1),
            None => shipped,
        };
        Directory { sides, index, weights }
    }
}

impl Directory {
    /// The weights in force.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Whether so much changed that it had better be built anew.
    pub fn worn(&self) -> bool {
        let places: usize = self.sides.iter().map(|side| side.ids.len()).sum();
        let there: usize = (0..self.index.sides()).map(|side| self.index.live(side)).sum();
        places > 1_000 + (1 + HOLES) * there
    }

    fn place(&self, name: &Name) -> Option<At> {
        let (side, there) = (0u8..).zip(&self.sides).find(|(_, side)| side.system == name.0)?;
        let found = there.by_id.under(hash_text(&name.1));
        let mut found = found.map(|record| At { side, record });
        found.find(|at| !self.index.is_gone(*at) && *there.ids[at.record as usize] == *name.1)
    }

    /// Puts a record as it is now in the place of what was known of it; `None` takes it out.
    pub fn put(&mut self, name: &Name, entry: Option<Entry>) {
        if let Some(at) = self.place(name) {
            self.index.remove(at);
        }
        let side = (0u8..).zip(&mut self.sides).find(|(_, side)| side.system == name.0);
        if let (Some((side, there)), Some(entry)) = (side, entry) {
            let id = hash_text(&name.1);
            let at = self.index.insert(side, entry.person, id).record;
            there.by_id.insert(id, at);
            if entry.number != 0 {
                there.by_number.insert(entry.number, at);
            }
            for key in faint_keys(&entry.person) {
                there.faint.insert(key, at);
            }
            there.ids.push(name.1.as_str().into());
            there.numbers.push(entry.number);
        }
    }

    /// Records of other systems under the same faint keys.
    fn neighbours(&self, at: At) -> BTreeSet<At> {
        let looks = faint_looks(self.index.person(at));
        let mut found = BTreeSet::new();
        for (side, there) in (0u8..).zip(&self.sides).filter(|(side, _)| *side != at.side) {
            let under = looks.iter().flat_map(|key| there.faint.under(*key));
            let there = under.map(|record| At { side, record });
            found.extend(there.filter(|other| !self.index.is_gone(*other)));
        }
        found
    }

    /// Everybody who may resemble a record faintly.
    pub fn around(&self, name: &Name) -> Vec<Name> {
        let at = self.place(name);
        let around = at.into_iter().flat_map(|at| self.neighbours(at));
        around.map(|other| self.name(other)).collect()
    }

    /// Who a record resembles faintly in other systems: a like name that nothing contradicts. `free`
    /// says who may still be somebody's counterpart. Kept are the likeliest.
    pub fn faintly(&self, name: &Name, apart: &HashSet<(At, At)>, free: &impl Fn(&Name) -> bool) -> Vec<Resemblance> {
        let Some(at) = self.place(name) else {
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

    /// Records of the same system that are probably the same person. `today` tells children from adults.
    pub fn twice(&self, name: &Name, today: Born, apart: &HashSet<(At, At)>) -> Vec<Resemblance> {
        let Some(at) = self.place(name) else {
            return vec![];
        };
        let settings = Settings {
            within: true,
            ..Settings::new(today)
        };
        let decider = Decider::new(&self.index, &self.weights, settings).telling_apart(apart);
        let verdicts = decider.decide(at, at.side);
        let sure = verdicts.iter().filter(|v| v.decision == Decision::Link);
        sure.map(|v| Resemblance {
            other: self.name(v.other),
            link: false,
            ask: false,
            probability: v.probability,
            reasons: reasons(self.index.person(at), self.index.person(v.other), v, Names::Hidden),
        })
        .collect()
    }

    fn name(&self, at: At) -> Name {
        let side = &self.sides[usize::from(at.side)];
        (side.system.clone(), side.ids[at.record as usize].to_string())
    }

    /// The record elsewhere that carries this record's number, or whose number this one carries, if
    /// exactly one does and name or birth date supports it.
    fn by_reference(&self, at: At, apart: &HashSet<(At, At)>) -> Option<Resemblance> {
        let number = self.sides[usize::from(at.side)].numbers[at.record as usize];
        if number == 0 {
            return None;
        }
        let (mut home, mut others) = (vec![], vec![]);
        for (side, there) in (0u8..).zip(&self.sides) {
            let list = if side == 0 { &mut home } else { &mut others };
            let there = there.by_number.under(number).map(|record| At { side, record });
            list.extend(there.filter(|other| !self.index.is_gone(*other)));
        }
        let ([here], [there]) = (&home[..], &others[..]) else {
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
        let known = names.iter().filter_map(|(a, b)| Some((self.place(a)?, self.place(b)?)));
        known.flat_map(|(a, b)| [(a, b), (b, a)]).collect()
    }

    /// Who a record may be among the records of other systems, the surest first. `today` tells
    /// children from adults; `apart` holds who was told apart.
    pub fn resembling(&self, name: &Name, today: Born, apart: &HashSet<(At, At)>) -> Vec<Resemblance> {
        let Some(at) = self.place(name) else {
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
