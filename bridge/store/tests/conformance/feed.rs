//! What changed since somebody asked: numbered once, in order, removals included.

use crate::support::*;
use bridge_core::{Conflict, Lane, LinkState, Value};
use bridge_store::{Changed, Followed, Mirrored, Store};
use serde_json::json;

async fn changed(store: &Store, what: &Followed, after: i64) -> (Vec<String>, i64) {
    let last = store.catch_up(what).await.unwrap();
    let found = store.changed_after(what, after, last, 100).await.unwrap();
    assert!(found.is_sorted_by_key(|change| change.seq));
    let word = |change: Changed| {
        if change.gone {
            format!("-{}", change.id)
        } else {
            change.id
        }
    };
    (found.into_iter().map(word).collect(), last)
}

async fn ids(store: &Store, what: &Followed) -> Vec<String> {
    let mut all: Vec<String> = vec![];
    loop {
        let after = all.last().cloned().unwrap_or_default();
        let page = store.followed_ids(what, &after, 2).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test]
async fn what_changed_is_told_once_to_each_who_asks() {
    let place = Place::new();
    let store = place.open().await;
    let neighbour = place.open_for("neighbour").await;
    save_new(&neighbour, &[person("e1", 1), person("n1", 2)]).await;
    save_new(&store, &[person("e1", 1), person("e2", 2), person("e3", 3)]).await;
    assert_eq!(
        (store.batch_of(1).await.unwrap(), store.last_change().await.unwrap()),
        (None, 0)
    );

    let (mut first, start) = changed(&store, &Followed::People, 0).await;
    first.sort();
    assert_eq!((first, start), (vec!["e1".into(), "e2".into(), "e3".into()], 3));
    let batch = store.batch_of(1).await.unwrap();
    assert!(batch.is_some() && batch == store.batch_of(3).await.unwrap());
    assert_eq!(store.batch_of(4).await.unwrap(), None);
    assert_eq!(changed(&store, &Followed::People, start).await, (vec![], 3));

    // A decision is a change; that a record was read again is none.
    change(&store, "e2", NOW, Lane::Live, |entity| {
        let conflict = Conflict {
            values: [("crm".to_string(), Value::text("x"))].into(),
            since: NOW,
            why: "both".into(),
        };
        entity.conflicts.insert("email".into(), conflict);
    })
    .await;
    let mut link = store
        .links("crm", "contacts", &["c000001".into()])
        .await
        .unwrap()
        .remove(0)
        .link;
    link.known_at += 1;
    let mut tx = store.begin().await.unwrap();
    tx.touch_links(&[link]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(changed(&store, &Followed::People, start).await.0, ["e2"]);
    assert_ne!(store.batch_of(4).await.unwrap(), batch);
    assert_eq!(
        changed(&store, &Followed::People, 0).await.0.len(),
        3,
        "whoever begins later is told of all"
    );
    let (conflicts, last) = changed(&store, &Followed::Conflicts, 0).await;
    assert_eq!(conflicts.len(), 1);
    assert_eq!(store.conflicts_among(&conflicts).await.unwrap()[0].entity, "e2");
    change(&store, "e2", NOW, Lane::Live, |entity| entity.conflicts.clear()).await;
    assert_eq!(
        changed(&store, &Followed::Conflicts, last).await.0,
        [format!("-{}", conflicts[0])]
    );
    assert_eq!(ids(&store, &Followed::People).await, ["e1", "e2", "e3"]);
    assert_eq!(
        changed(&neighbour, &Followed::People, 0).await.1,
        2,
        "numbers are a practice's own"
    );
}

#[tokio::test]
async fn links_documents_and_mirrored_records_are_followed_too() {
    let place = Place::new();
    let store = place.open().await;
    save_new(&store, &[person("e1", 1)]).await;
    let (links, start) = changed(&store, &Followed::Links, 0).await;
    let named = ["crm/contacts/c000001".to_string(), "halaxy/Patient/p000001".to_string()];
    assert_eq!(
        {
            let mut links = links;
            links.sort();
            links
        },
        named
    );
    assert_eq!(ids(&store, &Followed::Links).await, named);
    change(&store, "e1", NOW, Lane::Live, |entity| {
        let mut link = entity.links["crm"].clone().into_inner();
        link.state = LinkState::Gone;
        entity.links.insert("crm".into(), link.into());
    })
    .await;
    assert_eq!(changed(&store, &Followed::Links, start).await.0, [named[0].clone()]);

    let entries = Followed::Ledger("entry");
    let put = async |id: &str, body: &str| {
        let mut tx = store.begin().await.unwrap();
        tx.put_ledger("entry", &[(id.into(), body.into())]).await.unwrap();
        tx.put_ledger("contact", &[(id.into(), body.into())]).await.unwrap();
        tx.commit().await.unwrap();
    };
    put("HX-1", "{}").await;
    put("HX-2", "{}").await;
    let (_, start) = changed(&store, &entries, 0).await;
    put("HX-2", "{\"a\":1}").await;
    let mut tx = store.begin().await.unwrap();
    tx.drop_ledger("entry", &["HX-1".into()]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(changed(&store, &entries, start).await.0, ["HX-2", "-HX-1"]);
    assert_eq!(ids(&store, &entries).await, ["HX-2"]);
    let bodies = store
        .ledger_among("entry", &["HX-1".into(), "HX-2".into()])
        .await
        .unwrap();
    assert_eq!(bodies, [("HX-2".to_string(), "{\"a\":1}".to_string())]);

    let fees = Followed::Mirrored {
        system: "halaxy".into(),
        kind: "Fee".into(),
    };
    let put = async |kind: &str, id: &str, gone| {
        let row = Mirrored {
            kind: kind.into(),
            id: id.into(),
            seq: 0,
            seen: NOW,
            gone,
            body: json!({ "id": id }),
        };
        let mut tx = store.begin().await.unwrap();
        tx.put_mirrored("halaxy", &[row]).await.unwrap();
        tx.commit().await.unwrap();
    };
    put("Fee", "1", false).await;
    put("Fee", "2", false).await;
    put("Other", "1", false).await;
    let (_, start) = changed(&store, &fees, 0).await;
    put("Fee", "1", true).await;
    // Forgotten for good before anybody asked: the removal is told all the same.
    let mut tx = store.begin().await.unwrap();
    tx.drop_mirrored_gone(i64::MAX).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(changed(&store, &fees, start).await.0, ["-1"]);
    put("Fee", "1", false).await;
    let (back, last) = changed(&store, &fees, start).await;
    assert_eq!(back, ["1"]);
    assert_eq!(changed(&store, &fees, last).await.0, [] as [String; 0]);
}
