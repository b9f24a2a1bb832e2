//! `/api/review` as programs meet it: every route of its own description, with every kind of token, with what is out of
//! shape, and with what was changed meanwhile.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_kit::{Clock, SystemClock};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use bridge_admin::api::Api;
use bridge_admin::api::tokens::Token;
use bridge_admin::desk::Desk;
use bridge_core::plan::{Context, reconcile};
use bridge_core::{Agreed, Entity, Lane, Link, Origin, Schema, Value};
use bridge_store::{Key, Store};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tower::ServiceExt;

const READS: &str = "token that may read 0123456789";
const WRITES: &str = "token that may write 0123456789";
const OTHER: &str = "token for bookings 0123456789";

struct Office {
    router: Router,
    desk: Desk,
    schema: Schema,
}

impl Office {
    /// With one person whose mobile number two systems changed.
    async fn new() -> Office {
        let schema = common::schema(&["official_name", "mobile", "email", "halaxy_number"]);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store = Store::open("sqlite::memory:", &Key::generate(), "clinic", clock.now())
            .await
            .unwrap();
        let desk = common::desk(store, &schema, clock);
        let token = |name: &str, secret: &str, writes: bool, actions: &[&str]| Token {
            name: name.into(),
            secret: secret.into(),
            writes,
            actions: actions.iter().map(|action| (*action).to_string()).collect(),
            bound: None,
        };
        let tokens = vec![
            token("reads", READS, false, &[]),
            token("writes", WRITES, true, &["review"]),
            token("books", OTHER, true, &["book-appointment"]),
        ];
        let api = Api::new(tokens, "https://halaxy.example/".into());
        api.open_desk(desk.clone());
        let office = Office {
            router: bridge_admin::router([api.routes()]),
            desk,
            schema,
        };
        office.put("+61491570156", "+61491570157").await;
        office
    }

    async fn put(&self, crm: &str, halaxy: &str) {
        let stored = self.desk.store().entities(&["person1".into()]).await.unwrap().pop();
        let mut entity = Entity {
            id: "person1".into(),
            kind: "person".into(),
            revision: stored.as_ref().map_or(0, |entity| entity.revision),
            ..Entity::default()
        };
        let base = Value::text("+61491570006");
        let agreed = Agreed {
            value: base.clone(),
            origin: Origin::System("halaxy".into()),
            lo: 1,
            hi: 2,
        };
        entity.agreed.insert("mobile".into(), agreed.into());
        for (system, kind, seen) in [("crm", "contacts", crm), ("halaxy", "Patient", halaxy)] {
            let mut link = Link::new(system, kind, &format!("{system}-1"));
            link.entity = Some("person1".into());
            link.generation = 1;
            let unit = link.units.entry("mobile".into()).or_default();
            unit.set_base(base.clone(), None);
            unit.set_seen(Value::text(seen));
            entity.links.insert(system.into(), link.into());
        }
        let context = Context {
            now: 1_000,
            lane: Lane::Live,
            mirrors_complete: true,
        };
        let entity = reconcile(&self.schema, &entity, context).entity;
        let mut tx = self.desk.store().begin().await.unwrap();
        assert!(
            tx.save_entities(&[(stored, entity)], Lane::Live, 1_000)
                .await
                .unwrap()
                .is_empty()
        );
        tx.commit().await.unwrap();
    }

    async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Json) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body.to_string())).unwrap())
            .await;
        let response = response.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 4 << 20).await.unwrap();
        let document = serde_json::from_slice(&bytes);
        (
            status,
            document.unwrap_or_else(|_| panic!("{method} {path}: {status} is no JSON")),
        )
    }

    /// Method and path of each route, its parameters made up.
    async fn routes(&self) -> Vec<(String, String)> {
        let (_, document) = self.ask("GET", "/api/openapi.json", Some(READS), "").await;
        let paths = document["paths"].as_object().unwrap();
        let review = paths.iter().filter(|(path, _)| path.starts_with("/api/review/"));
        let mut routes = vec![];
        for (path, methods) in review {
            for (method, of) in methods.as_object().unwrap() {
                let named = path.replace("{id}", "nobody").replace("{unit}", "mobile");
                let asked = of["parameters"].as_array().unwrap().iter();
                let asked = asked.filter(|p| p["in"] == "query" && p["required"] == true);
                let asked: Vec<String> = asked.map(|p| format!("{}=1", p["name"].as_str().unwrap())).collect();
                routes.push((method.to_uppercase(), format!("{named}?{}", asked.join("&"))));
            }
        }
        routes
    }
}

