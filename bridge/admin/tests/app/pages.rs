//! Every page with everything that can be on it, and what it costs to see one.

use crate::support::{House, vitals};
use bridge_admin::access::role::Role;
use bridge_engine::Approval;
use bridge_engine::vitals::State;

const PAGES: [&str; 28] = [
    "/inbox",
    "/inbox?kind=conflict&unit=mobile&risk=amber",
    "/inbox?kind=match",
    "/inbox?kind=card",
    "/inbox?kind=hold&system=crm",
    "/inbox?assigned=me&days=3",
    "/inbox?snoozed=yes",
    "/decisions",
    "/rules?unit=mobile&key=wins&value=halaxy",
    "/vitals",
    "/vitals?charts=month",
    "/runs",
    "/search",
    "/activity",
    "/activity?of=all",
    "/people",
    "/about",
    "/books",
    "/books/preview",
    "/books/drift",
    "/books/proof",
    "/books/close/2026-10",
    "/books/statements",
    "/books/settlements",
    "/books/tasks",
    "/books/document?key=HX-1",
    "/mappings",
    "/mappings/rules",
];

#[test]
fn every_template_can_be_read() {
    assert_eq!(bridge_admin::app::check_templates(), Ok(35));
}

#[tokio::test]
async fn every_page_is_shown_and_is_light() {
    let (house, mut browsers) = House::full().await;
    house
        .access
        .invite(("Kim Reed", "kim@practice.example"), Role::Operator, "a test")
        .await
        .unwrap();
    let gone = house
        .access
        .users()
        .await
        .unwrap()
        .into_iter()
        .find(|user| user.role == Role::Bookkeeper)
        .unwrap();
    house.access.end(&gone.id, "a test").await.unwrap();
    let admin = browsers.get_mut(&Role::Admin).unwrap();
    let mut with = 0;
    let assets = ["/assets/style.css", "/assets/app.js", "/assets/icon.svg"];
    for asset in assets {
        let page = admin.get(asset).await;
        assert_eq!(page.status, 200);
        assert!(page.headers["cache-control"].to_str().unwrap().contains("immutable"));
        with += page.text.len();
    }
    for path in PAGES {
        let page = admin.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.ends_with("</html>"), "{path}");
        assert!(
            page.text.len() + with < 100_000,
            "{path}: {} bytes",
            page.text.len() + with
        );
        assert_eq!(page.text.matches("<h1").count(), 1, "{path}");
    }
    let people = admin.get("/people").await.text;
    assert!(people.contains("Kim Reed") && people.contains("No longer here"));
    let vitals = admin.get("/vitals").await.text;
    for told in [
        "12,345",
        "Mirror",
        "sheet",
        "not reached",
        "2 differences",
        "1,203 records made",
        "30.0 s",
    ] {
        assert!(vitals.contains(told), "{told}");
    }
    let inbox = admin.get("/inbox").await.text;
    assert!(inbox.contains("Values that differ") && inbox.contains("data-count=\"kind/conflict\">55</span>"));
}

#[tokio::test]
async fn an_empty_practice_has_pages_too() {
    let house = House::empty().await;
    let mut admin = house.user(Role::Admin).await;
    for path in PAGES {
        assert_eq!(admin.get(path).await.status, 200, "{path}");
    }
    assert!(admin.get("/vitals").await.text.contains("Nobody could look just now"));
    assert!(admin.get("/inbox").await.text.contains("Nothing waits here"));
    assert_eq!(admin.get("/").await.to(), "/inbox");
    assert_eq!(house.user(Role::Operator).await.get("/").await.to(), "/vitals");
}

#[tokio::test]
async fn health_says_how_it_is_in_every_state() {
    let house = House::empty().await;
    let mut operator = house.user(Role::Operator).await;
    for (state, approval, headline) in [
        (State::NothingToDo, Approval::Given, "Everything is in step"),
        (State::Working, Approval::Given, "Working"),
        (State::Starting, Approval::Given, "not everything was read yet"),
        (State::Unapproved, Approval::Missing, "nothing is approved yet"),
        (State::Unapproved, Approval::Outdated, "an approval is needed"),
        (State::CouldNotLook, Approval::Given, "could not be looked at"),
    ] {
        house.watch.found(bridge_engine::vitals::Vitals {
            state,
            approval,
            ..vitals()
        });
        assert!(operator.get("/vitals").await.text.contains(headline), "{headline}");
    }
}

#[tokio::test]
async fn a_list_goes_on_and_shows_everything_once() {
    let (_house, mut browsers) = House::full().await;
    let auditor = browsers.get_mut(&Role::Auditor).unwrap();
    let (mut path, mut rows) = ("/inbox?kind=conflict".to_string(), std::collections::BTreeSet::new());
    let mut pages = 0;
    loop {
        let page = auditor.get(&path).await;
        for id in page.text.split("<tr tabindex=\"0\" id=\"").skip(1) {
            assert!(rows.insert(id.split('"').next().unwrap().to_string()), "twice");
        }
        pages += 1;
        match page.next() {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!((rows.len(), pages), (55, 2));
}

#[tokio::test]
async fn the_appearance_is_the_browsers_own() {
    let house = House::empty().await;
    let mut browser = house.user(Role::Reviewer).await;
    assert!(browser.get("/inbox").await.text.contains("data-theme=\"auto\""));
    let page = browser.post("/theme", &[("theme", "dark"), ("back", "/vitals")]).await;
    assert_eq!(page.to(), "/vitals");
    assert!(browser.get("/vitals").await.text.contains("data-theme=\"dark\""));
    browser
        .post("/theme", &[("theme", "\"><script>"), ("back", "/vitals")])
        .await;
    assert!(browser.get("/vitals").await.text.contains("data-theme=\"auto\""));
}

#[tokio::test]
async fn without_a_store_people_are_told_to_come_again() {
    let house = House::empty().await;
    let mut browser = house.user(Role::Reviewer).await;
    house.app.close();
    let page = browser.get("/inbox").await;
    assert_eq!(page.status, 503);
    assert!(page.text.contains("come back in a minute"));
    assert_eq!(browser.get("/assets/style.css").await.status, 200);
    let desk = crate::office::desk(&house.store, house.clock.clone());
    house.app.open(house.store.clone(), Some(desk));
    assert_eq!(browser.get("/inbox").await.status, 200);
}

#[tokio::test]
async fn a_page_that_refreshes_itself_keeps_nobody_signed_in() {
    let house = House::empty().await;
    let browser = house.user(Role::Operator).await;
    let session = browser.cookies["__Host-bridge"].clone();
    for _ in 0..3 {
        house.later(20 * 60);
        let _ = house.access.session(&session, true).await.unwrap();
    }
    assert!(house.access.session(&session, true).await.unwrap().is_none());
}
