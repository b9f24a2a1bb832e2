//! Promise 2: an edit beside a write whose answer was lost.

use crate::support::BOTH;
use adapter_sandbox::{CrmKind, FaultKind};
use bridge_tests::{Practice, Purpose, fault, writing};

async fn lost_update(crm: CrmKind, system: &'static str, kind: FaultKind) {
    let practice = Practice::settled(crm).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let update = writing(system, crm)[1];
    practice
        .sandbox
        .set_faults(vec![fault(system, kind, update.0, update.1)]);
    let (from, id) = if system == "crm" {
        ("halaxy", &patient)
    } else {
        ("crm", &contact)
    };
    let after = practice.last_call();
    practice.edit(from, id, "mobile", "+61491570158");
    practice.sync().await;
    assert!(
        practice.sandbox.faults().is_empty(),
        "{crm:?} {system} {kind:?}: the fault struck"
    );
    for side in [("halaxy", &patient), ("crm", &contact)] {
        assert_eq!(
            practice.shows(side.0, side.1, "mobile"),
            "+61491570158",
            "{crm:?} {kind:?}: {}",
            side.0
        );
    }
    let writes = practice.calls(after, system, Purpose::Write).len();
    let needed = if kind == FaultKind::DropBefore { 2 } else { 1 };
    assert_eq!(
        writes, needed,
        "{crm:?} {system} {kind:?}: what landed is not sent again"
    );
    assert_eq!(practice.counts().await.conflicts, 0);
}

#[tokio::test]
async fn promise_2_an_update_whose_answer_is_lost_is_looked_at_and_arrives_once() {
    tokio::join!(
        lost_update(CrmKind::Hubspot, "crm", FaultKind::DropBefore),
        lost_update(CrmKind::Hubspot, "crm", FaultKind::DropAfter),
        lost_update(CrmKind::Plain, "crm", FaultKind::DropBefore),
        lost_update(CrmKind::Plain, "crm", FaultKind::DropAfter),
        lost_update(CrmKind::Plain, "halaxy", FaultKind::DropBefore),
        lost_update(CrmKind::Plain, "halaxy", FaultKind::DropAfter),
    );
}

async fn beside_unseen(crm: CrmKind, kind: FaultKind) {
    let practice = Practice::settled(crm).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let update = writing("crm", crm)[1];
    practice
        .sandbox
        .set_faults(vec![fault("crm", kind, update.0, update.1)]);
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    practice.rounds(1).await;
    practice.edit("crm", &contact, "email", "mim@example.com");
    practice.sync().await;
    assert_eq!(
        practice.shows("halaxy", &patient, "email"),
        "mim@example.com",
        "{crm:?} {kind:?}"
    );
    let entity = practice.entity("halaxy", &patient).await;
    // The record moved meanwhile, so the old number may be an edit made after ours landed.
    let agreed = practice.shows("crm", &contact, "mobile") == "+61491570158";
    assert!(
        agreed || entity.conflicts.contains_key("mobile"),
        "{crm:?} {kind:?}: lost in silence"
    );
    assert_eq!(agreed, kind == FaultKind::DropAfter, "{crm:?} {kind:?}");
}

#[tokio::test]
async fn promise_2_an_edit_beside_an_unseen_outcome_is_not_lost() {
    tokio::join!(
        beside_unseen(CrmKind::Hubspot, FaultKind::DropBefore),
        beside_unseen(CrmKind::Hubspot, FaultKind::DropAfter),
        beside_unseen(CrmKind::Plain, FaultKind::DropBefore),
        beside_unseen(CrmKind::Plain, FaultKind::DropAfter),
    );
}

#[tokio::test]
async fn promise_2_a_late_landing_meets_the_edit_it_would_have_buried() {
    let practice = Practice::settled(CrmKind::Plain).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let mut late = fault("crm", FaultKind::DropLate, "PATCH", "/contacts/");
    late.delay_ms = Some(500);
    practice.sandbox.set_faults(vec![late]);
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    practice.rounds(1).await;
    practice.edit("crm", &contact, "email", "mim@example.com");
    practice.sync().await;
    for side in [("halaxy", &patient), ("crm", &contact)] {
        assert_eq!(practice.shows(side.0, side.1, "mobile"), "+61491570158", "{}", side.0);
        assert_eq!(practice.shows(side.0, side.1, "email"), "mim@example.com", "{}", side.0);
    }
}

#[tokio::test]
async fn promise_2_an_edit_that_our_unseen_write_may_have_buried_is_asked_about() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        let update = writing("crm", crm)[1];
        practice
            .sandbox
            .set_faults(vec![fault("crm", FaultKind::DropAfter, update.0, update.1)]);
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.rounds(1).await;
        // Somebody overwrites what landed; nobody can tell whether they saw it.
        practice.edit("crm", &contact, "mobile", "+61491570159");
        practice.sync().await;
        let entity = practice.entity("halaxy", &patient).await;
        let taken = practice.shows("halaxy", &patient, "mobile") == "+61491570159";
        assert!(taken || entity.conflicts.contains_key("mobile"), "{crm:?}: {entity:?}");
        assert_eq!(
            practice.shows("crm", &contact, "mobile"),
            "+61491570159",
            "{crm:?}: never written over"
        );
    }
}
