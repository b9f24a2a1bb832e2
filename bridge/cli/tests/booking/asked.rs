//! Found, shown, booked, and asked for in the CRM or over HTTP.

use crate::common::{client, run_in, service};
use crate::support::{Clinic, post};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

#[tokio::test]
async fn found_shown_booked_and_told() {
    let clinic = Clinic::open("hubspot", "").await;
    let patient = clinic.patients().await.remove(0);
    let found = clinic.book(&["find", "--day", "2036-03-04", "--with", "Dr Tester"]);
    assert_eq!(found.code, 0, "{found:?}");
    assert_eq!(found.json()["free"].as_array().unwrap().len(), 6);
    assert_eq!(found.json()["free"][0]["start"], "2036-03-04T09:00:00+11:00");

    let asked = [
        "request",
        "--patient",
        &patient,
        "--start",
        "2036-03-04T09:00",
        "--with",
        "Dr Tester",
    ];
    let dry = clinic.book(&[asked.as_slice(), &["--dry-run"]].concat());
    let shown = dry.json();
    assert_eq!(
        (dry.code, &shown["offered"], &shown["free"]),
        (0, &json!(true), &json!(true)),
        "{dry:?}"
    );
    assert_eq!(shown["body"]["parameter"].as_array().unwrap().len(), 4);
    assert!(shown["effects"].as_str().unwrap().contains("remind the patient"));
    assert!(clinic.appointments().await.is_empty());

    let keyed = [asked.as_slice(), &["--request-key", "order-1"]].concat();
    let made = clinic.book(&keyed);
    assert_eq!((made.code, &made.json()["outcome"]), (0, &json!("booked")), "{made:?}");
    let again = clinic.book(&keyed).json();
    assert_eq!(
        (&again["repeated"], &again["appointment"]),
        (&json!(true), &made.json()["appointment"])
    );
    assert_eq!(clinic.appointments().await.len(), 1);

    let mut other = keyed.clone();
    let person = clinic.patients().await.remove(1);
    other[2] = &person;
    let misused = clinic.book(&other);
    assert!(
        misused.code == 2 && misused.stderr.contains("take a new key"),
        "{misused:?}"
    );
    other[8] = "order-2";
    let taken = clinic.book(&other);
    assert_eq!(
        (taken.code, &taken.json()["outcome"]),
        (1, &json!("taken")),
        "{taken:?}"
    );

    // Somebody by name, and somebody nobody knows, who waits for a person.
    let named = |given: &'static str, key: &'static str| {
        let asked = [
            "request",
            "--given",
            given,
            "--family",
            "Samplewood",
            "--phone",
            "0491 570 002",
        ];
        [
            asked.as_slice(),
            &[
                "--start",
                "2036-03-04T10:00",
                "--with",
                "Dr Tester",
                "--request-key",
                key,
            ],
        ]
        .concat()
    };
    let waits = clinic.book(&named("Ottilie", "order-3"));
    assert_eq!(
        (waits.code, &waits.json()["outcome"]),
        (3, &json!("waiting")),
        "{waits:?}"
    );
    let by_name = clinic.book(&named("Beatrix", "order-4"));
    assert_eq!(by_name.json()["outcome"], "booked", "{by_name:?}");
    let listed = clinic.book(&["list"]);
    assert_eq!(
        (listed.code, listed.json()["requests"].as_array().unwrap().len()),
        (3, 1)
    );
    let decided = clinic.book(&["decide", "order-3", "--patient", &patient]);
    assert_eq!(decided.json()["outcome"], "taken", "{decided:?}");
    assert_eq!(clinic.book(&["list"]).code, 0);
    let text = run_in(clinic.path(), &["book", "list", "--all"]).stdout;
    assert!(
        text.contains("order-1") && text.contains("Tue 4 Mar 2036 09:00 (+11:00)"),
        "{text}"
    );
}

