//! What is to be sent, settled, looked at and swept.

use crate::support::*;
use bridge_core::{Entity, Lane, LinkState, WriteState};
use bridge_store::{Due, RecordKey};

fn due(list: &[(&str, Lane)]) -> Vec<Due> {
    list.iter()
        .map(|(entity, lane)| Due {
            entity: entity.to_string(),
            lane: *lane,
            create: false,
        })
        .collect()
}

#[tokio::test]
async fn writes_are_due_by_lane_and_age() {
    let place = Place::new();
    let store = place.open().await;
    for (number, (lane, planned)) in [
        (Lane::Backfill, 0),
        (Lane::Live, 7),
        (Lane::Live, 5),
        (Lane::Requested, 9),
        (Lane::Live, 6),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("e{number}");
        save_new(&store, &[person(&id, number)]).await;
        change(&store, &id, NOW + planned, Lane::Live, |entity| {
            entity
                .writes
                .insert("crm".into(), write("crm", WriteState::Planned, lane));
        })
        .await;
    }
    // One waits for its time, one for its reconcile, one is for another system.
    change(&store, "e4", NOW, Lane::Live, |entity| {
        entity.writes.get_mut("crm").unwrap().not_before = NOW + 100
    })
    .await;
    save_new(&store, &[person("e5", 5), person("e6", 6)]).await;
    change(&store, "e5", NOW, Lane::Live, |entity| {
        entity.dirty = true;
        entity
            .writes
            .insert("crm".into(), write("crm", WriteState::Planned, Lane::Live));
    })
    .await;
    change(&store, "e6", NOW, Lane::Live, |entity| {
        entity
            .writes
            .insert("halaxy".into(), write("halaxy", WriteState::Planned, Lane::Live));
    })
    .await;

    let all = [
        ("e3", Lane::Requested),
        ("e2", Lane::Live),
        ("e1", Lane::Live),
        ("e0", Lane::Backfill),
    ];
    assert_eq!(store.writes_due("crm", NOW + 20, 10).await.unwrap(), due(&all));
    assert_eq!(store.writes_due("crm", NOW + 20, 2).await.unwrap(), due(&all[..2]));
    assert_eq!(store.writes_due("crm", NOW + 100, 10).await.unwrap().len(), 5);

    // A replaced plan keeps its age; one that was sent and is planned again starts anew.
    change(&store, "e2", NOW + 50, Lane::Live, |entity| {
        entity.writes.get_mut("crm").unwrap().values.clear()
    })
    .await;
    assert_eq!(store.writes_due("crm", NOW + 20, 10).await.unwrap(), due(&all));
    change(&store, "e2", NOW + 51, Lane::Live, |entity| {
        entity.writes.get_mut("crm").unwrap().state = WriteState::Sent
    })
    .await;
    change(&store, "e2", NOW + 52, Lane::Live, |entity| {
        entity.writes.get_mut("crm").unwrap().state = WriteState::Planned
    })
    .await;
    let now = [
        ("e3", Lane::Requested),
        ("e1", Lane::Live),
        ("e2", Lane::Live),
        ("e0", Lane::Backfill),
    ];
    assert_eq!(store.writes_due("crm", NOW + 20, 10).await.unwrap(), due(&now));
}

#[tokio::test]
async fn after_a_stop_every_sent_write_is_unknown() {
    let place = Place::new();
    let store = place.open().await;
    let people: Vec<_> = (0..700).map(|n| person(&format!("e{n:04}"), n)).collect();
    let sent: Vec<_> = people
        .iter()
        .cloned()
        .map(|mut entity| {
            entity
                .writes
                .insert("crm".into(), write("crm", WriteState::Sent, Lane::Live));
            entity
                .writes
                .insert("halaxy".into(), write("halaxy", WriteState::Planned, Lane::Live));
            entity
        })
        .collect();
    save_new(&store, &sent).await;
    assert_eq!(store.mark_sent_as_unknown(NOW + 8).await.unwrap(), 700);
    assert_eq!(store.mark_sent_as_unknown(NOW + 9).await.unwrap(), 0);
    let entity = load(&store, "e0042").await;
    assert_eq!(
        (entity.writes["crm"].state, entity.writes["crm"].at, entity.revision),
        (WriteState::Unknown, NOW + 8, 2)
    );
    assert_eq!(entity.writes["halaxy"].state, WriteState::Planned);
    assert_eq!(store.unsettled("crm").await.unwrap().len(), 700);
    assert!(store.unsettled("halaxy").await.unwrap().is_empty());
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.unknown, counts.unsettled, counts.planned), (700, 700, 700));
}

#[tokio::test]
async fn unsettled_writes_come_oldest_first() {
    let place = Place::new();
    let store = place.open().await;
    for (id, state, at) in [
        ("e1", WriteState::Unknown, 7),
        ("e2", WriteState::Sent, 5),
        ("e3", WriteState::Refused, 1),
        ("e4", WriteState::Sent, 6),
    ] {
        let mut entity = person(id, id.as_bytes()[1].into());
        entity.writes.insert(
            "crm".into(),
            bridge_core::Write {
                at,
                ..write("crm", state, Lane::Live)
            },
        );
        save_new(&store, &[entity]).await;
    }
    assert_eq!(store.unsettled("crm").await.unwrap(), ids(&["e2", "e4", "e1"]));
}

