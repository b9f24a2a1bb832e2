//! Connections of both databases behind one type.

use crate::error::{Result, StoreError};
use sqlx::{
    Database, Postgres, Sqlite, SqlitePool, Transaction,
    pool::PoolConnection,
    postgres::{PgPool, PgRow},
    sqlite::SqliteRow,
};
use std::ops::{Deref, DerefMut};

/// A pool of connections.
#[derive(Clone)]
pub(crate) enum Pool {
    Lite(SqlitePool),
    Post(PgPool),
}

/// A connection out of a pool, alone or in a transaction, to which it goes back when dropped.
pub(crate) enum Conn {
    Lite(Held<Sqlite>),
    Post(Held<Postgres>),
}

/// A row of either database.
pub(crate) enum Row {
    Lite(SqliteRow),
    Post(PgRow),
}

/// How a connection is held.
pub(crate) enum Held<DB: Database> {
    Alone(PoolConnection<DB>),
    /// Rolled back when dropped.
    In(Transaction<'static, DB>),
}

impl Pool {
    /// A connection for single statements.
    pub async fn alone(&self) -> Result<Conn> {
        Ok(match self {
            Pool::Lite(pool) => Conn::Lite(Held::Alone(pool.acquire().await?)),
            Pool::Post(pool) => Conn::Post(Held::Alone(pool.acquire().await.map_err(unreachable)?)),
        })
    }

    /// A transaction that sees one moment.
    pub async fn snapshot(&self) -> Result<Conn> {
        Ok(match self {
            Pool::Lite(pool) => Conn::Lite(Held::In(pool.begin().await?)),
            Pool::Post(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
                Conn::Post(Held::In(pool.begin_with(begin).await.map_err(unreachable)?))
            }
        })
    }

    /// A transaction that writes. In SQLite it holds the write lock.
    pub async fn write(&self) -> Result<Conn> {
        Ok(match self {
            Pool::Lite(pool) => Conn::Lite(Held::In(pool.begin_with("BEGIN IMMEDIATE").await?)),
            Pool::Post(pool) => Conn::Post(Held::In(pool.begin().await.map_err(unreachable)?)),
        })
    }

    pub async fn close(&self) {
        match self {
            Pool::Lite(pool) => pool.close().await,
            Pool::Post(pool) => pool.close().await,
        }
    }
}

/// A pool tries a server that refuses again until its time is over.
fn unreachable(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::Unreachable {
            detail: "it gave no connection within ten seconds".into(),
        },
        other => other.into(),
    }
}

impl Conn {
    /// The text for this database, where the two need different ones.
    pub fn either(&self, lite: &'static str, post: &'static str) -> &'static str {
        match self {
            Conn::Lite(_) => lite,
            Conn::Post(_) => post,
        }
    }

    /// Ends the transaction and keeps what was done in it.
    pub async fn commit(self) -> Result<()> {
        match self {
            Conn::Lite(Held::In(tx)) => tx.commit().await?,
            Conn::Post(Held::In(tx)) => tx.commit().await?,
            Conn::Lite(Held::Alone(_)) | Conn::Post(Held::Alone(_)) => {}
        }
        Ok(())
    }

    /// Ends the transaction and keeps nothing of it.
    pub async fn rollback(self) -> Result<()> {
        match self {
            Conn::Lite(Held::In(tx)) => tx.rollback().await?,
            Conn::Post(Held::In(tx)) => tx.rollback().await?,
            Conn::Lite(Held::Alone(_)) | Conn::Post(Held::Alone(_)) => {}
        }
        Ok(())
    }
}

impl<DB: Database> Deref for Held<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        match self {
            Held::Alone(conn) => conn,
            Held::In(tx) => tx,
        }
    }
}

impl<DB: Database> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Held::Alone(conn) => conn,
            Held::In(tx) => tx,
        }
    }
}
