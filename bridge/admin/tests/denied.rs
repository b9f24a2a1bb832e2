//! No request with a healthcare identifier is made of Halaxy: referrals, claims and notes go the same way.
#![allow(clippy::unwrap_used)]

use adapter_halaxy::endpoints::{Inputs, endpoint};
use bridge_admin::actions::{ActionError, allowed};
use serde_json::json;

fn asked(action: &str, body: serde_json::Value) -> Result<(), ActionError> {
    let inputs = Inputs::new("https://au-api.halaxy.com/main").body(body);
    let request = endpoint(action).unwrap().request(&inputs).unwrap();
    allowed(&request, true)
}

#[test]
fn what_may_go_nowhere_is_asked_of_nobody() {
    let patient = json!({"reference": "https://au-api.halaxy.com/main/Patient/900001", "type": "Patient"});
    let note = |html: &str| {
        json!({"docStatus": "preliminary", "subject": patient, "description": "Intake", "date": "2026-03-02",
            "author": [{"reference": "https://au-api.halaxy.com/main/PractitionerRole/PR-700001", "type": "PractitionerRole"}],
            "content": [{"attachment": {"contentType": "text/html", "data": html}}]})
    };
    assert!(asked("create-note", note("<p>well</p>")).is_ok());
    let denied = asked("create-note", note("<p>IHI 8003-6088-3335-7361</p>"));
    assert!(matches!(denied, Err(ActionError::Denied)));
    let referral = |comment: &str| json!({"subject": patient, "comment": comment, "active": true});
    assert!(asked("create-referral", referral("as agreed")).is_ok());
    assert!(matches!(
        asked("create-referral", referral("8003608833357361")),
        Err(ActionError::Denied)
    ));
}

/// The number on a card is what claim details are for; a healthcare identifier in its place, or beside it, is none.
#[test]
fn claim_details_carry_a_card_and_no_healthcare_identifier() {
    let claim = |number: &str, payor: serde_json::Value, more: serde_json::Value| {
        let patient = json!({"reference": "https://au-api.halaxy.com/main/Patient/900001", "type": "Patient"});
        let mut body = json!({"status": "active", "beneficiary": patient, "subscriber": patient, "payor": [payor],
            "subscriberID": number, "dependent": "1"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let payor =
        || json!({"reference": "https://au-api.halaxy.com/main/Organization/FD-150001", "type": "Organization"});
    let card = "2123456701";
    assert!(asked("create-coverage", claim(card, payor(), json!({}))).is_ok());
    let mut named = payor();
    named["identifier"] = json!({"system": "http://ns.electronichealth.net.au/id/hi/hpio/1.0", "value": "1"});
    for (what, body) in [
        ("as the card", claim("8003608833357361", payor(), json!({}))),
        ("spelt in groups", claim("8003 6088 3335 7361", payor(), json!({}))),
        (
            "as a number",
            claim(card, payor(), json!({"order": 8_003_608_833_357_361_u64})),
        ),
        ("of the payer", claim(card, named, json!({}))),
        (
            "in a text",
            claim(
                card,
                payor(),
                json!({"extension": [{"url": "https://x.example/note",
            "valueString": "IHI 8003608833357361"}]}),
            ),
        ),
    ] {
        assert!(
            matches!(asked("create-coverage", body), Err(ActionError::Denied)),
            "{what}"
        );
    }
    let inputs = Inputs::new("https://au-api.halaxy.com/main")
        .with("id", "850001")
        .with("number", "8003-6088-3335-7361");
    let request = endpoint("update-coverage").unwrap().request(&inputs).unwrap();
    assert!(matches!(allowed(&request, true), Err(ActionError::Denied)));
}
