//! A schema of a PostgreSQL server to try a store on.

use crate::support::NOW;
use bridge_store::{Key, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names the server that tests may fill, e.g. `postgres://bridge@127.0.0.1:5432/postgres`.
const SERVER: &str = "HALAXY_BRIDGE_TEST_POSTGRES";

/// A schema of its own, gone with the value.
pub struct Place {
    schema: String,
    pub key: Key,
}

impl Place {
    pub fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let place = Self {
            schema: format!("test_{}_{number}", std::process::id()),
            key: Key::generate(),
        };
        place.apart(format!("CREATE SCHEMA {}", place.schema));
        place
    }

    pub fn server() -> String {
        std::env::var(SERVER).unwrap_or_else(|_| {
            panic!(
                "{SERVER} is not set: tests/run starts a server and sets it; or name one that may be filled, like \
                 postgres://bridge@127.0.0.1:5432/postgres"
            )
        })
    }

    pub fn url(&self) -> String {
        let server = Self::server();
        let joint = if server.contains('?') { '&' } else { '?' };
        format!("{server}{joint}options[search_path]={}", self.schema)
    }

    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Loses everything, whoever is in the middle of something: a store that was dropped with a transaction open
    /// has not told the server yet.
    pub fn clear(&self) {
        self.apart(format!(
            "SELECT pg_terminate_backend(l.pid, 10000) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
             WHERE c.relnamespace = '{0}'::regnamespace AND l.pid <> pg_backend_pid(); \
             SET client_min_messages = warning; SET lock_timeout = '10s'; DROP SCHEMA {0} CASCADE",
            self.schema
        ));
    }

    pub async fn open(&self) -> Store {
        self.open_for("clinic").await
    }

    pub async fn open_for(&self, practice: &str) -> Store {
        Store::open(&self.url(), &self.key, practice, NOW).await.unwrap()
    }

    /// Does to the closed database what no store does; the first column of what it answers.
    pub async fn sql(&self, sql: &'static str) -> Vec<Vec<u8>> {
        let mut conn = PgConnection::connect(&self.url()).await.unwrap();
        let rows = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        rows.iter().map(|row| row.try_get_unchecked(0).unwrap()).collect()
    }

    /// Every byte of every column of every table.
    pub async fn bytes(&self) -> Vec<u8> {
        let mut conn = PgConnection::connect(&self.url()).await.unwrap();
        let columns = sqlx::query(
            "SELECT 'SELECT ' || CASE data_type WHEN 'bytea' THEN column_name ELSE 'convert_to(' || column_name || '::text, ''UTF8'')' END \
             || ' FROM ' || table_name FROM information_schema.columns WHERE table_schema = current_schema()",
        );
        let mut all = Vec::new();
        for column in columns.fetch_all(&mut conn).await.unwrap() {
            let sql: String = column.try_get(0).unwrap();
            for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap() {
                all.extend(row.try_get::<Option<Vec<u8>>, _>(0).unwrap().unwrap_or_default());
            }
        }
        conn.close().await.unwrap();
        all
    }

    /// On a thread of its own: tests make and drop places within their runtime.
    fn apart(&self, sql: String) {
        let server = Self::server();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut conn = PgConnection::connect(&server).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
                conn.close().await.unwrap();
            });
        };
        std::thread::spawn(run).join().unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.clear();
        }
    }
}
