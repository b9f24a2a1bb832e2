//! What others may be told of a patient's referral: sessions left, and the month in which it ends. Kept by patient, and
//! joined to the patient's body ([`crate::joined`]).

use super::{ALL, UNITS, kept, text};
use crate::error::EngineError;
use crate::joined::Joins;
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::capture::News;
use bridge_core::care::Overview;
use bridge_core::care::standing::Units;
use bridge_store::{Hint, Store, StoreError, Tx};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The member that is joined to a patient's body: `sessions_left` and `until` (`2027-01`), blank if there is none.
pub const REFERRAL_MEMBER: &str = "_referral";
/// Units have been worked out for everybody once: who has none then has no referral.
const DONE: &str = "care/units-done";

/// Whether units were worked out for everybody once.
pub(super) async fn done(store: &Store) -> Result<bool, EngineError> {
    Ok(store.ledger_row(DONE, ALL).await?.is_some())
}

/// Patients whose units are another than what is kept, with what they are now.
pub(super) async fn changed(store: &Store, view: &Overview<'_>) -> Result<Vec<(String, Units)>, EngineError> {
    let known: BTreeMap<String, Units> = kept(store, UNITS).await?;
    let mut patients: BTreeSet<&str> = view.all().iter().map(|(r, _)| r.patient.as_str()).collect();
    patients.extend(known.keys().map(String::as_str));
    let now = patients.into_iter().map(|id| (id.to_owned(), view.units(id)));
    Ok(now.filter(|(id, units)| known.get(id) != Some(units)).collect())
}

/// Keeps them, and asks for a read of their patients.
pub(super) async fn keep(tx: &mut Tx, system: &str, changed: &[(String, Units)], now: Time) -> Result<(), EngineError> {
    let rows: Vec<(String, String)> = changed.iter().map(|(id, units)| (id.clone(), text(units))).collect();
    tx.put_ledger(UNITS, &rows).await?;
    tx.put_ledger(DONE, &[(ALL.into(), "{}".into())]).await?;
    let hints: Vec<Hint> = changed
        .iter()
        .map(|(id, units)| {
            Hint::new(
                system,
                "Patient",
                id,
                News::Changed,
                &format!("referral {units:?} {now}"),
            )
        })
        .collect();
    tx.put_hints(&hints, now).await?;
    Ok(())
}

/// Referrals as a member of patients.
pub struct ReferralUnits {
    store: Store,
}

impl ReferralUnits {
    /// As the watch keeps them.
    pub fn new(store: Store) -> ReferralUnits {
        ReferralUnits { store }
    }
}

#[async_trait]
impl Joins for ReferralUnits {
    fn member(&self) -> &'static str {
        REFERRAL_MEMBER
    }

    async fn of(&self, ids: &[String]) -> Result<Option<BTreeMap<String, Json>>, StoreError> {
        if self.store.ledger_row(DONE, ALL).await?.is_none() {
            return Ok(None);
        }
        let rows = self.store.ledger_rows(UNITS, ids).await?;
        let mut all = BTreeMap::new();
        for id in ids {
            let kept = rows.get(id).and_then(|body| serde_json::from_str(body).ok());
            let units: Units = kept.unwrap_or_default();
            let left = units.sessions_left.map(|n| n.to_string()).unwrap_or_default();
            let until = units.until.map(|month| month.to_string()).unwrap_or_default();
            all.insert(id.clone(), json!({ "sessions_left": left, "until": until }));
        }
        Ok(Some(all))
    }
}
