//! PostgreSQL: its connections, its migrations, and the right to drive a practice.

use crate::{
    db::{Args, execute},
    error::{Result, StoreError},
    open::Store,
    pool::{Conn, Pool},
};
use bridge_core::Time;
use sqlx::{
    ConnectOptions, Connection, PgConnection, Row, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use std::{str::FromStr, time::Duration};
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

const MIGRATIONS: [(i64, &str, &str); 14] = [
    (1, "store", include_str!("../../../migrations/postgres/0001_store.sql")),
    (
        2,
        "match again",
        include_str!("../../../migrations/postgres/0002_match_again.sql"),
    ),
    (3, "hint", include_str!("../../../migrations/postgres/0003_hint.sql")),
    (4, "trace", include_str!("../../../migrations/postgres/0004_trace.sql")),
    (5, "event", include_str!("../../../migrations/postgres/0005_event.sql")),
    (
        6,
        "ledger",
        include_str!("../../../migrations/postgres/0006_ledger.sql"),
    ),
    (
        7,
        "mirror",
        include_str!("../../../migrations/postgres/0007_mirror.sql"),
    ),
    (
        8,
        "erased",
        include_str!("../../../migrations/postgres/0008_erased.sql"),
    ),
    (9, "feed", include_str!("../../../migrations/postgres/0009_feed.sql")),
    (
        10,
        "review",
        include_str!("../../../migrations/postgres/0010_review.sql"),
    ),
    (
        11,
        "sample",
        include_str!("../../../migrations/postgres/0011_sample.sql"),
    ),
    (
        12,
        "located",
        include_str!("../../../migrations/postgres/0012_located.sql"),
    ),
    (
        13,
        "concern",
        include_str!("../../../migrations/postgres/0013_concern.sql"),
    ),
    (14, "speed", include_str!("../../../migrations/postgres/0014_speed.sql")),
];
const READERS: u32 = 3;
/// A driver that was killed is gone for the server when its last statement has ended.
const LAST_STATEMENT: (&str, &str) = ("lock_timeout", "2s");
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection unused for longer is tried before it is used: the server may have been restarted.
const TRUSTED: Duration = Duration::from_secs(1);
/// The lease that names the process which drives a practice.
const DRIVE: &str = "drive";
/// Locks of a session belong to a database: the schema is part of the name, as it is of a table's.
const LOCK_DRIVE: &str = "SELECT pg_advisory_lock(hashtextextended('drive/' || current_schema() || '/' || $1, 0))";

/// What every session is told, unless the address says otherwise (`?options[lock_timeout]=30s`)
/// (<https://www.postgresql.org/docs/current/runtime-config-client.html>).
const SETTINGS: [(&str, &str); 8] = [
    // Another writer has as long as in SQLite.
    ("lock_timeout", "10s"),
    // A worker that is stopped within a transaction does not stop the others for ever.
    ("idle_in_transaction_session_timeout", "60s"),
    // A machine that is gone is noticed within a minute, and its locks with it.
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    // Plans are made for the lists that are given and the tables as large as they are: one that was made while a
    // table was empty reads all of it later, and one for any list cannot use the partial indexes.
    ("plan_cache_mode", "force_custom_plan"),
    // There is an index for every question that is asked often; what the planner guesses of tables that grow by a hundred
    // thousand rows within a minute is no reason to read them whole.
    ("enable_seqscan", "off"),
    ("client_min_messages", "warning"),
];

pub(crate) fn is_address(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// The writer and the readers.
pub(crate) async fn connect(url: &str) -> Result<(Pool, Pool)> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::address(url, "write it like postgres://USER@HOST:5432/DATABASE"))?
        .application_name("halaxy-bridge")
        .statement_cache_capacity(256)
        .disable_statement_logging();
    let asked = options.get_options().unwrap_or_default().to_string();
    let ours = SETTINGS
        .into_iter()
        .filter(|(name, _)| !asked.contains(&format!("-c {name}=")));
    let options = options.options(ours);
    // One by itself first: it says at once what is wrong, where a pool would try again and again.
    let mut first = session(&options).await.map_err(|error| refused(url, error))?;
    let about = sqlx::query("SELECT current_setting('server_encoding'), coalesce(current_schema(), '')")
        .fetch_one(&mut first)
        .await?;
    let (encoding, schema): (String, String) = (about.try_get(0)?, about.try_get(1)?);
    first.close().await?;
    if encoding != "UTF8" {
        return Err(StoreError::address(
            url,
            format!("its encoding is {encoding}; make it with UTF8"),
        ));
    }
    if schema.is_empty() {
        return Err(StoreError::address(url, "no schema of its search path exists"));
    }
    let pool = |connections| {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(CONNECT)
            .test_before_acquire(false)
            .before_acquire(|conn, meta| {
                Box::pin(async move { Ok(meta.idle_for < TRUSTED || conn.ping().await.is_ok()) })
            })
            .connect_lazy_with(options.clone())
    };
    Ok((Pool::Post(pool(1)), Pool::Post(pool(READERS))))
}

