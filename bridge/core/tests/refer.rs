//! Referrers as a CRM should hold them: who has a record, what it holds, and what is next about it.
#![allow(clippy::unwrap_used)]

use bridge_core::care::refer::{
    Act, Entry, EntryState, Field, Fields, Given, Known, Plan, Refused, Rules, Sort, Wanted, Why, adopted,
};
use bridge_core::codec::Country;
use jiff::civil::{Date, date};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

const DAY: i64 = 86_400_000_000;

fn rules() -> Rules {
    Rules {
        sorts: [Sort::Person, Sort::Practice].into(),
        all: false,
        counts: true,
        country: Country::AU,
    }
}

fn role(person: &str, place: &str, number: &str) -> Json {
    json!({"practitioner": {"reference": format!("Practitioner/{person}")},
        "organization": {"reference": format!("Organization/{place}")},
        "extension": [{"url": "https://x.example/practitioner-role-provider-number", "valueString": number}]})
}

fn referral(by: &str, from: &str) -> Json {
    json!({"requester": {"reference": format!("PractitionerRole/{by}")}, "subject": {"reference": "Patient/900001"},
        "comment": "ZQXREASONZQX", "period": {"start": from}})
}

/// One person at two practices, one who never referred, and the practice's own people.
fn known() -> Known {
    let mut known = Known::default();
    let person = json!({"name": [{"use": "official", "prefix": ["Dr"], "given": ["Rowan"], "family": "Ashgrove"}],
        "telecom": [{"system": "phone", "value": "03 5550 1000"}, {"system": "email", "value": "r@ashgrove.example"}]});
    known.take("Practitioner", "EP-1", &person, false);
    known.take("Practitioner", "EP-2", &json!({"name": [{"family": "Never"}]}), false);
    known.take("Practitioner", "PR-3", &json!({"name": [{"family": "Own"}]}), false);
    known.take("PractitionerRole", "EP-11", &role("EP-1", "SP-1", "0000 011a"), false);
    known.take("PractitionerRole", "EP-12", &role("EP-1", "SP-2", "0000012B"), false);
    known.take("PractitionerRole", "EP-21", &role("EP-2", "SP-2", ""), false);
    for (id, name) in [("SP-1", "Hill Medical"), ("SP-2", "Lake Clinic")] {
        let place =
            json!({"name": name, "address": [{"line": ["1 Example St"], "city": "Sampleton", "postalCode": "3000"}]});
        known.take("Organization", id, &place, false);
    }
    for (id, by, from) in [
        ("1", "EP-11", "2025-12-30"),
        ("2", "EP-11", "2026-01-05"),
        ("3", "EP-12", "2026-03-01"),
        ("4", "EP-12", "2026-03-30"),
        ("5", "PR-31", "2026-03-30"),
    ] {
        known.take("Referral", id, &referral(by, from), false);
    }
    known
}

fn by_id(all: &[Wanted]) -> BTreeMap<&str, &Wanted> {
    all.iter().map(|one| (one.id.as_str(), one)).collect()
}

fn counts(wanted: &Wanted) -> [&str; 3] {
    [Field::MonthReferrals, Field::YearReferrals, Field::LastReferral].map(|field| wanted.fields[&field].as_str())
}

const TODAY: Date = date(2026, 3, 31);

#[test]
fn one_record_for_each_who_refers_with_how_many_and_when_last() {
    let all = known().wanted(&rules(), TODAY);
    let all = by_id(&all);
    assert_eq!(
        all.keys().copied().collect::<Vec<_>>(),
        ["EP-1", "EP-2", "SP-1", "SP-2"]
    );
    let rowan = all["EP-1"];
    assert_eq!(counts(rowan), ["2", "3", "2026-03"]);
    assert_eq!(counts(all["SP-1"]), ["0", "1", "2026-01"]);
    assert_eq!(counts(all["SP-2"]), ["2", "2", "2026-03"]);
    // They refer from the practice of the newest referral; both numbers are theirs.
    assert_eq!(rowan.fields[&Field::Practice], "Lake Clinic");
    assert_eq!(rowan.fields[&Field::ProviderNumber], "0000012B");
    assert_eq!(rowan.numbers, BTreeSet::from(["0000011A".into(), "0000012B".into()]));
    assert_eq!(rowan.fields[&Field::Name], "Dr Rowan Ashgrove");
    assert_eq!(rowan.fields[&Field::Phone], "+61355501000");
    assert!(rowan.make && !all["EP-2"].make);
    // Nothing of a patient, nor of why.
    let text = format!("{all:?}");
    assert!(!text.contains("900001") && !text.contains("ZQX"), "{text}");

    let next_year = known().wanted(&rules(), date(2027, 1, 1));
    assert_eq!(counts(by_id(&next_year)["EP-1"]), ["0", "0", "2026-03"]);
    let quiet = Rules {
        counts: false,
        all: true,
        ..rules()
    };
    let all = known().wanted(&quiet, TODAY);
    assert!(
        all.iter()
            .all(|one| one.make && !one.fields.contains_key(&Field::MonthReferrals))
    );
}

