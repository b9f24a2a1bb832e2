//! Where people belong, and what somebody sees who may see the people of some locations only.

use crate::support::*;
use bridge_core::{Agreed, Conflict, Entity, Link, Origin, Value};
use bridge_store::{Candidate, DecisionRow, ItemFilter, Page, RecordKey, Store, Visited, Within};
use std::collections::{BTreeMap, BTreeSet};

const A: &str = "CL-200001";
const B: &str = "CL-200002";

fn within(locations: &[&str], unplaced: bool) -> Within {
    Within {
        locations: locations.iter().map(|id| id.to_string()).collect(),
        unplaced,
        home: "halaxy".into(),
    }
}

fn visit(appointment: &str, patients: &[usize], role: &str, location: &str) -> Visited {
    Visited {
        appointment: appointment.into(),
        people: patients.iter().map(|n| format!("p{n:06}")).collect(),
        roles: vec![(role.into(), location.into())],
    }
}

async fn put(store: &Store, visits: &[Visited]) {
    let mut tx = store.begin().await.unwrap();
    tx.put_visited("halaxy", "Patient", visits).await.unwrap();
    tx.commit().await.unwrap();
}

async fn at(store: &Store, entity: &str) -> Vec<(String, bool)> {
    let rows = store.located(entity).await.unwrap();
    rows.into_iter().map(|row| (row.location, row.by_visit)).collect()
}

/// Who of `e1` to `e5` is seen.
async fn seen(store: &Store, within: &Within) -> String {
    let all: Vec<String> = (1..6).map(|n| format!("e{n}")).collect();
    let seen = store.entities_within(&all, within).await.unwrap();
    seen.into_iter().map(|id| id.replace('e', "")).collect()
}

fn managed(id: &str, number: usize, organization: &str) -> Entity {
    let mut entity = person(id, number);
    let agreed = Agreed {
        value: Value::text(organization),
        origin: Origin::System("halaxy".into()),
        lo: NOW,
        hi: NOW,
    };
    entity.agreed.insert("practice_location".into(), agreed.into());
    entity
}

#[tokio::test]
async fn people_belong_where_their_visits_are_and_to_what_manages_them() {
    let place = Place::new();
    let store = place.open().await;
    let neighbour = place.open_for("neighbour").await;
    // What was known before there is a person counts from the first save on.
    put(&store, &[visit("1", &[1], "r-a", A)]).await;
    put(&neighbour, &[visit("1", &[3], "r-a", A)]).await;
    let people = [
        managed("e1", 1, "PG-100001"),
        person("e2", 2),
        managed("e3", 3, "PG-100001"),
        managed("e4", 4, B),
    ];
    save_new(&store, &people).await;
    put(&store, &[visit("2", &[1, 2], "r-b", B), visit("3", &[5], "r-b", B)]).await;
    let group = ("PG-100001".to_string(), false);
    assert_eq!(
        at(&store, "e1").await,
        [(A.into(), true), (B.into(), true), group.clone()]
    );
    assert_eq!(at(&store, "e4").await, [(B.into(), false)]);
    assert_eq!(seen(&store, &within(&[A], false)).await, "1");
    assert_eq!(seen(&store, &within(&[B], false)).await, "124");
    assert_eq!(seen(&store, &within(&[A], true)).await, "13", "a group is no location");
    assert_eq!(seen(&store, &within(&["PG-100001"], false)).await, "13");
    assert_eq!(seen(&store, &within(&[], false)).await, "");
    assert_eq!(seen(&store, &within(&["", ",", "CL-20000"], false)).await, "");

    // An appointment moves, another is gone, and one is at a place that nobody knows.
    let gone = Visited {
        appointment: "2".into(),
        ..Visited::default()
    };
    put(
        &store,
        &[visit("1", &[1, 3], "r-b", B), gone, visit("4", &[2], "r-x", "")],
    )
    .await;
    assert_eq!(at(&store, "e1").await, [(B.into(), true), group.clone()]);
    assert_eq!(at(&store, "e2").await, [(String::new(), true)]);
    assert_eq!(
        seen(&store, &within(&[A], true)).await,
        "",
        "an unknown location is one"
    );
    // A role turns out to be at another place: all that it held moves with it.
    let mut tx = store.begin().await.unwrap();
    tx.move_role("halaxy", "Patient", "r-x", A).await.unwrap();
    tx.move_role("halaxy", "Patient", "r-b", A).await.unwrap();
    tx.move_role("halaxy", "Patient", "r-nobody", A).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(seen(&store, &within(&[A], false)).await, "123");

    // The unit changes.
    change(&store, "e4", NOW, bridge_core::Lane::Live, |entity| {
        entity.agreed.clear()
    })
    .await;
    assert_eq!(at(&store, "e4").await, []);
    assert_eq!(seen(&store, &within(&[A], true)).await, "1234");
}

