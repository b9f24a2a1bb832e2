//! Meetings of the HubSpot-shaped CRM and appointments of the plain one: what they refuse, and whom they stand with.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::{CrmKind, Manners};
use common::{Answer, Desk};
use serde_json::{Value, json};
use std::time::Duration;

const MEETINGS: &str = "crm/objects/2026-09/meetings";

async fn hubspot(manners: Manners) -> (Desk, Vec<String>) {
    let desk = Desk::open(manners, CrmKind::Hubspot, 0, 3).await;
    let made = json!({"name": "our_key", "label": "Our key", "groupName": "meeting_engagement", "type": "string",
        "fieldType": "text", "hasUniqueValue": true});
    let answer = desk.hubspot("POST", "crm/properties/2026-09/meetings", made).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let contacts = desk.sandbox.records("crm", "contacts").unwrap();
    let ids = contacts
        .iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect();
    (desk, ids)
}

fn meeting(key: &str, contact: &str) -> Value {
    json!({"objectWriteTraceId": key, "properties": {"hs_meeting_title": "Appointment", "our_key": key,
            "hs_timestamp": "2026-03-04T09:00:00Z", "hs_meeting_outcome": "SCHEDULED"},
        "associations": [{"to": {"id": contact}, "types": [
            {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 200}]}]})
}

async fn create(desk: &Desk, inputs: Vec<Value>) -> Answer {
    desk.hubspot("POST", &format!("{MEETINGS}/batch/create"), json!({"inputs": inputs}))
        .await
}

