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
