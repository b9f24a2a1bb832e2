//! Halaxy's stand-in behaves as halaxy-api.md describes Halaxy.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::{CrmKind, Manners};
use common::{Desk, agent};
use serde_json::{Value, json};

async fn desk(patients: usize) -> Desk {
    Desk::open(Manners::Real, CrmKind::Hubspot, patients, 0).await
}

fn mimi() -> Value {
    json!({
        "resourceType": "Patient",
        "active": false,
        "identifier": [{"value": "X"}],
        "generalPractitioner": [{"reference": "Practitioner/PR-9"}],
        "name": [
            {"use": "official", "given": ["Miriam"], "family": "Samplewood"},
            {"use": "usual", "given": ["Mimi"]}
        ],
        "telecom": [{"system": "sms", "use": "mobile", "value": "+61 491 570 006"}],
        "birthDate": "1988-04-17"
    })
}

#[tokio::test]
async fn the_token_call_takes_json_only_and_the_token_dies_early() {
    let mut desk = desk(1).await;
    let form = "grant_type=client_credentials".to_owned();
    let answer = desk
        .raw(
            "POST",
            "/halaxy/main/oauth/token",
            &agent("application/x-www-form-urlencoded"),
            form,
        )
        .await;
    assert_eq!(answer.status, 400);
    let wrong = json!({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}).to_string();
    let answer = desk
        .raw("POST", "/halaxy/main/oauth/token", &agent("application/json"), wrong)
        .await;
    assert_eq!(
        (answer.status, answer.body["error"].as_str()),
        (401, Some("invalid_client"))
    );

    desk.advance(899_000);
    assert_eq!(desk.halaxy("GET", "Patient", Value::Null).await.status, 200);
    desk.advance(1_000);
    let answer = desk.halaxy("GET", "Patient", Value::Null).await;
    assert_eq!(
        (answer.status, &answer.body["issue"][0]["code"]),
        (401, &json!("expired"))
    );
    desk.sign_in().await;
    assert_eq!(desk.halaxy("GET", "Patient", Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_caller_without_a_name_is_refused() {
    let desk = desk(1).await;
    let headers = [("authorization", format!("Bearer {}", desk.token))];
    assert_eq!(
        desk.raw("GET", "/halaxy/main/Patient", &headers, String::new())
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn a_bundle_has_its_links_and_no_entry_when_empty() {
    let desk = desk(61).await;
    let answer = desk
        .halaxy("GET", "Patient?_sort=name&_count=30&page=2", Value::Null)
        .await;
    assert_eq!(answer.header("content-type"), "application/fhir+json; charset=utf-8");
    assert_eq!(answer.body["resourceType"], "Bundle");
    assert_eq!(answer.body["type"], "searchset");
    assert_eq!(answer.body["total"], 61);
    assert_eq!(answer.resources().len(), 30);
    let links: Vec<(&str, &str)> = answer.body["link"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| (link["relation"].as_str().unwrap(), link["url"].as_str().unwrap()))
        .collect();
    let url = |page: u32| format!("http://stand-in.example/halaxy/main/Patient?_sort=name&_count=30&page={page}");
    assert_eq!(
        links.iter().map(|(relation, _)| *relation).collect::<Vec<_>>(),
        ["self", "first", "previous", "next", "last"]
    );
    assert_eq!(
        links.iter().map(|(_, url)| (*url).to_owned()).collect::<Vec<_>>(),
        [url(2), url(1), url(1), url(3), url(3)]
    );
    let entry = &answer.body["entry"][0];
    let id = entry["resource"]["id"].as_str().unwrap();
    assert_eq!(
        entry["fullUrl"],
        format!("http://stand-in.example/halaxy/main/Patient/{id}")
    );
    assert_eq!(entry["search"]["mode"], "match");

    let empty = desk.halaxy("GET", "Patient?page=9&_count=30", Value::Null).await;
    assert!(empty.body.get("entry").is_none());
    assert_eq!(empty.body["total"], 61);
    let none = desk
        .halaxy("GET", "Patient?family=nobody&_total=none", Value::Null)
        .await;
    assert!(none.body.get("entry").is_none() && none.body.get("total").is_none());
}

#[tokio::test]
async fn pages_hold_thirty_by_default_and_a_hundred_at_most() {
    let desk = desk(130).await;
    assert_eq!(desk.halaxy("GET", "Patient", Value::Null).await.resources().len(), 30);
    assert_eq!(
        desk.halaxy("GET", "Patient?_count=500", Value::Null)
            .await
            .resources()
            .len(),
        100
    );
    assert_eq!(
        desk.halaxy("GET", "Patient?_summary=count", Value::Null).await.body["total"],
        130
    );
}

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
async fn changes_are_found_by_last_updated_in_whole_seconds() {
    let desk = desk(40).await;
    let id = desk.halaxy("GET", "Patient?_count=1&page=5", Value::Null).await.ids()[0].clone();
    desk.advance(1_000);
    desk.sandbox
        .person_edit("halaxy", "Patient", &id, &json!({"gender": "other"}))
        .unwrap();
    // 11:34:57.1 is shown as 11:34:57.
    let found = |query: &str| {
        let path = format!("Patient?_lastUpdated={query}&_sort=-_lastUpdated");
        let desk = &desk;
        async move { desk.halaxy("GET", &path, Value::Null).await.ids() }
    };
    assert_eq!(found("gt2026-03-02T11:34:56%2B11:00").await, vec![id.clone()]);
    assert!(found("gt2026-03-02T11:34:57%2B11:00").await.is_empty());
    for same in [
        "ge2026-03-02T00:34:57Z",
        "gte2026-03-02T00:34:57Z",
        "2026-03-02T00:34:57Z",
        "eq2026-03-02T00:34:57Z",
        "2026-03-02",
    ] {
        assert_eq!(found(same).await, vec![id.clone()], "{same}");
    }
    assert_eq!(found("ge2026-03-02&_lastUpdated=le2026-03-02").await, vec![id.clone()]);
    assert!(!found("lt2026-03-02T00:34:57Z").await.contains(&id));
    assert!(!found("ne2026-03-02&_count=100").await.contains(&id));
    assert_eq!(found("lte2026-03-03").await[0], id, "newest first");
    let bad = desk
        .halaxy("GET", "Patient?_lastUpdated=gtyesterday", Value::Null)
        .await;
    assert_eq!(
        (bad.status, &bad.body["resourceType"]),
        (400, &json!("OperationOutcome"))
    );
}

#[tokio::test]
async fn rows_shift_between_pages_when_people_work() {
    let desk = desk(60).await;
    let path = |page: u32| format!("Patient?_sort=_lastUpdated&_count=30&page={page}");
    let first = desk.halaxy("GET", &path(1), Value::Null).await.ids();
    desk.sandbox
        .person_edit("halaxy", "Patient", &first[0], &json!({"gender": "other"}))
        .unwrap();
    let second = desk.halaxy("GET", &path(2), Value::Null).await.ids();
    assert_eq!(second.last(), Some(&first[0]));
    let seen: std::collections::BTreeSet<_> = first.iter().chain(&second).collect();
    assert_eq!(seen.len(), 59, "one patient fell between the pages");
}

#[tokio::test]
async fn text_filters_start_contain_or_equal_and_unknown_ones_return_everybody() {
    let desk = desk(20).await;
    let total = |query: &str| {
        let path = format!("Patient?{query}");
        let desk = &desk;
        async move {
            desk.halaxy("GET", &path, Value::Null).await.body["total"]
                .as_u64()
                .unwrap()
        }
    };
    assert_eq!(total("given=gIVEN01").await, 10);
    assert_eq!(total("name=given002").await, 1);
    assert_eq!(total("family:contains=ily03").await, 3);
    assert_eq!(total("family:exact=family").await, 0);
    assert_eq!(total("email=person7%40example.org").await, 1);
    assert_eq!(total("phone=%2B61491570007").await, 1);
    assert_eq!(total("phone=0491570007").await, 1);
    assert_eq!(total("birthdate=1947-04-17").await, 1);
    assert_eq!(total("birthdate=lt1943-01-01").await, 2);
    assert_eq!(total("given=given00&birthdate=1947-04-17").await, 1);
    assert_eq!(total("patient=900001").await, 20, "ignored without error");
    assert_eq!(total("_id=900001,900002,17").await, 2);
    assert_eq!(total("created=gt2026-03-02").await, 0);
    assert_eq!(
        desk.halaxy("GET", "Patient?name:soundslike=x", Value::Null)
            .await
            .status,
        422
    );
}

#[tokio::test]
async fn what_is_not_offered_is_405_with_nothing_and_what_is_unknown_404() {
    let desk = desk(1).await;
    for (method, path) in [
        ("POST", "Invoice"),
        ("PATCH", "Practitioner/PR-1"),
        ("DELETE", "Patient/900001"),
        ("PUT", "Appointment/1"),
    ] {
        let answer = desk.halaxy(method, path, json!({})).await;
        assert_eq!((answer.status, answer.text.as_str()), (405, ""), "{method} {path}");
    }
    for path in ["ChargeItem", "Location", "Subscription"] {
        assert_eq!(desk.halaxy("GET", path, Value::Null).await.status, 404, "{path}");
    }
    let invoices = desk.halaxy("GET", "Invoice", Value::Null).await;
    assert_eq!((invoices.status, &invoices.body["total"]), (200, &json!(0)));
    let metadata = desk.halaxy("GET", "metadata", Value::Null).await;
    assert_eq!(metadata.body["fhirVersion"], "4.3.0");
    assert!(
        metadata.body["rest"][0]["resource"]
            .as_array()
            .unwrap()
            .iter()
            .any(|resource| resource["type"] == "Patient")
    );
}

#[tokio::test]
async fn five_hundred_calls_a_minute_slide() {
    let desk = desk(1).await;
    for left in (0..500).rev() {
        let answer = desk.halaxy("GET", "Patient/900001", Value::Null).await;
        assert_eq!(
            (answer.status, answer.header("x-ratelimit-remaining")),
            (200, left.to_string().as_str())
        );
        desk.advance(10);
    }
    let answer = desk.halaxy("GET", "Patient/900001", Value::Null).await;
    assert_eq!(
        (
            answer.status,
            answer.header("retry-after"),
            answer.header("x-ratelimit-limit")
        ),
        (429, "55", "500")
    );
    desk.advance(55_000);
    assert_eq!(desk.halaxy("GET", "Patient/900001", Value::Null).await.status, 200);
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
async fn a_missing_scope_closes_one_resource_only() {
    let desk = desk(1).await;
    desk.sandbox
        .set_switches("halaxy", &json!({"missing_scopes": ["Patient.write"]}))
        .unwrap();
    assert_eq!(desk.halaxy("GET", "Patient/900001", Value::Null).await.status, 200);
    let answer = desk.halaxy("PATCH", "Patient/900001", json!({"gender": "other"})).await;
    assert_eq!(
        (answer.status, &answer.body["issue"][0]["code"]),
        (403, &json!("forbidden"))
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

#[tokio::test]
async fn nasty_manners_show_every_quirk_of_lists() {
    let mut desk = Desk::open(Manners::Nasty, CrmKind::Hubspot, 90, 0).await;
    desk.sandbox.set_manners(Manners::Polite);
    desk.sign_in().await;
    // The quirks without the random failures, which the tests of the control API cover.
    desk.sandbox
        .set_switches(
            "halaxy",
            &json!({"warning_percent": 30, "outcome_percent": 10, "touch_percent": 20, "scattered_ties": true,
            "ignored_filters": ["phone"], "respell_phones": true, "clock_ahead_ms": -2_000}),
        )
        .unwrap();
    let (mut warnings, mut outcomes, mut shifts) = (0, 0, 0);
    let mut order = Vec::new();
    for _ in 0..100 {
        let answer = desk.halaxy("GET", "Patient?page=2&_count=20", Value::Null).await;
        assert_eq!(answer.status, 200);
        if answer.body["resourceType"] == "OperationOutcome" {
            outcomes += 1;
            continue;
        }
        let kinds: Vec<&str> = answer
            .resources()
            .iter()
            .map(|row| row["resourceType"].as_str().unwrap())
            .collect();
        if kinds[0] == "OperationOutcome" {
            assert_eq!(answer.body["entry"][0]["resource"]["id"], "warning");
            warnings += 1;
        }
        assert_eq!(kinds.iter().filter(|kind| **kind == "Patient").count(), 20);
        order = answer.ids();
    }
    for call in desk.sandbox.calls_after(0) {
        shifts += usize::from(call.fault.as_deref() == Some("rows moved between pages"));
    }
    assert!(
        warnings > 10 && outcomes > 2 && shifts > 5,
        "{warnings} {outcomes} {shifts}"
    );
    assert!(!order.is_sorted(), "nobody promised an order");
    desk.sandbox
        .set_switches("halaxy", &json!({"warning_percent": 0, "outcome_percent": 0}))
        .unwrap();
    assert_eq!(
        desk.halaxy("GET", "Patient?phone=0491570001", Value::Null).await.body["total"],
        90,
        "a filter that does nothing"
    );
    let made = desk.halaxy("POST", "Patient", mimi()).await;
    assert_eq!(made.body["telecom"][0]["value"], "+61491570006");
    assert_eq!(
        made.header("date"),
        "Mon, 02 Mar 2026 00:34:54 GMT",
        "its clock is behind"
    );
    assert_eq!(made.body["meta"]["lastUpdated"], "2026-03-02T11:34:54+11:00");
}

#[tokio::test]
async fn an_expired_token_may_be_told_in_three_ways() {
    let mut desk = desk(1).await;
    desk.sandbox
        .set_switches("halaxy", &json!({"expired": ["outcome401", "error401", "outcome200"]}))
        .unwrap();
    desk.sign_in().await;
    desk.advance(900_000);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let answer = desk.halaxy("GET", "Patient/900001", Value::Null).await;
        seen.insert((answer.status, answer.body["resourceType"] == "OperationOutcome"));
        assert_ne!(answer.body["resourceType"], "Patient");
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [(200, true), (401, false), (401, true)]
    );
}
