//! A decision applies to what was shown and nothing else, and what is taken back is as it was.

use crate::support::{essence, person, phone, place, refused_as_changed, seen, take, word};
use bridge_admin::desk::DeskError;
use bridge_admin::desk::act::Decision;
use bridge_core::review::DecisionError;
use bridge_core::{Entity, LinkState, Value};
use bridge_engine::EngineError;
use bridge_store::AuditEntry;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Decided and taken back, at once or after everything was sent, an entity is what it was; and what was shown of the
    /// choice is what was written.
    #[test]
    fn what_is_taken_back_is_as_it_was(base in phone(), crm in phone(), halaxy in phone(), side in 0..4usize, sent in any::<bool>()) {
        prop_assume!(crm != halaxy && crm != base && halaxy != base);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = place().await;
            place.put(&[person(&place.schema, 1, "mobile", &base, &crm, &halaxy)]).await;
            let before = place.entity("person0001").await;
            let id = place.item("person0001").await;
            let detail = place.desk.detail(&id).await.unwrap();
            let decision = match side {
                0 => take("crm", &detail.token),
                1 => take("halaxy", &detail.token),
                2 => take("agreed", &detail.token),
                _ => Decision { value: Some("0491 570 156".into()), ..word("value", &detail.token) },
            };
            let told = match side {
                3 => place.desk.effects_of_value(&id, "0491 570 156").await.unwrap(),
                _ => detail.choices.iter().find(|c| c.system == decision.system && c.act == "take").unwrap().effects.clone().unwrap(),
            };
            let done = place.desk.decide(&id, &decision, "rose").await.unwrap();
            let planned = place.judge("person0001").await;
            let writes: BTreeSet<(String, String)> = planned.writes.values()
                .flat_map(|w| w.values.values().map(|v| (w.system.clone(), v.to_line()))).collect();
            let shown: BTreeSet<(String, String)> = told.writes.iter().map(|e| (e.system.clone(), e.to.to_line())).collect();
            assert_eq!(writes, shown);
            if sent {
                place.deliver("person0001").await;
                let after = place.entity("person0001").await;
                assert_eq!(seen(&after, "crm", "mobile"), seen(&after, "halaxy", "mobile"));
            }
            place.desk.undo(&done.id, "rose").await.unwrap();
            if sent {
                place.deliver("person0001").await;
            }
            let mut after = place.judge("person0001").await;
            if sent {
                // The trail remembers what was written in between only if the state before is not put back.
                after.undoing.clear();
            }
            assert_eq!(essence(&after), essence(&before));
            assert!(place.desk.undo(&done.id, "rose").await.is_err(), "once");
        });
    }

    /// A decision bound to one state applies to no other, whatever changed.
    #[test]
    fn a_decision_applies_only_to_what_was_shown(change in 0..6usize, crm in phone()) {
        prop_assume!(crm != "+61491570001");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = place().await;
            let people = [1, 2].map(|n| person(&place.schema, n, "mobile", "+61491570000", "+61491570001", "+61491570002"));
            place.put(&people).await;
            let (id, other) = (place.item("person0001").await, place.item("person0002").await);
            let token = place.token(&id).await;
            assert!(refused_as_changed(place.desk.decide(&other, &take("crm", &token), "rose").await), "another person's");
            place.change("person0001", |entity| {
                let link = entity.links.get_mut("crm").unwrap();
                match change {
                    0 => link.units.get_mut("mobile").unwrap().set_seen(Value::text(crm.clone())),
                    1 => link.generation += 1,
                    2 => link.state = LinkState::Gone,
                    3 => drop(entity.conflicts.remove("mobile")),
                    4 => drop(entity.apart.insert("mobile".into())),
                    _ => link.held = Some(bridge_core::Hold::Merged),
                }
            }).await;
            let before = place.entity("person0001").await;
            for decision in [take("crm", &token), word("apart", &token)] {
                let result = place.desk.decide(&id, &decision, "rose").await;
                assert!(refused_as_changed(result));
            }
            assert_eq!(place.entity("person0001").await, before);
        });
    }
}

#[tokio::test]
async fn two_reviewers_at_one_card_decide_once() {
    let place = place().await;
    for round in 0..8 {
        place
            .put(&[person(
                &place.schema,
                round,
                "mobile",
                "+61491570000",
                "+61491570001",
                "+61491570002",
            )])
            .await;
        let id = place.item(&format!("person{round:04}")).await;
        let token = place.token(&id).await;
        let (one, other) = (take("crm", &token), take("halaxy", &token));
        let (one, other) = tokio::join!(
            place.desk.decide(&id, &one, "rose"),
            place.desk.decide(&id, &other, "sam")
        );
        assert!(one.is_ok() != other.is_ok(), "one of the two");
        let entity = place.entity(&format!("person{round:04}")).await;
        let taken = if one.is_ok() { "+61491570001" } else { "+61491570002" };
        assert_eq!(entity.agreed["mobile"].value, Value::text(taken));
    }
}

