//! The public stream with the real program: killed with SIGKILL while people edit, it loses no event, and the example
//! consumer of `deploy/examples` has each of them once and in order.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, Ran, Service, arrives, digits, practice, run_in, service, stand_ins, telecom, terminate};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

fn consumer(out: &Path) -> (Service, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/follow_events.py");
    let mut child = Command::new("python3")
        .arg("-B")
        .arg(script)
        .args(["--listen", "127.0.0.1:0", "--out"])
        .arg(out)
        .env("EVENTS_SECRET", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap().to_string();
    (Service(child), url)
}

fn add(dir: &Path, text: &str) {
    let path = dir.join("bridge.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{config}\n{text}\n")).unwrap();
}

fn events(dir: &Path, args: &[&str]) -> Ran {
    run_in(dir, &[&["events"], args, &["--json"]].concat())
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn no_event_is_lost_by_killing_the_service_and_none_is_kept_twice() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "plain");
    practice(dir, &ends, "example-crm");
    let out = dir.join("changes.csv");
    let (_consumer, url) = consumer(&out);
    std::fs::write(dir.join("events.secret"), SECRET).unwrap();
    let section = format!("[[events.webhook]]\nname = \"sheet\"\nurl = \"{url}\"\nsecret = \"file:events.secret\"");
    add(dir, &section);
    let control = Control::of(&ends);
    assert_eq!(run_in(dir, &["check"]).code, 0);
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
    assert_eq!(run_in(dir, &["sync", "--yes", "--json"]).json()["converged"], true);

    let mut bridge = service(dir);
    for round in 0..5 {
        for person in 1..=3 {
            let (patient, mobile) = (
                control.id(&format!("P{person}")).await,
                format!("+6149157{round}{person}00"),
            );
            let path = format!("records/halaxy/Patient/{patient}");
            let shown = control.get(&path).await;
            control.patch(&path, telecom(&shown, &mobile)).await;
            if person == 2 {
                // Some moment between the read, the write and what is sent of them.
                tokio::time::sleep(Duration::from_millis(150 + 170 * round)).await;
                bridge.0.kill().unwrap();
                bridge.0.wait().unwrap();
                bridge = service(dir);
            }
        }
        for person in 1..=3 {
            let contact = control.id(&format!("C{person}")).await;
            arrives(&control, &format!("records/crm/contacts/{contact}"), |c| {
                digits(c["mobile"].as_str().unwrap_or_default()).ends_with(&format!("49157{round}{person}00"))
            })
            .await;
        }
    }
    let sent = || events(dir, &["subscribers"]).json()[0].clone();
    until("everything is taken", || sent()["waiting"] == 0).await;
    assert_eq!(sent()["state"], "well");
    terminate(&bridge.0);
    assert_eq!(bridge.0.wait().unwrap().code(), Some(0));

    // What the store has told, page by page, is what the consumer has.
    let (mut told, mut since): (Vec<Json>, Option<String>) = (vec![], None);
    loop {
        let cursor = since.clone().unwrap_or_default();
        let args: Vec<&str> = match &since {
            None => vec!["list", "--limit", "7"],
            Some(_) => vec!["list", "--limit", "7", "--since", &cursor],
        };
        let page = events(dir, &args).json();
        told.extend(page["events"].as_array().unwrap().iter().cloned());
        assert_eq!(page["gap"], false);
        since = Some(page["next"].as_str().unwrap().to_string());
        if page["more"] == false {
            break;
        }
    }
    let kept = std::fs::read_to_string(&out).unwrap();
    let kept: Vec<&str> = kept
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap())
        .collect();
    let ids: Vec<&str> = told.iter().map(|event| event["data"]["id"].as_str().unwrap()).collect();
    // The first sync has told of what it made itself, before there was anybody to send it to.
    assert_eq!(kept, ids[ids.len() - kept.len()..], "{told:#?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());

    // Each edit was seen once on its own side, and once where the bridge wrote it.
    let mut edits: BTreeMap<(String, String), usize> = BTreeMap::new();
    for event in told.iter().map(|event| &event["data"]) {
        if event["units"] == json!(["mobile"]) && event["op"] == "updated" {
            let key = |name: &str| event[name].as_str().unwrap().to_string();
            *edits.entry((key("system"), key("record"))).or_default() += 1;
        }
    }
    for person in 1..=3 {
        for (system, id) in [("halaxy", format!("P{person}")), ("crm", format!("C{person}"))] {
            let record = control.id(&id).await;
            assert_eq!(
                edits.get(&(system.to_string(), record)),
                Some(&5),
                "{system} {id}: {edits:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_subscriber_that_fails_is_shown_and_tried_again_when_a_person_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_stand_ins, ends) = stand_ins(dir, "plain");
    practice(dir, &ends, "example-crm");
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    add(
        dir,
        &format!(
            "[events]\ninclude_first_read = true\n[[events.webhook]]\nurl = \"http://{free}/\"\nsecret = \"file:events.secret\""
        ),
    );
    assert_eq!(run_in(dir, &["check"]).code, 1, "the secret is missing");
    std::fs::write(dir.join("events.secret"), "too short").unwrap();
    let told = run_in(dir, &["check", "--json"]);
    assert!(told.stdout.contains("openssl rand"), "{told:?}");
    std::fs::write(dir.join("events.secret"), SECRET).unwrap();
    assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
    let synced = run_in(dir, &["sync", "--yes", "--json"]);
    assert_eq!(
        synced.json()["converged"],
        true,
        "whoever is told may be away: {synced:?}"
    );
    let shown = events(dir, &["subscribers"]);
    let sheet = &shown.json()[0];
    assert_eq!(
        (shown.code, &sheet["state"], &sheet["name"]),
        (3, &json!("failing"), &json!("127.0.0.1"))
    );
    let first = events(dir, &["list", "--limit", "1"]).json();
    assert_eq!(
        (&first["events"][0]["data"]["op"], &first["more"]),
        (&json!("created"), &json!(true))
    );
    assert_eq!(events(dir, &["resume", "nobody"]).code, 2);
    assert_eq!(events(dir, &["resume", "127.0.0.1"]).code, 0);
    let again = &events(dir, &["subscribers"]).json()[0]["next_attempt"];
    assert_eq!(again, "1970-01-01T00:00:00Z");
    let other = events(dir, &["list", "--since", "00000000-3"]);
    assert!(other.code == 2 && other.stdout.contains("another stream"), "{other:?}");
    assert_eq!(events(dir, &["list", "--since", "nonsense"]).code, 2);
    let people = run_in(dir, &["events", "list", "--limit", "3"]);
    assert!(people.stdout.contains("go on with --since"), "{people:?}");
}

#[test]
fn mistakes_in_the_section_are_found_with_line_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert_eq!(
        common::run(&["init", dir.to_str().unwrap(), "--crm", "example-crm"]).code,
        0
    );
    let path = dir.join("bridge.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for (section, part) in [
        ("[events]\nexchange = \"x\"", "an exchange needs a broker"),
        ("[events]\nexchange = \"amq.topic\"", "cannot name an exchange"),
        ("[events]\nkeep = \"a while\"", "no length of time"),
        ("[events]\nwebhok = []", "Did you mean `webhook`?"),
        (
            "[[events.webhook]]\nurl = \"http://sheet.example/\"\nsecret = \"env:X\"",
            "https only",
        ),
        (
            "[[events.webhook]]\nurl = \"https://sheet.example/\"",
            "`secret` is missing",
        ),
        (
            "[[events.webhook]]\nurl = \"https://sheet.example/\"\nsecret = \"whsec_abc\"",
            "never hold it",
        ),
        (
            "[[events.webhook]]\nurl = \"https://sheet.example/\"\nsecret = [\"env:X\", \"whsec_abc\"]",
            "never hold it",
        ),
        (
            "[[events.webhook]]\nurl = \"https://sheet.example/\"\nsecret = \"env:X\"\nmatch = \"crm updated\"",
            "is no pattern",
        ),
        (
            "[[events.webhook]]\nurl = \"https://a.example/1\"\nsecret = \"env:X\"\n[[events.webhook]]\nurl = \"https://a.example/2\"\nsecret = \"env:X\"",
            "there are two subscribers `a.example`",
        ),
    ] {
        std::fs::write(&path, format!("{text}\n{section}\n")).unwrap();
        let checked = run_in(dir, &["check", "--offline", "--json"]);
        assert_eq!(checked.code, 2, "{section}");
        let problems = checked.json()["problems"].clone();
        let found = problems
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p.to_string().contains(part));
        let found = found.unwrap_or_else(|| panic!("{part} in {problems}"));
        assert!(found["line"].as_u64().unwrap() > text.lines().count() as u64, "{found}");
    }
    let good = "[events]\nkeep = \"7d\"\n[[events.webhook]]\nurl = \"https://a.example/1\"\nsecret = [\"env:X\", \"env:Y\"]\n\
                match = \"*.crm.*.updated\"\nname = \"sheet\"";
    std::fs::write(&path, format!("{text}\n{good}\n")).unwrap();
    assert_eq!(run_in(dir, &["check", "--offline"]).code, 0);
}
