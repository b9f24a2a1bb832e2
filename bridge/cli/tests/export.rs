//! Exports with the built program: what the products hold, under classes, whole or in changes, and into a warehouse.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, Service, client, practice, program, run_in, sandbox, server, service};
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const MIRRORED: [(&str, &str); 12] = [
    ("appointments", "Appointment"),
    ("practitioners", "Practitioner"),
    ("roles", "PractitionerRole"),
    ("organisations", "Organization"),
    ("services", "HealthcareService"),
    ("fees", "ChargeItemDefinition"),
    ("coverage", "Coverage"),
    ("invoices", "Invoice"),
    ("invoice-lines", "InvoiceLine"),
    ("payments", "PaymentTransaction"),
    ("referrals", "Referral"),
    ("schedules", "Schedule"),
];
/// What must be in no export whatever is granted.
const SECRET: &str = "https://video.example/join/Quillfeather";
const GRANTED: &str = "[export]\nclasses = [\"identity\", \"contact\", \"financial\", \"appointment\"]\n";

/// Stand-ins with a month of billing and an appointment of two, and a practice that mirrors them.
struct Desk {
    folder: tempfile::TempDir,
    control: Control,
    url: String,
    _stand_ins: Service,
}

impl Desk {
    async fn open(sections: &str) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let (stand_ins, ends) = sandbox(&["--month", "40", "--crm", "plain", "--manners", "polite", "--seed", "7"]);
        let config = practice(folder.path(), &ends, "example-crm");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, format!("{text}\n{sections}")).unwrap();
        let desk = Desk {
            folder,
            control: Control::of(&ends),
            url: ends["control_url"].as_str().unwrap().to_string(),
            _stand_ins: stand_ins,
        };
        let patients = desk.control.get("records/halaxy/Patient").await;
        let patient = |n: usize| format!("Patient/{}", patients[n]["id"].as_str().unwrap());
        let status = |code: &str| {
            json!([{"url": "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status",
                "valueCoding": {"code": code}}])
        };
        let participants = json!([{"actor": {"reference": patient(0)}, "modifierExtension": status("attended")},
            {"actor": {"reference": patient(1)}, "modifierExtension": status("did not attend")}]);
        let appointment = json!({"start": "2026-12-01T09:00:00+11:00", "end": "2026-12-01T10:00:00+11:00", "minutesDuration": 60,
            "description": format!("join at {SECRET}"), "participant": participants});
        let referral = json!({"active": true, "subject": {"reference": patient(0)}, "comment": SECRET,
            "period": {"start": "2026-01-10", "end": "2027-01-10"}, "limitQuantity": {"quantity": {"value": 10}, "quantityUsed": 2}});
        desk.post("Appointment", appointment).await;
        desk.post("Referral", referral).await;
        desk.post(
            "HealthcareService",
            json!({"name": "=HYPERLINK(\"x\")", "active": true}),
        )
        .await;
        desk.post(
            "Schedule",
            json!({"active": true, "planningHorizon": {"start": "2026-03-01", "end": "2026-06-30"}}),
        )
        .await;
        let prepared = run_in(desk.dir(), &["prepare", "crm", "--yes"]);
        assert_eq!(prepared.code, 0, "{prepared:?}");
        let synced = run_in(desk.dir(), &["sync", "--yes", "--json"]);
        assert!([0, 3].contains(&synced.code), "{synced:?}");
        desk
    }

    fn dir(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, file: &str) -> String {
        self.dir().join(file).display().to_string()
    }

    async fn post(&self, kind: &str, body: Json) {
        let answer = client()
            .post(format!("{}/records/halaxy/{kind}", self.url))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{kind}: {}", answer.status());
    }

    async fn delete(&self, path: &str) {
        let answer = client().delete(format!("{}/{path}", self.url)).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Rows of an NDJSON export.
    fn rows(&self, entity: &str) -> Vec<Json> {
        let ran = run_in(self.dir(), &["export", entity, "--format", "ndjson"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    async fn shown(&self, kind: &str) -> BTreeMap<String, Json> {
        let all = self.control.get(&format!("records/halaxy/{kind}")).await;
        let record = |body: &Json| (body["id"].as_str().unwrap().to_string(), body.clone());
        all.as_array().unwrap().iter().map(record).collect()
    }
}

fn id_in(reference: &Json) -> &str {
    reference["reference"].as_str().unwrap().rsplit('/').next().unwrap()
}

#[tokio::test]
async fn a_full_export_is_what_the_products_hold() {
    let desk = Desk::open(&format!("{GRANTED}[mirror]\n")).await;
    let mut everything = String::new();
    for (entity, kind) in MIRRORED {
        let shown = desk.shown(kind).await;
        let rows = desk.rows(entity);
        let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, shown.keys().map(String::as_str).collect(), "{entity}");
        assert!(!ids.is_empty() && ids.len() == rows.len(), "{entity}");
        for row in &rows {
            let body = &shown[row["id"].as_str().unwrap()];
            match entity {
                "invoices" => {
                    for (column, member) in [
                        ("gross", "totalGross"),
                        ("tax", "totalTax"),
                        ("balance", "totalBalance"),
                    ] {
                        let same = row[column].as_f64() == body[member]["value"].as_f64();
                        assert!(same, "{column}: {row} {body}");
                    }
                    assert_eq!(row["recipient"], id_in(&body["recipient"]));
                    assert_eq!(row["payer_name"], body["title"]);
                }
                "payments" => {
                    let amount = &body["priceComponent"][0]["amount"]["value"];
                    assert_eq!(row["amount"].as_f64(), amount.as_f64(), "{row} {body}");
                }
                "invoice-lines" => assert_eq!(row["invoice"], id_in(&body["invoice"])),
                "appointments" if body["participant"].as_array().is_some_and(|p| p.len() == 2) => {
                    assert_eq!(row["start"], "2026-11-30T22:00:00Z");
                    assert_eq!(row["statuses"], "attended; did not attend");
                }
                "referrals" => assert_eq!((&row["sessions"], &row["sessions_used"]), (&json!(10), &json!(2))),
                _ => {}
            }
        }
        everything.extend(rows.iter().map(Json::to_string));
    }
    let people = desk.rows("people");
    let patients = desk.shown("Patient").await;
    let there: BTreeSet<&str> = people.iter().filter_map(|row| row["halaxy_id"].as_str()).collect();
    assert_eq!(there, patients.keys().map(String::as_str).collect());
    for row in &people {
        let Some(patient) = row["halaxy_id"].as_str() else {
            continue;
        };
        assert_eq!(
            row["official_name_family"], patients[patient]["name"][0]["family"],
            "{row}"
        );
    }
    let linked = desk.rows("links");
    assert!(linked.iter().filter(|row| row["system"] == "halaxy").count() == patients.len());
    assert!(
        !everything.contains("Quillfeather") && !everything.contains("left out"),
        "free text left"
    );

    // A spreadsheet runs nothing of it, and Parquet is a whole file.
    let csv = run_in(desk.dir(), &["export", "services"]);
    assert!(csv.stdout.contains(",\"'=HYPERLINK(\"\"x\"\")\","), "{csv:?}");
    let out = desk.path("people.parquet");
    let done = run_in(
        desk.dir(),
        &["export", "people", "--format", "parquet", "--out", &out, "--json"],
    );
    assert_eq!((done.code, &done.json()["rows"]), (0, &json!(people.len())), "{done:?}");
    let bytes = std::fs::read(&out).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn only_what_is_granted_and_asked_for_leaves() {
    let desk = Desk::open("[export]\nclasses = [\"identity\"]\n[mirror]\nkinds = [\"Invoice\"]\n").await;
    let header = |args: &[&str]| {
        let ran = run_in(desk.dir(), &[&["export", "people"], args].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        (ran.stdout.lines().next().unwrap().to_string(), ran.stderr)
    };
    let (columns, told) = header(&[]);
    assert!(
        columns.contains("official_name_family") && !columns.contains("mobile"),
        "{columns}"
    );
    assert!(told.contains("of class contact, not granted"), "{told}");
    let (columns, told) = header(&["--classes", ""]);
    assert!(columns.starts_with("id,") && !columns.contains("name"), "{columns}");
    assert!(told.contains("of class identity, not asked for"), "{told}");

    for (args, remedy) in [
        (&["people", "--classes", "contact"][..], "add it to classes in [export]"),
        (&["people", "--classes", "clinical"], "never exported"),
        (
            &["people", "--classes", "names"],
            "identity, contact, financial, appointment",
        ),
        (&["peeple"], "--list"),
        (&["payments"], "add [mirror] kinds = [\"PaymentTransaction\"]"),
        (&["people", "--since", "yesterday"], "give `start`"),
        (&["people", "--since", "people:00000000-7"], "--since start"),
        (&["people", "--format", "xls"], "csv, ndjson or parquet"),
        (&["people", "--json"], "--out"),
    ] {
        let ran = run_in(desk.dir(), &[&["export"], args].concat());
        let said = ran.stderr.clone() + &ran.stdout;
        assert!(ran.code == 2 && said.contains(remedy), "{args:?}: {ran:?}");
    }
    let listed = run_in(desk.dir(), &["export", "--list", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 17);
    let columns = run_in(desk.dir(), &["export", "invoices", "--list"]).stdout;
    assert!(
        columns.contains("payer_name") && columns.contains("financial"),
        "{columns}"
    );
}

/// A consumer that takes files by a cursor file, applies them, and whose exports are killed.
#[tokio::test]
async fn a_killed_export_leaves_nothing_and_the_feed_goes_on() {
    let desk = Desk::open(&format!("{GRANTED}[mirror]\n")).await;
    let (out, cursor) = (desk.path("new.ndjson"), desk.path("payments.cursor"));
    let args = [
        "export",
        "payments",
        "--format",
        "ndjson",
        "--cursor-file",
        &cursor,
        "--out",
        &out,
    ];
    let mut held: BTreeMap<String, Json> = BTreeMap::new();
    for round in 0..12u64 {
        if round == 4 {
            desk.post(
                "PaymentTransaction",
                json!({"method": [{"text": "Cash"}], "type": [{"text": "Payment"}],
                "priceComponent": [{"type": "base", "amount": {"value": 99.5, "currency": "AUD"}}]}),
            )
            .await;
        }
        if round == 7 {
            let gone = held.keys().next().unwrap().clone();
            desk.delete(&format!("records/halaxy/PaymentTransaction/{gone}")).await;
            // What a feed does not show is found by comparing complete lists.
            let text = std::fs::read_to_string(desk.dir().join("bridge.toml")).unwrap();
            let text = text.replace("\n[mirror]\n", "\n[mirror]\nsweep_every = \"1s\"\n");
            std::fs::write(desk.dir().join("bridge.toml"), text).unwrap();
        }
        if [4, 7].contains(&round) {
            let synced = run_in(desk.dir(), &["sync", "--json"]);
            assert!([0, 3].contains(&synced.code), "{synced:?}");
        }
        if round % 3 != 2 {
            // Killed with SIGKILL, somewhere between its start and its end.
            let mut child = program()
                .args(args)
                .arg("-c")
                .arg(desk.path("bridge.toml"))
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let until = Instant::now() + Duration::from_millis(20 + round * 15);
            while Instant::now() < until && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            let _ = child.kill();
            child.wait().unwrap();
        } else if !Path::new(&out).exists() {
            let ran = run_in(desk.dir(), &args);
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        let Ok(text) = std::fs::read_to_string(&out) else {
            continue;
        };
        let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.last().unwrap()["change"], "end", "half a file under its name");
        for line in &lines[..lines.len() - 1] {
            let id = line["id"].as_str().unwrap().to_string();
            let mut row = line.as_object().unwrap().clone();
            match row.shift_remove("change").unwrap().as_str().unwrap() {
                "put" => drop(held.insert(id, Json::Object(row))),
                _ => drop(held.remove(&id)),
            }
        }
        if round == 8 {
            let ran = run_in(desk.dir(), &args);
            assert!(ran.code == 2 && ran.stderr.contains("take its changes"), "{ran:?}");
        }
        std::fs::remove_file(&out).unwrap();
    }
    assert_eq!(run_in(desk.dir(), &args).code, 0);
    let rows = desk.rows("payments");
    let rows: BTreeMap<String, Json> = rows
        .into_iter()
        .map(|row| (row["id"].as_str().unwrap().to_string(), row))
        .collect();
    let text = std::fs::read_to_string(&out).unwrap();
    assert_eq!(text.lines().count(), 1, "nothing changed since: {text}");
    assert_eq!(held, rows);
    assert!(held.values().any(|row| row["amount"] == json!(99.5)));
    let left: Vec<String> = std::fs::read_dir(desk.dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".partial"))
        .collect();
    assert_eq!(
        left,
        [] as [String; 0],
        "leftovers of killed ones are cleared by the next"
    );
}

#[tokio::test]
async fn the_service_keeps_a_warehouse() {
    let schema = format!("wh_{}", std::process::id());
    let section = format!(
        "{GRANTED}[warehouse]\nurl = \"file:warehouse.secret\"\nschema = \"{schema}\"\n\
         entities = [\"people\", \"payments\"]\nevery = \"1s\"\n"
    );
    let desk = Desk::open(&section).await;
    std::fs::write(desk.dir().join("warehouse.secret"), server()).unwrap();
    let mut session = PgConnection::connect(&server()).await.unwrap();
    let sql = run_in(desk.dir(), &["warehouse", "setup", "--sql"]).stdout;
    assert!(
        sql.contains(&format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"")),
        "{sql}"
    );
    let nothing = run_in(desk.dir(), &["warehouse", "once"]);
    assert!(
        nothing.code == 2 && nothing.stderr.contains("setup --sql"),
        "{nothing:?}"
    );
    session
        .execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
        .await
        .unwrap();
    let filled = run_in(desk.dir(), &["warehouse", "once", "--json"]);
    assert_eq!(filled.code, 0, "{filled:?}");
    assert_eq!(filled.json()["rows"]["payments"], desk.rows("payments").len());
    assert_eq!(
        run_in(desk.dir(), &["warehouse", "once", "--json"]).json()["rows"]["payments"],
        0
    );

    // The service goes on with it.
    let bridge = service(desk.dir());
    let patients = desk.shown("Patient").await;
    let (id, patient) = patients.iter().next().unwrap();
    let changed = common::telecom(patient, "+61491570888");
    desk.control
        .patch(&format!("records/halaxy/Patient/{id}"), changed)
        .await;
    let sql = format!("SELECT mobile FROM {schema}.people WHERE halaxy_id = $1");
    let started = Instant::now();
    loop {
        let row = sqlx::query(AssertSqlSafe(sql.as_str()))
            .bind(id)
            .fetch_one(&mut session)
            .await
            .unwrap();
        if row.get::<Option<String>, _>(0).as_deref() == Some("+61491570888") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "it does not get there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(bridge);
    let status = run_in(desk.dir(), &["warehouse", "status", "--json"]).json();
    assert!(status[0]["cursor"].as_str().unwrap().starts_with("people:"), "{status}");

    // The bridge's own database is none of its business.
    let text = std::fs::read_to_string(desk.dir().join("bridge.toml")).unwrap();
    std::fs::write(
        desk.dir().join("bridge.toml"),
        text.replace("\"sqlite:bridge.db\"", "\"file:warehouse.secret\""),
    )
    .unwrap();
    let own = run_in(desk.dir(), &["warehouse", "once"]);
    assert!(
        own.code == 2 && own.stderr.contains("the bridge's own database"),
        "{own:?}"
    );
    let sql = format!("SET client_min_messages = warning; DROP SCHEMA {schema} CASCADE");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut session).await.unwrap();
}
