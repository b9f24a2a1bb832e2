//! Looking back: where a product keeps a history but has no conditional writes, applied writes are
//! checked afterwards for edits that they replaced unseen. One read for a whole batch of writes,
//! some minutes later, so that a change still costs one guard and one write.

use crate::deliver::micros;
use crate::error::EngineError;
use crate::settings::System;
use crate::step::{Engine, Step};
use adapter_kit::{AdapterError, Guard, Read, Remote};
use bridge_core::hindsight::overwritten;
use bridge_core::path::Path;
use bridge_core::{CardKind, Entity, Lane, Time, Value, Values};
use bridge_store::{AuditEntry, Loser};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How often a system's applied writes are looked back at.
pub(crate) const EVERY: Duration = Duration::from_secs(600);
/// Calls of one round at most; the rest waits for the next.
const CALLS: usize = 20;

/// What an applied write held and what its guard saw, in an audit entry's body.
pub(crate) fn body(sent: &Values, before: &Values) -> serde_json::Value {
    serde_json::json!({ "sent": sent, "before": before })
}

/// An edit that one of our writes replaced unseen.
struct Victim {
    entity: String,
    unit: String,
    value: Value,
}

impl Engine {
    /// Whether writes to this system can replace an edit unseen, and its history would show it.
    pub(crate) fn looks_back(system: &System) -> bool {
        let traits = system.traits();
        traits.keeps_history && traits.guard == Guard::Read
    }

    /// Checks the writes applied since the last round. Those so young that histories may not show
    /// them yet wait for the next.
    pub(crate) async fn look_back(
        &self,
        system: &System,
        now: Time,
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let place = format!("looked_back/{}", system.name);
        let lag = self.settings.schema.party(&system.name).map_or(0, |p| p.lag);
        let horizon = now - micros(system.traits().call_life) - lag;
        let batch = system.traits().read_batch.max(1);
        for _ in 0..CALLS {
            let from = self.store.meta(&place).await?.and_then(|seq| seq.parse().ok());
            let mut applied = self.store.applied_after(&system.name, from.unwrap_or(0), batch).await?;
            applied.retain(|(_, entry)| entry.at <= horizon);
            let Some((last, _)) = applied.last() else {
                return Ok(Ok(()));
            };
            let last = *last;
            let entries: Vec<AuditEntry> = applied.into_iter().map(|(_, entry)| entry).collect();
            let mut ids: Vec<String> = entries.iter().filter_map(|e| e.remote_id.clone()).collect();
            ids.sort_unstable();
            ids.dedup();
            let reads = match system.adapter.read(system.kind(), &ids).await {
                Ok(reads) => reads,
                Err(error) => return Ok(Err(error)),
            };
            step.looks += ids.len();
            let found: HashMap<String, Remote> = reads
                .into_iter()
                .zip(ids)
                .filter_map(|(read, id)| match read {
                    Read::Found(record) if record.id == id => Some((id, *record)),
                    _ => None,
                })
                .collect();
            let victims = entries.iter().flat_map(|entry| victims(system, entry, &found));
            let victims: Vec<Victim> = victims.collect();
            self.raise(system, &victims, &place, last).await?;
        }
        Ok(Ok(()))
    }

    /// A card for every victim, and its value kept; with the place in the audit that this covers.
    async fn raise(&self, system: &System, victims: &[Victim], place: &str, seq: i64) -> Result<(), EngineError> {
        let now = self.clock.now();
        let until = self.settings.losers_until(now);
        let ids: Vec<String> = victims.iter().map(|v| v.entity.clone()).collect();
        let mut tx = self.store.begin().await?;
        let (mut pairs, mut losers, mut audit) = (vec![], vec![], vec![]);
        let mut entities: BTreeMap<String, (Entity, Entity)> = BTreeMap::new();
        for entity in tx.entities(&ids).await? {
            entities.insert(entity.id.clone(), (entity.clone(), entity));
        }
        for victim in victims {
            let Some((_, after)) = entities.get_mut(&victim.entity) else {
                continue;
            };
            let units = [victim.unit.clone()].into();
            after.file_card(CardKind::MayHaveOverwritten, &system.name, units, now);
            losers.push(Loser {
                entity: victim.entity.clone(),
                unit: victim.unit.clone(),
                system: system.name.clone(),
                at: now,
                until,
                why: "typed between our guard and our write, which replaced it".into(),
                value: victim.value.clone(),
            });
            audit.push(AuditEntry {
                at: now,
                entity: Some(victim.entity.clone()),
                system: Some(system.name.clone()),
                event: "overwritten".into(),
                units: vec![victim.unit.clone()],
                reason: "the history shows an edit that our guard had not seen; its value is kept".into(),
                ..AuditEntry::default()
            });
        }
        pairs.extend(entities.into_values().map(|(before, after)| (Some(before), after)));
        tx.save_entities(&pairs, Lane::Live, now).await?;
        tx.append_losers(&losers).await?;
        tx.append_audit(&audit).await?;
        tx.put_meta(place, &seq.to_string()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Edits that an applied write replaced unseen, by the record's history.
fn victims(system: &System, entry: &AuditEntry, found: &HashMap<String, Remote>) -> Vec<Victim> {
    let values = |key: &str| -> Values {
        let body = entry.body.as_ref().and_then(|body| body.get(key)).cloned();
        body.and_then(|body| serde_json::from_value(body).ok())
            .unwrap_or_default()
    };
    let (Some(entity), Some(record)) = (&entry.entity, entry.remote_id.as_ref().and_then(|id| found.get(id))) else {
        return vec![];
    };
    let (sent, before) = (values("sent"), values("before"));
    let victim = |(unit, sent): (&String, &Value)| {
        let history = earlier(system, record, unit)?;
        let value = overwritten(before.get(unit), sent, &history)?.clone();
        Some(Victim {
            entity: entity.clone(),
            unit: unit.clone(),
            value,
        })
    };
    sent.iter().filter_map(victim).collect()
}

/// What a unit held, newest first; nothing if it lives in several members or the product keeps no
/// history of it.
fn earlier(system: &System, record: &Remote, unit: &str) -> Option<Vec<Value>> {
    let mut paths = system.paths.iter().filter(|(_, u)| *u == unit).map(|(path, _)| path);
    let (path, None) = (paths.next()?, paths.next()) else {
        return None;
    };
    let values = record.history.get(path)?;
    let path = Path::parse(path).ok()?;
    let mut body = record.body.clone();
    let read = |value: &serde_json::Value| {
        path.set(&mut body, value.clone()).ok()?;
        system.mapping.read(&body).values.get(unit).cloned()
    };
    // What cannot be read was no value of ours.
    Some(values.iter().filter_map(read).collect())
}
