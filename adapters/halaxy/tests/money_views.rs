//! Bodies as facts: as documented, as seen in the wild, and what is refused with member and remedy.

use adapter_halaxy::MoneyReader;
use bridge_core::ledger::{
    Cents, CoverPayer, Currency, Fact, Fault, Gathered, Invoice, InvoiceKind, Line, LineStatus, MoneyError, Party,
    Payment, PaymentKind, PriceKind, ReadFacts, Unreadable,
};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

fn reader() -> MoneyReader {
    let zone = TimeZone::get("Australia/Melbourne").expect("a zone");
    MoneyReader::new(zone, Currency::new("AUD").expect("a currency"))
}

fn read(body: &Json) -> Result<Fact, Unreadable> {
    reader().read(body["resourceType"].as_str().expect("a type"), body)
}

/// `body` with one member replaced.
fn with(body: &Json, member: &str, value: Json) -> Json {
    let mut body = body.clone();
    body[member] = value;
    body
}

fn without(body: &Json, member: &str) -> Json {
    let mut body = body.clone();
    body.as_object_mut().expect("members").shift_remove(member);
    body
}

fn fault(body: &Json) -> (String, Fault) {
    let unreadable = read(body).expect_err("unreadable");
    assert!(unreadable.remedy().starts_with(&format!("{} ", unreadable.kind)));
    (unreadable.member, unreadable.fault)
}

