//! What a person of the practice is told of a patient's appointments and balance is what the product's own records say,
//! whatever happens to them; and where nothing is followed, or not read yet, nothing is claimed.
#![allow(clippy::unwrap_used)]

use adapter_halaxy::{HalaxyMirror, MoneyReader};
use adapter_kit::Clock;
use adapter_sandbox::practice_month::MonthOptions;
use adapter_sandbox::{CrmKind, Manners};
use bridge_core::ledger::Currency;
use bridge_engine::affairs::{Affairs, AffairsReader, AffairsSettings, Invoices, Standing};
use bridge_engine::erase::MirrorOf;
use bridge_store::Mirrored;
use bridge_tests::ledger::{Desk as Books, Modes};
use bridge_tests::{Practice, now};
use halaxy_bridge::besides::Besides;
use halaxy_bridge::{affairs, config, wiring};
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const STATUS: &str = "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status";
const MIRROR: &str = "[mirror]\n";

async fn practice(section: &str) -> Practice {
    let mut practice = Practice::settled(CrmKind::Plain).await;
    let text = std::fs::read_to_string(practice.folder.path().join("bridge.toml")).unwrap();
    practice.configure("bridge.toml", &(text + section)).await;
    practice
}

fn settings(practice: &Practice) -> config::Config {
    config::load(&practice.folder.path().join("bridge.toml")).unwrap()
}

async fn rounds(practice: &Practice) {
    let config = settings(practice);
    let besides = Besides::new(&config, &practice.engine).unwrap();
    besides.settle(&CancellationToken::new()).await.unwrap();
}

/// What the desk of the program knows of a patient.
async fn known(practice: &Practice, patient: &str) -> Affairs {
    let reader = affairs::reader(&settings(practice), practice.engine.store().clone()).unwrap();
    reader.of(patient, now()).await.unwrap()
}

