//! Passes over a product whose people work while pages are being read.

use super::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// A product with rows, a clock and people at work.
struct Product {
    rng: StdRng,
    now: Time,
    /// Created and changed, by id; no id is ever used twice.
    rows: BTreeMap<u32, (Time, Time)>,
    next_id: u32,
    page: usize,
    totals: bool,
    manner: Manner,
    millis: bool,
    calls: usize,
}

impl Product {
    fn new(seed: u64) -> Product {
        let mut rng = StdRng::seed_from_u64(seed);
        let now = 1_000_000 * SECOND + rng.random_range(0..SECOND);
        let mut rows = BTreeMap::new();
        let count = rng.random_range(0..700);
        // Crowded seconds are the rule here, the last one among them.
        let spread = [1, 3, 30, 3_000][rng.random_range(0..4)] * SECOND;
        for id in 0..count {
            let changed = now - rng.random_range(0..spread);
            rows.insert(id, (changed - rng.random_range(0..spread), changed));
        }
        Product {
            page: [7, 40, 100][rng.random_range(0..3)],
            totals: true,
            manner: Manner::TRUSTED,
            millis: rng.random_bool(0.5),
            calls: 0,
            next_id: count,
            rng,
            now,
            rows,
        }
    }

    fn shown_stamp(&self, stamp: Time) -> Time {
        if self.millis {
            stamp / 1_000 * 1_000
        } else {
            second(stamp)
        }
    }

