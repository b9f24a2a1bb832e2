//! Whatever shows personal values, or gives them away as a file, leaves a line in the history: asked of the whole table.

use crate::office::{close, keep, report};
use crate::person::lived_in;
use crate::support::{Browser, House, Page, SECRET, vitals};
use axum::http::{Method, Request, header};
use bridge_admin::access::role::Role;
use bridge_admin::app::routes::{Need, ROUTES, Route};
use bridge_engine::vitals::{Alert, AlertCode, Remedy};
use bridge_store::Store;
use std::collections::BTreeSet;

const NAME: &str = "Mirrim Samplewood";

/// Every report that there can be, each with a name in it.
async fn fill(store: &Store) {
    let ids = [
        "preview",
        "drift",
        "tasks",
        "tieout",
        "proof-2026-10-01-2026-10-31",
        "statements-2026-10",
        "statement-2026-10-DrA",
    ];
    let mut reports: Vec<_> = ids.map(|id| report(id, NAME)).into();
    reports.push(close("2026-10", 0));
    reports[7].notes.push(format!("about {NAME}"));
    keep(store, &reports).await;
}

/// Where that route shows something.
fn path(route: &Route, item: &str) -> String {
    let of = |front: &str| route.path.starts_with(front);
    let id = match route.path {
        _ if of("/person") => "0198-person-1",
        _ if of("/runs") => "run-1",
        _ => item,
    };
    let path = route.path.replace("{id}", id).replace("{month}", "2026-10");
    let path = path
        .replace("{days}", "2026-10-01-2026-10-31")
        .replace("{practitioner}", "DrA");
    let path = path
        .replace("{report}", "preview")
        .replace("{section}", "0")
        .replace("{form}", "csv");
    match path.as_str() {
        "/rules" => "/rules?unit=mobile&key=wins&value=halaxy".into(),
        "/books/statements" => "/books/statements?month=2026-10".into(),
        _ => path,
    }
}

async fn asked(browser: &mut Browser, route: &Route, path: &str) -> Page {
    match route.method {
        Method::POST => browser.post(path, &[("text", "Samplewood"), ("theme", "dark")]).await,
        _ => browser.get(path).await,
    }
}

async fn lines(store: &Store) -> usize {
    store.latest_audit(None, true, 10_000).await.unwrap().len()
}

fn shows(page: &Page) -> bool {
    SECRET.iter().any(|secret| page.text.contains(secret))
}

#[tokio::test]
async fn every_route_that_shows_values_leaves_a_line_of_it() {
    let (house, mut browsers) = lived_in().await;
    fill(&house.store).await;
    let admin = browsers.get_mut(&Role::Admin).unwrap();
    let inbox = admin.get("/inbox?kind=conflict").await.text;
    let item = inbox.split(" data-open=\"/inbox/").nth(2).unwrap();
    let item = item.split(['"', '?']).next().unwrap().to_owned();
    // One decision, for the pages of decisions.
    let other = inbox.split(" data-open=\"/inbox/").nth(3).unwrap();
    let other = format!("/inbox/{}", other.split(['"', '?']).next().unwrap());
    let card = admin.get(&other).await;
    let [token, seen, back, next] = ["token", "seen", "back", "next"].map(|name| card.field(name));
    let fields = [
        ("choice", "take:halaxy"),
        ("token", &token),
        ("seen", &seen),
        ("back", &back),
        ("next", &next),
    ];
    let decided = admin.post(&format!("{other}/decide"), &fields).await;
    assert!(decided.status.is_redirection(), "{}", decided.text);

    let ends = ["/own/out", "/sign-out"];
    let mut showed = BTreeSet::new();
    let mut files = 0;
    for route in ROUTES
        .iter()
        .filter(|route| route.need.lets(Role::Admin) && !ends.contains(&route.path))
    {
        if matches!(route.need, Need::Nothing | Need::Half) {
            continue;
        }
        let path = path(route, &item);
        let before = lines(&house.store).await;
        let page = asked(admin, route, &path).await;
        let told = lines(&house.store).await > before;
        let file = page.headers.contains_key(header::CONTENT_DISPOSITION);
        assert!(
            told || !(shows(&page) || file),
            "{} {path} leaves no line",
            route.method
        );
        files += usize::from(file);
        if shows(&page) {
            showed.insert(route.path);
        }
    }
    for path in [
        "/inbox",
        "/inbox/{id}",
        "/inbox/{id}/group",
        "/decisions",
        "/person/{id}",
        "/search",
        "/books/preview",
        "/books/drift",
        "/books/proof",
        "/books/proof/{days}",
        "/books/close/{month}",
        "/books/statements",
        "/books/statements/{practitioner}/{month}",
        "/books/settlements",
        "/books/tasks",
        "/books/file/{report}/{form}",
        "/books/rows/{report}/{section}",
    ] {
        assert!(
            showed.contains(path),
            "{path} has shown nobody: the test proves nothing of it"
        );
    }
    assert_eq!(files, 2, "the history and a report");
    let words = house.store.latest_audit(None, true, 10_000).await.unwrap();
    for line in [
        "the books’ report preview was taken along as CSV, to Administrator",
        "the books’ report drift was shown, to Administrator",
        "the history was exported, by Administrator",
    ] {
        assert!(words.iter().any(|(_, of)| of.reason == line), "{line}");
    }
}

