//! The table of endpoints: whole, documented, and each row's example makes a request.

mod support;

use adapter_halaxy::advice;
use adapter_halaxy::endpoints::{ENDPOINTS, GROUPS, Inputs, Operation, Request, document, endpoint};
use adapter_kit::Outcome;
use adapter_sandbox::Manners;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use support::Practice;

const BASE: &str = "https://au-api.halaxy.com/main/";

fn example(action: &str) -> (&'static adapter_halaxy::endpoints::Endpoint, Inputs) {
    example_at(action, BASE)
}

fn example_at(action: &str, base: &str) -> (&'static adapter_halaxy::endpoints::Endpoint, Inputs) {
    let endpoint = endpoint(action).expect("a known action");
    let mut inputs = Inputs::new(base);
    for (name, value) in endpoint.example {
        inputs = inputs.with(*name, *value);
    }
    if !endpoint.example_body.is_empty() {
        inputs = inputs.body(serde_json::from_str(endpoint.example_body).expect("JSON"));
    }
    (endpoint, inputs)
}

fn request(action: &str) -> Request {
    let (endpoint, inputs) = example(action);
    endpoint.request(&inputs).unwrap_or_else(|bad| panic!("{bad}"))
}

#[test]
fn the_page_shows_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ENDPOINTS.md");
    let now = document();
    if std::env::var_os("HALAXY_BRIDGE_WRITE_TABLES").is_some() {
        std::fs::write(path, &now).expect("written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == now, "run this test once with HALAXY_BRIDGE_WRITE_TABLES=1");
}

#[test]
fn every_endpoint_of_the_matrix_is_there_once() {
    let rows: BTreeSet<(&str, &str)> = ENDPOINTS.iter().map(|e| (e.method, e.path)).collect();
    let actions: BTreeSet<&str> = ENDPOINTS.iter().map(|e| e.action).collect();
    let resources: BTreeSet<&str> = ENDPOINTS.iter().map(|e| e.resource).collect();
    // The matrix of halaxy-api.md 7.0 adds up to 49 over 18 resource types.
    assert_eq!(
        (rows.len(), actions.len(), ENDPOINTS.len(), resources.len()),
        (49, 49, 49, 18)
    );
    for row in ENDPOINTS {
        assert!(GROUPS.contains(&row.group), "{}", row.action);
        let names: BTreeSet<&str> = row.inputs().map(|input| input.name).collect();
        assert_eq!(names.len(), row.inputs().count(), "{} has an input twice", row.action);
        let taken = [
            "json",
            "config",
            "log-format",
            "body",
            "dry-run",
            "request-key",
            "all",
            "help",
            "version",
        ];
        assert!(taken.iter().all(|name| !names.contains(name)), "{}", row.action);
        assert_eq!(
            row.path.contains("{id}"),
            row.input("id").is_some_and(|id| id.required),
            "{}",
            row.action
        );
    }
}

#[test]
fn every_example_makes_a_request_below_the_base() {
    for row in ENDPOINTS {
        let request = request(row.action);
        assert!(!request.path.contains(['{', ' ']), "{}", row.action);
        assert_eq!(request.body.is_some(), row.writes(), "{}", row.action);
        let printed = format!("{request:?}");
        assert!(
            !printed.contains("Samplewood") && !printed.contains("Synthetic"),
            "{printed}"
        );
    }
}

#[test]
fn bodies_are_what_halaxy_documents() {
    let booked = request("book-appointment").body.expect("a body");
    assert_eq!(
        booked,
        json!({"resourceType": "Parameters", "parameter": [
            {"name": "patient-id", "valueReference": {"reference": format!("{BASE}Patient/900001"), "type": "Patient"}},
            {"name": "appt-resource", "resource": {"resourceType": "Appointment", "start": "2026-03-04T11:00:00+11:00",
                "end": "2026-03-04T12:00:00+11:00", "minutesDuration": 60, "participant": [
                {"actor": {"reference": format!("{BASE}PractitionerRole/PR-700001"), "type": "PractitionerRole"}}]}},
            {"name": "location-type", "valueCode": "clinic"}]})
    );
    let changed = request("update-appointment").body.expect("a body");
    let status = &changed["participant"][0]["modifierExtension"][0]["valueCoding"];
    assert_eq!(
        *status,
        json!({"system": "https://au-api.halaxy.com/presets/CodeSystem/appointment-participant-status", "code": "confirmed"})
    );
    let made = request("create-patient").body.expect("a body");
    assert_eq!(
        made,
        json!({"resourceType": "Patient", "name": [{"use": "official", "given": ["Miriam"], "family": "Samplewood"}],
            "birthDate": "1988-04-17"})
    );
    let searched = request("list-coverages");
    assert_eq!(
        searched.query,
        [("beneficiary".to_string(), "Patient/900001".to_string())]
    );
}

/// Bad inputs of all sorts for every endpoint: each is told by its input's name and with what to do, and never repeated.
#[test]
fn bad_input_is_told_with_a_remedy() {
    const BAD: &str = "\u{1}Quillfeather?";
    let mut tried = 0;
    for row in ENDPOINTS {
        let (_, good) = example(row.action);
        let unknown = row
            .request(&good.clone().with("no-such-input", BAD))
            .expect_err("unknown");
        assert!(unknown.to_string().contains("--no-such-input"), "{unknown}");
        for input in row.inputs() {
            let mut inputs = Inputs::new(BASE);
            let mut without = Inputs::new(BASE);
            for (name, value) in row.example.iter().filter(|(name, _)| *name != input.name) {
                inputs = inputs.with(*name, *value);
                without = without.with(*name, *value);
            }
            // Any text is text; what is too long for a command line is not.
            let bad = match input.check {
                adapter_halaxy::endpoints::Check::Text => "Quillfeather".repeat(400),
                _ => BAD.to_string(),
            };
            let told = row.request(&inputs.with(input.name, bad)).expect_err(input.name);
            let text = told.to_string();
            assert_eq!((told.action, told.input.as_str()), (row.action, input.name), "{text}");
            assert!(!told.remedy.is_empty() && !text.contains("Quillfeather"), "{text}");
            if input.required {
                let missing = row.request(&without).expect_err("missing");
                assert_eq!(
                    (missing.input.as_str(), missing.what.as_str()),
                    (input.name, "is missing")
                );
            }
            tried += 1;
        }
        let wrong = row
            .request(&good.clone().body(json!({"resourceType": "Basic"})))
            .expect_err("another type");
        assert_eq!(wrong.input, "body", "{wrong}");
        let wrong = row.request(&good.body(json!(["Quillfeather"]))).expect_err("no object");
        assert_eq!(wrong.input, "body", "{wrong}");
    }
    assert!(tried > 200, "{tried} inputs tried");
}

/// Action, inputs, body, the input that is blamed, and words of the message.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    Json,
    &'static str,
    &'static str,
);

