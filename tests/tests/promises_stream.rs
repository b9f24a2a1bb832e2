//! The public stream tells of every change once, as an independent look at the products counts it, and of nothing
//! that nobody asked for.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::CrmKind;
use bridge_core::change::Happened;
use bridge_store::Event;
use bridge_tests::{Practice, kind};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

async fn telling(crm: CrmKind, section: &str) -> Practice {
    let mut practice = Practice::settled(crm).await;
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice.configure("bridge.toml", &(text + section)).await;
    practice
}

async fn events(practice: &Practice, after: i64) -> Vec<Event> {
    practice.engine.store().events(after, 10_000).await.unwrap()
}

/// What was told since, as (system, what, units, ours).
async fn told(practice: &Practice, after: &mut i64) -> Vec<(String, Happened, Vec<String>, bool)> {
    let events = events(practice, *after).await;
    *after = events.last().map_or(*after, |event| event.seq);
    let brief = |event: Event| (event.system, event.happened, event.units, event.ours);
    events.into_iter().map(brief).collect()
}

fn one(system: &str, happened: Happened, units: &[&str], ours: bool) -> (String, Happened, Vec<String>, bool) {
    let units = units.iter().map(|unit| unit.to_string()).collect();
    (system.into(), happened, units, ours)
}

async fn every_change_is_told_once(crm: CrmKind) {
    let practice = telling(crm, "[events]\n").await;
    let mut after = 0;
    practice.sync().await;
    assert_eq!(
        told(&practice, &mut after).await,
        [],
        "nobody asked for what was there before"
    );

    // Somebody edits, and the bridge carries it over.
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    practice.sync().await;
    let expected = [
        one("halaxy", Happened::Updated, &["mobile"], false),
        one("crm", Happened::Updated, &["mobile"], true),
    ];
    assert_eq!(told(&practice, &mut after).await, expected);
    practice.sync().await;
    practice.sweep().await;
    assert_eq!(told(&practice, &mut after).await, [], "a change is told once");
    let all = events(&practice, 0).await;
    let entity = practice.entity("halaxy", &patient).await.id;
    assert!(all.iter().all(|event| event.entity.as_ref() == Some(&entity)));
    let records: Vec<&str> = all.iter().map(|event| event.remote_id.as_str()).collect();
    assert_eq!(records, [&patient, &contact]);

    // Somebody new is made on the other side.
    let new = json!({
        "name": [{ "use": "official", "family": "Newcomer", "given": ["Nadia"] }], "birthDate": "1990-09-09",
        "telecom": [{ "system": "email", "value": "nadia@example.org" }],
    });
    practice.sandbox.person_create("halaxy", "Patient", &new).unwrap();
    practice.sync().await;
    let made: Vec<_> = told(&practice, &mut after).await;
    let brief: Vec<_> = made
        .iter()
        .map(|(system, what, _, ours)| (system.as_str(), *what, *ours))
        .collect();
    let expected = [("halaxy", Happened::Created, false), ("crm", Happened::Created, true)];
    assert_eq!(brief, expected, "{made:?}");
    assert!(made[0].2.contains(&"email".to_string()), "{made:?}");

    // A record goes, and comes back.
    practice.sandbox.person_delete("crm", "contacts", &contact).unwrap();
    practice.sync().await;
    practice.sweep().await;
    assert_eq!(
        told(&practice, &mut after).await,
        [one("crm", Happened::Removed, &[], false)]
    );
    practice.sandbox.person_restore("crm", "contacts", &contact).unwrap();
    practice.sync().await;
    practice.sweep().await;
    let back = told(&practice, &mut after).await;
    assert_eq!((back.len(), back[0].1), (1, Happened::Created), "{back:?}");

    // What happened while nobody ran is told by the next process, without what was told before.
    practice.edit("crm", &contact, "email", "other@example.org");
    let mut practice = practice;
    practice.reopen().await;
    practice.sync().await;
    let expected = [
        one("crm", Happened::Updated, &["email"], false),
        one("halaxy", Happened::Updated, &["email"], true),
    ];
    assert_eq!(told(&practice, &mut after).await, expected);
    let ids: BTreeSet<String> = events(&practice, 0).await.into_iter().map(|event| event.id).collect();
    assert_eq!(ids.len() as i64, after, "every event has an id of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_once_with_hubspot() {
    every_change_is_told_once(CrmKind::Hubspot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_once_with_a_crm_by_data() {
    every_change_is_told_once(CrmKind::Plain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_read_is_told_if_asked_for_and_adds_up_to_what_the_products_hold() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice.write("bridge.toml", &(text + "[events]\ninclude_first_read = true\n"));
    practice.forget().await;
    practice.sync().await;
    let contact = practice.id("C1");
    practice.edit("crm", &contact, "mobile", "+61491570158");
    practice.sync().await;
    practice.sandbox.person_delete("crm", "contacts", &contact).unwrap();
    practice.sync().await;
    practice.sweep().await;
    let mut there: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events(&practice, 0).await {
        let known = there.entry(event.system.clone()).or_default();
        match event.happened {
            Happened::Created => assert!(known.insert(event.remote_id.clone()), "{event:?}"),
            Happened::Updated => assert!(known.contains(&event.remote_id), "{event:?}"),
            Happened::Removed => assert!(known.remove(&event.remote_id), "{event:?}"),
        }
    }
    for (system, known) in there {
        let records = practice.sandbox.records(&system, kind(&system)).unwrap();
        let live = records
            .iter()
            .filter(|record| record["archived"] != true)
            .filter_map(|record| record["id"].as_str().map(str::to_string));
        assert_eq!(known, live.collect(), "{system}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_section_nothing_is_told() {
    let practice = Practice::settled(CrmKind::Plain).await;
    practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
    practice.sync().await;
    assert_eq!(events(&practice, 0).await, []);
    assert_eq!(practice.engine.store().stream().await.unwrap(), None);
}
