//! A product's rate limits, used to about 95 % and never exceeded. Several hold at once (per
//! second, per ten seconds, per minute, searches only); governor's GCRA keeps each.

use crate::budget::DayBudget;
use crate::call::Priority;
use crate::clock::Clock;
use crate::transport::HttpResponse;
use crate::turnstile::{Turn, Turnstile};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One limit of a product: so many calls in any window of this length.
#[derive(Clone, Debug)]
pub struct Rate {
    /// Calls the product allows in a window. A header may tell another number.
    pub calls: u32,
    /// Length of the window.
    pub per: Duration,
    /// The calls it counts ([`crate::Call::group`]); all calls if `None`.
    pub group: Option<String>,
    /// Response header that tells the limit.
    pub limit_header: Option<String>,
    /// Response header that tells how many calls are left in the window.
    pub remaining_header: Option<String>,
}

impl Rate {
    /// A limit on all calls, told by no header.
    pub fn new(calls: u32, per: Duration) -> Rate {
        Rate {
            calls,
            per,
            group: None,
            limit_header: None,
            remaining_header: None,
        }
    }

    /// Counts only the calls of this group.
    pub fn group(mut self, group: impl Into<String>) -> Rate {
        self.group = Some(group.into());
        self
    }

    /// The headers that tell the limit and what is left of it.
    pub fn headers(mut self, limit: impl Into<String>, remaining: impl Into<String>) -> Rate {
        self.limit_header = Some(limit.into());
        self.remaining_header = Some(remaining.into());
        self
    }
}

/// All limits of one account.
#[derive(Clone, Default)]
pub struct Limits {
    /// Sliding windows.
    pub rates: Vec<Rate>,
    /// The share of the windows that is ours, 0 to 1, where other tools use the same account.
    /// `None` is all.
    pub share: Option<f64>,
    /// Another process may just have spent the windows: there is no burst before it has been saved up.
    pub spent: bool,
    /// Calls under way at once; no limit if `None`.
    pub concurrent: Option<usize>,
    /// The calls of a day.
    pub day: Option<Arc<dyn DayBudget>>,
    /// Response header that tells the calls left today.
    pub day_remaining_header: Option<String>,
    /// The longest a call waits for its turn before it fails as throttled; 75 s if `None`.
    pub longest_wait: Option<Duration>,
}

/// The part of a limit that is used in the long run, and the part that may be used in a burst.
/// Together they stay below the limit in every window of its length, with room for the network
/// to push calls together.
const STEADY: f64 = 0.97;
const BURST: f64 = 0.02;

/// Uses up the burst of a fresh limit, so that it goes on where an earlier process may have stopped.
fn spend(gcra: &Gcra, calls: f64, per: Duration) {
    let burst = quota(calls, per, true).burst_size();
    // Never more than the burst, so the answer is that they may go.
    let _ = gcra.check_n(burst);
}

fn quota(calls: f64, per: Duration, burst: bool) -> Quota {
    let calls = calls.max(f64::EPSILON);
    let interval = Duration::from_secs_f64((per.as_secs_f64() / (calls * STEADY)).clamp(1e-9, 1e6));
    // Truncation is meant: a burst never rounds up.
    let cells = if burst { (calls * BURST) as u32 } else { 1 };
    let cells = NonZeroU32::new(cells).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(interval)
        .unwrap_or(Quota::per_hour(NonZeroU32::MIN))
        .allow_burst(cells)
}

#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.ticks()
    }
}

type Gcra = RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Duration>>;

/// One limit at work.
struct Gate {
    rate: Rate,
    now: Mutex<(u32, Arc<Gcra>)>,
}

/// The limits of one group of calls, passed by one call after the other.
struct Lane {
    group: Option<String>,
    turnstile: Turnstile,
    gates: Vec<Gate>,
}

/// What a call holds while it is under way.
pub(crate) struct Pass {
    _place: Option<Turn>,
}

/// The limits of one account at work.
pub(crate) struct Limiter {
    clock: Arc<dyn Clock>,
    share: f64,
    /// Narrow groups first, then the lane of all calls, so that a search that waits for the
    /// search limit holds up nothing else.
    lanes: Vec<Lane>,
    places: Option<Turnstile>,
    paused_until: Mutex<Duration>,
    longest_wait: Duration,
}

