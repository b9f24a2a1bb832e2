//! The tutorial connector against the plain CRM it describes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::{Adapter, Answer, Read, RefusalKind};
use adapter_sandbox::Manners;
use common::{Desk, KIND, applied, pages};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_poll_lists_everybody_and_pages_overlap() {
    let desk = Desk::plain(Manners::Real, 250);
    let (first, cursor) = pages(&desk.adapter, None).await;
    assert_eq!(first.len(), 3);
    let (second, _) = pages(&desk.adapter, Some(&cursor)).await;
    let ids: BTreeSet<String> = second
        .into_iter()
        .flat_map(|page| page.records)
        .map(|record| record.id)
        .collect();
    assert_eq!(ids.len(), 250);
    let small = Desk::plain(Manners::Real, 100);
    let before = small.last_call();
    small.changes(None).await;
    assert_eq!(
        small.calls_since(before).len(),
        1,
        "the total tells that nothing follows"
    );
}

#[tokio::test]
async fn removals_during_a_listing_hide_nobody() {
    let desk = Desk::plain(Manners::Real, 450);
    let everybody: BTreeSet<String> = desk.listing().await.into_iter().map(|record| record.id).collect();
    let mut seen = BTreeSet::new();
    let mut removed = BTreeSet::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = desk.adapter.listing(KIND, cursor.as_deref()).await.unwrap();
        // After each page somebody deletes the first fifteen it showed, and its last two.
        let shown: Vec<String> = page.records.iter().map(|record| record.id.clone()).collect();
        seen.extend(shown.iter().cloned());
        if removed.len() < 60 {
            for id in shown.iter().take(15).chain(shown.iter().rev().take(2)) {
                if desk.sandbox.person_delete("crm", KIND, id).is_ok() {
                    removed.insert(id.clone());
                }
            }
        }
        if !page.more {
            break;
        }
        cursor = Some(page.cursor);
    }
    assert!(removed.len() >= 50);
    assert_eq!(
        seen, everybody,
        "whoever was there when the listing began was on a page"
    );
}

#[tokio::test]
async fn a_contact_that_moves_to_the_front_during_a_listing_is_seen() {
    let desk = Desk::plain(Manners::Real, 350);
    desk.sandbox
        .set_switches("crm", &json!({"list_newest_first": true}))
        .unwrap();
    let everybody: Vec<String> = desk.listing().await.into_iter().map(|record| record.id).collect();
    let unseen = everybody[300].clone();
    let first = desk.adapter.listing(KIND, None).await.unwrap();
    desk.clock.advance(std::time::Duration::from_secs(1));
    desk.sandbox
        .person_edit("crm", KIND, &unseen, &json!({"first_name": "Moved"}))
        .unwrap();
    let mut seen: BTreeSet<String> = first.records.iter().map(|record| record.id.clone()).collect();
    let mut cursor = first.cursor;
    let mut rounds = 0;
    loop {
        let page = desk.adapter.listing(KIND, Some(&cursor)).await.unwrap();
        seen.extend(page.records.into_iter().map(|record| record.id));
        rounds += 1;
        assert!(rounds < 10);
        if !page.more {
            break;
        }
        cursor = page.cursor;
    }
    assert_eq!(seen.len(), 350);
    assert!(seen.contains(&unseen));
}

#[tokio::test]
async fn creates_keep_our_reference_and_updates_answer_nothing() {
    let desk = Desk::plain(Manners::Real, 0);
    let (id, shown) = applied(
        desk.create("4711", json!({"first_name": "Mimi", "email": "mimi@example.org"}))
            .await,
    );
    assert_eq!(shown, None);
    assert_eq!(desk.found(&id).await.body["external_ref"], "4711");
    let (_, shown) = applied(
        desk.update(&id, |body| {
            body["email"] = json!(null);
            body["mobile"] = json!("0491570006");
        })
        .await,
    );
    assert_eq!(shown, None);
    let stored = desk.found(&id).await.body;
    assert_eq!(
        (&stored["first_name"], &stored["mobile"]),
        (&json!("Mimi"), &json!("0491570006"))
    );
    assert!(stored["email"].as_str().unwrap_or("").is_empty());

    let other = desk.create("4712", json!({"first_name": "Other"})).await;
    let (other, _) = applied(other);
    desk.sandbox.person_delete("crm", KIND, &other).unwrap();
    let found = desk
        .adapter
        .find(KIND, &["4712".into(), "4711".into(), "none".into()])
        .await
        .unwrap();
    assert_eq!(found.iter().map(|f| f.records.len()).collect::<Vec<_>>(), [1, 1, 0]);
    assert!(!found[0].records[0].alive && found[1].records[0].alive);
}

#[tokio::test]
async fn deleted_contacts_are_dead_unknown_ones_missing() {
    let desk = Desk::plain(Manners::Real, 2);
    let everybody = desk.listing().await;
    desk.sandbox.person_delete("crm", KIND, &everybody[0].id).unwrap();
    let Read::Found(dead) = desk.read(&everybody[0].id).await else {
        panic!()
    };
    assert!(!dead.alive);
    assert!(matches!(desk.read("1").await, Read::Missing));
    let answer = desk
        .adapter
        .write(
            KIND,
            vec![common::update(&everybody[0], |b| b["first_name"] = json!("X"))],
        )
        .await
        .remove(0);
    assert!(matches!(answer, Answer::Gone));
}

#[tokio::test]
async fn a_member_the_product_does_not_take_is_named() {
    let desk = Desk::plain(Manners::Real, 1);
    let id = desk.listing().await[0].id.clone();
    let answer = desk.update(&id, |body| body["shoe_size"] = json!("43")).await;
    let Answer::Refused(refusal) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(refusal.kind, RefusalKind::Invalid);
}

#[tokio::test]
async fn the_limit_is_used_and_never_met() {
    let desk = Desk::plain(Manners::Real, 100);
    let ids: Vec<String> = desk.listing().await.into_iter().map(|record| record.id).collect();
    for _ in 0..5 {
        for chunk in ids.chunks(8) {
            desk.adapter.read(KIND, chunk).await.unwrap();
        }
    }
    let usage = desk.adapter.usage();
    assert_eq!((usage.calls, usage.throttled), (501, 0));
}
