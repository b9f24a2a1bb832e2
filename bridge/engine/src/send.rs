//! The calls of a delivery: what a write says to its product, and how many calls are out at once.

use crate::look_back;
use crate::settings::System;
use adapter_kit::{Answer, Outgoing};
use bridge_core::{Entity, Op, Time};
use bridge_store::AuditEntry;
use futures::StreamExt;
use serde_json::Value as Json;
use tracing::{Instrument, info_span};

/// Calls of one chunk under way at once, where the product takes few records per call.
pub(crate) const CONCURRENT: usize = 8;

/// Sends writes in calls of the product's batch size, some of them at once; an answer for each, if any came.
pub(crate) async fn send(system: &System, outgoing: Vec<Outgoing>) -> Vec<Option<Answer>> {
    let traits = system.traits();
    let create = matches!(outgoing.first(), Some(Outgoing::Create { .. }));
    let size = if create {
        traits.create_batch
    } else {
        traits.update_batch
    }
    .max(1);
    let span = info_span!(
        "send",
        op = if create { "create" } else { "update" },
        writes = outgoing.len()
    );
    let batches: Vec<Vec<Outgoing>> = outgoing.chunks(size).map(<[Outgoing]>::to_vec).collect();
    let calls = batches.into_iter().map(|batch| async {
        let count = batch.len();
        let mut answers: Vec<Option<Answer>> = system
            .adapter
            .write(system.kind(), batch)
            .await
            .into_iter()
            .map(Some)
            .collect();
        answers.resize(count, None);
        answers
    });
    let answers = futures::stream::iter(calls).buffered(CONCURRENT).collect::<Vec<_>>();
    answers.instrument(span).await.into_iter().flatten().collect()
}

/// Tells in the history that a write was sent, and why.
pub(crate) fn sent_entry(entity: &Entity, system: &System, now: Time) -> AuditEntry {
    let write = entity.writes.get(&system.name);
    AuditEntry {
        at: now,
        entity: Some(entity.id.clone()),
        system: Some(system.name.clone()),
        remote_id: entity.links.get(&system.name).map(|l| l.remote_id.clone()),
        event: "sent".into(),
        units: write.map(|w| w.values.keys().cloned().collect()).unwrap_or_default(),
        reason: write
            .map(|w| {
                w.reasons
                    .iter()
                    .map(|(u, r)| format!("{u}: {r}"))
                    .collect::<Vec<_>>()
                    .join("; ")
            })
            .unwrap_or_default(),
        body: write.map(|w| look_back::body(&w.values, &w.guarded)),
        ..AuditEntry::default()
    }
}

/// Why a write cannot go out.
pub(crate) struct Unsendable {
    /// In words, without values.
    pub code: String,
    /// The unit at fault, if it is one.
    pub unit: Option<String>,
}

/// The call for a write that was just marked sent. Fails with the code of what the mapping cannot write.
pub(crate) fn outgoing(
    system: &System,
    entity: &Entity,
    body: Option<&Json>,
    conditional: bool,
) -> Result<Outgoing, Unsendable> {
    let whole = |code: String| Unsendable { code, unit: None };
    let write = entity
        .writes
        .get(&system.name)
        .ok_or_else(|| whole("no write".into()))?;
    if let Some((unit, _)) = write.values.iter().find(|(_, value)| bridge_core::deny::holds(value)) {
        return Err(Unsendable {
            code: bridge_core::deny::CODE.into(),
            unit: Some(unit.clone()),
        });
    }
    let empty = Json::Object(Default::default());
    let before = body.unwrap_or(&empty);
    let after = system.mapping.write(before, &write.values);
    let after = after.map_err(|e| whole(e.to_string()))?;
    match write.op {
        Op::Create => {
            let reference = entity.agreed.get(&system.reference).and_then(|a| a.value.as_text());
            let reference = reference.map_or_else(|| entity.id.clone(), str::to_string);
            Ok(Outgoing::Create {
                key: write.key.clone(),
                reference,
                body: after,
            })
        }
        Op::Update => Ok(Outgoing::Update {
            key: write.key.clone(),
            id: entity
                .links
                .get(&system.name)
                .map(|l| l.remote_id.clone())
                .unwrap_or_default(),
            before: before.clone(),
            after,
            version: if conditional { write.guard_version.clone() } else { None },
        }),
    }
}
