//! `/metrics` for Prometheus, and the gauges that show the last look at how a practice is doing. What is
//! counted and timed stands where it happens (`bridge_engine`, `adapter_kit`).

use crate::health::Watch;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bridge_engine::vitals::{AlertCode, Sight, SystemVitals, Vitals};
use opentelemetry::metrics::{AsyncInstrument, Meter};
use opentelemetry::{KeyValue, global};
use prometheus::{Registry, TextEncoder};

/// Every alert there can be, so that a gauge says 0 where there is none.
const ALERTS: [AlertCode; 10] = [
    AlertCode::CouldNotLook,
    AlertCode::Credentials,
    AlertCode::CredentialsExpire,
    AlertCode::Budget,
    AlertCode::Parked,
    AlertCode::Brake,
    AlertCode::Queue,
    AlertCode::Approval,
    AlertCode::Events,
    AlertCode::Ledger,
];

/// `/metrics`: what a registry holds, in Prometheus' text format.
pub fn router(registry: Registry) -> Router {
    Router::new().route("/metrics", get(page)).with_state(registry)
}

async fn page(State(registry): State<Registry>) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::warn!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Shows what `watch` saw last as gauges of the global meter. Call it once, after the meter provider is set.
pub fn show(watch: &Watch) {
    let meter = global::meter("halaxy-bridge");
    whole(&meter, watch);
    systems(&meter, watch);
}

type Gauge<'g> = &'g dyn AsyncInstrument<f64>;

/// A gauge whose values come from the last look; without one it shows nothing.
fn gauge(
    meter: &Meter,
    watch: &Watch,
    (name, unit, what): (&'static str, &'static str, &'static str),
    values: impl Fn(&Vitals, Gauge<'_>) + Send + Sync + 'static,
) {
    let watch = watch.clone();
    meter
        .f64_observable_gauge(name)
        .with_unit(unit)
        .with_description(what)
        .with_callback(move |gauge| {
            if let Ok(vitals) = watch.vitals() {
                values(&vitals, gauge);
            }
        })
        .build();
}

fn of(label: &'static str, value: &'static str) -> [KeyValue; 1] {
    [KeyValue::new(label, value)]
}

fn whole(meter: &Meter, watch: &Watch) {
    gauge(meter, watch, ("bridge.work", "", "What is left to do"), |v, gauge| {
        let work = v.work;
        for (what, count) in [
            ("dirty", work.dirty),
            ("planned", work.planned),
            ("unsettled", work.unsettled),
            ("unknown", work.unknown),
            ("looks", work.looks),
            ("unidentified", work.unidentified),
        ] {
            gauge.observe(count as f64, &of("what", what));
        }
    });
    gauge(
        meter,
        watch,
        ("bridge.work.oldest", "s", "For how long the longest waiting work waits"),
        |v, gauge| gauge.observe(v.oldest_work_seconds as f64, &[]),
    );
    gauge(
        meter,
        watch,
        ("bridge.waiting", "", "What waits for a person"),
        |v, gauge| {
            let waiting = v.waiting;
            for (what, count) in [
                ("conflicts", waiting.conflicts),
                ("cards", waiting.cards),
                ("candidates", waiting.candidates),
                ("faint", waiting.faint),
                ("holds", waiting.holds),
                ("brakes", waiting.brakes),
            ] {
                gauge.observe(count as f64, &of("what", what));
            }
        },
    );
    gauge(
        meter,
        watch,
        ("bridge.queue.depth", "", "Messages in the queue"),
        |v, gauge| {
            let Some(queue) = v.queue else { return };
            for (state, count) in [
                ("ready", queue.ready),
                ("claimed", queue.claimed),
                ("later", queue.later),
                ("buried", queue.buried),
            ] {
                gauge.observe(count as f64, &of("state", state));
            }
        },
    );
    gauge(
        meter,
        watch,
        (
            "bridge.events.waiting",
            "",
            "Events that a subscriber has not taken yet",
        ),
        |v, gauge| {
            for (name, subscriber) in &v.subscribers {
                gauge.observe(subscriber.waiting as f64, &[KeyValue::new("subscriber", name.clone())]);
            }
        },
    );
    gauge(
        meter,
        watch,
        ("bridge.alerts", "", "What somebody should be told, by what it is about"),
        |v, gauge| {
            for code in ALERTS {
                let count = v.alerts.iter().filter(|a| a.code == code).count();
                gauge.observe(count as f64, &of("code", code.name()));
            }
        },
    );
}

fn systems(meter: &Meter, watch: &Watch) {
    let each = |name, unit, what, value: fn(&SystemVitals) -> Option<f64>| {
        gauge(meter, watch, (name, unit, what), move |v, gauge| {
            for (system, vitals) in &v.systems {
                let labels = [
                    KeyValue::new("system", system.clone()),
                    KeyValue::new("kind", vitals.kind.clone()),
                ];
                if let Some(value) = value(vitals) {
                    gauge.observe(value, &labels);
                }
            }
        });
    };
    each("bridge.freshness", "s", "Since the last successful look", |s| {
        s.looked_seconds.map(|n| n as f64)
    });
    each(
        "bridge.freshness.allowed",
        "s",
        "Longest time that may lie between two looks",
        |s| Some(s.allowed_seconds as f64),
    );
    each(
        "bridge.seen",
        "",
        "1 if the system was looked at in time, 0 if not",
        |s| Some(if s.sight == Sight::CouldNotLook { 0.0 } else { 1.0 }),
    );
    each("bridge.records", "", "Live records", |s| Some(s.records as f64));
    each(
        "bridge.records.linked",
        "",
        "Live records that belong to somebody",
        |s| Some(s.linked as f64),
    );
    each("bridge.budget.used", "", "Calls of the day that are used", |s| {
        Some(s.budget.map_or(s.calls_today, |b| b.used) as f64)
    });
    each("bridge.budget.limit", "", "Calls that the account has a day", |s| {
        s.budget.map(|b| b.limit as f64)
    });
    each("bridge.budget.forecast", "", "Calls that the day will have used", |s| {
        s.budget.map(|b| b.forecast as f64)
    });
    each("bridge.credentials.left", "s", "Until the credentials end", |s| {
        let left = |until: i64| until as f64 / 1e6 - now();
        s.credentials_until.map(left)
    });
}

fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
