//! What a call leaves in traces and metrics: names, codes and times, never an address or a body.

use crate::transport::{HttpResponse, TransportError};
use http::Method;
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use std::sync::LazyLock;
use std::time::Duration;
use tracing::{Span, field};

/// Upper ends of the durations that are told apart, seconds.
const SECONDS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

struct Instruments {
    duration: Histogram<f64>,
    waited: Counter<f64>,
    throttled: Counter<u64>,
}

/// Made at the first call: a meter provider that is set later counts nothing.
static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("halaxy-bridge");
    Instruments {
        duration: meter
            .f64_histogram("bridge.http.duration")
            .with_unit("s")
            .with_boundaries(SECONDS.into())
            .with_description("Calls to a system, by what they do and the class of the answer's status")
            .build(),
        waited: meter
            .f64_counter("bridge.http.waited")
            .with_unit("s")
            .with_description("Time that calls waited for the rate limits to let them go")
            .build(),
        throttled: meter
            .u64_counter("bridge.http.throttled")
            .with_description("Answers that said: too many calls")
            .build(),
    }
});

/// What a call is, for those who watch.
#[derive(Clone, Copy)]
pub(crate) struct Label<'c> {
    /// Its name, e.g. `GET Patient/{id}`.
    pub what: &'c str,
    /// Its path without ids.
    pub template: Option<&'c str>,
    /// The number of this attempt, from 1.
    pub attempt: u32,
}

/// The span of one attempt, which waited so long for its turn.
pub(crate) fn span(system: &str, label: Label<'_>, method: &Method, waited: Duration) -> Span {
    tracing::info_span!(
        "http",
        otel.name = label.what,
        otel.kind = "client",
        otel.status_code = field::Empty,
        system,
        http.request.method = method.as_str(),
        url.template = label.template,
        http.request.resend_count = label.attempt.saturating_sub(1),
        http.response.status_code = field::Empty,
        "error.type" = field::Empty,
        waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
    )
}

/// Notes how an attempt ended.
pub(crate) fn ended(
    system: &str,
    purpose: &'static str,
    answer: &Result<HttpResponse, TransportError>,
    took: Duration,
    waited: Duration,
) {
    let span = Span::current();
    let class = match answer {
        Ok(answer) => {
            let status = answer.status.as_u16();
            span.record("http.response.status_code", status);
            if status >= 400 {
                span.record("otel.status_code", "ERROR");
                span.record("error.type", answer.status.as_str());
            }
            match status / 100 {
                1 => "1xx",
                2 => "2xx",
                3 => "3xx",
                4 => "4xx",
                _ => "5xx",
            }
        }
        Err(error) => {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", error.kind.to_string());
            "none"
        }
    };
    let system = KeyValue::new("system", system.to_string());
    if !waited.is_zero() {
        INSTRUMENTS
            .waited
            .add(waited.as_secs_f64(), std::slice::from_ref(&system));
    }
    let labels = [
        system,
        KeyValue::new("purpose", purpose),
        KeyValue::new("status", class),
    ];
    INSTRUMENTS.duration.record(took.as_secs_f64(), &labels);
}

/// Counts an answer that said "too many".
pub(crate) fn throttled(system: &str) {
    INSTRUMENTS
        .throttled
        .add(1, &[KeyValue::new("system", system.to_string())]);
}
