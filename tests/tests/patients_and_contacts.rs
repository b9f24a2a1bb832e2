//! Patients and CRM contacts in step, both ways, over real HTTP.
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, Manners};
use bridge_tests::{Practice, person};
use serde_json::json;

fn people() -> (Vec<adapter_sandbox::CsvPerson>, Vec<adapter_sandbox::CsvPerson>) {
    let patients = vec![
        person(
            "P1",
            "Miriam",
            "Samplewood",
            "1988-04-17",
            "0491570006",
            "miriam@example.org",
        ),
        person(
            "P2",
            "Bruno",
            "Testacre",
            "1970-12-01",
            "0491570156",
            "bruno@example.org",
        ),
    ];
    let contacts = vec![
        person(
            "C1",
            "Miriam",
            "Samplewood",
            "1988-04-17",
            "0491570006",
            "miriam@example.org",
        ),
        person(
            "C9",
            "Zora",
            "Quillfeather",
            "1999-09-09",
            "0491570157",
            "zora@example.com",
        ),
    ];
    (patients, contacts)
}

async fn both_ways(crm: CrmKind) {
    let (patients, contacts) = people();
    let practice = Practice::start(crm, Manners::Polite, patients, contacts).await;
    let first = practice.sync().await;
    eprintln!("{first:?}");
    assert_eq!(first.linked, 1, "one pair is linked");
    assert_eq!(first.tallies["crm"].created, 1, "Bruno is created in the CRM");
    assert_eq!(practice.records("crm").len(), 3);
    assert_eq!(practice.records("halaxy").len(), 2, "nothing is created in Halaxy");

    let again = practice.sync().await;
    assert_eq!(again.sent, 0, "a second sync writes nothing: {again:?}");

    let patient = practice
        .sandbox
        .ids()
        .into_iter()
        .find(|r| r.csv_id == "P1")
        .unwrap()
        .id;
    let contact = practice
        .sandbox
        .ids()
        .into_iter()
        .find(|r| r.csv_id == "C1")
        .unwrap()
        .id;
    let mobile = json!({"telecom": [{"system": "sms", "use": "mobile", "value": "+61491570158"},
        {"system": "email", "use": "home", "value": "miriam@example.org"}]});
    practice
        .sandbox
        .person_edit("halaxy", "Patient", &patient, &mobile)
        .unwrap();
    practice
        .sandbox
        .person_edit("crm", "contacts", &contact, &json!({"email": "mim@example.com"}))
        .unwrap();
    let live = practice.sync().await;
    assert_eq!(
        (live.tallies["crm"].updated, live.tallies["halaxy"].updated),
        (1, 1),
        "{live:?}"
    );
    let shown = practice
        .sandbox
        .record("crm", "contacts", &contact)
        .unwrap()
        .to_string();
    assert!(shown.contains("570158") && shown.contains("mim@example.com"), "{shown}");
    let shown = practice
        .sandbox
        .record("halaxy", "Patient", &patient)
        .unwrap()
        .to_string();
    assert!(shown.contains("570158") && shown.contains("mim@example.com"), "{shown}");

    let mobile = |n: &str| {
        json!({"telecom": [{"system": "sms", "use": "mobile", "value": n},
        {"system": "email", "use": "home", "value": "mim@example.com"}]})
    };
    practice
        .sandbox
        .person_edit("halaxy", "Patient", &patient, &mobile("+61491570159"))
        .unwrap();
    let field = if crm == CrmKind::Hubspot {
        "mobilephone"
    } else {
        "mobile"
    };
    practice
        .sandbox
        .person_edit("crm", "contacts", &contact, &json!({field: "+61491570110"}))
        .unwrap();
    practice.sync().await;
    let counts = practice.engine.store().counts().await.unwrap();
    assert_eq!(
        counts.conflicts, 1,
        "the same field changed on both sides is one conflict"
    );
}

#[tokio::test]
async fn hubspot_contacts_stay_in_step() {
    both_ways(CrmKind::Hubspot).await;
}

#[tokio::test]
async fn a_crm_by_data_alone_stays_in_step() {
    both_ways(CrmKind::Plain).await;
}
