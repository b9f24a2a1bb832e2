//! Sweeps: a complete listing is compared with what is known. A sweep must find nothing that the
//! feed could have shown; what it finds is repaired and counted as a defect of capture. A record
//! missing from one listing is a suspicion, confirmed by a direct read, never a removal by itself.

use crate::error::EngineError;
use crate::settings::System;
use crate::step::{Engine, Step};
use adapter_kit::AdapterError;
use bridge_core::Link;
use bridge_core::capture::{How, ask};
use bridge_store::AuditEntry;
use std::collections::HashSet;

const BATCH: usize = 500;

impl Engine {
    /// Compares one system's complete listing with what is known of it.
    pub(crate) async fn sweep(
        &self,
        system: &System,
        step: &mut Step,
    ) -> Result<Result<(), AdapterError>, EngineError> {
        let (mut cursor, mut listed, mut repaired) = (None::<String>, HashSet::new(), 0);
        loop {
            let page = match system.adapter.listing(system.kind(), cursor.as_deref()).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)), // a listing that broke off proves nothing
            };
            listed.extend(page.records.iter().filter(|r| r.alive).map(|r| r.id.clone()));
            let (more, next) = (page.more, page.cursor.clone());
            let how = if page.may_lag { How::LaggingRow } else { How::Row };
            let stored = self.take_page(system, page, how, None).await?;
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
