//! Patients: made, patched, merged and removed.

use crate::common::agent;
use crate::support::{desk, mimi};
use serde_json::{Value, json};

#[tokio::test]
async fn a_new_patient_keeps_what_may_be_written_and_drops_the_rest_without_a_word() {
    let desk = desk(0).await;
    let answer = desk.halaxy("POST", "Patient", mimi()).await;
    assert_eq!(answer.status, 201);
    let patient = &answer.body;
    assert_eq!(patient["active"], true);
    assert!(patient.get("identifier").is_none() && patient.get("generalPractitioner").is_none());
    assert_eq!(patient["name"][0]["use"], "usual", "the preferred name comes first");
    assert_eq!(
        patient["telecom"][0]["value"], "+61 491 570 006",
        "the spelling is kept"
    );
    assert_eq!(patient["meta"]["lastUpdated"], "2026-03-02T11:34:56+11:00");
    assert_eq!(
        patient["managingOrganization"]["reference"],
        "http://stand-in.example/halaxy/main/Organization/PG-100001"
    );

    let again = desk.halaxy("POST", "Patient", mimi()).await;
    assert_eq!(again.status, 201);
    assert_ne!(again.body["id"], patient["id"], "nothing is deduplicated");

    let nameless = desk
        .halaxy(
            "POST",
            "Patient",
            json!({"resourceType": "Patient", "name": [{"use": "usual", "given": ["M"]}]}),
        )
        .await;
    assert_eq!(
        (nameless.status, &nameless.body["resourceType"]),
        (422, &json!("OperationOutcome"))
    );
    assert_eq!(
        desk.halaxy(
            "POST",
            "Patient",
            json!({"name": [{"family": "S"}], "birthDate": "17/4/1988"})
        )
        .await
        .status,
        400
    );
}

#[tokio::test]
async fn a_merge_patch_replaces_arrays_whole_and_null_clears() {
    let desk = desk(0).await;
    let id = desk.halaxy("POST", "Patient", mimi()).await.body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let patch =
        json!({"telecom": [{"system": "email", "value": "mimi@example.org"}], "birthDate": null, "active": false});
    let answer = desk.halaxy("PATCH", &format!("Patient/{id}"), patch.clone()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body["telecom"],
        json!([{"system": "email", "value": "mimi@example.org"}])
    );
    assert!(answer.body.get("birthDate").is_none());
    assert_eq!(answer.body["active"], true, "ignored, and 200 all the same");
    assert_eq!(answer.body["name"].as_array().unwrap().len(), 2);

    let mut headers = agent("application/json");
    headers.push(("authorization", format!("Bearer {}", desk.token)));
    let path = format!("/halaxy/main/Patient/{id}");
    assert_eq!(desk.raw("PATCH", &path, &headers, patch.to_string()).await.status, 415);
    assert_eq!(desk.halaxy("PATCH", "Patient/1", patch).await.status, 404);
    assert_eq!(
        desk.halaxy("PATCH", &format!("Patient/{id}"), json!({"name": null}))
            .await
            .status,
        422
    );

    let replaced = desk
        .halaxy("PUT", &format!("Patient/{id}"), json!({"name": [{"family": "Other"}]}))
        .await;
    assert!(replaced.body.get("telecom").is_none());
    assert_eq!(replaced.body["active"], true);
}

#[tokio::test]
async fn removed_and_merged_patients_vanish_or_answer_under_another_id() {
    let desk = desk(4).await;
    desk.sandbox.person_delete("halaxy", "Patient", "900001").unwrap();
    let gone = desk.halaxy("GET", "Patient/900001", Value::Null).await;
    assert_eq!(
        (gone.status, &gone.body["issue"][0]["code"]),
        (404, &json!("not-found"))
    );
    let ids = desk.halaxy("GET", "Patient/$export-ids", Value::Null).await;
    let listed: Vec<&str> = ids.body["parameter"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| {
            parameter["valueReference"]["reference"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
        })
        .collect();
    assert_eq!(listed, ["900002", "900003", "900004"]);

    desk.sandbox
        .person_merge("halaxy", "Patient", "900002", "900003")
        .unwrap();
    assert_eq!(desk.halaxy("GET", "Patient/900003", Value::Null).await.status, 404);
    desk.sandbox
        .set_switches("halaxy", &json!({"merged": "survivor", "removed": "gone"}))
        .unwrap();
    assert_eq!(
        desk.halaxy("GET", "Patient/900003", Value::Null).await.body["id"],
        "900002"
    );
    assert_eq!(desk.halaxy("GET", "Patient/900001", Value::Null).await.status, 410);
    assert!(
        desk.sandbox
            .set_switches("halaxy", &json!({"no_such_switch": 1}))
            .is_err()
    );
}

#[tokio::test]
async fn people_may_set_what_the_api_may_not() {
    let desk = desk(1).await;
    desk.advance(5_000);
    let answer = desk
        .control("PATCH", "records/halaxy/Patient/900001", json!({"active": false}))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["extension"][0]["valueString"], "archived");
    assert_eq!(answer.body["meta"]["lastUpdated"], "2026-03-02T11:35:01+11:00");
    let status = json!([{"url": "https://terminology.halaxy.com/StructureDefinition/patient-status", "valueString": "claimant"}]);
    let answer = desk
        .control("PATCH", "records/halaxy/Patient/900001", json!({"extension": status}))
        .await;
    assert_eq!(answer.body["active"], true);
}
