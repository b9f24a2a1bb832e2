//! A month in the books from its end to a fortnight later, with what must hold all along.

use super::desk::{Desk, call_count};
use super::own::Truth;
use super::rules::Modes;
use adapter_kit::Clock;
use adapter_sandbox::Manners;
use adapter_sandbox::practice_month::{MonthOptions, OwnBooks};
use bridge_core::ledger::{Held, Proof, Source, Why};
use bridge_engine::ledger::Ledger;
use jiff::civil::{Date, date};
use std::collections::BTreeSet;

/// Before everything.
pub const FROM: Date = date(2026, 9, 1);
/// After everything.
pub const TO: Date = date(2026, 12, 31);

/// What a day took.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// Which; the first is the end of the month.
    pub day: Date,
    /// Calls on the books, the look at its end included.
    pub calls: usize,
    /// Documents posted and voided.
    pub documents: usize,
}

/// What waits for a person.
///
/// # Panics
/// If an account cannot be read.
pub async fn held(desk: &Desk, ledger: &Ledger) -> Vec<Held> {
    ledger.preview(desk.clock.now()).await.unwrap().plan.held
}

/// The proof over everything, the books read from the beginning.
///
/// # Panics
/// If an account cannot be read.
pub async fn prove(desk: &Desk, ledger: &Ledger) -> Proof {
    ledger.prove(FROM, TO, true, desk.clock.now()).await.unwrap()
}

/// The books' own general ledger is that of the practice, to the cent, and the proof says so.
///
/// # Panics
/// If not, with everything that differs.
pub async fn equal(desk: &Desk, ledger: &Ledger, wanted: &Truth, when: &str) {
    let shown = desk.shown().await;
    let mut differ = Vec::new();
    let both = [
        ("account", &shown.accounts, &wanted.accounts),
        ("debtor", &shown.debtors, &wanted.debtors),
    ];
    for (name, books, own) in both {
        let keys: BTreeSet<&String> = books.keys().chain(own.keys()).collect();
        for key in keys {
            let at = |all: &std::collections::BTreeMap<String, i64>| all.get(key).copied().unwrap_or(0);
            let (books, own) = (at(books), at(own));
            if books != own {
                differ.push(format!(
                    "{name} {key}: books {books}, practice {own}, by {}",
                    books - own
                ));
            }
        }
    }
    assert!(differ.is_empty(), "{when}, {:?}: {differ:#?}", desk.modes);
    let mut proof = prove(desk, ledger).await;
    let waits = waits(desk, ledger).await;
    let waiting = |subject: &str| subject.strip_prefix("payment ").is_some_and(|id| waits.contains(id));
    proof.differences.retain(|d| !waiting(&d.subject));
    let Proof { differences, held, .. } = &proof;
    assert!(proof.holds(), "{when}, {:?}: {differences:#?} {held:#?}", desk.modes);
}

/// Money given back that waits for a person, by its id in Halaxy: books give nothing back from a bank account but out of a
/// credit. Nothing else may wait.
async fn waits(desk: &Desk, ledger: &Ledger) -> BTreeSet<String> {
    let refund = |held: Held| match (held.source, held.why) {
        (Source::Payment(id), Why::BankRefund { .. }) if desk.modes == Modes::Banks => id,
        (source, why) => panic!("{source} waits, {:?}: {why:?}", desk.modes),
    };
    held(desk, ledger).await.into_iter().map(refund).collect()
}

/// The practice's own books but for what waits.
async fn own(desk: &Desk, ledger: &Ledger, books: &OwnBooks) -> Truth {
    let mut books = books.clone();
    for id in waits(desk, ledger).await {
        let refund = books.payments.remove(&id).expect("a payment of the practice");
        assert!(refund.refund, "{refund:?}");
        if let Some(invoice) = refund.invoice.and_then(|id| books.invoices.get_mut(&id)) {
            invoice.open -= refund.cents;
        }
    }
    Truth::of(&books, desk.modes)
}

/// The month posted, then the fortnight after it day by day, the month locked half-way (but where money goes straight into
/// banks). What each day took.
///
/// # Panics
/// If anything is refused or waits, if the books differ from the practice's own, or a second look still finds something.
pub async fn live(month: &MonthOptions, modes: Modes) -> (Desk, Vec<Day>) {
    let desk = Desk::open(month, modes, Manners::Real).await;
    let ledger = desk.ledger().await;
    let mut took = vec![day(&desk, &ledger, desk.month.days.1).await];
    let wanted = own(&desk, &ledger, &desk.month.first_books).await;
    equal(&desk, &ledger, &wanted, "at the end of the month").await;

    let days = desk.month.acts_by_day();
    for (n, (date, acts)) in days.iter().enumerate() {
        desk.evening(*date);
        for act in *acts {
            act.perform(&desk.sandbox).unwrap();
        }
        // What a lock keeps from being voided could not be given back out of a bank account either.
        if n == days.len() / 2 && modes != Modes::Banks {
            desk.lock(desk.month.days.1);
        }
        took.push(day(&desk, &ledger, *date).await);
    }
    let wanted = own(&desk, &ledger, &desk.month.books).await;
    equal(&desk, &ledger, &wanted, "after a fortnight").await;
    let again = desk.settle(&ledger).await;
    let moved = (again.posted, again.voided, again.contacts);
    assert_eq!(moved, (0, 0, 0), "a second look, {modes:?}");
    (desk, took)
}

async fn day(desk: &Desk, ledger: &Ledger, day: Date) -> Day {
    let before = call_count(&desk.sandbox);
    let step = desk.settle(ledger).await;
    let calls = call_count(&desk.sandbox) - before;
    waits(desk, ledger).await;
    let smooth = step.refused == 0 && step.trouble.is_empty();
    assert!(smooth, "{day}, {:?}: {step:?}", desk.modes);
    Day {
        day,
        calls,
        documents: step.posted + step.voided,
    }
}
