//! What is kept of vitals over time, so that charts and forecasts have something to rest on. Numbers only.

use super::Vitals;
use crate::error::EngineError;
use bridge_store::{Sample, Store};
use std::collections::BTreeMap;

/// Seconds that the longest waiting work waits.
pub const LAG: &str = "lag";
/// What is left for the bridge to do.
pub const LEFT: &str = "left";
/// What waits for a person.
pub const WAITING: &str = "waiting";
/// Before a system's name: seconds since it was looked at.
pub const AGE: &str = "age/";
/// Before a system's name: calls since midnight UTC.
pub const CALLS: &str = "calls/";
/// Before a system's name: writes that it took.
pub const APPLIED: &str = "applied/";

/// Keeps what vitals show, and how many writes were taken since a place of the history. Returns the place from which the
/// next sample counts; without one before, nothing is counted yet.
///
/// # Errors
/// The store's.
pub async fn keep(store: &Store, vitals: &Vitals, since: Option<i64>) -> Result<i64, EngineError> {
    let place = store.last_audit().await?;
    let applied = match since {
        Some(since) => store.applied_between(since, place).await?,
        None => BTreeMap::new(),
    };
    let mut tx = store.begin().await?;
    tx.put_samples(&samples(vitals, &applied), vitals.at).await?;
    tx.commit().await?;
    Ok(place)
}

fn samples(vitals: &Vitals, applied: &BTreeMap<String, u64>) -> Vec<Sample> {
    let mut all = vec![];
    let mut add = |name: String, value: u64, adds| {
        all.push(Sample {
            name,
            value: i64::try_from(value).unwrap_or(i64::MAX),
            adds,
        });
    };
    let (left, waits) = (&vitals.work, &vitals.waiting);
    add(LAG.into(), vitals.oldest_work_seconds, false);
    let left = left.dirty + left.planned + left.unsettled + left.looks + left.unidentified;
    add(LEFT.into(), left, false);
    let waits = waits.conflicts + waits.cards + waits.candidates + waits.holds;
    add(WAITING.into(), waits, false);
    for (name, of) in &vitals.systems {
        if let Some(age) = of.looked_seconds {
            add(format!("{AGE}{name}"), age, false);
        }
        add(format!("{CALLS}{name}"), of.calls_today, false);
        add(
            format!("{APPLIED}{name}"),
            applied.get(name).copied().unwrap_or(0),
            true,
        );
    }
    all
}
