//! What happened and why, and the values that lost: both only grow, until their time is over.

use crate::{
    body::{Scope, spread},
    db::{Among, Args, Columns, Insert, execute, fetch, fetch_one},
    error::Result,
    open::Store,
    pool::{Conn, Row},
    records::{AuditEntry, Loser, RecordKey},
    tx::Tx,
};
use bridge_core::Time;

const AUDIT: Insert = Insert {
    head: "INSERT INTO audit (practice, seq, at, run, entity, system, remote_id, event, units, reason, body)",
    columns: 11,
    tail: "",
};
const LOSER: Insert = Insert {
    head: "INSERT INTO loser (practice, seq, entity, unit, system, at, until, why, value)",
    columns: 9,
    tail: "",
};
const LAST_AUDIT: &str = "SELECT seq FROM audit WHERE practice = $1 ORDER BY seq DESC LIMIT 1";
const LAST_LOSER: &str = "SELECT seq FROM loser WHERE practice = $1 ORDER BY seq DESC LIMIT 1";
/// Places come first, from the index that holds them: asked for whole lines, SQLite walks through the table.
const OF_ENTITY: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, body FROM audit WHERE practice = $1 \
     AND seq IN (SELECT seq FROM audit WHERE practice = $1 AND entity = $2 AND entity <> '') ORDER BY seq";
const OF_RECORD: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, body FROM audit \
     WHERE practice = $1 AND system = $2 AND remote_id = $3 AND entity = '' ORDER BY seq";
/// The same for SQLite, which would walk through the table.
const OF_RECORD_LITE: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, body \
     FROM audit INDEXED BY audit_record WHERE practice = $1 AND system = $2 AND remote_id = $3 AND entity = '' ORDER BY seq";
const APPLIED: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, body FROM audit \
     WHERE practice = $1 AND system = $2 AND seq > $3 AND event = 'applied' ORDER BY seq LIMIT $4";
const AT: &str = "SELECT seq, at FROM audit WHERE practice = $1 AND seq >= $2 ORDER BY seq LIMIT 1";
const APPLIED_LINES: &str = "SELECT seq, entity FROM audit \
     WHERE practice = $1 AND seq > $2 AND seq <= $3 AND at >= $4 AND at <= $5 AND event = 'applied' AND entity <> '' \
     ORDER BY seq LIMIT $6";
/// The stretch is a sum, so that lines are found by entity.
const WRITTEN_TO: Among = Among {
    head: "SELECT seq, at, run, entity, system, remote_id, event, units, reason, body FROM audit \
           WHERE practice = ? AND seq + 0 > ? AND seq + 0 <= ? AND at >= ? AND at <= ? AND event IN ('sent', 'applied') AND entity <> '' AND entity",
    tail: "ORDER BY entity, seq",
};
const LOSERS: &str = "SELECT seq, unit, system, at, until, why, value FROM loser WHERE practice = $1 \
     AND seq IN (SELECT seq FROM loser WHERE practice = $1 AND entity = $2) ORDER BY seq";

impl Tx {
    /// Appends to the audit, in this order.
    pub async fn append_audit(&mut self, entries: &[AuditEntry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let (conn, scope) = self.parts();
        let first = next_seq(conn, scope, LAST_AUDIT).await?;
        // Few have a body to seal.
        let rows = entries.iter().zip(first..).collect();
        AUDIT
            .run(conn, rows, |args, (entry, seq): (&AuditEntry, i64)| {
                let body = entry.body.as_ref();
                let body = body.map(|body| scope.seal("audit", &[&seq.to_string()], body));
                args.shared(&scope.practice)
                    .int(seq)
                    .int(entry.at)
                    .text_or_null(entry.run.as_deref())
                    .text(entry.entity.as_deref().unwrap_or_default())
                    .text(entry.system.as_deref().unwrap_or_default())
                    .text(entry.remote_id.as_deref().unwrap_or_default())
                    .text(&entry.event)
                    .text(&entry.units.join(","))
                    .text(&entry.reason)
                    .blob_or_null(body);
            })
            .await?;
        Ok(())
    }

    /// Keeps values that lost.
    pub async fn append_losers(&mut self, losers: &[Loser]) -> Result<()> {
        if losers.is_empty() {
            return Ok(());
        }
        let (conn, scope) = self.parts();
        let first = next_seq(conn, scope, LAST_LOSER).await?;
        let rows = spread(losers.iter().zip(first..).collect(), |(loser, seq)| {
            (loser, seq, scope.seal("loser", &[&seq.to_string()], &loser.value))
        });
        LOSER
            .run(conn, rows, |args, (loser, seq, value)| {
                args.shared(&scope.practice)
                    .int(seq)
                    .text(&loser.entity)
                    .text(&loser.unit)
                    .text(&loser.system)
                    .int(loser.at)
                    .int(loser.until)
                    .text(&loser.why)
                    .blob(value);
            })
            .await?;
        Ok(())
    }

    /// Forgets values whose time is over; the number forgotten.
    pub async fn expire_losers(&mut self, now: Time) -> Result<u64> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).int(now);
        execute(conn, "DELETE FROM loser WHERE practice = $1 AND until < $2", args).await
    }
}

