//! The calendar while calls to the CRM are lost before and after they took effect, land late, are refused for now, and the
//! program is killed at any point: in the end no activity stands twice, none is missing, and each tells what it should.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::{CrmKind, Manners, Phase, Verdict};
use bridge_tests::diary::Calendar;
use bridge_tests::killed_after;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Friday 3 April 2026, 8:00 in Melbourne.
const FIRST: i64 = 1_775_163_600;

/// Late calls land while their lives last: 30 s with the one CRM, 10 s with the other.
fn disturb(calendar: &Calendar, seed: u64) -> Arc<AtomicUsize> {
    let struck = Arc::new(AtomicUsize::new(0));
    let count = struck.clone();
    let dice = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
    let (kind, latest) = match calendar.crm {
        CrmKind::Hubspot => ("/meetings", 25_000_000),
        CrmKind::Plain => ("/appointments", 8_000_000),
    };
    calendar.sandbox.on_call(Box::new(move |call| {
        if call.system != "crm" || !call.path.contains(kind) {
            return Verdict::Go;
        }
        let drawn = dice.lock().unwrap().random_range(0..100);
        let verdict = match (call.phase, drawn) {
            (Phase::Arrived, 0..4) => Verdict::Cut,
            (Phase::Arrived, 4..9) => Verdict::CutThenLand(latest),
            (Phase::Arrived, 9..11) => Verdict::Status(429),
            (Phase::Arrived, 11..13) => Verdict::Status(503),
            (Phase::Applied, 0..6) => Verdict::Cut,
            (Phase::Applied, 6..8) => Verdict::Status(502),
            _ => Verdict::Go,
        };
        count.fetch_add(usize::from(!matches!(verdict, Verdict::Go)), Ordering::Relaxed);
        verdict
    }));
    struck
}

async fn survive(crm: CrmKind, seed: u64, section: &str) {
    let mut calendar = Calendar::open(crm, Manners::Polite, 40, "2026-03-30T00:00:00Z", section, seed).await;
    let mut dice = StdRng::seed_from_u64(seed);
    let struck = disturb(&calendar, seed);
    calendar.book(80, FIRST, 4);
    let mut diary = calendar.diary();
    let mut crashes = 0;
    for round in 0..8 {
        calendar.live(12, &[1, -1, 3]);
        calendar.book(4, FIRST, 4);
        if round == 4 {
            for patient in calendar.patients().iter().step_by(10) {
                calendar.become_status(patient, "current");
            }
            calendar.people().await;
        }
        calendar.mirror(true).await;
        for _ in 0..6 {
            // An idle machine takes few polls for a step.
            let polls = dice.random_range(1..60);
            if killed_after(polls, diary.step(calendar.clock.now())).await.is_none() {
                crashes += 1;
                diary = calendar.diary();
            }
            calendar.clock.advance(Duration::from_secs(dice.random_range(1..40)));
        }
    }
    let struck = struck.load(Ordering::Relaxed);
    assert!(crashes > 3 && struck > 0, "{crashes} crashes, {struck} calls struck");
    calendar.sandbox.clear_hook();
    calendar.clock.advance(Duration::from_secs(60));
    let step = calendar.settle(&diary).await;
    assert_eq!(step.refused, 0);
    calendar.equal(&format!("{crm:?}, seed {seed}, {crashes} crashes"));
    calendar.untold();
}

#[tokio::test]
async fn meetings_survive() {
    for seed in [1, 2, 3] {
        survive(CrmKind::Hubspot, seed, "").await;
    }
}

#[tokio::test]
async fn meetings_that_are_put_right_survive() {
    survive(CrmKind::Hubspot, 4, "edits = \"restore\"\nlook_every = \"30s\"").await;
}

/// This CRM makes whatever it is told to, as often as it is told.
#[tokio::test]
async fn appointments_of_a_crm_without_unique_members_survive() {
    for seed in [5, 6, 7] {
        survive(CrmKind::Plain, seed, "").await;
    }
}
