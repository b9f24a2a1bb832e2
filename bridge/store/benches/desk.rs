//! How long the desk waits for the store: the search for people among all names, pages and counts of a full inbox. Prints
//! the median and the 95th percentile of each; run with `cargo bench -p bridge-store --bench desk`, with the numbers of
//! entities and of open items as optional arguments.

use bridge_core::{Conflict, Entity, Lane, Link, Value};
use bridge_store::{Item, ItemFilter, Key, Page, RecordKey, Store};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const NOW: i64 = 1_800_000_000_000_000;
/// Some names are borne by many, most by few.
const SOUNDS: [&str; 24] = [
    "ma", "jo", "sa", "li", "an", "el", "be", "ka", "ro", "mi", "no", "ta", "vi", "so", "da", "le", "ra", "ne", "chi",
    "wil", "smi", "bro", "ngu", "tay",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let entities = numbers.first().copied().unwrap_or(100_000);
    let open = numbers.get(1).copied().unwrap_or(50_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(entities, open))
}

async fn run(entities: usize, open: usize) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bridge.db");
    let store = Store::open(&format!("sqlite:{}", file.display()), &Key::generate(), "clinic", NOW).await?;
    let start = Instant::now();
    for first in (0..entities).step_by(2_000) {
        let people: Vec<usize> = (first..(first + 2_000).min(entities)).collect();
        let links: Vec<Link> = people
            .iter()
            .map(|n| Link {
                known_at: NOW,
                ..Link::new("halaxy", "Patient", &format!("PA-{n:07}"))
            })
            .collect();
        let names: Vec<_> = people
            .iter()
            .map(|n| {
                (
                    RecordKey::new("halaxy", "Patient", format!("PA-{n:07}")),
                    vec![given(*n), family(*n)],
                )
            })
            .collect();
        let mut tx = store.begin().await?;
        tx.save_links(&links, Lane::Backfill, NOW).await?;
        tx.set_name_parts(&names).await?;
        tx.commit().await?;
    }
    let size = |file: &std::path::Path| std::fs::metadata(file).map_or(0, |m| m.len());
    println!(
        "{entities} records with two name parts: {:.1} s, {} bytes each",
        start.elapsed().as_secs_f64(),
        size(&file) / entities as u64
    );
    let start = Instant::now();
    for first in (0..open).step_by(1_000) {
        let pairs: Vec<_> = (first..(first + 1_000).min(open))
            .map(|n| (None, questioned(n)))
            .collect();
        let mut tx = store.begin().await?;
        tx.save_entities(&pairs, Lane::Live, NOW).await?;
        tx.commit().await?;
    }
    println!("{open} open conflicts: {:.1} s", start.elapsed().as_secs_f64());

    let mut times = vec![];
    let mut found = 0;
    for n in 0..400 {
        let person = (n * 7_919) % entities;
        let (given, family) = (given(person), family(person));
        let cut = |name: &str, letters: usize| name.chars().take(letters).collect::<String>();
        let text = match n % 4 {
            0 => cut(&family, 2 + n % 5),
            1 => family.clone(),
            2 => format!("{} {}", cut(&given, 2), cut(&family, 3)),
            _ => format!("{given} {family}"),
        };
        let start = Instant::now();
        found += store.search_name(&text, 25).await?.len();
        times.push(start.elapsed());
    }
    figure("search by names", times);
    assert!(found >= 400, "whoever is there is found");

    let (mut times, mut page, mut seen) = (vec![], Page::first(50), 0);
    loop {
        let start = Instant::now();
        let part = store.items(&ItemFilter::default(), &page).await?;
        times.push(start.elapsed());
        seen += part.rows.len();
        let Some(next) = part.next else { break };
        page.after = Some(next);
    }
    assert_eq!(seen, open);
    figure("a page of the inbox", times);
    let filtered = ItemFilter {
        topics: Some(vec!["conflict/unit7".into(), "conflict/unit11".into()]),
        system: Some("crm".into()),
        asleep: Some((false, NOW)),
        ..ItemFilter::default()
    };
    let none = ItemFilter {
        assigned: Some("nobody of that name".into()),
        ..ItemFilter::default()
    };
    for (name, filter) in [("a page of two topics", filtered), ("a page of nothing", none)] {
        let mut times = vec![];
        for _ in 0..100 {
            let start = Instant::now();
            store.items(&filter, &Page::first(50)).await?;
            times.push(start.elapsed());
        }
        figure(name, times);
    }
    let mut times = vec![];
    for _ in 0..100 {
        let start = Instant::now();
        let cells = store.item_cells().await?;
        times.push(start.elapsed());
        assert_eq!(cells.iter().map(|c| c.count).sum::<u64>(), open as u64);
    }
    figure("the counts of all filters", times);
    let mut times = vec![];
    let rows: Vec<Item> = store.items(&ItemFilter::default(), &Page::first(50)).await?.rows;
    let ids: Vec<String> = rows.into_iter().filter_map(|item| item.entity).collect();
    for _ in 0..100 {
        let start = Instant::now();
        assert_eq!(store.entities(&ids).await?.len(), ids.len());
        times.push(start.elapsed());
    }
    figure("opening the 50 entities of a page", times);
    Ok(())
}

fn figure(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!(
        "{name:40} median {:7.2} ms, p95 {:7.2} ms ({} times)",
        at(50),
        at(95),
        times.len()
    );
}

/// Sounds of falling frequency: the first are in a tenth of all names.
fn sound(n: usize, salt: usize) -> &'static str {
    let dice = n.wrapping_mul(2_654_435_761).wrapping_add(salt * 40_503) >> 7;
    let (one, other) = (dice % SOUNDS.len(), (dice / 31) % SOUNDS.len());
    SOUNDS[one.min(other)]
}

fn given(n: usize) -> String {
    format!("{}{}{}", sound(n, 1), sound(n, 2), sound(n, 3))
}

fn family(n: usize) -> String {
    format!("{}{}{}", sound(n, 4), sound(n, 5), sound(n / 3, 6))
}

fn questioned(n: usize) -> Entity {
    let mut entity = Entity {
        id: format!("e{n:07}"),
        kind: "person".into(),
        ..Entity::default()
    };
    for (system, kind) in [("crm", "contacts"), ("halaxy", "Patient")] {
        let mut link = Link::new(system, kind, &format!("{system}{n}"));
        link.entity = Some(entity.id.clone());
        for unit in 0..12 {
            let unit = link.units.entry(format!("unit{unit}")).or_default();
            unit.set_seen(Value::text(format!("{system} {n}")));
        }
        entity.links.insert(system.into(), link.into());
    }
    let conflict = Conflict {
        values: BTreeMap::from(["crm", "halaxy"].map(|s| (s.to_string(), Value::text(format!("{s} {n}"))))),
        since: NOW + (n / 3) as i64,
        why: "changed differently in two places".into(),
    };
    entity.conflicts.insert(format!("unit{}", n % 12), conflict);
    entity
}
