//! Where hints of webhooks land while the writer is at work. A product waits for its answer, and the engine's
//! transactions take as long as they take: in SQLite, which has one writer, hints land in a file of their own beside the
//! store's and are taken in from there. On a server they are written beside the writer, whose lock they do not need.
//!
//! The file is made with the first hint. Losing it loses hints, and that costs time only.

use crate::{
    codes,
    db::{Args, Columns, Insert, execute, fetch, fetch_one},
    error::Result,
    hints::{Hint, PUT, bind_hint},
    open::Store,
    pool::{Conn, Pool},
    sqlite,
};
use bridge_core::Time;
use std::path::PathBuf;
use tokio::sync::OnceCell;

const LAND: Insert = Insert {
    head: "INSERT INTO landed (practice, id, system, kind, remote_id, news, received)",
    columns: 7,
    tail: "ON CONFLICT (practice, id) DO NOTHING",
};
const LANDED: &str = "SELECT seq, id, system, kind, remote_id, news, received FROM landed \
     WHERE practice = $1 ORDER BY seq LIMIT $2";
const TAKEN_IN: &str = "DELETE FROM landed WHERE practice = $1 AND seq <= $2";
const COUNT: &str = "SELECT count(*) FROM landed WHERE practice = $1";
/// Hints taken in at once: so few that whoever lands meanwhile waits for milliseconds at most.
const BATCH: usize = 500;

/// A file beside the store's.
pub(crate) struct Mailbox {
    path: PathBuf,
    pool: OnceCell<Pool>,
}

impl Mailbox {
    /// The mailbox of a store in this file.
    pub fn beside(path: &std::path::Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".hints");
        Self {
            path: name.into(),
            pool: OnceCell::new(),
        }
    }

    /// The mailbox if there is one, for reading.
    async fn open(&self) -> Result<Option<&Pool>> {
        if self.pool.get().is_none() && !self.path.exists() {
            return Ok(None);
        }
        self.make().await.map(Some)
    }

    async fn make(&self) -> Result<&Pool> {
        let make = || async { sqlite::mailbox(&self.path).await };
        self.pool.get_or_try_init(make).await
    }

    pub async fn close(&self) {
        if let Some(pool) = self.pool.get() {
            pool.close().await;
        }
    }
}

impl Store {
    /// Keeps hints for [`Store::take_in_hints`] without waiting for a transaction that is open. Repetitions are left
    /// out as far as they can be known here; the number of those that seem new.
    ///
    /// # Errors
    /// The database's.
    pub async fn land_hints(&self, hints: &[Hint], now: Time) -> Result<u64> {
        let mut conn = match &self.mailbox {
            Some(mailbox) => {
                let mut conn = mailbox.make().await?.write().await?;
                let landed = LAND
                    .run(&mut conn, hints.iter().collect(), |args, hint: &Hint| {
                        args.shared(&self.scope.practice)
                            .text(&hint.id)
                            .text(&hint.reader())
                            .text(&hint.kind)
                            .text(&hint.remote_id)
                            .text(codes::news(hint.news))
                            .int(now);
                    })
                    .await?;
                conn.commit().await?;
                return Ok(landed);
            }
            None => self.reader.write().await?,
        };
        let bind = |args: &mut Args, hint: &Hint| bind_hint(args, &self.scope, hint, now);
        let new = PUT.run(&mut conn, hints.iter().collect(), bind).await?;
        conn.commit().await?;
        Ok(new)
    }

    /// Makes landed hints part of the store, where they wait to be followed. Killed in between, some are taken in
    /// again, and known.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn take_in_hints(&self) -> Result<()> {
        let Some(mailbox) = &self.mailbox else { return Ok(()) };
        let Some(pool) = mailbox.open().await? else {
            return Ok(());
        };
        loop {
            let mut args = Args::default();
            args.shared(&self.scope.practice).int(BATCH as i64);
            let rows = fetch(&mut pool.alone().await?, LANDED, args).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            let mut hints: Vec<(Hint, Time)> = Vec::with_capacity(rows.len());
            for row in &rows {
                let news: String = row.text(5)?;
                let hint = Hint::stored(row.text(1)?, row.text(2)?, row.text(3)?, row.text(4)?, &news);
                hints.push((hint, row.int(6)?));
            }
            let mut tx = self.begin().await?;
            let (conn, scope) = tx.parts();
            PUT.run(conn, hints, |args, (hint, received)| {
                bind_hint(args, scope, &hint, received);
            })
            .await?;
            tx.commit().await?;
            let mut args = Args::default();
            args.shared(&self.scope.practice).int(last.int(0)?);
            execute(&mut pool.alone().await?, TAKEN_IN, args).await?;
            if rows.len() < BATCH {
                return Ok(());
            }
        }
    }

    /// Hints that have landed and were not taken in yet.
    pub(crate) async fn landed(&self) -> Result<u64> {
        let Some(mailbox) = &self.mailbox else { return Ok(0) };
        let Some(pool) = mailbox.open().await? else {
            return Ok(0);
        };
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let row = fetch_one(&mut pool.alone().await?, COUNT, args).await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?.unsigned_abs()))
    }
}

/// Makes the table in a file that may be new.
pub(crate) async fn furnish(conn: &mut Conn) -> Result<()> {
    const TABLE: &str = "CREATE TABLE IF NOT EXISTS landed (seq INTEGER PRIMARY KEY AUTOINCREMENT, practice TEXT NOT NULL, \
         id TEXT NOT NULL, system TEXT NOT NULL, kind TEXT NOT NULL, remote_id TEXT NOT NULL, news TEXT NOT NULL, \
         received BIGINT NOT NULL, UNIQUE (practice, id))";
    execute(conn, TABLE, Args::default()).await.map(drop)
}
