//! The adapter keeps what every adapter promises, against the stand-in.

mod support;

use adapter_halaxy::HalaxyAdapter;
use adapter_kit::{Network, NetworkOptions, SystemClock, conformance};
use adapter_sandbox::{Manners, Sandbox, SandboxOptions};
use serde_json::json;
use std::sync::Arc;
use support::{Practice, Receptionist, options};

#[tokio::test]
async fn in_real_manners() {
    let practice = Practice::new(Manners::Real, 30);
    let report = conformance::run(&practice.adapter(), "Patient", &practice.person(), &*practice.clock).await;
    assert!(report.failures().is_empty(), "{report}");
}

#[tokio::test]
async fn with_every_quirk_but_chance_faults() {
    let practice = Practice::new(Manners::Real, 30);
    practice.switch(json!({"warning_percent": 30, "touch_percent": 40, "scattered_ties": true, "merged": "survivor",
        "removed": "gone", "expired": ["outcome401", "error401", "outcome200"], "token_life_seconds": 20, "create_status": 200,
        "ignored_filters": ["phone"], "respell_phones": true, "clock_ahead_ms": 90_000}));
    let report = conformance::run(&practice.adapter(), "Patient", &practice.person(), &*practice.clock).await;
    assert!(report.failures().is_empty(), "{report}");
}

#[tokio::test]
async fn with_small_pages_and_every_filter_ignored() {
    let practice = Practice::new(Manners::Real, 30);
    practice.switch(json!({"count_cap": 40, "precision": "milli", "ignored_filters": ["_id"]}));
    let report = conformance::run(&practice.adapter(), "Patient", &practice.person(), &*practice.clock).await;
    assert!(report.failures().is_empty(), "{report}");

    practice.switch(json!({"ignored_filters": ["_id", "_lastUpdated", "_sort"]}));
    let report = conformance::run(&practice.adapter(), "Patient", &practice.person(), &*practice.clock).await;
    // The probe says so; everything else still holds.
    let failures: Vec<&str> = report.failures().iter().map(|(name, _)| *name).collect();
    assert_eq!(failures, ["probes find no problem"], "{report}");
}

#[tokio::test]
async fn over_real_http() {
    let sandbox = Sandbox::new(SandboxOptions {
        manners: Manners::Real,
        ..SandboxOptions::default()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
    let network = Arc::new(Network::new(NetworkOptions::default()).expect("a network"));
    let clock = Arc::new(SystemClock::new());
    let mut settings = options(&sandbox, &base);
    settings.overlap = std::time::Duration::from_secs(1);
    let adapter = HalaxyAdapter::new("halaxy", settings, network, clock.clone()).expect("sound options");
    let person = Receptionist {
        sandbox: sandbox.clone(),
    };
    let report = conformance::run(&adapter, "Patient", &person, &*clock).await;
    assert!(report.failures().is_empty(), "{report}");
    server.abort();
}
