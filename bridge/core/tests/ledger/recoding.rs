//! Other rules for what was posted: they reach what a person names, and nothing else.

use crate::books::Paper;
use crate::examples::{proof, shown};
use crate::history::{World, acts, rules};
use bridge_core::ledger::facts::PaymentKind;
use bridge_core::ledger::recode::{Choice, Recoding, recodings};
use bridge_core::ledger::{Cents, DocumentKind, Entry, EntryState, Source, Target};
use jiff::civil::date;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The rules that the practice began with: other accounts for item A, and for cash.
fn former(modes: &str) -> bridge_core::ledger::Rules {
    let mut rules = rules(modes);
    rules.rule[0].account = Some("820".into());
    rules.method[0].account = "651".into();
    rules
}

fn chosen(world: &World, choice: &Choice) -> Vec<Recoding> {
    let target = Target::of(&world.facts, &world.rules, &world.books);
    let entries: Vec<&Entry> = world.entries.iter().collect();
    recodings(&target, &entries, &world.rules, choice)
}

fn everything(world: &World) -> BTreeSet<Source> {
    let invoices = world.facts.invoices.keys().cloned().map(Source::Invoice);
    invoices
        .chain(world.facts.payments.keys().cloned().map(Source::Payment))
        .collect()
}

/// Two invoices, paid in cash, posted by the former rules.
fn posted(modes: &str) -> (World, String, String) {
    let mut world = World::new(modes);
    world.rules = former(modes);
    let first = world.bill(0, 0, &[(false, 18_000, 4), (true, 10_000, 4)]);
    world.pay(PaymentKind::Payment, Some(first.clone()), None, Cents(29_000), true);
    let second = world.bill(1, 3, &[(false, 7_000, 4)]);
    world.look();
    world.rules = rules(modes);
    (world, first, second)
}

#[test]
fn what_a_person_names_moves_and_all_else_stands() {
    for modes in ["{}", r#"{ other = "summary" }"#] {
        let (mut world, first, second) = posted(modes);
        let named = Choice {
            invoices: BTreeSet::from([first.clone()]),
            ..Choice::default()
        };
        let found = chosen(&world, &named);
        let sources: Vec<String> = found.iter().map(|r| r.source.to_string()).collect();
        assert_eq!(sources.len(), 2, "the invoice and its money: {sources:?}");
        let moved = |of: usize| -> Vec<(&str, Cents)> {
            found[of]
                .moves
                .iter()
                .map(|m| (m.account.as_str(), m.net + m.tax))
                .collect()
        };
        assert_eq!(moved(0), [("200", Cents(-18_000)), ("820", Cents(18_000))]);
        assert_eq!(moved(1), [("650", Cents(29_000)), ("651", Cents(-29_000))]);

        world.recode = found.into_iter().map(|r| r.source).collect();
        world.look();
        let paper = Paper::of(&world.entries);
        let at = |account: &str| paper.accounts.get(account).copied().unwrap_or_default();
        assert_eq!((at("200"), at("820")), (Cents(-18_000), Cents(-7_000)));
        assert_eq!((at("650"), at("651")), (Cents(29_000), Cents::ZERO));
        world.recode.clear();
        let again = world.look();
        assert!(again.post.is_empty() && again.void.is_empty() && again.held.is_empty());
        assert!(proof(&world, &shown(&world.entries)).holds());

        let by_rule = Choice {
            rule: Some("item A".into()),
            ..Choice::default()
        };
        let left: Vec<Source> = chosen(&world, &by_rule).into_iter().map(|r| r.source).collect();
        assert_eq!(left, [Source::Invoice(second)]);
    }
}

#[test]
fn days_rules_and_methods_choose() {
    let (world, first, second) = posted("{}");
    let of = |choice: Choice| -> Vec<Source> { chosen(&world, &choice).into_iter().map(|r| r.source).collect() };
    let (first, second) = (Source::Invoice(first), Source::Invoice(second));
    let later = Choice {
        from: Some(date(2026, 10, 2)),
        ..Choice::default()
    };
    assert_eq!(of(later), std::slice::from_ref(&second));
    let sooner = Choice {
        to: Some(date(2026, 10, 1)),
        rule: Some("item A".into()),
        ..Choice::default()
    };
    assert_eq!(of(sooner), [first]);
    let other = Choice {
        rule: Some("item B".into()),
        invoices: BTreeSet::from([match &second {
            Source::Invoice(id) | Source::Payment(id) => id.clone(),
        }]),
        ..Choice::default()
    };
    assert_eq!(of(other), []);
    let cash = Choice {
        rule: Some("method Cash".into()),
        ..Choice::default()
    };
    assert!(matches!(of(cash)[..], [Source::Payment(_)]));
}

#[test]
fn what_is_locked_is_corrected_on_the_first_open_day() {
    let (mut world, ..) = posted("{}");
    world.books.locked_to = Some(date(2026, 10, 31));
    world.today = date(2026, 11, 3);
    let before: Vec<Entry> = world.entries.clone();
    world.recode = everything(&world);
    let plan = world.look();
    assert!(plan.void.is_empty());
    assert!(
        plan.post.iter().all(|e| e.document.date >= date(2026, 11, 1)),
        "{plan:#?}"
    );
    let notes = plan.post.iter().filter(|e| e.document.kind == DocumentKind::CreditNote);
    assert!(
        notes
            .map(|e| e.document.note.as_str())
            .all(|n| n == "of 2026-10-01" || n == "of 2026-10-04")
    );
    let stands = |e: &&Entry| e.state == EntryState::Posted;
    assert_eq!(
        world.entries.iter().filter(stands).take(before.len()).count(),
        before.len()
    );
    let paper = Paper::of(&world.entries);
    assert_eq!(
        (paper.accounts["200"], paper.accounts["820"]),
        (Cents(-25_000), Cents::ZERO)
    );
    assert_eq!(paper.debtors["HX-P-900001"], Cents::ZERO);
    assert_eq!(paper.debtors["HX-P-900002"], Cents(7_000));
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn whatever_was_posted_by_other_rules_equals_those_of_now_once_it_is_coded_anew(acts in acts(), summed in any::<bool>()) {
        let modes = if summed { r#"{ other = "summary" }"# } else { "{}" };
        let mut world = World::new(modes);
        world.rules = former(modes);
        for act in &acts {
            world.act(act);
        }
        world.look();
        world.rules = rules(modes);
        world.recode = everything(&world);
        world.check(!summed);
    }
}
