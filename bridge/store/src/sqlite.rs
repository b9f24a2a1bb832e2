//! SQLite: the file, its connections, its migrations.

use crate::{
    db::{Args, Columns, execute, fetch, fetch_one},
    error::{Result, StoreError},
    mailbox::{Mailbox, furnish},
    pool::{Conn, Pool},
};
use sqlx::{
    ConnectOptions, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    },
};
use std::{path::Path, str::FromStr, time::Duration};

const MIGRATIONS: [(i64, &str, &str); 16] = [
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
    (
        4,
        "match again",
        include_str!("../../../migrations/sqlite/0004_match_again.sql"),
    ),
    (5, "hint", include_str!("../../../migrations/sqlite/0005_hint.sql")),
    (6, "trace", include_str!("../../../migrations/sqlite/0006_trace.sql")),
    (7, "event", include_str!("../../../migrations/sqlite/0007_event.sql")),
    (8, "ledger", include_str!("../../../migrations/sqlite/0008_ledger.sql")),
    (9, "mirror", include_str!("../../../migrations/sqlite/0009_mirror.sql")),
    (10, "erased", include_str!("../../../migrations/sqlite/0010_erased.sql")),
    (11, "feed", include_str!("../../../migrations/sqlite/0011_feed.sql")),
    (12, "review", include_str!("../../../migrations/sqlite/0012_review.sql")),
    (13, "sample", include_str!("../../../migrations/sqlite/0013_sample.sql")),
    (
        14,
        "located",
        include_str!("../../../migrations/sqlite/0014_located.sql"),
    ),
    (
        15,
        "concern",
        include_str!("../../../migrations/sqlite/0015_concern.sql"),
    ),
    (16, "speed", include_str!("../../../migrations/sqlite/0016_speed.sql")),
];
const READERS: u32 = 3;

/// The writer and the readers of a file, and where hints land beside it; one connection for all in memory.
pub(crate) async fn connect(url: &str) -> Result<(Pool, Pool, Option<Mailbox>)> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| StoreError::address(url, error.to_string()))?
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
        return Ok((Pool::Lite(pool.clone()), Pool::Lite(pool), None));
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
    Ok((Pool::Lite(writer), Pool::Lite(reader), Some(Mailbox::beside(&path))))
}

/// The file that hints land in. One connection: whoever lands and whoever takes in are quick.
pub(crate) async fn mailbox(path: &Path) -> Result<Pool> {
    own_file(path).map_err(|source| StoreError::File {
        path: path.display().to_string(),
        source,
    })?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(10))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    let pool = Pool::Lite(pool);
    furnish(&mut pool.alone().await?).await?;
    Ok(pool)
}

pub(crate) async fn migrate(pool: &SqlitePool) -> Result<()> {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.into()).run(pool).await?;
    Ok(())
}

/// Reads the whole file.
pub(crate) async fn verify(mut conn: Conn) -> Result<()> {
    let row = fetch_one(&mut conn, "PRAGMA integrity_check(1)", Args::default()).await?;
    let said = row.map_or(Ok("nothing".to_string()), |row| row.text(0))?;
    if said == "ok" {
        Ok(())
    } else {
        Err(StoreError::Corrupt { detail: said })
    }
}

/// Leaves nothing in the file that was deleted or replaced.
pub(crate) async fn rewrite(mut conn: Conn) -> Result<()> {
    execute(&mut conn, "VACUUM", Args::default()).await?;
    // The log still holds pages as they were before.
    fetch(&mut conn, "PRAGMA wal_checkpoint(TRUNCATE)", Args::default()).await?;
    Ok(())
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
