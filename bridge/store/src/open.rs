//! Opening a store: the file, its connections, its migrations, and the check of the key.

use crate::{
    body::Scope,
    db::{Args, Columns, Conn, execute, fetch, fetch_one},
    error::{Result, StoreError},
    key::{Key, Keys},
    records::{Found, LinkRow, LookupKey},
    tx::Tx,
};
use bridge_core::{Entity, Time};
use sqlx::{
    ConnectOptions, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
    pool::PoolConnection,
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    },
};
use std::{path::Path, str::FromStr, sync::Arc, time::Duration};

const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "store", include_str!("../../../migrations/sqlite/0001_store.sql")),
    (
        2,
        "secret and applied",
        include_str!("../../../migrations/sqlite/0002_secret_and_applied.sql"),
    ),
    (
        3,
        "decided",
        include_str!("../../../migrations/sqlite/0003_decided.sql"),
    ),
];
const READERS: u32 = 3;

/// Everything the bridge keeps of one practice. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) scope: Scope,
    pub(crate) writer: SqlitePool,
    /// The writer itself for a store in memory: such a database is its one connection.
    pub(crate) reader: SqlitePool,
}

impl Store {
    /// Opens the store of a practice, and makes it where there is none.
    ///
    /// `url` is `sqlite:PATH` or `sqlite::memory:`. A new file can be read by its owner only. A
    /// store in memory has one connection: a read waits for the end of an open [`Tx`], so whoever
    /// holds one reads through it.
    ///
    /// Fails with [`StoreError::WrongKey`] if the practice's rows were sealed with another key,
    /// [`StoreError::Corrupt`] if the file is damaged, [`StoreError::Newer`] if a newer version
    /// wrote it.
    pub async fn open(url: &str, key: &Key, practice: &str, now: Time) -> Result<Store> {
        let scope = Scope {
            practice: practice.into(),
            keys: Arc::new(Keys::new(key, practice)),
        };
        let (writer, reader) = connect(url).await?;
        let store = Store { scope, writer, reader };
        store.migrate().await?;
        store.check_key(now).await?;
        Ok(store)
    }

    /// Starts the write transaction, after the one that is open, in this process or another.
    ///
    /// Fails with [`StoreError::WrongKey`] if the key was rotated since the store was opened, and
    /// with [`StoreError::Busy`] if another process writes for longer than ten seconds.
    pub async fn begin(&self) -> Result<Tx> {
        let mut inner = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        self.same_key(&mut inner).await?;
        Ok(Tx {
            inner,
            scope: self.scope.clone(),
        })
    }

    /// The entities of these ids with all that belongs to them, in the order asked for; unknown
    /// ids are left out.
    pub async fn entities(&self, ids: &[String]) -> Result<Vec<Entity>> {
        // One snapshot, so that no link is of another moment than its entity.
        let mut tx = self.reader.begin().await?;
        let entities = self.scope.entities(&mut tx, ids).await?;
        tx.rollback().await?;
        Ok(entities)
    }

    /// The links of these records of one kind; records never seen are left out.
    pub async fn links(&self, system: &str, kind: &str, remote_ids: &[String]) -> Result<Vec<LinkRow>> {
        self.scope
            .links(&mut *self.read().await?, system, kind, remote_ids)
            .await
    }

    /// The entity of a record, where identity is decided.
    pub async fn entity_of(&self, system: &str, kind: &str, remote_id: &str) -> Result<Option<String>> {
        self.scope
            .entity_of(&mut *self.read().await?, system, kind, remote_id)
            .await
    }

    /// Every record that any of the keys leads to, sorted by key and record.
    pub async fn find_keys(&self, keys: &[LookupKey]) -> Result<Vec<Found>> {
        self.scope.find_keys(&mut *self.read().await?, keys).await
    }

    /// The practice whose rows these are.
    pub fn practice(&self) -> &str {
        &self.scope.practice
    }

    /// Id of the key the rows are sealed with.
    pub fn key_id(&self) -> &str {
        &self.scope.keys.id
    }

