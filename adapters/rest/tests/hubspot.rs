//! The shipped HubSpot connector against its stand-in.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::{Adapter, Answer, Outgoing, Read, RefusalKind, Remote};
use adapter_sandbox::{Author as Hand, Manners};
use bridge_core::Author;
use common::{Desk, KIND, applied, pages, update};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

fn ids(records: &[Remote]) -> BTreeSet<String> {
    records.iter().map(|record| record.id.clone()).collect()
}

#[tokio::test]
async fn backfill_lists_everybody_and_a_quiet_poll_is_one_call() {
    let desk = Desk::prepared(Manners::Real, 250).await;
    let before = desk.last_call();
    let (all, cursor) = pages(&desk.adapter, None).await;
    assert_eq!(
        all.iter().map(|page| page.records.len()).collect::<Vec<_>>(),
        [100, 100, 50]
    );
    assert!(
        all.iter().all(|page| page.may_lag),
        "the list does not tell who typed what"
    );
    let backfilled: Vec<Remote> = all.into_iter().flat_map(|page| page.records).collect();
    assert_eq!(ids(&backfilled).len(), 250);
    assert_eq!(desk.calls_since(before).len(), 3);

    desk.clock.advance(Duration::from_secs(120));
    let before = desk.last_call();
    let (quiet, cursor) = pages(&desk.adapter, Some(&cursor)).await;
    assert_eq!(
        desk.calls_since(before),
        ["POST /hubspot/crm/objects/2026-09/contacts/search"]
    );
    assert!(quiet[0].may_lag && quiet[0].records.is_empty() && !quiet[0].more);

    let person = backfilled[3].clone();
    desk.sandbox
        .person_edit("crm", KIND, &person.id, &json!({"firstname": "Changed"}))
        .unwrap();
    desk.clock.advance(Duration::from_secs(3));
    let (changed, _) = desk.changes(Some(&cursor)).await;
    assert_eq!(ids(&changed), [person.id.clone()].into());
    assert_eq!(changed[0].body["properties"]["firstname"], "Changed");
    assert_ne!(changed[0].mark, person.mark);
}

#[tokio::test]
async fn five_hundred_contacts_of_one_moment_are_all_seen() {
    let desk = Desk::prepared(Manners::Nasty, 520).await;
    let (_, cursor) = desk.changes(None).await;
    // In nasty manners all contacts were imported at one moment; look back to it.
    let far_back = cursor.replace(
        cursor.split_once("\"since\":").unwrap().1.trim_end_matches('}'),
        "1000000000",
    );
    let (pages, _) = pages(&desk.adapter, Some(&far_back)).await;
    let seen: Vec<Remote> = pages.into_iter().flat_map(|page| page.records).collect();
    assert_eq!((seen.len(), ids(&seen).len()), (520, 520));
    assert_eq!(
        seen.iter().map(|r| &r.mark).collect::<BTreeSet<_>>().len(),
        1,
        "one moment"
    );
}

#[tokio::test]
async fn an_edit_that_the_index_shows_late_is_not_skipped() {
    let desk = Desk::prepared(Manners::Real, 5).await;
    desk.sandbox
        .set_switches("crm", &json!({"index_lag_min_ms": 5_000, "index_lag_max_ms": 5_000}))
        .unwrap();
    let (all, cursor) = desk.changes(None).await;
    desk.clock.advance(Duration::from_secs(60));
    let (_, cursor) = desk.changes(Some(&cursor)).await;
    desk.sandbox
        .person_edit("crm", KIND, &all[0].id, &json!({"firstname": "Late"}))
        .unwrap();
    let (hidden, cursor) = desk.changes(Some(&cursor)).await;
    assert!(hidden.is_empty(), "the index does not show it yet");
    desk.clock.advance(Duration::from_secs(6));
    let (shown, _) = desk.changes(Some(&cursor)).await;
    assert_eq!(ids(&shown), [all[0].id.clone()].into());
}

