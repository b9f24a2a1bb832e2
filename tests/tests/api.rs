//! Actions over HTTP: who may, what they are told, and each write once for its key.
#![allow(clippy::unwrap_used)]

use adapter_halaxy::endpoints::{ENDPOINTS, Endpoint};
use adapter_sandbox::{CrmKind, FaultKind, FaultRule};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use bridge_admin::api::Api;
use bridge_admin::api::tokens::Token;
use bridge_tests::{Practice, fault};
use futures::future::join_all;
use halaxy_bridge::{config, wiring};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

const FULL: &str = "full-token-0123456789abcdef";
const READER: &str = "reader-token-0123456789abcdef";
const BOOKER: &str = "booker-token-0123456789abcdef";

struct Desk {
    practice: Practice,
    api: Arc<Api>,
}

struct Answer {
    status: StatusCode,
    body: Json,
}

fn tokens() -> Vec<Token> {
    let token = |name: &str, secret: &str, writes, actions: &[&str]| Token {
        name: name.into(),
        secret: secret.into(),
        writes,
        actions: actions.iter().map(ToString::to_string).collect(),
        bound: None,
    };
    vec![
        token("everything", FULL, true, &[]),
        token("sheet", READER, false, &[]),
        token("website", BOOKER, true, &["find-appointments", "book-appointment"]),
    ]
}

async fn desk() -> Desk {
    let practice = Practice::settled(CrmKind::Plain).await;
    let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    let system = &config.systems["halaxy"];
    let api = Api::new(tokens(), wiring::halaxy_base(system).unwrap());
    let client = wiring::halaxy_client(system).unwrap();
    api.open(wiring::actions(system, client, practice.engine.store().clone()));
    Desk { practice, api }
}

impl Desk {
    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.api.routes().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer {
            status,
            body: serde_json::from_slice(&bytes).unwrap(),
        }
    }

    async fn post(&self, token: &str, action: &str, key: Option<&str>, body: Json) -> Answer {
        self.send(post(token, action, key, &body)).await
    }

    fn named(&self, given: &str) -> usize {
        let patients = self.practice.records("halaxy");
        patients
            .iter()
            .filter(|p| p["name"].to_string().contains(given))
            .count()
    }
}

fn post(token: &str, action: &str, key: Option<&str>, body: &Json) -> Request<Body> {
    let mut request = Request::post(format!("/api/halaxy/{action}")).header("authorization", format!("Bearer {token}"));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

fn person(given: &str) -> Json {
    json!({ "inputs": { "given": given, "family": "Samplewood" } })
}

fn example(row: &Endpoint) -> Json {
    let mut inputs = serde_json::Map::new();
    for (name, value) in row.example {
        match inputs.get_mut(*name) {
            Some(Json::Array(values)) => values.push((*value).into()),
            Some(first) => *first = json!([first, value]),
            None => drop(inputs.insert((*name).into(), (*value).into())),
        }
    }
    let mut body = json!({ "inputs": inputs, "dry_run": true });
    if !row.example_body.is_empty() {
        body["body"] = serde_json::from_str(row.example_body).unwrap();
    }
    body
}

#[tokio::test]
async fn only_a_token_that_may_gets_an_action() {
    let desk = desk().await;
    let anonymous = Request::post("/api/halaxy/list-patients").body(Body::empty()).unwrap();
    assert_eq!(desk.send(anonymous).await.status, StatusCode::UNAUTHORIZED);
    let wrong = desk
        .post("no-token-of-this-bridge-at-all", "list-patients", None, json!({}))
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let read = desk.post(READER, "list-patients", None, json!({})).await;
    assert_eq!(
        (read.status, read.body["rows"].as_array().unwrap().len()),
        (StatusCode::OK, 2)
    );
    let no = desk.post(READER, "create-patient", Some("k1"), person("Ottilie")).await;
    assert_eq!((no.status, desk.named("Ottilie")), (StatusCode::FORBIDDEN, 0));
    let no = desk.post(BOOKER, "list-patients", None, json!({})).await;
    assert_eq!(no.status, StatusCode::FORBIDDEN);
    assert_eq!(
        desk.post(FULL, "no-such", None, json!({})).await.status,
        StatusCode::NOT_FOUND
    );
    let note = json!({ "inputs": { "patient": "900001", "title": "t", "html": "<p>x</p>" } });
    let note = desk.post(FULL, "create-note", Some("n1"), note).await;
    assert_ne!(
        note.status,
        StatusCode::OK,
        "notes are not allowed unless the practice says so"
    );

    let listed = |token: &'static str| {
        let request = Request::get("/api/halaxy").header("authorization", format!("Bearer {token}"));
        desk.send(request.body(Body::empty()).unwrap())
    };
    let names = |answer: Answer| -> BTreeSet<String> {
        let rows = answer.body["actions"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["action"].as_str().unwrap().to_string())
            .collect()
    };
    assert_eq!(names(listed(FULL).await).len(), ENDPOINTS.len());
    assert!(!names(listed(READER).await).contains("create-patient"));
    let booker = BTreeSet::from(["book-appointment".to_string(), "find-appointments".to_string()]);
    assert_eq!(names(listed(BOOKER).await), booker);
    // Who read is in the history.
    let lists = bridge_store::RecordKey::new("halaxy", "", "");
    let audit = desk.practice.engine.store().audit_of_record(&lists).await.unwrap();
    let reads = audit
        .iter()
        .filter(|line| line.reason == "list-patients, asked for by sheet");
    assert_eq!(reads.count(), 1, "{audit:?}");
}

