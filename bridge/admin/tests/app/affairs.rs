//! Appointments, balances and everything else that a reviewer decides by, as pages show them; to whom, and what is noted.

use crate::person::lived_in;
use crate::support::{Browser, House, NOW, Page};
use adapter_halaxy::{HalaxyMirror, MoneyReader};
use bridge_admin::access::role::Role;
use bridge_core::ledger::Currency;
use bridge_core::{Author, Lane, Value};
use bridge_engine::affairs::{AffairsReader, AffairsSettings, Invoices};
use bridge_store::{AuditEntry, Mirrored, RecordKey, mirrored_part};
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What nobody but those who see values may be shown of it.
const TOLD: [&str; 4] = ["Ada Reed", "Sampleton Clinic, with", "$1,120.55", "600001"];
const PERSON: &str = "/person/0198-person-53";

fn reference(kind: &str, id: &str) -> Json {
    json!({ "reference": format!("{kind}/{id}") })
}

fn rows() -> Vec<Mirrored> {
    let row = |kind: &str, id: &str, body: Json| Mirrored {
        kind: kind.into(),
        id: id.into(),
        seq: 0,
        seen: NOW,
        gone: false,
        body,
    };
    let appointment = |start: &str, end: &str, patient: &str| {
        json!({ "start": start, "end": end, "description": "Quillfeather therapy",
            "participant": [{ "actor": reference("Patient", patient) }, { "actor": reference("PractitionerRole", "PR-7") }] })
    };
    let invoice = |id: &str, date: &str, balance: f64| {
        let money = |value: f64| json!({ "value": value, "currency": "AUD" });
        json!({ "resourceType": "Invoice", "id": id, "date": date, "recipient": reference("Patient", "p0053"),
            "totalNet": money(2_000.0), "totalTax": money(0.0), "totalGross": money(2_000.0), "totalPaid": money(0.0),
            "totalBalance": money(balance) })
    };
    vec![
        row(
            "Appointment",
            "1",
            appointment("2026-11-21T09:00:00+11:00", "2026-11-21T09:30:00+11:00", "p0053"),
        ),
        row(
            "Appointment",
            "2",
            appointment("2026-10-05T16:00:00+11:00", "2026-10-05T16:30:00+11:00", "p0053"),
        ),
        row(
            "Appointment",
            "3",
            appointment("2026-12-24T08:00:00+11:00", "2026-12-24T08:30:00+11:00", "p0058"),
        ),
        row(
            "PractitionerRole",
            "PR-7",
            json!({ "practitioner": reference("Practitioner", "PR-1"), "organization": reference("Organization", "CL-1") }),
        ),
        row(
            "Practitioner",
            "PR-1",
            json!({ "name": [{ "given": ["Ada"], "family": "Reed" }] }),
        ),
        row("Organization", "CL-1", json!({ "name": "Sampleton Clinic" })),
        row("Invoice", "600001", invoice("600001", "2026-03-04", 120.5)),
        row("Invoice", "600007", invoice("600007", "2026-09-01", 1_000.05)),
    ]
}

