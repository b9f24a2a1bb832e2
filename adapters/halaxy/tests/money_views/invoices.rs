//! Invoices and their lines, as documented and in odd spellings.

use crate::support::{a_line, a_payment, an_invoice, aud, decimal, fault, invoice, line, read, reader, with, without};
use bridge_core::ledger::{Cents, Fault, InvoiceKind, LineStatus, MoneyError, Party, PriceKind, ReadFacts};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

#[test]
fn an_invoice_as_documented() {
    let read = invoice(&an_invoice());
    assert_eq!(
        (read.id.as_str(), read.kind, read.status.as_str()),
        ("600001", InvoiceKind::Invoice, "active")
    );
    assert_eq!(read.payer, Some(Party::Patient("900001".into())));
    assert_eq!(
        (read.payer_name.as_str(), read.date.to_string().as_str()),
        ("Miriam Samplewood", "2026-03-04")
    );
    assert_eq!(read.roles, ["PR-700001"]);
    assert_eq!(
        [read.net, read.tax, read.gross, read.paid, read.balance],
        [18_000, 0, 18_000, 10_050, 7_950].map(Cents)
    );
    assert_eq!((read.currency.code(), read.removed), ("AUD", false));
}

#[test]
fn an_invoice_in_odd_spellings_says_the_same() {
    let plain = invoice(&an_invoice());
    let body = an_invoice();
    let listed = json!([{"reference": "/main/Patient/900001"}]);
    for odd in [
        with(&body, "recipient", listed),
        with(&body, "recipient", json!("Patient/900001")),
        with(&body, "id", json!(600_001)),
        with(&body, "date", json!("2026-03-04T00:00:00+11:00")),
        with(&body, "totalGross", aud("180.00")),
        with(&body, "totalGross", json!(180.0)),
        without(&body, "totalTax"),
        with(&body, "totalTax", json!({"value": null})),
        without(&body, "totalGross"),
        without(&body, "totalNet"),
        without(&body, "type"),
        with(&body, "type", json!("Invoice")),
        with(&body, "practitioner", body["practitioner"][0].clone()),
    ] {
        assert_eq!(invoice(&odd), plain, "{odd}");
    }
    let funder = json!({"reference": "https://eu-api.halaxy.com/main/Organization/FD-150001"});
    assert_eq!(
        invoice(&with(&body, "recipient", funder)).payer,
        Some(Party::Organisation("FD-150001".into()))
    );
    assert_eq!(invoice(&with(&body, "recipient", Json::Null)).payer, None);
    assert_eq!(invoice(&with(&body, "type", json!("quote"))).kind, InvoiceKind::Quote);
    assert_eq!(invoice(&with(&body, "status", json!("balanced"))).status, "balanced");
    assert_eq!(
        invoice(&with(&body, "totalBalance", aud(-12.34))).balance,
        Cents(-1_234)
    );
    let pounds = |member: &str, body: &Json| with(body, member, json!({"value": 1, "currency": "gbp"}));
    let all = ["totalNet", "totalTax", "totalGross", "totalPaid", "totalBalance"];
    let other = all.iter().fold(body.clone(), |body, member| pounds(member, &body));
    assert_eq!(invoice(&other).currency.code(), "GBP");
    let bare = all
        .iter()
        .fold(body.clone(), |body, member| with(&body, member, json!({"value": 1})));
    assert_eq!(invoice(&bare).currency.code(), "AUD", "the practice's own");
}

