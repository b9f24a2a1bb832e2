//! Logs, traces and metrics. Logs go to stderr, filtered by `RUST_LOG`. Traces and metrics leave by OTLP
//! over HTTP if the environment names a collector (`OTEL_EXPORTER_OTLP_ENDPOINT` and the other names of
//! the OpenTelemetry specification); without one they cost nothing. All of it carries ids, codes and
//! names, never personal values.

use crate::output;
use clap::ValueEnum;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::Registry;
use std::collections::HashSet;
use std::time::Duration;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// The crates whose spans and events make up traces: what others log is not known to be free of values.
const OURS: [&str; 7] = [
    "adapter_halaxy",
    "adapter_kit",
    "adapter_rest",
    "bridge_admin",
    "bridge_engine",
    "bridge_queue",
    "halaxy_bridge",
];
/// The resource attribute, and on Prometheus' page the label, that names the practice.
const PRACTICE: &str = "practice";
/// Longest that the end of the program waits for a collector.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where one signal goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Export {
    /// Nowhere.
    #[default]
    Off,
    /// To the collector that the environment names.
    Environment,
    /// To this URL.
    To(String),
}

/// What is told to whom.
pub struct Options {
    /// How log lines look.
    pub format: LogFormat,
    /// Which log lines there are, unless `RUST_LOG` says otherwise.
    pub usual: String,
    /// Where log lines go.
    pub writer: BoxMakeWriter,
    /// Whether lines for people are coloured there.
    pub colours: bool,
    /// Traces.
    pub traces: Export,
    /// Metrics, beside Prometheus' page.
    pub metrics: Export,
    /// Whether metrics are kept for Prometheus' page.
    pub page: bool,
    /// The practice that this process works for: stands with everything it tells.
    pub practice: Option<String>,
}

impl Options {
    /// As the environment says, logging to stderr.
    pub fn from_env(format: LogFormat, usual: &str, page: bool, practice: Option<String>) -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Self {
            format,
            // What the program says beside its results is part of a log for programs.
            usual: format!("{usual},halaxy_bridge::output=info"),
            writer: BoxMakeWriter::new(std::io::stderr),
            colours: output::coloured(&std::io::stderr()),
            traces: export(&set, "TRACES"),
            metrics: export(&set, "METRICS"),
            page,
            practice,
        }
    }
}

/// Whether the environment wants a signal exported
/// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>). Naming no
/// collector means off: nothing is sent to where none was asked for.
fn export(set: &impl Fn(&str) -> Option<String>, signal: &str) -> Export {
    let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let exporter = set(&format!("OTEL_{signal}_EXPORTER"));
    let named = [
        "OTEL_EXPORTER_OTLP_ENDPOINT".into(),
        format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"),
    ]
    .iter()
    .any(|name: &String| set(name).is_some());
    match exporter.as_deref() {
        _ if disabled => Export::Off,
        Some("otlp") => Export::Environment,
        None if named => Export::Environment,
        _ => Export::Off,
    }
}

/// What runs until the program ends.
#[derive(Default)]
pub struct Telemetry {
    tracer: Option<SdkTracerProvider>,
    meter: Option<SdkMeterProvider>,
    registry: Option<Registry>,
    pushes_metrics: bool,
}

impl Telemetry {
    /// Starts logging, and exporting where that is asked for. To be called once, first of all: outside of
    /// an asynchronous runtime, since exporters bring threads of their own, and before anything is
    /// counted. An exporter that cannot be made is a warning in the log, and the program goes on.
    pub fn start(options: Options) -> Self {
        let mut telemetry = Self::default();
        let resource = resource(options.practice.as_deref());
        let mut troubles = vec![];
        let mut built = |what: &'static str, error: ExporterBuildError| troubles.push((what, error.to_string()));
        match span_exporter(&options.traces) {
            Some(Ok(exporter)) => {
                let provider = SdkTracerProvider::builder()
                    .with_resource(resource.clone())
                    .with_batch_exporter(exporter);
                telemetry.tracer = Some(provider.build());
            }
            Some(Err(error)) => built("traces", error),
            None => {}
        }
        let pushed = match metric_exporter(&options.metrics) {
            Some(Ok(exporter)) => Some(PeriodicReader::builder(exporter).build()),
            Some(Err(error)) => {
                built("metrics", error);
                None
            }
            None => None,
        };
        telemetry.pushes_metrics = pushed.is_some();
        if options.page || pushed.is_some() {
            let mut provider = SdkMeterProvider::builder().with_resource(resource);
            if let Some(reader) = pushed {
                provider = provider.with_reader(reader);
            }
            if options.page {
                let registry = Registry::new();
                let page = opentelemetry_prometheus::exporter()
                    .with_registry(registry.clone())
                    .with_resource_selector(HashSet::from([Key::from_static_str(PRACTICE)]))
                    .scope_info_enabled(false)
                    .build();
                match page {
                    Ok(page) => {
                        provider = provider.with_reader(page);
                        telemetry.registry = Some(registry);
                    }
                    Err(error) => troubles.push(("metrics", error.to_string())),
                }
            }
            let provider = provider.build();
            opentelemetry::global::set_meter_provider(provider.clone());
            telemetry.meter = Some(provider);
        }
        telemetry.subscribe(options);
        for (what, error) in troubles {
            tracing::warn!(error, "{what} are not exported");
        }
        telemetry
    }

