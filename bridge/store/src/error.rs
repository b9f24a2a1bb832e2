//! What can go wrong with a store. No variant carries a personal value.

use crate::key::KeyError;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The key does not belong to this practice's rows.
    #[error(
        "the store was sealed with key {stored}, and the key given is {given}: give the key the store was made with. \
         If it is lost, move the file away and link again from the systems; nothing is created by that"
    )]
    WrongKey {
        /// Id of the key the rows were sealed with.
        stored: String,
        /// Id of the key that was given.
        given: String,
    },
    /// The database file is damaged or is no SQLite database.
    #[error(
        "the store's file is damaged ({detail}): stop, restore the last backup, or move the file away and link again from the \
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
        /// The address as given.
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
    /// The key's text is not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Anything else the database said.
    #[error("the database refused: {0}")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // SQLite's result codes: https://sqlite.org/rescode.html (5 BUSY, 11 CORRUPT, 26 NOTADB;
        // extended codes carry more in the higher bits).
        if let sqlx::Error::Database(db) = &error {
            let code = db.code().and_then(|c| c.parse::<i64>().ok()).unwrap_or(0);
            match code & 0xff {
                11 | 26 => {
                    return Self::Corrupt {
                        detail: db.message().to_string(),
                    };
                }
                5 => return Self::Busy,
                _ => {}
            }
        }
        Self::Database(error)
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
