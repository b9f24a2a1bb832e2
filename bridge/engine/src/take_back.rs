//! Taking back: one decision, and what was decided together. Where somebody edited since nothing is taken back, and it
//! is said where.

use crate::deliver::micros;
use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::review::{self, DecisionError};
use bridge_core::undo::undo_decision;
use bridge_core::{Card, Entity, Hold, Lane, LinkState, Time, Value};
use bridge_store::{AuditEntry, DecisionRow};
use std::time::Duration;

/// How long a decision can be taken back.
pub const KEPT: Duration = Duration::from_hours(30 * 24);

fn no(why: &str) -> EngineError {
    EngineError::NotPossible(why.into())
}

impl Engine {
    /// Takes a decision back: everything is as it was before, and what was sent meanwhile is put back with the next step.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown decision, [`EngineError::NotPossible`] if it is older than 30 days, taken
    /// back already or of a sort that cannot be, [`EngineError::Decision`] with the places where somebody edited since.
    pub async fn take_back(&self, id: &str, by: &str) -> Result<(), EngineError> {
        let row = self.store.decision(id).await?;
        let row = row.ok_or_else(|| EngineError::NotFound(format!("decision {id}")))?;
        let now = self.clock.now();
        if row.undone.is_some() {
            return Err(no("this was taken back already"));
        }
        if now - row.at > micros(KEPT) {
            return Err(no("decisions can be taken back for 30 days; this one is older"));
        }
        match row.sort.as_str() {
            "match" => {
                self.undo_pair(row.details["pair"].as_str().unwrap_or_default(), by, Some(id))
                    .await
            }
            "value" | "apart" | "together" | "card" => self.take_back_act(&row, by, now).await,
            "replay" => Err(no(
                "what was tried again cannot be untried; what was written can be taken back by itself",
            )),
            _ => Err(no("this is nothing that could be taken back")),
        }
    }

    async fn take_back_act(&self, row: &DecisionRow, by: &str, now: Time) -> Result<(), EngineError> {
        let entity = row.entity.clone().unwrap_or_default();
        let mut tx = self.store.begin().await?;
        let Some(before) = tx.entities(std::slice::from_ref(&entity)).await?.pop() else {
            return Err(EngineError::NotFound(format!("entity {entity}")));
        };
        let mut after = before.clone();
        self.reverse(row, &mut after)?;
        if !tx.mark_undone(&row.id, now).await? {
            return Err(no("this was taken back already"));
        }
        if !tx
            .save_entities(&[(Some(before), after)], Lane::Requested, now)
            .await?
            .is_empty()
        {
            return Err(EngineError::Changed);
        }
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(entity),
            event: "taken back".into(),
            units: row.unit.clone().into_iter().collect(),
            reason: format!("by {by}"),
            ..AuditEntry::default()
        }])
        .await?;
        tx.commit().await?;
        self.bell.notify_one();
        Ok(())
    }

    fn reverse(&self, row: &DecisionRow, entity: &mut Entity) -> Result<(), EngineError> {
        let (unit, before) = (row.unit.as_deref().unwrap_or_default(), row.before.as_ref());
        match (row.sort.as_str(), before) {
            ("value", Some(before)) => {
                let decided: Value = serde_json::from_value(row.details["decided"].clone())
                    .map_err(|_| no("what was decided is not understood any more"))?;
                undo_decision(&self.settings.schema, entity, unit, before, &decided)?;
            }
            ("apart", Some(before)) => {
                review::bring_together(entity, unit)?;
                if let Some(conflict) = &before.conflict {
                    entity.conflicts.insert(unit.into(), conflict.clone());
                }
            }
            ("together", _) => review::keep_apart(&self.settings.schema, entity, unit)?,
            ("card", _) => reopen_card(row, entity)?,
            _ => return Err(no("this is nothing that could be taken back")),
        }
        Ok(())
    }

    /// Takes back everything that was decided together. Returns what became of each decision.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown group; else the store's. What cannot be taken back is in the list.
    pub async fn take_back_group(
        &self,
        group: &str,
        by: &str,
    ) -> Result<Vec<(DecisionRow, Result<(), EngineError>)>, EngineError> {
        let rows = self.store.decision_group(group).await?;
        if rows.is_empty() {
            return Err(EngineError::NotFound(format!("group {group}")));
        }
        let mut done = vec![];
        for row in rows.into_iter().filter(|row| row.undone.is_none()) {
            let result = self.take_back(&row.id, by).await;
            if let Err(EngineError::Store(_)) = &result {
                return Err(result.err().unwrap_or(EngineError::Changed));
            }
            done.push((row, result));
        }
        Ok(done)
    }
}

fn reopen_card(row: &DecisionRow, entity: &mut Entity) -> Result<(), EngineError> {
    let card: Card = serde_json::from_value(row.details["card"].clone())
        .map_err(|_| no("the question is not understood any more"))?;
    let held: Option<Hold> = serde_json::from_value(row.details["held"].clone()).unwrap_or_default();
    let same = entity.links.get(&card.system).map(|l| l.remote_id.as_str()) == row.details["remote_id"].as_str();
    if !same
        || entity
            .cards
            .iter()
            .any(|c| c.kind == card.kind && c.system == card.system)
    {
        return Err(DecisionError::Edited(vec![card.system]).into());
    }
    if let (Some(held), Some(link)) = (held, entity.links.get_mut(&card.system))
        && link.state == LinkState::Live
    {
        link.held = Some(held);
    }
    entity.cards.push(card);
    entity.dirty = true;
    Ok(())
}