    fn subscribe(&self, options: Options) {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&options.usual));
        let lines = lines(options.format, options.writer, options.colours).with_filter(filter);
        let traces = self.tracer.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("halaxy-bridge"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_filter(Targets::new().with_targets(OURS.map(|name| (name, LevelFilter::INFO))))
        });
        // Only a subscriber that is set already can stand in the way.
        let _ = tracing_subscriber::registry().with(lines).with(traces).try_init();
    }

    /// What Prometheus' page shows.
    pub fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    /// Whether metrics go to a collector.
    pub fn pushes_metrics(&self) -> bool {
        self.pushes_metrics
    }

    /// Hands what is left to the collectors, for a few seconds at most. Not within a runtime.
    pub fn end(self) {
        if let Some(tracer) = self.tracer {
            let _ = tracer.shutdown_with_timeout(LAST_EXPORT);
        }
        if let Some(meter) = self.meter {
            let _ = meter.shutdown_with_timeout(LAST_EXPORT);
        }
    }
}

fn lines<S>(format: LogFormat, writer: BoxMakeWriter, colours: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colours);
    match format {
        LogFormat::Text => lines.compact().with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

fn span_exporter(to: &Export) -> Option<Result<SpanExporter, ExporterBuildError>> {
    let builder = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    match to {
        Export::Off => None,
        Export::Environment => Some(builder.build()),
        Export::To(url) => Some(builder.with_endpoint(format!("{url}/v1/traces")).build()),
    }
}

fn metric_exporter(to: &Export) -> Option<Result<MetricExporter, ExporterBuildError>> {
    let builder = MetricExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary);
    match to {
        Export::Off => None,
        Export::Environment => Some(builder.build()),
        Export::To(url) => Some(builder.with_endpoint(format!("{url}/v1/metrics")).build()),
    }
}

/// Who is talking: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win. Two processes differ in their
/// instance at least, or a collector would take their counters for one.
fn resource(practice: Option<&str>) -> Resource {
    let stated = std::env::var("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if std::env::var("OTEL_SERVICE_NAME").is_err() && !stated.contains("service.name=") {
        resource = resource.with_service_name("halaxy-bridge");
    }
    if !stated.contains("service.instance.id=") {
        let instance = uuid::Uuid::now_v7().to_string();
        resource = resource.with_attribute(KeyValue::new("service.instance.id", instance));
    }
    let practice = practice.map(|name| KeyValue::new(PRACTICE, name.to_string()));
    resource.with_attributes(practice).build()
}

#[cfg(test)]
mod tests {
    use super::{Export, export};

    #[test]
    fn nothing_is_exported_unless_a_collector_is_named() {
        let asked = |set: &[(&str, &str)]| {
            let get = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
            (export(&get, "TRACES"), export(&get, "METRICS"))
        };
        let (on, off) = (Export::Environment, Export::Off);
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert_eq!(asked(&[]), (off.clone(), off.clone()));
        assert_eq!(asked(&[endpoint]), (on.clone(), on.clone()));
        assert_eq!(
            asked(&[endpoint, ("OTEL_METRICS_EXPORTER", "none")]),
            (on.clone(), off.clone())
        );
        assert_eq!(
            asked(&[endpoint, ("OTEL_SDK_DISABLED", "true")]),
            (off.clone(), off.clone())
        );
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces");
        assert_eq!(asked(&[traces]), (on.clone(), off.clone()));
        assert_eq!(
            asked(&[("OTEL_TRACES_EXPORTER", "otlp")]),
            (on, off),
            "at the usual address"
        );
    }
}
