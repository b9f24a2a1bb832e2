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

/// What comes back for these bytes until the connection ends, and whether it ended within the time of a test.
async fn told(base: &str, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(base.trim_start_matches("http://"))
        .await
        .expect("a connection");
    // Whoever is refused may be hung up on before it has said everything.
    let _ = socket.write_all(bytes).await;
    let _ = socket.shutdown().await;
    let mut text = vec![];
    let _ = socket.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn no_request_hides_in_another() {
    let hits = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&hits);
    let secret = get(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async { "hidden" }
    });
    let echo = post(|body: Bytes| async move { format!("took {}", body.len()) });
    let parts = Router::new().route("/", echo).route("/hidden", secret);
    let (base, stop, served) = serving(vec![parts]).await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    let n = hidden.len();
    for head in [
        // Two lengths, and two that differ only in how they are written.
        format!("Content-Length: {n}\r\nContent-Length: 0"),
        "Content-Length: 0\r\nContent-Length: 5".into(),
        format!("Content-Length: 0, {n}"),
        format!("Content-Length: +{n}"),
        format!("Content-Length: 0x{n:x}"),
        "Content-Length: -1".into(),
        "Content-Length: 99999999999999999999999999".into(),
        // Codings that one reader knows and another does not.
        "Transfer-Encoding: xchunked".into(),
        "Transfer-Encoding: identity".into(),
        "Transfer-Encoding: chunked, identity".into(),
        "Transfer-Encoding : chunked".into(),
        "Transfer-Encoding: \x0bchunked".into(),
        " Transfer-Encoding: chunked".into(),
        "X: y\rTransfer-Encoding: chunked".into(),
        "X: y\0".into(),
        ": y".into(),
    ] {
        let asked = format!("POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{hidden}");
        let answer = told(&base, asked.as_bytes()).await;
        let answers = answer.matches("HTTP/1.1 ").count();
        assert!(answers <= 1 && !answer.contains("hidden"), "{head:?}: {answer}");
        assert!(answers == 0 || answer.starts_with("HTTP/1.1 4"), "{head:?}: {answer}");
    }
    // Where both are there, a length counts for nothing, and what follows the body is the next request as it stands.
    let both = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = told(&base, format!("{both}5\r\nGET /\r\n0\r\n\r\n").as_bytes()).await;
    assert!(
        answer.matches("HTTP/1.1 ").count() <= 1 && !answer.contains("hidden"),
        "{answer}"
    );
    for chunk in [
        format!("{n:x};a=\n\r\n{hidden}\r\n0\r\n\r\n"),
        format!("-1\r\n{hidden}"),
        format!("fffffffffffffffff\r\n{hidden}"),
        format!("0\r\nX: {hidden}"),
    ] {
        let asked = format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
        let answer = told(&base, asked.as_bytes()).await;
        assert!(!answer.contains("hidden"), "{chunk:?}: {answer}");
    }
    assert_eq!(hits.load(std::sync::atomic::Ordering::SeqCst), 0);
    stop.cancel();
    served.await.expect("ended");
}

#[tokio::test]
async fn heads_have_an_end() {
    let (base, stop, served) = serving(vec![Router::new().route("/", get(|| async { "here" }))]).await;
    let one = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(2 << 20));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(5_000));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(1 << 20));
    for asked in [&one, &many, &long] {
        let answer = told(&base, asked.as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{}",
            &answer[..answer.len().min(200)]
        );
    }
    for broken in [
        "GET http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = told(&base, broken.as_bytes()).await;
        assert!(
            answer.matches("HTTP/1.1 ").count() <= 1 && !answer.contains("evil"),
            "{answer}"
        );
    }
    let fine = told(&base, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(fine.ends_with("here"), "others are served meanwhile");
    stop.cancel();
    served.await.expect("ended");
}
