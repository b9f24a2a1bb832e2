//! What the books show: read for the proof, and to find what is there already.

use super::keep::{self, Keep, State};
use super::reread::Read;
use super::{Ledger, cannot};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::{DocumentKind, Shown};

/// Pages of one list; a feed that never ends is a defect of the product.
const MOST_PAGES: usize = 10_000;

impl Ledger {
    /// Reads what changed of one kind, or everything: how many documents are another than before.
    pub(super) async fn mirror_kind(
        &self,
        state: &mut State,
        kind: DocumentKind,
        now: Time,
        whole: bool,
    ) -> Result<usize, EngineError> {
        let start = state.shown_cursors.get(&kind).filter(|_| !whole).cloned();
        let everything = start.is_none();
        let mut cursor = start;
        let mut documents = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = self
                .accounting
                .list(kind, cursor.as_deref())
                .await
                .map_err(|e| cannot([e.to_string()]))?;
            // Nothing compares change marks here, and a hundred thousand of them take their room.
            documents.extend(page.documents.into_iter().map(|shown| Shown { mark: None, ..shown }));
            cursor = Some(page.cursor);
            if !page.more {
                let mut keep = Keep::new(&self.store).await?;
                let cursor = cursor.unwrap_or_default();
                let new = keep::news(state, kind, &documents);
                keep.shown(&self.settings, state, kind, documents, everything, &cursor, now)
                    .await?;
                if everything {
                    keep.read(state, kind, Read::all(now)).await?;
                }
                keep.commit().await?;
                return Ok(new);
            }
        }
        Err(cannot([format!("the list of {kind:?} never ends")]))
    }
}
