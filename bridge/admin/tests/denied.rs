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
