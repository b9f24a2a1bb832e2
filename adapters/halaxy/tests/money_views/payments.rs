//! Payments, refunds, and rows that are no money.

use crate::support::{a_payment, aud, fault, payment, read, with, without};
use bridge_core::ledger::{Cents, Fault, MoneyError, Party, PaymentKind};
use serde_json::{Value as Json, json};

#[test]
fn a_payment_is_dated_by_the_practices_own_calendar() {
    let plain = payment(&a_payment());
    assert_eq!(
        (&plain.kind, plain.method.as_str(), plain.amount),
        (&PaymentKind::Payment, "Cash", Cents(10_000))
    );
    assert_eq!(plain.payer, Some(Party::Patient("900001".into())));
    assert_eq!((plain.invoice.as_deref(), plain.void), (Some("600001"), false));
    // Clocks go forward on 4 October 2026 and back on 5 April: midnight is at another moment before and after.
    for (created, date) in [
        ("2026-10-03T13:59:59Z", "2026-10-03"),
        ("2026-10-03T14:00:00Z", "2026-10-04"),
        ("2026-10-04T12:59:59Z", "2026-10-04"),
        ("2026-10-04T13:00:00Z", "2026-10-05"),
        ("2026-04-04T13:00:00Z", "2026-04-05"),
        ("2026-04-05T13:59:59Z", "2026-04-05"),
        ("2026-04-05T14:00:00Z", "2026-04-06"),
        ("2026-03-04T23:30:00+00:00", "2026-03-05"),
        ("2026-03-04T23:30:00", "2026-03-04"),
        ("2026-03-04", "2026-03-04"),
    ] {
        let read = payment(&with(&a_payment(), "created", json!(created)));
        assert_eq!(read.date.to_string(), date, "{created}");
    }
    let at = payment(&with(&a_payment(), "created", json!("2026-03-04T23:30:00")));
    assert_eq!(at.created, 1_772_627_400_000_000, "by the practice's wall clock");
}

#[test]
fn rows_that_are_no_money_refunds_and_undone_rows_are_told_apart() {
    let of = |kind: &str, method: &str, amount: f64| {
        let parts = json!([{"type": "base", "amount": aud(amount)}]);
        let body = with(
            &with(&a_payment(), "type", json!([{"text": kind}])),
            "method",
            json!([{"text": method}]),
        );
        let read = payment(&with(&body, "priceComponent", parts));
        (read.kind, read.amount)
    };
    assert_eq!(of("Payment", "Discount", 5.0), (PaymentKind::NotMoney, Cents(500)));
    assert_eq!(of("Discount", "Cash", 5.0), (PaymentKind::NotMoney, Cents(500)));
    assert_eq!(of("Failed", "Braintree", 5.0), (PaymentKind::NotMoney, Cents(500)));
    assert_eq!(of("Deposit", "EFTPOS", 5.0), (PaymentKind::Deposit, Cents(500)));
    assert_eq!(of("Refund", "EFTPOS", 5.0), (PaymentKind::Refund, Cents(500)));
    assert_eq!(of("Refund", "EFTPOS", -5.0), (PaymentKind::Refund, Cents(500)));
    assert_eq!(of("Payment", "EFTPOS", -5.0), (PaymentKind::Refund, Cents(500)));
    assert_eq!(of("Payment", "EFTPOS", 0.0), (PaymentKind::Payment, Cents(0)));
    assert_eq!(
        of("Chargeback", "EFTPOS", 5.0),
        (PaymentKind::Other("Chargeback".into()), Cents(500))
    );
    let words = |types: Json| payment(&with(&a_payment(), "type", types)).kind;
    assert_eq!(words(json!("Payment")), PaymentKind::Payment);
    assert_eq!(
        words(json!([{"coding": [{"display": "Deposit"}]}])),
        PaymentKind::Deposit
    );
    assert_eq!(
        words(json!([{"text": "Payment"}, {"text": "Failed"}])),
        PaymentKind::NotMoney
    );
    assert_eq!(words(json!([])), PaymentKind::Other(String::new()));
    for undone in [
        json!([{"text": "Voided"}]),
        json!(["cancelled"]),
        json!("Deleted"),
        json!([{"text": "ok"}, {"text": "void"}]),
    ] {
        assert!(payment(&with(&a_payment(), "status", undone)).void);
    }
    assert!(!payment(&with(&a_payment(), "status", json!([{"text": "Completed"}]))).void);
    let several = json!([{"type": "base", "amount": aud(100)}, {"type": "surcharge", "amount": aud(1.5)},
        {"type": "informational", "amount": aud(7)}, {"type": "deduction", "amount": aud(0.25)}]);
    assert_eq!(
        payment(&with(&a_payment(), "priceComponent", several)).amount,
        Cents(10_125)
    );
    let funder = |id: &str| {
        let body = with(&a_payment(), "subject", Json::Null);
        payment(&with(
            &body,
            "assignedOrganization",
            json!({"reference": format!("Organization/{id}")}),
        ))
        .payer
    };
    assert_eq!(funder("FD-150021"), Some(Party::Organisation("FD-150021".into())));
    assert_eq!(funder("CL-200001"), None, "the practice's own clinic paid nothing");
}

#[test]
fn what_is_no_payment_holds_its_invoice() {
    let body = a_payment();
    let parts = |first: Json, second: Json| {
        with(
            &body,
            "priceComponent",
            json!([{"type": "base", "amount": first}, {"type": "base", "amount": second}]),
        )
    };
    for (odd, member, expected) in [
        (without(&body, "created"), "created", Fault::Missing),
        (
            with(&body, "created", json!("noon")),
            "created",
            Fault::Shape("a time with an offset"),
        ),
        (without(&body, "priceComponent"), "priceComponent", Fault::Missing),
        (
            with(&body, "priceComponent", json!([])),
            "priceComponent",
            Fault::Missing,
        ),
        (
            parts(aud(1), json!({"value": 1, "currency": "NZD"})),
            "priceComponent",
            Fault::Currencies,
        ),
        (
            parts(aud(1), aud(0.001)),
            "priceComponent",
            Fault::Money(MoneyError::Fraction),
        ),
    ] {
        assert_eq!(fault(&odd), (member.to_owned(), expected), "{odd}");
        assert_eq!(read(&odd).expect_err("unreadable").invoice.as_deref(), Some("600001"));
    }
}
