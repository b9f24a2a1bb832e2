//! Guessing, telling people apart, being first at the same thing twice, and what a cookie is worth.

use super::forms::half;
use crate::support::{Browser, HOST, House, PASSWORD, Page, email};
use axum::body::Body;
use axum::http::{Method, Request, header};
use bridge_admin::Peer;
use bridge_admin::access::AccessError;
use bridge_admin::access::role::Role;
use bridge_admin::app::routes::{Need, ROUTES};
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::net::IpAddr;
use tower::ServiceExt;

async fn signs_in(browser: &mut Browser, who: &str, password: &str) -> Page {
    let typed = [("email", who), ("password", password)];
    browser.post_raw("/sign-in", &typed, "same-origin").await
}

/// An attempt from that connection, which says of itself that it comes from elsewhere.
async fn from(house: &House, peer: &str, told: &[String], who: &str) -> u16 {
    let mut request = Request::post("/sign-in")
        .header(header::HOST, HOST)
        .header("sec-fetch-site", "same-origin")
        .header("forwarded", format!("for={}", told.first().map_or("", String::as_str)))
        .header("x-real-ip", told.first().map_or("", String::as_str))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .extension(Peer((peer.parse::<IpAddr>().unwrap(), 9).into()));
    for told in told {
        request = request.header("x-forwarded-for", told);
    }
    let request = request
        .body(Body::from(format!("email={who}&password=not+the+password")))
        .unwrap();
    house.router.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn who_says_to_come_from_elsewhere_is_counted_all_the_same() {
    // How attempt `n` lies: its connection, and what it says.
    type Lie = fn(u8) -> (String, Vec<String>);
    let lies: [(&str, Lie); 5] = [
        ("in front of what the proxy adds", |n| {
            ("127.0.0.1".into(), vec![format!("10.9.8.{n}, 203.0.113.66")])
        }),
        ("in a header before the proxy's", |n| {
            ("127.0.0.1".into(), vec![format!("10.9.8.{n}"), "203.0.113.66".into()])
        }),
        ("past the proxy", |n| {
            ("203.0.113.66".into(), vec![format!("10.9.8.{n}")])
        }),
        ("past the proxy, by IPv6", |n| {
            (format!("2001:db8:1:2::{n:x}"), vec![format!("10.9.8.{n}")])
        }),
        ("past the proxy, in the other spelling", |n| {
            ("::ffff:203.0.113.66".into(), vec![format!("10.9.8.{n}")])
        }),
    ];
    for (what, lie) in lies {
        let house = House::empty().await;
        let mut tried = 0;
        for n in 0..30 {
            let (peer, told) = lie(n);
            tried += usize::from(from(&house, &peer, &told, &format!("u{n}%40practice.example")).await == 422);
        }
        assert_eq!(tried, 20, "{what}");
        // Nobody else is held up by it.
        let other = from(&house, "127.0.0.1", &["198.51.100.9".into()], "kim%40practice.example").await;
        assert_eq!(other, 422, "{what}");
        let mapped = from(&house, "::ffff:198.51.100.77", &[], "rose%40practice.example").await;
        assert_eq!(mapped, 422, "{what}");
    }
}

#[tokio::test]
async fn whether_somebody_is_here_shows_nowhere() {
    let house = House::empty().await;
    house.user(Role::Reviewer).await;
    let here = email(Role::Reviewer);
    let mut answers = vec![];
    for (who, last) in [(here.as_str(), 1), ("nobody@practice.example", 2)] {
        let mut told = vec![];
        for n in 0..8 {
            let mut browser = house.browser();
            browser.from = format!("198.51.{last}.{n}");
            let page = signs_in(&mut browser, who, "not the password").await;
            let names: Vec<String> = page.headers.keys().map(|name| name.as_str().to_string()).collect();
            told.push((page.status, names, page.text.replace(who, "WHO"), browser.cookies));
        }
        answers.push(told);
    }
    assert!(answers[0] == answers[1]);
    // The line in the history, which takes a moment to write, is written for both.
    let lines = house.store.latest_audit(None, false, 100).await.unwrap();
    let delayed = lines
        .iter()
        .filter(|(_, line)| line.reason.starts_with("too many wrong attempts"));
    assert_eq!(delayed.count(), 2);
    assert!(lines.iter().all(|(_, line)| !line.reason.contains("nobody@")));
    // Links and ids that never were are told like those that are used.
    let link = house
        .access
        .invite(("Kim Reed", "kim@practice.example"), Role::Auditor, "a test")
        .await
        .unwrap();
    let joining = house.joining(link.expose_secret()).await;
    house.access.accept(link.expose_secret(), &joining).await.unwrap();
    let used = house
        .browser()
        .get(&format!("/invitation/{}", link.expose_secret()))
        .await;
    let never = house.browser().get(&format!("/invitation/{}", "0".repeat(64))).await;
    let same = used.text.replace(link.expose_secret(), &"0".repeat(64));
    assert_eq!((used.status.as_u16(), same), (404, never.text));
}

#[tokio::test]
async fn codes_are_guessed_no_faster_by_many_browsers_or_beginnings() {
    let house = House::empty().await;
    house.user(Role::Reviewer).await;
    let mut halves = vec![half(&house, Role::Reviewer).await, half(&house, Role::Reviewer).await];
    let mut guesses = 0;
    for n in 0..40 {
        let browser = &mut halves[n % 2];
        browser.from = format!("198.51.100.{n}");
        let form = browser.get("/sign-in/code").await.form();
        let guess = format!("{n:06}");
        for code in [guess.as_str(), "aaaa-aaaa-aaaa"] {
            let typed = [("form", form.as_str()), ("code", code)];
            let page = browser.post_raw("/sign-in/code", &typed, "same-origin").await;
            assert!([422, 429].contains(&page.status.as_u16()), "{}", page.status);
            guesses += usize::from(page.status == 422);
        }
    }
    assert!(guesses <= 3, "{guesses}");
    // Links are 256 random bits: trying them tells nothing and breaks nothing.
    for guess in [
        "0".repeat(64),
        "f".repeat(64),
        "a".into(),
        "0".repeat(4_000),
        "%00".into(),
        "%F0%9F%92%A9".into(),
    ] {
        for method in ["GET", "POST"] {
            let mut browser = house.browser();
            let path = format!("/invitation/{guess}");
            let page = match method {
                "GET" => browser.get(&path).await,
                _ => {
                    browser
                        .post_raw(&path, &[("password", PASSWORD), ("again", PASSWORD)], "same-origin")
                        .await
                }
            };
            assert_eq!(page.status, 404, "{method} {guess}");
            assert!(browser.cookies.is_empty());
        }
    }
}

#[tokio::test]
async fn what_counts_once_counts_once_for_two_at_the_same_moment() {
    let house = House::empty().await;
    // Two links for the first administrator.
    let links = [
        house.access.found("a test").await.unwrap(),
        house.access.found("a test").await.unwrap(),
    ];
    let mut joining = vec![];
    for (link, email) in links.iter().zip(["one@practice.example", "two@practice.example"]) {
        let mut typed = house.joining(link.expose_secret()).await;
        typed.email = email.into();
        joining.push(typed);
    }
    let (one, other) = tokio::join!(
        house.access.accept(links[0].expose_secret(), &joining[0]),
        house.access.accept(links[1].expose_secret(), &joining[1])
    );
    assert!(one.is_ok() ^ other.is_ok(), "one first administrator");
    let recovery = one.or(other).unwrap().recovery;
    let user = house.access.users().await.unwrap().remove(0);
    house.later(60);
    // A code of the app, then a recovery code, each sent twice at once from two sign-ins.
    for code in [house.code(&user.email).await, recovery[2].clone()] {
        let mut halves = vec![];
        for from in ["198.51.100.1", "198.51.100.2"] {
            let held = house.access.sign_in(&user.email, &PASSWORD.into(), from).await.unwrap();
            halves.push(house.access.session(held.expose_secret(), true).await.unwrap().unwrap());
        }
        let (one, other) = tokio::join!(
            house.access.second(&halves[0], &code, "198.51.100.1"),
            house.access.second(&halves[1], &code, "198.51.100.2")
        );
        assert!(one.is_ok() ^ other.is_ok(), "{code}");
        let refused = one.err().or(other.err()).unwrap();
        assert!(matches!(refused, AccessError::Wrong), "{refused}");
        house.later(60);
    }
    // A password, changed by two who know it.
    let held = house
        .access
        .sign_in(&user.email, &PASSWORD.into(), "198.51.100.3")
        .await
        .unwrap();
    let half = house.access.session(held.expose_secret(), true).await.unwrap().unwrap();
    let held = house.access.second(&half, &recovery[5], "198.51.100.3").await.unwrap();
    let signed = house.access.session(held.expose_secret(), true).await.unwrap().unwrap();
    let [mine, theirs] = ["tulpe wagen grau neun", "anker rot feld zwei"].map(secrecy::SecretString::from);
    let present = PASSWORD.into();
    let (one, other) = tokio::join!(
        house
            .access
            .new_password(&signed, &present, (&mine, &mine), "198.51.100.3"),
        house
            .access
            .new_password(&signed, &present, (&theirs, &theirs), "198.51.100.4")
    );
    assert!(one.is_ok() ^ other.is_ok(), "who comes second knows the old one only");
    // One half sign-in makes one session.
    assert!(matches!(
        house.access.second(&half, &recovery[6], "198.51.100.5").await,
        Err(AccessError::Nobody)
    ));
}

#[tokio::test]
async fn an_administrator_is_always_left_and_one_who_goes_leaves_no_way_back() {
    let house = House::empty().await;
    house.user(Role::Admin).await;
    let link = house
        .access
        .invite(("Eve Stone", "eve@practice.example"), Role::Admin, "a test")
        .await
        .unwrap();
    let joining = house.joining(link.expose_secret()).await;
    house.access.accept(link.expose_secret(), &joining).await.unwrap();
    let users = house.access.users().await.unwrap();
    let of = |name: &str| users.iter().find(|user| user.name == name).unwrap().id.clone();
    let (eve, other) = (of("Eve Stone"), of("Administrator"));
    // By links she made before, she would be somebody new, or the other administrator.
    let mut links = vec![
        house
            .access
            .invite(("Mallory", "mallory@evil.example"), Role::Admin, "Eve Stone")
            .await
            .unwrap(),
        house.access.renew(&other, "Eve Stone").await.unwrap(),
    ];
    let others = house
        .access
        .invite(("Kim Reed", "kim@practice.example"), Role::Auditor, "Administrator")
        .await
        .unwrap();
    house
        .access
        .set_role(&eve, Role::Auditor, "Administrator")
        .await
        .unwrap();
    for link in &links {
        assert!(matches!(
            house.access.invitation(link.expose_secret()).await,
            Err(AccessError::Link)
        ));
    }
    house.access.set_role(&eve, Role::Admin, "Administrator").await.unwrap();
    links.push(house.access.renew(&other, "Eve Stone").await.unwrap());
    house.access.end(&eve, "Administrator").await.unwrap();
    for link in &links {
        assert!(matches!(
            house.access.invitation(link.expose_secret()).await,
            Err(AccessError::Link)
        ));
    }
    assert!(
        house.access.invitation(others.expose_secret()).await.is_ok(),
        "other people's links work"
    );
    // Two who end each other: one of them stays.
    let mut pair = vec![other];
    for (name, email) in [
        ("Fay Hill", "fay@practice.example"),
        ("Gus Lake", "gus@practice.example"),
    ] {
        let link = house.access.invite((name, email), Role::Admin, "a test").await.unwrap();
        let joining = house.joining(link.expose_secret()).await;
        house.access.accept(link.expose_secret(), &joining).await.unwrap();
        let users = house.access.users().await.unwrap();
        pair.push(users.iter().find(|user| user.email == email).unwrap().id.clone());
    }
    house.access.end(&pair[0], "a test").await.unwrap();
    let (one, two) = tokio::join!(
        house.access.set_role(&pair[1], Role::Operator, "Gus Lake"),
        house.access.end(&pair[2], "Fay Hill")
    );
    assert!(one.is_ok() ^ two.is_ok());
    assert!(!house.access.unfounded().await.unwrap());
}

#[tokio::test]
async fn fields_that_no_form_has_change_nothing() {
    let house = House::empty().await;
    let mut reviewer = house.user(Role::Reviewer).await;
    let me = house.access.users().await.unwrap().remove(0);
    let wish = [
        ("role", "admin"),
        ("id", "u1"),
        ("user", "u1"),
        ("email", "eve@evil.example"),
        ("name", "Eve"),
        ("epoch", "0"),
        ("since", "0"),
        ("by", "Administrator"),
        ("who", "Administrator"),
        ("step", "0"),
        ("_role", "admin"),
        ("user[role]", "admin"),
    ];
    for path in [
        "/own/password",
        "/theme",
        "/search",
        &format!("/people/{}/role", me.id),
        "/people/invite",
        "/vitals/seen",
    ] {
        let page = reviewer.post(&format!("{path}?role=admin"), &wish).await;
        assert!(!path.starts_with("/people") || page.status == 403, "{path}");
    }
    let after = house.access.users().await.unwrap().remove(0);
    assert!(after.role == Role::Reviewer && after == me);
    // An invitation says who comes in, and as what.
    let link = house
        .access
        .invite(("Kim Reed", "kim@practice.example"), Role::Operator, "a test")
        .await
        .unwrap();
    let joining = house.joining(link.expose_secret()).await;
    let typed = [
        &wish[..],
        &[("password", PASSWORD), ("again", PASSWORD), ("code", &joining.code)],
    ]
    .concat();
    let page = house
        .browser()
        .post_raw(&format!("/invitation/{}", link.expose_secret()), &typed, "same-origin")
        .await;
    assert_eq!(page.status, 200);
    let users = house.access.users().await.unwrap();
    let kim = users.iter().find(|user| user.id != me.id).unwrap();
    assert_eq!(
        (kim.name.as_str(), kim.email.as_str(), kim.role),
        ("Kim Reed", "kim@practice.example", Role::Operator)
    );
    // What somebody did stands under their own name.
    reviewer
        .post(
            "/vitals/seen",
            &[("alert", "could_not_look/crm"), ("by", "Administrator")],
        )
        .await;
    let lines = house.store.latest_audit(None, false, 100).await.unwrap();
    assert!(lines.iter().all(|(_, line)| !line.reason.contains("Administrator")));
}

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
