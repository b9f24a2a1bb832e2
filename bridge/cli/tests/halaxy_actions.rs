//! `halaxy ACTION`: listed and explained, shown without being sent, refused with a remedy, and each request key once.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_halaxy::endpoints::{ENDPOINTS, GROUPS};
use common::{Control, Ran, client, practice, run, run_in, stand_ins};
use serde_json::{Value as Json, json};
use std::path::Path;

fn halaxy(folder: &Path, args: &[&str]) -> Ran {
    run_in(folder, &[&["halaxy"], args, &["--json"]].concat())
}

const PERSON: [&str; 7] = [
    "create-patient",
    "--given",
    "Ottilie",
    "--family",
    "Samplewood",
    "--request-key",
    "order-17",
];

async fn patients(control: &Control, given: &str) -> usize {
    let all = control.get("records/halaxy/Patient").await;
    let named = |patient: &&Json| patient["name"].to_string().contains(given);
    all.as_array().unwrap().iter().filter(named).count()
}

#[test]
fn every_action_is_listed_in_its_group_and_shows_an_example() {
    let help = run(&["halaxy", "--help"]);
    assert_eq!(help.code, 0);
    let listed = run(&["halaxy"]);
    for text in [&help.stdout, &listed.stdout] {
        assert!(
            GROUPS.iter().all(|group| text.contains(&format!("{group}:\n"))),
            "{text}"
        );
        assert!(
            ENDPOINTS.iter().all(|row| text.contains(&format!("  {} ", row.action))),
            "{text}"
        );
    }
    // A process each is slow: one action of every group stands for it.
    for group in GROUPS {
        let row = ENDPOINTS.iter().rfind(|row| row.group == group).unwrap();
        let help = run(&["halaxy", row.action, "--help"]);
        assert!(
            help.stdout
                .contains(&format!("Example:\n  halaxy-bridge halaxy {}", row.action)),
            "{help:?}"
        );
        assert!(
            row.inputs()
                .all(|input| help.stdout.contains(&format!("--{} ", input.name))),
            "{help:?}"
        );
    }
    assert_eq!(run(&["halaxy", "no-such-action"]).code, 2);
}

#[tokio::test]
async fn a_dry_run_sends_nothing_and_a_key_is_sent_once() {
    let folder = tempfile::tempdir().unwrap();
    let (_service, ends) = stand_ins(folder.path(), "hubspot");
    let folder = folder.path();
    practice(folder, &ends, "hubspot");
    let control = Control::of(&ends);

    let shown = halaxy(folder, &[PERSON.as_slice(), &["--dry-run"]].concat());
    assert_eq!(shown.code, 0, "{shown:?}");
    let shown = shown.json();
    assert_eq!((&shown["dry_run"], &shown["method"]), (&json!(true), &json!("POST")));
    assert_eq!(shown["body"]["name"][0]["family"], "Samplewood");
    assert_eq!(patients(&control, "Ottilie").await, 0);

    let made = halaxy(folder, &PERSON).json();
    assert_eq!(
        (&made["outcome"], &made["repeated"]),
        (&json!("done"), &json!(false)),
        "{made}"
    );
    let again = halaxy(folder, &PERSON).json();
    assert_eq!(
        (&again["outcome"], &again["repeated"], &again["id"]),
        (&json!("done"), &json!(true), &made["id"])
    );
    assert_eq!(patients(&control, "Ottilie").await, 1);

    // The same key for something else is a mistake, and is told without anybody's name.
    let mut other = PERSON;
    other[2] = "Quillfeather";
    let refused = halaxy(folder, &other);
    assert_eq!(refused.code, 2);
    assert!(
        refused.json()["error"].as_str().unwrap().contains("take a new key"),
        "{refused:?}"
    );
    assert!(!refused.stderr.contains("Quillfeather"));

    let read = halaxy(folder, &["get-patient", "--id", made["id"].as_str().unwrap()]);
    assert_eq!(read.json()["record"]["name"][0]["given"][0], "Ottilie", "{read:?}");
    let listed = halaxy(
        folder,
        &["list-patients", "--family", "Samplewood", "--count", "2", "--all"],
    )
    .json();
    assert_eq!(listed["rows"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn what_nobody_knows_is_told_and_never_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (_service, ends) = stand_ins(folder.path(), "hubspot");
    let folder = folder.path();
    practice(folder, &ends, "hubspot");
    let control = Control::of(&ends);
    let fault =
        json!({"system": "halaxy", "fault": "drop_after", "count": 1, "method": "POST", "path_contains": "Patient"});
    let url = format!("{}/faults", ends["control_url"].as_str().unwrap());
    assert!(
        client()
            .post(url)
            .json(&fault)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );

    for repeated in [false, true] {
        let ran = halaxy(folder, &PERSON);
        assert_eq!(ran.code, 3, "{ran:?}");
        let told = ran.json();
        assert_eq!(
            (&told["outcome"], &told["repeated"]),
            (&json!("unknown"), &json!(repeated))
        );
    }
    assert_eq!(patients(&control, "Ottilie").await, 1);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (_service, ends) = stand_ins(folder.path(), "hubspot");
    let folder = folder.path();
    practice(folder, &ends, "hubspot");
    let body = folder.join("body.json");
    std::fs::write(&body, "{\"active\": false,").unwrap();
    let body = body.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["get-practitioner", "--id", "7"], 2, "PR-"),
        (&["update-patient", "--id", "1", "--body", body], 2, "correct the file"),
        (&["list-patients", "--request-key", "k"], 2, "unexpected argument"),
        (
            &[
                "create-note",
                "--patient",
                "1",
                "--status",
                "final",
                "--title",
                "t",
                "--body",
                body,
            ],
            2,
            "correct the file",
        ),
        (
            &["get-invoice", "--id", "600999"],
            1,
            "the list action of the same group",
        ),
        (
            &[
                "book-appointment",
                "--patient",
                "1",
                "--location",
                "clinic",
                "--appointment",
                "9",
                "--request-key",
                "a name",
            ],
            2,
            "letters, digits",
        ),
    ];
    for (args, code, says) in cases {
        let ran = halaxy(folder, args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(says), "{args:?}: {ran:?}");
    }
    // Notes are off until the practice says otherwise.
    std::fs::write(
        body,
        r#"{"content":[{"attachment":{"contentType":"text/html","data":"<p>Synthetic</p>"}}]}"#,
    )
    .unwrap();
    let note = [
        "create-note",
        "--patient",
        "1",
        "--status",
        "final",
        "--title",
        "t",
        "--body",
        body,
    ];
    let refused = halaxy(folder, &note);
    assert!(refused.code == 2 && refused.stderr.contains("[notes]"), "{refused:?}");
}
