//! Promises about webhooks: they bring edits over at once, are never believed, and losing them costs time only.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, Manners};
use bridge_store::RecordKey;
use bridge_tests::{Practice, Purpose, now, person};
use serde_json::json;

const BOTH: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];

#[tokio::test]
async fn an_edit_that_a_webhook_tells_of_arrives_without_a_poll() {
    for crm in BOTH {
        let mut practice = Practice::settled(crm).await;
        let hooks = practice.hooked().await;
        practice.tell(&hooks, false);
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        let from = practice.last_call();
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.told(1).await;
        practice.follow().await;
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158", "{crm:?}");
        practice.edit("crm", &contact, "email", "mim@example.com");
        practice.told(2).await;
        practice.follow().await;
        assert_eq!(
            practice.shows("halaxy", &patient, "email"),
            "mim@example.com",
            "{crm:?}"
        );
        // Promise 9: one read for each hint, one guard and one write.
        for system in ["halaxy", "crm"] {
            assert!(
                practice.calls(from, system, Purpose::Poll).is_empty(),
                "{crm:?}: {system}"
            );
            assert_eq!(
                practice.calls(from, system, Purpose::Read).len(),
                2,
                "{crm:?}: {system}"
            );
            assert_eq!(
                practice.calls(from, system, Purpose::Write).len(),
                1,
                "{crm:?}: {system}"
            );
        }
    }
}

#[tokio::test]
async fn promise_5_webhooks_about_our_own_writes_cause_no_write_and_at_most_one_read() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let hooks = practice.hooked().await;
    practice.tell(&hooks, true);
    let from = practice.last_call();
    practice.edit("halaxy", &practice.id("P1"), "mobile", "+61491570158");
    practice.told(1).await;
    practice.follow().await;
    practice.told(2).await;
    practice.follow().await;
    assert_eq!(practice.calls(from, "crm", Purpose::Write).len(), 1);
    assert_eq!(practice.calls(from, "halaxy", Purpose::Write).len(), 0);
    assert_eq!(
        practice.calls(from, "crm", Purpose::Read).len(),
        2,
        "the guard, and one for the echo"
    );
}

#[tokio::test]
async fn a_lost_webhook_costs_time_only() {
    for crm in BOTH {
        let mut practice = Practice::settled(crm).await;
        let hooks = practice.hooked().await;
        practice.tell(&hooks, false);
        practice.sandbox.stop_webhooks();
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        practice.edit("halaxy", &patient, "mobile", "+61491570158");
        practice.follow().await;
        assert_ne!(practice.shows("crm", &contact, "mobile"), "+61491570158");
        practice.sync().await;
        assert_eq!(practice.shows("crm", &contact, "mobile"), "+61491570158", "{crm:?}");
    }
}

#[tokio::test]
async fn a_forged_webhook_causes_no_read() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let hooks = practice.hooked().await;
    let from = practice.last_call();
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let forged = [
        hooks.halaxy(&patient, 1, "a guess", 0),
        hooks.hubspot(&contact, 1, 0, "a guess", 0),
        hooks.hubspot(&contact, 1, 301, "what both of them know", 0),
    ];
    for request in forged {
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    practice.follow().await;
    assert_eq!(practice.last_call(), from, "nobody was called");
    // A hint that nothing stands behind is followed by a read, and by nothing else.
    let true_one = hooks.hubspot(&contact, 1, 0, "what both of them know", 0);
    assert_eq!(true_one.send().await.unwrap().status(), 200);
    practice.follow().await;
    assert_eq!(practice.last_call(), from + 1);
    assert_eq!(practice.calls(from, "crm", Purpose::Read).len(), 1);
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_are_taken_at_both_addresses() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let old = practice.hooked().await;
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice.write("new", "what both of them know from now on");
    let both = text.replace(
        "webhook_secret = \"file:hook\"",
        "webhook_secret = [\"file:new\", \"file:hook\"]",
    );
    practice.configure("bridge.toml", &both).await;
    let config = halaxy_bridge::config::load(&practice.folder.path().join("bridge.toml")).unwrap();
    let doors = halaxy_bridge::serving::doors(&config).unwrap();
    let of_halaxy: Vec<_> = doors.iter().filter(|door| door.system == "halaxy").collect();
    let address = |door: &bridge_admin::webhooks::Door| door.paths()[0].1.clone();
    assert_eq!(of_halaxy.len(), 2);
    assert!(
        old.urls["halaxy"].ends_with(address(of_halaxy[1]).rsplit_once('/').unwrap().0),
        "the old address is the second"
    );
    for door in of_halaxy {
        for (secret, taken) in [
            ("what both of them know", true),
            ("what both of them know from now on", true),
            ("a guess", false),
        ] {
            let request = old.halaxy(&practice.id("P1"), 1, secret, 0).build().unwrap();
            let arrival = adapter_kit::webhook::Arrival {
                method: "POST",
                uri: "https://bridge.example/",
                event: Some("patient-update"),
                headers: request.headers(),
                body: request.body().unwrap().as_bytes().unwrap(),
                received: now(),
            };
            assert_eq!(door.webhook.read(&arrival).is_ok(), taken, "{secret}");
        }
    }
}

