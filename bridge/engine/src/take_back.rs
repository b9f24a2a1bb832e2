//! Taking back: one decision, what was decided together, and all writes of a run. Where somebody edited since nothing is
//! taken back, and it is said where.

use crate::deliver::micros;
use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::review::{self, DecisionError};
use bridge_core::undo::{undo_decision, undo_write};
use bridge_core::{Card, Entity, Hold, Lane, LinkState, Time, Value, Values};
use bridge_store::{AuditEntry, DecisionRow};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a decision can be taken back.
pub const KEPT: Duration = Duration::from_hours(30 * 24);
const BATCH: usize = 500;

/// One record that is being put back, or is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PutBack {
    /// Entity.
    pub entity: String,
    /// Where.
    pub system: String,
    /// Units that get back what stood there.
    pub units: Vec<String>,
    /// Why nothing is put back, if so.
    pub refused: Option<String>,
}

/// What taking a run back comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunUndo {
    /// Records that get back what stood there.
    pub put_back: Vec<PutBack>,
    /// Records that are left as they are, and why.
    pub refused: Vec<PutBack>,
}

/// What a run wrote to one record, taken together.
#[derive(Default)]
struct Written {
    sent: Values,
    before: Values,
    created: bool,
}

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

    /// Takes back what was written between two moments, record by record, as a run is; only looked at if `dry`. A record
    /// that holds something else by now is left as it is, and so is one that was created, since nothing is removed.
    /// What is put back is held there until its agreed value is another one, or a person releases it.
    ///
    /// # Errors
    /// The store's.
    pub async fn take_back_run(&self, from: Time, until: Time, by: &str, dry: bool) -> Result<RunUndo, EngineError> {
        let written = self.written_between(from, until).await?;
        let mut undo = RunUndo::default();
        let rows: Vec<((String, String), Written)> = written.into_iter().collect();
        for chunk in rows.chunks(BATCH) {
            let now = self.clock.now();
            let mut tx = self.store.begin().await?;
            let ids: BTreeSet<String> = chunk.iter().map(|((entity, _), _)| entity.clone()).collect();
            let ids: Vec<String> = ids.into_iter().collect();
            let loaded = tx.entities(&ids).await?;
            let mut pairs: BTreeMap<String, (Entity, Entity)> =
                loaded.into_iter().map(|e| (e.id.clone(), (e.clone(), e))).collect();
            let (mut fine, mut audit) = (vec![], vec![]);
            for ((entity, system), written) in chunk {
                let tell = |units: Vec<String>, refused: Option<String>| PutBack {
                    entity: entity.clone(),
                    system: system.clone(),
                    units,
                    refused,
                };
                let all: Vec<String> = written.sent.keys().cloned().collect();
                let Some((_, after)) = pairs.get_mut(entity) else {
                    undo.refused
                        .push(tell(all, Some("it belongs to another person by now".into())));
                    continue;
                };
                if written.created {
                    let why = "the record was created; archive it there, nothing is removed from here";
                    undo.refused.push(tell(all, Some(why.into())));
                    continue;
                }
                match undo_write(&self.settings.schema, after, system, &written.sent, &written.before) {
                    Ok(units) => {
                        audit.push(AuditEntry {
                            at: now,
                            entity: Some(entity.clone()),
                            system: Some(system.clone()),
                            event: "taken back".into(),
                            units: units.clone(),
                            reason: format!("by {by}, with a whole run"),
                            ..AuditEntry::default()
                        });
                        fine.push(tell(units, None));
                    }
                    Err(error) => undo.refused.push(tell(all, Some(error.to_string()))),
                }
            }
            if dry {
                tx.rollback().await?;
                undo.put_back.extend(fine);
                continue;
            }
            let pairs: Vec<_> = pairs
                .into_values()
                .filter(|(b, a)| b != a)
                .map(|(b, a)| (Some(b), a))
                .collect();
            let stale = tx.save_entities(&pairs, Lane::Requested, now).await?;
            audit.retain(|line: &AuditEntry| line.entity.as_ref().is_none_or(|e| !stale.contains(e)));
            tx.append_audit(&audit).await?;
            tx.commit().await?;
            for mut row in fine {
                if stale.contains(&row.entity) {
                    row.refused = Some(EngineError::Changed.to_string());
                    undo.refused.push(row);
                } else {
                    undo.put_back.push(row);
                }
            }
        }
        self.bell.notify_one();
        Ok(undo)
    }

    /// What was applied between two moments by entity and system: the last value sent, and what stood there first.
    async fn written_between(
        &self,
        from: Time,
        until: Time,
    ) -> Result<BTreeMap<(String, String), Written>, EngineError> {
        let mut written: BTreeMap<(String, String), Written> = BTreeMap::new();
        let mut out: BTreeMap<(String, String), (Values, Values, bool)> = BTreeMap::new();
        let mut place = self.store.audit_place(from).await?;
        loop {
            let lines = self.store.written(place, until, BATCH).await?;
            let Some((last, _)) = lines.last() else {
                return Ok(written);
            };
            place = *last;
            for (_, line) in lines {
                let (Some(entity), Some(system)) = (line.entity, line.system) else {
                    continue;
                };
                let key = (entity, system);
                if line.event == "sent" {
                    let values = |member: &str| -> Values {
                        let body = line.body.as_ref().and_then(|body| body.get(member)).cloned();
                        body.and_then(|body| serde_json::from_value(body).ok())
                            .unwrap_or_default()
                    };
                    out.insert(key, (values("sent"), values("before"), line.remote_id.is_none()));
                    continue;
                }
                let Some((sent, before, created)) = out.remove(&key) else {
                    continue;
                };
                let record = written.entry(key).or_default();
                record.created |= created;
                for (unit, value) in before {
                    record.before.entry(unit).or_insert(value);
                }
                record.sent.extend(sent);
            }
        }
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
