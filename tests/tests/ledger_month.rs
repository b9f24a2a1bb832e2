//! A practice's month in the books, in each manner of posting: what stands at its end, then two weeks of what people do
//! to it, a lock date half-way. The books' own general ledger must equal the practice's own books, to the cent.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::Manners;
use adapter_sandbox::practice_month::MonthOptions;
use bridge_core::ledger::{Held, Proof};
use bridge_engine::ledger::Ledger;
use bridge_tests::ledger::{Desk, Modes, Truth};
use jiff::civil::{Date, date};

const FROM: Date = date(2026, 9, 1);
const TO: Date = date(2026, 12, 31);

async fn held(desk: &Desk, ledger: &Ledger) -> Vec<Held> {
    use adapter_kit::Clock;
    ledger.preview(desk.clock.now()).await.unwrap().plan.held
}

async fn prove(desk: &Desk, ledger: &Ledger) -> Proof {
    use adapter_kit::Clock;
    ledger.prove(FROM, TO, true, desk.clock.now()).await.unwrap()
}

async fn equal(desk: &Desk, ledger: &Ledger, wanted: &Truth, when: &str) {
    let shown = desk.shown().await;
    let mut differ = Vec::new();
    for (name, a, b) in [
        ("account", &shown.accounts, &wanted.accounts),
        ("debtor", &shown.debtors, &wanted.debtors),
    ] {
        let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for key in keys {
            let (a, b) = (a.get(key).copied().unwrap_or(0), b.get(key).copied().unwrap_or(0));
            if a != b {
                differ.push(format!("{name} {key}: books {a}, practice {b}, by {}", a - b));
            }
        }
    }
    assert!(differ.is_empty(), "{when}, {:?}: {differ:#?}", desk.modes);
    let proof = prove(desk, ledger).await;
    assert!(
        proof.holds(),
        "{when}, {:?}: {:#?} {:#?}",
        desk.modes,
        proof.differences,
        proof.held
    );
}

/// The month posted, then the fortnight after it day by day.
async fn live(month: &MonthOptions, modes: Modes) {
    let desk = Desk::open(month, modes, Manners::Real).await;
    let ledger = desk.ledger().await;
    let first = desk.settle(&ledger).await;
    assert!(first.refused == 0 && first.trouble.is_empty(), "{modes:?}: {first:?}");
    assert_eq!(held(&desk, &ledger).await, [], "{modes:?}");
    equal(
        &desk,
        &ledger,
        &Truth::of(&desk.month.first_books, modes),
        "at the end of the month",
    )
    .await;

    let days = desk.month.acts_by_day();
    for (n, (day, acts)) in days.iter().enumerate() {
        desk.evening(*day);
        for act in *acts {
            act.perform(&desk.sandbox).unwrap();
        }
        if n == days.len() / 2 {
            desk.lock(desk.month.days.1);
        }
        let step = desk.settle(&ledger).await;
        assert!(
            step.refused == 0 && step.trouble.is_empty(),
            "{day} {modes:?}: {step:?}"
        );
        assert_eq!(held(&desk, &ledger).await, [], "{day} {modes:?}");
    }
    equal(
        &desk,
        &ledger,
        &Truth::of(&desk.month.books, modes),
        "after a fortnight",
    )
    .await;
    let again = desk.settle(&ledger).await;
    assert_eq!((again.posted, again.voided, again.contacts), (0, 0, 0), "{modes:?}");
}

fn month() -> MonthOptions {
    MonthOptions {
        seed: 11,
        invoices: 300,
        ..MonthOptions::default()
    }
}

#[tokio::test]
async fn each_invoice_by_itself() {
    live(&month(), Modes::Invoice).await;
}

#[tokio::test]
async fn all_in_daily_summaries() {
    live(&month(), Modes::Summary).await;
}

#[tokio::test]
async fn patients_in_daily_summaries_and_others_each_by_itself() {
    live(&month(), Modes::Hybrid).await;
}
