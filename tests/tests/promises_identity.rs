//! Promises about who is who: nothing is created twice or comes back, and nobody is taken for somebody else.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, CsvPerson, FaultKind, Manners};
use bridge_core::{CardKind, Hold, LinkState};
use bridge_engine::Verdict;
use bridge_store::{CandidateState, Filter, Page};
use bridge_tests::{Practice, Purpose, fault, kind, person, writing};
use serde_json::json;

const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];

fn bruno() -> Vec<CsvPerson> {
    vec![person(
        "P2",
        "Bruno",
        "Testacre",
        "1970-12-01",
        "+61491570156",
        "bruno@example.org",
    )]
}

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

#[tokio::test]
async fn promise_13_a_mailbox_that_stands_on_another_contact_is_held_and_the_rest_goes_ahead() {
    let couple = vec![
        person(
            "P1",
            "Miriam",
            "Samplewood",
            "1988-04-17",
            "+61491570006",
            "family@example.org",
        ),
        person(
            "P2",
            "Bruno",
            "Samplewood",
            "1970-12-01",
            "+61491570156",
            "family@example.org",
        ),
    ];
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, couple, vec![]).await;
    practice.observed().await;
    let foreseen = practice.engine.preview().await.unwrap().writes;
    assert!(
        foreseen.len() == 2 && foreseen.iter().all(|w| w.may_be_held == ["email"]),
        "{foreseen:?}"
    );
    practice.sync().await;
    assert_eq!(practice.records("crm").len(), 2, "both are there");
    assert_eq!(
        practice.holding("crm", "family@example.org"),
        1,
        "the mailbox stands once"
    );
    assert!(practice.counts().await.held > 0, "what is held is counted");
    let mut held = vec![];
    for csv in ["P1", "P2"] {
        let entity = practice.entity("halaxy", &practice.id(csv)).await;
        let unit = entity.links["crm"].units.get("email").and_then(|x| x.held.clone());
        held.extend(unit.map(|h| (csv, h.why)));
    }
    let [(waiting, Hold::Taken)] = held[..] else {
        panic!("one of them is held as taken: {held:?}")
    };
    let contact = practice.counterpart("halaxy", &practice.id(waiting)).await;
    assert!(
        !practice.shows("crm", &contact, "mobile").is_empty(),
        "the rest of the record went ahead"
    );
    let after = practice.last_call();
    practice.sync().await;
    assert!(
        practice.calls(after, "crm", Purpose::Write).is_empty(),
        "and it is not tried for ever"
    );
    practice.edit("halaxy", &practice.id(waiting), "email", "own@example.org");
    practice.sync().await;
    assert_eq!(
        practice.shows("crm", &contact, "email"),
        "own@example.org",
        "another mailbox is tried afresh"
    );
}

#[tokio::test]
async fn promise_13_a_change_of_key_units_makes_no_record() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.edit("halaxy", &patient, "family", "Gray");
        practice.edit("halaxy", &patient, "email", "gray@example.com");
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.edit("halaxy", &patient, "birth_date", "1988-04-18");
        practice.sync().await;
        practice.sweep().await;
        assert_eq!(
            (practice.records("crm").len(), practice.records("halaxy").len()),
            (2, 2),
            "{crm:?}"
        );
        assert_eq!(practice.shows("crm", &contact, "email"), "gray@example.com", "{crm:?}");
    }
}

#[tokio::test]
async fn promise_13_a_couple_that_shares_a_mailbox_is_never_linked_by_it() {
    for crm in BOTH {
        let patients = vec![person(
            "P1",
            "Miriam",
            "Samplewood",
            "1988-04-17",
            "+61491570006",
            "family@example.org",
        )];
        let contacts = vec![person(
            "C1",
            "Bruno",
            "Samplewood",
            "1970-12-01",
            "+61491570156",
            "family@example.org",
        )];
        let practice = Practice::start(crm, Manners::Polite, patients, contacts).await;
        let step = practice.sync().await;
        assert_eq!(step.linked, 0, "{crm:?}");
        assert_eq!(practice.shows("crm", &practice.id("C1"), "given"), "Bruno");
        assert_eq!(practice.shows("halaxy", &practice.id("P1"), "given"), "Miriam");
    }
}

fn lookalikes() -> (Vec<CsvPerson>, Vec<CsvPerson>) {
    let patient = person(
        "P1",
        "Miriam",
        "Samplewood",
        "1988-04-17",
        "+61491570006",
        "miriam@example.org",
    );
    let contact = CsvPerson {
        date_of_birth: String::new(),
        ..person("C1", "M", "Samplewood", "", "", "miriam@example.org")
    };
    (vec![patient], vec![contact])
}

