//! Promise 8, crash safety, with the real program: `sync` is killed with SIGKILL at random moments,
//! thirty times, under faults, while people go on editing. Then a last `sync` must leave no
//! duplicate on either side, no lost edit, and both sides agreed.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_sandbox::{CrmKind, FaultKind, FaultRule, Manners, Sandbox, SandboxOptions, SystemClock, invented_people};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const KILLS: usize = 30;

fn fault(fault: FaultKind, rate: f64) -> FaultRule {
    FaultRule {
        system: None,
        fault,
        status: Some(503),
        delay_ms: Some(20),
        rate: Some(rate),
        count: None,
        method: None,
        path_contains: None,
    }
}

fn configure(folder: &Path, ends: &Json, connector: &str, practice: &str, store: &str) {
    let secret = |name: &str, value: &str| std::fs::write(folder.join(name), value).unwrap();
    secret("id", ends["halaxy"]["client_id"].as_str().unwrap());
    secret("secret", ends["halaxy"]["client_secret"].as_str().unwrap());
    secret("token", ends["crm"]["token"].as_str().unwrap());
    secret("key", &"00112233445566778899aabbccddeeff".repeat(2));
    let text = format!(
        r#"
[practice]
name = "{practice}"
country = "AU"
time_zone = "Australia/Melbourne"
[store]
url = "{store}"
key = "file:key"
[systems.halaxy]
connector = "halaxy"
base_url = {}
client_id = "file:id"
client_secret = "file:secret"
user_agent = "SampletonBridge (it@sampleton.example)"
call_life = "300ms"
[systems.crm]
connector = "{connector}"
base_url = {}
token = "file:token"
call_life = "300ms"
[sync.person]
systems = ["halaxy", "crm"]
create_in = ["crm"]
create_when = "status in ['current', 'contact']"
poll_every = "1s"
"#,
        ends["halaxy"]["base_url"], ends["crm"]["base_url"],
    );
    std::fs::write(folder.join("bridge.toml"), text).unwrap();
}

fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halaxy-bridge"));
    command
        .args(args)
        .arg("-c")
        .arg(folder.join("bridge.toml"))
        .current_dir(folder);
    command
}

fn json_of(folder: &Path, args: &[&str]) -> (Option<i32>, Json) {
    let output = program(folder, args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        output.status.code(),
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text} {errors}")),
    )
}

