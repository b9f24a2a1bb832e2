//! What stands in an address: filters, cursors, places to go on to, paths. None of it reaches further than it should, and
//! nothing of it breaks a page.

use crate::support::{Browser, House, PASSWORD, email};
use axum::http::{Method, Request};
use bridge_admin::access::role::Role;
use bridge_admin::app::routes::{Need, ROUTES};
use std::collections::BTreeSet;
use std::path::Path;

const SITES: [&str; 18] = [
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/%2f%2fevil.example",
    "%2f%2fevil.example",
    "https:evil.example",
    "/inbox@evil.example",
    "/inbox/../../evil.example",
    "/books/../evil.example",
    "/books//evil.example\\@",
    "/inbox\r\nLocation: https://evil.example",
    "/inbox?next=//evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "/sign-in/back?state=evil.example",
];

const NASTY: [&str; 14] = [
    "' OR '1'='1",
    "'; DROP TABLE entity;--",
    "\" UNION SELECT body FROM ledger--",
    "%",
    "_%_",
    "\\",
    "-9223372036854775808",
    "9223372036854775807",
    "99999999999999999999999999",
    "-1 0198-person-1",
    "\0",
    "\u{feff}\u{202e}\u{10ffff}",
    "9999-12-31",
    "-009999-01-01",
];

