//! What capture does: links, looked up and saved in batches, and the entities that it wakes.

use crate::support::*;
use bridge_core::{Lane, Link, Value, WriteState};

#[tokio::test]
async fn records_are_saved_and_found_in_batches() {
    let place = Place::new();
    let store = place.open().await;
    let seen = values([("email", "a@samplewood.example")]);
    let links: Vec<Link> = (0..1300)
        .map(|n| link("halaxy", "Patient", &format!("p{n:05}"), None, &seen))
        .collect();
    let mut tx = store.begin().await.unwrap();
    tx.save_links(&links, Lane::Backfill, NOW).await.unwrap();
    tx.commit().await.unwrap();

    let wanted: Vec<String> = links
        .iter()
        .map(|link| link.remote_id.clone())
        .chain(["p99999".into()])
        .collect();
    let mut found = store.links("halaxy", "Patient", &wanted).await.unwrap();
    found.sort_by(|a, b| a.link.remote_id.cmp(&b.link.remote_id));
    assert!(found.iter().all(|row| !row.busy));
    assert!(found.into_iter().map(|row| row.link).eq(links.iter().cloned()));
    assert!(
        store.links("halaxy", "Contact", &wanted).await.unwrap().is_empty(),
        "kinds are told apart"
    );
    assert!(
        store.links("crm", "Patient", &wanted).await.unwrap().is_empty(),
        "systems are told apart"
    );
    assert_eq!(store.unidentified(None, 5000).await.unwrap(), links);
    assert_eq!(store.unidentified(None, 7).await.unwrap(), links[..7]);
    let after = bridge_store::RecordKey::from(&links[6]);
    assert_eq!(store.unidentified(Some(&after), 5).await.unwrap(), links[7..12]);
}

#[tokio::test]
async fn an_observation_wakes_its_entity_and_makes_loaded_copies_stale() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1), person("e2", 2)]).await;
    let before = load(&store, "e1").await;

    let mut tx = store.begin().await.unwrap();
    let mut link = tx
        .links("crm", "contacts", &ids(&["c000001"]))
        .await
        .unwrap()
        .pop()
        .unwrap()
        .link;
    link.units
        .get_mut("mobile")
        .unwrap()
        .set_seen(Value::text("+61491570156"));
    // Whoever observes cannot move a record to another entity.
    link.entity = Some("e1".into());
    tx.save_links(std::slice::from_ref(&link), Lane::Live, NOW + 1)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let woken = load(&store, "e1").await;
    assert_eq!((woken.dirty, woken.revision), (true, before.revision + 1));
    assert_eq!(*woken.links["crm"], link);
    assert_eq!(store.dirty(10).await.unwrap(), ids(&["e1"]));
    assert_eq!(load(&store, "e2").await, person("e2", 2));

    let mut after = before.clone();
    after.revision += 1;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(
        tx.save_entities(&[(Some(before), after)], Lane::Live, NOW)
            .await
            .unwrap(),
        ids(&["e1"])
    );
}

#[tokio::test]
async fn a_fact_that_changes_nothing_wakes_nobody() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1)]).await;
    let mut tx = store.begin().await.unwrap();
    let mut link = tx
        .links("crm", "contacts", &ids(&["c000001"]))
        .await
        .unwrap()
        .pop()
        .unwrap()
        .link;
    link.known_at += 9;
    tx.touch_links(std::slice::from_ref(&link)).await.unwrap();
    tx.commit().await.unwrap();
    let entity = load(&store, "e1").await;
    assert_eq!(
        (entity.dirty, entity.revision),
        (false, 2),
        "loaded copies are stale all the same"
    );
    assert_eq!(*entity.links["crm"], link);
}

#[tokio::test]
async fn busy_is_a_write_to_that_system_on_its_way() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1)]).await;
    for (state, busy) in [
        (WriteState::Planned, false),
        (WriteState::Sent, true),
        (WriteState::Unknown, true),
        (WriteState::Doubtful, false),
        (WriteState::Refused, false),
    ] {
        change(&store, "e1", NOW, Lane::Live, |entity| {
            entity.writes.insert("crm".into(), write("crm", state, Lane::Live));
        })
        .await;
        let row = store
            .links("crm", "contacts", &ids(&["c000001"]))
            .await
            .unwrap()
            .pop()
            .unwrap();
        assert_eq!(row.busy, busy, "{state:?}");
        let other = store
            .links("halaxy", "Patient", &ids(&["p000001"]))
            .await
            .unwrap()
            .pop()
            .unwrap();
        assert!(!other.busy, "the other system's record is free");
    }
}

#[tokio::test]
async fn entities_wait_by_lane_and_age_and_keep_their_place() {
    let place = Place::new();
    let store = place.open().await;
    let people: Vec<_> = (1..=4).map(|n| person(&format!("e{n}"), n)).collect();
    save_new(&store, &people).await;
    let mark = async |id: &str, lane, now| {
        let mut tx = store.begin().await.unwrap();
        tx.mark_dirty(&ids(&[id]), lane, now).await.unwrap();
        tx.commit().await.unwrap();
    };
    mark("e1", Lane::Backfill, NOW).await;
    mark("e2", Lane::Live, NOW + 5).await;
    mark("e3", Lane::Live, NOW + 3).await;
    mark("e4", Lane::Live, NOW + 4).await;
    assert_eq!(store.dirty(10).await.unwrap(), ids(&["e3", "e4", "e2", "e1"]));
    assert_eq!(store.dirty(2).await.unwrap(), ids(&["e3", "e4"]));
    mark("e3", Lane::Backfill, NOW + 9).await;
    mark("e4", Lane::Live, NOW + 9).await;
    assert_eq!(
        store.dirty(10).await.unwrap(),
        ids(&["e3", "e4", "e2", "e1"]),
        "marked again, nobody moves back"
    );
    mark("e1", Lane::Requested, NOW + 9).await;
    assert_eq!(store.dirty(10).await.unwrap()[0], "e1", "somebody waits for it now");
    change(&store, "e1", NOW + 10, Lane::Live, |entity| entity.dirty = false).await;
    assert_eq!(store.dirty(10).await.unwrap(), ids(&["e3", "e4", "e2"]));
    change(&store, "e1", NOW + 11, Lane::Live, |entity| entity.dirty = true).await;
    assert_eq!(
        store.dirty(10).await.unwrap(),
        ids(&["e3", "e4", "e2", "e1"]),
        "dirty again, it starts at the end of its lane"
    );
}
