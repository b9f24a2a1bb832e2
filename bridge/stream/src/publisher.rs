//! Sends the stream from each subscriber's stored position. Part of the process that drives a practice: its store
//! writes under the driver's lease, so two publishers never move one position.

use crate::document::{document, key};
use crate::outlet::{Letter, Outlet, Sent, Stopped};
use adapter_kit::Clock;
use bridge_core::Time;
use bridge_store::{Event, Store, StoreError, Subscriber};
use futures::future::try_join_all;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Events read at once.
const READ: usize = 200;
/// How often a subscriber is looked at without being told of anything.
const GLANCE: Duration = Duration::from_secs(1);
/// Pauses after failures: the first, doubled each time up to the longest.
const FIRST_PAUSE: Time = 1_000_000;
const LONGEST_PAUSE: Time = 900_000_000;
/// A subscriber that fails for so long is parked.
pub const PARK_AFTER: Duration = Duration::from_secs(86_400);
/// How often one that is parked is tried.
const PARKED_PAUSE: Time = 3_600_000_000;

/// Made at the first use: a meter provider that is set later counts nothing.
static SENT: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let meter = global::meter("halaxy-bridge");
    meter
        .u64_counter("bridge.events")
        .with_description("Events of the public stream, by subscriber and what became of them")
        .build()
});

fn count(subscriber: &str, outcome: &'static str, events: usize) {
    let labels = [
        KeyValue::new("subscriber", subscriber.to_string()),
        KeyValue::new("outcome", outcome),
    ];
    SENT.add(events as u64, &labels);
}

/// Sends a practice's events to its subscribers, to each at its own pace.
pub struct Publisher {
    store: Store,
    clock: Arc<dyn Clock>,
    outlets: Vec<Arc<dyn Outlet>>,
}

impl Publisher {
    /// A publisher of what is in this store.
    pub fn new(store: Store, clock: Arc<dyn Clock>, outlets: Vec<Arc<dyn Outlet>>) -> Self {
        Self { store, clock, outlets }
    }

