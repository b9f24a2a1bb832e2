//! Reconcile of many changed records by one, two and four processes over one PostgreSQL and one RabbitMQ, against the
//! embedded default. Prints figures, judges none. Both servers are private ones on this machine.
//!
//! `cargo bench -p bridge-engine --bench workers [-- PEOPLE]` (20,000 by default)
#![allow(clippy::unwrap_used)]

#[path = "../../queue/tests/broker/mod.rs"]
mod broker;
mod people;
#[path = "../../cli/tests/fleet/postgres.rs"]
mod postgres;

use adapter_kit::{Clock, SystemClock};
use bridge_engine::{Engine, RandomIds};
use bridge_queue::{Claim, Depth, Embedded, Options, Published, Queue, QueueError, RabbitMq, Time, Topic, Wake};
use bridge_store::{Key, Store};
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// As in the program.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// Times everybody changes for each number of workers; the first one warms up.
const ROUNDS: usize = 4;
/// Tells a process that it helps, and where: database, broker, practice.
const HELP: &str = "help";

/// Counts what the driver publishes; nobody else does.
struct Counted {
    queue: RabbitMq,
    published: AtomicUsize,
}

#[async_trait::async_trait]
impl Queue for Counted {
    async fn publish(&self, wakes: &[Wake]) -> Result<Published, QueueError> {
        self.published.fetch_add(wakes.len(), Ordering::Relaxed);
        self.queue.publish(wakes).await
    }
    async fn claim(&self, topic: &Topic, count: usize, now: Time, lease: i64) -> Result<Vec<Claim>, QueueError> {
        self.queue.claim(topic, count, now, lease).await
    }
    async fn extend(&self, claims: &[Claim], now: Time, lease: i64) -> Result<Vec<u64>, QueueError> {
        self.queue.extend(claims, now, lease).await
    }
    async fn ack(&self, claims: &[Claim]) -> Result<(), QueueError> {
        self.queue.ack(claims).await
    }
    async fn retry(&self, claim: &Claim, at: Time) -> Result<(), QueueError> {
        self.queue.retry(claim, at).await
    }
    async fn bury(&self, claim: &Claim, reason: &str) -> Result<(), QueueError> {
        self.queue.bury(claim, reason).await
    }
    async fn buried(&self, topic: &Topic) -> Result<Vec<(Wake, String)>, QueueError> {
        self.queue.buried(topic).await
    }
    async fn depth(&self, topic: &Topic) -> Result<Depth, QueueError> {
        self.queue.depth(topic).await
    }
    async fn wait(&self, topic: &Topic) -> Result<(), QueueError> {
        self.queue.wait(topic).await
    }
    async fn next_at(&self, topic: &Topic) -> Result<Option<Time>, QueueError> {
        self.queue.next_at(topic).await
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

async fn store(url: &str, practice: &str) -> Store {
    let key = Key::parse(KEY).unwrap();
    Store::open(url, &key, practice, clock().now()).await.unwrap()
}

async fn connected(broker: &str, practice: &str) -> RabbitMq {
    let systems = ["crm".to_string(), "halaxy".to_string()];
    RabbitMq::connect(broker, Options::new(practice, systems))
        .await
        .unwrap()
}

/// A worker beside the one that drives, until its parent closes its input.
async fn help(database: &str, broker: &str, practice: &str) {
    let store = store(database, practice).await;
    let queue = Arc::new(connected(broker, practice).await);
    let engine = Engine::attend(people::settings(), store, queue, clock(), Arc::new(RandomIds));
    println!("ready");
    let mut end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut vec![]));
    loop {
        tokio::select! {
            _ = &mut end => return,
            () = engine.announced() => {
                engine.assist().await.unwrap();
            }
        }
    }
}

fn helper(database: &str, broker: &str, practice: &str) -> Child {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([HELP, database, broker, practice])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line.trim(), "ready");
    child
}

/// Everybody changes, and is reconciled: seconds of each round but the first, and how many the driver reconciled itself.
async fn rounds(engine: &Engine, count: usize) -> (Vec<Duration>, usize) {
    let (mut took, mut own) = (vec![], 0);
    for round in 0..ROUNDS {
        people::change_all(engine.store(), count, &format!("+61{round}"), clock().now()).await;
        let begun = Instant::now();
        own += engine.reconcile().await.unwrap();
        while engine.store().counts().await.unwrap().dirty > 0 {
            own += engine.reconcile().await.unwrap();
        }
        took.push(begun.elapsed());
    }
    (took.split_off(1), own)
}

fn rate(count: usize, took: &[Duration]) -> String {
    let rates: Vec<String> = took
        .iter()
        .map(|t| format!("{:.0}", count as f64 / t.as_secs_f64()))
        .collect();
    rates.join(", ")
}

async fn embedded(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    let store = store(&url, "bench").await;
    people::fill(&store, count, clock().now()).await;
    let queue = Arc::new(Embedded::default());
    let engine = Engine::start(people::settings(), store, queue, clock(), Arc::new(RandomIds)).await;
    let engine = engine.unwrap();
    engine.approve().await.unwrap();
    let (took, _) = rounds(&engine, count).await;
    println!(
        "embedded, SQLite: {} records/s, {} MB resident",
        rate(count, &took),
        people::memory("self")
    );
}

async fn shared(count: usize, workers: usize, database: &str, broker: &str) {
    let practice = format!("bench-{workers}");
    let store = store(database, &practice).await;
    people::fill(&store, count, clock().now()).await;
    let (store, _driving) = store.drive("bench").await.unwrap().unwrap();
    let queue = Arc::new(Counted {
        queue: connected(broker, &practice).await,
        published: AtomicUsize::default(),
    });
    let shared: Arc<dyn Queue> = Arc::clone(&queue) as Arc<dyn Queue>;
    let engine = Engine::start(people::settings(), store, shared, clock(), Arc::new(RandomIds)).await;
    let engine = engine.unwrap();
    engine.approve().await.unwrap();
    let mut helpers: Vec<Child> = (1..workers).map(|_| helper(database, broker, &practice)).collect();
    let (took, own) = rounds(&engine, count).await;
    let all = (count * ROUNDS) as f64;
    let memory: Vec<String> = helpers
        .iter()
        .map(|h| people::memory(&h.id().to_string()).to_string())
        .collect();
    println!(
        "{workers} workers: {} records/s; the driver reconciled {:.0} % itself; {:.2} messages published per changed \
         record; MB resident: driver {}, helpers {}",
        rate(count, &took),
        own as f64 * 100.0 / all,
        queue.published.load(Ordering::Relaxed) as f64 / all,
        people::memory("self"),
        if memory.is_empty() {
            "none".into()
        } else {
            memory.join(", ")
        }
    );
    for helper in &mut helpers {
        drop(helper.stdin.take());
        assert!(helper.wait().unwrap().success());
    }
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, database, broker, practice] = args.as_slice()
        && first == HELP
    {
        return help(database, broker, practice).await;
    }
    let count = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(20_000);
    println!(
        "{count} changed records, {} rounds, {} processors",
        ROUNDS - 1,
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    embedded(count).await;
    let [port] = broker::free_ports();
    let (database, broker) = (postgres::Postgres::start(port), broker::Private::start(""));
    let url = postgres::Postgres::url(database.port);
    for workers in [1, 2, 4] {
        shared(count, workers, &url, &broker.url()).await;
    }
}
