//! How much of everything there is.

use crate::{
    db::{Args, Columns, fetch, fetch_one},
    error::Result,
    open::Store,
    pool::Conn,
    records::{Counts, Oldest},
};
use std::collections::BTreeMap;

/// Every record ever seen, from the index of names alone; those that are gone, or nobody's yet, are few and have their own.
const RECORDS: &str = "SELECT system, count(*) FROM link WHERE practice = $1 GROUP BY system";
const GONE: &str = "SELECT system, count(*) FROM link WHERE practice = $1 AND state <> 'live' GROUP BY system";
const UNIDENTIFIED: &str =
    "SELECT system, count(*) FROM link WHERE practice = $1 AND entity IS NULL AND state = 'live' GROUP BY system";
const PLANNED: &str = "SELECT count(*) FROM write WHERE practice = $1 AND state = 'planned'";
/// States by indexes of few rows.
const UNSETTLED: &str =
    "SELECT state, count(*) FROM write WHERE practice = $1 AND state IN ('sent', 'unknown') GROUP BY state";
const STUCK: &str = "SELECT count(*) FROM write WHERE practice = $1 AND state IN ('doubtful', 'refused')";
const CANDIDATES: &str = "SELECT state, count(*) FROM candidate WHERE practice = $1 \
     AND state IN ('open', 'twice', 'faint') GROUP BY state";
/// Lanes one by one: the first of each stands at the end of its part of the index.
const OLDEST_DIRTY: &str = "SELECT min(since) FROM (\
     SELECT min(dirty_since) AS since FROM entity WHERE practice = $1 AND dirty = 1 AND lane = 0 \
     UNION ALL SELECT min(dirty_since) FROM entity WHERE practice = $1 AND dirty = 1 AND lane = 1 \
     UNION ALL SELECT min(dirty_since) FROM entity WHERE practice = $1 AND dirty = 1 AND lane = 2) AS lanes";

/// How many people and records there are: what takes long to count, and changes slowly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Entities.
    pub entities: u64,
    /// Live records that belong to an entity, by system.
    pub links: BTreeMap<String, u64>,
    /// Live records, by system.
    pub records: BTreeMap<String, u64>,
}

impl Store {
    /// Counts everything. Walks through the indexes of all records: for people and reports, not for every cycle (that is
    /// [`Store::quiet`], or [`Store::work`]).
    pub async fn counts(&self) -> Result<Counts> {
        let landed = self.landed().await?;
        // One snapshot, so that the numbers agree with each other.
        let mut tx = self.reader.snapshot().await?;
        let sizes = self.sizes_in(&mut tx).await?;
        let counts = self.work_in(&mut tx, landed).await?;
        tx.rollback().await?;
        Ok(Counts {
            entities: sizes.entities,
            links: sizes.links,
            records: sizes.records,
            ..counts
        })
    }

    /// How many people and records there are.
    pub async fn sizes(&self) -> Result<Sizes> {
        let mut tx = self.reader.snapshot().await?;
        let sizes = self.sizes_in(&mut tx).await?;
        tx.rollback().await?;
        Ok(sizes)
    }

    /// What is to be done and what waits, as [`Store::counts`] has it, without how many people and records there are: costs
    /// as much as there is to do, however large the store is.
    pub async fn work(&self) -> Result<Counts> {
        let landed = self.landed().await?;
        let mut tx = self.reader.snapshot().await?;
        let counts = self.work_in(&mut tx, landed).await?;
        tx.rollback().await?;
        Ok(counts)
    }

    async fn sizes_in(&self, conn: &mut Conn) -> Result<Sizes> {
        let gone = self.groups(conn, GONE).await?;
        let nobodys = self.groups(conn, UNIDENTIFIED).await?;
        let less = |all: &BTreeMap<String, u64>, some: &BTreeMap<String, u64>| {
            let left = |(name, n): (&String, &u64)| (name.clone(), n - some.get(name).copied().unwrap_or(0).min(*n));
            let mut left: BTreeMap<String, u64> = all.iter().map(left).collect();
            left.retain(|_, n| *n > 0);
            left
        };
        let records = less(&self.groups(conn, RECORDS).await?, &gone);
        Ok(Sizes {
            entities: self
                .count(conn, "SELECT count(*) FROM entity WHERE practice = $1")
                .await?,
            links: less(&records, &nobodys),
            records,
        })
    }

