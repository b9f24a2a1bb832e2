//! What stands in the broker: names, arguments, and how they are declared and verified.
//!
//! For each topic a queue of work, and beside it a queue where given-up messages are parked. For
//! delays a ladder of queues whose messages expire after a fixed time: with a time of its own per
//! message, one that waits long would hold up those behind it. An expired message goes back to the
//! queue of work that its routing key names. Everything is durable and replicated (quorum queues).
//!
//! Names carry [`VERSION`]. A broker refuses a queue whose arguments changed, so whoever changes an
//! argument here raises it; the old queues can be deleted once no older bridge runs.

use super::trouble;
use crate::{QueueError, Topic};
use lapin::{
    Channel, Connection, ErrorKind, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use std::{sync::Arc, time::Duration};

/// Of names and arguments below.
const VERSION: u32 = 1;
/// Steps of the ladder in seconds: each four times the one before, up to about an hour.
const STEPS: [u64; 7] = [1, 4, 16, 64, 256, 1024, 4096];
/// Parked messages kept per topic; the oldest go first.
const PARKED: i64 = 10_000;
/// Looking at parked messages counts as handing them out, and must not use them up.
const LOOKS: i64 = 1_000_000;

/// What a connection declares before it is used.
#[derive(Clone, Debug)]
pub(crate) enum Layout {
    /// A practice's queues.
    Work(Arc<Topology>),
    /// A topic exchange of this name, for others to bind their queues to.
    Topic(String),
}

impl Layout {
    /// Declares everything; what is there already must be the same.
    ///
    /// # Errors
    /// [`QueueError::Topology`] naming what differs, or the broker's trouble.
    pub async fn declare(&self, connection: &Connection) -> Result<(), QueueError> {
        match self {
            Self::Work(topology) => topology.declare(connection).await,
            Self::Topic(name) => {
                let channel = connection.create_channel().await.map_err(|e| trouble(&e))?;
                exchange(&channel, name, ExchangeKind::Topic).await?;
                channel.close(200, "declared".into()).await.map_err(|e| trouble(&e))
            }
        }
    }
}

/// Names and limits of one practice's queues.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    namespace: String,
    topics: Vec<Topic>,
    capacity: usize,
    delivery_limit: u32,
}

impl Topology {
    /// # Errors
    /// [`QueueError::Settings`] for names that are empty, too long, or would run into one another.
    pub fn new(namespace: &str, topics: Vec<Topic>, capacity: usize, limit: u32) -> Result<Self, QueueError> {
        let plain = |name: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            !name.is_empty() && name.len() <= 80 && name.chars().all(allowed)
        };
        let names = topics.iter().filter_map(|topic| match topic {
            Topic::Reconcile => None,
            Topic::Drive(system) => Some(system.as_str()),
        });
        match std::iter::once(namespace).chain(names).find(|name| !plain(name)) {
            Some(name) => Err(QueueError::Settings(format!(
                "`{name}` cannot be part of a queue's name: letters, digits, - and _ only"
            ))),
            None => Ok(Self {
                namespace: namespace.into(),
                topics,
                capacity,
                delivery_limit: limit,
            }),
        }
    }

    /// The queue of work of a topic.
    pub fn work(&self, topic: &Topic) -> String {
        match topic {
            Topic::Reconcile => format!("{}.v{VERSION}.reconcile", self.namespace),
            Topic::Drive(system) => format!("{}.v{VERSION}.drive.{system}", self.namespace),
        }
    }

    /// Where given-up messages of a topic are kept.
    pub fn parked(&self, topic: &Topic) -> String {
        format!("{}.parked", self.work(topic))
    }

    /// The exchange to publish to for a delay: that of the highest step which does not exceed it.
    /// `None` if even the lowest does.
    pub fn delay(&self, delay: Duration) -> Option<String> {
        let step = STEPS.iter().rev().find(|step| delay >= Duration::from_secs(**step))?;
        Some(self.step(*step))
    }

    fn step(&self, seconds: u64) -> String {
        format!("{}.v{VERSION}.delay.{seconds}s", self.namespace)
    }

    async fn declare(&self, connection: &Connection) -> Result<(), QueueError> {
        // A refusal closes its channel only.
        let channel = connection.create_channel().await.map_err(|e| trouble(&e))?;
        for topic in &self.topics {
            let (work, parked) = (self.work(topic), self.parked(topic));
            queue(&channel, &parked, self.parked_arguments()).await?;
            queue(&channel, &work, self.work_arguments(&parked)).await?;
        }
        for seconds in STEPS {
            let name = self.step(seconds);
            exchange(&channel, &name, ExchangeKind::Fanout).await?;
            queue(&channel, &name, self.delay_arguments(seconds)).await?;
            let bound = channel.queue_bind(
                name.as_str().into(),
                name.as_str().into(),
                "".into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            bound.await.map_err(|e| trouble(&e))?;
        }
        channel.close(200, "declared".into()).await.map_err(|e| trouble(&e))
    }

    fn work_arguments(&self, parked: &str) -> FieldTable {
        let capacity = i64::try_from(self.capacity).unwrap_or(i64::MAX);
        table([
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", AMQPValue::LongLongInt(self.delivery_limit.into())),
            ("x-max-length", AMQPValue::LongLongInt(capacity)),
            ("x-overflow", text("reject-publish")),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(parked)),
            ("x-dead-letter-strategy", text("at-least-once")),
        ])
    }

    fn parked_arguments(&self) -> FieldTable {
        table([
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", AMQPValue::LongLongInt(LOOKS)),
            ("x-max-length", AMQPValue::LongLongInt(PARKED)),
            ("x-overflow", text("drop-head")),
        ])
    }

    fn delay_arguments(&self, seconds: u64) -> FieldTable {
        let milliseconds = i64::try_from(seconds).unwrap_or(i64::MAX / 1000) * 1000;
        table([
            ("x-queue-type", text("quorum")),
            ("x-message-ttl", AMQPValue::LongLongInt(milliseconds)),
            ("x-overflow", text("reject-publish")),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-strategy", text("at-least-once")),
        ])
    }
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn table<const N: usize>(arguments: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(name.into(), value);
    }
    table
}

async fn queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), QueueError> {
    let declared = channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments);
    declared
        .await
        .map(drop)
        .map_err(|e| difference(&e, &format!("queue {name}")))
}

async fn exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> Result<(), QueueError> {
    let options = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let declared = channel.exchange_declare(name.into(), kind, options, FieldTable::default());
    declared.await.map_err(|e| difference(&e, &format!("exchange {name}")))
}

/// Turns "precondition failed" into what differs. RabbitMQ says `inequivalent arg 'NAME' for queue
/// 'Q' in vhost 'V': received 'A' but current is 'B'`.
fn difference(error: &lapin::Error, what: &str) -> QueueError {
    let ErrorKind::ProtocolError(said) = error.kind() else {
        return trouble(error);
    };
    let text = said.get_message().as_str();
    let Some((_, rest)) = text.split_once("inequivalent arg '") else {
        return trouble(error);
    };
    let argument = rest.split('\'').next().unwrap_or_default();
    let detail = rest.split_once("': ").map_or(rest, |(_, detail)| detail);
    QueueError::Topology {
        what: what.into(),
        argument: argument.into(),
        detail: detail.into(),
    }
}
