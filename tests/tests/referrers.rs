//! Referrers as records of the CRM: one for each who refers, kept up, nobody's counterpart, and nothing of a patient.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::{CrmKind, Manners};
use bridge_core::care::refer::{EntryState, Why};
use bridge_engine::pause::{self, Pause};
use bridge_store::Told;
use bridge_tests::referrers::{Doctor, Town};
use serde_json::json;
use std::time::Duration;

const CRMS: [CrmKind; 2] = [CrmKind::Hubspot, CrmKind::Plain];
const DAY: Duration = Duration::from_secs(86_400);

async fn town(crm: CrmKind, section: &str) -> Town {
    Town::open(crm, Manners::Polite, section, 1).await
}

#[tokio::test]
async fn one_record_each_that_follows_and_is_nobodys_counterpart() {
    for crm in CRMS {
        let town = town(crm, "").await;
        let doctors = Doctor::some(3);
        town.furnish(&doctors);
        town.refer("EP-1001", "2026-03-02");
        town.refer("EP-1001", "2026-01-10");
        town.refer("EP-1002", "2025-11-10");
        let desk = town.desk();
        let step = town.settle(&desk).await;
        assert_eq!(
            (step.created, step.held),
            (4, 0),
            "{crm:?}: two persons and their practices"
        );
        town.equal(&doctors, &format!("{crm:?}, at first"));
        // The people of the CRM are read again: nobody is matched with a referrer.
        town.calendar.people().await;
        let ids = town.ids();
        let kinds = town.calendar.store().links("crm", "contacts", &ids).await.unwrap();
        assert!(kinds.is_empty(), "{crm:?}: {kinds:?}");

        // What Halaxy shows anew follows; what people wrote beside it stays.
        let note = if crm == CrmKind::Plain {
            "notes"
        } else {
            "date_of_birth"
        };
        town.edit_record("EP-1", &json!({ note: "1970-01-01" }));
        let mut telecom = vec![json!({"system": "phone", "value": "03 5550 9999"})];
        telecom.push(json!({"system": "email", "value": doctors[0].email}));
        let patch = json!({ "telecom": telecom });
        town.calendar
            .sandbox
            .person_edit("halaxy", "Practitioner", "EP-1", &patch)
            .unwrap();
        town.refer("EP-1001", "2026-03-29");
        let step = town.settle(&desk).await;
        assert_eq!(
            (step.created, step.changed),
            (0, 2),
            "{crm:?}: the person and the practice"
        );
        let mut doctors = doctors;
        doctors[0].phone = "+61355509999".into();
        town.equal(&doctors, &format!("{crm:?}, after changes"));
        assert_eq!(town.member("EP-1", note), "1970-01-01");

        // A month begins.
        town.calendar.clock.advance(4 * DAY);
        town.settle(&desk).await;
        town.equal(&doctors, &format!("{crm:?}, next month"));
        // A new process goes on from what was kept.
        assert!(!town.settle(&town.desk()).await.active());
        town.untold();
    }
}

#[tokio::test]
async fn whoever_moves_stands_with_the_new_practice_alone() {
    for crm in CRMS {
        let town = town(crm, "").await;
        let mut doctors = Doctor::some(3);
        town.furnish(&doctors);
        for role in ["EP-1001", "EP-1002", "EP-1003"] {
            town.refer(role, "2026-03-02");
        }
        let desk = town.desk();
        town.settle(&desk).await;
        town.equal(&doctors, &format!("{crm:?}, at first"));
        town.swap(&mut doctors, 0, 1);
        town.settle(&desk).await;
        town.equal(&doctors, &format!("{crm:?}, elsewhere"));
        // And back again, in a process that knows what was kept alone.
        town.swap(&mut doctors, 0, 1);
        let desk = town.desk();
        town.settle(&desk).await;
        town.equal(&doctors, &format!("{crm:?}, where they were"));
        assert!(!town.settle(&desk).await.active());
    }
}

#[tokio::test]
async fn the_register_says_where_the_particulars_of_those_who_refer_went() {
    let town = town(CrmKind::Hubspot, "").await;
    town.furnish(&Doctor::some(2));
    town.refer("EP-1001", "2026-03-02");
    town.settle(&town.desk()).await;
    let wanted = Told {
        system: Some("crm".into()),
        to: i64::MAX,
        ..Told::default()
    };
    let told = town.calendar.store().all_told(&wanted).await.unwrap();
    let told: Vec<_> = told.iter().filter(|line| line.reason.contains("referrers")).collect();
    let [line] = told[..] else { panic!("{told:?}") };
    assert!(
        line.reason.ends_with("of Practitioner/EP-1") && line.entity.is_none(),
        "{line:?}"
    );
    let units = ["referrer.phone", "referrer.provider_number", "referrer.family"];
    assert!(
        units.iter().all(|unit| line.units.iter().any(|told| told == unit)),
        "{line:?}"
    );
    assert_eq!(line.remote_id, town.entries().await["EP-1"].remote_id);
}

