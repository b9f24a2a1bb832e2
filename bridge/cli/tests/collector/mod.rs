//! A stub of an OpenTelemetry collector: takes OTLP over HTTP and keeps what it got.
#![allow(dead_code)]

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// A span as it arrived.
#[derive(Clone, Debug)]
pub struct Span {
    pub trace: String,
    pub id: String,
    /// Empty for a root.
    pub parent: String,
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    /// Traces it is linked to.
    pub links: Vec<String>,
    pub process: String,
    pub began: u64,
}

#[derive(Default)]
struct Got {
    spans: Vec<Span>,
    metrics: BTreeSet<String>,
    /// Every body, as text: strings stand in protobuf as they are.
    bodies: Vec<String>,
}

/// The stub, at a port of its own.
#[derive(Clone)]
pub struct Collector {
    pub url: String,
    got: Arc<Mutex<Got>>,
    news: Arc<Notify>,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            got: Arc::default(),
            news: Arc::default(),
        };
        let app = axum::Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/metrics", post(metrics))
            .with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        collector
    }

    pub fn spans(&self) -> Vec<Span> {
        self.got.lock().unwrap().spans.clone()
    }

    pub fn metrics(&self) -> BTreeSet<String> {
        self.got.lock().unwrap().metrics.clone()
    }

    /// Everything that arrived.
    pub fn text(&self) -> String {
        self.got.lock().unwrap().bodies.join("\n")
    }

    /// Waits until the spans that arrived show something.
    pub async fn until<T>(&self, what: &str, shows: impl Fn(&[Span]) -> Option<T>) -> T {
        let shown = async {
            loop {
                let news = self.news.notified();
                if let Some(shown) = shows(&self.spans()) {
                    return shown;
                }
                news.await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), shown).await {
            Ok(shown) => shown,
            Err(_) => panic!("the collector never got {what}: {:#?}", self.spans()),
        }
    }
}

/// Names of the spans of one trace, in the order they began.
pub fn names(spans: &[Span], trace: &str) -> Vec<String> {
    let mut own: Vec<&Span> = spans.iter().filter(|s| s.trace == trace).collect();
    own.sort_by_key(|s| s.began);
    own.into_iter().map(|s| s.name.clone()).collect()
}

async fn traces(State(collector): State<Collector>, body: Bytes) -> Bytes {
    let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let mut got = collector.got.lock().unwrap();
    for resource in request.resource_spans {
        let about = attributes(&resource.resource.map(|r| r.attributes).unwrap_or_default());
        let process = about.get("service.name").cloned().unwrap_or_default();
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            got.spans.push(Span {
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                name: span.name,
                attributes: attributes(&span.attributes),
                links: span.links.iter().map(|link| hex(&link.trace_id)).collect(),
                process: process.clone(),
                began: span.start_time_unix_nano,
            });
        }
    }
    got.bodies.push(String::from_utf8_lossy(&body).into_owned());
    drop(got);
    collector.news.notify_waiters();
    Bytes::new()
}

async fn metrics(State(collector): State<Collector>, body: Bytes) -> Bytes {
    let request = ExportMetricsServiceRequest::decode(body.clone()).unwrap();
    let mut got = collector.got.lock().unwrap();
    let scopes = request.resource_metrics.into_iter().flat_map(|r| r.scope_metrics);
    got.metrics.extend(scopes.flat_map(|s| s.metrics).map(|m| m.name));
    got.bodies.push(String::from_utf8_lossy(&body).into_owned());
    Bytes::new()
}

fn attributes(list: &[KeyValue]) -> BTreeMap<String, String> {
    list.iter()
        .map(|kv| (kv.key.clone(), text(kv.value.as_ref())))
        .collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
