//! What the books received and Halaxy does not show becomes a task, and closes by itself.

#![allow(clippy::unwrap_used)]

use bridge_core::ledger::tasks::{Posted, Task, sheet, tasks};
use bridge_core::ledger::{Cents, Currency, DocumentKind, Facts, Payment, PaymentKind, Shown, Status};
use jiff::civil::Date;
use proptest::prelude::*;

fn day(n: i64) -> Date {
    "2026-10-01"
        .parse::<Date>()
        .unwrap()
        .saturating_add(jiff::ToSpan::days(n))
}

/// A payment typed into the books for the invoice that stands there as `r-INVOICE`.
fn typed(id: &str, invoice: &str, amount: i64, on: i64) -> Shown {
    Shown {
        kind: DocumentKind::Payment,
        remote_id: id.into(),
        key: None,
        status: Status::Settled,
        date: day(on),
        currency: None,
        contact: None,
        of: Some(format!("r-{invoice}")),
        to: None,
        account: Some("090".into()),
        total: Cents(amount),
        tax: None,
        open: None,
        lines: None,
        mark: None,
    }
}

fn recorded(id: &str, invoice: &str, amount: i64, on: i64) -> Payment {
    Payment {
        id: id.into(),
        kind: PaymentKind::Payment,
        method: "EFT".into(),
        created: 0,
        date: day(on),
        amount: Cents(amount),
        currency: Currency::new("AUD").unwrap(),
        invoice: Some(invoice.into()),
        payer: None,
        void: false,
        removed: false,
    }
}

fn facts(payments: impl IntoIterator<Item = Payment>) -> Facts {
    Facts {
        payments: payments.into_iter().map(|p| (p.id.clone(), p)).collect(),
        ..Facts::default()
    }
}

fn posted() -> Posted {
    let mut posted = Posted::default();
    for i in ["600001", "600002"] {
        posted.invoices.insert(format!("r-{i}"), i.into());
    }
    posted
}

fn closed(tasks: &[Task]) -> Vec<(&str, Option<&str>)> {
    tasks.iter().map(|t| (t.id.as_str(), t.recorded.as_deref())).collect()
}

#[test]
fn a_task_waits_until_halaxy_shows_the_payment() {
    let shown = [typed("b1", "600001", 9_000, 5)];
    let open = tasks(&shown, &posted(), &facts([]));
    assert_eq!(closed(&open), [("record-b1", None)]);
    assert_eq!(
        sheet(&open).csv(),
        "task,invoice,date,amount,account\nrecord-b1,600001,2026-10-06,90.00,090\n"
    );

    for (on, closes) in [(1, false), (2, true), (5, true), (40, true)] {
        let done = tasks(&shown, &posted(), &facts([recorded("p1", "600001", 9_000, on)]));
        assert_eq!(!done[0].open(), closes, "recorded on day {on}");
    }
    for other in [recorded("p1", "600002", 9_000, 5), recorded("p1", "600001", 9_001, 5)] {
        assert!(tasks(&shown, &posted(), &facts([other]))[0].open());
    }
}

#[test]
fn what_is_no_money_or_in_the_books_already_closes_nothing() {
    let shown = [typed("b1", "600001", 9_000, 5)];
    let pay = || recorded("p1", "600001", 9_000, 5);
    let unfit = [
        Payment { void: true, ..pay() },
        Payment { removed: true, ..pay() },
        Payment {
            kind: PaymentKind::NotMoney,
            ..pay()
        },
        Payment {
            kind: PaymentKind::Refund,
            ..pay()
        },
        Payment { invoice: None, ..pay() },
    ];
    for p in unfit {
        assert!(tasks(&shown, &posted(), &facts([p.clone()]))[0].open(), "{p:?}");
    }
    let mut mine = posted();
    mine.payments.insert("p1".into());
    assert!(tasks(&shown, &mine, &facts([pay()]))[0].open());
}

#[test]
fn what_we_posted_what_was_voided_and_other_peoples_invoices_make_no_task() {
    let mut mine = posted();
    mine.keys.insert("HX-P-1".into());
    mine.linked.insert("b5".into());
    let ours = Shown {
        key: Some("HX-P-1".into()),
        ..typed("b1", "600001", 100, 1)
    };
    let void = Shown {
        status: Status::Void,
        ..typed("b2", "600001", 100, 1)
    };
    let foreign = typed("b3", "777", 100, 1);
    let receipt = Shown {
        kind: DocumentKind::Overpayment,
        ..typed("b4", "600001", 100, 1)
    };
    let linked = typed("b5", "600001", 100, 1);
    let theirs = Shown {
        key: Some("EFT 5512".into()),
        ..typed("b6", "600001", 100, 1)
    };
    let found = tasks(&[ours, void, foreign, receipt, linked, theirs], &mine, &facts([]));
    assert_eq!(closed(&found), [("record-b6", None)]);
}

proptest! {
    /// As many tasks close as can (compared with trying every pairing), no payment twice; the order in which the books
    /// and Halaxy list things does not matter.
    #[test]
    fn one_payment_closes_one_task_and_as_many_close_as_can(
        books in prop::collection::vec((0i64..12, 0i64..2), 0..5),
        halaxy in prop::collection::vec((0i64..12, 0i64..2), 0..5),
    ) {
        let shown: Vec<Shown> = books.iter().enumerate()
            .map(|(i, (on, kind))| typed(&format!("b{i}"), "600001", 5_000 + kind, *on)).collect();
        let facts = facts(halaxy.iter().enumerate()
            .map(|(i, (on, kind))| recorded(&format!("p{i}"), "600001", 5_000 + kind, *on)));
        let found = tasks(&shown, &posted(), &facts);
        prop_assert_eq!(found.len(), books.len());
        let mut used: Vec<&String> = found.iter().filter_map(|t| t.recorded.as_ref()).collect();
        used.sort();
        let count = used.len();
        used.dedup();
        prop_assert_eq!(used.len(), count);
        for t in &found {
            if let Some(p) = &t.recorded {
                let p = &facts.payments[p];
                prop_assert!(p.amount == t.amount && p.date.saturating_add(jiff::ToSpan::days(3)) >= t.date);
            }
        }
        prop_assert_eq!(count, best(&books, &halaxy, 0));

        let mut backwards = shown.clone();
        backwards.reverse();
        prop_assert_eq!(tasks(&backwards, &posted(), &facts), found);
    }
}

/// The most tasks that can close, by trying every pairing.
fn best(books: &[(i64, i64)], halaxy: &[(i64, i64)], used: u32) -> usize {
    let Some(((on, kind), rest)) = books.split_first() else {
        return 0;
    };
    let fits = |i: &usize| used & (1 << i) == 0 && halaxy[*i].1 == *kind && halaxy[*i].0 >= on - 3;
    (0..halaxy.len())
        .filter(fits)
        .map(|i| 1 + best(rest, halaxy, used | 1 << i))
        .max()
        .unwrap_or(0)
        .max(best(rest, halaxy, used))
}