fn aud(value: impl Into<Json>) -> Json {
    json!({"value": value.into(), "currency": "AUD"})
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn an_invoice() -> Json {
    json!({"resourceType": "Invoice", "id": "600001", "status": "active", "type": "invoice", "payorType": "patient",
        "title": "Miriam Samplewood", "date": "2026-03-04", "created": "2026-02-20T08:00:00+10:00", "lineItem": null,
        "note": [{"text": "<p>Due <b>soon</b></p>"}],
        "recipient": {"reference": "https://au-api.halaxy.com/main/Patient/900001", "type": "Patient"},
        "practitioner": [{"reference": "https://au-api.halaxy.com/main/PractitionerRole/PR-700001", "type": "PractitionerRole"}],
        "totalNet": aud(180), "totalTax": aud(0), "totalGross": aud(180), "totalPaid": aud(100.5), "totalBalance": aud(79.5)})
}

fn invoice(body: &Json) -> Invoice {
    match read(body) {
        Ok(Fact::Invoice(invoice)) => invoice,
        other => panic!("{other:?}"),
    }
}

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

fn a_line() -> Json {
    json!({"resourceType": "InvoiceLine", "id": "610001", "status": null, "description": "Standard consult",
        "code": "00023", "quantity": 2.25, "enteredDate": "2026-03-04",
        "invoice": {"reference": "https://au-api.halaxy.com/main/Invoice/600001", "type": "Invoice"},
        "subject": {"reference": "https://au-api.halaxy.com/main/Patient/900001", "type": "Patient"},
        "context": {"reference": "https://au-api.halaxy.com/main/Appointment/400001", "type": "Appointment"},
        "performer": {"reference": "https://au-api.halaxy.com/main/PractitionerRole/PR-700001", "type": "PractitionerRole"},
        "unitPriceComponent": [{"type": "base", "amount": aud(95.45)}, {"type": "tax", "amount": aud(9.545)},
            {"type": "discount", "amount": aud(-5)}],
        "extension": [{"url": "https://terminology.halaxy.com/StructureDefinition/invoice-line-funder",
            "valueReference": {"reference": "https://au-api.halaxy.com/main/Organization/FD-150001", "type": "Organization"}}]})
}

fn line(body: &Json) -> Line {
    match read(body) {
        Ok(Fact::Line(line)) => line,
        other => panic!("{other:?}"),
    }
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

fn a_payment() -> Json {
    json!({"resourceType": "PaymentTransaction", "id": "620001", "created": "2026-03-04T10:05:00+10:00",
        "method": [{"text": "Cash"}], "type": [{"text": "Payment"}],
        "priceComponent": [{"type": "base", "amount": aud(100)}],
        "invoice": {"reference": "https://au-api.halaxy.com/main/Invoice/600001", "type": "Invoice"},
        "subject": {"reference": "https://au-api.halaxy.com/main/Patient/900001", "type": "Patient"}})
}

fn payment(body: &Json) -> Payment {
    match read(body) {
        Ok(Fact::Payment(payment)) => payment,
        other => panic!("{other:?}"),
    }
}

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

#[test]
fn fees_covers_organisations_and_practitioners() {
    let terms = "https://terminology.halaxy.com/StructureDefinition";
    let fee = json!({"resourceType": "ChargeItemDefinition", "id": "310001", "title": "Standard consult",
        "code": {"coding": [{"code": "00023"}]}, "status": "active", "publisher": "Medicare",
        "useContext": [{"code": {"system": format!("{terms}/fee-type"), "code": "type"},
                "valueCodeableConcept": {"coding": [{"system": format!("{terms}/fee-type-code"), "code": "0", "display": "Appointment"}]}},
            {"code": {"system": format!("{terms}/fee-category"), "code": "category"}, "valueCodeableConcept": {"text": "Consultations"}}]});
    let Ok(Fact::Charge(charge)) = read(&fee) else {
        panic!("a fee")
    };
    assert_eq!(charge.code.as_deref(), Some("00023"));
    assert_eq!(
        (charge.category.as_deref(), charge.funder.as_deref()),
        (Some("Consultations"), Some("Medicare"))
    );
    assert!(charge.active);
    let Ok(Fact::Charge(retired)) = read(&with(&without(&fee, "useContext"), "status", json!("retired"))) else {
        panic!("a fee")
    };
    assert_eq!((retired.category, retired.active), (None, false));

    let cover = |code: Json| {
        json!({"resourceType": "Coverage", "id": "850001", "status": "active",
            "payor": [{"reference": "Organization/FD-150001", "type": "Organization"}],
            "extension": [{"url": format!("{terms}/coverage-payer"), "valueCoding": {"code": code}},
                {"url": format!("{terms}/coverage-organisation"), "valueReference": {"reference": "Organization/OG-1"}}]})
    };
    for (code, payer) in [
        (json!("29"), Some(CoverPayer::Patient)),
        (json!(30), Some(CoverPayer::Organisation)),
        (json!("31"), Some(CoverPayer::Organisation)),
        (json!("32"), Some(CoverPayer::Organisation)),
        (Json::Null, None),
    ] {
        let Ok(Fact::Cover(read)) = read(&cover(code)) else {
            panic!("a cover")
        };
        assert_eq!(read.payer, payer);
        assert_eq!(
            read.payors,
            ["FD-150001", "OG-1"].map(|id| Party::Organisation(id.into()))
        );
    }
    assert_eq!(fault(&cover(json!("33"))).1, Fault::Word);
    let Ok(Fact::Cover(ended)) = read(&with(&cover(json!("29")), "status", json!("cancelled"))) else {
        panic!("a cover")
    };
    assert!(!ended.active);

    let funder = json!({"resourceType": "Organization", "id": "FD-150001", "name": "Medicare"});
    let Ok(Fact::Organisation(organisation)) = read(&funder) else {
        panic!("an organisation")
    };
    assert_eq!(organisation.name, "Medicare");
    assert_eq!(fault(&without(&funder, "name")), ("name".to_owned(), Fault::Missing));
}

#[test]
fn a_role_takes_its_name_from_the_practitioner_whichever_comes_first() {
    let role = json!({"resourceType": "PractitionerRole", "id": "PR-700001",
        "practitioner": {"reference": "https://au-api.halaxy.com/main/Practitioner/PR-500001", "type": "Practitioner"},
        "organization": {"reference": "https://au-api.halaxy.com/main/Organization/CL-200001", "type": "Organization"}});
    let named = |family: &str| {
        json!({"resourceType": "Practitioner", "id": "PR-500001",
            "name": [{"use": "usual", "given": ["Al"]}, {"use": "official", "prefix": ["Dr"], "given": ["Alex"], "family": family}]})
    };
    let reader = reader();
    for order in [[&role, &named("Tester")], [&named("Tester"), &role]] {
        let mut gathered = Gathered::default();
        for body in order {
            let kind = body["resourceType"].as_str().expect("a type");
            gathered.take(&reader, kind, body).expect("readable");
        }
        let known = &gathered.facts().roles["PR-700001"];
        assert_eq!(
            (known.name.as_str(), known.location.as_deref()),
            ("Dr Alex Tester", Some("CL-200001"))
        );
        gathered
            .take(&reader, "Practitioner", &named("Wedded"))
            .expect("readable");
        assert_eq!(gathered.facts().roles["PR-700001"].name, "Dr Alex Wedded");
    }
    let shown = with(
        &role,
        "practitioner",
        json!({"reference": "Practitioner/PR-500001", "display": "A. Tester"}),
    );
    let Ok(Fact::Role(shown)) = read(&shown) else {
        panic!("a role")
    };
    assert_eq!(shown.name, "A. Tester");
}

#[test]
fn stale_money_is_not_kept_and_what_is_gone_stays_marked() {
    let reader = reader();
    let mut gathered = Gathered::default();
    gathered.take(&reader, "Invoice", &an_invoice()).expect("readable");
    gathered
        .take(&reader, "PaymentTransaction", &a_payment())
        .expect("readable");
    gathered.take(&reader, "InvoiceLine", &a_line()).expect("readable");
    let broken = without(&an_invoice(), "date");
    gathered.take(&reader, "Invoice", &broken).expect_err("unreadable");
    assert!(gathered.facts().invoices.is_empty());
    assert_eq!(gathered.unreadable().count(), 1);
    gathered.take(&reader, "Invoice", &an_invoice()).expect("readable");
    assert_eq!(gathered.unreadable().count(), 0);
    gathered.gone(&reader, "Invoice", "600001");
    gathered.gone(&reader, "PaymentTransaction", "620001");
    gathered.gone(&reader, "InvoiceLine", "610001");
    let facts = gathered.into_facts();
    assert!(facts.invoices["600001"].removed && facts.payments["620001"].removed);
    assert!(facts.lines.is_empty());
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
