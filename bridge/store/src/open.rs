//! Opening a store, and the transactions that everything else happens in.

use crate::{
    body::Scope,
    db::{Args, Columns, execute, fetch_one},
    error::{Result, StoreError},
    key::{Key, Keys},
    mailbox::Mailbox,
    pool::{Conn, Pool},
    postgres,
    progress::Lease,
    records::{Found, LinkRow, LookupKey},
    sqlite,
    tx::Tx,
};
use bridge_core::{Entity, Time};
use std::sync::Arc;

/// The row of `meta` that says which key is in force. In PostgreSQL a write transaction locks it first:
/// audit lines are numbered, links are loaded and saved, and leases are checked on the promise that a
/// practice has one writer, as SQLite keeps it by itself. A lock on a row is given back with its
/// transaction however that ends, leaves other practices alone, and costs nothing beside the reading.
const KEY_CHECK: &str = "SELECT value FROM meta WHERE practice = $1 AND name = 'key_check'";
const KEY_CHECK_LOCKED: &str = "SELECT value FROM meta WHERE practice = $1 AND name = 'key_check' FOR UPDATE";
const FIRST_KEY: &str =
    "INSERT INTO meta (practice, name, value) VALUES ($1, 'key_check', $2) ON CONFLICT (practice, name) DO NOTHING";

/// Everything the bridge keeps of one practice. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) scope: Scope,
    /// One connection: the writers of a process queue for it.
    pub(crate) writer: Pool,
    /// The writer itself for a store in memory: such a database is its one connection.
    pub(crate) reader: Pool,
    /// Where hints land while the writer is busy; none where they need not wait for it.
    pub(crate) mailbox: Option<Arc<Mailbox>>,
    /// The lease under which this store writes, if any.
    pub(crate) lease: Option<Arc<Lease>>,
}

