//! Halaxy's webhooks: the body as it was seen (halaxy-api.md section 6), and what is refused.
#![allow(clippy::unwrap_used)]

use adapter_halaxy::HalaxyWebhook;
use adapter_kit::webhook::{Arrival, News, Notice, Refused, Webhook};
use http::{HeaderMap, header};
use serde_json::{Value, json};

fn bundle(kind: &str, id: &str) -> Value {
    // Profiles and counters are texts where FHIR has a list and numbers.
    json!({"resourceType": "Bundle", "type": "history", "timestamp": "2026-03-02T10:16:04+10:00",
        "meta": {"profile": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification"},
        "entry": [{"resource": {"resourceType": "SubscriptionStatus", "status": "active", "type": "event-notification",
            "eventsSinceSubscriptionStart": "0",
            "notificationEvent": [{"id": "event-1", "eventNumber": "1", "timestamp": "2026-03-02T10:16:03+10:00",
                "focus": {"reference": format!("https://au-api.halaxy.com/main/{kind}/{id}"), "type": kind}}]}}]})
}

fn read(event: Option<&str>, authorization: Option<&str>, body: &str) -> Result<Vec<Notice>, Refused> {
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization {
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
    }
    HalaxyWebhook::new("s3cret".into()).read(&Arrival {
        method: "POST",
        uri: "https://bridge.example/webhooks/halaxy/x/y",
        event,
        headers: &headers,
        body: body.as_bytes(),
        received: 0,
    })
}

#[test]
fn the_address_says_what_happened_and_the_body_to_whom() {
    let told =
        |event: &str, kind: &str| read(Some(event), Some("Bearer s3cret"), &bundle(kind, "7").to_string()).unwrap();
    let expected = |kind: &str, news| Notice {
        event: Some("event-1".into()),
        kind: kind.into(),
        remote_ids: vec!["7".into()],
        news,
    };
    assert_eq!(told("patient-update", "Patient"), [expected("Patient", News::Changed)]);
    assert_eq!(
        told("appointment-delete", "Appointment"),
        [expected("Appointment", News::Removed)]
    );
    for (event, news) in [
        ("invoice-create", News::Changed),
        ("invoice-update", News::Changed),
        ("invoice-delete", News::Removed),
    ] {
        assert_eq!(told(event, "Invoice"), [expected("Invoice", news)]);
    }
    assert_eq!(HalaxyWebhook::new("x".into()).events().len(), 8);
}

#[test]
fn the_token_may_be_bare_and_must_be_right() {
    let body = bundle("Patient", "7").to_string();
    let with = |value: Option<&str>| read(Some("patient-update"), value, &body).map(|told| told.len());
    assert_eq!(with(Some("Bearer s3cret")), Ok(1));
    assert_eq!(with(Some("bearer s3cret")), Ok(1));
    assert_eq!(with(Some("s3cret")), Ok(1));
    assert_eq!(with(None), Err(Refused::Unsigned));
    for wrong in ["Bearer s3cre", "Bearer s3cret2", "Bearer ", "Basic s3cret", "S3CRET"] {
        assert_eq!(with(Some(wrong)), Err(Refused::Forged), "{wrong}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_what_tells_nothing_is_taken() {
    let read = |event: Option<&str>, body: &str| read(event, Some("s3cret"), body);
    let patient = bundle("Patient", "7").to_string();
    let refused = |event, body: &str| matches!(read(event, body), Err(Refused::Content(_)));
    assert!(refused(None, &patient));
    assert!(refused(Some("patient-delete"), &patient));
    assert!(refused(Some("invoice-update"), &patient));
    assert!(refused(Some("patient-update"), "no json"));
    assert!(refused(Some("patient-update"), r#"{"resourceType":"Patient"}"#));
    assert!(refused(Some("patient-update"), &bundle("Patient", "").to_string()));
    let handshake = json!({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "SubscriptionStatus", "type": "handshake"}}]});
    assert_eq!(read(Some("patient-update"), &handshake.to_string()), Ok(vec![]));
}