#[test]
fn only_what_matters_counts_as_news() {
    let mut known = known();
    assert!(!known.take("Referral", "4", &referral("EP-12", "2026-03-30"), false));
    assert!(!known.take("Appointment", "4", &json!({}), false));
    assert!(known.take("Referral", "4", &referral("EP-12", "2026-03-30"), true));
    assert_eq!(
        counts(by_id(&known.wanted(&rules(), TODAY))["EP-1"]),
        ["1", "2", "2026-03"]
    );
    // Who works nowhere any more is not active, and gets no record.
    for id in ["EP-11", "EP-12"] {
        assert!(known.take("PractitionerRole", id, &role("EP-1", "SP-1", ""), true));
    }
    let all = known.wanted(&rules(), TODAY);
    let rowan = by_id(&all)["EP-1"];
    assert!(rowan.fields[&Field::Active] == "no" && !rowan.make);
}

fn places() -> BTreeMap<Sort, BTreeSet<Field>> {
    let fields: BTreeSet<Field> = Field::ALL.into_iter().map(|(field, _)| field).collect();
    Sort::ALL.into_iter().map(|sort| (sort, fields.clone())).collect()
}

fn plan(wanted: &[Wanted], entries: &BTreeMap<String, Entry>, now: i64) -> Plan {
    Plan::of(&Given {
        wanted,
        entries,
        places: &places(),
        now,
    })
}

/// Carries a plan out as if the CRM took everything.
fn done(plan: &Plan, entries: &mut BTreeMap<String, Entry>, now: i64) {
    for act in &plan.acts {
        let entry = entries
            .entry(act.key.clone())
            .or_insert_with(|| Entry::creating(&act.key, act.sort, &act.id, Fields::new(), now));
        entry.state = EntryState::Posted;
        entry.remote_id = Some(format!("crm-{}", act.id));
        entry.base.extend(act.fields.clone());
    }
}

#[test]
fn each_is_made_once_put_to_its_practice_and_changed_where_it_differs() {
    let (mut known, mut entries) = (known(), BTreeMap::new());
    let wanted = known.wanted(&rules(), TODAY);
    let first = plan(&wanted, &entries, 0);
    assert_eq!(first.acts.len(), 3);
    assert!(first.acts.iter().all(|act| act.act == Act::Create));
    done(&first, &mut entries, 0);
    let second = plan(&wanted, &entries, 0);
    let [act] = &second.acts[..] else { panic!("{second:?}") };
    let practice = Fields::from([(Field::PracticeRecord, "crm-SP-2".into())]);
    assert_eq!((act.id.as_str(), &act.fields), ("EP-1", &practice));
    done(&second, &mut entries, 0);
    assert_eq!(plan(&wanted, &entries, 0), Plan::default());

    known.take("Organization", "SP-2", &json!({"name": "Lake Clinic Group"}), false);
    let wanted = known.wanted(&rules(), TODAY);
    let third = plan(&wanted, &entries, 0);
    let names: Vec<_> = third
        .acts
        .iter()
        .map(|act| (&*act.id, act.fields.keys().next().copied()))
        .collect();
    assert_eq!(names, [("SP-2", Some(Field::Name)), ("EP-1", Some(Field::Street))]);
    // While an answer is open nothing is planned about it, and what is deleted there is not made again.
    for entry in entries.values_mut() {
        entry.outgoing = Some(Fields::new());
    }
    assert_eq!(plan(&wanted, &entries, 0).acts, []);
    for entry in entries.values_mut() {
        (entry.outgoing, entry.state) = (None, EntryState::Deleted);
    }
    let last = plan(&wanted, &entries, 0);
    assert!(
        last.acts.is_empty() && last.held.iter().all(|held| held.why == Why::Deleted),
        "{last:?}"
    );
}

