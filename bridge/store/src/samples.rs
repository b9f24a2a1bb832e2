//! How the practice was doing over time: numbers by the minute and by the hour, for charts and forecasts. No values.

use crate::{
    db::{Args, Columns, execute, fetch, fetch_one},
    error::Result,
    open::Store,
    tx::Tx,
};
use bridge_core::Time;
use std::collections::BTreeMap;

const MINUTE: Time = 60_000_000;
const HOUR: Time = 60 * MINUTE;
const DAY: Time = 24 * HOUR;
/// The greatest of a span is kept, so that no peak is lost.
const PUT: &str = "INSERT INTO sample (practice, span, name, at, value) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (practice, span, name, at) DO UPDATE SET value = \
     CASE WHEN excluded.value > sample.value THEN excluded.value ELSE sample.value END";
const ADD: &str = "INSERT INTO sample (practice, span, name, at, value) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (practice, span, name, at) DO UPDATE SET value = sample.value + excluded.value";
const DROP: &str = "DELETE FROM sample WHERE practice = $1 AND span = $2 AND at < $3";
const SINCE: &str =
    "SELECT name, at, value FROM sample WHERE practice = $1 AND span = $2 AND at >= $3 ORDER BY name, at";
const LAST: &str = "SELECT seq FROM audit WHERE practice = $1 ORDER BY seq DESC LIMIT 1";
const APPLIED: &str = "SELECT system, count(*) FROM audit \
     WHERE practice = $1 AND seq > $2 AND seq <= $3 AND event = 'applied' GROUP BY system";
const PLANNED: &str =
    "SELECT system, op, count(*) FROM write WHERE practice = $1 AND state = 'planned' GROUP BY system, op";

/// How finely samples are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// By the minute, for two days.
    Minute,
    /// By the hour, for 400 days.
    Hour,
}

impl Span {
    /// Its length, microseconds.
    pub fn length(self) -> Time {
        match self {
            Span::Minute => MINUTE,
            Span::Hour => HOUR,
        }
    }

    fn kept(self) -> Time {
        match self {
            Span::Minute => 2 * DAY,
            Span::Hour => 400 * DAY,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Span::Minute => "minute",
            Span::Hour => "hour",
        }
    }
}

/// One number of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What was measured, e.g. `lag` or `applied/crm`.
    pub name: String,
    /// How much.
    pub value: i64,
    /// Numbers of one span are added up; else the greatest is kept.
    pub adds: bool,
}

impl Tx {
    /// Keeps what was measured, in its minute and its hour, and forgets what is too old.
    pub async fn put_samples(&mut self, samples: &[Sample], now: Time) -> Result<()> {
        let (conn, scope) = self.parts();
        for span in [Span::Minute, Span::Hour] {
            let at = now - now.rem_euclid(span.length());
            for sample in samples {
                let mut args = Args::default();
                args.shared(&scope.practice)
                    .text(span.name())
                    .text(&sample.name)
                    .int(at)
                    .int(sample.value);
                execute(conn, if sample.adds { ADD } else { PUT }, args).await?;
            }
            let mut args = Args::default();
            args.shared(&scope.practice).text(span.name()).int(at - span.kept());
            execute(conn, DROP, args).await?;
        }
        Ok(())
    }
}

impl Store {
    /// What was measured since a moment, by name, oldest first.
    pub async fn samples(&self, span: Span, since: Time) -> Result<BTreeMap<String, Vec<(Time, i64)>>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(span.name()).int(since);
        let mut all: BTreeMap<String, Vec<(Time, i64)>> = BTreeMap::new();
        for row in fetch(&mut self.read().await?, SINCE, args).await? {
            all.entry(row.text(0)?).or_default().push((row.int(1)?, row.int(2)?));
        }
        Ok(all)
    }

    /// The place of the last line of the history; 0 if there is none.
    pub async fn last_audit(&self) -> Result<i64> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let row = fetch_one(&mut self.read().await?, LAST, args).await?;
        row.map_or(Ok(0), |row| row.int(0))
    }

    /// Writes that systems took after one place of the history and up to another, by system.
    pub async fn applied_between(&self, after: i64, until: i64) -> Result<BTreeMap<String, u64>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).int(after).int(until);
        let rows = fetch(&mut self.read().await?, APPLIED, args).await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.int(1)?.unsigned_abs())))
            .collect()
    }

    /// Writes that are planned, by system and whether they create a record.
    pub async fn planned(&self) -> Result<BTreeMap<(String, bool), u64>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let rows = fetch(&mut self.read().await?, PLANNED, args).await?;
        rows.iter()
            .map(|row| Ok(((row.text(0)?, row.text(1)? == "create"), row.int(2)?.unsigned_abs())))
            .collect()
    }
}
