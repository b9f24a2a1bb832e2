//! `xero.toml` keeps what every accounting adapter promises, against the strict stand-in in all its manners.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::conformance::books::{Bookkeeper, Scene, run};
use adapter_kit::{Accounting, TokenStore, TokenStoreError};
use adapter_rest::{Connector, RestBooks, RestOptions};
use adapter_sandbox::{CrmKind, Manners, Sandbox, SandboxOptions};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use bridge_core::ledger::{Currency, DocumentKind};
use common::{BASE, TestClock, clock, over};
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

struct Shared(Arc<TestClock>);

impl adapter_sandbox::Clock for Shared {
    fn now_micros(&self) -> i64 {
        self.0.now_for_test()
    }

    fn wait(&self, micros: u64) -> futures::future::BoxFuture<'static, ()> {
        let clock = self.0.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_micros(micros));
        })
    }
}

#[derive(Default)]
struct Drawer(Mutex<Option<String>>);

#[async_trait::async_trait]
impl TokenStore for Drawer {
    async fn load(&self) -> Result<Option<SecretString>, TokenStoreError> {
        Ok(self.0.lock().unwrap().clone().map(Into::into))
    }

    async fn store(&self, token: &SecretString) -> Result<(), TokenStoreError> {
        *self.0.lock().unwrap() = Some(token.expose_secret().to_string());
        Ok(())
    }
}

struct Office {
    sandbox: Arc<Sandbox>,
    clock: Arc<TestClock>,
    books: RestBooks,
    drawer: Arc<Drawer>,
}

fn office(manners: Manners) -> Office {
    seeded(manners, 7)
}

fn seeded(manners: Manners, seed: u64) -> Office {
    let clock = clock();
    let sandbox = Sandbox::new(SandboxOptions {
        seed,
        manners,
        crm: CrmKind::Plain,
        patients: Vec::new(),
        contacts: Vec::new(),
        clock: Arc::new(Shared(clock.clone())),
    });
    let drawer = Arc::new(Drawer(Mutex::new(Some(sandbox.endpoints(BASE).books.refresh_token))));
    let books = connected(&sandbox, &clock, &drawer);
    Office {
        sandbox,
        clock,
        books,
        drawer,
    }
}

fn connected(sandbox: &Arc<Sandbox>, clock: &Arc<TestClock>, drawer: &Arc<Drawer>) -> RestBooks {
    let at = sandbox.endpoints(BASE).books;
    let text = adapter_rest::shipped::connector("xero").unwrap();
    let options = RestOptions {
        base_url: Some(at.base_url),
        token_url: Some(at.token_url),
        secrets: [("client_secret".to_string(), at.client_secret.into())].into(),
        settings: [
            ("client_id".to_string(), at.client_id),
            ("tenant_id".to_string(), at.tenant_id),
        ]
        .into(),
        ..RestOptions::default()
    };
    let connector = Connector::parse("xero", text).unwrap();
    let transport = over(sandbox.router(), clock);
    RestBooks::new(
        "books",
        connector,
        options,
        transport,
        clock.clone(),
        Some(drawer.clone()),
    )
    .unwrap()
}

/// As another process finds it.
fn another(office: &Office) -> RestBooks {
    connected(&office.sandbox, &office.clock, &office.drawer)
}

impl Office {
    async fn control(&self, method: &str, path: &str, body: &Json) -> Json {
        let request = Request::builder()
            .method(method)
            .uri(format!("/control/{path}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn scene(&self) -> Scene {
        Scene {
            prefix: "HX".into(),
            today: Date::constant(2026, 3, 2),
            currency: Currency::new("AUD").unwrap(),
            income: "201".into(),
            taxed: "OUTPUT".into(),
            free: "EXEMPTOUTPUT".into(),
            bank: "090".into(),
            clearing: "651".into(),
            deposits: "850".into(),
            archived: Some("299".into()),
            tracking: Some(("Location".into(), "Testville".into())),
        }
    }
}

#[async_trait::async_trait]
impl Bookkeeper for Office {
    async fn lock(&self, to: Option<Date>) -> bool {
        let patch = json!({"PeriodLockDate": to.map(|date| date.to_string())});
        self.control("PATCH", "records/books/organisation/any", &patch).await;
        true
    }

    async fn touch(&self, kind: DocumentKind, remote_id: &str) -> bool {
        if kind != DocumentKind::Invoice {
            return false;
        }
        let patch = json!({"Reference": "somebody was here"});
        self.control("PATCH", &format!("records/books/invoices/{remote_id}"), &patch)
            .await;
        true
    }

    async fn wait(&self, by: Duration) {
        self.clock.advance(by);
    }
}

async fn conforms(manners: Manners, seed: u64) {
    let office = seeded(manners, seed);
    // Without a grace, a lost answer to a renewal ends the sign-in: that is for a person. A key that is forgotten
    // within a minute proves nothing: whoever waits for limits meanwhile has to look first, as the ledger does.
    let patch = json!({"refresh_grace_seconds": 1800, "idempotency_seconds": 360});
    office.control("PATCH", "switches/books", &patch).await;
    let report = run(&office.books, &office.scene(), &office).await;
    assert!(report.failures().is_empty(), "seed {seed}:\n{report}");
    let balance = office.control("GET", "books/trial-balance", &json!({})).await;
    assert_eq!(balance["balanced"], true);
}

#[tokio::test]
async fn polite_books() {
    conforms(Manners::Polite, 7).await;
}

#[tokio::test]
async fn real_books() {
    conforms(Manners::Real, 7).await;
}

#[tokio::test]
async fn nasty_books() {
    for seed in 1..=6 {
        conforms(Manners::Nasty, seed).await;
    }
}

/// A refresh token that works once: the new one is stored before its access token is used, and an answer that
/// is lost is asked for again as long as the product lets.
#[tokio::test]
async fn the_sign_in_is_renewed_again_and_again() {
    let office = office(Manners::Polite);
    let mut seen = vec![office.drawer.0.lock().unwrap().clone()];
    for round in 0..4 {
        if round == 2 {
            let lost = json!({"system": "books", "fault": "drop_after", "path_contains": "connect/token", "count": 1});
            office.control("POST", "faults", &lost).await;
        }
        office.books.books().await.unwrap();
        let now = office.drawer.0.lock().unwrap().clone();
        assert!(!seen.contains(&now), "every renewal gives another");
        seen.push(now);
        office.clock.advance(Duration::from_secs(1_801));
    }

    let patch = json!({"refresh_grace_seconds": 0});
    office.control("PATCH", "switches/books", &patch).await;
    let lost = json!({"system": "books", "fault": "drop_after", "path_contains": "connect/token", "count": 1});
    office.control("POST", "faults", &lost).await;
    let error = office.books.books().await.unwrap_err();
    assert_eq!(
        (error.failure, error.code.as_str()),
        (adapter_kit::Failure::Auth, "invalid_grant")
    );
}

/// The process ends between storing the new refresh token and using its access token: the next one goes on.
#[tokio::test]
async fn killed_between_storing_and_using() {
    let office = office(Manners::Polite);
    office.books.books().await.unwrap();
    let again = another(&office);
    again.books().await.unwrap();
    // The first one, if it still lived, would find what the second stored.
    office.clock.advance(Duration::from_secs(1_801));
    office.books.books().await.unwrap();
}