    async fn work_in(&self, conn: &mut Conn, landed: u64) -> Result<Counts> {
        let unsettled = self.groups(conn, UNSETTLED).await?;
        let state = |name: &str| unsettled.get(name).copied().unwrap_or(0);
        let candidates = self.groups(conn, CANDIDATES).await?;
        let pairs = |name: &str| candidates.get(name).copied().unwrap_or(0);
        let nobodys = self.groups(conn, UNIDENTIFIED).await?;
        let held_links = "SELECT count(*) FROM link WHERE practice = $1 AND held = 1 AND state = 'live'";
        let hints = "SELECT count(*) FROM hint WHERE practice = $1 AND taken = 0 AND system NOT LIKE '%/%'";
        Ok(Counts {
            dirty: self
                .count(conn, "SELECT count(*) FROM entity WHERE practice = $1 AND dirty = 1")
                .await?,
            planned: self.count(conn, PLANNED).await?,
            unsettled: state("sent") + state("unknown"),
            unknown: state("unknown"),
            held: self.count(conn, STUCK).await? + self.count(conn, held_links).await?,
            conflicts: self
                .count(conn, "SELECT count(*) FROM conflict WHERE practice = $1")
                .await?,
            cards: self
                .count(conn, "SELECT count(*) FROM card WHERE practice = $1")
                .await?,
            candidates: pairs("open"),
            twice: pairs("twice"),
            faint: pairs("faint"),
            unidentified: nobodys.values().sum(),
            looks: self
                .count(conn, "SELECT count(*) FROM link WHERE practice = $1 AND look = 1")
                .await?,
            hints: landed + self.count(conn, hints).await?,
            ..Counts::default()
        })
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
        // The sums keep SQLite from looking for the least in the order of the whole table.
        Ok(Oldest {
            dirty: oldest(OLDEST_DIRTY).await?,
            looks: oldest("SELECT min(asked + 0) FROM link WHERE practice = $1 AND look = 1").await?,
            unsettled: oldest("SELECT min(at + 0) FROM write WHERE practice = $1 AND state IN ('sent', 'unknown')")
                .await?,
        })
    }

    /// Whether nothing waits for the bridge itself: nothing dirty, planned, sent or unknown, no look
    /// due, no hint to follow, no record to be identified. Costs a few microseconds, however large the store is.
    pub async fn quiet(&self) -> Result<bool> {
        if self.landed().await? > 0 {
            return Ok(false);
        }
        let waits = self.any(&[
            "SELECT 1 FROM entity WHERE practice = $1 AND dirty = 1 LIMIT 1",
            "SELECT 1 FROM write WHERE practice = $1 AND state = 'planned' LIMIT 1",
            "SELECT 1 FROM write WHERE practice = $1 AND state IN ('sent', 'unknown') LIMIT 1",
            "SELECT 1 FROM link WHERE practice = $1 AND look = 1 LIMIT 1",
            "SELECT 1 FROM hint WHERE practice = $1 AND taken = 0 AND system NOT LIKE '%/%' LIMIT 1",
            "SELECT 1 FROM link WHERE practice = $1 AND entity IS NULL AND state = 'live' LIMIT 1",
            "SELECT 1 FROM match_again WHERE practice = $1 LIMIT 1",
        ]);
        Ok(!waits.await?)
    }

    /// Whether something is to be judged, to be sent, or on its way. As quick as [`Store::quiet`].
    pub async fn busy(&self) -> Result<bool> {
        self.any(&[
            "SELECT 1 FROM entity WHERE practice = $1 AND dirty = 1 LIMIT 1",
            "SELECT 1 FROM write WHERE practice = $1 AND state = 'planned' LIMIT 1",
            "SELECT 1 FROM write WHERE practice = $1 AND state IN ('sent', 'unknown') LIMIT 1",
        ])
        .await
    }

    /// Whether a record is due for a direct read. As quick as [`Store::quiet`].
    pub async fn looking(&self) -> Result<bool> {
        self.any(&["SELECT 1 FROM link WHERE practice = $1 AND look = 1 LIMIT 1"])
            .await
    }

    async fn any(&self, queries: &[&'static str]) -> Result<bool> {
        let mut conn = self.read().await?;
        for sql in queries {
            let mut args = Args::default();
            args.shared(&self.scope.practice);
            if fetch_one(&mut conn, sql, args).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
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
