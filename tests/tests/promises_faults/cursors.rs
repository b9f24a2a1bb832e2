//! Promise 7: no change is missed, however lists are cut.

use crate::support::{BOTH, crowd, is};
use adapter_sandbox::{CrmKind, Manners, Phase, Verdict};
use bridge_tests::{Practice, Purpose};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn promise_7_equal_time_stamps_and_small_windows_hide_nothing() {
    const COUNT: usize = 600;
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, vec![], crowd("C", COUNT)).await;
    practice.sync().await;
    practice
        .sandbox
        .set_switches("crm", &json!({ "search_window": 250 }))
        .unwrap();
    // A bulk edit: many contacts share each millisecond, more than one search may show.
    for i in 0..COUNT {
        practice.edit(
            "crm",
            &practice.id(&format!("C{i}")),
            "phone",
            &format!("+6135550{i:04}"),
        );
    }
    practice.sync().await;
    let entities = practice.entities().await;
    let of = |i: usize| format!("+6135550{i:04}");
    let seen: std::collections::HashSet<String> = entities
        .iter()
        .filter_map(|e| Some(e.agreed.get("phone")?.value.as_text()?.to_string()))
        .collect();
    let missing: Vec<usize> = (0..COUNT).filter(|i| !seen.contains(&of(*i))).collect();
    assert!(missing.is_empty(), "not seen: {missing:?}");
}

#[tokio::test]
async fn promise_7_patients_changed_in_one_second_are_all_seen() {
    const COUNT: usize = 230;
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, crowd("P", COUNT), vec![]).await;
    practice.sync().await;
    practice
        .sandbox
        .set_switches("halaxy", &json!({ "scattered_ties": true }))
        .unwrap();
    for i in 0..COUNT {
        practice.edit(
            "halaxy",
            &practice.id(&format!("P{i}")),
            "phone",
            &format!("+6135550{i:04}"),
        );
    }
    practice.sync().await;
    let shown = practice.records("crm");
    let missing = (0..COUNT).filter(|i| {
        !shown
            .iter()
            .any(|c| practice.read("crm", c, "phone") == format!("+6135550{i:04}"))
    });
    assert_eq!(missing.count(), 0, "every change arrived");
}

#[tokio::test]
async fn promise_7_edits_while_pages_are_read_are_seen() {
    for crm in BOTH {
        const COUNT: usize = 320;
        let practice = Practice::start(crm, Manners::Polite, vec![], crowd("C", COUNT)).await;
        if crm == CrmKind::Plain {
            practice
                .sandbox
                .set_switches("crm", &json!({ "list_newest_first": true }))
                .unwrap();
        }
        let ids: Vec<String> = (0..COUNT).map(|i| practice.id(&format!("C{i}"))).collect();
        let (sandbox, pages, targets) = (Arc::downgrade(&practice.sandbox), AtomicUsize::new(0), ids.clone());
        // At each of the first pages some contacts are edited, which moves them to other pages.
        practice.sandbox.on_call(Box::new(move |info| {
            if info.system == "crm" && info.phase == Phase::Applied && is(info, Purpose::Poll) {
                let page = pages.fetch_add(1, Ordering::SeqCst);
                if let (Some(sandbox), true) = (sandbox.upgrade(), page < 3) {
                    for place in [10, 110, 210, 310] {
                        let patch = json!({ "phone": format!("+61355501{page}{:02}", place / 10) });
                        sandbox
                            .person_edit("crm", "contacts", &targets[place + page], &patch)
                            .unwrap();
                    }
                }
            }
            Verdict::Go
        }));
        practice.sync().await;
        practice.sync().await;
        assert_eq!(practice.entities().await.len(), COUNT, "{crm:?}: everybody was seen");
        for page in 0..3 {
            for place in [10, 110, 210, 310] {
                let entity = practice.entity("crm", &ids[place + page]).await;
                let seen = entity
                    .agreed
                    .get("phone")
                    .and_then(|a| a.value.as_text().map(str::to_string));
                assert_eq!(
                    seen,
                    Some(format!("+61355501{page}{:02}", place / 10)),
                    "{crm:?}: contact {}",
                    place + page
                );
            }
        }
    }
}

#[tokio::test]
async fn promise_7_another_mapping_reads_afresh_and_keeps_what_was_agreed() {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let shipped = include_str!("../../../mappings/example-crm.toml");
    let without: String = shipped
        .lines()
        .filter(|l| !l.starts_with("phone "))
        .map(|l| format!("{l}\n"))
        .collect();
    assert_ne!(shipped, without);
    practice.configure("mappings/example-crm.toml", &without).await;
    practice.sync().await;
    practice.edit("crm", &contact, "phone", "+61355501234");
    practice.edit("crm", &contact, "mobile", "+61491570158");
    practice.sync().await;
    assert_eq!(
        practice.shows("halaxy", &patient, "phone"),
        "",
        "not mapped, so not read"
    );
    assert_eq!(practice.shows("halaxy", &patient, "mobile"), "+61491570158");
    practice.configure("mappings/example-crm.toml", shipped).await;
    practice.sync().await;
    assert_eq!(
        practice.shows("halaxy", &patient, "phone"),
        "+61355501234",
        "the edit made meanwhile arrives"
    );
    assert_eq!(
        practice.counts().await.conflicts,
        0,
        "nobody is asked about what was agreed before"
    );
    assert_eq!(practice.records("crm").len(), 2);
}