impl Store {
    /// Everything noted about an entity, oldest first.
    pub async fn audit(&self, entity: &str) -> Result<Vec<AuditEntry>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity);
        let rows = fetch(&mut self.read().await?, OF_ENTITY, args).await?;
        rows.iter().map(|row| self.scope.audit_entry(row)).collect()
    }

    /// Everything noted about a record while it belonged to no entity, oldest first.
    pub async fn audit_of_record(&self, record: &RecordKey) -> Result<Vec<AuditEntry>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(&record.system)
            .text(&record.remote_id);
        let mut conn = self.read().await?;
        let sql = conn.either(OF_RECORD_LITE, OF_RECORD);
        let rows = fetch(&mut conn, sql, args).await?;
        rows.iter().map(|row| self.scope.audit_entry(row)).collect()
    }

    /// Writes applied in a system after a place in the audit (0 is its beginning), each with its own
    /// place, oldest first.
    pub async fn applied_after(&self, system: &str, seq: i64, limit: usize) -> Result<Vec<(i64, AuditEntry)>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(system)
            .int(seq)
            .int(limit as i64);
        let rows = fetch(&mut self.read().await?, APPLIED, args).await?;
        rows.iter()
            .map(|row| Ok((row.int(0)?, self.scope.audit_entry(row)?)))
            .collect()
    }

    /// The place before the first line of the audit that is not older than a moment. Lines are as old as their order,
    /// so it is found by halving.
    pub async fn audit_place(&self, since: Time) -> Result<i64> {
        let mut conn = self.read().await?;
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let last = fetch_one(&mut conn, LAST_AUDIT, args)
            .await?
            .map_or(Ok(0), |row| row.int(0))?;
        let (mut low, mut high) = (0, last + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let mut args = Args::default();
            args.shared(&self.scope.practice).int(middle);
            let at = fetch_one(&mut conn, AT, args)
                .await?
                .map(|row| row.int(1))
                .transpose()?;
            if at.is_some_and(|at| at < since) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Where writes were applied after one place of the audit and up to another, from one moment to another, each with
    /// its own place, oldest first.
    pub async fn applied_lines(
        &self,
        (after, until): (i64, i64),
        within: (Time, Time),
        limit: usize,
    ) -> Result<Vec<(i64, String)>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .int(after)
            .int(until)
            .int(within.0)
            .int(within.1)
            .int(limit as i64);
        let rows = fetch(&mut self.read().await?, APPLIED_LINES, args).await?;
        rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?))).collect()
    }

    /// Writes to these entities that were sent and applied in such a stretch of the audit, each with its own place; those
    /// of an entity together, oldest first.
    pub async fn written_to(
        &self,
        ids: &[String],
        (after, until): (i64, i64),
        within: (Time, Time),
    ) -> Result<Vec<(i64, AuditEntry)>> {
        let head = |args: &mut Args| {
            args.shared(&self.scope.practice)
                .int(after)
                .int(until)
                .int(within.0)
                .int(within.1);
        };
        let rows = WRITTEN_TO
            .fetch(&mut self.read().await?, ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        rows.iter()
            .map(|row| Ok((row.int(0)?, self.scope.audit_entry(row)?)))
            .collect()
    }

    /// Values of an entity that lost, oldest first.
    pub async fn losers(&self, entity: &str) -> Result<Vec<Loser>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity);
        let rows = fetch(&mut self.read().await?, LOSERS, args).await?;
        rows.iter()
            .map(|row| {
                Ok(Loser {
                    entity: entity.to_string(),
                    unit: row.text(1)?,
                    system: row.text(2)?,
                    at: row.int(3)?,
                    until: row.int(4)?,
                    why: row.text(5)?,
                    value: self.scope.open("loser", &[&row.int(0)?.to_string()], row.blob(6)?)?,
                })
            })
            .collect()
    }
}

impl Scope {
    pub(crate) fn audit_entry(&self, row: &Row) -> Result<AuditEntry> {
        let some = |column| row.text(column).map(|text| (!text.is_empty()).then_some(text));
        let body = row
            .blob_or_null(9)?
            .map(|body| self.open("audit", &[&row.int(0)?.to_string()], body))
            .transpose()?;
        Ok(AuditEntry {
            at: row.int(1)?,
            run: row.text_or_null(2)?,
            entity: some(3)?,
            system: some(4)?,
            remote_id: some(5)?,
            event: row.text(6)?,
            units: row
                .text(7)?
                .split(',')
                .filter(|unit| !unit.is_empty())
                .map(str::to_string)
                .collect(),
            reason: row.text(8)?,
            body,
        })
    }
}

/// Safe to count on from here: the transaction holds the write lock.
pub(crate) async fn next_seq(conn: &mut Conn, scope: &Scope, last: &'static str) -> Result<i64> {
    let mut args = Args::default();
    args.shared(&scope.practice);
    Ok(fetch_one(conn, last, args).await?.map_or(Ok(0), |row| row.int(0))? + 1)
}
