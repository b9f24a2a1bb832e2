//! A practice at the stand-in of Halaxy, called in process on a clock of its own or over real HTTP.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod biller;

use adapter_halaxy::{HalaxyAdapter, HalaxyOptions};
use adapter_kit::conformance::{Fault, Person};
use adapter_kit::{
    Adapter, Clock, HttpRequest, HttpResponse, InProcess, Page, Transport, TransportError, TransportErrorKind,
};
use adapter_sandbox::{ConnectionCut, CsvPerson, Manners, Phase, Sandbox, SandboxOptions, Verdict};
use async_trait::async_trait;
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tower::ServiceExt;

/// 2026-03-02T10:15:00.300 in Melbourne.
pub const START: i64 = 1_772_406_900_300_000;

/// One clock for both sides.
pub struct SharedClock(pub Arc<adapter_kit::ManualClock>);

impl adapter_sandbox::Clock for SharedClock {
    fn now_micros(&self) -> i64 {
        self.0.now()
    }

    fn wait(&self, micros: u64) -> BoxFuture<'static, ()> {
        let clock = self.0.clone();
        Box::pin(async move { clock.sleep(Duration::from_micros(micros)).await })
    }
}

/// A stand-in with its people, and the clock it runs on.
pub struct Practice {
    pub sandbox: Arc<Sandbox>,
    pub clock: Arc<adapter_kit::ManualClock>,
}

impl Practice {
    pub fn new(manners: Manners, patients: usize) -> Practice {
        let clock = Arc::new(adapter_kit::ManualClock::new(START));
        let patients = (0..patients).map(|n| CsvPerson {
            id: format!("P{n}"),
            given_name: format!("Given{n}"),
            surname: format!("Samplewood{n}"),
            date_of_birth: "1988-04-17".into(),
            ..CsvPerson::default()
        });
        let options = SandboxOptions {
            seed: 7,
            manners,
            patients: patients.collect(),
            clock: Arc::new(SharedClock(clock.clone())),
            ..SandboxOptions::default()
        };
        Practice {
            sandbox: Sandbox::new(options),
            clock,
        }
    }

    pub fn options(&self) -> HalaxyOptions {
        options(&self.sandbox, "http://127.0.0.1:1")
    }

    pub fn adapter(&self) -> HalaxyAdapter {
        self.adapter_with(self.options())
    }

    pub fn adapter_with(&self, options: HalaxyOptions) -> HalaxyAdapter {
        HalaxyAdapter::new("halaxy", options, in_process(&self.sandbox), self.clock.clone()).expect("sound options")
    }

    /// API calls so far.
    pub fn calls(&self) -> usize {
        self.sandbox.calls_after(0).len()
    }

    pub fn switch(&self, patch: Json) {
        self.sandbox.set_switches("halaxy", &patch).expect("known switches");
    }

    pub fn edit(&self, id: &str, patch: Json) {
        self.sandbox
            .person_edit("halaxy", "Patient", id, &patch)
            .expect("an edit the screen takes");
    }

    pub fn ids(&self) -> BTreeSet<String> {
        ids(&self.sandbox)
    }

    pub fn person(&self) -> Receptionist {
        Receptionist {
            sandbox: self.sandbox.clone(),
        }
    }
}

pub fn options(sandbox: &Arc<Sandbox>, base: &str) -> HalaxyOptions {
    let halaxy = sandbox.endpoints(base).halaxy;
    HalaxyOptions::new(
        halaxy.base_url,
        halaxy.client_id,
        halaxy.client_secret.into(),
        "BridgeTest (it@sampleton.example)",
    )
}

pub fn ids(sandbox: &Sandbox) -> BTreeSet<String> {
    let records = sandbox.records("halaxy", "Patient").expect("patients");
    records
        .iter()
        .map(|record| record["id"].as_str().expect("an id").to_string())
        .collect()
}

