//! The mirror: the latest body of each record of the kinds that are followed beside people, and a change feed over
//! them. Every change gives a row the next number of its system, so that whoever keeps the number of the last row it
//! has taken finds what came after.

use crate::{
    body::{Scope, spread},
    db::{Among, Args, Columns, Insert, execute, fetch},
    error::Result,
    open::Store,
    pool::{Conn, Row},
    tx::Tx,
};
use bridge_core::Time;
use serde_json::Value as Json;

const PUT: Insert = Insert {
    head: "INSERT INTO mirror (practice, system, kind, remote_id, seq, seen, gone, body)",
    columns: 8,
    tail: "ON CONFLICT (practice, system, kind, remote_id) DO UPDATE SET seq = excluded.seq, seen = excluded.seen, \
           gone = excluded.gone, body = excluded.body",
};
const OF: Among = Among {
    head: "SELECT kind, remote_id, seq, seen, gone, body FROM mirror WHERE practice = ? AND system = ? AND kind = ? AND remote_id",
    tail: "",
};
const AFTER: &str = "SELECT kind, remote_id, seq, seen, gone, body FROM mirror \
     WHERE practice = $1 AND system = $2 AND seq > $3 AND ($4 = '' OR kind = $4) ORDER BY seq LIMIT $5";
const IDS: &str = "SELECT remote_id FROM mirror WHERE practice = $1 AND system = $2 AND kind = $3 AND gone = 0 \
     AND remote_id > $4 ORDER BY remote_id LIMIT $5";
const COUNTS: &str = "SELECT kind, COUNT(*) FROM mirror WHERE practice = $1 AND system = $2 AND gone = 0 \
     GROUP BY kind ORDER BY kind";
const DROP_GONE: &str = "DELETE FROM mirror WHERE practice = $1 AND gone = 1 AND seen < $2";

/// One record as it was last seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirrored {
    /// Remote kind, e.g. `Appointment`.
    pub kind: String,
    /// Remote id.
    pub id: String,
    /// The number of its latest change among its system's; given by the store.
    pub seq: i64,
    /// When the read began that showed this, microseconds.
    pub seen: Time,
    /// It is not there any more.
    pub gone: bool,
    /// The body; of one that is gone the last one known, null once it was erased.
    pub body: Json,
}

fn number(system: &str) -> String {
    format!("mirror/{system}")
}

impl Tx {
    /// Keeps records in place of what was known of them, each as a change after all others; their `seq` is given here.
    pub async fn put_mirrored(&mut self, system: &str, rows: &[Mirrored]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let (conn, scope) = self.parts();
        // Kept apart from the rows: numbers must grow even when the newest rows were dropped.
        let last = scope.meta(conn, &number(system)).await?;
        let first = last.and_then(|n| n.parse().ok()).unwrap_or(0i64) + 1;
        let next = first + i64::try_from(rows.len()).unwrap_or(0);
        scope.put_meta(conn, &number(system), &(next - 1).to_string()).await?;
        let sealed = spread(rows.iter().zip(first..).collect(), |(row, seq): (&Mirrored, i64)| {
            (row, seq, scope.seal("mirror", &[system, &row.kind, &row.id], &row.body))
        });
        PUT.run(conn, sealed, |args, (row, seq, body)| {
            args.shared(&scope.practice)
                .text(system)
                .text(&row.kind)
                .text(&row.id)
                .int(seq)
                .int(row.seen)
                .int(row.gone.into())
                .blob(body);
        })
        .await?;
        Ok(())
    }

    /// As [`Store::mirrored_among`], within this transaction.
    pub async fn mirrored_among(&mut self, system: &str, kind: &str, ids: &[String]) -> Result<Vec<Mirrored>> {
        let (conn, scope) = self.parts();
        scope.mirrored_among(conn, system, kind, ids).await
    }

