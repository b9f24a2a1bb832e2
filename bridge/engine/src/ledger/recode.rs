//! Coding anew what was posted, where a person asked for it: kept until it is done, so that the process that posts does it,
//! also after a crash.

use super::keep::{self, Keep, State};
use super::reread::Reread;
use super::{Ledger, Outlook};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::recode::{Choice, Recoding, recodings};
use bridge_core::ledger::{Books, Entry, Held, Source, Why};
use std::collections::BTreeSet;

/// What coding anew comes to.
#[derive(Clone, Debug, Default)]
pub struct RecodePreview {
    /// What is coded otherwise by the rules of now, and what moves by it.
    pub found: Vec<Recoding>,
    /// Documents to be posted for it.
    pub post: Vec<Entry>,
    /// Keys of documents to be voided for it.
    pub void: Vec<String>,
    /// What of it waits, and why.
    pub held: Vec<Held>,
}

impl Ledger {
    /// Reads what is new, and says what coding anew what a person names would come to. Changes nothing.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn preview_recode(&self, choice: &Choice, now: Time) -> Result<RecodePreview, EngineError> {
        let mut state = self.state.lock().await;
        self.read_both(&mut state, now, Reread::Changes).await?;
        let Some(books) = &state.books else {
            return Ok(RecodePreview::default());
        };
        Ok(self.of_recode(&state, books, choice, now))
    }

    /// A person has it done: what waits for a yes of what it takes has it by this. The next pass posts it.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn recode(&self, choice: &Choice, by: &str, now: Time) -> Result<RecodePreview, EngineError> {
        let mut state = self.state.lock().await;
        self.read_both(&mut state, now, Reread::Changes).await?;
        let Some(books) = &state.books else {
            return Ok(RecodePreview::default());
        };
        let preview = self.of_recode(&state, books, choice, now);
        let sources: Vec<Source> = preview.found.iter().map(|r| r.source.clone()).collect();
        let yes: Vec<(String, String)> = preview
            .held
            .iter()
            .filter_map(|held| match &held.why {
                Why::Approval { key, digest, .. } => Some((key.clone(), digest.clone())),
                _ => None,
            })
            .collect();
        let mut keep = Keep::new(&self.store).await?;
        keep.recode(&sources, &self.settings.digest, by, now).await?;
        for (key, digest) in &yes {
            keep.approval(key, digest, by, now).await?;
        }
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        state.recode.extend(sources);
        state.approvals.extend(yes);
        state.changed = true;
        Ok(preview)
    }

    fn of_recode(&self, state: &State, books: &Books, choice: &Choice, now: Time) -> RecodePreview {
        let entries: Vec<&Entry> = state.entries.values().map(|k| &k.entry).collect();
        let target = self.target(state, books);
        let found = recodings(&target, &entries, &self.settings.rules, choice);
        let named: BTreeSet<Source> = found.iter().map(|r| r.source.clone()).collect();
        let all: BTreeSet<Source> = named.union(&state.recode).cloned().collect();
        let Outlook { plan, .. } = self.outlook_with(state, &all, now);
        let of_it = |entry: &Entry| entry.sources.iter().any(|s| named.contains(s));
        let voided = |key: &String| state.entries.get(key).is_some_and(|k| of_it(&k.entry));
        RecodePreview {
            found,
            post: plan.post.into_iter().filter(of_it).collect(),
            void: plan.void.into_iter().filter(voided).collect(),
            held: plan.held.into_iter().filter(|h| named.contains(&h.source)).collect(),
        }
    }

    /// What was coded anew and waits for nothing stands from now on, whatever rules come next.
    pub(super) async fn recoded(&self, state: &mut State, held: &BTreeSet<Source>) -> Result<(), EngineError> {
        let done: Vec<Source> = state.recode.difference(held).cloned().collect();
        if done.is_empty() {
            return Ok(());
        }
        let mut keep = Keep::new(&self.store).await?;
        let keys: Vec<String> = done.iter().map(Source::to_string).collect();
        keep.drop_rows(keep::RECODE, &keys).await?;
        keep.commit().await?;
        for source in done {
            state.recode.remove(&source);
        }
        Ok(())
    }
}
