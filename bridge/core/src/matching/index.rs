//! All records of all systems, under their keys. Filled once from a batch or kept up record by
//! record: sorted arrays for the many, a small overlay for what came since, the same answers.

use super::blocking::{BlockKey, keys};
use super::blocks::{Blocks, Counts, Ready};
use super::compare::{CROWD, Frequencies};
use super::given_names;
use super::person::{Kind, Person};
use std::collections::HashSet;
use std::hash::BuildHasherDefault;

/// A record: its system's place in the index, and its own place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The system.
    pub side: u8,
    /// The record.
    pub record: u32,
}

/// One system's records.
#[derive(Default)]
struct Side {
    people: Vec<Person>,
    ties: Vec<u64>,
    gone: Vec<bool>,
    blocks: Blocks,
    live: u32,
    dated: u32,
}

impl Side {
    fn block(&self, key: u64) -> impl Iterator<Item = u32> + '_ {
        let whole = self.blocks.is_whole();
        self.blocks.under(key).filter(move |r| whole || !self.gone[*r as usize])
    }
}

/// Blocks of more records say too little to be searched; finer keys find the same people.
pub const BLOCK: usize = 64;

/// The index.
#[derive(Default)]
pub struct Index {
    sides: Vec<Side>,
    given: Counts<u32>,
    surname: Counts<u32>,
    /// Keys of more than [`BLOCK`] records in some system: of no use in any, so that two records
    /// find each other from either side.
    crowded: HashSet<u64, BuildHasherDefault<Ready>>,
    records: u32,
}

impl Index {
    /// From each system's records. `tie` is any stable number of a record (a hash of its id): it
    /// decides between equals, so that the order of rows does not.
    pub fn new(sides: Vec<Vec<(Person, u64)>>) -> Self {
        let mut index = Self::default();
        for records in sides {
            index.add_side(records);
        }
        index
    }

    fn add_side(&mut self, records: Vec<(Person, u64)>) {
        let parts = std::thread::available_parallelism().map_or(1, |n| n.get()).min(8);
        let chunk = records.len().div_ceil(parts).max(1);
        let pairs: Vec<(u64, u32)> = std::thread::scope(|scope| {
            let tasks: Vec<_> = records
                .chunks(chunk)
                .enumerate()
                .map(|(part, records)| {
                    scope.spawn(move || {
                        let mut pairs = Vec::with_capacity(records.len() * 14);
                        for (i, (person, _)) in records.iter().enumerate() {
                            let place = (part * chunk + i) as u32;
                            pairs.extend(keys(person).into_iter().map(|k| (k, place)));
                        }
                        pairs
                    })
                })
                .collect();
            tasks.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
        });
        let blocks = Blocks::new(pairs);
        self.crowded.extend(blocks.larger_than(BLOCK));
        let mut side = Side {
            blocks,
            gone: vec![false; records.len()],
            live: records.len() as u32,
            ..Side::default()
        };
        side.dated = records.iter().filter(|(p, _)| p.born.year != 0).count() as u32;
        for (person, tie) in records {
            self.count(&person, true);
            side.people.push(person);
            side.ties.push(tie);
        }
        self.sides.push(side);
    }

    fn count(&mut self, person: &Person, add: bool) {
        let step = |n: &mut u32| *n = if add { *n + 1 } else { n.saturating_sub(1) };
        step(&mut self.records);
        for (counts, hash) in [
            (&mut self.given, person.given.word.hash),
            (&mut self.surname, person.surname.hash),
        ] {
            if hash != 0 {
                step(counts.entry(hash).or_default());
            }
        }
    }

    /// Adds a record to a system.
    pub fn insert(&mut self, side: u8, person: Person, tie: u64) -> At {
        while self.sides.len() <= usize::from(side) {
            self.sides.push(Side::default());
        }
        self.count(&person, true);
        let there = &mut self.sides[usize::from(side)];
        let record = there.people.len() as u32;
        for key in keys(&person) {
            there.blocks.insert(key, record);
            if there.blocks.size(key) > BLOCK {
                self.crowded.insert(key);
            }
        }
        there.people.push(person);
        there.ties.push(tie);
        there.gone.push(false);
        there.live += 1;
        there.dated += u32::from(person.born.year != 0);
        At { side, record }
    }