#[test]
fn members_that_do_not_go_together_are_told() {
    let cases: &[Case] = &[
        ("create-patient", &[], json!({}), "body", "give --given and --family"),
        (
            "create-patient",
            &[("family", "Samplewood")],
            json!({"active": false}),
            "body",
            "passes over",
        ),
        (
            "create-patient",
            &[],
            json!({"name": [{"use": "usual"}]}),
            "body",
            "official",
        ),
        ("update-patient", &[("id", "1")], json!({}), "body", "nothing to change"),
        (
            "replace-patient",
            &[("id", "1"), ("confirm", "yes")],
            json!({}),
            "confirm",
            "wipe-what-is-left-out",
        ),
        (
            "update-appointment",
            &[("id", "1"), ("start", "2026-03-04T09:00:00Z")],
            json!({}),
            "end",
            "give both",
        ),
        (
            "update-appointment",
            &[("id", "1"), ("status", "cancelled")],
            json!({}),
            "patient",
            "each patient",
        ),
        (
            "update-appointment",
            &[("id", "1"), ("patient", "1")],
            json!({}),
            "status",
            "missing",
        ),
        (
            "update-appointment",
            &[("id", "1")],
            json!({"status": "cancelled"}),
            "body",
            "passes over",
        ),
        (
            "book-appointment",
            &[("patient", "1"), ("start", "2026-03-04T09:00:00Z")],
            json!({}),
            "body",
            "location",
        ),
        (
            "book-appointment",
            &[("patient", "1"), ("location", "clinic")],
            json!({}),
            "start",
            "--appointment",
        ),
        (
            "book-appointment",
            &[
                ("patient", "1"),
                ("location", "clinic"),
                ("start", "2026-03-04T09:00:00Z"),
                ("end", "2026-03-04T08:00:00Z"),
                ("practitioner-role", "PR-1"),
            ],
            json!({}),
            "end",
            "not after",
        ),
        (
            "generate-schedule",
            &[
                ("id", "1"),
                ("from", "2026-03-04T09:00:00Z"),
                ("to", "2026-03-04T10:00:00Z"),
            ],
            json!({}),
            "to",
            "24 hours",
        ),
        (
            "add-referral-files",
            &[("id", "1")],
            json!({"comment": "x"}),
            "body",
            "attachments",
        ),
        (
            "add-referral-files",
            &[("id", "1")],
            json!({"attachments": [{"contentType": "text/plain", "data": "YQ=="}]}),
            "body",
            "pdf",
        ),
        (
            "create-note",
            &[
                ("patient", "1"),
                ("status", "final"),
                ("title", "t"),
                ("author", "EP-1"),
            ],
            json!({"content": [{"attachment": {"contentType": "text/html", "data": "<p>x</p>"}}]}),
            "author",
            "PR-",
        ),
    ];
    for (action, given, body, input, says) in cases {
        let mut inputs = Inputs::new(BASE).body(body.clone());
        for (name, value) in *given {
            inputs = inputs.with(*name, *value);
        }
        let told = endpoint(action).expect("an action").request(&inputs).expect_err(action);
        assert_eq!(told.input, *input, "{told}");
        assert!(told.to_string().contains(says), "{told}");
    }
}

