//! From candidates to decisions: everybody who may be the same person competes, on both sides, and
//! a link needs a clear winner that no guard stands against.

use super::blocking::keys;
use super::compare::{BornLevel, CardLevel, Comparison, ContactLevel, GivenLevel, OwnerLevel, SexLevel, compare};
use super::guards::{Around, Guard, TOGETHER, guard};
use super::index::{At, Index};
use super::person::{Born, Kind, Person};
use super::weights::Weights;
use std::collections::HashSet;

/// From which probability on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// A pair is linked whose given names agree letter for letter.
    pub link: f32,
    /// A pair is linked whose given names are forms or slips of one.
    pub link_forms: f32,
    /// A pair is shown to a person.
    pub review: f32,
    /// For telling children from adults.
    pub today: Born,
    /// One list against itself: a person may be there more than twice.
    pub within: bool,
}

impl Settings {
    /// The shipped thresholds.
    pub fn new(today: Born) -> Self {
        Self {
            link: 0.4,
            link_forms: 0.8,
            review: 0.125,
            today,
            within: false,
        }
    }
}

/// What is to become of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// The same person, linked without anybody looking.
    Link,
    /// For a person to decide.
    Review,
}

/// Why a pair that looks right is not linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Obstacle {
    /// A guard stands against it.
    Guard(Guard),
    /// The same person seems to stand in one system twice, and the other record fits better.
    Twice,
    /// Somebody else fits nearly as well.
    Rival,
    /// Too little agrees.
    Weak,
}

/// How many records of one list a person is sought under.
const COPIES: usize = 24;

/// A pair and what is to become of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The other record.
    pub other: At,
    /// What is to become of the pair.
    pub decision: Decision,
    /// How likely they are one person.
    pub probability: f32,
    /// Why it is not linked.
    pub obstacle: Option<Obstacle>,
    /// What was compared.
    pub comparison: Comparison,
}

/// A candidate with its odds.
#[derive(Clone, Copy, Debug)]
struct Scored {
    at: At,
    odds: f32,
    comparison: Comparison,
}

/// A pair against its rivals on both sides.
#[derive(Clone, Copy, Debug)]
struct Race {
    odds: f32,
    /// The rivals' odds beside the pair's.
    sum: f32,
    /// Whether somebody who is one person with one of the two fits better.
    better_copy: bool,
    /// Whether nobody else fits nearly as well.
    best: bool,
}

impl Race {
    fn new(odds: f32) -> Self {
        Self {
            odds,
            sum: 0.0,
            better_copy: false,
            best: true,
        }
    }

    fn with(self, rivals: f32) -> Self {
        Self {
            sum: self.sum + rivals,
            ..self
        }
    }

    fn probability(self) -> f32 {
        1.0 / (1.0 + self.sum + (-self.odds).exp())
    }
}

/// By how much somebody else must fit worse (the natural logarithm of odds): of two namesakes of one
/// mailbox neither is linked to a contact who may be either.
const MARGIN: f32 = 1.0;
/// Odds below which a candidate does not even compete.
const FLOOR: f32 = -7.0;
/// From this probability on two records of one system count as one person.
const TWICE: f32 = 0.5;
/// How much rarer a second record in the same system is than one in the other.
const TWICE_PRIOR: f32 = -2.5;

/// Decides over an index.
pub struct Decider<'a> {
    index: &'a Index,
    apart: Option<&'a HashSet<(At, At)>>,
    weights: &'a Weights,
    settings: Settings,
}

impl<'a> Decider<'a> {
    /// Over this index with these weights.
    pub fn new(index: &'a Index, weights: &'a Weights, settings: Settings) -> Self {
        Self {
            index,
            apart: None,
            weights,
            settings,
        }
    }

    /// The same, but pairs a person told apart are no candidates. Each pair stands both ways round.
    pub fn telling_apart(self, apart: &'a HashSet<(At, At)>) -> Self {
        Self {
            apart: Some(apart),
            ..self
        }
    }

    /// Whether a record can be compared at all.
    pub(super) fn comparable(index: &Index, at: At) -> bool {
        index.person(at).kind != Kind::Several
    }

    /// The records it decides over.
    pub fn index(&self) -> &Index {
        self.index
    }

    fn records(&self) -> f32 {
        self.index.largest() as f32
    }

    fn odds(&self, a: At, b: At) -> (f32, Comparison) {
        let c = compare(self.index.person(a), self.index.person(b), self.index);
        (self.weights.odds(&c, self.records()), c)
    }

