//! What people at the desk see and decide: the inbox follows what it stands for, decisions come back as they were made.

use crate::support::*;
use bridge_core::undo::UnitState;
use bridge_core::{Card, CardKind, Conflict, Entity, Hold, Lane, UnitHold, Value};
use bridge_store::{Candidate, CandidateState, DecisionRow, ItemFilter, Page, RecordKey, Store, conflict_id, hold_id};
use std::collections::BTreeMap;

fn conflict(one: &str, other: &str, since: i64) -> Conflict {
    Conflict {
        values: BTreeMap::from([("crm".into(), Value::text(one)), ("halaxy".into(), Value::text(other))]),
        since,
        why: "changed differently in two places".into(),
    }
}

async fn save(store: &Store, before: Option<Entity>, after: Entity) -> Entity {
    let mut tx = store.begin().await.unwrap();
    let id = after.id.clone();
    assert!(
        tx.save_entities(&[(before, after)], Lane::Live, NOW)
            .await
            .unwrap()
            .is_empty()
    );
    tx.commit().await.unwrap();
    store.entities(&[id]).await.unwrap().remove(0)
}

async fn topics(store: &Store) -> Vec<String> {
    let all = store.items(&ItemFilter::default(), &Page::first(100)).await.unwrap();
    all.rows.into_iter().map(|item| item.topic).collect()
}

#[tokio::test]
async fn the_inbox_follows_what_it_stands_for() {
    let place = Place::new();
    let store = place.open().await;
    let mut entity = person("e1", 1);
    entity
        .conflicts
        .insert("mobile".into(), conflict("+61491570006", "+61491570156", NOW));
    entity
        .conflicts
        .insert("email".into(), conflict("a.b@c.example", "A.B@c.example", NOW + 1));
    entity.cards.push(Card {
        kind: CardKind::Merged,
        system: "crm".into(),
        units: Default::default(),
        since: NOW + 2,
    });
    entity
        .links
        .get_mut("crm")
        .unwrap()
        .units
        .get_mut("mobile")
        .unwrap()
        .held = Some(UnitHold {
        value: Value::text("+61491570006"),
        why: Hold::NotTaken,
    });
    save_new(&store, &[entity]).await;
    let before = store.entities(&["e1".into()]).await.unwrap().remove(0);
    assert_eq!(
        topics(&store).await,
        [
            "conflict/mobile",
            "hold/mobile",
            "conflict/email/cosmetic",
            "card/merged"
        ]
    );

    let id = conflict_id("e1", "mobile");
    let mut tx = store.begin().await.unwrap();
    assert!(tx.assign_item(&id, Some("rose")).await.unwrap());
    assert!(tx.snooze_item(&id, NOW + 99).await.unwrap());
    assert!(!tx.assign_item("nothing0", Some("rose")).await.unwrap());
    tx.commit().await.unwrap();
    let asleep = ItemFilter {
        asleep: Some((true, NOW)),
        ..ItemFilter::default()
    };
    assert_eq!(store.items(&asleep, &Page::first(9)).await.unwrap().rows[0].id, id);
    let cells = store.item_cells().await.unwrap();
    assert_eq!(cells.iter().map(|c| c.count).sum::<u64>(), 4);
    assert_eq!(cells.iter().filter(|c| c.assigned.is_some()).count(), 1);

    // Another value in question: it wakes, and stays hers.
    let mut after = before.clone();
    after
        .conflicts
        .insert("mobile".into(), conflict("+61491570006", "+61491570110", NOW));
    after.conflicts.remove("email");
    after.cards.clear();
    let before = save(&store, Some(before), after).await;
    let item = store.item(&id).await.unwrap().unwrap();
    assert_eq!((item.assigned.as_deref(), item.snoozed), (Some("rose"), 0));
    assert_eq!(topics(&store).await, ["conflict/mobile", "hold/mobile"]);

    let mut after = before.clone();
    after.conflicts.clear();
    after
        .links
        .get_mut("crm")
        .unwrap()
        .units
        .get_mut("mobile")
        .unwrap()
        .held = None;
    save(&store, Some(before), after).await;
    assert!(topics(&store).await.is_empty());
    assert!(store.items_of("e1").await.unwrap().is_empty());
}

