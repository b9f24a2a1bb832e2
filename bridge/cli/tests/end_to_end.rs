//! Two processes, as a user has them: the stand-ins, and the program through all its commands.
#![allow(clippy::unwrap_used)]

#[path = "../../queue/tests/broker/mod.rs"]
mod broker;
mod common;

use common::{Control, arrives, digits, people, practice, run_in, service, stand_ins, telecom, terminate};
use serde_json::{Value as Json, json};

fn mobile_of(patient: &Json) -> &str {
    let telecom = patient["telecom"].as_array().unwrap();
    telecom
        .iter()
        .find(|t| t["system"] == "sms")
        .and_then(|t| t["value"].as_str())
        .unwrap()
}

#[tokio::test]
async fn from_an_empty_folder_to_a_settled_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "hubspot");
    practice(dir, &ends, "hubspot");
    let control = Control::of(&ends);

    // check finds what prepare then makes
    let check = run_in(dir, &["check", "--json"]);
    assert_eq!(check.code, 1, "{check:?}");
    assert!(
        check.json()["problems"].to_string().contains("halaxy_patient_id"),
        "{check:?}"
    );
    let asked = run_in(dir, &["prepare", "crm", "--json"]);
    assert_eq!(
        (asked.code, &asked.json()["ready"]),
        (3, &json!(false)),
        "without --yes nothing is made"
    );
    let made = run_in(dir, &["prepare", "crm", "--yes"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(
        made.stdout.contains("created  ") && !made.stdout.contains("missing"),
        "{made:?}"
    );
    assert_eq!(run_in(dir, &["prepare", "crm", "--json"]).json()["ready"], json!(true));
    assert_eq!(run_in(dir, &["check", "--json"]).json()["ok"], true);

    // what to type next names the configuration as it was named
    let told = run_in(dir, &["plan"]).stdout;
    let named = format!(" -c {}", dir.join("bridge.toml").display());
    assert!(
        told.contains("sync --approve ") && told.trim_end().ends_with(&named),
        "{told}"
    );

    // plan sends nothing, and sync without approval only plans
    let plan = run_in(dir, &["plan", "--json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    let plan = plan.json();
    assert_eq!(plan["would"]["created"], json!({"halaxy": 0, "crm": 1}), "{plan}");
    assert_eq!(plan["would"]["links"], 3);
    assert_eq!(plan["approval"]["state"], "missing");
    let unapproved = run_in(dir, &["sync", "--json"]);
    assert_eq!(
        (unapproved.code, &unapproved.json()["converged"]),
        (3, &json!(false)),
        "{unapproved:?}"
    );
    let wrong = run_in(dir, &["sync", "--approve", "0000", "--json"]);
    assert_eq!(wrong.code, 3, "{wrong:?}");
    assert_eq!(control.writes().await, 0);

    // sync does what the plan said
    let digest = plan["digest"].as_str().unwrap();
    let sync = run_in(dir, &["sync", "--approve", digest, "--json"]);
    assert_eq!(sync.code, 3, "the look-alike waits: {sync:?}");
    let report = sync.json();
    assert_eq!(
        (&report["converged"], &report["failures"]),
        (&json!(true), &json!(0)),
        "{report}"
    );
    assert_eq!(report["created"], plan["would"]["created"]);
    assert_eq!(report["updated"], plan["would"]["updated"]);
    assert_eq!(report["candidates"], 1);
    assert_eq!(report["links"], 4);
    let again = run_in(dir, &["sync", "--json"]).json();
    let writes = |report: &Json| ["halaxy", "crm"].map(|s| report["systems"][s]["writes"].as_u64().unwrap());
    assert_eq!(writes(&again), [0, 0], "{again}");

    // who is who
    let links = run_in(dir, &["links", "list", "--json"]).json();
    assert_eq!(links.as_array().unwrap().len(), 4);
    assert!(
        links
            .as_array()
            .unwrap()
            .iter()
            .all(|l| l["records"].as_array().unwrap().len() == 2 && l["evidence"].is_string()),
        "{links}"
    );
    let matches = run_in(dir, &["matches", "list", "--json"]).json();
    let pair = matches[0]["id"].as_str().unwrap();
    assert_eq!(matches[0]["records"].as_array().unwrap().len(), 2);
    assert_eq!(run_in(dir, &["matches", "different", pair]).code, 0);
    let report = run_in(dir, &["sync", "--json"]).json();
    assert_eq!(
        (&report["candidates"], &report["created"]["crm"]),
        (&json!(0), &json!(1)),
        "told apart, so she is created: {report}"
    );
    let held = run_in(dir, &["conflicts", "holds", "--json"]).json();
    assert_eq!(
        held[0]["units"],
        json!(["email"]),
        "the CRM has her mailbox on the other one, and only one may: {held}"
    );

    // the same field on both sides: one conflict, and the decision reaches both
    let (patient, contact) = (control.id("P1").await, control.id("C1").await);
    let shown = control.get(&format!("records/halaxy/Patient/{patient}")).await;
    control
        .patch(
            &format!("records/halaxy/Patient/{patient}"),
            telecom(&shown, "+61491570111"),
        )
        .await;
    control
        .patch(
            &format!("records/crm/contacts/{contact}"),
            json!({"mobilephone": "+61491570222"}),
        )
        .await;
    let report = run_in(dir, &["sync", "--json"]);
    assert_eq!((report.code, &report.json()["conflicts"]), (3, &json!(1)), "{report:?}");
    let conflicts = run_in(dir, &["conflicts", "list", "--json"]).json();
    let conflict = &conflicts[0];
    assert_eq!(conflict["unit"], "mobile");
    assert_eq!(
        conflict["values"],
        json!({"halaxy": "+61491570111", "crm": "+61491570222"})
    );
    assert_eq!(conflict["last_agreed"], "+61491570001");
    let hidden = run_in(dir, &["conflicts", "list", "--no-values", "--json"]);
    assert!(!hidden.stdout.contains("61491"), "{}", hidden.stdout);
    let id = conflict["id"].as_str().unwrap();
    let told = run_in(dir, &["conflicts", "show", id]);
    assert!(
        told.stdout.contains("+61491570222") && told.stdout.contains("--state"),
        "{}",
        told.stdout
    );
    assert_eq!(run_in(dir, &["conflicts", "resolve", id, "--take", "books"]).code, 2);
    assert_eq!(
        run_in(dir, &["conflicts", "resolve", id, "--take", "crm", "--state", "beef"]).code,
        1
    );
    assert_eq!(
        run_in(dir, &["conflicts", "resolve", id, "--value", "0491 570 333"]).code,
        0
    );
    let settled = run_in(dir, &["sync", "--json"]).json();
    assert_eq!(
        (&settled["conflicts"], &settled["holds"]),
        (&json!(0), &json!(1)),
        "{settled}"
    );
    let patient_now = control.get(&format!("records/halaxy/Patient/{patient}")).await;
    assert!(digits(mobile_of(&patient_now)).ends_with("491570333"), "{patient_now}");
    let contact_now = control.get(&format!("records/crm/contacts/{contact}")).await;
    assert!(digits(contact_now["properties"]["mobilephone"].as_str().unwrap()).ends_with("491570333"));

    // the history tells all of it, without values unless asked
    let record = format!("halaxy:{patient}");
    let explained = run_in(dir, &["explain", &record]);
    for part in ["linked", "conflict", "decided by riley", "sent to crm"] {
        assert!(
            explained.stdout.contains(part),
            "{part} is missing: {}",
            explained.stdout
        );
    }
    assert!(!explained.stdout.contains("491570333"));
    assert!(
        run_in(dir, &["explain", &record, "--values"])
            .stdout
            .contains("491570333")
    );
    let second = control.id("P2").await;
    for text in ["sampl beatr", "0491 570 002", "beatrix@example.org", &second] {
        let found = run_in(dir, &["links", "find", text, "--json"]).json();
        assert!(
            found.as_array().unwrap().iter().any(|r| r["id"] == *second),
            "{text}: {found}"
        );
    }
    assert_eq!(run_in(dir, &["links", "find", "nobody", "--json"]).json(), json!([]));
    let shown = run_in(dir, &["links", "show", &record, "--json"]).json();
    assert_eq!(shown["agreed"]["mobile"], "+61491570333");
    assert!(
        shown["overruled"].to_string().contains("+61491570222"),
        "what lost is kept: {shown}"
    );
    let status = run_in(dir, &["status", "--json"]);
    assert_eq!(
        (status.code, &status.json()["waiting"]["holds"]),
        (3, &json!(1)),
        "{status:?}"
    );
    assert_eq!(status.json()["runs"][0]["counts"]["converged"], true);

    // a cut record is not linked again
    let entity = shown["entity"].as_str().unwrap();
    let plan = run_in(dir, &["links", "unlink", entity, "crm", "--plan", "--json"]).json();
    assert!(plan["cut"].as_str().unwrap().starts_with("crm:"), "{plan}");
    assert_eq!(plan["stays"].as_array().unwrap().len(), 1, "{plan}");
    assert_eq!(run_in(dir, &["links", "unlink", entity, "crm"]).code, 0);
    run_in(dir, &["sync"]);
    assert_eq!(
        run_in(dir, &["links", "list", "--json"])
            .json()
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

#[tokio::test]
async fn a_pass_ends_where_only_people_can_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "plain");
    practice(dir, &ends, "example-crm");
    let control = Control::of(&ends);
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
    let report = run_in(dir, &["sync", "--yes", "--json"]);
    assert_eq!(report.json()["converged"], true, "{report:?}");
    assert_eq!(run_in(dir, &["pause", "crm", "--why", "a test"]).code, 0);
    let patient = format!("records/halaxy/Patient/{}", control.id("P2").await);
    let contact = format!("records/crm/contacts/{}", control.id("C2").await);
    let shown = control.get(&patient).await;
    control.patch(&patient, telecom(&shown, "+61491570444")).await;
    let waits = run_in(dir, &["sync"]);
    assert_eq!(waits.code, 3, "{waits:?}");
    assert!(
        waits.stdout.contains("1 paused write") && waits.stdout.contains("resume SYSTEM"),
        "{waits:?}"
    );
    assert_eq!(run_in(dir, &["resume", "crm"]).code, 0);
    let report = run_in(dir, &["sync", "--json"]);
    assert_eq!(report.json()["converged"], true, "{report:?}");
    let told = control.get(&contact).await;
    assert!(
        digits(told["mobile"].as_str().unwrap()).ends_with("491570444"),
        "{told}"
    );
}

/// The plain CRM is connected by data alone.
#[tokio::test]
async fn the_service_keeps_both_sides_in_step_until_it_is_asked_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "plain");
    practice(dir, &ends, "example-crm");
    let control = Control::of(&ends);
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
    let report = run_in(dir, &["sync", "--yes", "--json"]);
    assert_eq!(report.json()["converged"], true, "{report:?}");

    let mut bridge = service(dir);
    let (patient, contact) = (control.id("P2").await, control.id("C2").await);
    let (patient, contact) = (
        format!("records/halaxy/Patient/{patient}"),
        format!("records/crm/contacts/{contact}"),
    );
    let shown = control.get(&patient).await;
    control.patch(&patient, telecom(&shown, "+61491570444")).await;
    control.patch(&contact, json!({"email": "new@example.org"})).await;
    arrives(&control, &contact, |c| {
        digits(c["mobile"].as_str().unwrap_or_default()).ends_with("491570444")
    })
    .await;
    arrives(&control, &patient, |p| {
        p["telecom"].to_string().contains("new@example.org")
    })
    .await;
    let both = control.get(&contact).await;
    assert_eq!(
        both["email"], "new@example.org",
        "neither edit swallowed the other: {both}"
    );

    // a decision beside the running service is taken up at once, without waiting for a poll
    let pair = run_in(dir, &["matches", "list", "--json"]).json()[0]["id"]
        .as_str()
        .unwrap()
        .to_string();
    assert_eq!(run_in(dir, &["matches", "same", &pair]).code, 0);
    let (edwina, hers) = (control.id("P5").await, control.id("C5").await);
    arrives(&control, &format!("records/crm/contacts/{hers}"), |c| {
        c["external_ref"] == *edwina
    })
    .await;

    let second = run_in(dir, &["sync", "--json"]);
    assert_eq!(second.code, 1, "one driver at a time: {second:?}");
    assert!(
        second.json()["error"]
            .as_str()
            .unwrap()
            .contains("another halaxy-bridge"),
        "{second:?}"
    );
    assert!(
        matches!(run_in(dir, &["status"]).code, 0 | 3),
        "reading beside it is fine"
    );

    terminate(&bridge.0);
    assert_eq!(
        bridge.0.wait().unwrap().code(),
        Some(0),
        "SIGTERM ends it in good order"
    );
}

#[test]
fn the_demo_settles_and_tells_its_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let (patients, contacts) = people(folder.path());
    let pairs = folder.path().join("pairs.csv");
    let demo = common::run(&[
        "demo",
        "--patients",
        patients.to_str().unwrap(),
        "--contacts",
        contacts.to_str().unwrap(),
        "--crm",
        "plain",
        "--links-out",
        pairs.to_str().unwrap(),
        "--exit-when-settled",
        "--json",
    ]);
    assert_eq!(demo.code, 3, "{demo:?}");
    let report = demo.json();
    assert_eq!(
        (&report["converged"], &report["failures"]),
        (&json!(true), &json!(0)),
        "{report}"
    );
    assert_eq!(report["systems"]["crm"]["records"], 5);
    let rows = std::fs::read_to_string(&pairs).unwrap();
    let lines: Vec<&str> = rows.lines().collect();
    assert_eq!(lines[0], "left_id,right_id,score,decision");
    assert_eq!(
        lines[1..4],
        ["P1,C1,1.000,link", "P2,C2,1.000,link", "P3,C3,1.000,link"]
    );
    assert!(
        lines[4].starts_with("P5,C5,0.") && lines[4].ends_with(",review") && lines.len() == 5,
        "{rows}"
    );
}

