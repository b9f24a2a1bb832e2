//! Differences that people make after everything was posted, in the books and in Halaxy: the proof finds each of them and
//! nothing else.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::Manners;
use adapter_sandbox::practice_month::MonthOptions;
use bridge_core::ledger::{DocumentKind, Purpose};
use bridge_tests::ledger::{Desk, Modes, Planter, plant_and_prove, prove};
use serde_json::json;

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
