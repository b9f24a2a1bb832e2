//! What is not committed is not there, and a damaged file is refused, never repaired by guessing.

use crate::support::*;
use bridge_core::{Lane, Value};
use bridge_store::{AuditEntry, Store, StoreError};

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1)]).await;
    let before = load(&store, "e1").await;
    for drop_it in [true, false] {
        let mut tx = store.begin().await.unwrap();
        let mut after = before.clone();
        after.revision += 1;
        after.agreed.clear();
        tx.save_entities(
            &[(Some(before.clone()), after), (None, person("e2", 2))],
            Lane::Live,
            NOW,
        )
        .await
        .unwrap();
        tx.save_links(&[link("crm", "contacts", "new", None, &values([]))], Lane::Live, NOW)
            .await
            .unwrap();
        tx.append_audit(&[AuditEntry {
            entity: Some("e1".into()),
            ..AuditEntry::default()
        }])
        .await
        .unwrap();
        assert_eq!(
            tx.entities(&ids(&["e2"])).await.unwrap().len(),
            1,
            "it sees its own work"
        );
        assert!(
            store.entities(&ids(&["e2"])).await.unwrap().is_empty(),
            "nobody else does"
        );
        if drop_it {
            drop(tx)
        } else {
            tx.rollback().await.unwrap()
        }
        assert_eq!(load(&store, "e1").await, before);
        assert!(store.entities(&ids(&["e2"])).await.unwrap().is_empty());
        assert!(store.unidentified(None, 10).await.unwrap().is_empty());
        assert!(store.audit("e1").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_process_that_stops_loses_only_what_it_did_not_commit() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[everything("e1")]).await;
    // The files as they are at this moment, with a transaction open: what a killed process leaves.
    let mut tx = store.begin().await.unwrap();
    tx.save_entities(&[(None, person("e2", 2))], Lane::Live, NOW)
        .await
        .unwrap();
    let left = tempfile::tempdir().unwrap();
    for name in ["bridge.db", "bridge.db-wal"] {
        std::fs::copy(place.path().with_file_name(name), left.path().join(name)).unwrap();
    }
    drop(tx);
    let url = format!("sqlite:{}", left.path().join("bridge.db").display());
    let store = Store::open(&url, &place.key, "clinic", NOW).await.unwrap();
    assert_eq!(load(&store, "e1").await, everything("e1"));
    assert!(store.entities(&ids(&["e2"])).await.unwrap().is_empty());
    store.verify().await.unwrap();
}

#[tokio::test]
async fn a_missing_file_is_a_new_store_and_one_without_a_folder_an_error() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.counts().await.unwrap(), bridge_store::Counts::default());
    assert_eq!(store.practice(), "clinic");
    let nowhere = format!(
        "sqlite:{}",
        place.path().with_file_name("nowhere").join("bridge.db").display()
    );
    let refused = Store::open(&nowhere, &place.key, "clinic", NOW).await.err().unwrap();
    assert!(matches!(refused, StoreError::File { .. }), "{refused}");
    for url in [
        "postgres://bridge:hunter2@db.example/bridge",
        "bridge.db",
        "sqlite:bridge.db?mode=none",
    ] {
        let refused = Store::open(url, &place.key, "clinic", NOW).await.err().unwrap();
        assert!(matches!(refused, StoreError::Address { .. }), "{refused}");
        assert!(!refused.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_says_what_to_do() {
    let place = Place::new();
    let store = place.open().await;
    let people: Vec<_> = (0..300).map(|n| person(&format!("e{n}"), n)).collect();
    save_new(&store, &people).await;
    store.close().await;
    let whole = std::fs::read(place.path()).unwrap();

    // Not a database at all.
    std::fs::write(
        place.path(),
        b"this is not a database, but somebody's letter ".repeat(100),
    )
    .unwrap();
    let refused = Store::open(&place.url(), &place.key, "clinic", NOW)
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert!(refused.to_string().contains("link again from the systems"), "{refused}");

    // The second half is missing.
    std::fs::write(place.path(), &whole[..whole.len() / 2]).unwrap();
    let refused = match Store::open(&place.url(), &place.key, "clinic", NOW).await {
        Err(refused) => refused,
        Ok(store) => store.verify().await.unwrap_err(),
    };
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");

    // Pages in the middle are overwritten: found by looking, if not by reading.
    let mut bent = whole.clone();
    let middle = whole.len() / 2 / 8192 * 8192;
    bent[middle..middle + 3 * 8192].fill(0xa5);
    std::fs::write(place.path(), &bent).unwrap();
    let refused = match Store::open(&place.url(), &place.key, "clinic", NOW).await {
        Err(refused) => refused,
        Ok(store) => store.verify().await.unwrap_err(),
    };
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");

    std::fs::write(place.path(), &whole).unwrap();
    let store = place.open().await;
    store.verify().await.unwrap();
    assert_eq!(load(&store, "e7").await, people[7]);
}

#[tokio::test]
async fn a_changed_body_is_noticed_and_named() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1), person("e2", 2)]).await;
    store.close().await;
    // One bit of the sealed text of a row, in the middle of the row.
    let mut bytes = std::fs::read(place.path()).unwrap();
    let name = b"clinice1person";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at + name.len() + 100] ^= 1;
    std::fs::write(place.path(), bytes).unwrap();
    let store = place.open().await;
    match store.entities(&ids(&["e1"])).await {
        Err(StoreError::Damaged {
            table: "entity", row, ..
        }) => assert_eq!(row, "e1"),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        load(&store, "e2").await,
        person("e2", 2),
        "the neighbour can still be read"
    );
}

#[tokio::test]
async fn one_writer_at_a_time() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    save_new(&one, &[person("e1", 1)]).await;
    // Both change the same entity, each in a transaction that starts when the other's has ended.
    let add = async |store: Store, times: usize| {
        for _ in 0..times {
            let mut tx = store.begin().await.unwrap();
            let before = tx.entities(&ids(&["e1"])).await.unwrap().pop().unwrap();
            let mut after = before.clone();
            let count = after.agreed["mobile"].lo + 1;
            after.agreed.get_mut("mobile").unwrap().lo = count;
            assert!(
                tx.save_entities(&[(Some(before), after)], Lane::Live, NOW)
                    .await
                    .unwrap()
                    .is_empty()
            );
            tx.commit().await.unwrap();
        }
    };
    let start = load(&one, "e1").await.agreed["mobile"].lo;
    tokio::join!(add(one.clone(), 20), add(two.clone(), 20));
    let entity = load(&one, "e1").await;
    assert_eq!((entity.agreed["mobile"].lo, entity.revision), (start + 40, 41));
    assert_eq!(entity.agreed["mobile"].value, Value::text("+61491570006"));
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1)]).await;
    store.close().await;
    place.sql("UPDATE _sqlx_migrations SET version = 9000 + version").await;
    let refused = Store::open(&place.url(), &place.key, "clinic", NOW)
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, StoreError::Newer), "{refused}");
    place.sql("UPDATE _sqlx_migrations SET version = version - 9000").await;
    assert_eq!(load(&place.open().await, "e1").await, person("e1", 1));
}

#[tokio::test]
async fn rows_without_the_check_of_their_key_are_damage_not_a_new_store() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1)]).await;
    store.close().await;
    place.sql("DELETE FROM meta").await;
    let refused = Store::open(&place.url(), &place.key, "clinic", NOW)
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
}
