//! Promises about consent and forgetting: an opt-out is everywhere within one cycle, and whoever is erased is nowhere.
#![allow(clippy::unwrap_used)]

use adapter_halaxy::HalaxyMirror;
use adapter_sandbox::{Author, CrmKind};
use bridge_core::consent::{IN, OUT};
use bridge_engine::HeldBy;
use bridge_engine::consent::{log_of, standings};
use bridge_engine::erase::MirrorOf;
use bridge_engine::kept_back::{self, Group};
use bridge_engine::pause::{self, Pause};
use bridge_engine::retention::{self, Retention};
use bridge_store::{Key, Page, Store, Told};
use bridge_tests::{Practice, now};
use halaxy_bridge::besides::Besides;
use halaxy_bridge::config;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

const MAIL: &str = "marketing_email";

fn says(practice: &Practice, contact: &str, property: &str) -> String {
    let record = practice.sandbox.record("crm", "contacts", contact).unwrap();
    record["properties"][property].as_str().unwrap_or_default().to_string()
}

fn type_into(practice: &Practice, contact: &str, property: &str, value: &str, author: Author) {
    practice
        .sandbox
        .person_edit_as("crm", "contacts", contact, &json!({ property: value }), author)
        .unwrap();
}

fn set_status(practice: &Practice, patient: &str, status: &str) {
    let url = "https://terminology.halaxy.com/StructureDefinition/patient-status";
    let extension = json!({ "extension": [{ "url": url, "valueString": status }] });
    practice
        .sandbox
        .person_edit_as("halaxy", "Patient", patient, &extension, Author::Person)
        .unwrap();
}

async fn agreed(practice: &Practice, contact: &str, unit: &str) -> Option<String> {
    let entity = practice.entity("crm", contact).await;
    Some(entity.agreed.get(unit)?.value.as_text()?.to_string())
}

#[tokio::test]
async fn nobody_is_reachable_by_default_and_an_opt_out_is_everywhere_within_one_cycle() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let made = practice.counterpart("halaxy", &practice.id("P2")).await;
    for record in [&contact, &made] {
        for property in ["halaxy_marketing", "halaxy_marketing_email", "halaxy_marketing_sms"] {
            assert_eq!(says(&practice, record, property), "", "{record} {property}");
        }
    }
    // A form's yes waits for a person; a person's yes counts.
    type_into(&practice, &contact, "halaxy_marketing_email", IN, Author::Form);
    practice.sync().await;
    assert_eq!(agreed(&practice, &contact, MAIL).await, None);
    type_into(&practice, &made, "halaxy_marketing_email", IN, Author::Person);
    practice.sync().await;
    assert_eq!(agreed(&practice, &made, MAIL).await.as_deref(), Some(IN));

    // The person unsubscribes in the product itself, beside an open conflict and a refused value.
    practice.edit("crm", &made, "email", "new@example.org");
    practice.edit("halaxy", &practice.id("P2"), "email", "other@example.org");
    type_into(&practice, &made, "hs_email_optout", "true", Author::Person);
    practice.rounds(1).await;
    assert_eq!(says(&practice, &made, "halaxy_marketing_email"), OUT);
    assert!(practice.counts().await.conflicts > 0, "the conflict is still open");

    // Halaxy says it by the patient's status: every channel, in the same cycle.
    set_status(&practice, &patient, "blocked");
    practice.rounds(1).await;
    for channel in ["", "_email", "_sms", "_phone", "_post"] {
        assert_eq!(
            says(&practice, &contact, &format!("halaxy_marketing{channel}")),
            OUT,
            "{channel}"
        );
    }

    // It stays, whatever a form or a person types, and whatever becomes of the status.
    set_status(&practice, &patient, "current");
    type_into(&practice, &contact, "halaxy_marketing_sms", IN, Author::Form);
    practice.rounds(2).await;
    assert_eq!(says(&practice, &contact, "halaxy_marketing_sms"), OUT);

    // The log proves how soon.
    let wanted = Told {
        from: 0,
        to: i64::MAX,
        ..Told::default()
    };
    let store = practice.engine.store();
    let schema = &practice.engine.settings().schema;
    let log = log_of(store, schema, &wanted).await.unwrap();
    let entity = practice.entity("crm", &made).await.id;
    let mail = log
        .iter()
        .find(|line| line.entity == entity && line.unit == MAIL)
        .unwrap();
    assert!(mail.said.contains("email_refused"), "{mail:?}");
    assert!(
        mail.told.contains_key("crm") && mail.latency().unwrap() < 60_000_000,
        "{mail:?}"
    );

    // A person's word is the way back, channel by channel, the whole first.
    let id = practice.entity("crm", &contact).await.id;
    let word = |units: &[&str], yes: bool| {
        let units: Vec<String> = units.iter().map(ToString::to_string).collect();
        let (engine, id) = (&practice.engine, id.clone());
        async move { engine.say_consent(&id, &units, yes, "reception", "phone call").await }
    };
    assert!(word(&[MAIL], true).await.is_err(), "the whole is out");
    assert!(word(&["email"], false).await.is_err(), "no unit of consent");
    word(&["marketing", "marketing_sms"], true).await.unwrap();
    practice.rounds(2).await;
    assert_eq!(says(&practice, &contact, "halaxy_marketing_sms"), IN);
    assert_eq!(says(&practice, &contact, "halaxy_marketing_email"), OUT);
    let entity = practice.entity("crm", &contact).await;
    assert!(standings(schema, &entity).iter().all(|s| s.waiting.is_empty()));
}

