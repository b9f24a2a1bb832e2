//! What pages for people list beside the review's own lists: the latest of the history, of all or of one entity. Filters
//! are asked of the database a stretch at a time: one that fits nothing must not walk through the whole history.

use crate::{
    db::{Args, Columns, fetch, fetch_one},
    error::Result,
    open::Store,
    records::AuditEntry,
};
use bridge_core::Time;
use std::collections::BTreeSet;

/// Without bodies: those hold values.
const LATEST: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, NULL FROM audit \
     WHERE practice = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3";
const OF_ACCESS: &str = "SELECT seq, at, run, entity, system, remote_id, event, units, reason, NULL FROM audit \
     WHERE practice = $1 AND seq < $2 AND event IN ('access', 'viewed') ORDER BY seq DESC LIMIT $3";

/// A stretch of the history, and what of it fits. Texts that are blank fit everything.
macro_rules! stretch {
    ($from:literal, $which:literal, $within:literal) => {
        concat!(
            "SELECT ",
            "seq, at, run, entity, system, remote_id, event, units, reason, NULL FROM \
             (SELECT seq, at, run, entity, system, remote_id, event, units, reason FROM ",
            $from,
            " WHERE practice = $1 AND seq < $2 ",
            $which,
            " ORDER BY seq DESC LIMIT $3) AS stretch WHERE ($4 = '' OR event = $4) AND ($5 = '' OR system = $5) \
             AND ($6 = '' OR entity = $6) AND ($7 = '' OR ",
            $within,
            "(lower(reason), $7) > 0) ORDER BY seq DESC LIMIT $8"
        )
    };
}
macro_rules! reach {
    ($from:literal, $which:literal) => {
        concat!(
            "SELECT ",
            "min(seq), count(*) FROM (SELECT seq FROM ",
            $from,
            " WHERE practice = $1 AND seq < $2 ",
            $which,
            " ORDER BY seq DESC LIMIT $3) AS stretch WHERE $4 = $4"
        )
    };
}
/// The lines about one entity, found by their places, which an index holds whole.
macro_rules! lines_of {
    ($columns:literal, $more:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM audit WHERE practice = $1 \
             AND seq IN (SELECT seq FROM audit WHERE practice = $1 AND entity = $2 AND entity <> '' ",
            $more
        )
    };
}
/// Each in the words of both databases. SQLite, which knows nothing of how many rows are what, is told the index: else it
/// walks through the table.
const FITS: [[&str; 2]; 3] = [
    [stretch!("audit", "", "instr"), stretch!("audit", "", "strpos")],
    [
        stretch!(
            "audit INDEXED BY audit_access",
            "AND event IN ('access', 'viewed')",
            "instr"
        ),
        stretch!("audit", "AND event IN ('access', 'viewed')", "strpos"),
    ],
    [
        stretch!(
            "audit INDEXED BY audit_entity",
            "AND entity = $6 AND entity <> ''",
            "instr"
        ),
        stretch!("audit", "AND entity = $6 AND entity <> ''", "strpos"),
    ],
];
const REACH: [[&str; 2]; 3] = [
    [reach!("audit", ""), reach!("audit", "")],
    [
        reach!("audit INDEXED BY audit_access", "AND event IN ('access', 'viewed')"),
        reach!("audit", "AND event IN ('access', 'viewed')"),
    ],
    [
        reach!("audit INDEXED BY audit_entity", "AND entity = $4 AND entity <> ''"),
        reach!("audit", "AND entity = $4 AND entity <> ''"),
    ],
];
const MOMENT: &str = "SELECT at FROM audit WHERE practice = $1 AND seq = $2";
const LATEST_OF: &str = lines_of!(
    "seq, at, run, entity, system, remote_id, event, units, reason, NULL",
    "ORDER BY seq DESC LIMIT $3) ORDER BY seq DESC"
);
const COUNT_OF: &str = "SELECT count(*) FROM audit WHERE practice = $1 AND entity = $2 AND entity <> ''";
const EVIDENCE_OF: &str = lines_of!(
    "seq, at, run, entity, system, remote_id, event, units, reason, NULL",
    ") AND event IN ('linked', 'same person') ORDER BY seq"
);
const TAKEN_OF: &str = lines_of!("DISTINCT system, units", ") AND event || '' = 'applied'");