#[tokio::test]
async fn pairs_come_and_go_with_their_state() {
    let place = Place::new();
    let store = place.open().await;
    let pair = |n: usize, state| Candidate {
        state,
        ..Candidate::new(
            RecordKey::new("crm", "contacts", format!("c{n}")),
            RecordKey::new("halaxy", "Patient", format!("p{n}")),
            700,
            vec![],
            NOW,
        )
    };
    let pairs = [
        pair(1, CandidateState::Open),
        pair(2, CandidateState::Faint),
        pair(3, CandidateState::Twice),
    ];
    let mut tx = store.begin().await.unwrap();
    tx.add_candidates(&pairs).await.unwrap();
    tx.commit().await.unwrap();
    let mut waiting = topics(&store).await;
    waiting.sort();
    assert_eq!(waiting, ["match/pair", "match/twice"]);
    let ids: Vec<String> = pairs.iter().map(|p| p.id.clone()).collect();
    let mut tx = store.begin().await.unwrap();
    tx.decide_candidates(&ids, CandidateState::Different, "rose", NOW)
        .await
        .unwrap();
    // Found again, it stays decided.
    tx.add_candidates(&pairs).await.unwrap();
    tx.commit().await.unwrap();
    assert!(topics(&store).await.is_empty());
    let mut tx = store.begin().await.unwrap();
    tx.decide_candidates(&ids[..1], CandidateState::Open, "rose", NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(topics(&store).await, ["match/pair"]);
}

#[tokio::test]
async fn pages_of_the_inbox_are_stable_and_filters_agree_with_counts() {
    let place = Place::new();
    let store = place.open().await;
    let entities: Vec<Entity> = (0..60)
        .map(|n| {
            let mut entity = person(&format!("e{n:02}"), n);
            let unit = ["mobile", "email", "phone"][n % 3];
            entity
                .conflicts
                .insert(unit.into(), conflict("a", "b", NOW + (n / 7) as i64));
            entity
        })
        .collect();
    save_new(&store, &entities).await;
    let filter = ItemFilter {
        topics: Some(vec!["conflict/mobile".into(), "conflict/phone".into()]),
        system: Some("crm".into()),
        ..ItemFilter::default()
    };
    let (mut seen, mut page) = (vec![], Page::first(7));
    loop {
        let part = store.items(&filter, &page).await.unwrap();
        seen.extend(part.rows.iter().map(|item| (item.since, item.id.clone())));
        match part.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), 40);
    assert!(seen.is_sorted());
    let cells = store.item_cells().await.unwrap();
    let counted: u64 = cells
        .iter()
        .filter(|c| c.topic != "conflict/email")
        .map(|c| c.count)
        .sum();
    assert_eq!(counted, 40);
    assert_eq!(store.items_older(NOW).await.unwrap(), 7);
}

#[tokio::test]
async fn decisions_come_back_exactly_and_are_taken_back_once() {
    let place = Place::new();
    let store = place.open().await;
    let entity = everything("e1");
    let row = |n: i64, group: Option<&str>| DecisionRow {
        id: format!("d{n}"),
        at: NOW + n,
        who: "rose".into(),
        sort: "value".into(),
        entity: Some("e1".into()),
        unit: Some("phone".into()),
        item: "item0001".into(),
        group: group.map(str::to_string),
        undone: None,
        details: serde_json::json!({"choice": "halaxy"}),
        before: Some(UnitState::of(&entity, "phone")),
    };
    let rows = [row(1, None), row(2, Some("g1")), row(3, Some("g1"))];
    let mut tx = store.begin().await.unwrap();
    tx.put_decisions(&rows).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.decision("d1").await.unwrap().unwrap(), rows[0]);
    assert_eq!(store.decision_group("g1").await.unwrap(), rows[1..]);
    assert_eq!(store.decisions_of("e1").await.unwrap(), rows);
    let newest = store
        .decisions(Some("value"), Some("phone"), &Page::first(2))
        .await
        .unwrap();
    assert_eq!(newest.rows, [rows[2].clone(), rows[1].clone()]);
    let page = Page {
        after: newest.next,
        limit: 2,
    };
    assert_eq!(store.decisions(None, None, &page).await.unwrap().rows, rows[..1]);
    let mut tx = store.begin().await.unwrap();
    assert!(tx.mark_undone("d1", NOW + 9).await.unwrap());
    assert!(!tx.mark_undone("d1", NOW + 10).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.decision("d1").await.unwrap().unwrap().undone, Some(NOW + 9));
}

#[tokio::test]
async fn what_an_older_release_stored_is_taken_in_bit_by_bit() {
    let place = Place::new();
    let store = place.open().await;
    let mut entities: Vec<Entity> = (0..30).map(|n| person(&format!("e{n:02}"), n)).collect();
    for entity in &mut entities[..5] {
        let crm = entity.links.get_mut("crm").unwrap();
        crm.units.get_mut("mobile").unwrap().held = Some(UnitHold {
            value: Value::text("+61491570006"),
            why: Hold::NotTaken,
        });
    }
    save_new(&store, &entities).await;
    let names: Vec<_> = entities
        .iter()
        .map(|e| (RecordKey::from(&e.links["crm"]), vec!["Miriam Samplewood".to_string()]))
        .collect();
    let mut tx = store.begin().await.unwrap();
    tx.set_name_parts(&names).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.search_name("sample mir", 99).await.unwrap().len(), 30);
    place.sql("DELETE FROM name_prefix").await;
    place.sql("DELETE FROM inbox").await;
    assert!(store.search_name("samplewood", 99).await.unwrap().is_empty());
    let mut rounds = 0;
    loop {
        rounds += 1;
        let mut tx = store.begin().await.unwrap();
        let done = tx.index_names(8).await.unwrap() & tx.file_holds(2, NOW).await.unwrap();
        tx.commit().await.unwrap();
        if done {
            break;
        }
    }
    assert!(rounds > 3);
    assert_eq!(store.search_name("samplewood", 99).await.unwrap().len(), 30);
    assert!(
        store
            .item(&hold_id("e03", "crm", Some("mobile")))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(topics(&store).await.len(), 5);
}
