//! Work that serves several changes has a trace of its own; each change keeps its own from the read to the
//! write, linked with it. A backfill is followed as batches only. The collector is a stub.
#![allow(clippy::unwrap_used)]

#[path = "../../bridge/cli/tests/collector/mod.rs"]
mod collector;

use adapter_sandbox::CrmKind;
use bridge_tests::Practice;
use collector::{Collector, Span, names};
use halaxy_bridge::telemetry::{Export, LogFormat, Options, Telemetry};
use std::collections::BTreeSet;
use tokio::runtime::Runtime;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

#[test]
fn changes_that_share_a_batch_keep_traces_of_their_own() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Runtime::new().unwrap();
    let collector = runtime.block_on(Collector::start());
    let telemetry = Telemetry::start(Options {
        format: LogFormat::Text,
        usual: "warn".into(),
        writer: BoxMakeWriter::new(std::io::stderr),
        colours: false,
        traces: Export::To(collector.url.clone()),
        metrics: Export::Off,
        page: false,
        practice: Some("Sampleton Clinic".into()),
    });
    runtime.block_on(async {
        let practice = Practice::settled(CrmKind::Plain).await;
        practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
        practice.edit("halaxy", &practice.id("P2"), "mobile", "+61491570154");
        practice.sync().await;
    });
    telemetry.end();
    let spans = collector.spans();
    let named = |name: &'static str| spans.iter().filter(move |s| s.name == name);

    // The backfill made a record of Bruno and followed nobody.
    let backfill: Vec<&Span> = named("deliver")
        .filter(|s| !s.attributes.contains_key("entity"))
        .collect();
    let creation: Vec<&Span> = named("send").filter(|s| s.attributes["op"] == "create").collect();
    assert_eq!(creation.len(), 1, "{spans:#?}");
    assert!(
        backfill
            .iter()
            .any(|s| s.trace == creation[0].trace && s.links.is_empty())
    );

    // Two changes on one page, in one reconcile and one delivery.
    let delivered: Vec<&Span> = named("deliver")
        .filter(|s| s.attributes.contains_key("entity"))
        .collect();
    let traces: BTreeSet<&String> = delivered.iter().map(|s| &s.trace).collect();
    assert_eq!((delivered.len(), traces.len()), (2, 2), "{delivered:#?}");
    for one in &delivered {
        assert_eq!(one.attributes["outcome"], "applied");
        let own = names(&spans, &one.trace);
        for step in ["capture", "queue", "reconcile", "deliver"] {
            assert!(own.iter().any(|name| name == step), "{step} in {own:?}");
        }
        for step in ["capture", "reconcile", "deliver"] {
            let linked = |s: &&Span| s.trace == one.trace && s.name == step && s.links.len() == 1;
            let shared = spans.iter().find(linked).map(|s| &s.links[0]).unwrap();
            assert!(
                named(step).any(|s| s.trace == *shared),
                "the work that {step} was done with"
            );
            assert!(!traces.contains(shared), "is nobody's own");
        }
    }
    let shared = &delivered[0].links[0];
    assert_eq!(shared, &delivered[1].links[0], "one delivery served both");
    let done = names(&spans, shared);
    for step in ["guard", "send", "settle"] {
        assert!(done.iter().any(|name| name == step), "{step} in {done:?}");
    }
    let work = named("deliver").find(|s| s.trace == *shared).unwrap();
    let links: BTreeSet<&String> = work.links.iter().collect();
    assert_eq!(links, traces, "and it leads to both");
}
