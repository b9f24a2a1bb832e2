//! The thin layer over the drivers: binding, reading and many rows per statement. The SQL of the other
//! modules is the same for both databases; what differs between them is an arm here.
//!
//! Many rows are many placeholders in SQLite, and one array per column in PostgreSQL, where a statement
//! then has one text and one plan whatever the number of rows.

use crate::{
    error::Result,
    pool::{Conn, Row},
};
use futures::{TryStreamExt, stream::BoxStream};
use sqlx::{
    Arguments, AssertSqlSafe, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite,
    postgres::{PgArguments, PgBindIterExt, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// Rows or items per statement in PostgreSQL: bounds the memory that one message takes.
const ARRAY_ROWS: usize = 2048;
/// Rows per INSERT. Fixed sizes, so that the driver's cache of prepared statements hits.
const INSERT_ROWS: [usize; 4] = [256, 32, 4, 1];
/// Places in an IN list; shorter lists repeat their last item.
const LIST_PLACES: [usize; 5] = [512, 256, 64, 8, 1];

/// Values for the placeholders of one statement, in order.
#[derive(Default)]
pub(crate) struct Args(Vec<Value>);

/// A value for a placeholder. PostgreSQL must be told the type of what is null.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    Text(Arc<str>),
    Int(i64),
    Blob(Vec<u8>),
    NullText,
    NullInt,
    NullBlob,
}

impl Args {
    pub fn add(&mut self, value: Value) -> &mut Self {
        self.0.push(value);
        self
    }

    /// Text that many rows share.
    pub fn shared(&mut self, text: &Arc<str>) -> &mut Self {
        self.add(Value::Text(text.clone()))
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.add(Value::Text(text.into()))
    }

    pub fn text_or_null(&mut self, text: Option<&str>) -> &mut Self {
        self.add(text.map_or(Value::NullText, |text| Value::Text(text.into())))
    }

    pub fn int(&mut self, number: i64) -> &mut Self {
        self.add(Value::Int(number))
    }

    pub fn blob(&mut self, bytes: Vec<u8>) -> &mut Self {
        self.add(Value::Blob(bytes))
    }

    pub fn blob_or_null(&mut self, bytes: Option<Vec<u8>>) -> &mut Self {
        self.add(bytes.map_or(Value::NullBlob, Value::Blob))
    }

    /// Moves the values into SQLite's form; that has no way to fail.
    fn lite(self) -> SqliteArguments {
        fn put<'t>(args: &mut SqliteArguments, value: impl sqlx::Encode<'t, Sqlite> + sqlx::Type<Sqlite>) {
            if args.add(value).is_err() {
                unreachable!("text, integers and blobs always encode");
            }
        }
        let mut args = SqliteArguments::default();
        args.reserve(self.0.len(), 0);
        for value in self.0 {
            match value {
                Value::Text(text) => put(&mut args, text),
                Value::Int(number) => put(&mut args, number),
                Value::Blob(bytes) => put(&mut args, bytes),
                Value::NullText | Value::NullInt | Value::NullBlob => put(&mut args, None::<i64>),
            }
        }
        args
    }

    /// Fails only for what is larger than a message of PostgreSQL can be.
    fn post(&self) -> Result<PgArguments> {
        let mut args = PgArguments::default();
        for value in &self.0 {
            match value {
                Value::Text(text) => bind(&mut args, &**text)?,
                Value::Int(number) => bind(&mut args, *number)?,
                Value::Blob(bytes) => bind(&mut args, bytes.as_slice())?,
                Value::NullText => bind(&mut args, None::<&str>)?,
                Value::NullInt => bind(&mut args, None::<i64>)?,
                Value::NullBlob => bind(&mut args, None::<&[u8]>)?,
            }
        }
        Ok(args)
    }
}

fn bind<'t>(args: &mut PgArguments, value: impl sqlx::Encode<'t, Postgres> + sqlx::Type<Postgres>) -> Result<()> {
    Ok(args.add(value).map_err(sqlx::Error::Encode)?)
}

/// One column of many rows as an array. All values of a column have one type.
fn bind_array<'v>(args: &mut PgArguments, values: impl Iterator<Item = &'v Value> + Clone) -> Result<()> {
    match values.clone().next() {
        Some(Value::Int(_) | Value::NullInt) => bind(
            args,
            values
                .map(|value| {
                    if let Value::Int(number) = value {
                        Some(*number)
                    } else {
                        None
                    }
                })
                .bind_iter(),
        ),
        Some(Value::Blob(_) | Value::NullBlob) => bind(
            args,
            values
                .map(|value| {
                    if let Value::Blob(bytes) = value {
                        Some(bytes.as_slice())
                    } else {
                        None
                    }
                })
                .bind_iter(),
        ),
        _ => bind(
            args,
            values
                .map(|value| {
                    if let Value::Text(text) = value {
                        Some(&**text)
                    } else {
                        None
                    }
                })
                .bind_iter(),
        ),
    }
}

