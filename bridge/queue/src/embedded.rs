//! The queue inside the process.

use crate::{
    Claim, Depth, Published, Queue, QueueError, Time, Topic, Wake,
    lane::{Messages, Put},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Messages a topic holds unless told otherwise; beyond it they are left out.
const CAPACITY: usize = 50_000;

/// The embedded queue. It keeps nothing over a restart, since the store knows what is to be done.
pub struct Embedded {
    capacity: usize,
    topics: Mutex<HashMap<Topic, Topics>>,
}

#[derive(Default)]
struct Topics {
    messages: Messages,
    wake: Arc<Notify>,
}

impl Default for Embedded {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

impl Embedded {
    /// A queue with room for `capacity` messages of each topic, claimed ones included.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            topics: Mutex::default(),
        }
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<Topic, Topics>> {
        // No call leaves the messages half changed, so a panic elsewhere is no reason to stop.
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on<T>(&self, topic: &Topic, act: impl FnOnce(&mut Messages) -> T) -> T {
        let mut topics = self.topics();
        let topic = match topics.get_mut(topic) {
            Some(topic) => topic,
            None => topics.entry(topic.clone()).or_default(),
        };
        let result = act(&mut topic.messages);
        let depth = topic.messages.depth();
        if depth.ready > 0 || depth.overflowed {
            topic.wake.notify_waiters();
        }
        result
    }
}

#[async_trait::async_trait]
impl Queue for Embedded {
    async fn publish(&self, wakes: &[Wake]) -> Result<Published, QueueError> {
        let mut published = Published::default();
        for run in wakes.chunk_by(|one, next| one.topic == next.topic) {
            let Some(first) = run.first() else { continue };
            self.on(&first.topic, |messages| {
                for wake in run {
                    match messages.put(wake, self.capacity) {
                        Put::Added => published.added += 1,
                        Put::Joined => published.joined += 1,
                        Put::Dropped => published.dropped += 1,
                    }
                }
            });
        }
        Ok(published)
    }

    async fn claim(&self, topic: &Topic, count: usize, now: Time, lease: i64) -> Result<Vec<Claim>, QueueError> {
        Ok(self.on(topic, |messages| messages.claim(count, now, lease)))
    }

    async fn extend(&self, claims: &[Claim], now: Time, lease: i64) -> Result<Vec<u64>, QueueError> {
        let prolong = |claim: &&Claim| self.on(&claim.wake.topic, |messages| messages.extend(claim, now, lease));
        Ok(claims.iter().filter(prolong).map(|claim| claim.token).collect())
    }

    async fn ack(&self, claims: &[Claim]) -> Result<(), QueueError> {
        for claim in claims {
            self.on(&claim.wake.topic, |messages| messages.ack(claim));
        }
        Ok(())
    }

    async fn retry(&self, claim: &Claim, at: Time) -> Result<(), QueueError> {
        self.on(&claim.wake.topic, |messages| messages.retry(claim, at));
        Ok(())
    }

    async fn bury(&self, claim: &Claim, reason: &str) -> Result<(), QueueError> {
        self.on(&claim.wake.topic, |messages| messages.bury(claim, reason));
        Ok(())
    }

    async fn buried(&self, topic: &Topic) -> Result<Vec<(Wake, String)>, QueueError> {
        Ok(self
            .topics()
            .get(topic)
            .map(|topic| topic.messages.buried())
            .unwrap_or_default())
    }

    async fn depth(&self, topic: &Topic) -> Result<Depth, QueueError> {
        Ok(self
            .topics()
            .get(topic)
            .map(|topic| topic.messages.depth())
            .unwrap_or_default())
    }

    async fn wait(&self, topic: &Topic) -> Result<(), QueueError> {
        let notify = self.topics().entry(topic.clone()).or_default().wake.clone();
        loop {
            let mut woken = std::pin::pin!(notify.notified());
            // Listen first, then look: a message between the two is not missed.
            woken.as_mut().enable();
            let depth = self.depth(topic).await?;
            if depth.ready > 0 || depth.overflowed {
                return Ok(());
            }
            woken.await;
        }
    }

    async fn next_at(&self, topic: &Topic) -> Result<Option<Time>, QueueError> {
        Ok(self.topics().get(topic).and_then(|topic| topic.messages.next_at()))
    }
}
