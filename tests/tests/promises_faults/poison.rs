//! Promises 10 and 18: what cannot be read or written waits alone, and is named.

use crate::support::BOTH;
use adapter_sandbox::{CrmKind, FaultKind, FaultRule};
use bridge_tests::{Practice, Purpose, fault};

#[tokio::test]
async fn promise_10_a_record_that_cannot_be_written_waits_alone() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let patients = [practice.id("P1"), practice.id("P2")];
        let contacts = [practice.id("C1"), practice.counterpart("halaxy", &patients[1]).await];
        let mut poison = fault(
            "halaxy",
            FaultKind::Status,
            "PATCH",
            &format!("/Patient/{}", patients[0]),
        );
        poison.status = Some(422);
        practice.sandbox.set_faults(vec![FaultRule { count: None, ..poison }]);
        practice.edit("crm", &contacts[0], "mobile", "+61491570158");
        practice.edit("crm", &contacts[1], "mobile", "+61491570159");
        let after = practice.last_call();
        practice.sync().await;
        assert_eq!(
            practice.shows("halaxy", &patients[1], "mobile"),
            "+61491570159",
            "{crm:?}: the other goes on"
        );
        assert_eq!(
            practice.shows("halaxy", &patients[0], "mobile"),
            "+61491570006",
            "{crm:?}"
        );
        assert!(practice.counts().await.held > 0, "{crm:?}: it waits with a reason");
        let tries = practice
            .calls(after, "halaxy", Purpose::Write)
            .iter()
            .filter(|c| c.path.ends_with(&patients[0]))
            .count();
        assert!(tries <= 2, "{crm:?}: it does not spin: {tries}");

        practice.sandbox.set_faults(vec![]);
        let entity = practice.entity("halaxy", &patients[0]).await.id;
        practice.engine.replay(&entity, "reception").await.unwrap();
        practice.sync().await;
        assert_eq!(
            practice.shows("halaxy", &patients[0], "mobile"),
            "+61491570158",
            "{crm:?}: replayed alone"
        );
        assert_eq!(practice.counts().await.held, 0, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_10_a_field_that_is_refused_waits_and_the_rest_of_the_record_goes_ahead() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    // Halaxy takes a mailbox that HubSpot refuses.
    practice.edit("halaxy", &patient, "email", "miriam@clinic");
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    practice.sync().await;
    assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158");
    assert_eq!(practice.shows("crm", &contact, "email"), "miriam@example.org");
    assert!(practice.counts().await.held > 0, "the mailbox waits with a reason");
    practice.edit("halaxy", &patient, "email", "mim@example.com");
    practice.sync().await;
    assert_eq!(
        practice.shows("crm", &contact, "email"),
        "mim@example.com",
        "another value is tried afresh"
    );
    assert_eq!(practice.counts().await.held, 0);
}

#[tokio::test]
async fn promise_10_a_record_that_cannot_be_read_waits_alone() {
    let practice = Practice::settled(CrmKind::Plain).await;
    let patients = [practice.id("P1"), practice.id("P2")];
    let contacts = [practice.id("C1"), practice.counterpart("halaxy", &patients[1]).await];
    let mut poison = fault("crm", FaultKind::Status, "GET", &format!("/contacts/{}", contacts[0]));
    poison.status = Some(500);
    practice.sandbox.set_faults(vec![FaultRule { count: None, ..poison }]);
    practice.edit("halaxy", &patients[0], "mobile", "+61491570158");
    practice.edit("halaxy", &patients[1], "mobile", "+61491570159");
    practice.rounds(3).await;
    assert_eq!(
        practice.shows("crm", &contacts[1], "mobile"),
        "+61491570159",
        "the other goes on"
    );
    practice.sandbox.set_faults(vec![]);
}

#[tokio::test]
async fn promise_10_an_account_that_is_down_delays_only_itself() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let down = |system: &str| FaultRule {
        count: None,
        method: None,
        ..fault(system, FaultKind::Status, "GET", "/halaxy/")
    };
    practice.sandbox.set_faults(vec![down("halaxy")]);
    practice.edit("crm", &contact, "mobile", "+61491570158");
    practice.rounds(2).await;
    let entity = practice.entity("crm", &contact).await;
    assert_eq!(
        entity.agreed["mobile"].value.as_text(),
        Some("+61491570158"),
        "the CRM goes on being heard"
    );
    practice.sandbox.set_faults(vec![]);
    practice.sync().await;
    assert_eq!(
        practice.shows("halaxy", &patient, "mobile"),
        "+61491570158",
        "and what waited arrives"
    );
}

async fn unseen(system: &str, crm: CrmKind) {
    let practice = Practice::settled(crm).await;
    let seen = practice.engine.health()[system].last_seen.expect("it was seen");
    let other = if system == "crm" { "halaxy" } else { "crm" };
    let mut down = fault(system, FaultKind::Status, "GET", "");
    (down.status, down.method, down.count) = (Some(503), None, None);
    practice.sandbox.set_faults(vec![down]);
    practice.rounds(1).await;
    let health = practice.engine.health();
    assert!(
        health[system].trouble.is_some() && health[system].failures > 0,
        "{crm:?} {system}: {health:?}"
    );
    assert_eq!(
        health[system].last_seen,
        Some(seen),
        "{crm:?} {system}: an attempt is not a look"
    );
    assert!(
        health[other].trouble.is_none() && health[other].last_seen > Some(seen),
        "{crm:?} {other}: {health:?}"
    );
    assert!(
        !practice.engine.settled().await.unwrap(),
        "{crm:?} {system}: unable to look is not nothing to do"
    );
    practice.sandbox.set_faults(vec![]);
    practice.sync().await;
    assert!(
        practice.engine.health()[system].trouble.is_none(),
        "{crm:?} {system}: and it is over when it is over"
    );
}

#[tokio::test]
async fn promise_18_a_system_that_cannot_be_seen_is_named_and_dated() {
    tokio::join!(
        unseen("halaxy", CrmKind::Plain),
        unseen("crm", CrmKind::Plain),
        unseen("crm", CrmKind::Hubspot),
    );
}