/// One statement with its values.
pub(crate) async fn execute(conn: &mut Conn, sql: &'static str, args: Args) -> Result<u64> {
    Ok(match conn {
        Conn::Lite(conn) => sqlx::query_with(sql, args.lite())
            .execute(&mut **conn)
            .await?
            .rows_affected(),
        Conn::Post(conn) => sqlx::query_with(sql, args.post()?)
            .execute(&mut **conn)
            .await?
            .rows_affected(),
    })
}

/// The rows that one statement gives.
pub(crate) async fn fetch(conn: &mut Conn, sql: &'static str, args: Args) -> Result<Vec<Row>> {
    let mut out = vec![];
    rows(conn, sql.into_sql_str(), args)?.append_to(&mut out).await?;
    Ok(out)
}

/// The rows of one statement, as they come.
pub(crate) enum Rows<'c> {
    Lite(BoxStream<'c, sqlx::Result<SqliteRow>>),
    Post(BoxStream<'c, sqlx::Result<PgRow>>),
}

/// Starts a statement whose rows are taken one by one.
pub(crate) fn rows(conn: &mut Conn, sql: SqlStr, args: Args) -> Result<Rows<'_>> {
    Ok(match conn {
        Conn::Lite(conn) => Rows::Lite(sqlx::query_with(sql, args.lite()).fetch(&mut **conn)),
        Conn::Post(conn) => Rows::Post(sqlx::query_with(sql, args.post()?).fetch(&mut **conn)),
    })
}

impl Rows<'_> {
    pub async fn next(&mut self) -> Result<Option<Row>> {
        Ok(match self {
            Rows::Lite(rows) => rows.try_next().await?.map(Row::Lite),
            Rows::Post(rows) => rows.try_next().await?.map(Row::Post),
        })
    }

    async fn append_to(mut self, out: &mut Vec<Row>) -> Result<()> {
        while let Some(row) = self.next().await? {
            out.push(row);
        }
        Ok(())
    }
}

/// The only row that one statement gives, if any.
pub(crate) async fn fetch_one(conn: &mut Conn, sql: &'static str, args: Args) -> Result<Option<Row>> {
    Ok(match conn {
        Conn::Lite(conn) => sqlx::query_with(sql, args.lite())
            .fetch_optional(&mut **conn)
            .await?
            .map(Row::Lite),
        Conn::Post(conn) => sqlx::query_with(sql, args.post()?)
            .fetch_optional(&mut **conn)
            .await?
            .map(Row::Post),
    })
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
    /// Inserts all rows, each as if it came after the one before; the number of rows the database
    /// changed.
    pub async fn run<T>(&self, conn: &mut Conn, rows: Vec<T>, mut bind: impl FnMut(&mut Args, T)) -> Result<u64> {
        let mut changed = 0;
        let mut rows = rows.into_iter().peekable();
        match conn {
            Conn::Lite(conn) => {
                while let Some(size) = INSERT_ROWS.iter().find(|size| **size <= rows.len()) {
                    let mut args = Args(Vec::with_capacity(size * self.columns));
                    rows.by_ref().take(*size).for_each(|row| bind(&mut args, row));
                    let query = sqlx::query_with(AssertSqlSafe(self.lite(*size)), args.lite());
                    changed += query.execute(&mut **conn).await?.rows_affected();
                }
            }
            Conn::Post(conn) => {
                let keys = self.keys();
                let mut next = Args::default();
                while rows.peek().is_some() || !next.0.is_empty() {
                    let mut now = std::mem::take(&mut next);
                    let mut seen = HashSet::from([key_of(&now, 0, &keys)]);
                    while now.0.len() < ARRAY_ROWS * self.columns
                        && let Some(row) = rows.next()
                    {
                        let start = now.0.len();
                        bind(&mut now, row);
                        // PostgreSQL refuses to change one row twice in one statement.
                        if !keys.is_empty() && !seen.insert(key_of(&now, start, &keys)) {
                            next.0 = now.0.split_off(start);
                            break;
                        }
                    }
                    let mut args = PgArguments::default();
                    for column in 0..self.columns {
                        bind_array(&mut args, now.0.iter().skip(column).step_by(self.columns))?;
                    }
                    let query = sqlx::query_with(AssertSqlSafe(self.post()), args);
                    changed += query.execute(&mut **conn).await?.rows_affected();
                }
            }
        }
        Ok(changed)
    }

    fn lite(&self, rows: usize) -> Arc<str> {
        cached(self.head, self.tail, rows, || {
            let row = format!("({})", places(self.columns));
            format!("{} VALUES {} {}", self.head, vec![row; rows].join(","), self.tail)
        })
    }

    /// Columns have the names that a VALUES list would give them.
    fn post(&self) -> Arc<str> {
        cached(self.head, self.tail, 0, || {
            let list = |before: &str| {
                let names = (1..=self.columns).map(|column| format!("{before}{column}"));
                names.collect::<Vec<_>>().join(",")
            };
            format!(
                "{} SELECT * FROM unnest({}) AS rows ({}) {}",
                self.head,
                list("$"),
                list("column"),
                self.tail
            )
        })
    }

    /// Places of the columns by which an upsert knows a row; none for other statements.
    fn keys(&self) -> Vec<usize> {
        let names = |text: &'static str| {
            let list = text.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
            list.map_or("", |(names, _)| names).split(',').map(str::trim)
        };
        match self.tail.strip_prefix("ON CONFLICT (") {
            None => vec![],
            Some(_) => names(self.tail)
                .filter_map(|key| names(self.head).position(|column| column == key))
                .collect(),
        }
    }
}