/// A practice with one record of everything, under the ids of the examples.
fn practice() -> Practice {
    let practice = Practice::new(Manners::Real, 2);
    let link = |text: &str| json!({"reference": text, "type": text.split('/').next()});
    let money = |value: u32| json!([{"type": "base", "amount": {"value": value, "currency": "AUD"}}]);
    let (patient, role) = (link("Patient/900001"), link("PractitionerRole/PR-700001"));
    let records = [
        json!({"resourceType": "Organization", "id": "CL-200001", "name": "Sampleton Clinic"}),
        json!({"resourceType": "Practitioner", "id": "PR-500001", "name": [{"use": "official", "family": "Tester"}]}),
        json!({"resourceType": "PractitionerRole", "id": "PR-700001", "practitioner": link("Practitioner/PR-500001"),
            "organization": link("Organization/CL-200001")}),
        json!({"resourceType": "Appointment", "id": "400001", "start": "2026-03-04T09:00:00+11:00",
            "end": "2026-03-04T10:00:00+11:00", "minutesDuration": 60,
            "description": "Room https://video.example/secret-room please", "participant": [{"actor": role}, {"actor": patient}]}),
        json!({"resourceType": "Schedule", "id": "810001", "actor": [role],
            "planningHorizon": {"start": "2026-03-01", "end": "2026-06-30"}}),
        json!({"resourceType": "Slot", "id": "820001", "status": "free", "start": "2026-03-04T11:00:00+11:00",
            "end": "2026-03-04T13:00:00+11:00", "schedule": link("Schedule/810001")}),
        json!({"resourceType": "HealthcareService", "id": "300001", "name": "Initial consult"}),
        json!({"resourceType": "ChargeItemDefinition", "id": "310001", "title": "Standard consult",
            "propertyGroup": [{"priceComponent": money(180)}]}),
        json!({"resourceType": "Coverage", "id": "850001", "beneficiary": patient, "subscriber": patient,
            "payor": [link("Organization/FD-150001")]}),
        json!({"resourceType": "Invoice", "id": "600001", "recipient": patient, "date": "2026-03-04"}),
        json!({"resourceType": "InvoiceLine", "id": "610001", "quantity": 1, "invoice": link("Invoice/600001"),
            "subject": patient, "unitPriceComponent": money(180)}),
        json!({"resourceType": "PaymentTransaction", "id": "620001", "invoice": link("Invoice/600001"),
            "method": [{"text": "Cash"}], "type": [{"text": "Payment"}], "priceComponent": money(100)}),
        json!({"resourceType": "Referral", "id": "870001", "subject": patient}),
        json!({"resourceType": "ReferralDefinition", "id": "880001", "name": "Ten-session plan"}),
    ];
    for record in records {
        let kind = record["resourceType"].as_str().expect("a kind");
        practice
            .sandbox
            .person_create("halaxy", kind, &record)
            .expect("a record the screens take");
    }
    practice
}

#[tokio::test]
async fn every_endpoint_answers() {
    let practice = practice();
    let adapter = practice.adapter();
    let base = adapter.client().http().base_url().to_string();
    for row in ENDPOINTS {
        let (_, inputs) = example_at(row.action, &base);
        let request = row.request(&inputs).unwrap_or_else(|bad| panic!("{bad}"));
        let answer = adapter.client().call(&request).await;
        let reply = answer.unwrap_or_else(|failed| panic!("{}: {failed}", row.action));
        if row.lists() {
            assert!(!reply.rows.is_empty() && reply.foreign.is_empty(), "{}", row.action);
            continue;
        }
        match (row.operation, row.action) {
            (Operation::Create, _) | (_, "book-appointment") => {
                let id = reply.id.expect("an id");
                let kept = practice.sandbox.records("halaxy", row.resource).expect("records");
                assert!(kept.iter().any(|record| record["id"] == id.as_str()), "{}", row.action);
            }
            (Operation::Special, _) => assert!(reply.record["resourceType"].is_string(), "{}", row.action),
            _ => assert_eq!(reply.id.as_deref(), request.id.as_deref(), "{}", row.action),
        }
    }
}