async fn session(options: &PgConnectOptions) -> Result<PgConnection> {
    match tokio::time::timeout(CONNECT, PgConnection::connect_with(options)).await {
        Ok(conn) => Ok(conn?),
        Err(_) => Err(StoreError::Unreachable {
            detail: "it does not answer".into(),
        }),
    }
}

/// What the server says of a password, a role or a database is a matter of the address.
fn refused(url: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Database(sqlx::Error::Database(said)) => StoreError::address(url, said.message()),
        other => other,
    }
}

pub(crate) async fn migrate(pool: &PgPool) -> Result<()> {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.into()).run(pool).await?;
    Ok(())
}

/// Gives the space of what was replaced free to be overwritten. Until then, and in the server's log and backups, the
/// old rows are still there, sealed as they were.
pub(crate) async fn vacuum(mut conn: Conn) -> Result<()> {
    let sql = "VACUUM entity, link, write, conflict, audit, loser, secret, ledger, mirror, lookup, name_part, concern";
    execute(&mut conn, sql, Args::default()).await?;
    Ok(())
}

/// How often the session behind the right to drive is asked whether it is still there.
const PULSE: Duration = Duration::from_secs(1);
/// A session that says nothing for so long counts as lost. Far less than the minute after which the server gives up a
/// machine that it does not hear of, and its locks with it ([`SETTINGS`]).
const SILENCE: Duration = Duration::from_secs(10);

/// The right to be the one driver of a practice, as long as it lives.
pub struct Driving {
    lost: CancellationToken,
    /// Keeps the session whose lock it is. The server ends the lock with the session, however that ends.
    _watch: Option<AbortOnDropHandle<()>>,
}

impl Driving {
    /// Cancelled when the right is lost, or cannot be shown to be there any more: another process may drive from then
    /// on. Noticed within a second or two of the server's ending the session, within twelve of a cut connection.
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    fn kept(session: Option<PgConnection>) -> Self {
        let lost = CancellationToken::new();
        let watch = session.map(|session| AbortOnDropHandle::new(tokio::spawn(keep(session, lost.clone()))));
        Self { lost, _watch: watch }
    }
}

async fn keep(mut session: PgConnection, lost: CancellationToken) {
    loop {
        sleep(PULSE).await;
        match timeout(SILENCE, session.ping()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the session that holds the right to drive has ended");
                break;
            }
            Err(_) => {
                tracing::warn!("the session that holds the right to drive does not answer");
                break;
            }
        }
    }
    lost.cancel();
    // Perhaps the server still knows it: then the right is kept until the driver has stopped.
    std::future::pending::<()>().await;
}

impl Store {
    /// Takes the right to drive this practice; none if another process has it and keeps it for two seconds. The store that comes with
    /// it writes under a lease of this process: if the server loses the session and another process takes
    /// the right, every later transaction of this one fails with [`StoreError::Fenced`].
    ///
    /// In SQLite nothing is locked: whoever opens the file locks it by means of the operating system.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] if the server cannot be reached; else as [`Store::begin`].
    pub async fn drive(&self, holder: &str) -> Result<Option<(Store, Driving)>> {
        let Pool::Post(pool) = &self.writer else {
            return Ok(Some((self.clone(), Driving::kept(None))));
        };
        let options = PgConnectOptions::clone(&pool.connect_options()).options([LAST_STATEMENT]);
        let mut session = session(&options).await?;
        let lock = sqlx::query(LOCK_DRIVE).bind(&*self.scope.practice);
        match lock.execute(&mut session).await.map_err(StoreError::from) {
            Ok(_) => {}
            Err(StoreError::Busy) => return Ok(None),
            Err(other) => return Err(other),
        }
        // The lock says that the last driver is gone, or has lost its session: the next epoch begins.
        let mut nonce = [0; 8];
        rand::fill(&mut nonce);
        let holder = format!("{holder} {}", bridge_core::hex(&nonce));
        let mut tx = self.begin().await?;
        let lease = tx.take_lease(DRIVE, &holder, Time::MAX, Time::MAX).await?;
        tx.commit().await?;
        Ok(lease.map(|lease| (self.under(&lease), Driving::kept(Some(session)))))
    }
}
