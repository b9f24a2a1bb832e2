//! How far everything is: cursors, runs, budgets, leases, notes, and secrets that change meanwhile.

use crate::{
    body::Scope,
    db::{Args, Columns, execute, fetch, fetch_one},
    error::{Result, StoreError},
    open::Store,
    pool::{Conn, Row},
    records::{Cursor, Run},
    tx::Tx,
};
use bridge_core::Time;

const SET_CURSOR: &str = "INSERT INTO cursor (practice, system, kind, digest, position, updated) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (practice, system, kind, digest) DO UPDATE SET position = excluded.position, updated = excluded.updated";
const CURSOR: &str =
    "SELECT position, updated FROM cursor WHERE practice = $1 AND system = $2 AND kind = $3 AND digest = $4";
const PUT_META: &str = "INSERT INTO meta (practice, name, value) VALUES ($1, $2, $3) \
     ON CONFLICT (practice, name) DO UPDATE SET value = excluded.value";
const PUT_SECRET: &str = "INSERT INTO secret (practice, name, body) VALUES ($1, $2, $3) \
     ON CONFLICT (practice, name) DO UPDATE SET body = excluded.body";
const START_RUN: &str =
    "INSERT INTO run (practice, id, kind, started, ended, counts) VALUES ($1, $2, $3, $4, NULL, '{}')";
const END_RUN: &str = "UPDATE run SET ended = $1, counts = $2 WHERE practice = $3 AND id = $4";
const RUNS: &str =
    "SELECT id, kind, started, ended, counts FROM run WHERE practice = $1 ORDER BY started DESC, id DESC LIMIT $2";
const ADD_CALLS: &str = "INSERT INTO budget (practice, system, day, calls) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (practice, system, day) DO UPDATE SET calls = budget.calls + excluded.calls";
const CALLS: &str = "SELECT calls FROM budget WHERE practice = $1 AND system = $2 AND day = $3";
const DROP_CALLS: &str = "DELETE FROM budget WHERE practice = $1 AND day < $2";
const LEASE: &str = "SELECT holder, epoch, until FROM lease WHERE practice = $1 AND name = $2";
const SET_LEASE: &str = "INSERT INTO lease (practice, name, holder, epoch, until) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (practice, name) DO UPDATE SET holder = excluded.holder, epoch = excluded.epoch, until = excluded.until";

/// The right to be the one driver of something, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is a right to, e.g. `drive/halaxy`.
    pub name: String,
    /// Who has it.
    pub holder: String,
    /// Grows with every change of holder; a transaction of an older one is refused.
    pub epoch: i64,
    /// Until when, unless it is taken again before.
    pub until: Time,
}

impl Tx {
    /// Notes how far a feed was read. `digest` is of the mapping and filter it was read with.
    pub async fn set_cursor(
        &mut self,
        system: &str,
        kind: &str,
        digest: &str,
        position: &str,
        now: Time,
    ) -> Result<()> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice)
            .text(system)
            .text(kind)
            .text(digest)
            .text(position)
            .int(now);
        execute(conn, SET_CURSOR, args).await?;
        Ok(())
    }

    /// Keeps a note under a name of the caller's choice. Not sealed: no personal values.
    pub async fn put_meta(&mut self, name: &str, value: &str) -> Result<()> {
        let (conn, scope) = self.parts();
        scope.put_meta(conn, name, value).await
    }

    /// Keeps a secret under a name of the caller's choice, sealed: e.g. a refresh token that rotates.
    pub async fn put_secret(&mut self, name: &str, secret: &str) -> Result<()> {
        let (conn, scope) = self.parts();
        let body = scope.seal("secret", &[name], &secret.to_string());
        let mut args = Args::default();
        args.shared(&scope.practice).text(name).blob(body);
        execute(conn, PUT_SECRET, args).await?;
        Ok(())
    }

    /// Notes the start of a run.
    pub async fn start_run(&mut self, id: &str, kind: &str, now: Time) -> Result<()> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).text(id).text(kind).int(now);
        execute(conn, START_RUN, args).await?;
        Ok(())
    }

    /// Notes the end of a run and what it came to.
    pub async fn end_run(&mut self, id: &str, now: Time, counts: &serde_json::Value) -> Result<()> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.int(now).text(&counts.to_string()).shared(&scope.practice).text(id);
        execute(conn, END_RUN, args).await?;
        Ok(())
    }

    /// Adds calls to a system's count of a day (`2026-11-22` on the vendor's calendar).
    pub async fn add_calls(&mut self, system: &str, day: &str, calls: u64) -> Result<()> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice)
            .text(system)
            .text(day)
            .int(calls.try_into().unwrap_or(i64::MAX));
        execute(conn, ADD_CALLS, args).await?;
        Ok(())
    }

    /// Forgets the calls of days before this one.
    pub async fn drop_calls_before(&mut self, day: &str) -> Result<()> {
        let (conn, scope) = self.parts();
        let mut args = Args::default();
        args.shared(&scope.practice).text(day);
        execute(conn, DROP_CALLS, args).await?;
        Ok(())
    }

    /// Takes or prolongs a lease; none if another holder has it.
    pub async fn take_lease(&mut self, name: &str, holder: &str, now: Time, until: Time) -> Result<Option<Lease>> {
        let (conn, scope) = self.parts();
        let epoch = match scope.lease(conn, name).await? {
            None => 1,
            Some(lease) if lease.holder == holder => lease.epoch,
            Some(lease) if lease.until <= now => lease.epoch + 1,
            Some(_) => return Ok(None),
        };
        let lease = Lease {
            name: name.into(),
            holder: holder.into(),
            epoch,
            until,
        };
        scope.put_lease(conn, &lease).await?;
        Ok(Some(lease))
    }

    /// Whether the lease is still the caller's: asked in the transaction that must not be another's.
    pub async fn holds(&mut self, lease: &Lease) -> Result<bool> {
        let (conn, scope) = self.parts();
        let now = scope.lease(conn, &lease.name).await?;
        Ok(now.is_some_and(|now| now.holder == lease.holder && now.epoch == lease.epoch))
    }

    /// Gives a lease back, if it is still the caller's.
    pub async fn release(&mut self, lease: &Lease) -> Result<()> {
        if self.holds(lease).await? {
            let (conn, scope) = self.parts();
            // The row stays, so that the epoch keeps growing.
            let free = Lease {
                holder: String::new(),
                until: Time::MIN,
                ..lease.clone()
            };
            scope.put_lease(conn, &free).await?;
        }
        Ok(())
    }
}