#[tokio::test]
async fn bookings_need_a_token_that_may_book_and_a_desk() {
    let desk = desk().await;
    let ask = |token: &str, path: &str| {
        let request = Request::get(format!("/api/bookings{path}")).header("authorization", format!("Bearer {token}"));
        desk.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(ask("nobody", "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(READER, "?open=true").await.status, StatusCode::FORBIDDEN);
    let closed = ask(BOOKER, "?open=true").await;
    assert_eq!(closed.status, StatusCode::SERVICE_UNAVAILABLE);
    let config = config::load(&desk.practice.folder.path().join("bridge.toml")).unwrap();
    let store = desk.practice.engine.store().clone();
    let bookings = halaxy_bridge::booking::desk(&config, store, None, &Default::default()).unwrap();
    desk.api.open_bookings(Arc::new(bookings));
    let open = ask(BOOKER, "?open=true").await;
    assert_eq!((open.status, &open.body["requests"]), (StatusCode::OK, &json!([])));
    assert_eq!(ask(BOOKER, "/no-such-key").await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        ask(READER, "/free").await.status,
        StatusCode::BAD_REQUEST,
        "a day or two bounds are missing"
    );
}

#[tokio::test]
async fn every_action_shows_its_request_and_is_described() {
    let desk = desk().await;
    let request = Request::get("/api/openapi.json").header("authorization", format!("Bearer {FULL}"));
    let described = desk.send(request.body(Body::empty()).unwrap()).await.body;
    for row in ENDPOINTS.iter().filter(|row| row.action != "create-note") {
        let shown = desk.post(FULL, row.action, None, example(row)).await;
        assert_eq!(shown.status, StatusCode::OK, "{}: {}", row.action, shown.body);
        assert_eq!(shown.body["method"], row.method, "{}", row.action);
        let operation = &described["paths"][format!("/api/halaxy/{}", row.action)]["post"];
        assert_eq!(operation["operationId"], row.action);
        let inputs = &operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["inputs"];
        assert!(
            row.inputs().all(|input| inputs["properties"][input.name].is_object()),
            "{}",
            row.action
        );
    }
    assert_eq!(desk.named("Ottilie"), 0);
}

#[tokio::test]
async fn a_key_is_sent_once_whoever_asks_at_once() {
    let desk = desk().await;
    let asked = (0..20).map(|_| desk.post(FULL, "create-patient", Some("order-17"), person("Ottilie")));
    let answers = join_all(asked).await;
    assert_eq!(desk.named("Ottilie"), 1);
    for answer in &answers {
        let told = (answer.status, answer.body["outcome"].as_str().unwrap());
        assert!(
            [(StatusCode::OK, "done"), (StatusCode::ACCEPTED, "under_way")].contains(&told),
            "{told:?}"
        );
    }
    let again = desk
        .post(FULL, "create-patient", Some("order-17"), person("Ottilie"))
        .await;
    assert_eq!((again.status, &again.body["repeated"]), (StatusCode::OK, &json!(true)));
    assert!(again.body["id"].is_string());
    let other = desk
        .post(FULL, "create-patient", Some("order-17"), person("Quillfeather"))
        .await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(!other.body.to_string().contains("Quillfeather"));
    let keyless = desk.post(FULL, "create-patient", None, person("Ottilie")).await;
    assert_eq!((keyless.status, desk.named("Ottilie")), (StatusCode::BAD_REQUEST, 1));
}

#[tokio::test]
async fn who_asks_is_told_the_truth_when_halaxy_does_not_answer() {
    let desk = desk().await;
    let set = |kind, status| {
        let rule = FaultRule {
            status,
            count: Some(1),
            ..fault("halaxy", kind, "POST", "Patient")
        };
        desk.practice.sandbox.set_faults(vec![rule]);
    };
    set(FaultKind::DropAfter, None);
    let lost = desk.post(FULL, "create-patient", Some("a"), person("Ottilie")).await;
    assert_eq!(
        (lost.status, &lost.body["outcome"]),
        (StatusCode::GATEWAY_TIMEOUT, &json!("unknown"))
    );
    let again = desk.post(FULL, "create-patient", Some("a"), person("Ottilie")).await;
    assert_eq!((again.status, desk.named("Ottilie")), (StatusCode::GATEWAY_TIMEOUT, 1));
    set(FaultKind::Status, Some(429));
    let later = desk.post(FULL, "create-patient", Some("b"), person("Beatrix")).await;
    assert_eq!(
        (later.status, desk.named("Beatrix")),
        (StatusCode::SERVICE_UNAVAILABLE, 0),
        "{}",
        later.body
    );
    let done = desk.post(FULL, "create-patient", Some("b"), person("Beatrix")).await;
    assert_eq!(
        (done.status, &done.body["repeated"]),
        (StatusCode::OK, &json!(false)),
        "the key was given back"
    );
    let missing = desk
        .post(FULL, "get-patient", None, json!({ "inputs": { "id": "999999" } }))
        .await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    desk.api.close();
    let closed = desk.post(FULL, "create-patient", Some("c"), person("Coralie")).await;
    assert_eq!(closed.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_write_goes_on_when_its_caller_hangs_up() {
    let desk = desk().await;
    let slow = FaultRule {
        delay_ms: Some(300),
        count: Some(1),
        ..fault("halaxy", FaultKind::Delay, "POST", "Patient")
    };
    desk.practice.sandbox.set_faults(vec![slow]);
    let waiting = desk.post(FULL, "create-patient", Some("k"), person("Ottilie"));
    assert!(tokio::time::timeout(Duration::from_millis(100), waiting).await.is_err());
    for _ in 0..200 {
        let again = desk.post(FULL, "create-patient", Some("k"), person("Ottilie")).await;
        if again.status == StatusCode::OK {
            assert_eq!((&again.body["outcome"], desk.named("Ottilie")), (&json!("done"), 1));
            return;
        }
        assert_eq!(again.body["outcome"], "under_way");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the write was never settled");
}

#[tokio::test]
async fn bad_input_is_named_with_a_remedy_and_never_repeated() {
    let desk = desk().await;
    for (body, input) in [
        (json!({}), "body"),
        (
            json!({ "inputs": { "given": "O", "family": "S", "birth-date": "Quillfeather" } }),
            "birth-date",
        ),
        (
            json!({ "inputs": { "given": ["O", "Quillfeather"], "family": "S" } }),
            "given",
        ),
        (json!({ "inputs": { "given": { "Quillfeather": 1 } } }), ""),
        (json!({ "inputs": [], "x": "Quillfeather" }), ""),
        (json!("Quillfeather"), ""),
    ] {
        let bad = desk.post(FULL, "create-patient", Some("k"), body.clone()).await;
        assert_eq!(bad.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(bad.body["remedy"].as_str().is_some_and(|r| !r.is_empty()), "{body}");
        assert!(!bad.body.to_string().contains("Quillfeather"), "{}", bad.body);
        if !input.is_empty() {
            assert_eq!(bad.body["input"], input);
        }
    }
    assert_eq!(desk.practice.records("halaxy").len(), 2);
}