fn booking(base: &str, patient: &str, more: &[(&str, &str)]) -> Request {
    let mut inputs = Inputs::new(base).with("patient", patient);
    for (name, value) in more {
        inputs = inputs.with(*name, *value);
    }
    let endpoint = endpoint("book-appointment").expect("an action");
    endpoint.request(&inputs).unwrap_or_else(|bad| panic!("{bad}"))
}

#[tokio::test]
async fn a_time_is_booked_once_and_what_is_refused_is_told_in_words() {
    let practice = practice();
    let adapter = practice.adapter();
    let client = adapter.client();
    let base = client.http().base_url().to_string();
    let at_eleven = [
        ("start", "2026-03-04T11:00:00+11:00"),
        ("end", "2026-03-04T12:00:00+11:00"),
        ("practitioner-role", "PR-700001"),
    ];
    let with = |more: &[(&'static str, &'static str)]| [at_eleven.as_slice(), more].concat();
    let find = endpoint("find-appointments").expect("an action");
    let (_, inputs) = example_at("find-appointments", &base);
    let find = find.request(&inputs).expect("a request");
    assert_eq!(client.call(&find).await.expect("free times").rows.len(), 2);

    let refused = client
        .call(&booking(&base, "900001", &with(&[("location", "telehealth")])))
        .await
        .err();
    let refused = refused.expect("refused");
    assert_eq!(refused.outcome, Outcome::Refused);
    let book = endpoint("book-appointment").expect("an action");
    assert!(advice(book, &refused).contains("clinic"), "{refused}");

    let fee = with(&[("location", "clinic"), ("fee", "310001")]);
    let made = client.call(&booking(&base, "900001", &fee)).await.expect("booked");
    let id = made.id.expect("an id");
    let raised = practice.sandbox.records("halaxy", "Invoice").expect("invoices");
    assert!(
        raised
            .iter()
            .any(|invoice| invoice["totalGross"]["value"] == 180 && invoice["id"] != "600001")
    );

    let taken = client
        .call(&booking(&base, "900002", &with(&[("location", "clinic")])))
        .await
        .err();
    let taken = taken.expect("refused");
    assert_eq!((taken.outcome, taken.status()), (Outcome::Refused, Some(409)));
    assert!(advice(book, &taken).contains("nothing was booked"));
    // The other piece of the same slot went with it: the slot is busy.
    assert!(client.call(&find).await.expect("free times").rows.is_empty());

    // A second patient joins; nobody joins twice.
    let joins = [("appointment", id.as_str()), ("location", "clinic")];
    client.call(&booking(&base, "900002", &joins)).await.expect("joined");
    assert!(client.call(&booking(&base, "900002", &joins)).await.is_err());

    // Once both have cancelled, without a charge or with, the time is free again.
    let update = endpoint("update-appointment").expect("an action");
    for (patient, status) in [("900001", "cancelled (no charge)"), ("900002", "cancelled")] {
        let inputs = Inputs::new(&base)
            .with("id", &id)
            .with("patient", patient)
            .with("status", status);
        let reply = client
            .call(&update.request(&inputs).expect("a request"))
            .await
            .expect("cancelled");
        let parts = reply.record["participant"].as_array().expect("parts").clone();
        let part = parts.iter().find(|part| {
            let who = part["actor"]["reference"].as_str();
            who.is_some_and(|who| who.ends_with(patient))
        });
        let part = part.expect("the part");
        assert_eq!(part["modifierExtension"][0]["valueCoding"]["code"], "cancelled");
    }
    assert_eq!(client.call(&find).await.expect("free times").rows.len(), 2);
}

#[tokio::test]
async fn links_and_rows_of_others_do_not_come_through() {
    let practice = practice();
    let adapter = practice.adapter();
    let client = adapter.client();
    let base = client.http().base_url().to_string();
    let (shown, inputs) = example_at("get-appointment", &base);
    let reply = client
        .call(&shown.request(&inputs).expect("a request"))
        .await
        .expect("an appointment");
    assert_eq!(reply.record["description"], "Room [link left out] please");
    assert!(
        reply.record["participant"][0]["actor"]["reference"]
            .as_str()
            .expect("a link")
            .contains("://")
    );

    practice.switch(json!({"ignored_filters": ["beneficiary"]}));
    let list = endpoint("list-coverages").expect("an action");
    let request = list
        .request(&Inputs::new(&base).with("patient", "900002"))
        .expect("a request");
    let reply = client.call_all(&request).await.expect("a list");
    assert_eq!((reply.rows.len(), reply.foreign.get("patient")), (0, Some(&1)));
}
