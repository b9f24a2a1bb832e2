//! What pages for people list beside the review's own lists: the latest of the history.

use crate::{
    db::{Args, Columns, fetch},
    error::Result,
    open::Store,
    records::AuditEntry,
};

/// Without bodies: those hold values.
const LATEST: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, NULL FROM audit \
     WHERE practice = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
const OF_ACCESS: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, NULL FROM audit \
     WHERE practice = $1 AND seq < $2 AND event IN ('access', 'viewed') ORDER BY seq DESC LIMIT $3";

impl Store {
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
