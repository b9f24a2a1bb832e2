//! A client that calls the stand-ins in process, with a clock that stands still.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use adapter_sandbox::{
    Clock, ConnectionCut, CrmKind, CsvPerson, Endpoints, Manners, ManualClock, Sandbox, SandboxOptions,
};
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

pub mod books;

/// 2026-03-02T11:34:56.123456+11:00
pub const START: i64 = 1_772_411_696_123_456;
pub const BASE: &str = "http://stand-in.example";

pub struct Desk {
    pub sandbox: Arc<Sandbox>,
    pub clock: Arc<ManualClock>,
    pub at: Endpoints,
    /// Halaxy's bearer token.
    pub token: String,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
    pub cut: Option<ConnectionCut>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn rows(&self) -> &[Value] {
        self.body["results"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The resources of a Bundle.
    pub fn resources(&self) -> Vec<&Value> {
        self.body["entry"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| &entry["resource"])
            .collect()
    }

    pub fn ids(&self) -> Vec<String> {
        self.resources()
            .iter()
            .map(|resource| resource["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub fn people(count: usize) -> Vec<CsvPerson> {
    (1..=count)
        .map(|n| CsvPerson {
            id: format!("X{n}"),
            given_name: format!("Given{n:03}"),
            surname: format!("Family{:02}", n % 7),
            date_of_birth: format!("19{:02}-04-17", 40 + n % 50),
            sex: if n % 2 == 0 { "F" } else { "M" }.to_owned(),
            phone: format!("0491 570 {n:03}"),
            email: format!("Person{n}@Example.org"),
            street: "1 Test Street".into(),
            suburb: "Sampleton".into(),
            state: "VIC".into(),
            postcode: "3999".into(),
            medicare: String::new(),
        })
        .collect()
}

impl Desk {
    pub async fn open(manners: Manners, crm: CrmKind, patients: usize, contacts: usize) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let sandbox = Sandbox::new(SandboxOptions {
            seed: 7,
            manners,
            crm,
            patients: people(patients),
            contacts: people(contacts),
            clock: clock.clone(),
        });
        let at = sandbox.endpoints(BASE);
        let mut desk = Self {
            sandbox,
            clock,
            at,
            token: String::new(),
        };
        if manners != Manners::Nasty {
            desk.sign_in().await;
        }
        desk
    }

    pub async fn sign_in(&mut self) {
        let body = json!({"grant_type": "client_credentials", "client_id": self.at.halaxy.client_id, "client_secret": self.at.halaxy.client_secret});
        let answer = self
            .raw(
                "POST",
                "/halaxy/main/oauth/token",
                &agent("application/json"),
                body.to_string(),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        self.token = answer.body["access_token"].as_str().unwrap().to_owned();
    }

    pub fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    pub fn now(&self) -> i64 {
        self.clock.now_micros()
    }

    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, String)], body: String) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "stand-in.example");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = self
            .sandbox
            .router()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let cut = parts.extensions.get::<ConnectionCut>().copied();
        let bytes = match axum::body::to_bytes(body, usize::MAX).await {
            Ok(bytes) => bytes,
            Err(_) => {
                assert!(cut.is_some());
                Default::default()
            }
        };
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            text: String::from_utf8(bytes.to_vec()).unwrap(),
            cut,
        }
    }

    pub async fn halaxy(&self, method: &str, path: &str, body: Value) -> Answer {
        let kind = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/fhir+json"
        };
        let mut headers = agent(kind);
        headers.push(("authorization", format!("Bearer {}", self.token)));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.raw(method, &format!("/halaxy/main/{path}"), &headers, body).await
    }

    pub async fn hubspot(&self, method: &str, path: &str, body: Value) -> Answer {
        let headers = [
            ("authorization", format!("Bearer {}", self.at.crm.token)),
            ("content-type", "application/json".to_owned()),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.raw(method, &format!("/hubspot/{path}"), &headers, body).await
    }

    pub async fn plain(&self, method: &str, path: &str, body: Value) -> Answer {
        let headers = [
            ("x-api-key", self.at.crm.token.clone()),
            ("content-type", "application/json".to_owned()),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.raw(method, &format!("/plain/{path}"), &headers, body).await
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.raw(method, &format!("/control/{path}"), &[], body).await
    }
}

pub fn agent(content_type: &str) -> Vec<(&'static str, String)> {
    vec![
        ("user-agent", "TEST (it@example.org)".to_owned()),
        ("content-type", content_type.to_owned()),
    ]
}
