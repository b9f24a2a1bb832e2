//! How a practice is doing, in one answer: what is left to do, what waits for a person, how long ago
//! each system was looked at, and what somebody should be told. "Nothing to do" is said only of
//! systems that were looked at in time; otherwise the answer is that nobody could look (promise 18).
//!
//! Everything comes from the store, so that a process which drives nothing gives the same answer.

mod alerts;
mod books;
mod forecast;
pub mod parts;
mod remedy;
pub mod samples;

pub use alerts::{Alert, AlertCode, Limits};
pub use books::{LedgerVitals, ProofVitals};
pub use forecast::{Forecast, Load, forecast};
pub use parts::PartVitals;
pub use remedy::Remedy;

use crate::approval::Approval;
use crate::deliver::micros;
use crate::error::EngineError;
use crate::note::{credentials_name, day, hour, trouble_name};
use crate::settings::System;
use crate::step::Engine;
use bridge_core::Time;
use bridge_queue::{Depth, Topic};
use bridge_store::Sizes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Instant;

const HOUR: Time = 3_600_000_000;
const DAY: Time = 24 * HOUR;

/// What the practice as a whole is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every system was looked at in time, and nothing is left to do.
    NothingToDo,
    /// Every system was looked at in time, and there is work.
    Working,
    /// A person must approve before anything is done.
    Unapproved,
    /// A system was not read yet, and its time is not over.
    Starting,
    /// A system was not looked at in time: what it holds now is not known.
    CouldNotLook,
}

/// Whether a system is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// It was looked at in time.
    Current,
    /// It was not read yet, and its time is not over.
    Starting,
    /// It was not looked at in time.
    CouldNotLook,
}

/// Trouble that a system is in, as every process can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Since when, microseconds.
    #[serde(with = "moment")]
    pub since: Time,
    /// What failed and with which code; no values.
    pub what: String,
    /// The product refuses the credentials: a person must act.
    pub credentials: bool,
}

/// The calls of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Calls the account has a day.
    pub limit: u64,
    /// Calls used since midnight UTC.
    pub used: u64,
    /// Calls that the day will have used if it goes on as in the last hours.
    pub forecast: u64,
}

/// One system.
#[derive(Clone, Debug, Serialize)]
pub struct SystemVitals {
    /// The kind of its records.
    pub kind: String,
    /// Whether it is seen.
    pub sight: Sight,
    /// When it was last looked at with success, microseconds.
    #[serde(serialize_with = "moment::maybe")]
    pub looked: Option<Time>,
    /// Seconds since then.
    pub looked_seconds: Option<u64>,
    /// Seconds that may lie between two looks.
    pub allowed_seconds: u64,
    /// What is wrong with it now.
    pub trouble: Option<Trouble>,
    /// Its live records.
    pub records: u64,
    /// Those that belong to an entity.
    pub linked: u64,
    /// Calls made to it since midnight UTC, by every process.
    pub calls_today: u64,
    /// Its daily limit, where it has one that is known here.
    pub budget: Option<Budget>,
    /// Until when its credentials can be renewed, microseconds.
    #[serde(serialize_with = "moment::maybe")]
    pub credentials_until: Option<Time>,
}

/// What is left to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Entities that wait for reconcile.
    pub dirty: u64,
    /// Writes that wait to be sent.
    pub planned: u64,
    /// Writes that are sent, or whose outcome is unknown.
    pub unsettled: u64,
    /// Those whose outcome is unknown.
    pub unknown: u64,
    /// Records due for a direct read.
    pub looks: u64,
    /// Records whose identity is not decided.
    pub unidentified: u64,
}

/// What waits for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Units that systems changed differently.
    pub conflicts: u64,
    /// Questions about whole records.
    pub cards: u64,
    /// Pairs of records that may be the same.
    pub candidates: u64,
    /// Faint ones.
    pub faint: u64,
    /// Writes and links on hold.
    pub holds: u64,
    /// Systems whose writes are held as a whole.
    pub brakes: u64,
}

/// How a practice is doing.
#[derive(Clone, Debug, Serialize)]
pub struct Vitals {
    /// The practice.
    pub practice: String,
    /// When this was found out, microseconds.
    #[serde(serialize_with = "moment::serialize")]
    pub at: Time,
    /// What it is about as a whole.
    pub state: State,
    /// Whether a person has approved what would be written.
    pub approval: Approval,
    /// By name.
    pub systems: BTreeMap<String, SystemVitals>,
    /// What is left to do.
    pub work: Work,
    /// Since when the longest waiting work waits, seconds.
    pub oldest_work_seconds: u64,
    /// What waits for a person.
    pub waiting: Waiting,
    /// Who is sent the public stream, by name.
    pub subscribers: BTreeMap<String, SubscriberVitals>,
    /// How the books are kept; none if they never were.
    pub ledger: Option<LedgerVitals>,
    /// The mirror and those that live from it, by name.
    pub parts: BTreeMap<String, PartVitals>,
    /// Messages in the queue; none for a process that drives nothing.
    pub queue: Option<QueueVitals>,
    /// What somebody should be told, the worst first.
    pub alerts: Vec<Alert>,
}

