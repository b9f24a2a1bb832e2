//! A SQLite file to try a store on.

use crate::support::NOW;
use bridge_store::{Key, Store};

/// A database of its own, gone with the value.
pub struct Place {
    folder: tempfile::TempDir,
    pub key: Key,
}

impl Place {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            key: Key::generate(),
        }
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("bridge.db")
    }

    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    pub async fn open(&self) -> Store {
        self.open_for("clinic").await
    }

    pub async fn open_for(&self, practice: &str) -> Store {
        Store::open(&self.url(), &self.key, practice, NOW).await.unwrap()
    }

    /// Does to the closed database what no store does; the first column of what it answers.
    pub async fn sql(&self, sql: &'static str) -> Vec<Vec<u8>> {
        use sqlx::{Connection, Row};
        let mut conn = sqlx::SqliteConnection::connect(&self.url()).await.unwrap();
        let rows = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        rows.iter().map(|row| row.try_get_unchecked(0).unwrap()).collect()
    }

    /// Everything the database keeps on disk, side files included.
    pub async fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            all.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        all
    }
}
