//! Adapters over stand-ins that are called in process, with a clock that moves only when told.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use adapter_kit::{
    Adapter, Answer, Clock, HttpRequest, HttpResponse, InProcess, Outgoing, Page, Read, Remote, Transport,
    TransportError, TransportErrorKind,
};
use adapter_rest::{Connector, RestAdapter, RestOptions};
use adapter_sandbox::{ConnectionCut, CrmKind, CsvPerson, Manners, Sandbox, SandboxOptions};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures::future::BoxFuture;
use serde_json::Value as Json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tower::ServiceExt;

pub mod books;
pub mod stub;

/// 2026-03-02T00:34:56.123456Z
pub const START: i64 = 1_772_411_696_123_456;
pub const BASE: &str = "http://localhost:9";
pub const KIND: &str = "contacts";

/// One clock for the adapter and the stand-in.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn now_for_test(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::task::yield_now().await;
        self.advance(duration);
    }
}

/// The stand-in's view of the same clock.
struct Shared(Arc<TestClock>);

impl adapter_sandbox::Clock for Shared {
    fn now_micros(&self) -> i64 {
        self.0.now()
    }

    fn wait(&self, micros: u64) -> BoxFuture<'static, ()> {
        self.0.advance(Duration::from_micros(micros));
        Box::pin(async {})
    }
}

pub fn clock() -> Arc<TestClock> {
    Arc::new(TestClock(AtomicI64::new(START)))
}

/// A router as a transport; a call takes ten milliseconds.
pub fn over(router: Router, clock: &Arc<TestClock>) -> Arc<dyn Transport> {
    let clock = clock.clone();
    Arc::new(InProcess::new(move |request: HttpRequest| {
        let (router, clock) = (router.clone(), clock.clone());
        async move {
            clock.advance(Duration::from_millis(10));
            let mut sent = Request::builder().method(request.method).uri(request.url.as_str());
            for (name, value) in &request.headers {
                sent = sent.header(name, value);
            }
            let host = request.url.host_str().unwrap().to_string();
            let sent = sent.header("host", host).body(Body::from(request.body)).unwrap();
            let answer = router.oneshot(sent).await.unwrap();
            if answer.extensions().get::<ConnectionCut>().is_some() {
                return Err(TransportError::may_have_landed(TransportErrorKind::Broken));
            }
            let (parts, body) = answer.into_parts();
            let body = to_bytes(body, 1 << 24)
                .await
                .map_err(|_| TransportError::may_have_landed(TransportErrorKind::Broken))?;
            Ok(HttpResponse {
                status: parts.status,
                headers: parts.headers,
                body,
            })
        }
    }))
}

/// A shipped connector over its stand-in.
pub struct Desk {
    pub sandbox: Arc<Sandbox>,
    pub clock: Arc<TestClock>,
    pub adapter: RestAdapter,
}

pub const HUBSPOT_MEMBERS: [&str; 10] = [
    "properties.firstname",
    "properties.lastname",
    "properties.email",
    "properties.mobilephone",
    "properties.phone",
    "properties.date_of_birth",
    "properties.preferred_name",
    "properties.halaxy_deceased",
    "properties.halaxy_status",
    "properties.halaxy_patient_id",
];

pub fn people(count: usize) -> Vec<CsvPerson> {
    (1..=count)
        .map(|n| CsvPerson {
            id: format!("X{n}"),
            given_name: format!("Given{n:03}"),
            surname: format!("Family{:02}", n % 7),
            date_of_birth: format!("19{:02}-04-17", 40 + n % 50),
            sex: if n % 2 == 0 { "F" } else { "M" }.to_owned(),
            phone: format!("0491 570 {n:03}"),
            email: format!("person{n}@example.org"),
            street: "1 Test Street".into(),
            suburb: "Sampleton".into(),
            state: "VIC".into(),
            postcode: "3999".into(),
            medicare: String::new(),
        })
        .collect()
}

impl Desk {
    pub fn hubspot(manners: Manners, contacts: usize) -> Desk {
        Desk::open(CrmKind::Hubspot, manners, contacts)
    }

    pub fn plain(manners: Manners, contacts: usize) -> Desk {
        Desk::open(CrmKind::Plain, manners, contacts)
    }

