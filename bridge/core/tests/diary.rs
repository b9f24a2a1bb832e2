//! Appointments as activities: what is read, what is told, what is planned.
#![allow(clippy::unwrap_used)]

use bridge_core::diary::{
    Act, Around, Edits, Entry, EntryState, Given, Held, Member, Members, Mode, Outcome, Outgoing, Plan, Rules, Tell,
    Visit, Wanted, Why, months, outcome, without_links,
};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const STATUS: &str = "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status";
const DAY: u64 = 86_400;

fn melbourne() -> TimeZone {
    TimeZone::get("Australia/Melbourne").unwrap()
}

fn patient(id: &str, status: &str) -> Json {
    json!({"actor": {"reference": format!("https://au-api.halaxy.com/main/Patient/{id}"), "type": "Patient"},
        "modifierExtension": [{"url": STATUS, "valueCoding": {"code": status, "display": status}}]})
}

fn body(start: &str, end: &str, patients: &[(&str, &str)]) -> Json {
    let mut parts = vec![json!({"type": [{"coding": [{"code": "ATND"}]}],
        "actor": {"reference": "https://au-api.halaxy.com/main/PractitionerRole/PR-7", "type": "PractitionerRole"}})];
    parts.extend(patients.iter().map(|(id, status)| patient(id, status)));
    json!({"resourceType": "Appointment", "id": "41", "start": start, "end": end, "participant": parts,
        "description": "Zo Marsh comes too, https://video.example/join/zo",
        "supportingInformation": [
            {"reference": "https://au-api.halaxy.com/main/HealthcareService/S1", "type": "HealthcareService"}]})
}

fn read(body: &Json) -> Visit {
    Visit::read("41", body, &melbourne()).unwrap()
}

fn rules(tell: &[Tell]) -> Rules {
    Rules {
        title: "Appointment".into(),
        tell: tell.iter().copied().collect(),
        place: true,
        statuses: BTreeMap::new(),
        back: Duration::from_secs(30 * DAY),
        forward: Duration::from_secs(180 * DAY),
        zone: melbourne(),
    }
}

fn around() -> Around {
    let mut around = Around::default();
    let link = |kind: &str, id: &str| json!({"reference": format!("https://au-api.halaxy.com/main/{kind}/{id}")});
    assert!(around.take(
        "HealthcareService",
        "S1",
        &json!({"name": "Trauma therapy (telehealth)"})
    ));
    assert!(around.take("Organization", "CL-1", &json!({"name": "Sampleton Clinic"})));
    assert!(around.take(
        "Practitioner",
        "P1",
        &json!({"name": [{"given": ["Ada"], "family": "Reed"}]})
    ));
    let role = json!({"practitioner": link("Practitioner", "P1"), "organization": link("Organization", "CL-1")});
    assert!(around.take("PractitionerRole", "PR-7", &role));
    assert!(!around.take("PractitionerRole", "PR-7", &role));
    around
}

fn now_at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

#[test]
fn statuses_are_an_open_set() {
    let own = BTreeMap::from([("late cancellation fee".to_owned(), Outcome::NoShow)]);
    let cases = [
        ("booked", Outcome::Scheduled),
        ("Attended", Outcome::Completed),
        ("cancelled", Outcome::Cancelled),
        ("cancelled (no charge)", Outcome::Cancelled),
        ("did not attend", Outcome::NoShow),
        ("rejected", Outcome::Cancelled),
        ("check response", Outcome::Scheduled),
        ("gone fishing", Outcome::Scheduled),
        ("Late cancellation fee", Outcome::NoShow),
        ("", Outcome::Scheduled),
    ];
    for (status, means) in cases {
        assert_eq!(outcome(status, &own), means, "{status}");
    }
}

