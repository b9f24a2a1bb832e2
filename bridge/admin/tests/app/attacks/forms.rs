//! Forms that are not sent from our pages by whoever was shown them: none of them does anything, on any route.

use crate::support::{Browser, HOST, House, PASSWORD, email};
use axum::body::Body;
use axum::http::{Method, Request, header};
use bridge_admin::Peer;
use bridge_admin::access::role::Role;
use bridge_admin::app::routes::{Need, ROUTES, Route};
use tower::ServiceExt;

const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

/// One way of sending a form.
struct Way {
    what: &'static str,
    headers: Vec<(&'static str, String)>,
    query: String,
    body: String,
}

/// Each of them must be refused. `own` is the token of the session, `other` that of another one.
fn ways(own: &str, other: &str) -> Vec<Way> {
    let public = format!("https://{HOST}");
    let form = |token: &str| format!("form={token}&theme=dark&role=admin&name=Eve&email=eve%40evil.example");
    let way = |what, headers: &[(&'static str, &str)], body: String| Way {
        what,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_string()))
            .collect(),
        query: String::new(),
        body,
    };
    let mut all = vec![
        way("from another site", &[("sec-fetch-site", "cross-site")], form(own)),
        way(
            "from a neighbour",
            &[("sec-fetch-site", "same-site"), ("origin", &public)],
            form(own),
        ),
        way("typed into the address bar", &[("sec-fetch-site", "none")], form(own)),
        way(
            "by an old browser from another site",
            &[("origin", "https://evil.example")],
            form(own),
        ),
        way("from a frame without an origin", &[("origin", "null")], form(own)),
        way(
            "from a name like ours",
            &[("origin", &format!("{public}.evil.example"))],
            form(own),
        ),
        way("without a word of where from", &[], form(own)),
        way(
            "by a referrer alone",
            &[("referer", &format!("{public}/people"))],
            form(own),
        ),
        way(
            "from a name that was led here",
            &[
                OURS,
                ("origin", "http://rebound.example"),
                ("x-forwarded-host", "rebound.example"),
            ],
            form(own),
        ),
        way(
            "as plain text",
            &[("sec-fetch-site", "cross-site"), ("content-type", "text/plain")],
            form(own),
        ),
        way(
            "in the name of another host",
            &[("origin", "https://evil.example"), ("x-forwarded-host", "evil.example")],
            form(own),
        ),
    ];
    if !own.is_empty() {
        let json = format!("{{\"form\":\"{own}\"}}");
        let parts = format!("--x\r\nContent-Disposition: form-data; name=\"form\"\r\n\r\n{own}\r\n--x--\r\n");
        all.extend([
            way("without a token", &[OURS], form("")),
            way(
                "of more than any form has",
                &[OURS],
                form(own) + "&text=" + &"x".repeat(1_000_000),
            ),
            way("with no such field", &[OURS], "theme=dark".into()),
            way("with another's token", &[OURS], form(other)),
            way("with a shorter token", &[OURS], form(&own[..63])),
            way("with a token twice", &[OURS], format!("form={own}&form={other}")),
            way("as JSON", &[OURS, ("content-type", "application/json")], json),
            way(
                "in parts",
                &[OURS, ("content-type", "multipart/form-data; boundary=x")],
                parts,
            ),
            way(
                "with the token in a header",
                &[OURS, ("x-csrf-token", own)],
                "theme=dark".into(),
            ),
            Way {
                query: format!("?form={own}"),
                ..way("with the token in the address", &[OURS], "theme=dark".into())
            },
        ]);
    }
    all
}

async fn sent(house: &House, browser: &Browser, path: &str, method: Method, way: &Way) -> u16 {
    let cookies = browser.cookies.iter().map(|(name, value)| format!("{name}={value}"));
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{path}{}", way.query))
        .header(header::HOST, HOST)
        .header(header::COOKIE, cookies.collect::<Vec<_>>().join("; "))
        .extension(Peer(([127, 0, 0, 1], 9).into()));
    if !way.headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    for (name, value) in &way.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Body::from(way.body.clone())).unwrap();
    house.router.clone().oneshot(request).await.unwrap().status().as_u16()
}

