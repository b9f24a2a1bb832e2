//! A practice's month in the books, in each manner of posting: what stands at its end, then two weeks of what people do
//! to it, a lock date half-way. The books' own general ledger must equal the practice's own books, to the cent.
//! `cargo bench -p bridge-tests --bench month` does the same with the 20,000 invoices of a busy practice.

use adapter_sandbox::practice_month::MonthOptions;
use bridge_tests::ledger::{Modes, live};

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
