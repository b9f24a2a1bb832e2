//! The outbox of the public stream: numbered in order, all or nothing with what it tells of, kept for a time.

use crate::support::*;
use bridge_core::Lane;
use bridge_core::change::Happened;
use bridge_store::{Event, Store, Subscriber};

pub fn event(id: &str, at: i64) -> Event {
    Event {
        seq: 0,
        id: id.into(),
        at,
        system: "crm".into(),
        kind: "contacts".into(),
        remote_id: "c000001".into(),
        happened: Happened::Updated,
        units: vec!["email".into(), "mobile".into()],
        entity: None,
        ours: false,
        trace: None,
    }
}

async fn append(store: &Store, events: &[Event]) {
    let mut tx = store.begin().await.unwrap();
    tx.append_events(events).await.unwrap();
    tx.commit().await.unwrap();
}

async fn expire(store: &Store, before: i64) -> u64 {
    let mut tx = store.begin().await.unwrap();
    let gone = tx.expire_events(before).await.unwrap();
    tx.commit().await.unwrap();
    gone
}

async fn seqs(store: &Store, after: i64) -> Vec<i64> {
    let events = store.events(after, 100_000).await.unwrap();
    events.iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn events_come_back_in_order_as_they_were_told() {
    let place = Place::new();
    let (store, neighbour) = (place.open().await, place.open_for("neighbour").await);
    assert_eq!(
        (store.last_event().await.unwrap(), store.stream().await.unwrap()),
        (0, None)
    );
    let full = Event {
        happened: Happened::Created,
        units: vec![],
        entity: Some("e1".into()),
        ours: true,
        trace: Some("00-aa-bb-01".into()),
        ..event("b", NOW + 1)
    };
    let removed = Event {
        happened: Happened::Removed,
        ..event("c", NOW + 2)
    };
    append(&store, &[event("a", NOW), full.clone()]).await;
    append(&store, std::slice::from_ref(&removed)).await;
    append(&neighbour, &[event("z", NOW)]).await;
    let expected: Vec<Event> = [event("a", NOW), full, removed]
        .into_iter()
        .zip(1..)
        .map(|(event, seq)| Event { seq, ..event })
        .collect();
    assert_eq!(store.events(0, 10).await.unwrap(), expected);
    assert_eq!(store.events(1, 1).await.unwrap(), expected[1..2]);
    assert_eq!(store.last_event().await.unwrap(), 3);
    assert_eq!(seqs(&neighbour, 0).await, [1], "every practice counts by itself");
    let stream = store.stream().await.unwrap();
    assert!(stream.is_some() && stream != neighbour.stream().await.unwrap());
}

#[tokio::test]
async fn an_event_is_kept_with_what_it_tells_of_or_not_at_all() {
    let place = Place::new();
    let store = place.open().await;
    let seen = link(
        "crm",
        "contacts",
        "c000001",
        None,
        &values([("email", "a@samplewood.example")]),
    );
    for kept in [false, true] {
        let mut tx = store.begin().await.unwrap();
        tx.save_links(std::slice::from_ref(&seen), Lane::Live, NOW)
            .await
            .unwrap();
        tx.append_events(&[event("a", NOW)]).await.unwrap();
        if kept {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        let links = store.links("crm", "contacts", &ids(&["c000001"])).await.unwrap();
        assert_eq!((links.len(), seqs(&store, 0).await.len()), (kept.into(), kept.into()));
    }
    assert_eq!(seqs(&store, 0).await, [1], "what was never kept has no number");
}

#[tokio::test]
async fn events_go_when_their_time_is_over_and_numbers_go_on() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(expire(&store, NOW).await, 0);
    let many: Vec<Event> = (0..6_000).map(|n| event(&n.to_string(), NOW + n)).collect();
    append(&store, &many).await;
    let stream = store.stream().await.unwrap();
    assert_eq!(expire(&store, NOW).await, 0, "nothing is so old");
    assert_eq!(expire(&store, NOW + 10).await, 10);
    assert_eq!(seqs(&store, 0).await.first(), Some(&11));
    assert_eq!(expire(&store, i64::MAX).await, 5_000, "some at a time");
    assert_eq!(expire(&store, i64::MAX).await, 989);
    assert_eq!(
        (expire(&store, i64::MAX).await, seqs(&store, 0).await),
        (0, vec![6_000])
    );
    append(&store, &[event("next", NOW)]).await;
    assert_eq!(seqs(&store, 6_000).await, [6_001]);
    assert_eq!(store.stream().await.unwrap(), stream);
}

#[tokio::test]
async fn a_subscriber_is_where_it_was_left() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.subscriber("sheet").await.unwrap(), None);
    let mut subscriber = Subscriber {
        name: "sheet".into(),
        position: 7,
        ..Subscriber::default()
    };
    for failures in [0, 3] {
        subscriber.failures = failures;
        subscriber.parked = failures > 0;
        subscriber.retry_at = NOW + i64::from(failures);
        subscriber.trouble = if failures > 0 { "503".into() } else { String::new() };
        let mut tx = store.begin().await.unwrap();
        tx.put_subscriber(&subscriber).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.subscriber("sheet").await.unwrap().as_ref(), Some(&subscriber));
        assert_eq!(store.subscribers().await.unwrap(), std::slice::from_ref(&subscriber));
    }
    assert!(
        place
            .open_for("neighbour")
            .await
            .subscribers()
            .await
            .unwrap()
            .is_empty()
    );
}
