//! The register of who was told what, with the built program: every part that tells a system something of a person leaves a
//! line of it, without values; and an erasure names what files and the warehouse were told, and empties the latter.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, Ran, Service, client, connect, practice, run_in, sandbox, server, telecom};
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const NUMBER: &str = "+61491579321";
/// Everything that may tell something, in one practice.
const SECTIONS: &str = "\n[booking]\nminutes = 60\nnames = { \"Dr Tester\" = \"ROLE\" }\n[diary]\nsystem = \"crm\"\n\
    [telehealth]\nprice = \"0.22\"\ncalls_to = \"crm\"\n\
    [export]\nclasses = [\"identity\", \"contact\", \"financial\", \"appointment\"]\n\
    [export.destination]\nname = \"Example Tax Agents\"\ncountry = \"AU\"\npurpose = \"the yearly return\"\n\
    [warehouse]\nurl = \"file:warehouse.secret\"\nschema = \"SCHEMA\"\nentities = [\"people\", \"appointments\", \"invoices\"]\n\
    [warehouse.destination]\nname = \"Example Reports\"\ncountry = \"NZ\"\npurpose = \"our figures\"\n\n[sync.person]\n";

struct Desk {
    folder: tempfile::TempDir,
    control: Control,
    url: String,
    _stand_ins: Service,
}

impl Desk {
    async fn open(schema: &str) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let (stand_ins, ends) = sandbox(&["--month", "20", "--crm", "plain", "--manners", "polite", "--seed", "5"]);
        let config = practice(dir, &ends, "example-crm");
        let desk = Desk {
            control: Control::of(&ends),
            url: ends["control_url"].as_str().unwrap().to_owned(),
            _stand_ins: stand_ins,
            folder,
        };
        let dir = desk.folder.path();
        let role = json!({"resourceType": "PractitionerRole", "active": true});
        let role = desk.post("PractitionerRole", role).await;
        let actor = json!([{"reference": format!("PractitionerRole/{role}"), "type": "PractitionerRole"}]);
        let slot = json!({"resourceType": "Slot", "status": "free", "actor": actor,
            "start": "2036-03-04T09:00:00+11:00", "end": "2036-03-04T10:00:00+11:00"});
        desk.post("Slot", slot).await;
        let books = &ends["books"];
        let accounts = format!(
            "[systems.books]\nconnector = \"xero\"\nclient_id = {}\nclient_secret = \"file:books.secret\"\nbase_url = {}\n\
             token_url = {}\nauthorize_url = {}\ntenants_url = {}\n\n[ledger]\nevery = \"1s\"\n",
            books["client_id"], books["base_url"], books["token_url"], books["authorize_url"], books["connections_url"]
        );
        let sections = SECTIONS.replace("ROLE", &role).replace("SCHEMA", schema);
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text
            .replace("\n[sync.person]\n", &format!("\n{accounts}{sections}"))
            .replace(
                "\"identity\", \"contact\"]",
                "\"identity\", \"contact\", \"appointment\"]",
            );
        std::fs::write(&config, text).unwrap();
        for (file, of, by) in [
            ("connectors/xero.toml", "calls = 60,", "calls = 6000,".to_owned()),
            (
                "ledger.toml",
                "2026-10-01",
                format!("{}-01", ends["month"].as_str().unwrap()),
            ),
        ] {
            let text = std::fs::read_to_string(dir.join(file)).unwrap();
            std::fs::write(dir.join(file), text.replace(of, &by)).unwrap();
        }
        std::fs::write(dir.join("books.secret"), books["client_secret"].as_str().unwrap()).unwrap();
        std::fs::write(dir.join("warehouse.secret"), server()).unwrap();
        desk
    }

    fn dir(&self) -> &Path {
        self.folder.path()
    }

    fn ran(&self, args: &[&str]) -> Ran {
        let ran = run_in(self.dir(), args);
        assert!([0, 3].contains(&ran.code), "{args:?}: {ran:?}");
        ran
    }

    async fn post(&self, kind: &str, body: Json) -> String {
        let url = format!("{}/records/halaxy/{kind}", self.url);
        let answer = client().post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{kind}: {}", answer.status());
        answer.json::<Json>().await.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// A patient whom an invoice of the month is about.
    async fn patient(&self) -> String {
        let lines = self.control.get("records/halaxy/InvoiceLine").await;
        let lines = lines.as_array().unwrap().clone();
        let on = |line: &Json| line["invoice"]["reference"].is_string() && line["status"] != "voided";
        let line = lines.iter().find(|line| on(line)).unwrap();
        let reference = line["subject"]["reference"].as_str().unwrap();
        reference.rsplit('/').next().unwrap().to_owned()
    }
}