#[tokio::test]
async fn creates_are_upserts_by_our_key_and_updates_send_only_differences() {
    let desk = Desk::prepared(Manners::Real, 0).await;
    let body = json!({"properties": {"firstname": "Mimi", "email": "Mimi@Example.org", "halaxy_deceased": false, "phone": null}});
    let (id, shown) = applied(desk.create("4711", body.clone()).await);
    let shown = shown.unwrap();
    assert_eq!(
        shown.body["properties"]["email"], "mimi@example.org",
        "as the product spells it"
    );
    assert_eq!(shown.body["properties"]["halaxy_deceased"], "false", "values are texts");
    let (again, _) = applied(desk.create("4711", body).await);
    assert_eq!(again, id, "the same key makes no second contact");
    assert_eq!(desk.sandbox.records("crm", KIND).unwrap().len(), 1);
    assert_eq!(
        desk.sandbox.record("crm", KIND, &id).unwrap()["properties"]["halaxy_patient_id"],
        "4711"
    );

    let (_, shown) = applied(
        desk.update(&id, |body| {
            body["properties"]["firstname"] = json!(null);
            body["properties"]["phone"] = json!("0491570006");
        })
        .await,
    );
    let shown = shown.unwrap();
    assert_eq!(
        shown.body["properties"]["email"], "mimi@example.org",
        "what the answer leaves out stays as sent"
    );
    let stored = desk.found(&id).await;
    assert!(
        stored.body["properties"]["firstname"].as_str().unwrap_or("").is_empty(),
        "cleared"
    );
    assert!(
        stored.body["properties"]["phone"]
            .as_str()
            .unwrap()
            .ends_with("491570006")
    );
    assert_eq!(stored.mark, shown.mark);

    let before = desk.last_call();
    let (same, record) = applied(desk.update(&id, |_| {}).await);
    assert_eq!((same, record), (id, None));
    assert_eq!(
        desk.calls_since(before).len(),
        1,
        "only the read: nothing differed, nothing was sent"
    );
}

#[tokio::test]
async fn a_batch_answers_each_write_by_itself() {
    let desk = Desk::prepared(Manners::Real, 3).await;
    desk.sandbox
        .set_switches("crm", &json!({"shuffle_batches": true}))
        .unwrap();
    let (all, _) = desk.changes(None).await;
    let taken = all[2].body["properties"]["email"].clone();
    let gone = all[1].clone();
    desk.sandbox.person_delete("crm", KIND, &gone.id).unwrap();
    let writes = vec![
        update(&all[0], |body| body["properties"]["email"] = taken),
        update(&gone, |body| body["properties"]["firstname"] = json!("Nobody")),
        update(&all[2], |body| body["properties"]["firstname"] = json!("Fine")),
    ];
    let answers = desk.adapter.write(KIND, writes).await;
    let Answer::Refused(refusal) = &answers[0] else {
        panic!("{:?}", answers[0])
    };
    assert_eq!(
        (refusal.kind, refusal.code.as_str(), refusal.path.as_deref()),
        (RefusalKind::Taken, "CONFLICT", Some("properties.email"))
    );
    assert!(matches!(answers[1], Answer::Gone));
    let (id, record) = applied(answers[2].clone());
    assert_eq!(
        (&id, &record.unwrap().body["properties"]["firstname"]),
        (&all[2].id, &json!("Fine"))
    );
}

#[tokio::test]
async fn one_poisonous_write_does_not_spoil_its_batch() {
    let desk = Desk::prepared(Manners::Real, 6).await;
    let (all, _) = desk.changes(None).await;
    // The same contact twice makes HubSpot refuse the whole batch.
    let mut writes: Vec<Outgoing> = all
        .iter()
        .map(|r| update(r, |b| b["properties"]["firstname"] = json!("New")))
        .collect();
    writes.push(update(&all[0], |body| body["properties"]["lastname"] = json!("Twice")));
    let answers = desk.adapter.write(KIND, writes).await;
    assert_eq!(answers.len(), 7);
    assert!(
        answers.iter().all(|answer| matches!(answer, Answer::Applied { .. })),
        "{answers:?}"
    );
}

