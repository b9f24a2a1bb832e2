//! What people look through: conflicts, cards, candidates, links, numbers.

use crate::support::*;
use bridge_core::{Card, CardKind, Hold, Lane, LinkState, WriteState};
use bridge_store::{Candidate, CandidateState, Counts, Filter, Page, RecordKey, conflict_id};
use std::collections::{BTreeMap, BTreeSet};

#[tokio::test]
async fn conflicts_are_paged_oldest_first_and_found_by_id() {
    let place = Place::new();
    let store = place.open().await;
    let conflict = everything("x").conflicts.remove("email").unwrap();
    let mut people = vec![];
    for number in 0..7 {
        let mut entity = person(&format!("e{number}"), number);
        // Two of the same age: their ids decide, and none is lost between pages.
        let since = NOW - (number as i64 / 2) * 10;
        entity.conflicts.insert(
            "email".into(),
            bridge_core::Conflict {
                since,
                ..conflict.clone()
            },
        );
        people.push(entity);
    }
    people[3].conflicts.insert(
        "mobile".into(),
        bridge_core::Conflict {
            since: 1,
            ..conflict.clone()
        },
    );
    save_new(&store, &people).await;

    let (mut rows, mut page, mut pages) = (vec![], Page::first(3), 0);
    loop {
        let next = store.conflicts(&Filter::default(), &page).await.unwrap();
        assert!(next.rows.len() <= 3);
        rows.extend(next.rows);
        pages += 1;
        match next.next {
            Some(after) => page.after = Some(after),
            None => break,
        }
    }
    assert_eq!((rows.len(), pages), (8, 3));
    assert!(rows.is_sorted_by_key(|row| row.conflict.since));
    assert_eq!(rows.iter().map(|row| &row.id).collect::<BTreeSet<_>>().len(), 8);
    assert_eq!((rows[0].entity.as_str(), rows[0].unit.as_str()), ("e3", "mobile"));
    assert_eq!(rows[0].conflict.values, conflict.values);

    let one = |entity: Option<&str>, unit: Option<&str>| Filter {
        entity: entity.map(str::to_string),
        unit: unit.map(str::to_string),
    };
    let count = async |filter| store.conflicts(&filter, &Page::first(100)).await.unwrap().rows.len();
    assert_eq!(count(one(Some("e3"), None)).await, 2);
    assert_eq!(count(one(None, Some("email"))).await, 7);
    assert_eq!(count(one(Some("e3"), Some("email"))).await, 1);
    assert_eq!(count(one(Some("e4"), Some("mobile"))).await, 0);

    let id = conflict_id("e3", "mobile");
    assert_eq!(store.conflict(&id).await.unwrap().unwrap(), rows[0]);
    assert!(id.len() == 8 && id.chars().all(|c| c.is_ascii_alphanumeric()));
    change(&store, "e3", NOW, Lane::Live, |entity| {
        drop(entity.conflicts.remove("mobile"))
    })
    .await;
    assert!(store.conflict(&id).await.unwrap().is_none(), "it closed");
}