impl Limiter {
    pub fn new(limits: &Limits, clock: Arc<dyn Clock>) -> Limiter {
        let share = limits.share.unwrap_or(1.0).clamp(0.01, 1.0);
        let mut lanes: Vec<Lane> = Vec::new();
        let mut rates = limits.rates.clone();
        // Long windows first: a call takes its place in the short ones last, right before it goes.
        rates.sort_by_key(|rate| (rate.group.is_none(), std::cmp::Reverse(rate.per)));
        for rate in rates {
            let gcra = new_gcra(f64::from(rate.calls) * share, rate.per, true, &clock);
            if limits.spent {
                spend(&gcra, f64::from(rate.calls) * share, rate.per);
            }
            let gate = Gate {
                now: Mutex::new((rate.calls, gcra)),
                rate,
            };
            match lanes.iter_mut().find(|lane| lane.group == gate.rate.group) {
                Some(lane) => lane.gates.push(gate),
                None => lanes.push(Lane {
                    group: gate.rate.group.clone(),
                    turnstile: Turnstile::new(1),
                    gates: vec![gate],
                }),
            }
        }
        Limiter {
            share,
            lanes,
            places: limits.concurrent.map(Turnstile::new),
            paused_until: Mutex::new(Duration::ZERO),
            longest_wait: limits.longest_wait.unwrap_or(Duration::from_secs(75)),
            clock,
        }
    }

    /// Waits until the call may go.
    ///
    /// # Errors
    /// The wait, if it is longer than a call may wait.
    pub async fn enter(&self, group: Option<&str>, priority: Priority) -> Result<Pass, Duration> {
        let place = match &self.places {
            Some(places) => Some(places.enter(priority).await),
            None => None,
        };
        self.sit_out_pause().await?;
        for lane in &self.lanes {
            if lane.group.is_some() && lane.group.as_deref() != group {
                continue;
            }
            let _turn = lane.turnstile.enter(priority).await;
            for gate in &lane.gates {
                loop {
                    self.sit_out_pause().await?;
                    let gcra = gate.current();
                    let Err(not_until) = gcra.check() else { break };
                    let wait = not_until.wait_time_from(self.clock.ticks());
                    self.wait(wait).await?;
                }
            }
        }
        Ok(Pass { _place: place })
    }

    /// Calls a second that all calls together may make in the long run; `None` if nothing limits them.
    pub fn calls_per_second(&self) -> Option<f64> {
        let all = self
            .lanes
            .iter()
            .filter(|lane| lane.group.is_none())
            .flat_map(|lane| &lane.gates);
        let steady = all.map(|gate| {
            let calls = gate.now.lock().unwrap_or_else(PoisonError::into_inner).0;
            f64::from(calls) * self.share * STEADY / gate.rate.per.as_secs_f64()
        });
        steady.min_by(f64::total_cmp)
    }

    async fn sit_out_pause(&self) -> Result<(), Duration> {
        loop {
            let until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
            let left = until.saturating_sub(self.clock.ticks());
            if left.is_zero() {
                return Ok(());
            }
            self.wait(left).await?;
        }
    }

    async fn wait(&self, wait: Duration) -> Result<(), Duration> {
        if wait > self.longest_wait {
            return Err(wait);
        }
        // At least a microsecond, the grain of our clocks, so that a wait always moves time.
        self.clock.sleep(wait.max(Duration::from_micros(1))).await;
        Ok(())
    }

    /// Holds all calls back for so long.
    pub fn pause(&self, wait: Duration) {
        let until = self.clock.ticks() + wait;
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = (*paused).max(until);
    }

    /// Learns from the headers of an answer.
    pub fn learn(&self, response: &HttpResponse, group: Option<&str>) {
        for gate in self.lanes.iter().flat_map(|lane| &lane.gates) {
            if gate.rate.group.is_some() && gate.rate.group.as_deref() != group {
                continue;
            }
            let number = |name: &Option<String>| -> Option<u32> {
                response
                    .header(name.as_deref()?)?
                    .parse::<u64>()
                    .ok()
                    .map(|n| u32::try_from(n).unwrap_or(u32::MAX))
            };
            let told = number(&gate.rate.limit_header).filter(|calls| *calls > 0);
            let limit = {
                let mut now = gate.now.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(calls) = told.filter(|calls| *calls != now.0) {
                    // Without a burst, so that the change grants no second one.
                    let gcra = new_gcra(f64::from(calls) * self.share, gate.rate.per, false, &self.clock);
                    *now = (calls, gcra);
                }
                now.0
            };
            // Somebody else spends the same window (an earlier run of ours, another tool): give way
            // for a while, but no longer than our own burst takes to come back.
            if let Some(remaining) = number(&gate.rate.remaining_header)
                && f64::from(remaining) <= (f64::from(limit) * 0.005).floor()
            {
                self.pause(gate.rate.per.mul_f64(0.02));
            }
        }
    }
}

impl Gate {
    fn current(&self) -> Arc<Gcra> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

fn new_gcra(calls: f64, per: Duration, burst: bool, clock: &Arc<dyn Clock>) -> Arc<Gcra> {
    Arc::new(RateLimiter::direct_with_clock(
        quota(calls, per, burst),
        Ticks(clock.clone()),
    ))
}
