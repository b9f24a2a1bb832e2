//! The trace context of changes that are on their way, so that one change is one trace whichever
//! process takes its next step. Kept for changes that are traced only; nothing depends on it.

use crate::{
    db::{Among, Args, Columns, Insert, execute},
    error::Result,
    open::Store,
    records::RecordKey,
    tx::Tx,
};
use bridge_core::Time;
use std::collections::BTreeMap;

const KEEP: Insert = Insert {
    head: "INSERT INTO trace (practice, subject, context, since)",
    columns: 4,
    tail: "ON CONFLICT (practice, subject) DO UPDATE SET context = excluded.context, since = excluded.since",
};
const DROP: Among = Among {
    head: "DELETE FROM trace WHERE practice = ? AND subject",
    tail: "",
};
const DROP_OLD: &str = "DELETE FROM trace WHERE practice = $1 AND since < $2";
const FIND: Among = Among {
    head: "SELECT subject, context FROM trace WHERE practice = ? AND since >= ? AND subject",
    tail: "",
};

/// What a trace is kept under for a record that belongs to no entity yet. An entity's own id is its subject.
pub fn trace_subject(record: &RecordKey) -> String {
    format!("{}/{}/{}", record.system, record.kind, record.remote_id)
}

impl Tx {
    /// Keeps the trace context of changes, by subject: an entity's id, or [`trace_subject`]. The latest
    /// change of a subject is the one that is followed.
    pub async fn keep_traces(&mut self, traces: &[(String, String)], now: Time) -> Result<()> {
        let (conn, scope) = self.parts();
        let bind = |args: &mut Args, (subject, context): &(String, String)| {
            args.shared(&scope.practice).text(subject).text(context).int(now);
        };
        KEEP.run(conn, traces.iter().collect(), bind).await?;
        Ok(())
    }

    /// Follows these subjects no longer.
    pub async fn drop_traces(&mut self, subjects: &[String]) -> Result<()> {
        let (conn, scope) = self.parts();
        let practice = |args: &mut Args| {
            args.shared(&scope.practice);
        };
        DROP.run(conn, subjects, practice, |args, subject| {
            args.text(subject);
        })
        .await?;
        Ok(())
    }

    /// Follows nothing any longer whose change is older than a moment.
    pub async fn drop_traces_before(&mut self, moment: Time) -> Result<()> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).int(moment);
        execute(conn, DROP_OLD, args).await?;
        Ok(())
    }
}

impl Store {
    /// The trace context of these subjects whose change is not older than `since`.
    pub async fn traces(&self, subjects: &[String], since: Time) -> Result<BTreeMap<String, String>> {
        let mut conn = self.read().await?;
        let head = |args: &mut Args| {
            args.shared(&self.scope.practice).int(since);
        };
        let rows = FIND.fetch(&mut conn, subjects, head, |args, subject| {
            args.text(subject);
        });
        rows.await?.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }
}
