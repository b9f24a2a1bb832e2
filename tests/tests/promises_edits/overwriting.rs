//! Promise 2: nothing that people type is overwritten unseen.

use crate::support::BOTH;
use adapter_sandbox::{Author, CallInfo, CrmKind, Phase};
use bridge_tests::{Practice, Purpose, now, purpose};

#[tokio::test]
async fn promise_2_both_values_of_a_conflict_stay_where_they_were_typed() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.edit("crm", &contact, "mobile", "+61491570159");
        practice.edit("crm", &contact, "email", "mim@example.com");
        practice.sync().await;
        assert_eq!(practice.shows("halaxy", &patient, "mobile"), "+61491570158");
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570159");
        assert_eq!(
            practice.shows("halaxy", &patient, "email"),
            "mim@example.com",
            "the other units go on"
        );
    }
}

#[tokio::test]
async fn promise_2_an_edit_between_guard_and_write_of_another_unit_survives() {
    for (crm, system) in [
        (CrmKind::Hubspot, "crm"),
        (CrmKind::Plain, "crm"),
        (CrmKind::Plain, "halaxy"),
    ] {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        // Halaxy keeps mobile and mailbox in one list, which a write replaces as a whole.
        let (unit, value) = if system == "crm" {
            ("email", "mim@example.com")
        } else {
            ("birth_date", "1988-04-18")
        };
        let (from, id) = if system == "crm" {
            ("halaxy", &patient)
        } else {
            ("crm", &contact)
        };
        let target = if system == "crm" {
            contact.clone()
        } else {
            patient.clone()
        };
        let patch = match (system, crm) {
            ("halaxy", _) => serde_json::json!({ "birthDate": value }),
            _ => serde_json::json!({ "email": value }),
        };
        practice.before_next_write(system, move |sandbox| {
            sandbox
                .person_edit(system, bridge_tests::kind(system), &target, &patch)
                .unwrap();
        });
        practice.edit(from, id, "mobile", "+61491570158");
        practice.sync().await;
        for side in [("halaxy", &patient), ("crm", &contact)] {
            assert_eq!(
                practice.shows(side.0, side.1, "mobile"),
                "+61491570158",
                "{crm:?} {system}"
            );
            assert_eq!(
                practice.shows(side.0, side.1, unit),
                value,
                "{crm:?} {system}: {}",
                side.0
            );
        }
    }
}

#[tokio::test]
async fn promise_2_an_edit_seen_by_the_guard_is_not_overwritten() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        let target = contact.clone();
        let member = if crm == CrmKind::Hubspot {
            "mobilephone"
        } else {
            "mobile"
        };
        let guard = |info: &CallInfo| {
            info.phase == Phase::Arrived && purpose(&info.method, &info.path, &info.query) == Purpose::Read
        };
        practice.once("crm", guard, move |sandbox| {
            sandbox
                .person_edit(
                    "crm",
                    "contacts",
                    &target,
                    &serde_json::json!({ member: "+61491570159" }),
                )
                .unwrap();
        });
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sync().await;
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570159", "{crm:?}");
        let entity = practice.entity("halaxy", &patient).await;
        assert!(
            entity.conflicts.contains_key("mobile"),
            "{crm:?}: both edits are in review: {entity:?}"
        );
    }
}

#[tokio::test]
async fn promise_2_an_edit_after_our_write_and_before_its_answer_is_taken() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        let target = contact.clone();
        let member = if crm == CrmKind::Hubspot {
            "mobilephone"
        } else {
            "mobile"
        };
        let written = |info: &CallInfo| {
            info.phase == Phase::Applied && purpose(&info.method, &info.path, &info.query) == Purpose::Write
        };
        practice.once("crm", written, move |sandbox| {
            sandbox
                .person_edit(
                    "crm",
                    "contacts",
                    &target,
                    &serde_json::json!({ member: "+61491570159" }),
                )
                .unwrap();
        });
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sync().await;
        for side in [("halaxy", &patient), ("crm", &contact)] {
            assert_eq!(
                practice.shows(side.0, side.1, "mobile"),
                "+61491570159",
                "{crm:?}: the later edit stands"
            );
        }
    }
}