#[tokio::test]
async fn an_unknown_property_says_what_to_do() {
    let desk = Desk::hubspot(Manners::Real, 1);
    let (all, _) = desk.changes(None).await;
    let answer = desk
        .update(&all[0].id, |body| {
            body["properties"]["halaxy_status"] = json!("current")
        })
        .await;
    let Answer::Refused(refusal) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    assert_eq!(refusal.code, "PROPERTY_DOESNT_EXIST: run prepare");
    assert_eq!(refusal.path.as_deref(), Some("properties.halaxy_status"));
}

#[tokio::test]
async fn reads_tell_the_dead_the_merged_and_the_missing_apart() {
    for new_id in [false, true] {
        let desk = Desk::prepared(Manners::Real, 4).await;
        desk.sandbox
            .set_switches("crm", &json!({"merge_gives_new_id": new_id}))
            .unwrap();
        let (all, _) = desk.changes(None).await;
        desk.sandbox.person_delete("crm", KIND, &all[0].id).unwrap();
        let survivor = desk.sandbox.person_merge("crm", KIND, &all[1].id, &all[2].id).unwrap();
        let asked = [
            all[0].id.clone(),
            all[2].id.clone(),
            "999999".into(),
            all[3].id.clone(),
            survivor.clone(),
        ];
        let read = desk.adapter.read(KIND, &asked).await.unwrap();
        let Read::Found(dead) = &read[0] else {
            panic!("{:?}", read[0])
        };
        assert!(!dead.alive && dead.id == all[0].id);
        let Read::Found(merged) = &read[1] else {
            panic!("{:?}", read[1])
        };
        assert!(merged.alive && merged.id == survivor && merged.merged_from.contains(&all[2].id));
        assert!(matches!(read[2], Read::Missing));
        let Read::Found(alive) = &read[3] else {
            panic!("{:?}", read[3])
        };
        assert!(alive.alive && alive.id == all[3].id && alive.merged_from.is_empty());
        let Read::Found(same) = &read[4] else {
            panic!("{:?}", read[4])
        };
        assert_eq!(same.id, survivor);
    }
}

#[tokio::test]
async fn references_are_found_among_the_dead_too() {
    let desk = Desk::prepared(Manners::Real, 0).await;
    let (alive, _) = applied(desk.create("1", json!({"properties": {"firstname": "A"}})).await);
    let (dead, _) = applied(desk.create("2", json!({"properties": {"firstname": "B"}})).await);
    desk.sandbox.person_delete("crm", KIND, &dead).unwrap();
    let found = desk
        .adapter
        .find(KIND, &["2".into(), "3".into(), "1".into()])
        .await
        .unwrap();
    let shape: Vec<(&str, Vec<(&str, bool)>)> = found
        .iter()
        .map(|f| {
            (
                f.reference.as_str(),
                f.records.iter().map(|r| (r.id.as_str(), r.alive)).collect(),
            )
        })
        .collect();
    assert_eq!(
        shape,
        [
            ("2", vec![(dead.as_str(), false)]),
            ("3", vec![]),
            ("1", vec![(alive.as_str(), true)])
        ]
    );
}

