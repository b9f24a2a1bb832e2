//! A full calendar in the CRM: whatever happens to appointments, people and contacts, the CRM's activities are what the
//! stand-ins' own records say they should be, and nothing about them tells of anybody or anything else.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::{CrmKind, Manners};
use bridge_core::diary::Why;
use bridge_tests::diary::{Calendar, local};
use serde_json::json;
use std::time::Duration;

const DAY: i64 = 86_400;
/// Friday 3 April 2026, 8:00 in Melbourne: the clock goes back on Sunday.
const BEFORE_AUTUMN: i64 = 1_775_163_600;
/// Friday 2 October 2026, 8:00 in Melbourne: the clock goes forward on Sunday.
const BEFORE_SPRING: i64 = 1_790_892_000;

fn spent(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

async fn a_busy_practice(crm: CrmKind, manners: Manners, appointments: usize, seed: u64) {
    let mut calendar = Calendar::open(crm, manners, 150, "2026-03-30T00:00:00Z", "", seed).await;
    assert_eq!(local(BEFORE_AUTUMN), "2026-04-03T08:00:00+11:00");
    assert_eq!(local(BEFORE_SPRING), "2026-10-02T08:00:00+10:00");
    calendar.book(appointments / 2, BEFORE_AUTUMN, 5);
    calendar.book(appointments / 2, BEFORE_SPRING, 5);
    let diary = calendar.diary();
    calendar.mirror(false).await;
    let step = calendar.settle(&diary).await;
    assert!(step.created >= appointments && step.refused == 0, "{step:?}");
    calendar.equal("first");

    for round in 0..3 {
        // Moves of three days cross the change of the clock both ways, and of half a year go from one side to the other.
        calendar.live(appointments / 5, &[3, -3, 1, 182, -182]);
        calendar.book(appointments / 20, BEFORE_AUTUMN + DAY, 3);
        calendar.clock.advance(spent(2));
        calendar.people().await;
        calendar.mirror(true).await;
        calendar.settle(&diary).await;
        calendar.equal(&format!("round {round}"));
    }
    let idle = calendar.settle(&diary).await;
    assert_eq!((idle.created, idle.changed, idle.moved), (0, 0, 0), "nothing happened");

    // Those who had no contact get one: what waited for them follows.
    let waiting = diary.outlook(calendar.clock.now()).await.unwrap().held;
    assert!(!waiting.is_empty() && waiting.iter().all(|held| held.why == Why::NoContact));
    for patient in calendar.patients().iter().step_by(10) {
        calendar.become_status(patient, "current");
    }
    calendar.people().await;
    let step = calendar.settle(&diary).await;
    assert!(step.created > 0);
    calendar.equal("everybody linked");
    assert_eq!(diary.outlook(calendar.clock.now()).await.unwrap().held, []);
    calendar.untold();
}

#[tokio::test]
async fn two_thousand_appointments_as_meetings() {
    a_busy_practice(CrmKind::Hubspot, Manners::Polite, 2_000, 1).await;
}

#[tokio::test]
async fn a_crm_that_lags_shuffles_and_respells() {
    a_busy_practice(CrmKind::Hubspot, Manners::Real, 200, 2).await;
}

#[tokio::test]
async fn a_plain_crm() {
    a_busy_practice(CrmKind::Plain, Manners::Polite, 300, 3).await;
}

#[tokio::test]
async fn a_booked_visit_that_turned_attended_unseen_is_read_again() {
    let mut calendar = Calendar::open(CrmKind::Hubspot, Manners::Polite, 20, "2026-03-30T00:00:00Z", "", 4).await;
    calendar.book(40, BEFORE_AUTUMN, 1);
    let diary = calendar.diary();
    calendar.mirror(false).await;
    calendar.settle(&diary).await;
    assert_eq!(calendar.look_again(&diary).await, 0, "none of them is over");
    calendar
        .sandbox
        .set_switches("halaxy", &json!({"status_moves_appointment": false}))
        .unwrap();
    calendar.live(200, &[0]);
    // Until the evening of the third.
    calendar.clock.advance(Duration::from_secs(4 * 86_400 + 12 * 3_600));
    calendar.mirror(false).await;
    calendar.settle(&diary).await;
    assert!(calendar.look_again(&diary).await > 0);
    assert_eq!(calendar.look_again(&diary).await, 0, "not again at once");
    calendar.settle(&diary).await;
    // What nobody attended any more was removed, which only a sweep shows.
    calendar.mirror(true).await;
    calendar.settle(&diary).await;
    calendar.equal("after the day");
}

/// Two contacts become one in the CRM, under a new id or an old one.
#[tokio::test]
async fn activities_follow_contacts_that_are_merged() {
    for gives_new_id in [false, true] {
        let mut calendar = Calendar::open(CrmKind::Hubspot, Manners::Polite, 12, "2026-03-30T00:00:00Z", "", 5).await;
        calendar.book(60, BEFORE_AUTUMN, 3);
        let diary = calendar.diary();
        calendar.mirror(false).await;
        calendar.settle(&diary).await;
        let switch = json!({"merge_gives_new_id": gives_new_id});
        calendar.sandbox.set_switches("crm", &switch).unwrap();
        let old = calendar.own().into_values().next().unwrap().5;
        let stray = json!({"properties": {"lastname": "Stray"}});
        let stray = calendar.sandbox.person_create("crm", "contacts", &stray).unwrap();
        calendar.people().await;
        // The patient's contact goes into the other one.
        calendar.sandbox.person_merge("crm", "contacts", &stray, &old).unwrap();
        calendar.people().await;
        assert!(calendar.close_cards().await > 0, "nobody is asked");
        let step = calendar.settle(&diary).await;
        assert!(step.moved > 0, "{step:?}");
        calendar.equal("merged");
    }
}

#[tokio::test]
async fn edits_in_the_crm_are_left_or_put_right() {
    for (section, stays) in [("edits = \"leave\"", true), ("edits = \"restore\"", false)] {
        let mut calendar = Calendar::open(
            CrmKind::Hubspot,
            Manners::Polite,
            12,
            "2026-03-30T00:00:00Z",
            section,
            6,
        )
        .await;
        calendar.book(30, BEFORE_AUTUMN, 3);
        let diary = calendar.diary();
        calendar.mirror(false).await;
        calendar.settle(&diary).await;
        let all = calendar.activities();
        let edited = all[0]["id"].as_str().unwrap();
        let deleted = all[1]["id"].as_str().unwrap();
        let patch = json!({"properties": {"hs_meeting_outcome": "RESCHEDULED", "hs_internal_meeting_notes": "mine"}});
        calendar.sandbox.person_edit("crm", "meetings", edited, &patch).unwrap();
        calendar.sandbox.person_delete("crm", "meetings", deleted).unwrap();
        calendar.clock.advance(Duration::from_secs(3_600));
        let step = calendar.settle(&diary).await;
        assert_eq!(step.created, 0, "what a person deleted is not made again");
        let now = calendar.sandbox.record("crm", "meetings", edited).unwrap();
        assert_eq!(
            now["properties"]["hs_meeting_outcome"] == "RESCHEDULED",
            stays,
            "{section}"
        );
        assert_eq!(now["properties"]["hs_internal_meeting_notes"], "mine");
        assert_eq!(step.restored, usize::from(!stays));
        // Halaxy's next word of the appointment goes out either way, and not to what was deleted.
        for one in calendar.sandbox.records("halaxy", "Appointment").unwrap() {
            let id = one["id"].as_str().unwrap().to_owned();
            let mut parts = one["participant"].as_array().unwrap().clone();
            for part in parts.iter_mut().skip(1) {
                part["modifierExtension"][0]["valueCoding"]["code"] = "did not attend".into();
            }
            let patch = json!({"participant": parts});
            calendar
                .sandbox
                .person_edit("halaxy", "Appointment", &id, &patch)
                .unwrap();
        }
        calendar.mirror(false).await;
        let step = calendar.settle(&diary).await;
        assert_eq!(step.created, 0);
        assert!(calendar.sandbox.record("crm", "meetings", deleted).is_err());
        let now = calendar.sandbox.record("crm", "meetings", edited).unwrap();
        assert_eq!(now["properties"]["hs_meeting_outcome"], "NO_SHOW");
    }
}

#[tokio::test]
async fn no_activity_leaves_with_a_healthcare_identifier() {
    let mut calendar = Calendar::open(
        CrmKind::Plain,
        Manners::Polite,
        5,
        "2026-03-30T00:00:00Z",
        "title = \"Visit 8003 6088 3335 7361\"",
        1,
    )
    .await;
    calendar.book(6, BEFORE_AUTUMN, 2);
    calendar.mirror(false).await;
    let diary = calendar.diary();
    let step = diary.step(calendar.clock.now()).await.unwrap();
    assert!(step.refused > 0 && step.created == 0, "{step:?}");
    assert_eq!(calendar.activities(), Vec::<serde_json::Value>::new());
    let held = diary.outlook(calendar.clock.now()).await.unwrap().held;
    let denied = |why: &Why| matches!(why, Why::Refused(code) if code.contains("healthcare identifier"));
    assert!(held.iter().any(|held| denied(&held.why)), "{held:?}");
}
