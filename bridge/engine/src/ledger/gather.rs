//! What Halaxy shows: read as it changes, and swept for what is gone; and the chart of the books.

use super::keep::{Keep, State};
use super::{Ledger, LedgerStep};
use crate::deliver::micros;
use crate::error::EngineError;
use adapter_kit::AdapterError;
use adapter_kit::gathering::{Intake, Seen};
use bridge_core::Time;
use bridge_core::ledger::FactKind;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long the chart of the books is taken to be current.
const CHART_LIFE: Duration = Duration::from_secs(4 * 3600);

impl Ledger {
    /// Reads what changed. False if not everything could be read: then nothing is decided.
    pub(super) async fn gather(
        &self,
        state: &mut State,
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<bool, EngineError> {
        self.gather_of(state, |_| true, BTreeMap::new(), now, step).await
    }

    /// Reads what changed of some kinds, and these records directly, by kind.
    pub(super) async fn gather_of(
        &self,
        state: &mut State,
        kinds: impl Fn(FactKind) -> bool,
        asked: BTreeMap<String, Vec<String>>,
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<bool, EngineError> {
        let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
        let mut cursors = state.cursors.clone();
        let mut note = |s: Seen| {
            let (Seen::Body { kind, id, .. } | Seen::Gone { kind, id }) = s;
            seen.insert((kind, id));
        };
        let unreadable = std::mem::take(&mut state.reread);
        let mut intake = Intake {
            adapter: self.adapter.as_ref(),
            reader: self.reader.as_ref(),
            gathered: &mut state.gathered,
            keep: &mut note,
        };
        let mut failed = Vec::new();
        for (kind, ids) in unreadable.iter().chain(&asked) {
            if let Err(error) = intake.look(kind, ids).await {
                failed.push(error.to_string());
            }
        }
        let outcome = intake.round_of(kinds, &mut cursors).await;
        failed.extend(outcome.failed.iter().map(|(kind, error)| format!("{kind}: {error}")));
        if !failed.is_empty() {
            state.reread = unreadable;
        }
        step.records = seen.len();
        // A feed moves on only when everything that it led to was read as well.
        let cursors = if failed.is_empty() {
            cursors
        } else {
            state.cursors.clone()
        };
        self.remember(state, seen, cursors, now).await?;
        let complete = failed.is_empty();
        step.trouble.extend(failed);
        Ok(complete)
    }

    /// Lists everything and confirms what is gone by direct reads.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn sweep(&self, now: Time) -> Result<LedgerStep, EngineError> {
        let mut state = self.state.lock().await;
        let mut step = LedgerStep::default();
        let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
        let mut note = |s: Seen| {
            let (Seen::Body { kind, id, .. } | Seen::Gone { kind, id }) = s;
            seen.insert((kind, id));
        };
        let outcome = Intake {
            adapter: self.adapter.as_ref(),
            reader: self.reader.as_ref(),
            gathered: &mut state.gathered,
            keep: &mut note,
        }
        .sweep()
        .await;
        step.records = outcome.records;
        let failed = outcome.failed.iter().map(|(kind, error)| format!("{kind}: {error}"));
        step.trouble.extend(failed);
        let cursors = state.cursors.clone();
        self.remember(&mut state, seen, cursors, now).await?;
        Ok(step)
    }

    async fn remember(
        &self,
        state: &mut State,
        seen: BTreeSet<(&'static str, String)>,
        cursors: BTreeMap<String, String>,
        now: Time,
    ) -> Result<(), EngineError> {
        if seen.is_empty() && cursors == state.cursors {
            return Ok(());
        }
        let mut keep = Keep::new(&self.store).await?;
        let moved = keep
            .facts(state, &self.settings.source, self.reader.as_ref(), &seen)
            .await?;
        keep.cursors(&self.settings, &state.cursors, &cursors, now).await?;
        keep.commit().await?;
        state.cursors = cursors;
        state.changed |= moved;
        Ok(())
    }

    pub(super) async fn chart(&self, state: &mut State, now: Time) -> Result<(), AdapterError> {
        let life = micros(CHART_LIFE);
        if state.books.is_some() && now < state.books_read.saturating_add(life) {
            return Ok(());
        }
        let books = self.accounting.books().await?;
        state.changed |= state.books.as_ref() != Some(&books);
        state.books = Some(books);
        state.books_read = now;
        Ok(())
    }
}
