//! What the driving process notes of its accounts for every other process: trouble, calls made, the end
//! of credentials. Written when it changes, and counts now and then.

use crate::deliver::micros;
use crate::error::EngineError;
use crate::settings::System;
use crate::step::Engine;
use crate::vitals::Trouble;
use bridge_core::Time;
use bridge_store::{Store, Tx};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

/// How often calls are counted up in the store.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// The note of when a driver last said that it makes calls.
const DROVE: &str = "drove";
/// Calls that were not noted yet, and the longest window of a rate limit: so long after that note another process may
/// still have just spent a window.
const LATELY: Duration = Duration::from_secs(30 + 60);
/// Days of which calls are kept.
const KEPT: Time = 8 * 86_400_000_000;

/// What is in the store already.
#[derive(Default)]
pub(crate) struct Noted {
    systems: BTreeMap<String, NotedSystem>,
    counted: Time,
}

#[derive(Clone, Default)]
struct NotedSystem {
    /// As far as this process knows; none before it has noted any.
    trouble: Option<Option<String>>,
    credentials_until: Option<Time>,
    calls: u64,
}

pub(crate) fn trouble_name(system: &str) -> String {
    format!("trouble/{system}")
}

pub(crate) fn credentials_name(system: &str) -> String {
    format!("credentials_until/{system}")
}

/// The day of a moment in UTC, under which its calls are counted.
pub(crate) fn day(at: Time) -> String {
    stamp(at, "%Y-%m-%d")
}

/// The hour of a moment in UTC, under which its calls are counted as well.
pub(crate) fn hour(at: Time) -> String {
    stamp(at, "%Y-%m-%dT%H")
}

fn stamp(at: Time, format: &str) -> String {
    let stamp = jiff::Timestamp::from_microsecond(at).unwrap_or_default();
    stamp.strftime(format).to_string()
}

/// Whether another process may just have used up the rate limits of the accounts: it drove less than a window ago, or
/// may have, if it was killed.
///
/// # Errors
/// The store's.
pub async fn drove_lately(store: &Store, now: Time) -> Result<bool, EngineError> {
    let at = store.meta(DROVE).await?.and_then(|text| text.parse::<Time>().ok());
    Ok(at.is_some_and(|at| now - at < micros(LATELY)))
}

impl Engine {
    /// Notes that this process makes calls from now on.
    pub(crate) async fn note_driving(&self) -> Result<(), EngineError> {
        let mut tx = self.store.begin().await?;
        tx.put_meta(DROVE, &self.clock.now().to_string()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Before a process ends or rests: notes all the calls it has made so far.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_calls(&self) -> Result<(), EngineError> {
        self.note_all(self.clock.now(), true).await
    }

    /// Notes what changed since the last time, and calls now and then.
    pub(crate) async fn note(&self, now: Time) -> Result<(), EngineError> {
        let counted = self.noted.lock().unwrap_or_else(PoisonError::into_inner).counted;
        self.note_all(now, now - counted >= micros(COUNT_EVERY)).await
    }

    async fn note_all(&self, now: Time, count: bool) -> Result<(), EngineError> {
        if self.driving_since.is_none() {
            return Ok(());
        }
        let before = self
            .noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .systems
            .clone();
        let (health, mut tx, mut after) = (self.health(), None, before);
        for system in &self.settings.systems {
            let (name, usage) = (&system.name, system.adapter.usage());
            let noted = after.entry(name.clone()).or_default();
            let health = health.get(name).cloned().unwrap_or_default();
            if noted.trouble.as_ref() != Some(&health.trouble) {
                let trouble = health.trouble.clone().map(|what| Trouble {
                    since: now,
                    what,
                    credentials: health.refused,
                });
                let text = trouble.and_then(|t| serde_json::to_string(&t).ok()).unwrap_or_default();
                self.open(&mut tx).await?.put_meta(&trouble_name(name), &text).await?;
                noted.trouble = Some(health.trouble);
            }
            if let Some(until) = usage.credentials_until
                && noted.credentials_until != Some(until)
            {
                let tx = self.open(&mut tx).await?;
                tx.put_meta(&credentials_name(name), &until.to_string()).await?;
                noted.credentials_until = Some(until);
            }
            let calls = usage.calls.saturating_sub(noted.calls);
            if count && calls > 0 {
                self.count(self.open(&mut tx).await?, system, calls, now).await?;
                noted.calls = usage.calls;
            }
        }
        if let Some(tx) = tx {
            tx.commit().await?;
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.systems = after;
        if count {
            noted.counted = now;
        }
        Ok(())
    }

    async fn open<'t>(&self, tx: &'t mut Option<Tx>) -> Result<&'t mut Tx, EngineError> {
        Ok(match tx {
            Some(tx) => tx,
            none => none.insert(self.store.begin().await?),
        })
    }

    async fn count(&self, tx: &mut Tx, system: &System, calls: u64, now: Time) -> Result<(), EngineError> {
        for period in [day(now), hour(now)] {
            tx.add_calls(&system.name, &period, calls).await?;
        }
        tx.drop_calls_before(&day(now - KEPT)).await?;
        tx.put_meta(DROVE, &now.to_string()).await?;
        Ok(())
    }
}
