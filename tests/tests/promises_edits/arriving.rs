//! Promise 1: what people type arrives, and what nobody decided waits for a person.

use crate::support::BOTH;
use adapter_sandbox::CrmKind;
use bridge_tests::Practice;

#[tokio::test]
async fn promise_1_edits_of_different_units_on_both_sides_meet() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.edit("halaxy", &patient, "family", "Samplewood-Gray");
        practice.edit("crm", &contact, "email", "mim@example.com");
        practice.sync().await;
        for unit in ["mobile", "email", "family", "birth_date", "given"] {
            let (here, there) = (
                practice.shows("halaxy", &patient, unit),
                practice.shows("crm", &contact, unit),
            );
            assert_eq!(here, there, "{crm:?}: {unit}");
        }
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158");
        assert_eq!(practice.shows("halaxy", &patient, "email"), "mim@example.com");
        assert_eq!(practice.shows("crm", &contact, "family"), "Samplewood-Gray");
        assert_eq!(practice.counts().await.conflicts, 0, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_1_a_difference_that_nobody_decided_is_in_review_until_a_person_decides() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.edit("crm", &contact, "mobile", "+61491570159");
        practice.sync().await;
        let entity = practice.entity("halaxy", &patient).await.id;
        assert!(practice.conflict(&entity, "mobile").await.is_some(), "{crm:?}");
        practice.decide(&entity, "mobile", "crm").await;
        practice.sync().await;
        assert_eq!(practice.shows("halaxy", &patient, "mobile"), "+61491570159");
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570159");
        assert_eq!(practice.counts().await.conflicts, 0, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_1_a_conflict_closes_by_itself_when_people_type_the_same() {
    let practice = Practice::settled(CrmKind::Plain).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    practice.edit("crm", &contact, "mobile", "+61491570159");
    practice.sync().await;
    assert_eq!(practice.counts().await.conflicts, 1);
    practice.edit("crm", &contact, "mobile", "0491 570 158");
    let step = practice.sync().await;
    assert_eq!(practice.counts().await.conflicts, 0);
    assert_eq!(step.sent, 0, "another spelling of the same number is no edit");
}
