//! What people and vendors notice, measured over real HTTP against the stand-ins: time from edit to
//! arrival, API calls for a thousand changes, and how much of a rate limit is used. Prints figures.
//!
//! `cargo bench -p bridge-tests --bench live [-- latency|calls|limit]`
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, CsvPerson, Manners};
use bridge_tests::{Practice, person};
use halaxy_bridge::drive;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

fn people(count: usize) -> (Vec<CsvPerson>, Vec<CsvPerson>) {
    let one = |side: &str, i: usize| {
        let (given, family) = (word(i), word(i * 7 + 3));
        let born = format!("19{:02}-{:02}-{:02}", 10 + i % 89, i % 12 + 1, i % 28 + 1);
        person(
            &format!("{side}{i}"),
            &given,
            &family,
            &born,
            &format!("0491{i:06}"),
            &format!("p{i}@example.org"),
        )
    };
    (
        (0..count).map(|i| one("P", i)).collect(),
        (0..count).map(|i| one("C", i)).collect(),
    )
}

/// A pronounceable invented word.
fn word(mut i: usize) -> String {
    const SYLLABLES: [&str; 16] = [
        "ba", "do", "fi", "gu", "ha", "ko", "li", "mu", "na", "po", "ri", "su", "ta", "vo", "wi", "zu",
    ];
    let mut out = String::new();
    for _ in 0..4 {
        out.push_str(SYLLABLES[i % 16]);
        i /= 16;
    }
    out[..1].to_uppercase() + &out[1..]
}

async fn linked(count: usize, manners: Manners) -> Practice {
    let (patients, contacts) = people(count);
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, patients, contacts).await;
    let step = practice.sync().await;
    assert_eq!(step.linked, count);
    practice.sandbox.set_manners(manners);
    practice
}

fn ids(practice: &Practice) -> BTreeMap<String, String> {
    practice
        .sandbox
        .ids()
        .into_iter()
        .map(|row| (row.csv_id, row.id))
        .collect()
}

fn telecom(practice: &Practice, id: &str, mobile: &str) -> Json {
    let patient = practice.sandbox.record("halaxy", "Patient", id).unwrap();
    let mut telecom: Vec<Json> = patient["telecom"].as_array().cloned().unwrap_or_default();
    telecom.retain(|t| t["system"] != "sms");
    telecom.push(json!({"system": "sms", "use": "mobile", "value": mobile}));
    json!({ "telecom": telecom })
}

async fn latency() {
    let practice = linked(300, Manners::Polite).await;
    let stop = CancellationToken::new();
    let (ran, ()) = tokio::join!(drive::serve(&practice.engine, &stop, |_| ()), edits(&practice, &stop));
    ran.unwrap();
}

async fn edits(practice: &Practice, stop: &CancellationToken) {
    let ids = ids(practice);
    let mut times = vec![];
    for i in 0..60_usize {
        tokio::time::sleep(Duration::from_millis(137 * (i as u64 % 7))).await;
        let (patient, contact) = (&ids[&format!("P{i}")], &ids[&format!("C{i}")]);
        let typed = format!("+6149199{i:04}");
        let begun = Instant::now();
        let (system, kind, id) = if i % 2 == 0 {
            practice
                .sandbox
                .person_edit("halaxy", "Patient", patient, &telecom(practice, patient, &typed))
                .unwrap();
            ("crm", "contacts", contact)
        } else {
            practice
                .sandbox
                .person_edit("crm", "contacts", contact, &json!({"mobilephone": typed}))
                .unwrap();
            ("halaxy", "Patient", patient)
        };
        while !practice
            .sandbox
            .record(system, kind, id)
            .unwrap()
            .to_string()
            .contains(&typed)
        {
            tokio::time::sleep(Duration::from_millis(3)).await;
            assert!(begun.elapsed() < Duration::from_secs(30), "the edit did not arrive");
        }
        times.push(begun.elapsed());
    }
    times.sort();
    println!(
        "edit to arrival, 1 s poll, polite manners: median {} ms, 95 % {} ms, longest {} ms",
        times[times.len() / 2].as_millis(),
        times[times.len() * 95 / 100].as_millis(),
        times[times.len() - 1].as_millis()
    );
    stop.cancel();
}

