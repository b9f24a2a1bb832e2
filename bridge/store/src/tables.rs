//! Every table as plain columns: its sum, which is the same in both databases, and the copy of a practice.

use crate::{
    db::{Args, Columns, Insert, Value, rows},
    error::{Result, StoreError},
    open::Store,
    pool::{Conn, Row},
};
use sha2::{Digest, Sha256};
use sqlx::SqlSafeStr;
use std::sync::Arc;

/// How many rows of a table a practice has, and what they come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSum {
    /// Table.
    pub table: &'static str,
    /// Rows.
    pub rows: u64,
    /// SHA-256 of all columns of all rows in order of their keys, as hex digits. Equal rows have equal
    /// digests, whichever database they are in.
    pub digest: String,
}

struct Table {
    name: &'static str,
    /// Every column but the practice, in order of the key.
    read: &'static str,
    insert: Insert,
    types: &'static [Type],
}

#[derive(Clone, Copy)]
enum Type {
    Text,
    Int,
    Blob,
}

/// Names, key and columns with their types. `replacing` is for rows that every practice has from the start.
macro_rules! table {
    ($name:literal, $key:literal, $first:ident $of:ident $(, $column:ident $type:ident)* $(; replacing $tail:literal)?) => {
        Table {
            name: $name,
            read: concat!(
                "SELECT ", stringify!($first), $(", ", stringify!($column),)*
                " FROM ", $name, " WHERE practice = $1 ORDER BY ", $key
            ),
            insert: Insert {
                head: concat!("INSERT INTO ", $name, " (practice, ", stringify!($first), $(", ", stringify!($column),)* ")"),
                columns: 2 $(+ { let _ = stringify!($column); 1 })*,
                tail: concat!($($tail)?),
            },
            types: &[Type::$of $(, Type::$type)*],
        }
    };
}

const TABLES: [Table; 32] = [
    table!("meta", "name", name Text, value Text; replacing "ON CONFLICT (practice, name) DO UPDATE SET value = excluded.value"),
    table!("entity", "id", id Text, kind Text, revision Int, dirty Int, dirty_since Int, lane Int, candidate Int, body Blob),
    table!("link", "system, kind, remote_id", system Text, kind Text, remote_id Text, entity Text, generation Int, state Text,
        known_at Int, look Int, asked Int, held Int, body Blob),
    table!("write", "entity, system", entity Text, system Text, kind Text, op Text, state Text, lane Int, since Int,
        not_before Int, at Int, tries Int, body Blob),
    table!("conflict", "entity, unit", entity Text, unit Text, id Text, since Int, body Blob),
    table!("card", "entity, kind, system", entity Text, kind Text, system Text, id Text, units Text, since Int),
    table!("candidate", "id", id Text, a_system Text, a_kind Text, a_id Text, b_system Text, b_kind Text, b_id Text, score Int,
        reasons Text, state Text, since Int, decided_at Int, decided_by Text),
    table!("match_again", "system, kind, remote_id", system Text, kind Text, remote_id Text),
    table!("lookup", "key_kind, hash, system, kind, remote_id", key_kind Text, hash Blob, system Text, kind Text,
        remote_id Text),
    table!("name_part", "system, kind, remote_id", system Text, kind Text, remote_id Text, hashes Blob),
    table!("name_prefix", "hash, system, kind, remote_id", hash Blob, system Text, kind Text, remote_id Text),
    table!("inbox", "id", id Text, topic Text, systems Text, entity Text, since Int, assigned Text, snoozed Int),
    table!("decision", "id", id Text, at Int, who Text, sort Text, entity Text, unit Text, item Text, grp Text, undone Int, body Blob),
    table!("visited", "system, kind, remote_id, appointment, role", system Text, kind Text, remote_id Text, appointment Text,
        role Text, location Text),
    table!("located", "entity, location, sort", entity Text, location Text, sort Text),
    table!("cursor", "system, kind, digest", system Text, kind Text, digest Text, position Text, updated Int),
    table!("run", "id", id Text, kind Text, started Int, ended Int, counts Text),
    table!("sample", "span, name, at", span Text, name Text, at Int, value Int),
    table!("budget", "system, day", system Text, day Text, calls Int),
    table!("lease", "name", name Text, holder Text, epoch Int, until Int),
    table!("audit", "seq", seq Int, at Int, run Text, entity Text, system Text, remote_id Text, event Text, units Text,
        reason Text, body Blob),
    table!("loser", "seq", seq Int, entity Text, unit Text, system Text, at Int, until Int, why Text, value Blob),
    table!("hint", "id", id Text, system Text, kind Text, remote_id Text, news Text, received Int, taken Int),
    table!("erased", "hash", hash Blob, at Int),
    table!("secret", "name", name Text, body Blob),
    table!("ledger", "part, id", part Text, id Text, body Blob),
    table!("mirror", "system, kind, remote_id", system Text, kind Text, remote_id Text, seq Int, seen Int, gone Int, body Blob),
    table!("concern", "hash, part, id", hash Blob, part Text, id Text),
    table!("feed", "part, id", part Text, id Text, seq Int, mark Text, gone Int),
    table!("trace", "subject", subject Text, context Text, since Int),
    table!("event", "seq", seq Int, id Text, at Int, system Text, kind Text, remote_id Text, happened Text, units Text,
        entity Text, ours Int, trace Text),
    table!("subscriber", "name", name Text, position Int, failures Int, since Int, retry_at Int, parked Int, trouble Text),
];

