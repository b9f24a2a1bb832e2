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
