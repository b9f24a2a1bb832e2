//! Calls as activities of whom they were with, patients and referrers, also after somebody said it was another person.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::{CrmKind, Manners, Phase, Verdict};
use bridge_core::codec::Country;
use bridge_core::telehealth::{Call, Party};
use bridge_engine::telehealth::{CrmCalls, Telehealth, TellStep, Untold};
use bridge_tests::killed_after;
use bridge_tests::referrers::{Doctor, Town};
use halaxy_bridge::watch;
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECTION: &str = "practices = false\n[telehealth]\ncalls_to = \"crm\"";

fn call(n: usize, number: &str) -> Call {
    Call {
        key: format!("call {n}"),
        at: format!("2026-03-0{} 10:{:02}:00", 1 + n / 60, n % 60).parse().unwrap(),
        seconds: Some(600),
        number: Some(number.into()),
        practitioner: "Dr Alex Tester".into(),
        location: String::new(),
        status: "Connected".into(),
        connected: Some(true),
        credits: Some(10),
    }
}

/// The practice with its calls.
struct Line {
    town: Town,
    calls: Telehealth,
    crm: CrmCalls,
    zone: TimeZone,
}

impl Line {
    async fn open(crm: CrmKind, seed: u64) -> Line {
        let town = Town::open(crm, Manners::Polite, SECTION, seed).await;
        let zone = TimeZone::get("Australia/Melbourne").unwrap();
        let account = town.calendar.engine.settings().system("crm").unwrap().adapter.clone();
        let calls = Telehealth::new(town.calendar.store().clone(), "halaxy", Country::AU);
        Line {
            crm: CrmCalls::new(account, zone.clone(), "Phone call").unwrap(),
            town,
            calls,
            zone,
        }
    }

    async fn step(&self) -> TellStep {
        let store = self.town.calendar.store();
        let contacts = watch::contacts(store, "crm", self.crm.account()).await.unwrap();
        let now = self.town.calendar.clock.now();
        self.town.record(true);
        let step = self.calls.tell(&contacts, &self.crm, &self.zone, now).await.unwrap();
        self.town.record(false);
        step
    }

    async fn settle(&self) -> TellStep {
        let mut sum = TellStep::default();
        for _ in 0..40 {
            let step = self.step().await;
            sum.created += step.created;
            sum.moved += step.moved;
            sum.refused += step.refused;
            if step.created + step.moved + step.unknown == 0 && step.trouble.is_empty() && !step.more {
                return sum;
            }
            self.town.calendar.clock.advance(Duration::from_secs(30));
        }
        panic!("calls never come to rest: {sum:?}");
    }

    async fn untold(&self) -> Vec<Untold> {
        let store = self.town.calendar.store();
        let contacts = watch::contacts(store, "crm", self.crm.account()).await.unwrap();
        self.calls.untold(&contacts).await.unwrap().into_values().collect()
    }

    /// The id of the call at so many minutes.
    async fn id(&self, n: usize) -> String {
        let all = self.calls.calls().await.unwrap();
        let found = all.into_iter().find(|(_, kept)| kept.call.key == format!("call {n}"));
        found.unwrap().0
    }

    async fn assign(&self, n: usize, party: Option<&Party>) {
        self.calls
            .assign(&self.id(n).await, party.cloned(), "a test")
            .await
            .unwrap();
    }

    /// Contact and outcome of a call's only activity.
    async fn shown(&self, n: usize) -> (String, String) {
        let shown = self.town.calendar.shown();
        let line = &shown[&format!("halaxy-call-{}", self.id(n).await)];
        (line.5.clone(), line.2.clone())
    }

    async fn contact(&self, party: &Party) -> String {
        match party {
            Party::Patient(id) => {
                let store = self.town.calendar.store();
                let of = store
                    .counterparts("halaxy", "Patient", "crm", std::slice::from_ref(id))
                    .await;
                of.unwrap()[id].clone()
            }
            Party::Professional(id) => self.town.entries().await[id].remote_id.clone().unwrap(),
        }
    }
}

/// One with a record, one without, and two patients who have contacts.
async fn furnished(line: &Line) -> (Vec<Doctor>, Party, Party, Party) {
    let doctors = Doctor::some(2);
    line.town.furnish(&doctors);
    line.town.refer("EP-1001", "2026-03-02");
    line.town.settle(&line.town.desk()).await;
    let patients = line.town.calendar.patients();
    let patient = |n: usize| Party::Patient(patients[n].clone());
    (doctors, patient(1), patient(2), Party::Professional("EP-1".into()))
}

