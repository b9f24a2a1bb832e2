//! A connection that is kept up. Recovery is ours and not lapin's: an attempt has a time limit and is
//! cut when it exceeds it; every connection begins by declaring the topology, so that a broker which
//! was rebuilt empty is filled again; and whatever goes wrong on a connection ends it as a whole.

use super::{Timing, socket::Address, topology::Layout, trouble};
use crate::QueueError;
use futures::StreamExt;
use lapin::{Channel, Connection, Event, options::ConfirmSelectOptions};
use std::{
    future::Future,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// First pause after a failed attempt.
const FIRST: Duration = Duration::from_millis(200);
/// How often the state is looked at, in case an event was missed.
const GLANCE: Duration = Duration::from_secs(1);
/// A connection that lasted so long was a good one.
const SOUND: Duration = Duration::from_secs(5);
/// For saying goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// What keeps connections up, in this process.
static KEEPERS: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// Returns when the connections of queues that were dropped have been closed, within a few seconds. To be waited
/// for before the runtime ends, which else tears them: the broker notes that, and lapin calls it an error.
pub async fn connections_closed() {
    KEEPERS.close();
    let _ = timeout(FAREWELL, KEEPERS.wait()).await;
}

/// One connection, from its opening to its end.
pub(crate) struct Session {
    pub connection: Connection,
    /// In confirm mode.
    pub channel: Channel,
    /// Questions are asked one after the other.
    pub asking: Mutex<()>,
    /// Tells it from the sessions before and after it.
    pub number: u64,
    blocked: watch::Sender<Option<String>>,
    gone: CancellationToken,
}

impl Session {
    /// Ends the session, so that a fresh one is opened.
    pub fn renew(&self) {
        self.gone.cancel();
    }

    /// Whether it has ended.
    pub fn is_gone(&self) -> bool {
        self.gone.is_cancelled() || !self.connection.status().connected()
    }

    /// Returns when it has ended.
    pub async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// Why the broker takes no messages just now, if it does not.
    pub fn blocked(&self) -> Option<String> {
        self.blocked.borrow().clone()
    }

    /// Returns when the broker takes messages.
    pub async fn unblocked(&self) {
        // The sender lives as long as the session.
        let _ = self.blocked.subscribe().wait_for(Option::is_none).await;
    }

    /// The answer, or that the session ended before it came.
    pub async fn ask<T>(&self, what: impl Future<Output = lapin::Result<T>>, limit: Duration) -> Result<T, QueueError> {
        let answer = tokio::select! {
            answer = timeout(limit, what) => answer,
            () = self.gone() => return Err(lost()),
        };
        match answer {
            Ok(answer) => answer.map_err(|error| trouble(&error)),
            Err(_) => Err(QueueError::Unavailable(format!("no answer within {limit:?}"))),
        }
    }

    async fn end(&self) {
        let mut events = self.connection.events_listener();
        let mut glance = interval(GLANCE);
        glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.gone.cancelled() => return,
                _ = glance.tick() => {
                    if !self.connection.status().connected() {
                        return;
                    }
                }
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(reason, "the broker takes no messages for now");
                        self.blocked.send_replace(Some(reason));
                    }
                    Some(Event::ConnectionUnblocked) => {
                        tracing::info!("the broker takes messages again");
                        self.blocked.send_replace(None);
                    }
                    Some(Event::Error(error)) => {
                        tracing::debug!(%error, "the connection to the broker failed");
                        return;
                    }
                    Some(_) => {}
                    None => return,
                },
            }
        }
    }
}

fn lost() -> QueueError {
    QueueError::Unavailable("the connection was lost".into())
}

#[derive(Clone)]
enum State {
    Down(QueueError),
    Up(Arc<Session>),
}