    fn scored(&self, at: At, side: u8, places: &mut Vec<u32>) -> Vec<Scored> {
        let person = self.index.person(at);
        if person.kind == Kind::Several {
            return vec![];
        }
        self.index.candidates(&keys(person), side, places);
        // all read in one go: the memory answers many questions at once, and single ones one by one
        let single = |record: &u32| {
            let other = At { side, record: *record };
            let apart = self.apart.is_some_and(|apart| apart.contains(&(at, other)));
            let found = *self.index.person(other);
            (other != at && !apart && found.kind != Kind::Several).then_some((other, found))
        };
        let found: Vec<(At, Person)> = places.iter().filter_map(single).collect();
        let mut scored = Vec::new();
        for (other, found) in &found {
            let comparison = compare(person, found, self.index);
            let odds = self.weights.odds(&comparison, self.records());
            if odds > FLOOR {
                scored.push(Scored {
                    at: *other,
                    odds,
                    comparison,
                });
            }
        }
        // sums over rivals must not depend on the order of rows
        scored.sort_by(|a, b| {
            b.odds
                .total_cmp(&a.odds)
                .then_with(|| self.index.tie(a.at).cmp(&self.index.tie(b.at)))
        });
        scored
    }

    /// The probability that a link needs. Twins share a birth date, often half a name, and mostly
    /// live together until they are grown.
    fn needed(&self, a: At, b: At, c: &Comparison) -> f32 {
        let forms = self.settings.link_forms;
        let born = self.index.person(a).born.year.max(self.index.person(b).born.year);
        let same_date = c.born == BornLevel::Same;
        let twins = same_date && born + TOGETHER > self.settings.today.year;
        let own_phone = c.owner == OwnerLevel::Missing && c.phone == ContactLevel::Own;
        match c.given {
            GivenLevel::Same => self.settings.link,
            GivenLevel::Form | GivenLevel::Misspelt => forms,
            GivenLevel::Initial if c.owner == OwnerLevel::Named && !same_date => forms,
            _ if twins => forms.max(0.985),
            GivenLevel::WideForm if same_date => forms.max(0.9),
            GivenLevel::WideForm if c.owner == OwnerLevel::Named => forms,
            GivenLevel::WideForm if own_phone => forms.max(0.9),
            GivenLevel::WideForm => forms.max(0.98),
            GivenLevel::Initial | GivenLevel::Alike if same_date => forms.max(0.95),
            GivenLevel::Initial | GivenLevel::Sisters | GivenLevel::Alike => forms.max(0.985),
            _ => forms.max(0.92),
        }
    }

    /// What a guard must know of two records.
    pub fn around(&self, a: At, b: At) -> Around {
        let odd = |at: At| self.index.person(at).born.year == 0 && self.index.usually_dated(at.side);
        Around {
            today: self.settings.today,
            date_unusually_missing: odd(a) || odd(b),
            households: self.weights.households(),
        }
    }

    fn guard(&self, a: At, b: At, c: &Comparison) -> Option<Guard> {
        guard(self.index.person(a), self.index.person(b), c, self.around(a, b))
    }

    /// How likely two records of one system are one person, where both fit one of another system
    /// by at least `both`: unless they contradict each other, that speaks for it too.
    fn twice(&self, a: At, b: At, both: f32) -> f32 {
        let (odds, c) = self.odds(a, b);
        let contradict = c.born == BornLevel::Different
            || c.sex == SexLevel::Different
            || c.card == CardLevel::Other
            || matches!(c.given, GivenLevel::Different | GivenLevel::Alike);
        let odds = if contradict { odds } else { odds.max(both) };
        1.0 / (1.0 + (-odds - TWICE_PRIOR).exp())
    }

    /// What becomes of a record's pairs with the records of another system, best first.
    pub fn decide(&self, at: At, side: u8) -> Vec<Verdict> {
        if self.settings.within && at.side == side {
            self.among_copies(at)
        } else {
            self.pairs(at, side)
        }
    }

