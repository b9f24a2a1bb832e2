//! Where events go: anything that takes them in order and says how many it has taken.

use async_trait::async_trait;
use bridge_core::Time;
use bridge_queue::{Exchange, Notice, QueueError};
use std::time::Duration;

/// An event, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its number in the stream.
    pub seq: i64,
    /// Its id: the same for every attempt.
    pub id: String,
    /// Its routing key, which is its type.
    pub key: String,
    /// The document.
    pub body: Vec<u8>,
    /// When the change was seen.
    pub at: Time,
    /// Trace context of the change.
    pub trace: Option<String>,
}

/// Why an outlet took no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// What happened; no values and no secret.
    pub why: String,
    /// Not to be tried before, if the subscriber says so.
    pub after: Option<Duration>,
    /// The subscriber wants nothing more until somebody looks.
    pub for_good: bool,
}

/// How far an outlet got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Letters taken, from the first.
    pub taken: usize,
    /// Why not all of them. Without a reason it just has enough for now.
    pub stopped: Option<Stopped>,
}

/// Somewhere to send events.
#[async_trait]
pub trait Outlet: Send + Sync {
    /// The subscriber's name.
    fn name(&self) -> &str;

    /// Whether it wants events with this routing key.
    fn wants(&self, key: &str) -> bool;

    /// Sends letters in this order.
    async fn send(&self, letters: &[Letter]) -> Sent;
}

/// A topic exchange.
pub struct Broker {
    name: String,
    exchange: Exchange,
}

impl Broker {
    /// All events go to this exchange. `name` is the subscriber's.
    pub fn new(name: impl Into<String>, exchange: Exchange) -> Self {
        Self {
            name: name.into(),
            exchange,
        }
    }
}

#[async_trait]
impl Outlet for Broker {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    async fn send(&self, letters: &[Letter]) -> Sent {
        let notice = |letter: &Letter| Notice {
            key: letter.key.clone(),
            id: letter.id.clone(),
            kind: letter.key.clone(),
            body: letter.body.clone(),
            at: letter.at,
            trace: letter.trace.clone(),
        };
        let notices: Vec<Notice> = letters.iter().map(notice).collect();
        match self.exchange.publish(&notices).await {
            Ok(()) => Sent {
                taken: letters.len(),
                stopped: None,
            },
            Err(error) => Sent {
                taken: 0,
                stopped: Some(stopped(&error)),
            },
        }
    }
}

fn stopped(error: &QueueError) -> Stopped {
    Stopped {
        why: error.to_string(),
        after: None,
        for_good: false,
    }
}
