//! The program over a PostgreSQL server, which it shares with others and which may be away.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, arrives, digits, practice, run_in, server, service, stand_ins, telecom, terminate};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// From a file to a server, where two processes exclude each other as they do on one machine.
#[tokio::test]
async fn a_practice_moves_to_a_server_and_has_one_driver_there() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "plain");
    let config = practice(dir, &ends, "example-crm");
    let control = Control::of(&ends);
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("Sampleton Clinic", &format!("Clinic {}", uuid::Uuid::now_v7()));
    std::fs::write(&config, &text).unwrap();
    std::fs::write(dir.join("store.secret"), server()).unwrap();
    let (from, to) = (
        format!("sqlite:{}", dir.join("bridge.db").display()),
        format!("file:{}", dir.join("store.secret").display()),
    );

    // nothing there yet, then everything, and only once
    assert_eq!(run_in(dir, &["store", "copy", &from, &to]).code, 2);
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
    let report = run_in(dir, &["sync", "--yes", "--json"]);
    assert_eq!(report.json()["converged"], true, "{report:?}");
    let before = run_in(dir, &["store", "check", "--json"]).json();
    let copied = run_in(dir, &["store", "copy", &from, &to, "--json"]);
    assert_eq!(copied.code, 0, "{copied:?}");
    assert_eq!(copied.json()["tables"], before["tables"]);
    let twice = run_in(dir, &["store", "copy", &from, &to]);
    assert_eq!(twice.code, 1, "{twice:?}");
    assert!(twice.stderr.contains("already"), "{twice:?}");
    std::fs::write(&config, text.replace("\"sqlite:bridge.db\"", "\"file:store.secret\"")).unwrap();
    std::fs::remove_file(dir.join("bridge.db")).unwrap();
    assert_eq!(
        run_in(dir, &["store", "check", "--json"]).json()["tables"],
        before["tables"]
    );
    let report = run_in(dir, &["sync", "--json"]).json();
    assert_eq!(
        (&report["converged"], &report["systems"]["crm"]["writes"]),
        (&json!(true), &json!(0)),
        "{report}"
    );
    assert!(!dir.join("bridge.db").exists());

    // one driver
    let mut bridge = service(dir);
    let (patient, contact) = (control.id("P2").await, control.id("C2").await);
    let (patient, contact) = (
        format!("records/halaxy/Patient/{patient}"),
        format!("records/crm/contacts/{contact}"),
    );
    let shown = control.get(&patient).await;
    control.patch(&patient, telecom(&shown, "+61491570444")).await;
    arrives(&control, &contact, |c| {
        digits(c["mobile"].as_str().unwrap_or_default()).ends_with("491570444")
    })
    .await;
    let second = run_in(dir, &["sync"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains("another halaxy-bridge"), "{second:?}");
    assert_eq!(
        run_in(dir, &["status", "--json"]).json()["waiting"]["conflicts"],
        0,
        "reading beside it is fine"
    );
    bridge.0.kill().unwrap();
    bridge.0.wait().unwrap();
    let after = run_in(dir, &["sync", "--json"]);
    assert_eq!(
        after.json()["converged"],
        true,
        "the lock of a killed one is gone: {after:?}"
    );
}

/// A way to the server that can be cut.
struct Proxy {
    port: u16,
    passing: JoinHandle<()>,
}

impl Proxy {
    async fn start(port: u16, target: String) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let passing = tokio::spawn(async move {
            let mut streams = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let target = target.clone();
                streams.spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Proxy { port, passing }
    }

    /// Every connection ends, and none is made any more.
    async fn cut(self) -> u16 {
        self.passing.abort();
        let _ = self.passing.await;
        self.port
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_outlives_a_server_that_is_away_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "plain");
    let config = practice(dir, &ends, "example-crm");
    let control = Control::of(&ends);
    let mut url = reqwest::Url::parse(&server()).unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let proxy = Proxy::start(0, target.clone()).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.port)).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text
        .replace("Sampleton Clinic", &format!("Clinic {}", uuid::Uuid::now_v7()))
        .replace("sqlite:bridge.db", url.as_str());
    std::fs::write(&config, text).unwrap();
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
    let report = run_in(dir, &["sync", "--yes", "--json"]);
    assert_eq!(report.json()["converged"], true, "{report:?}");

    let mut bridge = service(dir);
    let (patient, contact) = (control.id("P2").await, control.id("C2").await);
    let (patient, contact) = (
        format!("records/halaxy/Patient/{patient}"),
        format!("records/crm/contacts/{contact}"),
    );
    let mobile = async |number: &str| {
        let shown = control.get(&patient).await;
        control.patch(&patient, telecom(&shown, number)).await;
    };
    let shows = |number: &'static str| {
        move |c: &serde_json::Value| digits(c["mobile"].as_str().unwrap_or_default()).ends_with(number)
    };
    mobile("+61491570444").await;
    arrives(&control, &contact, shows("491570444")).await;

    let port = proxy.cut().await;
    mobile("+61491570555").await;
    let away = run_in(dir, &["status"]);
    assert_eq!(away.code, 1, "{away:?}");
    assert!(away.stderr.contains("cannot reach the store"), "{away:?}");
    assert!(bridge.0.try_wait().unwrap().is_none(), "it waits for the server");
    let _proxy = Proxy::start(port, target).await;
    arrives(&control, &contact, shows("491570555")).await;
    terminate(&bridge.0);
    assert!(bridge.0.wait().unwrap().success());
}
