//! One round of everything that is due, and the loops around it.

mod parked;
mod tally;

pub use tally::{Step, Tally};

use crate::approval::Approval;
use crate::deliver::{micros, wait};
use crate::directory::Directory;
use crate::error::EngineError;
use crate::follow::Seen;
use crate::handed::Handed;
use crate::note::Noted;
use crate::retention::Retention;
use crate::settings::{Ids, Settings, System};
use crate::tell::Telling;
use crate::{look_back, pause};
use adapter_kit::{AdapterError, Clock, Failure};
use bridge_core::Time;
use bridge_queue::Queue;
use bridge_store::{RecordKey, Sizes, Store};
use parked::Parked;
use serde::Serialize;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A sweep asked for: due whatever the record of the last one says.
pub(crate) const SWEEP_NOW: Time = Time::MIN;

/// How a system is doing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Health {
    /// Last time it was observed without trouble, microseconds.
    pub last_seen: Option<Time>,
    /// What went wrong last, if it has not gone right since; codes and names only.
    pub trouble: Option<String>,
    /// Failed attempts in a row.
    pub failures: u32,
    #[serde(skip)]
    next_poll: Time,
    #[serde(skip)]
    next_sweep: Time,
    #[serde(skip)]
    next_look_back: Time,
    #[serde(skip)]
    sweep_failures: u32,
    /// The last poll of this process ended: nothing it could show is still unread.
    #[serde(skip)]
    caught_up: bool,
    /// Pages of the poll under way, and of the last one that ended.
    #[serde(skip)]
    pages: (usize, Option<usize>),
    #[serde(skip)]
    rest_until: Time,
    /// The trouble is that the product refuses the credentials.
    #[serde(skip)]
    pub(crate) refused: bool,
}

/// The loop over one practice's systems. One engine at a time drives an account.
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    health: Mutex<BTreeMap<String, Health>>,
    parked: Mutex<BTreeMap<(String, String), Parked>>,
    pub(crate) directory: tokio::sync::Mutex<Option<Directory>>,
    /// Records that changed since the directory saw them; kept once there is a directory.
    pub(crate) stale: Mutex<Option<BTreeSet<RecordKey>>>,
    pub(crate) handed: Arc<Handed>,
    pub(crate) bell: Arc<Notify>,
    pub(crate) next_expiry: AtomicI64,
    pub(crate) next_forgetting: AtomicI64,
    /// How long what is old is kept; for ever if none.
    pub(crate) retention: Option<Retention>,
    /// When changes that are on their way were seen.
    pub(crate) seen: Arc<Seen>,
    /// Since when this engine drives the accounts, if it does.
    pub(crate) driving_since: Option<Time>,
    pub(crate) noted: Mutex<Noted>,
    /// How many people and records there were, when that was counted, and how long it took.
    pub(crate) sizes: Mutex<Option<(Instant, Duration, Sizes)>>,
    /// Cancelled when this engine may not drive the accounts any more.
    pub(crate) dismissed: CancellationToken,
    /// The public stream, if there is one.
    pub(crate) telling: Option<Telling>,
    held: Vec<Box<dyn Any + Send + Sync>>,
}