#[test]
fn what_is_no_invoice_says_which_member_and_never_a_value() {
    let body = an_invoice();
    for (odd, member, expected) in [
        (without(&body, "date"), "date", Fault::Missing),
        (with(&body, "date", json!("soon")), "date", Fault::Shape("a date")),
        (with(&body, "date", json!({})), "date", Fault::Shape("a text")),
        (without(&body, "totalBalance"), "totalBalance", Fault::Missing),
        (with(&body, "totalPaid", aud(Json::Null)), "totalPaid", Fault::Missing),
        (
            without(&without(&body, "totalTax"), "totalNet"),
            "totalNet",
            Fault::Missing,
        ),
        (
            with(&body, "totalNet", aud(1.005)),
            "totalNet",
            Fault::Money(MoneyError::Fraction),
        ),
        (
            with(&body, "totalNet", aud("lots")),
            "totalNet",
            Fault::Money(MoneyError::NotANumber),
        ),
        (
            with(&body, "totalNet", json!([1])),
            "totalNet",
            Fault::Money(MoneyError::NotANumber),
        ),
        (
            with(&body, "totalPaid", json!({"value": 1, "currency": "NZD"})),
            "totalGross",
            Fault::Currencies,
        ),
        (with(&body, "type", json!("estimate")), "type", Fault::Word),
        (
            with(&body, "totalNet", json!({"value": 1, "currency": 7})),
            "totalNet",
            Fault::Shape("an amount with a currency code"),
        ),
    ] {
        assert_eq!(fault(&odd), (member.to_owned(), expected), "{odd}");
        let told = read(&odd).expect_err("unreadable");
        assert_eq!((told.id.as_str(), told.invoice.as_deref()), ("600001", Some("600001")));
        let said = format!("{told} {} {told:?}", told.remedy());
        assert!(
            !said.contains("Samplewood") && !said.contains("soon\"") && !said.contains("lots"),
            "{said}"
        );
    }
    let yen = with(&body, "totalNet", json!({"value": 1, "currency": "JPY"}));
    assert!(matches!(fault(&yen).1, Fault::Money(MoneyError::Currency(_))));
    assert_eq!(fault(&without(&body, "id")), ("id".to_owned(), Fault::Missing));
    let other = reader().read("InvoiceLine", &body).expect_err("another kind");
    assert_eq!(other.member, "resourceType");
    let patient = json!({"resourceType": "Patient", "id": "1"});
    assert_eq!(
        reader().read("Patient", &patient).expect_err("no money").fault,
        Fault::Kind
    );
    assert_eq!(reader().read("Invoice", &json!("text")).expect_err("no object").id, "?");
}

#[test]
fn a_line_as_documented_and_in_odd_spellings() {
    let body = a_line();
    let plain = line(&body);
    assert_eq!(plain.status, LineStatus::Active);
    assert_eq!(plain.quantity, decimal("2.25"));
    let prices: Vec<_> = plain.prices.iter().map(|price| (price.kind, price.amount)).collect();
    let wanted = [
        (PriceKind::Base, "95.45"),
        (PriceKind::Tax, "9.545"),
        (PriceKind::Discount, "-5"),
    ];
    assert_eq!(prices, wanted.map(|(kind, amount)| (kind, decimal(amount))));
    let ids = [
        &plain.invoice,
        &plain.patient,
        &plain.appointment,
        &plain.role,
        &plain.funder,
        &plain.code,
    ];
    assert_eq!(
        ids.map(|id| id.as_deref().unwrap_or("none")),
        ["600001", "900001", "400001", "PR-700001", "FD-150001", "00023"]
    );
    let short = with(
        &without(&body, "unitPriceComponent"),
        "priceComponent",
        body["unitPriceComponent"].clone(),
    );
    for odd in [
        short,
        without(&body, "status"),
        with(&body, "status", json!("Active")),
        with(&body, "quantity", json!({"value": 2.25})),
        with(&body, "quantity", json!("2.25")),
        with(&body, "performer", json!([body["performer"]])),
        with(&body, "code", json!({"coding": [{"code": "00023"}]})),
    ] {
        assert_eq!(line(&odd), plain, "{odd}");
    }
    for (word, status) in [
        ("voided", LineStatus::Voided),
        ("unassigned", LineStatus::Unassigned),
        ("write-off", LineStatus::WriteOff),
        ("Write off", LineStatus::WriteOff),
        ("locked", LineStatus::Locked),
        ("escrowed", LineStatus::Other("escrowed".into())),
    ] {
        assert_eq!(line(&with(&body, "status", json!(word))).status, status);
    }
    let loose = line(&with(&body, "invoice", Json::Null));
    assert_eq!(loose.invoice, None);
    let covered = with(
        &body,
        "coverage",
        json!({"reference": "Coverage/850001", "type": "Coverage"}),
    );
    assert_eq!(line(&covered).cover.as_deref(), Some("850001"));
    assert_eq!(line(&with(&body, "unitPriceComponent", json!([]))).prices, []);
}

