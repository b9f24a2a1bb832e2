//! What can go wrong with a store. No variant carries a personal value.

use crate::key::KeyError;
use sqlx::postgres::PgDatabaseError;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The key does not belong to this practice's rows.
    #[error(
        "the store was sealed with key {stored}, and the key given is {given}: give the key the store was made with. \
         If it is lost, start with an empty store and link again from the systems; nothing is created by that"
    )]
    WrongKey {
        /// Id of the key the rows were sealed with.
        stored: String,
        /// Id of the key that was given.
        given: String,
    },
    /// The database is damaged, or the file is no SQLite database.
    #[error(
        "the store is damaged ({detail}): stop, restore the last backup, or start with an empty one and link again from the \
         systems. Records that exist there are found again, not created; the history, the review queue and decisions made in it are lost"
    )]
    Corrupt {
        /// What the database engine said.
        detail: String,
    },
    /// A single row does not open under the right key, or holds what this version cannot read.
    #[error("row {row} of table {table} is damaged ({detail})")]
    Damaged {
        /// Table.
        table: &'static str,
        /// Primary key of the row, without the practice.
        row: String,
        /// What is wrong with it.
        detail: &'static str,
    },
    /// The rows were written by a newer version of the bridge.
    #[error("the store was written by a newer version of the bridge; use that version or a newer one")]
    Newer,
    /// The address names no database this version can use.
    #[error("cannot use {url:?} as a store: {detail}")]
    Address {
        /// The address without user, password and settings.
        url: String,
        /// Why not.
        detail: String,
    },
    /// The file or its folder cannot be created or read.
    #[error("cannot use the store's file {path}: {source}")]
    File {
        /// Path of the file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another process held the write lock for longer than ten seconds.
    #[error("the store is busy: another process holds its write lock")]
    Busy,
    /// There is no database server where the address says, or it went away.
    #[error("cannot reach the store's database: {detail}")]
    Unreachable {
        /// What the network or the server said.
        detail: String,
    },
    /// Somebody else has taken the lease under which this was to be written; nothing was.
    #[error("another halaxy-bridge has taken over ({name}); this one writes nothing any more")]
    Fenced {
        /// Name of the lease.
        name: String,
    },
    /// A practice is only copied to where nothing of it is.
    #[error("the store to copy to has rows of this practice already (table {table}); nothing was copied")]
    NotEmpty {
        /// The first table with rows.
        table: &'static str,
    },
    /// What arrived is not what was sent; nothing was kept of it.
    #[error("the copy of table {table} differs from its source; nothing was copied")]
    CopyDiffers {
        /// The table.
        table: &'static str,
    },
    /// The key's text is not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Anything else the database said.
    #[error("the database refused: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// An address that cannot be used. Of a server's address only scheme, host and database are kept: the rest may
    /// hold a password.
    pub(crate) fn address(url: &str, detail: impl Into<String>) -> Self {
        let url = match url.split_once("://") {
            None => url.to_string(),
            Some((scheme, rest)) => {
                let rest = rest.split_once('?').map_or(rest, |(place, _)| place);
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                format!("{scheme}://{place}")
            }
        };
        Self::Address {
            url,
            detail: detail.into(),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let detail = match &error {
            sqlx::Error::Io(error) => error.to_string(),
            sqlx::Error::Tls(error) => format!("no TLS: {error}"),
            // A connection that ends while it is being made is read as an answer that makes no sense.
            sqlx::Error::Protocol(what) => format!("no sense in what it says: {what}"),
            sqlx::Error::Database(said) => {
                if let Some(said) = said.try_downcast_ref::<PgDatabaseError>() {
                    return of_postgres(said.code(), said.message()).unwrap_or(Self::Database(error));
                }
                let code = said.code().and_then(|code| code.parse().ok()).unwrap_or(0);
                return of_sqlite(code, said.message()).unwrap_or(Self::Database(error));
            }
            _ => return Self::Database(error),
        };
        Self::Unreachable { detail }
    }
}

/// SQLite's result codes: <https://sqlite.org/rescode.html> (5 BUSY, 11 CORRUPT, 26 NOTADB; extended codes
/// carry more in the higher bits).
fn of_sqlite(code: i64, message: &str) -> Option<StoreError> {
    match code & 0xff {
        11 | 26 => Some(StoreError::Corrupt { detail: message.into() }),
        5 => Some(StoreError::Busy),
        _ => None,
    }
}

/// PostgreSQL's codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_postgres(code: &str, message: &str) -> Option<StoreError> {
    match code {
        // Damaged data and indexes.
        "XX001" | "XX002" => Some(StoreError::Corrupt { detail: message.into() }),
        // No lock within the time, and a deadlock.
        "55P03" | "40P01" => Some(StoreError::Busy),
        // Shut down, crashed, starting, full; the session ended because its transaction was idle.
        "57P01" | "57P02" | "57P03" | "53300" | "25P03" => Some(StoreError::Unreachable { detail: message.into() }),
        _ => None,
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as M;
        match error {
            M::Execute(error) | M::ExecuteMigration(error, _) => error.into(),
            M::VersionMissing(_) | M::VersionMismatch(_) | M::VersionTooNew(..) => Self::Newer,
            other => Self::Database(sqlx::Error::Migrate(Box::new(other))),
        }
    }
}

/// What most calls return.
pub type Result<T> = std::result::Result<T, StoreError>;
