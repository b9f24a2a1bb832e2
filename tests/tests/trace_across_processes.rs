//! One edit is one trace, whichever process takes its next step: this process captures, announces and
//! delivers, another one reconciles what it takes from RabbitMQ. The collector is a stub.
#![allow(clippy::unwrap_used)]

#[path = "../../bridge/queue/tests/broker/mod.rs"]
mod broker;
#[path = "../../bridge/cli/tests/collector/mod.rs"]
mod collector;

use adapter_kit::{Clock, SystemClock};
use adapter_sandbox::CrmKind;
use bridge_engine::{Engine, RandomIds};
use bridge_tests::{Practice, now};
use collector::{Collector, Span};
use halaxy_bridge::telemetry::{Export, LogFormat, Options, Telemetry};
use halaxy_bridge::{config, wiring};
use std::process::Command;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// Set for the process that reconciles: the folder of the configuration.
const FOLDER: &str = "HALAXY_BRIDGE_TEST_WORKER_FOLDER";
const COLLECTOR: &str = "HALAXY_BRIDGE_TEST_WORKER_COLLECTOR";

fn telemetry(collector: &str) -> Telemetry {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Telemetry::start(Options {
        format: LogFormat::Text,
        usual: "warn".into(),
        writer: BoxMakeWriter::new(std::io::stderr),
        colours: false,
        traces: Export::To(collector.into()),
        metrics: Export::Off,
        page: false,
        practice: Some("Sampleton Clinic".into()),
    })
}

/// The other process: reconciles until it has done something. Alone it is not a test.
#[test]
fn worker() {
    let (Ok(folder), Ok(collector)) = (std::env::var(FOLDER), std::env::var(COLLECTOR)) else {
        return;
    };
    let telemetry = telemetry(&collector);
    let work = async {
        let config = config::load(&std::path::Path::new(&folder).join("bridge.toml")).unwrap();
        let store = wiring::store(&config).await.unwrap();
        let adapters = wiring::adapters(&config, &store).unwrap();
        let settings = wiring::settings(&config, &adapters);
        let queue = wiring::queue(&config).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let engine = Engine::attend(settings, store, queue, clock, Arc::new(RandomIds));
        while engine.assist().await.unwrap() == 0 {
            engine.announced().await;
        }
    };
    Runtime::new().unwrap().block_on(work);
    telemetry.end();
}

#[test]
fn one_edit_is_one_trace_over_two_processes_and_rabbitmq() {
    let rabbit = broker::any();
    let runtime = Runtime::new().unwrap();
    let collector = runtime.block_on(Collector::start());
    let telemetry = telemetry(&collector.url);
    runtime.block_on(async {
        let mut practice = Practice::settled(CrmKind::Plain).await;
        let config = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
        let url = url::Url::parse(&rabbit.url).unwrap();
        let mut bare = url.clone();
        bare.set_username("").unwrap();
        bare.set_password(None).unwrap();
        practice.write("amqp.secret", url.password().unwrap_or("guest"));
        let queue = format!(
            "[queue]\nurl = \"{bare}\"\nuser = \"{}\"\npassword = \"file:amqp.secret\"\n[systems.halaxy]",
            url.username()
        );
        let name = format!("Sampleton Clinic {}", uuid::Uuid::now_v7());
        let config = config
            .replace("[systems.halaxy]", &queue)
            .replace("Sampleton Clinic", &name);
        practice.configure("bridge.toml", &config).await;
        practice.sync().await;
        // A process that takes messages would be given its own.
        practice.reopen().await;

        // Here it is seen, announced, ...
        practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
        practice.engine.poll_now();
        practice.engine.observe(now()).await.unwrap();
        assert_eq!(practice.engine.announce().await.unwrap(), 1);
        // ... there it is judged ...
        let worker = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "worker"])
            .env(FOLDER, practice.folder.path())
            .env(COLLECTOR, &collector.url)
            .env("OTEL_SERVICE_NAME", "worker")
            .output();
        let worker = worker.unwrap();
        assert!(worker.status.success(), "{}", String::from_utf8_lossy(&worker.stderr));
        // ... and here it is delivered.
        practice.engine.step(now()).await.unwrap();
        assert_eq!(practice.shows("crm", &practice.id("C1"), "mobile"), "+61491570158");
    });
    telemetry.end();
    let spans = collector.spans();
    let judged: Vec<&Span> = spans
        .iter()
        .filter(|s| s.process == "worker" && s.name == "reconcile")
        .collect();
    assert_eq!(judged.len(), 1, "{spans:#?}");
    let own: Vec<(&str, &str)> = spans
        .iter()
        .filter(|s| s.trace == judged[0].trace)
        .map(|s| (s.process.as_str(), s.name.as_str()))
        .collect();
    for name in ["capture", "queue", "guard", "send", "settle", "deliver"] {
        assert!(own.contains(&("halaxy-bridge", name)), "{name} in {own:?}");
    }
    let parent = spans.iter().find(|s| s.id == judged[0].parent).unwrap();
    assert_eq!(
        (parent.process.as_str(), parent.name.as_str()),
        ("halaxy-bridge", "queue")
    );
}