/// Calls of each system since `from`, by method and path without ids.
fn calls(practice: &Practice, from: u64) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in practice.sandbox.calls_after(from) {
        let path: Vec<&str> = call
            .path
            .split('/')
            .filter(|p| !p.chars().all(|c| c.is_ascii_digit()))
            .collect();
        *counts
            .entry(format!("{} {} {}", call.system, call.method, path.join("/")))
            .or_default() += 1;
    }
    counts
}

async fn thousand() {
    let count = 1_000;
    let practice = linked(count, Manners::Polite).await;
    let ids = ids(&practice);
    let last = |p: &Practice| p.sandbox.calls_after(0).last().map_or(0, |c| c.n);
    let from = last(&practice);
    for i in 0..count {
        let id = &ids[&format!("P{i}")];
        practice
            .sandbox
            .person_edit(
                "halaxy",
                "Patient",
                id,
                &telecom(&practice, id, &format!("+6149288{i:04}")),
            )
            .unwrap();
    }
    let begun = Instant::now();
    practice.sync().await;
    let used = calls(&practice, from);
    let total: usize = used.values().sum();
    // least: 10 pages of 100, 10 batch reads as guards, 10 batch updates; polls that find nothing are not counted
    println!(
        "1,000 changed in Halaxy: {total} calls in {:.1} s, least possible 30: {used:?}",
        begun.elapsed().as_secs_f64()
    );

    let from = last(&practice);
    for i in 0..count {
        let id = &ids[&format!("C{i}")];
        practice
            .sandbox
            .person_edit(
                "crm",
                "contacts",
                id,
                &json!({"mobilephone": format!("+6149377{i:04}")}),
            )
            .unwrap();
    }
    let begun = Instant::now();
    practice.sync().await;
    let used = calls(&practice, from);
    let total: usize = used.values().sum();
    // least: 5 searches of 200, 10 batch reads, 10 reads of 100 as guards, 1,000 PATCH
    println!(
        "1,000 changed in the CRM: {total} calls in {:.1} s, least possible 1,025: {used:?}",
        begun.elapsed().as_secs_f64()
    );
}

async fn limit() {
    let count = 900;
    let practice = linked(count, Manners::Polite).await;
    let ids = ids(&practice);
    for i in 0..count {
        let id = &ids[&format!("C{i}")];
        practice
            .sandbox
            .person_edit(
                "crm",
                "contacts",
                id,
                &json!({"mobilephone": format!("+6149466{i:04}")}),
            )
            .unwrap();
    }
    practice.sandbox.set_manners(Manners::Real);
    let from = practice.sandbox.calls_after(0).last().map_or(0, |c| c.n);
    practice.sync().await;
    let calls = practice.sandbox.calls_after(from);
    let halaxy: Vec<i64> = calls
        .iter()
        .filter(|c| c.system == "halaxy")
        .map(|c| at(&serde_json::to_value(c).unwrap()))
        .collect();
    let busiest = halaxy
        .iter()
        .map(|t| halaxy.iter().filter(|u| **u >= *t && **u < *t + 60_000_000).count())
        .max();
    let span = halaxy.last().unwrap_or(&0) - halaxy.first().unwrap_or(&0);
    let throttled = calls.iter().filter(|c| c.status == Some(429)).count();
    println!(
        "Halaxy's 500 calls a minute, real manners: busiest minute {}, on average {:.0} a minute over {:.0} s, {throttled} answers 429",
        busiest.unwrap_or(0),
        halaxy.len() as f64 * 60_000_000.0 / span as f64,
        span as f64 / 1_000_000.0
    );
}

/// The time of a call, microseconds; the log has it as ISO text.
fn at(call: &Json) -> i64 {
    let text = call["at"].as_str().unwrap_or_default();
    text.parse::<jiff::Timestamp>()
        .map(|t| t.as_microsecond())
        .unwrap_or_else(|_| call["at"].as_i64().unwrap_or(0))
}

#[tokio::main]
async fn main() {
    let only: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|o| o == name);
    if wanted("latency") {
        latency().await;
    }
    if wanted("calls") {
        thousand().await;
    }
    if wanted("limit") {
        limit().await;
    }
}