    /// People work for a while: a few edits, removals, new records; time passes.
    fn work(&mut self) {
        for _ in 0..self.rng.random_range(0..4) {
            self.now += self.rng.random_range(0..SECOND / 2);
            let ids: Vec<u32> = self.rows.keys().copied().collect();
            let any = (!ids.is_empty()).then(|| ids[self.rng.random_range(0..ids.len())]);
            match (self.rng.random_range(0..6), any) {
                (0, Some(id)) => {
                    self.rows.remove(&id);
                }
                (1, _) => {
                    let id = self.next_id;
                    self.next_id += 1;
                    self.rows.insert(id, (self.now, self.now));
                }
                (2..=4, Some(id)) => {
                    let now = self.now;
                    self.rows.entry(id).and_modify(|row| row.1 = now);
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, ask: Ask) -> (Shown, Vec<u32>) {
        self.calls += 1;
        let until = ask.until.filter(|_| self.manner.ranges);
        assert!(
            ask.until.is_none_or(|until| until <= self.now),
            "a bound in the future proves nothing"
        );
        let from = ask.from.filter(|_| self.manner.filters);
        let mut found: Vec<(Time, u32, Time)> = self
            .rows
            .iter()
            .filter(|(_, (_, changed))| {
                from.is_none_or(|from| *changed >= from)
                    && (!self.manner.filters || until.is_none_or(|until| *changed < until))
            })
            .map(|(id, (created, changed))| {
                let sorted_by = if ask.by_change && self.manner.sorts {
                    self.shown_stamp(*changed)
                } else if ask.by_change {
                    Time::from(id.wrapping_mul(2_654_435_761))
                } else {
                    *created
                };
                (sorted_by, *id, self.shown_stamp(*changed))
            })
            .collect();
        found.sort_unstable_by_key(|(by, id, _)| (*by, *id));
        let total = found.len();
        let start = ((ask.page - 1) as usize * self.page).min(total);
        let rows = &found[start..(start + self.page).min(total)];
        let ids: Vec<u32> = rows.iter().map(|row| row.1).collect();
        let names: Vec<String> = ids.iter().map(u32::to_string).collect();
        let more = start + self.page < total;
        let shown = Shown {
            stamps: rows.iter().map(|row| Some(row.2)).collect(),
            ids: id_sum(names.iter().map(String::as_str)),
            total: self.totals.then_some(total as u64),
            size: self.page as u64,
            more,
            server: Some(self.now - self.rng.random_range(0..SECOND)),
        };
        (shown, ids)
    }

    /// Runs a pass while people work; what was seen, and when the pass began.
    fn pass(&mut self, since: Option<Time>, manner: &mut Manner, busy: bool) -> (BTreeSet<u32>, Pass) {
        let mut pass = Pass::since(since);
        let mut seen = BTreeSet::new();
        for _ in 0..3_000 {
            let (shown, ids) = self.answer(pass.ask(*manner));
            seen.extend(ids);
            match pass.take(&shown, manner) {
                Step::Done => return (seen, pass),
                Step::On => {}
                Step::OnAfter(at) => self.now = self.now.max(at) + SECOND,
            }
            if busy {
                self.work();
            }
        }
        panic!("the pass does not end: {pass:?}");
    }
}

/// Everything that was there when the pass began, and was not removed meanwhile, was on a page.
fn check_passes(seed: u64, change: impl Fn(&mut Product), busy: bool) {
    let mut product = Product::new(seed);
    change(&mut product);
    let mut manner = Manner::TRUSTED;
    let mut since = None;
    for nth in 0..3 {
        let due: Vec<u32> = product
            .rows
            .iter()
            .filter(|(_, (_, changed))| since.is_none_or(|since| *changed >= since))
            .map(|(id, _)| *id)
            .collect();
        let (seen, pass) = product.pass(since, &mut manner, busy);
        let hidden: Vec<&u32> = due
            .iter()
            .filter(|id| product.rows.contains_key(id) && !seen.contains(id))
            .collect();
        assert!(
            hidden.is_empty(),
            "seed {seed}, pass {nth}: {hidden:?} of {} never shown",
            due.len()
        );
        since = pass.began.map(|began| second(began - 2 * SECOND));
        product.now += product.rng.random_range(0..5) * SECOND;
        product.work();
    }
}

#[test]
fn nothing_is_hidden_while_people_work() {
    for seed in 0..80 {
        check_passes(seed, |_| {}, true);
    }
}

#[test]
fn nothing_is_hidden_where_the_order_is_ignored() {
    for seed in 0..80 {
        check_passes(seed, |product| product.manner.sorts = false, true);
    }
}

#[test]
fn without_totals_or_ranges_or_filters_a_calm_product_is_seen_whole() {
    for seed in 0..60 {
        check_passes(seed, |product| product.totals = false, false);
        check_passes(seed, |product| product.manner.ranges = false, false);
        check_passes(seed, |product| product.manner = Manner::DEAF, false);
    }
}

#[test]
fn calls_stay_near_the_least_possible() {
    let mut worst: f64 = 0.0;
    for seed in 0..80 {
        let mut product = Product::new(seed);
        product.page = 100;
        product.now += 10 * SECOND;
        let least = product.rows.len().div_ceil(100).max(1);
        let mut manner = Manner::TRUSTED;
        product.pass(None, &mut manner, false);
        worst = worst.max(product.calls as f64 / least as f64);
        assert!(
            product.calls <= least + 1 + least / 10,
            "seed {seed}: {} calls where {least} do",
            product.calls
        );
        assert!(manner.filters && manner.ranges && manner.sorts);
    }
    assert!(worst >= 1.0);
}

#[test]
fn a_quiet_poll_is_one_call() {
    let mut product = Product::new(3);
    product.now += 3_600 * SECOND;
    let mut manner = Manner::TRUSTED;
    let since = product.now - 5 * SECOND;
    product.pass(Some(since), &mut manner, false);
    assert_eq!(product.calls, 1);
}

#[test]
fn ignored_parameters_are_noticed_once_and_for_all() {
    let crowd = |product: &mut Product| {
        product.page = 40;
        product.now = 2_000_000 * SECOND + SECOND / 2;
        let now = product.now;
        product.rows = (0..200).map(|id| (id, (now, now))).collect();
    };
    let mut deaf = Product::new(11);
    crowd(&mut deaf);
    deaf.manner = Manner::DEAF;
    let mut manner = Manner::TRUSTED;
    let since = deaf.now + 60 * SECOND;
    deaf.now += 90 * SECOND;
    let (seen, _) = deaf.pass(Some(since), &mut manner, false);
    assert!(!manner.filters);
    assert_eq!(seen.len(), 200, "what cannot be asked for is looked through");

    let mut half = Product::new(11);
    crowd(&mut half);
    half.manner.ranges = false;
    let early = half.now - SECOND;
    half.rows.entry(0).and_modify(|row| row.1 = early);
    let mut manner = Manner::TRUSTED;
    half.pass(Some(early), &mut manner, false);
    assert_eq!(
        manner,
        Manner {
            ranges: false,
            ..Manner::TRUSTED
        }
    );
}
