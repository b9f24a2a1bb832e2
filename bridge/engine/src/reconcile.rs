//! Reconcile: dirty entities are planned in batches and stored with their notes. The queue says
//! which ones; the store's dirty flags are the truth and refill it.

use crate::deliver::micros;
use crate::error::EngineError;
use crate::follow::{Contexts, Seen, Work, announced, context_of};
use crate::handed::Handed;
use crate::measure;
use crate::step::{Engine, Step};
use bridge_core::plan::{Context, Note, Reconciled, reconcile};
use bridge_core::{Entity, Lane, Schema, Time};
use bridge_queue::{Claim, Queue, Topic, Wake};
use bridge_store::{AuditEntry, Loser, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, field, info_span};

/// Entities planned and saved in one transaction: as many as fit one insert of the store.
const BATCH: usize = 256;
/// Dirty entities the queue is refilled with at a time.
const REFILL: usize = 16 * BATCH;
/// How long a batch may take before somebody else may try it, microseconds.
const LEASE: Time = 60_000_000;
/// How long the driver waits for entities that other workers have in hand, before it turns to what else is due.
const OTHERS: Duration = Duration::from_millis(500);
/// Between two looks at what they have in hand.
const LOOK: Duration = Duration::from_millis(10);

/// Planned entities on their way into the store.
struct Batch {
    claims: Vec<Claim>,
    pairs: Vec<(Option<Entity>, Entity)>,
    audit: Vec<AuditEntry>,
    losers: Vec<Loser>,
    now: Time,
    work: Work,
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

    /// Reconciles what the driver of this practice announced in a queue that processes share, until the
    /// queue has no more. For workers beside the driver: they announce nothing themselves. Returns how
    /// many entities that were.
    ///
    /// # Errors
    /// The store's or the queue's.
    pub async fn assist(&self) -> Result<usize, EngineError> {
        let mut step = Step::default();
        self.reconcile_batches(&mut step, false).await?;
        Ok(step.reconciled)
    }

    /// Returns when the queue may have something to reconcile. A broker that is away has nothing.
    pub async fn announced(&self) {
        if self.queue.wait(&Topic::Reconcile).await.is_err() {
            std::future::pending().await
        }
    }

    /// Reconciles everything that is dirty, and gives other workers a moment for what they took.
    pub(crate) async fn reconcile_all(&self, step: &mut Step) -> Result<(), EngineError> {
        let begun = self.clock.now();
        loop {
            self.reconcile_batches(step, true).await?;
            if self.handed.is_empty() || self.clock.now() - begun > micros(OTHERS) {
                return Ok(());
            }
            self.handed.keep(&self.store.dirty_since(REFILL).await?);
            if self.handed.is_empty() {
                return Ok(());
            }
            self.clock.sleep(LOOK).await;
        }
    }

    /// While one batch is saved, the next is loaded and planned.
    async fn reconcile_batches(&self, step: &mut Step, announce: bool) -> Result<(), EngineError> {
        let mirrors_complete = self.mirrors_complete().await?;
        let mut saving = None;
        loop {
            let next = self.prepare(mirrors_complete, announce).await;
            // Nothing may be free only because the last batch is still being saved.
            let last = saving.is_none();
            if let Some(saved) = saving.take() {
                step.reconciled += joined(saved).await??;
            }
            match next? {
                Some(batch) => {
                    let (store, queue) = (self.store.clone(), Arc::clone(&self.queue));
                    let span = batch.work.span.clone();
                    let (seen, handed) = (Arc::clone(&self.seen), Arc::clone(&self.handed));
                    let save = save(store, queue, seen, handed, batch).instrument(span);
                    // A task of its own, so that sealing one batch and opening the next use two cores.
                    saving = Some(AbortOnDropHandle::new(tokio::spawn(save)));
                }
                None if last => return Ok(()),
                None => {}
            }
        }
    }

