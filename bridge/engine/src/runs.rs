//! The backfill as a run: it begins when a person approves a plan, and ends when nothing of it is left, or when a person
//! stops it. What was written meanwhile is its own, and can be taken back with it.

use crate::error::EngineError;
use crate::kept_back::Group;
use crate::pause::{self, Pause};
use crate::step::Engine;
use bridge_core::Time;
use bridge_store::{AuditEntry, Run};
use serde_json::json;
use std::collections::BTreeSet;

/// Note of the backfill that is under way.
const CURRENT: &str = "backfill_run";

impl Engine {
    /// A person approves what is planned, but for some groups, which wait; a run of its own begins. Returns its id.
    ///
    /// # Errors
    /// The store's.
    pub async fn approve_plan(&self, kept: &BTreeSet<Group>, by: &str) -> Result<String, EngineError> {
        let now = self.clock.now();
        let current = self.current_run().await?;
        let id = current.clone().unwrap_or_else(|| self.ids.event(now));
        let names: Vec<String> = kept.iter().map(Group::name).collect();
        let but = if names.is_empty() {
            String::new()
        } else {
            format!(", but for {}", names.join(", "))
        };
        let mut tx = self.store.begin().await?;
        if current.is_none() {
            tx.start_run(&id, "backfill", now).await?;
            tx.put_meta(CURRENT, &id).await?;
        }
        tx.append_audit(&[AuditEntry {
            at: now,
            run: Some(id.clone()),
            event: "approved".into(),
            reason: format!("by {by}: what was planned{but}"),
            ..AuditEntry::default()
        }])
        .await?;
        tx.commit().await?;
        self.approve_but(kept).await?;
        self.bell.notify_one();
        Ok(id)
    }

    /// The backfill that is under way.
    ///
    /// # Errors
    /// The store's.
    pub async fn current_run(&self) -> Result<Option<String>, EngineError> {
        Ok(self.store.meta(CURRENT).await?.filter(|id| !id.is_empty()))
    }

    /// Ends the backfill once nothing of it is left. Asked when a system has nothing to send.
    pub(crate) async fn end_backfill(&self) -> Result<(), EngineError> {
        let Some(id) = self.current_run().await? else {
            return Ok(());
        };
        if self.store.busy().await? || !self.mirrors_complete().await? {
            return Ok(());
        }
        self.close(&id, None).await
    }

    /// A person stops a run: every system is paused, and what was planned waits. What was written stays, until it is
    /// taken back.
    ///
    /// # Errors
    /// [`EngineError::NotPossible`] if it is not under way.
    pub async fn stop_run(&self, id: &str, by: &str) -> Result<(), EngineError> {
        if self.current_run().await?.as_deref() != Some(id) {
            return Err(EngineError::NotPossible("this run is not under way".into()));
        }
        let now = self.clock.now();
        for system in &self.settings.systems {
            if pause::paused(&self.store, &system.name).await?.is_none() {
                let note = Pause {
                    at: now,
                    by: by.into(),
                    why: "the backfill was stopped".into(),
                };
                pause::pause(&self.store, &system.name, Some(&note), by, now).await?;
            }
        }
        self.close(id, Some(by)).await
    }

    async fn close(&self, id: &str, stopped: Option<&str>) -> Result<(), EngineError> {
        let now = self.clock.now();
        let started = self.run(id).await?.map_or(now, |run| run.started);
        let mut counts = json!({ "written": self.written_since(started).await? });
        if let Some(by) = stopped {
            counts["stopped_by"] = json!(by);
        }
        let mut tx = self.store.begin().await?;
        tx.end_run(id, now, &counts).await?;
        tx.put_meta(CURRENT, "").await?;
        Ok(tx.commit().await?)
    }

    /// A run by its id, among the last 500.
    ///
    /// # Errors
    /// The store's.
    pub async fn run(&self, id: &str) -> Result<Option<Run>, EngineError> {
        Ok(self.store.runs(500).await?.into_iter().find(|run| run.id == id))
    }

    /// Writes that systems took since a moment, by system.
    ///
    /// # Errors
    /// The store's.
    pub async fn written_since(&self, since: Time) -> Result<std::collections::BTreeMap<String, u64>, EngineError> {
        let (place, last) = (self.store.audit_place(since).await?, self.store.last_audit().await?);
        Ok(self.store.applied_between(place, last).await?)
    }

    /// Calls that so many creations and updates cost in a system, guards included.
    pub fn calls_for(&self, system: &str, creates: u64, updates: u64) -> u64 {
        let Some(system) = self.settings.system(system) else {
            return creates + updates;
        };
        let traits = system.traits();
        let of = |n: u64, batch: usize| n.div_ceil(batch.max(1) as u64);
        let guards = match traits.guard {
            adapter_kit::Guard::Read => of(updates, traits.read_batch.min(traits.guard_batch)),
            adapter_kit::Guard::Conditional => 0,
        };
        of(creates, traits.create_batch) + of(updates, traits.update_batch) + guards
    }
}