#[test]
fn whoever_moved_is_taken_from_the_old_practice_and_put_to_the_new_one() {
    let (mut known, mut entries) = (known(), BTreeMap::new());
    for _ in 0..2 {
        let plan = plan(&known.wanted(&rules(), TODAY), &entries, 0);
        done(&plan, &mut entries, 0);
    }
    let rowan = "halaxy-referrer-EP-1";
    let (old, new) = ("crm-SP-2".to_string(), "crm-SP-1".to_string());
    entries.get_mut(rowan).unwrap().stands.insert(old.clone());
    known.take("PractitionerRole", "EP-12", &role("EP-1", "SP-1", "0000012B"), false);
    let wanted = known.wanted(&rules(), TODAY);
    let of_rowan = |entries: &BTreeMap<String, Entry>| {
        let plan = plan(&wanted, entries, 0);
        plan.acts.into_iter().find(|act| act.key == rowan).unwrap()
    };
    // As long as the new practice has no record there, they stay where they are.
    let practice = entries.remove("halaxy-referrer-SP-1").unwrap();
    assert_eq!(of_rowan(&entries).act, Act::Change);
    entries.insert(practice.key.clone(), practice);
    assert_eq!(of_rowan(&entries).act, Act::Leave(old.clone()));
    // A call that nobody saw answered is open, and made again when it cannot land any more.
    let entry = entries.get_mut(rowan).unwrap();
    (entry.leaving, entry.base) = (Some(old.clone()), Fields::new());
    assert!(entry.is_open() && plan(&wanted, &entries, 0).acts.iter().all(|act| act.key != rowan));
    let entry = entries.get_mut(rowan).unwrap();
    *entry = entry.clone().doubted();
    assert_eq!(of_rowan(&entries).act, Act::Leave(old.clone()));
    entries.get_mut(rowan).unwrap().stands.remove(&old);
    let put = of_rowan(&entries);
    assert_eq!(
        (put.act, put.fields.get(&Field::PracticeRecord)),
        (Act::Change, Some(&new))
    );
}

#[test]
fn a_change_nobody_answered_is_written_again_and_nothing_else() {
    let (known, mut entries) = (known(), BTreeMap::new());
    let wanted = known.wanted(&rules(), TODAY);
    for _ in 0..2 {
        let plan = plan(&wanted, &entries, 0);
        done(&plan, &mut entries, 0);
    }
    let entry = entries.get_mut("halaxy-referrer-SP-1").unwrap();
    entry.outgoing = Some(Fields::from([(Field::Name, "Hill Medical".into())]));
    *entry = entry.clone().doubted();
    let plan = plan(&wanted, &entries, 0);
    assert_eq!(plan.acts.len(), 1);
    assert_eq!(plan.acts[0].fields.keys().collect::<Vec<_>>(), [&Field::Name]);
}

#[test]
fn what_was_refused_waits_for_another_day_or_another_value() {
    let (mut known, mut entries) = (known(), BTreeMap::new());
    let wanted = known.wanted(&rules(), TODAY);
    let first = plan(&wanted, &entries, 0);
    let act = first.acts.iter().find(|act| act.id == "SP-1").unwrap();
    let mut entry = Entry::creating(&act.key, act.sort, &act.id, Fields::new(), 0);
    entry.state = EntryState::Unmade;
    entry.refused = Some(Refused {
        fields: act.whole.clone(),
        code: "INVALID".into(),
    });
    entries.insert(act.key.clone(), entry);
    let is_held = |plan: &Plan| plan.held.iter().any(|held| held.why == Why::Refused("INVALID".into()));
    assert!(is_held(&plan(&wanted, &entries, DAY - 1)));
    assert!(!is_held(&plan(&wanted, &entries, DAY)));
    known.take("Organization", "SP-1", &json!({"name": "Hill"}), false);
    assert!(!is_held(&plan(&known.wanted(&rules(), TODAY), &entries, 1)));
    // No name, and what may go nowhere.
    known.take("Organization", "SP-1", &json!({"address": [{"city": "X"}]}), false);
    known.take(
        "Organization",
        "SP-2",
        &json!({"name": "IHI 8003 6088 3335 7361"}),
        false,
    );
    let plan = plan(&known.wanted(&rules(), TODAY), &BTreeMap::new(), 0);
    let why: Vec<_> = plan.held.iter().map(|held| (&*held.id, held.why.clone())).collect();
    let denied = |field| Why::Denied(field);
    assert_eq!(
        why,
        [
            ("SP-1", Why::NoName),
            ("SP-2", denied(Field::Name)),
            ("EP-1", denied(Field::Practice))
        ]
    );
}

#[test]
fn a_record_that_was_there_keeps_what_it_says_and_gets_what_is_blank_or_ours() {
    let fields = |all: &[(Field, &str)]| all.iter().map(|(f, t)| (*f, (*t).to_string())).collect::<Fields>();
    let wanted = fields(&[
        (Field::Key, "halaxy-referrer-EP-1"),
        (Field::Phone, "+61355501000"),
        (Field::Email, "r@ashgrove.example"),
        (Field::Title, ""),
        (Field::MonthReferrals, "2"),
    ]);
    let shown = fields(&[
        (Field::Phone, "0400 000 000"),
        (Field::Email, ""),
        (Field::MonthReferrals, "9"),
    ]);
    let base = adopted(&wanted, &shown);
    assert_eq!(base, fields(&[(Field::Phone, "+61355501000"), (Field::Title, "")]));
}