#[tokio::test]
async fn a_brake_does_not_hold_an_opt_out_and_a_pause_holds_everything() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    let braked = "[brakes]\nshare = 0.01\nfloor = 0\n";
    practice.configure("bridge.toml", &(text + braked)).await;
    practice.rounds(1).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    practice.edit("halaxy", &patient, "phone", "+61291570110");
    steps(&practice, 1).await;
    assert!(!practice.engine.brakes().await.unwrap().is_empty(), "the brake is on");
    set_status(&practice, &patient, "archived");
    steps(&practice, 2).await;
    assert_eq!(says(&practice, &contact, "halaxy_marketing"), OUT);
    assert_eq!(practice.shows("crm", &contact, "phone"), "", "the rest waits");

    let store = practice.engine.store();
    let note = Pause {
        at: now(),
        by: "manager".into(),
        why: "a test".into(),
    };
    pause::pause(store, "crm", Some(&note), "manager", now()).await.unwrap();
    set_status(&practice, &practice.id("P2"), "blocked");
    let made = practice.counterpart("halaxy", &practice.id("P2")).await;
    practice.rounds(2).await;
    assert_eq!(says(&practice, &made, "halaxy_marketing"), "", "nothing is sent");
    pause::pause(store, "crm", None, "manager", now()).await.unwrap();
    practice.rounds(1).await;
    assert_eq!(says(&practice, &made, "halaxy_marketing"), OUT);
}

#[tokio::test]
async fn a_group_that_was_not_approved_waits_while_opt_outs_and_the_rest_go_out() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let store = practice.engine.store();
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    let changes = Group {
        system: "crm".into(),
        create: false,
    };
    let kept = BTreeSet::from([changes.clone()]);
    practice.engine.approve_plan(&kept, "manager").await.unwrap();
    practice.edit("halaxy", &patient, "phone", "+61291570110");
    practice.edit("crm", &contact, "email", "new@example.org");
    steps(&practice, 3).await;
    assert_eq!(practice.shows("crm", &contact, "phone"), "", "what changes there waits");
    assert_eq!(practice.shows("halaxy", &patient, "email"), "new@example.org");
    let held = practice.engine.held_up().await.unwrap().unwrap();
    assert!(
        held.iter().all(|h| h.by == HeldBy::Group && h.group == changes) && !held.is_empty(),
        "{held:?}"
    );
    set_status(&practice, &patient, "archived");
    steps(&practice, 2).await;
    assert_eq!(says(&practice, &contact, "halaxy_marketing"), OUT);
    assert_eq!(practice.shows("crm", &contact, "phone"), "");
    kept_back::let_go(store, &changes, "manager", now()).await.unwrap();
    steps(&practice, 2).await;
    assert_eq!(practice.shows("crm", &contact, "phone"), "+61291570110");
}

/// Rounds without anybody's approval, which would release a brake.
async fn steps(practice: &Practice, count: usize) {
    for _ in 0..count {
        practice.engine.poll_now();
        practice.engine.step(now()).await.unwrap();
    }
}

/// Values of the person who is erased, as they stand in either system.
const MARKS: [&str; 6] = [
    "Samplewood",
    "+61491570006",
    "miriam@example.org",
    "Bellweather",
    "1988-04-17",
    "9157 0006",
];

