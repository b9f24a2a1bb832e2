//! Examples a bookkeeper can read.

use crate::books::{Paper, carry_out};
use crate::history::{Act, World, rules, who};
use bridge_core::ledger::facts::{Party, PaymentKind};
use bridge_core::ledger::prove::Evidence;
use bridge_core::ledger::{Cents, DocumentKind, Entry, Proof, Purpose, Shown, ShownLine, Status, Target};
use std::collections::BTreeMap;

/// What books that took everything as it was sent would show.
pub fn shown(entries: &[Entry]) -> Vec<Shown> {
    let id = |key: &Option<String>| key.as_ref().map(|k| format!("r-{k}"));
    entries
        .iter()
        .filter(|e| e.counts())
        .map(|e| {
            let d = &e.document;
            Shown {
                kind: d.kind,
                remote_id: format!("r-{}", d.key),
                key: (d.kind != DocumentKind::Allocation).then(|| d.key.clone()),
                status: Status::Open,
                date: d.date,
                currency: Some(d.currency),
                contact: d.contact.as_ref().map(|c| format!("c-{c}")),
                of: id(&d.of),
                to: id(&d.to),
                account: d.account.clone(),
                total: d.total,
                tax: Some(d.tax),
                open: None,
                lines: Some(
                    d.lines
                        .iter()
                        .map(|l| ShownLine {
                            account: l.account.clone(),
                            tax_code: Some(l.tax_code.clone()),
                            net: l.net,
                            tax: l.tax,
                            tracking: l.tracking.clone(),
                        })
                        .collect(),
                ),
                mark: None,
            }
        })
        .collect()
}

pub fn proof(world: &World, shown: &[Shown]) -> Proof {
    let target = Target::of(&world.facts, &world.rules, &world.books);
    let contacts: BTreeMap<String, String> = world
        .entries
        .iter()
        .filter_map(|e| e.document.contact.clone())
        .map(|c| (c.clone(), format!("c-{c}")))
        .collect();
    Proof::of(&Evidence {
        target: &target,
        entries: world.entries.iter().collect(),
        shown: shown.iter().collect(),
        contacts: contacts.iter().map(|(k, c)| (k.as_str(), c.as_str())).collect(),
        rules: &world.rules,
        settled: world.settled,
        later: &world.plan().1.later,
        from: world.rules.start_from,
        to: jiff::civil::date(2028, 1, 1),
    })
}

fn of(world: &World, purpose: Purpose) -> Vec<&Entry> {
    world
        .entries
        .iter()
        .filter(|e| e.purpose == purpose && e.counts())
        .collect()
}

#[test]
fn an_invoice_and_its_payment_are_two_documents() {
    let mut world = World::new("{}");
    let invoice = world.bill(0, 0, &[(false, 18_000, 4), (true, 10_000, 4)]);
    world.pay(PaymentKind::Payment, Some(invoice.clone()), None, Cents(29_000), true);
    world.look();
    let [charge] = of(&world, Purpose::Charge)[..] else {
        panic!()
    };
    assert_eq!(charge.document.key, format!("HX-{invoice}"));
    assert_eq!(
        (charge.document.total, charge.document.tax),
        (Cents(29_000), Cents(1_000))
    );
    assert_eq!(charge.document.lines[1].rule, "item B");
    let [receipt] = of(&world, Purpose::Receipt)[..] else {
        panic!()
    };
    assert_eq!(receipt.document.of.as_deref(), Some(charge.key()));
    assert_eq!(receipt.document.account.as_deref(), Some("650"));
    assert!(proof(&world, &shown(&world.entries)).holds());
}

#[test]
fn other_rules_leave_what_was_posted_alone_and_hold_for_what_comes() {
    for modes in ["{}", r#"{ other = "summary" }"#] {
        let mut world = World::new(modes);
        let first = world.bill(0, 0, &[(false, 18_000, 4)]);
        world.pay(PaymentKind::Payment, Some(first), None, Cents(5_000), true);
        world.look();
        let mut other = rules(modes);
        other.rule[0].account = Some("820".into());
        other.method[0].account = "651".into();
        world.rules = other;
        let plan = world.look();
        assert!(
            plan.post.is_empty() && plan.void.is_empty() && plan.held.is_empty(),
            "{plan:#?}"
        );
        assert!(proof(&world, &shown(&world.entries)).holds());

        let second = world.bill(0, 1, &[(false, 7_000, 4)]);
        world.pay(PaymentKind::Payment, Some(second), None, Cents(7_000), true);
        world.look();
        let paper = Paper::of(&world.entries);
        assert_eq!(paper.accounts["200"], Cents(-18_000));
        assert_eq!(paper.accounts["820"], Cents(-7_000));
        assert_eq!(
            (paper.accounts["650"], paper.accounts["651"]),
            (Cents(5_000), Cents(7_000))
        );
        assert!(proof(&world, &shown(&world.entries)).holds());
    }
}

