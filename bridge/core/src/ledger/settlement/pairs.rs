//! What goes with what, by amounts and days alone.

use std::collections::{BTreeMap, VecDeque};

/// Sums that are tried at most before a search is given up.
const MOST_SUMS: usize = 100_000;

/// Pairs rows and payments of one amount by their days: a payment goes with a row of up to `window` days later, or of
/// the day before (time zones). As many as the days allow, and of two ways that pair as many the one with fewer days
/// between. Both lists hold (day, index) in order.
pub(super) fn by_day(rows: &[(i64, usize)], payments: &[(i64, usize)], window: i64) -> Vec<(usize, usize)> {
    let (near, far) = (nearest(rows, payments, window), in_turn(rows, payments, window));
    let cost = |pairs: &[(usize, usize)]| -> i64 {
        let days = |(r, p): &(usize, usize)| (rows[*r].0 - payments[*p].0).abs();
        pairs.iter().map(days).sum()
    };
    let better = (std::cmp::Reverse(near.len()), cost(&near)) <= (std::cmp::Reverse(far.len()), cost(&far));
    let pairs = if better { near } else { far };
    pairs.into_iter().map(|(r, p)| (rows[r].1, payments[p].1)).collect()
}

/// First those of one day, then those a day apart, and so on.
fn nearest(rows: &[(i64, usize)], payments: &[(i64, usize)], window: i64) -> Vec<(usize, usize)> {
    let mut free: BTreeMap<i64, VecDeque<usize>> = BTreeMap::new();
    for (at, (day, _)) in payments.iter().enumerate() {
        free.entry(*day).or_default().push_back(at);
    }
    let mut taken = vec![false; rows.len()];
    let mut pairs = Vec::new();
    for lag in [0, 1, -1].into_iter().chain(2..=window).filter(|lag| *lag <= window) {
        for (at, (day, _)) in rows.iter().enumerate() {
            if !taken[at]
                && let Some(payment) = free.get_mut(&(day - lag)).and_then(VecDeque::pop_front)
            {
                taken[at] = true;
                pairs.push((at, payment));
            }
        }
    }
    pairs
}

/// Each row takes the oldest payment it may: pairs as many as can be, since all rows reach back as far.
fn in_turn(rows: &[(i64, usize)], payments: &[(i64, usize)], window: i64) -> Vec<(usize, usize)> {
    let mut next = 0;
    let mut pairs = Vec::new();
    for (at, (day, _)) in rows.iter().enumerate() {
        while next < payments.len() && payments[next].0 < day - window {
            next += 1;
        }
        if next < payments.len() && payments[next].0 <= day + 1 {
            pairs.push((at, next));
            next += 1;
        }
    }
    pairs
}

/// The items that sum to a target, if exactly one choice of items does.
pub(super) fn only_subset(target: i64, items: &[i64]) -> Option<Vec<usize>> {
    // How many choices of the first so many items make each sum; more than one is as good as two.
    let mut ways: Vec<BTreeMap<i64, u8>> = vec![BTreeMap::from([(0, 1)])];
    let mut sums = 1;
    for item in items {
        let last = ways.last()?;
        let mut with = last.clone();
        for (sum, n) in last {
            let to = with.entry(sum + item).or_default();
            *to = (*to + n).min(2);
        }
        sums += with.len();
        if sums > MOST_SUMS {
            return None;
        }
        ways.push(with);
    }
    if ways.last()?.get(&target) != Some(&1) {
        return None;
    }
    let mut left = target;
    let mut chosen = Vec::new();
    for (at, item) in items.iter().enumerate().rev() {
        if !ways[at].contains_key(&left) {
            left -= item;
            chosen.push(at);
        }
    }
    chosen.reverse();
    (left == 0 && !chosen.is_empty()).then_some(chosen)
}

