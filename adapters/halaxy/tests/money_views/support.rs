//! A reader, and bodies that differ in one member.

use adapter_halaxy::MoneyReader;
use bridge_core::ledger::{Currency, Fact, Fault, Invoice, Line, Payment, ReadFacts, Unreadable};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

pub fn reader() -> MoneyReader {
    let zone = TimeZone::get("Australia/Melbourne").expect("a zone");
    MoneyReader::new(zone, Currency::new("AUD").expect("a currency"))
}

pub fn read(body: &Json) -> Result<Fact, Unreadable> {
    reader().read(body["resourceType"].as_str().expect("a type"), body)
}

/// `body` with one member replaced.
pub fn with(body: &Json, member: &str, value: Json) -> Json {
    let mut body = body.clone();
    body[member] = value;
    body
}

pub fn without(body: &Json, member: &str) -> Json {
    let mut body = body.clone();
    body.as_object_mut().expect("members").shift_remove(member);
    body
}

pub fn fault(body: &Json) -> (String, Fault) {
    let unreadable = read(body).expect_err("unreadable");
    assert!(unreadable.remedy().starts_with(&format!("{} ", unreadable.kind)));
    (unreadable.member, unreadable.fault)
}

pub fn aud(value: impl Into<Json>) -> Json {
    json!({"value": value.into(), "currency": "AUD"})
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

pub fn an_invoice() -> Json {
    json!({"resourceType": "Invoice", "id": "600001", "status": "active", "type": "invoice", "payorType": "patient",
        "title": "Miriam Samplewood", "date": "2026-03-04", "created": "2026-02-20T08:00:00+10:00", "lineItem": null,
        "note": [{"text": "<p>Due <b>soon</b></p>"}],
        "recipient": {"reference": "https://au-api.halaxy.com/main/Patient/900001", "type": "Patient"},
        "practitioner": [{"reference": "https://au-api.halaxy.com/main/PractitionerRole/PR-700001", "type": "PractitionerRole"}],
        "totalNet": aud(180), "totalTax": aud(0), "totalGross": aud(180), "totalPaid": aud(100.5), "totalBalance": aud(79.5)})
}

pub fn invoice(body: &Json) -> Invoice {
    match read(body) {
        Ok(Fact::Invoice(invoice)) => invoice,
        other => panic!("{other:?}"),
    }
}

pub fn a_line() -> Json {
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

pub fn line(body: &Json) -> Line {
    match read(body) {
        Ok(Fact::Line(line)) => line,
        other => panic!("{other:?}"),
    }
}

pub fn a_payment() -> Json {
    json!({"resourceType": "PaymentTransaction", "id": "620001", "created": "2026-03-04T10:05:00+10:00",
        "method": [{"text": "Cash"}], "type": [{"text": "Payment"}],
        "priceComponent": [{"type": "base", "amount": aud(100)}],
        "invoice": {"reference": "https://au-api.halaxy.com/main/Invoice/600001", "type": "Invoice"},
        "subject": {"reference": "https://au-api.halaxy.com/main/Patient/900001", "type": "Patient"}})
}

pub fn payment(body: &Json) -> Payment {
    match read(body) {
        Ok(Fact::Payment(payment)) => payment,
        other => panic!("{other:?}"),
    }
}
