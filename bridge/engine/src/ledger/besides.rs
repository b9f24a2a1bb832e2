//! What stands beside invoices and payments: settlement statements that were imported, and journals that other commands
//! propose (a practitioner's service fee, a settlement's fees).

use super::{Ledger, LedgerStep};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::settlement::{Added, Import, Imported};
use bridge_core::ledger::tasks::Posted;
use bridge_core::ledger::{Document, DocumentKind, Entry, EntryState, Purpose, Source};

/// Where imported statements are kept.
const SETTLEMENT: &str = "settlement";
const ALL: &str = "all";

impl Ledger {
    /// Settlement statements imported so far.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn settlements(&self) -> Result<Imported, EngineError> {
        let mut imported = Imported::default();
        self.store
            .ledger(SETTLEMENT, |_, body| {
                imported = serde_json::from_str(&body).unwrap_or_default()
            })
            .await?;
        Ok(imported)
    }

    /// Imports a statement; what was imported before counts once.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn import(&self, import: &Import) -> Result<Added, EngineError> {
        let _alone = self.state.lock().await;
        let mut imported = self.settlements().await?;
        let added = imported.add(import);
        let body = serde_json::to_string(&imported).unwrap_or_default();
        let mut tx = self.store.begin().await?;
        tx.put_ledger(SETTLEMENT, &[(ALL.to_owned(), body)]).await?;
        tx.commit().await?;
        Ok(added)
    }

    /// Posts journals that a person asked for. Those posted before, by key, are left alone.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn post_journals(&self, journals: Vec<Document>, now: Time) -> Result<LedgerStep, EngineError> {
        let mut state = self.state.lock().await;
        let mut step = LedgerStep::default();
        self.settle(&mut state, now, &mut step).await?;
        let new: Vec<Entry> = journals
            .into_iter()
            .filter(|d| d.kind == DocumentKind::Journal)
            .filter(|d| {
                let known = state.entries.get(&d.key).map(|k| k.entry.state);
                matches!(known, None | Some(EntryState::Refused))
            })
            .map(|document| Entry {
                serves: document.date,
                document,
                purpose: Purpose::Other,
                sources: Vec::new(),
                shares: Vec::new(),
                bases: Vec::new(),
                round: 0,
                contact: None,
                state: EntryState::Planned,
                remote_id: None,
                refused: None,
            })
            .collect();
        for batch in new.chunks(self.accounting.batch(DocumentKind::Journal).max(1)) {
            self.post(&mut state, batch, now, &mut step).await?;
        }
        Ok(step)
    }

    /// What was posted, as the list of tasks for Halaxy needs it.
    pub async fn posted(&self) -> Posted {
        let state = self.state.lock().await;
        let mut posted = Posted::default();
        for kept in state.entries.values().filter(|k| k.entry.counts()) {
            let e = &kept.entry;
            match (e.document.kind, e.sources.first(), &e.remote_id) {
                (DocumentKind::Invoice, Some(Source::Invoice(id)), Some(remote)) => {
                    posted.invoices.insert(remote.clone(), id.clone());
                }
                (DocumentKind::Payment, Some(Source::Payment(id)), Some(remote)) => {
                    posted.keys.insert(e.document.key.clone());
                    // Adopted payments were made by hand and are known under another key.
                    if e.document.key.contains('/') {
                        posted.linked.insert(remote.clone());
                        posted.payments.insert(id.clone());
                    }
                }
                _ => {}
            }
        }
        posted
    }
}
