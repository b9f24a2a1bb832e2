//! How the parts that work beside the engine are doing: the mirror, and those that live from it. Each notes what came of
//! its last round for everybody who asks.

use super::Remedy;
use super::alerts::{Alert, AlertCode};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_store::Store;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The mirror of records beside people.
pub const MIRROR: &str = "mirror";
/// Appointments as activities.
pub const DIARY: &str = "diary";
/// Bookings that were asked for.
pub const BOOKING: &str = "booking";
/// Referrals, claims, telehealth.
pub const CARE: &str = "care";
/// The user's own database.
pub const WAREHOUSE: &str = "warehouse";
/// Who refers, as records of the CRM.
pub const REFERRERS: &str = "referrers";
const NAMES: [&str; 6] = [MIRROR, DIARY, BOOKING, CARE, WAREHOUSE, REFERRERS];

/// The rounds of a part that may fail in a row, or be missed, before somebody is told.
const PATIENCE: i64 = 5;
/// The shortest such time, microseconds.
const SHORTEST: Time = 600 * 1_000_000;

/// A part of the service beside the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartVitals {
    /// When its last round ended, microseconds.
    #[serde(with = "super::moment")]
    pub at: Time,
    /// How often it has one, seconds.
    pub every_seconds: u64,
    /// Since when rounds have had trouble, microseconds; none if the last one had none.
    pub troubled_since: Option<Time>,
    /// What was in the way; codes and names only.
    pub trouble: Vec<String>,
    /// What it has, by name.
    pub figures: BTreeMap<String, u64>,
    /// What waits for a person.
    pub waiting: u64,
    /// What somebody should see to besides; no values.
    pub notices: Vec<String>,
}

fn note(name: &str) -> String {
    format!("part/{name}")
}

impl PartVitals {
    /// What every part noted last, by name.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn read_all(store: &Store) -> Result<BTreeMap<String, PartVitals>, EngineError> {
        let mut parts = BTreeMap::new();
        for name in NAMES {
            let kept = store.meta(&note(name)).await?;
            if let Some(part) = kept.and_then(|kept| serde_json::from_str(&kept).ok()) {
                parts.insert(name.to_string(), part);
            }
        }
        Ok(parts)
    }

    /// Notes a round. How long there has been trouble is carried over from the note before.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn keep(mut self, store: &Store, name: &str) -> Result<(), EngineError> {
        let before = store.meta(&note(name)).await?;
        let before: PartVitals = before
            .and_then(|kept| serde_json::from_str(&kept).ok())
            .unwrap_or_default();
        self.troubled_since = (!self.trouble.is_empty()).then(|| before.troubled_since.unwrap_or(self.at));
        if (PartVitals {
            at: before.at,
            ..self.clone()
        }) == before
            && self.at - before.at < SHORTEST / 10
        {
            return Ok(());
        }
        let mut tx = store.begin().await?;
        tx.put_meta(&note(name), &serde_json::to_string(&self).unwrap_or_default())
            .await?;
        Ok(tx.commit().await?)
    }

    fn patience(&self) -> Time {
        let every = i64::try_from(self.every_seconds).unwrap_or(i64::MAX / 2_000_000) * 1_000_000;
        every.saturating_mul(PATIENCE).max(SHORTEST)
    }
}

/// What somebody should be told of a part.
pub(super) fn alerts(name: &str, part: &PartVitals, now: Time) -> Vec<Alert> {
    let alert = |message: String, remedy| Alert {
        code: AlertCode::Part,
        system: None,
        message,
        remedy,
    };
    let mut alerts = vec![];
    if now - part.at > part.patience() {
        let message = format!("{name}: no round for {} s", super::seconds(now - part.at));
        alerts.push(alert(message, Remedy::SeeService));
    }
    if part.troubled_since.is_some_and(|since| now - since > part.patience()) {
        let message = format!("{name}: {}", part.trouble.join("; "));
        alerts.push(alert(message, Remedy::LookAtPart));
    }
    alerts.extend(
        part.notices
            .iter()
            .map(|notice| alert(format!("{name}: {notice}"), Remedy::EndsByItself)),
    );
    alerts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_told_when_rounds_stop_or_go_on_failing() {
        let part = PartVitals {
            at: SHORTEST,
            every_seconds: 60,
            ..PartVitals::default()
        };
        let told = |part: &PartVitals, now| {
            alerts(MIRROR, part, now)
                .into_iter()
                .map(|a| a.message)
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&part, 2 * SHORTEST), Vec::<String>::new());
        assert_eq!(told(&part, 2 * SHORTEST + 1), ["mirror: no round for 600 s"]);
        let troubled = PartVitals {
            trouble: vec!["Referral: 403".into()],
            troubled_since: Some(0),
            ..part
        };
        assert_eq!(told(&troubled, SHORTEST), Vec::<String>::new());
        assert_eq!(told(&troubled, SHORTEST + 1), ["mirror: Referral: 403"]);
    }
}