    /// Lets subscribers that are new begin with what comes next.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin(&self) -> Result<(), StoreError> {
        for outlet in &self.outlets {
            self.known(outlet.name()).await?;
        }
        Ok(())
    }

    /// Sends some of what there is to every subscriber whose time it is. Whether there may be more to send right away.
    ///
    /// # Errors
    /// The store's.
    pub async fn round(&self) -> Result<bool, StoreError> {
        let mut more = false;
        for outlet in &self.outlets {
            more |= self.once(outlet.as_ref()).await?;
        }
        Ok(more)
    }

    /// Sends until `stop` is cancelled; `told` changes when there are new events. What was under way then is sent
    /// again next time, if nobody noted that it arrived.
    ///
    /// # Errors
    /// The store's: that it is away, or that another process drives the practice now.
    pub async fn run(&self, told: watch::Receiver<u64>, stop: &CancellationToken) -> Result<(), StoreError> {
        let each = self
            .outlets
            .iter()
            .map(|outlet| self.serve(outlet.as_ref(), told.clone(), stop));
        try_join_all(each).await.map(drop)
    }

    async fn serve(
        &self,
        outlet: &dyn Outlet,
        mut told: watch::Receiver<u64>,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        loop {
            told.borrow_and_update();
            let more = tokio::select! {
                done = self.once(outlet) => match done {
                    // Another writer of this process or beside it had its turn.
                    Err(StoreError::Busy) => false,
                    done => done?,
                },
                () = stop.cancelled() => return Ok(()),
            };
            if more {
                continue;
            }
            tokio::select! {
                // The engine is gone: what it told is sent all the same.
                changed = told.changed() => if changed.is_err() { tokio::time::sleep(GLANCE).await },
                () = tokio::time::sleep(GLANCE) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// One round of one subscriber: whether there may be more to send right away.
    async fn once(&self, outlet: &dyn Outlet) -> Result<bool, StoreError> {
        let mut subscriber = self.known(outlet.name()).await?;
        if self.clock.now() < subscriber.retry_at {
            return Ok(false);
        }
        let Some(stream) = self.store.stream().await? else {
            return Ok(false);
        };
        let events = self.store.events(subscriber.position, READ).await?;
        let Some((first, last)) = events.first().zip(events.last()) else {
            return Ok(false);
        };
        let lost = usize::try_from(first.seq - subscriber.position - 1).unwrap_or(0);
        if lost > 0 {
            tracing::warn!(
                subscriber = outlet.name(),
                lost,
                "events were forgotten before this subscriber took them"
            );
            count(outlet.name(), "lost", lost);
            subscriber.position = first.seq - 1;
        }
        let letters = self.letters(outlet, &stream, &events);
        let sent = if letters.is_empty() {
            Sent::default()
        } else {
            outlet.send(&letters).await
        };
        let taken = sent.taken.min(letters.len());
        count(outlet.name(), "sent", taken);
        subscriber.position = match letters.get(taken) {
            // What it does not want before the next one it wants is behind it too.
            Some(next) => next.seq - 1,
            None => last.seq,
        };
        self.note(&mut subscriber, sent.stopped, taken > 0 || letters.is_empty());
        let mut tx = self.store.begin().await?;
        tx.put_subscriber(&subscriber).await?;
        tx.commit().await?;
        Ok(subscriber.failures == 0)
    }

    /// How far a subscriber is. A new one begins with what comes next.
    async fn known(&self, name: &str) -> Result<Subscriber, StoreError> {
        if let Some(known) = self.store.subscriber(name).await? {
            return Ok(known);
        }
        let subscriber = Subscriber {
            name: name.into(),
            position: self.store.last_event().await?,
            ..Subscriber::default()
        };
        let mut tx = self.store.begin().await?;
        tx.put_subscriber(&subscriber).await?;
        tx.commit().await?;
        Ok(subscriber)
    }

    fn letters(&self, outlet: &dyn Outlet, stream: &str, events: &[Event]) -> Vec<Letter> {
        let practice = self.store.practice();
        let letter = |event: &Event| {
            let key = key(practice, event);
            outlet.wants(&key).then(|| Letter {
                seq: event.seq,
                id: event.id.clone(),
                key,
                body: document(practice, stream, event).to_string().into_bytes(),
                at: event.at,
                trace: event.trace.clone(),
            })
        };
        events.iter().filter_map(letter).collect()
    }

    /// Notes what an attempt came to. One that took something ends a row of failures.
    fn note(&self, subscriber: &mut Subscriber, stopped: Option<Stopped>, well: bool) {
        let now = self.clock.now();
        if well {
            if subscriber.parked {
                tracing::info!(subscriber = subscriber.name, "a subscriber takes events again");
            }
            *subscriber = Subscriber {
                name: std::mem::take(&mut subscriber.name),
                position: subscriber.position,
                ..Subscriber::default()
            };
        }
        let Some(stopped) = stopped else { return };
        count(&subscriber.name, "failed", 1);
        if subscriber.failures == 0 {
            subscriber.since = now;
        }
        subscriber.failures = subscriber.failures.saturating_add(1);
        let long = now - subscriber.since >= Time::try_from(PARK_AFTER.as_micros()).unwrap_or(Time::MAX);
        if (long || stopped.for_good) && !subscriber.parked {
            tracing::warn!(
                subscriber = subscriber.name,
                why = stopped.why,
                "a subscriber is parked: it takes no events"
            );
            subscriber.parked = true;
        }
        let usual = if subscriber.parked {
            PARKED_PAUSE
        } else {
            (FIRST_PAUSE << (subscriber.failures - 1).min(20)).min(LONGEST_PAUSE)
        };
        let asked = stopped
            .after
            .map_or(0, |after| Time::try_from(after.as_micros()).unwrap_or(0));
        subscriber.retry_at = now + usual.max(asked);
        tracing::debug!(
            subscriber = subscriber.name,
            why = stopped.why,
            "a subscriber did not take an event"
        );
        subscriber.trouble = stopped.why;
    }
}