#[test]
fn an_edit_after_other_rules_is_coded_by_the_rules_of_now() {
    let mut world = World::new("{}");
    let invoice = world.bill(0, 0, &[(false, 18_000, 4)]);
    world.pay(PaymentKind::Payment, Some(invoice), None, Cents(18_000), true);
    world.look();
    world.rules.rule[0].account = Some("820".into());
    for line in world.facts.lines.values_mut() {
        line.prices[0].amount = rust_decimal::Decimal::new(16_000, 2);
    }
    world.total();
    world.look();
    let paper = Paper::of(&world.entries);
    assert_eq!(paper.accounts["200"], Cents::ZERO);
    assert_eq!(paper.accounts["820"], Cents(-16_000));
    assert_eq!(paper.debtors["HX-P-900001"], Cents(-2_000));
}

#[test]
fn a_person_who_pays_for_another_is_a_debtor_of_their_own() {
    let mut world = World::new("{}");
    let (Party::Patient(other), _) = who(1) else { panic!() };
    let invoice = world.bill(0, 0, &[(false, 18_000, 4)]);
    world.pay(PaymentKind::Payment, Some(invoice.clone()), None, Cents(18_000), true);
    world.look();
    world.books.locked_to = Some(jiff::civil::date(2026, 12, 31));
    world.today = jiff::civil::date(2027, 1, 5);
    world.facts.invoices.get_mut(&invoice).unwrap().payer = Some(Party::Patient(other.clone()));
    let plan = world.look();
    assert!(plan.void.is_empty(), "nothing in a locked period is touched");
    let paper = Paper::of(&world.entries);
    assert_eq!(paper.debtors["HX-P-900001"], Cents::ZERO);
    assert_eq!(paper.debtors[&format!("HX-P-{other}")], Cents::ZERO);
    assert_eq!(paper.accounts["650"], Cents(18_000));
    let (_, again) = world.plan();
    carry_out(&mut world.entries, &again, world.books.locked_to);
    assert!(again.post.is_empty());
}

#[test]
fn what_was_given_up_and_then_cancelled_leaves_nothing() {
    for modes in ["{}", r#"{ other = "summary" }"#] {
        let mut world = World::new(modes);
        let invoice = world.bill(0, 0, &[(false, 1, 2)]);
        world.facts.invoices.get_mut(&invoice).unwrap().status = "write-off".into();
        world.look();
        world.facts.invoices.get_mut(&invoice).unwrap().status = "cancelled".into();
        world.look();
        let paper = Paper::of(&world.entries);
        let left: Vec<_> = paper.accounts.iter().filter(|(_, a)| !a.is_zero()).collect();
        assert!(left.is_empty(), "{modes}: {left:?}");
    }
}

#[test]
fn a_payment_amended_and_its_invoice_cancelled_under_a_lock_is_given_back_once() {
    let mut world = World::new("{}");
    let acts = [
        Act::Bill {
            payer: 0,
            day: 0,
            lines: vec![(false, 4_223, 4)],
        },
        Act::Pay {
            invoice: 0,
            percent: 101,
            cash: true,
        },
        Act::Look,
        Act::Amend {
            payment: 0,
            amount: 43,
            cash: true,
        },
        Act::Look,
        Act::Cancel { invoice: 0 },
        Act::Lock { day: 30 },
    ];
    acts.iter().for_each(|act| world.act(act));
    world.look();
    let (_, again) = world.plan();
    assert!(again.post.is_empty() && again.void.is_empty(), "{again:#?}");
    let paper = Paper::of(&world.entries);
    assert_eq!(paper.accounts["650"], Cents(43));
    assert_eq!(paper.debtors["HX-P-900001"], Cents(-43));
}
