//! Referrals, claim details and notes with the built program: made once whatever happens, files checked, and nothing of
//! a note kept anywhere.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, Ran, client, practice, program, run_in, stand_ins};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

const MARK: &str = "ZQXTAINTEDZQX";

fn ran(folder: &Path, args: &[&str]) -> Ran {
    run_in(folder, &[args, &["--json"]].concat())
}

async fn post(ends: &Json, path: &str, body: Json) -> Json {
    let url = format!("{}/{path}", ends["control_url"].as_str().unwrap());
    let answer = client().post(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

async fn fault(ends: &Json, rule: Json) {
    post(ends, "faults", rule).await;
}

async fn how_many(control: &Control, kind: &str) -> usize {
    control
        .get(&format!("records/halaxy/{kind}"))
        .await
        .as_array()
        .unwrap()
        .len()
}

async fn patient(control: &Control) -> String {
    let all = control.get("records/halaxy/Patient").await;
    all[0]["id"].as_str().unwrap().to_string()
}

fn grant_notes(folder: &Path) {
    let path = folder.join("bridge.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("\n[notes]\ngrant = true\npurpose = \"intake forms\"\n");
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_referral_is_made_once_and_enriched() {
    let folder = tempfile::tempdir().unwrap();
    let (_service, ends) = stand_ins(folder.path(), "hubspot");
    let folder = folder.path();
    practice(folder, &ends, "hubspot");
    let control = Control::of(&ends);
    let who = patient(&control).await;
    let letter = folder.join("letter.pdf");
    std::fs::write(&letter, b"%PDF-1.4\nletter").unwrap();
    let letter = letter.to_str().unwrap();
    let asked = |key: &'static str| {
        vec![
            "referral",
            "create",
            "--patient",
            &who,
            "--requester",
            "EP-720001",
            "--from",
            "2026-03-01",
            "--to",
            "2099-03-01",
            "--sessions",
            "10",
            "--attach",
            letter,
            "--request-key",
            key,
        ]
    };

    let shown = ran(folder, &[asked("order-1").as_slice(), &["--dry-run"]].concat());
    assert_eq!(shown.code, 0, "{shown:?}");
    assert_eq!(shown.json()["body"]["attachments"][0]["data"], "[20 characters]");
    assert_eq!(how_many(&control, "Referral").await, 0);

    let made = ran(folder, &asked("order-1")).json();
    assert_eq!(
        (&made["outcome"], &made["repeated"]),
        (&json!("done"), &json!(false)),
        "{made}"
    );
    let id = made["id"].as_str().unwrap().to_string();
    let again = ran(folder, &asked("order-1")).json();
    assert_eq!((&again["repeated"], &again["id"]), (&json!(true), &made["id"]));

    // Another key for the same referral: named, and given the files if that is wanted.
    let equal = ran(folder, &asked("order-2"));
    assert_eq!(
        (equal.code, &equal.json()["outcome"], &equal.json()["id"]),
        (3, &json!("equal"), &json!(id))
    );
    let enriched = ran(folder, &[asked("order-3").as_slice(), &["--enrich"]].concat());
    assert_eq!(
        (enriched.code, enriched.json()["id"].as_str()),
        (0, Some(id.as_str())),
        "{enriched:?}"
    );
    let twice = ran(folder, &["referral", "attach", &id, letter]);
    assert_eq!(
        (twice.code, &twice.json()["outcome"]),
        (0, &json!("attached_before")),
        "{twice:?}"
    );
    assert_eq!(how_many(&control, "Referral").await, 1);
    let despite = ran(folder, &[asked("order-4").as_slice(), &["--despite", &id]].concat());
    assert_eq!(despite.json()["outcome"], "done", "{despite:?}");
    assert_eq!(how_many(&control, "Referral").await, 2);

    // Only the files are sent to one that is there.
    let calls = control.get("calls").await;
    let patches = calls
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["method"] == "PATCH");
    assert_eq!(patches.count(), 1);

    let listed = ran(folder, &["referral", "list", "--patient", &who]).json();
    assert_eq!(listed["referrals"].as_array().unwrap().len(), 2);
    assert_eq!(
        listed["referrals"][0]["standing"],
        json!({"state": "active", "sessions_left": 10, "money_left": null,
        "days_left": listed["referrals"][0]["standing"]["days_left"]})
    );
    assert_eq!(ran(folder, &["referral", "alerts"]).code, 0);
    post(
        &ends,
        "records/halaxy/Referral",
        json!({"resourceType": "Referral", "active": true,
        "subject": {"reference": format!("Patient/{who}")}, "performer": {"reference": "Practitioner/PR-9"},
        "limitQuantity": {"quantity": {"value": 6}, "quantityUsed": 5}}),
    )
    .await;
    let alerts = ran(folder, &["referral", "alerts"]);
    assert_eq!(alerts.code, 3, "{alerts:?}");
    assert_eq!(
        (
            &alerts.json()["alerts"][0]["state"],
            &alerts.json()["alerts"][0]["sessions_left"]
        ),
        (&json!("expiring"), &json!(1))
    );
    let csv = folder.join("referrers.csv");
    let referrers = ran(folder, &["referral", "referrers", "--csv", csv.to_str().unwrap()]);
    assert_eq!(referrers.code, 0, "{referrers:?}");
    assert!(
        std::fs::read_to_string(csv)
            .unwrap()
            .starts_with("Reference,Title,Given")
    );
}

#[tokio::test]
async fn what_landed_late_is_not_made_again_under_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let (_service, ends) = stand_ins(folder.path(), "hubspot");
    let folder = folder.path();
    practice(folder, &ends, "hubspot");
    let control = Control::of(&ends);
    let who = patient(&control).await;
    // No list shows it yet, and it lands later.
    fault(
        &ends,
        json!({"system": "halaxy", "fault": "drop_late", "delay_ms": 30_000, "count": 1, "method": "POST",
        "path_contains": "Coverage"}),
    )
    .await;
    let asked = |key: &'static str, number: &'static str| {
        [
            "coverage",
            "create",
            "--beneficiary",
            &who,
            "--payor",
            "Organization/FD-150001",
            "--number",
            number,
            "--request-key",
            key,
        ]
        .map(str::to_owned)
    };
    let run = |key, number| {
        let args = asked(key, number);
        ran(folder, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let first = run("a", "2123456701");
    assert_eq!(
        (first.code, &first.json()["outcome"]),
        (3, &json!("unknown")),
        "{first:?}"
    );
    let second = run("b", "2123456701");
    assert_eq!(
        (second.code, &second.json()["outcome"], &second.json()["request_key"]),
        (3, &json!("unknown"), &json!("a"))
    );
    assert_eq!(how_many(&control, "Coverage").await, 0);
    let other = ran(
        folder,
        &[
            "coverage",
            "create",
            "--beneficiary",
            &who,
            "--payor",
            "Organization/FD-150002",
        ],
    );
    assert_eq!(other.code, 0, "{other:?}");
    let id = other.json()["id"].as_str().unwrap().to_string();
    // What is there lacks the card: that is what the second one brings.
    let equal = run_in(
        folder,
        &[
            "coverage",
            "create",
            "--beneficiary",
            &who,
            "--payor",
            "Organization/FD-150002",
            "--number",
            "2123456701",
        ],
    );
    assert!(
        equal.code == 3 && equal.stdout.contains(&format!("coverage update {id} --number NUMBER")),
        "{equal:?}"
    );
    let updated = ran(folder, &["coverage", "update", &id, "--number", "2123456701"]);
    assert_eq!(updated.code, 0, "{updated:?}");
    let listed = run_in(folder, &["coverage", "list", "--patient", &who]);
    assert!(
        listed.stdout.contains(&id) && !listed.stdout.contains("2123456701"),
        "{listed:?}"
    );
}

#[tokio::test]
async fn files_are_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (_service, ends) = stand_ins(folder.path(), "hubspot");
    let folder = folder.path();
    practice(folder, &ends, "hubspot");
    let control = Control::of(&ends);
    for (name, bytes, says) in [
        ("page.html", b"<p>x</p>".to_vec(), "attach pdf, jpeg"),
        ("letter.pdf", b"<p>x</p>".to_vec(), "not what its ending says"),
        ("empty.pdf", Vec::new(), "is empty"),
        (
            "large.pdf",
            [b"%PDF-".to_vec(), vec![b' '; 20 * 1024 * 1024]].concat(),
            "above 20 MB",
        ),
        ("missing.pdf", Vec::new(), "cannot read"),
    ] {
        let path = folder.join(name);
        if says != "cannot read" {
            std::fs::write(&path, bytes).unwrap();
        }
        let refused = ran(folder, &["referral", "attach", "870001", path.to_str().unwrap()]);
        assert!(
            refused.code == 2 && refused.stderr.contains(says),
            "{name}: {refused:?}"
        );
    }
    assert_eq!(control.writes().await, 0);
}

fn note(folder: &Path, who: &str, key: &str, title: &str) -> Vec<String> {
    let text = folder.join("note.html");
    std::fs::write(&text, format!("<p>{MARK}</p>")).unwrap();
    let text = text.to_str().unwrap();
    [
        "note",
        "create",
        "--patient",
        who,
        "--author",
        "PR-700001",
        "--title",
        title,
        "--file",
        text,
        "--request-key",
        key,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn written(folder: &Path, args: &[String]) -> Ran {
    ran(folder, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_note_is_written_once_and_nothing_of_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (_service, ends) = stand_ins(folder.path(), "hubspot");
    let folder = folder.path();
    practice(folder, &ends, "hubspot");
    let control = Control::of(&ends);
    let who = patient(&control).await;
    let first = note(folder, &who, "intake-1", "Intake");
    let refused = written(folder, &first);
    assert!(refused.code == 2 && refused.stderr.contains("[notes]"), "{refused:?}");
    grant_notes(folder);
    let mut said = String::new();
    let mut keep = |ran: Ran| {
        said.push_str(&ran.stdout);
        said.push_str(&ran.stderr);
        ran
    };

    let shown = keep(written(folder, &[first.clone(), vec!["--dry-run".into()]].concat()));
    assert_eq!(shown.json()["body"]["docStatus"], "preliminary", "{shown:?}");
    assert_eq!(how_many(&control, "DocumentReference").await, 0);
    let done = keep(written(folder, &first));
    assert_eq!((done.code, &done.json()["outcome"]), (0, &json!("done")), "{done:?}");
    let again = keep(written(folder, &first));
    assert_eq!(again.json()["repeated"], true);
    // The same text under another key is a mistake, until somebody says it is none.
    let same = keep(written(folder, &note(folder, &who, "intake-2", "Intake")));
    assert_eq!(
        (same.code, &same.json()["request_key"]),
        (3, &json!("intake-1")),
        "{same:?}"
    );
    assert_eq!(how_many(&control, "DocumentReference").await, 1);

    // Lost before or after it took effect: nobody knows, and nothing is sent again until a person says so.
    for (nth, kind, landed) in [(2, "drop_after", true), (3, "drop_before", false), (4, "status", false)] {
        fault(
            &ends,
            json!({"system": "halaxy", "fault": kind, "status": 500, "count": 1, "method": "POST",
            "path_contains": "DocumentReference"}),
        )
        .await;
        let key = format!("visit-{nth}");
        let args = note(folder, &who, &key, &key);
        let before = how_many(&control, "DocumentReference").await;
        for _ in 0..2 {
            let lost = keep(written(folder, &args));
            assert_eq!(
                (lost.code, &lost.json()["outcome"]),
                (3, &json!("unknown")),
                "{kind}: {lost:?}"
            );
        }
        assert_eq!(
            how_many(&control, "DocumentReference").await,
            before + usize::from(landed),
            "{kind}"
        );
        let word = if landed { "--written" } else { "--not-written" };
        assert_eq!(keep(ran(folder, &["note", "settle", &key, word])).code, 0);
        let after = keep(written(folder, &args)).json();
        assert_eq!(
            (&after["outcome"], &after["repeated"]),
            (&json!("done"), &json!(landed)),
            "{kind}: {after}"
        );
        assert_eq!(how_many(&control, "DocumentReference").await, before + 1, "{kind}");
    }

    // Killed while it waits for the answer.
    fault(
        &ends,
        json!({"system": "halaxy", "fault": "delay", "delay_ms": 1500, "count": 1, "method": "POST",
        "path_contains": "DocumentReference"}),
    )
    .await;
    let args = note(folder, &who, "visit-9", "Killed");
    let before = control.get("calls").await.as_array().unwrap().len();
    let mut child = program()
        .args(&args)
        .arg("-c")
        .arg(folder.join("bridge.toml"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while how_many(&control, "DocumentReference").await < 5 {
        // The call is logged when it has taken effect; the program is killed as soon as its mark is there.
        let listed = keep(ran(folder, &["note", "list"])).json();
        if listed["notes"].to_string().contains("visit-9") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Its call may be under way still: nothing is sent, and nobody can say yet what became of it.
    let lost = keep(written(folder, &args));
    assert_eq!(
        (lost.code, &lost.json()["outcome"]),
        (3, &json!("under_way")),
        "{lost:?}"
    );
    let early = keep(ran(folder, &["note", "settle", "visit-9", "--not-written"]));
    assert!(early.code == 2 && early.stderr.contains("under way"), "{early:?}");
    assert!(control.get("calls").await.as_array().unwrap().len() >= before);
    let listed = keep(ran(folder, &["note", "list"]));
    assert_eq!(
        (listed.code, listed.json()["notes"].as_array().unwrap().len()),
        (3, 5),
        "{listed:?}"
    );
    // Plain text through standard input; raw actions obey the same grant.
    let mut child = program()
        .args([
            "note",
            "create",
            "--patient",
            &who,
            "--title",
            "Call",
            "--file",
            "-",
            "--text",
            "--request-key",
            "call-1",
        ])
        .arg("-c")
        .arg(folder.join("bridge.toml"))
        .env("RUST_LOG", "trace")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(MARK.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    said.push_str(&String::from_utf8_lossy(&ended.stdout));
    said.push_str(&String::from_utf8_lossy(&ended.stderr));
    let body = folder.join("raw.json");
    std::fs::write(
        &body,
        json!({"content": [{"attachment": {"contentType": "text/html", "data": MARK}}]}).to_string(),
    )
    .unwrap();
    let raw = [
        "halaxy",
        "create-note",
        "--patient",
        &who,
        "--status",
        "final",
        "--title",
        "t",
        "--body",
        body.to_str().unwrap(),
    ];
    let no_key = ran(folder, &raw);
    assert!(
        no_key.code == 2 && no_key.stderr.contains("--request-key is missing"),
        "{no_key:?}"
    );
    let dry = ran(folder, &[raw.as_slice(), &["--dry-run"]].concat());
    said.push_str(&dry.stdout);
    assert!(!said.contains(MARK), "a note's text was said");
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("bridge.db") {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert!(
                !bytes.windows(MARK.len()).any(|part| part == MARK.as_bytes()),
                "{:?}",
                entry.path()
            );
        }
    }
    // Whether the killed one landed or not, it is there once at most.
    let all = control.get("records/halaxy/DocumentReference").await;
    assert!(all.to_string().matches("\"Killed\"").count() <= 1);
}