    /// Reads the whole file and proves its structure; takes seconds for a large store.
    pub async fn verify(&self) -> Result<()> {
        let row = fetch_one(&mut *self.read().await?, "PRAGMA integrity_check(1)", Args::default()).await?;
        let said = row.map_or(Ok("nothing".to_string()), |row| row.text(0))?;
        if said == "ok" {
            Ok(())
        } else {
            Err(StoreError::Corrupt { detail: said })
        }
    }

    /// Closes the connections, so that the file is complete without its side files.
    pub async fn close(self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Leaves nothing in the file that was deleted or replaced.
    pub(crate) async fn rewrite_file(&self) -> Result<()> {
        let mut conn = self.writer.acquire().await?;
        execute(&mut conn, "VACUUM", Args::default()).await?;
        // The log still holds pages as they were before.
        fetch(&mut conn, "PRAGMA wal_checkpoint(TRUNCATE)", Args::default()).await?;
        Ok(())
    }

    pub(crate) async fn read(&self) -> Result<PoolConnection<sqlx::Sqlite>> {
        Ok(self.reader.acquire().await?)
    }

    async fn migrate(&self) -> Result<()> {
        let migrations = MIGRATIONS.map(|(version, name, sql)| {
            Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
        });
        Migrator::with_migrations(migrations.into()).run(&self.writer).await?;
        Ok(())
    }

    /// Compares the key with the one the rows were sealed with; the first opening notes it.
    async fn check_key(&self, now: Time) -> Result<()> {
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        match self.scope.meta(&mut tx, "key_check").await? {
            Some(check) if check == self.scope.keys.check => {}
            Some(_) => return Err(self.wrong_key(&mut tx).await?),
            None => {
                let mut args = Args::default();
                args.shared(&self.scope.practice);
                if fetch_one(&mut tx, "SELECT 1 FROM link WHERE practice = $1 LIMIT 1", args)
                    .await?
                    .is_some()
                {
                    return Err(StoreError::Corrupt {
                        detail: "the check value of the key is missing".into(),
                    });
                }
                self.scope
                    .put_meta(&mut tx, "key_check", &self.scope.keys.check)
                    .await?;
                self.scope.put_meta(&mut tx, "key_id", &self.scope.keys.id).await?;
                self.scope.put_meta(&mut tx, "created", &now.to_string()).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    async fn same_key(&self, conn: &mut Conn) -> Result<()> {
        match self.scope.meta(conn, "key_check").await? {
            Some(check) if check == self.scope.keys.check => Ok(()),
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

async fn connect(url: &str) -> Result<(SqlitePool, SqlitePool)> {
    let address = |detail: String| StoreError::Address {
        url: without_password(url),
        detail,
    };
    if !url.starts_with("sqlite:") {
        return Err(address("this version stores in SQLite: sqlite:PATH".into()));
    }
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| address(error.to_string()))?
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(256)
        .row_buffer_size(512)
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    let one = || {
        SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    };
    if url.contains(":memory:") || url.contains("mode=memory") {
        let options = options.in_memory(true).shared_cache(false).pragma("synchronous", "off");
        let pool = one().connect_with(options).await?;
        return Ok((pool.clone(), pool));
    }
    let path = options.get_filename().to_path_buf();
    own_file(&path).map_err(|source| StoreError::File {
        path: path.display().to_string(),
        source,
    })?;
    let options = options
        .create_if_missing(false)
        .page_size(8192)
        .auto_vacuum(SqliteAutoVacuum::None)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let writer = one()
        .connect_with(options.clone().pragma("cache_size", "-24576"))
        .await?;
    let reader = SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .connect_lazy_with(options.read_only(true).pragma("cache_size", "-6144"));
    Ok((writer, reader))
}

/// Makes the file if it is missing, and closes it to everybody but its owner. SQLite gives its side
/// files the mode of the main one.
fn own_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    options.open(path)?;
    Ok(())
}

/// An address of another database may carry a password; it does not belong into an error.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(start), Some(end)) if start + 3 < end => {
            format!("{}...{}", &url[..start + 3], &url[end..])
        }
        _ => url.to_string(),
    }
}
