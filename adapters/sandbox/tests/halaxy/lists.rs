//! Lists: pages, filters, changes, and rows that shift.

use crate::common::Desk;
use crate::support::{desk, mimi};
use adapter_sandbox::{CrmKind, Manners};
use serde_json::{Value, json};

#[tokio::test]
async fn a_bundle_has_its_links_and_no_entry_when_empty() {
    let desk = desk(61).await;
    let answer = desk
        .halaxy("GET", "Patient?_sort=name&_count=30&page=2", Value::Null)
        .await;
    assert_eq!(answer.header("content-type"), "application/fhir+json; charset=utf-8");
    assert_eq!(answer.body["resourceType"], "Bundle");
    assert_eq!(answer.body["type"], "searchset");
    assert_eq!(answer.body["total"], 61);
    assert_eq!(answer.resources().len(), 30);
    let links: Vec<(&str, &str)> = answer.body["link"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| (link["relation"].as_str().unwrap(), link["url"].as_str().unwrap()))
        .collect();
    let url = |page: u32| format!("http://stand-in.example/halaxy/main/Patient?_sort=name&_count=30&page={page}");
    assert_eq!(
        links.iter().map(|(relation, _)| *relation).collect::<Vec<_>>(),
        ["self", "first", "previous", "next", "last"]
    );
    assert_eq!(
        links.iter().map(|(_, url)| (*url).to_owned()).collect::<Vec<_>>(),
        [url(2), url(1), url(1), url(3), url(3)]
    );
    let entry = &answer.body["entry"][0];
    let id = entry["resource"]["id"].as_str().unwrap();
    assert_eq!(
        entry["fullUrl"],
        format!("http://stand-in.example/halaxy/main/Patient/{id}")
    );
    assert_eq!(entry["search"]["mode"], "match");

    let empty = desk.halaxy("GET", "Patient?page=9&_count=30", Value::Null).await;
    assert!(empty.body.get("entry").is_none());
    assert_eq!(empty.body["total"], 61);
    let none = desk
        .halaxy("GET", "Patient?family=nobody&_total=none", Value::Null)
        .await;
    assert!(none.body.get("entry").is_none() && none.body.get("total").is_none());
}

#[tokio::test]
async fn pages_hold_thirty_by_default_and_a_hundred_at_most() {
    let desk = desk(130).await;
    assert_eq!(desk.halaxy("GET", "Patient", Value::Null).await.resources().len(), 30);
    assert_eq!(
        desk.halaxy("GET", "Patient?_count=500", Value::Null)
            .await
            .resources()
            .len(),
        100
    );
    assert_eq!(
        desk.halaxy("GET", "Patient?_summary=count", Value::Null).await.body["total"],
        130
    );
}

#[tokio::test]
async fn changes_are_found_by_last_updated_in_whole_seconds() {
    let desk = desk(40).await;
    let id = desk.halaxy("GET", "Patient?_count=1&page=5", Value::Null).await.ids()[0].clone();
    desk.advance(1_000);
    desk.sandbox
        .person_edit("halaxy", "Patient", &id, &json!({"gender": "other"}))
        .unwrap();
    // 11:34:57.1 is shown as 11:34:57.
    let found = |query: &str| {
        let path = format!("Patient?_lastUpdated={query}&_sort=-_lastUpdated");
        let desk = &desk;
        async move { desk.halaxy("GET", &path, Value::Null).await.ids() }
    };
    assert_eq!(found("gt2026-03-02T11:34:56%2B11:00").await, vec![id.clone()]);
    assert!(found("gt2026-03-02T11:34:57%2B11:00").await.is_empty());
    for same in [
        "ge2026-03-02T00:34:57Z",
        "gte2026-03-02T00:34:57Z",
        "2026-03-02T00:34:57Z",
        "eq2026-03-02T00:34:57Z",
        "2026-03-02",
    ] {
        assert_eq!(found(same).await, vec![id.clone()], "{same}");
    }
    assert_eq!(found("ge2026-03-02&_lastUpdated=le2026-03-02").await, vec![id.clone()]);
    assert!(!found("lt2026-03-02T00:34:57Z").await.contains(&id));
    assert!(!found("ne2026-03-02&_count=100").await.contains(&id));
    assert_eq!(found("lte2026-03-03").await[0], id, "newest first");
    let bad = desk
        .halaxy("GET", "Patient?_lastUpdated=gtyesterday", Value::Null)
        .await;
    assert_eq!(
        (bad.status, &bad.body["resourceType"]),
        (400, &json!("OperationOutcome"))
    );
}

