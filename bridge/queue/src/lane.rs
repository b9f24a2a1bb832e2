//! Messages of one topic in this process: what is ready, what is claimed, what waits for its time.

use crate::{Claim, DELIVERY_LIMIT, Depth, EXHAUSTED, Time, Wake};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Given-up messages kept for people to look at.
const BURIED: usize = 1_000;

/// Messages of one topic. Every message is in exactly one state, and in the index of that state.
pub(crate) struct Messages {
    by_key: HashMap<String, Message>,
    ready: BTreeMap<(u8, u64), String>,
    later: BTreeSet<(Time, u64, String)>,
    leases: BTreeSet<(Time, u64, String)>,
    buried: VecDeque<(Wake, String)>,
    overflowed: bool,
    /// Leases that may end without an answer before a message is given up.
    limit: u32,
    /// Grows with every use: order of arrival, and tokens.
    count: u64,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            by_key: HashMap::new(),
            ready: BTreeMap::new(),
            later: BTreeSet::new(),
            leases: BTreeSet::new(),
            buried: VecDeque::new(),
            overflowed: false,
            limit: DELIVERY_LIMIT,
            count: 0,
        }
    }
}

struct Message {
    wake: Wake,
    attempts: u32,
    state: State,
}

#[derive(Clone)]
enum State {
    Ready {
        order: u64,
    },
    Later {
        at: Time,
        order: u64,
    },
    Claimed {
        until: Time,
        token: u64,
        again: Option<Wake>,
    },
}

/// What became of a published message.
pub(crate) enum Put {
    Added,
    Joined,
    Dropped,
}

impl Messages {
    /// With a limit of its own.
    pub fn with_limit(limit: u32) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Forgets everything but that its tokens have been used.
    pub fn forget(&mut self) {
        let (count, limit) = (self.count, self.limit);
        *self = Self {
            count,
            limit,
            ..Self::default()
        };
    }

