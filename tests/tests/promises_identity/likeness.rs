//! Promise 13: nobody is taken for somebody else, and a person has the last word.

use crate::support::{BOTH, lookalikes};
use adapter_sandbox::{CrmKind, Manners};
use bridge_core::{CardKind, Hold};
use bridge_engine::Verdict;
use bridge_store::{CandidateState, Filter, Page};
use bridge_tests::{Practice, Purpose, kind, person};

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
