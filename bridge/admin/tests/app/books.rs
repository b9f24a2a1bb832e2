//! The books' pages by themselves: what is asked for waits in the store, bound to what was shown, and auditors ask nothing.

use crate::support::House;
use bridge_admin::access::role::Role;
use bridge_engine::ledger::office::{Office, Outcome, Wish};

#[tokio::test]
async fn what_is_asked_for_waits_for_the_process_that_posts_and_is_in_the_history() {
    let (house, mut browsers) = House::full().await;
    let office = Office::new(house.store.clone());
    let keeper = browsers.get_mut(&Role::Bookkeeper).unwrap();
    assert!(keeper.get("/books/proof").await.text.contains("Prove these days"));
    let days = [
        ("wish", "prove"),
        ("from", "2026-10-01"),
        ("to", "2026-10-31"),
        ("back", "/books/proof"),
    ];
    let page = keeper.post("/books/ask", &days).await;
    assert!(page.to().starts_with("/books/proof?asked="), "{}", page.to());
    let shown = keeper.get(page.to()).await.text;
    assert!(shown.contains("Prove 2026-10-01 to 2026-10-31") && shown.contains("waits for the service"));
    let month = [("wish", "month"), ("month", "2026-10"), ("back", "//evil.example")];
    assert!(
        keeper
            .post("/books/ask", &month)
            .await
            .to()
            .starts_with("/books?asked=")
    );

    let asks = office.asks().await.unwrap();
    assert!(
        asks.iter()
            .all(|ask| ask.outcome == Outcome::Waiting && ask.by == "Bookkeeper"),
        "{asks:?}"
    );
    assert!(matches!(asks[0].wish, Wish::Month(_)) && matches!(asks[1].wish, Wish::Prove { .. }));
    let (_, line) = &house.store.latest_audit(None, false, 1).await.unwrap()[0];
    assert_eq!(
        (line.event.as_str(), line.reason.as_str()),
        ("books", "asked by Bookkeeper: walk through 2026-10")
    );

    let auditor = browsers.get_mut(&Role::Auditor).unwrap();
    let page = auditor.get("/books/proof").await;
    assert!(page.status == 200 && !page.text.contains("Prove these days"));
    assert_eq!(auditor.post("/books/ask", &days).await.status, 403);
    assert_eq!(office.asks().await.unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_is_kept_of_what_makes_no_sense_or_was_never_shown() {
    let (house, mut browsers) = House::full().await;
    let keeper = browsers.get_mut(&Role::Bookkeeper).unwrap();
    for (path, fields, status) in [
        (
            "/books/ask",
            &[("wish", "prove"), ("from", "2026-10-31"), ("to", "2026-10-01")][..],
            400,
        ),
        ("/books/ask", &[("wish", "month"), ("month", "October")], 400),
        ("/books/ask", &[("wish", "everything")], 400),
        (
            "/books/act",
            &[("act", "approve"), ("key", "HX-1-W"), ("token", "0123")],
            409,
        ),
        ("/books/act", &[("act", "approve"), ("key", ""), ("token", "")], 409),
        (
            "/books/act",
            &[("act", "fee"), ("key", "HX-S"), ("token", "0123"), ("month", "x")],
            400,
        ),
        ("/books/act", &[("act", "burn")], 400),
        ("/books/settlements", &[("layout", "tyro"), ("text", "a,b\n")], 400),
    ] {
        let page = keeper.post(path, fields).await;
        assert_eq!(page.status, status, "{path} {fields:?}");
    }
    for path in ["/books/close/2026-13", "/books/statements/DrA/month"] {
        assert_eq!(keeper.get(path).await.status, 400, "{path}");
    }
    for path in [
        "/books/statements/DrA/2026-10",
        "/books/file/preview/csv",
        "/books/file/preview/exe",
    ] {
        assert_eq!(keeper.get(path).await.status, 404, "{path}");
    }
    assert!(Office::new(house.store.clone()).asks().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_record_tried_where_nothing_is_mapped_is_refused() {
    let (_house, mut browsers) = House::full().await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    for record in ["{}", "no JSON", "[1]", "{\"a\":"] {
        let page = reviewer
            .post("/mappings/try", &[("system", "crm"), ("record", record)])
            .await;
        assert_eq!(page.status, 422, "{record}");
    }
    let keeper = browsers.get_mut(&Role::Bookkeeper).unwrap();
    assert_eq!(keeper.get("/mappings").await.status, 200);
    assert_eq!(keeper.post("/mappings/try", &[("record", "{}")]).await.status, 403);
}
