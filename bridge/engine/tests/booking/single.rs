//! One request at a time: what each outcome looks like to whoever asked.

use crate::desk::{Practice, request};
use adapter_kit::{Clock, FreeAsk};
use adapter_sandbox::{Phase, Verdict};
use bridge_core::booking::{Named, Reason, State, Who, Why};
use bridge_engine::EngineError;
use bridge_engine::booking::{BookingDesk, Decision, Standing};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

async fn ask(desk: &BookingDesk, key: &str, request: bridge_core::booking::Request) -> Standing {
    desk.request(key, request, "riley", PATIENCE).await.unwrap()
}

fn posts(practice: &Practice) -> usize {
    let calls = practice.sandbox.calls_after(0);
    calls.iter().filter(|call| call.path.contains("$book")).count()
}

/// The first so many bookings meet this in that phase.
fn meet(practice: &Practice, phase: Phase, verdict: Verdict, count: u32) {
    let left = AtomicU32::new(count);
    practice.sandbox.on_call(Box::new(move |call| {
        let meant = call.path.contains("$book") && call.phase == phase;
        let strike = |left: u32| left.checked_sub(1);
        match meant && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, strike).is_ok() {
            true => verdict,
            false => Verdict::Go,
        }
    }));
}

#[tokio::test]
async fn booked_once_for_each_key_and_told_in_words() {
    let practice = Practice::open(3, 1, 4).await;
    let desk = practice.desk();
    let free = |from: i64| FreeAsk {
        from: request(Who::Patient("1".into()), "PR-1", from).start,
        to: request(Who::Patient("1".into()), "PR-1", 13).start,
        minutes: 60,
        role: Some(practice.roles[0].clone()),
        practitioner: None,
        first: false,
    };
    assert_eq!(desk.find(&free(9)).await.unwrap().len(), 4);
    let made = ask(&desk, "order-1", practice.asks(0, 0, 9)).await;
    assert_eq!((made.told.outcome, made.earlier), ("booked", false));
    assert_eq!(made.told.text, "Booked for Wed 4 Mar 2026 09:00 (+11:00).");
    let again = ask(&practice.desk(), "order-1", practice.asks(0, 0, 9)).await;
    assert_eq!((&again.record, again.earlier), (&made.record, true));
    assert_eq!(posts(&practice), 1);
    assert_eq!(desk.find(&free(9)).await.unwrap().len(), 3);

    // The key stands for that request; another key for the same patient and time books nothing.
    let other = desk
        .request("order-1", practice.asks(0, 0, 10), "riley", PATIENCE)
        .await;
    assert!(matches!(other, Err(EngineError::NotPossible(_))));
    let named = desk
        .request("Given0 Samplewood", practice.asks(0, 0, 10), "riley", PATIENCE)
        .await;
    assert!(matches!(named, Err(EngineError::NotPossible(_))));
    let same = ask(&desk, "order-2", practice.asks(0, 0, 9)).await;
    assert!(
        matches!(same.record.state, State::Booked { already: true, .. }),
        "{same:?}"
    );
    let taken = ask(&desk, "order-3", practice.asks(1, 0, 9)).await;
    assert_eq!((taken.told.outcome, posts(&practice)), ("taken", 1));
    let closed = ask(&desk, "order-4", practice.asks(1, 0, 7)).await;
    assert!(matches!(
        &closed.record.state,
        State::Refused {
            reason: Reason::NotOffered,
            ..
        }
    ));
    // Somebody of the practice may book what is not offered, but not what is taken.
    let mut anyway = practice.asks(1, 0, 7);
    anyway.unoffered = true;
    assert_eq!(ask(&desk, "order-5", anyway.clone()).await.told.outcome, "booked");
    anyway.who = Who::Patient(practice.patients[2].clone());
    assert_eq!(ask(&desk, "order-6", anyway).await.told.outcome, "taken");
    assert_eq!(practice.appointments().len(), 2);
    assert!(desk.list(true).await.unwrap().is_empty());
    assert_eq!(desk.list(false).await.unwrap().len(), 6);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_again() {
    for (phase, verdict) in [
        (Phase::Applied, Verdict::Cut),
        (Phase::Applied, Verdict::Status(502)),
        (Phase::Arrived, Verdict::Cut),
        (Phase::Arrived, Verdict::Status(503)),
        (Phase::Arrived, Verdict::CutThenLand(50_000_000)),
    ] {
        let practice = Practice::open(2, 1, 4).await;
        let desk = practice.desk();
        meet(&practice, phase, verdict, 1);
        let first = ask(&desk, "order-1", practice.asks(0, 0, 9)).await;
        let landed = phase == Phase::Applied;
        assert_eq!(
            first.told.outcome,
            if landed { "booked" } else { "unknown" },
            "{verdict:?}"
        );
        // Whoever wants the same time meanwhile has to wait, and is then told the truth.
        let second = ask(&desk, "order-2", practice.asks(1, 0, 9)).await;
        assert_eq!(
            second.told.outcome,
            if landed { "taken" } else { "open" },
            "{verdict:?}"
        );
        practice.clock.advance(Duration::from_secs(90));
        let first = ask(&practice.desk(), "order-1", practice.asks(0, 0, 9)).await;
        let second = ask(&desk, "order-2", practice.asks(1, 0, 9)).await;
        assert_eq!(
            (first.told.outcome, second.told.outcome),
            ("booked", "taken"),
            "{verdict:?}"
        );
        assert_eq!(practice.appointments().len(), 1);
    }
}

#[tokio::test]
async fn refusals_say_why() {
    let practice = Practice::open(1, 1, 4).await;
    let desk = practice.desk();
    let mut video = practice.asks(0, 0, 9);
    video.location = "telehealth".into();
    let told = ask(&desk, "order-1", video).await;
    assert!(
        matches!(
            &told.record.state,
            State::Refused {
                reason: Reason::Location,
                ..
            }
        ),
        "{told:?}"
    );
    assert!(told.told.remedy.unwrap().contains("clinic"));
    let nobody = request(Who::Patient("12345".into()), &practice.roles[0], 9);
    let told = ask(&desk, "order-2", nobody).await;
    assert_eq!(told.told.outcome, "refused");
    // A refusal gives the time back.
    assert_eq!(
        ask(&desk, "order-3", practice.asks(0, 0, 9)).await.told.outcome,
        "booked"
    );
    // Too many calls: nothing was done, and it goes on by itself.
    meet(&practice, Phase::Arrived, Verdict::Status(429), 1);
    let later = ask(&desk, "order-4", practice.asks(0, 0, 10)).await;
    assert!(["booked", "open"].contains(&later.told.outcome));
    practice.clock.advance(Duration::from_secs(3));
    desk.step().await.unwrap();
    assert_eq!(desk.show("order-4").await.unwrap().told.outcome, "booked");
    practice.clock.advance(Duration::from_secs(3 * 86_400));
    let past = ask(&desk, "order-5", practice.asks(0, 0, 11)).await;
    assert!(matches!(
        &past.record.state,
        State::Refused {
            reason: Reason::Past,
            ..
        }
    ));
}

#[tokio::test]
async fn who_is_not_surely_meant_waits_for_a_person() {
    let practice = Practice::open(2, 1, 4).await;
    let desk = practice.desk();
    let named = |given: &str| {
        Who::Named(Named {
            given: given.into(),
            family: "Samplewood".into(),
            email: Some("p1@example.org".into()),
            ..Named::default()
        })
    };
    let sure = ask(&desk, "order-1", request(named("Given1"), &practice.roles[0], 9)).await;
    assert_eq!(sure.told.outcome, "booked", "{sure:?}");
    assert_eq!(sure.record.patient.as_ref(), Some(&practice.patients[1]));
    let other = ask(&desk, "order-2", request(named("Coralie"), &practice.roles[0], 10)).await;
    assert!(matches!(other.record.state, State::Waiting { why: Why::Nobody }));
    // It keeps nobody from the time.
    assert_eq!(
        ask(&desk, "order-3", practice.asks(0, 0, 10)).await.told.outcome,
        "booked"
    );
    desk.decide("order-2", &Decision::Patient(practice.patients[1].clone()), "riley")
        .await
        .unwrap();
    desk.step().await.unwrap();
    assert_eq!(desk.show("order-2").await.unwrap().told.outcome, "taken");
    assert!(desk.decide("order-2", &Decision::Withdraw, "riley").await.is_err());
    let waits = ask(&desk, "order-4", request(named("Coralie"), &practice.roles[0], 11)).await;
    assert_eq!(waits.told.outcome, "waiting");
    let given_up = desk.decide("order-4", &Decision::Withdraw, "riley").await.unwrap();
    assert_eq!(given_up.told.outcome, "withdrawn");
}

#[tokio::test]
async fn a_booking_that_was_moved_before_anybody_knew_of_it_is_asked_about() {
    let practice = Practice::open(2, 1, 4).await;
    let desk = practice.desk();
    meet(&practice, Phase::Arrived, Verdict::CutThenLand(20_000_000), 1);
    assert_eq!(
        ask(&desk, "order-1", practice.asks(0, 0, 9)).await.told.outcome,
        "unknown"
    );
    // It lands, and somebody moves it to the afternoon.
    practice.clock.sleep(Duration::from_secs(30)).await;
    let appointment = practice.appointments().remove(0);
    let id = appointment["id"].as_str().unwrap().to_string();
    let moved = json!({"start": "2026-03-04T12:00:00+11:00", "end": "2026-03-04T13:00:00+11:00"});
    practice
        .sandbox
        .person_edit("halaxy", "Appointment", &id, &moved)
        .unwrap();
    practice.clock.advance(Duration::from_secs(60));
    desk.step().await.unwrap();
    let waits = desk.show("order-1").await.unwrap();
    assert!(
        matches!(waits.record.state, State::Waiting { why: Why::Moved }),
        "{waits:?}"
    );
    let done = desk.decide("order-1", &Decision::Booked(id), "riley").await.unwrap();
    assert_eq!(done.told.outcome, "booked");
    assert_eq!((practice.appointments().len(), posts(&practice)), (1, 1));
}

#[tokio::test]
async fn what_a_crash_left_is_gone_on_with_by_anybody() {
    let practice = Practice::open(1, 1, 4).await;
    for polls in 1..400 {
        practice.sandbox.clear_hook();
        let (key, hour) = (format!("order-{polls}"), 9 + i64::from(polls % 4));
        let request = practice.asks(0, 0, hour);
        let killed = crate::desk::killed_after(polls, practice.desk().request(&key, request, "riley", PATIENCE)).await;
        practice.clock.advance(Duration::from_secs(90));
        let desk = practice.desk();
        for _ in 0..3 {
            desk.step().await.unwrap();
            practice.clock.advance(Duration::from_secs(30));
        }
        assert!(desk.list(true).await.unwrap().is_empty(), "after {polls} polls");
        let ours = practice.appointments();
        assert!(ours.len() <= 1);
        // Removed for the next round.
        for one in ours {
            practice
                .sandbox
                .person_delete("halaxy", "Appointment", one["id"].as_str().unwrap())
                .unwrap();
        }
        for slot in practice.sandbox.records("halaxy", "Slot").unwrap() {
            let id = slot["id"].as_str().unwrap();
            practice
                .sandbox
                .person_edit("halaxy", "Slot", id, &json!({"status": "free"}))
                .unwrap();
        }
        if killed.is_some() {
            return;
        }
    }
    panic!("the desk never got to the end");
}