/// Somebody whom events are sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SubscriberVitals {
    /// Events that it has not taken yet.
    pub waiting: u64,
    /// For how long it has been failing, seconds; 0 if it is not.
    pub failing_seconds: u64,
    /// It failed for so long that it is tried rarely.
    pub parked: bool,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

/// The queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueVitals {
    /// Messages to be handed out now.
    pub ready: usize,
    /// Handed out.
    pub claimed: usize,
    /// To be handed out later.
    pub later: usize,
    /// Given up.
    pub buried: usize,
}

impl From<Depth> for QueueVitals {
    fn from(depth: Depth) -> Self {
        Self {
            ready: depth.ready,
            claimed: depth.claimed,
            later: depth.later,
            buried: depth.buried,
        }
    }
}

impl Engine {
    /// How the practice is doing now. Reads whole indexes: for people and watchers, every few seconds at most.
    ///
    /// # Errors
    /// The store's. That the queue cannot be reached is an alert.
    pub async fn vitals(&self, limits: &Limits) -> Result<Vitals, EngineError> {
        let now = self.clock.now();
        let (counts, sizes) = (self.store.work().await?, self.sizes_lately().await?);
        let oldest = self.store.oldest().await?;
        let (approval, brakes) = (self.approval().await?, self.brakes().await?);
        let mut told = vec![];
        let mut systems = BTreeMap::new();
        for system in &self.settings.systems {
            let vitals = self.system_vitals(system, &sizes, limits, now).await?;
            alerts::of_system(&system.name, &vitals, limits, now, &mut told);
            systems.insert(system.name.clone(), vitals);
        }
        let subscribers = self.subscriber_vitals(now).await?;
        told.extend(
            subscribers
                .iter()
                .filter_map(|(name, of)| alerts::of_subscriber(name, of, limits)),
        );
        let queue = self.queue_vitals(&mut told).await;
        told.extend(brakes.iter().map(alerts::of_brake));
        let ledger = LedgerVitals::read(&self.store).await?;
        told.extend(ledger.as_ref().and_then(books::alert));
        let parts = PartVitals::read_all(&self.store).await?;
        told.extend(parts.iter().flat_map(|(name, part)| parts::alerts(name, part, now)));
        told.extend((approval == Approval::Outdated).then(alerts::of_approval));
        let waits = |at: Option<Time>| at.map_or(0, |at| seconds(now - at));
        let oldest_work_seconds = [oldest.dirty, oldest.looks, oldest.unsettled]
            .map(waits)
            .into_iter()
            .max()
            .unwrap_or(0);
        // Until a person has approved, everything waits for that.
        if approval == Approval::Given {
            told.extend(alerts::of_work(&oldest, limits, now));
        }
        told.sort_by(|a, b| (a.code, &a.system).cmp(&(b.code, &b.system)));
        let work = Work {
            dirty: counts.dirty,
            planned: counts.planned,
            unsettled: counts.unsettled,
            unknown: counts.unknown,
            looks: counts.looks,
            unidentified: counts.unidentified,
        };
        Ok(Vitals {
            practice: self.store.practice().to_string(),
            at: now,
            state: state(&systems, &approval, work),
            approval,
            systems,
            work,
            oldest_work_seconds,
            waiting: Waiting {
                conflicts: counts.conflicts,
                cards: counts.cards,
                candidates: counts.candidates,
                faint: counts.faint,
                holds: counts.held,
                brakes: brakes.len() as u64,
            },
            subscribers,
            ledger,
            parts,
            queue,
            alerts: told,
        })
    }

    /// How many people and records there are, as counted lately: in a large practice that walks through a great deal, so
    /// at most a hundredth of the time goes into it.
    async fn sizes_lately(&self) -> Result<Sizes, EngineError> {
        let known = self.sizes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((taken, cost, sizes)) = known
            && taken.elapsed() < cost * 100
        {
            return Ok(sizes);
        }
        let begun = Instant::now();
        let sizes = self.store.sizes().await?;
        let known = (Instant::now(), begun.elapsed(), sizes.clone());
        *self.sizes.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        Ok(sizes)
    }

