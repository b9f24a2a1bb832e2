//! How long everything is kept that is not kept for ever, and the daily task that forgets the rest.

use crate::deliver::micros;
use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::Time;
use bridge_store::Store;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

const DAY: u64 = 86_400;
/// When what is old was last forgotten.
const LAST: &str = "retention/last";
/// How often.
const EVERY: Duration = Duration::from_secs(DAY);

/// How long each sort is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Lines of the history: who was told what, who decided what.
    pub history: Duration,
    /// The values in those lines: what was sent, and what stood there before.
    pub sent_values: Duration,
    /// Bodies of mirrored records that are gone.
    pub mirror_gone: Duration,
    /// Ended runs.
    pub runs: Duration,
    /// Resemblances too faint to ask about.
    pub faint: Duration,
}

impl Default for Retention {
    /// Seven years for the history, as Australian health and tax records ask for; values only as long as a mistake takes to be
    /// noticed.
    fn default() -> Self {
        let days = |n: u64| Duration::from_secs(n * DAY);
        Self {
            history: days(7 * 366),
            sent_values: days(90),
            mirror_gone: days(400),
            runs: days(400),
            faint: days(400),
        }
    }
}

/// How many rows of each sort were forgotten.
pub type Forgotten = BTreeMap<&'static str, u64>;

/// Forgets what is older than it may be.
///
/// # Errors
/// The store's.
pub async fn forget(store: &Store, keep: &Retention, now: Time) -> Result<Forgotten, EngineError> {
    let before = |kept: Duration| now.saturating_sub(micros(kept));
    let mut tx = store.begin().await?;
    let forgotten = BTreeMap::from([
        ("history", tx.drop_audit_before(before(keep.history)).await?),
        (
            "sent_values",
            tx.drop_sent_values_before(before(keep.sent_values)).await?,
        ),
        // Each with the time it was promised for.
        ("overruled", tx.expire_losers(now).await?),
        ("mirror_gone", tx.drop_mirrored_gone(before(keep.mirror_gone)).await?),
        ("runs", tx.drop_runs_before(before(keep.runs)).await?),
        ("faint", tx.drop_faint_before(before(keep.faint)).await?),
    ]);
    tx.put_meta(LAST, &now.to_string()).await?;
    tx.commit().await?;
    Ok(forgotten)
}

/// When what is old was last forgotten.
///
/// # Errors
/// The store's.
pub async fn last(store: &Store) -> Result<Option<Time>, EngineError> {
    Ok(store.meta(LAST).await?.and_then(|text| text.parse().ok()))
}

impl Engine {
    /// Forgets what is old, once a day.
    pub(crate) async fn forget_if_due(&self, now: Time) -> Result<(), EngineError> {
        let Some(keep) = &self.retention else {
            return Ok(());
        };
        if now < self.next_forgetting.load(Ordering::Relaxed) {
            return Ok(());
        }
        let last = last(&self.store).await?;
        let due = last.map_or(now, |last| last + micros(EVERY));
        self.next_forgetting.store(due.max(now + 1), Ordering::Relaxed);
        if now < due {
            return Ok(());
        }
        let forgotten = forget(&self.store, keep, now).await?;
        if forgotten.values().any(|rows| *rows > 0) {
            tracing::info!(?forgotten, "forgot what is older than it may be");
        }
        Ok(())
    }
}
