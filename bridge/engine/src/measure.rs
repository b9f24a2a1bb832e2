//! What the engine counts and times, through OpenTelemetry's metrics. Nothing is counted per record on
//! the hot path: a batch is one addition.

use bridge_core::Op;
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use std::sync::LazyLock;
use std::time::Duration;

/// Upper ends of the lags that are told apart, seconds.
const SECONDS: [f64; 14] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0, 86_400.0,
];

struct Instruments {
    captured: Counter<u64>,
    changed: Counter<u64>,
    reconciled: Counter<u64>,
    written: Counter<u64>,
    lag: Histogram<f64>,
}

/// Made at the first use: a meter provider that is set later counts nothing.
static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("halaxy-bridge");
    let counter = |name: &'static str, what: &'static str| meter.u64_counter(name).with_description(what).build();
    Instruments {
        captured: counter("bridge.records.captured", "Records that pages and direct reads showed"),
        changed: counter(
            "bridge.records.changed",
            "Records among them that were new or had changed",
        ),
        reconciled: counter("bridge.entities.reconciled", "Entities judged and stored"),
        written: counter("bridge.writes", "Writes, by what became of them"),
        lag: meter
            .f64_histogram("bridge.lag")
            .with_unit("s")
            .with_boundaries(SECONDS.into())
            .with_description("From the read that showed a change to the write that brought it to another system")
            .build(),
    }
});

fn system(name: &str) -> KeyValue {
    KeyValue::new("system", name.to_string())
}

/// A read showed so many records, so many of them news.
pub(crate) fn captured(of: &str, how: &'static str, records: usize, changed: usize) {
    let labels = [system(of), KeyValue::new("how", how)];
    INSTRUMENTS.captured.add(records as u64, &labels);
    INSTRUMENTS.changed.add(changed as u64, &labels);
}

/// So many entities were judged and stored.
pub(crate) fn reconciled(entities: usize) {
    INSTRUMENTS.reconciled.add(entities as u64, &[]);
}

/// A write came to its end, or to one of its ends.
pub(crate) fn written(to: &str, op: Op, outcome: &'static str) {
    let op = match op {
        Op::Create => "create",
        Op::Update => "update",
    };
    let labels = [system(to), KeyValue::new("op", op), KeyValue::new("outcome", outcome)];
    INSTRUMENTS.written.add(1, &labels);
}

/// A change arrived.
pub(crate) fn arrived(at: &str, lag: Duration) {
    INSTRUMENTS.lag.record(lag.as_secs_f64(), &[system(at)]);
}
