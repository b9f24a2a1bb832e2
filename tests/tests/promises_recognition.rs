//! Promises about people who are recognised later than at first sight, and about those who stand in one
//! system twice.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, CsvPerson, Manners};
use bridge_engine::Verdict;
use bridge_store::{Candidate, CandidateState, Page, RecordKey};
use bridge_tests::{Practice, person};

const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];

fn miriam(id: &str) -> CsvPerson {
    person(
        id,
        "Miriam",
        "Samplewood",
        "1988-04-17",
        "+61491570006",
        "miriam@example.org",
    )
}

async fn pairs(practice: &Practice, state: CandidateState) -> Vec<Candidate> {
    let store = practice.engine.store();
    store.candidates(state, &Page::first(9)).await.unwrap().rows
}

/// One mailbox and an initial: a question.
async fn asked_about(crm: CrmKind) -> (Practice, String) {
    let initial = CsvPerson {
        date_of_birth: String::new(),
        ..person("C1", "M", "Samplewood", "", "", "miriam@example.org")
    };
    let practice = Practice::start(crm, Manners::Polite, vec![miriam("P1")], vec![initial]).await;
    practice.sync().await;
    let open = pairs(&practice, CandidateState::Open).await;
    let [one] = &open[..] else { panic!("{crm:?}: {open:?}") };
    (practice, one.id.clone())
}

fn complete(practice: &Practice) {
    let contact = practice.id("C1");
    for (unit, value) in [
        ("given", "Miriam"),
        ("birth_date", "1988-04-17"),
        ("mobile", "+61491570006"),
    ] {
        practice.edit("crm", &contact, unit, value);
    }
}

