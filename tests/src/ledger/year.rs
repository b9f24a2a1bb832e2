//! A year of a practice, day by day as the service lives it: it looks several times a day, sweeps and proves each night with
//! as much of the books read anew as a night's calls allow, and every month is locked a week after its end.

use super::desk::{Desk, call_count};
use super::own::Truth;
use super::rules::Modes;
use adapter_kit::Clock;
use adapter_sandbox::Manners;
use adapter_sandbox::practice_month::{Act, MonthOptions, PracticeMonth};
use bridge_core::ledger::{Entry, Held, Proof, Purpose};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use std::collections::{BTreeMap, BTreeSet};

/// What year to live.
#[derive(Clone, Debug)]
pub struct Year {
    /// Decides everything that is drawn.
    pub seed: u64,
    /// Months; twelve are a year.
    pub months: u32,
    /// Invoices a month.
    pub invoices: usize,
    /// How they are posted.
    pub modes: Modes,
    /// Calls of a night that may go into reading the books anew.
    pub reread: usize,
    /// Hours at which the service looks.
    pub looks: Vec<i8>,
}

/// What a day took.
#[derive(Clone, Copy, Debug)]
pub struct YearDay {
    /// Which.
    pub day: Date,
    /// Calls on the books by the looks.
    pub calls: usize,
    /// Calls on the books by the nightly proof.
    pub proof: usize,
    /// Documents posted and voided.
    pub documents: usize,
    /// What waits at night.
    pub held: usize,
}

/// Lives it, and says what each day took.
///
/// # Panics
/// If a proof finds a difference, something is refused, or the books do not equal the practice's own at the end.
pub async fn year(of: &Year) -> Vec<YearDay> {
    let first = date(2026, 10, 1);
    let months: Vec<PracticeMonth> = (0..of.months)
        .map(|nth| {
            PracticeMonth::generate(&MonthOptions {
                seed: of.seed,
                invoices: of.invoices,
                month: first.saturating_add(i64::from(nth).months()),
                nth,
                ..MonthOptions::default()
            })
        })
        .collect();
    let mut acts: BTreeMap<i64, Vec<Act>> = BTreeMap::new();
    let mut last = first;
    for month in &months {
        for act in month.from_the_beginning() {
            last = last.max(act.day);
            acts.entry(act.at).or_default().push(act);
        }
    }
    let mut own = Truth::default();
    let mut before = Vec::new();
    for (nth, month) in months.iter().enumerate() {
        own.join(&Truth::of(&month.books, of.modes));
        // Fees and people are the same in all months; claim details are each month's.
        before.extend(
            month
                .before()
                .into_iter()
                .filter(|body| nth == 0 || body["resourceType"] == "Coverage"),
        );
    }
    let start = months[0].from_the_beginning()[0].at - 86_400_000_000;
    let ends: Vec<Date> = months.iter().map(|month| month.days.1).collect();
    let month = months.into_iter().next().expect("a month at least");
    let desk = Desk::open_at(month, &before, start, of.modes, Manners::Polite).await;
    let ledger = desk.ledger().await;

    let mut days = Vec::new();
    for day in first.series(1.day()).take_while(|day| *day <= last) {
        let mut took = YearDay {
            day,
            calls: 0,
            proof: 0,
            documents: 0,
            held: 0,
        };
        if let Some(end) = ends.iter().find(|end| end.saturating_add(7.days()) == day) {
            desk.lock(*end);
        }
        for hour in &of.looks {
            desk.to(day, *hour);
            while let Some(due) = acts.first_entry().filter(|due| *due.key() <= desk.clock.now()) {
                for act in due.remove() {
                    act.perform(&desk.sandbox)
                        .unwrap_or_else(|e| panic!("{} of {day}: {e}", act.name));
                }
            }
            let calls = call_count(&desk.sandbox);
            let step = ledger.step(desk.clock.now()).await.expect("a look");
            assert!(step.refused == 0 && step.trouble.is_empty(), "{day}: {step:?}");
            took.documents += step.posted + step.voided;
            took.calls += call_count(&desk.sandbox) - calls;
        }
        desk.to(day.saturating_add(1.day()), 2);
        let calls = call_count(&desk.sandbox);
        ledger.sweep(desk.clock.now()).await.expect("a sweep");
        let step = ledger.step(desk.clock.now()).await.expect("a look");
        assert!(step.refused == 0 && step.trouble.is_empty(), "{day}: {step:?}");
        took.documents += step.posted + step.voided;
        let (proof, held) = proved(&desk, &ledger, day, of.reread).await;
        took.proof = call_count(&desk.sandbox) - calls;
        took.held = held.len();
        assert!(
            proof.differences.is_empty(),
            "{day}: {:#?} {held:#?}",
            proof.differences
        );
        assert!(proof.later.is_empty(), "{day}: {:#?}", proof.later);
        days.push(took);
    }
    once_a_night(&ledger.entries().await);
    // What waits for a person is not in the books yet, and the practice's own do not wait.
    let waits = days.last().is_some_and(|day| day.held > 0);
    assert!(
        waits || desk.shown().await == own,
        "the books do not equal the practice's own"
    );
    days
}

/// However often the service looked, a day and location has one journal, and one more for each night that found more of it.
fn once_a_night(entries: &[Entry]) {
    let mut seen = BTreeSet::new();
    for entry in entries.iter().filter(|e| e.purpose == Purpose::Summary) {
        let base = entry.key().split("-R").next().expect("a key");
        assert!(seen.insert((base, entry.settled)), "{} is one too many", entry.key());
    }
}

async fn proved(desk: &Desk, ledger: &bridge_engine::ledger::Ledger, day: Date, reread: usize) -> (Proof, Vec<Held>) {
    let from = day.saturating_sub(62.days());
    let proof = ledger
        .prove_nightly(from, day, reread, desk.clock.now())
        .await
        .expect("a proof");
    let held = proof.held.clone();
    (proof, held)
}
