//! The service as those who watch it see it: one edit is one trace at a collector, and health, readiness,
//! status and metrics over HTTP. The collector is a stub that decodes OTLP.
#![allow(clippy::unwrap_used)]

mod collector;
mod common;

use collector::{Collector, Span, names};
use common::{Control, Service, arrives, client, practice, program, run_in, stand_ins, telecom, terminate};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// The service with a collector, and the address it serves on.
fn observed(dir: &Path, collector: &Collector, sampler: &str) -> (Service, String) {
    let mut child = program()
        .arg("run")
        .arg("-c")
        .arg(dir.join("bridge.toml"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_TRACES_SAMPLER", sampler)
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(rest) = line.strip_prefix("Listening on ") {
            break format!("http://{}", rest.trim_end_matches('.'));
        }
    };
    std::thread::spawn(move || lines.for_each(drop));
    (Service(child), address)
}

async fn get(url: &str) -> (u16, String) {
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Asks until the status says so.
async fn status_says(address: &str, state: &str) -> (u16, Json) {
    let asked = async {
        loop {
            let (code, text) = get(&format!("{address}/status.json")).await;
            let status: Json = serde_json::from_str(&text).unwrap();
            if status["state"] == state {
                return (code, status);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asked).await.unwrap()
}

fn add(dir: &Path, text: &str) {
    let path = dir.join("bridge.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{config}\n{text}\n")).unwrap();
}

/// Changes that the store still follows.
async fn followed(dir: &Path) -> u64 {
    let config = halaxy_bridge::config::load(&dir.join("bridge.toml")).unwrap();
    let store = halaxy_bridge::wiring::store(&config).await.unwrap();
    let sums = store.sums().await.unwrap();
    sums.iter().find(|sum| sum.table == "trace").unwrap().rows
}

#[tokio::test]
async fn an_edit_that_is_not_sampled_arrives_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "plain");
    practice(dir, &ends, "example-crm");
    add(dir, "[serve]\nlisten = \"127.0.0.1:0\"");
    let control = Control::of(&ends);
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
    assert_eq!(run_in(dir, &["sync", "--yes", "--json"]).json()["converged"], true);
    let collector = Collector::start().await;
    let (mut service, _) = observed(dir, &collector, "always_off");
    edit_and_arrive(&control).await;
    terminate(&service.0);
    // The collector is served meanwhile.
    let ended = tokio::task::spawn_blocking(move || service.0.wait());
    assert!(ended.await.unwrap().unwrap().success());
    assert_eq!(collector.spans().len(), 0);
    assert!(collector.metrics().contains("bridge.writes"), "metrics are not sampled");
    assert_eq!(followed(dir).await, 0);
}

/// Somebody changes a mobile number in Halaxy, and it comes to stand in the CRM.
async fn edit_and_arrive(control: &Control) {
    let (patient, contact) = (control.id("P1").await, control.id("C1").await);
    let path = format!("records/halaxy/Patient/{patient}");
    let shown = control.get(&path).await;
    control.patch(&path, telecom(&shown, "+61491570158")).await;
    let there = |c: &Json| c["mobile"].as_str().is_some_and(|m| m.ends_with("91570158"));
    arrives(control, &format!("records/crm/contacts/{contact}"), there).await;
}

/// Every metric that a dashboard or an alert names is on the page, but for those that need a daily limit,
/// an end of credentials, or a vendor that says "too many".
fn watched_names_exist(page: &str) {
    let rare = [
        "bridge_budget_limit",
        "bridge_budget_forecast",
        "bridge_credentials_left_seconds",
        "bridge_http_throttled_total",
    ];
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    for file in ["grafana/practice.json", "grafana/systems.json", "prometheus/alerts.yml"] {
        let text = std::fs::read_to_string(deploy.join(file)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: BTreeSet<&str> = words.filter(|word| word.starts_with("bridge_")).collect();
        assert!(named.len() > 5, "{file}: {named:?}");
        for name in named.iter().filter(|name| !rare.contains(name)) {
            let shown = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
            assert!(
                page.lines().any(shown),
                "{file} names {name}, which is not on the page: {page}"
            );
        }
    }
}

#[tokio::test]
async fn one_edit_is_one_trace_and_promise_18_not_seen_is_not_idle() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (stand_ins, ends) = stand_ins(dir, "plain");
    practice(dir, &ends, "example-crm");
    add(dir, "[serve]\nlisten = \"127.0.0.1:0\"\n[alerts]\nstale_after = \"2s\"");
    let control = Control::of(&ends);
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
    let first = run_in(dir, &["sync", "--yes", "--json"]);
    assert_eq!(first.json()["converged"], true, "{first:?}");

    let collector = Collector::start().await;
    let (service, address) = observed(dir, &collector, "parentbased_always_on");
    let (code, status) = status_says(&address, "nothing_to_do").await;
    assert_eq!((code, &status["alerts"]), (200, &json!([])), "{status}");
    assert_eq!(get(&format!("{address}/health")).await.0, 200);
    assert_eq!(get(&format!("{address}/ready")).await.0, 200);

    // One edit.
    edit_and_arrive(&control).await;
    let delivered = |s: &&Span| s.name == "deliver" && s.attributes.get("outcome").is_some_and(|o| o == "applied");
    let trace = collector
        .until("the delivery", |spans| {
            Some(spans.iter().find(delivered)?.trace.clone())
        })
        .await;
    let whole = collector
        .until("the rest of its trace", |spans| {
            let own = names(spans, &trace);
            let expected = ["capture", "queue", "reconcile", "guard", "send", "settle", "deliver"];
            expected
                .iter()
                .all(|name| own.iter().any(|own| own == name))
                .then_some(own)
        })
        .await;
    assert!(
        whole.iter().any(|name| name == "GET Patient"),
        "the call that showed it: {whole:?}"
    );
    let spans = collector.spans();
    let own: Vec<&Span> = spans.iter().filter(|s| s.trace == trace).collect();
    let root: Vec<&&Span> = own.iter().filter(|s| s.parent.is_empty()).collect();
    assert_eq!((root.len(), root[0].name.as_str()), (1, "capture"), "{own:#?}");
    assert_eq!(root[0].attributes["system"], "halaxy");
    let begins_with = |name: &str| whole.iter().position(|own| own == name).unwrap();
    let order = ["capture", "queue", "reconcile", "deliver"].map(begins_with);
    assert!(order.is_sorted(), "{whole:?}");
    let calls = |s: &&&Span| {
        s.attributes
            .get("http.response.status_code")
            .is_some_and(|code| code.starts_with('2'))
    };
    assert!(own.iter().filter(calls).count() >= 3, "read, guard and write: {own:#?}");
    assert!(spans.iter().filter(delivered).count() == 1, "one edit, one delivery");

    assert_eq!(followed(dir).await, 0, "what has arrived is not followed any more");

    // Somebody new is followed from the record to the one that is made of it.
    let made = client()
        .post(format!("{}/records/halaxy/Patient", ends["control_url"].as_str().unwrap()))
        .json(&json!({ "name": [{ "use": "official", "family": "Newcomer", "given": ["Nadia"] }], "birthDate": "1990-09-09" }));
    assert!(made.send().await.unwrap().status().is_success());
    let creation = |s: &&Span| s.name == "send" && s.attributes["op"] == "create";
    let whole = collector
        .until("the creation", |spans| {
            let own = names(spans, &spans.iter().find(creation)?.trace);
            let expected = ["capture", "queue", "reconcile", "send", "settle", "deliver"];
            expected
                .iter()
                .all(|name| own.iter().any(|own| own == name))
                .then_some(own)
        })
        .await;
    assert_eq!(whole[0], "capture", "{whole:?}");

    // Metrics, pushed and on the page.
    let (code, page) = get(&format!("{address}/metrics")).await;
    assert_eq!(code, 200);
    for line in [
        "bridge_writes_total{op=\"update\",outcome=\"applied\",system=\"crm\",practice=\"Sampleton Clinic\"} 1",
        "bridge_lag_seconds_count{system=\"crm\",practice=\"Sampleton Clinic\"} 2",
        "bridge_alerts{code=\"could_not_look\",practice=\"Sampleton Clinic\"} 0",
        "bridge_http_duration_seconds_bucket{purpose=\"read\",status=\"2xx\",system=\"halaxy\"",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
    watched_names_exist(&page);
    let pushed = collector.metrics();
    for name in [
        "bridge.writes",
        "bridge.lag",
        "bridge.http.duration",
        "bridge.freshness",
    ] {
        assert!(pushed.contains(name), "{name} in {pushed:?}");
    }

    // Nobody answers any more: that is not the same as nothing to do.
    drop(stand_ins);
    let (code, status) = status_says(&address, "could_not_look").await;
    assert_eq!(code, 503);
    assert_eq!(status["systems"]["halaxy"]["sight"], "could_not_look", "{status}");
    assert_eq!(status["alerts"][0]["code"], "could_not_look");
    assert_eq!(get(&format!("{address}/ready")).await.0, 200, "hints are still taken");
    let seen = run_in(dir, &["status", "--json"]);
    assert_eq!(
        (seen.code, &seen.json()["state"]),
        (3, &"could_not_look".into()),
        "{seen:?}"
    );
    let told = run_in(dir, &["status"]);
    assert!(
        told.stdout.contains("ALERT") && told.stdout.contains("could be looked at"),
        "{told:?}"
    );
    terminate(&service.0);
}
