//! Whom a patient is in the CRM, and several bodies of a part at once.

use crate::support::*;
use bridge_core::{Hold, LinkState};
use std::collections::BTreeMap;

#[tokio::test]
async fn a_counterpart_is_live_and_in_no_doubt() {
    let place = Place::new();
    let (store, neighbour) = (place.open().await, place.open_for("neighbour").await);
    let mut people = vec![person("e1", 1), person("e2", 2), person("e3", 3), person("e4", 4)];
    people[1].links.get_mut("crm").unwrap().state = LinkState::Gone;
    people[2].links.get_mut("crm").unwrap().held = Some(Hold::LooksWrong);
    people[3].links.get_mut("halaxy").unwrap().state = LinkState::Gone;
    save_new(&store, &people).await;
    save_new(&neighbour, &[person("n1", 9)]).await;
    let asked = ids(&["p000001", "p000002", "p000003", "p000004", "p000009", "nobody"]);
    let found = store.counterparts("halaxy", "Patient", "crm", &asked).await.unwrap();
    let pairs = [("p000001", "c000001"), ("p000004", "c000004")].map(|(a, b)| (a.to_string(), b.to_string()));
    assert_eq!(
        found,
        BTreeMap::from(pairs),
        "a patient who is gone was somebody all the same"
    );
    let other = store
        .counterparts("crm", "contacts", "halaxy", &ids(&["c000001"]))
        .await
        .unwrap();
    assert_eq!(other.into_values().collect::<Vec<_>>(), ["p000001"]);
}

#[tokio::test]
async fn bodies_of_a_part_come_by_their_ids() {
    let place = Place::new();
    let store = place.open().await;
    let rows: Vec<(String, String)> = (0..1_200).map(|n| (format!("{n}"), format!("body {n}"))).collect();
    let mut tx = store.begin().await.unwrap();
    tx.put_ledger("some/part", &rows).await.unwrap();
    tx.put_ledger("other/part", &[("5".into(), "another".into())])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let found = store
        .ledger_rows("some/part", &ids(&["5", "1199", "none"]))
        .await
        .unwrap();
    let pairs = [("1199", "body 1199"), ("5", "body 5")].map(|(a, b)| (a.to_string(), b.to_string()));
    assert_eq!(found, BTreeMap::from(pairs));
    let all: Vec<String> = rows.into_iter().map(|(id, _)| id).collect();
    assert_eq!(store.ledger_rows("some/part", &all).await.unwrap().len(), 1_200);
}