#[tokio::test]
async fn looks_come_longest_due_first_and_spare_busy_records() {
    let place = Place::new();
    let store = place.open().await;
    for (number, asked) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        let mut entity = person(&format!("e{number}"), number);
        let link = entity.links.get_mut("crm").unwrap();
        link.look = number != 4;
        link.asked = asked;
        if number == 3 {
            entity
                .writes
                .insert("crm".into(), write("crm", WriteState::Unknown, Lane::Live));
        }
        save_new(&store, &[entity]).await;
    }
    assert_eq!(
        store.looks("crm", "contacts", 10).await.unwrap(),
        ids(&["c000002", "c000001"])
    );
    assert_eq!(store.looks("crm", "contacts", 1).await.unwrap(), ids(&["c000002"]));
    assert!(store.looks("halaxy", "Patient", 10).await.unwrap().is_empty());
    change(&store, "e3", NOW, Lane::Live, |entity| entity.writes.clear()).await;
    assert_eq!(
        store.looks("crm", "contacts", 10).await.unwrap(),
        ids(&["c000002", "c000003", "c000001"])
    );
}

#[tokio::test]
async fn a_sweep_pages_through_live_records() {
    let place = Place::new();
    let store = place.open().await;
    let mut people: Vec<_> = (0..5).map(|n| person(&format!("e{n}"), n)).collect();
    people[2].links.get_mut("crm").unwrap().state = LinkState::Gone;
    save_new(&store, &people).await;
    assert_eq!(
        store.remote_ids("crm", "contacts", "", 3).await.unwrap(),
        ids(&["c000000", "c000001", "c000003"])
    );
    assert_eq!(
        store.remote_ids("crm", "contacts", "c000003", 3).await.unwrap(),
        ids(&["c000004"])
    );
}

#[tokio::test]
async fn who_is_asked_about_once_more_is_kept_until_it_is_decided() {
    let place = Place::new();
    let store = place.open().await;
    let mut lone = person("e2", 2);
    lone.links.remove("halaxy");
    save_new(&store, &[person("e1", 1), lone.clone()]).await;
    let id = |entity: &Entity| entity.links["crm"].remote_id.clone();
    let ids = [id(&person("e1", 1)), id(&lone), "nobody".to_string()];
    let ask = async || {
        let mut tx = store.begin().await.unwrap();
        tx.match_again("crm", "contacts", &ids, 2).await.unwrap();
        tx.commit().await.unwrap();
    };
    ask().await;
    ask().await;
    assert_eq!(
        store.to_match().await.unwrap(),
        [RecordKey::from(&*lone.links["crm"])],
        "only who has no counterpart, once"
    );
    assert!(!store.quiet().await.unwrap());
    let mut tx = store.begin().await.unwrap();
    tx.matched("crm", "contacts", &ids).await.unwrap();
    tx.commit().await.unwrap();
    assert!(store.to_match().await.unwrap().is_empty());
}

#[tokio::test]
async fn quiet_means_nothing_waits_for_the_bridge() {
    let place = Place::new();
    let store = place.open().await;
    assert!(store.quiet().await.unwrap());
    let mut waiting = person("e1", 1);
    waiting.conflicts = everything("x").conflicts;
    waiting.cards = everything("x").cards;
    waiting
        .writes
        .insert("crm".into(), write("crm", WriteState::Refused, Lane::Live));
    save_new(&store, &[waiting]).await;
    assert!(store.quiet().await.unwrap(), "what waits for a person does not count");

    type Stir = fn(&mut bridge_core::Entity);
    let stirs: [Stir; 4] = [
        |entity| entity.dirty = true,
        |entity| entity.links.get_mut("crm").unwrap().look = true,
        |entity| entity.writes.get_mut("crm").unwrap().state = WriteState::Planned,
        |entity| entity.writes.get_mut("crm").unwrap().state = WriteState::Unknown,
    ];
    for (number, stir) in stirs.into_iter().enumerate() {
        let calm = load(&store, "e1").await;
        change(&store, "e1", NOW, Lane::Live, stir).await;
        assert!(!store.quiet().await.unwrap(), "stir {number}");
        change(&store, "e1", NOW, Lane::Live, |entity| *entity = calm).await;
        assert!(store.quiet().await.unwrap(), "calm after stir {number}");
    }
    let mut tx = store.begin().await.unwrap();
    tx.save_links(&[link("crm", "contacts", "new", None, &values([]))], Lane::Live, NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(!store.quiet().await.unwrap(), "a record without an entity");
}

#[tokio::test]
async fn the_longest_waiting_of_each_sort_is_known() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.oldest().await.unwrap(), bridge_store::Oldest::default());
    save_new(&store, &[person("e1", 1), person("e2", 2)]).await;
    let mut tx = store.begin().await.unwrap();
    tx.mark_dirty(&["e1".into()], Lane::Live, NOW + 7).await.unwrap();
    tx.mark_dirty(&["e2".into()], Lane::Backfill, NOW + 5).await.unwrap();
    tx.commit().await.unwrap();
    let oldest = store.oldest().await.unwrap();
    assert_eq!(
        (oldest.dirty, oldest.looks, oldest.unsettled),
        (Some(NOW + 5), None, None),
        "whatever lane it waits in"
    );
    change(&store, "e2", NOW + 8, Lane::Live, |entity| {
        entity
            .writes
            .insert("crm".into(), write("crm", WriteState::Unknown, Lane::Live));
    })
    .await;
    let at = load(&store, "e2").await.writes["crm"].at;
    assert_eq!(store.oldest().await.unwrap().unsettled, Some(at));
}
