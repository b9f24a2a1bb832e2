//! The resources of the practice (halaxy-api.md 7.2, 7.5-7.7), spelt as Halaxy spells them.

use serde_json::{Map, Value, json};

use super::fees::{FEES, LOCATIONS, ORGANISATIONS, ROLES};
use super::model::{CoverModel, InvoiceModel, LineModel, LineState, Model, Payer, PaymentModel, Row, patient_id};
use crate::clock::practice_instant;

const TERMS: &str = "https://terminology.halaxy.com/StructureDefinition";

fn reference(kind: &str, id: impl std::fmt::Display) -> Value {
    json!({"reference": format!("{kind}/{id}"), "type": kind})
}

/// A number of so many decimal places, exactly as its digits say.
fn number(value: i64, places: usize) -> Value {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let part = part.trim_end_matches('0');
    let point = if part.is_empty() { "" } else { "." };
    serde_json::from_str(&format!("{sign}{whole}{point}{part}")).unwrap_or(Value::Null)
}

fn cents(value: i64) -> Value {
    json!({"value": number(value, 2), "currency": "AUD"})
}

fn part(kind: &str, hundredths: i64) -> Value {
    json!({"type": kind, "amount": {"value": number(hundredths, 4), "currency": "AUD"}})
}

/// Organisations, clinics, practitioners, roles and fees.
pub(super) fn around(since: i64) -> Vec<Value> {
    let stamp = json!({"lastUpdated": practice_instant(since, false)});
    let mut all = vec![];
    let mut add = |kind: &str, id: &str, mut body: Value| {
        let mut whole = Map::new();
        whole.insert("resourceType".into(), kind.into());
        whole.insert("id".into(), id.into());
        whole.insert("meta".into(), stamp.clone());
        if let Value::Object(members) = body.take() {
            whole.extend(members);
        }
        all.push(Value::Object(whole));
    };
    for (id, name) in LOCATIONS {
        add(
            "Organization",
            id,
            json!({"active": true, "name": name, "partOf": reference("Organization", "PG-100001")}),
        );
    }
    for (id, name, _) in ORGANISATIONS {
        add("Organization", id, json!({"active": true, "name": name}));
    }
    for role in ROLES.iter().step_by(2) {
        let mut words = role.name.split(' ').collect::<Vec<_>>();
        let family = words.pop().unwrap_or_default();
        let mut name = json!({"use": "official", "family": family});
        if words.first() == Some(&"Dr") {
            name["prefix"] = json!([words.remove(0)]);
        }
        name["given"] = json!(words);
        add(
            "Practitioner",
            role.practitioner,
            json!({"active": true, "name": [name]}),
        );
    }
    for role in ROLES {
        let body = json!({"active": true, "practitioner": reference("Practitioner", role.practitioner),
            "organization": reference("Organization", role.location)});
        add("PractitionerRole", role.id, body);
    }
    for fee in FEES {
        let mut prices = vec![part("base", fee.cents * 100)];
        if fee.treatment == super::Treatment::Gst {
            prices.push(part("tax", fee.cents * 10));
        }
        let category = json!({"code": {"system": format!("{TERMS}/fee-category"), "code": "category"},
            "valueCodeableConcept": {"text": fee.category}});
        let kind = json!({"code": {"system": format!("{TERMS}/fee-type"), "code": "type", "display": "Fee Type"},
            "valueCodeableConcept": {"coding": [{"system": format!("{TERMS}/fee-type-code"), "code": "0"}]}});
        let body = json!({"title": fee.title, "code": {"coding": [{"code": fee.code}]}, "status": "active",
            "useContext": [kind, category], "propertyGroup": [{"priceComponent": prices}]});
        add("ChargeItemDefinition", fee.id, body);
    }
    all
}

pub(super) fn cover(cover: &CoverModel, since: i64) -> Value {
    let patient = reference("Patient", patient_id(cover.patient));
    json!({"resourceType": "Coverage", "id": cover.id.to_string(), "meta": {"lastUpdated": practice_instant(since, false)},
        "status": "active", "beneficiary": patient, "subscriber": patient,
        "payor": [reference("Organization", cover.funder)],
        "extension": [{"url": format!("{TERMS}/coverage-payer"), "valueCoding": {"code": cover.payer.to_string()}}]})
}

