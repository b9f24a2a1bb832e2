//! The queue divides work and wakes whoever does it; it decides nothing and knows no values. A
//! message says "look at this entity" or "this system has something to do". Dirty flags in the
//! store are the truth, so that a lost, repeated or late message costs time only: whoever starts,
//! finds the queue empty for long, or is told of an overflow fills it again from the store.
//!
//! [`Queue`] is what a broker must be able to do; [`Embedded`] does it inside the process,
//! [`RabbitMq`] among any number of processes.
#![deny(missing_docs)]

mod embedded;
mod lane;
mod rabbitmq;

pub use embedded::Embedded;
pub use rabbitmq::{Exchange, Notice, Options, RabbitMq, connections_closed};

use std::borrow::Cow;

/// Microseconds since 1970 UTC, on the caller's clock.
pub type Time = i64;

/// How many times a message may be handed out again before it is given up for want of an answer.
pub const DELIVERY_LIMIT: u32 = 20;
/// The reason of what was given up because nobody ever answered for it.
pub const EXHAUSTED: &str = "delivery-limit";

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

/// Why a queue did not do what it was asked. No text names a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The broker cannot be reached or takes nothing just now. Trying again may help; the store's
    /// truth is not touched by it.
    #[error("the queue is not available: {0}")]
    Unavailable(String),
    /// The broker does not let us in: user, password, permissions or virtual host. A person must act.
    #[error("the broker refuses us: {0}")]
    Refused(String),
    /// What stands in the broker under our name is not what this version declares.
    #[error(
        "{what} differs in `{argument}`: {detail}; remove it while no bridge runs (the store refills it), or use another virtual host"
    )]
    Topology {
        /// The queue or exchange.
        what: String,
        /// The argument in which it differs.
        argument: String,
        /// What the broker said about it.
        detail: String,
    },
    /// The URL or an option cannot be used.
    #[error("the queue's settings cannot be used: {0}")]
    Settings(String),
    /// We used the broker in a way it does not allow: a defect of ours.
    #[error("the broker was used wrongly: {0}")]
    Defect(String),
}

impl QueueError {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// What every queue can do. Time is passed in, so that a simulation can drive it; a broker goes by
/// the clock of the wall, and expects the same of its callers.
///
/// What is promised of one key and of order holds within a process. Between processes a broker
/// shares work out in the order of publication and may hand the same key to two of them, if it was
/// published by two: revisions in the store exclude them.
///
/// A claim that is no longer held (its lease ended, it was answered) is ignored by every answer;
/// what its holder did meanwhile is judged by the store's revisions.
#[async_trait::async_trait]
pub trait Queue: Send + Sync {
    /// Adds messages. One with the key of a waiting message joins it, in the earlier of the two
    /// lanes; one with the key of a claimed message is handed out once more after that claim.
    async fn publish(&self, wakes: &[Wake]) -> Result<Published, QueueError>;

    /// Takes up to `count` messages of a topic, by lane and then by age, for `lease` microseconds.
    /// Nobody else is given them meanwhile. One whose lease ends after it was handed out more than
    /// [`DELIVERY_LIMIT`] times is given up with the reason [`EXHAUSTED`].
    async fn claim(&self, topic: &Topic, count: usize, now: Time, lease: i64) -> Result<Vec<Claim>, QueueError>;

    /// Prolongs claims that are still held, to `lease` microseconds from `now`; the tokens prolonged.
    async fn extend(&self, claims: &[Claim], now: Time, lease: i64) -> Result<Vec<u64>, QueueError>;

    /// The work of these claims is done, and its result stored.
    async fn ack(&self, claims: &[Claim]) -> Result<(), QueueError>;

    /// Hands the message out again, not before `at` unless it is published again.
    async fn retry(&self, claim: &Claim, at: Time) -> Result<(), QueueError>;

    /// Gives the message up and keeps it for people to look at. `reason` is a code, not a value.
    async fn bury(&self, claim: &Claim, reason: &str) -> Result<(), QueueError>;

    /// Messages of a topic that were given up, with the reasons, oldest first; at most a thousand.
    async fn buried(&self, topic: &Topic) -> Result<Vec<(Wake, String)>, QueueError>;

    /// How much there is of a topic.
    async fn depth(&self, topic: &Topic) -> Result<Depth, QueueError>;

    /// Returns when a message of the topic can be handed out, or was left out for want of room. What
    /// becomes ready by time alone (a lease's end, a retry) does not wake: see [`Queue::next_at`].
    async fn wait(&self, topic: &Topic) -> Result<(), QueueError>;

    /// The earliest moment at which time alone makes a message of the topic ready.
    async fn next_at(&self, topic: &Topic) -> Result<Option<Time>, QueueError>;
}
