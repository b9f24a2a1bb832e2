//! The plain CRM: what `example-crm.toml` describes.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::{CrmKind, Manners};
use common::Desk;
use serde_json::{Value, json};

async fn desk(contacts: usize) -> Desk {
    Desk::open(Manners::Real, CrmKind::Plain, 0, contacts).await
}

#[tokio::test]
async fn offset_pages_hold_a_hundred_at_most() {
    let desk = desk(130).await;
    let first = desk.plain("GET", "contacts?offset=0&limit=100", Value::Null).await;
    let second = desk.plain("GET", "contacts?offset=100&limit=100", Value::Null).await;
    assert_eq!(first.body["total"], 130);
    assert_eq!(first.body["items"].as_array().unwrap().len(), 100);
    assert_eq!(second.body["items"].as_array().unwrap().len(), 30);
    assert_eq!(desk.plain("GET", "contacts?limit=101", Value::Null).await.status, 400);
    let item = &first.body["items"][0];
    assert_eq!(
        (&item["first_name"], &item["mobile"], &item["phone"]),
        (&json!("Given001"), &json!("0491 570 001"), &Value::Null)
    );
    assert_eq!(
        (&item["birth_date"], &item["sex"], &item["deleted"]),
        (&json!("1941-04-17"), &json!("M"), &json!(false))
    );
}

#[tokio::test]
async fn answers_are_terse_and_mailboxes_shared() {
    let desk = desk(1).await;
    let body = json!({"first_name": "Mimi", "email": "shared@example.org", "external_ref": "h-1"});
    let made = desk.plain("POST", "contacts", body.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.body.as_object().unwrap().len(), 1);
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert_eq!(
        desk.plain("POST", "contacts", body).await.status,
        201,
        "no mailbox is unique"
    );

    let changed = desk
        .plain("PATCH", &format!("contacts/{id}"), json!({"notes": "x", "email": null}))
        .await;
    assert_eq!((changed.status, changed.text.as_str()), (204, ""));
    let read = desk.plain("GET", &format!("contacts/{id}"), Value::Null).await;
    assert_eq!(
        (&read.body["notes"], &read.body["email"], &read.body["first_name"]),
        (&json!("x"), &Value::Null, &json!("Mimi"))
    );

    let found = desk.plain("GET", "contacts?external_ref=h-1", Value::Null).await;
    assert_eq!(found.body["total"], 2);
    assert_eq!(
        desk.plain("GET", "contacts?external_ref=h-2", Value::Null).await.body["total"],
        0
    );
    let ignored = desk
        .plain("GET", "contacts?modified_since=2030-01-01", Value::Null)
        .await;
    assert_eq!(ignored.body["total"], 3, "there is no such filter");
}

#[tokio::test]
async fn unknown_members_and_impossible_dates_are_refused_by_name() {
    let desk = desk(0).await;
    for (member, value) in [
        ("shoe_size", json!("41")),
        ("birth_date", json!("17/4/1988")),
        ("notes", json!(7)),
        ("id", json!("1")),
    ] {
        let answer = desk.plain("POST", "contacts", json!({member: value})).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["code"]),
            (400, &json!("invalid_member")),
            "{member}"
        );
        assert!(answer.body["error"]["message"].as_str().unwrap().starts_with(member));
    }
    assert!(desk.sandbox.records("crm", "contacts").unwrap().is_empty());
}

#[tokio::test]
async fn deleted_contacts_are_hidden_unless_asked_for() {
    let desk = desk(3).await;
    assert_eq!(desk.plain("DELETE", "contacts/10002", Value::Null).await.status, 204);
    assert_eq!(desk.plain("DELETE", "contacts/10002", Value::Null).await.status, 404);
    let gone = desk.plain("GET", "contacts/10002", Value::Null).await;
    assert_eq!((gone.status, &gone.body["error"]["code"]), (404, &json!("not_found")));
    assert_eq!(
        desk.plain("GET", "contacts/10002?include_deleted=true", Value::Null)
            .await
            .body["deleted"],
        true
    );
    assert_eq!(desk.plain("GET", "contacts", Value::Null).await.body["total"], 2);
    assert_eq!(
        desk.plain("GET", "contacts?include_deleted=true", Value::Null)
            .await
            .body["total"],
        3
    );
    assert_eq!(
        desk.plain("PATCH", "contacts/10002", json!({"notes": "x"}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_hundred_requests_a_second() {
    let desk = desk(1).await;
    for left in (0..100).rev() {
        let answer = desk.plain("GET", "contacts/10001", Value::Null).await;
        assert_eq!(
            (answer.status, answer.header("x-ratelimit-remaining")),
            (200, left.to_string().as_str())
        );
    }
    let over = desk.plain("GET", "contacts/10001", Value::Null).await;
    assert_eq!(
        (
            over.status,
            over.header("retry-after"),
            over.header("x-ratelimit-limit")
        ),
        (429, "1", "100")
    );
    assert_eq!(over.body["error"]["code"], "too_many_requests");
    desk.advance(1_000);
    assert_eq!(desk.plain("GET", "contacts/10001", Value::Null).await.status, 200);
    assert_eq!(
        desk.raw(
            "GET",
            "/plain/contacts",
            &[("x-api-key", "wrong".into())],
            String::new()
        )
        .await
        .status,
        401
    );
}

#[tokio::test]
async fn edits_move_rows_between_pages_when_the_newest_come_first() {
    let desk = desk(20).await;
    desk.sandbox
        .set_switches("crm", &json!({"list_newest_first": true}))
        .unwrap();
    let page = |offset: u32| format!("contacts?offset={offset}&limit=10");
    let first = desk.plain("GET", &page(0), Value::Null).await;
    let late = desk.plain("GET", &page(10), Value::Null).await.body["items"][9]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    desk.sandbox
        .person_edit("crm", "contacts", &late, &json!({"notes": "x"}))
        .unwrap();
    let second = desk.plain("GET", &page(10), Value::Null).await;
    assert_eq!(
        second.body["items"][0]["id"], first.body["items"][9]["id"],
        "pushed to the next page"
    );
    assert!(
        second.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["id"] != late.as_str()),
        "and one is on neither"
    );
}
