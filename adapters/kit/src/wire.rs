//! One attempt of one request: limits, budget, the transport, and what is learnt from the answer.

use crate::call::{Effect, Priority};
use crate::clock::Clock;
use crate::contract::Usage;
use crate::gauge::{self, Label};
use crate::limits::{Limiter, Limits};
use crate::server_time::{ServerTime, parse_date};
use crate::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use bridge_core::Time;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing::Instrument;

/// What one attempt does on the other side; token calls count apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Call(Effect),
    Token,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::Call(Effect::Read) => "read",
            Purpose::Call(Effect::Write) => "write",
            Purpose::Token => "token",
        }
    }
}

/// Why an attempt got no answer.
pub(crate) enum Stopped {
    /// Our own limits say: not for so long.
    Limits(Duration),
    /// The day's calls are used up for so long.
    DayBudget(Duration),
    /// The transport failed.
    Transport(TransportError),
}

/// The way to one product, shared by its calls and its token calls.
pub(crate) struct Wire {
    pub clock: Arc<dyn Clock>,
    system: String,
    transport: Arc<dyn Transport>,
    limiter: Limiter,
    limits: Limits,
    server_time: Mutex<ServerTime>,
    calls: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
    throttled: AtomicU64,
    /// Until when the credentials can be renewed; the largest time there is: not known.
    credentials_until: AtomicI64,
}

impl Wire {
    pub fn new(system: &str, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>, limits: Limits) -> Wire {
        Wire {
            system: system.into(),
            limiter: Limiter::new(&limits, clock.clone()),
            clock,
            transport,
            limits,
            server_time: Mutex::default(),
            calls: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            credentials_until: AtomicI64::new(Time::MAX),
        }
    }

    /// Waits for its turn, sends, counts, learns. Also gives the moment the request began.
    pub async fn attempt(
        &self,
        request: HttpRequest,
        purpose: Purpose,
        label: Label<'_>,
        group: Option<&str>,
        priority: Priority,
    ) -> Result<(HttpResponse, Time), Stopped> {
        let asked = self.clock.ticks();
        let _pass = self.limiter.enter(group, priority).await.map_err(Stopped::Limits)?;
        if let Some(day) = &self.limits.day {
            day.take(self.clock.now(), priority).await.map_err(Stopped::DayBudget)?;
        }
        let began = self.clock.now();
        let counters = match purpose {
            Purpose::Token => [Some(&self.calls), None],
            Purpose::Call(Effect::Read) => [Some(&self.calls), Some(&self.reads)],
            Purpose::Call(Effect::Write) => [Some(&self.calls), Some(&self.writes)],
        };
        for counter in counters.iter().flatten() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let sent = self.clock.ticks();
        let waited = sent.saturating_sub(asked);
        let span = gauge::span(&self.system, label, &request.method, waited);
        let exchange = async {
            let answer = self.transport.send(request).await;
            let took = self.clock.ticks().saturating_sub(sent);
            gauge::ended(&self.system, purpose.name(), &answer, took, waited);
            answer
        };
        let answer = exchange.instrument(span).await;
        if answer.as_ref().is_err_and(|error| error.not_processed) {
            for counter in counters.iter().flatten() {
                counter.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let answer = answer.map_err(Stopped::Transport)?;
        let ended = self.clock.now();
        if let Some(date) = answer.header("date").and_then(parse_date) {
            self.server_time
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .learn(date, began, ended);
        }
        // A token endpoint may have limits of its own; its headers say nothing of ours.
        if purpose != Purpose::Token {
            self.limiter.learn(&answer, group);
            if let (Some(day), Some(header)) = (&self.limits.day, &self.limits.day_remaining_header)
                && let Some(remaining) = answer.header(header).and_then(|text| text.parse().ok())
            {
                day.told(ended, remaining).await;
            }
        }
        Ok((answer, began))
    }

    /// The product said "too many": hold everything back.
    pub fn throttled(&self, wait: Duration) {
        self.count_throttled();
        self.limiter.pause(wait);
    }

    /// The product said that the day's calls are used up.
    pub fn day_spent(&self) {
        self.count_throttled();
    }

    fn count_throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
        gauge::throttled(&self.system);
    }

    /// The product said until when its credentials can be renewed.
    pub fn credentials_until(&self, until: Time) {
        self.credentials_until.store(until, Ordering::Relaxed);
    }

    pub fn calls_per_second(&self) -> Option<f64> {
        self.limiter.calls_per_second()
    }

    pub fn server_time(&self) -> ServerTime {
        *self.server_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn usage(&self) -> Usage {
        Usage {
            calls: self.calls.load(Ordering::Relaxed),
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
            day: self.limits.day.as_ref().and_then(|day| day.state(self.clock.now())),
            credentials_until: Some(self.credentials_until.load(Ordering::Relaxed)).filter(|until| *until < Time::MAX),
        }
    }
}

/// Full jitter: anything up to a bound that doubles with each attempt, so that clients that failed
/// together do not come back together.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let bound = 250_u64.saturating_mul(1 << attempt.min(6)).min(15_000);
    Duration::from_millis(rand::random_range(bound / 4..=bound))
}