#[tokio::test]
async fn every_route_asks_for_a_token_that_may() {
    let office = Office::new().await;
    let routes = office.routes().await;
    assert_eq!(routes.len(), 21);
    for (method, path) in routes {
        for (token, wanted) in [
            (None, 401),
            (Some("a token that nobody was given"), 401),
            (Some(OTHER), 403),
        ] {
            let (status, document) = office.ask(&method, &path, token, "{}").await;
            assert_eq!(status, wanted, "{method} {path}");
            assert!(document["error"].is_string() && document["remedy"].is_string());
        }
        let looks = method == "GET" || path.starts_with("/api/review/rules");
        let (status, _) = office.ask(&method, &path, Some(READS), "{}").await;
        assert_eq!(status == 403, !looks, "{method} {path}: {status}");
        let (status, _) = office.ask(&method, &path, Some(WRITES), "{}").await;
        assert!(
            ![401, 403, 405].contains(&status) && status < 500,
            "{method} {path}: {status}"
        );
    }
}

#[tokio::test]
async fn what_is_out_of_shape_is_refused_and_not_repeated() {
    let office = Office::new().await;
    let deep = "[".repeat(5_000);
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(70_000));
    let bodies = [
        "Samplewood",
        "[]",
        "null",
        "7",
        "{\"do\":7}",
        "{\"Samplewood\":1}",
        "{\"text\":{\"Samplewood\":1}}",
        "{\"do\":\"Samplewood\",\"token\":\"\"}",
        "{\"text\":\"\\u0000\"}",
        "{\"apart\":\"yes\",\"token\":\"\"}",
        "{\"unit\":\"mobile\",\"key\":\"wins\"}",
        "{\"dry_run\":\"Samplewood\"}",
        &deep,
        &large,
    ];
    for (method, path) in office.routes().await {
        for body in bodies {
            let (status, document) = office.ask(&method, &path, Some(WRITES), body).await;
            assert!(status < 500, "{method} {path} {status}");
            assert!(!document.to_string().contains("Samplewood"), "{method} {path}");
        }
    }
    for path in [
        "/api/review/people",
        "/api/review/people?text=%00",
        "/api/review/people?text=%ff%fe&text=a",
        "/api/review/people/%00",
        "/api/review/people/%ff",
        "/api/review/people/person1/steps?since=Samplewood",
        "/api/review/people/person1/steps?since=99999999999999999999",
        "/api/review/inbox?limit=-1",
        "/api/review/inbox?days=-1",
        "/api/review/inbox?snoozed=Samplewood",
        "/api/review/inbox?Samplewood=1",
        "/api/review/decisions?limit=Samplewood",
    ] {
        let (status, document) = office.ask("GET", path, Some(READS), "").await;
        assert!((400..=404).contains(&status), "{path}: {status}");
        assert!(!document.to_string().contains("Samplewood"), "{path}");
    }
    // What is strange and can be answered.
    for path in [
        "/api/review/inbox?days=4294967295",
        "/api/review/inbox?limit=0",
        "/api/review/inbox?after=Samplewood'--",
        "/api/review/inbox?unit=mobile'%20OR%20'1'='1",
        "/api/review/decisions?after=9999999999999999999999%20x",
    ] {
        assert_eq!(office.ask("GET", path, Some(READS), "").await.0, 200, "{path}");
    }
    assert_eq!(office.ask("DELETE", "/api/review/inbox", Some(WRITES), "").await.0, 405);
}

