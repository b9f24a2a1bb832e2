//! The mirror's rows: each change after all others, per system, sealed, and found by number.

use crate::support::*;
use bridge_store::{Mirrored, Store};
use serde_json::json;

const MARK: &str = "Quillfeather";

fn row(kind: &str, id: &str, body: serde_json::Value) -> Mirrored {
    Mirrored {
        kind: kind.into(),
        id: id.into(),
        seq: 0,
        seen: NOW,
        gone: false,
        body,
    }
}

async fn put(store: &Store, rows: &[Mirrored]) {
    let mut tx = store.begin().await.unwrap();
    tx.put_mirrored("halaxy", rows).await.unwrap();
    tx.commit().await.unwrap();
}

async fn after(store: &Store, kind: &str, seq: i64) -> Vec<(String, i64)> {
    let rows = store.mirrored_after("halaxy", kind, seq, 100).await.unwrap();
    rows.into_iter().map(|row| (row.id, row.seq)).collect()
}

#[tokio::test]
async fn rows_come_in_the_order_of_their_changes() {
    let place = Place::new();
    let (store, neighbour) = (place.open().await, place.open_for("neighbour").await);
    let (a, b) = (json!({ "comment": MARK, "n": 1.5 }), json!({ "n": 2 }));
    put(
        &store,
        &[row("Appointment", "1", a.clone()), row("Referral", "1", b.clone())],
    )
    .await;
    put(&store, &[row("Appointment", "2", b.clone())]).await;
    put(&neighbour, &[row("Appointment", "9", b.clone())]).await;
    assert_eq!(
        after(&store, "Appointment", 0).await,
        [("1".into(), 1), ("2".into(), 3)]
    );
    put(&store, &[row("Appointment", "1", b.clone())]).await;
    assert_eq!(
        after(&store, "", 0).await,
        [("1".into(), 2), ("2".into(), 3), ("1".into(), 4)]
    );
    assert_eq!(after(&store, "Appointment", 3).await, [("1".into(), 4)]);
    assert_eq!(store.last_mirrored("halaxy").await.unwrap(), 4);
    assert_eq!(store.mirrored_after("crm", "", 0, 10).await.unwrap(), []);
    let one = store.mirrored("halaxy", "Appointment", "1").await.unwrap().unwrap();
    assert_eq!(
        one,
        Mirrored {
            seq: 4,
            ..row("Appointment", "1", b)
        }
    );
    assert_eq!(store.mirrored("halaxy", "Appointment", "9").await.unwrap(), None);
    assert_eq!(
        store.mirrored_counts("halaxy").await.unwrap(),
        [("Appointment".into(), 2), ("Referral".into(), 1)]
    );
}

#[tokio::test]
async fn what_is_gone_stays_for_a_time_and_numbers_go_on() {
    let place = Place::new();
    let store = place.open().await;
    let gone = Mirrored {
        gone: true,
        ..row("Appointment", "2", json!({ "comment": MARK }))
    };
    put(&store, &[row("Appointment", "1", json!({})), gone]).await;
    assert_eq!(
        store.mirrored_ids("halaxy", "Appointment", "", 10).await.unwrap(),
        ["1"]
    );
    assert_eq!(after(&store, "", 1).await, [("2".into(), 2)], "a removal is a change");
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.drop_mirrored_gone(NOW).await.unwrap(), 0);
    assert_eq!(tx.drop_mirrored_gone(NOW + 1).await.unwrap(), 1);
    tx.put_mirrored("halaxy", &[row("Appointment", "3", json!({}))])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(after(&store, "", 0).await, [("1".into(), 1), ("3".into(), 3)]);
    assert!(!contains(&place.bytes().await, MARK));
}
