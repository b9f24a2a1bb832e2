//! Referrers in the CRM as a user runs it: configured, prepared, looked at.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, client, practice, run_in, stand_ins};
use serde_json::{Value as Json, json};
use std::path::Path;

fn section(folder: &Path, text: &str) {
    let path = folder.join("bridge.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    let before = before.split("\n[referrers]").next().unwrap().to_string();
    std::fs::write(path, format!("{before}\n[referrers]\n{text}")).unwrap();
}

async fn create(ends: &Json, kind: &str, body: Json) -> String {
    let url = format!("{}/records/halaxy/{kind}", ends["control_url"].as_str().unwrap());
    let answer = client().post(url).json(&body).send().await.unwrap();
    let made: Json = answer.json().await.unwrap();
    made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_string()
}

#[tokio::test]
async fn referrers_are_configured_prepared_held_and_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let (_stand_ins, ends) = stand_ins(folder, "hubspot");
    practice(folder, &ends, "hubspot");
    let looked = |more: &[&str]| run_in(folder, &[&["referral", "referrers", "--crm"], more].concat());
    let none = looked(&[]);
    assert!(
        none.code == 2 && none.stderr.contains("no section [referrers]"),
        "{none:?}"
    );
    section(folder, "system = \"halaxy\"\n");
    let refused = looked(&[]);
    assert!(
        refused.code == 2 && refused.stderr.contains("`halaxy` is none"),
        "{refused:?}"
    );
    section(folder, "people = true\n");
    let prepared = run_in(folder, &["prepare", "crm", "--yes"]);
    assert_eq!(prepared.code, 0, "{prepared:?}");
    for of in ["contacts", "companies"] {
        assert!(
            prepared.stdout.contains(&format!("halaxy_referrer_key of {of}")),
            "{prepared:?}"
        );
    }
    let link = |kind: &str, id: &str| json!({"reference": format!("{kind}/{id}"), "type": kind});
    let control = Control::of(&ends);
    let patient = control.id("P1").await;
    let name = json!([{"use": "official", "prefix": ["Dr"], "given": ["Rowan"], "family": "Ashgrove"}]);
    let person = create(&ends, "Practitioner", json!({"id": "EP-1", "name": name})).await;
    let place = create(&ends, "Organization", json!({"id": "SP-1", "name": "Hill Medical"})).await;
    let role = json!({"id": "EP-11", "practitioner": link("Practitioner", &person), "organization": link("Organization", &place)});
    let role = create(&ends, "PractitionerRole", role).await;
    assert!(
        person.starts_with("EP-") && place.starts_with("SP-"),
        "{person} {place}"
    );
    let referral = json!({"subject": link("Patient", &patient), "requester": link("PractitionerRole", &role),
        "active": true, "period": {"start": "2026-03-02", "end": "2027-03-02"}});
    create(&ends, "Referral", referral).await;
    for args in [&["sync", "--yes"][..], &["sync"]] {
        let synced = run_in(folder, args);
        assert!(synced.code == 0 || synced.code == 3, "{synced:?}");
    }
    let shown = looked(&["--json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let shown = shown.json();
    let states: Vec<&str> = shown["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["posted", "posted"], "{shown}");
    assert!(looked(&[]).stdout.contains("Dr Rowan Ashgrove"));
    let companies = control.get("records/crm/companies").await;
    assert_eq!(companies.as_array().unwrap().len(), 1, "{companies}");
}