#[tokio::test]
async fn a_decision_on_what_was_changed_since_is_refused() {
    let office = Office::new().await;
    let (_, inbox) = office.ask("GET", "/api/review/inbox", Some(READS), "").await;
    let id = inbox["rows"][0]["id"].as_str().unwrap();
    let item = format!("/api/review/items/{id}");
    let (status, shown) = office.ask("GET", &item, Some(READS), "").await;
    assert_eq!(status, 200);
    office.put("+61491570156", "+61491570158").await;
    let decision = |token: &Json| json!({ "do": "take", "system": "crm", "token": token }).to_string();
    let decide = format!("{item}/decide");
    let (status, document) = office
        .ask("POST", &decide, Some(WRITES), &decision(&shown["token"]))
        .await;
    assert_eq!(status, 409, "{document}");
    assert!(!document.to_string().contains("61491"));
    let (_, shown) = office.ask("GET", &item, Some(READS), "").await;
    let two = [decision(&shown["token"]), decision(&shown["token"])];
    let (status, done) = office.ask("POST", &decide, Some(WRITES), &two[0]).await;
    assert_eq!(status, 200, "{done}");
    // The second of two who looked at the same card.
    let (status, _) = office.ask("POST", &decide, Some(WRITES), &two[1]).await;
    assert!([404, 409].contains(&status), "{status}");
    let lines = office.desk.store().latest_audit(None, true, 100).await.unwrap();
    assert!(
        lines
            .iter()
            .any(|(_, line)| line.event == "viewed" && line.reason.contains("to reads"))
    );
}

/// What of a schema a document does not keep to.
fn against(schema: &Json, document: &Json, at: &str, out: &mut Vec<String>) {
    let is = |kind: &str| match kind {
        "object" => document.is_object(),
        "array" => document.is_array(),
        "string" => document.is_string(),
        "integer" => document.is_i64(),
        "null" => document.is_null(),
        _ => false,
    };
    let kinds: Vec<&str> = match &schema["type"] {
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    if !kinds.iter().any(|kind| is(kind)) {
        out.push(format!("{at} is {document}"));
    }
    let words = schema["enum"].as_array();
    if words.is_some_and(|words| !words.contains(document)) {
        out.push(format!("{at} is {document}"));
    }
    if let Some(members) = document.as_object() {
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
        {
            if !members.contains_key(name) {
                out.push(format!("{at} has no {name}"));
            }
        }
        for (name, of) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = members.get(name) {
                against(of, value, &format!("{at}/{name}"), out);
            }
        }
    }
    for item in document.as_array().into_iter().flatten() {
        against(&schema["items"], item, at, out);
    }
}

#[tokio::test]
async fn what_stands_with_people_is_as_described_and_noted() {
    let office = Office::new().await;
    let (_, document) = office.ask("GET", "/api/openapi.json", Some(READS), "").await;
    let (_, inbox) = office.ask("GET", "/api/review/inbox", Some(READS), "").await;
    let id = inbox["rows"][0]["id"].as_str().unwrap();
    for (path, asked) in [
        ("/api/review/items/{id}", format!("/api/review/items/{id}")),
        ("/api/review/people/{id}", "/api/review/people/person1".into()),
    ] {
        let (status, shown) = office.ask("GET", &asked, Some(READS), "").await;
        assert_eq!(status, 200);
        let answer = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let mut wrong = vec![];
        against(answer, &shown, "", &mut wrong);
        assert_eq!(wrong, Vec::<String>::new());
        let affairs = shown["affairs"].as_array().map_or(&shown["affairs"], |all| &all[0]);
        assert_eq!(affairs["entity"], "person1");
        assert_eq!(affairs["balance"]["standing"], "not_followed");
    }
    // Months are what is known where appointments are not followed.
    let mut tx = office.desk.store().begin().await.unwrap();
    let months = json!({ "last": null, "next": "2026-12" }).to_string();
    tx.put_ledger("diary/visits", &[("Patient/halaxy-1".into(), months)])
        .await
        .unwrap();
    tx.put_meta("diary_visits", "1").await.unwrap();
    tx.commit().await.unwrap();
    let (_, shown) = office.ask("GET", "/api/review/people/person1", Some(READS), "").await;
    assert_eq!(shown["affairs"]["next_month"], "2026-12");
    let lines = office.desk.store().audit("person1").await.unwrap();
    let viewed = lines.iter().rfind(|line| line.event == "viewed").unwrap();
    assert_eq!(viewed.units, ["appointments"]);
}