#[tokio::test]
async fn promise_13_nothing_is_made_while_somebody_may_be_there_already() {
    for crm in BOTH {
        let (patients, contacts) = lookalikes();
        let practice = Practice::start(crm, Manners::Polite, patients, contacts).await;
        practice.sync().await;
        practice.sync().await;
        assert_eq!(practice.counts().await.candidates, 1, "{crm:?}");
        assert_eq!(practice.records("crm").len(), 1, "{crm:?}");
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

#[tokio::test]
async fn promise_13_a_person_says_same_or_different() {
    for crm in BOTH {
        for same in [true, false] {
            let (patients, contacts) = lookalikes();
            let practice = Practice::start(crm, Manners::Polite, patients, contacts).await;
            practice.sync().await;
            let open = practice
                .engine
                .store()
                .candidates(CandidateState::Open, &Page::first(5))
                .await
                .unwrap();
            practice
                .engine
                .decide_match(
                    &open.rows[0].id,
                    if same { Verdict::Same } else { Verdict::Different },
                    "reception",
                )
                .await
                .unwrap();
            practice.sync().await;
            assert_eq!(practice.counts().await.candidates, 0, "{crm:?} {same}");
            assert_eq!(
                practice.records("crm").len(),
                if same { 1 } else { 2 },
                "{crm:?} {same}"
            );
            let (patient, contact) = (practice.id("P1"), practice.id("C1"));
            if same {
                assert_eq!(practice.counterpart("halaxy", &patient).await, contact);
                assert_eq!(
                    practice.shows("crm", &contact, "birth_date"),
                    "1988-04-17",
                    "{crm:?}: in step from now on"
                );
            } else {
                assert_ne!(practice.counterpart("halaxy", &patient).await, contact);
                practice.edit("halaxy", &patient, "mobile", "+61491570158");
                practice.sync().await;
                assert_eq!(
                    practice.shows("crm", &contact, "mobile"),
                    "",
                    "{crm:?}: two people from now on"
                );
            }
        }
    }
}

#[tokio::test]
async fn promise_13_a_link_whose_records_became_two_people_is_held_until_a_person_says() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        // A marriage is nothing to ask about.
        practice.edit("halaxy", &patient, "family", "Testacre");
        practice.sync().await;
        assert_eq!(practice.shows("crm", &contact, "family"), "Testacre", "{crm:?}");
        // The record is used for somebody else.
        for (unit, value) in [
            ("given", "Zora"),
            ("family", "Quillfeather"),
            ("birth_date", "1999-09-09"),
        ] {
            practice.edit("halaxy", &patient, unit, value);
        }
        practice.edit("halaxy", &patient, "mobile", "+61491570110");
        practice.sync().await;
        let entity = practice.entity("halaxy", &patient).await;
        assert!(
            entity.cards.iter().any(|c| c.kind == CardKind::LooksWrong),
            "{crm:?}: {:?}",
            entity.cards
        );
        assert_eq!(
            practice.shows("crm", &contact, "given"),
            "Miriam",
            "{crm:?}: nothing travels"
        );
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570006", "{crm:?}");
        let store = practice.engine.store();
        let cards = store.cards(&Filter::default(), &Page::first(5)).await.unwrap().rows;
        practice.engine.dismiss(&cards[0], "reception").await.unwrap();
        practice.sync().await;
        assert_eq!(
            practice.shows("crm", &contact, "given"),
            "Zora",
            "{crm:?}: the same person after all"
        );
        assert_eq!(practice.counts().await.cards, 0, "{crm:?}: asked once");
    }
}

/// The only open match.
async fn open_match(practice: &Practice) -> String {
    let store = practice.engine.store();
    let open = store.candidates(CandidateState::Open, &Page::first(5)).await.unwrap();
    let [one] = &open.rows[..] else {
        panic!("one open match: {:?}", open.rows)
    };
    one.id.clone()
}

#[tokio::test]
async fn promise_13_a_verdict_has_a_name_and_a_date_and_can_be_taken_back() {
    for crm in BOTH {
        for verdict in [Verdict::Same, Verdict::Household] {
            let (patients, contacts) = lookalikes();
            let practice = Practice::start(crm, Manners::Polite, patients, contacts).await;
            practice.sync().await;
            let id = open_match(&practice).await;
            practice.engine.decide_match(&id, verdict, "reception").await.unwrap();
            let pair = practice.engine.store().candidate(&id).await.unwrap().unwrap();
            let decided = pair.decided.expect("it says who decided");
            assert!(decided.by == "reception" && decided.at > pair.since, "{decided:?}");
            practice.engine.undo_match(&id, "manager").await.unwrap();
            let records = practice.records("crm").len();
            practice.sync().await;
            assert_eq!(open_match(&practice).await, id, "{crm:?} {verdict:?}: asked again");
            assert_eq!(practice.records("crm").len(), records, "and nothing is made meanwhile");
            let (patient, contact) = (practice.id("P1"), practice.id("C1"));
            assert_ne!(
                practice.entity("halaxy", &patient).await.id,
                practice.entity("crm", &contact).await.id,
                "cut apart"
            );
            practice
                .engine
                .decide_match(&id, Verdict::Different, "manager")
                .await
                .unwrap();
            practice.sync().await;
            assert_eq!(
                practice.records("crm").len(),
                records + 1,
                "{crm:?} {verdict:?}: two people from now on"
            );
            assert!(practice.engine.undo_match("nosuch", "manager").await.is_err());
        }
    }
}

#[tokio::test]
async fn promise_13_a_link_that_a_person_cut_stays_cut() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        let entity = practice.entity("halaxy", &patient).await.id;
        practice.engine.unlink(&entity, "crm", "reception").await.unwrap();
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.edit("crm", &contact, "email", "mim@example.com");
        practice.sync().await;
        practice.sweep().await;
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570006", "{crm:?}");
        assert_eq!(
            practice.shows("halaxy", &patient, "email"),
            "miriam@example.org",
            "{crm:?}"
        );
        assert_eq!(
            (practice.records("crm").len(), practice.records("halaxy").len()),
            (2, 2),
            "{crm:?}"
        );
        let apart = [
            practice.entity("halaxy", &patient).await.id,
            practice.entity("crm", &contact).await.id,
        ];
        assert_ne!(apart[0], apart[1], "{crm:?}");
    }
}

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
