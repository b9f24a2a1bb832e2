//! Linked people in a store, and accounts that have nothing new, for benchmarks.
#![allow(dead_code)]

use adapter_kit::{
    Adapter, AdapterError, Answer, AnswerStyle, Found, Guard, Outgoing, Page, PrepareStep, Probe, Read, Traits, Usage,
    Versions,
};
use bridge_core::codec::Country;
use bridge_core::mapping::{EntityFile, Mapping};
use bridge_core::{
    Accept, AcceptRule, Agreed, Class, Entity, Lane, Link, LinkUnit, Origin, Party, Schema, Time, Value, Values,
};
use bridge_engine::{Brakes, Settings, System};
use bridge_store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PERSON: &str = include_str!("../../../../mappings/entities/person.toml");
const MAPPINGS: [(&str, &str); 2] = [
    ("halaxy", include_str!("../../../../mappings/halaxy.toml")),
    ("hubspot", include_str!("../../../../mappings/hubspot.toml")),
];

/// An account that has nothing new and is never called.
struct Silent;

#[async_trait::async_trait]
impl Adapter for Silent {
    fn traits(&self, _kind: &str) -> Traits {
        Traits {
            guard: Guard::Read,
            answer: AnswerStyle::Written,
            versions: Versions::None,
            lag: Duration::ZERO,
            call_life: Duration::from_secs(60),
            read_batch: 100,
            update_batch: 100,
            create_batch: 100,
            guard_batch: 100,
            keeps_history: false,
            keeps_reference: true,
            create_is_idempotent: true,
            unique: vec![],
        }
    }
    async fn changes(&self, _kind: &str, _cursor: Option<&str>) -> Result<Page, AdapterError> {
        Ok(Page {
            records: vec![],
            cursor: String::new(),
            more: false,
            may_lag: false,
            started: 0,
        })
    }
    async fn listing(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.changes(kind, cursor).await
    }
    async fn read(&self, _kind: &str, ids: &[String]) -> Result<Vec<Read>, AdapterError> {
        Ok(ids.iter().map(|_| Read::Missing).collect())
    }
    async fn write(&self, _kind: &str, writes: Vec<Outgoing>) -> Vec<Answer> {
        writes.iter().map(|_| Answer::Gone).collect()
    }
    async fn find(&self, _kind: &str, _references: &[String]) -> Result<Vec<Found>, AdapterError> {
        Ok(vec![])
    }
    async fn probe(&self, _kinds: &[String]) -> Vec<Probe> {
        vec![]
    }
    async fn prepare(&self, _kind: &str, _apply: bool) -> Result<Vec<PrepareStep>, AdapterError> {
        Ok(vec![])
    }
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

fn values(i: usize) -> Values {
    let text = |s: String| Value::text(s);
    BTreeMap::from([
        (
            "official_name".to_string(),
            Value::group([("given", format!("Given{i}")), ("family", format!("Family{}", i % 997))]),
        ),
        ("preferred_name".to_string(), Value::Empty),
        (
            "birth_date".to_string(),
            text(format!("19{:02}-{:02}-{:02}", i % 90, i % 12 + 1, i % 28 + 1)),
        ),
        ("sex".to_string(), text("female".into())),
        ("mobile".to_string(), text(format!("+614{i:08}"))),
        ("phone".to_string(), Value::Empty),
        ("email".to_string(), text(format!("person{i}@example.org"))),
        (
            "home_address".to_string(),
            Value::group([
                ("line", format!("{i} Test Street")),
                ("city", "Sampleton".into()),
                ("state", "VIC".into()),
                ("postcode", "3000".into()),
            ]),
        ),
        ("deceased".to_string(), Value::Flag(false)),
        ("status".to_string(), text("current".into())),
        ("practice_location".to_string(), text("PG-100001".into())),
        ("halaxy_number".to_string(), text(format!("{}", 900_000 + i))),
    ])
}

pub fn linked(i: usize) -> Entity {
    let id = format!("entity-{i:09}");
    let values = values(i);
    let origin = Origin::System("halaxy".into());
    let agreed = values.iter().map(|(u, v)| {
        (
            u.clone(),
            Agreed {
                value: v.clone(),
                origin: origin.clone(),
                lo: 0,
                hi: 1,
            }
            .into(),
        )
    });
    let link = |system: &str, kind: &str| {
        let mut link = Link::new(system, kind, &format!("{}", 900_000 + i));
        link.entity = Some(id.clone());
        link.generation = 1;
        link.known_at = 1;
        for (unit, value) in &values {
            let mut x = LinkUnit::default();
            x.set_base(value.clone(), None);
            x.set_seen(value.clone());
            link.units.insert(unit.clone(), x.into());
        }
        (system.to_string(), link.into())
    };
    Entity {
        id: id.clone(),
        kind: "person".into(),
        agreed: agreed.collect(),
        links: BTreeMap::from([link("crm", "contacts"), link("halaxy", "Patient")]),
        ..Entity::default()
    }
}

pub fn settings() -> Settings {
    let entity = EntityFile::parse("person.toml", PERSON).unwrap();
    let country: Country = "AU".parse().unwrap();
    let mut parties = vec![];
    let mut systems = vec![];
    for (name, (file, text)) in ["halaxy", "crm"].into_iter().zip(MAPPINGS) {
        let mapping = Mapping::parse(file, text, &entity, country).unwrap();
        let home = name == "halaxy";
        let all = BTreeSet::from([
            Class::Identity,
            Class::Contact,
            Class::Clinical,
            Class::Appointment,
            Class::Financial,
        ]);
        let mut accepts = mapping.accepts(&entity, home);
        if home {
            accepts
                .values_mut()
                .for_each(|rule| *rule = AcceptRule::always(Accept::Yes));
        }
        parties.push(Party {
            system: name.into(),
            kind: mapping.kind.clone(),
            receives: mapping.receives(&entity, &all, home),
            accepts,
            create: None,
            reference: None,
            lag: 0,
            unique: BTreeSet::new(),
        });
        systems.push(System {
            name: name.into(),
            adapter: Arc::new(Silent),
            paths: mapping.paths(),
            mapping: Arc::new(mapping),
            poll_every: Duration::from_secs(60),
            reference: "halaxy_number".into(),
        });
    }
    parties.sort_by(|a, b| a.system.cmp(&b.system));
    systems.sort_by(|a, b| a.name.cmp(&b.name));
    let schema = Schema {
        entity: "person".into(),
        units: entity.units.iter().map(|u| u.unit.clone()).collect(),
        parties,
        swings: 4,
    };
    Settings {
        schema: Arc::new(schema),
        systems,
        home: "halaxy".into(),
        reference: "halaxy_number".into(),
        sweep_every: None,
        keep_losers: Duration::from_secs(86_400),
        brakes: Brakes::default(),
        digest: "bench".into(),
    }
}

/// Stores so many people, linked and agreed.
pub async fn fill(store: &Store, people: usize, now: Time) {
    for start in (0..people).step_by(1_000) {
        let batch: Vec<(Option<Entity>, Entity)> = (start..(start + 1_000).min(people))
            .map(|i| (None, linked(i)))
            .collect();
        let mut tx = store.begin().await.unwrap();
        for system in [("crm", "contacts"), ("halaxy", "Patient")] {
            let links: Vec<Link> = batch
                .iter()
                .map(|(_, e)| Link {
                    entity: None,
                    ..Link::clone(&e.links[system.0])
                })
                .collect();
            tx.touch_links(&links).await.unwrap();
        }
        let stale = tx.save_entities(&batch, Lane::Backfill, now).await.unwrap();
        assert!(stale.is_empty());
        tx.commit().await.unwrap();
    }
}

/// Stores that every mobile in Halaxy begins with `prefix` now; how long that took.
pub async fn change_all(store: &Store, people: usize, prefix: &str, now: Time) -> Duration {
    let mut stored = Duration::ZERO;
    for start in (0..people).step_by(1_000) {
        let ids: Vec<String> = (start..(start + 1_000).min(people))
            .map(|i| format!("{}", 900_000 + i))
            .collect();
        let begun = Instant::now();
        let mut tx = store.begin().await.unwrap();
        let links: Vec<Link> = tx
            .links("halaxy", "Patient", &ids)
            .await
            .unwrap()
            .into_iter()
            .map(|row| {
                let mut link = row.link;
                let changed = Value::text(format!("{prefix}{:0>8}", link.remote_id));
                link.units.get_mut("mobile").unwrap().set_seen(changed);
                link
            })
            .collect();
        tx.save_links(&links, Lane::Live, now).await.unwrap();
        tx.commit().await.unwrap();
        stored += begun.elapsed();
    }
    stored
}

/// Resident memory of a process (`self`, or its id), megabytes.
pub fn memory(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find(|l| l.starts_with("VmRSS:"))
        .unwrap_or_default()
        .to_string();
    line.split_whitespace()
        .nth(1)
        .and_then(|kb| kb.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