#[tokio::test]
async fn whoever_is_made_is_known_by_the_webhook_and_gets_a_counterpart() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let hooks = practice.hooked().await;
    practice.tell(&hooks, false);
    let from = practice.last_call();
    let zora =
        json!({"name": [{"use": "official", "family": "Testbrook", "given": ["Zora"]}], "birthDate": "1999-02-03"});
    let id = practice.sandbox.person_create("halaxy", "Patient", &zora).unwrap();
    let anna = json!({"firstname": "Anna", "lastname": "Fieldmock", "date_of_birth": "1977-07-07"});
    let contact = practice.sandbox.person_create("crm", "contacts", &anna).unwrap();
    practice.told(2).await;
    practice.follow().await;
    assert_eq!(practice.holding("crm", "Testbrook"), 1);
    assert_eq!(
        practice.holding("halaxy", "Fieldmock"),
        0,
        "nobody is made in Halaxy unasked"
    );
    practice.entity("halaxy", &id).await;
    practice.entity("crm", &contact).await;
    assert!(practice.calls(from, "halaxy", Purpose::Poll).is_empty());
}

#[tokio::test]
async fn promise_4_a_merge_is_understood_from_its_webhook() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let hooks = practice.hooked().await;
    practice.tell(&hooks, false);
    let (winner, patient) = (practice.id("C1"), practice.id("P2"));
    let loser = practice.counterpart("halaxy", &patient).await;
    practice
        .sandbox
        .person_merge("crm", "contacts", &winner, &loser)
        .unwrap();
    practice.told(1).await;
    practice.follow().await;
    let cards = practice.counts().await.cards;
    assert!(cards > 0, "what the merge means is asked");
    let from = practice.last_call();
    practice.sync().await;
    assert_eq!(
        practice.counts().await.cards,
        cards,
        "the poll finds nothing that the webhook had not told"
    );
    assert!(practice.calls(from, "halaxy", Purpose::Write).is_empty());
}

