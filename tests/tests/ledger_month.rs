//! A practice's month in the books, in each manner of posting: what stands at its end, then two weeks of what people do
//! to it, a lock date half-way. The books' own general ledger must equal the practice's own books, to the cent.
//! `cargo bench -p bridge-tests --bench month` does the same with the 20,000 invoices of a busy practice.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::practice_month::{MonthOptions, PayerType, PracticeMonth};
use bridge_tests::ledger::{Modes, live};
use std::collections::BTreeSet;

fn month(seed: u64) -> MonthOptions {
    MonthOptions {
        seed,
        invoices: 300,
        ..MonthOptions::default()
    }
}

#[tokio::test]
async fn each_invoice_by_itself() {
    live(&month(11), Modes::Invoice).await;
}

#[tokio::test]
async fn all_in_daily_summaries() {
    live(&month(12), Modes::Summary).await;
}

#[tokio::test]
async fn patients_in_daily_summaries_and_others_each_by_itself() {
    live(&month(13), Modes::Hybrid).await;
}

#[tokio::test]
async fn each_invoice_by_itself_and_money_straight_into_banks() {
    let (desk, _) = live(&month(14), Modes::Banks).await;
    for kind in ["prepayments", "overpayments"] {
        let there = desk.sandbox.records("books", kind).unwrap();
        assert!(!there.is_empty(), "no {kind}");
    }
}

#[test]
fn the_month_has_payers_of_every_type_and_participants_whose_plan_is_managed() {
    let month = PracticeMonth::generate(&month(11));
    let invoices = month.first_books.invoices.values();
    let types: BTreeSet<PayerType> = invoices.clone().map(|i| i.payer_type).collect();
    assert_eq!(types.len(), 8);
    let managed = invoices.filter(|i| i.payer_type == PayerType::NdisPlan);
    let sides: BTreeSet<&str> = managed.filter_map(|i| i.payer.split('/').next()).collect();
    assert_eq!(sides, BTreeSet::from(["Organization", "Patient"]));
}
