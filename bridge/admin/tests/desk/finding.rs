//! The inbox, and finding people.

use crate::support::{person, place};
use bridge_admin::desk::inbox::Query;
use bridge_admin::desk::{DeskError, Risk};
use bridge_core::{CardKind, Entity};
use bridge_store::{Candidate, Page, RecordKey};

#[tokio::test]
async fn the_inbox_filters_counts_and_tells_what_is_likely() {
    let place = place().await;
    let mut people: Vec<Entity> = vec![
        person(
            &place.schema,
            1,
            "mobile",
            "+61491570000",
            "+61491570001",
            "+61491570002",
        ),
        person(&place.schema, 2, "official_name", "Mim", "Miriam", "Mirjam"),
        person(
            &place.schema,
            3,
            "email",
            "mim@x.example",
            "a.b@x.example",
            "ab@x.example",
        ),
    ];
    people[0].file_card(CardKind::MayHaveOverwritten, "crm", ["mobile".to_string()].into(), 7);
    place.put(&people).await;
    let pair = Candidate::new(
        RecordKey::new("crm", "contacts", "crm-1"),
        RecordKey::new("halaxy", "Patient", "halaxy-2"),
        810,
        vec!["same name".into()],
        9,
    );
    let mut tx = place.desk.store().begin().await.unwrap();
    tx.add_candidates(&[pair]).await.unwrap();
    tx.commit().await.unwrap();
    let totals = place.desk.totals().await.unwrap();
    assert_eq!(
        (totals.open, totals.kinds["conflict"], totals.kinds["match"]),
        (5, 3, 1)
    );
    assert_eq!((totals.risks[&Risk::Red], totals.risks[&Risk::Grey]), (2, 1));
    let count = async |query: Query| place.desk.inbox(&query).await.unwrap().rows.len();
    let of = |change: fn(&mut Query)| {
        let mut query = Query::default();
        change(&mut query);
        query
    };
    assert_eq!(count(of(|_| ())).await, 5);
    assert_eq!(count(of(|q| q.risk = Some("red".into()))).await, 2);
    assert_eq!(count(of(|q| q.unit = Some("mobile".into()))).await, 1);
    assert_eq!(count(of(|q| q.kind = Some("card".into()))).await, 1);
    assert_eq!(count(of(|q| q.kind = Some("nothing".into()))).await, 0);
    assert!(place.desk.inbox(&of(|q| q.risk = Some("purple".into()))).await.is_err());
    let id = bridge_store::conflict_id("person0001", "mobile");
    place.desk.assign(&id, Some("rose")).await.unwrap();
    assert_eq!(count(of(|q| q.assigned = Some("rose".into()))).await, 1);
    place.desk.snooze(&id, i64::MAX).await.unwrap();
    assert_eq!(count(of(|q| q.snoozed = true)).await, 1);
    assert_eq!(place.desk.totals().await.unwrap().snoozed, 1);
    place
        .desk
        .comment("person0001", &id, "asked him on the phone", "rose")
        .await
        .unwrap();
    let story = place.desk.story("person0001").await.unwrap();
    assert!(story.history.iter().any(|e| e.text.contains("asked him on the phone")));
    let detail = place.desk.detail(&id).await.unwrap();
    assert_eq!(detail.row.sides.len(), 2);
    let last = detail.differences[0].left_pieces.last().unwrap();
    assert_eq!((last.text.as_str(), last.same), ("1", false), "where they differ");
    let page = Page::first(10);
    assert_eq!(
        place
            .desk
            .decisions(Some("comment"), None, &page)
            .await
            .unwrap()
            .0
            .len(),
        1
    );
}

#[tokio::test]
async fn people_are_found_by_what_is_known_of_them() {
    let place = place().await;
    let mut people = vec![
        person(
            &place.schema,
            1,
            "mobile",
            "+61491570006",
            "+61491570006",
            "+61491570006",
        ),
        person(&place.schema, 2, "official_name", "Miriam", "Miriam", "Miriam"),
        person(
            &place.schema,
            3,
            "email",
            "mim@x.example",
            "mim@x.example",
            "mim@x.example",
        ),
    ];
    people.push(person(&place.schema, 4, "halaxy_number", "1042", "1042", "1042"));
    place.put(&people).await;
    let find = async |text: &str| {
        let found = place.desk.find(text, "rose").await.unwrap();
        found.into_iter().map(|f| (f.who.entity, f.by)).collect::<Vec<_>>()
    };
    let one = |n: usize, by: &str| vec![(format!("person{n:04}"), by.to_string())];
    assert_eq!(find("0491 570 006").await, one(1, "phone"));
    assert_eq!(find("mir sample").await, one(2, "name"));
    assert_eq!(find(" MIM@x.example ").await, one(3, "email"));
    assert_eq!(find("1042").await, one(4, "number"));
    assert!(find("nobody").await.is_empty() && find("").await.is_empty());
    let mut refused = 0;
    for _ in 0..60 {
        refused += usize::from(matches!(
            place.desk.find("mir", "rose").await,
            Err(DeskError::TooOften(_))
        ));
    }
    assert!(refused > 10, "who tries names one by one is slowed down");
}
