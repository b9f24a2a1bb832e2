//! What pages for people list beside the review's own lists: whose records wait, which units are in conflict, and the
//! latest of the history.

use crate::{
    db::{Args, Columns, fetch},
    error::Result,
    open::Store,
    records::{AuditEntry, Page, Paged},
};
use std::collections::BTreeMap;

const HELD: &str = "SELECT entity FROM (\
     SELECT entity FROM link WHERE practice = $1 AND held = 1 AND state = 'live' AND entity IS NOT NULL AND entity > $2 \
     UNION SELECT entity FROM write WHERE practice = $1 AND state IN ('refused', 'doubtful') AND entity > $2) AS waits \
     ORDER BY entity LIMIT $3";
const BY_UNIT: &str = "SELECT unit, count(*) FROM conflict WHERE practice = $1 GROUP BY unit";
/// Without bodies: those hold values.
const LATEST: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, NULL FROM audit \
     WHERE practice = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
const OF_ACCESS: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, NULL FROM audit \
     WHERE practice = $1 AND seq < $2 AND event IN ('access', 'viewed') ORDER BY seq DESC LIMIT $3";

impl Store {
    /// Entities with a record or a write that waits for a person, by id.
    pub async fn held_entities(&self, page: &Page) -> Result<Paged<String>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(page.after.as_deref().unwrap_or_default())
            .int(page.limit as i64);
        let rows = fetch(&mut self.read().await?, HELD, args).await?;
        let rows = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()?;
        let next = (rows.len() == page.limit).then(|| rows.last().cloned()).flatten();
        Ok(Paged { rows, next })
    }

    /// How many conflicts there are of each unit.
    pub async fn conflict_units(&self) -> Result<BTreeMap<String, u64>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let rows = fetch(&mut self.read().await?, BY_UNIT, args).await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.int(1)?.unsigned_abs())))
            .collect()
    }

    /// The latest of the history before a place in it, newest first, each line with its own place, and without
    /// its body. `access` for what people did with the app and what was shown to them, and nothing else.
    pub async fn latest_audit(
        &self,
        before: Option<i64>,
        access: bool,
        limit: usize,
    ) -> Result<Vec<(i64, AuditEntry)>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .int(before.unwrap_or(i64::MAX))
            .int(limit as i64);
        let sql = if access { OF_ACCESS } else { LATEST };
        let rows = fetch(&mut self.read().await?, sql, args).await?;
        rows.iter()
            .map(|row| Ok((row.int(0)?, self.scope.audit_entry(row)?)))
            .collect()
    }
}
