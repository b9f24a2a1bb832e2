//! The switch that stops everything that is sent to one system. Reading goes on, so that nothing is missed; what is
//! planned waits. Kept in the store, so that every process sees it at its next step.

use crate::error::EngineError;
use bridge_core::Time;
use bridge_store::{AuditEntry, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Who stopped what is sent to a system, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When, microseconds.
    pub at: Time,
    /// Who.
    pub by: String,
    /// Why, in words; shown in the history, so no personal values belong there.
    pub why: String,
}

fn name(system: &str) -> String {
    format!("paused/{system}")
}

/// Whether anything may be sent to a system, and who said it may not.
///
/// # Errors
/// The store's.
pub async fn paused(store: &Store, system: &str) -> Result<Option<Pause>, StoreError> {
    let text = store.meta(&name(system)).await?.filter(|text| !text.is_empty());
    let unreadable = || Pause {
        at: 0,
        by: String::new(),
        why: "the note of who paused it cannot be read".into(),
    };
    Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_else(|_| unreadable())))
}

/// The gate before whatever is sent to a system: why nothing may go out now, in words; nothing if it may.
///
/// # Errors
/// The store's.
pub async fn closed(store: &Store, system: &str) -> Result<Option<String>, StoreError> {
    let paused = paused(store, system).await?;
    Ok(paused.map(|pause| format!("nothing is sent to {system}: it was paused by {}", pause.by)))
}

/// Stops or lets go what is sent to a system, with its line in the history.
///
/// # Errors
/// The store's.
pub async fn pause(store: &Store, system: &str, pause: Option<&Pause>, by: &str, now: Time) -> Result<(), EngineError> {
    let mut tx = store.begin().await?;
    let text = pause.and_then(|p| serde_json::to_string(p).ok()).unwrap_or_default();
    tx.put_meta(&name(system), &text).await?;
    let (event, reason) = match pause {
        Some(pause) => ("paused", format!("by {by}: {}", pause.why)),
        None => ("resumed", format!("by {by}")),
    };
    tx.append_audit(&[AuditEntry {
        at: now,
        system: Some(system.into()),
        event: event.into(),
        reason,
        ..AuditEntry::default()
    }])
    .await?;
    tx.commit().await?;
    Ok(())
}
