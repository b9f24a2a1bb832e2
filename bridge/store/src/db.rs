//! The thin layer over the database driver: binding, reading and many rows per statement. Another
//! database is another arm here; the SQL of the other modules stays.

use crate::error::Result;
use sqlx::{AssertSqlSafe, Row as _, sqlite::SqliteArguments};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

pub(crate) type Conn = sqlx::SqliteConnection;
pub(crate) type Row = sqlx::sqlite::SqliteRow;

/// Rows per INSERT. Fixed sizes, so that the driver's cache of prepared statements hits.
const INSERT_ROWS: [usize; 4] = [256, 32, 4, 1];
/// Places in an IN list; shorter lists repeat their last item.
const LIST_PLACES: [usize; 5] = [512, 256, 64, 8, 1];

/// Values for the placeholders of one statement, in order.
#[derive(Default)]
pub(crate) struct Args(SqliteArguments);

impl Args {
    fn add<'t>(&mut self, value: impl sqlx::Encode<'t, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>) -> &mut Self {
        // Encoding text, integers and blobs for SQLite is a move; it has no way to fail.
        if sqlx::Arguments::add(&mut self.0, value).is_err() {
            unreachable!("text, integers and blobs always encode");
        }
        self
    }

    /// Text that many rows share.
    pub fn shared(&mut self, text: &Arc<str>) -> &mut Self {
        self.add(text.clone())
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.add(Arc::<str>::from(text))
    }

    pub fn text_or_null(&mut self, text: Option<&str>) -> &mut Self {
        self.add(text)
    }

    pub fn int(&mut self, number: i64) -> &mut Self {
        self.add(number)
    }

    pub fn int_or_null(&mut self, number: Option<i64>) -> &mut Self {
        self.add(number)
    }

    pub fn blob(&mut self, bytes: Vec<u8>) -> &mut Self {
        self.add(bytes)
    }

    pub fn blob_or_null(&mut self, bytes: Option<Vec<u8>>) -> &mut Self {
        self.add(bytes)
    }
}

/// One statement with its values.
pub(crate) async fn execute(conn: &mut Conn, sql: &'static str, args: Args) -> Result<u64> {
    Ok(sqlx::query_with(sql, args.0).execute(conn).await?.rows_affected())
}

/// The rows that one statement gives.
pub(crate) async fn fetch(conn: &mut Conn, sql: &'static str, args: Args) -> Result<Vec<Row>> {
    Ok(sqlx::query_with(sql, args.0).fetch_all(conn).await?)
}

/// The only row that one statement gives, if any.
pub(crate) async fn fetch_one(conn: &mut Conn, sql: &'static str, args: Args) -> Result<Option<Row>> {
    Ok(sqlx::query_with(sql, args.0).fetch_optional(conn).await?)
}

/// `head VALUES (?, ..), .. tail`: an insert of many rows.
pub(crate) struct Insert {
    /// Up to and without VALUES.
    pub head: &'static str,
    /// Placeholders of one row.
    pub columns: usize,
    /// What follows the rows (ON CONFLICT ..), or nothing.
    pub tail: &'static str,
}

impl Insert {
    fn sql(&self, rows: usize) -> Arc<str> {
        cached(self.head, self.tail, rows, || {
            let row = format!("({})", places(self.columns));
            format!("{} VALUES {} {}", self.head, vec![row; rows].join(","), self.tail)
        })
    }

    /// Inserts all rows; the number of rows the database changed.
    pub async fn run<T>(&self, conn: &mut Conn, rows: Vec<T>, mut bind: impl FnMut(&mut Args, T)) -> Result<u64> {
        let mut changed = 0;
        let mut rows = rows.into_iter();
        while let Some((sql, args)) = self.next(&mut rows, &mut bind) {
            changed += sqlx::query_with(AssertSqlSafe(sql), args.0)
                .execute(&mut *conn)
                .await?
                .rows_affected();
        }
        Ok(changed)
    }

    fn next<T>(
        &self,
        rows: &mut std::vec::IntoIter<T>,
        bind: &mut impl FnMut(&mut Args, T),
    ) -> Option<(Arc<str>, Args)> {
        let size = *INSERT_ROWS.iter().find(|size| **size <= rows.len())?;
        let mut args = Args::default();
        sqlx::Arguments::reserve(&mut args.0, size * self.columns, 0);
        for row in rows.by_ref().take(size) {
            bind(&mut args, row);
        }
        Some((self.sql(size), args))
    }
}