fn path(route: &Route) -> String {
    route
        .path
        .replace("{id}", "u0000000000000000")
        .replace("{token}", &"0".repeat(64))
}

/// A browser with the first step of signing in behind it.
pub async fn half(house: &House, role: Role) -> Browser {
    let mut browser = house.browser();
    let typed = [("email", email(role)), ("password", PASSWORD.to_string())];
    let typed: Vec<(&str, &str)> = typed.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(browser.post_raw("/sign-in", &typed, "same-origin").await.status, 303);
    browser
}

#[tokio::test]
async fn no_route_believes_a_form_from_elsewhere() {
    let house = House::empty().await;
    let mut admin = house.user(Role::Admin).await;
    let own = admin.get("/own").await.form();
    let other = house.user(Role::Reviewer).await.get("/own").await.form();
    let mut first = half(&house, Role::Admin).await;
    let halves = first.get("/sign-in/code").await.form();
    let nobody = house.browser();
    let noted = async || house.store.latest_audit(None, false, 10_000).await.unwrap().len();
    let before = noted().await;
    let posts: Vec<&Route> = ROUTES.iter().filter(|route| route.method == Method::POST).collect();
    let mut tried = 0;
    for route in &posts {
        let (browser, token) = match route.need {
            Need::Half => (&first, &halves),
            _ => (&admin, &own),
        };
        let mut all: Vec<(&Browser, Way)> = ways(token, &other).into_iter().map(|way| (browser, way)).collect();
        if route.need == Need::Nothing {
            all.extend(ways("", "").into_iter().map(|way| (&nobody, way)));
        }
        for (browser, way) in all {
            let status = sent(&house, browser, &path(route), Method::POST, &way).await;
            assert_eq!(status, 403, "{} {}", route.path, way.what);
            tried += 1;
        }
        // A link is no form, whatever it says of itself.
        for name in ["x-http-method-override", "x-method-override"] {
            let way = Way {
                what: "as a link",
                headers: vec![OURS, (name, "POST")]
                    .into_iter()
                    .map(|(name, value)| (name, value.to_string()))
                    .collect(),
                query: format!("?_method=POST&form={token}&role=admin"),
                body: String::new(),
            };
            let twin = ROUTES
                .iter()
                .any(|of| of.method == Method::GET && of.path == route.path);
            let status = sent(&house, browser, &path(route), Method::GET, &way).await;
            assert!(twin || status == 405, "{}: {status}", route.path);
        }
    }
    assert!(posts.len() > 25 && tried > posts.len() * 19, "{tried}");
    assert_eq!(noted().await, before, "nothing was done");
    assert_eq!(admin.get("/own").await.status, 200, "nobody was signed out");
    assert_eq!(first.get("/sign-in/code").await.status, 200);
}

#[tokio::test]
async fn no_link_changes_anything() {
    // Whatever another site can lead a browser to: with cookies that come along, which strict ones do not.
    let house = House::empty().await;
    let mut admin = house.user(Role::Admin).await;
    for route in ROUTES.iter().filter(|route| route.method == Method::GET) {
        let page = admin
            .get(&format!(
                "{}?form=x&role=admin&do=assign&choice=both&_method=POST",
                path(route)
            ))
            .await;
        assert!(!page.status.is_server_error(), "{}", route.path);
        for verb in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"] {
            let way = Way {
                what: verb,
                headers: vec![],
                query: String::new(),
                body: String::new(),
            };
            let status = sent(&house, &admin, &path(route), verb.parse().unwrap(), &way).await;
            assert_eq!(status, 405, "{verb} {}", route.path);
        }
    }
    let lines = house.store.latest_audit(None, false, 10_000).await.unwrap();
    let done = lines
        .iter()
        .filter(|(_, line)| line.event != "access" && line.event != "viewed");
    assert_eq!(done.count(), 0);
}
