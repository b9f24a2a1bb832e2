//! The queue divides work and wakes whoever does it; it decides nothing and knows no values. A
//! message says "look at this entity" or "this system has something to do". Dirty flags in the
//! store are the truth, so that a lost, repeated or late message costs time only: whoever starts,
//! finds the queue empty for long, or is told of an overflow fills it again from the store.
//!
//! [`Queue`] is what a broker must be able to do; [`Embedded`] does it inside the process.
#![deny(missing_docs)]

mod embedded;
mod lane;

pub use embedded::Embedded;

use std::borrow::Cow;

/// Microseconds since 1970 UTC, on the caller's clock.
pub type Time = i64;

/// What a message is for; each topic has its own order and its own takers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Entities that may be dirty; the key is the entity's id.
    Reconcile,
    /// A system that may have writes, looks or polls due; the key may be empty.
    Drive(String),
}

/// One message. Carries ids and codes only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wake {
    /// What it is for.
    pub topic: Topic,
    /// Entity id, or empty. Messages of one topic with the same key are one message.
    pub key: String,
    /// Lower is earlier.
    pub lane: u8,
    /// Why, e.g. `observed`, `answered`; for logs.
    pub reason: Cow<'static, str>,
    /// Trace context of the cause, as `traceparent` text.
    pub trace: Option<String>,
}

impl Wake {
    /// A message without trace context.
    pub fn new(topic: Topic, key: impl Into<String>, lane: u8, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            topic,
            key: key.into(),
            lane,
            reason: reason.into(),
            trace: None,
        }
    }
}

/// A message that was handed out, until its lease ends or it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The message.
    pub wake: Wake,
    /// End of the lease; the message is handed out again after it.
    pub until: Time,
    /// How many times it was handed out before without being acknowledged.
    pub attempts: u32,
    /// Tells this claim from every other one.
    pub token: u64,
}

/// What became of published messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// New in the queue.
    pub added: usize,
    /// Joined to a message that was waiting or being worked on.
    pub joined: usize,
    /// Left out because the queue is full. Their work is found in the store later.
    pub dropped: usize,
}

/// How much there is of a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// To be handed out now.
    pub ready: usize,
    /// Handed out.
    pub claimed: usize,
    /// To be handed out later.
    pub later: usize,
    /// Given up.
    pub buried: usize,
    /// Messages left out since the topic was last empty: the store has more work than the queue shows.
    pub overflowed: bool,
}

/// Why a queue did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The broker cannot be reached, or refused. The store's truth is not touched by it.
    #[error("the queue is not available: {0}")]
    Unavailable(String),
}

/// What every queue can do. Time is passed in, so that a simulation can drive it.
///
/// A claim that is no longer held (its lease ended, it was answered) is ignored by every answer;
/// what its holder did meanwhile is judged by the store's revisions.
#[async_trait::async_trait]
pub trait Queue: Send + Sync {
    /// Adds messages. One with the key of a waiting message joins it, in the earlier of the two
    /// lanes; one with the key of a claimed message is handed out once more after that claim.
    async fn publish(&self, wakes: &[Wake]) -> Result<Published, QueueError>;

    /// Takes up to `count` messages of a topic, by lane and then by age, for `lease` microseconds.
    /// Nobody else is given them meanwhile.
    async fn claim(&self, topic: &Topic, count: usize, now: Time, lease: i64) -> Result<Vec<Claim>, QueueError>;

    /// Prolongs claims that are still held, to `lease` microseconds from `now`; the tokens prolonged.
    async fn extend(&self, claims: &[Claim], now: Time, lease: i64) -> Result<Vec<u64>, QueueError>;

    /// The work of these claims is done, and its result stored.
    async fn ack(&self, claims: &[Claim]) -> Result<(), QueueError>;

    /// Hands the message out again, not before `at` unless it is published again.
    async fn retry(&self, claim: &Claim, at: Time) -> Result<(), QueueError>;

    /// Gives the message up and keeps it for people to look at. `reason` is a code, not a value.
    async fn bury(&self, claim: &Claim, reason: &str) -> Result<(), QueueError>;

    /// How much there is of a topic.
    async fn depth(&self, topic: &Topic) -> Result<Depth, QueueError>;

    /// Returns when a message of the topic can be handed out, or was left out for want of room. What
    /// becomes ready by time alone (a lease's end, a retry) does not wake: see [`Queue::next_at`].
    async fn wait(&self, topic: &Topic) -> Result<(), QueueError>;

    /// The earliest moment at which time alone makes a message of the topic ready.
    async fn next_at(&self, topic: &Topic) -> Result<Option<Time>, QueueError>;
}
