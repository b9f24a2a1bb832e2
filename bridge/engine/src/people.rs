//! What people decide, stored: conflicts, cards, links, candidates, held writes.

use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::review::{Act, Choice, DecisionError};
use bridge_core::{Entity, Value};
use bridge_store::{AuditEntry, Candidate, CandidateState, CardRow, ConflictRow, RecordKey};
use std::collections::BTreeMap;

/// How a conflict is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// What was chosen.
    pub choice: Choice,
    /// The values that were on the screen.
    pub shown: BTreeMap<String, Value>,
    /// Who decides, for the audit.
    pub by: String,
}

impl Engine {
    /// An open conflict by its id.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if it is not open.
    pub async fn conflict(&self, id: &str) -> Result<ConflictRow, EngineError> {
        let row = self.store.conflict(id).await?;
        row.ok_or_else(|| EngineError::NotFound(format!("open conflict {id}")))
    }

    /// Stores a person's decision on a conflict. The values shown are checked in the same transaction.
    ///
    /// # Errors
    /// [`EngineError::Decision`] if the values changed since or the conflict closed.
    pub async fn resolve(&self, row: &ConflictRow, resolution: &Resolution) -> Result<(), EngineError> {
        let act = Act::Value {
            unit: row.unit.clone(),
            choice: resolution.choice.clone(),
        };
        let shown = |entity: &Entity| {
            let open = entity.conflicts.get(&row.unit).ok_or(DecisionError::Closed)?;
            (open.values == resolution.shown)
                .then_some(())
                .ok_or(DecisionError::Changed)
        };
        self.act(&row.entity, &row.id, &act, &resolution.by, None, shown)
            .await?;
        Ok(())
    }

    /// Closes a card. If it told of a merge into a record that is nobody's counterpart, that record takes
    /// the place of the one that is gone.
    ///
    /// # Errors
    /// [`EngineError::Decision`] if it is closed already.
    pub async fn dismiss(&self, row: &CardRow, by: &str) -> Result<(), EngineError> {
        let act = Act::Dismiss(row.card.kind, row.card.system.clone());
        self.act(&row.entity, &row.id, &act, by, None, |_| Ok(())).await?;
        Ok(())
    }

    /// Tries what is held of an entity again: refused units, refused and doubtful writes.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown entity.
    pub async fn replay(&self, entity: &str, by: &str) -> Result<(), EngineError> {
        self.act(entity, "", &Act::Replay, by, None, |_| Ok(())).await?;
        Ok(())
    }

    /// Cuts a record from its entity: it becomes an entity of its own, and the two are not linked
    /// again by themselves.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if the entity has no record there.
    pub async fn unlink(&self, id: &str, system: &str, by: &str) -> Result<String, EngineError> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let (new_id, (stays, cut)) = self.cut_off(&mut tx, id, system, true).await?;
        for cut in cut.links.values().map(RecordKey::from) {
            for stays in stays.links.values() {
                let why = vec!["told apart by a person".into()];
                let told = Candidate::new(cut.clone(), RecordKey::from(stays), 0, why, now);
                tx.add_candidates(std::slice::from_ref(&told)).await?;
                tx.decide_candidates(&[told.id], CandidateState::Different, by, now)
                    .await?;
            }
        }
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(id.into()),
            system: Some(system.into()),
            event: "unlinked".into(),
            reason: format!("by {by}; the record is now entity {new_id}"),
            ..AuditEntry::default()
        }])
        .await?;
        tx.commit().await?;
        Ok(new_id)
    }
}
