//! Between the broker and the hand: deliveries go in, what is given up or far away goes out again.

use super::{
    hand::{GivenUp, Hand},
    link::{Link, Session},
    message::Carried,
    publish::{Fate, Letter, publish},
    topology::Topology,
    wall_clock,
};
use crate::{QueueError, Time, Topic, Wake};
use futures::{StreamExt, future::join_all};
use lapin::{
    Acker, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// A retry nearer than this stays in hand; the lowest step of the ladder of delays.
pub(super) const NEAR: Time = 1_000_000;

/// This process's share of one topic.
pub(super) struct Share {
    pub topic: Topic,
    pub hand: Hand,
    /// The session in which it takes deliveries: none before somebody asks for messages.
    pub subscribed: Mutex<u64>,
}

/// Moves deliveries of one topic from one session into the hand.
pub(super) struct Pump {
    pub share: Arc<Share>,
    pub session: Arc<Session>,
    pub outgoing: Arc<Link>,
    pub topology: Arc<Topology>,
    pub patience: Duration,
}

impl Pump {
    pub async fn run(self, mut consumer: Consumer) {
        loop {
            let delivery = tokio::select! {
                delivery = consumer.next() => delivery,
                () = self.session.gone() => break,
            };
            match delivery {
                Some(Ok(delivery)) => self.take_in(delivery).await,
                // The queue was removed, or the channel closed: a fresh session mends both.
                Some(Err(_)) | None => break,
            }
        }
        self.session.renew();
        self.share.hand.end(self.session.number);
    }

    async fn take_in(&self, delivery: Delivery) {
        let Some(carried) = Carried::read(&self.share.topic, &delivery) else {
            tracing::warn!(topic = ?self.share.topic, "a message that is not ours was parked");
            // An answer that does not get through is given again with the next delivery.
            let _ = delivery.acker.reject(BasicRejectOptions { requeue: false }).await;
            return;
        };
        if carried.at.is_some_and(|at| at.saturating_sub(wall_clock()) > NEAR) {
            let (outgoing, topology, patience) =
                (Arc::clone(&self.outgoing), Arc::clone(&self.topology), self.patience);
            tokio::spawn(async move {
                let letter = away(&topology, carried);
                match publish(&outgoing, &[letter], patience).await.as_deref() {
                    Ok([Fate::Confirmed]) => acknowledge(&[delivery.acker]).await,
                    _ => hand_back(&[delivery.acker]).await,
                }
            });
            return;
        }
        let Carried { wake, attempts, at, .. } = carried;
        self.share
            .hand
            .take_in(self.session.number, &wake, attempts, at, delivery.acker);
    }
}

/// To the step of the ladder that fits; what returns early is sent again.
pub(super) fn away(topology: &Topology, message: Carried) -> Letter {
    let rest = message.at.unwrap_or(0).saturating_sub(wall_clock());
    let rest = Duration::from_micros(u64::try_from(rest).unwrap_or(0));
    Letter {
        exchange: topology.delay(rest).unwrap_or_default(),
        key: topology.work(&message.wake.topic),
        message,
    }
}

pub(super) fn parked(topology: &Topology, wake: &Wake, reason: &str) -> Letter {
    Letter {
        exchange: String::new(),
        key: topology.parked(&wake.topic),
        message: Carried {
            buried: Some(reason.into()),
            ..Carried::new(wake)
        },
    }
}

pub(super) async fn park(
    outgoing: &Link,
    topology: &Topology,
    share: &Share,
    given_up: Vec<GivenUp>,
    patience: Duration,
) -> Result<(), QueueError> {
    if given_up.is_empty() {
        return Ok(());
    }
    let letters: Vec<Letter> = given_up.iter().map(|g| parked(topology, &g.wake, &g.reason)).collect();
    let done = publish(outgoing, &letters, patience).await;
    let ackers: Vec<Acker> = given_up.into_iter().flat_map(|g| g.ackers).collect();
    tracing::warn!(topic = ?share.topic, count = letters.len(), "messages that nobody answered for were given up");
    match done {
        Ok(_) => acknowledge(&ackers).await,
        Err(error) => {
            hand_back(&ackers).await;
            return Err(error);
        }
    }
    Ok(())
}

/// An answer that does not get through has lost its connection, and the message comes again.
pub(super) async fn acknowledge(ackers: &[Acker]) {
    join_all(ackers.iter().map(|acker| acker.ack(BasicAckOptions::default()))).await;
}

async fn hand_back(ackers: &[Acker]) {
    let options = BasicNackOptions {
        requeue: true,
        ..BasicNackOptions::default()
    };
    join_all(ackers.iter().map(|acker| acker.nack(options))).await;
}
