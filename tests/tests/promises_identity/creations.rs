//! Promise 3: nothing is created twice.

use crate::support::{BOTH, bruno};
use adapter_sandbox::{CrmKind, FaultKind, Manners};
use bridge_tests::{Practice, fault, kind, person, writing};

async fn lost_create(crm: CrmKind, kind: FaultKind) {
    let mut practice = Practice::start(crm, Manners::Polite, bruno(), vec![]).await;
    practice.without_lag().await;
    let create = writing("crm", crm)[0];
    practice
        .sandbox
        .set_faults(vec![fault("crm", kind, create.0, create.1)]);
    practice.sync().await;
    assert!(
        practice.sandbox.faults().is_empty(),
        "{crm:?} {kind:?}: the fault struck"
    );
    assert_eq!(practice.holding("crm", "bruno@example.org"), 1, "{crm:?} {kind:?}");
    practice.sync().await;
    assert_eq!(practice.records("crm").len(), 1, "{crm:?} {kind:?}");
    let contact = practice.counterpart("halaxy", &practice.id("P2")).await;
    assert_eq!(practice.shows("crm", &contact, "email"), "bruno@example.org");
}

#[tokio::test]
async fn promise_3_a_create_whose_answer_is_lost_makes_one_record() {
    tokio::join!(
        lost_create(CrmKind::Hubspot, FaultKind::DropBefore),
        lost_create(CrmKind::Hubspot, FaultKind::DropAfter),
        lost_create(CrmKind::Plain, FaultKind::DropBefore),
        lost_create(CrmKind::Plain, FaultKind::DropAfter),
    );
}

#[tokio::test]
async fn promise_3_a_create_that_lands_late_is_found_and_not_repeated() {
    for crm in BOTH {
        let practice = Practice::start(crm, Manners::Polite, bruno(), vec![]).await;
        let create = writing("crm", crm)[0];
        let mut late = fault("crm", FaultKind::DropLate, create.0, create.1);
        late.delay_ms = Some(400);
        practice.sandbox.set_faults(vec![late]);
        practice.sync().await;
        practice.sync().await;
        assert_eq!(practice.records("crm").len(), 1, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_3_a_store_that_is_lost_leads_to_links_and_not_to_records() {
    for crm in BOTH {
        let mut practice = Practice::settled(crm).await;
        practice.forget().await;
        let step = practice.sync().await;
        assert_eq!(practice.records("crm").len(), 2, "{crm:?}");
        assert_eq!(practice.records("halaxy").len(), 2, "{crm:?}");
        assert_eq!(step.linked, 2, "{crm:?}: {step:?}");
    }
}

#[tokio::test]
async fn promise_3_a_like_name_holds_a_creation_back_without_being_asked_about_until_released() {
    for crm in BOTH {
        let born = "1988-04-17";
        let patients = vec![person(
            "P1",
            "Miriam",
            "Samplewood",
            born,
            "+61491570006",
            "mim@example.org",
        )];
        let contacts = vec![person("C1", "Miriam", "Quillfeather", "", "", "other@example.com")];
        let practice = Practice::start(crm, Manners::Polite, patients, contacts).await;
        practice.sync().await;
        let counts = practice.counts().await;
        assert_eq!((counts.candidates, counts.faint), (0, 1), "{crm:?}: not worth a look");
        assert_eq!(practice.records("crm").len(), 1, "{crm:?}: she may have married");
        assert_eq!(practice.engine.release_faint("reception").await.unwrap(), 1);
        practice.sync().await;
        practice.sync().await;
        assert_eq!(practice.records("crm").len(), 2, "{crm:?}: made once");
        assert_eq!(practice.counts().await.faint, 0, "{crm:?}");
    }
}
