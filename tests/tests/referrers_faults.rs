//! Referrers while calls to the CRM are lost before and after they took effect, land late, are refused for now, and the
//! program is killed at any point: in the end nobody has two records, nobody none, and each says what it should.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::{CrmKind, Manners, Phase, Verdict};
use bridge_tests::killed_after;
use bridge_tests::referrers::{Doctor, Town};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Late calls land while their lives last: 30 s with the one CRM, 10 s with the other.
fn disturb(town: &Town, seed: u64) -> Arc<AtomicUsize> {
    let struck = Arc::new(AtomicUsize::new(0));
    let count = struck.clone();
    let dice = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
    let latest = match town.calendar.crm {
        CrmKind::Hubspot => 25_000_000,
        CrmKind::Plain => 8_000_000,
    };
    town.strike(Box::new(move |call| {
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

async fn survive(crm: CrmKind, seed: u64) {
    let town = Town::open(crm, Manners::Polite, "", seed).await;
    let mut dice = StdRng::seed_from_u64(seed);
    let mut doctors = Doctor::some(16);
    town.furnish(&doctors);
    let struck = disturb(&town, seed);
    let (mut desk, mut crashes) = (town.desk(), 0);
    for round in 0..8 {
        for _ in 0..6 {
            let doctor = &doctors[dice.random_range(0..(4 + 2 * round).min(16))];
            let day = format!("2026-0{}-{:02}", dice.random_range(1..4), dice.random_range(1..29));
            town.refer(&doctor.role, &day);
        }
        // Some move to other practices, half of them twice.
        if let 3 | 5 = round {
            for one in [round / 5, round / 5 + 2, round / 5 + 4] {
                for of in [one, one + 1] {
                    town.refer(&doctors[of].role, "2026-03-20");
                }
                town.swap(&mut doctors, one, one + 1);
            }
        }
        town.calendar.mirror(true).await;
        for _ in 0..6 {
            let polls = dice.random_range(1..60);
            town.record(true);
            let done = killed_after(polls, desk.step(town.calendar.clock.now())).await;
            town.record(false);
            if done.is_none() {
                crashes += 1;
                desk = town.desk();
            }
            town.calendar
                .clock
                .advance(Duration::from_secs(dice.random_range(1..40)));
        }
    }
    let struck = struck.load(Ordering::Relaxed);
    assert!(crashes > 3 && struck > 0, "{crashes} crashes, {struck} calls struck");
    town.strike(Box::new(|_| Verdict::Go));
    town.calendar.clock.advance(Duration::from_secs(60));
    assert_eq!(town.settle(&desk).await.refused, 0);
    town.equal(
        &doctors,
        &format!("{crm:?}, seed {seed}, {crashes} crashes, {struck} struck"),
    );
    town.untold();
}

#[tokio::test]
async fn contacts_and_companies_survive() {
    for seed in [1, 2, 3] {
        survive(CrmKind::Hubspot, seed).await;
    }
}

/// This CRM makes whatever it is told to, as often as it is told.
#[tokio::test]
async fn records_of_a_crm_without_unique_members_survive() {
    for seed in [4, 5, 6] {
        survive(CrmKind::Plain, seed).await;
    }
}