/// Rows that are on their way at once.
const ROWS: usize = 512;
/// Notes that opening a practice makes.
const OPENED: [&str; 3] = ["created", "key_check", "key_id"];

impl Store {
    /// The sums of all tables, of one moment. Reads everything this practice has.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if something cannot be read.
    pub async fn sums(&self) -> Result<Vec<TableSum>> {
        let mut conn = self.reader.snapshot().await?;
        let mut sums = Vec::with_capacity(TABLES.len());
        for table in &TABLES {
            sums.push(table.sum(&mut conn, &self.scope.practice).await?);
        }
        conn.rollback().await?;
        Ok(sums)
    }

    /// Copies this practice, as it is at one moment, into a store where nothing of it is, in one transaction
    /// there. Bodies are copied as they are sealed. Every table is then read back and compared with its source by
    /// count and digest before anything is kept; returns what was compared.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if the target has rows of the practice, [`StoreError::WrongKey`] if it was opened
    /// with another key, [`StoreError::CopyDiffers`] if what arrived is not what was sent.
    pub async fn copy_to(&self, target: &Store) -> Result<Vec<TableSum>> {
        let practice = &self.scope.practice;
        if self.scope.keys.check != target.scope.keys.check || *practice != target.scope.practice {
            return Err(StoreError::WrongKey {
                stored: self.scope.keys.id.clone(),
                given: target.scope.keys.id.clone(),
            });
        }
        self.take_in_hints().await?;
        let mut from = self.reader.snapshot().await?;
        let mut tx = target.begin().await?;
        let to = tx.parts().0;
        for table in &TABLES {
            if table.is_used(to, practice).await? {
                return Err(StoreError::NotEmpty { table: table.name });
            }
        }
        let mut sums = Vec::with_capacity(TABLES.len());
        for table in &TABLES {
            let sent = table.copy(&mut from, to, practice).await?;
            if table.sum(to, practice).await? != sent {
                return Err(StoreError::CopyDiffers { table: table.name });
            }
            sums.push(sent);
        }
        tx.commit().await?;
        from.rollback().await?;
        Ok(sums)
    }
}

