//! The month of a busy practice in the books, in each manner of posting, over the real adapters at the stand-ins: calls on
//! the books by day and for 1,000 invoices, and a hundred differences planted afterwards. Fails if anything waits, if the
//! books differ from the practice's own by a cent, or if the proof misses a difference or names one that nobody planted.
//!
//! `cargo bench -p bridge-tests --bench month [-- INVOICES] [SEED]` (20,000 and 1 by default)
//!
//! `cargo bench -p bridge-tests --bench month -- year [INVOICES A MONTH] [SEED]` (400 and 1) lives a year day by day, with a
//! look every three hours and a proof each night.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::practice_month::MonthOptions;
use bridge_tests::ledger::{Day, Modes, Year, live, plant_and_prove, year};
use serde_json::json;
use std::time::Instant;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let mut numbers = words.iter().filter_map(|a| a.replace('_', "").parse().ok());
    if words.first().is_some_and(|word| word == "year") {
        let invoices = numbers.next().unwrap_or(400);
        return a_year(usize::try_from(invoices).unwrap_or(400), numbers.next().unwrap_or(1)).await;
    }
    let invoices: u64 = numbers.next().unwrap_or(20_000);
    let month = MonthOptions {
        seed: numbers.next().unwrap_or(1),
        invoices: usize::try_from(invoices).unwrap_or(usize::MAX),
        ..MonthOptions::default()
    };
    for modes in Modes::ALL {
        let begun = Instant::now();
        let (desk, days) = live(&month, modes).await;
        println!("{modes:?}: books equal, {:.1} s", begun.elapsed().as_secs_f64());
        for day in &days {
            println!("  {} {:>6} calls {:>6} documents", day.day, day.calls, day.documents);
        }
        let (first, later) = days.split_at(1);
        let calls = |days: &[Day]| days.iter().map(|day| day.calls).sum::<usize>();
        let most = later.iter().map(|day| day.calls).max().unwrap_or(0);
        println!(
            "  the month at once {} calls ({:.1} for 1,000 invoices); the fortnight of corrections {} ({most} on the busiest day)",
            calls(first),
            calls(first) as f64 * 1_000.0 / invoices as f64,
            calls(later),
        );
        if modes == Modes::Invoice {
            // The stand-in lets nobody edit a locked period, people neither.
            let open = json!({"PeriodLockDate": null});
            desk.sandbox.person_edit("books", "organisation", "-", &open).unwrap();
            let ledger = desk.ledger().await;
            let begun = Instant::now();
            let proof = plant_and_prove(&desk, &ledger).await;
            println!(
                "  {} differences planted among {} documents, each found and nothing else, {:.1} s",
                proof.differences.len(),
                proof.documents,
                begun.elapsed().as_secs_f64()
            );
        }
    }
}

async fn a_year(invoices: usize, seed: u64) {
    for modes in Modes::ALL {
        let begun = Instant::now();
        let of = Year {
            seed,
            months: 12,
            invoices,
            modes,
            reread: 200,
            looks: vec![9, 12, 15, 18, 23],
        };
        let days = year(&of).await;
        let most = |part: fn(&bridge_tests::ledger::YearDay) -> usize| {
            let day = days.iter().max_by_key(|day| part(day));
            day.map(|day| format!("{} on {}", part(day), day.day))
                .unwrap_or_default()
        };
        let sum = |part: fn(&bridge_tests::ledger::YearDay) -> usize| days.iter().map(part).sum::<usize>();
        let billed = (invoices * 12) as f64;
        println!(
            "{modes:?}: {} days, {invoices} invoices a month, {:.1} s",
            days.len(),
            begun.elapsed().as_secs_f64()
        );
        println!(
            "  looks: {} calls ({:.1} a day, {:.1} for 1,000 invoices), most {}",
            sum(|d| d.calls),
            sum(|d| d.calls) as f64 / days.len() as f64,
            sum(|d| d.calls) as f64 * 1_000.0 / billed,
            most(|d| d.calls)
        );
        println!(
            "  nightly proofs, with what 200 calls read anew: {} calls, most {}",
            sum(|d| d.proof),
            most(|d| d.proof)
        );
        println!("  both: most {}", most(|d| d.calls + d.proof));
        println!(
            "  {} documents, most {} a day; at most {} waiting for a person",
            sum(|d| d.documents),
            most(|d| d.documents),
            days.iter().map(|d| d.held).max().unwrap_or(0)
        );
    }
}
