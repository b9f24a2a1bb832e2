//! Sweeps: a complete listing is compared with what is known. A sweep must find nothing that the
//! feed could have shown; what it finds is repaired and counted as a defect of capture. A record
//! missing from one listing is a suspicion, confirmed by a direct read, never a removal by itself.

use crate::capture::reading;
use crate::deliver::micros;
use crate::error::EngineError;
use crate::settings::System;
use crate::step::{Engine, Step};
use adapter_kit::AdapterError;
use bridge_core::capture::ask;
use bridge_core::{Link, Time};
use bridge_store::AuditEntry;
use std::collections::HashSet;
use tracing::Instrument;

const BATCH: usize = 500;

/// When a system's records were last compared as a whole.
///
/// # Errors
/// The store's.
pub async fn swept(store: &bridge_store::Store, system: &str) -> Result<Option<Time>, bridge_store::StoreError> {
    let text = store.meta(&swept_name(system)).await?;
    Ok(text.and_then(|text| text.parse().ok()))
}

fn swept_name(system: &str) -> String {
    format!("swept/{system}")
}

impl Engine {
    /// Sweeps unless the last sweep, of whichever process, is recent. A first complete pass of the
    /// feed counts as one. Returns when the next is due, if not after the usual time from now.
    pub(crate) async fn sweep_if_due(
        &self,
        system: &System,
        step: &mut Step,
    ) -> Result<Result<Option<Time>, AdapterError>, EngineError> {
        let every = self.settings.sweep_every.map_or(Time::MAX / 4, micros);
        let now = self.clock.now();
        if !self.sweep_asked(system) {
            let last = self
                .store
                .meta(&swept_name(&system.name))
                .await?
                .and_then(|t| t.parse::<Time>().ok());
            let due = match last {
                Some(last) => last + every,
                None => now + every,
            };
            if last.is_none() {
                self.note_sweep(system, now).await?;
            }
            if now < due {
                return Ok(Ok(Some(due)));
            }
        }
        if let Err(error) = self.sweep(system, step).await? {
            return Ok(Err(error));
        }
        self.note_sweep(system, now).await?;
        Ok(Ok(None))
    }

    async fn note_sweep(&self, system: &System, at: Time) -> Result<(), EngineError> {
        let mut tx = self.store.begin().await?;
        tx.put_meta(&swept_name(&system.name), &at.to_string()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Compares one system's complete listing with what is known of it.
    pub(crate) async fn sweep(
        &self,
        system: &System,
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let (mut cursor, mut listed, mut repaired) = (None::<String>, HashSet::new(), 0);
        loop {
            let one = async {
                let page = match system.adapter.listing(system.kind(), cursor.as_deref()).await {
                    Ok(page) => page,
                    Err(error) => return Ok(Err(error)), // a listing that broke off proves nothing
                };
                listed.extend(page.records.iter().filter(|r| r.alive).map(|r| r.id.clone()));
                let (more, next) = (page.more, page.cursor.clone());
                let stored = self.take_page(system, page, true, None).await?;
                Ok::<_, EngineError>(Ok((more, next, stored)))
            };
            let (more, next, stored) = match one.instrument(reading(system, "listing")).await? {
                Ok(done) => done,
                Err(error) => return Ok(Err(error)),
            };
            repaired += stored.changed + stored.new + stored.looks;
            if !more {
                break;
            }
            cursor = Some(next);
        }
        let suspects = if listed.is_empty() {
            0
        } else {
            self.suspect_missing(system, &listed).await?
        };
        step.swept += listed.len();
        if repaired + suspects > 0 {
            let mut tx = self.store.begin().await?;
            tx.append_audit(&[AuditEntry {
                at: self.clock.now(),
                system: Some(system.name.clone()),
                event: "sweep".into(),
                reason: format!("{repaired} differences the feed had not shown, {suspects} records not listed"),
                ..AuditEntry::default()
            }])
            .await?;
            tx.commit().await?;
        }
        Ok(Ok(()))
    }

    /// Asks for a direct read of every known record that the listing did not name.
    async fn suspect_missing(&self, system: &System, listed: &HashSet<String>) -> Result<usize, EngineError> {
        let (mut after, mut suspects) = (String::new(), 0);
        loop {
            let ids = self
                .store
                .remote_ids(&system.name, system.kind(), &after, BATCH)
                .await?;
            let Some(last) = ids.last() else { return Ok(suspects) };
            after.clone_from(last);
            let missing: Vec<String> = ids.into_iter().filter(|id| !listed.contains(id)).collect();
            if missing.is_empty() {
                continue;
            }
            let mut tx = self.store.begin().await?;
            let mut links: Vec<Link> = tx
                .links(&system.name, system.kind(), &missing)
                .await?
                .into_iter()
                .map(|row| row.link)
                .collect();
            for link in &mut links {
                ask(link, self.clock.now());
            }
            suspects += links.len();
            tx.touch_links(&links).await?;
            tx.commit().await?;
        }
    }
}
