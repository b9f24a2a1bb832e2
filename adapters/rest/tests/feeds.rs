//! Feeds of changes in their dialects.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::Adapter;
use common::stub::{connector, empty, ok, stub};
use common::{KIND, START, pages};
use serde_json::json;
use std::time::Duration;

/// Sun, 22 Nov 2026: any date will do; the stand-in's clock is ten seconds ahead of ours.
fn date(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros + 10_000_000)
        .unwrap()
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

#[tokio::test]
async fn windows_start_at_the_products_own_time_less_the_overlap() {
    let changes = "[kinds.contacts.changes]\ncall = \"GET contacts\"\noverlap = \"60s\"\nquery = { since = \"{{ since | iso_seconds }}\" }\nrecords = \"items\"\npaging = { style = \"single\" }\n";
    let stub = stub(&connector("", changes), |_| {
        ok(json!({"items": []})).with("date", &date(START))
    });
    let (_, cursor) = pages(&stub.adapter, None).await;
    assert_eq!(stub.last().param("since"), None, "first everything");
    stub.clock.advance(Duration::from_secs(3_600));
    pages(&stub.adapter, Some(&cursor)).await;
    let since: jiff::Timestamp = stub.last().param("since").unwrap().parse().unwrap();
    let begun = START + 10_000_000 - 60_000_000;
    assert!((begun - 2_000_000..=begun).contains(&since.as_microsecond()), "{since}");
}

#[tokio::test]
async fn if_modified_since_and_nothing_new() {
    let changes = "[kinds.contacts.changes]\ncall = \"GET contacts\"\noverlap = \"2m\"\nheaders = { If-Modified-Since = \"{{ since | http_date }}\" }\nrecords = \"items\"\npaging = { style = \"single\" }\n";
    let stub = stub(&connector("", changes), |asked| {
        match asked.header("if-modified-since") {
            "" => ok(json!({"items": [{"id": "1"}]})),
            _ => empty(304),
        }
    });
    let (first, cursor) = pages(&stub.adapter, None).await;
    assert_eq!(first[0].records.len(), 1);
    let page = stub.adapter.changes(KIND, Some(&cursor)).await.unwrap();
    assert!(page.records.is_empty() && !page.more);
    assert!(stub.last().header("if-modified-since").ends_with("GMT"));
    assert_eq!(stub.adapter.usage().calls, 2);
}

#[tokio::test]
async fn a_pass_keeps_its_window_over_all_pages() {
    let changes = "[kinds.contacts.changes]\ncall = \"GET contacts\"\noverlap = \"1s\"\nmay_lag = true\nquery = { since = \"{{ since | seconds }}\", page = \"{{ page.number }}\" }\nrecords = \"items\"\npaging = { style = \"number\", size = 2, more = \"more\" }\n";
    let stub = stub(&connector("", changes), |asked| {
        let page = asked.number("page");
        ok(json!({"items": [{"id": page}], "more": page == 1}))
    });
    let (_, cursor) = pages(&stub.adapter, None).await;
    stub.clock.advance(Duration::from_secs(100));
    let first = stub.adapter.changes(KIND, Some(&cursor)).await.unwrap();
    assert!(first.more && first.may_lag);
    stub.clock.advance(Duration::from_secs(100));
    let second = stub.adapter.changes(KIND, Some(&first.cursor)).await.unwrap();
    let asked = stub.asked();
    assert_eq!(asked[1].param("since"), asked[2].param("since"));
    stub.clock.advance(Duration::from_secs(100));
    stub.adapter.changes(KIND, Some(&second.cursor)).await.unwrap();
    let seconds = |n: usize| asked_since(&stub.asked()[n]);
    assert!(
        (99..=101).contains(&(seconds(3) - seconds(1))),
        "from the start of the last pass, not from its end"
    );
}

