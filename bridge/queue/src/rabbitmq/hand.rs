//! What this process has in hand of one topic: messages that the broker has handed to it and that
//! wait for a claim, are claimed, or wait for a moment that is near. The broker gives all of them to
//! somebody else when our connection ends.

use crate::{Claim, Depth, Time, Wake, lane::Messages};
use lapin::Acker;
use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Messages in hand, and who waits for some.
pub(crate) struct Hand {
    state: Mutex<State>,
    news: Notify,
}

struct State {
    messages: Messages,
    deliveries: HashMap<String, Deliveries>,
    /// Retries that wait in the broker, by their time: those this process knows of.
    away: BTreeMap<Time, usize>,
    /// Something was left out for want of room, and the topic was not found empty since.
    overflowed: bool,
    /// The session in which the deliveries were made; no other can answer them.
    session: u64,
}

/// The broker's messages behind one key: usually one.
#[derive(Default)]
struct Deliveries {
    ackers: Vec<Acker>,
    /// How many of them, from the first, the present claim has seen.
    claimed: usize,
}

/// Something to be told to the broker: a message to park before its deliveries are answered.
pub(crate) struct GivenUp {
    pub wake: Wake,
    pub reason: String,
    pub ackers: Vec<Acker>,
}

impl Hand {
    pub fn new(limit: u32) -> Self {
        Self {
            state: Mutex::new(State {
                messages: Messages::with_limit(limit),
                deliveries: HashMap::new(),
                away: BTreeMap::new(),
                overflowed: false,
                session: 0,
            }),
            news: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No call leaves the state half changed, so a panic elsewhere is no reason to stop.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a session: what was in hand before is not any more.
    pub fn begin(&self, session: u64) {
        let mut state = self.state();
        state.session = session;
        state.messages.forget();
        state.deliveries.clear();
    }

    /// Ends a session, unless a later one has begun.
    pub fn end(&self, session: u64) {
        if self.state().session == session {
            self.begin(0);
        }
        // Whoever waits must subscribe again.
        self.news.notify_waiters();
    }

    /// Takes a delivery in; `false` if it came too late for its session.
    pub fn take_in(&self, session: u64, wake: &Wake, attempts: u32, at: Option<Time>, acker: Acker) -> bool {
        let mut state = self.state();
        if state.session != session {
            return false;
        }
        state.messages.put_again(wake, attempts, at);
        state.deliveries.entry(wake.key.clone()).or_default().ackers.push(acker);
        self.tell(&state);
        true
    }

    /// Joins a published message to one that is in hand, if there is one: it will be handed out
    /// after this moment, here or, if we are gone by then, by the broker.
    pub fn join(&self, wake: &Wake) -> bool {
        let mut state = self.state();
        let joins = state.messages.contains(&wake.key);
        if joins {
            state.messages.put(wake, usize::MAX);
            self.tell(&state);
        }
        joins
    }

    pub fn claim(&self, count: usize, now: Time, lease: i64) -> (Vec<Claim>, Vec<GivenUp>) {
        let mut state = self.state();
        let claims = state.messages.claim(count, now, lease);
        for claim in &claims {
            if let Some(deliveries) = state.deliveries.get_mut(&claim.wake.key) {
                deliveries.claimed = deliveries.ackers.len();
            }
        }
        let given_up = state.messages.take_buried();
        let given_up = given_up.into_iter().map(|(wake, reason)| GivenUp {
            ackers: state.settle(&wake.key),
            wake,
            reason,
        });
        (claims, given_up.collect())
    }

    pub fn extend(&self, claim: &Claim, now: Time, lease: i64) -> bool {
        self.state().messages.extend(claim, now, lease)
    }

    pub fn holds(&self, claim: &Claim) -> bool {
        self.state().messages.holds(claim)
    }

    /// Ends a claim whose work is done or whose message is safe elsewhere; what to acknowledge.
    pub fn ack(&self, claim: &Claim) -> Vec<Acker> {
        let mut state = self.state();
        if !state.messages.holds(claim) {
            return vec![];
        }
        state.messages.ack(claim);
        self.tell(&state);
        state.settle(&claim.wake.key)
    }

    /// Keeps a message that is to be handed out again so soon that sending it away is not worth it,
    /// or at once because there is news. Whether the claim has been dealt with.
    pub fn retry_here(&self, claim: &Claim, at: Time, soon: bool) -> bool {
        let mut state = self.state();
        if state.messages.holds(claim) && !soon && !state.messages.has_news(claim) {
            return false;
        }
        state.messages.retry(claim, at);
        self.tell(&state);
        true
    }

    /// Notes that a retry waits in the broker.
    pub fn sent_away(&self, at: Time) {
        *self.state().away.entry(at).or_default() += 1;
    }

    /// Notes that a message was left out for want of room.
    pub fn overflow(&self) {
        self.state().overflowed = true;
        self.news.notify_waiters();
    }

    /// Notes that the topic was found empty, here and in the broker.
    pub fn found_empty(&self) {
        self.state().overflowed = false;
    }

    pub fn depth(&self, now: Time) -> Depth {
        let mut state = self.state();
        state.forget_arrived(now);
        let mut depth = state.messages.depth();
        depth.later += state.away.values().sum::<usize>();
        depth.overflowed |= state.overflowed;
        depth
    }

    pub fn next_at(&self, now: Time) -> Option<Time> {
        let mut state = self.state();
        state.forget_arrived(now);
        let away = state.away.keys().next().copied();
        state.messages.next_at().into_iter().chain(away).min()
    }

    /// Whether there is something to claim.
    pub fn is_ready(&self) -> bool {
        self.state().messages.depth().ready > 0
    }

    /// Whether there is something to claim, or to learn about what was left out.
    pub fn has_news(&self) -> bool {
        let state = self.state();
        state.messages.depth().ready > 0 || state.overflowed
    }

    /// Resolves at the next change for the better; armed from the moment it is enabled.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.news.notified()
    }

    fn tell(&self, state: &State) {
        if state.messages.depth().ready > 0 {
            self.news.notify_waiters();
        }
    }
}

impl State {
    /// Deliveries that are answered for after a claim of this key has ended. If the message stays in
    /// hand by news that never went through the broker, the last one stays with it.
    fn settle(&mut self, key: &str) -> Vec<Acker> {
        let remains = self.messages.contains(key);
        let Some(deliveries) = self.deliveries.get_mut(key) else {
            return vec![];
        };
        if !remains {
            return self.deliveries.remove(key).map(|d| d.ackers).unwrap_or_default();
        }
        let seen = mem::take(&mut deliveries.claimed);
        let done = seen.min(deliveries.ackers.len().saturating_sub(1));
        deliveries.ackers.drain(..done).collect()
    }

    /// Retries whose time has come are on their way back, and counted where they arrive.
    fn forget_arrived(&mut self, now: Time) {
        self.away = self.away.split_off(&(now + 1));
    }
}