/// The run of days, at most `span` days long, whose sums `fits`, if exactly one does. Days are in order, with sums.
pub(super) fn only_run(
    days: &[(i64, i64)],
    span: i64,
    fits: impl Fn(i64) -> bool,
) -> Option<std::ops::RangeInclusive<i64>> {
    let mut found = None;
    for (at, (first, _)) in days.iter().enumerate() {
        let mut sum = 0;
        for (last, more) in days[at..].iter().take_while(|(day, _)| *day < first + span) {
            sum += more;
            if fits(sum) && found.replace(*first..=*last).is_some() {
                return None;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{by_day, only_run, only_subset};
    use proptest::prelude::*;

    /// The most pairs, by trying all.
    fn most(rows: &[i64], payments: &[i64], window: i64, used: u32) -> usize {
        let Some((row, rest)) = rows.split_first() else {
            return 0;
        };
        let fits = |i: &usize| used & (1 << i) == 0 && (-1..=window).contains(&(row - payments[*i]));
        let with = (0..payments.len())
            .filter(fits)
            .map(|i| 1 + most(rest, payments, window, used | 1 << i));
        with.max().unwrap_or(0).max(most(rest, payments, window, used))
    }

    fn numbered(days: &[i64]) -> Vec<(i64, usize)> {
        let mut days = days.to_vec();
        days.sort_unstable();
        days.into_iter().enumerate().map(|(i, d)| (d, i)).collect()
    }

    #[test]
    fn a_day_later_each_day_is_no_day_with_two_left_over() {
        let rows: Vec<i64> = (1..=10).collect();
        let payments: Vec<i64> = (0..10).collect();
        let pairs = by_day(&numbered(&rows), &numbered(&payments), 3);
        assert_eq!(pairs, (0..10).map(|i| (i, i)).collect::<Vec<_>>());
        // The one never settled stays alone, whatever comes after it.
        let pairs = by_day(&numbered(&[4, 8]), &numbered(&[0, 4, 8]), 3);
        assert_eq!(pairs, [(0, 1), (1, 2)]);
    }

    #[test]
    fn a_choice_that_is_not_the_only_one_is_none() {
        assert_eq!(only_subset(700, &[100, 300, 400, 250]), Some(vec![1, 2]));
        assert_eq!(only_subset(500, &[100, 400, 250, 250]), None);
        assert_eq!(only_subset(0, &[100]), None);
        assert_eq!(only_run(&[(1, 100), (2, 200), (9, 50)], 4, |s| s == 300), Some(1..=2));
        assert_eq!(only_run(&[(1, 100), (2, 200), (3, 100)], 4, |s| s == 300), None);
        assert_eq!(only_run(&[(1, 100), (9, 200)], 4, |s| s == 300), None);
    }

    proptest! {
        #[test]
        fn as_many_pairs_as_the_days_allow(
            rows in prop::collection::vec(0i64..12, 0..6),
            payments in prop::collection::vec(0i64..12, 0..6),
            window in 0i64..6,
        ) {
            let (rows, payments) = (numbered(&rows), numbered(&payments));
            let pairs = by_day(&rows, &payments, window);
            let days = |side: &[(i64, usize)]| -> Vec<i64> { side.iter().map(|(d, _)| *d).collect() };
            prop_assert_eq!(pairs.len(), most(&days(&rows), &days(&payments), window, 0));
            for (r, p) in &pairs {
                prop_assert!((-1..=window).contains(&(rows[*r].0 - payments[*p].0)));
            }
            let mut used: Vec<usize> = pairs.iter().map(|(_, p)| *p).collect();
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len(), pairs.len());
        }

        #[test]
        fn a_choice_is_found_if_it_is_the_only_one(
            items in prop::collection::vec(-8i64..20, 0..9),
            target in 1i64..60,
        ) {
            let sum = |mask: u32| -> i64 {
                items.iter().enumerate().filter(|(i, _)| mask & (1 << i) != 0).map(|(_, a)| a).sum()
            };
            let fits: Vec<u32> = (1..1u32 << items.len()).filter(|m| sum(*m) == target).collect();
            let chosen = only_subset(target, &items).map(|c| c.iter().map(|i| 1u32 << i).sum::<u32>());
            prop_assert_eq!(chosen, if let [one] = fits[..] { Some(one) } else { None });
        }
    }
}
