//! Entities come back as they were saved, and only against the revision they were loaded with.

use crate::support::*;
use bridge_core::{Lane, LinkState, Value, WriteState};
use bridge_store::{RecordKey, conflict_id};

#[tokio::test]
async fn every_member_and_every_shape_survives() {
    let place = Place::new();
    let store = place.open().await;
    let entity = everything("e1");
    save_new(&store, std::slice::from_ref(&entity)).await;
    assert_eq!(load(&store, "e1").await, entity);
    store.close().await;
    assert_eq!(load(&place.open().await, "e1").await, entity, "after opening again");
}

#[tokio::test]
async fn many_come_in_the_order_asked_for() {
    let store = Place::new();
    let store = store.open().await;
    let entities: Vec<_> = (0..1500).map(|n| person(&format!("e{n:05}"), n)).collect();
    save_new(&store, &entities).await;
    let mut wanted: Vec<String> = entities.iter().rev().map(|entity| entity.id.clone()).collect();
    wanted.insert(700, "nobody".into());
    let loaded = store.entities(&wanted).await.unwrap();
    assert!(loaded.iter().eq(entities.iter().rev()));
}

#[tokio::test]
async fn a_change_replaces_adds_and_deletes_rows() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[everything("e1"), person("e2", 2)]).await;
    let after = change(&store, "e1", NOW, Lane::Live, |entity| {
        entity.dirty = false;
        entity.candidate = false;
        entity.agreed.remove("tags");
        entity.graves.clear();
        entity.refused.clear();
        entity.writes.remove("crm");
        entity.writes.get_mut("books").unwrap().tries = 9;
        entity.conflicts.clear();
        entity
            .conflicts
            .insert("mobile".into(), everything("x").conflicts.remove("email").unwrap());
        entity.cards.clear();
        entity
            .links
            .get_mut("halaxy")
            .unwrap()
            .units
            .get_mut("email")
            .unwrap()
            .set_seen(Value::Empty);
    })
    .await;
    assert_eq!(load(&store, "e1").await, after);
    assert_eq!(load(&store, "e2").await, person("e2", 2), "the neighbour is left alone");
}

#[tokio::test]
async fn a_stale_entity_is_named_and_changes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[everything("e1"), person("e2", 2)]).await;
    let stale = load(&store, "e1").await;
    let fresh = load(&store, "e2").await;
    let winner = change(&store, "e1", NOW, Lane::Live, |entity| entity.writes.clear()).await;

    let mut late = stale.clone();
    late.revision += 1;
    late.conflicts.clear();
    late.cards.clear();
    late.links.get_mut("crm").unwrap().look = false;
    late.writes
        .insert("halaxy".into(), write("halaxy", WriteState::Planned, Lane::Live));
    let mut other = fresh.clone();
    other.revision += 1;
    other.agreed.clear();
    let mut tx = store.begin().await.unwrap();
    let pairs = [
        (Some(stale), late),
        (Some(fresh), other.clone()),
        (None, person("e1", 9)),
    ];
    assert_eq!(
        tx.save_entities(&pairs, Lane::Live, NOW).await.unwrap(),
        ids(&["e1", "e1"])
    );
    tx.commit().await.unwrap();
    assert_eq!(load(&store, "e1").await, winner);
    assert_eq!(load(&store, "e2").await, other, "the others of the batch are saved");
}

#[tokio::test]
async fn a_record_belongs_to_one_entity() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1)]).await;
    let mut thief = person("e2", 2);
    thief.links.insert(
        "crm".into(),
        link("crm", "contacts", "c000001", Some("e2"), &values([])).into(),
    );
    let mut tx = store.begin().await.unwrap();
    assert_eq!(
        tx.save_entities(&[(None, thief)], Lane::Live, NOW).await.unwrap(),
        ids(&["e2"])
    );
    tx.commit().await.unwrap();
    assert_eq!(
        store.entity_of("crm", "contacts", "c000001").await.unwrap().as_deref(),
        Some("e1")
    );
    assert!(store.entities(&ids(&["e2"])).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_record_that_leaves_stays_without_entity_and_may_join_another() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1), person("e2", 2)]).await;
    change(&store, "e1", NOW, Lane::Live, |entity| drop(entity.links.remove("crm"))).await;
    let row = store
        .links("crm", "contacts", &ids(&["c000001"]))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(
        (row.link.entity, row.link.generation, row.link.state),
        (None, 2, LinkState::Live)
    );
    assert_eq!(store.unidentified(None, 10).await.unwrap().len(), 1);

    // Both in one save: one gives up what the other takes.
    let before = store.entities(&ids(&["e1", "e2"])).await.unwrap();
    let mut after = before.clone();
    after.iter_mut().for_each(|entity| entity.revision += 1);
    let moved = after[1].links.remove("crm").unwrap();
    after[0].links.insert(
        "crm".into(),
        bridge_core::Link {
            entity: Some("e1".into()),
            generation: 5,
            ..moved.into_inner()
        }
        .into(),
    );
    let pairs: Vec<_> = before.into_iter().map(Some).zip(after.clone()).collect();
    let mut tx = store.begin().await.unwrap();
    assert!(tx.save_entities(&pairs, Lane::Live, NOW).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    assert_eq!(store.entities(&ids(&["e1", "e2"])).await.unwrap(), after);
    assert_eq!(
        store.entity_of("crm", "contacts", "c000002").await.unwrap().as_deref(),
        Some("e1")
    );
}

#[tokio::test]
async fn two_practices_in_one_database_never_see_each_other() {
    let place = Place::new();
    let (one, two) = (place.open_for("one").await, place.open_for("two").await);
    save_new(&one, &[everything("e1")]).await;
    assert!(two.entities(&ids(&["e1"])).await.unwrap().is_empty());
    assert!(
        two.links("crm", "contacts", &ids(&["c000007"]))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(two.counts().await.unwrap(), bridge_store::Counts::default());
    assert!(two.quiet().await.unwrap() && !one.quiet().await.unwrap());
    assert!(two.conflict(&conflict_id("e1", "email")).await.unwrap().is_none());
    assert!(two.dirty(10).await.unwrap().is_empty());

    // The same ids in both are two things.
    let mut other = person("e1", 7);
    other.agreed.clear();
    save_new(&two, std::slice::from_ref(&other)).await;
    let mut tx = two.begin().await.unwrap();
    tx.mark_dirty(&ids(&["e1"]), Lane::Live, NOW).await.unwrap();
    tx.set_keys(&[(RecordKey::new("crm", "contacts", "c000007"), vec![])])
        .await
        .unwrap();
    tx.put_meta("note", "two").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(load(&one, "e1").await, everything("e1"));
    assert_eq!(one.meta("note").await.unwrap(), None);
    assert_eq!(load(&two, "e1").await.agreed, other.agreed);
}
