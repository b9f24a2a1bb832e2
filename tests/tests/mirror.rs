//! The mirror holds what the product shows, in every kind, and the public stream adds up to it.
#![allow(clippy::unwrap_used)]

use adapter_halaxy::HalaxyMirror;
use adapter_kit::mirror::MirrorRules;
use adapter_sandbox::{CrmKind, Manners};
use bridge_core::change::{Happened, members_between};
use bridge_store::Event;
use bridge_tests::Practice;
use halaxy_bridge::config;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// A text that must be nowhere in the bridge.
const SECRET: &str = "https://video.example/join/Quillfeather";

async fn mirrored(manners: Manners, section: &str) -> Practice {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    practice.sandbox.set_manners(manners);
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice.configure("bridge.toml", &(text + section)).await;
    practice
}

async fn sweep(practice: &Practice) {
    let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    let mirror = halaxy_bridge::besides::mirror(&config, &practice.engine).unwrap();
    let step = mirror.sweep().await.unwrap();
    assert_eq!(step.trouble, []);
}

fn body(practice: &Practice, kind: &str, rng: &mut StdRng) -> Json {
    let patient = practice.id(if rng.random() { "P1" } else { "P2" });
    let about = format!("Patient/{patient}");
    let n = rng.random_range(0..1_000_000);
    match kind {
        "Appointment" => json!({
            "start": "2026-12-01T09:00:00+11:00", "end": "2026-12-01T10:00:00+11:00", "minutesDuration": 60,
            "description": format!("join at {SECRET}/{n}"), "participant": [{ "actor": { "reference": about } }],
        }),
        "Invoice" => {
            json!({ "status": "active", "date": "2026-11-20", "note": [{ "text": n.to_string() }], "recipient": { "reference": about } })
        }
        "Coverage" => {
            json!({ "status": "active", "beneficiary": { "reference": about }, "subscriberID": n.to_string() })
        }
        "Referral" => json!({ "active": true, "subject": { "reference": about }, "comment": n.to_string() }),
        "InvoiceLine" => json!({
            "quantity": 1, "unitPriceComponent": [{ "type": "base", "amount": { "value": 180.5, "currency": "AUD" } }],
            "subject": { "reference": about },
        }),
        "PaymentTransaction" => json!({
            "method": [{ "text": "Cash" }], "type": [{ "text": "Payment" }], "subject": { "reference": about },
            "priceComponent": [{ "type": "base", "amount": { "value": 100, "currency": "AUD" } }],
        }),
        _ => json!({ "name": format!("Sample {n}"), "comment": n.to_string() }),
    }
}

/// What the stream says is there: every record made and not removed since.
fn there(events: &[Event]) -> BTreeSet<(String, String)> {
    let mut there = BTreeSet::new();
    for event in events
        .iter()
        .filter(|event| event.kind != "Patient" && event.system == "halaxy")
    {
        let key = (event.kind.clone(), event.remote_id.clone());
        match event.happened {
            Happened::Created => assert!(there.insert(key), "{event:?}"),
            Happened::Updated => assert!(there.contains(&key) && !event.units.is_empty(), "{event:?}"),
            Happened::Removed => assert!(there.remove(&key), "{event:?}"),
        }
    }
    there
}

/// References as the control API shows them: relative.
fn relative(value: &mut Json) {
    match value {
        Json::Object(members) => members.iter_mut().for_each(|(name, value)| match value {
            Json::String(text) if name == "reference" => {
                let parts: Vec<&str> = text.rsplit('/').take(2).collect();
                *text = parts.into_iter().rev().collect::<Vec<_>>().join("/");
            }
            value => relative(value),
        }),
        Json::Array(items) => items.iter_mut().for_each(relative),
        _ => {}
    }
}

/// Every kind holds, redacted, what the product shows of it.
async fn holds_what_is_shown(practice: &Practice) {
    for kind in HalaxyMirror.kinds() {
        let shown: BTreeMap<String, Json> = practice
            .sandbox
            .records("halaxy", kind)
            .unwrap()
            .into_iter()
            .map(|body| (body["id"].as_str().unwrap().to_string(), HalaxyMirror.keep(kind, body)))
            .collect();
        let kept = practice
            .engine
            .store()
            .mirrored_after("halaxy", kind, 0, 100_000)
            .await
            .unwrap();
        let kept: BTreeMap<String, Json> = kept.into_iter().filter(|r| !r.gone).map(|r| (r.id, r.body)).collect();
        let ids = |of: &BTreeMap<String, Json>| of.keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&kept), ids(&shown), "{kind}");
        for (id, body) in &kept {
            let (mut body, mut shown) = (body.clone(), shown[id].clone());
            relative(&mut body);
            relative(&mut shown);
            assert_eq!(members_between(&body, &shown), Vec::<String>::new(), "{kind}/{id}");
        }
    }
}

