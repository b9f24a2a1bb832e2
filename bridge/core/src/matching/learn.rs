//! Learning a practice's own weights without being told who is who: from the shipped table it is
//! guessed for each pair of a sample which of the three it is; from the guesses come new shares;
//! and again. What the data do not show stays as shipped. Cautions of a guard cannot be unlearnt.

use super::compare::{Comparison, compare};
use super::decide::Decider;
use super::index::{At, Index};
use super::weights::{Column, KIN, ONE, STRANGERS, Weights, contact_cell, identity_cell};

/// How many observations the shipped table is worth.
const TRUST: f64 = 2_000.0;
/// Rounds; the shares hardly move after a few.
const ROUNDS: usize = 6;
/// Records of a system that are looked at.
const SAMPLE: u32 = 20_000;

/// Pairs of a sample of records with all their candidates; the same whatever the order of records.
fn sample(index: &Index, side: u8, other: u8) -> (Vec<Vec<Comparison>>, f64) {
    let all = index.side(side).count() as u32;
    let keep = u64::from(all.div_ceil(SAMPLE).max(1));
    let (mut pairs, mut seen, mut places) = (vec![], 0.0, vec![]);
    let mut records: Vec<At> = index.side(side).collect();
    records.sort_by_key(|at| index.tie(*at));
    for at in records {
        if !(index.tie(at) >> 7).is_multiple_of(keep) {
            continue;
        }
        seen += 1.0;
        index.candidates(&super::blocking::keys(index.person(at)), other, &mut places);
        places.sort_by_key(|record| {
            index.tie(At {
                side: other,
                record: *record,
            })
        });
        let mut found = vec![];
        for record in &places {
            let b = At {
                side: other,
                record: *record,
            };
            if b != at && Decider::comparable(index, at) && Decider::comparable(index, b) {
                found.push(compare(index.person(at), index.person(b), index));
            }
        }
        pairs.push(found);
    }
    (pairs, seen)
}

struct Sums {
    cells: Vec<[f64; 2]>,
}

impl Sums {
    fn new(column: &Column) -> Self {
        let start = |l: &[f32; 3]| [f64::from(l[ONE].exp()) * TRUST, f64::from(l[KIN].exp()) * TRUST];
        Self {
            cells: column.iter().map(start).collect(),
        }
    }

    fn put(&self, column: &mut Column) {
        for who in [ONE, KIN] {
            let sum: f64 = self.cells.iter().map(|c| c[who]).sum();
            for (cell, shares) in self.cells.iter().zip(column.iter_mut()) {
                shares[who] = (cell[who] / sum).max(1e-9).ln() as f32;
            }
        }
    }
}

/// How likely each of a record's candidates is the same person, and of the household. In another
/// system at most about one is the same person.
fn shares<'a>(w: &Weights, found: &'a [Comparison], n: f32, within: bool) -> Vec<(&'a Comparison, [f64; 2])> {
    let mut shares: Vec<_> = found
        .iter()
        .map(|c| {
            let l = w.likelihoods(c, n);
            let most = l[ONE].max(l[KIN]).max(l[STRANGERS]);
            let e = l.map(|x| f64::from((x - most).exp()));
            let all: f64 = e.iter().sum();
            (c, [e[ONE] / all, e[KIN] / all])
        })
        .collect();
    if !within {
        // the odds against each other: p / (1 - p) of all, one share left for nobody
        let odds = |p: f64| p / (1.0 - p).max(1e-9);
        let all: f64 = 1.0 + shares.iter().map(|(_, s)| odds(s[ONE])).sum::<f64>();
        for (_, s) in &mut shares {
            s[ONE] = odds(s[ONE]) / all;
        }
    }
    shares
}

/// The table that the records of two systems, or of one against itself, teach.
pub fn learn(index: &Index, shipped: &Weights, side: u8, other: u8) -> Weights {
    let (pairs, records) = sample(index, side, other);
    let mut w = shipped.clone();
    if pairs.is_empty() {
        return w;
    }
    let n = index.largest() as f32;
    for _ in 0..ROUNDS {
        let mut sums = [
            Sums::new(&shipped.surname),
            Sums::new(&shipped.middle),
            Sums::new(&shipped.sex),
            Sums::new(&shipped.card),
            Sums::new(&shipped.identity),
            Sums::new(&shipped.contact),
        ];
        let mut who = [0.0f64; 3];
        for (c, share) in pairs.iter().flat_map(|found| shares(&w, found, n, side == other)) {
            who[ONE] += share[ONE];
            who[KIN] += share[KIN];
            let at = [
                c.surname as usize,
                c.middle as usize,
                c.sex as usize,
                c.card as usize,
                identity_cell(c.given, c.born),
                contact_cell(c.phone, c.email, c.place),
            ];
            for (sum, at) in sums.iter_mut().zip(at) {
                sum.cells[at][ONE] += share[ONE];
                sum.cells[at][KIN] += share[KIN];
            }
        }
        let [surname, middle, sex, card, identity, contact] = &sums;
        surname.put(&mut w.surname);
        middle.put(&mut w.middle);
        sex.put(&mut w.sex);
        card.put(&mut w.card);
        identity.put(&mut w.identity);
        contact.put(&mut w.contact);
        w.prior = [ONE, KIN].map(|k| (who[k] / records).max(1e-4).ln() as f32);
    }
    w.version = format!("{} learnt", shipped.version);
    w
}