/// Keeps one connection up until it is dropped.
pub(crate) struct Link {
    state: watch::Receiver<State>,
    stop: CancellationToken,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Link {
    pub fn start(name: String, address: Address, layout: Layout, timing: Timing) -> Self {
        let place = address.place();
        let (tell, state) = watch::channel(State::Down(QueueError::Unavailable(format!(
            "{place} did not answer yet"
        ))));
        let stop = CancellationToken::new();
        let keeper = Keeper {
            name,
            address,
            layout,
            timing,
            tell,
            stop: stop.clone(),
        };
        KEEPERS.spawn(keeper.keep());
        Self { state, stop }
    }

    /// The session, waiting up to `patience` for one.
    ///
    /// # Errors
    /// At once what only a person can mend; after that time why there is none.
    pub async fn session(&self, patience: Duration) -> Result<Arc<Session>, QueueError> {
        let mut state = self.state.clone();
        let up = async {
            loop {
                match &*state.borrow_and_update() {
                    State::Up(session) if !session.is_gone() => return Ok(Arc::clone(session)),
                    State::Down(error) if !error.is_transient() => return Err(error.clone()),
                    _ => {}
                }
                if state.changed().await.is_err() {
                    return Err(QueueError::Unavailable("the queue was closed".into()));
                }
            }
        };
        match timeout(patience, up).await {
            Ok(result) => result,
            Err(_) => Err(match &*self.state.borrow() {
                State::Down(error) => error.clone(),
                State::Up(_) => lost(),
            }),
        }
    }
}

struct Keeper {
    name: String,
    address: Address,
    layout: Layout,
    timing: Timing,
    tell: watch::Sender<State>,
    stop: CancellationToken,
}

impl Keeper {
    async fn keep(self) {
        let mut pause = FIRST;
        for number in 1.. {
            let cut = CancellationToken::new();
            let _cut = cut.clone().drop_guard();
            let ended = CancellationToken::new();
            let opened = tokio::select! {
                opened = timeout(self.timing.attempt, self.open(number, &cut, &ended)) => opened,
                () = self.stop.cancelled() => return,
            };
            let limit = self.timing.attempt;
            let error =
                match opened.unwrap_or_else(|_| Err(QueueError::Unavailable(format!("no answer within {limit:?}")))) {
                    Ok(session) => {
                        let session = Arc::new(session);
                        let since = Instant::now();
                        tracing::debug!(name = self.name, number, "connected to the broker");
                        self.tell.send_replace(State::Up(Arc::clone(&session)));
                        tokio::select! {
                            () = session.end() => {}
                            () = self.stop.cancelled() => {
                                let goodbye = async {
                                    let _ = session.connection.close(200, "done".into()).await;
                                    // Cut while it still reads, it would see an error.
                                    ended.cancelled().await;
                                };
                                let _ = timeout(FAREWELL, goodbye).await;
                                session.gone.cancel();
                                return;
                            }
                        }
                        session.gone.cancel();
                        if since.elapsed() > SOUND {
                            pause = FIRST;
                        }
                        lost()
                    }
                    Err(error) => error,
                };
            cut.cancel();
            let error = self.at_place(error);
            tracing::warn!(name = self.name, %error, "no connection to the broker; trying again");
            self.tell.send_replace(State::Down(error));
            // Spread, so that many workers do not come back in the same moment.
            let spread = pause.mul_f64(0.5 + rand::random::<f64>() / 2.0);
            tokio::select! {
                () = sleep(spread) => {}
                () = self.stop.cancelled() => return,
            }
            pause = (pause * 2).min(self.timing.longest_pause);
        }
    }

    async fn open(
        &self,
        number: u64,
        cut: &CancellationToken,
        ended: &CancellationToken,
    ) -> Result<Session, QueueError> {
        let connection = self
            .address
            .open(&self.name, cut, ended)
            .await
            .map_err(|e| trouble(&e))?;
        self.layout.declare(&connection).await?;
        let channel = connection.create_channel().await.map_err(|e| trouble(&e))?;
        let confirm = channel.confirm_select(ConfirmSelectOptions::default());
        confirm.await.map_err(|e| trouble(&e))?;
        Ok(Session {
            connection,
            channel,
            asking: Mutex::new(()),
            number,
            blocked: watch::channel(None).0,
            // What ends with the session while it says goodbye must not cut it short.
            gone: cut.child_token(),
        })
    }

    fn at_place(&self, error: QueueError) -> QueueError {
        let place = self.address.place();
        match error {
            QueueError::Unavailable(why) => QueueError::Unavailable(format!("{place}: {why}")),
            QueueError::Refused(why) => QueueError::Refused(format!("{place}: {why}")),
            other => other,
        }
    }
}
