//! What people have done beside the process that posts: documents coded anew by other rules, and journals. Two ledgers on one
//! store stand for the two processes; only one of them steps.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::Manners;
use adapter_sandbox::practice_month::MonthOptions;
use bridge_core::ledger::recode::Choice;
use bridge_core::ledger::{Cents, Currency, Document, DocumentKind, DocumentLine, EntryState, Rules};
use bridge_tests::ledger::{Desk, Modes, held, prove, rules};
use jiff::civil::date;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

async fn desk(seed: u64, modes: Modes) -> Desk {
    let month = MonthOptions {
        seed,
        invoices: 80,
        ..MonthOptions::default()
    };
    Desk::open(&month, modes, Manners::Polite).await
}

/// The practice's rules, but one item on another account, where it was on `former`.
fn other(modes: Modes) -> (Rules, String, String) {
    let mut rules = rules(modes);
    let rule = &mut rules.rule[0];
    let former = rule.account.replace("260".into()).unwrap();
    let name = rule.name();
    (rules, name, former)
}

#[tokio::test]
async fn what_was_posted_is_coded_anew_where_a_person_asks_and_nowhere_else() {
    for (seed, modes) in [(41, Modes::Invoice), (42, Modes::Hybrid)] {
        let desk = desk(seed, modes).await;
        let first = desk.ledger().await;
        desk.settle(&first).await;
        let before = desk.shown().await;
        let (rules, rule, former) = other(modes);

        let drives = desk.ledger_by(rules.clone(), "other rules").await;
        drives.approve_rules().await.unwrap();
        let idle = desk.settle(&drives).await;
        assert_eq!(
            (idle.posted, idle.voided),
            (0, 0),
            "other rules move nothing by themselves"
        );

        let person = desk.ledger_by(rules, "other rules").await;
        let choice = Choice {
            rule: Some(rule),
            ..Choice::default()
        };
        let preview = person.preview_recode(&choice, desk.clock.now()).await.unwrap();
        assert!(!preview.found.is_empty() && !preview.post.is_empty() && preview.held.is_empty());
        let moved: Cents = preview
            .found
            .iter()
            .flat_map(|r| &r.moves)
            .filter(|m| m.account == "260")
            .map(|m| m.net)
            .sum();
        assert_eq!(
            drives.entries().await.len(),
            first.entries().await.len(),
            "a preview changes nothing"
        );
        person.recode(&choice, "Pat Tester", desk.clock.now()).await.unwrap();
        assert!(drives.asked().await.unwrap());
        let done = desk.settle(&drives).await;
        assert!(
            done.posted > 0 && done.refused == 0 && done.trouble.is_empty(),
            "{done:?}"
        );

        let after = desk.shown().await;
        let mut wanted = before.clone();
        *wanted.accounts.entry("260".into()).or_default() += moved.0;
        *wanted.accounts.entry(former).or_default() -= moved.0;
        wanted.accounts.retain(|_, cents| *cents != 0);
        assert_eq!(after, wanted, "{modes:?}");
        let proof = prove(&desk, &drives).await;
        assert!(proof.holds(), "{:#?} {:#?}", proof.differences, proof.held);
        let again = desk.ledger_by(other(modes).0, "other rules").await;
        let again = again.preview_recode(&choice, desk.clock.now()).await.unwrap();
        assert!(again.found.is_empty(), "it is done once");
    }
}

#[tokio::test]
async fn what_was_asked_for_by_some_rules_is_not_done_by_others() {
    let desk = desk(43, Modes::Invoice).await;
    let first = desk.ledger().await;
    desk.settle(&first).await;
    let (rules, rule, _) = other(Modes::Invoice);
    let person = desk.ledger_by(rules, "other rules").await;
    person.approve_rules().await.unwrap();
    let choice = Choice {
        rule: Some(rule),
        ..Choice::default()
    };
    person.recode(&choice, "Pat Tester", desk.clock.now()).await.unwrap();
    // Before anything is posted the rules change once more.
    let drives = desk.ledger().await;
    drives.approve_rules().await.unwrap();
    let done = desk.settle(&drives).await;
    assert_eq!((done.posted, done.voided), (0, 0));
    assert_eq!(held(&desk, &drives).await, []);
}

fn journal(key: &str) -> Document {
    let line = |account: &str, cents: i64| DocumentLine {
        description: "Service fee".into(),
        quantity: Decimal::ONE,
        unit: Cents(cents).decimal(),
        net: Cents(cents),
        tax: Cents::ZERO,
        account: account.into(),
        tax_code: "BASEXCLUDED".into(),
        tracking: BTreeMap::new(),
        rule: "fee".into(),
    };
    Document {
        kind: DocumentKind::Journal,
        key: key.into(),
        note: String::new(),
        date: date(2026, 11, 2),
        due: None,
        currency: Currency::AUD,
        contact: None,
        of: None,
        to: None,
        account: None,
        lines: vec![line("851", 1_000), line("260", -1_000)],
        total: Cents::ZERO,
        tax: Cents::ZERO,
    }
}

#[tokio::test]
async fn journals_asked_for_beside_the_service_are_posted_by_it_once() {
    let desk = desk(44, Modes::Summary).await;
    let drives = desk.ledger().await;
    desk.settle(&drives).await;
    let before = desk.shown().await;
    let person = desk.ledger().await;
    person.ask_journals(vec![journal("HX-FEE-1")]).await.unwrap();
    assert!(drives.asked().await.unwrap());
    assert_eq!(desk.settle(&drives).await.posted, 1);
    person.ask_journals(vec![journal("HX-FEE-1")]).await.unwrap();
    assert_eq!(desk.settle(&drives).await.posted, 0);
    let state =
        |key: &str, entries: Vec<bridge_core::ledger::Entry>| entries.iter().find(|e| e.key() == key).map(|e| e.state);
    assert_eq!(state("HX-FEE-1", drives.entries().await), Some(EntryState::Posted));
    let after = desk.shown().await;
    let at = |truth: &bridge_tests::ledger::Truth, account: &str| truth.accounts.get(account).copied().unwrap_or(0);
    assert_eq!(at(&after, "851") - at(&before, "851"), 1_000);

    // What the books refuse is not tried for ever; asked again, it is tried again.
    let mut wrong = journal("HX-FEE-2");
    wrong.lines[0].account = "999999".into();
    person.ask_journals(vec![wrong.clone()]).await.unwrap();
    desk.settle(&drives).await;
    assert_eq!(state("HX-FEE-2", drives.entries().await), Some(EntryState::Refused));
    let again = desk.ledger().await;
    again.ask_journals(vec![journal("HX-FEE-2")]).await.unwrap();
    assert_eq!(desk.settle(&drives).await.posted, 1);
    assert!(prove(&desk, &drives).await.holds());
}