    fn open(crm: CrmKind, manners: Manners, contacts: usize) -> Desk {
        let clock = clock();
        let sandbox = Sandbox::new(SandboxOptions {
            seed: 7,
            manners,
            crm,
            patients: Vec::new(),
            contacts: people(contacts),
            clock: Arc::new(Shared(clock.clone())),
        });
        let endpoint = sandbox.endpoints(BASE).crm;
        let (name, members) = match crm {
            CrmKind::Hubspot => ("hubspot", HUBSPOT_MEMBERS.map(str::to_string).to_vec()),
            CrmKind::Plain => ("example-crm", vec!["first_name".to_string(), "email".to_string()]),
        };
        let connector = Connector::parse(name, adapter_rest::shipped::connector(name).unwrap()).unwrap();
        let options = RestOptions {
            base_url: Some(endpoint.base_url),
            secrets: [("token".to_string(), endpoint.token.into())].into(),
            members: [(KIND.to_string(), members)].into(),
            ..RestOptions::default()
        };
        let transport = over(sandbox.router(), &clock);
        let adapter = RestAdapter::new("crm", connector, options, transport, clock.clone(), None).unwrap();
        Desk {
            sandbox,
            clock,
            adapter,
        }
    }

    pub async fn prepared(manners: Manners, contacts: usize) -> Desk {
        let desk = Desk::hubspot(manners, contacts);
        desk.adapter.prepare(KIND, true).await.unwrap();
        desk
    }

    /// Pages of changes until there are no more: records, last cursor.
    pub async fn changes(&self, cursor: Option<&str>) -> (Vec<Remote>, String) {
        let (pages, cursor) = pages(&self.adapter, cursor).await;
        (pages.into_iter().flat_map(|page| page.records).collect(), cursor)
    }

    pub async fn listing(&self) -> Vec<Remote> {
        let mut records = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self.adapter.listing(KIND, cursor.as_deref()).await.unwrap();
            records.extend(page.records);
            if !page.more {
                return records;
            }
            cursor = Some(page.cursor);
        }
    }

    pub async fn read(&self, id: &str) -> Read {
        self.adapter.read(KIND, &[id.to_string()]).await.unwrap().remove(0)
    }

    pub async fn found(&self, id: &str) -> Remote {
        match self.read(id).await {
            Read::Found(record) => *record,
            other => panic!("{other:?}"),
        }
    }

    pub async fn create(&self, reference: &str, body: Json) -> Answer {
        let create = Outgoing::Create {
            key: format!("key-{reference}"),
            reference: reference.into(),
            body,
        };
        self.adapter.write(KIND, vec![create]).await.remove(0)
    }

    /// Changes one record the way the engine does: read, change, send.
    pub async fn update(&self, id: &str, change: impl FnOnce(&mut Json)) -> Answer {
        let record = self.found(id).await;
        self.adapter.write(KIND, vec![update(&record, change)]).await.remove(0)
    }

    pub fn calls_since(&self, n: u64) -> Vec<String> {
        self.sandbox
            .calls_after(n)
            .iter()
            .map(|call| format!("{} {}", call.method, call.path))
            .collect()
    }

    pub fn last_call(&self) -> u64 {
        self.sandbox.calls_after(0).last().map_or(0, |call| call.n)
    }
}

pub fn update(record: &Remote, change: impl FnOnce(&mut Json)) -> Outgoing {
    let mut after = record.body.clone();
    change(&mut after);
    Outgoing::Update {
        key: format!("key-{}", record.id),
        id: record.id.clone(),
        before: record.body.clone(),
        after,
        version: record.version.clone(),
    }
}

pub async fn pages(adapter: &dyn Adapter, cursor: Option<&str>) -> (Vec<Page>, String) {
    let mut pages: Vec<Page> = Vec::new();
    let mut cursor = cursor.map(str::to_string);
    loop {
        let page = adapter.changes(KIND, cursor.as_deref()).await.unwrap();
        let (more, next) = (page.more, page.cursor.clone());
        pages.push(page);
        assert!(pages.len() < 1_000, "the pass never ends");
        if !more {
            return (pages, next);
        }
        cursor = Some(next);
    }
}

pub fn applied(answer: Answer) -> (String, Option<Box<Remote>>) {
    match answer {
        Answer::Applied { id, record } => (id, record),
        other => panic!("{other:?}"),
    }
}

/// An id as text.
pub fn text(id: &Json) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_string)
}