impl Store {
    /// Opens the store of a practice, and makes it where there is none.
    ///
    /// `url` is `sqlite:PATH`, `sqlite::memory:` or `postgres://USER@HOST/DATABASE`. A new file can be
    /// read by its owner only. A store in memory has one connection: a read waits for the end of an open
    /// [`Tx`], so whoever holds one reads through it. PostgreSQL takes TLS settings by the address
    /// (`?sslmode=verify-full&sslrootcert=..`) and the password by address, `PGPASSWORD` or password file;
    /// tables go into the first schema of the search path (`?options[search_path]=..`).
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] if the practice's rows were sealed with another key,
    /// [`StoreError::Corrupt`] if the database is damaged, [`StoreError::Newer`] if a newer version
    /// wrote it, [`StoreError::Unreachable`] if there is no server, [`StoreError::Address`] if the address is
    /// not understood or the server refuses it.
    pub async fn open(url: &str, key: &Key, practice: &str, now: Time) -> Result<Store> {
        let scope = Scope {
            practice: practice.into(),
            keys: Arc::new(Keys::new(key, practice)),
        };
        let (writer, reader, mailbox) = if url.starts_with("sqlite:") {
            sqlite::connect(url).await?
        } else if postgres::is_address(url) {
            let (writer, reader) = postgres::connect(url).await?;
            (writer, reader, None)
        } else {
            return Err(StoreError::address(
                url,
                "write sqlite:PATH or postgres://USER@HOST/DATABASE",
            ));
        };
        let store = Store {
            scope,
            writer,
            reader,
            mailbox: mailbox.map(Arc::new),
            lease: None,
        };
        match &store.writer {
            Pool::Lite(pool) => sqlite::migrate(pool).await?,
            Pool::Post(pool) => postgres::migrate(pool).await?,
        }
        store.check_key(now).await?;
        Ok(store)
    }

    /// Starts the write transaction, after the one that is open, in this process or another.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] if the key was rotated since the store was opened, [`StoreError::Busy`] if
    /// another process writes for longer than ten seconds, and [`StoreError::Fenced`] if this store writes
    /// under a lease ([`Store::under`]) that somebody else has taken.
    pub async fn begin(&self) -> Result<Tx> {
        let mut tx = Tx {
            inner: self.writer.write().await?,
            scope: self.scope.clone(),
        };
        self.lock_and_check_key(&mut tx.inner).await?;
        match &self.lease {
            Some(lease) if !tx.holds(lease).await? => Err(StoreError::Fenced {
                name: lease.name.clone(),
            }),
            _ => Ok(tx),
        }
    }

    /// As [`Store::begin`], for the holder of a lease: a transaction begins only while the lease is its
    /// own, and nobody can take the lease before the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if somebody else has taken the lease; else as [`Store::begin`].
    pub async fn begin_as(&self, lease: &Lease) -> Result<Tx> {
        self.under(lease).begin().await
    }

    /// This store for the holder of a lease: every transaction of it is one of [`Store::begin_as`].
    pub fn under(&self, lease: &Lease) -> Store {
        Store {
            lease: Some(Arc::new(lease.clone())),
            ..self.clone()
        }
    }

    /// The entities of these ids with all that belongs to them, in the order asked for; unknown
    /// ids are left out.
    pub async fn entities(&self, ids: &[String]) -> Result<Vec<Entity>> {
        // One snapshot, so that no link is of another moment than its entity.
        let mut tx = self.reader.snapshot().await?;
        let entities = self.scope.entities(&mut tx, ids).await?;
        tx.rollback().await?;
        Ok(entities)
    }

    /// The links of these records of one kind; records never seen are left out.
    pub async fn links(&self, system: &str, kind: &str, remote_ids: &[String]) -> Result<Vec<LinkRow>> {
        self.scope
            .links(&mut self.read().await?, system, kind, remote_ids)
            .await
    }

    /// The entity of a record, where identity is decided.
    pub async fn entity_of(&self, system: &str, kind: &str, remote_id: &str) -> Result<Option<String>> {
        self.scope
            .entity_of(&mut self.read().await?, system, kind, remote_id)
            .await
    }

    /// Every record that any of the keys leads to, sorted by key and record.
    pub async fn find_keys(&self, keys: &[LookupKey]) -> Result<Vec<Found>> {
        self.scope.find_keys(&mut self.read().await?, keys).await
    }

    /// The practice whose rows these are.
    pub fn practice(&self) -> &str {
        &self.scope.practice
    }

    /// Id of the key the rows are sealed with.
    pub fn key_id(&self) -> &str {
        &self.scope.keys.id
    }

    /// Reads everything there is and proves its structure; takes seconds for a large store.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if something cannot be read. PostgreSQL notices every changed page if it was set
    /// up with checksums (`initdb --data-checksums`).
    pub async fn verify(&self) -> Result<()> {
        match self.read().await? {
            conn @ Conn::Lite(_) => sqlite::verify(conn).await,
            conn @ Conn::Post(_) => {
                drop(conn);
                self.sums().await.map(drop)
            }
        }
    }

    /// Closes the connections; a file is complete without its side files then.
    pub async fn close(self) {
        if let Some(mailbox) = &self.mailbox {
            mailbox.close().await;
        }
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Leaves nothing in the tables that was deleted or replaced.
    pub(crate) async fn rewrite(&self) -> Result<()> {
        match self.writer.alone().await? {
            conn @ Conn::Lite(_) => sqlite::rewrite(conn).await,
            conn @ Conn::Post(_) => postgres::vacuum(conn).await,
        }
    }

    pub(crate) async fn read(&self) -> Result<Conn> {
        self.reader.alone().await
    }

    /// Compares the key with the one the rows were sealed with; the first opening notes it.
    async fn check_key(&self, now: Time) -> Result<()> {
        let mut conn = self.writer.write().await?;
        let mut args = Args::default();
        args.shared(&self.scope.practice).text(&self.scope.keys.check);
        // Of two that open a new practice at once, the second waits here and then compares.
        if execute(&mut conn, FIRST_KEY, args).await? == 0 {
            return self.lock_and_check_key(&mut conn).await;
        }
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let rows = fetch_one(&mut conn, "SELECT 1 FROM link WHERE practice = $1 LIMIT 1", args).await?;
        if rows.is_some() {
            return Err(StoreError::Corrupt {
                detail: "the check value of the key is missing".into(),
            });
        }
        self.scope.put_meta(&mut conn, "key_id", &self.scope.keys.id).await?;
        self.scope.put_meta(&mut conn, "created", &now.to_string()).await?;
        conn.commit().await
    }

    async fn lock_and_check_key(&self, conn: &mut Conn) -> Result<()> {
        let mut args = Args::default();
        args.shared(&self.scope.practice);
        let sql = conn.either(KEY_CHECK, KEY_CHECK_LOCKED);
        match fetch_one(conn, sql, args).await? {
            Some(row) if row.text(0)? == self.scope.keys.check => Ok(()),
            _ => Err(self.wrong_key(conn).await?),
        }
    }

    async fn wrong_key(&self, conn: &mut Conn) -> Result<StoreError> {
        let stored = self.scope.meta(conn, "key_id").await?.unwrap_or_default();
        Ok(StoreError::WrongKey {
            stored,
            given: self.scope.keys.id.clone(),
        })
    }
}
