//! Guessing, telling people apart, being first at the same thing twice, and becoming more than one was made.

use super::forms::half;
use crate::provider::{Forged, StandIn};
use crate::sign_on::by_claim;
use crate::support::{Browser, HOST, House, NOW, PASSWORD, Page, email};
use axum::body::Body;
use axum::http::{Request, header};
use bridge_admin::Peer;
use bridge_admin::access::AccessError;
use bridge_admin::access::role::Role;
use bridge_admin::access::sign_on::Provider;
use secrecy::ExposeSecret;
use serde_json::json;
use std::net::IpAddr;
use tower::ServiceExt;

pub async fn signs_in(browser: &mut Browser, who: &str, password: &str) -> Page {
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
    let mut halves = [half(&house, Role::Reviewer).await, half(&house, Role::Reviewer).await];
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

#[tokio::test]
async fn a_name_that_is_taken_here_is_not_had_at_the_provider() {
    let house = House::empty().await;
    house.user(Role::Admin).await;
    let provider = StandIn::new(NOW / 1_000_000);
    house.app.sign_on(Provider::new(by_claim(), provider.transport()));
    let names = ["administrator", "Dana\u{202e}xoF", "Rose Brook"];
    for (n, name) in names.into_iter().enumerate() {
        let mut browser = house.browser();
        let out = browser.get("/sign-in/out").await;
        let email = format!("p{n}@practice.example");
        let claims = json!({ "sub": format!("s-{n}"), "name": name, "email": email, "groups": ["desk"] });
        let back = provider.signed_in(out.to(), claims, Forged::No);
        let back = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&back)
            .finish();
        assert_eq!(browser.get(&format!("/sign-in/back?{back}")).await.status, 200);
    }
    let mut named: Vec<String> = house
        .access
        .users()
        .await
        .unwrap()
        .into_iter()
        .map(|user| user.name)
        .collect();
    named.sort();
    assert_eq!(
        named,
        [
            "Administrator",
            "Rose Brook",
            "p0@practice.example",
            "p1@practice.example"
        ]
    );
}

#[tokio::test]
async fn whoever_holds_a_link_may_type_anything_into_its_form() {
    let house = House::empty().await;
    let link = house.access.found("a test").await.unwrap();
    let path = format!("/invitation/{}", link.expose_secret());
    let code = house.joining(link.expose_secret()).await.code;
    for typed in [
        "x".repeat(15_000),
        format!("{}@practice.example", "ü".repeat(2_000)),
        "\0\r\n".into(),
        "\u{202e}".into(),
    ] {
        for odd in ["name", "email", "password", "again", "code"] {
            let mut fields = std::collections::BTreeMap::from([
                ("name", "Dana Fox"),
                ("email", "dana@practice.example"),
                ("password", PASSWORD),
                ("again", PASSWORD),
                ("code", &code),
            ]);
            fields.insert(odd, &typed);
            let fields: Vec<(&str, &str)> = fields.into_iter().collect();
            let page = house.browser().post_raw(&path, &fields, "same-origin").await;
            assert_eq!(page.status, 422, "{odd}");
            super::markup::said(&path, &page.text);
        }
    }
    assert!(house.access.users().await.unwrap().is_empty());
}
