//! Differences that people make after everything was posted, in the books and in Halaxy: the proof finds each of them and
//! nothing else.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::Manners;
use adapter_sandbox::practice_month::MonthOptions;
use bridge_core::ledger::{DocumentKind, Purpose};
use bridge_engine::ledger::Reading;
use bridge_tests::ledger::{Desk, FROM, Modes, Planter, TO, call_count, plant_and_prove, prove};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_hundred_differences_are_found_and_nothing_else() {
    let month = MonthOptions {
        seed: 21,
        invoices: 700,
        ..MonthOptions::default()
    };
    let desk = Desk::open(&month, Modes::Invoice, Manners::Real).await;
    for act in &desk.month.acts {
        act.perform(&desk.sandbox).unwrap();
    }
    let ledger = desk.ledger().await;
    desk.settle(&ledger).await;
    assert!(prove(&desk, &ledger).await.holds());

    let proof = plant_and_prove(&desk, &ledger).await;
    assert_eq!(proof.held, []);

    // The same when a night may read no more than so many calls of the books anew: all of it has its turn.
    let told = ledger.readings().await;
    let begun = desk.clock.now();
    const CALLS: usize = 6;
    for night in 1..=4 {
        desk.clock.advance(Duration::from_secs(86_400));
        let before = call_count(&desk.sandbox);
        let nightly = ledger.prove_nightly(FROM, TO, CALLS, desk.clock.now()).await.unwrap();
        assert_eq!(nightly.differences, proof.differences, "night {night}");
        // What changed costs a call for each kind, and the chart has some of its own.
        let calls = call_count(&desk.sandbox) - before;
        assert!(calls <= CALLS + 16, "{calls} calls");
    }
    let since = ledger.readings().await;
    assert!(since.iter().all(|r| r.at > begun), "{since:#?}");
    let apart = |readings: &[Reading]| readings.iter().filter(|r| r.from.is_some()).count();
    assert!(
        apart(&told) == 0 && apart(&since) > 0,
        "months are read by themselves: {since:#?}"
    );
    let again = desk.ledger().await;
    assert_eq!(again.readings().await, since, "it is kept");
}

#[tokio::test]
async fn differences_in_daily_summaries_are_found_and_nothing_else() {
    let month = MonthOptions {
        seed: 22,
        invoices: 150,
        ..MonthOptions::default()
    };
    let desk = Desk::open(&month, Modes::Summary, Manners::Real).await;
    let ledger = desk.ledger().await;
    desk.settle(&ledger).await;
    assert!(prove(&desk, &ledger).await.holds());
    let mut planter = Planter::new(&desk, ledger.entries().await);
    let journal = |planter: &mut Planter<'_>| planter.document(DocumentKind::Journal, Purpose::Summary);
    for _ in 0..3 {
        let (key, id) = journal(&mut planter);
        planter.remove("manual_journals", &id);
        planter.note(key);
        let (key, id) = journal(&mut planter);
        planter.edit("manual_journals", &id, json!({"Date": "2026-11-20"}));
        planter.note(key);
        let (key, id) = journal(&mut planter);
        let shown = desk.sandbox.record("books", "manual_journals", &id).unwrap();
        let mut lines = shown["JournalLines"].clone();
        lines[0]["AccountCode"] = json!("260");
        lines[0].as_object_mut().unwrap().shift_remove("AccountID");
        planter.edit("manual_journals", &id, json!({"JournalLines": lines}));
        planter.note(key);
    }
    let proof = prove(&desk, &ledger).await;
    let found: Vec<&str> = proof.differences.iter().map(|d| d.subject.as_str()).collect();
    let planted: Vec<&str> = planter.planted.iter().map(String::as_str).collect();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, planted, "{:#?}", proof.differences);
}
