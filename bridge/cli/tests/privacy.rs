//! Consent, register, access and erasure as a user runs them, beside the running service.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, arrives, practice, run_in, service, stand_ins};
use serde_json::json;

/// Values of the person who is erased.
const MARKS: [&str; 4] = ["Beatrix", "beatrix@example.org", "0491570002", "+61491570002"];

#[tokio::test]
async fn a_person_opts_out_asks_what_is_held_and_is_erased() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "hubspot");
    let path = practice(dir, &ends, "hubspot");
    let control = Control::of(&ends);
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);

    // check reminds of a destination that is not on record; a bad one is refused with a remedy
    let notes = run_in(dir, &["check", "--offline", "--json"]).json()["notes"].to_string();
    assert!(notes.contains("[systems.crm.destination]"), "{notes}");
    let plain = std::fs::read_to_string(&path).unwrap();
    let bad =
        "\n[systems.crm.destination]\nname = \"HubSpot, Inc.\"\ncountry = \"America\"\npurpose = \"invitations\"\n";
    std::fs::write(&path, format!("{plain}{bad}")).unwrap();
    let refused = run_in(dir, &["check", "--offline", "--json"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.json().to_string().contains("country = \\\"US\\\""),
        "{refused:?}"
    );
    let good = bad
        .replace("America", "us")
        .replace("invitations\"", "invitations\"\nreviewed = \"2026-11-23\"");
    std::fs::write(&path, format!("{plain}{good}")).unwrap();
    let sync = run_in(dir, &["sync", "--yes"]);
    assert!([0, 3].contains(&sync.code), "{sync:?}");

    let (patient, contact) = (control.id("P2").await, control.id("C2").await);
    let person = format!("halaxy:{patient}");
    let shown = run_in(dir, &["consent", "show", &person, "--json"]).json();
    assert!(
        shown["consent"]
            .as_array()
            .unwrap()
            .iter()
            .all(|unit| unit["agreed"].is_null()),
        "{shown}"
    );
    assert_eq!(
        run_in(dir, &["consent", "in", &person]).code,
        2,
        "a yes names its channels"
    );
    assert_ne!(
        run_in(dir, &["consent", "out", &person, "--channel", "email"]).code,
        0,
        "no unit of consent"
    );

    let running = service(dir);
    let record = format!("records/crm/contacts/{contact}");
    assert_eq!(
        run_in(dir, &["consent", "out", &person, "--source", "phone call"]).code,
        0
    );
    let told = |record: &serde_json::Value| record["properties"]["halaxy_marketing_post"] == "out";
    arrives(&control, &record, told).await;
    let log = run_in(dir, &["consent", "log", &person, "--json"]).json();
    let line = |unit: &str| {
        log.as_array()
            .unwrap()
            .iter()
            .find(|line| line["unit"] == unit)
            .unwrap()
            .clone()
    };
    assert!(
        line("marketing")["told"]["crm"].is_string() && line("marketing_sms")["seconds"].is_number(),
        "{log}"
    );

    // the switch
    assert_eq!(run_in(dir, &["pause", "nobody"]).code, 2);
    assert_eq!(run_in(dir, &["pause", "crm", "--why", "a test"]).code, 0);
    assert_eq!(run_in(dir, &["resume", "crm", "--json"]).json()["was"]["why"], "a test");

    // who was told what: names of units and the purpose, no values
    let register = run_in(dir, &["privacy", "register", "--person", &person, "--json"]);
    assert!(
        register.stdout.contains("marketing_post") && register.stdout.contains("invitations"),
        "{register:?}"
    );
    assert!(MARKS.iter().all(|mark| !register.stdout.contains(mark)));
    let corrected = run_in(
        dir,
        &[
            "privacy",
            "register",
            "--unit",
            "birth_date",
            "--person",
            &person,
            "--json",
        ],
    );
    assert_eq!(corrected.json(), json!([]), "nobody was told a birth date");
    let breach = run_in(dir, &["privacy", "breach", "--system", "crm", "--json"]).json();
    assert!(
        breach["people"].as_u64().unwrap() >= 3 && breach["recipient"]["country"] == "US",
        "{breach}"
    );
    let notice = run_in(dir, &["privacy", "notice"]).stdout;
    assert!(
        notice.contains("## HubSpot, Inc.") && notice.contains("Kept in: US"),
        "{notice}"
    );

    // what is held
    let out = dir.join("held");
    let held = run_in(dir, &["privacy", "subject", &person, "--out", out.to_str().unwrap()]);
    assert_eq!(held.code, 0, "{held:?}");
    let page = std::fs::read_to_string(out.join("held.md")).unwrap();
    assert!(
        page.contains("Beatrix") && page.contains("HubSpot, Inc. was told"),
        "{page}"
    );
    let document = std::fs::read_to_string(out.join("held.json")).unwrap();
    assert!(
        document.contains("opt_outs") && !document.contains("Coralie"),
        "nobody else's"
    );
    std::fs::remove_dir_all(&out).unwrap();

    // erased, beside the service
    assert_eq!(run_in(dir, &["privacy", "erase", &person]).code, 2, "it wants a word");
    let dry = run_in(dir, &["privacy", "erase", &person, "--dry-run", "--json"]).json();
    let entity = dry["entity"].as_str().unwrap().to_string();
    let erased = run_in(dir, &["privacy", "erase", &person, "--yes", "--json"]);
    assert!([0, 3].contains(&erased.code), "{erased:?}");
    let residue = erased.json()["to_do"].to_string();
    for named in ["halaxy:", "crm:", "backups", "marketing_post"] {
        assert!(residue.contains(named), "{named}: {residue}");
    }
    assert!(
        MARKS
            .iter()
            .all(|mark| !erased.stdout.contains(mark) && !erased.stderr.contains(mark))
    );
    control
        .patch(
            &format!("records/halaxy/Patient/{patient}"),
            json!({ "gender": "other" }),
        )
        .await;
    let still = control.id("P3").await;
    control
        .patch(&format!("records/halaxy/Patient/{still}"), json!({ "gender": "other" }))
        .await;
    let other = format!("records/crm/contacts/{}", control.id("C3").await);
    let moved = |record: &serde_json::Value| {
        ["other", "Other"].contains(&record["properties"]["gender"].as_str().unwrap_or(""))
    };
    arrives(&control, &other, moved).await;
    assert_eq!(
        run_in(dir, &["links", "find", "beatrix", "--json"]).json(),
        json!([]),
        "nobody came back"
    );
    assert_eq!(run_in(dir, &["links", "show", &person]).code, 2);
    drop(running);
    assert_eq!(run_in(dir, &["privacy", "purge"]).code, 0);
    let after = run_in(dir, &["privacy", "register", "--person", &entity, "--json"]);
    assert!(
        after.stdout.contains("marketing_post"),
        "the register outlives the person: {after:?}"
    );
    let kept = run_in(dir, &["privacy", "retention"]);
    assert!(kept.code == 0 && kept.stdout.contains("90 days"), "{kept:?}");
}
