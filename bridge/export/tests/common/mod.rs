//! A store with people, conflicts, mirrored records and posted documents, which changes at random; and a consumer.
#![allow(dead_code)]

use bridge_core::mapping::EntityFile;
use bridge_core::{Agreed, Conflict, Entity as Person, Lane, Link, LinkState, Origin, Value};
use bridge_export::entities::{Entity, Practice, catalogue};
use bridge_export::{Cell, Cursor, Grant, Place, Reader, Row};
use bridge_store::{Key, Mirrored, Store};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub const NOW: i64 = 1_800_000_000_000_000;
const UNITS: &str = include_str!("../../../../mappings/entities/person.toml");

pub fn units() -> EntityFile {
    EntityFile::parse("person.toml", UNITS).unwrap()
}

pub fn practice(units: &EntityFile) -> Practice<'_> {
    Practice {
        units,
        systems: vec!["crm".into(), "halaxy".into()],
        home: "halaxy".into(),
    }
}

pub fn entity(name: &str) -> Entity {
    let units = units();
    let mut all = catalogue(&practice(&units));
    all.retain(|entity| entity.name == name);
    all.pop().unwrap()
}

pub fn file(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("bridge.db").display())
}

pub async fn store(url: &str) -> Store {
    Store::open(url, &Key::generate(), "clinic", NOW).await.unwrap()
}

/// Entities that the changes of [`change`] touch.
pub const FOLLOWED: [&str; 6] = [
    "people",
    "links",
    "conflicts",
    "appointments",
    "payments",
    "ledger-entries",
];

/// What somebody does, by numbers.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// A person of that number has another name and number; new if there was none.
    Person(u8, u8),
    /// A conflict about the person's mobile opens, or has other values.
    Conflict(u8, u8),
    /// It closes.
    Closed(u8),
    /// The person's record in the CRM is gone.
    Gone(u8),
    /// An appointment or a payment is there, or is another.
    Record(bool, u8, u8),
    /// It is gone.
    Missing(bool, u8),
    /// A gone record is forgotten altogether.
    Forgotten,
    /// A document is posted, or has another state.
    Posted(u8, u8),
    /// It is dropped.
    Dropped(u8),
}

pub fn person(number: u8, value: u8) -> Person {
    let id = format!("e{number}");
    let mut person = Person {
        id: id.clone(),
        kind: "person".into(),
        revision: 1,
        ..Person::default()
    };
    let name = [
        ("given", format!("Miriam {value}")),
        ("family", "=Samplewood".to_string()),
    ];
    let agreed = [
        ("official_name", Value::group(name)),
        ("mobile", Value::text(format!("+6149157{value:04}"))),
        ("birth_date", Value::text("1980-01-31")),
        ("deceased", Value::Flag(value % 2 == 1)),
    ];
    for (unit, value) in agreed {
        let agreed = Agreed {
            value,
            origin: Origin::Person,
            lo: 1,
            hi: 2,
        };
        person.agreed.insert(unit.into(), agreed.into());
    }
    for (system, kind) in [("halaxy", "Patient"), ("crm", "contacts")] {
        let mut link = Link::new(system, kind, &format!("{system}/{number}"));
        link.entity = Some(id.clone());
        link.generation = 1;
        link.known_at = NOW;
        person.links.insert(system.into(), link.into());
    }
    person
}

async fn save(store: &Store, number: u8, change: impl FnOnce(Option<&Person>) -> Option<Person>) {
    let mut tx = store.begin().await.unwrap();
    let before = tx.entities(&[format!("e{number}")]).await.unwrap().pop();
    if let Some(after) = change(before.as_ref()) {
        let unsaved = tx.save_entities(&[(before, after)], Lane::Live, NOW).await.unwrap();
        assert_eq!(unsaved, [] as [String; 0]);
    }
    tx.commit().await.unwrap();
}

pub fn mirrored(payment: bool, number: u8, value: u8, gone: bool) -> Mirrored {
    let (kind, body) = if payment {
        let amount = json!({"type": "base", "amount": {"value": f64::from(value) / 4.0, "currency": "AUD"}});
        let body = json!({"resourceType": "PaymentTransaction", "id": number.to_string(), "created": "2026-03-04T10:05:00+10:00",
            "method": [{"text": "Cash"}], "type": [{"text": "Payment"}], "priceComponent": [amount],
            "subject": {"reference": "https://au-api.halaxy.com/main/Patient/9"}});
        ("PaymentTransaction", body)
    } else {
        let patient = json!({"actor": {"reference": "Patient/9"}, "modifierExtension": [{
            "url": "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status",
            "valueCoding": {"code": format!("status {value}")}}]});
        let body = json!({"resourceType": "Appointment", "id": number.to_string(), "start": "2026-03-04T09:00:00+10:00",
            "description": "SECRET", "participant": [patient]});
        ("Appointment", body)
    };
    Mirrored {
        kind: kind.into(),
        id: number.to_string(),
        seq: 0,
        seen: NOW,
        gone,
        body,
    }
}

