//! Lists and search.

use crate::common::Desk;
use crate::support::{DATED, V3, create, desk, ids};
use adapter_sandbox::{CrmKind, Manners};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn the_list_pages_by_id_to_the_last_one() {
    let desk = desk(25).await;
    let mut seen = Vec::new();
    let mut path = format!("{V3}?limit=10&properties=email&archived=false");
    loop {
        let page = desk.hubspot("GET", &path, Value::Null).await;
        seen.extend(ids(page.rows()).into_iter().map(str::to_owned));
        match page.body.pointer("/paging/next/after") {
            Some(after) => path = format!("{V3}?limit=10&after={}", after.as_str().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen.len(), 25);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 25);
    assert_eq!(
        desk.hubspot("GET", &format!("{V3}?limit=101"), Value::Null)
            .await
            .status,
        400
    );
    assert_eq!(
        desk.hubspot(
            "GET",
            &format!("{V3}?limit=100&propertiesWithHistory=email"),
            Value::Null
        )
        .await
        .status,
        400
    );
}

#[tokio::test]
async fn archived_contacts_are_read_apart_and_free_their_mailbox() {
    let desk = desk(0).await;
    let id = create(&desk, json!({"email": "a@example.org"})).await;
    let gone = desk.hubspot("DELETE", &format!("{V3}/{id}"), Value::Null).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert_eq!(
        desk.hubspot("GET", &format!("{V3}/{id}"), Value::Null).await.status,
        404
    );
    let archived = desk
        .hubspot("GET", &format!("{V3}/{id}?archived=true"), Value::Null)
        .await;
    assert_eq!(
        (&archived.body["archived"], archived.body["archivedAt"].is_string()),
        (&json!(true), true)
    );
    assert_eq!(
        ids(desk
            .hubspot("GET", &format!("{V3}?archived=true"), Value::Null)
            .await
            .rows()),
        [id.as_str()]
    );
    assert!(desk.hubspot("GET", V3, Value::Null).await.rows().is_empty());
    let other = create(&desk, json!({"email": "a@example.org"})).await;
    desk.sandbox.person_restore("crm", "contacts", &id).unwrap();
    let back = desk
        .hubspot("GET", &format!("{V3}/{id}?properties=email"), Value::Null)
        .await;
    assert_eq!(back.body["properties"]["email"], "", "the mailbox is another's now");
    let erased = desk
        .hubspot("POST", &format!("{V3}/gdpr-delete"), json!({"objectId": other}))
        .await;
    assert_eq!(erased.status, 204);
    assert_eq!(
        desk.hubspot("GET", &format!("{V3}/{other}?archived=true"), Value::Null)
            .await
            .status,
        404
    );
}

fn search(filters: Value, sort: &str, limit: u32, after: &str) -> Value {
    json!({"limit": limit, "after": after, "sorts": [sort], "properties": ["email"], "filterGroups": [{"filters": filters}]})
}

#[tokio::test]
async fn search_lags_behind_and_shows_old_rows_meanwhile() {
    let desk = desk(3).await;
    let id = create(&desk, json!({"email": "new@example.org"})).await;
    let all = search(
        json!([{"propertyName": "email", "operator": "HAS_PROPERTY"}]),
        "hs_object_id",
        100,
        "0",
    );
    let path = format!("{DATED}/search");
    assert_eq!(
        desk.hubspot("POST", &path, all.clone()).await.body["total"],
        3,
        "not indexed yet"
    );
    assert_eq!(
        desk.hubspot("GET", &format!("{V3}/{id}"), Value::Null).await.status,
        200,
        "but there"
    );
    desk.advance(2_000);
    assert_eq!(desk.hubspot("POST", &path, all.clone()).await.body["total"], 4);
    desk.sandbox
        .person_edit("crm", "contacts", &id, &json!({"email": "newer@example.org"}))
        .unwrap();
    let stale = desk.hubspot("POST", &path, all.clone()).await;
    assert_eq!(stale.rows()[3]["properties"]["email"], "new@example.org");
    desk.advance(2_000);
    assert_eq!(
        desk.hubspot("POST", &path, all).await.rows()[3]["properties"]["email"],
        "newer@example.org"
    );
}

#[tokio::test]
async fn search_compares_sorts_and_pages() {
    let desk = desk(30).await;
    let path = format!("{V3}/search");
    let first = desk
        .hubspot("POST", &path, search(json!([]), "hs_object_id", 20, "0"))
        .await;
    assert_eq!(
        (
            &first.body["total"],
            first.rows().len(),
            &first.body["paging"]["next"]["after"]
        ),
        (&json!(30), 20, &json!("20"))
    );
    let last = first.rows()[19]["id"].as_str().unwrap().to_owned();
    let above = desk
        .hubspot(
            "POST",
            &path,
            search(
                json!([{"propertyName": "hs_object_id", "operator": "GT", "value": last}]),
                "hs_object_id",
                20,
                "0",
            ),
        )
        .await;
    assert_eq!((&above.body["total"], above.body.get("paging")), (&json!(10), None));
    desk.advance(1_000);
    let id = above.rows()[4]["id"].as_str().unwrap().to_owned();
    desk.sandbox
        .person_edit("crm", "contacts", &id, &json!({"city": "Mockville"}))
        .unwrap();
    desk.advance(2_500);
    let millis = crate::common::START / 1_000;
    for (operator, value) in [
        ("GTE", (millis + 1_000).to_string()),
        ("GT", millis.to_string()),
        ("GT", "2026-03-02T00:34:56.123Z".to_owned()),
    ] {
        let since = search(
            json!([{"propertyName": "lastmodifieddate", "operator": operator, "value": value}]),
            "lastmodifieddate",
            10,
            "",
        );
        assert_eq!(
            ids(desk.hubspot("POST", &path, since).await.rows()),
            [id.as_str()],
            "{operator}"
        );
    }
    desk.advance(1_000);
    let exact = search(
        json!([{"propertyName": "city", "operator": "EQ", "value": "mockville"}, {"propertyName": "email", "operator": "IN", "values": ["person26@example.org", "person25@example.org"]}]),
        "-lastmodifieddate",
        10,
        "0",
    );
    assert_eq!(desk.hubspot("POST", &path, exact).await.body["total"], 1);
    for bad in [
        json!({"limit": 201}),
        json!({"limit": 200, "after": "9900"}),
        json!({"sorts": ["email", "city"]}),
    ] {
        desk.advance(1_000);
        assert_eq!(desk.hubspot("POST", &path, bad.clone()).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn nasty_manners_respell_and_give_all_imported_contacts_one_time() {
    let desk = Desk::open(Manners::Nasty, CrmKind::Hubspot, 0, 50).await;
    let records = desk.sandbox.records("crm", "contacts").unwrap();
    let times: BTreeSet<&str> = records
        .iter()
        .map(|record| record["updatedAt"].as_str().unwrap())
        .collect();
    assert_eq!(times.len(), 1);
    let id = desk
        .sandbox
        .person_create("crm", "contacts", &json!({"mobilephone": "0491 570 006"}))
        .unwrap();
    let record = desk.sandbox.record("crm", "contacts", &id).unwrap();
    assert_eq!(record["properties"]["mobilephone"], "+61 491 570 006");
}