/// Calls the stand-in's router without a network.
pub fn in_process(sandbox: &Arc<Sandbox>) -> Arc<dyn Transport> {
    let router = sandbox.router();
    Arc::new(InProcess::new(move |request: HttpRequest| {
        let router = router.clone();
        async move {
            let mut sent = axum::http::Request::builder()
                .method(request.method)
                .uri(request.url.as_str());
            if let Some(headers) = sent.headers_mut() {
                *headers = request.headers;
            }
            let sent = sent.body(axum::body::Body::from(request.body));
            let sent = sent.map_err(|_| TransportError::never_left(TransportErrorKind::NotAllowed))?;
            let answer = router.oneshot(sent).await.unwrap_or_else(|never| match never {});
            let broken = TransportError::may_have_landed(TransportErrorKind::Broken);
            if answer.extensions().get::<ConnectionCut>().is_some() {
                return Err(broken);
            }
            let (parts, body) = answer.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| broken)?;
            Ok(HttpResponse {
                status: parts.status,
                headers: parts.headers,
                body,
            })
        }
    }))
}

/// Follows the feed to its end.
pub async fn pass(adapter: &HalaxyAdapter, cursor: Option<String>) -> (Vec<Page>, String) {
    let mut pages = Vec::new();
    let mut cursor = cursor;
    loop {
        let page = adapter.changes("Patient", cursor.as_deref()).await.expect("a page");
        let (next, more) = (page.cursor.clone(), page.more);
        pages.push(page);
        if !more {
            return (pages, next);
        }
        cursor = Some(next);
    }
}

/// The ids on some pages.
pub fn seen(pages: &[Page]) -> BTreeSet<String> {
    pages
        .iter()
        .flat_map(|page| &page.records)
        .map(|record| record.id.clone())
        .collect()
}

/// Works at Halaxy's screens.
pub struct Receptionist {
    pub sandbox: Arc<Sandbox>,
}

#[async_trait]
impl Person for Receptionist {
    async fn create(&self, n: u32) -> String {
        self.sandbox
            .person_create("halaxy", "Patient", &self.body(n))
            .expect("a patient the screen takes")
    }

    async fn edit(&self, id: &str, n: u32) {
        let patch = json!({"address": [{"use": "home", "line": [format!("{n} Test Street")], "city": "Sampleton"}]});
        self.sandbox
            .person_edit("halaxy", "Patient", id, &patch)
            .expect("an edit the screen takes");
    }

    async fn remove(&self, id: &str) -> bool {
        self.sandbox.person_delete("halaxy", "Patient", id).is_ok()
    }

    async fn ids(&self) -> BTreeSet<String> {
        ids(&self.sandbox)
    }

    fn body(&self, n: u32) -> Json {
        json!({"resourceType": "Patient", "name": [{"use": "official", "given": [format!("Given{n}")], "family": "Samplewood"}],
            "telecom": [{"system": "email", "use": "home", "value": format!("p{n}@example.org")}]})
    }

    fn changed(&self, body: &Json, n: u32) -> Json {
        let mut body = body.clone();
        body["telecom"] = json!([{"system": "email", "use": "home", "value": format!("changed{n}@example.org")}]);
        body
    }

    fn shows_change(&self, body: &Json, n: u32) -> bool {
        body["telecom"][0]["value"] == format!("changed{n}@example.org")
    }

    fn shows_edit(&self, body: &Json, n: u32) -> bool {
        body["address"][0]["line"][0] == format!("{n} Test Street")
    }

    fn unknown_id(&self) -> String {
        "1".into()
    }

    async fn fault(&self, fault: Fault, writes: bool, count: u32) -> bool {
        let left = AtomicU32::new(count);
        self.sandbox.on_call(Box::new(move |call| {
            let phase = if fault == Fault::DropAfter {
                Phase::Applied
            } else {
                Phase::Arrived
            };
            let meant = call.path.contains("/Patient") && (call.method != "GET") == writes && call.phase == phase;
            let strike = |left: u32| left.checked_sub(1);
            if !meant || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, strike).is_err() {
                return Verdict::Go;
            }
            match fault {
                Fault::Status(status) => Verdict::Status(status),
                Fault::DropBefore | Fault::DropAfter => Verdict::Cut,
            }
        }));
        true
    }

    async fn calls(&self) -> Option<u64> {
        Some(
            self.sandbox
                .calls_after(0)
                .iter()
                .filter(|call| call.system == "halaxy")
                .count() as u64,
        )
    }
}