fn asked_since(asked: &common::stub::Asked) -> i64 {
    asked.param("since").unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_token_of_the_products_own() {
    let feed = "[kinds.contacts.list]\ncall = \"GET contacts\"\nrecords = \"items\"\npaging = { style = \"single\" }\n\
        [kinds.contacts.changes]\ncall = \"GET contacts/changes\"\nquery = { from = \"{{ resume }}\" }\nresume = \"latest\"\nrecords = \"items\"\npaging = { style = \"single\" }\n";
    let stub = stub(&connector("", feed), |asked| match asked.param("from") {
        None => ok(json!({"items": [{"id": "1"}], "latest": 40})),
        Some("41") => ok(json!({"items": []})),
        Some("40") => ok(json!({"items": [{"id": "2"}], "latest": "41"})),
        Some(_) => empty(410),
    });
    let (_, cursor) = pages(&stub.adapter, None).await;
    let (second, cursor) = pages(&stub.adapter, Some(&cursor)).await;
    assert_eq!(
        (second[0].records[0].id.as_str(), stub.last().path.as_str()),
        ("2", "/api/contacts/changes")
    );
    let (third, cursor) = pages(&stub.adapter, Some(&cursor)).await;
    assert!(third[0].records.is_empty());
    assert_eq!(stub.last().param("from"), Some("41"));
    pages(&stub.adapter, Some(&cursor)).await;
    assert_eq!(
        stub.last().param("from"),
        Some("41"),
        "without a new token the old one goes on"
    );
    let (fresh, _) = pages(&stub.adapter, Some(&cursor.replace("41", "7"))).await;
    assert_eq!(
        fresh[0].records[0].id, "1",
        "a token that the product forgot starts everything afresh"
    );
}

#[tokio::test]
async fn an_address_to_go_on_from() {
    let feed = "record = { id = [\"contactid\", \"id\"], dead = { reason = \"deleted\" } }\n\
        [kinds.contacts.list]\ncall = \"GET contacts\"\nheaders = { Prefer = \"odata.track-changes\" }\nrecords = \"value\"\npaging = { style = \"link\", next = \"'@odata.nextLink'\" }\n\
        [kinds.contacts.changes]\ncall = \"GET contacts\"\nresume = \"'@odata.deltaLink'\"\nrecords = \"value\"\npaging = { style = \"link\", next = \"'@odata.nextLink'\" }\n";
    let address = |query: &str| format!("http://localhost:9/api/contacts?{query}");
    let stub = stub(&connector("", feed), move |asked| {
        match (asked.param("page"), asked.param("delta")) {
            (None, None) => ok(json!({"value": [{"contactid": "1"}], "@odata.nextLink": address("page=2")})),
            (Some(_), _) => ok(json!({"value": [{"contactid": "2"}], "@odata.deltaLink": address("delta=a")})),
            (_, Some("a")) => {
                ok(json!({"value": [{"id": "2", "reason": "deleted"}], "@odata.deltaLink": address("delta=b")}))
            }
            _ => ok(json!({"value": [], "@odata.deltaLink": address("delta=c")})),
        }
    });
    let (first, cursor) = pages(&stub.adapter, None).await;
    assert_eq!(first.iter().map(|page| page.records.len()).sum::<usize>(), 2);
    let (second, cursor) = pages(&stub.adapter, Some(&cursor)).await;
    assert!(!second[0].records[0].alive && second[0].records[0].id == "2");
    pages(&stub.adapter, Some(&cursor)).await;
    assert_eq!(stub.last().param("delta"), Some("b"));
}

#[tokio::test]
async fn removals_listed_apart_belong_to_the_pass() {
    let feed = "[kinds.contacts.changes]\ncall = \"GET contacts\"\noverlap = \"10s\"\nquery = { since = \"{{ since | seconds }}\" }\nrecords = \"items\"\npaging = { style = \"single\" }\n\
        [kinds.contacts.removed]\ncall = \"GET contacts/deleted\"\nquery = { since = \"{{ since | seconds }}\" }\nid = \"contact.id\"\nrecords = \"items\"\npaging = { style = \"single\" }\n";
    let stub = stub(&connector("", feed), |asked| match asked.path.ends_with("deleted") {
        true => ok(json!({"items": [{"contact": {"id": 9}}]})),
        false => ok(json!({"items": [{"id": "1"}]})),
    });
    let (first, cursor) = pages(&stub.adapter, None).await;
    assert_eq!(first.len(), 1, "the first pass lists who is there");
    let (second, _) = pages(&stub.adapter, Some(&cursor)).await;
    let seen: Vec<(&str, bool, bool)> = second
        .iter()
        .flat_map(|page| page.records.iter().map(|r| (r.id.as_str(), r.alive, page.may_lag)))
        .collect();
    assert_eq!(seen, [("1", true, false), ("9", false, true)]);
    let asked = stub.asked();
    assert_eq!(asked[1].param("since"), asked[2].param("since"));
}