#[tokio::test]
async fn an_erasure_is_noted_and_the_removal_confirmed_by_a_read() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let hooks = practice.hooked().await;
    practice.tell(&hooks, false);
    let contact = practice.id("C1");
    let entity = practice.entity("crm", &contact).await.id;
    practice.sandbox.person_erase("crm", "contacts", &contact).unwrap();
    practice.told(1).await;
    practice.follow().await;
    let audit = practice.engine.store().audit(&entity).await.unwrap();
    assert_eq!(audit.iter().filter(|line| line.event == "erasure_told").count(), 1);
    let rows = practice
        .engine
        .store()
        .links("crm", "contacts", std::slice::from_ref(&contact))
        .await
        .unwrap();
    assert_eq!(rows[0].link.state, bridge_core::LinkState::Gone);
    assert!(
        practice
            .engine
            .store()
            .audit_of_record(&RecordKey::new("crm", "contacts", &contact))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn hints_that_come_together_are_read_together() {
    let people = |side: &str| -> Vec<_> {
        let of = |n: usize| {
            let (given, born) = (
                format!("Sample{n}"),
                format!("19{:02}-03-{:02}", 10 + n % 80, 1 + n % 28),
            );
            person(
                &format!("{side}{n}"),
                &given,
                "Samplewood",
                &born,
                &format!("0491{n:06}"),
                &format!("s{n}@example.org"),
            )
        };
        (0..120).map(of).collect()
    };
    let mut practice = Practice::start(CrmKind::Hubspot, Manners::Polite, people("P"), people("C")).await;
    practice.sync().await;
    let hooks = practice.hooked().await;
    practice.tell(&hooks, false);
    let from = practice.last_call();
    for n in 0..120 {
        // Twice each: two events, one read.
        practice.edit("crm", &practice.id(&format!("C{n}")), "phone", "0355501234");
        practice.edit("crm", &practice.id(&format!("C{n}")), "phone", "0355501235");
    }
    practice.told(240).await;
    for (step, reads) in [("a whole read", 1), ("the rest", 2), ("nothing more", 2)] {
        practice.engine.observe(now()).await.unwrap();
        assert_eq!(practice.calls(from, "crm", Purpose::Read).len(), reads, "{step}");
    }
    assert!(practice.calls(from, "crm", Purpose::Poll).is_empty());
}

#[tokio::test]
async fn where_records_are_read_one_by_one_a_poll_shows_many_in_fewer_calls() {
    let people = |side: &str| -> Vec<_> {
        let of = |n: usize| {
            let (given, born) = (
                format!("Sample{n}"),
                format!("19{:02}-03-{:02}", 10 + n % 80, 1 + n % 28),
            );
            person(
                &format!("{side}{n}"),
                &given,
                "Samplewood",
                &born,
                &format!("0491{n:06}"),
                &format!("s{n}@example.org"),
            )
        };
        (0..30).map(of).collect()
    };
    let mut practice = Practice::start(CrmKind::Plain, Manners::Polite, people("P"), people("C")).await;
    practice.sync().await;
    let hooks = practice.hooked().await;
    practice.tell(&hooks, false);
    let from = practice.last_call();
    for n in 0..20 {
        practice.edit(
            "crm",
            &practice.id(&format!("C{n}")),
            "mobile",
            &format!("+6149157{:04}", n + 100),
        );
    }
    practice.told(20).await;
    let step = practice.engine.observe(now()).await.unwrap();
    assert_eq!((step.hints, step.observed), (20, 20));
    assert!(practice.calls(from, "crm", Purpose::Read).is_empty());
    assert!(practice.calls(from, "crm", Purpose::Poll).len() <= 2);
    practice.follow().await;
    assert_eq!(practice.holding("halaxy", "+6149157"), 20);
}

#[tokio::test]
async fn promise_1_nasty_webhooks_do_no_harm() {
    for crm in BOTH {
        let mut practice = Practice::settled(crm).await;
        let hooks = practice.hooked().await;
        practice.sandbox.set_manners(Manners::Nasty);
        practice.tell(&hooks, true);
        let (patient, contact) = (practice.id("P1"), practice.id("C1"));
        for n in 0..10 {
            practice.edit("halaxy", &patient, "mobile", &format!("+6149157{:04}", 100 + n));
            practice.edit("crm", &contact, "email", &format!("mim{n}@example.com"));
            practice.engine.step(now()).await.unwrap();
        }
        practice.sandbox.set_manners(Manners::Polite);
        practice.sync().await;
        for unit in ["mobile", "email"] {
            // In nasty manners a product spells numbers its own way.
            let shown = |system: &str, id: &str| practice.shows(system, id, unit).replace(' ', "");
            let (here, there) = (shown("halaxy", &patient), shown("crm", &contact));
            // A write that landed late is an edit, and may be one that nobody decided.
            let counts = practice.counts().await;
            let asked = counts.conflicts + counts.cards + counts.held > 0;
            assert!(
                here == there || asked,
                "{crm:?}: {unit}: {here} and {there}, {counts:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_storm_of_webhooks_loses_none_and_believes_none_wrongly() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let hooks = practice.hooked().await;
    let storm = practice.storm(&hooks, 400, 400).await;
    assert_eq!((storm.kept, storm.unanswered), (storm.events, 0), "{storm:?}");
    for ((sort, status), count) in &storm.answers {
        let taken = matches!(*sort, "right" | "repeated");
        assert_eq!(*status == 200, taken, "{count} {sort} answered {status}");
    }
    let reads: usize = storm.reads.values().sum();
    assert!(
        reads < 40,
        "{reads} reads for {} events about {} records",
        storm.events,
        storm.records
    );
}
