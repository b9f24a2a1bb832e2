//! The example consumer of `deploy/examples`, which knows the bridge's documents and nothing of its code: it proves
//! signatures by itself, is killed, and has every event once.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_kit::{Network, NetworkOptions, SystemClock};
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bridge_stream::{Outlet, Pattern, Publisher, Signer, Webhook, address};
use common::{append, event, store};
use secrecy::SecretString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The example at work; killed when dropped.
struct Consumer {
    child: Child,
    url: String,
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn consumer(out: &Path, port: u16) -> Consumer {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/follow_events.py");
    let mut child = Command::new("python3")
        .arg("-B")
        .arg(script)
        .args(["--listen", &format!("127.0.0.1:{port}"), "--out"])
        .arg(out)
        .env("EVENTS_SECRET", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap().to_string();
    Consumer { child, url }
}

fn webhook(url: &str, secrets: &[&str]) -> Arc<dyn Outlet> {
    let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
    Arc::new(Webhook::new(
        "sheet",
        address(url).unwrap(),
        Pattern::default(),
        Signer::new(&secrets).unwrap(),
        Arc::new(Network::new(NetworkOptions::default()).unwrap()),
        Arc::new(SystemClock::new()),
    ))
}

fn rows(out: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(out).unwrap();
    let lines = text.lines().skip(1);
    lines
        .map(|line| line.split(',').map(str::to_string).collect())
        .collect()
}

#[tokio::test]
async fn the_example_consumer_has_every_event_once_and_in_order() {
    let (store, folder) = (store().await, tempfile::tempdir().unwrap());
    let out = folder.path().join("changes.csv");
    let mut running = consumer(&out, 0);
    let port: u16 = running
        .url
        .rsplit(':')
        .next()
        .unwrap()
        .trim_end_matches('/')
        .parse()
        .unwrap();
    let publisher = |url: &str, secrets: &[&str]| {
        let clock = Arc::new(SystemClock::new());
        Publisher::new(store.clone(), clock, vec![webhook(url, secrets)])
    };
    publisher(&running.url, &[SECRET]).begin().await.unwrap();
    let mut expected = vec![];
    for round in 0..6 {
        let new: Vec<_> = (0..10)
            .map(|n| event(&format!("={n}"), if round == 0 { "created" } else { "updated" }))
            .collect();
        append(&store, &new).await;
        expected.extend(new.iter().map(|event| event.id.clone()));
        let at_work = publisher(&running.url, if round % 2 == 0 { &[SECRET] } else { &[OTHER, SECRET] });
        // The publisher is cut off at some moment of its round, and the consumer is killed at another.
        let cut = std::time::Duration::from_millis(3 * round);
        let _ = tokio::time::timeout(cut, at_work.round()).await;
        if round % 2 == 1 {
            drop(running);
            running = consumer(&out, port);
        }
        let_go_on(&store).await;
        let_take(&store, &at_work, expected.len() as i64).await;
    }
    let rows = rows(&out);
    let ids: Vec<String> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(ids, expected);
    assert_eq!(rows[0][3], "sampleton-clinic.crm.contacts.created");
    assert_eq!(rows[0][7], "'=0", "an id is no formula");

    // Whoever does not know the secret is not believed, and old requests are not.
    let forger = publisher(&running.url, &[OTHER]);
    append(&store, &[event("1", "removed")]).await;
    forger.round().await.unwrap();
    let known = store.subscriber("sheet").await.unwrap().unwrap();
    assert_eq!((known.failures, known.trouble.as_str()), (1, "status 401"));
    assert_eq!(self::rows(&out).len(), expected.len());
}

/// Does not wait for the end of a pause.
async fn let_go_on(store: &bridge_store::Store) {
    let known = store.subscriber("sheet").await.unwrap().unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.put_subscriber(&bridge_store::Subscriber { retry_at: 0, ..known })
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn let_take(store: &bridge_store::Store, publisher: &Publisher, all: i64) {
    let begun = std::time::Instant::now();
    while store.subscriber("sheet").await.unwrap().unwrap().position < all {
        publisher.round().await.unwrap();
        let_go_on(store).await;
        assert!(begun.elapsed().as_secs() < 30, "{:?}", store.subscriber("sheet").await);
    }
}

#[tokio::test]
async fn a_webhook_says_who_it_is_from_and_goes_nowhere_else() {
    let (store, seen) = (store().await, Arc::new(Mutex::new(Vec::<(HeaderMap, String)>::new())));
    let kept = Arc::clone(&seen);
    let app = Router::new()
        .route(
            "/hook",
            post(async move |headers: HeaderMap, body: String| {
                kept.lock().unwrap().push((headers, body));
                StatusCode::ACCEPTED
            }),
        )
        .route(
            "/away",
            post(async || (StatusCode::TEMPORARY_REDIRECT, [("location", "/hook")])),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let publisher = |url: &str| {
        Publisher::new(
            store.clone(),
            Arc::new(SystemClock::new()),
            vec![webhook(url, &[SECRET])],
        )
    };
    publisher(&base).begin().await.unwrap();
    append(&store, &[event("771", "updated")]).await;

    publisher(&format!("{base}/away")).round().await.unwrap();
    let known = store.subscriber("sheet").await.unwrap().unwrap();
    assert_eq!((known.trouble.as_str(), known.position), ("status 307", 0));
    let_go_on(&store).await;
    publisher("https://10.1.2.3/hook").round().await.unwrap();
    let known = store.subscriber("sheet").await.unwrap().unwrap();
    assert_eq!(
        (known.failures, known.position),
        (2, 0),
        "private networks only if the operator says so"
    );
    assert!(seen.lock().unwrap().is_empty());

    let_go_on(&store).await;
    publisher(&format!("{base}/hook")).round().await.unwrap();
    let (headers, body) = seen.lock().unwrap().pop().unwrap();
    let told = store.events(0, 1).await.unwrap().remove(0);
    assert_eq!(headers["webhook-id"], told.id.as_str());
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["traceparent"], told.trace.as_deref().unwrap());
    let document: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        document,
        bridge_stream::document::document("Sampleton Clinic", &store.stream().await.unwrap().unwrap(), &told)
    );
    let members: Vec<&String> = document["data"].as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "id",
            "cursor",
            "practice",
            "system",
            "kind",
            "op",
            "record",
            "entity",
            "units",
            "by_bridge",
            "trace"
        ]
    );
    assert_eq!(
        (&document["version"], &document["data"]["op"]),
        (&1.into(), &"updated".into())
    );
}
