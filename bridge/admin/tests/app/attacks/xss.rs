//! Whatever comes from outside stays text, on every page, in every answer to a form, in every file. The table of routes is the
//! list: a route that is not asked for here fails the test.

use super::hostile::{FORMULAS, ONE, OTHER, Planted, REPORTS, STRANGER, house, shown_in};
use super::markup::{guarded, said};
use crate::provider::{Forged, StandIn};
use crate::sign_on::by_claim;
use crate::support::{Browser, House, NOW, PASSWORD, Page, email};
use axum::http::Method;
use bridge_admin::access::role::Role;
use bridge_admin::access::sign_on::Provider;
use bridge_admin::app::routes::{Need, ROUTES, Route};
use bridge_store::ItemFilter;
use secrecy::ExposeSecret;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Pages that have no answer of their own but lead on.
const LEAD_ON: [&str; 4] = ["/", "/inbox/{id}/rule", "/books/close", "/sign-in/out"];

/// What was asked for, and what it said.
#[derive(Default)]
struct Heard {
    routes: BTreeSet<&'static str>,
    said: String,
}

fn route(method: &Method, address: &str) -> &'static Route {
    let path: Vec<&str> = address.split(['?', '#']).next().unwrap().split('/').collect();
    let fits = |route: &&Route| {
        let pieces: Vec<&str> = route.path.split('/').collect();
        let same = |(piece, part): (&&str, &&str)| piece == part || piece.starts_with('{') && !part.is_empty();
        route.method == *method && pieces.len() == path.len() && pieces.iter().zip(&path).all(same)
    };
    // A path that stands as it is comes before one with open pieces.
    let mut found: Vec<&Route> = ROUTES.iter().filter(fits).collect();
    found.sort_by_key(|route| route.path.matches('{').count());
    found.first().unwrap_or_else(|| panic!("{address} is in no route"))
}

impl Heard {
    /// What an answer says, once it was looked at.
    fn answer(&mut self, address: &str, page: &Page) {
        guarded(address, page);
        let kind = page
            .headers
            .get("content-type")
            .map_or("", |kind| kind.to_str().unwrap());
        let took = page
            .headers
            .get("content-disposition")
            .map_or("", |of| of.to_str().unwrap());
        let place = page.to();
        let safe = |c: char| c.is_ascii_alphanumeric() || "/?=&%.-_+*".contains(c);
        let out = place.starts_with("https://id.example/");
        assert!(
            place.is_empty() || out || place.starts_with('/') && !place.starts_with("//"),
            "{address} to {place}"
        );
        assert!(out || place.chars().all(safe), "{address} to {place}");
        match kind {
            "" => assert!(page.text.is_empty() || page.status != 200, "{address}"),
            "text/html; charset=utf-8" if took.is_empty() => {
                let said = said(address, &page.text);
                self.said.push_str(&said);
            }
            "text/html; charset=utf-8" => {
                let made = ["<xss", "<script", "<img", "<svg"]
                    .iter()
                    .any(|made| page.text.contains(made));
                assert!(!made && page.text.contains("&lt;xss"), "{address}");
            }
            "application/json" => self
                .said
                .push_str(&serde_json::from_str::<serde_json::Value>(&page.text).unwrap()["title"].to_string()),
            "text/csv; charset=utf-8" => cells(address, &page.text),
            "text/event-stream" => {
                let data = page
                    .text
                    .strip_prefix("data: ")
                    .and_then(|rest| rest.strip_suffix("\n\n"))
                    .unwrap();
                let counts: BTreeMap<String, u64> = serde_json::from_str(data).unwrap();
                assert!(!counts.is_empty() && !data.contains("xss"), "{data}");
            }
            kind => panic!("{address} is {kind}"),
        }
        if !took.is_empty() {
            let name = took
                .strip_prefix("attachment; filename=\"")
                .and_then(|rest| rest.strip_suffix('"'))
                .unwrap();
            assert!(
                name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.'),
                "{took}"
            );
        }
    }

    async fn get(&mut self, browser: &mut Browser, address: &str) -> Page {
        let of = route(&Method::GET, address);
        let page = browser.get(address).await;
        let fine = page.status == 200 || LEAD_ON.contains(&of.path) && page.status == 303;
        assert!(fine, "{address}: {}", page.status);
        self.routes.insert(of.path);
        self.answer(address, &page);
        page
    }
}