/// The invoice; with totals as the practice's own memory has them, if asked.
pub(super) fn invoice(model: &Model, place: usize, totals: bool) -> Value {
    let of = &model.invoices[place];
    let (payor, name) = match of.payer {
        Payer::Patient(_) => ("patient", model.payer_name(of.payer)),
        Payer::Organisation(_) => ("organization", model.payer_name(of.payer)),
    };
    let mut body = json!({"resourceType": "Invoice", "id": of.id.to_string(), "status": of.status,
        "type": if of.quote { "quote" } else { "invoice" }, "payorType": payor, "title": name,
        "date": of.date.to_string(), "created": practice_instant(of.created, false), "recipient": recipient(of.payer),
        "practitioner": [reference("PractitionerRole", ROLES[of.role].id)]});
    if of.id.is_multiple_of(11) {
        body["note"] = json!([{"text": "<p>Due in <b>14 days</b>.</p>"}]);
    }
    if totals {
        let of_row = |row: &usize| model.payments[*row].at;
        let latest = of.payments.iter().map(of_row).max().unwrap_or(0).max(of.created);
        body["meta"] = json!({"lastUpdated": practice_instant(latest, false)});
        body["totalNet"] = cents(of.net());
        body["totalTax"] = cents(of.tax());
        body["totalGross"] = cents(of.gross());
        body["totalPaid"] = cents(model.received(place));
        body["totalBalance"] = cents(model.open(place));
    }
    body
}

pub(super) fn recipient(payer: Payer) -> Value {
    json!({"reference": payer.reference(), "type": payer.kind()})
}

pub(super) fn line(model: &Model, of: &InvoiceModel, line: &LineModel) -> Value {
    let mut body = json!({"resourceType": "InvoiceLine", "id": line.id.to_string(),
        "meta": {"lastUpdated": practice_instant(of.created, false)}});
    if let Some(status) = status(line.state) {
        body["status"] = status.into();
    }
    body["description"] = description(line).into();
    body["code"] = line.fee().code.into();
    body["quantity"] = number(line.quantity, 2);
    body["enteredDate"] = line.entered.to_string().into();
    body["invoice"] = reference("Invoice", of.id);
    body["subject"] = reference("Patient", patient_id(of.patient));
    body["context"] = reference("Appointment", 400_000 + of.id % 600_000);
    body["performer"] = reference("PractitionerRole", ROLES[of.role].id);
    body["unitPriceComponent"] = prices(line);
    if let Some(cover) = of.cover.map(|place| &model.covers[place]) {
        body["coverage"] = reference("Coverage", cover.id);
        body["extension"] = json!([{"url": format!("{TERMS}/invoice-line-funder"),
            "valueReference": reference("Organization", cover.funder)}]);
    }
    body
}

/// What a line says: the fee's title, and what somebody added.
pub(super) fn description(line: &LineModel) -> String {
    format!("{}{}", line.fee().title, line.note)
}

pub(super) fn status(state: LineState) -> Option<&'static str> {
    match state {
        LineState::Active => None,
        LineState::Locked => Some("locked"),
        LineState::Voided => Some("voided"),
        LineState::WrittenOff => Some("write-off"),
    }
}

pub(super) fn prices(line: &LineModel) -> Value {
    let price = line.price;
    let mut parts = vec![part("base", price.base)];
    for (kind, amount) in [
        ("surcharge", price.surcharge),
        ("deduction", price.deduction),
        ("discount", price.discount),
        ("tax", price.tax),
        ("informational", price.informational),
    ] {
        if amount != 0 {
            parts.push(part(kind, amount));
        }
    }
    parts.into()
}

pub(super) fn quantity(line: &LineModel) -> Value {
    number(line.quantity, 2)
}

pub(super) fn payment(model: &Model, row: &PaymentModel) -> Value {
    let kind = match row.row {
        Row::Payment | Row::Discount => "Payment",
        Row::Deposit => "Deposit",
        Row::Refund => "Refund",
        Row::Failed => "Failed",
    };
    let at = practice_instant(row.at, false);
    let mut body = json!({"resourceType": "PaymentTransaction", "id": row.id.to_string(), "meta": {"lastUpdated": at},
        "created": at, "method": [{"text": row.method}], "type": [{"text": kind}],
        "priceComponent": [part("base", row.cents * 100)]});
    if row.void {
        body["status"] = json!([{"text": "Voided"}]);
    }
    if let Some(invoice) = row.invoice {
        body["invoice"] = reference("Invoice", model.invoices[invoice].id);
    }
    // A funder's deposit names it as the organisation it is assigned to; everything else names the patient.
    match row.payer {
        Payer::Organisation(id) if row.invoice.is_none() => {
            body["assignedOrganization"] = reference("Organization", id)
        }
        _ => body["subject"] = reference("Patient", patient_id(row.patient)),
    }
    body
}
