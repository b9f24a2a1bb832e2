//! A store with a stream in it.
#![allow(dead_code)]

use bridge_core::change::Happened;
use bridge_store::{Event, Key, Store};

pub const NOW: i64 = 1_800_000_000_000_000;

pub async fn store() -> Store {
    let key = Key::generate();
    Store::open("sqlite::memory:", &key, "Sampleton Clinic", NOW)
        .await
        .unwrap()
}

/// A change of a contact.
pub fn event(record: &str, op: &str) -> Event {
    Event {
        seq: 0,
        id: uuid::Uuid::now_v7().to_string(),
        at: NOW,
        system: "crm".into(),
        kind: "contacts".into(),
        remote_id: record.into(),
        happened: match op {
            "created" => Happened::Created,
            "removed" => Happened::Removed,
            _ => Happened::Updated,
        },
        units: vec!["email".into()],
        entity: None,
        ours: false,
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    }
}

pub async fn append(store: &Store, events: &[Event]) {
    let mut tx = store.begin().await.unwrap();
    tx.append_events(events).await.unwrap();
    tx.commit().await.unwrap();
}
