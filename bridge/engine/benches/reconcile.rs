//! Reconcile of many changed records: from stored observations to committed writes, with sealing
//! and audit on, SQLite on disk. Prints figures, judges none.
//!
//! `cargo bench -p bridge-engine --bench reconcile [-- PEOPLE]` (100,000 by default)
#![allow(clippy::unwrap_used)]

#[path = "people/mod.rs"]
mod people;

use adapter_kit::{Clock, SystemClock};
use bridge_core::Link;
use bridge_engine::{Engine, RandomIds};
use bridge_queue::Embedded;
use bridge_store::{Key, Store};
use people::memory;
use std::sync::Arc;
use std::time::Instant;

/// As in the program.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Stores a record that no entity has yet.
async fn newcomer(engine: &Engine, i: usize, now: i64) {
    let mut link = Link::clone(&people::linked(i).links["crm"]);
    link.entity = None;
    link.known_at = now;
    let mut tx = engine.store().begin().await.unwrap();
    tx.touch_links(&[link]).await.unwrap();
    tx.commit().await.unwrap();
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
    let count: usize = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Store::open(&url, &Key::generate(), "bench", clock.now()).await.unwrap();
    people::fill(&store, count, clock.now()).await;
    let engine = Engine::start(
        people::settings(),
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
        "a cycle in which nothing changed, {count} linked people: {:.1} ms CPU, {:.1} ms wall, {} MB resident",
        (cpu() - before) as f64 / f64::from(quiet),
        begun.elapsed().as_secs_f64() * 1_000.0 / f64::from(quiet),
        memory("self")
    );
    for (n, what) in ["first newcomer, everybody read for matching", "next newcomer"]
        .iter()
        .enumerate()
    {
        newcomer(&engine, count + n, clock.now()).await;
        let (before, begun) = (cpu(), Instant::now());
        let step = engine.step(clock.now()).await.unwrap();
        assert_eq!(step.entities, 1);
        println!(
            "{what}: {:.0} ms CPU, {:.1} ms wall, {} MB resident",
            (cpu() - before) as f64,
            begun.elapsed().as_secs_f64() * 1_000.0,
            memory("self")
        );
    }
    let stored = people::change_all(engine.store(), count, "+615", clock.now()).await;
    println!(
        "observations stored: {:.0} records/s",
        count as f64 / stored.as_secs_f64()
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
        memory("self")
    );
}
