//! What money refers to: fees, covers, organisations and practitioners; and what is stale or gone.

use crate::support::{a_line, a_payment, an_invoice, fault, read, reader, with, without};
use bridge_core::ledger::{CoverPayer, Fact, Fault, Gathered, Party};
use serde_json::{Value as Json, json};

#[test]
fn fees_covers_organisations_and_practitioners() {
    let terms = "https://terminology.halaxy.com/StructureDefinition";
    let fee = json!({"resourceType": "ChargeItemDefinition", "id": "310001", "title": "Standard consult",
        "code": {"coding": [{"code": "00023"}]}, "status": "active", "publisher": "Medicare",
        "useContext": [{"code": {"system": format!("{terms}/fee-type"), "code": "type"},
                "valueCodeableConcept": {"coding": [{"system": format!("{terms}/fee-type-code"), "code": "0", "display": "Appointment"}]}},
            {"code": {"system": format!("{terms}/fee-category"), "code": "category"}, "valueCodeableConcept": {"text": "Consultations"}}]});
    let Ok(Fact::Charge(charge)) = read(&fee) else {
        panic!("a fee")
    };
    assert_eq!(charge.code.as_deref(), Some("00023"));
    assert_eq!(
        (charge.category.as_deref(), charge.funder.as_deref()),
        (Some("Consultations"), Some("Medicare"))
    );
    assert!(charge.active);
    let Ok(Fact::Charge(retired)) = read(&with(&without(&fee, "useContext"), "status", json!("retired"))) else {
        panic!("a fee")
    };
    assert_eq!((retired.category, retired.active), (None, false));

    let cover = |code: Json| {
        json!({"resourceType": "Coverage", "id": "850001", "status": "active",
            "payor": [{"reference": "Organization/FD-150001", "type": "Organization"}],
            "extension": [{"url": format!("{terms}/coverage-payer"), "valueCoding": {"code": code}},
                {"url": format!("{terms}/coverage-organisation"), "valueReference": {"reference": "Organization/OG-1"}}]})
    };
    for (code, payer) in [
        (json!("29"), Some(CoverPayer::Patient)),
        (json!(30), Some(CoverPayer::Organisation)),
        (json!("31"), Some(CoverPayer::Organisation)),
        (json!("32"), Some(CoverPayer::Organisation)),
        (Json::Null, None),
    ] {
        let Ok(Fact::Cover(read)) = read(&cover(code)) else {
            panic!("a cover")
        };
        assert_eq!(read.payer, payer);
        assert_eq!(
            read.payors,
            ["FD-150001", "OG-1"].map(|id| Party::Organisation(id.into()))
        );
    }
    assert_eq!(fault(&cover(json!("33"))).1, Fault::Word);
    let Ok(Fact::Cover(ended)) = read(&with(&cover(json!("29")), "status", json!("cancelled"))) else {
        panic!("a cover")
    };
    assert!(!ended.active);

    let funder = json!({"resourceType": "Organization", "id": "FD-150001", "name": "Medicare"});
    let Ok(Fact::Organisation(organisation)) = read(&funder) else {
        panic!("an organisation")
    };
    assert_eq!(organisation.name, "Medicare");
    assert_eq!(fault(&without(&funder, "name")), ("name".to_owned(), Fault::Missing));
}

#[test]
fn a_role_takes_its_name_from_the_practitioner_whichever_comes_first() {
    let role = json!({"resourceType": "PractitionerRole", "id": "PR-700001",
        "practitioner": {"reference": "https://au-api.halaxy.com/main/Practitioner/PR-500001", "type": "Practitioner"},
        "organization": {"reference": "https://au-api.halaxy.com/main/Organization/CL-200001", "type": "Organization"}});
    let named = |family: &str| {
        json!({"resourceType": "Practitioner", "id": "PR-500001",
            "name": [{"use": "usual", "given": ["Al"]}, {"use": "official", "prefix": ["Dr"], "given": ["Alex"], "family": family}]})
    };
    let reader = reader();
    for order in [[&role, &named("Tester")], [&named("Tester"), &role]] {
        let mut gathered = Gathered::default();
        for body in order {
            let kind = body["resourceType"].as_str().expect("a type");
            gathered.take(&reader, kind, body).expect("readable");
        }
        let known = &gathered.facts().roles["PR-700001"];
        assert_eq!(
            (known.name.as_str(), known.location.as_deref()),
            ("Dr Alex Tester", Some("CL-200001"))
        );
        gathered
            .take(&reader, "Practitioner", &named("Wedded"))
            .expect("readable");
        assert_eq!(gathered.facts().roles["PR-700001"].name, "Dr Alex Wedded");
    }
    let shown = with(
        &role,
        "practitioner",
        json!({"reference": "Practitioner/PR-500001", "display": "A. Tester"}),
    );
    let Ok(Fact::Role(shown)) = read(&shown) else {
        panic!("a role")
    };
    assert_eq!(shown.name, "A. Tester");
}

#[test]
fn stale_money_is_not_kept_and_what_is_gone_stays_marked() {
    let reader = reader();
    let mut gathered = Gathered::default();
    gathered.take(&reader, "Invoice", &an_invoice()).expect("readable");
    gathered
        .take(&reader, "PaymentTransaction", &a_payment())
        .expect("readable");
    gathered.take(&reader, "InvoiceLine", &a_line()).expect("readable");
    let broken = without(&an_invoice(), "date");
    gathered.take(&reader, "Invoice", &broken).expect_err("unreadable");
    assert!(gathered.facts().invoices.is_empty());
    assert_eq!(gathered.unreadable().count(), 1);
    gathered.take(&reader, "Invoice", &an_invoice()).expect("readable");
    assert_eq!(gathered.unreadable().count(), 0);
    gathered.gone(&reader, "Invoice", "600001");
    gathered.gone(&reader, "PaymentTransaction", "620001");
    gathered.gone(&reader, "InvoiceLine", "610001");
    let facts = gathered.into_facts();
    assert!(facts.invoices["600001"].removed && facts.payments["620001"].removed);
    assert!(facts.lines.is_empty());
}
