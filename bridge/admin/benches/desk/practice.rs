//! A large practice in a store: linked people with names as they occur, everything that can wait, and a long history.

use crate::people;
use bridge_core::{Agreed, Card, CardKind, Conflict, Entity, Hold, Lane, Origin, Value};
use bridge_engine::lookup;
use bridge_store::{AuditEntry, Candidate, DecisionRow, Item, LookupKey, RecordKey, Sample, Store};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// When everything is looked at.
pub const NOW: i64 = 1_800_000_000_000_000;
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1_440 * MINUTE;
/// People saved at once.
const BATCH: usize = 10_000;
/// Lines of the history of the one person with many.
pub const LONG: usize = 5_000;
/// Some names are borne by many, most by few.
const SOUNDS: [&str; 24] = [
    "ma", "jo", "sa", "li", "an", "el", "be", "ka", "ro", "mi", "no", "ta", "vi", "so", "da", "le", "ra", "ne", "chi",
    "wil", "smi", "bro", "ngu", "tay",
];
/// Units that are in question.
const UNITS: [&str; 8] = [
    "mobile",
    "email",
    "home_address",
    "preferred_name",
    "sex",
    "birth_date",
    "phone",
    "status",
];

/// Sounds of falling frequency: the first are in a tenth of all names.
fn sound(n: usize, salt: usize) -> &'static str {
    let dice = n.wrapping_mul(2_654_435_761).wrapping_add(salt * 40_503) >> 7;
    let (one, other) = (dice % SOUNDS.len(), (dice / 31) % SOUNDS.len());
    SOUNDS[one.min(other)]
}

/// What somebody is called.
pub fn given(n: usize) -> String {
    format!("{}{}{}", sound(n, 1), sound(n, 2), sound(n, 3))
}

/// The family's name.
pub fn family(n: usize) -> String {
    format!("{}{}{}", sound(n, 4), sound(n, 5), sound(n / 3, 6))
}

/// The mailbox: one in three hundred gives the one of the front desk.
pub fn email(n: usize) -> String {
    match n % 300 {
        7 => "reception@example.org".into(),
        _ => format!("person{n}@example.org"),
    }
}

/// What waits about a person, if anything does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Nothing,
    Conflict,
    Card,
    Hold,
}

/// Of ten that wait, seven are values that differ, one is a card, one is held, and one is a pair of records.
fn waits(n: usize, open: usize) -> Waits {
    match (n < open, n % 10) {
        (false, _) => Waits::Nothing,
        (true, 0..=6) => Waits::Conflict,
        (true, 7) => Waits::Card,
        (true, 8) => Waits::Hold,
        (true, _) => Waits::Nothing,
    }
}

/// Since when something waits: over a month, in no order.
fn since(n: usize) -> i64 {
    NOW - (n.wrapping_mul(7_919) % 43_200) as i64 * MINUTE
}

fn seen(entity: &mut Entity, system: &str, unit: &str, value: Value) {
    let link = entity.links.get_mut(system).unwrap();
    link.units.entry(unit.into()).or_default().set_seen(value);
}

/// Somebody with two records, and with what waits.
pub fn person(n: usize, open: usize) -> Entity {
    let mut entity = people::linked(n);
    let name = Value::group([("given", given(n)), ("family", family(n))]);
    for (unit, value) in [("official_name", name), ("email", Value::text(email(n)))] {
        for system in ["crm", "halaxy"] {
            let link = entity.links.get_mut(system).unwrap();
            let held = link.units.entry(unit.into()).or_default();
            held.set_base(value.clone(), None);
            held.set_seen(value.clone());
        }
        let agreed = Agreed {
            value,
            origin: Origin::System("halaxy".into()),
            lo: 0,
            hi: 1,
        };
        entity.agreed.insert(unit.into(), agreed.into());
    }
    match waits(n, open) {
        Waits::Conflict => {
            let unit = UNITS[(n / 10) % UNITS.len()];
            let value = |text: &str| match unit {
                "home_address" => Value::group([("line", format!("{n} {text} Street")), ("city", "Sampleton".into())]),
                "birth_date" => Value::text(format!("19{}0-01-31", if text == "crm" { 7 } else { 8 })),
                _ => Value::text(format!("{text} {n}")),
            };
            let values = ["crm", "halaxy"].map(|system| (system.to_string(), value(system)));
            for (system, value) in &values {
                seen(&mut entity, system, unit, value.clone());
            }
            let conflict = Conflict {
                values: BTreeMap::from(values),
                since: since(n),
                why: "both changed".into(),
            };
            entity.conflicts.insert(unit.into(), conflict);
        }
        Waits::Card => entity.cards.push(Card {
            kind: [
                CardKind::LooksWrong,
                CardKind::RemovedButChanged,
                CardKind::MayHaveOverwritten,
            ][n / 10 % 3],
            system: "crm".into(),
            units: BTreeSet::from(["mobile".to_string()]),
            since: since(n),
        }),
        Waits::Hold => entity.links.get_mut("crm").unwrap().held = Some(Hold::Refused("E-17".into())),
        Waits::Nothing => {}
    }
    entity
}

