//! Hints wait until they are followed, and an event that comes again is known.

use crate::support::*;
use bridge_core::capture::News;
use bridge_store::{Hint, Store};

fn hint(remote_id: &str, event: &str) -> Hint {
    Hint::new("crm", "contacts", remote_id, News::Changed, event)
}

async fn put(store: &Store, hints: &[Hint], now: i64) -> u64 {
    let mut tx = store.begin().await.unwrap();
    let new = tx.put_hints(hints, now).await.unwrap();
    tx.commit().await.unwrap();
    new
}

async fn take(store: &Store, hints: &[Hint], now: i64) {
    let mut tx = store.begin().await.unwrap();
    tx.take_hints(hints, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn expire(store: &Store, before: i64) -> u64 {
    let mut tx = store.begin().await.unwrap();
    let gone = tx.expire_hints(before).await.unwrap();
    tx.commit().await.unwrap();
    gone
}

#[tokio::test]
async fn hints_come_back_oldest_first_until_they_are_followed() {
    let place = Place::new();
    let store = place.open().await;
    assert!(store.quiet().await.unwrap());
    let erased = Hint::new("crm", "contacts", "7", News::Erased, "e3");
    put(&store, &[hint("9", "e2")], NOW + 1).await;
    put(&store, &[hint("8", "e1"), erased.clone()], NOW).await;
    let other = Hint::new("halaxy", "Patient", "8", News::Changed, "e1");
    put(&store, std::slice::from_ref(&other), NOW).await;

    let waiting = store.hints("crm", 10).await.unwrap();
    assert_eq!(waiting.len(), 3);
    assert_eq!(waiting[2], hint("9", "e2"));
    assert!(waiting.contains(&erased));
    assert_eq!(store.hints("crm", 2).await.unwrap(), waiting[..2]);
    assert_eq!(store.counts().await.unwrap().hints, 4);
    assert!(!store.quiet().await.unwrap());

    take(&store, &waiting, NOW + 2).await;
    assert!(store.hints("crm", 10).await.unwrap().is_empty());
    assert_eq!(store.hints("halaxy", 10).await.unwrap(), std::slice::from_ref(&other));
    take(&store, &[other], 0).await;
    assert!(store.quiet().await.unwrap());
}

#[tokio::test]
async fn an_event_that_comes_again_is_known_until_it_is_forgotten() {
    let place = Place::new();
    let store = place.open().await;
    let twice = [hint("1", "e1"), hint("1", "e1"), hint("1", "e2"), hint("2", "e1")];
    assert_eq!(put(&store, &twice, NOW).await, 3, "within one batch too");
    assert_eq!(put(&store, &twice[..1], NOW + 1).await, 0);
    take(&store, &twice, NOW + 2).await;
    assert_eq!(put(&store, &twice, NOW + 3).await, 0, "followed ones too");
    assert!(store.hints("crm", 10).await.unwrap().is_empty());

    put(&store, &[hint("3", "e3")], NOW).await;
    assert_eq!(expire(&store, NOW).await, 0);
    assert_eq!(expire(&store, NOW + 1).await, 4);
    assert_eq!(put(&store, &twice[..1], NOW + 4).await, 1);
}

#[tokio::test]
async fn a_hint_and_its_event_are_one_practices_own() {
    let place = Place::new();
    let (store, neighbour) = (place.open().await, place.open_for("neighbour").await);
    put(&store, &[hint("1", "e1")], NOW).await;
    assert!(neighbour.hints("crm", 10).await.unwrap().is_empty());
    assert_eq!(put(&neighbour, &[hint("1", "e1")], NOW).await, 1);
    take(&neighbour, &[hint("1", "e1")], NOW).await;
    assert_eq!(store.hints("crm", 10).await.unwrap().len(), 1);
    assert_eq!(expire(&store, NOW + 1).await, 1);
    assert_eq!(put(&neighbour, &[hint("1", "e1")], NOW).await, 0, "it keeps its own");
}