#[tokio::test]
async fn bad_input_gets_a_remedy() {
    let clinic = Clinic::open("hubspot", "").await;
    let asked = |start: &'static str, more: &[&'static str]| {
        let all = [
            "request",
            "--patient",
            "900001",
            "--with",
            "Dr Tester",
            "--start",
            start,
        ];
        let ran = clinic.book(&[all.as_slice(), more].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        ran.stderr
    };
    let gap = asked("2036-10-05T02:30", &[]);
    assert!(
        gap.contains("2036-10-05T01:30:00+10:00") && gap.contains("2036-10-05T03:30:00+11:00"),
        "{gap}"
    );
    let fold = asked("2036-04-06T02:30", &[]);
    assert!(
        fold.contains("2036-04-06T02:30:00+11:00") && fold.contains("2036-04-06T02:30:00+10:00"),
        "{fold}"
    );
    assert!(asked("Tuesday", &[]).contains("write it like"));
    assert!(asked("2036-03-04T09:00", &["--with", "EP-7"]).contains("error"));
    assert!(asked("2036-03-04T09:00", &["--location", "home"]).contains("clinic, telehealth"));
    assert!(asked("2036-03-04T09:00", &["--request-key", "Miriam S."]).contains("letters, digits"));
    let alone = clinic.book(&[
        "request",
        "--given",
        "M",
        "--family",
        "S",
        "--start",
        "2036-03-04T09:00",
    ]);
    assert!(
        alone.code == 2 && alone.stderr.contains("a name alone is nobody"),
        "{alone:?}"
    );
    let unknown = clinic.book(&["show", "order-9"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("order-9"), "{unknown:?}");
    assert!(clinic.appointments().await.is_empty());
}

/// What a CRM record shows once its request was answered.
async fn answered(clinic: &Clinic, path: &str, outcome: &str, at: impl Fn(&Json) -> Json) -> Json {
    let started = Instant::now();
    loop {
        let record = clinic.control.get(path).await;
        if at(&record) == json!(outcome) {
            return record;
        }
        assert!(started.elapsed() < Duration::from_secs(40), "{path}: {record}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn asked_for_in_a_plain_crm_and_answered_there() {
    let clinic = Clinic::open("plain", "from = \"crm\"\n").await;
    let synced = run_in(clinic.path(), &["sync", "--yes"]);
    assert!([0, 3].contains(&synced.code), "{synced:?}");
    let contacts = clinic.control.get("records/crm/contacts").await;
    let id = |given: &str| {
        let all = contacts.as_array().unwrap().iter();
        let one = all.clone().find(|one| one["first_name"] == given).unwrap();
        one["id"].as_str().unwrap().to_string()
    };
    let asks = |contact: String, start: &str| json!({"contact_id": contact, "asked_at": "2036-01-02T03:04:05Z", "start": start, "practitioner": "Dr Tester"});
    let url = format!("{}/records/crm/booking_requests", clinic.url);
    let mut paths = Vec::new();
    for (contact, start) in [
        (id("Miriam"), "2036-03-04T09:00"),
        (id("Beatrix"), "2036-03-04T09:00"),
        (id("Beatrix"), "2036-10-05T02:30"),
        ("99".to_string(), "2036-03-04T10:00"),
    ] {
        let made = post(&url, asks(contact, start)).await;
        paths.push(format!("records/crm/booking_requests/{}", made["id"].as_str().unwrap()));
    }
    let running = service(clinic.path());
    let outcome = |record: &Json| record["outcome"].clone();
    let first = answered(&clinic, &paths[0], "booked", outcome).await;
    assert_eq!(first["message"], "Booked for Tue 4 Mar 2036 09:00 (+11:00).");
    assert_eq!(first["answered"], first["asked_at"]);
    let ours = clinic.appointments().await;
    assert_eq!(ours.len(), 1);
    assert_eq!(first["appointment"], ours[0]["id"]);
    answered(&clinic, &paths[1], "taken", outcome).await;
    let refused = answered(&clinic, &paths[2], "refused", outcome).await;
    assert!(
        refused["message"].as_str().unwrap().contains("clocks are put forward"),
        "{refused}"
    );
    let waits = answered(&clinic, &paths[3], "waiting", outcome).await;
    assert_eq!(waits["answered"], Json::Null);
    // A new stamp is a new request; the same one never is.
    clinic
        .control
        .patch(&paths[1], json!({"start": "2036-03-04T11:00"}))
        .await;
    clinic
        .control
        .patch(&paths[2], json!({"start": "2036-03-04T12:00", "asked_at": "again"}))
        .await;
    answered(&clinic, &paths[2], "booked", outcome).await;
    assert_eq!(clinic.appointments().await.len(), 2);
    drop(running);
    let shown = run_in(clinic.path(), &["status", "--json"]).json();
    assert_eq!(shown["parts"]["booking"]["waiting"], 1, "{shown}");
}

#[tokio::test]
async fn asked_for_by_properties_of_a_hubspot_contact() {
    let clinic = Clinic::open("hubspot", "from = \"crm\"\n").await;
    let prepared = run_in(clinic.path(), &["prepare", "crm", "--yes", "--json"]);
    assert_eq!(prepared.code, 0, "{prepared:?}");
    assert!(prepared.stdout.contains("halaxy_booking_outcome"));
    let synced = run_in(clinic.path(), &["sync", "--yes"]);
    assert!([0, 3].contains(&synced.code), "{synced:?}");
    let contacts = clinic.control.get("records/crm/contacts").await;
    let all = contacts.as_array().unwrap().iter();
    let one = all
        .clone()
        .find(|one| one["properties"]["firstname"] == "Miriam")
        .unwrap();
    let path = format!("records/crm/contacts/{}", one["id"].as_str().unwrap());
    let asks = json!({"properties": {"halaxy_booking_request": "1", "halaxy_booking_start": "2036-03-04T09:00",
        "halaxy_booking_practitioner": "Dr Tester"}});
    clinic.control.patch(&path, asks).await;
    for _ in 0..20 {
        let settled = clinic.book(&["settle", "--wait", "1"]);
        assert!([0, 3].contains(&settled.code), "{settled:?}");
        if !clinic.appointments().await.is_empty() {
            break;
        }
    }
    clinic.book(&["settle"]);
    let told = clinic.control.get(&path).await;
    assert_eq!(told["properties"]["halaxy_booking_outcome"], "booked", "{told}");
    assert_eq!(told["properties"]["halaxy_booking_answered"], "1");
    assert_eq!(clinic.appointments().await.len(), 1);
}

#[tokio::test]
async fn programs_book_over_http() {
    let clinic = Clinic::open("hubspot", "").await;
    let config = halaxy_bridge::config::load(&clinic.path().join("bridge.toml")).unwrap();
    let store = halaxy_bridge::wiring::store(&config).await.unwrap();
    let desk = halaxy_bridge::booking::desk(&config, store, None, &BTreeMap::new()).unwrap();
    let app = bridge_admin::bookings::router(std::sync::Arc::new(desk));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/bookings", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let get = async |path: &str| {
        let answer = client().get(format!("{base}{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Json>().await.unwrap())
    };
    let send = async |path: &str, body: Json| {
        let answer = client().post(format!("{base}{path}")).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Json>().await.unwrap())
    };
    let free = get("/free?day=2036-03-04").await;
    assert_eq!((free.0, &free.1["time_zone"]), (200, &json!("Australia/Melbourne")));
    assert_eq!(free.1["free"].as_array().unwrap().len(), 6);
    let patients = clinic.patients().await;
    let asks = |key: &str, patient: &str, start: &str| json!({"request_key": key, "patient": patient, "start": start, "practitioner_role": clinic.role});
    let made = send("", asks("order-1", &patients[0], "2036-03-04T09:00")).await;
    assert_eq!(
        (made.0, &made.1["outcome"], &made.1["start"]),
        (201, &json!("booked"), &json!("2036-03-04T09:00:00+11:00"))
    );
    let again = send("", asks("order-1", &patients[0], "2036-03-03T22:00:00Z")).await;
    assert_eq!(
        (again.0, &again.1["appointment"], &again.1["repeated"]),
        (200, &made.1["appointment"], &json!(true))
    );
    assert_eq!(send("", asks("order-2", &patients[1], "2036-03-04T09:00")).await.0, 409);
    assert_eq!(send("", asks("order-3", &patients[1], "2036-03-04T20:00")).await.0, 422);
    let gap = send("", asks("order-4", &patients[1], "2036-10-05T02:30")).await;
    assert_eq!(gap.0, 400);
    assert!(
        gap.1["error"].as_str().unwrap().contains("clocks are put forward"),
        "{gap:?}"
    );
    let person = json!({"request_key": "order-5", "start": "2036-03-04T10:00", "practitioner_role": clinic.role,
        "person": {"given": "Ottilie", "family": "Samplewood", "email": "o@example.org"}});
    assert_eq!(send("", person).await.0, 202);
    assert_eq!(get("?open=true").await.1["requests"].as_array().unwrap().len(), 1);
    let decided = send("/order-5/decision", json!({"patient": patients[1]})).await;
    assert_eq!((decided.0, &decided.1["outcome"]), (200, &json!("booked")));
    assert_eq!(get("/order-5").await.1["patient"], json!(patients[1]));
    assert_eq!(get("/order-9").await.0, 404);
    let unknown = send("", json!({"request_key": "order-6", "name": "Miriam"})).await;
    assert_eq!(unknown.0, 400);
    assert!(!unknown.1.to_string().contains("Miriam"), "{unknown:?}");
}
