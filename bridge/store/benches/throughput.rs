//! How fast entities go through a store: load a batch of dirty ones with two links each, change one
//! link, plan one write, note one audit line, save, commit. Prints figures; run with
//! `cargo bench -p bridge-store`, with the numbers of entities, workers and entities a batch as optional
//! arguments. In a file, and on the server that HALAXY_BRIDGE_TEST_POSTGRES names, if it does.

use bridge_core::{Agreed, Entity, Lane, Link, Op, Origin, Value, Values, Write, WriteState};
use bridge_store::{AuditEntry, Key, LookupKey, RecordKey, Store};
use sqlx::Connection;
use std::{sync::Arc, time::Instant};

const NOW: i64 = 1_800_000_000_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let entities = numbers.first().copied().unwrap_or(20_000);
    let workers = numbers.get(1).copied().unwrap_or(2);
    let batch = numbers.get(2).copied().unwrap_or(500);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("bridge.db");
        println!("SQLite");
        run(&format!("sqlite:{}", file.display()), entities, workers, batch).await?;
        let size = std::fs::metadata(file)?.len();
        println!("file: {} MB, {} bytes an entity", size >> 20, size / entities as u64);
        memory_stores().await?;
        if let Ok(server) = std::env::var("HALAXY_BRIDGE_TEST_POSTGRES") {
            println!("\nPostgreSQL");
            let schema = format!("bench_{}", std::process::id());
            on_server(&server, format!("CREATE SCHEMA {schema}")).await?;
            let joint = if server.contains('?') { '&' } else { '?' };
            let url = format!("{server}{joint}options[search_path]={schema}");
            run(&url, entities, workers, batch).await?;
            on_server(&server, format!("DROP SCHEMA {schema} CASCADE")).await?;
        }
        println!("peak memory: {} MB", memory("VmHWM:") >> 10);
        Ok(())
    })
}

async fn on_server(server: &str, sql: String) -> Result<(), sqlx::Error> {
    let mut conn = sqlx::PgConnection::connect(server).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await?;
    conn.close().await
}

async fn memory_stores() -> bridge_store::Result<()> {
    let start = Instant::now();
    for _ in 0..20 {
        Store::open("sqlite::memory:", &Key::generate(), "clinic", NOW)
            .await?
            .close()
            .await;
    }
    println!("a new store in memory: {:?}", start.elapsed() / 20);
    Ok(())
}

