//! Who was told what: the lines of the history that tell of writes, and of words about consent, over a time. Names of
//! units only, never values.

use crate::{
    db::{Args, Columns, execute, fetch, fetch_one},
    error::Result,
    open::Store,
    records::AuditEntry,
    tx::Tx,
};
use bridge_core::Time;

const BETWEEN: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, CASE WHEN 1 = 0 THEN body END FROM audit \
     WHERE practice = $1 AND seq > $2 AND at >= $3 AND at < $4 AND ($5 = '' OR entity = $5) AND ($6 = '' OR system = $6) \
     AND event IN ('applied', 'unknown', 'told', 'may be told', 'adopted', 'consent', 'paused', 'resumed', 'erased') \
     ORDER BY seq LIMIT $7";
const OLDEST_AUDIT: &str = "SELECT at FROM audit WHERE practice = $1 ORDER BY seq LIMIT 1";
const OLDEST_LOSER: &str = "SELECT MIN(at) FROM loser WHERE practice = $1";
const OLDEST_GONE: &str = "SELECT MIN(seen) FROM mirror WHERE practice = $1 AND gone = 1";
const OLDEST_RUN: &str = "SELECT MIN(started) FROM run WHERE practice = $1";
const OLDEST_HINT: &str = "SELECT MIN(received) FROM hint WHERE practice = $1";
const OLDEST_EVENT: &str = "SELECT MIN(at) FROM event WHERE practice = $1";
const OLDEST_TRACE: &str = "SELECT MIN(since) FROM trace WHERE practice = $1";
/// The last line of an audit stays whatever its age: numbers are counted on from it.
const DROP_AUDIT: &str = "DELETE FROM audit WHERE practice = $1 AND at < $2 \
     AND seq < (SELECT MAX(seq) FROM audit WHERE practice = $1)";
const DROP_VALUES: &str = "UPDATE audit SET body = NULL WHERE practice = $1 AND at < $2 AND body IS NOT NULL";
const DROP_RUNS: &str = "DELETE FROM run WHERE practice = $1 AND started < $2 AND ended IS NOT NULL";
const DROP_CANDIDATES: &str = "DELETE FROM candidate WHERE practice = $1 AND state = 'faint' AND since < $2";

/// Which lines are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Of this entity only.
    pub entity: Option<String>,
    /// Of this system only.
    pub system: Option<String>,
    /// Not before this moment.
    pub from: Time,
    /// Before this moment.
    pub to: Time,
}

/// When the oldest row of each sort was written; none where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// Lines of the history.
    pub audit: Option<Time>,
    /// Overruled values.
    pub overruled: Option<Time>,
    /// Mirrored records that are gone.
    pub mirror_gone: Option<Time>,
    /// Ended runs.
    pub runs: Option<Time>,
    /// Hints of webhooks.
    pub hints: Option<Time>,
    /// Events of the public stream.
    pub events: Option<Time>,
    /// Traces of changes on their way.
    pub traces: Option<Time>,
}

impl Store {
    /// Lines of writes that were applied, or may have been, of what was told otherwise, and of consent, after a place in the
    /// history (0 is its beginning), each with its own place, oldest first.
    pub async fn told(&self, wanted: &Told, seq: i64, limit: usize) -> Result<Vec<(i64, AuditEntry)>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .int(seq)
            .int(wanted.from)
            .int(wanted.to)
            .text(wanted.entity.as_deref().unwrap_or_default())
            .text(wanted.system.as_deref().unwrap_or_default())
            .int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = fetch(&mut self.read().await?, BETWEEN, args).await?;
        rows.iter()
            .map(|row| Ok((row.int(0)?, self.scope.audit_entry(row)?)))
            .collect()
    }

    /// All of [`Store::told`]. For what fits into memory.
    pub async fn all_told(&self, wanted: &Told) -> Result<Vec<AuditEntry>> {
        const PAGE: usize = 2_000;
        let (mut all, mut seq) = (vec![], 0);
        loop {
            let page = self.told(wanted, seq, PAGE).await?;
            let full = page.len() == PAGE;
            seq = page.last().map_or(seq, |(seq, _)| *seq);
            all.extend(page.into_iter().map(|(_, entry)| entry));
            if !full {
                return Ok(all);
            }
        }
    }

    /// How old the oldest of everything is that is kept for a time.
    pub async fn ages(&self) -> Result<Ages> {
        let mut conn = self.read().await?;
        let mut all = [None; 7];
        let queries = [
            OLDEST_AUDIT,
            OLDEST_LOSER,
            OLDEST_GONE,
            OLDEST_RUN,
            OLDEST_HINT,
            OLDEST_EVENT,
            OLDEST_TRACE,
        ];
        for (age, sql) in all.iter_mut().zip(queries) {
            let mut args = Args::default();
            args.shared(&self.scope.practice);
            let row = fetch_one(&mut conn, sql, args).await?;
            *age = row.map_or(Ok(None), |row| row.int_or_null(0))?;
        }
        let [audit, overruled, mirror_gone, runs, hints, events, traces] = all;
        Ok(Ages {
            audit,
            overruled,
            mirror_gone,
            runs,
            hints,
            events,
            traces,
        })
    }
}

impl Tx {
    async fn drop_old(&mut self, sql: &'static str, before: Time) -> Result<u64> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).int(before);
        execute(conn, sql, args).await
    }

    /// Forgets lines of the history from before a moment; how many.
    pub async fn drop_audit_before(&mut self, before: Time) -> Result<u64> {
        self.drop_old(DROP_AUDIT, before).await
    }

    /// Takes the values out of lines of the history from before a moment; of how many. The lines stay.
    pub async fn drop_sent_values_before(&mut self, before: Time) -> Result<u64> {
        self.drop_old(DROP_VALUES, before).await
    }

    /// Forgets ended runs that began before a moment; how many.
    pub async fn drop_runs_before(&mut self, before: Time) -> Result<u64> {
        self.drop_old(DROP_RUNS, before).await
    }

    /// Forgets faint resemblances found before a moment; how many.
    pub async fn drop_faint_before(&mut self, before: Time) -> Result<u64> {
        self.drop_old(DROP_CANDIDATES, before).await
    }
}
