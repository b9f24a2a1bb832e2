//! 200 requests for 40 times at once, with faults, while the process is killed again and again: never two bookings at
//! one time, never one request booked twice, and each requester is told what the calendar shows.

use crate::desk::{Practice, killed_after};
use adapter_kit::Clock;
use adapter_sandbox::{FaultKind, FaultRule, Phase, Verdict};
use bridge_core::booking::{Request, State};
use bridge_engine::booking::Standing;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const REQUESTS: usize = 200;
const ROLES: usize = 4;
const HOURS: i64 = 10;
const PATIENTS: usize = 120;

fn disturb(practice: &Practice, seed: u64) {
    let dice = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
    practice.sandbox.on_call(Box::new(move |call| {
        if call.system != "halaxy" || call.path.contains("/oauth/") {
            return Verdict::Go;
        }
        let drawn = dice.lock().unwrap().random_range(0..100);
        match (call.phase, drawn) {
            (Phase::Arrived, 0..4) => Verdict::Cut,
            (Phase::Arrived, 4..8) if call.method == "POST" => Verdict::CutThenLand(40_000_000),
            (Phase::Arrived, 8..11) => Verdict::Status(429),
            (Phase::Arrived, 11..14) => Verdict::Status(503),
            (Phase::Arrived, 14..18) => Verdict::Delay(2_000_000),
            (Phase::Applied, 0..6) => Verdict::Cut,
            (Phase::Applied, 6..9) => Verdict::Status(502),
            _ => Verdict::Go,
        }
    }));
    practice.sandbox.set_faults(vec![FaultRule {
        system: Some("halaxy".into()),
        fault: FaultKind::Duplicate,
        status: None,
        delay_ms: None,
        rate: Some(0.1),
        count: None,
        method: Some("POST".into()),
        path_contains: Some("$book".into()),
    }]);
}

/// An appointment by where it is: role, start; and who comes.
fn place(appointment: &Json) -> (String, String, String) {
    let part = |kind: &str| {
        let parts = appointment["participant"].as_array().unwrap();
        let links: Vec<&str> = parts
            .iter()
            .filter_map(|part| part["actor"]["reference"].as_str())
            .collect();
        let link = links.iter().find(|link| link.contains(&format!("{kind}/"))).unwrap();
        link.rsplit('/').next().unwrap().to_string()
    };
    let start = appointment["start"].as_str().unwrap();
    let start = start.parse::<jiff::Timestamp>().unwrap().to_string();
    (part("PractitionerRole"), start, part("Patient"))
}

/// What every requester was told, against the calendar.
fn told_the_truth(practice: &Practice, told: &[Standing]) {
    let mut at: BTreeMap<(String, String), (String, String)> = BTreeMap::new();
    for appointment in practice.appointments() {
        let (role, start, patient) = place(&appointment);
        let id = appointment["id"].as_str().unwrap().to_string();
        assert!(
            at.insert((role, start), (id, patient)).is_none(),
            "two bookings at one time"
        );
    }
    let mut booked = BTreeSet::new();
    for standing in told {
        let record = &standing.record;
        let request = record.request.as_ref().unwrap();
        let start = jiff::Timestamp::from_microsecond(request.start).unwrap().to_string();
        let there = at.get(&(request.role.clone(), start));
        let patient = record.patient.clone().unwrap();
        match &record.state {
            State::Booked { id, already, .. } => {
                assert_eq!(there, Some(&(id.clone(), patient)), "{record:?}");
                assert!(
                    *already || booked.insert(id.clone()),
                    "one booking told to two requests"
                );
            }
            State::Taken => assert_ne!(there.unwrap().1, patient, "{record:?}"),
            other => panic!("{other:?} of {}", record.key),
        }
    }
    let all: BTreeSet<String> = at.values().map(|(id, _)| id.clone()).collect();
    assert_eq!(all, booked, "a booking that nobody was told of");
    let wanted: BTreeSet<(String, i64)> = told
        .iter()
        .filter_map(|one| one.record.request.as_ref())
        .map(|request| (request.role.clone(), request.start))
        .collect();
    assert_eq!(at.len(), wanted.len(), "a time that was asked for and stayed free");
}

async fn survive(seed: u64) -> usize {
    let practice = Practice::open(PATIENTS, ROLES, HOURS).await;
    let mut dice = StdRng::seed_from_u64(seed);
    let asked: Vec<(String, Request)> = (0..REQUESTS)
        .map(|n| {
            let patient = dice.random_range(0..PATIENTS);
            let request = practice.asks(patient, dice.random_range(0..ROLES), dice.random_range(9..9 + HOURS));
            (format!("order-{n}"), request)
        })
        .collect();
    disturb(&practice, seed);
    let mut crashes = 0;
    for _ in 0..12 {
        let desk = practice.desk();
        let all = asked
            .iter()
            .map(|(key, request)| desk.request(key, request.clone(), "riley", Duration::from_secs(3)));
        let polls = dice.random_range(20..600);
        crashes += usize::from(killed_after(polls, join_all(all)).await.is_none());
        practice.clock.advance(Duration::from_secs(dice.random_range(1..90)));
    }
    practice.sandbox.clear_hook();
    practice.sandbox.set_faults(Vec::new());
    // Those that nobody asks for any more are gone on with, too.
    let desk = practice.desk();
    for _ in 0..20 {
        desk.step().await.unwrap();
        practice.clock.advance(Duration::from_secs(30));
    }
    let mut told = Vec::new();
    for (key, request) in &asked {
        let before = practice.appointments().len();
        let standing = desk
            .request(key, request.clone(), "riley", Duration::from_secs(300))
            .await
            .unwrap();
        assert!(
            standing.record.ended(),
            "{:?} at {}",
            standing.record,
            practice.clock.now()
        );
        let again = desk
            .request(key, request.clone(), "riley", Duration::ZERO)
            .await
            .unwrap();
        assert_eq!((again.record, again.earlier), (standing.record.clone(), true));
        assert!(practice.appointments().len() <= before + 1);
        told.push(standing);
    }
    told_the_truth(&practice, &told);
    assert!(desk.list(true).await.unwrap().is_empty());
    crashes
}

#[tokio::test]
async fn two_hundred_requests_for_forty_times() {
    let mut crashes = 0;
    for seed in [1, 2, 3] {
        crashes += survive(seed).await;
    }
    assert!(crashes > 3, "hardly anything was killed");
}

/// Without kills everybody is told at once, in one go.
#[tokio::test]
async fn everybody_at_once_without_faults() {
    let practice = Practice::open(PATIENTS, ROLES, HOURS).await;
    let desk = practice.desk();
    let all = (0..REQUESTS).map(|n| {
        let request = practice.asks(n % PATIENTS, n % ROLES, 9 + (n as i64 / 4) % HOURS);
        let (desk, key) = (&desk, format!("order-{n}"));
        async move {
            desk.request(&key, request, "riley", Duration::from_secs(600))
                .await
                .unwrap()
        }
    });
    let told = join_all(all).await;
    told_the_truth(&practice, &told);
}
