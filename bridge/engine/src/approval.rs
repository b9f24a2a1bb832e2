//! Approval and brakes. Until a person has approved a first backfill, and again after mappings or
//! policies changed, nothing is linked, planned or sent. A plan that changes almost everything is
//! held as a whole. A brake never stops looking.

use crate::error::EngineError;
use crate::kept_back::{self, Group};
use crate::settings::System;
use crate::step::Engine;
use bridge_core::{Lane, Op, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const APPROVED: &str = "approved";

/// Whether the bridge may write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Approval {
    /// A person approved a backfill under these mappings and policies.
    Given,
    /// Nothing was ever approved.
    Missing,
    /// Mappings, policies or creation rules changed since.
    Outdated,
}

/// A system's writes are held as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// The system whose writes wait.
    pub system: String,
    /// Writes that wait.
    pub writes: u64,
    /// Its linked records.
    pub linked: u64,
}

fn brake_name(system: &str) -> String {
    format!("brake/{system}")
}

fn released_name(system: &str) -> String {
    format!("released/{system}")
}

/// Set once what a person approved has been sent: from then on a flood of creations is nobody's wish.
fn backfilled_name(system: &str) -> String {
    format!("backfilled/{system}")
}

impl Engine {
    /// Whether the bridge may write.
    ///
    /// # Errors
    /// The store's.
    pub async fn approval(&self) -> Result<Approval, EngineError> {
        Ok(match self.store.meta(APPROVED).await? {
            None => Approval::Missing,
            Some(digest) if digest == self.settings.digest => Approval::Given,
            Some(_) => Approval::Outdated,
        })
    }

    /// A person approves what the current mappings and policies plan, and releases every brake and every group that
    /// was kept back.
    ///
    /// # Errors
    /// The store's.
    pub async fn approve(&self) -> Result<(), EngineError> {
        self.approve_but(&BTreeSet::new()).await
    }

    /// As [`Engine::approve`], but for groups that wait from now on.
    pub(crate) async fn approve_but(&self, kept: &BTreeSet<Group>) -> Result<(), EngineError> {
        let outdated = self.approval().await? == Approval::Outdated;
        let braked: Vec<String> = self.brakes().await?.into_iter().map(|b| b.system).collect();
        if outdated {
            // rules changed: everything is judged by the new ones
            self.judge_all_again().await?;
        }
        let groups = self.settings.systems.iter().flat_map(|system| {
            [true, false].map(|create| Group {
                system: system.name.clone(),
                create,
            })
        });
        let free = groups.filter(|group| !kept.contains(group)).collect();
        let mut tx = self.store.begin().await?;
        tx.put_meta(APPROVED, &self.settings.digest).await?;
        kept_back::set(&mut tx, &free, false, self.clock.now()).await?;
        kept_back::set(&mut tx, kept, true, self.clock.now()).await?;
        for system in self.settings.systems.iter().filter(|_| outdated) {
            tx.put_meta(&backfilled_name(&system.name), "").await?;
        }
        for system in &braked {
            tx.put_meta(&brake_name(system), "").await?;
            tx.put_meta(&released_name(system), &self.clock.now().to_string())
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Brakes that are on.
    ///
    /// # Errors
    /// The store's.
    pub async fn brakes(&self) -> Result<Vec<Brake>, EngineError> {
        let mut brakes = vec![];
        for system in &self.settings.systems {
            let text = self.store.meta(&brake_name(&system.name)).await?;
            brakes.extend(text.and_then(|t| serde_json::from_str(&t).ok()));
        }
        Ok(brakes)
    }

    /// Whether a system's writes wait for a person; trips the brake if so much is due at once that
    /// a mistake is likelier than work, and lets go once what tripped it is gone from where it came.
    pub(crate) async fn braked(&self, system: &System, due: usize) -> Result<bool, EngineError> {
        let name = brake_name(&system.name);
        let limits = self.settings.brakes;
        if self.noted(&name).await? {
            // Half of what trips it, so that it does not come and go.
            let gone = self.unasked(system).await? <= limits.floor / 2;
            return Ok(!gone || !self.let_go(system).await?);
        }
        if (due as u64) < limits.floor.min(1_000) {
            return Ok(false);
        }
        // From what is quickly known to what is not: a backfill asks this at every step.
        let live = self.unasked(system).await?;
        if live <= limits.floor || self.noted(&released_name(&system.name)).await? {
            return Ok(false);
        }
        let linked = self.linked(system).await?;
        if (live as f64) < limits.share * linked as f64 {
            return Ok(false);
        }
        let brake = Brake {
            system: system.name.clone(),
            writes: live,
            linked,
        };
        let mut tx = self.store.begin().await?;
        tx.put_meta(&name, &serde_json::to_string(&brake).unwrap_or_default())
            .await?;
        tx.commit().await?;
        tracing::warn!(system = %system.name, writes = live, linked, "brake: a person must release these writes");
        Ok(true)
    }

    /// Releases a brake that has nothing left to hold. Not while entities are to be judged: their writes
    /// are not seen meanwhile.
    async fn let_go(&self, system: &System) -> Result<bool, EngineError> {
        if !self.store.dirty(1).await?.is_empty() {
            return Ok(false);
        }
        let mut tx = self.store.begin().await?;
        tx.put_meta(&brake_name(&system.name), "").await?;
        tx.commit().await?;
        tracing::info!(system = %system.name, "the brake lets go: what tripped it is gone");
        Ok(true)
    }

    async fn noted(&self, name: &str) -> Result<bool, EngineError> {
        Ok(self.store.meta(name).await?.is_some_and(|note| !note.is_empty()))
    }

    /// Writes due that no person approved: live changes, and whatever is to be made after the backfill.
    async fn unasked(&self, system: &System) -> Result<u64, EngineError> {
        let (name, now) = (&system.name, self.clock.now());
        let mut unasked = 0;
        for op in [Op::Create, Op::Update] {
            unasked += self.store.due_count(name, op, Lane::Live, now).await?;
        }
        if self.noted(&backfilled_name(name)).await? {
            unasked += self.store.due_count(name, Op::Create, Lane::Backfill, now).await?;
        }
        Ok(unasked)
    }

    /// Records of a system that belong to somebody. Walks through all of them.
    async fn linked(&self, system: &System) -> Result<u64, EngineError> {
        let sizes = self.store.sizes().await?;
        Ok(sizes.links.get(&system.name).copied().unwrap_or(0))
    }

    /// Once the system has nothing left to send, a brake lets go, a release is taken back and the backfill
    /// is over.
    pub(crate) async fn rearm(&self, system: &System) -> Result<(), EngineError> {
        if self.noted(&brake_name(&system.name)).await?
            && self.store.writes_due(&system.name, Time::MAX / 2, 1).await?.is_empty()
        {
            self.let_go(system).await?;
        }
        let (released, backfilled) = (released_name(&system.name), backfilled_name(&system.name));
        let mut notes = vec![];
        if self.noted(&released).await? {
            notes.push((released, ""));
        }
        if !self.noted(&backfilled).await?
            && self.mirrors_complete().await?
            && !self.store.busy().await?
            && self.linked(system).await? > 0
        {
            notes.push((backfilled, "yes"));
        }
        if notes.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        for (name, note) in notes {
            tx.put_meta(&name, note).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
