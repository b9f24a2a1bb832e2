//! Unknown outcomes: a write whose answer nobody saw is looked at, never repeated blindly.

use crate::deliver::micros;
use crate::error::EngineError;
use crate::follow::Work;
use crate::settings::System;
use crate::step::{Engine, Step};
use adapter_kit::{AdapterError, Read};
use bridge_core::capture::{How, Observation, ask};
use bridge_core::settle::{Looked, settle_unknown_create, settle_unknown_update};
use bridge_core::{Entity, Lane, Op, Time, WriteState};
use bridge_store::AuditEntry;
use std::collections::HashMap;
use tracing::{Instrument, info_span};

/// Names a creation among what waits.
fn creation(entity: &str) -> String {
    format!("new:{entity}")
}

impl Engine {
    /// Looks at every unknown write of a system whose call can no longer be alive.
    pub(crate) async fn look_at_unknown(
        &self,
        system: &System,
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let ids = self.store.unsettled(&system.name).await?;
        let traits = system.traits();
        let (mut creates, mut updates) = (vec![], vec![]);
        for entity in self.store.entities(&ids).await? {
            let Some(write) = entity.writes.get(&system.name) else {
                continue;
            };
            if write.state != WriteState::Unknown {
                continue;
            }
            let at = write.at + micros(traits.call_life);
            if self.clock.now() <= at {
                step.wake_at(at + 1);
                continue;
            }
            let remote_id = entity
                .links
                .get(&system.name)
                .map(|l| l.remote_id.clone())
                .unwrap_or_default();
            if self.parked(system, &remote_id) {
                continue;
            }
            match write.op {
                Op::Create => creates.push(entity),
                Op::Update => updates.push(entity),
            }
        }
        for chunk in updates.chunks(traits.read_batch.max(1)) {
            let work = self.ask_again(system, chunk).await?;
            let settled = self.settle_updates(system, chunk, step);
            if let Err(error) = settled.instrument(work.span.clone()).await? {
                return Ok(Err(error));
            }
        }
        for chunk in creates.chunks(traits.read_batch.max(1)) {
            let work = self.ask_again(system, chunk).await?;
            let settled = self.settle_creates(system, chunk, step);
            if let Err(error) = settled.instrument(work.span.clone()).await? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// The work on unknown outcomes, within the traces of the changes that were sent.
    async fn ask_again(&self, system: &System, chunk: &[Entity]) -> Result<Work, EngineError> {
        let ids: Vec<String> = chunk.iter().map(|e| e.id.clone()).collect();
        let contexts = self.contexts(&ids).await?;
        let span = info_span!(parent: None, "settle unknown", system = system.name, writes = ids.len());
        let own = |entity: &str| info_span!(parent: None, "settle unknown", system = system.name, entity);
        Ok(Work::begin(span, ids.len(), &contexts, own))
    }

    async fn settle_updates(
        &self,
        system: &System,
        chunk: &[Entity],
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let remote = |e: &Entity| e.links.get(&system.name).map(|l| l.remote_id.clone());
        let ids: Vec<String> = chunk.iter().filter_map(remote).collect();
        let started = self.clock.now();
        let reads = match system.adapter.read(system.kind(), &ids).await {
            Ok(reads) => reads,
            Err(error) => return Ok(Err(error)),
        };
        step.looks += ids.len();
        let mut seen: HashMap<String, Observation> = HashMap::new();
        let mut redirected = std::collections::HashSet::new();
        for (id, read) in ids.iter().zip(reads) {
            if !matches!(read, Read::Failed(_)) {
                self.park(system, id, None);
            }
            match read {
                Read::Found(record) if record.id == *id => {
                    seen.insert(id.clone(), system.observe(&record, How::Direct, started));
                }
                Read::Found(_) => {
                    redirected.insert(id.clone());
                }
                Read::Missing => {
                    seen.insert(id.clone(), system.missing(id, started));
                }
                Read::Failed(error) => self.park(system, id, Some(&error)),
            }
        }
        self.store_settled(system, chunk, |entity, now| {
            let gone = system.missing("", started);
            let read = match remote(entity) {
                // Another record answers: a merge. Its own look shows it whole; nothing is read into this one.
                Some(id) if redirected.contains(&id) => {
                    entity.writes.remove(&system.name);
                    entity.dirty = true;
                    if let Some(link) = entity.links.get_mut(&system.name) {
                        ask(link, now);
                    }
                    return Some("another record answers: looked at as a merge");
                }
                Some(id) => seen.get(&id)?,
                None => &gone, // the link was cut meanwhile: nothing to settle it against
            };
            settle_unknown_update(entity, &system.name, read, now);
            Some("looked at: settled by what the record holds")
        })
        .await?;
        Ok(Ok(()))
    }

    async fn settle_creates(
        &self,
        system: &System,
        chunk: &[Entity],
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let mut found: HashMap<String, Looked> = HashMap::new();
        if system.traits().keeps_reference {
            let references: Vec<String> = chunk.iter().map(|e| self.reference_of(system, e)).collect();
            let looked = match system.adapter.find(system.kind(), &references).await {
                Ok(looked) => looked,
                Err(error) => return Ok(Err(error)),
            };
            step.looks += references.len();
            for found_one in looked {
                let alive = found_one.records.iter().find(|r| r.alive);
                let looked = match (alive, found_one.records.first()) {
                    (Some(record), _) => Looked::Alive(record.id.clone()),
                    (None, Some(record)) => Looked::Dead(record.id.clone()),
                    (None, None) => Looked::Nothing,
                };
                found.insert(found_one.reference, looked);
            }
        }
        // It may have landed as late as its call could live, and lists lag after that.
        let life = micros(system.traits().call_life);
        let waits = life + self.settings.schema.party(&system.name).map_or(0, |p| p.lag);
        for entity in chunk {
            // "Not found" proves nothing before the list has caught up with the end of the call.
            let at = entity.writes.get(&system.name).map_or(0, |w| w.at) + waits;
            if self.clock.now() <= at {
                self.park_until(system, &creation(&entity.id), at + 1);
                step.wake_at(at + 1);
            }
        }
        let schema = self.settings.schema.clone();
        self.store_settled(system, chunk, |entity, now| {
            let looked = found
                .remove(&self.reference_of(system, entity))
                .unwrap_or(Looked::Nothing);
            let now = if looked == Looked::Nothing { now - life } else { now };
            settle_unknown_create(&schema, entity, &system.name, looked, now);
            Some("looked up by our reference")
        })
        .await?;
        Ok(Ok(()))
    }

    fn reference_of(&self, system: &System, entity: &Entity) -> String {
        let value = entity.agreed.get(&system.reference).and_then(|a| a.value.as_text());
        value.map_or_else(|| entity.id.clone(), str::to_string)
    }

    async fn store_settled(
        &self,
        system: &System,
        chunk: &[Entity],
        mut settle: impl FnMut(&mut Entity, Time) -> Option<&'static str>,
    ) -> Result<(), EngineError> {
        let ids: Vec<String> = chunk.iter().map(|e| e.id.clone()).collect();
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let (mut pairs, mut audit) = (vec![], vec![]);
        for before in tx.entities(&ids).await? {
            if before
                .writes
                .get(&system.name)
                .is_none_or(|w| w.state != WriteState::Unknown)
            {
                continue;
            }
            let mut after = before.clone();
            let Some(reason) = settle(&mut after, now) else {
                continue;
            };
            if after == before {
                continue;
            }
            audit.push(AuditEntry {
                at: now,
                entity: Some(after.id.clone()),
                system: Some(system.name.clone()),
                event: "settled".into(),
                reason: reason.into(),
                ..AuditEntry::default()
            });
            pairs.push((Some(before), after));
        }
        // A created record may have been parked as a stranger: it must be loaded where it is joined.
        let joined: Vec<String> = pairs
            .iter()
            .filter_map(|(_, e): &(Option<Entity>, Entity)| Some(e.links.get(&system.name)?.remote_id.clone()))
            .collect();
        tx.links(&system.name, system.kind(), &joined).await?;
        let stale = tx.save_entities(&pairs, Lane::Live, now).await?;
        self.belongs_elsewhere(&mut tx, system, &stale).await?;
        let saved = pairs.iter().filter(|(_, e)| !stale.contains(&e.id));
        self.index(
            &mut tx,
            saved.filter_map(|(_, e)| e.links.get(&system.name).map(|link| &**link)),
        )
        .await?;
        tx.append_audit(&audit).await?;
        let saved = pairs.iter().filter(|(_, e)| !stale.contains(&e.id));
        self.tell_entities(&mut tx, system, saved, true, |_| None).await?;
        self.commit(tx).await
    }
}
