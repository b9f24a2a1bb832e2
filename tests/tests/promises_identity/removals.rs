//! Promise 4: nothing that people removed comes back.

use crate::support::BOTH;
use bridge_core::{CardKind, LinkState};
use bridge_tests::{Practice, kind};

#[tokio::test]
async fn promise_4_a_contact_removed_in_the_crm_is_not_made_again() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let patient = practice.id("P2");
        let contact = practice.counterpart("halaxy", &patient).await;
        practice.sandbox.person_delete("crm", "contacts", &contact).unwrap();
        practice.sweep().await;
        assert_eq!(
            practice.entity("halaxy", &patient).await.links["crm"].state,
            LinkState::Gone,
            "{crm:?}"
        );
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sync().await;
        practice.sweep().await;
        assert_eq!(
            practice.holding("crm", "bruno@example.org"),
            0,
            "{crm:?}: it stays removed"
        );
        assert_eq!(practice.records("halaxy").len(), 2, "{crm:?}: and stays a patient");
    }
}

#[tokio::test]
async fn promise_4_a_patient_removed_in_halaxy_is_not_made_again_and_the_contact_stays() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.sandbox.person_delete("halaxy", "Patient", &patient).unwrap();
        practice.sweep().await;
        practice.edit("crm", &contact, "mobile", "+61491570158");
        practice.sync().await;
        assert_eq!(practice.records("halaxy").len(), 1, "{crm:?}");
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158", "{crm:?}");
        assert_eq!(
            practice.entity("crm", &contact).await.links["halaxy"].state,
            LinkState::Gone,
            "{crm:?}"
        );
    }
}

#[tokio::test]
async fn promise_4_a_removal_that_meets_an_edit_is_a_card() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sandbox.person_delete("crm", "contacts", &contact).unwrap();
        practice.sweep().await;
        let entity = practice.entity("halaxy", &patient).await;
        let card = entity.cards.iter().find(|c| c.kind == CardKind::RemovedButChanged);
        let card = card.unwrap_or_else(|| panic!("{crm:?}: a card: {entity:?}"));
        assert!(card.units.contains("mobile"), "{crm:?}: {card:?}");
        assert_eq!(practice.holding("crm", "Miriam"), 0, "{crm:?}: nothing is made");
        assert_eq!(
            practice.shows("halaxy", &patient, "mobile"),
            "+61491570158",
            "{crm:?}: nothing is removed"
        );
    }
}

#[tokio::test]
async fn promise_4_a_restored_record_comes_back_into_step() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.sandbox.person_delete("crm", "contacts", &contact).unwrap();
        practice.sweep().await;
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sync().await;
        practice.sandbox.person_restore("crm", "contacts", &contact).unwrap();
        practice.sweep().await;
        assert_eq!(
            practice.entity("halaxy", &patient).await.links["crm"].state,
            LinkState::Live,
            "{crm:?}"
        );
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158", "{crm:?}");
        assert_eq!(practice.records("crm").len(), 2, "{crm:?}: no second one");
    }
}