#[tokio::test]
async fn promise_2_a_write_that_is_taken_and_ignored_is_held_with_its_reason() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    practice
        .sandbox
        .set_switches("halaxy", &serde_json::json!({ "null_clears": false }))
        .unwrap();
    practice.edit("crm", &contact, "birth_date", "");
    practice.sync().await;
    let entity = practice.entity("halaxy", &patient).await;
    assert!(
        entity.conflicts.contains_key("birth_date"),
        "a cleared birth date waits for a person"
    );
    practice.decide(&entity.id, "birth_date", "crm").await;
    let after = practice.last_call();
    practice.sync().await;
    let entity = practice.entity("halaxy", &patient).await;
    assert_eq!(
        practice.shows("halaxy", &patient, "birth_date"),
        "1988-04-17",
        "Halaxy passed the null over"
    );
    let held = entity.links["halaxy"].units["birth_date"]
        .held
        .as_ref()
        .expect("a hold");
    assert_eq!(held.why, bridge_core::Hold::NotTaken);
    assert!(practice.counts().await.held > 0, "and it is counted");
    assert_eq!(
        practice.shows("crm", &contact, "birth_date"),
        "",
        "the value kept there is no edit"
    );
    assert_eq!(
        practice.calls(after, "halaxy", Purpose::Write).len(),
        1,
        "and it is not tried for ever"
    );
}

#[tokio::test]
async fn promise_2_edits_of_one_unit_by_form_and_by_person_are_told_apart() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let entity = practice.entity("halaxy", &patient).await.id;
    for (author, value) in [(Author::Form, "+61491570158"), (Author::Import, "+61491570159")] {
        practice.edit_as("crm", &contact, "mobile", value, author);
        practice.sync().await;
        assert_eq!(
            practice.shows("halaxy", &patient, "mobile"),
            "+61491570006",
            "{author:?}: waits for a person"
        );
        let (_, conflict) = practice.conflict(&entity, "mobile").await.expect("it is in review");
        assert!(
            conflict.values.values().any(|v| v.as_text() == Some(value)),
            "{author:?}: {conflict:?}"
        );
    }
    practice.edit("crm", &contact, "mobile", "+61491570110");
    practice.sync().await;
    assert_eq!(
        practice.shows("halaxy", &patient, "mobile"),
        "+61491570110",
        "typed by a person of the practice"
    );
    assert_eq!(practice.counts().await.conflicts, 0);
}

#[tokio::test]
async fn promise_2_the_window_between_guard_and_write_is_as_documented() {
    let practice = Practice::settled(CrmKind::Plain).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let target = contact.clone();
    practice.before_next_write("crm", move |sandbox| {
        sandbox
            .person_edit(
                "crm",
                "contacts",
                &target,
                &serde_json::json!({ "mobile": "+61491570159" }),
            )
            .unwrap();
    });
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    practice.sync().await;
    // This product has neither conditional writes nor a history: the edit of the same unit in these
    // milliseconds is overwritten, and both sides agree on the value that was sent.
    assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158");
    assert_eq!(practice.shows("halaxy", &patient, "mobile"), "+61491570158");
    let entity = practice.entity("halaxy", &patient).await;
    let sent = practice.engine.store().audit(&entity.id).await.unwrap();
    let sent = sent.iter().rfind(|e| e.event == "sent").unwrap().body.clone().unwrap();
    assert_eq!(
        sent["before"]["mobile"], "+61491570006",
        "the audit shows what the guard saw"
    );
}

#[tokio::test]
async fn promise_2_an_edit_overwritten_in_that_window_is_found_in_the_history_and_kept() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    practice.without_lag().await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    // An edit that the guard sees is no victim, and neither is one made after our write.
    practice.edit("halaxy", &patient, "mobile", "+61491570110");
    practice.sync().await;
    let target = contact.clone();
    practice.before_next_write("crm", move |sandbox| {
        let typed = serde_json::json!({ "mobilephone": "0491 570 159" });
        sandbox.person_edit("crm", "contacts", &target, &typed).unwrap();
    });
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    practice.sync().await;
    assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158");
    practice.edit("crm", &contact, "email", "mim@example.org");
    practice.sync().await;
    assert_eq!(practice.counts().await.cards, 0, "not looked for yet");

    let after = practice.last_call();
    let later = now() + 3_600_000_000;
    practice.engine.step(later).await.unwrap();
    assert_eq!(practice.calls(after, "crm", Purpose::Read).len(), 1, "one read for all");
    let entity = practice.entity("halaxy", &patient).await;
    assert_eq!(entity.cards.len(), 1, "{:?}", entity.cards);
    assert_eq!(entity.cards[0].kind, bridge_core::CardKind::MayHaveOverwritten);
    assert!(entity.cards[0].units.iter().eq(["mobile"]), "{:?}", entity.cards);
    let losers = practice.engine.store().losers(&entity.id).await.unwrap();
    let kept: Vec<_> = losers
        .iter()
        .filter(|l| l.unit == "mobile" && l.system == "crm")
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].value.as_text(), Some("+61491570159"));

    practice.engine.step(later + 3_600_000_000).await.unwrap();
    assert_eq!(practice.counts().await.cards, 1, "found once");
}