#[test]
fn what_is_no_line_holds_its_invoice() {
    let body = a_line();
    let part = |kind: &str, amount: Json| with(&body, "unitPriceComponent", json!([{"type": kind, "amount": amount}]));
    for (odd, member, expected) in [
        (without(&body, "quantity"), "quantity", Fault::Missing),
        (
            with(&body, "quantity", json!("two")),
            "quantity",
            Fault::Money(MoneyError::NotANumber),
        ),
        (
            without(&body, "unitPriceComponent"),
            "unitPriceComponent",
            Fault::Missing,
        ),
        (part("markup", aud(1)), "unitPriceComponent", Fault::Word),
        (part("base", Json::Null), "unitPriceComponent", Fault::Missing),
        (
            part("base", aud("x")),
            "unitPriceComponent",
            Fault::Money(MoneyError::NotANumber),
        ),
        (
            with(&body, "enteredDate", json!("04/03/2026")),
            "enteredDate",
            Fault::Shape("a date"),
        ),
    ] {
        assert_eq!(fault(&odd), (member.to_owned(), expected), "{odd}");
        assert_eq!(read(&odd).expect_err("unreadable").invoice.as_deref(), Some("600001"));
    }
}

proptest! {
    /// Amounts of up to 15 digits come through JSON text as they stand in it.
    #[test]
    fn amounts_of_up_to_fifteen_digits_survive(units in -999_999_999_999_999_i64..=999_999_999_999_999, places in 0_u32..=6) {
        let amount = Decimal::new(units, places);
        let text = format!(r#"{{"resourceType": "InvoiceLine", "id": "1", "quantity": {amount},
            "unitPriceComponent": [{{"type": "base", "amount": {{"value": {amount}, "currency": "AUD"}}}}]}}"#);
        let body: Json = serde_json::from_str(&text).expect("JSON");
        let read = line(&body);
        prop_assert_eq!(read.quantity, amount);
        prop_assert_eq!(read.prices[0].amount, amount);
    }

    /// Whole cents of any size a practice has come through exactly; a fraction of a cent never passes as money.
    #[test]
    fn cents_are_exact(cents in -1_000_000_000_000_i64..=1_000_000_000_000, fraction in 1_i64..=9) {
        let whole = Decimal::new(cents, 2);
        let text = |amount: &str| format!(r#"{{"value": {amount}, "currency": "AUD"}}"#);
        let total = |amount: &str| serde_json::from_str::<Json>(&text(amount)).expect("JSON");
        let read_back = invoice(&with(&an_invoice(), "totalBalance", total(&whole.to_string())));
        prop_assert_eq!(read_back.balance, Cents(cents));
        let fine = format!("{whole}{fraction}");
        let refused = read(&with(&an_invoice(), "totalBalance", total(&fine))).expect_err("a fraction");
        prop_assert_eq!(refused.fault, Fault::Money(MoneyError::Fraction));
    }

    /// No body makes the reader panic, and whatever it refuses it names by kind and member.
    #[test]
    fn nothing_is_read_that_is_not_there(member in "[a-zA-Z]{1,14}", word in ".{0,12}", number in any::<f64>()) {
        for body in [an_invoice(), a_line(), a_payment()] {
            let members: Vec<String> = body.as_object().expect("members").keys().cloned().collect();
            for known in members.iter().chain([&member]) {
                for value in [json!(word), json!(number), json!([word]), json!({&member: word}), json!(true), Json::Null] {
                    let odd = with(&body, known, value);
                    if let Some(kind) = odd["resourceType"].as_str()
                        && let Err(unreadable) = reader().read(kind, &odd)
                    {
                        prop_assert_eq!(unreadable.kind.as_str(), kind);
                        prop_assert!(!unreadable.member.is_empty());
                    }
                }
            }
        }
    }
}
