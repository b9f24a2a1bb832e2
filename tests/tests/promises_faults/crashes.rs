//! Promise 8: killed at any point it carries on by itself.

use crate::support::is;
use adapter_sandbox::{CrmKind, Manners, Phase, Verdict};
use bridge_tests::{Practice, Purpose, now, person};
use std::sync::Arc;
use tokio::sync::Notify;

/// Runs until the crash: the step is dropped when a call of that purpose stands in that phase.
async fn crash(practice: &mut Practice, system: &'static str, phase: Phase, wanted: Purpose) {
    let strike = Arc::new(Notify::new());
    let struck = Arc::clone(&strike);
    practice.sandbox.on_call(Box::new(move |info| {
        if info.system == system && info.phase == phase && is(info, wanted) {
            struck.notify_one();
            return Verdict::Delay(200_000);
        }
        Verdict::Go
    }));
    practice.engine.approve().await.unwrap();
    let run = async {
        loop {
            practice.engine.poll_now();
            practice.engine.step(now()).await.unwrap();
        }
    };
    tokio::select! {
        () = run => {}
        () = strike.notified() => {}
    }
    practice.sandbox.clear_hook();
    practice.reopen().await;
}

async fn killed_while_creating(crm: CrmKind, phase: Phase, wanted: Purpose) {
    let patients = vec![person(
        "P2",
        "Bruno",
        "Testacre",
        "1970-12-01",
        "+61491570156",
        "bruno@example.org",
    )];
    let mut practice = Practice::start(crm, Manners::Polite, patients, vec![]).await;
    practice.without_lag().await;
    crash(&mut practice, "crm", phase, wanted).await;
    practice.sync().await;
    let at = format!("{crm:?} {wanted:?} {phase:?}");
    assert_eq!(practice.records("crm").len(), 1, "{at}: made once");
    let contact = practice.counterpart("halaxy", &practice.id("P2")).await;
    assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570156", "{at}");
}

#[tokio::test]
async fn promise_8_killed_at_any_call_it_carries_on_by_itself() {
    tokio::join!(
        killed_while_creating(CrmKind::Hubspot, Phase::Arrived, Purpose::Poll),
        killed_while_creating(CrmKind::Hubspot, Phase::Arrived, Purpose::Write),
        killed_while_creating(CrmKind::Hubspot, Phase::Applied, Purpose::Poll),
        killed_while_creating(CrmKind::Hubspot, Phase::Applied, Purpose::Write),
        killed_while_creating(CrmKind::Plain, Phase::Arrived, Purpose::Poll),
        killed_while_creating(CrmKind::Plain, Phase::Arrived, Purpose::Write),
        killed_while_creating(CrmKind::Plain, Phase::Applied, Purpose::Poll),
        killed_while_creating(CrmKind::Plain, Phase::Applied, Purpose::Write),
    );
}

async fn killed_while_updating(crm: CrmKind, system: &'static str, phase: Phase, wanted: Purpose) {
    let mut practice = Practice::settled(crm).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let (from, id) = if system == "crm" {
        ("halaxy", &patient)
    } else {
        ("crm", &contact)
    };
    practice.edit(from, id, "mobile", "+61491570158");
    crash(&mut practice, system, phase, wanted).await;
    practice.sync().await;
    let at = format!("{crm:?} {system} {wanted:?} {phase:?}");
    assert_eq!(practice.shows("halaxy", &patient, "mobile"), "+61491570158", "{at}");
    assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158", "{at}");
    assert_eq!(practice.counts().await.conflicts, 0, "{at}");
}

#[tokio::test]
async fn promise_8_killed_within_an_update_loses_no_edit() {
    tokio::join!(
        killed_while_updating(CrmKind::Hubspot, "crm", Phase::Applied, Purpose::Read),
        killed_while_updating(CrmKind::Hubspot, "crm", Phase::Arrived, Purpose::Write),
        killed_while_updating(CrmKind::Hubspot, "crm", Phase::Applied, Purpose::Write),
        killed_while_updating(CrmKind::Plain, "crm", Phase::Applied, Purpose::Read),
        killed_while_updating(CrmKind::Plain, "crm", Phase::Arrived, Purpose::Write),
        killed_while_updating(CrmKind::Plain, "crm", Phase::Applied, Purpose::Write),
        killed_while_updating(CrmKind::Plain, "halaxy", Phase::Applied, Purpose::Read),
        killed_while_updating(CrmKind::Plain, "halaxy", Phase::Arrived, Purpose::Write),
        killed_while_updating(CrmKind::Plain, "halaxy", Phase::Applied, Purpose::Write),
    );
}