#[test]
fn the_status_is_the_patients_own_and_kept_to_the_letter() {
    let visit = read(&body(
        "2026-03-04T09:00:00+11:00",
        "2026-03-04T10:00:00+11:00",
        &[("1", "Booked"), ("2", "cancelled"), ("1", "attended")],
    ));
    let seen: Vec<(&str, &str)> = visit
        .patients
        .iter()
        .map(|p| (p.patient.as_str(), p.status.as_str()))
        .collect();
    assert_eq!(seen, [("1", "Booked"), ("2", "cancelled")]);
    assert_eq!(visit.role.as_deref(), Some("PR-7"));
    assert!(!visit.is_block());
    assert!(read(&body("2026-03-04T09:00:00+11:00", "2026-03-04T10:00:00+11:00", &[])).is_block());
}

#[test]
fn a_mode_is_told_wherever_it_stands() {
    let base = body(
        "2026-03-04T09:00:00+11:00",
        "2026-03-04T10:00:00+11:00",
        &[("1", "booked")],
    );
    let with = |member: &str, value: Json| {
        let mut body = base.clone();
        body[member] = value;
        read(&body).mode
    };
    let url = "https://terminology.halaxy.com/StructureDefinition/location-type";
    assert_eq!(
        with("extension", json!([{"url": url, "valueCode": "telehealth"}])),
        Some(Mode::Video)
    );
    assert_eq!(
        with("supportingInformation", json!([{"display": "Phone Consultation"}])),
        Some(Mode::Phone)
    );
    assert_eq!(
        with("supportingInformation", json!([{"reference": "LocationType/clinic"}])),
        Some(Mode::Clinic)
    );
    assert_eq!(
        with(
            "supportingInformation",
            json!([{"reference": "HealthcareService/phone", "type": "HealthcareService"}])
        ),
        None
    );
    assert_eq!(around().mode(&read(&base)), Some(Mode::Video), "the type's name tells");
    assert_eq!(Mode::of_service_name("Phonetics for children"), None);
}

#[test]
fn times_without_an_offset_are_the_practices() {
    let local = read(&body("2026-10-04T03:30:00", "2026-10-04T04:00:00", &[("1", "booked")]));
    let told = read(&body(
        "2026-10-03T16:30:00Z",
        "2026-10-03T17:00:00Z",
        &[("1", "booked")],
    ));
    assert_eq!(local.start, told.start);
    for bad in ["2026-10-04", "soon", ""] {
        let body = body(bad, "2026-10-04T04:00:00Z", &[("1", "booked")]);
        assert!(Visit::read("41", &body, &melbourne()).is_err(), "{bad}");
    }
    let backwards = body("2026-10-04T04:00:00Z", "2026-10-04T03:00:00Z", &[]);
    assert!(Visit::read("41", &backwards, &melbourne()).is_err());
}

