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

#[tokio::test]
async fn hints_land_while_a_transaction_is_open_and_are_taken_in_once() {
    let place = Place::new();
    let (store, neighbour) = (place.open().await, place.open_for("neighbour").await);
    assert!(store.quiet().await.unwrap());
    store.take_in_hints().await.unwrap();
    let many: Vec<Hint> = (0..1_200).map(|n| hint(&n.to_string(), "e1")).collect();
    let tx = store.begin().await.unwrap();
    let soon = std::time::Duration::from_secs(2);
    let landed = tokio::time::timeout(soon, store.land_hints(&many, NOW)).await;
    assert_eq!(landed.expect("it does not wait for the writer").unwrap(), 1_200);
    assert_eq!(store.land_hints(&many[..10], NOW + 1).await.unwrap(), 0, "repetitions");
    tx.commit().await.unwrap();
    assert!(!store.quiet().await.unwrap() && neighbour.quiet().await.unwrap());
    assert_eq!(store.counts().await.unwrap().hints, 1_200);
    neighbour.take_in_hints().await.unwrap();
    assert!(neighbour.hints("crm", 10).await.unwrap().is_empty());

    // Another process takes them in; what lands again is known.
    let other = place.open().await;
    for _ in 0..2 {
        other.take_in_hints().await.unwrap();
        assert_eq!(other.hints("crm", 10_000).await.unwrap().len(), 1_200);
        assert_eq!(other.counts().await.unwrap().hints, 1_200);
        other.land_hints(&many[5..6], NOW + 2).await.unwrap();
    }
    assert_eq!(expire(&store, NOW + 1).await, 1_200, "they came when they landed");
}

#[tokio::test]
async fn hints_for_somebody_beside_the_engine_are_found_by_kind_and_hold_the_engine_up_nowhere() {
    let place = Place::new();
    let store = place.open().await;
    let person = Hint::new("halaxy", "Patient", "1", News::Changed, "e1");
    let invoice = Hint::new("halaxy", "Invoice", "7", News::Changed, "e2").beside();
    let gone = Hint::new("halaxy", "Invoice", "8", News::Removed, "e3").beside();
    let visit = Hint::new("halaxy", "Appointment", "9", News::Changed, "e4").beside();
    put(&store, std::slice::from_ref(&visit), NOW).await;
    store
        .land_hints(&[person.clone(), invoice.clone(), gone.clone()], NOW + 1)
        .await
        .unwrap();
    store.take_in_hints().await.unwrap();

    assert_eq!(store.hints("halaxy", 10).await.unwrap(), std::slice::from_ref(&person));
    let mut invoices = store.hints_of("halaxy", "Invoice", 10).await.unwrap();
    invoices.sort_by(|a, b| a.remote_id.cmp(&b.remote_id));
    assert_eq!(invoices, [invoice.clone(), gone.clone()]);
    assert_eq!(store.hints_of("halaxy", "Invoice", 1).await.unwrap().len(), 1);
    assert_eq!(store.hints_of("halaxy", "Appointment", 10).await.unwrap(), [visit]);
    assert!(store.hints_of("halaxy", "Patient", 10).await.unwrap().is_empty());
    assert_eq!(store.counts().await.unwrap().hints, 1);

    take(&store, &[person], NOW + 2).await;
    assert!(store.quiet().await.unwrap(), "what others follow is not the engine's");
    take(&store, &[invoice], NOW + 2).await;
    assert_eq!(store.hints_of("halaxy", "Invoice", 10).await.unwrap(), [gone]);
}
