//! Patients who are merged in Halaxy while the diary is killed at any point: each of their appointments stands once, with
//! the survivor's contact.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::{CrmKind, Manners};
use bridge_tests::diary::Calendar;
use bridge_tests::killed_after;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Friday 3 April 2026, 8:00 in Melbourne.
const FIRST: i64 = 1_775_163_600;

/// Activities by key: whom they stand with, and what became of them.
fn shown(calendar: &Calendar) -> BTreeMap<String, (BTreeSet<String>, String)> {
    let one = |row: Json| {
        let key = row["properties"]["halaxy_appointment_key"].as_str().unwrap().to_owned();
        let with = row["associations"]["contacts"]["results"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let with = with.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        let outcome = row["properties"]["hs_meeting_outcome"].as_str().unwrap().to_owned();
        (key, (with, outcome))
    };
    calendar.activities().into_iter().map(one).collect()
}

fn patients_of(appointment: &Json) -> Vec<String> {
    let parts = appointment["participant"].as_array().unwrap().iter();
    let reference = |part: &Json| part["actor"]["reference"].as_str().unwrap().to_owned();
    let named = parts.map(reference).filter(|reference| reference.contains("Patient/"));
    named
        .map(|reference| reference.rsplit('/').next().unwrap().to_owned())
        .collect()
}

/// The lost record answers as the survivor, or is not found any more; Halaxy does not say which it does.
async fn merged(manner: &str, seed: u64) {
    let mut calendar = Calendar::open(CrmKind::Hubspot, Manners::Polite, 12, "2026-03-30T00:00:00Z", "", seed).await;
    calendar
        .sandbox
        .set_switches("halaxy", &json!({ "merged": manner }))
        .unwrap();
    calendar.book(50, FIRST, 3);
    let mut diary = calendar.diary();
    calendar.mirror(false).await;
    calendar.settle(&diary).await;
    let before = shown(&calendar);
    // Two patients with contacts, the first of whom goes into the second.
    let mut contact_of: BTreeMap<String, String> = BTreeMap::new();
    for (key, (with, _)) in &before {
        let patient = key.rsplit('-').next().unwrap();
        contact_of.insert(patient.to_owned(), with.first().unwrap().clone());
    }
    let mut two = contact_of.keys().cloned();
    let (lost, kept) = (two.next().unwrap(), two.next().unwrap());
    calendar
        .sandbox
        .person_merge("halaxy", "Patient", &kept, &lost)
        .unwrap();
    let (mut moved, mut both) = (vec![], vec![]);
    for one in calendar.sandbox.records("halaxy", "Appointment").unwrap() {
        let (id, patients) = (one["id"].as_str().unwrap(), patients_of(&one));
        if !patients.contains(&lost) {
            continue;
        }
        let mut parts = one["participant"].as_array().unwrap().clone();
        let is_lost = |part: &Json| {
            part["actor"]["reference"]
                .as_str()
                .unwrap()
                .ends_with(&format!("Patient/{lost}"))
        };
        if patients.contains(&kept) {
            parts.retain(|part| !is_lost(part));
            both.push(id.to_owned());
        } else {
            let part = parts.iter_mut().find(|part| is_lost(part)).unwrap();
            part["actor"]["reference"] = format!("Patient/{kept}").into();
            moved.push(id.to_owned());
        }
        let patch = json!({ "participant": parts });
        calendar
            .sandbox
            .person_edit("halaxy", "Appointment", id, &patch)
            .unwrap();
    }
    assert!(moved.len() > 1);
    // The appointments show it first: the other record has not been looked at since.
    calendar.mirror(false).await;
    let (mut crashes, mut asked) = (0, 0);
    for polls in 1..40 {
        if killed_after(polls, diary.step(calendar.clock.now())).await.is_none() {
            crashes += 1;
            diary = calendar.diary();
        }
        if polls == 20 {
            calendar.people().await;
            asked += calendar.close_cards().await;
        }
        calendar.clock.advance(Duration::from_secs(5));
    }
    assert!(crashes > 3, "{crashes}");
    // Every step before may have ended before it asked for a look at the patient.
    diary.step(calendar.clock.now()).await.unwrap();
    calendar.people().await;
    asked += calendar.close_cards().await;
    // Where the record names nobody as its survivor, there is nothing to ask.
    assert_eq!(asked > 0, manner == "survivor");
    calendar.settle(&diary).await;

    let after = shown(&calendar);
    let contact = BTreeSet::from([contact_of[&kept].clone()]);
    for id in moved {
        let here: Vec<_> = after
            .iter()
            .filter(|(key, _)| key.starts_with(&format!("halaxy-{id}-")))
            .collect();
        let old = &before[&format!("halaxy-{id}-{lost}")];
        let of_kept: Vec<_> = here.iter().filter(|(_, (with, _))| *with == contact).collect();
        assert_eq!(of_kept.len(), 1, "{manner} {id}: {here:?}");
        assert_eq!(of_kept[0].1.1, old.1, "{id} tells what it told");
        let before_here = before
            .keys()
            .filter(|key| key.starts_with(&format!("halaxy-{id}-")))
            .count();
        assert_eq!(here.len(), before_here, "{manner} {id}: none was made anew");
    }
    for id in both {
        let ours = after
            .iter()
            .filter(|(key, (with, _))| key.starts_with(&format!("halaxy-{id}-")) && *with == contact);
        let standing = ours.filter(|(_, (_, outcome))| {
            outcome != "CANCELED" || before[&format!("halaxy-{id}-{kept}")].1 == "CANCELED"
        });
        assert_eq!(standing.count(), 1, "{manner} {id}");
    }
}

#[tokio::test]
async fn appointments_of_a_patient_whose_record_answers_as_the_survivor() {
    for seed in [1, 2] {
        merged("survivor", seed).await;
    }
}

#[tokio::test]
async fn appointments_of_a_patient_whose_record_is_not_found_any_more() {
    merged("not_found", 3).await;
}