#[tokio::test]
async fn promise_13_somebody_whose_record_is_completed_later_is_recognised() {
    for crm in BOTH {
        let (practice, question) = asked_about(crm).await;
        complete(&practice);
        let step = practice.sync().await;
        assert_eq!(step.linked, 1, "{crm:?}: {step:?}");
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        assert_eq!(
            practice.entity("halaxy", &patient).await.id,
            practice.entity("crm", &contact).await.id,
            "{crm:?}"
        );
        let pair = practice.engine.store().candidate(&question).await.unwrap().unwrap();
        assert_eq!(
            pair.state,
            CandidateState::Same,
            "{crm:?}: nobody needs to answer any more"
        );
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sync().await;
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158", "{crm:?}");
        assert_eq!(practice.records("crm").len(), 1, "{crm:?}: made nobody");
        assert!(practice.engine.store().to_match().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn promise_13_nobody_is_recognised_against_a_persons_word() {
    for crm in BOTH {
        for told_apart in [true, false] {
            let (practice, question) = asked_about(crm).await;
            if told_apart {
                let engine = &practice.engine;
                engine
                    .decide_match(&question, Verdict::Different, "reception")
                    .await
                    .unwrap();
            } else {
                practice
                    .engine
                    .decide_match(&question, Verdict::Same, "reception")
                    .await
                    .unwrap();
                practice.engine.undo_match(&question, "manager").await.unwrap();
            }
            complete(&practice);
            practice.sync().await;
            let (patient, contact) = (practice.id("P1"), practice.id("C1"));
            assert_ne!(
                practice.entity("halaxy", &patient).await.id,
                practice.entity("crm", &contact).await.id,
                "{crm:?}"
            );
            let open = pairs(&practice, CandidateState::Open).await;
            assert_eq!(open.is_empty(), told_apart, "{crm:?}: {open:?}");
        }
    }
}

/// A patient with her contact, and a second contact of hers into which that one is merged.
async fn tidied(new_id: bool) -> (Practice, String) {
    let other = CsvPerson {
        date_of_birth: String::new(),
        ..person("C2", "Miriam", "Samplewood", "", "", "mim@example.com")
    };
    let (patients, contacts) = (vec![miriam("P1")], vec![miriam("C1"), other]);
    let practice = Practice::start(CrmKind::Hubspot, Manners::Polite, patients, contacts).await;
    let switch = serde_json::json!({ "merge_gives_new_id": new_id });
    practice.sandbox.set_switches("crm", &switch).unwrap();
    practice.sync().await;
    let (c1, c2) = (practice.id("C1"), practice.id("C2"));
    assert_eq!(
        practice.entity("halaxy", &practice.id("P1")).await.links["crm"].remote_id,
        c1
    );
    let survivor = practice.sandbox.person_merge("crm", "contacts", &c2, &c1).unwrap();
    practice.sync().await;
    practice.sweep().await;
    (practice, survivor)
}

#[tokio::test]
async fn promise_13_a_merge_into_a_contact_of_nobodys_moves_the_link_once_a_person_has_seen_it() {
    for new_id in [false, true] {
        let (practice, survivor) = tidied(new_id).await;
        let patient = practice.id("P1");
        let cards = practice
            .engine
            .store()
            .cards(&Default::default(), &Page::first(9))
            .await;
        let cards = cards.unwrap().rows;
        let entity = practice.entity("halaxy", &patient).await.id;
        let card = cards.iter().find(|c| c.entity == entity).expect("a card of hers");
        practice.engine.dismiss(card, "reception").await.unwrap();
        practice.sync().await;
        let now = practice.entity("halaxy", &patient).await;
        assert_eq!(now.links["crm"].remote_id, survivor, "new id {new_id}");
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sync().await;
        assert_eq!(
            practice.shows("crm", &survivor, "mobile"),
            "+61491570158",
            "new id {new_id}"
        );
        assert_eq!(practice.records("crm").len(), 1, "new id {new_id}");
        let old = RecordKey::new("crm", "contacts", practice.id("C1"));
        let audit = practice.engine.store().audit_of_record(&old).await;
        assert!(
            audit.unwrap().iter().any(|line| line.reason.contains(&survivor)),
            "new id {new_id}: the old id tells where it went"
        );
        assert!(practice.counts().await.cards == 0, "new id {new_id}");
    }
}

#[tokio::test]
async fn promise_3_somebody_who_is_a_patient_twice_becomes_one_contact_and_is_reported() {
    for crm in BOTH {
        let patients = vec![miriam("P1"), miriam("P2")];
        let practice = Practice::start(crm, Manners::Polite, patients, vec![]).await;
        practice.sync().await;
        assert_eq!(practice.records("crm").len(), 1, "{crm:?}");
        let twice = pairs(&practice, CandidateState::Twice).await;
        let [pair] = &twice[..] else {
            panic!("{crm:?}: {twice:?}")
        };
        assert_eq!((&*pair.a.system, &*pair.b.system), ("halaxy", "halaxy"));
        let same = practice.engine.decide_match(&pair.id, Verdict::Same, "reception").await;
        assert!(same.is_err(), "{crm:?}: that is done in Halaxy");
        practice
            .engine
            .decide_match(&pair.id, Verdict::Duplicate, "reception")
            .await
            .unwrap();
        practice.sync().await;
        assert_eq!(practice.records("crm").len(), 1, "{crm:?}");
        practice.engine.undo_match(&pair.id, "reception").await.unwrap();
        assert_eq!(pairs(&practice, CandidateState::Twice).await.len(), 1, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_3_of_a_patient_entered_twice_the_contact_joins_one_and_the_other_waits() {
    for crm in BOTH {
        let patients = vec![miriam("P1"), miriam("P2")];
        let practice = Practice::start(crm, Manners::Polite, patients, vec![miriam("C1")]).await;
        practice.sync().await;
        practice.sync().await;
        assert_eq!(practice.records("crm").len(), 1, "{crm:?}");
        assert_eq!(pairs(&practice, CandidateState::Twice).await.len(), 1, "{crm:?}");
        let linked = [practice.id("P1"), practice.id("P2")];
        let mut counts = vec![];
        for patient in &linked {
            counts.push(practice.entity("halaxy", patient).await.links.len());
        }
        counts.sort();
        assert_eq!(counts, [1, 2], "{crm:?}");
    }
}
