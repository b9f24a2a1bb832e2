//! The queue in RabbitMQ, shared by any number of processes.
//!
//! The broker divides: every message goes to one process, which keeps it in [`hand`] until its claim
//! is answered; leases, joining and lanes are kept there, in the same code as the embedded queue's.
//! When a process or its connection ends, the broker hands what was not answered to others, and after
//! [`Options::delivery_limit`] times parks it. Retries that are not near wait in the broker.
//!
//! Publishing has a connection of its own, because a broker short of memory or disk stops reading
//! from connections that publish, and answers to claims must get through.

mod exchange;
mod hand;
mod link;
mod message;
mod publish;
mod pump;
mod socket;
mod topology;

use crate::{Claim, DELIVERY_LIMIT, Depth, Published, Queue, QueueError, Time, Topic, Wake};
pub use exchange::{Exchange, Notice};
use hand::{GivenUp, Hand};
use lapin::{
    ErrorKind,
    options::{BasicConsumeOptions, BasicGetOptions, BasicQosOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    types::FieldTable,
};
pub use link::connections_closed;
use link::{Link, Session};
use message::Carried;
use publish::{Fate, Letter, publish};
use pump::{NEAR, Pump, Share, acknowledge, away, park, parked};
use socket::Address;
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{sync::Mutex, time::timeout};
use topology::{Layout, Topology};

/// For a delivery that is on its way from the socket into the hand.
const ARRIVAL: Duration = Duration::from_millis(5);
/// For a message that the broker says is there.
const DISPATCH: Duration = Duration::from_millis(100);
/// Parked messages that are shown.
const SHOWN: usize = 1_000;

/// How a broker is used.
#[derive(Clone, Debug)]
pub struct Options {
    /// Begins every queue's name: letters, digits, `-` and `_`. One per practice.
    pub namespace: String,
    /// Systems with a wake-up queue; the same characters.
    pub systems: Vec<String>,
    /// PEM file of certificate authorities to trust beside the system's, for `amqps://`.
    pub ca: Option<PathBuf>,
    /// Messages a process has in hand per topic.
    pub prefetch: u16,
    /// Messages a topic holds; beyond it they are left out. Declared with the queue.
    pub capacity: usize,
    /// See [`DELIVERY_LIMIT`]. Declared with the queue.
    pub delivery_limit: u32,
    /// How long one attempt to connect may take.
    pub attempt: Duration,
    /// Longest pause between attempts.
    pub longest_pause: Duration,
    /// How long a call waits for a connection, a confirm, or a blocked broker before it fails.
    pub patience: Duration,
}

impl Options {
    /// The usual, for one practice with these systems.
    pub fn new(namespace: impl Into<String>, systems: impl IntoIterator<Item = String>) -> Self {
        Self {
            namespace: namespace.into(),
            systems: systems.into_iter().collect(),
            ca: None,
            prefetch: 500,
            capacity: 50_000,
            delivery_limit: DELIVERY_LIMIT,
            attempt: Duration::from_secs(10),
            longest_pause: Duration::from_secs(15),
            patience: Duration::from_secs(20),
        }
    }
}

/// Times of a connection.
#[derive(Clone, Copy, Debug)]
struct Timing {
    attempt: Duration,
    longest_pause: Duration,
}

/// The queue in a broker. Needs a Tokio runtime; connections end when it is dropped.
pub struct RabbitMq {
    outgoing: Arc<Link>,
    incoming: Link,
    topology: Arc<Topology>,
    topics: BTreeMap<Topic, Arc<Share>>,
    prefetch: u16,
    patience: Duration,
}

impl RabbitMq {
    /// Connects, declares the queues and verifies those that exist.
    ///
    /// # Errors
    /// [`QueueError::Settings`], [`QueueError::Refused`] and [`QueueError::Topology`] at once,
    /// [`QueueError::Unavailable`] if there is no broker within [`Options::patience`].
    pub async fn connect(url: &str, options: Options) -> Result<Self, QueueError> {
        let address = Address::parse(url, options.ca.as_deref())?;
        let topics: Vec<Topic> = std::iter::once(Topic::Reconcile)
            .chain(options.systems.iter().cloned().map(Topic::Drive))
            .collect();
        let (capacity, limit) = (options.capacity, options.delivery_limit);
        let topology = Arc::new(Topology::new(&options.namespace, topics.clone(), capacity, limit)?);
        let timing = Timing {
            attempt: options.attempt,
            longest_pause: options.longest_pause,
        };
        let link = |what: &str| {
            let name = format!("{} {what}", options.namespace);
            Link::start(name, address.clone(), Layout::Work(Arc::clone(&topology)), timing)
        };
        let share = |topic: Topic| {
            let share = Share {
                topic: topic.clone(),
                hand: Hand::new(limit),
                subscribed: Mutex::new(0),
            };
            (topic, Arc::new(share))
        };
        let queue = Self {
            outgoing: Arc::new(link("publish")),
            incoming: link("consume"),
            topology: Arc::clone(&topology),
            topics: topics.into_iter().map(share).collect(),
            prefetch: options.prefetch.max(1),
            patience: options.patience,
        };
        queue.outgoing.session(options.patience).await?;
        queue.incoming.session(options.patience).await?;
        Ok(queue)
    }

    fn share(&self, topic: &Topic) -> Result<&Arc<Share>, QueueError> {
        let share = self.topics.get(topic);
        share.ok_or_else(|| QueueError::Settings(format!("there is no queue for {topic:?}")))
    }

    /// Takes deliveries of a topic in this session, from the first time somebody asks for them.
    async fn subscribe(&self, share: &Arc<Share>, session: &Arc<Session>) -> Result<(), QueueError> {
        let mut subscribed = share.subscribed.lock().await;
        if *subscribed == session.number {
            return Ok(());
        }
        let queue = self.topology.work(&share.topic);
        let start = async {
            // A channel of its own: its prefetch counts for this topic alone.
            let channel = session.connection.create_channel().await?;
            channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
            let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
            channel
                .basic_consume(queue.as_str().into(), "".into(), options, arguments)
                .await
        };
        let consumer = session
            .ask(start, self.patience)
            .await
            .inspect_err(|_| session.renew())?;
        share.hand.begin(session.number);
        *subscribed = session.number;
        let pump = Pump {
            share: Arc::clone(share),
            session: Arc::clone(session),
            outgoing: Arc::clone(&self.outgoing),
            topology: Arc::clone(&self.topology),
            patience: self.patience,
        };
        tokio::spawn(pump.run(consumer));
        Ok(())
    }

    /// Messages of a queue that nobody was given yet.
    async fn count(&self, session: &Session, queue: &str) -> Result<usize, QueueError> {
        let _one = session.asking.lock().await;
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let asked = session
            .channel
            .queue_declare(queue.into(), options, FieldTable::default());
        let queue = session
            .ask(asked, self.patience)
            .await
            .inspect_err(|_| session.renew())?;
        Ok(queue.message_count() as usize)
    }

    /// Whether a message arrived in the hand: waits as long as the broker says there are some for us.
    async fn arrives(&self, share: &Share, session: &Session) -> Result<bool, QueueError> {
        loop {
            let mut changed = std::pin::pin!(share.hand.changed());
            changed.as_mut().enable();
            if share.hand.is_ready() {
                return Ok(true);
            }
            let waiting = self.count(session, &self.topology.work(&share.topic)).await?;
            let longest = if waiting == 0 { ARRIVAL } else { DISPATCH };
            let came = timeout(longest, changed).await.is_ok();
            if !came && waiting == 0 {
                share.hand.found_empty();
            }
            if came || waiting == 0 {
                return Ok(came);
            }
            // With a full hand the broker keeps the rest.
            if share.hand.depth(0).claimed >= usize::from(self.prefetch) {
                return Ok(false);
            }
        }
    }

    async fn park(&self, share: &Share, given_up: Vec<GivenUp>) -> Result<(), QueueError> {
        park(&self.outgoing, &self.topology, share, given_up, self.patience).await
    }

    async fn claim_from(
        &self,
        share: &Arc<Share>,
        count: usize,
        now: Time,
        lease: i64,
    ) -> Result<Vec<Claim>, QueueError> {
        let (claims, given_up) = share.hand.claim(count, now, lease);
        self.park(share, given_up).await?;
        Ok(claims)
    }
}

#[async_trait::async_trait]
impl Queue for RabbitMq {
    async fn publish(&self, wakes: &[Wake]) -> Result<Published, QueueError> {
        let mut published = Published::default();
        let mut places: HashMap<(&Topic, &str), usize> = HashMap::new();
        let mut letters: Vec<Letter> = vec![];
        for wake in wakes {
            if self.share(&wake.topic)?.hand.join(wake) {
                published.joined += 1;
                continue;
            }
            match places.get(&(&wake.topic, wake.key.as_str())) {
                Some(place) => {
                    published.joined += 1;
                    if let Some(letter) = letters.get_mut(*place).filter(|l| wake.lane < l.message.wake.lane) {
                        letter.message = Carried::new(wake);
                    }
                }
                None => {
                    places.insert((&wake.topic, &wake.key), letters.len());
                    letters.push(Letter {
                        exchange: String::new(),
                        key: self.topology.work(&wake.topic),
                        message: Carried::new(wake),
                    });
                }
            }
        }
        let fates = publish(&self.outgoing, &letters, self.patience).await?;
        for (letter, fate) in letters.iter().zip(fates) {
            match fate {
                Fate::Confirmed => published.added += 1,
                Fate::Full => {
                    published.dropped += 1;
                    self.share(&letter.message.wake.topic)?.hand.overflow();
                }
            }
        }
        Ok(published)
    }

    async fn claim(&self, topic: &Topic, count: usize, now: Time, lease: i64) -> Result<Vec<Claim>, QueueError> {
        let share = self.share(topic)?;
        let session = self.incoming.session(self.patience).await?;
        self.subscribe(share, &session).await?;
        let claims = self.claim_from(share, count, now, lease).await?;
        if !claims.is_empty() || count == 0 {
            return Ok(claims);
        }
        if self.arrives(share, &session).await? {
            return self.claim_from(share, count, now, lease).await;
        }
        Ok(vec![])
    }

    async fn extend(&self, claims: &[Claim], now: Time, lease: i64) -> Result<Vec<u64>, QueueError> {
        let mut prolonged = vec![];
        for claim in claims {
            if self.share(&claim.wake.topic)?.hand.extend(claim, now, lease) {
                prolonged.push(claim.token);
            }
        }
        Ok(prolonged)
    }

    async fn ack(&self, claims: &[Claim]) -> Result<(), QueueError> {
        let mut ackers = vec![];
        for claim in claims {
            ackers.extend(self.share(&claim.wake.topic)?.hand.ack(claim));
        }
        acknowledge(&ackers).await;
        Ok(())
    }

    async fn retry(&self, claim: &Claim, at: Time) -> Result<(), QueueError> {
        let share = self.share(&claim.wake.topic)?;
        let soon = at.saturating_sub(wall_clock()) <= NEAR;
        if share.hand.retry_here(claim, at, soon) {
            return Ok(());
        }
        let message = Carried {
            attempts: claim.attempts.saturating_add(1),
            at: Some(at),
            ..Carried::new(&claim.wake)
        };
        let letter = away(&self.topology, message);
        if publish(&self.outgoing, &[letter], self.patience).await? == [Fate::Full] {
            return Err(QueueError::Unavailable("the queue of delays is full".into()));
        }
        share.hand.sent_away(at);
        acknowledge(&share.hand.ack(claim)).await;
        Ok(())
    }

    async fn bury(&self, claim: &Claim, reason: &str) -> Result<(), QueueError> {
        let share = self.share(&claim.wake.topic)?;
        if !share.hand.holds(claim) {
            return Ok(());
        }
        publish(
            &self.outgoing,
            &[parked(&self.topology, &claim.wake, reason)],
            self.patience,
        )
        .await?;
        acknowledge(&share.hand.ack(claim)).await;
        Ok(())
    }

    async fn buried(&self, topic: &Topic) -> Result<Vec<(Wake, String)>, QueueError> {
        let queue = self.topology.parked(&self.share(topic)?.topic);
        let session = self.incoming.session(self.patience).await?;
        let look = async {
            // Nothing is answered: all of it goes back in its order when the channel closes.
            let channel = session.connection.create_channel().await?;
            let mut found = vec![];
            while found.len() < SHOWN {
                let got = channel
                    .basic_get(queue.as_str().into(), BasicGetOptions::default())
                    .await?;
                let Some(message) = got else { break };
                found.push(match Carried::read(topic, &message.delivery) {
                    Some(carried) => (carried.wake, carried.buried.unwrap_or_default()),
                    None => (Wake::new(topic.clone(), "", u8::MAX, "unknown"), "not-ours".into()),
                });
            }
            channel.close(200, "looked".into()).await?;
            Ok(found)
        };
        session.ask(look, self.patience).await
    }

    async fn depth(&self, topic: &Topic) -> Result<Depth, QueueError> {
        let share = self.share(topic)?;
        let session = self.incoming.session(self.patience).await?;
        let waiting = self.count(&session, &self.topology.work(topic)).await?;
        let buried = self.count(&session, &self.topology.parked(topic)).await?;
        let mut depth = share.hand.depth(wall_clock());
        depth.ready += waiting;
        depth.buried += buried;
        Ok(depth)
    }

    async fn wait(&self, topic: &Topic) -> Result<(), QueueError> {
        let share = self.share(topic)?;
        loop {
            let subscribed = match self.incoming.session(self.patience).await {
                Ok(session) => self.subscribe(share, &session).await,
                Err(error) => Err(error),
            };
            match subscribed {
                Ok(()) => {}
                // A broker that is away says nothing: that is what waiting is for.
                Err(error) if error.is_transient() => continue,
                Err(error) => return Err(error),
            }
            let mut changed = std::pin::pin!(share.hand.changed());
            changed.as_mut().enable();
            if share.hand.has_news() {
                return Ok(());
            }
            changed.await;
        }
    }

    async fn next_at(&self, topic: &Topic) -> Result<Option<Time>, QueueError> {
        Ok(self.share(topic)?.hand.next_at(wall_clock()))
    }
}

fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::try_from(since.as_micros()).unwrap_or(Time::MAX)
}

/// What an error means to us.
fn trouble(error: &lapin::Error) -> QueueError {
    match error.kind() {
        ErrorKind::ProtocolError(said) => {
            let text = said.get_message().to_string();
            match said.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                    QueueError::Refused(text)
                }
                AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)
                | AMQPErrorKind::Hard(
                    AMQPHardError::CONNECTIONFORCED | AMQPHardError::INTERNALERROR | AMQPHardError::RESOURCEERROR,
                ) => QueueError::Unavailable(text),
                _ => QueueError::Defect(text),
            }
        }
        // A certificate that does not hold does not get better by itself.
        ErrorKind::IOError(io) if io.kind() == std::io::ErrorKind::InvalidData => QueueError::Refused(io.to_string()),
        ErrorKind::IOError(io) => QueueError::Unavailable(io.to_string()),
        _ => QueueError::Unavailable(error.to_string()),
    }
}