/// Both sides over a broker, which is away for a while in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_outlives_its_broker() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "plain");
    let config = practice(dir, &ends, "example-crm");
    let control = Control::of(&ends);
    let mut rabbit = broker::Private::start("");
    let queue = format!(
        "url = \"amqp://127.0.0.1:{}/%2f\"\nuser = \"guest\"\npassword = \"file:queue.secret\"",
        rabbit.port
    );
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("url = \"embedded\"", &queue)).unwrap();

    std::fs::write(dir.join("queue.secret"), "not-the-password").unwrap();
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
    let check = run_in(dir, &["check", "--json"]);
    assert!(check.code == 1 && check.stdout.contains("ACCESS_REFUSED"), "{check:?}");
    assert!(!format!("{check:?}").contains("not-the-password"));
    std::fs::write(dir.join("queue.secret"), "guest").unwrap();
    let check = run_in(dir, &["check", "--json"]);
    assert_eq!((check.code, &check.json()["ok"]), (0, &json!(true)), "{check:?}");
    let report = run_in(dir, &["sync", "--yes", "--json"]);
    assert_eq!(report.json()["converged"], true, "{report:?}");

    let mut bridge = service(dir);
    let patient = format!("records/halaxy/Patient/{}", control.id("P2").await);
    let contact = format!("records/crm/contacts/{}", control.id("C2").await);
    let edit = async |mobile: &str| {
        let shown = control.get(&patient).await;
        control.patch(&patient, telecom(&shown, mobile)).await;
    };
    let shows = |contact: &Json, mobile: &str| digits(contact["mobile"].as_str().unwrap_or_default()).ends_with(mobile);
    edit("+61491570444").await;
    arrives(&control, &contact, |c| shows(c, "491570444")).await;
    rabbit.kill();
    edit("+61491570555").await;
    tokio::task::block_in_place(|| rabbit.resume());
    arrives(&control, &contact, |c| shows(c, "491570555")).await;
    assert!(bridge.0.try_wait().unwrap().is_none(), "it never stopped");
}