async fn run(url: &str, entities: usize, workers: usize, batch: usize) -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(url, &Key::generate(), "clinic", NOW).await?;

    let clock = Clock::start();
    for first in (0..entities).step_by(batch) {
        let links: Vec<Link> = (first..first + batch)
            .flat_map(|n| person(n).links.into_values())
            .map(|l| Link {
                entity: None,
                ..l.into_inner()
            })
            .collect();
        let mut tx = store.begin().await?;
        tx.save_links(&links, Lane::Backfill, NOW).await?;
        let keys: Vec<_> = links
            .iter()
            .map(|link| (RecordKey::from(link), keys_of(link)))
            .collect();
        tx.set_keys(&keys).await?;
        tx.set_name_parts(
            &links
                .iter()
                .map(|l| (RecordKey::from(l), vec!["Miriam Samplewood".into()]))
                .collect::<Vec<_>>(),
        )
        .await?;
        tx.commit().await?;
    }
    clock.figure("records observed first (with 4 look-up keys and a name)", entities * 2);

    let clock = Clock::start();
    for first in (0..entities).step_by(batch) {
        let pairs: Vec<_> = (first..first + batch).map(|n| (None, person(n))).collect();
        let mut tx = store.begin().await?;
        tx.save_entities(&pairs, Lane::Backfill, NOW).await?;
        tx.commit().await?;
    }
    clock.figure("entities made of two records each", entities);

    let clock = Clock::start();
    for first in (0..entities).step_by(batch) {
        let ids: Vec<String> = (first..first + batch).map(|n| format!("p{n:07}")).collect();
        let mut tx = store.begin().await?;
        let mut links: Vec<Link> = tx
            .links("halaxy", "Patient", &ids)
            .await?
            .into_iter()
            .map(|row| row.link)
            .collect();
        for link in &mut links {
            link.known_at += 1;
            if let Some(unit) = link.units.get_mut("mobile") {
                unit.set_seen(Value::text("+61491570110"));
            }
        }
        tx.save_links(&links, Lane::Live, NOW).await?;
        tx.commit().await?;
    }
    clock.figure("records observed changed", entities);

    let clock = Clock::start();
    let mut tasks = tokio::task::JoinSet::new();
    let all = store.dirty(entities).await?;
    let batches = Arc::new(std::sync::Mutex::new(
        all.chunks(batch).map(<[String]>::to_vec).collect::<Vec<_>>(),
    ));
    for _ in 0..workers {
        let (store, batches) = (store.clone(), batches.clone());
        tasks.spawn(async move {
            loop {
                let Some(ids) = batches.lock().ok().and_then(|mut all| all.pop()) else {
                    return Ok(());
                };
                reconcile(&store, &ids).await?;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        let done: Result<(), bridge_store::StoreError> = done?;
        done?;
    }
    clock.figure(
        "entities reconciled (loaded, one link changed, one write planned, one audit line)",
        entities,
    );

    let clock = Clock::start();
    let keys: Vec<_> = (0..entities)
        .map(|n| LookupKey::new("email", format!("person{n}@samplewood.example")))
        .collect();
    let mut found = 0;
    for keys in keys.chunks(batch) {
        found += store.find_keys(keys).await?.len();
    }
    assert_eq!(found, entities * 2);
    clock.figure("look-up keys found (two records each)", entities);

    let start = Instant::now();
    assert_eq!(store.search_name("samp mir", 50).await?.len(), 50);
    println!("name search, all {} records match: {:?}", entities * 2, start.elapsed());
    let start = Instant::now();
    assert_eq!(store.search_name("zuckermann", 50).await?.len(), 0);
    println!("name search, none matches: {:?}", start.elapsed());
    let start = Instant::now();
    let counts = store.counts().await?;
    println!("counts: {:?} ({} planned)", start.elapsed(), counts.planned);
    assert_eq!(counts.planned as usize, entities);
    let start = Instant::now();
    store.quiet().await?;
    println!("quiet: {:?}", start.elapsed());
    let start = Instant::now();
    let due = store.writes_due("crm", NOW, 100).await?;
    println!("writes due, first {}: {:?}", due.len(), start.elapsed());
    store.close().await;
    Ok(())
}

async fn reconcile(store: &Store, ids: &[String]) -> bridge_store::Result<()> {
    let mut audit = Vec::with_capacity(ids.len());
    let pairs: Vec<_> = store
        .entities(ids)
        .await?
        .into_iter()
        .map(|before| {
            let mut after = before.clone();
            decide(&mut after);
            audit.push(AuditEntry {
                at: NOW,
                entity: Some(after.id.clone()),
                system: Some("halaxy".into()),
                event: "adopted".into(),
                units: vec!["mobile".into()],
                reason: "only halaxy changed it".into(),
                body: Some(serde_json::json!({"from": "+61491570006", "to": "+61491570110"})),
                ..AuditEntry::default()
            });
            (Some(before), after)
        })
        .collect();
    let mut tx = store.begin().await?;
    let stale = tx.save_entities(&pairs, Lane::Live, NOW).await?;
    assert!(stale.is_empty() && pairs.len() == ids.len());
    tx.append_audit(&audit).await?;
    tx.commit().await
}

/// What a reconcile of one changed number comes to.
fn decide(entity: &mut Entity) {
    entity.revision += 1;
    entity.dirty = false;
    let value = Value::text("+61491570110");
    let agreed = Agreed {
        value: value.clone(),
        origin: Origin::System("halaxy".into()),
        lo: NOW,
        hi: NOW,
    };
    entity.agreed.insert("mobile".into(), agreed.into());
    if let Some(unit) = entity
        .links
        .get_mut("halaxy")
        .and_then(|link| link.units.get_mut("mobile"))
    {
        unit.set_base(value.clone(), None);
    }
    let write = Write {
        system: "crm".into(),
        kind: "contacts".into(),
        op: Op::Update,
        generation: 1,
        state: WriteState::Planned,
        values: Values::from([("mobile".into(), value)]),
        guarded: Values::new(),
        guard_version: None,
        guard_mark: None,
        at: 0,
        not_before: 0,
        tries: 0,
        lane: Lane::Live,
        key: "01980000-0000-7000-8000-000000000000".into(),
        reasons: [("mobile".to_string(), "changed in halaxy".to_string())].into(),
        held: None,
    };
    entity.writes.insert("crm".into(), write);
}

fn person(number: usize) -> Entity {
    let id = format!("01980000-0000-7000-8000-{number:012}");
    let text = |unit: &str, value: &str| (unit.to_string(), Value::text(value));
    let seen = Values::from([
        (
            "name".into(),
            Value::group([("given", "Miriam"), ("family", &format!("Samplewood{number}"))]),
        ),
        (
            "preferred_name".into(),
            Value::group([("given", "Mim"), ("family", "Samplewood")]),
        ),
        text("birth_date", "1984-03-17"),
        text("sex", "female"),
        text("mobile", "+61491570006"),
        ("phone".into(), Value::Empty),
        text("email", &format!("person{number}@samplewood.example")),
        (
            "address".into(),
            Value::group([
                ("line", "12 Sample Street"),
                ("city", "Sampleton"),
                ("state", "VIC"),
                ("postcode", "3999"),
            ]),
        ),
        ("deceased".into(), Value::Flag(false)),
        text("status", "current"),
        text("location", "98765"),
        text("number", &number.to_string()),
    ]);
    let mut entity = Entity {
        id: id.clone(),
        kind: "person".into(),
        revision: 1,
        ..Entity::default()
    };
    for (unit, value) in &seen {
        let agreed = Agreed {
            value: value.clone(),
            origin: Origin::System("halaxy".into()),
            lo: NOW - 5,
            hi: NOW,
        };
        entity.agreed.insert(unit.clone(), agreed.into());
    }
    for (system, kind, letter) in [("halaxy", "Patient", 'p'), ("crm", "contacts", 'c')] {
        let mut link = Link {
            entity: Some(id.clone()),
            generation: 1,
            known_at: NOW,
            ..Link::new(system, kind, "")
        };
        link.remote_id = format!("{letter}{number:07}");
        for (unit, value) in &seen {
            let unit = link.units.entry(unit.clone()).or_default();
            unit.set_seen(value.clone());
            unit.set_base(value.clone(), None);
            (unit.lo, unit.hi) = (NOW - 5, NOW);
        }
        entity.links.insert(system.into(), link.into());
    }
    entity
}

fn keys_of(link: &Link) -> Vec<LookupKey> {
    let text = |unit: &str| {
        link.units
            .get(unit)
            .and_then(|u| u.seen())
            .map(Value::to_line)
            .unwrap_or_default()
    };
    vec![
        LookupKey::new("email", text("email")),
        LookupKey::new("phone", text("mobile") + &link.remote_id),
        LookupKey::new("name_birth", text("name") + &text("birth_date")),
        LookupKey::new("reference", link.remote_id.clone()),
    ]
}

/// A moment, in time and in processor time of this process.
struct Clock(Instant, f64);

impl Clock {
    fn start() -> Self {
        Self(Instant::now(), cpu_seconds())
    }

    fn figure(self, what: &str, count: usize) {
        let (seconds, cpu) = (self.0.elapsed().as_secs_f64(), cpu_seconds() - self.1);
        let each = cpu * 1e6 / count as f64;
        let memory = memory("VmRSS:") >> 10;
        println!(
            "{:>8.0}/s  {each:>5.0} us of CPU each  {memory:>4} MB  {what}",
            count as f64 / seconds
        );
    }
}

/// Processor time so far; the fields are counted in hundredths of a second (proc(5)).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Resident memory in kilobytes, where the system tells (proc(5)).
fn memory(which: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(which)?.trim().strip_suffix(" kB"));
    line.and_then(|kilobytes| kilobytes.parse().ok()).unwrap_or_default()
}
