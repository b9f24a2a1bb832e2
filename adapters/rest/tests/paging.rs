//! Every paging style, against a product of a few lines: every record once, no call too many.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adapter_kit::Adapter;
use common::stub::{Asked, Reply, Stub, connector, ok, stub};
use common::{KIND, pages};
use serde_json::{Value as Json, json};

const ALL: usize = 23;

fn rows(from: usize, count: usize) -> Vec<Json> {
    (from..(from + count).min(ALL))
        .map(|n| json!({"id": format!("{n:03}")}))
        .collect()
}

fn listed(list: &str, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Stub {
    stub(
        &connector("", &format!("[kinds.contacts.list]\n{list}\nrecords = \"items\"")),
        answer,
    )
}

/// All ids seen, and the calls it took.
async fn pass(stub: &Stub) -> (usize, usize) {
    let (pages, _) = pages(&stub.adapter, None).await;
    let ids: std::collections::BTreeSet<String> = pages
        .into_iter()
        .flat_map(|page| page.records)
        .map(|record| record.id)
        .collect();
    (ids.len(), stub.asked().len())
}

#[tokio::test]
async fn offset() {
    let list = "call = \"GET contacts\"\nquery = { skip = \"{{ page.offset }}\", top = \"{{ page.size }}\" }";
    let product = |asked: &Asked| ok(json!({"items": rows(asked.number("skip"), asked.number("top")), "total": ALL}));
    let told = listed(
        &format!("{list}\npaging = {{ style = \"offset\", size = 12, total = \"total\" }}"),
        product,
    );
    assert_eq!(pass(&told).await, (ALL, 2));
    assert_eq!(told.asked()[1].param("skip"), Some("11"), "pages overlap by one record");
    let untold = listed(
        &format!("{list}\npaging = {{ style = \"offset\", size = 10 }}"),
        product,
    );
    assert_eq!(pass(&untold).await, (ALL, 4), "goes on until nothing new comes");
    let short = listed(
        &format!("{list}\npaging = {{ style = \"offset\", size = 10, short_page_ends = true }}"),
        product,
    );
    assert_eq!(pass(&short).await, (ALL, 3));
    let capped = |asked: &Asked| ok(json!({"items": rows(asked.number("skip"), 5), "total": ALL}));
    let capped = listed(
        &format!("{list}\npaging = {{ style = \"offset\", size = 10, total = \"total\" }}"),
        capped,
    );
    assert_eq!(
        pass(&capped).await.0,
        ALL,
        "a product may give less than it is asked for"
    );
    let single = |asked: &Asked| ok(json!({"items": rows(asked.number("skip"), 1), "total": ALL}));
    let single = listed(
        &format!("{list}\npaging = {{ style = \"offset\", size = 10, total = \"total\" }}"),
        single,
    );
    assert_eq!(pass(&single).await.0, ALL);
}

#[tokio::test]
async fn number() {
    let list = "call = \"GET contacts\"\nquery = { page = \"{{ page.number }}\" }";
    let product = |asked: &Asked| {
        let from = (asked.number("page") - 1) * 10;
        ok(json!({"items": rows(from, 10), "count": ALL, "has_more": from + 10 < ALL}))
    };
    for told in ["total = \"count\"", "more = \"has_more\"", "short_page_ends = true"] {
        let stub = listed(
            &format!("{list}\npaging = {{ style = \"number\", size = 10, {told} }}"),
            product,
        );
        assert_eq!(pass(&stub).await, (ALL, 3), "{told}");
    }
    let untold = listed(
        &format!("{list}\npaging = {{ style = \"number\", size = 10 }}"),
        product,
    );
    assert_eq!(pass(&untold).await, (ALL, 4));
    let from_zero = |asked: &Asked| ok(json!({"items": rows(asked.number("page") * 10, 10), "count": ALL}));
    let zero = listed(
        &format!("{list}\npaging = {{ style = \"number\", size = 10, first = 0, total = \"count\" }}"),
        from_zero,
    );
    assert_eq!(pass(&zero).await, (ALL, 3));
    assert_eq!(zero.asked()[0].param("page"), Some("0"));
}

#[tokio::test]
async fn number_goes_back_when_records_were_removed() {
    // After the first page its ten records are removed, so that page 2 skips ten others.
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let stub = listed(
        "call = \"GET contacts\"\nquery = { page = \"{{ page.number }}\" }\npaging = { style = \"number\", size = 10, total = \"count\" }",
        move |asked| {
            let removed = if calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                0
            } else {
                10
            };
            let from = removed + (asked.number("page") - 1) * 10;
            ok(json!({"items": rows(from, 10), "count": ALL - removed}))
        },
    );
    assert_eq!(pass(&stub).await.0, ALL);
}

