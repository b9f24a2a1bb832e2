//! The listener over real connections: headers, limits, and an end that lets requests finish.

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{get, post};
use bridge_admin::{BODY_LIMIT, Listener, router};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

async fn serving(parts: Vec<Router>) -> (String, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let base = format!("http://{}", listener.address().expect("bound"));
    let stop = CancellationToken::new();
    let served = tokio::spawn(listener.serve(router(parts), stop.clone()));
    (base, stop, served)
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

#[tokio::test]
async fn every_answer_forbids_browsers_what_it_does_not_need() {
    let (base, stop, served) = serving(vec![Router::new().route("/here", get(|| async { "here" }))]).await;
    for (path, status) in [("here", 200), ("elsewhere", 404)] {
        let answer = client().get(format!("{base}/{path}")).send().await.expect("an answer");
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert!(answer.headers().contains_key("content-security-policy"));
        assert!(!answer.headers().contains_key("set-cookie"));
    }
    stop.cancel();
    served.await.expect("ended");
}

#[tokio::test]
async fn a_body_past_the_limit_is_refused() {
    let echo = Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() }));
    let (base, stop, served) = serving(vec![echo]).await;
    let send = async |size: usize| {
        let sent = client().post(format!("{base}/")).body(vec![b'x'; size]).send();
        sent.await.expect("an answer").status()
    };
    assert_eq!(send(BODY_LIMIT).await, StatusCode::OK);
    assert_eq!(send(BODY_LIMIT + 1).await, StatusCode::PAYLOAD_TOO_LARGE);
    stop.cancel();
    served.await.expect("ended");
}

#[tokio::test]
async fn what_is_under_way_is_answered_and_nothing_new_is_taken() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        Router::new().route(
            "/slow",
            get(async move || {
                begun.notify_one();
                go_on.notified().await;
                "done"
            }),
        )
    };
    let (base, stop, served) = serving(vec![slow]).await;
    let under_way = tokio::spawn(client().get(format!("{base}/slow")).send());
    begun.notified().await;
    stop.cancel();
    // The port closes while the request still waits.
    while client().get(&base).send().await.is_ok() {}
    go_on.notify_one();
    let answer = under_way.await.expect("joined").expect("an answer");
    assert_eq!(answer.text().await.expect("a body"), "done");
    served.await.expect("ended");
}
