//! Referrals under watch: told when they come to stand otherwise, and to whom it may concern.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::CrmKind;
use bridge_core::care::{Limits, State};
use bridge_engine::care::{Care, CareStep, KIND};
use bridge_engine::vitals::Limits as Alerts;
use bridge_tests::Practice;
use halaxy_bridge::config;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use serde_json::{Value as Json, json};

const MARK: &str = "ZQXREASONZQX";

async fn watched(section: &str) -> Practice {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice.configure("bridge.toml", &(text + section)).await;
    practice
}

/// A referral that ends in so many days, with so many of ten sessions left.
fn referral(practice: &Practice, days: i64, left: i64) -> Json {
    let today = Zoned::now()
        .with_time_zone(TimeZone::get("Australia/Melbourne").unwrap())
        .date();
    let end = today.saturating_add(days.days());
    json!({"active": true, "comment": MARK, "subject": {"reference": format!("Patient/{}", practice.id("P1"))},
        "performer": {"reference": format!("Practitioner/PR-{days}{left}")},
        "period": {"start": "2026-01-01", "end": end}, "limitQuantity": {"quantity": {"value": 10}, "quantityUsed": 10 - left}})
}

async fn step(practice: &Practice, days: u16) -> CareStep {
    let zone = TimeZone::get("Australia/Melbourne").unwrap();
    let limits = Limits { days, sessions: 2 };
    let care = Care::new(&practice.engine, "halaxy", zone, limits);
    let mut last = care.step().await.unwrap();
    while last.more {
        last = care.step().await.unwrap();
    }
    last
}

async fn told(practice: &Practice) -> Vec<String> {
    let events = practice.engine.store().events(0, 10_000).await.unwrap();
    let ours = events.into_iter().filter(|event| event.kind == KIND);
    ours.map(|event| {
        assert_eq!(event.units, ["state"]);
        assert!(event.entity.is_some());
        event.remote_id
    })
    .collect()
}

#[tokio::test]
async fn who_follows_is_told_once_when_a_referral_comes_to_stand_otherwise() {
    let practice = watched("[referrals]\nalert_days = 30\n[events]\n").await;
    let make = |days, left| {
        let body = referral(&practice, days, left);
        practice.sandbox.person_create("halaxy", "Referral", &body).unwrap()
    };
    let (long, soon, used) = (make(300, 8), make(40, 8), make(200, 4));
    practice.besides().await;
    // The first reading is no news.
    assert_eq!(told(&practice).await, Vec::<String>::new());

    let edit = |id: &str, used: i64| {
        let patch = json!({"limitQuantity": {"quantity": {"value": 10}, "quantityUsed": used}});
        practice.sandbox.person_edit("halaxy", "Referral", id, &patch).unwrap();
    };
    edit(&used, 9);
    practice.besides().await;
    assert_eq!(told(&practice).await, std::slice::from_ref(&used));
    // Another session of one that is expiring anyhow, and one that has many left.
    edit(&long, 3);
    practice.besides().await;
    assert_eq!(told(&practice).await, std::slice::from_ref(&used));
    edit(&used, 10);
    practice.besides().await;
    assert_eq!(told(&practice).await, [used.clone(), used.clone()]);

    // A day passes, or a limit is set otherwise: the same records stand otherwise.
    let now = step(&practice, 60).await;
    assert_eq!(
        (now.changed, now.counts[&State::Expiring], now.counts[&State::UsedUp]),
        (1, 1, 1)
    );
    assert_eq!(told(&practice).await, [used.clone(), used.clone(), soon.clone()]);
    assert_eq!(step(&practice, 60).await.changed, 0);

    // What is gone is watched no more; what cannot be read is said by its member.
    practice.sandbox.person_delete("halaxy", "Referral", &soon).unwrap();
    let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    let mirror = halaxy_bridge::besides::mirror(&config, &practice.engine).unwrap();
    assert_eq!(mirror.sweep().await.unwrap().trouble, []);
    let patch = json!({"period": {"start": "2026-01-01", "end": "next year"}});
    practice
        .sandbox
        .person_edit("halaxy", "Referral", &long, &patch)
        .unwrap();
    practice.besides().await;
    let now = step(&practice, 30).await;
    assert_eq!(now.counts.values().sum::<u64>(), 1);
    assert_eq!(now.unread, [format!("Referral/{long}: `/period/end` is not a day")]);

    let vitals = practice.engine.vitals(&Alerts::default()).await.unwrap();
    let care = &vitals.parts["care"];
    assert_eq!((care.waiting, care.figures["referrals_used_up"]), (1, 1));
    let alerts: Vec<&str> = vitals.alerts.iter().map(|alert| alert.message.as_str()).collect();
    assert!(
        alerts
            .iter()
            .any(|text| text.contains("1 are used up") && text.contains("referral alerts")),
        "{alerts:?}"
    );
    assert!(!serde_json::to_string(&vitals).unwrap().contains(MARK));
    // Reasons stand in the sealed mirror, and nowhere beside it.
    let mut kept = String::new();
    practice
        .engine
        .store()
        .ledger("care/referral", |_, body| kept.push_str(&body))
        .await
        .unwrap();
    assert!(kept.contains(&used) && !kept.contains(MARK));
}

/// A practice whose CRM is told of sessions left, in its `notes`.
async fn told_of_sessions(may_receive: &str) -> Practice {
    let practice = Practice::settled(CrmKind::Plain).await;
    let file = |name: &str| config::shipped(name).unwrap().to_string();
    let named = file("mappings/example-crm.toml").replacen(
        "\n[person.home_address",
        "\nreferral_sessions_left = \"notes\"\n\n[person.home_address",
        1,
    );
    practice.write("mappings/example-crm.toml", &named);
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    let text = text.replace("may_receive = [\"identity\", \"contact\"]", may_receive);
    practice.write("bridge.toml", &(text + "[referrals]\nunits = true\n"));
    practice
}

#[tokio::test]
async fn sessions_left_reach_the_contact_where_the_class_is_granted() {
    let refused = told_of_sessions("may_receive = [\"identity\", \"contact\"]").await;
    assert!(
        refused.problems().contains("referral_sessions_left"),
        "{}",
        refused.problems()
    );

    let mut practice = told_of_sessions("may_receive = [\"identity\", \"contact\", \"clinical\"]").await;
    practice.reopen().await;
    let id = {
        let body = referral(&practice, 300, 8);
        practice.sandbox.person_create("halaxy", "Referral", &body).unwrap()
    };
    let notes = async |practice: &Practice| {
        practice.besides().await;
        practice.sync().await;
        let contact = practice.entity("halaxy", &practice.id("P1")).await.links["crm"]
            .remote_id
            .clone();
        let shown = practice.sandbox.record("crm", "contacts", &contact).unwrap();
        shown["notes"].as_str().map(str::to_string)
    };
    assert_eq!(notes(&practice).await.as_deref(), Some("8"));
    let patch = json!({"limitQuantity": {"quantity": {"value": 10}, "quantityUsed": 5}});
    practice.sandbox.person_edit("halaxy", "Referral", &id, &patch).unwrap();
    assert_eq!(notes(&practice).await.as_deref(), Some("5"));
    // Halaxy is never written what it does not show.
    assert!(
        !practice
            .sandbox
            .record("halaxy", "Patient", &practice.id("P1"))
            .unwrap()
            .to_string()
            .contains("_referral")
    );
    practice
        .sandbox
        .person_edit("halaxy", "Referral", &id, &json!({"active": false}))
        .unwrap();
    assert_eq!(notes(&practice).await, None);
}
