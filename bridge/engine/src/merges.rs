//! What becomes of links when two records of one system were merged there, once a person has seen it.

use crate::error::EngineError;
use crate::settings::System;
use crate::step::Engine;
use bridge_core::matching::units;
use bridge_core::{CardKind, Entity, Hold, Lane, Link, LinkState, review};
use bridge_store::{AuditEntry, CandidateState, RecordKey, Tx};
use std::collections::BTreeSet;

/// Records looked through at a time.
const BATCH: usize = 500;

impl Engine {
    /// The survivor takes the place of an entity's record that was merged into it, unless it is somebody
    /// else's counterpart, contradicts the entity's other records, or was told apart from them. The old
    /// id stays on record as merged.
    pub(crate) async fn follow_merge(&self, id: &str, system: &str, by: &str) -> Result<(), EngineError> {
        let Some(system) = self.settings.system(system) else {
            return Ok(());
        };
        let entity = self.store.entities(&[id.to_string()]).await?.pop();
        let lost = entity.and_then(|e| e.links.get(&system.name).map(|l| Link::clone(l)));
        let Some(lost) = lost.filter(|l| l.state != LinkState::Live) else {
            return Ok(());
        };
        let Some(survivor) = self.survivor_of(system, &lost.remote_id).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some(keep) = tx.entities(&[id.to_string()]).await?.pop() else {
            return Ok(());
        };
        if keep.busy(&system.name) || !self.may_follow(&mut tx, &keep, &survivor).await? {
            return Ok(());
        }
        let mut without = keep.clone();
        without.links.remove(&system.name);
        without.conflicts.clear();
        without.cards.retain(|c| c.system != system.name);
        without.writes.remove(&system.name);
        without.dirty = true;
        let stale = tx.save_entities(&[(Some(keep), without)], Lane::Requested, now).await?;
        if !stale.is_empty() {
            return Err(EngineError::Changed);
        }
        let ids = [lost.remote_id.clone(), survivor.remote_id.clone()];
        let mut rows: Vec<Link> = tx
            .links(&system.name, system.kind(), &ids)
            .await?
            .into_iter()
            .map(|r| r.link)
            .collect();
        for link in &mut rows {
            link.held = None;
            if link.remote_id == lost.remote_id {
                link.state = LinkState::Merged;
                link.look = false;
            }
        }
        tx.touch_links(&rows).await?;
        match &survivor.entity {
            Some(own) => self.unite(&mut tx, id, own).await?,
            None => {
                let Some(mut entity) = tx.entities(&[id.to_string()]).await?.pop() else {
                    return Err(EngineError::Changed);
                };
                let before = entity.clone();
                let id = std::slice::from_ref(&survivor.remote_id);
                if let Some(row) = tx.links(&system.name, system.kind(), id).await?.pop() {
                    review::join(&mut entity, row.link, now);
                }
                tx.save_entities(&[(Some(before), entity)], Lane::Requested, now)
                    .await?;
            }
        }
        self.close_for_loners(&mut tx, system, &survivor).await?;
        let followed = AuditEntry {
            at: now,
            entity: Some(id.into()),
            system: Some(system.name.clone()),
            remote_id: Some(survivor.remote_id.clone()),
            event: "merge followed".into(),
            reason: format!(
                "by {by}; record {} was merged into {}",
                lost.remote_id, survivor.remote_id
            ),
            ..AuditEntry::default()
        };
        let old = AuditEntry {
            entity: None,
            remote_id: Some(lost.remote_id),
            reason: format!("by {by}; merged into {}, now of {id}", survivor.remote_id),
            ..followed.clone()
        };
        tx.append_audit(&[followed, old]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Of records that were nobody's counterpart and went into the same merge nothing is to be asked.
    async fn close_for_loners(&self, tx: &mut Tx, system: &System, survivor: &Link) -> Result<(), EngineError> {
        let now = self.clock.now();
        for id in &survivor.merged_from {
            let Some(owner) = tx.entity_of(&system.name, system.kind(), id).await? else {
                continue;
            };
            let Some(before) = tx.entities(&[owner]).await?.pop() else {
                continue;
            };
            let mut after = before.clone();
            if before.links.len() == 1 && review::dismiss(&mut after, CardKind::Merged, &system.name).is_ok() {
                tx.save_entities(&[(Some(before), after)], Lane::Requested, now).await?;
            }
        }
        Ok(())
    }

    /// The live record that another one was merged into, if it tells.
    async fn survivor_of(&self, system: &System, lost: &str) -> Result<Option<Link>, EngineError> {
        let mut after = String::new();
        loop {
            let ids = self
                .store
                .remote_ids(&system.name, system.kind(), &after, BATCH)
                .await?;
            let Some(last) = ids.last() else { return Ok(None) };
            after.clone_from(last);
            let rows = self.store.links(&system.name, system.kind(), &ids).await?;
            let mut links = rows.into_iter().map(|row| row.link);
            if let Some(found) = links.find(|l| l.merged_from.iter().any(|id| id == lost)) {
                return Ok(Some(found));
            }
        }
    }

    async fn may_follow(&self, tx: &mut Tx, keep: &Entity, survivor: &Link) -> Result<bool, EngineError> {
        if let Some(own) = &survivor.entity {
            let Some(own) = tx.entities(std::slice::from_ref(own)).await?.pop() else {
                return Ok(false);
            };
            if own.id == keep.id || own.links.len() > 1 || own.writes.keys().any(|s| own.busy(s)) {
                return Ok(false);
            }
        }
        let theirs = survivor.seen();
        let live = keep.links.values().filter(|l| l.state == LinkState::Live);
        let others: Vec<(RecordKey, bool)> = live
            .map(|l| (RecordKey::from(&**l), units::contradict(&l.seen(), &theirs)))
            .collect();
        let key = RecordKey::from(survivor);
        let told = tx.candidates_of(std::slice::from_ref(&key)).await?;
        let apart: BTreeSet<RecordKey> = told
            .into_iter()
            .filter(|c| matches!(c.state, CandidateState::Different | CandidateState::Household))
            .flat_map(|c| [c.a, c.b])
            .collect();
        Ok(!others
            .iter()
            .any(|(other, contradicts)| *contradicts || apart.contains(other)))
    }

    /// A merge's survivor with a new id may be identified once every card about the merge is closed.
    pub(crate) async fn free_survivors(&self, system: &str) -> Result<(), EngineError> {
        let waiting = self.store.unidentified(None, usize::MAX >> 1).await?;
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
}
