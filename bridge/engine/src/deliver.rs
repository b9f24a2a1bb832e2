//! Delivery: guard, mark, send, settle, one batch after the other. A write is marked in the store
//! before its call and settled after it, so that a crash at any point leaves either a planned
//! write or one that is looked at before anything is repeated.

use crate::capture::lone;
use crate::error::EngineError;
use crate::follow::Work;
use crate::kept_back::kept_back;
use crate::look_back;
use crate::measure;
use crate::send::{CONCURRENT, outgoing, send, sent_entry};
use crate::settings::System;
use crate::step::{Engine, Step};
use adapter_kit::{
    AdapterError, Answer, AnswerStyle, Failure, Guard, Outgoing, Priority, Read, RefusalKind, with_priority,
};
use bridge_core::capture::{How, Observation};
use bridge_core::settle::{Manners, Sending, Settlement, mark_sent, settle};
use bridge_core::{Entity, Hold, Lane, Op, Origin, Time, WriteState};
use bridge_store::AuditEntry;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::time::Duration;
use tracing::{Instrument, field, info_span};

/// Writes looked at for one system in one step.
const DUE_PER_STEP: usize = 1_000;
/// A guard older than this is taken again.
const GUARD_LIFE: Time = 5_000_000;
/// Longest a system may keep one step busy; the rest goes on in the next step.
const SLICE: Time = 8_000_000;

/// A write marked sent, with what its call needs.
struct Ready {
    entity: String,
    outgoing: Outgoing,
}