/// Every name that a page reads from behind the `?`, out of the sources: one that is new is tried without being told here.
fn names(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for mark in [
            "query.get(\"",
            "contains_key(\"",
            "asked(\"",
            "told_of(\"",
            "text(\"",
            "typed(\"",
        ] {
            let read = text.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(read.map(str::to_string));
        }
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn nothing_behind_a_question_mark_or_in_a_path_breaks_a_page() {
    let house = House::empty().await;
    let mut admin = house.user(Role::Admin).await;
    crate::support::fill(&house.store).await;
    let mut all =
        BTreeSet::from(["kind", "risk", "unit", "system", "assigned", "snoozed", "days", "after"].map(str::to_string));
    names(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app"), &mut all);
    for known in ["since", "before", "month", "take", "state", "until", "refused"] {
        assert!(all.contains(known), "{known} is read");
    }
    let one = house.store.items_of("0198-person-3").await.unwrap().remove(0).id;
    for nasty in NASTY {
        let query: Vec<String> = all.iter().map(|name| format!("{name}={}", encoded(nasty))).collect();
        let query = query.join("&");
        for route in ROUTES
            .iter()
            .filter(|route| route.method == Method::GET && route.path != "/live")
        {
            let open = encoded(nasty);
            let real = match route.path.split('/').nth(1).unwrap() {
                "inbox" => one.as_str(),
                "person" => "0198-person-3",
                _ => "run-1",
            };
            let mut paths = vec![format!("{}?{query}", route.path.replace("{id}", real))];
            if route.path.contains('{') {
                let pieces = route
                    .path
                    .split('/')
                    .map(|piece| if piece.starts_with('{') { &open } else { piece });
                paths.push(pieces.collect::<Vec<_>>().join("/"));
            }
            for path in paths.iter().filter(|path| !path.contains('{')) {
                let page = admin.get(path).await;
                assert!(!page.status.is_server_error(), "{path}: {}", page.status);
            }
        }
    }
}

#[tokio::test]
async fn no_filter_finds_more_than_it_names() {
    let house = House::empty().await;
    crate::support::fill(&house.store).await;
    let mut auditor = house.user(Role::Auditor).await;
    let rows = |text: &str| text.matches("<tr tabindex").count();
    assert!(rows(&auditor.get("/inbox?system=crm").await.text) > 5);
    for wild in ["%", "_", "crm' OR '1'='1", "cr_", "c%", "*", ",", "CRM"] {
        let wild = encoded(wild);
        for name in ["system", "unit", "kind", "assigned"] {
            let page = auditor.get(&format!("/inbox?{name}={wild}")).await;
            assert_eq!((page.status.as_u16(), rows(&page.text)), (200, 0), "{name}={wild}");
        }
        for name in ["system", "event", "entity"] {
            let page = auditor.get(&format!("/activity?of=all&{name}={wild}")).await;
            assert_eq!((page.status.as_u16(), rows(&page.text)), (200, 0), "{name}={wild}");
        }
        let page = auditor.get(&format!("/decisions?group={wild}")).await;
        assert_eq!((page.status.as_u16(), rows(&page.text)), (200, 0), "{wild}");
    }
    for wild in ["%", "_", "%%%", "sam%", "___________", "*", "' OR 1=1 --", "p%"] {
        let page = auditor.post("/search", &[("text", wild)]).await;
        assert!(page.text.contains("Nobody was found") || page.status == 422, "{wild}");
    }
}

#[tokio::test]
async fn a_cursor_that_was_changed_shows_nothing_else() {
    let house = House::empty().await;
    crate::support::fill(&house.store).await;
    let mut admin = house.user(Role::Admin).await;
    let rows = |text: &str| -> Vec<String> {
        let all = text.split("<tr tabindex=\"0\" id=\"").skip(1);
        all.map(|row| row.split('"').next().unwrap().to_string()).collect()
    };
    let open: BTreeSet<String> = {
        let filter = bridge_store::ItemFilter::default();
        let all = house
            .store
            .items(&filter, &bridge_store::Page::first(500))
            .await
            .unwrap();
        all.rows.into_iter().map(|item| item.id).collect()
    };
    let next = admin.get("/inbox").await.next().unwrap();
    let cursor = next.split("after=").nth(1).unwrap().to_string();
    let mut forged: Vec<String> = (0..cursor.len())
        .step_by(3)
        .map(|at| format!("{}{}", &cursor[..at], &cursor[at + 1..]))
        .collect();
    forged.extend([
        cursor.to_uppercase(),
        cursor.repeat(3),
        format!("{cursor}%27--"),
        format!("-{cursor}"),
        "0".repeat(180),
    ]);
    for after in forged {
        let page = admin.get(&format!("/inbox?after={after}")).await;
        assert_eq!(page.status, 200, "{after}");
        assert!(
            rows(&page.text).len() <= 50 && rows(&page.text).iter().all(|id| open.contains(id)),
            "{after}"
        );
    }
    // It names a place and gives no right: whoever may see no values sees none by another's.
    let mut operator = house.user(Role::Operator).await;
    let page = operator.get(&next).await;
    assert!(page.status == 200 && crate::support::SECRET.iter().all(|secret| !page.text.contains(secret)));
    // Another practice has the same address, and nothing of this one's.
    let elsewhere = House::empty().await;
    let page = elsewhere.user(Role::Admin).await.get(&next).await;
    assert!(page.status == 200 && rows(&page.text).is_empty());
}

/// The place that somebody is sent on to, if they are.
fn leads_on(place: &str) -> bool {
    let path = place.split('?').next().unwrap();
    let inside = place.is_empty() || path.starts_with('/') && !path.starts_with("//") && !path.contains("..");
    inside && !path.contains(['\\', '\r', '\n', ':', '@']) && !path.contains("evil")
}

#[tokio::test]
async fn nobody_is_sent_to_another_site_from_anywhere() {
    let house = House::empty().await;
    crate::support::fill(&house.store).await;
    let mut admin = house.user(Role::Admin).await;
    let item = house.store.items_of("0198-person-3").await.unwrap().remove(0).id;
    for site in SITES {
        let mut clean = house.browser();
        clean.from = format!("198.51.100.{}", site.len());
        for path in ["/sign-in", "/sign-in/out", "/inbox"] {
            let page = clean
                .get(&format!("{path}?next={}&back={}", encoded(site), encoded(site)))
                .await;
            assert!(leads_on(page.to()), "{path} {site:?}: {}", page.to());
            assert!(!page.text.contains("evil.example"), "{path} {site:?}");
        }
        let here = email(Role::Admin);
        let typed = [("email", here.as_str()), ("password", PASSWORD), ("next", site)];
        house.later(31);
        let page = clean.post_raw("/sign-in", &typed, "same-origin").await;
        assert_eq!(page.to(), "/sign-in/code?next=%2F", "{site:?}");
        let page = clean.get(&format!("/sign-in/code?next={}", encoded(site))).await;
        assert!(page.status == 200 && !page.text.contains("evil.example"), "{site:?}");
        let (form, code) = (page.form(), house.code(&here).await);
        let second = [("form", form.as_str()), ("code", &code), ("next", site)];
        assert_eq!(
            clean.post_raw("/sign-in/code", &second, "same-origin").await.to(),
            "/",
            "{site:?}"
        );
        for (path, fields) in [
            ("/theme".to_string(), vec![("theme", "dark"), ("back", site)]),
            ("/books/ask".into(), vec![("wish", "look"), ("back", site)]),
            (
                format!("/inbox/{item}/note"),
                vec![("do", "assign"), ("whom", ""), ("back", site), ("next", site)],
            ),
            (
                format!("/inbox/{item}/note"),
                vec![("do", "snooze"), ("until", "wake"), ("back", site), ("next", site)],
            ),
            (
                format!("/inbox/{item}/decide"),
                vec![("choice", "both"), ("back", site), ("next", site)],
            ),
            (
                format!("/inbox/{}/decide", encoded(site)),
                vec![("choice", "both"), ("next", site)],
            ),
            (
                format!("/person/{}/comment", encoded(site)),
                vec![("text", "a"), ("next", site)],
            ),
            ("/vitals/seen".into(), vec![("alert", site), ("back", site)]),
        ] {
            let page = with_referrer(&mut admin, &path, &fields, site).await;
            assert!(leads_on(&page), "{path} {site:?}: {page}");
        }
    }
}

/// Where a form leads whose request says that it came from there.
async fn with_referrer(browser: &mut Browser, path: &str, fields: &[(&str, &str)], site: &str) -> String {
    let form = browser.get("/own").await.form();
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .append_pair("form", &form)
        .finish();
    let mut request = Request::post(path).header("sec-fetch-site", "same-origin");
    if let Ok(site) = axum::http::HeaderValue::from_str(site) {
        request = request.header("referer", site);
    }
    let request = request
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=https")
        .header("x-original-url", "//evil.example")
        .header("content-type", "application/x-www-form-urlencoded");
    browser.send(request, body).await.to().to_string()
}

#[tokio::test]
async fn addresses_that_we_give_out_are_ours_whatever_host_was_asked() {
    let house = House::empty().await;
    let mut admin = house.user(Role::Admin).await;
    let form = admin.get("/own").await.form();
    let body = format!("form={form}&name=Kim+Reed&email=kim%40practice.example&role=auditor");
    let request = Request::post("/people/invite")
        .header("sec-fetch-site", "same-origin")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example")
        .header("content-type", "application/x-www-form-urlencoded");
    let page = admin.send(request, body).await;
    assert!(page.text.contains("https://bridge.practice.example/invitation/") && !page.text.contains("evil.example"));
}

#[tokio::test]
async fn no_path_leads_out_of_what_is_served() {
    let house = House::empty().await;
    let mut admin = house.user(Role::Admin).await;
    let climbs = [
        "../",
        "..%2f",
        "%2e%2e%2f",
        "..%5c",
        "%2e%2e/",
        "....//",
        "..%c0%af",
        "%252e%252e%252f",
        "..;/",
    ];
    for climb in climbs {
        for target in ["etc/passwd", "bridge.db", "Cargo.toml", "bridge.toml"] {
            let up = climb.repeat(8);
            for front in [
                "/assets/",
                "/books/file/",
                "/books/proof/",
                "/books/statements/",
                "/runs/",
                "/person/",
                "/inbox/",
                "/invitation/",
            ] {
                for path in [
                    format!("{front}{up}{target}"),
                    format!("{front}{up}{target}/csv"),
                    format!("{front}preview/{up}{target}"),
                ] {
                    let page = admin.get(&path).await;
                    assert!(
                        [404, 400, 200, 303].contains(&page.status.as_u16()),
                        "{path}: {}",
                        page.status
                    );
                    let leaks = ["root:x", "SQLite format", "[package]", "[practice]"]
                        .iter()
                        .any(|mark| page.text.contains(mark));
                    assert!(!leaks && !page.headers.contains_key("content-disposition"), "{path}");
                    assert!(page.status != 200 || front == "/books/proof/", "{path} is no page");
                }
            }
        }
    }
    // Nothing that needs a role can be had by spelling its path otherwise.
    let mut nobody = house.browser();
    for route in ROUTES
        .iter()
        .filter(|route| matches!(route.need, Need::Roles(_)) && !route.path.contains('{'))
    {
        let path = route.path;
        for other in [
            format!("/{path}"),
            format!("{path}/"),
            format!("{path}%00"),
            path.to_uppercase(),
            format!("/x/..{path}"),
            format!("{path};a=b"),
        ] {
            if other == path {
                continue;
            }
            let page = nobody.get(&other).await;
            assert!([404, 303].contains(&page.status.as_u16()), "{other}: {}", page.status);
        }
    }
}
