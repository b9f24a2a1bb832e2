//! What the books show, as it is kept.

use super::{FEED, Keep, State, json, read_part, shown_part};
use crate::error::EngineError;
use crate::ledger::LedgerSettings;
use crate::ledger::reread::Read;
use bridge_core::Time;
use bridge_core::ledger::{DocumentKind, Shown};
use jiff::civil::Date;
use std::collections::BTreeSet;

impl Keep {
    /// Keeps when documents of one kind were read from the beginning.
    pub async fn read(&mut self, state: &mut State, kind: DocumentKind, read: Read) -> Result<(), EngineError> {
        self.tx
            .put_ledger(&read_part(kind), &[("all".into(), json(&read))])
            .await?;
        state.read.insert(kind, read);
        Ok(())
    }

    /// Keeps what the books show of documents of one kind that are dated on these days (the last not included): others of
    /// those days are gone.
    pub async fn shown_of_days(
        &mut self,
        state: &mut State,
        kind: DocumentKind,
        (from, until): (Date, Date),
        documents: Vec<Shown>,
    ) -> Result<(), EngineError> {
        let part = shown_part(kind);
        let there: BTreeSet<&str> = documents.iter().map(|d| d.remote_id.as_str()).collect();
        let of_days = state
            .shown
            .iter()
            .filter(|((k, _), s)| *k == kind && from <= s.date && s.date < until);
        let gone: Vec<String> = of_days
            .map(|((_, id), _)| id)
            .filter(|id| !there.contains(id.as_str()))
            .cloned()
            .collect();
        self.tx.drop_ledger(&part, &gone).await?;
        let rows: Vec<(String, String)> = documents.iter().map(|d| (d.remote_id.clone(), json(d))).collect();
        self.tx.put_ledger(&part, &rows).await?;
        for id in gone {
            state.shown.remove(&(kind, id));
        }
        for d in documents {
            state.shown.insert((kind, d.remote_id.clone()), d);
        }
        Ok(())
    }

    /// Keeps what the books show of documents of one kind. `whole` tells that this is everything: others are gone.
    pub async fn shown(
        &mut self,
        settings: &LedgerSettings,
        state: &mut State,
        kind: DocumentKind,
        documents: Vec<Shown>,
        whole: bool,
        cursor: &str,
        now: Time,
    ) -> Result<(), EngineError> {
        let part = shown_part(kind);
        if whole {
            let there: BTreeSet<&str> = documents.iter().map(|d| d.remote_id.as_str()).collect();
            let gone: Vec<String> = state
                .shown
                .keys()
                .filter(|(k, id)| *k == kind && !there.contains(id.as_str()))
                .map(|(_, id)| id.clone())
                .collect();
            self.tx.drop_ledger(&part, &gone).await?;
            for id in gone {
                state.shown.remove(&(kind, id));
            }
        }
        let rows: Vec<(String, String)> = documents.iter().map(|d| (d.remote_id.clone(), json(d))).collect();
        self.tx.put_ledger(&part, &rows).await?;
        self.tx.set_cursor(&settings.books, &part, FEED, cursor, now).await?;
        state.shown_cursors.insert(kind, cursor.to_owned());
        for d in documents {
            state.shown.insert((kind, d.remote_id.clone()), d);
        }
        Ok(())
    }
}

/// How many of these documents are not as they were shown before.
pub(in crate::ledger) fn news(state: &State, kind: DocumentKind, documents: &[Shown]) -> usize {
    let known = |d: &&Shown| state.shown.get(&(kind, d.remote_id.clone())) == Some(*d);
    documents.len() - documents.iter().filter(known).count()
}