fn with(desk: &Desk, id: &str) -> Vec<String> {
    let shown = desk.sandbox.record("crm", "meetings", id).unwrap();
    let rows = shown["associations"]["contacts"]["results"].as_array().unwrap().clone();
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_meeting_needs_a_time_known_words_and_a_contact_that_is_there() {
    let (desk, contacts) = hubspot(Manners::Polite).await;
    let good = meeting("k1", &contacts[0]);
    let bad = |member: &str, value: Value| {
        let mut one = meeting("k2", &contacts[0]);
        one["properties"][member] = value;
        one
    };
    let mut timeless = bad("hs_meeting_title", json!("x"));
    timeless["properties"].as_object_mut().unwrap().remove("hs_timestamp");
    let mut other_type = meeting("k2", &contacts[0]);
    other_type["associations"][0]["types"][0]["associationTypeId"] = json!(279);
    let refused = [
        timeless,
        bad("hs_meeting_outcome", json!("DONE")),
        bad("hs_nothing", json!("x")),
        bad("hs_timestamp", json!("tomorrow")),
        bad("our_key", json!("k1")),
        meeting("k2", "999"),
        other_type,
    ];
    let n = refused.len();
    let mut inputs = vec![good];
    inputs.extend(refused);
    let answer = create(&desk, inputs).await;
    assert_eq!((answer.status, answer.rows().len()), (207, 1), "{}", answer.text);
    assert_eq!(answer.body["errors"].as_array().unwrap().len(), n, "{}", answer.text);
    assert!(answer.text.contains("CONFLICT") && answer.text.contains("PROPERTY_DOESNT_EXIST"));
    let id = answer.rows()[0]["id"].as_str().unwrap();
    assert_eq!(with(&desk, id), contacts[..1]);
    assert_eq!(
        desk.sandbox.records("crm", "meetings").unwrap().len(),
        1,
        "what was refused was not made"
    );
}

#[tokio::test]
async fn a_unique_property_names_living_meetings_at_once_and_search_lags() {
    let (desk, contacts) = hubspot(Manners::Real).await;
    let made = create(&desk, vec![meeting("k1", &contacts[0])]).await;
    let id = made.rows()[0]["id"].as_str().unwrap().to_owned();
    let by_key = json!({"inputs": [{"id": "k1"}, {"id": "k2"}], "idProperty": "our_key", "properties": ["our_key"]});
    let read = desk
        .hubspot("POST", &format!("{MEETINGS}/batch/read"), by_key.clone())
        .await;
    assert_eq!((read.status, read.rows().len()), (207, 1));
    assert_eq!(read.body["errors"][0]["context"]["ids"], json!(["k2"]));
    let search = json!({"filterGroups": [{"filters": [{"propertyName": "our_key", "operator": "EQ", "value": "k1"}]}]});
    let found = desk
        .hubspot("POST", &format!("{MEETINGS}/search"), search.clone())
        .await;
    assert_eq!(found.body["total"], 0, "a search does not show it yet");
    desk.clock.advance(Duration::from_secs(3));
    let found = desk.hubspot("POST", &format!("{MEETINGS}/search"), search).await;
    assert_eq!(found.body["total"], 1);

    desk.sandbox.person_delete("crm", "meetings", &id).unwrap();
    let read = desk.hubspot("POST", &format!("{MEETINGS}/batch/read"), by_key).await;
    assert_eq!(read.rows().len(), 0);
    let archived = desk
        .hubspot("GET", &format!("{MEETINGS}/{id}?archived=true"), Value::Null)
        .await;
    assert_eq!((archived.status, &archived.body["archived"]), (200, &json!(true)));
    let again = create(&desk, vec![meeting("k1", &contacts[0])]).await;
    assert_eq!(again.status, 201, "the key of a deleted one is free");
}

#[tokio::test]
async fn a_merged_contacts_old_id_leads_to_the_survivor() {
    let (desk, contacts) = hubspot(Manners::Polite).await;
    let made = create(&desk, vec![meeting("k1", &contacts[0])]).await;
    let id = made.rows()[0]["id"].as_str().unwrap().to_owned();
    let survivor = desk
        .sandbox
        .person_merge("crm", "contacts", &contacts[1], &contacts[0])
        .unwrap();
    assert_eq!(with(&desk, &id), std::slice::from_ref(&survivor), "the meeting follows");
    let path = |contact: &str| format!("{MEETINGS}/{id}/associations/contacts/{contact}");
    let taken = desk.hubspot("DELETE", &path(&contacts[0]), Value::Null).await;
    assert_eq!((taken.status, with(&desk, &id).len()), (204, 0));
    let put = format!("{MEETINGS}/{id}/associations/default/contacts/{survivor}");
    for _ in 0..2 {
        assert_eq!(desk.hubspot("PUT", &put, Value::Null).await.status, 200);
    }
    assert_eq!(with(&desk, &id), [survivor]);
    let nobody = format!("{MEETINGS}/{id}/associations/default/contacts/999");
    assert_eq!(desk.hubspot("PUT", &nobody, Value::Null).await.status, 404);
}

#[tokio::test]
async fn the_plain_crm_makes_what_it_is_told_as_often_as_it_is_told() {
    let desk = Desk::open(Manners::Polite, CrmKind::Plain, 0, 2).await;
    let contact = desk.sandbox.records("crm", "contacts").unwrap()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let good = json!({"contact_id": contact, "title": "Appointment", "starts_at": "2026-03-04T09:00:00Z",
        "ends_at": "2026-03-04T20:45:00+11:00", "state": "planned", "external_ref": "k1"});
    for member in ["contact_id", "title", "starts_at", "ends_at", "state", "colour"] {
        let mut bad = good.clone();
        bad[member] = json!(if member == "title" { "" } else { "2026-03-04" });
        let answer = desk.plain("POST", "appointments", bad).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["field"]),
            (422, &json!(member)),
            "{}",
            answer.text
        );
    }
    for _ in 0..2 {
        assert_eq!(desk.plain("POST", "appointments", good.clone()).await.status, 201);
    }
    let found = desk.plain("GET", "appointments?external_ref=k1", Value::Null).await;
    assert_eq!(found.body["total"], 2);
    let id = found.body["items"][0]["id"].as_str().unwrap();
    let path = format!("appointments/{id}");
    assert_eq!(
        desk.plain("PATCH", &path, json!({"state": "missed", "mode": null}))
            .await
            .status,
        204
    );
    assert_eq!(desk.plain("GET", &path, Value::Null).await.body["state"], "missed");
    desk.sandbox.person_delete("crm", "appointments", id).unwrap();
    assert_eq!(desk.plain("PATCH", &path, json!({"state": "done"})).await.status, 404);
    let shown = desk
        .plain("GET", &format!("{path}?include_deleted=true"), Value::Null)
        .await;
    assert_eq!(shown.body["deleted"], true);
}
