//! Reconcile of many changed records: from stored observations to committed writes, with sealing
//! and audit on, SQLite on disk. Prints figures, judges none.
//!
//! `cargo bench -p bridge-engine --bench reconcile [-- PEOPLE]` (100,000 by default)
#![allow(clippy::unwrap_used)]

use adapter_kit::{
    Adapter, AdapterError, Answer, AnswerStyle, Clock, Found, Guard, Outgoing, Page, PrepareStep, Probe, Read,
    SystemClock, Traits, Usage, Versions,
};
use bridge_core::codec::Country;
use bridge_core::mapping::{EntityFile, Mapping};
use bridge_core::{
    Accept, AcceptRule, Agreed, Class, Entity, Lane, Link, LinkUnit, Origin, Party, Schema, Value, Values,
};
use bridge_engine::{Brakes, Engine, RandomIds, Settings, System};
use bridge_queue::Embedded;
use bridge_store::{Key, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As in the program.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PERSON: &str = include_str!("../../../mappings/entities/person.toml");
const MAPPINGS: [(&str, &str); 2] = [
    ("halaxy", include_str!("../../../mappings/halaxy.toml")),
    ("hubspot", include_str!("../../../mappings/hubspot.toml")),
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

fn linked(i: usize) -> Entity {
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

fn settings() -> Settings {
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

/// Stores a record that no entity has yet.
async fn newcomer(engine: &Engine, i: usize, now: i64) {
    let mut link = Link::clone(&linked(i).links["crm"]);
    link.entity = None;
    link.known_at = now;
    let mut tx = engine.store().begin().await.unwrap();
    tx.touch_links(&[link]).await.unwrap();
    tx.commit().await.unwrap();
}

/// Resident memory of this process, megabytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
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

/// CPU time of this process so far, milliseconds.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // after the name in brackets: utime and stime, in hundredths of a second on Linux
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = |field: usize| {
        after
            .split(' ')
            .nth(field)
            .and_then(|f| f.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (ticks(11) + ticks(12)) * 10
}

#[tokio::main]
async fn main() {
    let people: usize = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Store::open(&url, &Key::generate(), "bench", clock.now()).await.unwrap();
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
        let stale = tx.save_entities(&batch, Lane::Backfill, clock.now()).await.unwrap();
        assert!(stale.is_empty());
        tx.commit().await.unwrap();
    }
    let engine = Engine::start(
        settings(),
        store,
        Arc::new(Embedded::default()),
        Arc::clone(&clock),
        Arc::new(RandomIds),
    )
    .await
    .unwrap();
    engine.approve().await.unwrap();
    engine.step(clock.now()).await.unwrap();
    engine.poll_now();
    let (before, begun) = (cpu(), Instant::now());
    let quiet = 20;
    for _ in 0..quiet {
        engine.poll_now();
        let step = engine.step(clock.now()).await.unwrap();
        assert!(!step.active());
    }
    println!(
        "a cycle in which nothing changed, {people} linked people: {:.1} ms CPU, {:.1} ms wall, {} MB resident",
        (cpu() - before) as f64 / f64::from(quiet),
        begun.elapsed().as_secs_f64() * 1_000.0 / f64::from(quiet),
        memory()
    );
    for (n, what) in ["first newcomer, everybody read for matching", "next newcomer"]
        .iter()
        .enumerate()
    {
        newcomer(&engine, people + n, clock.now()).await;
        let (before, begun) = (cpu(), Instant::now());
        let step = engine.step(clock.now()).await.unwrap();
        assert_eq!(step.entities, 1);
        println!(
            "{what}: {:.0} ms CPU, {:.1} ms wall, {} MB resident",
            (cpu() - before) as f64,
            begun.elapsed().as_secs_f64() * 1_000.0,
            memory()
        );
    }
    let mut stored = Duration::ZERO;
    for start in (0..people).step_by(1_000) {
        let ids: Vec<String> = (start..(start + 1_000).min(people))
            .map(|i| format!("{}", 900_000 + i))
            .collect();
        let begun = Instant::now();
        let mut tx = engine.store().begin().await.unwrap();
        let links: Vec<Link> = tx
            .links("halaxy", "Patient", &ids)
            .await
            .unwrap()
            .into_iter()
            .map(|row| {
                let mut link = row.link;
                let changed = Value::text(format!("+615{:0>8}", link.remote_id));
                link.units.get_mut("mobile").unwrap().set_seen(changed);
                link
            })
            .collect();
        tx.save_links(&links, Lane::Live, clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        stored += begun.elapsed();
    }
    println!(
        "observations stored: {:.0} records/s",
        people as f64 / stored.as_secs_f64()
    );
    let (before, begun) = (cpu(), Instant::now());
    let done = engine.reconcile().await.unwrap();
    let took = begun.elapsed();
    let counts = engine.store().counts().await.unwrap();
    println!(
        "reconcile of {done} changed records: {:.0} records/s ({:.2} s, {:.2} s CPU), {} writes planned, {} MB resident",
        done as f64 / took.as_secs_f64(),
        took.as_secs_f64(),
        (cpu() - before) as f64 / 1_000.0,
        counts.planned,
        memory()
    );
}
