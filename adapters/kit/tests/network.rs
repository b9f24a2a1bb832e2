//! The transport over real sockets: what may have landed, what provably did not, and the caps.

use adapter_kit::{HttpRequest, HttpResponse, Network, NetworkOptions, Transport, TransportError, TransportErrorKind};
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A hundred thousand times the digit 0, compressed.
const GZIPPED: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 49, 1, 0, 0, 0, 194, 160, 74, 235, 159, 206, 26, 30, 64, 1, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 175, 6, 133, 194, 77, 197, 160, 134, 1, 0,
];

/// Answers every request with these bytes, or hangs up without an answer if there are none.
async fn server(answer: Vec<u8>, after: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}/", listener.local_addr().expect("an address"));
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (answer, seen) = (answer.clone(), seen.clone());
            tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                if socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    seen.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(after).await;
                    let _ = socket.write_all(&answer).await;
                }
            });
        }
    });
    (base, requests)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

async fn send(options: NetworkOptions, method: Method, url: &str) -> Result<HttpResponse, TransportError> {
    send_within(options, method, url, None).await
}

async fn send_within(
    options: NetworkOptions,
    method: Method,
    url: &str,
    longest: Option<Duration>,
) -> Result<HttpResponse, TransportError> {
    let network = Network::new(options).expect("a network");
    let url = url.parse().expect("a URL");
    network
        .send(HttpRequest {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{}"),
            longest,
        })
        .await
}

fn small() -> NetworkOptions {
    NetworkOptions {
        max_body: 1_000,
        timeout: Duration::from_millis(400),
        ..NetworkOptions::default()
    }
}

#[tokio::test]
async fn a_refused_connection_provably_never_landed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let error = send(small(), Method::POST, &base).await.err().expect("nobody listens");
    assert_eq!(
        error,
        TransportError {
            kind: TransportErrorKind::Connect,
            not_processed: true
        }
    );
}

#[tokio::test]
async fn a_call_that_may_live_shorter_is_given_up_earlier() {
    let (base, _) = server(answer("200 OK", b"{}"), Duration::from_secs(30)).await;
    let longest = Some(Duration::from_millis(200));
    let error = send_within(NetworkOptions::default(), Method::POST, &base, longest).await;
    assert_eq!(
        error.err().expect("a time-out").kind,
        TransportErrorKind::TimedOut,
        "long before the 55 s that calls may take"
    );
}

#[tokio::test]
async fn a_silent_server_and_a_cut_connection_may_have_landed_and_are_not_repeated() {
    let (base, requests) = server(answer("200 OK", b"{}"), Duration::from_secs(30)).await;
    let error = send(small(), Method::POST, &base).await.err().expect("a time-out");
    assert_eq!(
        error,
        TransportError {
            kind: TransportErrorKind::TimedOut,
            not_processed: false
        }
    );
    assert_eq!(requests.load(Ordering::SeqCst), 1);

    let (base, requests) = server(Vec::new(), Duration::ZERO).await;
    let error = send(small(), Method::POST, &base)
        .await
        .err()
        .expect("a cut connection");
    assert_eq!(
        error,
        TransportError {
            kind: TransportErrorKind::Broken,
            not_processed: false
        }
    );
    assert_eq!(requests.load(Ordering::SeqCst), 1);

    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{".to_vec();
    let (base, _) = server(half, Duration::ZERO).await;
    let error = send(small(), Method::POST, &base).await.err().expect("half an answer");
    assert!(!error.not_processed);
}

#[tokio::test]
async fn large_answers_are_cut_off_compressed_ones_too() {
    let (base, _) = server(answer("200 OK", &[b'0'; 2_000]), Duration::ZERO).await;
    let error = send(small(), Method::GET, &base).await.err().expect("too large");
    assert_eq!(error.kind, TransportErrorKind::TooLarge);

    let (base, _) = server(answer("200 OK\r\ncontent-encoding: gzip", GZIPPED), Duration::ZERO).await;
    assert!(GZIPPED.len() < 1_000);
    let error = send(small(), Method::GET, &base)
        .await
        .err()
        .expect("too large once unpacked");
    assert_eq!(error.kind, TransportErrorKind::TooLarge);
    let whole = send(NetworkOptions::default(), Method::GET, &base)
        .await
        .expect("an answer");
    assert_eq!(whole.body.len(), 100_000);
}

#[tokio::test]
async fn redirects_are_handed_back_not_followed() {
    let (other, elsewhere) = server(answer("200 OK", b"{}"), Duration::ZERO).await;
    let (base, _) = server(answer(&format!("302 Found\r\nlocation: {other}"), b""), Duration::ZERO).await;
    let response = send(NetworkOptions::default(), Method::GET, &base)
        .await
        .expect("an answer");
    assert_eq!(response.status, 302);
    assert_eq!(elsewhere.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn private_addresses_are_not_called_unless_allowed() {
    for url in [
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/",
        "https://[fd00::1]/",
    ] {
        let error = send(small(), Method::GET, url).await.err().expect("not allowed");
        assert_eq!(
            error,
            TransportError {
                kind: TransportErrorKind::NotAllowed,
                not_processed: true
            },
            "{url}"
        );
    }
}