#[tokio::test]
async fn cursor_in_the_query_and_in_the_body() {
    let next = |from: usize| {
        if from + 10 < ALL {
            json!(format!("c{}", from + 10))
        } else {
            json!(null)
        }
    };
    let from = |cursor: Option<&str>| cursor.map_or(0, |text| text[1..].parse::<usize>().unwrap());
    let in_query = listed(
        "call = \"GET contacts\"\nquery = { after = \"{{ page.cursor }}\", limit = \"{{ page.size }}\" }\npaging = { style = \"cursor\", size = 10, next = \"paging.next\" }",
        move |asked| {
            let from = from(asked.param("after"));
            ok(json!({"items": rows(from, 10), "paging": {"next": next(from)}}))
        },
    );
    assert_eq!(pass(&in_query).await, (ALL, 3));
    assert_eq!(
        in_query.asked()[0].query,
        [("limit".to_string(), "10".to_string())],
        "no cursor on the first page"
    );
    let in_body = listed(
        "call = \"POST contacts/search\"\nbody = { cursor = \"{{ page.cursor }}\", limit = \"{{ page.size }}\" }\npaging = { style = \"cursor\", size = 10, next = \"next\" }",
        move |asked| {
            let body = asked.json();
            let from = from(body["cursor"].as_str());
            assert_eq!(body["limit"], json!(10), "numbers stay numbers");
            assert_eq!(body.get("cursor").is_some(), from > 0);
            ok(json!({"items": rows(from, 10), "next": next(from)}))
        },
    );
    assert_eq!(pass(&in_body).await, (ALL, 3));
}

#[tokio::test]
async fn link_in_the_header_and_in_the_body() {
    let link = |from: usize| format!("http://localhost:9/api/contacts?from={}&x=a%2Cb", from + 10);
    let header = listed(
        "call = \"GET contacts\"\nquery = { x = \"1\" }\npaging = { style = \"link\", size = 10 }",
        move |asked| {
            let from = asked.number("from");
            let reply = ok(json!({"items": rows(from, 10)}));
            if from + 10 < ALL {
                reply.with("link", &format!("<{}>; rel=\"next\"", link(from)))
            } else {
                reply
            }
        },
    );
    assert_eq!(pass(&header).await, (ALL, 3));
    assert_eq!(
        header.asked()[1].query,
        [("from".into(), "10".into()), ("x".into(), "a,b".into())],
        "as the product wrote it"
    );
    let body = listed(
        "call = \"GET contacts\"\npaging = { style = \"link\", size = 10, next = \"'@odata.nextLink'\" }",
        move |asked| {
            let from = asked.number("from");
            let mut body = json!({"items": rows(from, 10)});
            if from + 10 < ALL {
                body["@odata.nextLink"] = json!(link(from));
            }
            ok(body)
        },
    );
    assert_eq!(pass(&body).await, (ALL, 3));
    let astray = listed(
        "call = \"GET contacts\"\npaging = { style = \"link\", size = 10, next = \"next\" }",
        |_| ok(json!({"items": rows(0, 10), "next": "https://elsewhere.example/contacts"})),
    );
    let first = astray.adapter.changes(KIND, None).await.unwrap();
    assert!(
        astray.adapter.changes(KIND, Some(&first.cursor)).await.is_err(),
        "no call leaves the product's own host"
    );
    assert_eq!(astray.asked().len(), 1);
}

#[tokio::test]
async fn keyset() {
    let stub = listed(
        "call = \"GET contacts\"\nquery = { above = \"{{ page.last }}\" }\npaging = { style = \"keyset\", size = 10, key = \"id\", first = \"\", total = \"left\" }",
        |asked| {
            let above = asked.param("above").unwrap();
            let left: Vec<Json> = rows(0, ALL)
                .into_iter()
                .filter(|row| row["id"].as_str().unwrap() > above)
                .collect();
            ok(json!({"left": left.len(), "items": left.into_iter().take(10).collect::<Vec<_>>()}))
        },
    );
    assert_eq!(pass(&stub).await, (ALL, 3));
}

#[tokio::test]
async fn a_product_that_ignores_the_page_is_found_out() {
    let stub = listed(
        "call = \"GET contacts\"\nquery = { above = \"{{ page.last }}\" }\npaging = { style = \"keyset\", size = 10, key = \"id\" }",
        |_| ok(json!({"items": rows(0, 10)})),
    );
    let first = stub.adapter.changes(KIND, None).await.unwrap();
    let error = stub.adapter.changes(KIND, Some(&first.cursor)).await.unwrap_err();
    assert!(error.to_string().contains("stands still"), "{error}");
}

#[tokio::test]
async fn an_answer_without_records_is_no_empty_page() {
    let stub = listed("call = \"GET contacts\"\npaging = { style = \"single\" }", |_| {
        ok(json!({"message": "ok"}))
    });
    assert!(stub.adapter.changes(KIND, None).await.is_err());
    let rowless = listed(
        "call = \"GET contacts\"\npaging = { style = \"single\" }\nrecords_may_miss = true",
        |_| ok(json!({})),
    );
    assert!(rowless.adapter.changes(KIND, None).await.unwrap().records.is_empty());
    let nameless = listed("call = \"GET contacts\"\npaging = { style = \"single\" }", |_| {
        ok(json!({"items": [{"name": "x"}]}))
    });
    assert!(nameless.adapter.changes(KIND, None).await.is_err());
}
