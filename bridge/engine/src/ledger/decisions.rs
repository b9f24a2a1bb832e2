//! What people decide about posting, and how the process that posts takes it up.

use super::Ledger;
use super::keep::{self, Keep, State};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::{EntryState, Why};
use std::collections::BTreeMap;

impl Ledger {
    /// A person lets posting by these rules begin (or go on, after they changed).
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn approve_rules(&self) -> Result<(), EngineError> {
        let mut state = self.state.lock().await;
        let mut keep = Keep::new(&self.store).await?;
        keep.note(keep::APPROVED, &self.settings.digest).await?;
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        state.approved_rules = Some(self.settings.digest.clone());
        state.changed = true;
        Ok(())
    }

    /// A person says yes to documents that wait for it, by key; all that wait if `keys` is empty. The keys said yes to.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for a key that does not wait.
    pub async fn approve(&self, keys: &[String], by: &str, now: Time) -> Result<Vec<String>, EngineError> {
        let mut state = self.state.lock().await;
        let outlook = self.outlook(&state, now);
        let waiting: BTreeMap<String, String> = outlook
            .plan
            .held
            .iter()
            .filter_map(|h| match &h.why {
                Why::Approval { key, digest, .. } => Some((key.clone(), digest.clone())),
                _ => None,
            })
            .collect();
        if let Some(unknown) = keys.iter().find(|k| !waiting.contains_key(*k)) {
            return Err(EngineError::NotFound(format!(
                "document {unknown} that waits for a yes"
            )));
        }
        let yes: Vec<(String, String)> = waiting
            .into_iter()
            .filter(|(key, _)| keys.is_empty() || keys.contains(key))
            .collect();
        let mut keep = Keep::new(&self.store).await?;
        for (key, digest) in &yes {
            keep.approval(key, digest, by, now).await?;
        }
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        let keys = yes.iter().map(|(k, _)| k.clone()).collect();
        state.approvals.extend(yes);
        state.changed = true;
        Ok(keys)
    }

    /// Forgets that the books refused documents, by key; all if `keys` is empty. They are posted again if still due.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn retry(&self, keys: &[String]) -> Result<Vec<String>, EngineError> {
        let mut state = self.state.lock().await;
        let refused: Vec<String> = state
            .entries
            .values()
            .filter(|k| {
                k.entry.state == EntryState::Refused && (keys.is_empty() || keys.contains(&k.entry.document.key))
            })
            .map(|k| k.entry.document.key.clone())
            .collect();
        let mut keep = Keep::new(&self.store).await?;
        keep.forget(&refused).await?;
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        for key in &refused {
            state.entries.remove(key);
        }
        state.changed = true;
        Ok(refused)
    }

    /// Links documents that the books already have to the invoices they are of, as if the bridge had posted them, together
    /// with their payments. The numbers linked.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn adopt(&self, now: Time) -> Result<Vec<String>, EngineError> {
        let outlook = self.preview(now).await?;
        let mut state = self.state.lock().await;
        let mut numbers = Vec::new();
        let mut keep = Keep::new(&self.store).await?;
        for (found, entries) in outlook.foreign.iter().filter(|(f, _)| f.adoptable()) {
            for entry in entries {
                if let (Some(contact), Some(remote)) = (&entry.contact, &found.shown.contact)
                    && !state.contacts.contains_key(&contact.key)
                {
                    keep.contact(&mut state, &contact.key, remote, &contact.name).await?;
                }
            }
            keep.entries(&mut state, entries.clone(), now).await?;
            numbers.push(found.number.clone());
        }
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        state.changed = true;
        Ok(numbers)
    }

    /// Whether a person decided something beside this process that it has not taken up yet.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn asked(&self) -> Result<bool, EngineError> {
        let hand = self.store.meta(keep::HAND).await?;
        Ok(self.state.lock().await.hand != hand)
    }

    /// Takes up what people decided beside this process.
    pub(super) async fn look_up(&self, state: &mut State) -> Result<(), EngineError> {
        if self.store.meta(keep::HAND).await? != state.hand {
            let (books, read) = (state.books.take(), state.books_read);
            *state = State::load(&self.store, &self.settings, self.reader.as_ref()).await?;
            (state.books, state.books_read) = (books, read);
        }
        Ok(())
    }
}
