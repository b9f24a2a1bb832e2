//! Promise 12 for those who watch: every personal value of a practice carries a mark, everything that can
//! happen to it happens, and the mark is in no log line, trace, metric, queue message, event, page or answer.
//! The collector is a stub that keeps every byte it is sent.
#![allow(clippy::unwrap_used)]

#[path = "../../bridge/cli/tests/collector/mod.rs"]
mod collector;

use adapter_kit::{Clock, SystemClock};
use adapter_sandbox::{CrmKind, CsvPerson, FaultKind, Manners};
use axum::body::Body;
use axum::http::Request;
use bridge_admin::health::{self, Watch};
use bridge_admin::{metrics, router};
use bridge_engine::vitals::Limits;
use bridge_engine::{Engine, RandomIds, Stream};
use bridge_queue::{Claim, Depth, Embedded, Published, Queue, QueueError, Topic, Wake};
use bridge_stream::document;
use bridge_tests::{Practice, fault, person};
use collector::Collector;
use halaxy_bridge::telemetry::{Export, LogFormat, Options, Telemetry};
use halaxy_bridge::{config, wiring};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tower::ServiceExt;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// In every name, mailbox, address; and the middle of every number, and the years of birth.
const MARKS: [&str; 5] = ["qzx", "Qzx", "9157015", "1917-0", "1918-0"];

