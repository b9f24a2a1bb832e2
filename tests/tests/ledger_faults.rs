//! The month while calls are lost before and after they took effect, land late, are refused or answered twice, and the
//! program is killed at any point: in the end no document stands twice, none is missing, and the books equal the practice's.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::practice_month::MonthOptions;
use adapter_sandbox::{FaultKind, FaultRule, Manners, Phase, Verdict};
use bridge_tests::killed_after;
use bridge_tests::ledger::{Desk, Modes, Truth, equal, held};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn disturb(desk: &Desk, seed: u64) {
    let dice = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
    desk.sandbox.on_call(Box::new(move |call| {
        if call.system != "books" || call.path.contains("/connect/") {
            return Verdict::Go;
        }
        let drawn = dice.lock().unwrap().random_range(0..100);
        match (call.phase, drawn) {
            (Phase::Arrived, 0..3) => Verdict::Cut,
            (Phase::Arrived, 3..5) => Verdict::CutThenLand(40_000_000),
            (Phase::Arrived, 5..7) => Verdict::Status(429),
            (Phase::Arrived, 7..9) => Verdict::Status(503),
            (Phase::Applied, 0..5) => Verdict::Cut,
            (Phase::Applied, 5..7) => Verdict::Status(502),
            _ => Verdict::Go,
        }
    }));
    desk.sandbox.set_faults(vec![FaultRule {
        system: Some("books".into()),
        fault: FaultKind::Duplicate,
        status: None,
        delay_ms: None,
        rate: Some(0.1),
        count: None,
        method: Some("PUT".into()),
        path_contains: None,
    }]);
}

/// Everything that stands in the books has a reference or number of its own.
fn nothing_twice(desk: &Desk) {
    for (kind, member) in [
        ("payments", "Reference"),
        ("invoices", "InvoiceNumber"),
        ("credit_notes", "CreditNoteNumber"),
        ("manual_journals", "Narration"),
    ] {
        let mut seen = BTreeSet::new();
        for record in desk.sandbox.records("books", kind).unwrap() {
            let name = record[member].as_str().unwrap();
            let key = name.split(' ').next().unwrap().to_owned();
            assert!(seen.insert(key), "{kind} {name} stands twice");
        }
    }
}

async fn survive(seed: u64, modes: Modes) {
    let month = MonthOptions {
        seed,
        invoices: 60,
        ..MonthOptions::default()
    };
    let desk = Desk::open(&month, modes, Manners::Real).await;
    let mut dice = StdRng::seed_from_u64(seed);
    disturb(&desk, seed);
    let days = desk.month.acts_by_day();
    let mut crashes = 0;
    let mut ledger = desk.ledger().await;
    for day in 0..=days.len() {
        if let Some((date, acts)) = day.checked_sub(1).map(|n| days[n]) {
            desk.evening(date);
            for act in acts {
                act.perform(&desk.sandbox).unwrap();
            }
            if day == days.len() / 2 {
                desk.lock(desk.month.days.1);
            }
        }
        // In the night after, when the day is summarised.
        desk.to(ledger.today(desk.clock.now()).tomorrow().unwrap(), 2);
        let swept = ledger.sweep(desk.clock.now()).await.unwrap();
        assert_eq!(swept.trouble, [""; 0]);
        for _ in 0..6 {
            let polls = dice.random_range(1..300);
            if killed_after(polls, ledger.step(desk.clock.now())).await.is_none() {
                crashes += 1;
                drop(ledger);
                ledger = desk.ledger().await;
            }
            desk.clock.advance(Duration::from_secs(dice.random_range(1..200)));
        }
    }
    assert!(crashes > 0, "nothing was killed");
    desk.sandbox.clear_hook();
    desk.sandbox.set_faults(Vec::new());
    desk.settle(&ledger).await;
    nothing_twice(&desk);
    assert_eq!(held(&desk, &ledger).await, [], "seed {seed}, {modes:?}");
    let own = Truth::of(&desk.month.books, modes);
    equal(&desk, &ledger, &own, &format!("seed {seed}, {crashes} crashes")).await;
}

#[tokio::test]
async fn each_invoice_by_itself() {
    for seed in [1, 2, 3] {
        survive(seed, Modes::Invoice).await;
    }
}

#[tokio::test]
async fn patients_in_daily_summaries() {
    for seed in [4, 5] {
        survive(seed, Modes::Hybrid).await;
    }
}