#[tokio::test]
async fn a_page_that_looks_again_adds_no_line_until_something_else_is_shown() {
    let (house, mut browsers) = House::full().await;
    fill(&house.store).await;
    let keeper = browsers.get_mut(&Role::Bookkeeper).unwrap();
    let before = lines(&house.store).await;
    let by_itself = || Request::get("/books/drift").header("x-by-itself", "1");
    // What claims to be a page that looks again shows nothing unseen either.
    assert!(shows(&keeper.send(by_itself(), String::new()).await));
    assert_eq!(lines(&house.store).await, before + 1);
    for _ in 0..3 {
        assert!(shows(&keeper.send(by_itself(), String::new()).await));
    }
    assert_eq!(lines(&house.store).await, before + 1);
    let mut other = report("drift", NAME);
    other.head.digest = "1".repeat(64);
    keep(&house.store, &[other]).await;
    keeper.send(by_itself(), String::new()).await;
    assert_eq!(lines(&house.store).await, before + 2, "another report");
    keeper.get("/books/drift").await;
    assert_eq!(lines(&house.store).await, before + 3, "somebody looked");
    let admin = browsers.get_mut(&Role::Admin).unwrap();
    admin.send(by_itself(), String::new()).await;
    assert_eq!(lines(&house.store).await, before + 4, "somebody else");
}

/// What stands outside of what is folded for whoever runs the bridge.
fn plain(text: &str) -> String {
    let mut parts = text.split("<details class=\"runner\">");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        all + part.split_once("</details>").map_or("", |(_, rest)| rest)
    })
}

#[tokio::test]
async fn no_page_names_a_command_but_for_whoever_runs_the_bridge() {
    let (house, mut browsers) = House::full().await;
    fill(&house.store).await;
    let mut vitals = vitals();
    vitals.state = bridge_engine::vitals::State::Unapproved;
    let remedies = [
        Remedy::ApprovePlan,
        Remedy::SeeDrift,
        Remedy::TryAgain,
        Remedy::ConnectAnew,
    ];
    vitals.alerts.extend(remedies.map(|remedy| Alert {
        code: AlertCode::Part,
        system: None,
        message: "care: 2 calls: see `halaxy-bridge telehealth holds`".into(),
        remedy,
    }));
    house.watch.found(vitals);
    let admin = browsers.get_mut(&Role::Admin).unwrap();
    for route in ROUTES.iter().filter(|route| route.method == Method::GET) {
        let page = admin.get(&path(route, "none")).await;
        let said = plain(&page.text);
        for word in [
            "halaxy-bridge admin",
            "halaxy-bridge run",
            "halaxy-bridge plan",
            "`",
            "ledger.toml",
        ] {
            assert!(!said.contains(word), "{}: {word}", route.path);
        }
    }
    let health = admin.get("/vitals").await.text;
    for told in [
        "To the plan",
        "/runs#plan",
        "For whoever runs the bridge",
        "halaxy-bridge telehealth holds",
    ] {
        assert!(health.contains(told), "{told}");
    }
    // Whoever may not go there has no link.
    let operator = browsers.get_mut(&Role::Operator).unwrap().get("/vitals").await.text;
    assert!(operator.contains("/runs#plan") && !operator.contains("/books/drift"));
}