    pub fn contains(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// Adds a message that was handed out elsewhere before, to be handed out from `at` on. One whose
    /// key is here already joins it.
    pub fn put_again(&mut self, wake: &Wake, attempts: u32, at: Option<Time>) {
        if self.contains(&wake.key) {
            self.put(wake, usize::MAX);
            return;
        }
        let order = self.next();
        let state = match at {
            Some(at) => {
                self.later.insert((at, order, wake.key.clone()));
                State::Later { at, order }
            }
            None => {
                self.ready.insert((wake.lane, order), wake.key.clone());
                State::Ready { order }
            }
        };
        let message = Message {
            wake: wake.clone(),
            attempts,
            state,
        };
        self.by_key.insert(wake.key.clone(), message);
    }

    pub fn put(&mut self, wake: &Wake, capacity: usize) -> Put {
        let order = self.next();
        if let Some(message) = self.by_key.get_mut(&wake.key) {
            match &mut message.state {
                State::Ready { order } => {
                    if wake.lane < message.wake.lane {
                        self.ready.remove(&(message.wake.lane, *order));
                        self.ready.insert((wake.lane, *order), wake.key.clone());
                        message.wake = wake.clone();
                    }
                }
                State::Later { at, order: since } => {
                    self.later.remove(&(*at, *since, wake.key.clone()));
                    let lane = wake.lane.min(message.wake.lane);
                    message.wake = Wake { lane, ..wake.clone() };
                    message.state = State::Ready { order };
                    self.ready.insert((lane, order), wake.key.clone());
                }
                State::Claimed { again, .. } => match again {
                    Some(again) if again.lane <= wake.lane => {}
                    _ => *again = Some(wake.clone()),
                },
            }
            return Put::Joined;
        }
        if self.by_key.len() >= capacity && !self.make_room(wake.lane) {
            self.overflowed = true;
            return Put::Dropped;
        }
        self.ready.insert((wake.lane, order), wake.key.clone());
        self.by_key.insert(
            wake.key.clone(),
            Message {
                wake: wake.clone(),
                attempts: 0,
                state: State::Ready { order },
            },
        );
        Put::Added
    }

    /// Leaves out the youngest ready message of a later lane than `lane`.
    fn make_room(&mut self, lane: u8) -> bool {
        let Some((place, key)) = self.ready.pop_last() else {
            return false;
        };
        if place.0 <= lane {
            self.ready.insert(place, key);
            return false;
        }
        self.by_key.remove(&key);
        self.overflowed = true;
        true
    }

    pub fn claim(&mut self, count: usize, now: Time, lease: i64) -> Vec<Claim> {
        self.advance(now);
        let until = now.saturating_add(lease);
        let mut claims = Vec::new();
        while claims.len() < count {
            let Some((_, key)) = self.ready.pop_first() else {
                break;
            };
            let token = self.next();
            let Some(message) = self.by_key.get_mut(&key) else {
                continue;
            };
            message.state = State::Claimed {
                until,
                token,
                again: None,
            };
            claims.push(Claim {
                wake: message.wake.clone(),
                until,
                attempts: message.attempts,
                token,
            });
            self.leases.insert((until, token, key));
        }
        if self.ready.is_empty() && claims.len() < count {
            self.overflowed = false;
        }
        claims
    }

    /// Makes ready what is so by time: retries that are due, claims whose lease ended.
    fn advance(&mut self, now: Time) {
        while let Some((at, _, _)) = self.later.first()
            && *at <= now
            && let Some((_, order, key)) = self.later.pop_first()
        {
            self.make_ready(&key, order);
        }
        while let Some((until, _, _)) = self.leases.first()
            && *until <= now
            && let Some((_, token, key)) = self.leases.pop_first()
        {
            let Some(message) = self.by_key.get_mut(&key) else {
                continue;
            };
            message.attempts += 1;
            if message.attempts > self.limit {
                self.exhaust(&key);
            } else {
                self.make_ready(&key, token);
            }
        }
    }

    /// Gives up a message that nobody answers for; news about it comes through.
    fn exhaust(&mut self, key: &str) {
        let Some(message) = self.by_key.remove(key) else {
            return;
        };
        self.keep_buried(message.wake, EXHAUSTED);
        if let State::Claimed { again: Some(again), .. } = message.state {
            self.put(&again, usize::MAX);
        }
    }

    fn keep_buried(&mut self, wake: Wake, reason: &str) {
        if self.buried.len() == BURIED {
            self.buried.pop_front();
        }
        self.buried.push_back((wake, reason.to_string()));
    }

    fn make_ready(&mut self, key: &str, order: u64) {
        if let Some(message) = self.by_key.get_mut(key) {
            if let State::Claimed { again: Some(again), .. } = &message.state {
                let lane = again.lane.min(message.wake.lane);
                message.wake = Wake { lane, ..again.clone() };
            }
            message.state = State::Ready { order };
            self.ready.insert((message.wake.lane, order), key.to_string());
        }
    }

    pub fn extend(&mut self, claim: &Claim, now: Time, lease: i64) -> bool {
        let Some(message) = self.by_key.get_mut(&claim.wake.key) else {
            return false;
        };
        let State::Claimed { until, token, .. } = &mut message.state else {
            return false;
        };
        // A lease that ended is not prolonged, even if nobody was given the message yet.
        if *token != claim.token || *until <= now {
            return false;
        }
        self.leases.remove(&(*until, *token, claim.wake.key.clone()));
        *until = now.saturating_add(lease);
        self.leases.insert((*until, *token, claim.wake.key.clone()));
        true
    }

    /// Takes a claim back, if it is still held: whether it was, and what came in meanwhile.
    fn give_back(&mut self, claim: &Claim) -> Option<Option<Wake>> {
        let key = &claim.wake.key;
        match self.by_key.get(key).map(|message| message.state.clone()) {
            Some(State::Claimed { until, token, again }) if token == claim.token => {
                self.leases.remove(&(until, token, key.clone()));
                Some(again)
            }
            _ => None,
        }
    }

    pub fn ack(&mut self, claim: &Claim) {
        match self.give_back(claim) {
            None => {}
            Some(None) => drop(self.by_key.remove(&claim.wake.key)),
            Some(Some(again)) => {
                let order = self.next();
                self.ready.insert((again.lane, order), again.key.clone());
                self.by_key.insert(
                    again.key.clone(),
                    Message {
                        wake: again,
                        attempts: 0,
                        state: State::Ready { order },
                    },
                );
            }
        }
    }

    pub fn retry(&mut self, claim: &Claim, at: Time) {
        let Some(again) = self.give_back(claim) else {
            return;
        };
        let order = self.next();
        let key = &claim.wake.key;
        let Some(message) = self.by_key.get_mut(key) else {
            return;
        };
        message.attempts += 1;
        if again.is_some() {
            self.make_ready(key, order);
        } else {
            message.state = State::Later { at, order };
            self.later.insert((at, order, key.clone()));
        }
    }

    /// Whether a claim was not answered yet and its message not handed out again.
    pub fn holds(&self, claim: &Claim) -> bool {
        let state = self.by_key.get(&claim.wake.key).map(|message| &message.state);
        matches!(state, Some(State::Claimed { token, .. }) if *token == claim.token)
    }

    /// Whether a claimed message was published again meanwhile.
    pub fn has_news(&self, claim: &Claim) -> bool {
        let state = self.by_key.get(&claim.wake.key).map(|message| &message.state);
        matches!(state, Some(State::Claimed { again: Some(_), .. }))
    }

    pub fn bury(&mut self, claim: &Claim, reason: &str) {
        if self.holds(claim) {
            self.keep_buried(claim.wake.clone(), reason);
            self.ack(claim);
        }
    }

    /// Hands over what was given up.
    pub fn take_buried(&mut self) -> Vec<(Wake, String)> {
        self.buried.drain(..).collect()
    }

    pub fn buried(&self) -> Vec<(Wake, String)> {
        self.buried.iter().cloned().collect()
    }

    pub fn depth(&self) -> Depth {
        Depth {
            ready: self.ready.len(),
            claimed: self.leases.len(),
            later: self.later.len(),
            buried: self.buried.len(),
            overflowed: self.overflowed,
        }
    }

    pub fn next_at(&self) -> Option<Time> {
        [self.later.first(), self.leases.first()]
            .into_iter()
            .flatten()
            .map(|(at, _, _)| *at)
            .min()
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}
