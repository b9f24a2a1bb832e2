//! Webhooks of the stand-ins: what is told, again until it is taken, and badly in nasty manners.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, Delivery, Manners, ManualClock, Sandbox, SandboxOptions, Sent, Subscription};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;

fn sandbox(crm: CrmKind, manners: Manners) -> (Arc<Sandbox>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(1_780_000_000_000_000));
    let sandbox = Sandbox::new(SandboxOptions {
        seed: 3,
        manners,
        crm,
        patients: vec![],
        contacts: vec![],
        clock: Arc::clone(&clock) as Arc<dyn adapter_sandbox::Clock>,
    });
    for system in ["halaxy", "crm"] {
        let url = format!("https://bridge.example/webhooks/{system}/abc");
        let subscription = json!({"system": system, "url": url, "secret": "shared"});
        sandbox
            .send_webhooks(serde_json::from_value::<Subscription>(subscription).unwrap())
            .unwrap();
    }
    (sandbox, clock)
}

fn take(sandbox: &Sandbox) -> Vec<Delivery> {
    let due = sandbox.webhooks_due();
    for delivery in due.clone() {
        sandbox.webhook_answered(delivery, Some(200));
    }
    due
}

fn body(delivery: &Delivery) -> Value {
    serde_json::from_str(&delivery.body).unwrap()
}