#[tokio::test]
async fn a_record_that_was_there_is_used_by_its_number_and_never_by_its_name() {
    for crm in CRMS {
        let town = town(crm, "").await;
        let doctors = Doctor::some(2);
        town.furnish(&doctors);
        // One has the number of the first; another only the name of the second.
        let (given, family, number) = match crm {
            CrmKind::Plain => ("first_name", "last_name", "provider_number"),
            CrmKind::Hubspot => ("firstname", "lastname", "halaxy_provider_number"),
        };
        let make = |body| town.calendar.sandbox.person_create("crm", "contacts", &body).unwrap();
        let known = make(json!({ family: "Typed", "phone": "03 5550 4444", number: doctors[0].number }));
        let namesake = make(json!({ given: doctors[1].given, family: doctors[1].family }));
        town.calendar.clock.advance(Duration::from_secs(120));
        for role in ["EP-1001", "EP-1002"] {
            town.refer(role, "2026-03-02");
        }
        let step = town.settle(&town.desk()).await;
        assert_eq!((step.adopted, step.created), (1, 3), "{crm:?}");
        let entries = town.entries().await;
        assert_eq!(entries["EP-1"].remote_id.as_deref(), Some(known.as_str()));
        assert_ne!(entries["EP-2"].remote_id.as_deref(), Some(namesake.as_str()));
        // What stood there stays, what was blank is filled, what is counted is ours.
        assert_eq!(
            (town.member("EP-1", family), town.member("EP-1", given)),
            ("Typed".into(), doctors[0].given.clone())
        );
        assert!(town.member("EP-1", "phone").ends_with("4444"));
    }
}

#[tokio::test]
async fn what_must_be_somebodys_decision_waits_and_says_why() {
    for crm in CRMS {
        let town = town(crm, "practices = false").await;
        let mut doctors = Doctor::some(4);
        doctors[1].family = "8003608833357361".into();
        town.furnish(&doctors);
        // A patient's contact has the number of the first, who may be the same person: nothing is written into it.
        let patient = town.calendar.patients()[1].clone();
        let store = town.calendar.store();
        let of = store
            .counterparts("halaxy", "Patient", "crm", std::slice::from_ref(&patient))
            .await
            .unwrap();
        let (number, key) = match crm {
            CrmKind::Plain => ("provider_number", "external_ref"),
            CrmKind::Hubspot => ("halaxy_provider_number", "halaxy_referrer_key"),
        };
        let edit = |id: &str, patch| {
            town.calendar
                .sandbox
                .person_edit("crm", "contacts", id, &patch)
                .unwrap()
        };
        edit(&of[&patient], json!({ number: doctors[0].number }));
        // An address may stand on one contact only, there.
        let other = json!({"email": doctors[2].email});
        let other = town.calendar.sandbox.person_create("crm", "contacts", &other).unwrap();
        town.calendar.clock.advance(Duration::from_secs(120));
        let before = town.calendar.sandbox.record("crm", "contacts", &of[&patient]).unwrap();
        for role in ["EP-1001", "EP-1002", "EP-1003", "EP-1004"] {
            town.refer(role, "2026-03-02");
        }
        let desk = town.desk();
        let step = town.settle(&desk).await;
        let held = desk.outlook(town.calendar.clock.now()).await.unwrap().held;
        let why = |id: &str| held.iter().find(|held| held.id == id).map(|held| held.why.clone());
        assert!(
            matches!(why("EP-1"), Some(Why::Refused(code)) if code.contains("patient")),
            "{held:?}"
        );
        assert!(matches!(why("EP-2"), Some(Why::Denied(_))), "{held:?}");
        assert_eq!(why("EP-3").is_some(), crm == CrmKind::Hubspot, "{held:?}");
        assert_eq!(step.held, held.len());
        assert_eq!(
            town.calendar.sandbox.record("crm", "contacts", &of[&patient]).unwrap(),
            before
        );
        if crm == CrmKind::Hubspot {
            // A person says that the contact is theirs.
            edit(&other, json!({ key: "halaxy-referrer-EP-3" }));
            town.calendar.clock.advance(DAY);
            assert_eq!(town.settle(&desk).await.adopted, 1);
            assert_eq!(town.entries().await["EP-3"].remote_id, Some(other));
        }
        // Somebody deletes a record: it is noticed when there is something to say, and it is not made again.
        town.delete_record("EP-4");
        town.refer("EP-1004", "2026-03-29");
        assert_eq!(town.settle(&desk).await.deleted, 1);
        assert_eq!(town.entries().await["EP-4"].state, EntryState::Deleted);
        town.refer("EP-1004", "2026-03-30");
        assert!(!town.settle(&desk).await.active());
        town.untold();
    }
}

#[tokio::test]
async fn nothing_is_told_before_all_was_read_nor_to_a_system_that_is_paused() {
    let town = town(CrmKind::Plain, "counts = false").await;
    town.furnish(&Doctor::some(1));
    town.refer("EP-1001", "2026-03-02");
    let desk = town.desk();
    assert!(!desk.step(town.calendar.clock.now()).await.unwrap().active());
    let now = || town.calendar.clock.now();
    let why = Pause {
        at: now(),
        by: "a test".into(),
        why: "to see".into(),
    };
    pause::pause(town.calendar.store(), "crm", Some(&why), "a test", now())
        .await
        .unwrap();
    town.calendar.mirror(true).await;
    let step = desk.step(town.calendar.clock.now()).await.unwrap();
    assert!(!step.active() && step.trouble[0].contains("paused"), "{step:?}");
    pause::pause(town.calendar.store(), "crm", None, "a test", now())
        .await
        .unwrap();
    assert_eq!(town.settle(&desk).await.created, 2);
    assert_eq!(town.member("EP-1", "referrals_this_month"), "");
}