pub async fn change(store: &Store, change: Change) {
    match change {
        Change::Person(number, value) => {
            save(store, number, |before| {
                let mut after = person(number, value);
                if let Some(before) = before {
                    after.links.clone_from(&before.links);
                    after.conflicts.clone_from(&before.conflicts);
                }
                Some(after)
            })
            .await;
        }
        Change::Conflict(number, value) => {
            save(store, number, |before| {
                let mut after = before?.clone();
                let conflict = Conflict {
                    values: [("crm".to_string(), Value::text(format!("+61{value}")))].into(),
                    since: NOW,
                    why: "both changed".into(),
                };
                after.conflicts.insert("mobile".into(), conflict);
                Some(after)
            })
            .await;
        }
        Change::Closed(number) => {
            save(store, number, |before| {
                let mut after = before?.clone();
                after.conflicts.clear();
                Some(after)
            })
            .await;
        }
        Change::Gone(number) => {
            save(store, number, |before| {
                let mut after = before?.clone();
                let mut link = (*after.links.get("crm")?).clone().into_inner();
                link.state = LinkState::Gone;
                after.links.insert("crm".into(), link.into());
                Some(after)
            })
            .await;
        }
        Change::Record(payment, number, value) => put(store, mirrored(payment, number, value, false)).await,
        Change::Missing(payment, number) => put(store, mirrored(payment, number, 0, true)).await,
        Change::Forgotten => {
            let mut tx = store.begin().await.unwrap();
            tx.drop_mirrored_gone(i64::MAX).await.unwrap();
            tx.commit().await.unwrap();
        }
        Change::Posted(number, value) => {
            let body = json!({"document": {"key": format!("HX-{number}"), "kind": "invoice", "total": i64::from(value) - 100,
                "date": "2026-03-04", "tax": 0}, "state": "posted", "purpose": "charge"});
            let mut tx = store.begin().await.unwrap();
            tx.put_ledger("entry", &[(format!("HX-{number}"), body.to_string())])
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        Change::Dropped(number) => {
            let mut tx = store.begin().await.unwrap();
            tx.drop_ledger("entry", &[format!("HX-{number}")]).await.unwrap();
            tx.commit().await.unwrap();
        }
    }
}

async fn put(store: &Store, row: Mirrored) {
    let mut tx = store.begin().await.unwrap();
    tx.put_mirrored("halaxy", &[row]).await.unwrap();
    tx.commit().await.unwrap();
}

/// Rows by key, as somebody holds them who applies what is exported.
pub type Held = BTreeMap<Vec<String>, Vec<Cell>>;

fn key(cells: &[Cell], keys: usize) -> Vec<String> {
    cells
        .iter()
        .take(keys)
        .map(|cell| cell.to_text().into_owned())
        .collect()
}

pub fn apply(held: &mut Held, keys: usize, rows: &[Row]) {
    for row in rows {
        match row {
            Row::Put(cells) => _ = held.insert(key(cells, keys), cells.clone()),
            Row::Removed(cells) => _ = held.remove(&key(cells, keys)),
        }
    }
}

/// Everything of an entity.
pub async fn full(store: &Store, name: &str, grant: &Grant) -> Held {
    let units = units();
    let (mut reader, _) = Reader::new(store, &practice(&units), entity(name), grant);
    let mut place = reader.all();
    let (mut held, mut met) = (Held::new(), BTreeSet::new());
    let keys = reader.entity().keys;
    while place != Place::End {
        let (rows, next) = reader.page(&place).await.unwrap();
        for row in &rows {
            let Row::Put(cells) = row else {
                panic!("a full reading shows no removals")
            };
            assert!(met.insert(key(cells, keys)), "a row shows twice");
        }
        apply(&mut held, keys, &rows);
        place = next;
    }
    assert!(reader.unreadable().is_empty(), "{:?}", reader.unreadable());
    held
}

/// Takes what changed after the cursor; killed after `pages`, if so many come, with the cursor where it was.
pub async fn take(store: &Store, name: &str, cursor: &mut Cursor, held: &mut Held, pages: usize) -> usize {
    let units = units();
    let (mut reader, _) = Reader::new(store, &practice(&units), entity(name), &Grant::all());
    let keys = reader.entity().keys;
    let (mut place, next) = reader.since(cursor).await.unwrap();
    let mut taken = 0;
    for _ in 0..pages {
        let (rows, then) = reader.page(&place).await.unwrap();
        taken += rows.len();
        apply(held, keys, &rows);
        place = then;
        if place == Place::End {
            *cursor = next;
            break;
        }
    }
    taken
}
