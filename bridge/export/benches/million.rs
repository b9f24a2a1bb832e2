//! How long exports take and how much memory, for a million people with two records each.
//!
//! `cargo bench -p bridge-export --bench million`; `-- 100000` for fewer. Each part is a process of its own, whose
//! largest resident memory is read from Linux's `/proc`.
#![allow(clippy::unwrap_used)]

use bridge_core::mapping::EntityFile;
use bridge_core::{Agreed, Entity, Lane, Link, Origin, Value};
use bridge_export::entities::{Practice, catalogue};
use bridge_export::format::{Format, Writer};
use bridge_export::{Cursor, Draft, Grant, Place, Reader};
use bridge_store::{Key, Store};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const NOW: i64 = 1_800_000_000_000_000;
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const UNITS: &str = include_str!("../../../mappings/entities/person.toml");

fn person(number: usize) -> Entity {
    let id = format!("019ab0c2-7000-7000-8000-{number:012}");
    let group = |parts: &[(&str, &str)]| Value::group(parts.iter().map(|(k, v)| (k.to_string(), v.to_string())));
    let units = [
        (
            "official_name",
            group(&[("given", "Miriam Beatrix"), ("family", "Samplewood")]),
        ),
        ("preferred_name", Value::text("Mim")),
        ("birth_date", Value::text("1980-01-31")),
        ("sex", Value::text("female")),
        ("mobile", Value::text(format!("+614{number:08}"))),
        ("email", Value::text(format!("person{number}@samplewood.example"))),
        (
            "home_address",
            group(&[
                ("line", "1 Test Street"),
                ("city", "Sampleton"),
                ("state", "VIC"),
                ("postcode", "3999"),
            ]),
        ),
        ("deceased", Value::Flag(false)),
        ("status", Value::text("current")),
        ("halaxy_number", Value::text(number.to_string())),
    ];
    let mut entity = Entity {
        id: id.clone(),
        kind: "person".into(),
        revision: 1,
        ..Entity::default()
    };
    for (system, kind) in [("halaxy", "Patient"), ("crm", "contacts")] {
        let mut link = Link::new(system, kind, &number.to_string());
        link.entity = Some(id.clone());
        link.generation = 1;
        link.known_at = NOW;
        for (unit, value) in &units {
            let unit = link.units.entry(unit.to_string()).or_default();
            unit.set_base(value.clone(), None);
            unit.set_seen(value.clone());
        }
        entity.links.insert(system.into(), link.into());
    }
    for (unit, value) in units {
        let agreed = Agreed {
            value,
            origin: Origin::System("halaxy".into()),
            lo: 1,
            hi: 2,
        };
        entity.agreed.insert(unit.into(), agreed.into());
    }
    entity
}

async fn open(folder: &Path) -> Store {
    let url = format!("sqlite:{}", folder.join("bridge.db").display());
    Store::open(&url, &Key::parse(KEY).unwrap(), "clinic", NOW)
        .await
        .unwrap()
}

async fn save(store: &Store, pairs: Vec<(Option<Entity>, Entity)>) {
    let mut tx = store.begin().await.unwrap();
    tx.save_entities(&pairs, Lane::Live, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

async fn part(what: &str, folder: &Path, people: usize) -> String {
    let store = open(folder).await;
    if what == "make" {
        for first in (0..people).step_by(2_000) {
            let pairs = (first..people.min(first + 2_000)).map(|n| (None, person(n)));
            save(&store, pairs.collect()).await;
        }
        return String::new();
    }
    if what == "change" {
        let ids: Vec<String> = (0..1_000).map(|n| person(n * (people / 1_000).max(1)).id).collect();
        let before = store.entities(&ids).await.unwrap();
        save(&store, before.into_iter().map(|one| (Some(one.clone()), one)).collect()).await;
        return String::new();
    }
    let units = EntityFile::parse("person.toml", UNITS).unwrap();
    let practice = Practice {
        units: &units,
        systems: vec!["crm".into(), "halaxy".into()],
        home: "halaxy".into(),
    };
    let entity = catalogue(&practice).swap_remove(0);
    let (mut reader, _) = Reader::new(&store, &practice, entity, &Grant::all());
    let (format, feed) = what.split_once(' ').map_or((what, false), |(format, _)| (format, true));
    let kept = folder.join("cursor");
    let (mut place, next) = if feed {
        let cursor = match std::fs::read_to_string(&kept) {
            Ok(text) => text.parse().unwrap(),
            Err(_) => Cursor::start("people"),
        };
        let (place, next) = reader.since(&cursor).await.unwrap();
        (place, Some(next.to_string()))
    } else {
        (reader.all(), None)
    };
    let out = folder.join("people.out");
    let draft = Draft::of(&out).unwrap();
    let format: Format = format.parse().unwrap();
    let mut writer = Writer::new(format, &reader.entity().columns, 1, feed, draft).unwrap();
    let mut rows = 0;
    while place != Place::End {
        let (page, then) = reader.page(&place).await.unwrap();
        rows += page.len();
        page.iter().for_each(|row| writer.row(row).unwrap());
        place = then;
    }
    writer.end(next.as_deref()).unwrap().keep().unwrap();
    next.into_iter().for_each(|next| std::fs::write(&kept, next).unwrap());
    let size = std::fs::metadata(&out).unwrap().len();
    format!("{rows:>9} rows {:>6} MB", size / 1_000_000)
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1_024
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [what, folder, people] = args.as_slice() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let started = Instant::now();
        let told = runtime.block_on(part(what, Path::new(folder), people.parse().unwrap()));
        let took = started.elapsed().as_secs_f64();
        println!("{what:<16} {took:>7.1} s {:>6} MB of memory {told}", peak());
        return;
    }
    let people = args.first().map_or("1000000", String::as_str);
    let folder = tempfile::tempdir().unwrap();
    for what in [
        "make",
        "csv",
        "ndjson",
        "parquet",
        "csv start",
        "csv nothing",
        "change",
        "csv thousand",
    ] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let done = child.arg(what).arg(folder.path()).arg(people).status().unwrap();
        assert!(done.success(), "{what}");
    }
}