    async fn system_vitals(
        &self,
        system: &System,
        sizes: &Sizes,
        limits: &Limits,
        now: Time,
    ) -> Result<SystemVitals, EngineError> {
        let name = &system.name;
        let digest = self.settings.cursor_digest(system);
        let looked = self
            .store
            .cursor(name, system.kind(), &digest)
            .await?
            .map(|c| c.updated);
        let trouble: Option<Trouble> = self
            .store
            .meta(&trouble_name(name))
            .await?
            .and_then(|text| serde_json::from_str(&text).ok());
        let allowed = limits.allowed(name, system.poll_every);
        let sight = match looked {
            Some(at) if now - at <= micros(allowed) => Sight::Current,
            Some(_) => Sight::CouldNotLook,
            None if trouble.is_none() && now - self.began().await? <= micros(allowed) => Sight::Starting,
            None => Sight::CouldNotLook,
        };
        let used = self.store.calls(name, &day(now)).await?;
        let told = system.adapter.usage();
        let until = self.store.meta(&credentials_name(name)).await?;
        Ok(SystemVitals {
            kind: system.kind().into(),
            sight,
            looked,
            looked_seconds: looked.map(|at| seconds(now - at)),
            allowed_seconds: allowed.as_secs(),
            trouble,
            records: sizes.records.get(name).copied().unwrap_or(0),
            linked: sizes.links.get(name).copied().unwrap_or(0),
            calls_today: used,
            budget: match told.day {
                Some(day) => {
                    let used = day.used.max(used);
                    let forecast = used + self.calls_to_come(name, now).await?;
                    Some(Budget {
                        limit: day.limit,
                        used,
                        forecast,
                    })
                }
                None => None,
            },
            credentials_until: told
                .credentials_until
                .or(until.and_then(|text| text.parse().ok()))
                .or(limits.credentials_end.get(name).copied()),
        })
    }

    /// From when on a system could have been read: since this process drives it, or else since there is a store.
    async fn began(&self) -> Result<Time, EngineError> {
        if let Some(since) = self.driving_since {
            return Ok(since);
        }
        let created = self.store.meta("created").await?;
        Ok(created.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// Calls until midnight UTC, if it goes on as in this hour and the one before.
    async fn calls_to_come(&self, system: &str, now: Time) -> Result<u64, EngineError> {
        let this = self.store.calls(system, &hour(now)).await?;
        let last = self.store.calls(system, &hour(now - HOUR)).await?;
        let over = (HOUR + now.rem_euclid(HOUR)) as f64;
        let left = (DAY - now.rem_euclid(DAY)) as f64;
        Ok(((this + last) as f64 / over * left) as u64)
    }

    async fn subscriber_vitals(&self, now: Time) -> Result<BTreeMap<String, SubscriberVitals>, EngineError> {
        let Some(stream) = self.stream().filter(|stream| !stream.subscribers.is_empty()) else {
            return Ok(BTreeMap::new());
        };
        let (last, known) = (self.store.last_event().await?, self.store.subscribers().await?);
        let vitals = |name: &String| match known.iter().find(|subscriber| subscriber.name == *name) {
            None => SubscriberVitals::default(),
            Some(subscriber) => {
                let failing = subscriber.failures > 0;
                SubscriberVitals {
                    waiting: u64::try_from(last - subscriber.position).unwrap_or(0),
                    failing_seconds: if failing { seconds(now - subscriber.since) } else { 0 },
                    parked: subscriber.parked,
                    trouble: failing.then(|| subscriber.trouble.clone()),
                }
            }
        };
        Ok(stream
            .subscribers
            .iter()
            .map(|name| (name.clone(), vitals(name)))
            .collect())
    }

    async fn queue_vitals(&self, alerts: &mut Vec<Alert>) -> Option<QueueVitals> {
        self.driving_since?;
        match self.queue.depth(&Topic::Reconcile).await {
            Ok(depth) => {
                if depth.buried > 0 {
                    alerts.push(Alert {
                        code: AlertCode::Parked,
                        system: None,
                        message: format!("{} messages were given up", depth.buried),
                        remedy: Remedy::EmptyParking,
                    });
                }
                Some(depth.into())
            }
            Err(error) => {
                alerts.push(Alert {
                    code: AlertCode::Queue,
                    system: None,
                    message: error.to_string(),
                    remedy: Remedy::StartBroker,
                });
                None
            }
        }
    }
}

/// Times as text for people and other programs: RFC 3339, UTC.
mod moment {
    use bridge_core::Time;
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(at: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Timestamp::from_microsecond(*at).unwrap_or_default())
    }

    pub fn maybe<S: Serializer>(at: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        let stamp: Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(stamp.as_microsecond())
    }
}

fn seconds(micros: Time) -> u64 {
    u64::try_from(micros / 1_000_000).unwrap_or(0)
}

fn state(systems: &BTreeMap<String, SystemVitals>, approval: &Approval, work: Work) -> State {
    let some = |sight| systems.values().any(|s| s.sight == sight);
    if some(Sight::CouldNotLook) {
        State::CouldNotLook
    } else if some(Sight::Starting) {
        State::Starting
    } else if *approval != Approval::Given {
        State::Unapproved
    } else if work == Work::default() {
        State::NothingToDo
    } else {
        State::Working
    }
}
