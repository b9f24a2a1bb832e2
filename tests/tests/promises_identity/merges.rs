//! Promise 13: records that were merged.

use adapter_sandbox::{CrmKind, Manners};
use bridge_store::Page;
use bridge_tests::{Practice, kind, person};
use serde_json::json;

/// Two linked people whose contacts somebody merges; gives the survivor's id.
async fn merged(new_id: bool) -> (Practice, String) {
    let people = |side: &str| {
        vec![
            person(
                &format!("{side}1"),
                "Miriam",
                "Samplewood",
                "1988-04-17",
                "+61491570006",
                "miriam@example.org",
            ),
            person(
                &format!("{side}2"),
                "Bruno",
                "Testacre",
                "1970-12-01",
                "+61491570156",
                "bruno@example.org",
            ),
        ]
    };
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, people("P"), people("C")).await;
    practice
        .sandbox
        .set_switches("crm", &json!({ "merge_gives_new_id": new_id }))
        .unwrap();
    assert_eq!(practice.sync().await.linked, 2);
    let survivor = practice
        .sandbox
        .person_merge("crm", "contacts", &practice.id("C1"), &practice.id("C2"))
        .unwrap();
    practice.sync().await;
    practice.sweep().await;
    (practice, survivor)
}

#[tokio::test]
async fn promise_13_a_merge_is_held_for_a_person_and_carries_nobodys_values_elsewhere() {
    for new_id in [false, true] {
        let (practice, survivor) = merged(new_id).await;
        assert!(practice.counts().await.cards > 0, "new id {new_id}: a card is filed");
        practice
            .sandbox
            .person_edit("crm", "contacts", &survivor, &json!({ "mobilephone": "+61491570110" }))
            .unwrap();
        practice.edit("halaxy", &practice.id("P2"), "email", "bruno@example.com");
        practice.sync().await;
        for (csv, given, mobile) in [("P1", "Miriam", "+61491570006"), ("P2", "Bruno", "+61491570156")] {
            let patient = practice.id(csv);
            assert_eq!(practice.shows("halaxy", &patient, "given"), given, "new id {new_id}");
            assert_eq!(
                practice.shows("halaxy", &patient, "mobile"),
                mobile,
                "new id {new_id}: nothing is read out of it"
            );
        }
        let shown = practice
            .sandbox
            .record("crm", "contacts", &survivor)
            .unwrap()
            .to_string();
        assert!(
            !shown.contains("bruno@example.com"),
            "new id {new_id}: nothing is written into it"
        );
        assert_eq!(
            practice.records("crm").len(),
            1,
            "new id {new_id}: nobody is made again"
        );
    }
}

#[tokio::test]
async fn promise_13_after_a_person_has_seen_a_merge_the_survivor_is_in_step_again() {
    for new_id in [false, true] {
        let (practice, survivor) = merged(new_id).await;
        let cards = practice
            .engine
            .store()
            .cards(&Default::default(), &Page::first(10))
            .await
            .unwrap()
            .rows;
        for row in &cards {
            practice.engine.dismiss(row, "reception").await.unwrap();
        }
        practice.sync().await;
        assert_eq!(practice.counts().await.cards, 0, "new id {new_id}");
        practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
        practice.edit("halaxy", &practice.id("P2"), "mobile", "+61491570159");
        practice.sync().await;
        assert_eq!(practice.shows("crm", &survivor, "given"), "Miriam", "new id {new_id}");
        assert_eq!(
            practice.shows("crm", &survivor, "mobile"),
            "+61491570158",
            "new id {new_id}"
        );
        assert_eq!(
            practice.shows("halaxy", &practice.id("P2"), "given"),
            "Bruno",
            "new id {new_id}"
        );
        assert_eq!(
            practice.records("crm").len(),
            1,
            "new id {new_id}: the other is not made again"
        );
    }
}

#[tokio::test]
async fn promise_13_merged_patients_are_told_apart_from_removed_ones() {
    let (patients, contacts) = (
        vec![
            person(
                "P1",
                "Miriam",
                "Samplewood",
                "1988-04-17",
                "+61491570006",
                "miriam@example.org",
            ),
            person(
                "P2",
                "Bruno",
                "Testacre",
                "1970-12-01",
                "+61491570156",
                "bruno@example.org",
            ),
        ],
        vec![],
    );
    let practice = Practice::start(CrmKind::Plain, Manners::Polite, patients, contacts).await;
    practice
        .sandbox
        .set_switches("halaxy", &json!({ "merged": "survivor" }))
        .unwrap();
    practice.sync().await;
    let (kept, lost) = (practice.id("P1"), practice.id("P2"));
    let contacts = [
        practice.counterpart("halaxy", &kept).await,
        practice.counterpart("halaxy", &lost).await,
    ];
    practice
        .sandbox
        .person_merge("halaxy", kind("halaxy"), &kept, &lost)
        .unwrap();
    practice.sweep().await;
    assert!(practice.counts().await.cards > 0, "a person says what the merge means");
    practice.edit("halaxy", &kept, "mobile", "+61491570158");
    practice.sync().await;
    assert_eq!(
        practice.shows("crm", &contacts[1], "given"),
        "Bruno",
        "the survivor's values stay with the survivor"
    );
    assert_eq!(practice.shows("crm", &contacts[1], "mobile"), "+61491570156");
    assert_eq!(practice.records("crm").len(), 2);
}
