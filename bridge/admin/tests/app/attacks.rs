//! What is tried against web pages: nothing of it gets through. Here is what was thought of first; by kind:
//!
//! | module | what |
//! |---|---|
//! | `xss` | whatever comes from outside, on every page and in every file; `hostile` plants it, `markup` reads as browsers do |
//! | `forms` | forms that are not sent from our pages |
//! | `filters` | addresses: filters, cursors, places to go on to, paths |
//! | `doors` | guessing, telling people apart, races, roles |
//! | `sessions` | what a browser holds, and streams |
//! | `tried` | a record typed into the try-box |
//! | `api` | the JSON API beside the pages |

mod api;
mod doors;
mod filters;
mod forms;
mod hostile;
mod markup;
mod sessions;
mod tried;
mod xss;

use crate::support::{HOST, House, PASSWORD, email};
use bridge_admin::access::role::Role;

#[tokio::test]
async fn forms_of_other_pages_change_nothing() {
    let house = House::empty().await;
    let mut admin = house.user(Role::Admin).await;
    let token = admin.get("/own").await.form();
    let invite = [("name", "Eve"), ("email", "eve@evil.example"), ("role", "admin")];
    let other = "0".repeat(64);
    let with = |token| [&invite[..], &[("form", token)]].concat();
    for (fields, site) in [
        (with(&token), "cross-site"),
        (with(&token), "same-site"),
        (with(&token), "none"),
        (with(""), "same-origin"),
        (with(&other), "same-origin"),
        (invite.to_vec(), "same-origin"),
    ] {
        let page = admin.post_raw("/people/invite", &fields, site).await;
        assert_eq!(page.status, 403, "{site} {fields:?}");
    }
    assert!(house.access.invitations().await.unwrap().is_empty());
    let page = admin.post_raw("/people/invite", &with(&token), "same-origin").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains(&format!("https://{HOST}/invitation/")));
    // Neither can somebody be signed in as somebody else from elsewhere.
    let typed = [("email", "admin@practice.example"), ("password", PASSWORD)];
    let page = house.browser().post_raw("/sign-in", &typed, "cross-site").await;
    assert_eq!(page.status, 403);
}

#[tokio::test]
async fn a_session_that_was_planted_is_worth_nothing() {
    let house = House::empty().await;
    house.user(Role::Reviewer).await;
    house.later(60);
    let planted = "a".repeat(64);
    let mut victim = house.browser();
    victim.cookies.insert("__Host-bridge".into(), planted.clone());
    let here = email(Role::Reviewer);
    let typed = [("email", here.as_str()), ("password", PASSWORD)];
    victim.post_raw("/sign-in", &typed, "same-origin").await;
    let half = victim.cookies["__Host-bridge"].clone();
    let form = victim.get("/sign-in/code").await.form();
    let code = house.code(&here).await;
    victim
        .post_raw("/sign-in/code", &[("form", &form), ("code", &code)], "same-origin")
        .await;
    assert_eq!(victim.get("/inbox").await.status, 200);
    for worthless in [planted, half] {
        let mut attacker = house.browser();
        attacker.cookies.insert("__Host-bridge".into(), worthless);
        assert_eq!(attacker.get("/inbox").await.status, 303);
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let house = House::empty().await;
    house.user(Role::Reviewer).await;
    let here = email(Role::Reviewer);
    for next in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/inbox@evil.example",
        "javascript:alert(1)",
    ] {
        let page = house.browser().get(&format!("/sign-in?next={next}")).await;
        assert!(
            !page.text.contains("evil.example") && !page.text.contains("javascript:"),
            "{next}"
        );
        let typed = [("email", here.as_str()), ("password", PASSWORD), ("next", next)];
        let page = house.browser().post_raw("/sign-in", &typed, "same-origin").await;
        assert_eq!(page.to(), "/sign-in/code?next=%2F", "{next}");
        let back = [("theme", "dark"), ("back", next)];
        assert_eq!(house.browser().post_raw("/theme", &back, "same-origin").await.to(), "/");
    }
}

#[tokio::test]
async fn what_comes_from_outside_stays_text() {
    let (_house, mut browsers) = House::full().await;
    let attack = "<script>alert(1)</script>";
    let admin = browsers.get_mut(&Role::Admin).unwrap();
    // The value is on the last page: the oldest is shown first.
    let next = admin.get("/inbox?kind=conflict").await.next().unwrap();
    let page = admin.get(&next).await;
    assert!(page.text.contains("&lt;script&gt;alert(1)"), "{next}");
    assert!(!page.text.contains(attack) && !page.text.contains("<img src=x"));
    // Names that people give themselves.
    let page = admin
        .post(
            "/people/invite",
            &[("name", attack), ("email", "x@y.example"), ("role", "admin")],
        )
        .await;
    assert!(!page.text.contains(attack) && page.text.contains("&lt;script&gt;"));
    for path in [
        "/people",
        "/activity",
        "/activity?of=all",
        "/activity?of=%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        let page = admin.get(path).await;
        assert!(page.status == 200 && !page.text.contains(attack), "{path}");
    }
}

#[tokio::test]
async fn filters_and_paths_are_no_way_in() {
    let (_house, mut browsers) = House::full().await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    for path in [
        "/inbox?kind=conflict&unit=mobile'%20OR%20'1'='1",
        "/inbox?kind=conflict&after=9999999999999999999999%20x",
        "/inbox?kind=conflict&after='%3B%20DROP%20TABLE%20conflict%3B--",
        "/inbox?kind=hold&after=%00",
        "/inbox?kind=match&after=%ff%fe",
    ] {
        let page = reviewer.get(path).await;
        assert_eq!(page.status, 200, "{path}");
    }
    assert!(
        reviewer
            .get("/inbox?kind=conflict&unit=x'%20OR%20'1'='1")
            .await
            .text
            .contains("Nothing waits here")
    );
    for path in [
        "/inbox/..%2f..%2fetc%2fpasswd",
        "/assets/../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/invitation/..%2f..%2fetc%2fpasswd",
        "/invitation/%00",
    ] {
        assert_eq!(reviewer.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn pages_forbid_frames_inline_scripts_and_the_cache() {
    let (_house, mut browsers) = House::full().await;
    let admin = browsers.get_mut(&Role::Admin).unwrap();
    for path in ["/inbox", "/vitals", "/people", "/own", "/about", "/activity"] {
        let page = admin.get(path).await;
        let header = |name: &str| page.headers[name].to_str().unwrap();
        let policy = header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe") && policy.contains("form-action 'self'") && policy.contains("base-uri 'none'")
        );
        assert_eq!(
            (header("x-frame-options"), header("cache-control")),
            ("DENY", "no-store")
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        for inline in ["style=", "onclick=", "<style", "<script>", "javascript:"] {
            assert!(!page.text.contains(inline), "{path} has {inline}");
        }
    }
}
