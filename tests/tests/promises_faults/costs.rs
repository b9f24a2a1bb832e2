//! Promise 9: what changes and faults cost; and brakes on floods.

use crate::support::crowd;
use adapter_sandbox::{CrmKind, FaultKind, Manners};
use bridge_tests::{Practice, Purpose, fault, now, writing};
use serde_json::json;

#[tokio::test]
async fn promise_9_a_batch_of_changes_shares_its_calls() {
    const COUNT: usize = 90;
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, crowd("P", COUNT), vec![]).await;
    let after = practice.last_call();
    practice.sync().await;
    assert_eq!(
        practice.calls(after, "crm", Purpose::Write).len(),
        1,
        "one upsert makes them all"
    );
    let after = practice.last_call();
    for i in 0..COUNT {
        practice.edit(
            "halaxy",
            &practice.id(&format!("P{i}")),
            "phone",
            &format!("+6135550{i:04}"),
        );
    }
    practice.sync().await;
    assert_eq!(
        practice.calls(after, "crm", Purpose::Read).len(),
        1,
        "one guard for all"
    );
    assert_eq!(
        practice.calls(after, "crm", Purpose::Write).len(),
        1,
        "one write for all"
    );
}

async fn calls_of_a_fault(crm: CrmKind, kind: FaultKind) {
    let practice = Practice::settled(crm).await;
    let update = writing("crm", crm)[1];
    practice
        .sandbox
        .set_faults(vec![fault("crm", kind, update.0, update.1)]);
    let after = practice.last_call();
    practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
    practice.sync().await;
    let calls = practice.calls(after, "crm", Purpose::Read).len() + practice.calls(after, "crm", Purpose::Write).len();
    assert!(calls <= 2 + 3, "{crm:?} {kind:?}: {calls} calls");
    assert_eq!(
        practice.shows("crm", &practice.id("C1"), "mobile"),
        "+61491570158",
        "{crm:?} {kind:?}"
    );
}

#[tokio::test]
async fn promise_9_a_fault_costs_at_most_three_more_calls() {
    tokio::join!(
        calls_of_a_fault(CrmKind::Hubspot, FaultKind::Status),
        calls_of_a_fault(CrmKind::Hubspot, FaultKind::DropAfter),
        calls_of_a_fault(CrmKind::Plain, FaultKind::Status),
        calls_of_a_fault(CrmKind::Plain, FaultKind::DropAfter),
    );
}

#[tokio::test]
async fn a_brake_lets_go_when_what_tripped_it_is_taken_back() {
    let mut practice = Practice::start(CrmKind::Hubspot, Manners::Polite, crowd("P", 12), vec![]).await;
    let config = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice
        .configure("bridge.toml", &format!("{config}\n[brakes]\nshare = 0.5\nfloor = 5\n"))
        .await;
    practice.sync().await;
    let phone = |i: usize, digits: &str| practice.edit("halaxy", &practice.id(&format!("P{i}")), "phone", digits);
    let on = async || {
        for _ in 0..3 {
            practice.engine.poll_now();
            practice.engine.step(now()).await.unwrap();
        }
    };
    (0..9).for_each(|i| phone(i, &format!("+6135550000{i}")));
    on().await;
    assert_eq!(practice.engine.brakes().await.unwrap().len(), 1);
    assert_eq!(practice.holding("crm", "5550000"), 0, "all of them wait");
    (0..9).for_each(|i| phone(i, ""));
    phone(11, "+61355511111");
    on().await;
    assert!(
        practice.engine.brakes().await.unwrap().is_empty(),
        "nothing is left of it"
    );
    assert_eq!(practice.holding("crm", "+61355511111"), 1, "work goes on");
}

/// After the backfill that a person approved, an import of strangers is not passed on unasked.
#[tokio::test]
async fn a_brake_holds_a_flood_of_creations_until_a_person_releases_it() {
    let mut practice = Practice::start(CrmKind::Hubspot, Manners::Polite, crowd("P", 12), vec![]).await;
    let config = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice
        .configure("bridge.toml", &format!("{config}\n[brakes]\nshare = 0.5\nfloor = 5\n"))
        .await;
    practice.sync().await;
    assert_eq!(
        practice.records("crm").len(),
        12,
        "what was approved is no flood, however much it is"
    );
    let new = |from: usize, count: usize| {
        for i in from..from + count {
            let body = json!({ "resourceType": "Patient",
                "name": [{ "use": "official", "family": format!("Flood{i}"), "given": [format!("Given{i}")] }],
                "birthDate": format!("19{}-03-0{}", 50 + i, 1 + i % 9) });
            practice.sandbox.person_create("halaxy", "Patient", &body).unwrap();
        }
    };
    let on = async |count: usize| {
        for _ in 0..count {
            practice.engine.poll_now();
            practice.engine.step(now()).await.unwrap();
        }
    };
    new(0, 3);
    on(3).await;
    assert_eq!(practice.records("crm").len(), 15, "a few new patients are a day's work");
    new(10, 9);
    on(3).await;
    assert_eq!(practice.records("crm").len(), 15, "many at once wait");
    let brakes = practice.engine.brakes().await.unwrap();
    assert_eq!((brakes.len(), brakes[0].writes, brakes[0].linked), (1, 9, 15));
    practice.sync().await;
    assert_eq!(practice.records("crm").len(), 24, "and go when a person says so");
}