    /// As [`Store::mirrored_ids`], within this transaction.
    pub async fn mirrored_ids(&mut self, system: &str, kind: &str, after: &str, limit: usize) -> Result<Vec<String>> {
        let (conn, scope) = self.parts();
        scope.mirrored_ids(conn, system, kind, after, limit).await
    }

    /// Forgets records that are gone and were last seen before a moment; how many.
    pub async fn drop_mirrored_gone(&mut self, before: Time) -> Result<u64> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).int(before);
        execute(conn, DROP_GONE, args).await
    }
}

impl Store {
    /// One record, if it was ever seen.
    ///
    /// # Errors
    /// [`crate::StoreError::Damaged`] if its body does not open.
    pub async fn mirrored(&self, system: &str, kind: &str, id: &str) -> Result<Option<Mirrored>> {
        Ok(self.mirrored_among(system, kind, &[id.to_string()]).await?.pop())
    }

    /// Those of these records that were ever seen, in no order.
    ///
    /// # Errors
    /// [`crate::StoreError::Damaged`] if a body does not open.
    pub async fn mirrored_among(&self, system: &str, kind: &str, ids: &[String]) -> Result<Vec<Mirrored>> {
        let mut conn = self.read().await?;
        self.scope.mirrored_among(&mut conn, system, kind, ids).await
    }

    /// Records of a kind (of every kind if it is empty) whose latest change comes after a number, in the order of
    /// their changes, those that are gone included. One that changed twice shows once.
    ///
    /// # Errors
    /// [`crate::StoreError::Damaged`] if a body does not open.
    pub async fn mirrored_after(&self, system: &str, kind: &str, seq: i64, limit: usize) -> Result<Vec<Mirrored>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice)
            .text(system)
            .int(seq)
            .text(kind)
            .int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = fetch(&mut self.read().await?, AFTER, args).await?;
        rows.into_iter().map(|row| self.scope.mirrored(system, &row)).collect()
    }

    /// Ids of a kind's records that are there, after one of them, in order.
    pub async fn mirrored_ids(&self, system: &str, kind: &str, after: &str, limit: usize) -> Result<Vec<String>> {
        let mut conn = self.read().await?;
        self.scope.mirrored_ids(&mut conn, system, kind, after, limit).await
    }

    /// How many records of each kind are there.
    pub async fn mirrored_counts(&self, system: &str) -> Result<Vec<(String, u64)>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(system);
        let rows = fetch(&mut self.read().await?, COUNTS, args).await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.int(1)?.unsigned_abs())))
            .collect()
    }

    /// The number of a system's latest change; 0 before the first.
    pub async fn last_mirrored(&self, system: &str) -> Result<i64> {
        let last = self.meta(&number(system)).await?;
        Ok(last.and_then(|n| n.parse().ok()).unwrap_or(0))
    }
}

impl Scope {
    async fn mirrored_ids(
        &self,
        conn: &mut Conn,
        system: &str,
        kind: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>> {
        let mut args = Args::default();
        args.shared(&self.practice)
            .text(system)
            .text(kind)
            .text(after)
            .int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = fetch(conn, IDS, args).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    async fn mirrored_among(&self, conn: &mut Conn, system: &str, kind: &str, ids: &[String]) -> Result<Vec<Mirrored>> {
        let rows = OF
            .fetch(
                conn,
                ids,
                |args| {
                    args.shared(&self.practice).text(system).text(kind);
                },
                |args, id| {
                    args.text(id);
                },
            )
            .await?;
        rows.iter().map(|row| self.mirrored(system, row)).collect()
    }

    fn mirrored(&self, system: &str, row: &Row) -> Result<Mirrored> {
        let (kind, id) = (row.text(0)?, row.text(1)?);
        let body = self.open("mirror", &[system, &kind, &id], row.blob(5)?)?;
        Ok(Mirrored {
            seq: row.int(2)?,
            seen: row.int(3)?,
            gone: row.int(4)? != 0,
            body,
            kind,
            id,
        })
    }
}
