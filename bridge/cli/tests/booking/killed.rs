//! What `kill -9` leaves is gone on with, and unknown writes are looked up.

use crate::common::{client, program, run_in};
use crate::support::{Clinic, start};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

fn spawn(folder: &Path, args: &[String]) -> Child {
    let mut command = program();
    command
        .arg("book")
        .args(args)
        .arg("--json")
        .arg("-c")
        .arg(folder.join("bridge.toml"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Processes of their own ask for the same few times at once, and are killed at any moment.
#[tokio::test]
async fn killed_processes_book_nothing_twice_and_nothing_in_secret() {
    let clinic = Clinic::open("hubspot", "").await;
    let patients = clinic.patients().await;
    clinic
        .fault(json!([
            {"system": "halaxy", "fault": "drop_after", "rate": 0.2, "method": "POST", "path_contains": "$book"},
            {"system": "halaxy", "fault": "drop_before", "rate": 0.1, "method": "POST", "path_contains": "$book"},
            {"system": "halaxy", "fault": "delay", "rate": 0.5, "delay_ms": 60, "path_contains": "Appointment"},
        ]))
        .await;
    let asked: Vec<Vec<String>> = (0..24)
        .map(|n| {
            let start = format!("2036-03-04T{:02}:00", 9 + n % 6);
            let key = format!("order-{n}");
            [
                "request",
                "--patient",
                &patients[n / 6],
                "--start",
                &start,
                "--with",
                &clinic.role,
                "--wait",
                "2",
                "--request-key",
                &key,
            ]
            .map(str::to_string)
            .to_vec()
        })
        .collect();
    for (round, some) in asked.chunks(6).enumerate() {
        let mut children: Vec<Child> = some.iter().map(|args| spawn(clinic.path(), args)).collect();
        for (n, child) in children.iter_mut().enumerate() {
            // At different points of their lives, without regard for what they are doing.
            tokio::time::sleep(Duration::from_millis(40 + 35 * ((n + round) % 4) as u64)).await;
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    client().delete(format!("{}/faults", clinic.url)).send().await.unwrap();
    let settled = clinic.book(&["settle", "--wait", "20"]);
    assert_eq!(settled.code, 0, "{settled:?}");
    let mut told = BTreeMap::new();
    for args in &asked {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = clinic.book(&args).json();
        told.insert(ran["request_key"].to_string(), ran);
    }
    let mut at = BTreeMap::new();
    for one in clinic.appointments().await {
        assert!(
            at.insert(start(&one), one["id"].clone()).is_none(),
            "two bookings at one time"
        );
    }
    let mut booked = BTreeSet::new();
    for (key, one) in &told {
        let there = &at[&start(one)];
        match one["outcome"].as_str().unwrap() {
            "booked" => {
                assert_eq!(&one["appointment"], there, "{key}");
                assert!(booked.insert(there.to_string()), "one booking told to two requests");
            }
            "taken" => {}
            other => panic!("{key}: {other}: {one}"),
        }
    }
    assert_eq!(booked.len(), at.len(), "a booking that nobody was told of");
    assert_eq!(at.len(), 6);
}

#[tokio::test]
async fn an_unknown_write_is_looked_up_or_told() {
    let clinic = Clinic::open("hubspot", "").await;
    let halaxy = |args: &[&str]| run_in(clinic.path(), &[&["halaxy"], args, &["--json"]].concat());
    let lost = |path: &str| json!([{"system": "halaxy", "fault": "drop_after", "count": 1, "path_contains": path}]);
    let patient = clinic.patients().await.remove(0);

    clinic.fault(lost("Patient")).await;
    let made = [
        "create-patient",
        "--given",
        "Ottilie",
        "--family",
        "Quillfeather",
        "--request-key",
        "order-1",
    ];
    assert_eq!(halaxy(&made).code, 3);
    let settled = halaxy(&["settle", "order-1"]);
    assert_eq!(
        (settled.code, &settled.json()["outcome"]),
        (0, &json!("done")),
        "{settled:?}"
    );
    assert!(!settled.stdout.contains("Quillfeather"));
    let again = halaxy(&made).json();
    assert_eq!(
        (&again["outcome"], &again["id"]),
        (&json!("done"), &settled.json()["id"])
    );

    clinic.fault(lost("Coverage")).await;
    let coverage = [
        "create-coverage",
        "--beneficiary",
        &patient,
        "--subscriber",
        &patient,
        "--payor",
        "Organization/FD-150001",
    ];
    assert_eq!(
        halaxy(&[coverage.as_slice(), &["--request-key", "order-2"]].concat()).code,
        3
    );
    let settled = halaxy(&["settle", "order-2"]).json();
    assert_eq!(settled["outcome"], "done", "{settled}");

    // Never left: nothing was made since, and the call's life is over.
    let before = json!([{"system": "halaxy", "fault": "drop_before", "count": 1, "method": "POST", "path_contains": "Referral"}]);
    clinic.fault(before).await;
    let referral = ["create-referral", "--patient", &patient, "--request-key", "order-3"];
    assert_eq!(halaxy(&referral).code, 3);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let settled = halaxy(&["settle", "order-3"]).json();
    assert_eq!(settled["outcome"], "not_done", "{settled}");

    // What cannot be looked up takes a person's word.
    clinic.fault(lost("$book")).await;
    let book = [
        "book-appointment",
        "--patient",
        &patient,
        "--location",
        "clinic",
        "--practitioner-role",
        &clinic.role,
    ];
    let times = [
        "--start",
        "2036-03-04T09:00:00+11:00",
        "--end",
        "2036-03-04T10:00:00+11:00",
        "--request-key",
        "order-4",
    ];
    assert_eq!(halaxy(&[book.as_slice(), &times].concat()).code, 3);
    let unclear = halaxy(&["settle", "order-4"]);
    assert_eq!(
        (unclear.code, &unclear.json()["settled"]),
        (3, &json!(false)),
        "{unclear:?}"
    );
    let told = halaxy(&["settle", "order-4", "--done", "400001"]).json();
    assert_eq!((&told["outcome"], &told["id"]), (&json!("done"), &json!("400001")));
    assert_eq!(halaxy(&["settle", "order-4", "--not-done"]).json()["settled"], false);
    assert_eq!(halaxy(&["settle", "order-9"]).code, 2);
}
