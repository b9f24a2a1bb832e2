//! The month of a busy practice in the books, in each manner of posting, over the real adapters at the stand-ins: calls on
//! the books by day and for 1,000 invoices, and whether a year fits 1,000 calls a day. Fails if anything waits, or the
//! books differ from the practice's own by a cent.
//!
//! `cargo bench -p bridge-tests --bench month [-- INVOICES] [SEED]` (20,000 and 1 by default)

use adapter_sandbox::practice_month::MonthOptions;
use bridge_tests::ledger::{Modes, live};
use std::time::Instant;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.replace('_', "").parse().ok());
    let invoices: u64 = numbers.next().unwrap_or(20_000);
    let month = MonthOptions {
        seed: numbers.next().unwrap_or(1),
        invoices: usize::try_from(invoices).unwrap_or(usize::MAX),
        ..MonthOptions::default()
    };
    for modes in Modes::ALL {
        let begun = Instant::now();
        let (_, days) = live(&month, modes).await;
        println!("{modes:?}: books equal, {:.1} s", begun.elapsed().as_secs_f64());
        for day in &days {
            println!("  {} {:>6} calls {:>6} documents", day.day, day.calls, day.documents);
        }
        let (first, later) = days.split_at(1);
        let calls = |days: &[bridge_tests::ledger::Day]| days.iter().map(|day| day.calls).sum::<usize>();
        let most = later.iter().map(|day| day.calls).max().unwrap_or(0);
        println!(
            "  the month at once {} calls ({:.1} for 1,000 invoices); the fortnight of corrections {} ({most} on the busiest day)",
            calls(first),
            calls(first) as f64 * 1_000.0 / invoices as f64,
            calls(later),
        );
    }
}