    /// Takes up to a batch of entities from the queue, refilled from the store's dirty flags, and
    /// plans them.
    async fn prepare(&self, mirrors_complete: bool, announce: bool) -> Result<Option<Batch>, EngineError> {
        let topic = Topic::Reconcile;
        let mut claims = self.queue.claim(&topic, BATCH, self.clock.now(), LEASE).await?;
        if claims.is_empty() {
            if !announce || self.announce().await? == 0 {
                return Ok(None);
            }
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
        let work = begin(&claims, ids.len());
        let planned = async {
            let mut entities = self.store.entities(&ids).await?;
            entities.retain(|e| e.dirty);
            let now = self.clock.now();
            let plans = self.plan_batch(entities, now, mirrors_complete).await?;
            Ok::<_, EngineError>((now, plans))
        };
        let (now, plans) = planned.instrument(work.span.clone()).await?;
        let (mut pairs, mut audit, mut losers) = (Vec::with_capacity(plans.len()), vec![], vec![]);
        for (before, plan) in plans {
            audit.extend(plan.notes.iter().map(|note| entry(&plan.entity.id, note, now)));
            let kept = |lost| self.settings.kept(&plan.entity.id, lost, now);
            losers.extend(plan.losers.into_iter().map(kept));
            pairs.push((Some(before), plan.entity));
        }
        Ok(Some(Batch {
            claims,
            pairs,
            audit,
            losers,
            now,
            work,
        }))
    }

    /// Fills the queue with what is dirty, for whichever process takes it, each with the trace of the change
    /// that made it so. What was announced and may still be in somebody's hand is not announced again for a
    /// while. Returns how many entities that were: there may be more.
    ///
    /// # Errors
    /// The store's or the queue's.
    pub async fn announce(&self) -> Result<usize, EngineError> {
        let waiting = self.store.dirty_since(REFILL).await?;
        let dirty = self.handed.announce(waiting, self.clock.now());
        if dirty.is_empty() {
            return Ok(0);
        }
        let contexts = self.contexts(&dirty).await?;
        let mut steps = vec![];
        let wakes: Vec<Wake> = dirty
            .into_iter()
            .map(|id| {
                let step = contexts.get(&id).and_then(|context| announced(context, &id));
                let trace = step.as_ref().and_then(context_of);
                steps.extend(step);
                Wake {
                    trace,
                    ..Wake::new(Topic::Reconcile, id, 0, "dirty")
                }
            })
            .collect();
        if let Err(error) = self.queue.publish(&wakes).await {
            self.handed.answered(wakes.iter().map(|wake| &wake.key));
            return Err(error.into());
        }
        Ok(wakes.len())
    }

    /// Plans a batch beside what else is under way; the planner is pure.
    pub(crate) async fn plan_batch(
        &self,
        entities: Vec<Entity>,
        now: Time,
        mirrors_complete: bool,
    ) -> Result<Vec<(Entity, Reconciled)>, EngineError> {
        let schema = Arc::clone(&self.settings.schema);
        let one = move |entity| plan(&schema, entity, now, mirrors_complete);
        joined(tokio::task::spawn_blocking(move || {
            entities.into_iter().map(one).collect()
        }))
        .await
    }
}

pub(crate) async fn joined<T>(work: impl Future<Output = Result<T, JoinError>>) -> Result<T, EngineError> {
    work.await.map_err(|e| EngineError::Worker(e.to_string()))
}

/// The work on claimed messages, within the traces they carry.
fn begin(claims: &[Claim], entities: usize) -> Work {
    let carried = |c: &Claim| c.wake.trace.clone().map(|context| (c.wake.key.clone(), context));
    let contexts: Contexts = claims.iter().filter_map(carried).collect();
    let span = info_span!(
        parent: None, "reconcile", otel.kind = "consumer", entities, writes = field::Empty, conflicts = field::Empty
    );
    let own = |entity: &str| {
        info_span!(
            parent: None, "reconcile", otel.kind = "consumer", entity, writes = field::Empty, conflicts = field::Empty
        )
    };
    Work::begin(span, entities, &contexts, own)
}

/// Saves a planned batch; returns how many entities were saved. Those that moved meanwhile stay dirty.
async fn save(
    store: Store,
    queue: Arc<dyn Queue>,
    seen: Arc<Seen>,
    handed: Arc<Handed>,
    batch: Batch,
) -> Result<usize, EngineError> {
    let Batch {
        claims,
        pairs,
        mut audit,
        mut losers,
        now,
        work,
    } = batch;
    let mut saved = 0;
    if !pairs.is_empty() {
        let mut tx = store.begin().await?;
        let stale = tx.save_entities(&pairs, Lane::Live, now).await?;
        if !stale.is_empty() {
            audit.retain(|a| a.entity.as_ref().is_none_or(|e| !stale.contains(e)));
            losers.retain(|l: &Loser| !stale.contains(&l.entity));
        }
        tx.append_audit(&audit).await?;
        tx.append_losers(&losers).await?;
        let done = |e: &&Entity| e.writes.is_empty() && !stale.contains(&e.id);
        let ended: Vec<String> = pairs
            .iter()
            .map(|(_, after)| after)
            .inspect(|after| tell(&work, after))
            .filter(|after| done(after) && work.of(&after.id).is_some())
            .map(|after| after.id.clone())
            .collect();
        if !ended.is_empty() {
            tx.drop_traces(&ended).await?;
        }
        tx.commit().await?;
        seen.arrived(
            pairs
                .iter()
                .map(|(_, after)| after)
                .filter(done)
                .map(|after| after.id.as_str()),
        );
        saved = pairs.len() - stale.len();
        measure::reconciled(saved);
    }
    handed.answered(claims.iter().map(|claim| &claim.wake.key));
    queue.ack(&claims).await?;
    Ok(saved)
}

/// Notes in the trace of an entity's change what was planned.
fn tell(work: &Work, after: &Entity) {
    if let Some(span) = work.of(&after.id) {
        span.record("writes", after.writes.len())
            .record("conflicts", after.conflicts.len());
    }
}

fn plan(schema: &Schema, entity: Entity, now: Time, mirrors_complete: bool) -> (Entity, Reconciled) {
    // First contact is backfill; what changes later is live.
    let first = entity.agreed.is_empty()
        || entity
            .links
            .values()
            .any(|l| l.units.values().all(|x| x.base.is_none()));
    let lane = if first { Lane::Backfill } else { Lane::Live };
    let context = Context {
        now,
        lane,
        mirrors_complete,
    };
    let plan = reconcile(schema, &entity, context);
    (entity, plan)
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
