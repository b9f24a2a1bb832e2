//! Where time comes from. Everything in an adapter that waits or measures goes through a
//! [`Clock`], so that a simulation can drive it.

use async_trait::async_trait;
use bridge_core::Time;
use std::sync::Mutex;
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
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Time::try_from(since.as_micros()).unwrap_or(Time::MAX)
    }

    fn ticks(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that moves only when told, or when somebody sleeps on it: a sleep ends at once and
/// leaves the clock at the moment it would have ended.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Time>,
}

impl ManualClock {
    /// A clock that shows this time.
    pub fn new(now: Time) -> ManualClock {
        ManualClock {
            now: Mutex::new(now),
        }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        *self.lock() += micros(by);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Time> {
        self.now
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Time {
        *self.lock()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + micros(duration);
        // Others get their turn first, as they would during a real sleep.
        tokio::task::yield_now().await;
        let mut now = self.lock();
        *now = (*now).max(until);
    }
}

pub(crate) fn micros(duration: Duration) -> Time {
    Time::try_from(duration.as_micros()).unwrap_or(Time::MAX / 4)
}