    /// Takes a record out. Its place is not used again.
    pub fn remove(&mut self, at: At) {
        let there = &mut self.sides[usize::from(at.side)];
        let place = at.record as usize;
        if std::mem::replace(&mut there.gone[place], true) {
            return;
        }
        there.live -= 1;
        let person = there.people[place];
        there.dated -= u32::from(person.born.year != 0);
        for key in keys(&person) {
            self.sides[usize::from(at.side)].blocks.remove(key);
            if self.crowded.contains(&key) && self.sides.iter().all(|s| s.blocks.size(key) <= BLOCK) {
                self.crowded.remove(&key);
            }
        }
        self.count(&person, false);
    }

    /// How many systems there are.
    pub fn sides(&self) -> u8 {
        self.sides.len() as u8
    }

    /// The records of a system, in order.
    pub fn side(&self, side: u8) -> impl Iterator<Item = At> + '_ {
        let there = &self.sides[usize::from(side)];
        (0..there.people.len() as u32)
            .filter(|r| !there.gone[*r as usize])
            .map(move |record| At { side, record })
    }

    /// How many places a system has, records taken out included.
    pub fn places(&self, side: u8) -> u32 {
        self.sides[usize::from(side)].people.len() as u32
    }

    /// How many records a system has.
    pub fn live(&self, side: u8) -> usize {
        self.sides.get(usize::from(side)).map_or(0, |s| s.live as usize)
    }

    /// How many records the largest system has.
    pub fn largest(&self) -> u32 {
        self.sides.iter().map(|s| s.live).max().unwrap_or(0)
    }

    /// Whether a system's records usually have a birth date.
    pub fn usually_dated(&self, side: u8) -> bool {
        let there = &self.sides[usize::from(side)];
        u64::from(there.dated) * 5 >= u64::from(there.live) * 4
    }

    /// Whether a record was taken out.
    pub fn is_gone(&self, at: At) -> bool {
        self.sides[usize::from(at.side)].gone[at.record as usize]
    }

    /// A record.
    pub fn person(&self, at: At) -> &Person {
        &self.sides[usize::from(at.side)].people[at.record as usize]
    }

    /// The record's stable number.
    pub fn tie(&self, at: At) -> u64 {
        self.sides[usize::from(at.side)].ties[at.record as usize]
    }

    /// What decides between equals: the fuller record, then its stable number.
    pub fn rank(&self, at: At) -> (u32, u64) {
        let side = &self.sides[usize::from(at.side)];
        let person = &side.people[at.record as usize];
        (person.fullness(), !side.ties[at.record as usize])
    }

    /// Records of a system that share a key with `keys`, each once; into `out`.
    pub fn candidates(&self, keys: &[BlockKey], side: u8, out: &mut Vec<u32>) {
        out.clear();
        let there = &self.sides[usize::from(side)];
        for key in keys {
            if !self.crowded.contains(key) {
                out.extend(there.block(*key));
            }
        }
        out.sort_unstable();
        out.dedup();
    }

    /// Bytes held, about.
    pub fn bytes(&self) -> usize {
        self.sides
            .iter()
            .map(|s| s.people.len() * (size_of::<Person>() + 9) + s.blocks.bytes())
            .sum::<usize>()
            + (self.given.len() + self.surname.len()) * 12
    }
}

impl Frequencies for Index {
    fn records(&self) -> u32 {
        self.records
    }

    fn given(&self, hash: u32) -> u32 {
        self.given.get(&hash).copied().unwrap_or(0)
    }

    fn surname(&self, hash: u32) -> u32 {
        self.surname.get(&hash).copied().unwrap_or(0)
    }

    fn others(&self, key: BlockKey, a: &Person, b: &Person) -> u8 {
        let size: usize = self.sides.iter().map(|s| s.blocks.size(key)).sum();
        if size > BLOCK {
            return CROWD;
        }
        let mut names = [0u32; CROWD as usize];
        let mut count = 0;
        let is = |p: &Person, q: &Person| {
            p.given.word.hash == q.given.word.hash
                || p.given.word.hash == q.surname.hash
                || given_names::relation(p.given.known, q.given.known).is_some()
        };
        for side in &self.sides {
            for record in side.block(key) {
                let p = &side.people[record as usize];
                let name = p.given.word.hash;
                if p.kind != Kind::Person
                    || name == 0
                    || p.given.word.is_initial()
                    || is(p, a)
                    || is(p, b)
                    || names[..count].contains(&name)
                {
                    continue;
                }
                names[count] = name;
                count += 1;
                if count == usize::from(CROWD) {
                    return CROWD;
                }
            }
        }
        count as u8
    }
}