/// A queue that keeps a copy of every message.
#[derive(Default)]
struct Tapped {
    queue: Embedded,
    messages: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Queue for Tapped {
    async fn publish(&self, wakes: &[Wake]) -> Result<Published, QueueError> {
        self.messages
            .lock()
            .unwrap()
            .extend(wakes.iter().map(|w| format!("{w:?}")));
        self.queue.publish(wakes).await
    }
    async fn claim(&self, topic: &Topic, count: usize, now: i64, lease: i64) -> Result<Vec<Claim>, QueueError> {
        self.queue.claim(topic, count, now, lease).await
    }
    async fn extend(&self, claims: &[Claim], now: i64, lease: i64) -> Result<Vec<u64>, QueueError> {
        self.queue.extend(claims, now, lease).await
    }
    async fn ack(&self, claims: &[Claim]) -> Result<(), QueueError> {
        self.queue.ack(claims).await
    }
    async fn retry(&self, claim: &Claim, at: i64) -> Result<(), QueueError> {
        self.queue.retry(claim, at).await
    }
    async fn bury(&self, claim: &Claim, reason: &str) -> Result<(), QueueError> {
        self.queue.bury(claim, reason).await
    }
    async fn buried(&self, topic: &Topic) -> Result<Vec<(Wake, String)>, QueueError> {
        self.queue.buried(topic).await
    }
    async fn depth(&self, topic: &Topic) -> Result<Depth, QueueError> {
        self.queue.depth(topic).await
    }
    async fn wait(&self, topic: &Topic) -> Result<(), QueueError> {
        self.queue.wait(topic).await
    }
    async fn next_at(&self, topic: &Topic) -> Result<Option<i64>, QueueError> {
        self.queue.next_at(topic).await
    }
}

/// The practice's engine over another queue.
async fn with_queue(practice: &mut Practice, queue: Arc<dyn Queue>) {
    let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    practice.engine = wiring::desk(&config).await.unwrap(); // lets the lock go
    let (store, lock) = wiring::drive(&config).await.unwrap();
    let adapters = wiring::adapters(&config, &store).unwrap();
    let settings = wiring::settings(&config, &adapters);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let engine = Engine::start(settings, store, queue, clock, Arc::new(RandomIds)).await;
    let stream = Stream {
        include_first_read: true,
        keep: Duration::from_secs(86_400),
        subscribers: vec!["sheet".into()],
    };
    practice.engine = engine.unwrap().telling(stream).holding(lock);
}

/// Somebody all of whose values carry a mark.
fn marked(id: &str, given: &str, born: &str, number: u32) -> CsvPerson {
    CsvPerson {
        street: "7 Qzx Street".into(),
        suburb: "Qzxville".into(),
        state: "VIC".into(),
        postcode: "3999".into(),
        ..person(
            id,
            &format!("{given}qzx"),
            "Samplewoodqzx",
            born,
            &format!("+6149157015{number}"),
            &format!("{given}@qzx.example"),
        )
    }
}

/// A place for log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Backfill, edits, a conflict, refusals that quote what was sent, lost answers, a changed name, a newcomer.
async fn live(practice: &mut Practice, queue: Arc<dyn Queue>) {
    with_queue(practice, queue).await;
    practice.sync().await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    practice.sync().await;
    practice.edit("halaxy", &patient, "email", "one@qzx.example");
    practice.edit("crm", &contact, "email", "two@qzx.example");
    practice.sync().await;
    let entity = practice.entity("crm", &contact).await;
    assert_eq!(entity.conflicts.len(), 1, "a conflict");
    practice.decide(&entity.id, "email", "crm").await;
    practice.sync().await;
    // The mailbox of somebody else, and one that is none: the CRM's refusals quote them.
    practice.edit("halaxy", &patient, "email", "bruno@qzx.example");
    practice.sync().await;
    practice.edit("halaxy", &patient, "email", "miriam@qzx");
    practice.edit("crm", &contact, "mobile", "+61491570154");
    practice.sandbox.set_faults(vec![
        fault("halaxy", FaultKind::Status, "PATCH", "/Patient/"),
        fault("crm", FaultKind::DropAfter, "POST", "/batch/update"),
        fault("crm", FaultKind::Status, "POST", "/search"),
    ]);
    practice.rounds(3).await;
    practice.sync().await;
    practice.edit("crm", &contact, "family", "Otherqzx");
    practice.edit(
        "crm",
        &practice.counterpart("halaxy", &practice.id("P2")).await,
        "given",
        "Brunellaqzx",
    );
    practice.sync().await;
    practice.sweep().await;
}

#[test]
fn promise_12_nothing_that_watchers_see_carries_a_personal_value() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Runtime::new().unwrap();
    let collector = runtime.block_on(Collector::start());
    let lines = Lines::default();
    let writer = lines.clone();
    let telemetry = Telemetry::start(Options {
        format: LogFormat::Json,
        usual: "debug".into(),
        writer: BoxMakeWriter::new(move || writer.clone()),
        colours: false,
        traces: Export::To(collector.url.clone()),
        metrics: Export::To(collector.url.clone()),
        page: true,
        practice: Some("Sampleton Clinic".into()),
    });
    let queue = Arc::new(Tapped::default());
    let (pages, events) = runtime.block_on(async {
        let patients = vec![
            marked("P1", "Miriam", "1917-04-17", 6),
            marked("P2", "Bruno", "1918-02-01", 3),
        ];
        let contacts = vec![marked("C1", "Miriam", "1917-04-17", 6)];
        let mut practice = Practice::start(CrmKind::Hubspot, Manners::Polite, patients, contacts).await;
        live(&mut practice, queue.clone()).await;
        let watch = Watch::new(Limits::default());
        metrics::show(&watch);
        watch.look(&practice.engine).await;
        let app = router([
            health::router(watch.clone()),
            metrics::router(telemetry.registry().unwrap().clone()),
        ]);
        let mut pages = vec![];
        for path in ["/health", "/ready", "/status.json", "/metrics"] {
            let answer = app
                .clone()
                .oneshot(Request::get(path).body(Body::empty()).unwrap())
                .await;
            let body = axum::body::to_bytes(answer.unwrap().into_body(), usize::MAX).await;
            pages.push(String::from_utf8(body.unwrap().to_vec()).unwrap());
        }
        let store = practice.engine.store();
        let stream = store.stream().await.unwrap().unwrap();
        let events = store.events(0, 10_000).await.unwrap();
        let events = events
            .iter()
            .map(|event| document::document("Sampleton Clinic", &stream, event).to_string());
        (pages.join("\n"), events.collect::<Vec<_>>().join("\n"))
    });
    telemetry.end();

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let messages = queue.messages.lock().unwrap().join("\n");
    let got = collector.text();
    // What is searched is there, and tells of all that happened.
    let spans = collector.spans();
    let outcomes: Vec<&String> = spans.iter().filter_map(|s| s.attributes.get("outcome")).collect();
    for outcome in ["applied", "refused", "unknown"] {
        assert!(outcomes.iter().any(|o| *o == outcome), "{outcome} in {outcomes:?}");
    }
    for name in [
        "capture",
        "queue",
        "reconcile",
        "deliver",
        "settle unknown",
        "POST token",
    ] {
        assert!(spans.iter().any(|s| s.name == name), "{name}");
    }
    assert!(log.lines().count() > 50, "there is a log: {log}");
    assert!(
        log.lines().all(|line| line.starts_with('{')),
        "one JSON object a line: {log}"
    );
    assert!(
        messages.contains("Reconcile") && messages.contains("trace: Some"),
        "{messages}"
    );
    assert!(collector.metrics().len() > 15, "{:?}", collector.metrics());
    assert!(
        pages.contains("bridge_writes_total") && pages.contains("\"systems\""),
        "{pages}"
    );
    for word in [
        "crm.contacts.created",
        "halaxy.patient.updated",
        "\"trace\":\"00-",
        "mobile",
    ] {
        assert!(events.contains(word), "{word} in {events}");
    }
    for mark in MARKS {
        for (what, text) in [
            ("log", &log),
            ("collector", &got),
            ("queue", &messages),
            ("events", &events),
            ("page", &pages),
        ] {
            let found = text
                .find(mark)
                .map(|at| &text[at.saturating_sub(100)..text.len().min(at + 50)]);
            assert_eq!(found, None, "{mark} in the {what}");
        }
    }
}
