//! Promises about what people decide and what they can see afterwards: blanks, consent, plans, reasons, kept values.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, CsvPerson, Manners};
use bridge_core::LinkState;
use bridge_tests::{Practice, Purpose, person};
use halaxy_bridge::{config, wiring};
use serde_json::json;
use std::collections::BTreeMap;

const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];

#[tokio::test]
async fn promise_11_a_cleared_mobile_waits_for_a_person() {
    for crm in BOTH {
        for (from, to) in [("halaxy", "crm"), ("crm", "halaxy")] {
            let practice = Practice::settled(crm).await;
            let ids = BTreeMap::from([("halaxy", practice.id("P1")), ("crm", practice.id("C1"))]);
            practice.edit(from, &ids[from], "mobile", "");
            practice.sync().await;
            assert_eq!(
                practice.shows(to, &ids[to], "mobile"),
                "+61491570006",
                "{crm:?}: not cleared in {to}"
            );
            assert_eq!(
                practice.shows(from, &ids[from], "mobile"),
                "",
                "{crm:?}: nor put back in {from}"
            );
            let entity = practice.entity(from, &ids[from]).await.id;
            assert!(
                practice.conflict(&entity, "mobile").await.is_some(),
                "{crm:?} {from}: in review"
            );
            practice.decide(&entity, "mobile", from).await;
            practice.sync().await;
            assert_eq!(
                practice.shows(to, &ids[to], "mobile"),
                "",
                "{crm:?}: cleared by a person's word"
            );
        }
    }
}

#[tokio::test]
async fn promise_11_an_unreadable_value_is_not_empty() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    practice.edit("crm", &contact, "birth_date", "some day in April");
    let step = practice.sync().await;
    assert_eq!(step.sent, 0, "{step:?}");
    assert_eq!(practice.shows("halaxy", &patient, "birth_date"), "1988-04-17");
    assert_eq!(
        practice.shows("crm", &contact, "birth_date"),
        "some day in April",
        "nor is it overwritten"
    );
    practice.edit("crm", &contact, "email", "mim@example.com");
    practice.sync().await;
    assert_eq!(
        practice.shows("halaxy", &patient, "email"),
        "mim@example.com",
        "the other units go on"
    );
}

