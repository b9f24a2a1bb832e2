//! Whoever was paused while somebody else took over writes nothing any more.

use crate::support::*;
use bridge_core::WriteState;
use bridge_store::StoreError;

#[tokio::test]
async fn a_paused_worker_with_an_old_lease_cannot_write() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let mut tx = one.begin().await.unwrap();
    let old = tx.take_lease("drive/crm", "one", 100, 200).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let mut tx = one.begin_as(&old).await.unwrap();
    let mut entity = person("e1", 1);
    entity
        .writes
        .insert("crm".into(), write("crm", WriteState::Sent, bridge_core::Lane::Live));
    tx.save_entities(&[(None, entity)], bridge_core::Lane::Live, NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    // It is paused for longer than its lease lasts, and another worker goes on.
    let mut tx = two.begin().await.unwrap();
    let new = tx.take_lease("drive/crm", "two", 200, 300).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let refused = one.begin_as(&old).await.err().unwrap();
    assert!(
        matches!(&refused, StoreError::Fenced { name } if name == "drive/crm"),
        "{refused}"
    );
    let bound = one.under(&old);
    assert!(matches!(bound.begin().await, Err(StoreError::Fenced { .. })));
    assert!(matches!(
        bound.mark_sent_as_unknown(NOW).await,
        Err(StoreError::Fenced { .. })
    ));
    assert_eq!(
        load(&bound, "e1").await.writes["crm"].state,
        WriteState::Sent,
        "it may read"
    );
    assert_eq!(two.under(&new).mark_sent_as_unknown(NOW).await.unwrap(), 1);
    one.begin().await.unwrap().rollback().await.unwrap();

    // The first may get it back, with an epoch of its own; the old one stays worthless.
    let mut tx = one.begin().await.unwrap();
    let again = tx.take_lease("drive/crm", "one", 300, 400).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert!(again.epoch > new.epoch && new.epoch > old.epoch);
    assert!(matches!(one.begin_as(&old).await, Err(StoreError::Fenced { .. })));
    one.begin_as(&again).await.unwrap().rollback().await.unwrap();
}

#[tokio::test]
async fn nobody_takes_a_lease_while_a_transaction_under_it_is_open() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let mut tx = one.begin().await.unwrap();
    let lease = tx.take_lease("drive/crm", "one", 100, 200).await.unwrap().unwrap();
    tx.commit().await.unwrap();

    let mut writing = one.begin_as(&lease).await.unwrap();
    let takeover = tokio::spawn(async move {
        let mut tx = two.begin().await.unwrap();
        let taken = tx.take_lease("drive/crm", "two", 200, 300).await.unwrap();
        tx.commit().await.unwrap();
        let seen = two.meta("note").await.unwrap();
        (taken, seen)
    });
    writing.put_meta("note", "written under the lease").await.unwrap();
    assert!(writing.holds(&lease).await.unwrap());
    writing.commit().await.unwrap();
    let (taken, seen) = takeover.await.unwrap();
    assert_eq!(taken.unwrap().epoch, lease.epoch + 1);
    assert_eq!(
        seen.as_deref(),
        Some("written under the lease"),
        "it waited for the end of the transaction"
    );
}