#[tokio::test]
async fn history_tells_people_from_automations() {
    let desk = Desk::prepared(Manners::Real, 3).await;
    let (all, _) = desk.changes(None).await;
    desk.sandbox
        .person_edit("crm", KIND, &all[0].id, &json!({"mobilephone": "+61491570111"}))
        .unwrap();
    desk.sandbox
        .person_edit_as(
            "crm",
            KIND,
            &all[0].id,
            &json!({"email": "form@example.org"}),
            Hand::Form,
        )
        .unwrap();
    let authors = desk.found(&all[0].id).await.authors;
    assert_eq!(authors.get("properties.mobilephone"), Some(&Author::Person));
    assert_eq!(authors.get("properties.email"), Some(&Author::Automation));
    applied(
        desk.update(&all[0].id, |body| {
            body["properties"]["mobilephone"] = json!("+61491570222")
        })
        .await,
    );
    assert_eq!(
        desk.found(&all[0].id).await.authors.get("properties.mobilephone"),
        Some(&Author::Automation),
        "our own write"
    );
}

#[tokio::test]
async fn prepare_makes_what_is_missing_once() {
    let desk = Desk::hubspot(Manners::Real, 0);
    let shown = desk.adapter.prepare(KIND, false).await.unwrap();
    let names: BTreeSet<&str> = shown.iter().map(|step| step.what.as_str()).collect();
    assert!(names.contains("property halaxy_patient_id (unique)") && names.contains("property halaxy_status"));
    assert!(
        !names.contains("property halaxy_practice_location"),
        "the mapping does not name it"
    );
    assert!(shown.iter().all(|step| !step.present));
    let probes = desk.adapter.probe(&[KIND.to_string()]).await;
    assert!(
        probes
            .iter()
            .any(|p| p.problem.as_ref().is_some_and(|(_, remedy)| remedy.contains("prepare")))
    );
    desk.adapter.prepare(KIND, true).await.unwrap();
    let before = desk.last_call();
    assert!(
        desk.adapter
            .prepare(KIND, true)
            .await
            .unwrap()
            .iter()
            .all(|step| step.present)
    );
    assert_eq!(desk.calls_since(before).len(), 1, "nothing is made twice");
    assert!(
        desk.adapter
            .probe(&[KIND.to_string()])
            .await
            .iter()
            .all(|probe| probe.problem.is_none())
    );
}

#[tokio::test]
async fn a_dropped_answer_is_unknown_and_a_refused_call_is_later() {
    let desk = Desk::prepared(Manners::Real, 1).await;
    let (all, _) = desk.changes(None).await;
    let record = desk.found(&all[0].id).await;
    let rename = |name: &str| vec![update(&record, |body| body["properties"]["firstname"] = json!(name))];
    let rule = |text: serde_json::Value| vec![serde_json::from_value(text).unwrap()];
    desk.sandbox
        .set_faults(rule(json!({"system": "crm", "fault": "drop_after", "count": 1})));
    assert!(matches!(
        desk.adapter.write(KIND, rename("Landed")).await[0],
        Answer::Unknown(_)
    ));
    assert_eq!(desk.found(&record.id).await.body["properties"]["firstname"], "Landed");
    desk.sandbox.set_faults(rule(
        json!({"system": "crm", "fault": "status", "status": 503, "count": 1}),
    ));
    assert!(matches!(
        desk.adapter.write(KIND, rename("Unsure")).await[0],
        Answer::Unknown(_)
    ));
    desk.sandbox.set_faults(rule(
        json!({"system": "crm", "fault": "status", "status": 429, "count": 1}),
    ));
    let answer = desk.adapter.write(KIND, rename("Later")).await.remove(0);
    let Answer::Later(error) = answer else {
        panic!("{answer:?}")
    };
    assert!(error.not_processed);
}

#[tokio::test]
async fn the_limits_are_used_and_never_met() {
    let desk = Desk::prepared(Manners::Real, 100).await;
    let (all, mut cursor) = desk.changes(None).await;
    for round in 0..40 {
        cursor = desk.changes(Some(&cursor)).await.1;
        for record in all.iter().take(8) {
            desk.found(&record.id).await;
        }
        assert_eq!(desk.adapter.usage().throttled, 0, "round {round}");
    }
    assert!(desk.adapter.usage().calls > 360);
}