/// Which lines of the history are wanted; what is blank does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// Only what people did with the app and what was shown to them.
    pub access: bool,
    /// Of this event.
    pub event: String,
    /// Of this system.
    pub system: String,
    /// Of this entity.
    pub entity: String,
    /// With this in the reason, in small letters. Capitals beside A to Z are not known by every database.
    pub words: String,
}

/// Lines of the history that fit, and how far was looked for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// The lines, newest first, each with its place.
    pub rows: Vec<(i64, AuditEntry)>,
    /// Place and moment of the last line that was looked at; it goes on before that.
    pub looked: Option<(i64, Time)>,
    /// There may be more.
    pub more: bool,
}

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

    /// Lines that fit before a place of the history, newest first and without bodies: at most `limit`, of at most `stretch`
    /// that are looked through.
    pub async fn lines(&self, before: Option<i64>, filter: &LineFilter, stretch: usize, limit: usize) -> Result<Lines> {
        let sort = match (filter.entity.is_empty(), filter.access) {
            (false, _) => 2,
            (true, access) => usize::from(access),
        };
        let start = |args: &mut Args| {
            args.shared(&self.scope.practice)
                .int(before.unwrap_or(i64::MAX))
                .int(stretch as i64);
        };
        let mut args = Args::default();
        start(&mut args);
        args.text(&filter.event)
            .text(&filter.system)
            .text(&filter.entity)
            .text(&filter.words)
            .int(limit as i64);
        let mut conn = self.read().await?;
        let [lite, post] = FITS[sort];
        let sql = conn.either(lite, post);
        let [lite, post] = REACH[sort];
        let reach = conn.either(lite, post);
        let mut found = Lines::default();
        for row in fetch(&mut conn, sql, args).await? {
            found.rows.push((row.int(0)?, self.scope.audit_entry(&row)?));
        }
        if found.rows.len() == limit {
            found.looked = found.rows.last().map(|(place, line)| (*place, line.at));
            found.more = true;
        } else {
            let mut args = Args::default();
            start(&mut args);
            args.text(&filter.entity);
            if let Some(row) = fetch_one(&mut conn, reach, args).await? {
                found.more = row.int(1)? == stretch as i64;
                if let Some(place) = row.int_or_null(0)? {
                    let mut args = Args::default();
                    args.shared(&self.scope.practice).int(place);
                    let row = fetch_one(&mut conn, MOMENT, args).await?;
                    found.looked = row
                        .map(|row| Ok::<_, crate::StoreError>((place, row.int(0)?)))
                        .transpose()?;
                }
            }
        }
        // Of one entity everything is looked through, whichever sort is wanted.
        if sort == 2 && filter.access {
            found
                .rows
                .retain(|(_, line)| matches!(line.event.as_str(), "access" | "viewed"));
        }
        Ok(found)
    }

    /// The latest that was noted about an entity, oldest first and without bodies.
    pub async fn latest_of(&self, entity: &str, limit: usize) -> Result<Vec<AuditEntry>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity).int(limit as i64);
        let mut rows = fetch(&mut self.read().await?, LATEST_OF, args).await?;
        rows.reverse();
        rows.iter().map(|row| self.scope.audit_entry(row)).collect()
    }

    /// How much was noted about an entity.
    pub async fn lines_of(&self, entity: &str) -> Result<u64> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity);
        let row = fetch_one(&mut self.read().await?, COUNT_OF, args).await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?.unsigned_abs()))
    }

    /// Why records are an entity's, as noted when they were linked, oldest first.
    pub async fn evidence_of(&self, entity: &str) -> Result<Vec<AuditEntry>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity);
        let rows = fetch(&mut self.read().await?, EVIDENCE_OF, args).await?;
        rows.iter().map(|row| self.scope.audit_entry(row)).collect()
    }

    /// Units that were ever written to an entity's records, with the system.
    pub async fn taken_of(&self, entity: &str) -> Result<BTreeSet<(String, String)>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(entity);
        let mut all = BTreeSet::new();
        for row in fetch(&mut self.read().await?, TAKEN_OF, args).await? {
            let (system, units) = (row.text(0)?, row.text(1)?);
            let units = units.split(',').filter(|unit| !unit.is_empty());
            all.extend(units.map(|unit| (system.clone(), unit.to_string())));
        }
        Ok(all)
    }
}
