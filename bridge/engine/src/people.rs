//! What people decide, stored: conflicts, cards, links, candidates, held writes.

use crate::error::EngineError;
use crate::step::Engine;
use bridge_core::plan::Loser;
use bridge_core::review::{self, Choice, DecisionError};
use bridge_core::{CardKind, Entity, Hold, Lane, LinkState, Value};
use bridge_store::{AuditEntry, CandidateState, CardRow, ConflictRow, RecordKey};
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

    /// Closes a card.
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
            self.free_survivors(&row.card.system).await?;
        }
        Ok(())
    }

    /// A merge's survivor with a new id may be identified once every card about the merge is closed.
    async fn free_survivors(&self, system: &str) -> Result<(), EngineError> {
        let waiting = self.store.unidentified(usize::MAX >> 1).await?;
        let mut tx = self.store.begin().await?;
        let mut free = vec![];
        for survivor in waiting
            .iter()
            .filter(|l| l.system == system && l.held == Some(Hold::Merged))
        {
            let losers = tx.links(system, &survivor.kind, &survivor.merged_from).await?;
            if losers.iter().all(|row| row.link.held.is_none()) {
                let id = std::slice::from_ref(&survivor.remote_id);
                free.extend(
                    tx.links(system, &survivor.kind, id)
                        .await?
                        .into_iter()
                        .map(|row| row.link),
                );
            }
        }
        free.iter_mut().for_each(|link| link.held = None);
        tx.touch_links(&free).await?;
        tx.commit().await?;
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
        let Some(before) = tx.entities(&[id.to_string()]).await?.pop() else {
            return Err(EngineError::NotFound(format!("entity {id}")));
        };
        let mut after = before.clone();
        let new_id = self.ids.entity(now);
        let Some(other) = review::cut(&mut after, system, &new_id, now) else {
            return Err(EngineError::NotFound(format!("record of {id} in {system}")));
        };
        let moved = other.links.get(system).cloned();
        // First the record leaves its entity, then it joins the new one.
        let stale = tx
            .save_entities(&[(Some(before.clone()), after.clone())], Lane::Requested, now)
            .await?;
        if !stale.is_empty() {
            return Err(EngineError::Changed);
        }
        if let Some(link) = &moved {
            tx.links(system, &link.kind, std::slice::from_ref(&link.remote_id))
                .await?;
        }
        tx.save_entities(&[(None, other)], Lane::Requested, now).await?;
        if let Some(link) = moved {
            let cut = RecordKey::new(system, &link.kind, &link.remote_id);
            for stays in after.links.values() {
                let stays = RecordKey::from(stays);
                let told =
                    bridge_store::Candidate::new(cut.clone(), stays, 0, vec!["told apart by a person".into()], now);
                tx.add_candidates(std::slice::from_ref(&told)).await?;
                tx.close_candidates(&[told.id], CandidateState::Different).await?;
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

    /// A person says what a pair of look-alikes is: the same person, or two people. "Same" moves the
    /// second record into the first one's entity.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown candidate, [`EngineError::Decision`] if one of them
    /// is linked to somebody else by now.
    pub async fn answer_candidate(&self, id: &str, same: bool, by: &str) -> Result<(), EngineError> {
        let open = |c: &bridge_store::Candidate| c.state == CandidateState::Open;
        let candidate = self.store.candidate(id).await?.filter(open);
        let candidate = candidate.ok_or_else(|| EngineError::NotFound(format!("open candidate {id}")))?;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let state = if same {
            CandidateState::Same
        } else {
            CandidateState::Different
        };
        tx.close_candidates(std::slice::from_ref(&candidate.id), state).await?;
        let mut owners = vec![];
        for key in [&candidate.a, &candidate.b] {
            let owner = tx.entity_of(&key.system, &key.kind, &key.remote_id).await?;
            owners.push(owner.ok_or_else(|| EngineError::NotFound("entity of that record".into()))?);
        }
        if owners[0] == owners[1] {
            // They became one person meanwhile; who doubts that cuts the link.
            tx.close_candidates(std::slice::from_ref(&candidate.id), CandidateState::Same)
                .await?;
            tx.commit().await?;
            return self.release_waiting(&owners).await;
        }
        let mut entities: BTreeMap<String, Entity> = tx
            .entities(&owners)
            .await?
            .into_iter()
            .map(|e| (e.id.clone(), e))
            .collect();
        if same {
            let (Some(keep), Some(give)) = (entities.remove(&owners[0]), entities.remove(&owners[1])) else {
                return Err(DecisionError::Closed.into());
            };
            // A creation in doubt is answered by this; only what is on its way must come back first.
            let under_way = give.writes.keys().any(|system| give.busy(system));
            let free = keep.links.keys().all(|s| !give.links.contains_key(s)) && !under_way;
            if !free {
                return Err(DecisionError::Changed.into());
            }
            let (mut kept, mut given) = (keep.clone(), give.clone());
            given.links.clear();
            given.writes.clear();
            given.conflicts.clear();
            given.cards.clear();
            given.dirty = false;
            tx.save_entities(&[(Some(give.clone()), given)], Lane::Requested, now)
                .await?;
            for link in give.links.values() {
                let id = std::slice::from_ref(&link.remote_id);
                if let Some(row) = tx.links(&link.system, &link.kind, id).await?.pop() {
                    review::join(&mut kept, row.link, now);
                }
            }
            kept.candidate = false;
            tx.save_entities(&[(Some(keep), kept)], Lane::Requested, now).await?;
        }
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(owners[0].clone()),
            event: if same { "same person" } else { "different people" }.into(),
            reason: format!("by {by}"),
            ..AuditEntry::default()
        }])
        .await?;
        tx.commit().await?;
        if !same {
            self.release_waiting(&owners).await?;
        }
        Ok(())
    }

    /// Entities none of whose records is in an open candidate any more may be created again.
    async fn release_waiting(&self, ids: &[String]) -> Result<(), EngineError> {
        let mut tx = self.store.begin().await?;
        let records: Vec<RecordKey> = tx
            .entities(ids)
            .await?
            .iter()
            .flat_map(|e| e.links.values().map(RecordKey::from))
            .collect();
        let of = tx
            .candidates_of(&records)
            .await?
            .into_iter()
            .filter(|c| c.state == CandidateState::Open);
        let open: std::collections::BTreeSet<RecordKey> = of.flat_map(|c| [c.a, c.b]).collect();
        let pairs: Vec<_> = tx
            .entities(ids)
            .await?
            .into_iter()
            .filter(|e| e.candidate && e.links.values().all(|l| !open.contains(&RecordKey::from(l))))
            .map(|e| {
                (
                    Some(e.clone()),
                    Entity {
                        candidate: false,
                        dirty: true,
                        ..e
                    },
                )
            })
            .collect();
        tx.save_entities(&pairs, Lane::Requested, self.clock.now()).await?;
        tx.commit().await?;
        Ok(())
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
        let until = now + i64::try_from(self.settings.keep_losers.as_micros()).unwrap_or(i64::MAX / 2);
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

    /// The live record of an entity in a system, if it has one.
    ///
    /// # Errors
    /// The store's.
    pub async fn record_of(&self, entity: &str, system: &str) -> Result<Option<RecordKey>, EngineError> {
        let found = self.store.entities(&[entity.to_string()]).await?.pop();
        let link = found
            .and_then(|mut e| e.links.remove(system))
            .filter(|l| l.state == LinkState::Live);
        Ok(link.map(|l| RecordKey::from(&l)))
    }
}