fn key_of(args: &Args, start: usize, keys: &[usize]) -> Vec<Value> {
    keys.iter().filter_map(|key| args.0.get(start + key).cloned()).collect()
}

/// `head IN (?, ..) tail`: a statement about many keys. The placeholders of `head` come first.
pub(crate) struct Among {
    /// Up to and without IN.
    pub head: &'static str,
    /// What follows the list, without placeholders of its own.
    pub tail: &'static str,
}

impl Among {
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
        match conn {
            Conn::Lite(conn) => {
                while let Some((sql, args)) = self.lite(&mut rest, &mut head, &mut bind) {
                    let rows = sqlx::query_with(AssertSqlSafe(sql), args).fetch(&mut **conn);
                    Rows::Lite(rows).append_to(&mut out).await?;
                }
            }
            Conn::Post(conn) => {
                for items in items.chunks(ARRAY_ROWS) {
                    let (sql, args) = self.post(items, &mut head, &mut bind)?;
                    let rows = sqlx::query_with(AssertSqlSafe(sql), args).fetch(&mut **conn);
                    Rows::Post(rows).append_to(&mut out).await?;
                }
            }
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
        match conn {
            Conn::Lite(conn) => {
                while let Some((sql, args)) = self.lite(&mut rest, &mut head, &mut bind) {
                    let query = sqlx::query_with(AssertSqlSafe(sql), args);
                    changed += query.execute(&mut **conn).await?.rows_affected();
                }
            }
            Conn::Post(conn) => {
                for items in items.chunks(ARRAY_ROWS) {
                    let (sql, args) = self.post(items, &mut head, &mut bind)?;
                    let query = sqlx::query_with(AssertSqlSafe(sql), args);
                    changed += query.execute(&mut **conn).await?.rows_affected();
                }
            }
        }
        Ok(changed)
    }

    fn lite<T>(
        &self,
        rest: &mut &[T],
        head: &mut impl FnMut(&mut Args),
        bind: &mut impl FnMut(&mut Args, &T),
    ) -> Option<(Arc<str>, SqliteArguments)> {
        let last = rest.last()?;
        // The smallest list that takes all that is left, else the largest.
        let size = LIST_PLACES
            .iter()
            .rev()
            .copied()
            .find(|size| *size >= rest.len())
            .unwrap_or(LIST_PLACES[0]);
        let (now, later) = rest.split_at(size.min(rest.len()));
        let mut args = Args(Vec::with_capacity(size + 5));
        head(&mut args);
        now.iter().for_each(|item| bind(&mut args, item));
        (now.len()..size).for_each(|_| bind(&mut args, last));
        *rest = later;
        let sql = cached(self.head, self.tail, size, || {
            format!("{} IN ({}) {}", self.head, places(size), self.tail)
        });
        Some((sql, args.lite()))
    }

    fn post<T>(
        &self,
        items: &[T],
        head: &mut impl FnMut(&mut Args),
        bind: &mut impl FnMut(&mut Args, &T),
    ) -> Result<(Arc<str>, PgArguments)> {
        let mut args = Args::default();
        head(&mut args);
        let places = args.0.len();
        let mut bound = args.post()?;
        args.0.clear();
        items.iter().for_each(|item| bind(&mut args, item));
        bind_array(&mut bound, args.0.iter())?;
        let sql = cached(self.head, self.tail, 0, || {
            let mut parts = self.head.split('?');
            let first = parts.next().unwrap_or_default().to_string();
            let numbered = parts
                .zip(1..)
                .fold(first, |sql, (part, place)| format!("{sql}${place}{part}"));
            format!("{numbered} = ANY(${}) {}", places + 1, self.tail)
        });
        Ok((sql, bound))
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

/// Unchecked: what a column may hold is written in the schema.
macro_rules! get {
    ($row:expr, $column:expr) => {
        match $row {
            Row::Lite(row) => row.try_get_unchecked($column)?,
            Row::Post(row) => row.try_get_unchecked($column)?,
        }
    };
}

impl Columns for Row {
    fn int(&self, column: usize) -> Result<i64> {
        Ok(get!(self, column))
    }

    fn int_or_null(&self, column: usize) -> Result<Option<i64>> {
        Ok(get!(self, column))
    }

    fn text(&self, column: usize) -> Result<String> {
        Ok(get!(self, column))
    }

    fn text_or_null(&self, column: usize) -> Result<Option<String>> {
        Ok(get!(self, column))
    }

    fn blob(&self, column: usize) -> Result<Vec<u8>> {
        Ok(get!(self, column))
    }

    fn blob_or_null(&self, column: usize) -> Result<Option<Vec<u8>>> {
        Ok(get!(self, column))
    }
}