/// `head IN (?, ..) tail`: a statement about many keys. The placeholders of `head` come first.
pub(crate) struct Among {
    /// Up to and without IN.
    pub head: &'static str,
    /// What follows the list, without placeholders of its own.
    pub tail: &'static str,
}

impl Among {
    fn sql(&self, size: usize) -> Arc<str> {
        cached(self.head, self.tail, size, || {
            format!("{} IN ({}) {}", self.head, places(size), self.tail)
        })
    }

    /// The rows for all items; `head` binds what stands before the list.
    pub async fn fetch<T>(
        &self,
        conn: &mut Conn,
        items: &[T],
        mut head: impl FnMut(&mut Args),
        mut bind: impl FnMut(&mut Args, &T),
    ) -> Result<Vec<Row>> {
        let mut out = Vec::with_capacity(items.len());
        let mut rest = items;
        while let Some((sql, args)) = self.next(&mut rest, &mut head, &mut bind) {
            out.extend(
                sqlx::query_with(AssertSqlSafe(sql), args.0)
                    .fetch_all(&mut *conn)
                    .await?,
            );
        }
        Ok(out)
    }

    /// Runs the statement for all items; the number of rows changed.
    pub async fn run<T>(
        &self,
        conn: &mut Conn,
        items: &[T],
        mut head: impl FnMut(&mut Args),
        mut bind: impl FnMut(&mut Args, &T),
    ) -> Result<u64> {
        let mut changed = 0;
        let mut rest = items;
        while let Some((sql, args)) = self.next(&mut rest, &mut head, &mut bind) {
            changed += sqlx::query_with(AssertSqlSafe(sql), args.0)
                .execute(&mut *conn)
                .await?
                .rows_affected();
        }
        Ok(changed)
    }

    fn next<T>(
        &self,
        rest: &mut &[T],
        head: &mut impl FnMut(&mut Args),
        bind: &mut impl FnMut(&mut Args, &T),
    ) -> Option<(Arc<str>, Args)> {
        let last = rest.last()?;
        // The smallest list that takes all that is left, else the largest.
        let size = LIST_PLACES
            .iter()
            .rev()
            .copied()
            .find(|size| *size >= rest.len())
            .unwrap_or(LIST_PLACES[0]);
        let (now, later) = rest.split_at(size.min(rest.len()));
        let mut args = Args::default();
        head(&mut args);
        now.iter().for_each(|item| bind(&mut args, item));
        (now.len()..size).for_each(|_| bind(&mut args, last));
        *rest = later;
        Some((self.sql(size), args))
    }
}

/// Unnumbered placeholders: SQLite looks numbered ones up by name, one by one, which for thousands
/// of them costs more than the insert.
fn places(count: usize) -> String {
    vec!["?"; count].join(",")
}

fn cached(head: &'static str, tail: &'static str, size: usize, make: impl FnOnce() -> String) -> Arc<str> {
    type Texts = HashMap<(&'static str, &'static str, usize), Arc<str>>;
    static TEXTS: LazyLock<Mutex<Texts>> = LazyLock::new(Mutex::default);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.entry((head, tail, size)).or_insert_with(|| make().into()).clone()
}

/// Columns of a row by position.
pub(crate) trait Columns {
    fn int(&self, column: usize) -> Result<i64>;
    fn int_or_null(&self, column: usize) -> Result<Option<i64>>;
    fn text(&self, column: usize) -> Result<String>;
    fn text_or_null(&self, column: usize) -> Result<Option<String>>;
    fn blob(&self, column: usize) -> Result<Vec<u8>>;
    fn blob_or_null(&self, column: usize) -> Result<Option<Vec<u8>>>;
}

impl Columns for Row {
    fn int(&self, column: usize) -> Result<i64> {
        Ok(self.try_get_unchecked(column)?)
    }

    fn int_or_null(&self, column: usize) -> Result<Option<i64>> {
        Ok(self.try_get_unchecked(column)?)
    }

    fn text(&self, column: usize) -> Result<String> {
        Ok(self.try_get_unchecked(column)?)
    }

    fn text_or_null(&self, column: usize) -> Result<Option<String>> {
        Ok(self.try_get_unchecked(column)?)
    }

    fn blob(&self, column: usize) -> Result<Vec<u8>> {
        Ok(self.try_get_unchecked(column)?)
    }

    fn blob_or_null(&self, column: usize) -> Result<Option<Vec<u8>>> {
        Ok(self.try_get_unchecked(column)?)
    }
}