impl Store {
    /// How far a feed was read with that digest.
    pub async fn cursor(&self, system: &str, kind: &str, digest: &str) -> Result<Option<Cursor>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(system).text(kind).text(digest);
        let row = fetch_one(&mut self.read().await?, CURSOR, args).await?;
        row.map(|row| {
            Ok(Cursor {
                position: row.text(0)?,
                updated: row.int(1)?,
            })
        })
        .transpose()
    }

    /// A note.
    pub async fn meta(&self, name: &str) -> Result<Option<String>> {
        self.scope.meta(&mut self.read().await?, name).await
    }

    /// A secret kept by [`Tx::put_secret`].
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it does not open.
    pub async fn secret(&self, name: &str) -> Result<Option<String>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(name);
        let sql = "SELECT body FROM secret WHERE practice = $1 AND name = $2";
        let row = fetch_one(&mut self.read().await?, sql, args).await?;
        row.map(|row| self.scope.open("secret", &[name], row.blob(0)?))
            .transpose()
    }

    /// The last runs, newest first.
    pub async fn runs(&self, limit: usize) -> Result<Vec<Run>> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).int(limit as i64);
        fetch(&mut self.read().await?, RUNS, args)
            .await?
            .iter()
            .map(run)
            .collect()
    }

    /// Calls made to a system on a day.
    pub async fn calls(&self, system: &str, day: &str) -> Result<u64> {
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(system).text(day);
        let row = fetch_one(&mut self.read().await?, CALLS, args).await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?.unsigned_abs()))
    }

    /// Who holds a lease, or held it last.
    pub async fn lease(&self, name: &str) -> Result<Option<Lease>> {
        self.scope.lease(&mut self.read().await?, name).await
    }
}

impl Scope {
    pub async fn meta(&self, conn: &mut Conn, name: &str) -> Result<Option<String>> {
        let mut args = Args::default();
        args.shared(&self.practice).text(name);
        let row = fetch_one(conn, "SELECT value FROM meta WHERE practice = $1 AND name = $2", args).await?;
        row.map(|row| row.text(0)).transpose()
    }

    pub async fn put_meta(&self, conn: &mut Conn, name: &str, value: &str) -> Result<()> {
        let mut args = Args::default();
        args.shared(&self.practice).text(name).text(value);
        execute(conn, PUT_META, args).await?;
        Ok(())
    }

    async fn lease(&self, conn: &mut Conn, name: &str) -> Result<Option<Lease>> {
        let mut args = Args::default();
        args.shared(&self.practice).text(name);
        let row = fetch_one(conn, LEASE, args).await?;
        row.map(|row| {
            Ok(Lease {
                name: name.into(),
                holder: row.text(0)?,
                epoch: row.int(1)?,
                until: row.int(2)?,
            })
        })
        .transpose()
    }

    async fn put_lease(&self, conn: &mut Conn, lease: &Lease) -> Result<()> {
        let mut args = Args::default();
        args.shared(&self.practice)
            .text(&lease.name)
            .text(&lease.holder)
            .int(lease.epoch)
            .int(lease.until);
        execute(conn, SET_LEASE, args).await?;
        Ok(())
    }
}

fn run(row: &Row) -> Result<Run> {
    let id = row.text(0)?;
    let counts = serde_json::from_str(&row.text(4)?).map_err(|_| StoreError::Damaged {
        table: "run",
        row: id.clone(),
        detail: "its content is not understood",
    })?;
    Ok(Run {
        kind: row.text(1)?,
        started: row.int(2)?,
        ended: row.int_or_null(3)?,
        counts,
        id,
    })
}