/// Halaxy's records are mirrored, every one of them read and in the index.
async fn follow(house: &House) {
    let store = &house.store;
    let mut tx = store.begin().await.unwrap();
    let rows = rows();
    tx.put_mirrored("halaxy", &rows).await.unwrap();
    for kind in ["Appointment", "Invoice"] {
        let of_kind = rows.iter().filter(|row| row.kind == kind);
        let about = |row: &Mirrored| {
            let people = adapter_kit::mirror::MirrorRules::people(&HalaxyMirror, kind, &row.body);
            let keys = people.into_iter().map(|id| RecordKey::new("halaxy", "Patient", id));
            (row.id.clone(), keys.collect::<Vec<_>>())
        };
        let part = mirrored_part("halaxy", kind);
        tx.set_concerns(&part, &of_kind.map(about).collect::<Vec<_>>())
            .await
            .unwrap();
        tx.concerns_taken(&part, None).await.unwrap();
        let position = json!({ "cursor": null, "complete": true }).to_string();
        tx.set_cursor("halaxy", kind, "mirror/1", &position, NOW - 120_000_000)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let zone = TimeZone::get("Australia/Melbourne").unwrap();
    let settings = AffairsSettings {
        system: "halaxy".into(),
        kind: "Patient".into(),
        rules: Arc::new(HalaxyMirror),
        reader: Arc::new(MoneyReader::new(zone.clone(), Currency::AUD)),
        zone,
        statuses: BTreeMap::new(),
        appointments: true,
        invoices: Some(Invoices::Mirror),
    };
    let desk = crate::office::desk(store, Arc::clone(&house.clock) as Arc<_>);
    let desk = desk.knowing(AffairsReader::new(store.clone(), settings));
    house.app.open(store.clone(), Some(desk));
}

async fn item_of(house: &House, entity: &str) -> String {
    let items = house.store.items_of(entity).await.unwrap();
    format!("/inbox/{}", items[0].id)
}

/// A page's words, one space between.
fn words(page: &Page) -> String {
    let main = page.text.split("<main").nth(1).unwrap();
    let mut text = String::new();
    let mut inside = true;
    for c in main.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.replace("&#x27;", "'")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

async fn noted(house: &House, entity: &str) -> Vec<AuditEntry> {
    let lines = house.store.audit(entity).await.unwrap();
    lines.into_iter().filter(|line| line.event == "viewed").collect()
}

#[tokio::test]
async fn appointments_and_balance_stand_on_card_and_page_for_those_who_may_and_are_noted() {
    let (house, mut browsers) = House::full().await;
    follow(&house).await;
    let item = item_of(&house, "0198-person-53").await;
    let page = browsers.get_mut(&Role::Reviewer).unwrap().get(&item).await;
    let card = words(&page);
    for told in [
        "Next appointment Saturday 21 November 2026, 09:00, at Sampleton Clinic, with Ada Reed (in 2 days)",
        "Last appointment Monday 5 October 2026, 16:00, at Sampleton Clinic, with Ada Reed (44 days ago)",
        "Owes $1,120.55 on 2 open invoices (600001, 600007), the oldest of 4 March 2026",
        "As Halaxy showed it 18 Nov 2026, 22:04, 2 minutes ago.",
    ] {
        assert!(card.contains(told), "{told} in {card}");
    }
    let lines = noted(&house, "0198-person-53").await;
    let units = &lines.last().unwrap().units;
    assert!(
        units.contains(&"appointments".into()) && units.contains(&"open_balance".into()),
        "{units:?}"
    );
    let page = browsers.get_mut(&Role::Auditor).unwrap().get(PERSON).await;
    let person = words(&page);
    assert!(TOLD.iter().all(|told| person.contains(told)), "{person}");
    assert!(
        !page.text.contains("Quillfeather") && !card.contains("Quillfeather"),
        "nothing of what is treated"
    );
    assert!(
        noted(&house, "0198-person-53")
            .await
            .last()
            .unwrap()
            .units
            .contains(&"open_balance".into())
    );
    let count = noted(&house, "0198-person-53").await.len();
    for role in [Role::Operator, Role::Bookkeeper] {
        let page = browsers.get_mut(&role).unwrap().get(PERSON).await;
        assert_eq!(page.status, 200);
        assert!(!TOLD.iter().any(|told| page.text.contains(told)), "{role:?}");
        assert!(
            !page.text.contains("appointment ") && !page.text.contains("Owes"),
            "{role:?}"
        );
        assert_eq!(browsers.get_mut(&role).unwrap().get(&item).await.status, 403);
    }
    assert_eq!(noted(&house, "0198-person-53").await.len(), count);
}

#[tokio::test]
async fn two_people_of_a_pair_are_told_apart_by_what_stands_with_them() {
    let (house, mut browsers) = House::full().await;
    follow(&house).await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    let list = reviewer.get("/inbox?kind=match").await;
    let item = list
        .text
        .split("href=\"/inbox/")
        .nth(1)
        .unwrap()
        .split(['"', '?'])
        .next()
        .unwrap();
    let page = reviewer.get(&format!("/inbox/{item}")).await;
    let pair = words(&page);
    for told in [
        "Next appointment Thursday 24 December 2026, 08:00, at Sampleton Clinic, with Ada Reed (in 35 days) no patient in Halaxy",
        "Last appointment none so far no patient in Halaxy",
        "Owes nothing no patient in Halaxy",
    ] {
        assert!(pair.contains(told), "{told} in {pair}");
    }
    assert!(
        noted(&house, "0198-person-58")
            .await
            .last()
            .unwrap()
            .units
            .contains(&"appointments".into())
    );
    let stranger = noted(&house, "0198-stranger").await;
    assert!(!stranger.last().unwrap().units.contains(&"appointments".into()));
}

#[tokio::test]
async fn where_nothing_is_followed_the_page_says_so_and_falls_back_on_months() {
    let (house, mut browsers) = House::full().await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    let page = words(&reviewer.get(PERSON).await);
    for told in [
        "Next appointment not known: Halaxy’s appointments are not followed here",
        "Owes not known: Halaxy’s invoices are not followed here",
    ] {
        assert!(page.contains(told), "{told} in {page}");
    }
    let mut tx = house.store.begin().await.unwrap();
    let months = json!({ "last": "2026-10", "next": "2026-12" }).to_string();
    tx.put_ledger("diary/visits", &[("Patient/p0053".into(), months)])
        .await
        .unwrap();
    tx.put_meta("diary_visits", "1").await.unwrap();
    tx.commit().await.unwrap();
    let item = item_of(&house, "0198-person-53").await;
    for path in [PERSON.to_string(), item] {
        let page = words(&reviewer.get(&path).await);
        assert!(
            page.contains("Next appointment in December 2026; the day is not known here"),
            "{page}"
        );
        assert!(
            page.contains("Last appointment in October 2026; the day is not known here"),
            "{page}"
        );
    }
    assert!(
        noted(&house, "0198-person-53")
            .await
            .last()
            .unwrap()
            .units
            .contains(&"appointments".into())
    );
}

/// A card where the product spells a number its own way, somebody typed, and a sibling has the same number.
async fn told_of(house: &House, browser: &mut Browser) -> Page {
    let before = house
        .store
        .entities(&["0198-person-53".into()])
        .await
        .unwrap()
        .remove(0);
    let mut after = before.clone();
    let link = after.links.get_mut("halaxy").unwrap();
    let mobile = link.units.get_mut("mobile").unwrap();
    (mobile.author, mobile.lo, mobile.hi) = (Author::Person, NOW - 3_600_000_000, NOW - 60_000_000);
    let link = after.links.get_mut("crm").unwrap();
    let email = link.units.get_mut("email").unwrap();
    email.set_base(
        Value::text("a@samplewood.example"),
        Some(Value::text("A@Samplewood.example")),
    );
    let mut tx = house.store.begin().await.unwrap();
    tx.save_entities(&[(Some(before), after)], Lane::Live, NOW)
        .await
        .unwrap();
    let people = house
        .store
        .entities(&["0198-person-53".into(), "0198-person-58".into()])
        .await
        .unwrap();
    let links = people.iter().flat_map(|person| person.links.values());
    let keys: Vec<_> = links
        .map(|link| (RecordKey::from(&**link), bridge_engine::lookup::keys(link)))
        .collect();
    tx.set_keys(&keys).await.unwrap();
    let line = |event: &str, units: &[&str], reason: &str| AuditEntry {
        at: NOW - 7_000_000,
        entity: Some("0198-person-53".into()),
        system: Some("crm".into()),
        remote_id: Some("c0053".into()),
        event: event.into(),
        units: units.iter().map(|unit| unit.to_string()).collect(),
        reason: reason.into(),
        ..AuditEntry::default()
    };
    let both = ["halaxy_number", "mobile"];
    tx.append_audit(&[
        line("adopted", &both, "first link: halaxy"),
        line("sent", &both, "halaxy_number: from halaxy; mobile: from halaxy"),
        line("applied", &both, ""),
    ])
    .await
    .unwrap();
    tx.commit().await.unwrap();
    browser.get(&item_of(house, "0198-person-53").await).await
}

#[tokio::test]
async fn a_card_has_everything_that_a_reviewer_decides_by_in_plain_words() {
    let (house, mut browsers) = lived_in().await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    let page = told_of(&house, reviewer).await;
    let card = words(&page);
    // Where two numbers differ, to the character.
    for marked in ["+61491570<mark>00</mark>6", "+61491570<mark>15</mark>6"] {
        assert!(page.text.contains(marked), "{marked}");
    }
    for told in [
        "that is 0491 570 006",
        "that is 0491 570 156",
        "changed between 18 Nov 2026, 21:06 and 18 Nov 2026, 22:05",
        "by: a person",
        "by: it does not say",
        "Last agreed not there",
        "Others with the same e-mail or phone Mirrim Samplewood",
        "same phone number",
        "Halaxy number, Mobile taken: Halaxy is believed where two records meet for the first time.",
        "Sent to CRM (c0053): Halaxy number, Mobile, from Halaxy.",
        "CRM took it (c0053): Halaxy number, Mobile.",
    ] {
        assert!(card.contains(told), "{told} in {card}");
    }
    for page in [PERSON, "/activity?of=all", "/inbox", "/decisions"] {
        let role = if page.starts_with("/activity") {
            Role::Auditor
        } else {
            Role::Reviewer
        };
        let shown = words(&browsers.get_mut(&role).unwrap().get(page).await);
        for key in [
            "halaxy_number",
            "official_name",
            "birth_date",
            "Halaxy_number",
            "(crm:",
            " crm ",
            "first link",
        ] {
            assert!(!shown.contains(key), "{key} on {page}: {shown}");
        }
    }
    let export = browsers
        .get_mut(&Role::Auditor)
        .unwrap()
        .get("/activity/export?of=all")
        .await
        .text;
    assert!(
        export.starts_with("at,event,entity,system,record,units,reason,concerns,details\r\n"),
        "{export}"
    );
    assert!(
        export.contains(
            "\"halaxy_number mobile\",\"halaxy_number: from halaxy; mobile: from halaxy\",\"Halaxy number, Mobile\""
        ),
        "{export}"
    );
}

#[tokio::test]
async fn a_spelling_is_shown_only_of_the_value_that_it_spells() {
    let (house, mut browsers) = lived_in().await;
    let reviewer = browsers.get_mut(&Role::Reviewer).unwrap();
    let spelt = async |seen: &str, base: &str, reviewer: &mut Browser| {
        let before = house
            .store
            .entities(&["0198-person-53".into()])
            .await
            .unwrap()
            .remove(0);
        let mut after = before.clone();
        let mobile = after.links.get_mut("crm").unwrap();
        let mobile = mobile.units.get_mut("mobile").unwrap();
        mobile.set_base(Value::text(base), Some(Value::text("(0491) 570-156")));
        mobile.set_seen(Value::text(seen));
        let mut tx = house.store.begin().await.unwrap();
        tx.save_entities(&[(Some(before), after)], Lane::Live, NOW)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let item = item_of(&house, "0198-person-53").await;
        words(&reviewer.get(&item).await).contains("written there: (0491) 570-156")
    };
    assert!(spelt("+61491570156", "+61491570156", reviewer).await);
    assert!(!spelt("+61491570157", "+61491570156", reviewer).await);
}
