//! Where time comes from. Everything in an adapter that waits or measures goes through a
//! [`Clock`], so that a simulation can drive it.

use async_trait::async_trait;
use bridge_core::Time;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, on the bridge's own clock.
    fn now(&self) -> Time;

    /// Time since some fixed moment, never going back: what waits and rate limits are measured by.
    fn ticks(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.now()).unwrap_or(0))
    }

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock and the runtime's timer.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose ticks count from now.
    pub fn new() -> SystemClock {
        SystemClock {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::try_from(since.as_micros()).unwrap_or(Time::MAX)
    }

    fn ticks(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that moves only when told, or when everybody who could do something is asleep on it: it
/// then jumps to the end of the sleep that ends first. Tasks on several threads make the order of
/// what happens depend on the threads; on one thread it is always the same.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<Manual>,
}

#[derive(Debug)]
struct Manual {
    now: Time,
    /// Ends of the sleeps under way, each with the number of sleepers.
    ends: BTreeMap<Time, usize>,
}

impl ManualClock {
    /// A clock that shows this time.
    pub fn new(now: Time) -> ManualClock {
        ManualClock {
            state: Mutex::new(Manual {
                now,
                ends: BTreeMap::new(),
            }),
        }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.lock().now += micros(by);
    }

    fn lock(&self) -> MutexGuard<'_, Manual> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Time {
        self.lock().now
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.now() + micros(duration);
        *self.lock().ends.entry(end).or_default() += 1;
        Sleep {
            clock: self,
            end,
            polls: 0,
        }
        .await;
    }
}

/// A sleep under way.
struct Sleep<'a> {
    clock: &'a ManualClock,
    end: Time,
    polls: u8,
}

/// So often the first to wake lets others go before it takes the time along with it. Whoever is not
/// the first waits much longer, in case the first is never polled again.
const PATIENCE: u8 = 3;

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        let first = state.ends.keys().next().is_none_or(|first| *first >= self.end);
        let may_wake = (first && self.polls >= PATIENCE) || self.polls == u8::MAX;
        if state.now < self.end && may_wake {
            state.now = self.end;
        }
        if state.now >= self.end {
            return Poll::Ready(());
        }
        drop(state);
        self.polls = self.polls.saturating_add(1);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        let mut state = self.clock.lock();
        if let Some(count) = state.ends.get_mut(&self.end) {
            *count -= 1;
            if *count == 0 {
                state.ends.remove(&self.end);
            }
        }
    }
}

pub(crate) fn micros(duration: Duration) -> Time {
    Time::try_from(duration.as_micros()).unwrap_or(Time::MAX / 4)
}
