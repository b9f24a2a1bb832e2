//! Webhooks of the stand-ins: what is told, again until it is taken, and badly in nasty manners.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, Delivery, Manners, ManualClock, Sandbox, SandboxOptions, Sent, Subscription};
use serde_json::{Value, json};
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
