//! Whoever loses the right to drive sends nothing any more, and whoever gets it does not spend limits twice.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::CrmKind;
use bridge_core::WriteState;
use bridge_engine::EngineError;
use bridge_tests::{Practice, Purpose, now};
use halaxy_bridge::{config, wiring};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A practice whose CRM takes one call a second.
async fn slow() -> Practice {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let shipped = include_str!("../../adapters/rest/connectors/example-crm.toml");
    let usual = shipped.lines().find(|line| line.contains("calls = 100, per")).unwrap();
    let slow = shipped.replace(usual, "  { calls = 1, per = \"1s\" },");
    practice.configure("connectors/example-crm.toml", &slow).await;
    practice
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_waits_for_a_limit_is_not_sent_once_the_right_is_lost() {
    let mut practice = slow().await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let right = CancellationToken::new();
    let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    practice.engine = wiring::desk(&config).await.unwrap(); // lets the lock go
    practice.engine = wiring::engine(&config).await.unwrap().until(right.clone());
    practice.edit("halaxy", &patient, "mobile", "+61491570158");

    // The guard was read, the write is marked, and now it waits for its turn.
    let before = practice.last_call();
    let lose = async {
        let marked = async || practice.entity("crm", &contact).await.writes.get("crm").cloned();
        while marked().await.is_none_or(|write| write.state != WriteState::Sent) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        right.cancel();
        Instant::now()
    };
    let drives = async {
        loop {
            if let Err(error) = practice.engine.step(now()).await {
                return (error, Instant::now());
            }
        }
    };
    let ((error, ended), lost) = tokio::join!(drives, lose);
    assert!(matches!(error, EngineError::Dismissed), "{error}");
    assert!(
        ended.saturating_duration_since(lost) < Duration::from_millis(500),
        "at once"
    );
    assert!(matches!(practice.engine.step(now()).await, Err(EngineError::Dismissed)));
    assert_eq!(practice.calls(before, "crm", Purpose::Write).len(), 0);
    assert!(practice.shows("crm", &contact, "mobile").ends_with("0006"));

    // The next driver looks what became of it, and sends it once.
    practice.reopen().await;
    practice.sync().await;
    assert!(practice.shows("crm", &contact, "mobile").ends_with("0158"));
    assert_eq!(practice.calls(before, "crm", Purpose::Write).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_driver_begins_without_a_burst() {
    let mut practice = slow().await;
    let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    assert!(
        bridge_engine::drove_lately(practice.engine.store(), now())
            .await
            .unwrap()
    );
    assert!(
        !bridge_engine::drove_lately(practice.engine.store(), now() + 91_000_000)
            .await
            .unwrap()
    );
    practice.engine = wiring::desk(&config).await.unwrap(); // lets the lock go
    let begun = Instant::now();
    practice.engine = wiring::engine(&config).await.unwrap();
    practice.engine.poll_now();
    practice.engine.observe(now()).await.unwrap();
    assert!(begun.elapsed() > Duration::from_millis(1_000), "{:?}", begun.elapsed());
}