#[tokio::test]
async fn promise_11_first_contact_fills_blanks_and_clears_nothing() {
    for crm in BOTH {
        let patient = person("P1", "Miriam", "Samplewood", "1988-04-17", "+61491570006", "");
        let contact = person(
            "C1",
            "Miriam",
            "Samplewood",
            "1988-04-17",
            "+61491570006",
            "imported@example.org",
        );
        let contact = CsvPerson {
            street: "1 Example Street".into(),
            ..contact
        };
        let practice = Practice::start(crm, Manners::Polite, vec![patient], vec![contact]).await;
        // an imported mailbox would wait for consent; a person types this one
        practice.edit("crm", &practice.id("C1"), "email", "miriam@example.org");
        assert_eq!(practice.sync().await.linked, 1, "{crm:?}");
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        assert_eq!(
            practice.shows("halaxy", &patient, "email"),
            "miriam@example.org",
            "{crm:?}"
        );
        assert_eq!(
            practice.shows("crm", &contact, "email"),
            "miriam@example.org",
            "{crm:?}"
        );
        assert_eq!(practice.holding("crm", "1 Example Street"), 1, "{crm:?}");
        assert_eq!(practice.holding("halaxy", "1 Example Street"), 1, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_2_identity_units_from_a_crm_wait_for_consent() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.edit("crm", &contact, "family", "Gray");
        practice.edit("crm", &contact, "email", "gray@example.com");
        practice.sync().await;
        assert_eq!(practice.shows("halaxy", &patient, "family"), "Samplewood", "{crm:?}");
        assert_eq!(
            practice.shows("halaxy", &patient, "email"),
            "gray@example.com",
            "{crm:?}: the rest goes ahead"
        );
        let entity = practice.entity("halaxy", &patient).await.id;
        practice.decide(&entity, "official_name", "crm").await;
        practice.sync().await;
        assert_eq!(
            practice.shows("halaxy", &patient, "family"),
            "Gray",
            "{crm:?}: with a person's consent"
        );

        practice.edit("crm", &contact, "family", "Grey");
        practice.sync().await;
        practice.decide(&entity, "official_name", "agreed").await;
        practice.sync().await;
        assert_eq!(
            practice.shows("crm", &contact, "family"),
            "Gray",
            "{crm:?}: refused, so it is put back"
        );
        assert_eq!(practice.counts().await.conflicts, 0, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_2_what_only_halaxy_knows_is_put_back_and_noted() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    assert_eq!(practice.shows("crm", &contact, "status"), "current");
    practice.edit("crm", &contact, "status", "archived");
    practice.sync().await;
    assert_eq!(practice.shows("crm", &contact, "status"), "current");
    assert!(
        practice
            .sandbox
            .record("halaxy", "Patient", &patient)
            .unwrap()
            .to_string()
            .contains("\"current\"")
    );
    let entity = practice.entity("halaxy", &patient).await.id;
    let losers = practice.engine.store().losers(&entity).await.unwrap();
    assert!(
        losers
            .iter()
            .any(|l| l.unit == "status" && l.value.as_text() == Some("archived")),
        "the attempt is kept"
    );
    let audit = practice.engine.store().audit(&entity).await.unwrap();
    assert!(
        audit
            .iter()
            .any(|e| e.event == "overruled" && e.units.contains(&"status".to_string())),
        "and logged"
    );
}

#[tokio::test]
async fn promise_16_a_dry_run_lists_exactly_what_the_run_sends() {
    for crm in BOTH {
        let patients = vec![
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
            person(
                "P3",
                "Ines",
                "Paperbark",
                "1991-02-03",
                "+61491570157",
                "family@example.org",
            ),
        ];
        let contacts = vec![
            person(
                "C1",
                "Miriam",
                "Samplewood",
                "1988-04-17",
                "+61491570006",
                "mim@example.com",
            ),
            person("C3", "I", "Paperbark", "", "", "family@example.org"),
            person(
                "C4",
                "Zora",
                "Quillfeather",
                "1999-09-09",
                "+61491570159",
                "zora@example.com",
            ),
        ];
        let practice = Practice::start(crm, Manners::Polite, patients, contacts).await;
        practice.observed().await;
        let after = practice.last_call();
        let preview = practice.engine.preview().await.unwrap();
        assert_eq!(
            practice.engine.preview().await.unwrap().digest,
            preview.digest,
            "{crm:?}: the same plan, the same digest"
        );
        let config = config::load(&practice.folder.path().join("bridge.toml")).unwrap();
        let beside = wiring::desk(&config).await.unwrap().preview().await.unwrap();
        assert_eq!(
            beside.digest, preview.digest,
            "{crm:?}: and in a process that drives nothing"
        );
        assert_eq!(practice.last_call(), after, "{crm:?}: a plan sends nothing");
        let before = practice.counts().await;
        assert_eq!((before.entities, before.planned), (0, 0), "{crm:?}: and stores nothing");

        let step = practice.sync().await;
        for system in ["halaxy", "crm"] {
            let tally = step.tallies.get(system).copied().unwrap_or_default();
            let would = |counts: &BTreeMap<String, usize>| counts.get(system).copied().unwrap_or(0) as u64;
            assert_eq!(
                tally.created,
                would(&preview.would.created),
                "{crm:?} {system}: created"
            );
            assert_eq!(
                tally.updated,
                would(&preview.would.updated),
                "{crm:?} {system}: updated"
            );
        }
        let counts = practice.counts().await;
        assert_eq!(step.linked, preview.would.links, "{crm:?}");
        assert_eq!(counts.entities as usize, preview.would.entities, "{crm:?}");
        assert_eq!(counts.candidates as usize, preview.would.candidates, "{crm:?}");
        assert_eq!(counts.conflicts as usize, preview.would.conflicts, "{crm:?}");

        // Unit by unit: what the audit says was sent is what the plan listed.
        let mut planned: Vec<(String, Vec<String>)> = preview
            .writes
            .iter()
            .map(|w| (w.system.clone(), w.units.clone()))
            .collect();
        let mut sent = vec![];
        for entity in practice.entities().await {
            let audit = practice.engine.store().audit(&entity.id).await.unwrap();
            let of = audit.into_iter().filter(|e| e.event == "sent");
            sent.extend(of.map(|e| (e.system.unwrap(), e.units)));
        }
        planned.sort();
        sent.sort();
        assert_eq!(sent, planned, "{crm:?}");
    }
}

#[tokio::test]
async fn promise_17_every_write_has_its_reason_and_its_values() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let patient = practice.id("P1");
        let first = practice
            .engine
            .store()
            .audit(&practice.entity("halaxy", &patient).await.id)
            .await
            .unwrap()
            .len();
        let after = practice.last_call();
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.sync().await;
        let entity = practice.entity("halaxy", &patient).await;
        let audit = practice
            .engine
            .store()
            .audit(&entity.id)
            .await
            .unwrap()
            .split_off(first);
        let sent: Vec<_> = audit.iter().filter(|e| e.event == "sent").collect();
        assert_eq!(
            sent.len(),
            practice.calls(after, "crm", Purpose::Write).len(),
            "{crm:?}: an entry for each write"
        );
        assert_eq!(sent[0].units, ["mobile"], "{crm:?}");
        assert!(sent[0].reason.contains("from halaxy"), "{crm:?}: {}", sent[0].reason);
        let body = sent[0].body.clone().unwrap();
        assert_eq!(body["sent"]["mobile"], json!("+61491570158"), "{crm:?}");
        assert_eq!(
            body["before"]["mobile"],
            json!("+61491570006"),
            "{crm:?}: what it replaced"
        );
        assert!(audit.iter().any(|e| e.event == "adopted"), "{crm:?}: {audit:?}");
        assert!(audit.iter().any(|e| e.event == "applied"), "{crm:?}: {audit:?}");
    }
}

#[tokio::test]
async fn promise_17_what_was_seen_and_not_written_has_a_reason() {
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
    practice.sync().await;
    let contact = practice.id("P1");
    practice.edit("halaxy", &contact, "birth_date", "1988-04-18");
    practice.sync().await;
    let mut events = vec![];
    for entity in practice.entities().await {
        events.extend(practice.engine.store().audit(&entity.id).await.unwrap());
    }
    let held = events
        .iter()
        .find(|e| e.event == "hold" || e.event == "refused")
        .expect("a reason for the mailbox");
    assert!(held.reason.contains("already has this value"), "{}", held.reason);

    let practice = Practice::settled(CrmKind::Plain).await;
    practice.edit("crm", &practice.id("C1"), "family", "Gray");
    practice.sync().await;
    let entity = practice.entity("crm", &practice.id("C1")).await.id;
    let audit = practice.engine.store().audit(&entity).await.unwrap();
    let waits = audit
        .iter()
        .find(|e| e.event == "conflict")
        .expect("an entry for the name that waits");
    assert_eq!(waits.units, ["official_name"]);
    assert!(!waits.reason.is_empty());
}

#[tokio::test]
async fn promise_20_the_loser_of_a_decision_is_kept() {
    for crm in BOTH {
        let practice = Practice::settled(crm).await;
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.edit("crm", &contact, "mobile", "+61491570159");
        practice.sync().await;
        let entity = practice.entity("halaxy", &patient).await.id;
        practice.decide(&entity, "mobile", "halaxy").await;
        practice.sync().await;
        let losers = practice.engine.store().losers(&entity).await.unwrap();
        let kept = losers
            .iter()
            .find(|l| l.unit == "mobile" && l.value.as_text() == Some("+61491570159"));
        let kept = kept.unwrap_or_else(|| panic!("{crm:?}: kept: {losers:?}"));
        assert!(kept.until > bridge_tests::now(), "{crm:?}: for the retention time");
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158", "{crm:?}");
    }
}

#[tokio::test]
async fn promise_20_what_first_contact_and_policies_overrule_is_kept() {
    for crm in BOTH {
        let patient = person(
            "P1",
            "Miriam",
            "Samplewood",
            "1988-04-17",
            "+61491570006",
            "miriam@example.org",
        );
        let contact = person(
            "C1",
            "Miriam",
            "Samplewood",
            "1988-04-17",
            "+61491570006",
            "mim@example.com",
        );
        let practice = Practice::start(crm, Manners::Polite, vec![patient], vec![contact]).await;
        assert_eq!(practice.sync().await.linked, 1, "{crm:?}");
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        assert_eq!(
            practice.shows("crm", &contact, "email"),
            "miriam@example.org",
            "{crm:?}: Halaxy wins at first"
        );
        practice.edit("halaxy", &patient, "phone", "+61355501234");
        practice.edit("crm", &contact, "phone", "+61355501235");
        practice.sync().await;
        assert_eq!(
            practice.shows("crm", &contact, "phone"),
            "+61355501234",
            "{crm:?}: Halaxy's landline wins"
        );
        let entity = practice.entity("halaxy", &patient).await;
        assert_eq!(entity.links["crm"].state, LinkState::Live);
        let losers = practice.engine.store().losers(&entity.id).await.unwrap();
        for (unit, value) in [("email", "mim@example.com"), ("phone", "+61355501235")] {
            assert!(
                losers
                    .iter()
                    .any(|l| l.unit == unit && l.value.as_text() == Some(value)),
                "{crm:?} {unit}: {losers:?}"
            );
        }
    }
}