#[tokio::test]
async fn cards_of_one_entity_and_of_all() {
    let place = Place::new();
    let store = place.open().await;
    let card = |kind, system: &str, since| Card {
        kind,
        system: system.into(),
        units: BTreeSet::new(),
        since,
    };
    let (mut one, mut two) = (person("e1", 1), person("e2", 2));
    one.cards = vec![
        card(CardKind::RemovedButChanged, "crm", 5),
        card(CardKind::Merged, "halaxy", 3),
    ];
    one.cards.sort_by_key(|card| card.since);
    two.cards = vec![card(CardKind::RemovedButChanged, "crm", 4)];
    save_new(&store, &[one.clone(), two]).await;
    let all = store.cards(&Filter::default(), &Page::first(10)).await.unwrap();
    assert_eq!(all.rows.iter().map(|row| row.card.since).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(all.next, None);
    let own = Filter {
        entity: Some("e1".into()),
        unit: None,
    };
    let own = store.cards(&own, &Page::first(10)).await.unwrap();
    assert_eq!(own.rows.into_iter().map(|row| row.card).collect::<Vec<_>>(), one.cards);
}

#[tokio::test]
async fn a_decided_candidate_is_not_asked_again() {
    let place = Place::new();
    let store = place.open().await;
    let record = |id: &str| RecordKey::new("crm", "contacts", id);
    let pair =
        |a: &str, b: &str, score, since| Candidate::new(record(a), record(b), score, vec!["same email".into()], since);
    assert_eq!(
        pair("a", "b", 1, 1).id,
        pair("b", "a", 1, 1).id,
        "the order does not matter"
    );

    let add = async |candidates: &[Candidate]| {
        let mut tx = store.begin().await.unwrap();
        tx.add_candidates(candidates).await.unwrap();
        tx.commit().await.unwrap();
    };
    add(&[pair("a", "b", 700, 5), pair("a", "c", 600, 4), pair("d", "e", 500, 6)]).await;
    add(&[pair("a", "b", 710, 9)]).await;
    let open = store
        .candidates(CandidateState::Open, &Page::first(10))
        .await
        .unwrap()
        .rows;
    assert_eq!(
        open.iter().map(|c| (c.score, c.since)).collect::<Vec<_>>(),
        [(600, 4), (710, 5), (500, 6)]
    );
    assert_eq!(open[0].reasons, ["same email"]);

    let mut tx = store.begin().await.unwrap();
    tx.decide_candidates(&[pair("a", "b", 0, 0).id], CandidateState::Different, "reception", NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    add(&[pair("b", "a", 999, 10)]).await;
    assert_eq!(
        store
            .candidates(CandidateState::Open, &Page::first(10))
            .await
            .unwrap()
            .rows
            .len(),
        2
    );
    let decided = store.candidate(&pair("a", "b", 0, 0).id).await.unwrap().unwrap();
    assert_eq!((decided.state, decided.score), (CandidateState::Different, 710));

    let mut tx = store.begin().await.unwrap();
    let of = tx.candidates_of(&[record("a"), record("e")]).await.unwrap();
    assert_eq!(of.len(), 3, "decided ones, and on either side");
    assert_eq!(
        tx.candidates_of(&[record("c")]).await.unwrap(),
        [pair("a", "c", 600, 4)]
    );
}

#[tokio::test]
async fn whose_a_record_is_and_where_that_person_has_one() {
    let place = Place::new();
    let store = place.open().await;
    let mut people: Vec<_> = (0..3).map(|n| person(&format!("e{n}"), n)).collect();
    people[1].links.get_mut("crm").unwrap().state = LinkState::Gone;
    save_new(&store, &people).await;
    let records: Vec<_> = people
        .iter()
        .flat_map(|e| e.links.values().map(|l| bridge_store::RecordKey::from(&**l)))
        .collect();
    let mut asked = records.clone();
    asked.push(bridge_store::RecordKey::new("crm", "contacts", "nobody"));
    let owners = store.owners(&asked).await.unwrap();
    assert_eq!(owners.len(), records.len(), "nobody owns what is not there");
    for person in &people {
        for link in person.links.values() {
            let owner = &owners[&bridge_store::RecordKey::from(&**link)];
            assert_eq!(owner.entity, person.id);
            let live = person.links.values().filter(|l| l.state == LinkState::Live);
            assert!(owner.systems.iter().eq(live.map(|l| &l.system)), "{owner:?}");
        }
    }
    assert!(store.owners(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn linked_records_are_listed_by_entity() {
    let place = Place::new();
    let store = place.open().await;
    let mut people: Vec<_> = (0..5).map(|n| person(&format!("e{n}"), n)).collect();
    people[1].links.get_mut("crm").unwrap().state = LinkState::Gone;
    people[2].links.clear();
    save_new(&store, &people).await;
    let first = store.linked(&Page::first(3)).await.unwrap();
    assert_eq!(
        first
            .rows
            .iter()
            .map(|row| (row.entity.as_str(), row.records.len()))
            .collect::<Vec<_>>(),
        [("e0", 2), ("e1", 2), ("e2", 0)]
    );
    assert_eq!(
        first.rows[1].records,
        [
            (RecordKey::new("crm", "contacts", "c000001"), LinkState::Gone),
            (RecordKey::new("halaxy", "Patient", "p000001"), LinkState::Live)
        ]
    );
    let rest = store
        .linked(&Page {
            after: first.next,
            limit: 3,
        })
        .await
        .unwrap();
    assert_eq!((rest.rows.len(), rest.next), (2, None));
}

#[tokio::test]
async fn everything_is_counted() {
    let place = Place::new();
    let store = place.open().await;
    let mut waiting = everything("e1");
    waiting.links.get_mut("crm").unwrap().state = LinkState::Live;
    let mut refused = person("e2", 2);
    refused
        .writes
        .insert("crm".into(), write("crm", WriteState::Refused, Lane::Live));
    refused.links.get_mut("halaxy").unwrap().held = Some(Hold::Merged);
    let mut gone = person("e3", 3);
    gone.links.get_mut("crm").unwrap().state = LinkState::Gone;
    save_new(&store, &[waiting, refused, gone]).await;
    let mut tx = store.begin().await.unwrap();
    tx.save_links(&[link("crm", "contacts", "new", None, &values([]))], Lane::Live, NOW)
        .await
        .unwrap();
    let (a, b) = (
        RecordKey::new("crm", "contacts", "new"),
        RecordKey::new("halaxy", "Patient", "p000001"),
    );
    tx.add_candidates(&[Candidate::new(a, b, 500, vec![], NOW)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let by_system = |crm, halaxy| BTreeMap::from([("crm".to_string(), crm), ("halaxy".to_string(), halaxy)]);
    assert_eq!(
        store.counts().await.unwrap(),
        Counts {
            entities: 3,
            links: by_system(2, 3),
            records: by_system(3, 3),
            dirty: 1,
            planned: 1,
            unsettled: 0,
            unknown: 0,
            // A doubtful create, a refused update, and a held record in each system.
            held: 4,
            conflicts: 1,
            cards: 1,
            twice: 0,
            faint: 0,
            candidates: 1,
            unidentified: 1,
            looks: 1,
            hints: 0,
        }
    );
}

#[tokio::test]
async fn the_history_is_found_by_its_end() {
    let place = Place::new();
    let store = place.open().await;
    let line = |event: &str, at| bridge_store::AuditEntry {
        at,
        event: event.into(),
        body: Some(serde_json::json!({ "value": "+61491570006" })),
        ..bridge_store::AuditEntry::default()
    };
    let mut tx = store.begin().await.unwrap();
    let lines = [
        line("access", 1),
        line("sent", 2),
        line("viewed", 3),
        line("applied", 4),
    ];
    tx.append_audit(&lines).await.unwrap();
    tx.commit().await.unwrap();
    let events = async |before, access, limit| {
        let rows = store.latest_audit(before, access, limit).await.unwrap();
        assert!(rows.iter().all(|(_, line)| line.body.is_none()));
        let last = rows.last().map(|(place, _)| *place);
        let events: Vec<String> = rows.into_iter().map(|(_, line)| line.event).collect();
        (events.join(" "), last)
    };
    assert_eq!(events(None, true, 9).await.0, "viewed access");
    let (two, last) = events(None, false, 2).await;
    assert_eq!(two, "applied viewed");
    assert_eq!(events(last, false, 9).await.0, "sent access");
}
