//! The same promises, kept by the embedded queue and by RabbitMQ.
#![allow(clippy::unwrap_used)]

mod broker;
mod promises;

use bridge_queue::{Embedded, Options, Queue, RabbitMq};
use promises::{LEASE, Subject};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::{Duration, SystemTime};

/// The promise that wants a queue with little room.
const LITTLE_ROOM: &str = "a_full_queue_says_so_until_it_was_found_empty";

mod embedded {
    use super::*;

    struct Process {
        queue: Arc<Embedded>,
        now: AtomicI64,
    }

    async fn process(promise: &str) -> Process {
        let capacity = if promise == LITTLE_ROOM { 5 } else { 50_000 };
        Process {
            queue: Arc::new(Embedded::new(capacity)),
            now: AtomicI64::new(0),
        }
    }

    #[async_trait::async_trait]
    impl Subject for Process {
        fn queue(&self) -> Arc<dyn Queue> {
            self.queue.clone()
        }

        async fn another(&self) -> Arc<dyn Queue> {
            self.queue.clone()
        }

        async fn lose(&self, _: Arc<dyn Queue>) {
            self.pass(LEASE).await;
        }

        fn now(&self) -> i64 {
            self.now.load(Ordering::Relaxed)
        }

        async fn pass(&self, time: i64) {
            self.now.fetch_add(time, Ordering::Relaxed);
        }
    }

    promises!(process);
}

mod rabbitmq {
    use super::*;

    struct Shared {
        queue: Arc<RabbitMq>,
        options: Options,
        broker: broker::Broker,
    }

    async fn shared(promise: &str) -> Shared {
        let broker = broker::any();
        let mut options = broker::options();
        if promise == LITTLE_ROOM {
            options.capacity = 5;
        }
        let queue = RabbitMq::connect(&broker.url, options.clone()).await.unwrap();
        Shared {
            queue: Arc::new(queue),
            options,
            broker,
        }
    }

    #[async_trait::async_trait]
    impl Subject for Shared {
        fn queue(&self) -> Arc<dyn Queue> {
            self.queue.clone()
        }

        async fn another(&self) -> Arc<dyn Queue> {
            Arc::new(RabbitMq::connect(&self.broker.url, self.options.clone()).await.unwrap())
        }

        async fn lose(&self, taker: Arc<dyn Queue>) {
            drop(taker);
        }

        fn now(&self) -> i64 {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            i64::try_from(since.as_micros()).unwrap()
        }

        async fn pass(&self, time: i64) {
            tokio::time::sleep(Duration::from_micros(time.unsigned_abs())).await;
        }
    }

    promises!(shared);
}
