//! Alerts that somebody has taken on: who, and until when. They are shown as such, and still there for watchers.

use super::DeskError;
use bridge_core::Time;
use bridge_engine::vitals::Alert;
use bridge_store::{AuditEntry, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Somebody looks after an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Who.
    pub by: String,
    /// Since when.
    pub at: Time,
    /// Until when; then it counts as new.
    pub until: Time,
}

/// What an alert is known by.
pub fn name(alert: &Alert) -> String {
    match &alert.system {
        Some(system) => format!("{}/{system}", alert.code.name()),
        None => alert.code.name().into(),
    }
}

fn note(alert: &str) -> String {
    format!("alert_seen/{alert}")
}

/// Who looks after each of these alerts now, by [`name`].
///
/// # Errors
/// The store's.
pub async fn seen(store: &Store, alerts: &[Alert], now: Time) -> Result<BTreeMap<String, Seen>, StoreError> {
    let mut all = BTreeMap::new();
    for alert in alerts.iter().map(name) {
        let text = store.meta(&note(&alert)).await?.unwrap_or_default();
        let taken: Option<Seen> = serde_json::from_str(&text).ok();
        all.extend(taken.filter(|taken| taken.until > now).map(|taken| (alert, taken)));
    }
    Ok(all)
}

/// Somebody takes an alert on for so long, or lets go of it (0), with its line in the history.
///
/// # Errors
/// [`DeskError::Asked`] for longer than a week.
pub async fn take_on(store: &Store, alert: &Alert, hours: u32, by: &str, now: Time) -> Result<(), DeskError> {
    if hours > 7 * 24 {
        return Err(DeskError::Asked("take it on for at most a week".into()));
    }
    let taken = Seen {
        by: by.into(),
        at: now,
        until: now + Time::from(hours) * 3_600_000_000,
    };
    let (text, words) = match hours {
        0 => (String::new(), "nobody looks after it any more".to_string()),
        1 => (
            serde_json::to_string(&taken).unwrap_or_default(),
            "looked after for an hour".into(),
        ),
        n => (
            serde_json::to_string(&taken).unwrap_or_default(),
            format!("looked after for {n} hours"),
        ),
    };
    let mut tx = store.begin().await?;
    tx.put_meta(&note(&name(alert)), &text).await?;
    tx.append_audit(&[AuditEntry {
        at: now,
        system: alert.system.clone(),
        event: "alert seen".into(),
        reason: format!("by {by}: {} {words}", alert.code.name()),
        ..AuditEntry::default()
    }])
    .await?;
    Ok(tx.commit().await?)
}
