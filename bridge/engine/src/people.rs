//! What people decide, stored: conflicts, cards, links, candidates, held writes.

use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::plan::Loser;
use bridge_core::review::{self, Choice, DecisionError};
use bridge_core::{CardKind, Entity, Lane, Value};
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
        let schema = self.settings.schema.clone();
        let now = self.clock.now();
        let mut losers = vec![];
        let entry = AuditEntry {
            event: "decided".into(),
            units: vec![row.unit.clone()],
            reason: format!("by {}", resolution.by),
            ..AuditEntry::default()
        };
        self.change(&row.entity, entry, &mut losers, |entity| {
            review::decide(&schema, entity, &row.unit, &resolution.shown, &resolution.choice, now)
        })
        .await
    }

    /// Closes a card. If it told of a merge into a record that is nobody's counterpart, that record takes
    /// the place of the one that is gone.
    ///
    /// # Errors
    /// [`EngineError::Decision`] if it is closed already.
    pub async fn dismiss(&self, row: &CardRow, by: &str) -> Result<(), EngineError> {
        let entry = AuditEntry {
            event: "card closed".into(),
            system: Some(row.card.system.clone()),
            reason: format!("by {by}"),
            ..AuditEntry::default()
        };
        self.change(&row.entity, entry, &mut vec![], |entity| {
            review::dismiss(entity, row.card.kind, &row.card.system).map(|()| vec![])
        })
        .await?;
        if row.card.kind == CardKind::Merged {
            self.follow_merge(&row.entity, &row.card.system, by).await?;
            self.free_survivors(&row.card.system).await?;
        }
        Ok(())
    }

    /// Tries what is held of an entity again: refused units, refused and doubtful writes.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown entity.
    pub async fn replay(&self, entity: &str, by: &str) -> Result<(), EngineError> {
        let entry = AuditEntry {
            event: "replayed".into(),
            reason: format!("by {by}"),
            ..AuditEntry::default()
        };
        self.change(entity, entry, &mut vec![], |entity| {
            let systems: Vec<String> = self.settings.systems.iter().map(|s| s.name.clone()).collect();
            for system in systems {
                review::release(entity, &system);
            }
            Ok(vec![])
        })
        .await
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

    /// Changes one entity in one transaction, with its audit entry and the values that lost.
    async fn change(
        &self,
        id: &str,
        entry: AuditEntry,
        losers: &mut Vec<Loser>,
        decide: impl FnOnce(&mut Entity) -> Result<Vec<Loser>, DecisionError>,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some(before) = tx.entities(&[id.to_string()]).await?.pop() else {
            return Err(EngineError::NotFound(format!("entity {id}")));
        };
        let mut after = before.clone();
        losers.extend(decide(&mut after)?);
        let stale = tx.save_entities(&[(Some(before), after)], Lane::Requested, now).await?;
        if !stale.is_empty() {
            return Err(EngineError::Changed);
        }
        let until = self.settings.losers_until(now);
        let rows: Vec<bridge_store::Loser> = losers
            .drain(..)
            .map(|l| bridge_store::Loser {
                entity: id.into(),
                unit: l.unit,
                system: l.system,
                at: now,
                until,
                why: l.rule,
                value: l.value,
            })
            .collect();
        tx.append_losers(&rows).await?;
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(id.into()),
            ..entry
        }])
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