/// No cell is a formula.
fn cells(address: &str, text: &str) {
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut formulas = 0;
    for row in rows.records() {
        for cell in row.unwrap().iter() {
            let starts = cell.trim_start().starts_with(['=', '+', '-', '@', '＝']);
            assert!(!starts, "{address}: {cell:?}");
            formulas += usize::from(FORMULAS.iter().any(|formula| cell.ends_with(formula)));
        }
    }
    assert!(
        address.starts_with("/activity") || formulas >= FORMULAS.len(),
        "{address} has the cells"
    );
}

async fn addresses(house: &House) -> Vec<String> {
    let items = house
        .store
        .items(&ItemFilter::default(), &bridge_store::Page::first(500))
        .await
        .unwrap();
    let mut all: Vec<String> = vec![];
    for item in &items.rows {
        all.push(format!("/inbox/{}", item.id));
        if item.topic.starts_with("conflict/") {
            all.push(format!("/inbox/{}/rule?take=crm", item.id));
        }
        if item.topic == "conflict/home_address" {
            all.push(format!("/inbox/{}/group", item.id));
        }
    }
    for id in [ONE, OTHER, STRANGER] {
        all.extend(["", "?all=1", "/steps?since=0"].map(|rest| format!("/person/{id}{rest}")));
    }
    let more = "<xss>\"'><script>xss()</script>";
    let typed: String = url::form_urlencoded::byte_serialize(more.as_bytes()).collect();
    let run = percent_encoding::utf8_percent_encode("run-<xss>\"'", percent_encoding::NON_ALPHANUMERIC).to_string();
    for address in [
        "/vitals?charts=month",
        "/rules?unit=mobile&key=wins&value=halaxy",
        "/activity?of=all",
        "/activity/export?of=all",
        "/inbox?kind=match",
        "/inbox?kind=hold",
        "/books/close?month=2026-10",
        "/books/statements?month=2026-10",
    ] {
        all.push(address.into());
    }
    // Every route, as far as it is known what stands in its open pieces.
    for route in ROUTES
        .iter()
        .filter(|route| route.method == Method::GET && matches!(route.need, Need::Roles(_)))
    {
        let path = route
            .path
            .replace("{report}", "preview")
            .replace("{section}", "0")
            .replace("{month}", "2026-10");
        let path = path
            .replace("{form}", "csv")
            .replace("{days}", "2026-10-01-2026-10-31")
            .replace("{practitioner}", "dra");
        // A rule is named behind the `?`, as above.
        all.extend(Some(path).filter(|path| !path.contains('{') && path != "/rules"));
    }
    all.push(format!("/books/document?key={typed}"));
    all.push(format!("/books/rows/preview/0?find={typed}"));
    for report in REPORTS {
        all.push(format!("/books/rows/{report}/0"));
        all.extend(["csv", "json", "html"].map(|form| format!("/books/file/{report}/{form}")));
    }
    all.extend([format!("/runs/{run}"), format!("/runs/{run}?undo=1")]);
    let asked = ["of", "event", "system", "entity", "who", "from", "until"].map(|name| format!("{name}={typed}"));
    all.push(format!("/activity?{}", asked.join("&")));
    let asked = ["kind", "unit", "system", "assigned", "after", "done", "days"].map(|name| format!("{name}={typed}"));
    all.push(format!("/inbox?{}", asked.join("&")));
    all.push(format!(
        "/decisions?group={typed}&after={typed}&undone={typed}&refused=3"
    ));
    all.push(format!(
        "/books/proof/{}",
        percent_encoding::utf8_percent_encode(more, percent_encoding::NON_ALPHANUMERIC)
    ));
    all
}

