//! Sealed rows by part: claimed by one of many, and changed by what was read in the same transaction.

use crate::support::*;
use bridge_store::Store;
use futures::future::join_all;

async fn claim(store: &Store, id: &str, body: &str) -> bool {
    let mut tx = store.begin().await.unwrap();
    let ours = tx.claim_ledger("part", id, body).await.unwrap();
    tx.commit().await.unwrap();
    ours
}

async fn row(store: &Store, id: &str) -> Option<String> {
    store.ledger_row("part", id).await.unwrap()
}

#[tokio::test]
async fn of_many_who_claim_a_row_at_once_one_has_it() {
    let place = Place::new();
    // Two processes, as far as the database can tell.
    let stores = [place.open().await, place.open().await];
    for id in ["a", "b", "c"] {
        let all = (0..20).map(|n| {
            let store = &stores[n % 2];
            async move { claim(store, id, &format!("\"{n}\"")).await }
        });
        let won = join_all(all).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{id}");
        let winner = won.iter().position(|won| *won).unwrap();
        for store in &stores {
            assert_eq!(row(store, id).await, Some(format!("\"{winner}\"")));
        }
    }
    let mut tx = stores[0].begin().await.unwrap();
    tx.drop_ledger("part", &["a".to_string()]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(
        claim(&stores[1], "a", "\"again\"").await,
        "what was given back may be claimed"
    );
}

#[tokio::test]
async fn a_claim_that_is_not_committed_leaves_nothing() {
    let place = Place::new();
    let (store, neighbour) = (place.open().await, place.open_for("neighbour").await);
    let mut tx = store.begin().await.unwrap();
    assert!(tx.claim_ledger("part", "a", "\"lost\"").await.unwrap());
    assert_eq!(tx.ledger_row("part", "a").await.unwrap().as_deref(), Some("\"lost\""));
    tx.rollback().await.unwrap();
    assert_eq!(row(&store, "a").await, None);
    assert!(claim(&store, "a", "\"ours\"").await);
    // A neighbour's row of the same name is another one.
    assert!(claim(&neighbour, "a", "\"theirs\"").await);
    assert_eq!(row(&store, "a").await.as_deref(), Some("\"ours\""));
}

#[tokio::test]
async fn what_is_read_and_written_in_one_transaction_is_changed_by_one_at_a_time() {
    let place = Place::new();
    let stores = [place.open().await, place.open().await];
    assert!(claim(&stores[0], "count", "0").await);
    let add = |store: Store| async move {
        let mut tx = store.begin().await.unwrap();
        let before = tx.ledger_row("part", "count").await.unwrap().unwrap();
        // Others have every chance to come in between.
        tokio::task::yield_now().await;
        let after = before.parse::<u32>().unwrap() + 1;
        tx.put_ledger("part", &[("count".into(), after.to_string())])
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    join_all((0..30).map(|n| add(stores[n % 2].clone()))).await;
    assert_eq!(row(&stores[1], "count").await.as_deref(), Some("30"));
}