/// Somebody else is erased while the warehouse is away: whoever runs what is printed then leaves no row of theirs, and all
/// rows of everybody else.
async fn statements_for_people_delete_what_the_bridge_cannot(
    desk: &Desk,
    schema: &str,
    but: &str,
    session: &mut PgConnection,
) {
    let sql = format!("SELECT halaxy_id FROM {schema}.people WHERE halaxy_id <> '{but}' ORDER BY 1 LIMIT 1");
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *session).await.unwrap();
    let id: String = row.get(0);
    let count = format!("SELECT count(*) FILTER (WHERE halaxy_id = '{id}'), count(*) FROM {schema}.people");
    let secret = desk.dir().join("warehouse.secret");
    std::fs::write(&secret, "postgres://bridge@127.0.0.1:9/postgres").unwrap();
    let person = format!("halaxy:{id}");
    let erased = desk.ran(&["privacy", "erase", &person, "--yes", "--json"]).json();
    std::fs::write(&secret, server()).unwrap();
    let told = &erased["warehouse"];
    assert!(
        told["trouble"].as_str().unwrap().contains("cannot be reached"),
        "{erased}"
    );
    let row = sqlx::query(AssertSqlSafe(count.as_str()));
    let row = row.fetch_one(&mut *session).await.unwrap();
    let all: i64 = row.get(1);
    assert!(row.get::<i64, _>(0) == 1 && all > 1, "nothing was done there");
    // As the list of what is to be done says: one more pass, which takes away who it was, then the statements.
    desk.ran(&["warehouse", "once"]);
    let to_do = erased["to_do"].to_string();
    let statements = told["statements"].as_object().unwrap();
    assert!(
        statements.contains_key("people") && to_do.contains("warehouse once"),
        "{erased}"
    );
    for (table, sql) in statements {
        let sql = sql.as_str().unwrap();
        let escaped = Json::from(format!("{sql};")).to_string();
        assert!(to_do.contains(escaped.trim_matches('"')), "{table}: {to_do}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *session).await.unwrap();
    }
    let row = sqlx::query(AssertSqlSafe(count.as_str()));
    let row = row.fetch_one(&mut *session).await.unwrap();
    assert_eq!(
        (row.get::<i64, _>(0), row.get::<i64, _>(1)),
        (0, all - 1),
        "{statements:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_told_of_a_person_stands_in_the_register_and_an_erasure_names_it() {
    let schema = format!("reg_{}", std::process::id());
    let desk = Desk::open(&schema).await;
    let mut session = PgConnection::connect(&server()).await.unwrap();
    // `check` looks at the warehouse, and makes nothing there.
    let warehouse = |desk: &Desk| {
        let found = run_in(desk.dir(), &["check", "--json"]).json();
        let all = found["problems"].as_array().unwrap().iter();
        let all = all.filter(|one| one["message"].as_str().unwrap().starts_with("[warehouse]"));
        all.map(|one| format!("{} {}", one["message"], one["remedy"]))
            .collect::<String>()
    };
    assert!(warehouse(&desk).contains("warehouse setup --sql"));
    let secret = desk.dir().join("warehouse.secret");
    std::fs::write(&secret, "postgres://bridge@127.0.0.1:9/postgres").unwrap();
    assert!(warehouse(&desk).contains("cannot be reached"));
    std::fs::write(&secret, server()).unwrap();
    session
        .execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
        .await
        .unwrap();
    assert_eq!(warehouse(&desk), "");
    // Nothing has been read yet: whoever exports is told.
    let early = run_in(
        desk.dir(),
        &[
            "export",
            "invoices",
            "--out",
            &desk.dir().join("early.csv").display().to_string(),
        ],
    );
    assert!(
        early.code == 3 && early.stderr.contains("has not read every Invoice yet"),
        "{early:?}"
    );
    let early = run_in(desk.dir(), &["warehouse", "once", "--json"]);
    assert!(
        early.code == 3 && early.json()["incomplete"] == json!(["Appointment", "Invoice"]),
        "{early:?}"
    );
    let id = desk.patient().await;
    let record = format!("records/halaxy/Patient/{id}");
    let body = desk.control.get(&record).await;
    desk.control.patch(&record, telecom(&body, NUMBER)).await;
    let participant = json!([{"actor": {"reference": format!("Patient/{id}"), "type": "Patient"}}]);
    let tomorrow = jiff::Zoned::now().saturating_add(jiff::Span::new().days(1));
    let visit = json!({"start": tomorrow.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), "minutesDuration": 60,
        "end": tomorrow.saturating_add(jiff::Span::new().hours(1)).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        "participant": participant});
    desk.post("Appointment", visit).await;

    // The sync, the diary and the call; the books; a booking; an action; files; the warehouse.
    desk.ran(&["prepare", "crm", "--yes"]);
    desk.ran(&["sync", "--yes"]);
    let report = desk.dir().join("calls.csv");
    let call = "Recipient Number,Connection Status,Practitioner,Start,End,Credits\n\
        0491 579 321,Connected,Dr Tester,02/03/2026 9:00,02/03/2026 9:10,10\n";
    std::fs::write(&report, call).unwrap();
    desk.ran(&["telehealth", "import", report.to_str().unwrap()]);
    desk.ran(&["sync", "--yes"]);
    connect(desk.dir()).await;
    let posted = desk.ran(&["ledger", "post", "--yes", "--json"]);
    assert_eq!(posted.json()["trouble"], json!([]), "{posted:?}");
    let booking = [
        "book",
        "request",
        "--patient",
        &id,
        "--start",
        "2036-03-04T09:00",
        "--with",
        "Dr Tester",
    ];
    desk.ran(&booking);
    let referral = [
        "referral",
        "create",
        "--patient",
        &id,
        "--requester",
        "EP-720001",
        "--from",
        "2026-03-01",
    ];
    desk.ran(&referral);
    for entity in ["people", "invoices"] {
        let file = desk.dir().join(format!("{entity}.csv"));
        desk.ran(&["export", entity, "--out", file.to_str().unwrap()]);
    }
    assert_eq!(desk.ran(&["warehouse", "once"]).code, 0);

    let person = format!("halaxy:{id}");
    let register = desk.ran(&["privacy", "register", "--person", &person, "--json"]);
    let lines = register.json();
    let mut told: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for line in lines.as_array().unwrap() {
        let by = line["by"].as_str().unwrap().split(':').next().unwrap().to_owned();
        let units = told
            .entry((line["system"].as_str().unwrap().to_owned(), by))
            .or_default();
        units.extend(
            line["units"]
                .as_array()
                .unwrap()
                .iter()
                .map(|u| u.as_str().unwrap().to_owned()),
        );
        assert_eq!(line["certain"], true, "{line}");
    }
    let of = |system: &str, by: &str| {
        told.get(&(system.to_owned(), by.to_owned()))
            .cloned()
            .unwrap_or_default()
    };
    for (system, by, unit) in [
        ("crm", "sync", "official_name"),
        ("crm", "diary", "appointment.start"),
        ("crm", "telehealth", "call.start"),
        ("books", "ledger", "invoice.lines"),
        ("halaxy", "booking", "appointment.start"),
        ("halaxy", "action", "Referral.subject"),
        ("export", "export", "people.identity"),
        ("export", "export", "invoices.financial"),
        ("warehouse", "warehouse", "appointments.appointment"),
    ] {
        assert!(of(system, by).contains(unit), "{system} {by} {unit}: {told:#?}");
    }
    let purposes = register.stdout.clone();
    assert!(purposes.contains("the yearly return") && purposes.contains("our figures"));
    // No values: neither a name nor a number.
    let family = body["name"][0]["family"].as_str().unwrap();
    assert!(!purposes.contains(family) && !purposes.contains(NUMBER), "{purposes}");
    let breach = desk.ran(&["privacy", "breach", "--system", "export", "--json"]).json();
    assert!(breach["people"].as_u64().unwrap() > 1, "{breach}");

    // The person's own copy says the same.
    let folder = desk.dir().join("held");
    desk.ran(&["privacy", "subject", &person, "--out", folder.to_str().unwrap()]);
    let held: Json = serde_json::from_slice(&std::fs::read(folder.join("held.json")).unwrap()).unwrap();
    assert_eq!(
        held["disclosures"].as_array().unwrap().len(),
        lines.as_array().unwrap().len()
    );
    std::fs::remove_dir_all(&folder).unwrap();

    statements_for_people_delete_what_the_bridge_cannot(&desk, &schema, &id, &mut session).await;

    // An erasure empties the warehouse, and names the files.
    let count = format!(
        "SELECT (SELECT count(*) FROM {schema}.people WHERE halaxy_id = '{id}'), \
         (SELECT count(*) FROM {schema}.appointments t WHERE t::text LIKE '%{id}%')"
    );
    let row = sqlx::query(AssertSqlSafe(count.as_str()))
        .fetch_one(&mut session)
        .await
        .unwrap();
    assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (1, 1));
    let erased = desk.ran(&["privacy", "erase", &person, "--yes", "--json"]).json();
    let row = sqlx::query(AssertSqlSafe(count.as_str()))
        .fetch_one(&mut session)
        .await
        .unwrap();
    assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (0, 0), "{erased}");
    assert_eq!(erased["warehouse"]["deleted"]["people"], 1, "{erased}");
    let steps = erased["to_do"].to_string();
    assert!(
        steps.contains("people.identity") && steps.contains("Example Tax Agents"),
        "{steps}"
    );
    let kinds: BTreeSet<&str> = erased["exports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["what"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        BTreeSet::from(["export: invoices", "export: people"]),
        "{erased}"
    );

    let sql = format!("SET client_min_messages = warning; DROP SCHEMA {schema} CASCADE");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut session).await.unwrap();
}