#[tokio::test]
async fn what_comes_from_outside_stays_text_on_every_page() {
    let (house, mut planted) = house().await;
    let mut admin = house.user(Role::Admin).await;
    let mut heard = Heard::default();
    let comment = planted.loud("a comment");
    let said = admin
        .post(&format!("/person/{ONE}/comment"), &[("text", &comment)])
        .await;
    assert_eq!(said.status, 303);
    let why = planted.short("why an account is paused");
    assert_eq!(
        admin
            .post("/runs/pause", &[("system", "crm"), ("why", &why)])
            .await
            .status,
        303
    );
    for address in addresses(&house).await {
        heard.get(&mut admin, &address).await;
    }
    // The way in, by whoever is not in yet.
    let mut visitor = house.browser();
    for address in [
        "/sign-in",
        "/sign-in?next=%22%3E%3Cscript%3Exss()%3C/script%3E",
        "/sign-in?next=javascript:xss()",
    ] {
        heard.get(&mut visitor, address).await;
    }
    let typed = [("email", email(Role::Admin)), ("password", PASSWORD.into())];
    let typed: Vec<(&str, &str)> = typed.iter().map(|(name, text)| (*name, text.as_str())).collect();
    visitor.post_raw("/sign-in", &typed, "same-origin").await;
    heard.get(&mut visitor, "/sign-in/code?next=//evil.example").await;
    let newcomer = planted.short("somebody invited");
    let invited = house
        .access
        .invite((&newcomer, "new@practice.example"), Role::Auditor, "a test");
    let token = invited.await.unwrap().expose_secret().to_string();
    heard.get(&mut house.browser(), &format!("/invitation/{token}")).await;
    let provider = StandIn::new(NOW / 1_000_000);
    house.app.sign_on(Provider::new(by_claim(), provider.transport()));
    let mut colleague = house.browser();
    let out = heard.get(&mut colleague, "/sign-in/out?next=%2F%2Fevil.example").await;
    let claims = json!({ "name": planted.short("name at the provider"), "groups": ["desk"] });
    let back = provider.signed_in(out.to(), claims, Forged::No);
    let back = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&back)
        .finish();
    heard.get(&mut colleague, &format!("/sign-in/back?{back}")).await;
    heard.get(&mut colleague, "/own").await;
    let denied = colleague
        .get("/sign-in/back?error=%3Cxss%3E%22%27&state=%3Cxss%3E")
        .await;
    heard.answer("/sign-in/back", &denied);
    heard.get(&mut admin, "/people").await;
    heard.get(&mut admin, "/activity").await;

    let all: BTreeSet<&str> = ROUTES
        .iter()
        .filter(|route| route.method == Method::GET)
        .map(|route| route.path)
        .collect();
    let left: Vec<&&str> = all.difference(&heard.routes).collect();
    assert!(left.is_empty(), "not asked for: {left:?}");
    let hidden: Vec<&str> = planted
        .0
        .iter()
        // A close is drawn as its steps, not as its tables.
        .filter(|(words, place)| {
            !shown_in(words, &heard.said) && !(place.starts_with("table: ") && place.contains("close-"))
        })
        .map(|(_, place)| place.as_str())
        .collect();
    assert!(hidden.is_empty(), "shown nowhere, of {}: {hidden:#?}", planted.0.len());
}

/// Names of fields in all forms.
fn fields(said: &mut BTreeSet<String>, page: &Page) {
    let names = page
        .text
        .split(" name=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    said.extend(
        names
            .filter(|name| !["form", "viewport", "color-scheme"].contains(name))
            .map(str::to_string),
    );
}

#[tokio::test]
async fn what_is_typed_into_any_form_comes_back_as_text() {
    let (house, _) = house().await;
    let mut admin = house.user(Role::Admin).await;
    let (mut names, mut heard) = (BTreeSet::new(), Heard::default());
    let addresses = addresses(&house).await;
    for address in addresses.iter().filter(|address| !address.contains("export")) {
        fields(&mut names, &admin.get(address).await);
    }
    assert!(names.len() > 20, "{names:?}");
    let item = addresses
        .iter()
        .find(|address| address.starts_with("/inbox/") && !address.contains('?'))
        .unwrap();
    let item = item
        .strip_prefix("/inbox/")
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_string();
    let mut planted = Planted::default();
    for typed in [
        planted.loud("typed"),
        "\r\nSet-Cookie: xss=1\r\n\r\n<xss>".into(),
        "\0<xss>\0".into(),
        "<xss>".repeat(400),
    ] {
        let typed: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), typed.as_str())).collect();
        for route in ROUTES.iter().filter(|route| route.method == Method::POST) {
            let of_people = route.path.starts_with("/people/");
            let id = if of_people {
                "u0"
            } else if route.path.starts_with("/inbox") {
                &item
            } else {
                ONE
            };
            let path = route.path.replace("{id}", id).replace("{token}", "0");
            // What ends the session says nothing.
            if ["/own/out", "/sign-out"].contains(&route.path) {
                continue;
            }
            let mut browser = admin.clone();
            for few in [&typed[..], &[]] {
                let page = browser.post(&path, few).await;
                assert!(!page.status.is_server_error(), "{path}: {}", page.status);
                heard.answer(&path, &page);
                if page.status == 303 {
                    let page = browser.get(page.to()).await;
                    assert!(!page.status.is_server_error(), "{path}: {}", page.status);
                    heard.answer(&path, &page);
                }
                assert!(!browser.cookies.contains_key("xss"), "{path}");
            }
        }
    }
    assert!(shown_in(&planted.0[0].0, &heard.said), "something comes back at all");
}
