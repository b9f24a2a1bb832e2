//! Who may call, how often, and what is not offered.

use crate::common::agent;
use crate::support::desk;
use serde_json::{Value, json};

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
