//! Finding records by keys and by names.

use crate::support::*;
use bridge_core::{Lane, LinkState};
use bridge_store::{Found, LookupKey, RecordKey, Store};

fn email(number: usize) -> LookupKey {
    LookupKey::new("email", format!("person{number}@samplewood.example"))
}

async fn set(store: &Store, keys: &[(RecordKey, Vec<LookupKey>)]) {
    let mut tx = store.begin().await.unwrap();
    tx.set_keys(keys).await.unwrap();
    tx.commit().await.unwrap();
}

async fn found(store: &Store, key: LookupKey) -> Vec<String> {
    store
        .find_keys(&[key])
        .await
        .unwrap()
        .into_iter()
        .map(|found| found.record.remote_id)
        .collect()
}

#[tokio::test]
async fn thousands_of_keys_lead_to_their_records() {
    let place = Place::new();
    let store = place.open().await;
    let people: Vec<_> = (0..1200).map(|n| person(&format!("e{n}"), n)).collect();
    save_new(&store, &people).await;
    let keys: Vec<_> = people
        .iter()
        .enumerate()
        .flat_map(|(n, entity)| {
            let shared = LookupKey::new("phone", format!("+6149157{:04}", n / 2));
            entity
                .links
                .values()
                .map(move |link| (RecordKey::from(link), vec![email(n), shared.clone(), email(n)]))
        })
        .collect();
    set(&store, &keys).await;

    let mut asked: Vec<_> = (0..1200).map(email).collect();
    asked.push(LookupKey::new("email", "nobody@samplewood.example"));
    asked.push(LookupKey::new("phone", "person7@samplewood.example"));
    asked.push(email(7));
    let found = store.find_keys(&asked).await.unwrap();
    assert_eq!(found.len(), 2 * 1200 + 2);
    let of_seven = |key| {
        ["crm/contacts/c000007", "halaxy/Patient/p000007"].map(|name| {
            let mut parts = name.split('/');
            let mut next = || parts.next().unwrap().to_string();
            Found {
                key,
                record: RecordKey::new(next(), next(), next()),
                entity: Some("e7".into()),
                live: true,
            }
        })
    };
    assert_eq!(found[14..16], of_seven(7));
    assert_eq!(found[2400..], of_seven(1202), "a key asked for twice is answered twice");
    assert_eq!(
        store
            .find_keys(&[LookupKey::new("phone", "+61491570003")])
            .await
            .unwrap()
            .len(),
        4,
        "shared by two people"
    );
}

#[tokio::test]
async fn keys_are_replaced_record_by_record() {
    let place = Place::new();
    let store = place.open().await;
    let (one, two) = (
        RecordKey::new("crm", "contacts", "c1"),
        RecordKey::new("crm", "contacts", "c2"),
    );
    set(
        &store,
        &[(one.clone(), vec![email(1), email(2)]), (two.clone(), vec![email(2)])],
    )
    .await;
    assert_eq!(found(&store, email(2)).await, ["c1", "c2"]);
    set(&store, &[(one.clone(), vec![email(1), email(3)])]).await;
    assert_eq!(found(&store, email(1)).await, ["c1"]);
    assert_eq!(found(&store, email(2)).await, ["c2"]);
    assert_eq!(found(&store, email(3)).await, ["c1"]);
    set(&store, &[(one, vec![]), (two, vec![email(1)])]).await;
    assert_eq!(found(&store, email(1)).await, ["c2"]);
    assert!(found(&store, email(3)).await.is_empty());
}

#[tokio::test]
async fn tombstones_are_found_as_such() {
    let place = Place::new();
    let store = place.open().await;
    let mut entity = person("e1", 1);
    entity.links.get_mut("crm").unwrap().state = LinkState::Gone;
    save_new(&store, std::slice::from_ref(&entity)).await;
    set(&store, &[(RecordKey::from(&entity.links["crm"]), vec![email(1)])]).await;
    assert!(!store.find_keys(&[email(1)]).await.unwrap()[0].live);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(
        tx.find_keys(&[email(1)]).await.unwrap().len(),
        1,
        "within a transaction too"
    );
}

#[tokio::test]
async fn names_are_found_by_the_starts_of_their_parts() {
    let place = Place::new();
    let store = place.open().await;
    let names = [
        ("c1", vec!["Anne-Marie Nguyễn"]),
        ("c2", vec!["Zoë O'Neill", "Zoe Van Der Berg"]),
        ("c3", vec!["Li Ng"]),
        ("c4", vec!["Alexandrina Samplewood"]),
    ];
    let links: Vec<_> = names
        .iter()
        .map(|(id, _)| link("crm", "contacts", id, None, &values([])))
        .collect();
    let mut tx = store.begin().await.unwrap();
    tx.save_links(&links, Lane::Live, NOW).await.unwrap();
    let records: Vec<_> = names
        .iter()
        .map(|(id, names)| {
            (
                RecordKey::new("crm", "contacts", *id),
                names.iter().map(|name| name.to_string()).collect(),
            )
        })
        .collect();
    tx.set_name_parts(&records).await.unwrap();
    tx.commit().await.unwrap();
    let search = async |text: &str| {
        let mut ids: Vec<_> = store
            .search_name(text, 10)
            .await
            .unwrap()
            .into_iter()
            .map(|found| found.record.remote_id)
            .collect();
        ids.sort();
        ids
    };
    for (text, expected) in [
        ("ng", vec!["c1", "c3"]),
        ("nguyen", vec!["c1"]),
        ("NGUYỄN ann", vec!["c1"]),
        ("marie", vec!["c1"]),
        ("arie", vec![]),
        ("oneill", vec!["c2"]),
        ("o'ne zoe", vec!["c2"]),
        ("berg zo", vec!["c2"]),
        ("zoe nguyen", vec![]),
        ("alexandria", vec!["c4"]),
        ("alexandx", vec![]),
        ("", vec![]),
        ("  - ", vec![]),
    ] {
        assert_eq!(search(text).await, expected, "{text:?}");
    }
    assert_eq!(store.search_name("ng", 1).await.unwrap().len(), 1);

    let mut tx = store.begin().await.unwrap();
    tx.set_name_parts(&[(RecordKey::new("crm", "contacts", "c3"), vec!["Li Wu".into()])])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(search("ng").await, ["c1"], "a new name replaces the old one");
}
