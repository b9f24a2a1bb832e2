//! Promise 19: nobody is taken for removed because a list leaves them out.

use crate::support::{BOTH, crowd, is};
use adapter_sandbox::{CrmKind, Manners, Phase, Verdict};
use bridge_core::LinkState;
use bridge_tests::{Practice, Purpose};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn promise_19_a_missing_scope_removes_nobody() {
    for (system, crm, scope) in [
        ("halaxy", CrmKind::Plain, "Patient.read"),
        ("crm", CrmKind::Hubspot, "crm.objects.contacts.read"),
    ] {
        let practice = Practice::settled(crm).await;
        practice
            .sandbox
            .set_switches(system, &json!({ "missing_scopes": [scope] }))
            .unwrap();
        practice.engine.sweep_now();
        practice.rounds(2).await;
        assert!(
            practice.engine.health()[system].trouble.is_some(),
            "{system}: trouble is shown"
        );
        for entity in practice.entities().await {
            for link in entity.links.values() {
                assert_eq!(link.state, LinkState::Live, "{system}: nobody is taken for removed");
            }
        }
        assert_eq!(practice.records("crm").len(), 2, "{system}");
        assert_eq!(practice.records("halaxy").len(), 2, "{system}");
    }
}

#[tokio::test]
async fn promise_19_a_listing_that_is_empty_removes_nobody() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let ids = [practice.id("P1"), practice.id("P2")];
    for id in &ids {
        practice.sandbox.person_delete("halaxy", "Patient", id).unwrap();
    }
    practice.sweep().await;
    for id in &ids {
        assert_eq!(
            practice.entity("halaxy", id).await.links["halaxy"].state,
            LinkState::Live,
            "an empty answer proves nothing"
        );
    }
}

#[tokio::test]
async fn promise_19_a_failed_page_or_a_row_that_slips_between_pages_removes_nobody() {
    for crm in BOTH {
        const COUNT: usize = 220;
        let practice = Practice::start(crm, Manners::Polite, vec![], crowd("C", COUNT)).await;
        practice.sync().await;
        let broken = AtomicUsize::new(0);
        practice.sandbox.on_call(Box::new(move |info| {
            let later_page = info.query.contains("after=") || info.query.contains("offset=1");
            let hit = info.system == "crm" && info.phase == Phase::Arrived && is(info, Purpose::Poll) && later_page;
            if hit && broken.fetch_add(1, Ordering::SeqCst) < 1 {
                Verdict::Status(404)
            } else {
                Verdict::Go
            }
        }));
        practice.engine.sweep_now();
        practice.rounds(1).await;
        practice.sync().await;
        practice.sweep().await;
        let gone = practice
            .entities()
            .await
            .iter()
            .filter(|e| e.links["crm"].state != LinkState::Live)
            .count();
        assert_eq!(gone, 0, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_19_a_record_that_one_list_leaves_out_is_read_before_it_is_called_removed() {
    const COUNT: usize = 220;
    let practice = Practice::start(CrmKind::Plain, Manners::Polite, vec![], crowd("C", COUNT)).await;
    practice.sync().await;
    practice
        .sandbox
        .set_switches("crm", &json!({ "list_newest_first": true }))
        .unwrap();
    let (sandbox, targets) = (
        Arc::downgrade(&practice.sandbox),
        (0..COUNT).map(|i| practice.id(&format!("C{i}"))).collect::<Vec<_>>(),
    );
    // While pages are read, contacts of later pages move to the front, behind the reader's back.
    let turn = AtomicUsize::new(0);
    practice.sandbox.on_call(Box::new(move |info| {
        if info.system == "crm"
            && info.phase == Phase::Applied
            && is(info, Purpose::Poll)
            && info.query.contains("offset=0")
        {
            let sandbox = sandbox.upgrade().unwrap();
            let turn = turn.fetch_add(1, Ordering::SeqCst);
            if turn < 2 {
                for target in targets.iter().rev().take(30) {
                    sandbox
                        .person_edit("crm", "contacts", target, &json!({ "notes": format!("{turn}") }))
                        .unwrap();
                }
            }
        }
        Verdict::Go
    }));
    practice.sweep().await;
    let gone = practice
        .entities()
        .await
        .iter()
        .filter(|e| e.links["crm"].state != LinkState::Live)
        .count();
    assert_eq!(gone, 0);
}