#[test]
fn each_product_tells_in_its_own_way() {
    let (sandbox, _) = sandbox(CrmKind::Hubspot, Manners::Real);
    let patient =
        json!({"name": [{"use": "official", "family": "Samplewood", "given": ["Miriam"]}], "birthDate": "1988-04-17"});
    let id = sandbox.person_create("halaxy", "Patient", &patient).unwrap();
    sandbox
        .person_edit("halaxy", "Patient", &id, &json!({"birthDate": "1988-04-18"}))
        .unwrap();
    sandbox.person_delete("halaxy", "Patient", &id).unwrap();
    let told = take(&sandbox);
    let ends: Vec<&str> = told.iter().map(|d| d.url.rsplit('/').next().unwrap()).collect();
    assert_eq!(ends, ["patient-create", "patient-update"], "a removal is not told");
    assert!(
        told.iter()
            .all(|d| d.headers.contains(&("authorization", "Bearer shared".into())))
    );
    let event = &body(&told[1])["entry"][0]["resource"]["notificationEvent"][0];
    assert_eq!(
        event["focus"]["reference"],
        format!("https://au-api.halaxy.com/main/Patient/{id}")
    );

    let id = sandbox
        .person_create("crm", "contacts", &json!({"firstname": "Bruno"}))
        .unwrap();
    sandbox
        .person_edit("crm", "contacts", &id, &json!({"city": "Sampleton", "zip": "3000"}))
        .unwrap();
    sandbox.person_erase("crm", "contacts", &id).unwrap();
    let told: Vec<Value> = take(&sandbox).iter().map(body).collect();
    let kinds = |told: &Value| -> Vec<String> {
        let events = told.as_array().unwrap().iter();
        events
            .map(|e| e["subscriptionType"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(kinds(&told[0]), ["contact.creation"]);
    assert_eq!(kinds(&told[1]), ["contact.propertyChange", "contact.propertyChange"]);
    assert_eq!(kinds(&told[2]), ["contact.privacyDeletion", "contact.deletion"]);
    assert!(!told[1].to_string().contains("Sampleton"));
}

#[test]
fn what_is_not_taken_is_told_again_for_a_while() {
    let (sandbox, clock) = sandbox(CrmKind::Plain, Manners::Real);
    sandbox
        .person_create("crm", "contacts", &json!({"first_name": "Bruno"}))
        .unwrap();
    let mut proofs = vec![];
    for _ in 0..20 {
        for delivery in sandbox.webhooks_due() {
            proofs.push(delivery.headers[0].1.clone());
            sandbox.webhook_answered(delivery, Some(503));
        }
        clock.advance(Duration::from_secs(60));
    }
    let sent = sandbox.webhooks_sent();
    assert_eq!((sent.attempts, sent.taken, sent.given_up), (10, 0, 1));
    proofs.dedup();
    assert_eq!(proofs.len(), 10, "each attempt is signed for its own time");
}

#[test]
fn nasty_webhooks_are_lost_doubled_and_late() {
    let (sandbox, clock) = sandbox(CrmKind::Hubspot, Manners::Nasty);
    let id = sandbox
        .person_create("crm", "contacts", &json!({"firstname": "Bruno"}))
        .unwrap();
    for n in 0..400 {
        sandbox
            .person_edit("crm", "contacts", &id, &json!({"zip": n.to_string()}))
            .unwrap();
    }
    let at_once = take(&sandbox).len() as u64;
    clock.advance(Duration::from_secs(3));
    let late = take(&sandbox).len() as u64;
    let Sent { taken, lost, .. } = sandbox.webhooks_sent();
    assert_eq!(taken, at_once + late);
    assert!(late > 50 && lost > 5, "{late} late, {lost} lost");
    assert!(taken + lost > 401 + 20, "some came twice: {taken} + {lost}");
    sandbox.stop_webhooks();
    sandbox
        .person_edit("crm", "contacts", &id, &json!({"zip": "1"}))
        .unwrap();
    clock.advance(Duration::from_secs(3));
    assert!(take(&sandbox).is_empty());
}

fn books() -> Arc<Sandbox> {
    let sandbox = Sandbox::new(SandboxOptions {
        seed: 4,
        clock: Arc::new(ManualClock::at(1_780_000_000_000_000)),
        ..SandboxOptions::default()
    });
    let subscription =
        json!({"system": "books", "url": "https://bridge.example/webhooks/books/abc", "secret": "shared"});
    let subscription = serde_json::from_value::<Subscription>(subscription).unwrap();
    sandbox.send_webhooks(subscription).unwrap();
    sandbox
}

/// As a receiver answers that checks signatures.
fn checked(delivery: &Delivery) -> u16 {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"shared").unwrap();
    mac.update(delivery.body.as_bytes());
    let proof = STANDARD.encode(mac.finalize().into_bytes());
    match delivery.headers.contains(&("x-xero-signature", proof)) {
        true => 200,
        false => 401,
    }
}

fn answer(sandbox: &Sandbox, status: impl Fn(&Delivery) -> u16) -> Vec<Delivery> {
    let due = sandbox.webhooks_due();
    for delivery in due.clone() {
        let status = status(&delivery);
        sandbox.webhook_answered(delivery, Some(status));
    }
    due
}

#[test]
fn the_books_send_only_to_receivers_that_check_signatures() {
    for (status, as_wanted) in [
        (checked as fn(&Delivery) -> u16, true),
        (|_| 200, false),
        (|_| 401, false),
    ] {
        let sandbox = books();
        let tried = answer(&sandbox, status);
        assert!(tried.len() > 1 && tried.iter().all(|d| body(d)["events"] == json!([])));
        let Sent {
            validated,
            not_validated,
            ..
        } = sandbox.webhooks_sent();
        assert_eq!(
            (validated, not_validated),
            (u64::from(as_wanted), u64::from(!as_wanted))
        );
        sandbox
            .person_create("books", "contacts", &json!({"Name": "Sample Fund"}))
            .unwrap();
        assert_eq!(sandbox.webhooks_due().len(), usize::from(as_wanted));
    }
}

#[test]
fn the_books_tell_of_payments_as_changes_of_their_invoices() {
    let sandbox = books();
    answer(&sandbox, checked);
    let contact = sandbox
        .person_create("books", "contacts", &json!({"Name": "Sample Fund"}))
        .unwrap();
    let invoice = json!({"Type": "ACCREC", "Status": "AUTHORISED", "Contact": {"ContactID": contact}, "Date": "2026-05-01",
        "DueDate": "2026-05-15", "LineItems": [{"Description": "x", "Quantity": 1, "UnitAmount": 90, "AccountCode": "200",
        "TaxType": "BASEXCLUDED"}]});
    let invoice = sandbox.person_create("books", "invoices", &invoice).unwrap();
    let payment =
        json!({"Invoice": {"InvoiceID": invoice}, "Account": {"Code": "090"}, "Amount": 40, "Date": "2026-05-02"});
    sandbox.person_create("books", "payments", &payment).unwrap();
    let told: Vec<Value> = answer(&sandbox, checked).iter().map(body).collect();
    let events: Vec<(&str, &str, &str)> = told
        .iter()
        .flat_map(|body| body["events"].as_array().unwrap())
        .map(|e| {
            let text = |name: &str| e[name].as_str().unwrap();
            (text("eventCategory"), text("eventType"), text("resourceId"))
        })
        .collect();
    let wanted = [
        ("CONTACT", "CREATE", contact.as_str()),
        ("INVOICE", "CREATE", invoice.as_str()),
        ("INVOICE", "UPDATE", invoice.as_str()),
    ];
    assert_eq!(events, wanted);
    assert!(told[0]["events"][0]["eventDateUtc"].as_str().unwrap().ends_with(".000"));
    for (n, body) in told.iter().enumerate() {
        assert_eq!(
            (body["firstEventSequence"].as_u64(), body["lastEventSequence"].as_u64()),
            (Some(n as u64 + 1), Some(n as u64 + 1))
        );
    }
    assert_eq!(sandbox.webhooks_sent().taken, 3);
}