fn line(at: i64, entity: &str, system: &str, event: &str) -> AuditEntry {
    AuditEntry {
        at,
        entity: Some(entity.into()),
        system: Some(system.into()),
        remote_id: Some("900000".into()),
        event: event.into(),
        units: vec!["mobile".into()],
        reason: match event {
            "linked" => "same name and birth date".into(),
            "viewed" => "a person's page was shown, to Dana Fox".into(),
            _ => String::new(),
        },
        body: (event == "sent").then(|| {
            let values = |text: &str| json!({ "mobile": { "text": text } });
            json!({ "sent": values("+61491570006"), "before": values("+61491570156") })
        }),
        ..AuditEntry::default()
    }
}

/// Stores so many people, of whom `open` things wait for a person. Everything in a few large transactions.
pub async fn fill(store: &Store, people: usize, open: usize) {
    for first in (0..people).step_by(BATCH) {
        let batch = first..(first + BATCH).min(people);
        let pairs: Vec<(Option<Entity>, Entity)> = batch.clone().map(|n| (None, person(n, open))).collect();
        let links = || pairs.iter().flat_map(|(_, entity)| entity.links.values());
        let keys: Vec<(RecordKey, Vec<LookupKey>)> = links()
            .map(|link| (RecordKey::from(link), lookup::keys(link)))
            .collect();
        let names: Vec<_> = links()
            .map(|link| (RecordKey::from(link), lookup::names(link)))
            .collect();
        let mut lines = vec![];
        for n in batch {
            let (id, at) = (format!("entity-{n:09}"), NOW - 60 * DAY + n as i64 * 2_500_000);
            lines.push(line(at, &id, "crm", "linked"));
            if n % 2 == 0 {
                lines.extend([line(at, &id, "crm", "sent"), line(at, &id, "crm", "applied")]);
            }
            if n % 50 == 0 {
                lines.push(line(at, &id, "crm", "viewed"));
            }
        }
        let mut tx = store.begin().await.unwrap();
        assert!(tx.save_entities(&pairs, Lane::Backfill, NOW).await.unwrap().is_empty());
        tx.set_keys(&keys).await.unwrap();
        tx.set_name_parts(&names).await.unwrap();
        tx.append_audit(&lines).await.unwrap();
        tx.commit().await.unwrap();
    }
    strangers(store, people, open).await;
    let mut tx = store.begin().await.unwrap();
    tx.index_names(1).await.unwrap();
    while !tx.file_holds(10_000, NOW).await.unwrap() {}
    tx.commit().await.unwrap();
    history(store).await;
    besides(store, open).await;
}

/// Contacts of nobody yet, each of whom may be somebody.
async fn strangers(store: &Store, people: usize, open: usize) {
    let (mut pairs, mut candidates) = (vec![], vec![]);
    for n in (9..open).step_by(10) {
        let mut alone = people::linked(people + n);
        alone.links.remove("halaxy");
        alone.agreed.clear();
        alone.candidate = true;
        let record = |system: &str, kind: &str, n: usize| RecordKey::new(system, kind, format!("{}", 900_000 + n));
        candidates.push(Candidate::new(
            record("halaxy", "Patient", n),
            record("crm", "contacts", people + n),
            871,
            vec!["same name".into(), "birth date is missing".into()],
            since(n),
        ));
        pairs.push((None, alone));
    }
    let mut tx = store.begin().await.unwrap();
    assert!(tx.save_entities(&pairs, Lane::Backfill, NOW).await.unwrap().is_empty());
    tx.add_candidates(&candidates).await.unwrap();
    tx.commit().await.unwrap();
}

