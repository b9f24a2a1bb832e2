//! The JSON API beside the pages: no cookie opens it, no page elsewhere can read it, no token does more than it says.

use crate::support::{HOST, House};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use bridge_admin::access::role::Role;
use bridge_admin::api::Api;
use bridge_admin::api::tokens::Token;
use bridge_admin::{Peer, router};
use serde_json::Value as Json;
use tower::ServiceExt;

const READS: &str = "token that may read 0123456789";
const WRITES: &str = "token that may write 0123456789";

fn served(house: &House) -> Router {
    let token = |name: &str, secret: &str, writes| Token {
        name: name.into(),
        secret: secret.into(),
        writes,
        actions: Default::default(),
        bound: None,
    };
    let api = Api::new(
        vec![token("reads", READS, false), token("writes", WRITES, true)],
        "https://halaxy.example/".into(),
    );
    api.open_desk(crate::office::desk(&house.store, house.clock.clone()));
    router([house.app.routes(), api.routes()])
}

async fn ask(
    served: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, HeaderMap, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, HOST)
        .extension(Peer(([127, 0, 0, 1], 9).into()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = served
        .clone()
        .oneshot(request.body(Body::from(body.to_string())).unwrap())
        .await
        .unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = to_bytes(answer.into_body(), 8 << 20).await.unwrap();
    (status, headers, String::from_utf8(bytes.to_vec()).unwrap())
}

/// Every operation of the API's own description: method, path with the open pieces filled.
async fn operations(served: &Router, piece: &str) -> Vec<(String, String)> {
    let bearer = format!("Bearer {READS}");
    let (status, _, text) = ask(served, "GET", "/api/openapi.json", &[("authorization", &bearer)], "").await;
    assert_eq!(status, 200);
    let document: Json = serde_json::from_str(&text).unwrap();
    let mut all = vec![("GET".to_string(), "/api/openapi.json".to_string())];
    for (path, of) in document["paths"].as_object().unwrap() {
        let filled: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { piece } else { part })
            .collect();
        all.extend(
            of.as_object()
                .unwrap()
                .keys()
                .map(|method| (method.to_uppercase(), filled.join("/"))),
        );
    }
    assert!(all.len() > 25, "{}", all.len());
    all
}

#[tokio::test]
async fn no_cookie_and_no_page_opens_the_api() {
    let house = House::empty().await;
    let mut admin = house.user(Role::Admin).await;
    let form = admin.get("/own").await.form();
    let (served, cookie) = (
        served(&house),
        format!("__Host-bridge={}", admin.cookies["__Host-bridge"]),
    );
    let worthless = [
        vec![
            ("cookie", cookie.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("x-csrf-token", form.as_str()),
        ],
        vec![
            ("cookie", cookie.as_str()),
            ("origin", "https://evil.example"),
            ("content-type", "text/plain"),
        ],
        vec![("authorization", "Bearer ")],
        vec![("authorization", "Bearer null")],
        vec![("authorization", "Basic YWRtaW46YWRtaW4=")],
        vec![("authorization", READS)],
        vec![("authorization", "Token token that may read 0123456789")],
        vec![("authorization", "Bearer token that may read 012345678")],
        vec![("authorization", "Bearer token that may read 0123456789, x")],
        vec![("x-api-key", READS), ("x-authorization", READS)],
    ];
    for (method, path) in operations(&served, "x").await {
        for headers in &worthless {
            let with_token = format!("{path}?access_token={}&token={}", "x", READS.replace(' ', "+"));
            let (status, told, text) = ask(&served, &method, &with_token, headers, "{}").await;
            assert_eq!(status, 401, "{method} {path} {headers:?}: {text}");
            assert!(
                !told.keys().any(|name| name.as_str().starts_with("access-control")),
                "{path}"
            );
        }
        // No browser is told that another site may send or read anything.
        let asks = [
            ("origin", "https://evil.example"),
            ("access-control-request-method", "POST"),
        ];
        let (status, told, _) = ask(&served, "OPTIONS", &path, &asks, "").await;
        assert!(
            status >= 400 && !told.keys().any(|name| name.as_str().starts_with("access-control")),
            "{path}: {status}"
        );
    }
}

#[tokio::test]
async fn what_is_out_of_shape_is_refused_as_json_and_never_breaks() {
    let house = House::empty().await;
    crate::support::fill(&house.store).await;
    let served = served(&house);
    let bearer = format!("Bearer {WRITES}");
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let wide = format!("{{\"text\":\"{}\"}}", "x".repeat(200_000));
    let bodies = [
        "",
        "null",
        "[]",
        "{\"do\":{\"$gt\":\"\"}}",
        "{\"__proto__\":{\"admin\":true}}",
        "\u{0}",
        "{\"text\":\"\\u0000\"}",
        &deep,
        &wide,
    ];
    for piece in [
        "0198-person-1",
        "%27%20OR%20%271%27%3D%271",
        "%25",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%ff",
        "-1",
    ] {
        for (method, path) in operations(&served, piece).await {
            // Those go out to an account, and are tried where there is one.
            if path.starts_with("/api/halaxy") || path.starts_with("/api/bookings") {
                continue;
            }
            for query in [
                "",
                "?limit=-1&after='--&since=-9223372036854775808&take=x&text=%25",
                "?limit=1000000000&since=9223372036854775807&take=%00&text=_",
            ] {
                let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
                let sent: &[&str] = if method == "POST" && query.is_empty() && piece.starts_with("0198") {
                    &bodies
                } else {
                    &[""]
                };
                for body in sent {
                    let (status, told, text) = ask(&served, &method, &format!("{path}{query}"), &headers, body).await;
                    assert!(status < 500, "{method} {path}{query}: {status} {text}");
                    assert_eq!(told["content-type"], "application/json", "{method} {path}");
                    let read: Json = serde_json::from_str(&text).unwrap();
                    assert!(status == 200 || read["error"].is_string(), "{text}");
                    assert!(status == 200 || text.len() < 1_000, "{text}");
                    let rows = read["rows"].as_array().map_or(0, Vec::len);
                    assert!(rows <= 200, "{path}{query}: {rows}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_reads_writes_nothing_on_any_route() {
    let house = House::empty().await;
    crate::support::fill(&house.store).await;
    let served = served(&house);
    let noted = async || house.store.latest_audit(None, false, 10_000).await.unwrap().len();
    let (before, bearer) = (noted().await, format!("Bearer {READS}"));
    let item = house.store.items_of("0198-person-3").await.unwrap().remove(0).id;
    for piece in ["0198-person-3", item.as_str()] {
        for (method, path) in operations(&served, piece).await {
            // Trying a rule, and finding a time, only read.
            if method != "POST" || path.ends_with("/rules") || path.ends_with("/free") {
                continue;
            }
            let headers = [
                ("authorization", bearer.as_str()),
                ("x-http-method-override", "GET"),
                ("idempotency-key", "k1"),
            ];
            let body = "{\"do\":\"both\",\"token\":\"\",\"text\":\"a\",\"dry_run\":false}";
            let (status, _, text) = ask(&served, &method, &path, &headers, body).await;
            let reads = path.starts_with("/api/halaxy/") && status != 403;
            assert!(
                status == 403 || reads && [400, 404, 503].contains(&status),
                "{path}: {status} {text}"
            );
        }
    }
    assert_eq!(noted().await, before);
}
