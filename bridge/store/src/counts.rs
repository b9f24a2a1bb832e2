//! How much of everything there is.

use crate::{
    db::{Args, Columns, fetch, fetch_one},
    error::Result,
    open::Store,
    pool::Conn,
    records::{Counts, Oldest},
};
use std::collections::BTreeMap;

const BY_SYSTEM: &str = "SELECT system, count(*) FROM link WHERE practice = $1 AND state = 'live' GROUP BY system";
const LINKED_BY_SYSTEM: &str = "SELECT system, count(*) FROM link \
     WHERE practice = $1 AND state = 'live' AND entity IS NOT NULL GROUP BY system";
const WRITES: &str = "SELECT state, count(*) FROM write WHERE practice = $1 GROUP BY state";

impl Store {
    /// Counts everything. Reads whole indexes: for people and reports, not for every cycle (that is
    /// [`Store::quiet`]).
    pub async fn counts(&self) -> Result<Counts> {
        let landed = self.landed().await?;
        // One snapshot, so that the numbers agree with each other.
        let mut tx = self.reader.snapshot().await?;
        let conn = &mut tx;
        let writes = self.groups(conn, WRITES).await?;
        let state = |name: &str| writes.get(name).copied().unwrap_or(0);
        let held_links = "SELECT count(*) FROM link WHERE practice = $1 AND held = 1 AND state = 'live'";
        let counts = Counts {
            entities: self
                .count(conn, "SELECT count(*) FROM entity WHERE practice = $1")
                .await?,
            links: self.groups(conn, LINKED_BY_SYSTEM).await?,
            records: self.groups(conn, BY_SYSTEM).await?,
            dirty: self
                .count(conn, "SELECT count(*) FROM entity WHERE practice = $1 AND dirty = 1")
                .await?,
            planned: state("planned"),
            unsettled: state("sent") + state("unknown"),
            unknown: state("unknown"),
            held: state("refused") + state("doubtful") + self.count(conn, held_links).await?,
            conflicts: self
                .count(conn, "SELECT count(*) FROM conflict WHERE practice = $1")
                .await?,
            cards: self
                .count(conn, "SELECT count(*) FROM card WHERE practice = $1")
                .await?,
            candidates: self
                .count(
                    conn,
                    "SELECT count(*) FROM candidate WHERE practice = $1 AND state = 'open'",
                )
                .await?,
            twice: self
                .count(
                    conn,
                    "SELECT count(*) FROM candidate WHERE practice = $1 AND state = 'twice'",
                )
                .await?,
            faint: self
                .count(
                    conn,
                    "SELECT count(*) FROM candidate WHERE practice = $1 AND state = 'faint'",
                )
                .await?,
            unidentified: self
                .count(
                    conn,
                    "SELECT count(*) FROM link WHERE practice = $1 AND entity IS NULL AND state = 'live'",
                )
                .await?,
            looks: self
                .count(conn, "SELECT count(*) FROM link WHERE practice = $1 AND look = 1")
                .await?,
            hints: landed
                + self
                    .count(
                        conn,
                        "SELECT count(*) FROM hint WHERE practice = $1 AND taken = 0 AND system NOT LIKE '%/%'",
                    )
                    .await?,
        };
        tx.rollback().await?;
        Ok(counts)
    }

    /// Since when the longest waiting of each sort waits. Reads the ends of indexes only.
    pub async fn oldest(&self) -> Result<Oldest> {
        let mut conn = self.read().await?;
        let mut oldest = async |sql| {
            let mut args = Args::default();
            args.shared(&self.scope.practice);
            let row = fetch_one(&mut conn, sql, args).await?;
            row.map_or(Ok(None), |row| row.int_or_null(0))
        };
        Ok(Oldest {
            dirty: oldest("SELECT min(dirty_since) FROM entity WHERE practice = $1 AND dirty = 1").await?,
            looks: oldest("SELECT min(asked) FROM link WHERE practice = $1 AND look = 1").await?,
            unsettled: oldest("SELECT min(at) FROM write WHERE practice = $1 AND state IN ('sent', 'unknown')").await?,
        })
    }

    /// Whether nothing waits for the bridge itself: nothing dirty, planned, sent or unknown, no look
    /// due, no hint to follow, no record to be identified. Costs a few microseconds, however large the store is.
    pub async fn quiet(&self) -> Result<bool> {
        let mut conn = self.read().await?;
        if self.landed().await? > 0 {
            return Ok(false);
        }
        for sql in [
            "SELECT 1 FROM entity WHERE practice = $1 AND dirty = 1 LIMIT 1",
            "SELECT 1 FROM write WHERE practice = $1 AND state IN ('planned', 'sent', 'unknown') LIMIT 1",
            "SELECT 1 FROM link WHERE practice = $1 AND look = 1 LIMIT 1",
            "SELECT 1 FROM hint WHERE practice = $1 AND taken = 0 AND system NOT LIKE '%/%' LIMIT 1",
            "SELECT 1 FROM link WHERE practice = $1 AND entity IS NULL AND state = 'live' LIMIT 1",
            "SELECT 1 FROM match_again WHERE practice = $1 LIMIT 1",
        ] {
            let mut args = Args::default();
            args.shared(&self.scope.practice);
            if fetch_one(&mut conn, sql, args).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn count(&self, conn: &mut Conn, sql: &'static str) -> Result<u64> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        fetch_one(conn, sql, args)
            .await?
            .map_or(Ok(0), |row| Ok(row.int(0)?.unsigned_abs()))
    }

    async fn groups(&self, conn: &mut Conn, sql: &'static str) -> Result<BTreeMap<String, u64>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        fetch(conn, sql, args)
            .await?
            .iter()
            .map(|row| Ok((row.text(0)?, row.int(1)?.unsigned_abs())))
            .collect()
    }
}
