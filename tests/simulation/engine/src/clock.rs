//! Virtual time: every glance at the clock is a moment later than the last.

use adapter_kit::Clock;
use async_trait::async_trait;
use bridge_core::Time;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that moves by one microsecond whenever it is looked at, and by as much as anybody sleeps.
#[derive(Debug)]
pub struct Moments(AtomicI64);

impl Moments {
    /// A clock that shows this time.
    pub fn new(now: Time) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Moves on.
    pub fn advance(&self, by: Time) {
        self.0.fetch_add(by.max(0), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for Moments {
    fn now(&self) -> Time {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(Time::try_from(duration.as_micros()).unwrap_or(0));
    }
}