async fn a_history(seed: u64, manners: Manners) {
    let practice = mirrored(manners, "[mirror]\n[events]\ninclude_first_read = true\n").await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut live: Vec<(&str, String)> = vec![];
    for _ in 0..6 {
        for _ in 0..rng.random_range(5..40) {
            let kinds = HalaxyMirror.kinds();
            match rng.random_range(0..10) {
                0..5 => {
                    let kind = kinds[rng.random_range(0..kinds.len())];
                    let body = body(&practice, kind, &mut rng);
                    live.push((kind, practice.sandbox.person_create("halaxy", kind, &body).unwrap()));
                }
                5..9 if !live.is_empty() => {
                    let (kind, id) = &live[rng.random_range(0..live.len())];
                    let patch = json!({ "comment": rng.random_range(0..1_000_000).to_string() });
                    practice.sandbox.person_edit("halaxy", kind, id, &patch).unwrap();
                }
                9 if !live.is_empty() => {
                    let (kind, id) = live.swap_remove(rng.random_range(0..live.len()));
                    practice.sandbox.person_delete("halaxy", kind, &id).unwrap();
                }
                _ => {}
            }
        }
        practice.besides().await;
    }
    sweep(&practice).await;
    holds_what_is_shown(&practice).await;

    let events = practice.engine.store().events(0, 100_000).await.unwrap();
    let shown: BTreeSet<(String, String)> = HalaxyMirror
        .kinds()
        .iter()
        .flat_map(|kind| {
            let ids = practice.sandbox.records("halaxy", kind).unwrap().into_iter();
            ids.map(move |body| (kind.to_string(), body["id"].as_str().unwrap().to_string()))
        })
        .collect();
    assert_eq!(there(&events), shown);
    let person = practice.entity("halaxy", &practice.id("P1")).await.id;
    assert!(
        events
            .iter()
            .any(|e| e.kind != "Patient" && e.entity.as_ref() == Some(&person)),
        "nobody is named"
    );

    let kept = practice
        .engine
        .store()
        .mirrored_after("halaxy", "", 0, 100_000)
        .await
        .unwrap();
    let text = kept.iter().map(|row| row.body.to_string()).collect::<String>();
    assert!(text.contains("[link left out]") && !text.contains(SECRET));
    let again = practice.engine.store().last_mirrored("halaxy").await.unwrap();
    sweep(&practice).await;
    practice.besides().await;
    let last = practice.engine.store().last_mirrored("halaxy").await.unwrap();
    assert_eq!(last, again, "nothing changed, and something was kept anew");
}

#[tokio::test]
async fn every_kind_is_mirrored_and_the_stream_adds_up() {
    for seed in 0..3 {
        a_history(seed, Manners::Polite).await;
    }
}

#[tokio::test]
async fn the_same_where_lists_lag_and_parameters_are_ignored() {
    a_history(7, Manners::Nasty).await;
}

#[tokio::test]
async fn nothing_is_told_of_what_was_there_before_unless_asked_for() {
    let practice = mirrored(Manners::Polite, "[mirror]\nkinds = [\"Referral\"]\n[events]\n").await;
    let mut rng = StdRng::seed_from_u64(1);
    let old = body(&practice, "Referral", &mut rng);
    let old = practice.sandbox.person_create("halaxy", "Referral", &old).unwrap();
    practice.besides().await;
    practice
        .sandbox
        .person_edit("halaxy", "Referral", &old, &json!({ "comment": "seen" }))
        .unwrap();
    let other = body(&practice, "Coverage", &mut rng);
    practice.sandbox.person_create("halaxy", "Coverage", &other).unwrap();
    practice.besides().await;
    practice.sandbox.person_delete("halaxy", "Referral", &old).unwrap();
    sweep(&practice).await;
    let events = practice.engine.store().events(0, 100).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|e| (e.kind.as_str(), e.happened, e.units.join(",")))
        .collect();
    assert_eq!(
        told,
        [
            ("Referral", Happened::Updated, "comment".to_string()),
            ("Referral", Happened::Removed, String::new()),
        ]
    );
    let gone = practice
        .engine
        .store()
        .mirrored("halaxy", "Referral", &old)
        .await
        .unwrap()
        .unwrap();
    assert!(gone.gone && gone.body["comment"] == "seen");
}

#[tokio::test]
async fn a_kind_that_cannot_be_mirrored_is_named_with_what_can() {
    let practice = Practice::settled(CrmKind::Plain).await;
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice.write(
        "bridge.toml",
        &(text + "[mirror]\nkinds = [\"Apointment\", \"DocumentReference\"]\n"),
    );
    let problems = practice.problems();
    for told in [
        "`Apointment` cannot be mirrored",
        "Appointment",
        "`DocumentReference` cannot be mirrored",
    ] {
        assert!(problems.contains(told), "{problems}");
    }
}