/// What the bridge tells of a patient, for the message of a failure.
fn story(folder: &Path, number: &str) -> String {
    let output = program(folder, &["explain", &format!("halaxy:{number}")])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn mobile_of(patient: &Json) -> Option<&str> {
    let telecom = patient["telecom"].as_array()?;
    telecom
        .iter()
        .find(|t| t["system"] == "sms")
        .and_then(|t| t["value"].as_str())
}

async fn killed(crm: CrmKind, connector: &str, seed: u64, practice: &str, store: &str) {
    let (patients, contacts) = invented_people(seed, 120);
    let options = SandboxOptions {
        seed,
        manners: Manners::Polite,
        crm,
        patients,
        contacts,
        clock: Arc::new(SystemClock),
    };
    let sandbox = Sandbox::new(options);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ends = serde_json::to_value(sandbox.endpoints(&format!("http://{}", listener.local_addr().unwrap()))).unwrap();
    let served = Arc::clone(&sandbox);
    let server = tokio::spawn(async move { served.serve(listener, std::future::pending()).await });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    configure(&path, &ends, connector, practice, store);
    let work = tokio::task::spawn_blocking(move || {
        let prepared = program(&path, &["prepare", "crm", "--yes"]).output().unwrap();
        assert!(
            prepared.status.success(),
            "{}",
            String::from_utf8_lossy(&prepared.stderr)
        );
        let mut rng = StdRng::seed_from_u64(seed);
        let faults = vec![
            fault(FaultKind::DropBefore, 0.03),
            fault(FaultKind::DropAfter, 0.05),
            fault(FaultKind::Status, 0.03),
        ];
        sandbox.set_faults(faults);
        let (email_field, number_field) = match crm {
            CrmKind::Hubspot => ("email", "halaxy_patient_id"),
            CrmKind::Plain => ("email", "external_ref"),
        };
        let member = |record: &Json, name: &str| {
            let value = if crm == CrmKind::Hubspot {
                &record["properties"][name]
            } else {
                &record[name]
            };
            value.as_str().map(str::to_string)
        };
        let patients_before = sandbox.records("halaxy", "Patient").unwrap().len();
        let mut typed_mobiles: BTreeMap<String, String> = BTreeMap::new();
        let mut typed_emails: BTreeMap<String, String> = BTreeMap::new();
        for round in 0..KILLS {
            let linked: BTreeMap<String, String> = sandbox
                .records("crm", "contacts")
                .unwrap()
                .iter()
                .filter_map(|c| Some((member(c, number_field)?, c["id"].as_str()?.to_string())))
                .filter(|(number, _)| !number.is_empty())
                .collect();
            for (n, (patient, contact)) in linked.iter().enumerate() {
                // receptionists change mobiles, marketing changes mailboxes, often of the same person
                if rng.random_range(0..100) < 12 {
                    let mobile = format!("+6149157{:04}", round * 100 + n % 100);
                    let now = sandbox.record("halaxy", "Patient", patient).unwrap();
                    let mut telecom: Vec<Json> = now["telecom"].as_array().cloned().unwrap_or_default();
                    telecom.retain(|t| t["system"] != "sms");
                    telecom.push(json!({"system": "sms", "use": "mobile", "value": mobile}));
                    sandbox
                        .person_edit("halaxy", "Patient", patient, &json!({"telecom": telecom}))
                        .unwrap();
                    typed_mobiles.insert(patient.clone(), mobile);
                }
                if rng.random_range(0..100) < 12 {
                    let email = format!("typed-{round}-{n}@example.com");
                    sandbox
                        .person_edit("crm", "contacts", contact, &json!({email_field: email}))
                        .unwrap();
                    typed_emails.insert(patient.clone(), email);
                }
            }
            let mut child = program(&path, &["sync", "--yes"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let calls = sandbox.calls_after(0).len();
            let deadline = Instant::now() + Duration::from_secs(20);
            while sandbox.calls_after(0).len() == calls && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            // the first ones strike a backfill, which takes longer
            let longest = if round < 10 { 3_000 } else { 1_200 };
            std::thread::sleep(Duration::from_millis(rng.random_range(0..longest)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        sandbox.set_faults(vec![]);
        let (code, report) = json_of(&path, &["sync", "--yes", "--json"]);
        assert!(matches!(code, Some(0 | 3)), "{code:?} {report}");
        assert_eq!(report["converged"], true, "{report}");
        assert_eq!(report["failures"], 0, "{report}");

        assert_eq!(
            sandbox.records("halaxy", "Patient").unwrap().len(),
            patients_before,
            "nothing is created in Halaxy"
        );
        let contacts = sandbox.records("crm", "contacts").unwrap();
        let numbers: Vec<String> = contacts
            .iter()
            .filter_map(|c| member(c, number_field))
            .filter(|n| !n.is_empty())
            .collect();
        let distinct: BTreeSet<&String> = numbers.iter().collect();
        assert_eq!(numbers.len(), distinct.len(), "no person stands twice in the CRM");

        let (_, open) = json_of(&path, &["conflicts", "list", "--json"]);
        let in_review: Vec<String> = open.as_array().unwrap().iter().map(Json::to_string).collect();
        let kept = |value: &str| in_review.iter().any(|conflict| conflict.contains(value));
        for contact in &contacts {
            let Some(number) = member(contact, number_field).filter(|n| !n.is_empty()) else {
                continue;
            };
            let patient = sandbox.record("halaxy", "Patient", &number).unwrap();
            let mobile_field = if crm == CrmKind::Hubspot {
                "mobilephone"
            } else {
                "mobile"
            };
            if let Some(typed) = typed_mobiles.get(&number) {
                let there = member(contact, mobile_field).unwrap_or_default();
                let digits = |t: &str| t.chars().filter(char::is_ascii_digit).collect::<String>();
                let arrived = digits(&there).ends_with(&digits(typed)[2..]);
                assert_eq!(
                    mobile_of(&patient),
                    Some(typed.as_str()),
                    "the receptionist's edit stands in Halaxy"
                );
                assert!(
                    arrived || kept(typed),
                    "mobile {typed} of {number} is lost: {}",
                    story(&path, &number)
                );
            }
            if let Some(typed) = typed_emails.get(&number) {
                let arrived = patient.to_string().contains(typed.as_str());
                assert!(
                    arrived || kept(typed),
                    "mailbox {typed} of {number} is lost: {} {open}",
                    story(&path, &number)
                );
                assert_eq!(member(contact, "email").as_deref(), Some(typed.as_str()));
            }
        }
        assert!(
            typed_mobiles.len() > 5 && typed_emails.len() > 5,
            "edits while the bridge was being killed: {} and {}",
            typed_mobiles.len(),
            typed_emails.len()
        );
        let (_, again) = json_of(&path, &["sync", "--json"]);
        assert_eq!(again["systems"]["crm"]["writes"], 0, "{again}");
        assert_eq!(again["systems"]["halaxy"]["writes"], 0, "{again}");
    });
    work.await.unwrap();
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_8_thirty_kills_lose_and_double_nothing_in_hubspot() {
    killed(CrmKind::Hubspot, "hubspot", 11, "Sampleton Clinic", "sqlite:bridge.db").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_8_thirty_kills_lose_and_double_nothing_in_a_crm_by_data() {
    killed(
        CrmKind::Plain,
        "example-crm",
        12,
        "Sampleton Clinic",
        "sqlite:bridge.db",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_8_thirty_kills_lose_and_double_nothing_over_a_server() {
    let practice = format!("Clinic {}", uuid::Uuid::now_v7());
    killed(CrmKind::Plain, "example-crm", 13, &practice, &common::server()).await;
}
