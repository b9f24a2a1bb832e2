//! Days are summarised once they are over: however often the service looks, a day has one journal, and what comes later one
//! for each day on which it is found.

use crate::examples::{proof, shown};
use crate::history::{Act, DAY, World, acts};
use bridge_core::ledger::facts::PaymentKind;
use bridge_core::ledger::{Cents, Entry, Source};
use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;
use std::collections::BTreeSet;

const MODES: &str = r#"{ other = "summary" }"#;

/// A practice whose days before the first of October are settled.
fn world() -> World {
    let mut world = World::new(MODES);
    world.settled = DAY.yesterday().ok();
    world
}

fn journals(world: &World) -> Vec<&Entry> {
    world.entries.iter().filter(|e| e.counts()).collect()
}

#[test]
fn a_day_that_is_looked_at_often_has_one_journal_once_it_is_over() {
    let mut world = world();
    for price in [1_000, 2_000, 3_000] {
        let invoice = world.bill(0, 0, &[(false, price, 4)]);
        world.pay(PaymentKind::Payment, Some(invoice), None, Cents(500), true);
        let plan = world.look();
        assert!(plan.post.is_empty() && plan.held.is_empty());
    }
    let before = proof(&world, &[]);
    assert!(before.holds(), "{:#?}", before.differences);
    assert_eq!(before.later.len(), 6, "what is of an open day is named");

    world.settled = Some(DAY);
    world.look();
    let [journal] = journals(&world)[..] else {
        panic!("{:#?}", world.entries)
    };
    assert_eq!((journal.sources.len(), journal.document.date), (6, DAY));
    assert!(proof(&world, &shown(&world.entries)).later.is_empty());
}

#[test]
fn what_comes_after_a_days_journal_is_one_more_for_each_day_it_is_found_on() {
    let mut world = world();
    world.bill(0, 0, &[(false, 1_000, 4)]);
    world.settled = Some(DAY);
    world.look();
    for found in 1..=2 {
        for price in [2_000, 3_000] {
            world.bill(0, 0, &[(false, price, 4)]);
            let plan = world.look();
            assert!(plan.post.is_empty(), "{plan:#?}");
        }
        let between = proof(&world, &shown(&world.entries));
        assert!(between.holds());
        assert_eq!(between.later.len(), 2);
        world.settled = Some(DAY.saturating_add(found.days()));
        world.look();
        let keys: Vec<&str> = journals(&world).iter().map(|e| e.key()).collect();
        assert_eq!(keys.len(), 1 + usize::try_from(found).unwrap(), "{keys:?}");
    }
    let after = proof(&world, &shown(&world.entries));
    assert!(after.holds() && after.later.is_empty());
}

#[test]
fn what_a_planner_only_says_waits_is_a_difference() {
    let mut world = world();
    world.bill(0, 0, &[(false, 1_000, 4)]);
    world.settled = Some(DAY);
    // Nobody has looked since the day is over.
    assert_eq!(proof(&world, &[]).differences.len(), 1);
}

#[test]
fn what_a_person_has_coded_anew_does_not_wait() {
    let mut world = world();
    let invoice = world.bill(0, 0, &[(false, 1_000, 4)]);
    world.settled = Some(DAY);
    world.look();
    world.rules.rule[0].account = Some("210".into());
    world.recode = BTreeSet::from([Source::Invoice(invoice)]);
    assert_eq!(world.look().post.len(), 1);
}

#[test]
fn a_day_is_settled_some_hours_after_midnight_of_the_practice() {
    let mut rules = world().rules;
    assert_eq!(rules.settled(date(2026, 10, 2).at(0, 59, 0, 0)), date(2026, 9, 30));
    assert_eq!(rules.settled(date(2026, 10, 2).at(1, 0, 0, 0)), date(2026, 10, 1));
    rules.summary_after_hours = 6;
    assert_eq!(rules.settled(date(2026, 10, 2).at(5, 59, 0, 0)), date(2026, 9, 30));
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn one_journal_a_day_and_finding_whatever_happens(acts in acts(), looks in 1..4_u8) {
        let mut world = world();
        for act in &acts {
            world.settled = world.today.yesterday().ok();
            world.act(act);
            for _ in 0..looks {
                world.look();
            }
            world.act(&Act::Look);
        }
        let mut seen = BTreeSet::new();
        for journal in journals(&world) {
            prop_assert!(Some(journal.document.date) <= journal.settled);
            prop_assert!(seen.insert((journal.document.date, journal.settled)), "{}", journal.key());
        }
        world.today = DAY.saturating_add(90.days());
        world.settled = world.today.yesterday().ok();
        world.check(false);
        prop_assert!(proof(&world, &shown(&world.entries)).later.is_empty());
    }
}
