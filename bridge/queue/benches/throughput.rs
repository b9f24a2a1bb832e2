//! Messages per second through each queue: published (and confirmed), then claimed and acknowledged in
//! batches as the engine does. Prints figures, judges none. RabbitMQ is the one that
//! `HALAXY_BRIDGE_TEST_AMQP` names, else a private one on this machine.
//!
//! `cargo bench -p bridge-queue [-- MESSAGES]` (20,000 by default)
#![allow(clippy::unwrap_used)]

#[path = "../tests/broker/mod.rs"]
mod broker;

use bridge_queue::{Embedded, Queue, RabbitMq, Topic, Wake};
use std::time::{Duration, Instant, SystemTime};

const BATCH: usize = 250;
const LEASE: i64 = 60_000_000;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

fn wakes(count: usize) -> Vec<Wake> {
    let wake = |n: usize| Wake {
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        ..Wake::new(
            Topic::Reconcile,
            format!("01930000-0000-7000-8000-{n:012}"),
            1,
            "observed",
        )
    };
    (0..count).map(wake).collect()
}

async fn consume(queue: &dyn Queue, count: usize) {
    let mut done = 0;
    while done < count {
        let claims = queue.claim(&Topic::Reconcile, BATCH, now(), LEASE).await.unwrap();
        queue.ack(&claims).await.unwrap();
        done += claims.len();
    }
}

async fn measure(name: &str, queue: &dyn Queue, count: usize) {
    let wakes = wakes(count);
    let begun = Instant::now();
    for batch in wakes.chunks(4_000) {
        assert_eq!(queue.publish(batch).await.unwrap().added, batch.len());
    }
    say(name, "published in batches", count, begun.elapsed());
    let begun = Instant::now();
    consume(queue, count).await;
    say(name, "claimed and acknowledged", count, begun.elapsed());

    let few = count.min(500);
    let begun = Instant::now();
    for wake in &wakes[..few] {
        queue.publish(std::slice::from_ref(wake)).await.unwrap();
    }
    say(name, "published one by one", few, begun.elapsed());
    consume(queue, few).await;

    let mut waits: Vec<Duration> = vec![];
    for wake in &wakes[..few] {
        let begun = Instant::now();
        queue.publish(std::slice::from_ref(wake)).await.unwrap();
        consume(queue, 1).await;
        waits.push(begun.elapsed());
    }
    waits.sort();
    println!(
        "{name:9} publish to acknowledge, one message     median {:?}",
        waits[few / 2]
    );
}

fn say(name: &str, what: &str, count: usize, took: Duration) {
    let rate = count as f64 / took.as_secs_f64();
    println!(
        "{name:9} {what:26} {count:6} in {:6.2} s  {rate:9.0}/s",
        took.as_secs_f64()
    );
}

#[tokio::main]
async fn main() {
    let count = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(20_000);
    measure("embedded", &Embedded::default(), count).await;
    let broker = broker::any();
    let queue = RabbitMq::connect(&broker.url, broker::options()).await.unwrap();
    measure("rabbitmq", &queue, count).await;
}