    /// Within one list, whoever is the same as somebody who is the same is the same, unless a guard
    /// stands against it where there are households.
    fn among_copies(&self, at: At) -> Vec<Verdict> {
        let mut verdicts = self.pairs(at, at.side);
        let linked = |v: &Verdict| v.decision == Decision::Link;
        let mut known: Vec<At> = vec![at];
        known.extend(verdicts.iter().filter(|v| linked(v)).map(|v| v.other));
        let mut next = 1;
        while next < known.len() && known.len() < COPIES {
            let from = known[next];
            next += 1;
            for further in self.pairs(from, at.side).iter().filter(|v| linked(v)).map(|v| v.other) {
                if !known.contains(&further) {
                    known.push(further);
                }
            }
        }
        for other in known.into_iter().filter(|o| *o != at) {
            let (odds, comparison) = self.odds(at, other);
            let guard = self.guard(at, other, &comparison);
            if guard.is_some() && (self.weights.households() || guard.is_some_and(Guard::holds_always)) {
                continue;
            }
            let fresh = Verdict {
                other,
                decision: Decision::Link,
                probability: (1.0 / (1.0 + (-odds).exp())).max(self.settings.link),
                obstacle: None,
                comparison,
            };
            match verdicts.iter_mut().find(|v| v.other == other) {
                Some(there) if linked(there) => {}
                Some(there) => *there = fresh,
                None => verdicts.push(fresh),
            }
        }
        self.sort(&mut verdicts);
        verdicts
    }

    fn sort(&self, verdicts: &mut [Verdict]) {
        verdicts.sort_by(|a, b| {
            (b.decision == Decision::Link)
                .cmp(&(a.decision == Decision::Link))
                .then(b.probability.total_cmp(&a.probability))
                .then_with(|| self.index.rank(b.other).cmp(&self.index.rank(a.other)))
        });
    }

    /// Counts the rivals of one of the two, `me`; `None` once they leave the pair too little.
    fn compete(
        &self,
        race: &mut Race,
        found: &Scored,
        (rivals, me): (&[Scored], At),
        pair: impl Fn(At) -> (At, At),
    ) -> Option<()> {
        let mut sum = 0.0;
        for rival in rivals.iter().filter(|r| r.at != me) {
            if found.odds - rival.odds > 16.0 {
                continue;
            }
            let wins = rival
                .odds
                .total_cmp(&found.odds)
                .then_with(|| self.index.rank(rival.at).cmp(&self.index.rank(me)))
                .is_gt();
            let twice = self.twice(me, rival.at, rival.odds.min(found.odds));
            sum += (1.0 - twice) * (rival.odds - found.odds).exp();
            // no further rival makes it likelier
            if race.with(sum).probability() < self.settings.review {
                return None;
            }
            if twice >= TWICE {
                let (x, y) = pair(rival.at);
                race.better_copy |= wins && self.guard(x, y, &rival.comparison).is_none();
            } else {
                race.best &= found.odds - rival.odds >= MARGIN;
            }
        }
        race.sum = race.with(sum).sum;
        Some(())
    }

    fn pairs(&self, at: At, side: u8) -> Vec<Verdict> {
        let mut places = Vec::new();
        let mine = self.scored(at, side, &mut places);
        let ask = (self.settings.review / (1.0 - self.settings.review)).ln();
        let mut verdicts: Vec<Verdict> = mine
            .iter()
            .filter(|s| s.odds >= ask)
            .filter_map(|s| self.pair(at, s, &mine, &mut places))
            .collect();
        self.sort(&mut verdicts);
        verdicts
    }

    /// `None` as soon as enough rivals are counted, or a guard is seen, for the pair to come to nothing:
    /// whoever shares name and address with many would else be compared with all whom these resemble.
    fn pair(&self, at: At, found: &Scored, mine: &[Scored], places: &mut Vec<u32>) -> Option<Verdict> {
        let settings = &self.settings;
        let guard = self.guard(at, found.at, &found.comparison);
        if guard.is_some_and(Guard::parts) {
            return None;
        }
        let mut race = Race::new(found.odds);
        if !settings.within {
            self.compete(&mut race, found, (mine, found.at), |rival| (at, rival))?;
            let theirs = self.scored(found.at, at.side, places);
            self.compete(&mut race, found, (&theirs, at), |rival| (rival, found.at))?;
        }
        let probability = race.probability();
        if probability < settings.review {
            return None;
        }
        let link = self.needed(at, found.at, &found.comparison);
        let obstacle = match guard {
            Some(guard) => Some(Obstacle::Guard(guard)),
            None if race.better_copy => Some(Obstacle::Twice),
            None if probability >= link && race.best => None,
            None if 1.0 / (1.0 + (-found.odds).exp()) >= link => Some(Obstacle::Rival),
            None => Some(Obstacle::Weak),
        };
        Some(Verdict {
            other: found.at,
            decision: if obstacle.is_none() {
                Decision::Link
            } else {
                Decision::Review
            },
            probability,
            obstacle,
            comparison: found.comparison,
        })
    }
}