#[tokio::test]
async fn a_call_stands_with_whom_it_was_with() {
    for crm in [CrmKind::Hubspot, CrmKind::Plain] {
        let line = Line::open(crm, 1).await;
        let (doctors, one, other, doctor) = furnished(&line).await;
        let calls = vec![
            call(1, "+61491570007"),
            call(2, &doctors[0].phone),
            call(3, &doctors[1].phone),
        ];
        line.calls.import_calls(calls.clone()).await.unwrap();
        let step = line.settle().await;
        assert_eq!((step.created, step.moved), (2, 0), "{crm:?}");
        let done = |contact: String| (contact, "completed".to_string());
        assert_eq!(line.shown(1).await, done(line.contact(&one).await));
        assert_eq!(line.shown(2).await, done(line.contact(&doctor).await));
        assert_eq!(line.untold().await, [Untold::NoRecord], "{crm:?}");

        // It was somebody else: a patient, the referrer, nobody, and the first after all.
        for party in [&other, &doctor] {
            line.assign(1, Some(party)).await;
            assert_eq!(line.settle().await.moved, 1);
            assert_eq!(line.shown(1).await, done(line.contact(party).await), "{crm:?}, {party}");
        }
        line.assign(1, None).await;
        assert_eq!(line.settle().await.moved, 1);
        let (contact, outcome) = line.shown(1).await;
        assert_eq!(outcome, "cancelled");
        assert!(crm == CrmKind::Plain || contact.is_empty(), "{contact}");
        line.assign(1, Some(&one)).await;
        assert_eq!(line.settle().await.moved, 1);
        assert_eq!(line.shown(1).await, done(line.contact(&one).await));
        // Said again, imported again, looked at again: nothing moves.
        line.assign(1, Some(&one)).await;
        line.calls.import_calls(calls).await.unwrap();
        assert_eq!(line.settle().await, TellStep::default());

        // The one without a record gets one, and the call follows.
        line.town.refer("EP-1002", "2026-03-20");
        line.town.settle(&line.town.desk()).await;
        assert_eq!((line.settle().await.created, line.untold().await), (1, vec![]));
        line.town.untold();
    }
}

#[tokio::test]
async fn no_call_stands_twice_or_with_the_wrong_one_whatever_is_lost() {
    for (crm, seed) in [
        (CrmKind::Hubspot, 1),
        (CrmKind::Hubspot, 2),
        (CrmKind::Plain, 3),
        (CrmKind::Plain, 4),
    ] {
        let line = Line::open(crm, seed).await;
        let (doctors, one, other, doctor) = furnished(&line).await;
        let number = |n: usize| match n % 2 {
            0 => "+61491570007".to_string(),
            _ => doctors[0].phone.clone(),
        };
        let calls = (0..24).map(|n| call(n, &number(n))).collect();
        line.calls.import_calls(calls).await.unwrap();
        let latest = match crm {
            CrmKind::Hubspot => 25_000_000,
            CrmKind::Plain => 8_000_000,
        };
        let dice = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
        line.town.strike(Box::new(move |call| {
            let drawn = dice.lock().unwrap().random_range(0..100);
            match (call.phase, drawn) {
                (Phase::Arrived, 0..4) => Verdict::Cut,
                (Phase::Arrived, 4..9) => Verdict::CutThenLand(latest),
                (Phase::Arrived, 9..12) => Verdict::Status(503),
                (Phase::Applied, 0..8) => Verdict::Cut,
                _ => Verdict::Go,
            }
        }));
        let mut dice = StdRng::seed_from_u64(seed);
        let whom = [Some(&one), Some(&other), Some(&doctor), None];
        let mut last: BTreeMap<usize, usize> = BTreeMap::new();
        let mut crashes = 0;
        for _ in 0..40 {
            let (n, who) = (dice.random_range(0..24), dice.random_range(0..4));
            line.assign(n, whom[who]).await;
            last.insert(n, who);
            let polls = dice.random_range(1..60);
            crashes += usize::from(killed_after(polls, line.step()).await.is_none());
            line.town
                .calendar
                .clock
                .advance(Duration::from_secs(dice.random_range(1..40)));
        }
        assert!(crashes > 3, "{crashes} crashes");
        line.town.strike(Box::new(|_| Verdict::Go));
        line.town.calendar.clock.advance(Duration::from_secs(60));
        line.settle().await;
        let shown = line.town.calendar.shown();
        for n in 0..24 {
            let at = format!("{crm:?}, seed {seed}, call {n}");
            let party = match last.get(&n) {
                Some(who) => whom[*who],
                None => [Some(&one), Some(&doctor)][n % 2],
            };
            let there = shown.get(&format!("halaxy-call-{}", line.id(n).await));
            match (party, there) {
                (Some(party), Some(there)) => {
                    assert_eq!(
                        (&there.5, there.2.as_str()),
                        (&line.contact(party).await, "completed"),
                        "{at}"
                    );
                }
                // What was never told needs no withdrawal.
                (None, None) => {}
                (None, Some(there)) => assert_eq!(there.2, "cancelled", "{at}"),
                (Some(_), None) => panic!("{at}: missing"),
            }
        }
        line.town.untold();
    }
}
