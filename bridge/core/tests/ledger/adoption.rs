//! What the books have already is never posted a second time, and may be adopted.

use crate::books::{Paper, carry_out};
use crate::examples::{proof, shown};
use crate::history::World;
use bridge_core::ledger::adopt::foreign;
use bridge_core::ledger::facts::PaymentKind;
use bridge_core::ledger::{Cents, Entry, Given, Plan, Shown, Target, Why};

/// Posts as Halaxy's own link would: under numbers of its own.
fn posted_by_halaxy(world: &World, number: impl Fn(&str) -> String) -> Vec<Shown> {
    let mut entries = vec![];
    let (_, plan) = world.plan();
    carry_out(&mut entries, &plan, None);
    let mut all = shown(&entries);
    for s in &mut all {
        let own = s.key.take().unwrap_or_default();
        s.key = Some(number(own.trim_start_matches("HX-")));
        s.remote_id = format!("theirs-{}", s.remote_id);
        s.of = s.of.take().map(|id| format!("theirs-{id}"));
    }
    all
}

fn set_aside(world: &World, books: &[Shown]) -> (Target, Plan, Vec<(String, Vec<Entry>)>) {
    let mut target = Target::of(&world.facts, &world.rules, &world.books);
    let entries: Vec<&Entry> = world.entries.iter().collect();
    let found = foreign(&target, &entries, books.iter(), &world.rules);
    let adopted = found
        .iter()
        .map(|f| (f.number.clone(), f.entries(&target.charged[&f.invoice], &target.moved)))
        .collect();
    target.set_aside(&found);
    let plan = Plan::of(&Given {
        target: &target,
        entries: world.entries.iter().collect(),
        rules: &world.rules,
        books: &world.books,
        today: world.today,
        settled: None,
        approved: &world.approved,
        recode: &world.recode,
    });
    (target, plan, adopted)
}

#[test]
fn an_invoice_that_halaxy_has_posted_itself_is_held_with_its_money_and_can_be_adopted() {
    for number in ["INV-", "", "Halaxy #"] {
        let mut world = World::new("{}");
        let theirs = world.bill(0, 0, &[(false, 18_000, 4)]);
        world.pay(PaymentKind::Payment, Some(theirs.clone()), None, Cents(18_000), true);
        let books = posted_by_halaxy(&world, |own| format!("{number}{own}"));
        let ours = world.bill(1, 0, &[(true, 10_000, 4)]);

        let (_, plan, adopted) = set_aside(&world, &books);
        let keys: Vec<&str> = plan.post.iter().map(Entry::key).collect();
        assert_eq!(keys, [format!("HX-{ours}")], "the other invoice goes on");
        assert_eq!(plan.held.len(), 2);
        assert!(
            plan.held
                .iter()
                .any(|h| matches!(&h.why, Why::AlreadyThere { total, .. } if *total == Cents(18_000)))
        );

        for (_, entries) in adopted {
            assert_eq!(entries.len(), 2, "the invoice and the payment on it");
            world.entries.extend(entries);
        }
        let (_, plan, _) = set_aside(&world, &books);
        carry_out(&mut world.entries, &plan, None);
        assert_eq!(plan.post.len(), 1);
        let paper = Paper::of(&world.entries);
        assert_eq!(
            (paper.accounts["200"], paper.accounts["650"]),
            (Cents(-18_000), Cents(18_000))
        );
        let mut all = books.clone();
        all.extend(shown(&world.entries[2..]));
        let proof = proof(&world, &all);
        assert!(proof.differences.is_empty(), "{:?}", proof.differences);
    }
}

#[test]
fn what_was_adopted_keeps_the_accounts_it_was_posted_on() {
    let mut world = World::new("{}");
    let id = world.bill(0, 0, &[(false, 18_000, 4)]);
    world.pay(PaymentKind::Payment, Some(id), None, Cents(18_000), true);
    let mut books = posted_by_halaxy(&world, |own| format!("INV-{own}"));
    for s in &mut books {
        s.account = s.account.take().map(|_| "651".into());
        for line in s.lines.iter_mut().flatten() {
            line.account = "820".into();
        }
    }
    let (_, _, adopted) = set_aside(&world, &books);
    world.entries.extend(adopted.into_iter().flat_map(|(_, e)| e));
    let (_, plan, _) = set_aside(&world, &books);
    assert!(
        plan.post.is_empty() && plan.void.is_empty() && plan.held.is_empty(),
        "{plan:#?}"
    );
}

#[test]
fn what_was_adopted_with_another_amount_is_corrected_by_a_document_of_its_own() {
    let mut world = World::new("{}");
    world.bill(0, 0, &[(false, 18_000, 4)]);
    let books = posted_by_halaxy(&world, |own| format!("INV-{own}"));
    for line in world.facts.lines.values_mut() {
        line.prices[0].amount = rust_decimal::Decimal::new(16_000, 2);
    }
    world.total();
    let (_, plan, adopted) = set_aside(&world, &books);
    assert!(plan.post.is_empty());
    world.entries.extend(adopted.into_iter().flat_map(|(_, e)| e));
    let (_, plan, _) = set_aside(&world, &books);
    carry_out(&mut world.entries, &plan, None);
    let paper = Paper::of(&world.entries);
    assert_eq!(paper.accounts["200"], Cents(-16_000));
}

#[test]
fn other_invoices_with_like_numbers_are_left_alone() {
    let mut world = World::new("{}");
    let id = world.bill(0, 0, &[(false, 18_000, 4)]);
    let books = posted_by_halaxy(&world, |own| format!("{own}9"));
    let (_, plan, _) = set_aside(&world, &books);
    assert_eq!(plan.post.len(), 1);
    assert_eq!(plan.post[0].key(), format!("HX-{id}"));
}