impl Table {
    async fn is_used(&self, conn: &mut Conn, practice: &Arc<str>) -> Result<bool> {
        let mut args = Args::default();
        args.shared(practice);
        let mut rows = rows(conn, self.read.into_sql_str(), args)?;
        while let Some(row) = rows.next().await? {
            if self.name != "meta" || !OPENED.contains(&row.text(0)?.as_str()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn sum(&self, conn: &mut Conn, practice: &Arc<str>) -> Result<TableSum> {
        let mut args = Args::default();
        args.shared(practice);
        let mut sum = Sum::default();
        let mut rows = rows(conn, self.read.into_sql_str(), args)?;
        while let Some(row) = rows.next().await? {
            sum.add(&self.values(&row)?);
        }
        Ok(sum.of(self.name))
    }

    async fn copy(&self, from: &mut Conn, to: &mut Conn, practice: &Arc<str>) -> Result<TableSum> {
        let mut args = Args::default();
        args.shared(practice);
        let mut sum = Sum::default();
        let mut rows = rows(from, self.read.into_sql_str(), args)?;
        loop {
            let mut batch = Vec::with_capacity(ROWS);
            while batch.len() < ROWS
                && let Some(row) = rows.next().await?
            {
                let values = self.values(&row)?;
                sum.add(&values);
                batch.push(values);
            }
            if batch.is_empty() {
                return Ok(sum.of(self.name));
            }
            let bind = |args: &mut Args, values: Vec<Value>| {
                args.shared(practice);
                for value in values {
                    args.add(value);
                }
            };
            self.insert.run(to, batch, bind).await?;
        }
    }

    fn values(&self, row: &Row) -> Result<Vec<Value>> {
        let value = |(column, of): (usize, &Type)| {
            Ok(match of {
                Type::Text => row
                    .text_or_null(column)?
                    .map_or(Value::NullText, |text| Value::Text(text.into())),
                Type::Int => row.int_or_null(column)?.map_or(Value::NullInt, Value::Int),
                Type::Blob => row.blob_or_null(column)?.map_or(Value::NullBlob, Value::Blob),
            })
        };
        self.types.iter().enumerate().map(value).collect()
    }
}

/// A digest in the making. Every value has its type and length before it, so that no two rows look alike.
#[derive(Default)]
struct Sum {
    rows: u64,
    hash: Sha256,
}

impl Sum {
    fn add(&mut self, values: &[Value]) {
        self.rows += 1;
        for value in values {
            let number;
            let (tag, bytes): (u8, &[u8]) = match value {
                Value::NullText | Value::NullInt | Value::NullBlob => (0, &[]),
                Value::Text(text) => (1, text.as_bytes()),
                Value::Int(value) => {
                    number = value.to_le_bytes();
                    (2, &number)
                }
                Value::Blob(bytes) => (3, bytes),
            };
            self.hash.update([tag]);
            self.hash.update((bytes.len() as u64).to_le_bytes());
            self.hash.update(bytes);
        }
    }

    fn of(self, table: &'static str) -> TableSum {
        TableSum {
            table,
            rows: self.rows,
            digest: bridge_core::hex(&self.hash.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, db::fetch};

    /// Counters follow their table by triggers, in the copy too.
    #[tokio::test]
    async fn every_column_of_every_table_is_named() {
        let store = Store::open("sqlite::memory:", &Key::generate(), "clinic", 0)
            .await
            .unwrap();
        let mut conn = store.read().await.unwrap();
        let sql = "SELECT t.name || '.' || c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE '%sqlx%' AND t.name NOT LIKE 'sqlite%' AND c.name <> 'practice' \
             AND t.name <> 'inbox_count' ORDER BY 1";
        let columns = fetch(&mut conn, sql, Args::default()).await.unwrap();
        let columns: Vec<String> = columns.iter().map(|row| row.text(0).unwrap()).collect();
        let mut named = vec![];
        for table in &TABLES {
            let list = table
                .read
                .strip_prefix("SELECT ")
                .unwrap()
                .split(" FROM ")
                .next()
                .unwrap();
            named.extend(list.split(", ").map(|column| format!("{}.{column}", table.name)));
            assert_eq!(table.types.len() + 1, table.insert.columns, "{}", table.name);
        }
        named.sort();
        assert_eq!(named, columns);
    }
}
