//! Reconcile: dirty entities are planned in batches and stored with their notes. The queue says
//! which ones; the store's dirty flags are the truth and refill it.

use crate::error::EngineError;
use crate::step::{Engine, Step};
use bridge_core::plan::{Context, Note, Reconciled, reconcile};
use bridge_core::{Entity, Lane, Schema, Time};
use bridge_queue::{Claim, Topic, Wake};
use bridge_store::{AuditEntry, Loser};
use std::sync::Arc;

/// Entities planned and saved in one transaction.
const BATCH: usize = 250;
/// Dirty entities the queue is refilled with at a time.
const REFILL: usize = 16 * BATCH;
/// How long a batch may take before somebody else may try it, microseconds.
const LEASE: Time = 60_000_000;

/// Planned entities on their way into the store.
struct Batch {
    claims: Vec<Claim>,
    pairs: Vec<(Option<Entity>, Entity)>,
    audit: Vec<AuditEntry>,
    losers: Vec<Loser>,
    now: Time,
}

impl Engine {
    /// Reconciles everything that is dirty and returns how many entities that were. Plans writes,
    /// sends nothing.
    ///
    /// # Errors
    /// The store's or the queue's.
    pub async fn reconcile(&self) -> Result<usize, EngineError> {
        let mut step = Step::default();
        self.reconcile_all(&mut step).await?;
        Ok(step.reconciled)
    }

    /// Reconciles everything that is dirty. While one batch is saved, the next is loaded and planned.
    pub(crate) async fn reconcile_all(&self, step: &mut Step) -> Result<(), EngineError> {
        let mirrors_complete = self.mirrors_complete().await?;
        let mut ready = self.prepare(mirrors_complete).await?;
        loop {
            ready = match ready {
                Some(batch) => {
                    let (saved, next) = tokio::join!(self.save(batch), self.prepare(mirrors_complete));
                    step.reconciled += saved?;
                    next?
                }
                // Nothing was free while the last batch was being saved; now everything is.
                None => match self.prepare(mirrors_complete).await? {
                    Some(batch) => Some(batch),
                    None => return Ok(()),
                },
            };
        }
    }

    /// Takes up to a batch of entities from the queue, refilled from the store's dirty flags, and
    /// plans them.
    async fn prepare(&self, mirrors_complete: bool) -> Result<Option<Batch>, EngineError> {
        let topic = Topic::Reconcile;
        let mut claims = self.queue.claim(&topic, BATCH, self.clock.now(), LEASE).await?;
        if claims.is_empty() {
            let dirty = self.store.dirty(REFILL).await?;
            if dirty.is_empty() {
                return Ok(None);
            }
            let wakes: Vec<Wake> = dirty
                .into_iter()
                .map(|id| Wake::new(topic.clone(), id, 0, "dirty"))
                .collect();
            self.queue.publish(&wakes).await?;
            claims = self.queue.claim(&topic, BATCH, self.clock.now(), LEASE).await?;
        }
        if claims.is_empty() {
            return Ok(None);
        }
        let ids: Vec<String> = claims
            .iter()
            .map(|c| c.wake.key.clone())
            .filter(|k| !k.is_empty())
            .collect();
        let mut entities = self.store.entities(&ids).await?;
        entities.retain(|e| e.dirty);
        let now = self.clock.now();
        let plans = self.plan_batch(entities, now, mirrors_complete).await?;
        let until = now + i64::try_from(self.settings.keep_losers.as_micros()).unwrap_or(i64::MAX / 2);
        let (mut pairs, mut audit, mut losers) = (Vec::with_capacity(plans.len()), vec![], vec![]);
        for (before, plan) in plans {
            audit.extend(plan.notes.iter().map(|note| entry(&plan.entity.id, note, now)));
            losers.extend(plan.losers.into_iter().map(|l| Loser {
                entity: plan.entity.id.clone(),
                unit: l.unit,
                system: l.system,
                at: now,
                until,
                why: l.rule,
                value: l.value,
            }));
            pairs.push((Some(before), plan.entity));
        }
        Ok(Some(Batch {
            claims,
            pairs,
            audit,
            losers,
            now,
        }))
    }

    /// Saves a planned batch; returns how many entities were saved. Those that moved meanwhile stay dirty.
    async fn save(&self, batch: Batch) -> Result<usize, EngineError> {
        let Batch {
            claims,
            pairs,
            mut audit,
            mut losers,
            now,
        } = batch;
        let mut saved = 0;
        if !pairs.is_empty() {
            let mut tx = self.store.begin().await?;
            let stale = tx.save_entities(&pairs, Lane::Live, now).await?;
            if !stale.is_empty() {
                audit.retain(|a| a.entity.as_ref().is_none_or(|e| !stale.contains(e)));
                losers.retain(|l: &Loser| !stale.contains(&l.entity));
            }
            tx.append_audit(&audit).await?;
            tx.append_losers(&losers).await?;
            tx.commit().await?;
            saved = pairs.len() - stale.len();
        }
        self.queue.ack(&claims).await?;
        Ok(saved)
    }

    /// Plans a batch on all cores; the planner is pure.
    pub(crate) async fn plan_batch(
        &self,
        entities: Vec<Entity>,
        now: Time,
        mirrors_complete: bool,
    ) -> Result<Vec<(Entity, Reconciled)>, EngineError> {
        let schema = Arc::clone(&self.settings.schema);
        let work = move || plan(&schema, entities, now, mirrors_complete);
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| EngineError::Worker(e.to_string()))
    }
}

fn plan(schema: &Schema, entities: Vec<Entity>, now: Time, mirrors_complete: bool) -> Vec<(Entity, Reconciled)> {
    let one = |entity: Entity| {
        // First contact is backfill; what changes later is live.
        let first = entity.agreed.is_empty()
            || entity
                .links
                .values()
                .any(|l| l.units.values().all(|x| x.base.is_none()));
        let lane = if first { Lane::Backfill } else { Lane::Live };
        let plan = reconcile(
            schema,
            &entity,
            Context {
                now,
                lane,
                mirrors_complete,
            },
        );
        (entity, plan)
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    if entities.len() < 64 || threads == 1 {
        return entities.into_iter().map(one).collect();
    }
    let size = entities.len().div_ceil(threads);
    let mut parts: Vec<Vec<Entity>> = vec![];
    let mut rest = entities;
    while rest.len() > size {
        let tail = rest.split_off(size);
        parts.push(std::mem::replace(&mut rest, tail));
    }
    parts.push(rest);
    std::thread::scope(|scope| {
        let handles: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(move || part.into_iter().map(one).collect::<Vec<_>>()))
            .collect();
        handles
            .into_iter()
            .flat_map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

pub(crate) fn entry(entity: &str, note: &Note, now: Time) -> AuditEntry {
    AuditEntry {
        at: now,
        entity: Some(entity.into()),
        system: note.system.clone(),
        event: note.event.into(),
        units: note.units.clone(),
        reason: note.reason.clone(),
        ..AuditEntry::default()
    }
}
