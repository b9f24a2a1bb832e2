//! Promises about what people type: it arrives, nothing of it is lost or repeated, and order holds.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{Author, CallInfo, CrmKind, FaultKind, Phase};
use bridge_tests::{Practice, Purpose, fault, now, purpose, writing};

const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];

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
async fn promise_5_our_own_writes_cause_no_writes_and_no_reads() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
        practice.edit("crm", &practice.id("C1"), "email", "mim@example.com");
        let step = practice.sync().await;
        assert_eq!(step.sent, 2, "{crm:?}: one write each way: {step:?}");
        let after = practice.last_call();
        for _ in 0..3 {
            let step = practice.sync().await;
            assert_eq!((step.sent, step.looks), (0, 0), "{crm:?}: {step:?}");
        }
        for system in ["halaxy", "crm"] {
            assert!(
                practice.calls(after, system, Purpose::Write).is_empty(),
                "{crm:?} {system}"
            );
            assert!(
                practice.calls(after, system, Purpose::Read).is_empty(),
                "{crm:?} {system}"
            );
        }
    }
}

#[tokio::test]
async fn promise_5_there_and_back_within_a_second_is_not_swallowed() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        for value in ["+61491570158", "+61491570006", "+61491570158", "+61491570006"] {
            practice.edit("crm", &contact, "mobile", value);
            practice.sync().await;
            assert_eq!(
                practice.shows("halaxy", &patient, "mobile"),
                value,
                "{crm:?}: from the CRM"
            );
        }
        practice.edit("crm", &contact, "email", "mim@example.com");
        practice.sync().await;
        practice.edit("halaxy", &patient, "email", "miriam@example.org");
        practice.sync().await;
        assert_eq!(
            practice.shows("crm", &contact, "email"),
            "miriam@example.org",
            "{crm:?}: back by the other side"
        );
    }
}

#[tokio::test]
async fn promise_6_effects_on_one_record_are_serial() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        let target = patient.clone();
        // A newer value is typed while the older one is on its way.
        practice.before_next_write("crm", move |sandbox| {
            let telecom = serde_json::json!({ "telecom": [{ "system": "sms", "value": "+61491570110" },
                { "system": "email", "value": "miriam@example.org" }] });
            sandbox.person_edit("halaxy", "Patient", &target, &telecom).unwrap();
        });
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sync().await;
        for side in [("halaxy", &patient), ("crm", &contact)] {
            assert_eq!(
                practice.shows(side.0, side.1, "mobile"),
                "+61491570110",
                "{crm:?} {}",
                side.0
            );
        }
        assert_eq!(practice.counts().await.conflicts, 0, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_6_a_lagging_search_never_replaces_what_is_known() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let lag = serde_json::json!({ "index_lag_min_ms": 700, "index_lag_max_ms": 700 });
    practice.sandbox.set_switches("crm", &lag).unwrap();
    practice.edit("halaxy", &patient, "mobile", "+61491570158");
    for _ in 0..4 {
        practice.sync().await; // the index still shows the number before our write
        assert_eq!(practice.shows("halaxy", &patient, "mobile"), "+61491570158");
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158");
    }
}

#[tokio::test]
async fn promise_9_a_change_costs_one_guard_and_one_write() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let after = practice.last_call();
        practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
        practice.edit("halaxy", &practice.id("P1"), "email", "mim@example.com");
        practice.sync().await;
        assert_eq!(
            practice.calls(after, "crm", Purpose::Read).len(),
            1,
            "{crm:?}: one guard"
        );
        assert_eq!(
            practice.calls(after, "crm", Purpose::Write).len(),
            1,
            "{crm:?}: one write"
        );
        assert!(
            practice.calls(after, "halaxy", Purpose::Read).is_empty(),
            "{crm:?}: nothing is asked of Halaxy"
        );

        let after = practice.last_call();
        practice.edit("crm", &practice.id("C1"), "mobile", "+61491570159");
        practice.sync().await;
        assert_eq!(
            practice.calls(after, "halaxy", Purpose::Read).len(),
            1,
            "{crm:?}: one guard"
        );
        assert_eq!(
            practice.calls(after, "halaxy", Purpose::Write).len(),
            1,
            "{crm:?}: one write"
        );
        // A row of HubSpot's lagging index is a hint: one direct read shows the value and its author.
        let reads = usize::from(crm == CrmKind::Hubspot);
        assert_eq!(practice.calls(after, "crm", Purpose::Read).len(), reads, "{crm:?}");
        assert!(
            practice.calls(after, "crm", Purpose::Write).is_empty(),
            "{crm:?}: nothing comes back"
        );
    }
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