#[test]
fn the_least_is_told_unless_more_is_asked_for() {
    let alone = read(&body(
        "2026-03-04T09:00:00+11:00",
        "2026-03-04T10:00:00+11:00",
        &[("1", "booked")],
    ));
    let now = now_at("2026-03-01T00:00:00Z");
    let told = |visit: &Visit, tell: &[Tell]| {
        let wanted = rules(tell).wanted(visit, false, &around(), now);
        wanted
            .into_iter()
            .map(|w| w.activity.text(&melbourne()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&alone, &[]),
        ["When: Wed 4 Mar 2026, 09:00 to 10:00 AEDT\nStatus: booked\nMode: video\nPlace: Sampleton Clinic"]
    );
    let all = [Tell::Service, Tell::Practitioner, Tell::Comment];
    assert_eq!(
        told(&alone, &all),
        [
            "When: Wed 4 Mar 2026, 09:00 to 10:00 AEDT\nStatus: booked\nMode: video\nPlace: Sampleton Clinic\n\
          With: Ada Reed\nType: Trauma therapy (telehealth)\nComment: Zo Marsh comes too, (link removed)"
        ]
    );
    let group = read(&body(
        "2026-03-04T09:00:00+11:00",
        "2026-03-04T10:00:00+11:00",
        &[("1", "booked"), ("2", "attended")],
    ));
    let texts = told(&group, &all);
    assert_eq!(texts.len(), 2);
    assert!(
        texts.iter().all(|text| !text.contains("Zo")),
        "a group's comment is nobody's: {texts:?}"
    );
}

#[test]
fn an_hour_that_comes_twice_or_never_is_named() {
    let now = now_at("2026-03-20T00:00:00Z");
    let text = |start: &str, end: &str| {
        let visit = read(&body(start, end, &[("1", "booked")]));
        let wanted = rules(&[]).wanted(&visit, false, &Around::default(), now);
        wanted[0].activity.text(&melbourne()).lines().next().unwrap().to_owned()
    };
    // The clock goes back at 3:00 on 5 April 2026 and forward at 2:00 on 4 October.
    assert_eq!(
        text("2026-04-04T15:30:00Z", "2026-04-04T16:30:00Z"),
        "When: Sun 5 Apr 2026, 02:30 AEDT to 02:30 AEST"
    );
    assert_eq!(
        text("2026-10-03T15:30:00Z", "2026-10-03T16:30:00Z"),
        "When: Sun 4 Oct 2026, 01:30 AEST to 03:30 AEDT"
    );
    assert_eq!(
        text("2026-04-04T23:00:00Z", "2026-04-05T00:00:00Z"),
        "When: Sun 5 Apr 2026, 09:00 to 10:00 AEST"
    );
}

#[test]
fn months_are_the_practices_and_count_what_took_place() {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let now = now_at("2026-05-10T00:00:00Z");
    let visits = [
        // Midnight in Melbourne has passed: April there.
        (
            at("2026-03-31T14:00:00Z"),
            at("2026-03-31T15:00:00Z"),
            Outcome::Completed,
        ),
        (
            at("2026-05-01T01:00:00Z"),
            at("2026-05-01T02:00:00Z"),
            Outcome::Cancelled,
        ),
        (at("2026-05-02T01:00:00Z"), at("2026-05-02T02:00:00Z"), Outcome::NoShow),
        (
            at("2026-08-01T01:00:00Z"),
            at("2026-08-01T02:00:00Z"),
            Outcome::Scheduled,
        ),
        (
            at("2026-07-01T01:00:00Z"),
            at("2026-07-01T02:00:00Z"),
            Outcome::Cancelled,
        ),
    ];
    let found = months(visits, now, &melbourne());
    assert_eq!(
        (found.last.as_deref(), found.next.as_deref()),
        (Some("2026-04"), Some("2026-08"))
    );
    let found = months([], now, &melbourne());
    assert_eq!((found.last, found.next), (None, None));
}

/// A CRM that does what it is told, or loses the answer.
#[derive(Default)]
struct Crm {
    activities: BTreeMap<String, (Members, BTreeSet<String>)>,
}

/// One round of what the engine does: plan, carry out, settle.
fn carry_out(
    wanted: &[Wanted],
    entries: &mut BTreeMap<String, Entry>,
    contacts: &BTreeMap<String, String>,
    crm: &mut Crm,
    lost: &mut impl FnMut() -> bool,
) -> Vec<Held> {
    let zone = melbourne();
    for _ in 0..200 {
        let plan = Plan::of(&Given {
            wanted,
            entries,
            contacts,
            shown: &BTreeMap::new(),
            edits: Edits::Leave,
            zone: &zone,
        });
        if plan.acts.is_empty() {
            return plan.held;
        }
        for planned in plan.acts {
            let Wanted { key, activity, .. } = &planned.wanted;
            let lost = lost();
            if planned.act == Act::Create {
                assert!(!crm.activities.contains_key(key), "{key} is made twice");
                let made = (activity.members(&zone), BTreeSet::from([planned.contact.clone()]));
                crm.activities.insert(key.clone(), made);
                let mut entry = Entry::creating(
                    key,
                    &planned.wanted.appointment,
                    &planned.wanted.patient,
                    activity.clone(),
                    &planned.contact,
                    0,
                );
                entry.state = EntryState::Posted;
                entry.sure = !lost;
                entries.insert(key.clone(), entry);
                continue;
            }
            let mut entry = entries.remove(key).unwrap();
            let there = crm.activities.get_mut(key).unwrap();
            match planned.act {
                Act::Change(members) | Act::Restore(members) => {
                    there.0.extend(members);
                    entry.outgoing = Some(Outgoing::Change(activity.clone()));
                }
                Act::Attach(contact) => {
                    there.1.insert(contact.clone());
                    entry.outgoing = Some(Outgoing::Attach(contact));
                }
                Act::Detach(contact) => {
                    there.1.remove(&contact);
                    entry.outgoing = Some(Outgoing::Detach(contact));
                }
                Act::Create => {}
            }
            let entry = if lost {
                entry.doubted()
            } else {
                match entry.outgoing.take() {
                    Some(Outgoing::Change(sent)) => (entry.base, entry.sure) = (sent, true),
                    Some(Outgoing::Attach(contact)) => drop(entry.contacts.insert(contact, true)),
                    Some(Outgoing::Detach(contact)) => drop(entry.contacts.remove(&contact)),
                    None => {}
                }
                entry
            };
            entries.insert(key.clone(), entry);
        }
    }
    panic!("the plan never comes to rest");
}

/// What happens to the appointment of a history.
#[derive(Clone, Debug)]
enum Turn {
    /// Patients with statuses, begun at this hour.
    Shown(Vec<(u8, &'static str)>, u8),
    /// Removed in Halaxy.
    Gone,
    /// The patient's contact, or none.
    Linked(u8, Option<u8>),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let statuses = prop::sample::select(vec!["booked", "attended", "cancelled", "did not attend", "odd one"]);
    let part = prop::collection::vec((0..4u8, statuses), 0..4);
    let turn = prop_oneof![
        4 => (part, 0..24u8).prop_map(|(parts, hour)| Turn::Shown(parts, hour)),
        1 => Just(Turn::Gone),
        3 => (0..4u8, prop::option::of(0..6u8)).prop_map(|(patient, contact)| Turn::Linked(patient, contact)),
    ];
    prop::collection::vec(turn, 1..14)
}

proptest! {
    /// Whatever happened in between and whichever answers were lost, the CRM shows what the last body says, with the
    /// contacts as they last were; nothing stands twice, and what Halaxy has no more is cancelled.
    #[test]
    fn the_crm_comes_to_show_what_halaxy_says(turns in turns(), lost in prop::collection::vec(any::<bool>(), 0..200)) {
        let now = now_at("2026-03-01T00:00:00Z");
        let zone = melbourne();
        let mut lost = lost.into_iter();
        let mut lose = move || lost.next().unwrap_or(false);
        let (mut entries, mut crm, mut contacts) = (BTreeMap::new(), Crm::default(), BTreeMap::new());
        let mut last: Option<(Visit, bool)> = None;
        for turn in turns {
            match turn {
                Turn::Shown(parts, hour) => {
                    let ids: Vec<(String, &str)> = parts.iter().map(|(n, s)| (n.to_string(), *s)).collect();
                    let parts: Vec<(&str, &str)> = ids.iter().map(|(n, s)| (n.as_str(), *s)).collect();
                    let start = format!("2026-03-04T{hour:02}:00:00+11:00");
                    let visit = read(&body(&start, &start, &parts));
                    last = Some((visit, false));
                }
                Turn::Gone => last = last.map(|(visit, _)| (visit, true)),
                Turn::Linked(patient, Some(contact)) => {
                    contacts.insert(patient.to_string(), format!("c{contact}"));
                }
                Turn::Linked(patient, None) => {
                    contacts.remove(&patient.to_string());
                }
            }
            let wanted = last.as_ref().map(|(visit, gone)| rules(&[]).wanted(visit, *gone, &around(), now));
            carry_out(&wanted.unwrap_or_default(), &mut entries, &contacts, &mut crm, &mut lose);
        }
        let Some((visit, gone)) = last else { return Ok(()) };
        let wanted = rules(&[]).wanted(&visit, gone, &around(), now);
        for w in &wanted {
            let there = crm.activities.get(&w.key);
            match contacts.get(&w.patient) {
                Some(contact) if !gone => {
                    let (members, with) = there.unwrap();
                    prop_assert_eq!(members, &w.activity.members(&zone));
                    prop_assert_eq!(with, &BTreeSet::from([contact.clone()]));
                }
                Some(_) => {
                    if let Some((members, _)) = there {
                        prop_assert_eq!(&members[&Member::Outcome], "cancelled");
                    }
                }
                None => {}
            }
        }
        for (key, (members, _)) in &crm.activities {
            let patient = key.rsplit('-').next().unwrap();
            if wanted.iter().all(|w| w.key != *key) && contacts.contains_key(patient) {
                prop_assert_eq!(&members[&Member::Outcome], "cancelled");
            }
        }
    }

    /// No link survives, wherever it stands in a text; words without one stay.
    #[test]
    fn links_do_not_survive(before in "[a-z ]{0,20}", host in "[a-z]{2,8}\\.(com|au|health)", path in "(/[a-zA-Z0-9]{1,12}){0,3}",
        scheme in "(https://|http://|HTTPS://|www\\.|)", open in "[(\\[\"']?", after in "[ ,.;)][a-z ]{0,20}") {
        let text = format!("{before} {open}{scheme}{host}{path}{after}");
        let clean = without_links(&text);
        prop_assert!(!clean.contains(&host), "{} became {}", text, clean);
        prop_assert!(clean.starts_with(&before));
    }

    #[test]
    fn plain_words_stay(text in "[A-Za-z0-9 ,:()&'\\n-]{0,60}") {
        prop_assert_eq!(without_links(&text), text);
    }
}

#[test]
fn edits_in_the_crm_are_left_or_put_back_a_few_times() {
    let zone = melbourne();
    let visit = read(&body(
        "2026-03-04T09:00:00+11:00",
        "2026-03-04T10:00:00+11:00",
        &[("1", "booked")],
    ));
    let wanted = rules(&[]).wanted(&visit, false, &around(), now_at("2026-03-01T00:00:00Z"));
    let contacts = BTreeMap::from([("1".to_owned(), "c1".to_owned())]);
    let (mut entries, mut crm) = (BTreeMap::new(), Crm::default());
    carry_out(&wanted, &mut entries, &contacts, &mut crm, &mut || false);
    let key = wanted[0].key.clone();
    let shown = BTreeMap::from([(key.clone(), Members::from([(Member::Outcome, "completed".to_owned())]))]);
    let plan = |entries: &BTreeMap<String, Entry>, edits: Edits| {
        Plan::of(&Given {
            wanted: &wanted,
            entries,
            contacts: &contacts,
            shown: &shown,
            edits,
            zone: &zone,
        })
    };
    assert_eq!(plan(&entries, Edits::Leave), Plan::default());
    let put_back = Members::from([(Member::Outcome, "scheduled".to_owned())]);
    assert_eq!(plan(&entries, Edits::Restore).acts[0].act, Act::Restore(put_back));
    entries.get_mut(&key).unwrap().restored = 3;
    assert_eq!(plan(&entries, Edits::Restore).held[0].why, Why::Rewritten);
    entries.get_mut(&key).unwrap().state = EntryState::Deleted;
    assert_eq!(
        plan(&entries, Edits::Restore),
        Plan::default(),
        "deleted by a person: not made again"
    );
}

#[test]
fn the_window_makes_none_and_keeps_up_all() {
    let visit = read(&body(
        "2026-03-04T09:00:00+11:00",
        "2026-03-04T10:00:00+11:00",
        &[("1", "booked")],
    ));
    let rules = rules(&[]);
    let due = |now: &str| rules.wanted(&visit, false, &around(), now_at(now))[0].due;
    assert!(due("2026-03-01T00:00:00Z"));
    assert!(!due("2025-06-01T00:00:00Z"));
    assert!(!due("2026-06-01T00:00:00Z"));
    let far = now_at("2025-06-01T00:00:00Z");
    let at = rules.due_at(visit.start, far).unwrap();
    assert!(rules.covers(visit.start, at) && !rules.covers(visit.start, at - 1));
}
