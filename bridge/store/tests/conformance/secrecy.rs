//! No personal value lies open in the database, no other key opens it, and a new key replaces the old.

use crate::support::*;
use bridge_core::{Lane, Link, Value};
use bridge_store::{AuditEntry, Key, LookupKey, Loser, Mirrored, RecordKey, Store, StoreError};

/// A text that is in every place a person's value can be.
const MARK: &str = "Quillfeather";

/// More than one page of a rotation.
fn mirrored() -> Vec<Mirrored> {
    let row = |n: usize| Mirrored {
        kind: "Appointment".into(),
        id: n.to_string(),
        seq: 0,
        seen: NOW,
        gone: false,
        body: serde_json::json!({ "comment": MARK }),
    };
    (0..1_300).map(row).collect()
}

async fn filled(place: &Place) -> Store {
    let store = place.open().await;
    let mut entity = everything("e1");
    let value = Value::text(MARK);
    for agreed in entity.agreed.values_mut() {
        agreed.value = value.clone();
    }
    for unit in entity.links.values_mut().flat_map(|link| link.units.values_mut()) {
        unit.set_seen(Value::group([("family", MARK)]));
        unit.trail = vec![value.clone()];
    }
    for write in entity.writes.values_mut() {
        write.values.insert("name".into(), value.clone());
        write.guarded.insert("name".into(), Value::set([MARK]));
    }
    for conflict in entity.conflicts.values_mut() {
        conflict.values.insert("crm".into(), value.clone());
    }
    for hold in entity.refused.values_mut().flat_map(|units| units.values_mut()) {
        hold.value = value.clone();
    }
    save_new(&store, std::slice::from_ref(&entity)).await;
    let records: Vec<RecordKey> = entity.links.values().map(RecordKey::from).collect();
    let mut tx = store.begin().await.unwrap();
    let keys: Vec<_> = records
        .iter()
        .map(|record| (record.clone(), vec![LookupKey::new("email", MARK)]))
        .collect();
    tx.set_keys(&keys).await.unwrap();
    let names: Vec<_> = records
        .iter()
        .map(|record| (record.clone(), vec![MARK.to_string()]))
        .collect();
    tx.set_name_parts(&names).await.unwrap();
    let audit = AuditEntry {
        entity: Some("e1".into()),
        body: Some(serde_json::json!({ "to": MARK })),
        ..AuditEntry::default()
    };
    tx.append_audit(&[audit]).await.unwrap();
    let loser = Loser {
        entity: "e1".into(),
        unit: "name".into(),
        system: "crm".into(),
        at: NOW,
        until: NOW,
        why: "person".into(),
        value,
    };
    tx.append_losers(&[loser]).await.unwrap();
    tx.put_secret("token/crm", "an earlier token").await.unwrap();
    tx.put_secret("token/crm", MARK).await.unwrap();
    let kept: Vec<(String, String)> = (0..3000).map(|n| (format!("HX-{n:05}"), MARK.to_string())).collect();
    tx.put_ledger("entry", &kept).await.unwrap();
    tx.put_ledger("contact", &kept[..1]).await.unwrap();
    tx.put_mirrored("halaxy", &mirrored()).await.unwrap();
    tx.drop_ledger("entry", &["HX-00007".into()]).await.unwrap();
    tx.commit().await.unwrap();
    store
}

fn keys_of(link: &Link) -> Vec<LookupKey> {
    link.units
        .keys()
        .take(1)
        .map(|_| LookupKey::new("email", MARK))
        .collect()
}

fn names_of(_: &Link) -> Vec<String> {
    vec![MARK.into()]
}

#[tokio::test]
async fn no_personal_value_lies_open_in_the_database() {
    let place = Place::new();
    let store = filled(&place).await;
    let open = place.bytes().await;
    assert!(
        contains(&open, "c000007") && contains(&open, "halaxy"),
        "ids do, so this looks at the right bytes"
    );
    let lower = MARK.to_lowercase();
    let hidden = [MARK, &lower, &MARK[..6], "Miriam", "samplewood.example", "+61491570006"];
    for mark in hidden {
        assert!(!contains(&open, mark), "{mark} while open");
    }
    assert_eq!(
        store.find_keys(&[LookupKey::new("email", MARK)]).await.unwrap().len(),
        2
    );
    store.close().await;
    for mark in hidden {
        assert!(!contains(&place.bytes().await, mark), "{mark} after closing");
    }
}

#[tokio::test]
async fn equal_values_do_not_look_equal() {
    let place = Place::new();
    for practice in ["one", "two"] {
        let store = place.open_for(practice).await;
        let mut tx = store.begin().await.unwrap();
        for id in ["c1", "c2"] {
            let link = link("crm", "contacts", id, None, &values([("email", MARK)]));
            tx.set_keys(&[(RecordKey::from(&link), vec![LookupKey::new("email", MARK)])])
                .await
                .unwrap();
            tx.set_name_parts(&[(RecordKey::from(&link), vec![MARK.into()])])
                .await
                .unwrap();
            tx.save_links(&[link], Lane::Live, NOW).await.unwrap();
        }
        tx.commit().await.unwrap();
        store.close().await;
    }
    let different = |values: &[Vec<u8>]| values.iter().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(different(&place.sql("SELECT body FROM link").await), 4, "no two bodies");
    // Within a practice equal keys must be found as equal; across practices they must not.
    assert_eq!(different(&place.sql("SELECT hash FROM lookup").await), 2);
    assert_eq!(different(&place.sql("SELECT hashes FROM name_part").await), 2);
}