impl Engine {
    /// Takes over: calls that were out when the last engine stopped are unknown from now on.
    ///
    /// # Errors
    /// The store's.
    pub async fn start(
        settings: Settings,
        store: Store,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, EngineError> {
        store.mark_sent_as_unknown(clock.now()).await?;
        let driving_since = Some(clock.now());
        let engine = Self {
            driving_since,
            ..Self::attend(settings, store, queue, clock, ids)
        };
        engine.unfollow_old().await?;
        engine.note_driving().await?;
        Ok(engine)
    }

    /// For a person's decisions and for reading, beside the engine that drives the accounts: takes
    /// nothing over.
    pub fn attend(
        settings: Settings,
        store: Store,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        // When the last sweep was is looked up at the first step.
        let sweep = settings.sweep_every.map_or(Time::MAX / 2, |_| 0);
        let health = settings
            .systems
            .iter()
            .map(|s| {
                (
                    s.name.clone(),
                    Health {
                        next_sweep: sweep,
                        ..Health::default()
                    },
                )
            })
            .collect();
        Self {
            settings,
            store,
            queue,
            clock,
            ids,
            health: Mutex::new(health),
            parked: Mutex::default(),
            directory: tokio::sync::Mutex::default(),
            stale: Mutex::default(),
            handed: Arc::default(),
            bell: Arc::default(),
            next_expiry: AtomicI64::new(Time::MIN),
            next_forgetting: AtomicI64::new(Time::MIN),
            retention: None,
            seen: Arc::default(),
            driving_since: None,
            noted: Mutex::default(),
            sizes: Mutex::default(),
            dismissed: CancellationToken::new(),
            telling: None,
            held: vec![],
        }
    }

    /// Something that is kept alive with the engine, by its type.
    pub fn held<T: Any>(&self) -> Option<&T> {
        // The box itself is Any as well: what is in it is asked for.
        self.held.iter().find_map(|thing| (**thing).downcast_ref::<T>())
    }

    /// Forgets once a day what is older than this says.
    pub fn keeping(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Keeps something alive for as long as the engine lives, such as the lock on its store.
    pub fn holding(mut self, thing: impl Any + Send + Sync) -> Self {
        self.held.push(Box::new(thing));
        self
    }

    /// Drives only until the token is cancelled. What is under way then is dropped where it stands, as if the process were
    /// killed: nothing that waits for its turn is sent any more.
    pub fn until(mut self, dismissed: CancellationToken) -> Self {
        self.dismissed = dismissed;
        self
    }

    /// Returns when this engine may not drive any more.
    pub async fn dismissed(&self) {
        self.dismissed.cancelled().await;
    }

    async fn while_driving<T>(&self, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
        tokio::select! {
            biased;
            () = self.dismissed.cancelled() => Err(EngineError::Dismissed),
            done = work => done,
        }
    }

    /// Whether this process drives the practice's accounts.
    pub fn drives(&self) -> bool {
        self.driving_since.is_some()
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What the engine was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How each system is doing.
    pub fn health(&self) -> BTreeMap<String, Health> {
        self.health.lock().map(|h| h.clone()).unwrap_or_default()
    }

    fn with_health<T>(&self, system: &str, f: impl FnOnce(&mut Health) -> T) -> T {
        let mut health = self.health.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        f(health.entry(system.into()).or_default())
    }

    /// Lets the next step poll everything, whatever was polled lately.
    pub fn poll_now(&self) {
        for system in &self.settings.systems {
            self.with_health(&system.name, |h| h.next_poll = 0);
        }
    }

    /// Lets the next step compare full listings, whenever the last one was.
    pub fn sweep_now(&self) {
        for system in &self.settings.systems {
            self.with_health(&system.name, |h| h.next_sweep = SWEEP_NOW);
        }
    }

    /// Whether some system did not answer lately.
    pub fn troubled(&self) -> bool {
        self.health().values().any(|h| h.trouble.is_some())
    }

    /// Only looks: takes what the feeds show, links and writes nothing.
    ///
    /// # Errors
    /// The store's, or [`EngineError::Dismissed`].
    pub async fn observe(&self, now: Time) -> Result<Step, EngineError> {
        self.while_driving(self.look_around(now)).await
    }

    async fn look_around(&self, now: Time) -> Result<Step, EngineError> {
        self.store.take_in_hints().await?;
        let steps = futures::future::join_all(self.settings.systems.iter().map(|s| self.capture(s, now))).await;
        let mut step = Step::default();
        for one in steps {
            step.add(&one?);
        }
        self.expire_hints(now).await?;
        self.take_in_old(now).await?;
        self.go_on_taking_back(&mut step).await?;
        self.forget_if_due(now).await?;
        self.note(now).await?;
        Ok(step)
    }

    /// One round of everything that is due at `now`.
    ///
    /// # Errors
    /// The store's or the queue's, or [`EngineError::Dismissed`]. Trouble with one system is kept in its [`Health`].
    pub async fn step(&self, now: Time) -> Result<Step, EngineError> {
        self.while_driving(self.round(now)).await
    }

    async fn round(&self, now: Time) -> Result<Step, EngineError> {
        let mut step = self.look_around(now).await?;
        if self.approval().await? != Approval::Given {
            return Ok(step);
        }
        self.identify(&mut step).await?;
        self.reconcile_all(&mut step).await?;
        let steps = futures::future::join_all(self.settings.systems.iter().map(|s| self.drive(s, now))).await;
        for one in steps {
            step.add(&one?);
        }
        // What was just settled is judged at once: a change must not wait for the next poll.
        self.reconcile_all(&mut step).await?;
        Ok(step)
    }

    async fn capture(&self, system: &System, now: Time) -> Result<Step, EngineError> {
        let mut step = Step::default();
        let (due, sweep, rest, pages) = self.with_health(&system.name, |h| {
            (now >= h.next_poll, now >= h.next_sweep, h.rest_until, h.pages.1)
        });
        if now < rest {
            step.wake_at(rest);
            return Ok(step);
        }
        let hints = self.hints(system).await?;
        let mut shown = BTreeSet::new();
        let mut more_to_show = false;
        let polls = due || Self::poll_is_cheaper(system, &hints, pages);
        let hints = if polls { hints } else { self.whole_reads(system, hints) };
        if polls {
            let hinted = hints.iter().map(|h| h.remote_id.as_str()).collect();
            match self.poll(system, &hinted, &mut shown, &mut step).await? {
                Ok((pages, more)) => {
                    more_to_show = more;
                    step.polls += usize::from(!more);
                    step.more |= more;
                    let next = if more { 0 } else { now + micros(system.poll_every) };
                    self.well(system, |h| {
                        h.next_poll = next;
                        h.caught_up = !more;
                        let all = h.pages.0 + pages;
                        h.pages = if more { (all, h.pages.1) } else { (0, Some(all)) };
                    });
                }
                Err(error) => {
                    self.with_health(&system.name, |h| h.caught_up = false);
                    self.ill(system, &error, &mut step);
                    return Ok(step);
                }
            }
        }
        if !hints.is_empty() {
            self.follow_hints(system, &hints, &shown, more_to_show, &mut step)
                .await?;
        }
        if sweep {
            let next = self
                .settings
                .sweep_every
                .map_or(Time::MAX / 2, |every| now + micros(every));
            match self.sweep_if_due(system, &mut step).await? {
                Ok(at) => self.with_health(&system.name, |h| {
                    h.sweep_failures = 0;
                    h.next_sweep = at.unwrap_or(next);
                }),
                // A listing that breaks off is tried again later; the rest of the work goes on.
                Err(error) => {
                    tracing::warn!(system = %system.name, what = %error.what, code = %error.code, "the sweep broke off");
                    self.with_health(&system.name, |h| {
                        h.sweep_failures = h.sweep_failures.saturating_add(1);
                        h.next_sweep = now + micros(Duration::from_secs(300 << h.sweep_failures.min(5)));
                    });
                }
            }
        }
        match self.look(system, &mut step).await? {
            Ok(()) => self.begin_telling(system).await?,
            Err(error) => self.ill(system, &error, &mut step),
        }
        let next = self.with_health(&system.name, |h| h.next_poll.max(h.rest_until));
        step.wake_at(next);
        Ok(step)
    }

    async fn drive(&self, system: &System, now: Time) -> Result<Step, EngineError> {
        let mut step = Step::default();
        let rest = self.with_health(&system.name, |h| h.rest_until);
        if now < rest {
            step.wake_at(rest);
            return Ok(step);
        }
        if let Err(error) = self.look_at_unknown(system, &mut step).await? {
            self.ill(system, &error, &mut step);
            return Ok(step);
        }
        if pause::closed(&self.store, &system.name).await?.is_some() {
            return Ok(step);
        }
        match self.deliver(system, &mut step).await? {
            Ok(()) => {
                if step.sent == 0 && !step.more {
                    self.rearm(system).await?;
                    self.end_backfill().await?;
                    if let Err(error) = self.look_back_if_due(system, now, &mut step).await? {
                        self.ill(system, &error, &mut step);
                    }
                }
            }
            Err(error) => self.ill(system, &error, &mut step),
        }
        Ok(step)
    }

    async fn look_back_if_due(
        &self,
        system: &System,
        now: Time,
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let due = self.with_health(&system.name, |h| now >= h.next_look_back);
        if !due || !Self::looks_back(system) {
            return Ok(Ok(()));
        }
        self.with_health(&system.name, |h| h.next_look_back = now + micros(look_back::EVERY));
        self.look_back(system, now, step).await
    }

    pub(crate) fn sweep_asked(&self, system: &System) -> bool {
        self.with_health(&system.name, |h| h.next_sweep == SWEEP_NOW)
    }

    /// Whether nothing that a system's feed could show is unread: what "nobody" and "create" rest on.
    pub(crate) async fn caught_up(&self) -> Result<bool, EngineError> {
        let polled = self
            .settings
            .systems
            .iter()
            .all(|s| self.with_health(&s.name, |h| h.caught_up));
        Ok(polled && self.mirrors_complete().await? && !self.unread_strangers().await?)
    }

    /// Whether everybody is known who can be: the driver goes by its own polls. Beside it, where only dry runs ask,
    /// complete first passes must do, and what a later page brings makes another plan.
    pub(crate) async fn everybody_read(&self) -> Result<bool, EngineError> {
        if self.drives() {
            return self.caught_up().await;
        }
        Ok(self.mirrors_complete().await? && !self.unread_strangers().await?)
    }

    fn well(&self, system: &System, f: impl FnOnce(&mut Health)) {
        let now = self.clock.now();
        self.with_health(&system.name, |h| {
            h.last_seen = Some(now);
            h.trouble = None;
            h.refused = false;
            h.failures = 0;
            f(h);
        });
    }

    fn ill(&self, system: &System, error: &AdapterError, step: &mut Step) {
        let now = self.clock.now();
        let until = self.with_health(&system.name, |h| {
            h.failures = h.failures.saturating_add(1);
            h.trouble = Some(error.to_string());
            h.refused = error.failure == Failure::Auth;
            h.rest_until = now + micros(wait(error, h.failures));
            h.rest_until
        });
        tracing::warn!(system = %system.name, what = %error.what, code = %error.code, "the system did not answer as expected");
        step.wake_at(until);
    }

    /// Whether a record is due for a direct read that did not just fail.
    async fn readable_look_due(&self) -> Result<bool, EngineError> {
        let unreadable = self.unreadable();
        for system in &self.settings.systems {
            let due = self.store.looks(&system.name, system.kind(), usize::MAX >> 1).await?;
            if due
                .into_iter()
                .any(|id| !unreadable.contains(&(system.name.clone(), id)))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether nothing is left to do by itself: no dirty entity, no planned, pending or unknown
    /// write, no read due, and the last polls showed nothing new. Open review items may remain.
    ///
    /// # Errors
    /// The store's.
    pub async fn settled(&self) -> Result<bool, EngineError> {
        let counts = self.store.work().await?;
        let looks = counts.looks > 0 && self.readable_look_due().await?;
        let idle = !looks && counts.hints + counts.dirty + counts.planned + counts.unsettled == 0;
        let identified = counts.unidentified == 0 || !self.strangers().await?;
        Ok(idle && !self.troubled() && identified && self.store.to_match().await?.is_empty())
    }
}