#[tokio::test]
async fn where_somebody_edited_since_nothing_is_taken_back() {
    let place = place().await;
    place
        .put(&[person(
            &place.schema,
            1,
            "mobile",
            "+61491570000",
            "+61491570001",
            "+61491570002",
        )])
        .await;
    let id = place.item("person0001").await;
    let token = place.token(&id).await;
    let done = place.desk.decide(&id, &take("halaxy", &token), "rose").await.unwrap();
    place.deliver("person0001").await;
    let edit = |system: &'static str, text: &'static str| {
        move |entity: &mut Entity| {
            let link = entity.links.get_mut(system).unwrap();
            link.units.get_mut("mobile").unwrap().set_seen(Value::text(text));
        }
    };
    place.change("person0001", edit("crm", "+61491570009")).await;
    match place.desk.undo(&done.id, "rose").await {
        Err(DeskError::Engine(EngineError::Decision(DecisionError::Edited(places)))) => assert_eq!(places, ["crm"]),
        other => panic!("{other:?}"),
    }
    // Edited back it can be; edited again while it is being put back, it ends.
    place.change("person0001", edit("crm", "+61491570002")).await;
    place.desk.undo(&done.id, "rose").await.unwrap();
    let planned = place.judge("person0001").await;
    assert_eq!(planned.writes["crm"].values["mobile"], Value::text("+61491570001"));
    place.change("person0001", edit("halaxy", "+61491570008")).await;
    place.deliver("person0001").await;
    let after = place.entity("person0001").await;
    assert!(after.undoing.is_empty() && after.conflicts.is_empty());
    assert_eq!(seen(&after, "crm", "mobile"), "+61491570008", "the edit travels");
}

#[tokio::test]
async fn a_unit_kept_apart_is_left_alone_until_it_is_taken_in_again() {
    let place = place().await;
    place
        .put(&[person(
            &place.schema,
            1,
            "mobile",
            "+61491570000",
            "+61491570001",
            "+61491570002",
        )])
        .await;
    let id = place.item("person0001").await;
    let token = place.token(&id).await;
    place.desk.decide(&id, &word("apart", &token), "rose").await.unwrap();
    let apart = place.judge("person0001").await;
    assert!(apart.conflicts.is_empty() && apart.writes.is_empty());
    assert_eq!(place.desk.story("person0001").await.unwrap().apart, ["mobile"]);
    place
        .change("person0001", |e| {
            e.links
                .get_mut("halaxy")
                .unwrap()
                .units
                .get_mut("mobile")
                .unwrap()
                .set_seen(Value::text("+61491570003"));
        })
        .await;
    assert!(
        place.judge("person0001").await.writes.is_empty(),
        "an edit stays where it was made"
    );
    let token = place.desk.unit_token("person0001", "mobile").await.unwrap();
    place
        .desk
        .keep_apart("person0001", "mobile", false, &token, "rose")
        .await
        .unwrap();
    assert!(
        place.judge("person0001").await.conflicts.contains_key("mobile"),
        "asked about again"
    );
    let token = place.desk.unit_token("person0001", "halaxy_number").await.unwrap();
    let reference = place
        .desk
        .keep_apart("person0001", "halaxy_number", true, &token, "rose")
        .await;
    assert!(reference.is_err(), "records are known by it");
}

#[tokio::test]
async fn a_run_is_taken_back_but_for_what_was_edited_or_created() {
    let place = place().await;
    let settled = |n| {
        person(
            &place.schema,
            n,
            "mobile",
            "+61491570001",
            "+61491570001",
            "+61491570001",
        )
    };
    place.put(&[settled(1), settled(2), settled(3)]).await;
    let values = |text: &str| BTreeMap::from([("mobile".to_string(), Value::text(text))]);
    let line = |n: usize, event: &str, remote: Option<String>| AuditEntry {
        at: 5_000,
        entity: Some(format!("person{n:04}")),
        system: Some("crm".into()),
        remote_id: remote,
        event: event.into(),
        body: (event == "sent")
            .then(|| serde_json::json!({ "sent": values("+61491570001"), "before": values("+61491570009") })),
        ..AuditEntry::default()
    };
    let mut tx = place.desk.store().begin().await.unwrap();
    let noise = AuditEntry {
        at: 10,
        event: "sent".into(),
        ..AuditEntry::default()
    };
    tx.append_audit(&vec![noise; 40]).await.unwrap();
    tx.start_run("r1", "sync", 4_000).await.unwrap();
    for n in 1..=3 {
        let remote = (n != 3).then(|| format!("crm-{n}"));
        tx.append_audit(&[line(n, "sent", remote.clone()), line(n, "applied", remote)])
            .await
            .unwrap();
    }
    tx.end_run("r1", 6_000, &serde_json::json!({})).await.unwrap();
    tx.commit().await.unwrap();
    place
        .change("person0002", |e| {
            e.links
                .get_mut("crm")
                .unwrap()
                .units
                .get_mut("mobile")
                .unwrap()
                .set_seen(Value::text("+61491570004"));
        })
        .await;
    let dry = place.desk.look_at_undo("r1", "rose").await.unwrap().undo;
    assert!(place.entity("person0001").await.undoing.is_empty(), "only looked at");
    let undo = place.desk.take_run_back("r1", "rose", None).await.unwrap().undo;
    assert_eq!(dry, undo);
    let names = |rows: &[bridge_engine::PutBack]| rows.iter().map(|r| r.entity.clone()).collect::<Vec<_>>();
    assert_eq!(names(&undo.put_back), ["person0001"]);
    assert_eq!(names(&undo.refused), ["person0002", "person0003"]);
    place.deliver("person0001").await;
    let after = place.judge("person0001").await;
    assert_eq!(seen(&after, "crm", "mobile"), "+61491570009");
    assert_eq!(seen(&after, "halaxy", "mobile"), "+61491570001");
    assert!(
        after.writes.is_empty() && after.conflicts.is_empty(),
        "it is not written again"
    );
    let item = place.item("person0001").await;
    let detail = place.desk.detail(&item).await.unwrap();
    assert_eq!(detail.row.kind, "hold");
    place
        .desk
        .decide(&item, &word("replay", &detail.token), "rose")
        .await
        .unwrap();
    assert!(
        place.judge("person0001").await.writes.contains_key("crm"),
        "released by a person"
    );
}