#[tokio::test]
async fn a_body_opens_only_in_its_own_row() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1), person("e2", 2)]).await;
    store.close().await;
    place
        .sql("UPDATE entity SET body = (SELECT body FROM entity WHERE id = 'e2') WHERE id = 'e1'")
        .await;
    let moved = place.open().await.entities(&ids(&["e1"])).await;
    assert!(
        matches!(moved, Err(StoreError::Damaged { table: "entity", .. })),
        "{moved:?}"
    );
}

#[tokio::test]
async fn another_key_is_refused_by_name() {
    let place = Place::new();
    filled(&place).await.close().await;
    let other = Key::generate();
    match Store::open(&place.url(), &other, "clinic", NOW).await {
        Err(StoreError::WrongKey { stored, given }) => assert_eq!((stored, given), (place.key.id(), other.id())),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened with another key"),
    }
    // A practice that never used the file starts with a key of its own.
    Store::open(&place.url(), &other, "another", NOW).await.unwrap();
}

#[tokio::test]
async fn a_new_key_opens_everything_and_the_old_one_nothing() {
    let mut place = Place::new();
    let store = filled(&place).await;
    let many: Vec<_> = (100..1200).map(|n| person(&format!("p{n}"), n)).collect();
    save_new(&store, &many).await;
    let before = (
        load(&store, "e1").await,
        store.audit("e1").await.unwrap(),
        store.losers("e1").await.unwrap(),
    );
    let neighbour = place.open_for("neighbour").await;
    save_new(&neighbour, &[everything("e1")]).await;
    let still_open = place.open().await;

    let new = Key::generate();
    let store = store.rotate(&new, keys_of, names_of).await.unwrap();
    let check = async |store: &Store| {
        let now = (
            load(store, "e1").await,
            store.audit("e1").await.unwrap(),
            store.losers("e1").await.unwrap(),
        );
        assert_eq!(now, before);
        assert_eq!(store.secret("token/crm").await.unwrap().as_deref(), Some(MARK));
        assert_eq!(store.secret("token/books").await.unwrap(), None);
        let mut kept = Vec::new();
        store
            .ledger("entry", |id, body| {
                assert_eq!(body, MARK);
                kept.push(id);
            })
            .await
            .unwrap();
        assert_eq!((kept.len(), kept.first().map(String::as_str)), (2999, Some("HX-00000")));
        assert!(kept.is_sorted() && !kept.contains(&"HX-00007".to_string()));
        let rows = store.mirrored_after("halaxy", "Appointment", 0, 5_000).await.unwrap();
        let rows: Vec<Mirrored> = rows.into_iter().map(|row| Mirrored { seq: 0, ..row }).collect();
        assert_eq!(rows, mirrored());
        let wanted: Vec<String> = many.iter().map(|entity| entity.id.clone()).collect();
        assert_eq!(store.entities(&wanted).await.unwrap(), many);
        let found = store.find_keys(&[LookupKey::new("email", MARK)]).await.unwrap();
        assert_eq!(found.len(), 2 + 2 * many.len(), "every record is indexed again");
        assert_eq!(store.search_name(&MARK[..4], 5).await.unwrap().len(), 5);
    };
    check(&store).await;
    assert_eq!(store.key_id(), new.id());
    store.close().await;

    assert!(
        matches!(still_open.begin().await, Err(StoreError::WrongKey { .. })),
        "an open store notices"
    );
    still_open.close().await;
    assert_eq!(
        load(&neighbour, "e1").await,
        everything("e1"),
        "the neighbour keeps its key"
    );
    neighbour.close().await;
    let old = std::mem::replace(&mut place.key, new);
    assert!(matches!(
        Store::open(&place.url(), &old, "clinic", NOW).await,
        Err(StoreError::WrongKey { .. })
    ));
    check(&place.open().await).await;
}

#[tokio::test]
async fn a_rotation_that_stops_half_way_leaves_the_old_key_in_force() {
    let place = Place::new();
    let store = filled(&place).await;
    let many: Vec<_> = (100..900).map(|n| person(&format!("p{n}"), n)).collect();
    save_new(&store, &many).await;
    let before = load(&store, "e1").await;
    let new = Key::generate();
    let rotation = {
        let (store, new) = (store.clone(), new.clone());
        tokio::spawn(async move {
            let stop = |link: &Link| {
                assert!(link.remote_id != "p000500", "stopped half way");
                keys_of(link)
            };
            store.rotate(&new, stop, names_of).await.map(|_| ())
        })
    };
    assert!(rotation.await.unwrap_err().is_panic());
    store.close().await;
    assert!(matches!(
        Store::open(&place.url(), &new, "clinic", NOW).await,
        Err(StoreError::WrongKey { .. })
    ));
    let store = place.open().await;
    assert_eq!(load(&store, "e1").await, before);
    assert_eq!(
        store.find_keys(&[LookupKey::new("email", MARK)]).await.unwrap().len(),
        2
    );
    // And the next attempt succeeds.
    let store = store.rotate(&new, keys_of, names_of).await.unwrap();
    assert_eq!(load(&store, "e1").await, before);
}