fn stamp(seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(seconds).unwrap();
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

fn link(kind: &str, id: &str) -> Json {
    json!({ "reference": format!("{kind}/{id}"), "type": kind })
}

fn appointment(start: i64, patients: &[(&str, &str)], role: &str) -> Json {
    let part = |(patient, status): &(&str, &str)| {
        json!({ "actor": link("Patient", patient),
            "modifierExtension": [{ "url": STATUS, "valueCoding": { "code": status, "display": status } }] })
    };
    let mut parts: Vec<Json> = patients.iter().map(part).collect();
    parts.push(json!({ "actor": link("PractitionerRole", role) }));
    json!({ "resourceType": "Appointment", "start": stamp(start), "end": stamp(start + 1_800), "participant": parts,
        "description": "Quillfeather" })
}

fn invoice(patient: &str, date: &str, balance: Json) -> Json {
    let money = |value: Json| json!({ "value": value, "currency": "AUD" });
    json!({ "resourceType": "Invoice", "status": "active", "type": "invoice", "date": date, "recipient": link("Patient", patient),
        "totalNet": money(json!(500)), "totalTax": money(json!(0)), "totalGross": money(json!(500)),
        "totalPaid": money(json!(0)), "totalBalance": money(balance) })
}

fn furnish(practice: &Practice) {
    let all = [
        json!({ "resourceType": "Organization", "id": "CL-1", "name": "Sampleton Clinic" }),
        json!({ "resourceType": "Practitioner", "id": "PR-1", "name": [{ "given": ["Ada"], "family": "Reed" }] }),
        json!({ "resourceType": "PractitionerRole", "id": "PR-700", "active": true,
            "practitioner": link("Practitioner", "PR-1"), "organization": link("Organization", "CL-1") }),
    ];
    practice.sandbox.load_halaxy(&all).unwrap();
}

fn add(practice: &Practice, kind: &str, body: &Json) -> String {
    practice.sandbox.person_create("halaxy", kind, body).unwrap()
}

#[tokio::test]
async fn the_next_appointment_and_the_last_are_told_as_halaxy_has_them() {
    let practice = practice(MIRROR).await;
    furnish(&practice);
    let (one, other) = (practice.id("P1"), practice.id("P2"));
    let hour = 3_600;
    let base = now() / 1_000_000;
    assert_eq!(known(&practice, &one).await.appointments.standing, Standing::Reading);
    let next = add(
        &practice,
        "Appointment",
        &appointment(base + 50 * hour, &[(&one, "confirmed"), (&other, "booked")], "PR-700"),
    );
    add(
        &practice,
        "Appointment",
        &appointment(base + 2 * hour, &[(&one, "cancelled")], "PR-700"),
    );
    add(
        &practice,
        "Appointment",
        &appointment(base - 30 * hour, &[(&one, "attended")], "PR-999"),
    );
    add(
        &practice,
        "Appointment",
        &appointment(base - 3 * hour, &[(&one, "did not attend")], "PR-700"),
    );
    rounds(&practice).await;
    let told = known(&practice, &one).await.appointments;
    assert_eq!(told.standing, Standing::Known);
    assert!(told.as_of.is_some_and(|at| at <= now() && at > now() - 60_000_000));
    let calendar = told.known.unwrap();
    let (first, last) = (calendar.next.unwrap(), calendar.last.unwrap());
    assert_eq!((first.start, first.end), (base + 50 * hour, base + 50 * hour + 1_800));
    assert_eq!(
        (first.place.as_deref(), first.practitioner.as_deref()),
        (Some("Sampleton Clinic"), Some("Ada Reed"))
    );
    assert_eq!(
        (last.start, last.place, last.practitioner),
        (base - 30 * hour, None, None)
    );
    let group = known(&practice, &other).await.appointments.known.unwrap();
    assert_eq!(
        (group.next.map(|m| m.start), group.last),
        (Some(base + 50 * hour), None)
    );

    // It is moved, then put off for good.
    let patch = json!({ "start": stamp(base + 70 * hour), "end": stamp(base + 71 * hour) });
    practice
        .sandbox
        .person_edit("halaxy", "Appointment", &next, &patch)
        .unwrap();
    rounds(&practice).await;
    let moved = known(&practice, &one).await.appointments.known.unwrap().next.unwrap();
    assert_eq!((moved.start, moved.end), (base + 70 * hour, base + 71 * hour));
    practice.sandbox.person_delete("halaxy", "Appointment", &next).unwrap();
    let config = settings(&practice);
    halaxy_bridge::besides::mirror(&config, &practice.engine)
        .unwrap()
        .sweep()
        .await
        .unwrap();
    assert_eq!(known(&practice, &one).await.appointments.known.unwrap().next, None);
    assert_eq!(known(&practice, "nobody").await.appointments.known.unwrap().last, None);
}

#[tokio::test]
async fn any_calendar_is_told_as_reckoned_by_hand() {
    let practice = practice(MIRROR).await;
    let mut dice = StdRng::seed_from_u64(7);
    let patients: Vec<String> = ["P1", "P2"].map(|name| practice.id(name)).into();
    let statuses = [
        "booked",
        "confirmed",
        "attended",
        "cancelled",
        "did not attend",
        "rejected",
        "arrived",
    ];
    let base = now() / 1_000_000;
    let mut truth: BTreeMap<&str, (Option<i64>, Option<i64>)> = BTreeMap::new();
    for _ in 0..120 {
        // Never within the hour of now, so that the clock of the test decides nothing.
        let hours: i64 = dice.random_range(2..4_000);
        let start = if dice.random() {
            base + hours * 3_600
        } else {
            base - hours * 3_600
        };
        let patient = &patients[dice.random_range(0..2)];
        let status = statuses[dice.random_range(0..statuses.len())];
        add(
            &practice,
            "Appointment",
            &appointment(start, &[(patient, status)], "PR-700"),
        );
        let (last, next) = truth.entry(patient).or_default();
        match (status, start < base) {
            ("cancelled" | "did not attend" | "rejected", _) => {}
            // Of one ahead that is marked attended nobody can say anything.
            ("attended", false) => {}
            (_, true) => *last = (*last).max(Some(start)),
            (_, false) => *next = Some(next.map_or(start, |at| at.min(start))),
        }
    }
    rounds(&practice).await;
    for (patient, (last, next)) in truth {
        let told = known(&practice, patient).await.appointments.known.unwrap();
        assert_eq!((told.last.map(|m| m.start), told.next.map(|m| m.start)), (last, next));
    }
}

#[tokio::test]
async fn what_a_patient_owes_is_exact_and_of_nobody_else() {
    let practice = practice(MIRROR).await;
    let (one, other) = (practice.id("P1"), practice.id("P2"));
    for (patient, date, balance) in [
        (&one, "2026-03-04", json!(0.1)),
        (&one, "2026-02-01", json!(0.2)),
        (&one, "2026-02-02", json!(0)),
        (&one, "2026-02-03", json!(-20)),
        (&other, "2026-01-01", json!(120.55)),
        // Finer than a cent: it is left out, and said to be.
        (&other, "2026-01-02", json!(1.005)),
    ] {
        let body = invoice(patient, date, balance);
        put(&practice, &body).await;
    }
    rounds(&practice).await;
    let told = known(&practice, &one).await.balance;
    let balance = told.known.clone().unwrap();
    let sums: Vec<(String, i64)> = balance
        .owed
        .iter()
        .map(|sum| (sum.currency.to_string(), sum.cents.0))
        .collect();
    assert_eq!(sums, [("AUD".to_string(), 30)]);
    let dates: Vec<String> = balance
        .invoices
        .iter()
        .map(|invoice| invoice.date.to_string())
        .collect();
    assert_eq!(dates, ["2026-02-01", "2026-03-04"]);
    let owed = known(&practice, &other).await.balance;
    assert_eq!((told.unread, owed.unread), (0, 1));
    assert_eq!(owed.known.unwrap().owed[0].cents.0, 12_055);
}

/// As an older release kept it: a body, and nothing that says whom it is about.
async fn put(practice: &Practice, body: &Json) {
    let store = practice.engine.store();
    let mut tx = store.begin().await.unwrap();
    let count = store.mirrored_counts("halaxy").await.unwrap();
    let id = format!("{}", 600_000 + count.iter().map(|(_, n)| n).sum::<u64>());
    let mut body = body.clone();
    body["id"] = json!(id);
    let row = Mirrored {
        kind: body["resourceType"].as_str().unwrap().into(),
        id,
        seq: 0,
        seen: now(),
        gone: false,
        body,
    };
    tx.put_mirrored("halaxy", &[row]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_store_of_an_older_release_is_taken_in_by_bites() {
    let practice = practice(MIRROR).await;
    let patient = practice.id("P1");
    let base = now() / 1_000_000;
    let rows: Vec<Mirrored> = (0..2_100)
        .map(|n| Mirrored {
            kind: "Appointment".into(),
            id: format!("{}", 100_000 + n),
            seq: 0,
            seen: now(),
            gone: false,
            body: appointment(
                base + (n + 2) * 86_400,
                &[(if n % 3 == 0 { &patient } else { "elsewhere" }, "booked")],
                "PR-700",
            ),
        })
        .collect();
    let mut tx = practice.engine.store().begin().await.unwrap();
    tx.put_mirrored("halaxy", &rows).await.unwrap();
    tx.commit().await.unwrap();
    let config = settings(&practice);
    let mirror = halaxy_bridge::besides::mirror(&config, &practice.engine).unwrap();
    let mut steps = 0;
    while mirror.step().await.unwrap().more {
        steps += 1;
        assert_eq!(
            known(&practice, &patient).await.appointments.standing,
            Standing::Reading
        );
    }
    assert_eq!(steps, 2, "a thousand at a time");
    let told = known(&practice, &patient).await.appointments.known.unwrap();
    assert_eq!(told.next.unwrap().start, base + 2 * 86_400);
    assert_eq!(
        known(&practice, "elsewhere")
            .await
            .appointments
            .known
            .unwrap()
            .next
            .unwrap()
            .start,
        base + 3 * 86_400
    );
}

#[tokio::test]
async fn nothing_is_claimed_of_what_is_not_followed() {
    let practice = practice("").await;
    let told = known(&practice, &practice.id("P1")).await;
    assert_eq!(told, Affairs::not(Standing::NotFollowed));
    let desk = wiring::review_desk(&settings(&practice), &practice.engine).unwrap();
    let entity = practice
        .engine
        .store()
        .entity_of("halaxy", "Patient", &practice.id("P1"))
        .await
        .unwrap();
    let beside = desk.affairs_of(&entity.unwrap()).await.unwrap();
    assert_eq!((beside.affairs, beside.next_month), (told, None));
}

#[tokio::test]
async fn whoever_is_erased_is_not_found_by_appointments_any_more() {
    let practice = practice(MIRROR).await;
    let (one, other) = (practice.id("P1"), practice.id("P2"));
    let base = now() / 1_000_000;
    add(
        &practice,
        "Appointment",
        &appointment(base + 90_000, &[(&one, "booked"), (&other, "booked")], "PR-700"),
    );
    rounds(&practice).await;
    assert!(known(&practice, &one).await.appointments.known.unwrap().next.is_some());
    let entity = practice
        .engine
        .store()
        .entity_of("halaxy", "Patient", &one)
        .await
        .unwrap()
        .unwrap();
    let mirror = MirrorOf {
        system: "halaxy".into(),
        rules: &HalaxyMirror,
    };
    let erased = practice
        .engine
        .erase(&entity, &[mirror], "a test", false)
        .await
        .unwrap();
    assert_eq!(erased.removed["concern"], 1);
    assert_eq!(known(&practice, &one).await.appointments.known.unwrap().next, None);
    assert!(
        known(&practice, &other)
            .await
            .appointments
            .known
            .unwrap()
            .next
            .is_some()
    );
    // Halaxy still lists it, and it is read again.
    rounds(&practice).await;
    assert_eq!(known(&practice, &one).await.appointments.known.unwrap().next, None);
}

#[tokio::test]
async fn the_ledgers_invoices_tell_what_is_owed() {
    let options = MonthOptions {
        invoices: 60,
        ..MonthOptions::default()
    };
    let books = Books::open(&options, Modes::Invoice, Manners::Polite).await;
    let settings = |invoices| AffairsSettings {
        system: "halaxy".into(),
        kind: "Patient".into(),
        rules: Arc::new(HalaxyMirror),
        reader: Arc::new(MoneyReader::new(TimeZone::UTC, Currency::AUD)),
        zone: TimeZone::UTC,
        statuses: BTreeMap::new(),
        appointments: false,
        invoices,
    };
    let reader = AffairsReader::new(books.store().clone(), settings(Some(Invoices::Ledger)));
    let mut truth: BTreeMap<String, i64> = BTreeMap::new();
    let ledger = books.ledger().await;
    assert_eq!(reader.of("1", 0).await.unwrap().balance.standing, Standing::Reading);
    ledger.step(books.clock.now()).await.unwrap();
    for shown in books.sandbox.records("halaxy", "Invoice").unwrap() {
        let reference = shown["recipient"]["reference"]
            .as_str()
            .or(shown["recipient"][0]["reference"].as_str())
            .unwrap();
        let (kind, patient) = reference.rsplit_once('/').unwrap();
        if !kind.ends_with("Patient") {
            continue;
        }
        let balance = shown["totalBalance"]["value"].to_string();
        let cents = bridge_core::ledger::Cents::exact(balance.parse().unwrap()).unwrap();
        let due = shown["type"] != "quote" && shown["status"] == "active";
        let owed = truth.entry(patient.into()).or_default();
        *owed += if due { cents.0.max(0) } else { 0 };
    }
    assert!(
        truth.values().any(|cents| *cents > 0) && truth.values().any(|cents| *cents == 0),
        "{truth:?}"
    );
    for (patient, cents) in truth {
        let balance = reader.of(&patient, 0).await.unwrap().balance.known.unwrap();
        assert_eq!(
            balance.owed.iter().map(|sum| sum.cents.0).sum::<i64>(),
            cents,
            "patient {patient}"
        );
    }
}