/// The one with thousands of lines, and what people decided.
async fn history(store: &Store) {
    let mut lines = vec![];
    for n in 0..LONG / 2 {
        let at = NOW - 30 * DAY + n as i64 * MINUTE;
        lines.extend([
            line(at, "entity-000000001", "crm", "sent"),
            line(at, "entity-000000001", "crm", "applied"),
        ]);
    }
    let decision = |n: usize| DecisionRow {
        id: format!("decision-{n:06}"),
        at: NOW - DAY + n as i64 * 1_000_000,
        who: "Dana Fox".into(),
        sort: "value".into(),
        entity: Some(if n.is_multiple_of(4) {
            "entity-000000001".into()
        } else {
            format!("entity-{n:09}")
        }),
        unit: Some("mobile".into()),
        item: format!("was-{n}"),
        group: None,
        undone: None,
        details: json!({ "choice": { "take": "crm" }, "why": "both changed" }),
        before: None,
    };
    let decisions: Vec<DecisionRow> = (0..4_000).map(decision).collect();
    for row in &decisions {
        let entity = row.entity.clone().unwrap_or_default();
        lines.push(AuditEntry {
            at: row.at,
            system: None,
            remote_id: None,
            reason: "by Dana Fox".into(),
            ..line(row.at, &entity, "crm", "decided")
        });
    }
    let mut tx = store.begin().await.unwrap();
    tx.append_audit(&lines).await.unwrap();
    tx.put_decisions(&decisions).await.unwrap();
    tx.commit().await.unwrap();
}

/// Runs, samples of two days, invoices, tasks, and items that are somebody's or asleep.
async fn besides(store: &Store, open: usize) {
    let mut tx = store.begin().await.unwrap();
    for n in 0..400 {
        let (id, at) = (format!("run-{n:04}"), NOW - 60 * DAY + n * DAY / 8);
        tx.start_run(&id, "backfill", at).await.unwrap();
        let counts = json!({ "created": { "crm": 1_203 }, "updated": { "crm": 17 } });
        tx.end_run(&id, at + DAY / 10, &counts).await.unwrap();
    }
    for minute in 0..2_880 {
        let names = [
            "lag",
            "left",
            "waiting",
            "age/crm",
            "age/halaxy",
            "calls/crm",
            "calls/halaxy",
        ];
        let sample = |name: &str| Sample {
            name: name.into(),
            value: minute % 97,
            adds: false,
        };
        tx.put_samples(&names.map(sample), NOW - minute * MINUTE).await.unwrap();
    }
    let invoice = |n: usize| {
        let fact = json!({ "invoice": { "payer": { "patient": format!("{}", 900_000 + n) } } });
        (format!("INV-{n:06}"), fact.to_string())
    };
    let invoices: Vec<(String, String)> = (0..20_000).map(invoice).collect();
    tx.put_ledger("fact/Invoice", &invoices).await.unwrap();
    let task = |n: usize| Item {
        id: format!("task{n:04}"),
        topic: "task/other".into(),
        systems: vec!["books".into()],
        entity: None,
        since: since(n),
        assigned: None,
        snoozed: 0,
    };
    tx.file_items("task/other", &(0..open / 100).map(task).collect::<Vec<_>>())
        .await
        .unwrap();
    for n in (0..open).filter(|n| waits(*n, open) == Waits::Conflict && n % 5 == 0) {
        let unit = UNITS[(n / 10) % UNITS.len()];
        let id = bridge_store::conflict_id(&format!("entity-{n:09}"), unit);
        match n % 50 {
            0 => tx.snooze_item(&id, NOW + DAY).await.unwrap(),
            5 => tx.assign_item(&id, Some("Reviewer 1")).await.unwrap(),
            _ => tx.assign_item(&id, Some("Dana Fox")).await.unwrap(),
        };
    }
    tx.commit().await.unwrap();
}