/// Everything that can be read from a store, in one text.
async fn everything(store: &Store) -> String {
    let mut all = String::new();
    let rows = store.linked(&Page::first(10_000)).await.unwrap().rows;
    for row in rows {
        let entity = store.entities(std::slice::from_ref(&row.entity)).await.unwrap();
        all += &format!("{entity:?}");
        all += &format!("{:?}", store.losers(&row.entity).await.unwrap());
    }
    for told in store
        .all_told(&Told {
            from: 0,
            to: i64::MAX,
            ..Told::default()
        })
        .await
        .unwrap()
    {
        let entity = told.entity.unwrap_or_default();
        all += &format!(
            "{:?}{:?}",
            store.audit(&entity).await.unwrap(),
            store.losers(&entity).await.unwrap()
        );
    }
    for row in store.mirrored_after("halaxy", "", 0, 10_000).await.unwrap() {
        all += &format!("{row:?}");
    }
    store
        .every_part(|part, id, body| all += &format!("{part} {id} {body}\n"))
        .await
        .unwrap();
    all
}

#[tokio::test]
async fn whoever_is_erased_is_nowhere_and_does_not_come_back() {
    let mut practice = Practice::settled(CrmKind::Hubspot).await;
    let path = practice.folder.path().join("bridge.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let with = "[mirror]\nkinds = [\"Appointment\"]\nevery = \"1s\"\n";
    practice.configure("bridge.toml", &(text + with)).await;
    let (patient, other, contact) = (practice.id("P1"), practice.id("P2"), practice.id("C1"));
    let about = |id: &str| json!({ "actor": { "reference": format!("Patient/{id}") } });
    let appointment = |people: Vec<Json>| {
        json!({
            "start": "2026-12-01T09:00:00+11:00", "end": "2026-12-01T10:00:00+11:00", "minutesDuration": 60,
            "description": "Bellweather", "participant": people,
        })
    };
    practice
        .sandbox
        .person_create("halaxy", "Appointment", &appointment(vec![about(&patient)]))
        .unwrap();
    practice
        .sandbox
        .person_create(
            "halaxy",
            "Appointment",
            &json!({
                "start": "2026-12-02T09:00:00+11:00", "end": "2026-12-02T10:00:00+11:00", "minutesDuration": 60,
                "participant": [about(&patient), about(&other)],
            }),
        )
        .unwrap();
    // Overruled values, a conflict, a kept body of a write, rows of other parts.
    practice.edit("crm", &contact, "preferred_name", "Bellweather");
    practice.edit("halaxy", &patient, "phone", "+61291570110");
    practice.sync().await;
    practice.edit("halaxy", &patient, "email", "miriam@example.org.au");
    practice.edit("crm", &contact, "email", "miriam@example.org.nz");
    practice.sync().await;
    let settings = config::load(&path).unwrap();
    let besides = Besides::new(&settings, &practice.engine).unwrap();
    besides.settle(&CancellationToken::new()).await.unwrap();
    let store = practice.engine.store();
    let mut tx = store.begin().await.unwrap();
    let diary = json!({ "patient": format!("Patient/{patient}") }).to_string();
    tx.put_ledger("diary/entry", &[("a".into(), diary)]).await.unwrap();
    let fact =
        json!({ "id": "600001", "payer": { "patient": patient }, "payer_name": "Miriam Samplewood", "gross": 18000 });
    tx.put_ledger("fact/Invoice", &[("600001".into(), fact.to_string())])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let id = practice.entity("halaxy", &patient).await.id;
    let before = everything(store).await;
    assert!(
        MARKS[..4].iter().all(|mark| before.contains(mark)),
        "the marks are there before"
    );

    let mirror = [MirrorOf {
        system: "halaxy".into(),
        rules: &HalaxyMirror,
    }];
    let dry = practice.engine.erase(&id, &mirror, "manager", true).await.unwrap();
    assert_eq!(everything(store).await, before, "a dry run changes nothing");
    let done = practice.engine.erase(&id, &mirror, "manager", false).await.unwrap();
    assert_eq!(dry, done);
    store.purge().await.unwrap();

    // Named: what others still hold.
    let held: Vec<&str> = done.residue.iter().map(|r| r.system.as_str()).collect();
    assert_eq!(held, ["crm", "halaxy"]);
    assert!(done.residue[0].told.contains("phone"), "{:?}", done.residue);
    assert_eq!(done.books_kept, 1);

    // Nowhere: entities, kept values, history, mirror, parts, look-ups; in no file, and in no copy made from now on.
    let copy = practice.folder.path().join("copy.db");
    let key = Key::parse(&"0123456789abcdef".repeat(4)).unwrap();
    let copied = Store::open(&format!("sqlite:{}", copy.display()), &key, "Sampleton Clinic", now())
        .await
        .unwrap();
    store.copy_to(&copied).await.unwrap();
    for place in [store, &copied] {
        let all = everything(place).await;
        for mark in MARKS {
            assert!(!all.contains(mark), "{mark} is still there");
        }
        assert!(
            all.contains("600001") && !all.contains("diary/entry"),
            "the books keep their fact, without the name"
        );
        assert!(place.search_name("samplewood", 10).await.unwrap().is_empty());
        let keys = bridge_engine::lookup::query("miriam@example.org");
        assert!(place.find_keys(&keys).await.unwrap().is_empty());
        assert!(place.entities(std::slice::from_ref(&id)).await.unwrap().is_empty());
    }
    let group = store.mirrored_after("halaxy", "Appointment", 0, 100).await.unwrap();
    assert!(
        group
            .iter()
            .any(|row| row.body.to_string().contains(&format!("Patient/{other}"))),
        "the other stays"
    );
    assert!(
        group
            .iter()
            .all(|row| !row.body.to_string().contains(&format!("Patient/{patient}")))
    );
    for file in std::fs::read_dir(practice.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
        for mark in MARKS {
            assert!(
                !bytes.windows(mark.len()).any(|part| part == mark.as_bytes()),
                "{mark} in a file"
            );
        }
    }

    // Neither a poll, nor a sweep, nor a new start, nor the mirror brings anybody back; and nobody is created again.
    let contacts = practice.records("crm").len();
    practice.edit("halaxy", &patient, "phone", "+61291570111");
    practice.edit("crm", &contact, "phone", "+61291570112");
    practice.reopen().await;
    practice.sweep().await;
    let besides = Besides::new(&settings, &practice.engine).unwrap();
    besides.settle(&CancellationToken::new()).await.unwrap();
    let store = practice.engine.store();
    let all = everything(store).await;
    assert!(MARKS[..4].iter().all(|mark| !all.contains(mark)));
    for (system, kind, id) in [("halaxy", "Patient", &patient), ("crm", "contacts", &contact)] {
        assert!(
            store
                .links(system, kind, std::slice::from_ref(id))
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            store
                .erased(system, kind, std::slice::from_ref(id))
                .await
                .unwrap()
                .len(),
            1
        );
    }
    assert_eq!(practice.records("crm").len(), contacts);
    // The register of what was told outlives the person, without values.
    let wanted = Told {
        entity: Some(id.clone()),
        from: 0,
        to: i64::MAX,
        ..Told::default()
    };
    let told = store.all_told(&wanted).await.unwrap();
    assert!(told.iter().any(|line| line.event == "applied") && told.iter().any(|line| line.event == "erased"));
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_the_rest_is_kept() {
    let practice = Practice::settled(CrmKind::Plain).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    practice.edit("halaxy", &patient, "phone", "+61291570110");
    practice.sync().await;
    let entity = practice.entity("crm", &contact).await.id;
    let store = practice.engine.store();
    let values = async || {
        let audit = store.audit(&entity).await.unwrap();
        (audit.len(), audit.iter().filter(|line| line.body.is_some()).count())
    };
    let (lines, with_values) = values().await;
    assert!(with_values > 0);
    let keep = Retention::default();
    let day = 86_400_000_000;
    retention::forget(store, &keep, now() + 80 * day).await.unwrap();
    assert_eq!(values().await, (lines, with_values));
    let forgotten = retention::forget(store, &keep, now() + 91 * day).await.unwrap();
    assert_eq!(values().await, (lines, 0), "the lines stay, without values");
    assert!(forgotten["sent_values"] > 0 && forgotten["history"] == 0);
    retention::forget(store, &keep, now() + 8 * 366 * day).await.unwrap();
    assert!(values().await.0 <= 1);
    assert!(
        store.ages().await.unwrap().audit.is_some(),
        "numbers are counted on from the last line"
    );
}

#[tokio::test]
async fn a_healthcare_identifier_goes_nowhere() {
    let practice = Practice::settled(CrmKind::Hubspot).await;
    let (patient, contact) = (practice.id("P1"), practice.id("C1"));
    practice.edit("halaxy", &patient, "given", "8003608833357361");
    practice.edit("halaxy", &patient, "phone", "+61291570110");
    practice.rounds(3).await;
    let crm = practice
        .sandbox
        .record("crm", "contacts", &contact)
        .unwrap()
        .to_string();
    assert!(!crm.contains("8003608833357361"));
    assert_eq!(
        practice.shows("crm", &contact, "phone"),
        "+61291570110",
        "the rest goes ahead"
    );

    let mapping = include_str!("../../mappings/hubspot.toml");
    practice.write(
        "mappings/hubspot.toml",
        &mapping.replace("\"properties.preferred_name\"", "\"properties.patient_ihi\""),
    );
    let problems = practice.problems();
    assert!(
        problems.contains("healthcare identifier") && problems.contains("Remove the entry"),
        "{problems}"
    );
}
