//! What a browser holds: what it is worth, and for how long.

use super::doors::signs_in;
use super::forms::half;
use crate::support::{HOST, House, PASSWORD, Page, email};
use axum::body::Body;
use axum::http::{Method, Request, header};
use bridge_admin::access::role::Role;
use bridge_admin::app::routes::{Need, ROUTES};
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use tower::ServiceExt;

/// Sessions in the answer's cookies, each as it must be.
fn held(page: &Page) -> Vec<String> {
    let all = page
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|line| line.to_str().unwrap());
    let sessions = all.filter(|line| line.starts_with("__Host-bridge="));
    sessions
        .map(|line| {
            let parts: BTreeSet<&str> = line.split("; ").skip(1).collect();
            for wanted in ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"] {
                assert!(parts.contains(wanted), "{line}");
            }
            assert!(!line.contains("Domain"), "{line}");
            line.split(['=', ';']).nth(1).unwrap().to_string()
        })
        .collect()
}

#[tokio::test]
async fn what_a_browser_holds_is_new_at_every_step_and_only_the_last_counts() {
    let house = House::empty().await;
    house.user(Role::Reviewer).await;
    house.later(60);
    let (here, mut browser, mut seen) = (email(Role::Reviewer), house.browser(), vec![]);
    seen.extend(held(&signs_in(&mut browser, &here, PASSWORD).await));
    let (form, code) = (browser.get("/sign-in/code").await.form(), house.code(&here).await);
    let typed = [("form", form.as_str()), ("code", code.as_str())];
    seen.extend(held(&browser.post_raw("/sign-in/code", &typed, "same-origin").await));
    assert_ne!(form, browser.get("/own").await.form(), "so is the token of its forms");
    let wanted = "tulpe wagen grau neun";
    let typed = [("present", PASSWORD), ("password", wanted), ("again", wanted)];
    seen.extend(held(&browser.post("/own/password", &typed).await));
    let different: BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), different.len()), (3, 3));
    assert!(seen.iter().all(|held| held.len() == 64));
    for (held, status) in seen.iter().zip([303, 303, 200]) {
        for name in ["__Host-bridge", "bridge", "__Secure-bridge", "__host-bridge"] {
            let mut other = house.browser();
            other.cookies.insert(name.into(), held.clone());
            let wanted = if name == "__Host-bridge" { status } else { 303 };
            assert_eq!(other.get("/inbox").await.status.as_u16(), wanted, "{name}");
        }
    }
}

#[tokio::test]
async fn the_first_step_alone_opens_nothing() {
    let house = House::empty().await;
    house.user(Role::Admin).await;
    let mut first = half(&house, Role::Admin).await;
    let form = first.get("/sign-in/code").await.form();
    for route in ROUTES.iter().filter(|route| matches!(route.need, Need::Roles(_))) {
        let path = route.path.replace("{id}", "u0");
        let page = match route.method {
            Method::POST => first.post_raw(&path, &[("form", &form)], "same-origin").await,
            _ => first.get(&path).await,
        };
        assert!(
            page.status == 303 && page.to().starts_with("/sign-in"),
            "{} {}",
            route.path,
            page.status
        );
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_session_it_was_opened_by() {
    let house = House::empty().await;
    let ends = [
        "signs out",
        "is signed out",
        "gets another role",
        "changes the password",
        "is ended",
    ];
    let (mut streams, mut browsers) = (vec![], vec![]);
    for (n, _) in ends.iter().enumerate() {
        let name = ["Ann Bay", "Bea Cole", "Cai Dunn", "Dee East", "Eli Ford"][n];
        let email = format!("p{n}@practice.example");
        let link = house
            .access
            .invite((name, &email), Role::Operator, "a test")
            .await
            .unwrap();
        let joining = house.joining(link.expose_secret()).await;
        let session = house
            .access
            .accept(link.expose_secret(), &joining)
            .await
            .unwrap()
            .session;
        let mut browser = house.browser();
        browser
            .cookies
            .insert("__Host-bridge".into(), session.expose_secret().to_string());
        let request = Request::get("/live")
            .header(header::HOST, HOST)
            .header(header::COOKIE, format!("__Host-bridge={}", session.expose_secret()))
            .body(Body::empty())
            .unwrap();
        let response = house.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut events = Box::pin(response.into_body().into_data_stream());
        assert!(futures::StreamExt::next(&mut events).await.is_some());
        streams.push(events);
        browsers.push(browser);
    }
    let users = house.access.users().await.unwrap();
    let id = |name: &str| users.iter().find(|user| user.name == name).unwrap().id.clone();
    browsers[0].post("/sign-out", &[]).await;
    house.access.out_everywhere(&id("Bea Cole"), "a test").await.unwrap();
    house
        .access
        .set_role(&id("Cai Dunn"), Role::Bookkeeper, "a test")
        .await
        .unwrap();
    let wanted = "tulpe wagen grau neun";
    let typed = [("present", PASSWORD), ("password", wanted), ("again", wanted)];
    assert_eq!(browsers[3].post("/own/password", &typed).await.status, 303);
    house.access.end(&id("Eli Ford"), "a test").await.unwrap();
    let next = streams.iter_mut().map(futures::StreamExt::next);
    for (event, what) in futures::future::join_all(next).await.into_iter().zip(ends) {
        assert!(event.is_none(), "somebody {what}, and is told more");
    }
}
