//! A gate that lets a few through at a time, the most important first.

use crate::call::Priority;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Lets at most so many holders in at once. Waiters go in by priority, then in order.
#[derive(Clone, Debug)]
pub(crate) struct Turnstile {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: [VecDeque<oneshot::Sender<Turn>>; 3],
}

/// The right to be inside; given up when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    of: Turnstile,
    /// False once the place has been handed on.
    held: bool,
}

impl Turnstile {
    pub fn new(places: usize) -> Turnstile {
        Turnstile {
            state: Arc::new(Mutex::new(State {
                free: places.max(1),
                waiting: Default::default(),
            })),
        }
    }

    /// Waits for a place. Giving up the wait is safe: a place handed to a waiter that is gone
    /// comes back, since the place itself travels through the channel.
    pub async fn enter(&self, priority: Priority) -> Turn {
        let waiter = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Turn {
                    of: self.clone(),
                    held: true,
                };
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting[priority as usize].push_back(sender);
            receiver
        };
        match waiter.await {
            Ok(turn) => turn,
            // The sender lives in our own state and is only dropped by being used.
            Err(_) => Turn {
                of: self.clone(),
                held: false,
            },
        }
    }

    fn leave(&self) {
        loop {
            let next = {
                let mut state = self.lock();
                match state.waiting.iter_mut().rev().find_map(VecDeque::pop_front) {
                    Some(sender) => sender,
                    None => {
                        state.free += 1;
                        return;
                    }
                }
            };
            match next.send(Turn {
                of: self.clone(),
                held: true,
            }) {
                Ok(()) => return,
                // That waiter is gone: take the place back without running its drop.
                Err(mut turn) => turn.held = false,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.held {
            self.of.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn the_most_important_goes_first_and_gone_waiters_cost_nothing() {
        let gate = Turnstile::new(1);
        let first = gate.enter(Priority::Bulk).await;
        let mut bulk = Box::pin(gate.enter(Priority::Bulk));
        let mut gone = Box::pin(gate.enter(Priority::Interactive));
        let mut person = Box::pin(gate.enter(Priority::Interactive));
        assert!((&mut bulk).now_or_never().is_none());
        assert!((&mut gone).now_or_never().is_none());
        assert!((&mut person).now_or_never().is_none());
        drop(first);
        // The place was handed to `gone`, which never takes it.
        drop(gone);
        assert!((&mut bulk).now_or_never().is_none());
        let turn = (&mut person).now_or_never().expect("the person is next");
        drop(turn);
        let turn = (&mut bulk).now_or_never().expect("then the backfill");
        drop(turn);
        assert!(gate.enter(Priority::Bulk).now_or_never().is_some());
    }
}