impl Engine {
    /// Sends what is planned for a system, in the order of lanes and age.
    pub(crate) async fn deliver(
        &self,
        system: &System,
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let begun = self.clock.now();
        let kept = kept_back(&self.store, &system.name).await?;
        let mut due = self
            .store
            .writes_due_but(&system.name, begun, kept, DUE_PER_STEP)
            .await?;
        if due.is_empty() {
            return Ok(Ok(()));
        }
        // A brake holds everything but opt-outs, which stand first.
        let braked = self.braked(system, due.len()).await?;
        if braked {
            due.retain(|d| d.lane == Lane::Requested && !d.create);
        }
        let ids: Vec<String> = due.into_iter().map(|d| d.entity).collect();
        let mut creates = vec![];
        let mut updates = vec![];
        let mut urgent = vec![];
        for entity in self.store.entities(&ids).await? {
            match entity.writes.get(&system.name) {
                Some(w) if w.opts_out() => urgent.push(entity.id),
                Some(_) if braked => {}
                Some(w) if kept.holds(w.lane, w.op == Op::Create) => {}
                Some(w) if w.op == Op::Create => creates.push(entity.id),
                Some(_) => updates.push(entity.id),
                None => {}
            }
        }
        if !creates.is_empty() && !self.caught_up().await? {
            creates.clear(); // somebody unread may be there already
        }
        let traits = system.traits();
        let at_once = |batch: usize| batch.max(1) * CONCURRENT;
        let update_size = match traits.guard {
            Guard::Read => traits.guard_batch.clamp(1, at_once(traits.update_batch)),
            Guard::Conditional => at_once(traits.update_batch),
        };
        // Opt-outs may use the share of the limits that is kept for people.
        for chunk in urgent.chunks(update_size) {
            let delivered = with_priority(Priority::Interactive, self.deliver_chunk(system, chunk, step));
            if let Err(error) = delivered.await? {
                return Ok(Err(error));
            }
        }
        let chunks = updates
            .chunks(update_size)
            .chain(creates.chunks(at_once(traits.create_batch)));
        for chunk in chunks {
            if self.clock.now() - begun > SLICE {
                step.more = true;
                break;
            }
            if let Err(error) = self.deliver_chunk(system, chunk, step).await? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    async fn deliver_chunk(
        &self,
        system: &System,
        ids: &[String],
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let contexts = self.contexts(ids).await?;
        let span =
            info_span!(parent: None, "deliver", system = system.name, writes = ids.len(), outcome = field::Empty);
        let own =
            |entity: &str| info_span!(parent: None, "deliver", system = system.name, entity, outcome = field::Empty);
        let work = Work::begin(span, ids.len(), &contexts, own);
        let span = work.span.clone();
        self.deliver_work(system, ids, &work, step).instrument(span).await
    }

    async fn deliver_work(
        &self,
        system: &System,
        ids: &[String],
        work: &Work,
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let traits = system.traits();
        let started = self.clock.now();
        let guards = match self.guard(system, ids, started, step).await? {
            Ok(guards) => guards,
            Err(error) => return Ok(Err(error)),
        };
        let ready = self.mark(system, ids, &guards, started, work).await?;
        if ready.is_empty() {
            return Ok(Ok(()));
        }
        let (ids, outgoing): (Vec<String>, Vec<Outgoing>) = ready.into_iter().map(|r| (r.entity, r.outgoing)).unzip();
        step.sent += outgoing.len();
        let (mut trouble, mut well) = (None, false);
        let mut settled = vec![];
        let answers = send(system, outgoing).await;
        for (place, id) in ids.into_iter().enumerate() {
            let answer = answers.get(place).cloned().flatten().unwrap_or_else(|| {
                Answer::Unknown(AdapterError {
                    system: system.name.clone(),
                    what: "write".into(),
                    code: "no answer".into(),
                    failure: Failure::Protocol,
                    not_processed: false,
                })
            });
            match &answer {
                Answer::Later(error) | Answer::Unknown(error) => trouble = Some(error.clone()),
                _ => well = true,
            }
            settled.push((id, answer));
        }
        let style = traits.answer;
        let conditional = traits.guard == Guard::Conditional;
        self.settle_answers(system, settled, style, Manners { conditional }, work, step)
            .instrument(info_span!("settle"))
            .await?;
        // One lost answer among good ones is that write's own affair; anything else rests the system.
        let whole = |e: &AdapterError| !well || !matches!(e.failure, Failure::Unavailable | Failure::Protocol);
        Ok(trouble.filter(whole).map_or(Ok(()), Err))
    }

    /// Reads directly what updates are about to change; by remote id, with the bodies.
    async fn guard(
        &self,
        system: &System,
        ids: &[String],
        started: Time,
        step: &mut Step,
    ) -> Result<Result<HashMap<String, (Observation, Json)>, AdapterError>, EngineError> {
        let mut guards = HashMap::new();
        let entities = self.store.entities(ids).await?;
        let remote: Vec<String> = entities
            .iter()
            .filter(|e| !e.dirty && e.writes.get(&system.name).is_some_and(|w| w.op == Op::Update))
            .filter_map(|e| Some(e.links.get(&system.name)?.remote_id.clone()))
            .collect();
        if remote.is_empty() {
            return Ok(Ok(guards));
        }
        let batches = remote.chunks(system.traits().read_batch.max(1)).map(|ids| async move {
            match system.adapter.read(system.kind(), ids).await {
                Ok(reads) => Ok(reads),
                // the records of this batch wait, the others go on
                Err(error) if lone(&error) => Ok(ids.iter().map(|_| Read::Failed(error.clone())).collect()),
                Err(error) => Err(error),
            }
        });
        let reads: Result<Vec<Vec<Read>>, AdapterError> = futures::stream::iter(batches)
            .buffered(CONCURRENT)
            .try_collect()
            .instrument(info_span!("guard", records = remote.len()))
            .await;
        let reads: Vec<Read> = match reads {
            Ok(reads) => reads.into_iter().flatten().collect(),
            Err(error) => return Ok(Err(error)),
        };
        step.guards += remote.len();
        for (id, read) in remote.iter().zip(reads) {
            let (seen, body) = match read {
                Read::Found(record) if record.id == *id => (system.observe(&record, How::Direct, started), record.body),
                // another record answers: a merge, which a look of its own will show whole
                Read::Found(_) => {
                    self.hint(&system.name, std::slice::from_ref(id)).await?;
                    continue;
                }
                Read::Missing => (system.missing(id, started), Json::Null),
                Read::Failed(_) => continue,
            };
            guards.insert(id.clone(), (seen, body));
        }
        Ok(Ok(guards))
    }

    /// Marks a chunk sent, in one transaction, and builds the calls from what the guards saw.
    async fn mark(
        &self,
        system: &System,
        ids: &[String],
        guards: &HashMap<String, (Observation, Json)>,
        started: Time,
        work: &Work,
    ) -> Result<Vec<Ready>, EngineError> {
        let conditional = system.traits().guard == Guard::Conditional;
        let now = self.clock.now();
        if now - started > GUARD_LIFE && !guards.is_empty() {
            return Ok(vec![]); // too old to be a guard: the next round takes a new one
        }
        let mut tx = self.store.begin().await?;
        let (mut pairs, mut ready, mut audit) = (vec![], vec![], vec![]);
        for before in tx.entities(ids).await? {
            let Some(write) = before.writes.get(&system.name).cloned() else {
                continue;
            };
            let remote_id = before.links.get(&system.name).map(|l| l.remote_id.clone());
            let guard = remote_id.as_ref().and_then(|id| guards.get(id));
            let mut after = before.clone();
            if write.op == Op::Update && guard.is_none() {
                if !before.dirty {
                    // this record could not be read: it waits, the others go on
                    let later = now + micros(Duration::from_secs(5 << write.tries.min(9)));
                    settle(
                        &mut after,
                        &system.name,
                        Manners { conditional },
                        Settlement::Later(later),
                        now,
                    );
                    pairs.push((Some(before), after));
                }
                continue;
            }
            let sending = mark_sent(&mut after, &system.name, guard.map(|(seen, _)| seen), now);
            if sending == Sending::Go {
                let outgoing = outgoing(system, &after, guard.map(|(_, body)| body), conditional);
                match outgoing {
                    Ok(outgoing) => {
                        audit.push(sent_entry(&after, system, now));
                        ready.push(Ready {
                            entity: after.id.clone(),
                            outgoing,
                        });
                    }
                    Err(unsendable) => {
                        let refused = Settlement::Refused {
                            hold: Hold::Refused(unsendable.code),
                            unit: unsendable.unit,
                        };
                        settle(&mut after, &system.name, Manners { conditional }, refused, now);
                    }
                }
            }
            if after != before {
                pairs.push((Some(before), after));
            }
        }
        let stale = tx.save_entities(&pairs, Lane::Live, now).await?;
        ready.retain(|r| !stale.contains(&r.entity));
        audit.retain(|a: &AuditEntry| a.entity.as_ref().is_none_or(|e| !stale.contains(e)));
        tx.append_audit(&audit).await?;
        let saved = pairs.iter().filter(|(_, e)| !stale.contains(&e.id));
        self.tell_entities(&mut tx, system, saved, false, |entity| work.context(entity))
            .await?;
        self.commit(tx).await?;
        Ok(ready)
    }

    /// Creations whose record already belongs to somebody else, the only thing that can stand in the
    /// way of settling them: a person decides.
    pub(crate) async fn belongs_elsewhere(
        &self,
        tx: &mut bridge_store::Tx,
        system: &System,
        ids: &[String],
    ) -> Result<(), EngineError> {
        let mut pairs = vec![];
        for before in tx.entities(ids).await? {
            let mut after = before.clone();
            if let Some(write) = after.writes.get_mut(&system.name) {
                write.state = WriteState::Doubtful;
                write.held = Some(Hold::MayExist);
            }
            pairs.push((Some(before), after));
        }
        tx.save_entities(&pairs, Lane::Live, self.clock.now()).await?;
        Ok(())
    }

    /// Stores what came back for a chunk.
    async fn settle_answers(
        &self,
        system: &System,
        answers: Vec<(String, Answer)>,
        style: AnswerStyle,
        manners: Manners,
        work: &Work,
        step: &mut Step,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let ids: Vec<String> = answers.iter().map(|(id, _)| id.clone()).collect();
        let mut tx = self.store.begin().await?;
        let entities: HashMap<String, Entity> = tx
            .entities(&ids)
            .await?
            .into_iter()
            .map(|e| (e.id.clone(), e))
            .collect();
        let new: Vec<String> = answers
            .iter()
            .filter_map(|(_, a)| {
                if let Answer::Applied { id, .. } = a {
                    Some(id.clone())
                } else {
                    None
                }
            })
            .collect();
        let parked: HashMap<String, bool> = tx
            .links(&system.name, system.kind(), &new)
            .await?
            .into_iter()
            .filter(|row| row.link.entity.is_none())
            .map(|row| (row.link.remote_id.clone(), row.link.look))
            .collect();
        let (mut pairs, mut audit) = (vec![], vec![]);
        for (id, answer) in answers {
            let Some(before) = entities.get(&id) else { continue };
            let Some(write) = before.writes.get(&system.name) else {
                continue;
            };
            let mut after = before.clone();
            let op = write.op;
            let outcome = settlement(system, answer, style, write.tries, now);
            let (event, reason) = describe(&outcome);
            let applied = settle(&mut after, &system.name, manners, outcome, now);
            measure::written(&system.name, op, event);
            if let Some(span) = work.of(&id) {
                span.record("outcome", event);
            }
            if applied {
                // What a person decided took as long as the person did.
                let observed = |unit| matches!(after.agreed.get(unit).map(|a| &a.origin), Some(Origin::System(_)));
                if let Some(seen) = self.seen.at(&id)
                    && write.values.keys().all(observed)
                {
                    let lag = u64::try_from(now - seen).unwrap_or(0);
                    measure::arrived(&system.name, Duration::from_micros(lag));
                }
                let tally = step.tally(&system.name);
                match op {
                    Op::Create => tally.created += 1,
                    Op::Update => tally.updated += 1,
                }
                // a read of this record was parked while it was being made: look now
                if let Some(link) = after.links.get_mut(&system.name)
                    && parked.get(&link.remote_id).is_some_and(|look| *look)
                {
                    bridge_core::capture::ask(link, now);
                }
            } else {
                step.failures += usize::from(event == "refused");
            }
            audit.push(AuditEntry {
                at: now,
                entity: Some(id.clone()),
                system: Some(system.name.clone()),
                remote_id: after.links.get(&system.name).map(|l| l.remote_id.clone()),
                event: event.into(),
                units: write.values.keys().cloned().collect(),
                reason,
                body: (applied && op == Op::Update && Self::looks_back(system))
                    .then(|| look_back::body(&write.values, &write.guarded)),
                ..AuditEntry::default()
            });
            pairs.push((Some(before.clone()), after));
        }
        let stale = tx.save_entities(&pairs, Lane::Live, now).await?;
        let saved = pairs.iter().filter(|(_, e)| !stale.contains(&e.id));
        self.index(
            &mut tx,
            saved.filter_map(|(_, e)| e.links.get(&system.name).map(|link| &**link)),
        )
        .await?;
        tx.append_audit(&audit).await?;
        let saved = pairs.iter().filter(|(_, e)| !stale.contains(&e.id));
        self.tell_entities(&mut tx, system, saved, true, |entity| work.context(entity))
            .await?;
        self.belongs_elsewhere(&mut tx, system, &stale).await?;
        self.commit(tx).await
    }
}

fn settlement(system: &System, answer: Answer, style: AnswerStyle, tries: u32, now: Time) -> Settlement {
    match answer {
        Answer::Applied { id, record } => {
            let shown = record.as_ref().filter(|_| style == AnswerStyle::Written);
            Settlement::Applied {
                remote_id: id,
                shown: shown.map(|r| system.mapping.read(&r.body).values),
                version: shown.and_then(|r| r.version.clone()),
            }
        }
        Answer::Moved => Settlement::Moved,
        Answer::Gone => Settlement::Gone,
        Answer::Refused(refusal) => Settlement::Refused {
            hold: match refusal.kind {
                RefusalKind::Taken => Hold::Taken,
                RefusalKind::Invalid | RefusalKind::Forbidden => Hold::Refused(refusal.code),
            },
            unit: refusal.path.and_then(|path| system.unit_at(&path)),
        },
        Answer::Later(error) => Settlement::Later(now + micros(wait(&error, tries))),
        Answer::Unknown(_) => Settlement::Unknown,
    }
}

/// How long to wait after a call that was not processed: what the product says, else growing pauses.
pub(crate) fn wait(error: &AdapterError, tries: u32) -> Duration {
    let pause = Duration::from_millis(500 * (1 << tries.min(7)));
    match error.failure {
        Failure::Throttled(Some(after)) | Failure::DayBudget(Some(after)) => after,
        Failure::DayBudget(None) => Duration::from_secs(3_600),
        Failure::Auth | Failure::Scope(_) => Duration::from_secs(60),
        _ => pause,
    }
}

pub(crate) fn micros(duration: Duration) -> Time {
    Time::try_from(duration.as_micros()).unwrap_or(Time::MAX / 4)
}

fn describe(outcome: &Settlement) -> (&'static str, String) {
    match outcome {
        Settlement::Applied { .. } => ("applied", String::new()),
        Settlement::Moved => ("moved", "the record changed since it was read: looked at again".into()),
        Settlement::Gone => ("gone", "there is no such record: looked at again".into()),
        Settlement::Refused { hold, .. } => ("refused", bridge_core::plan::hold_reason(hold)),
        Settlement::Later(_) => ("later", "not processed: sent again later".into()),
        Settlement::Unknown => (
            "unknown",
            "it may have landed: looked at before anything is repeated".into(),
        ),
    }
}
