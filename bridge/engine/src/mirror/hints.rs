//! What webhooks tell the mirror: a record that changed is read at once instead of with the next round. Nothing in a webhook
//! is believed; what is lost is found by the next round.

use super::{Mirror, MirrorStep};
use crate::deliver::micros;
use crate::error::EngineError;
use bridge_core::Time;
use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

/// Hints followed at once.
const MOST: usize = 500;
/// After a look that failed: rounds go on meanwhile.
const TROUBLE_AGAIN: Duration = Duration::from_secs(60);
/// Kinds that webhooks tell of (halaxy-api.md section 6), and that the mirror takes up. Invoices are the ledger's.
const FOLLOWED: [&str; 1] = ["Appointment"];

/// Of mirrored kinds, those whose hints the mirror follows, as [`Store::hints_of`](bridge_store::Store::hints_of) has them.
pub fn followed_records(mirrored: &BTreeSet<String>) -> BTreeSet<String> {
    let followed = FOLLOWED.iter().map(|kind| (*kind).to_owned());
    followed.filter(|kind| mirrored.contains(kind)).collect()
}

impl Mirror<'_> {
    /// Whether webhooks told of records that may be read now.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn told(&self, now: Time) -> Result<bool, EngineError> {
        if now < *self.again.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(false);
        }
        for kind in followed_records(&self.told.kinds) {
            if !self
                .engine
                .store
                .hints_of(&self.told.system, &kind, 1)
                .await?
                .is_empty()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads the records that webhooks told of.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with the account is told in the step, and the reads are made later.
    pub async fn follow_told(&self, now: Time) -> Result<MirrorStep, EngineError> {
        let mut all = MirrorStep::default();
        for kind in followed_records(&self.told.kinds) {
            let hints = self.engine.store.hints_of(&self.told.system, &kind, MOST).await?;
            if hints.is_empty() {
                continue;
            }
            let ids: BTreeSet<String> = hints.iter().map(|hint| hint.remote_id.clone()).collect();
            let step = self.look(&kind, &ids.into_iter().collect::<Vec<_>>()).await?;
            all.records += step.records;
            all.changed += step.changed;
            all.gone += step.gone;
            all.more |= hints.len() == MOST;
            if step.trouble.is_empty() {
                let mut tx = self.engine.store.begin().await?;
                tx.take_hints(&hints, now).await?;
                tx.commit().await?;
            } else {
                *self.again.lock().unwrap_or_else(PoisonError::into_inner) = now.saturating_add(micros(TROUBLE_AGAIN));
                all.trouble.extend(step.trouble);
            }
        }
        Ok(all)
    }
}