#[tokio::test]
async fn a_record_takes_its_visits_along_and_erasing_leaves_nothing() {
    let place = Place::new();
    let store = place.open().await;
    let mut lone = person("e2", 2);
    lone.links.remove("halaxy");
    save_new(&store, &[person("e1", 1), lone]).await;
    put(&store, &[visit("1", &[1], "r-a", A)]).await;
    // The patient is cut from one person and joins another.
    let patient = change(&store, "e1", NOW, bridge_core::Lane::Live, |entity| {
        entity.links.remove("halaxy");
    });
    patient.await;
    assert_eq!(seen(&store, &within(&[A], false)).await, "");
    let before = load(&store, "e2").await;
    let mut tx = store.begin().await.unwrap();
    let row = tx
        .links("halaxy", "Patient", &["p000001".into()])
        .await
        .unwrap()
        .remove(0);
    let mut after = before.clone();
    let link = Link {
        entity: Some("e2".into()),
        ..row.link
    };
    after.links.insert("halaxy".into(), link.into());
    let saved = tx
        .save_entities(&[(Some(before), after)], bridge_core::Lane::Live, NOW)
        .await;
    assert!(saved.unwrap().is_empty());
    tx.commit().await.unwrap();
    assert_eq!(seen(&store, &within(&[A], false)).await, "2");

    let record = RecordKey::new("halaxy", "Patient", "p000001");
    let mut tx = store.begin().await.unwrap();
    let went = tx.erase("e2", &[record], NOW).await.unwrap();
    assert_eq!((went["located"], went["visited"]), (1, 1));
    // A page that was read before names them still.
    tx.put_visited("halaxy", "Patient", &[visit("1", &[1, 9], "r-a", A)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let rows = store.sums().await.unwrap();
    let rows = |table: &str| rows.iter().find(|sum| sum.table == table).unwrap().rows;
    assert_eq!((rows("visited"), rows("located")), (1, 0));
}

#[tokio::test]
async fn lists_counts_and_searches_agree_about_what_is_seen() {
    let place = Place::new();
    let store = place.open().await;
    let conflict = |since| Conflict {
        values: BTreeMap::from([
            ("crm".into(), Value::text("+61491570006")),
            ("halaxy".into(), Value::text("+61491570156")),
        ]),
        since,
        why: "both changed".into(),
    };
    let mut people: Vec<Entity> = (1..6).map(|n| person(&format!("e{n}"), n)).collect();
    for (person, since) in people.iter_mut().zip(NOW..) {
        person.conflicts.insert("mobile".into(), conflict(since));
    }
    // Nobody's patient.
    people[3].links.remove("halaxy");
    save_new(&store, &people).await;
    put(&store, &[visit("1", &[1, 2], "r-a", A), visit("2", &[3], "r-b", B)]).await;
    let patient = |n: usize| RecordKey::new("halaxy", "Patient", format!("p{n:06}"));
    let contact = |n: usize| RecordKey::new("crm", "contacts", format!("c{n:06}"));
    let pairs: Vec<Candidate> = [
        (patient(1), contact(2)), // both at A
        (patient(1), contact(4)), // the other is nobody's patient
        (patient(1), contact(3)), // the other is at B
        (contact(4), patient(5)), // a patient of no location
    ]
    .into_iter()
    .map(|(one, other)| Candidate::new(one, other, 900, vec![], NOW + 50))
    .collect();
    let mut tx = store.begin().await.unwrap();
    tx.add_candidates(&pairs).await.unwrap();
    let task = bridge_store::Item {
        id: "task1".into(),
        topic: "task/payment".into(),
        systems: vec!["books".into()],
        entity: None,
        since: NOW,
        assigned: None,
        snoozed: 0,
    };
    tx.file_items("task/payment", &[task]).await.unwrap();
    let names: Vec<_> = (1..6)
        .map(|n| (patient(n), vec!["Miriam Samplewood".to_string()]))
        .collect();
    tx.set_name_parts(&names).await.unwrap();
    let decision = |id: &str, sort: &str, entity: Option<&str>, item: &str| DecisionRow {
        id: id.into(),
        at: NOW,
        who: "Kim".into(),
        sort: sort.into(),
        entity: entity.map(str::to_string),
        unit: None,
        item: item.into(),
        group: Some("g".into()),
        undone: None,
        details: serde_json::Value::Null,
        before: None,
    };
    let decisions = [
        decision("d1", "value", Some("e1"), "x"),
        decision("d2", "value", Some("e3"), "x"),
        decision("d3", "match", Some("e1"), &pairs[2].id),
        decision("d4", "match", Some("e1"), &pairs[1].id),
        decision("d5", "value", None, "x"),
    ];
    tx.put_decisions(&decisions).await.unwrap();
    tx.commit().await.unwrap();

    let expected = |pairs: &[&Candidate], conflicts: &[&str]| -> BTreeSet<String> {
        let conflicts = conflicts.iter().map(|id| bridge_store::conflict_id(id, "mobile"));
        pairs.iter().map(|pair| pair.id.clone()).chain(conflicts).collect()
    };
    for (who, items, decided, found) in [
        (
            within(&[A], false),
            expected(&[&pairs[0], &pairs[1]], &["e1", "e2"]),
            vec!["d4", "d1"],
            2,
        ),
        (within(&[B], false), expected(&[], &["e3"]), vec!["d2"], 1),
        (
            within(&[A, B], false),
            expected(&[&pairs[0], &pairs[1], &pairs[2]], &["e1", "e2", "e3"]),
            vec!["d4", "d3", "d2", "d1"],
            3,
        ),
        (within(&[], true), expected(&[&pairs[3]], &["e4", "e5"]), vec![], 1),
        (within(&[], false), BTreeSet::new(), vec![], 0),
    ] {
        let filter = ItemFilter {
            within: Some(who.clone()),
            ..ItemFilter::default()
        };
        let mut page = Page::first(2);
        let mut listed = vec![];
        loop {
            let rows = store.items(&filter, &page).await.unwrap();
            listed.extend(rows.rows.into_iter().map(|item| item.id));
            match rows.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), items, "{who:?}");
        assert_eq!(listed.len(), items.len());
        let (cells, older) = store.item_cells_within(NOW + 99, &who).await.unwrap();
        let counted: u64 = cells.iter().map(|cell| cell.count).sum();
        assert_eq!((counted, older), (items.len() as u64, items.len() as u64));
        assert_eq!(store.item_cells_within(NOW - 1, &who).await.unwrap().1, 0);
        let all = store
            .items(&ItemFilter::default(), &Page::first(99))
            .await
            .unwrap()
            .rows;
        let all: Vec<String> = all.into_iter().map(|item| item.id).collect();
        assert_eq!(store.items_within(&all, &who).await.unwrap(), items);
        let rows = store
            .decisions_seen(None, None, &Page::first(9), &who)
            .await
            .unwrap()
            .rows;
        assert_eq!(
            rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
            decided,
            "{who:?}"
        );
        let every: Vec<String> = decisions.iter().map(|row| row.id.clone()).collect();
        assert_eq!(store.decisions_within(&every, &who).await.unwrap().len(), decided.len());
        for words in ["samp", "samplew mir"] {
            assert_eq!(
                store.search_name_within(words, 9, &who).await.unwrap().len(),
                found,
                "{who:?}"
            );
        }
    }
    assert_eq!(
        store
            .item_cells()
            .await
            .unwrap()
            .iter()
            .map(|cell| cell.count)
            .sum::<u64>(),
        10
    );
}

#[tokio::test]
async fn an_older_store_is_taken_in_before_anybody_counts_as_of_no_location() {
    let place = Place::new();
    let store = place.open().await;
    save_new(
        &store,
        &[managed("e1", 1, B), managed("e2", 2, "PG-100001"), person("e3", 3)],
    )
    .await;
    place.sql("DELETE FROM located").await;
    assert!(store.is_behind().await.unwrap());
    let mut tx = store.begin().await.unwrap();
    tx.visits_known(NOW).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.located_whole().await.unwrap(), None);
    let mut tx = store.begin().await.unwrap();
    assert!(!tx.index_located(2).await.unwrap());
    assert!(tx.index_located(2).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.located_whole().await.unwrap(), Some(NOW));
    assert_eq!(seen(&store, &within(&[B], false)).await, "1");
    assert_eq!(seen(&store, &within(&[], true)).await, "23");
}
