//! A desk for somebody who may see the people of some locations only. Everything that the desk shows or does passes here:
//! what is out of sight is not found, in the words for what does not exist.

use super::{Desk, DeskError};
use crate::access::bound::Bound;
use bridge_core::Time;
use bridge_engine::EngineError;
use bridge_store::{AuditEntry, Cell, DecisionRow, Item, Page, Paged, Within};
use std::collections::BTreeSet;
use std::sync::Arc;

/// After so long without a look at the calendar nobody counts as of no location any more: they may have been booked.
const FRESH: Time = 6 * 3_600 * 1_000_000;

impl Desk {
    /// The same desk for somebody who is bound to some locations; for whoever is not, as it is.
    ///
    /// # Errors
    /// The store's.
    pub async fn bound(&self, bound: Option<&Bound>) -> Result<Desk, DeskError> {
        let within = match bound {
            None => None,
            Some(bound) => Some(Arc::new(Within {
                locations: bound.locations.clone(),
                unplaced: bound.unplaced && self.all_placed().await?,
                home: self.engine.settings().home.clone(),
            })),
        };
        Ok(Desk { within, ..self.clone() })
    }

    async fn all_placed(&self) -> Result<bool, DeskError> {
        let known = self.store().located_whole().await?;
        Ok(known.is_some_and(|at| self.now().saturating_sub(at) <= FRESH))
    }

    /// What is seen here; none for everything.
    pub fn within(&self) -> Option<&Within> {
        self.within.as_deref()
    }

    /// Refuses what is about every location at once.
    pub(crate) fn everywhere(&self) -> Result<(), DeskError> {
        match self.within {
            None => Ok(()),
            Some(_) => Err(DeskError::Everywhere),
        }
    }

    /// Those of these entities that are seen.
    pub(crate) async fn seen_of(&self, ids: &[String]) -> Result<BTreeSet<String>, DeskError> {
        match self.within() {
            None => Ok(ids.iter().cloned().collect()),
            Some(within) => Ok(self.store().entities_within(ids, within).await?),
        }
    }

    /// Whether an entity is seen; one that does not exist is not told from one that is out of sight.
    pub(crate) async fn sees(&self, entity: &str) -> Result<(), DeskError> {
        if self.within().is_none() || self.seen_of(&[entity.to_string()]).await?.contains(entity) {
            return Ok(());
        }
        Err(EngineError::NotFound(format!("entity {entity}")).into())
    }

    /// An item that waits and is seen.
    pub(crate) async fn item(&self, id: &str) -> Result<Option<Item>, DeskError> {
        let Some(item) = self.store().item(id).await? else {
            return Ok(None);
        };
        let seen = match self.within() {
            None => true,
            Some(within) => self.store().items_within(&[id.to_string()], within).await?.contains(id),
        };
        Ok(seen.then_some(item))
    }

    /// Of what waits, how many there are of each sort, and how many wait since that moment or longer.
    pub(crate) async fn counted(&self, since: Time) -> Result<(Vec<Cell>, u64), DeskError> {
        Ok(match self.within() {
            None => (self.store().item_cells().await?, self.store().items_older(since).await?),
            Some(within) => self.store().item_cells_within(since, within).await?,
        })
    }

    /// Decisions as they were stored, newest first.
    pub(crate) async fn decision_rows(
        &self,
        sort: Option<&str>,
        unit: Option<&str>,
        page: &Page,
    ) -> Result<Paged<DecisionRow>, DeskError> {
        Ok(match self.within() {
            None => self.store().decisions(sort, unit, page).await?,
            Some(within) => self.store().decisions_seen(sort, unit, page, within).await?,
        })
    }

    /// A decision that is seen.
    pub(crate) async fn decision(&self, id: &str) -> Result<Option<DecisionRow>, DeskError> {
        let row = self.store().decision(id).await?;
        Ok(self.seen_decisions(row.into_iter().collect()).await?.pop())
    }

    /// What was decided together, as far as it is seen.
    pub(crate) async fn decision_group(&self, group: &str) -> Result<Vec<DecisionRow>, DeskError> {
        let rows = self.store().decision_group(group).await?;
        self.seen_decisions(rows).await
    }

    async fn seen_decisions(&self, rows: Vec<DecisionRow>) -> Result<Vec<DecisionRow>, DeskError> {
        let Some(within) = self.within() else { return Ok(rows) };
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let seen = self.store().decisions_within(&ids, within).await?;
        Ok(rows.into_iter().filter(|row| seen.contains(&row.id)).collect())
    }

    /// Lines of the history that are seen: those about people who are, and those about nobody and no record.
    pub(crate) async fn lines(&self, rows: Vec<(i64, AuditEntry)>) -> Result<Vec<(i64, AuditEntry)>, DeskError> {
        if self.within().is_none() {
            return Ok(rows);
        }
        let named: BTreeSet<String> = rows.iter().filter_map(|(_, line)| line.entity.clone()).collect();
        let seen = self.seen_of(&named.into_iter().collect::<Vec<_>>()).await?;
        let shown = |line: &AuditEntry| match &line.entity {
            Some(entity) => seen.contains(entity),
            None => line.remote_id.is_none(),
        };
        Ok(rows.into_iter().filter(|(_, line)| shown(line)).collect())
    }
}