#[tokio::test]
async fn rows_shift_between_pages_when_people_work() {
    let desk = desk(60).await;
    let path = |page: u32| format!("Patient?_sort=_lastUpdated&_count=30&page={page}");
    let first = desk.halaxy("GET", &path(1), Value::Null).await.ids();
    desk.sandbox
        .person_edit("halaxy", "Patient", &first[0], &json!({"gender": "other"}))
        .unwrap();
    let second = desk.halaxy("GET", &path(2), Value::Null).await.ids();
    assert_eq!(second.last(), Some(&first[0]));
    let seen: std::collections::BTreeSet<_> = first.iter().chain(&second).collect();
    assert_eq!(seen.len(), 59, "one patient fell between the pages");
}

#[tokio::test]
async fn text_filters_start_contain_or_equal_and_unknown_ones_return_everybody() {
    let desk = desk(20).await;
    let total = |query: &str| {
        let path = format!("Patient?{query}");
        let desk = &desk;
        async move {
            desk.halaxy("GET", &path, Value::Null).await.body["total"]
                .as_u64()
                .unwrap()
        }
    };
    assert_eq!(total("given=gIVEN01").await, 10);
    assert_eq!(total("name=given002").await, 1);
    assert_eq!(total("family:contains=ily03").await, 3);
    assert_eq!(total("family:exact=family").await, 0);
    assert_eq!(total("email=person7%40example.org").await, 1);
    assert_eq!(total("phone=%2B61491570007").await, 1);
    assert_eq!(total("phone=0491570007").await, 1);
    assert_eq!(total("birthdate=1947-04-17").await, 1);
    assert_eq!(total("birthdate=lt1943-01-01").await, 2);
    assert_eq!(total("given=given00&birthdate=1947-04-17").await, 1);
    assert_eq!(total("patient=900001").await, 20, "ignored without error");
    assert_eq!(total("_id=900001,900002,17").await, 2);
    assert_eq!(total("created=gt2026-03-02").await, 0);
    assert_eq!(
        desk.halaxy("GET", "Patient?name:soundslike=x", Value::Null)
            .await
            .status,
        422
    );
}

#[tokio::test]
async fn nasty_manners_show_every_quirk_of_lists() {
    let mut desk = Desk::open(Manners::Nasty, CrmKind::Hubspot, 90, 0).await;
    desk.sandbox.set_manners(Manners::Polite);
    desk.sign_in().await;
    // The quirks without the random failures, which the tests of the control API cover.
    desk.sandbox
        .set_switches(
            "halaxy",
            &json!({"warning_percent": 30, "outcome_percent": 10, "touch_percent": 20, "scattered_ties": true,
            "ignored_filters": ["phone"], "respell_phones": true, "clock_ahead_ms": -2_000}),
        )
        .unwrap();
    let (mut warnings, mut outcomes, mut shifts) = (0, 0, 0);
    let mut order = Vec::new();
    for _ in 0..100 {
        let answer = desk.halaxy("GET", "Patient?page=2&_count=20", Value::Null).await;
        assert_eq!(answer.status, 200);
        if answer.body["resourceType"] == "OperationOutcome" {
            outcomes += 1;
            continue;
        }
        let kinds: Vec<&str> = answer
            .resources()
            .iter()
            .map(|row| row["resourceType"].as_str().unwrap())
            .collect();
        if kinds[0] == "OperationOutcome" {
            assert_eq!(answer.body["entry"][0]["resource"]["id"], "warning");
            warnings += 1;
        }
        assert_eq!(kinds.iter().filter(|kind| **kind == "Patient").count(), 20);
        order = answer.ids();
    }
    for call in desk.sandbox.calls_after(0) {
        shifts += usize::from(call.fault.as_deref() == Some("rows moved between pages"));
    }
    assert!(
        warnings > 10 && outcomes > 2 && shifts > 5,
        "{warnings} {outcomes} {shifts}"
    );
    assert!(!order.is_sorted(), "nobody promised an order");
    desk.sandbox
        .set_switches("halaxy", &json!({"warning_percent": 0, "outcome_percent": 0}))
        .unwrap();
    assert_eq!(
        desk.halaxy("GET", "Patient?phone=0491570001", Value::Null).await.body["total"],
        90,
        "a filter that does nothing"
    );
    let made = desk.halaxy("POST", "Patient", mimi()).await;
    assert_eq!(made.body["telecom"][0]["value"], "+61491570006");
    assert_eq!(
        made.header("date"),
        "Mon, 02 Mar 2026 00:34:54 GMT",
        "its clock is behind"
    );
    assert_eq!(made.body["meta"]["lastUpdated"], "2026-03-02T11:34:54+11:00");
}
