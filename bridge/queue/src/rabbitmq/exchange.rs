//! A durable topic exchange that others bind their own queues to: what is published there is news, not work. The
//! broker confirms that it has taken a message; whether anybody listens is not our affair.

use super::{
    Timing,
    link::{Link, Session},
    socket::Address,
    topology::Layout,
    trouble,
};
use crate::{QueueError, Time};
use futures::future::try_join_all;
use lapin::{
    BasicProperties, Confirmation,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable},
};
use std::{path::Path, time::Duration};
use tokio::time::timeout;

/// Survives a restart of the broker, in queues that do.
const PERSISTENT: u8 = 2;
/// Limits of AMQP's short strings.
const LONGEST_NAME: usize = 255;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Routing key: words with dots between them, at most 255 bytes.
    pub key: String,
    /// Message id: the same for every repetition.
    pub id: String,
    /// Message type.
    pub kind: String,
    /// JSON.
    pub body: Vec<u8>,
    /// When what it tells of happened.
    pub at: Time,
    /// W3C trace context, sent as header `traceparent`.
    pub trace: Option<String>,
}

/// The exchange. Needs a Tokio runtime; its connection ends when it is dropped.
pub struct Exchange {
    link: Link,
    name: String,
    patience: Duration,
}

impl Exchange {
    /// The exchange of this name at a broker, declared by each connection. Connects in the background: a broker
    /// that is away is told of by [`Exchange::publish`]. `ca` as in [`crate::Options::ca`].
    ///
    /// # Errors
    /// [`QueueError::Settings`] for a URL, certificates or a name that cannot be used.
    pub fn new(url: &str, ca: Option<&Path>, name: &str) -> Result<Self, QueueError> {
        if name.is_empty() || name.len() > LONGEST_NAME || name.starts_with("amq.") {
            return Err(QueueError::Settings(format!("`{name}` cannot name an exchange")));
        }
        let timing = Timing {
            attempt: Duration::from_secs(10),
            longest_pause: Duration::from_secs(15),
        };
        let layout = Layout::Topic(name.into());
        Ok(Self {
            link: Link::start(format!("{name} events"), Address::parse(url, ca)?, layout, timing),
            name: name.into(),
            patience: Duration::from_secs(20),
        })
    }

    /// Publishes messages in this order. Returns when the broker has confirmed all of them; after an error any of
    /// them may have arrived.
    ///
    /// # Errors
    /// [`QueueError`]; transient ones are worth another attempt.
    pub async fn publish(&self, notices: &[Notice]) -> Result<(), QueueError> {
        let session = self.link.session(self.patience).await?;
        let sent = tokio::select! {
            sent = timeout(self.patience, self.send(&session, notices)) => {
                sent.unwrap_or_else(|_| Err(QueueError::Unavailable("the broker did not confirm in time".into())))
            }
            () = session.gone() => Err(QueueError::Unavailable("the connection was lost".into())),
        };
        // What was on its way must not be confirmed to the next attempt.
        sent.inspect_err(|_| session.renew())
    }

    async fn send(&self, session: &Session, notices: &[Notice]) -> Result<(), QueueError> {
        session.unblocked().await;
        let mut confirms = Vec::with_capacity(notices.len());
        for notice in notices {
            // Returns when it is on its way, and keeps the order.
            let letter = session.channel.basic_publish(
                self.name.as_str().into(),
                notice.key.as_str().into(),
                BasicPublishOptions::default(),
                &notice.body,
                properties(notice),
            );
            confirms.push(letter.await.map_err(|e| trouble(&e))?);
        }
        for confirmation in try_join_all(confirms).await.map_err(|e| trouble(&e))? {
            if !matches!(confirmation, Confirmation::Ack(_)) {
                return Err(QueueError::Unavailable("the broker did not take a message".into()));
            }
        }
        Ok(())
    }
}

fn properties(notice: &Notice) -> BasicProperties {
    let mut headers = FieldTable::default();
    if let Some(trace) = &notice.trace {
        headers.insert("traceparent".into(), AMQPValue::LongString(trace.as_str().into()));
    }
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(notice.id.as_str().into())
        .with_type(notice.kind.as_str().into())
        .with_timestamp(u64::try_from(notice.at / 1_000_000).unwrap_or(0))
        .with_headers(headers)
}
