//! Booking's decisions: wall times around clock changes, what a look at the calendar means, and how a request ends.
#![allow(clippy::unwrap_used)]

use bridge_core::Time;
use bridge_core::booking::request::Wording;
use bridge_core::booking::sight::{look, offered};
use bridge_core::booking::when::{day, moment, spelt};
use bridge_core::booking::who::recognise;
use bridge_core::booking::{
    Answer, Answered, Appointment, Candidate, Defaults, Form, FreeTime, Named, Next, Reason, Recognised, Record,
    Request, Sight, State, WhenProblem, Who, Why,
};
use bridge_core::codec::Country;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

const MINUTE: Time = 60_000_000;
const HOUR: Time = 60 * MINUTE;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

#[test]
fn a_time_that_is_left_out_or_repeated_is_refused_with_both_readings() {
    // (zone, left out, its readings, repeated, its readings)
    let cases = [
        (
            "Australia/Melbourne",
            (
                "2026-10-04T02:30",
                "2026-10-04T01:30:00+10:00",
                "2026-10-04T03:30:00+11:00",
            ),
            (
                "2026-04-05T02:30",
                "2026-04-05T02:30:00+11:00",
                "2026-04-05T02:30:00+10:00",
            ),
        ),
        (
            "Europe/London",
            (
                "2026-03-29T01:30",
                "2026-03-29T00:30:00+00:00",
                "2026-03-29T02:30:00+01:00",
            ),
            (
                "2026-10-25T01:30",
                "2026-10-25T01:30:00+01:00",
                "2026-10-25T01:30:00+00:00",
            ),
        ),
    ];
    for (name, left_out, repeated) in cases {
        let zone = zone(name);
        match moment(left_out.0, &zone).unwrap_err() {
            WhenProblem::LeftOut { earlier, later, .. } => assert_eq!((&*earlier, &*later), (left_out.1, left_out.2)),
            other => panic!("{name}: {other:?}"),
        }
        match moment(repeated.0, &zone).unwrap_err() {
            WhenProblem::Repeated { first, second, .. } => {
                assert_eq!((&*first, &*second), (repeated.1, repeated.2));
                // Either reading is taken as it is told, and they are an hour apart.
                let at = [&first, &second].map(|text| moment(text, &zone).unwrap());
                assert_eq!(at[1] - at[0], HOUR);
                assert_eq!(spelt(at[1], &zone), second);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn days_of_a_clock_change_have_an_hour_more_or_less() {
    let hours = |name: &str, text: &str| {
        let (from, to) = day(text, &zone(name)).unwrap();
        (to - from) / HOUR
    };
    for (name, short, long) in [
        ("Australia/Melbourne", "2026-10-04", "2026-04-05"),
        ("Europe/London", "2026-03-29", "2026-10-25"),
    ] {
        assert_eq!([short, long, "2026-06-01"].map(|text| hours(name, text)), [23, 25, 24]);
    }
    assert!(day("2026-02-30", &zone("Europe/London")).is_err());
}

#[test]
fn what_is_no_moment_is_not_guessed_at() {
    let zone = zone("Australia/Melbourne");
    for text in [
        "",
        "2026-03-04",
        "tomorrow",
        "2026-03-04T25:00",
        "2026-03-04T09:00[Europe/London]",
        "4/3/2026 9:00",
    ] {
        assert_eq!(moment(text, &zone), Err(WhenProblem::Unreadable), "{text}");
    }
    assert_eq!(moment("2026-03-04 09:00", &zone), moment("2026-03-03T22:00Z", &zone));
}

proptest! {
    /// Whatever is told can be written back, and means the same moment.
    #[test]
    fn a_moment_that_is_told_is_the_moment_that_is_read(seconds in 1_600_000_000i64..2_000_000_000, london: bool) {
        let zone = zone(if london { "Europe/London" } else { "Australia/Melbourne" });
        let at = seconds * 1_000_000;
        prop_assert_eq!(moment(&spelt(at, &zone), &zone), Ok(at));
        // On the practice's clock it is the same moment, or refused with this one among the readings.
        let spelt = spelt(at, &zone);
        match moment(&spelt[..19], &zone) {
            Ok(read) => prop_assert_eq!(read, at),
            Err(WhenProblem::Repeated { first, second, .. }) => prop_assert!([first, second].contains(&spelt)),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}

fn request() -> Request {
    Request::read(
        Who::Patient("900001".into()),
        &Wording {
            start: Some("2026-03-04T09:00".into()),
            minutes: Some("60".into()),
            role: Some("PR-700001".into()),
            ..Wording::default()
        },
        &Defaults::default(),
        &zone("Australia/Melbourne"),
    )
    .unwrap()
}

fn appointment(id: &str, start: Time, patients: &[(&str, &str)]) -> Appointment {
    Appointment {
        id: id.into(),
        start,
        end: start + HOUR,
        roles: vec!["PR-700001".into()],
        patients: patients
            .iter()
            .map(|(id, status)| ((*id).into(), (*status).into()))
            .collect(),
    }
}

#[test]
fn words_make_a_request_or_say_which_of_them_does_not() {
    let zone = zone("Australia/Melbourne");
    let defaults = Defaults {
        minutes: Some(30),
        fee: Some("Standard".into()),
        names: [
            ("Dr Tester".to_string(), "PR-700001".to_string()),
            ("Standard".into(), "310001".into()),
        ]
        .into(),
        ..Defaults::default()
    };
    let read = |words: Wording| Request::read(Who::Patient("900001".into()), &words, &defaults, &zone);
    let words = Wording {
        start: Some("2026-03-04T09:00".into()),
        role: Some("Dr Tester".into()),
        ..Wording::default()
    };
    let made = read(words.clone()).unwrap();
    assert_eq!(
        (&*made.role, made.minutes, &*made.location),
        ("PR-700001", 30, "clinic")
    );
    assert_eq!(made.fee.as_deref(), Some("310001"));
    assert_eq!(made.end() - made.start, 30 * MINUTE);
    assert_ne!(made.digest(), request().digest());
    let says = |change: &dyn Fn(&mut Wording)| {
        let mut words = words.clone();
        change(&mut words);
        read(words).unwrap_err().part
    };
    assert_eq!(says(&|words| words.start = None), "start");
    assert_eq!(says(&|words| words.start = Some("2026-10-04T02:30".into())), "start");
    assert_eq!(says(&|words| words.minutes = Some("a while".into())), "minutes");
    assert_eq!(says(&|words| words.role = Some("Dr Nobody".into())), "role");
    assert_eq!(says(&|words| words.role = Some("EP-7".into())), "role");
    assert_eq!(says(&|words| words.service = Some("Consult".into())), "service");
    assert_eq!(says(&|words| words.location = Some("home".into())), "location");
    let who = Request::read(Who::Patient("Miriam".into()), &words, &defaults, &zone).unwrap_err();
    assert_eq!(who.part, "who");
    assert!(!who.to_string().contains("Miriam"));
}

#[test]
fn a_look_tells_ours_from_what_was_there_and_from_what_others_have() {
    let request = request();
    let (at, none) = (request.start, BTreeSet::new());
    let before: BTreeSet<String> = ["1".to_string()].into();
    let see = |shown: &[Appointment]| look(&request, "900001", shown, &before, &none);
    let ours = |id: &str, cancelled| Sight::Ours {
        id: id.into(),
        cancelled,
    };
    assert_eq!(see(&[]), Sight::Free);
    assert_eq!(see(&[appointment("2", at, &[("900001", "booked")])]), ours("2", false));
    // Cancelled already, and a status that nobody has heard of.
    assert_eq!(
        see(&[appointment("2", at, &[("900001", "cancelled")])]),
        ours("2", true)
    );
    assert_eq!(
        see(&[appointment("2", at, &[("900001", "on the way")])]),
        ours("2", false)
    );
    // What was there before is not ours.
    assert_eq!(
        see(&[appointment("1", at, &[("900001", "booked")])]),
        Sight::Already("1".into())
    );
    assert_eq!(see(&[appointment("1", at, &[("900001", "cancelled")])]), Sight::Free);
    // Others: a patient, a block, a part of the time; not those who cancelled, nor whoever comes right after.
    assert_eq!(see(&[appointment("2", at, &[("900002", "booked")])]), Sight::Taken);
    assert_eq!(see(&[appointment("2", at - HOUR / 2, &[])]), Sight::Taken);
    assert_eq!(
        see(&[appointment("2", at, &[("900002", "cancelled"), ("900003", "arrived")])]),
        Sight::Taken
    );
    assert_eq!(
        see(&[appointment("2", at, &[("900002", "Cancelled (no charge)")])]),
        Sight::Free
    );
    assert_eq!(
        see(&[appointment("2", at + HOUR, &[("900002", "booked")])]),
        Sight::Free
    );
    let mut elsewhere = appointment("2", at, &[("900002", "booked")]);
    elsewhere.roles = vec!["PR-700002".into()];
    assert_eq!(see(&[elsewhere]), Sight::Free);
    // A new one of the patient at another time may be ours, moved; unless it is known to be of another request.
    let moved = [appointment("2", at + 3 * HOUR, &[("900001", "booked")])];
    assert_eq!(see(&moved), Sight::Elsewhere(vec!["2".into()]));
    assert_eq!(
        look(&request, "900001", &moved, &before, &["2".to_string()].into()),
        Sight::Free
    );
}

#[test]
fn only_the_very_time_counts_as_offered() {
    let request = request();
    let free = |start, minutes: Time, role: &str| FreeTime {
        start,
        end: start + minutes * MINUTE,
        role: role.into(),
    };
    assert!(offered(&request, &[free(request.start, 60, "PR-700001")]));
    assert!(!offered(&request, &[free(request.start, 30, "PR-700001")]));
    assert!(!offered(&request, &[free(request.start, 60, "PR-700002")]));
    assert!(!offered(&request, &[free(request.start + MINUTE, 60, "PR-700001")]));
}

fn sent(now: Time) -> Record {
    let mut record = Record::new("k", request(), "riley", 0);
    record.to(State::Marked, now);
    assert!(record.looked_before(&Sight::Free, true, now));
    let before = BTreeSet::new();
    record.to(State::Sent { at: now, before }, now);
    record
}

#[test]
fn what_was_not_answered_goes_out_again_only_when_nothing_can_land_any_more() {
    let life = 60_000_000;
    let mut record = sent(0);
    assert_eq!(record.next(life - 1, life), Next::Wait(life));
    assert_eq!(record.next(life, life), Next::Look(true));
    record.answered(&Answered::Unknown("timeout".into()), 1);
    assert_eq!(record.next(2, life), Next::Look(false));
    for sight in [Sight::Free, Sight::Taken, Sight::Elsewhere(vec!["7".into()])] {
        let mut early = record.clone();
        early.looked_after(sight, false, false, 2);
        assert_eq!(early, record, "an early look proves nothing but that it is there");
    }
    let ours = Sight::Ours {
        id: "7".into(),
        cancelled: false,
    };
    for (sight, proves, state) in [
        (ours, false, "booked 7"),
        (Sight::Taken, true, "taken"),
        (Sight::Elsewhere(vec!["7".into()]), true, "waiting"),
    ] {
        let mut record = record.clone();
        record.looked_after(sight, proves, false, life);
        assert_eq!(record.answer().as_deref(), Some(state));
    }
    record.looked_after(Sight::Free, true, false, life);
    assert_eq!((&record.state, record.has_turn()), (&State::Asked, false));
    // Time and again without an answer: a person looks into it, and nobody else gets the time meanwhile.
    let mut record = sent(0);
    record.tries = 9;
    record.looked_after(Sight::Free, true, false, life);
    assert_eq!(record.state, State::Waiting { why: Why::NoAnswer });
    assert!(record.has_turn() && !record.ended());
}

#[test]
fn a_conflict_is_ours_if_our_call_came_twice() {
    let mut record = sent(0);
    record.answered(&Answered::Conflict, 1);
    let mut twice = record.clone();
    let ours = Sight::Ours {
        id: "7".into(),
        cancelled: false,
    };
    twice.looked_after(ours, false, true, 2);
    assert_eq!(twice.answer().as_deref(), Some("booked 7"));
    let mut taken = record.clone();
    taken.looked_after(Sight::Taken, false, true, 2);
    assert_eq!(taken.state, State::Taken);
    record.looked_after(Sight::Free, false, true, 2);
    assert!(matches!(
        &record.state,
        State::Refused {
            reason: Reason::Conflict,
            ..
        }
    ));
}

#[derive(Clone, Debug)]
enum Event {
    Answer(u8),
    Look(u8, bool, bool),
    Before(u8, bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = prop_oneof![
        any::<u8>().prop_map(Event::Answer),
        (any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(a, b, c)| Event::Look(a, b, c)),
        (any::<u8>(), any::<bool>()).prop_map(|(a, b)| Event::Before(a, b)),
    ];
    prop::collection::vec(one, 0..30)
}

fn sight_of(n: u8) -> Sight {
    match n % 5 {
        0 => Sight::Free,
        1 => Sight::Taken,
        2 => Sight::Already("1".into()),
        3 => Sight::Elsewhere(vec!["2".into()]),
        _ => Sight::Ours {
            id: "3".into(),
            cancelled: n > 127,
        },
    }
}

proptest! {
    /// However answers and looks come: what has ended stays as it is, what is on its way keeps its turn, and every
    /// state is told in words.
    #[test]
    fn a_request_ends_once(events in events()) {
        let zone = zone("Australia/Melbourne");
        let mut record = sent(0);
        for (n, event) in (1..).zip(events) {
            let before = record.clone();
            match event {
                _ if record.ended() => break,
                Event::Answer(n_) => record.answered(&match n_ % 5 {
                    0 => Answered::Made("3".into()),
                    1 => Answered::Conflict,
                    2 => Answered::Refused(Reason::Location, "422 too-costly".into()),
                    3 => Answered::NotProcessed("429".into()),
                    _ => Answered::Unknown("timeout".into()),
                }, n),
                Event::Look(n_, proves, conflict) => {
                    if matches!(record.state, State::Sent { .. } | State::Unknown { .. }) {
                        record.looked_after(sight_of(n_), proves, conflict, n);
                    }
                }
                Event::Before(n_, offered) => {
                    if record.state == State::Asked {
                        record.to(State::Marked, n);
                    } else if record.state == State::Marked && record.looked_before(&sight_of(n_), offered, n) {
                        record.to(State::Sent { at: n, before: BTreeSet::new() }, n);
                    }
                }
            }
            // Whoever saw an earlier state can tell by the revision.
            prop_assert_eq!(record == before, record.revision == before.revision);
            let told = record.told(&zone);
            prop_assert!(!told.text.is_empty());
            prop_assert_eq!(told.outcome == "booked", matches!(record.state, State::Booked { .. }));
            let on_its_way = matches!(record.state, State::Sent { .. } | State::Unknown { .. });
            prop_assert!(record.has_turn() || !on_its_way);
        }
        if record.ended() {
            prop_assert_eq!(record.next(i64::MAX / 2, 1), Next::Nothing);
            prop_assert!(!record.has_turn());
        }
    }
}

#[test]
fn somebody_is_recognised_by_a_name_and_a_second_thing() {
    let person = |id: &str, given: &str, email: &str, born: &str| Candidate {
        id: id.into(),
        names: vec![(given.into(), "Sámplewood".into())],
        birth_date: Some(born.into()),
        emails: vec![email.into()],
        phones: vec!["+61491570006".into()],
        active: true,
    };
    let named = |given: &str| Named {
        given: given.into(),
        family: "Samplewood".into(),
        phone: Some("0491 570 006".into()),
        ..Named::default()
    };
    let family = [
        person("1", "Miriam Ada", "m@example.org", "1988-04-17"),
        person("2", "Ottilie", "m@example.org", "2015-01-02"),
    ];
    let who = |named: &Named, all: &[Candidate]| recognise(named, all, Country::AU);
    assert_eq!(who(&named("miriam"), &family), Recognised::One("1".into()));
    // A shared phone alone is nobody.
    assert_eq!(who(&named("Coralie"), &family), Recognised::Nobody);
    let mut other_day = named("Miriam");
    other_day.birth_date = Some("1990-01-01".into());
    assert_eq!(who(&other_day, &family), Recognised::Nobody);
    let twice = [family[0].clone(), person("3", "Miriam", "x@example.org", "1988-04-17")];
    assert_eq!(
        who(&named("Miriam"), &twice),
        Recognised::Several(vec!["1".into(), "3".into()])
    );
    let mut archived = family[0].clone();
    archived.active = false;
    assert_eq!(who(&named("Miriam"), &[archived]), Recognised::Nobody);
    assert!(
        !Named {
            phone: None,
            ..named("Miriam")
        }
        .is_enough()
    );
    assert!(named("Miriam").is_enough());
}

#[test]
fn a_record_asks_once_for_each_stamp_and_shows_its_answer() {
    let paths = [
        ("stamp", "properties.ask"),
        ("start", "properties.start"),
        ("answered", "properties.answered"),
        ("outcome", "properties.outcome"),
        ("message", "properties.message"),
        ("appointment", "properties.appointment"),
    ];
    let said = |key: &str| paths.iter().find(|(name, _)| *name == key).map(|(_, path)| *path);
    let form = Form::parse("contacts", said).unwrap();
    let body = json!({"id": "7", "properties": {"ask": "17", "start": "2026-03-04T09:00", "other": "kept"}});
    assert_eq!(form.open(&body).as_deref(), Some("17"));
    assert_eq!(form.wording(&body).start.as_deref(), Some("2026-03-04T09:00"));
    let mut answer = Answer {
        stamp: "17".into(),
        outcome: "waiting".into(),
        message: "Not yet.".into(),
        appointment: None,
    };
    let waits = form.answer(&body, &answer, false).unwrap();
    assert_eq!(form.open(&waits).as_deref(), Some("17"), "what waits is still open");
    answer.outcome = "booked".into();
    answer.appointment = Some("400001".into());
    let done = form.answer(&waits, &answer, true).unwrap();
    assert_eq!(form.open(&done), None);
    assert_eq!(done["properties"]["appointment"], "400001");
    assert_eq!(done["properties"]["other"], "kept");
    let mut again = done.clone();
    again["properties"]["ask"] = json!("18");
    assert_eq!(form.open(&again).as_deref(), Some("18"));
    assert!(Form::parse("contacts", |key| (key != "stamp").then(|| said(key))?).is_err());
}
