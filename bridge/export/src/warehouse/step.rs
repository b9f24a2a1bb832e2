//! One entity's rows, page by page: each page and the cursor it leads to in one transaction.

use super::schema::{Layout, STATE, quoted, sql_type};
use super::{Warehouse, WarehouseError};
use crate::cell::Cell;
use crate::column::Column;
use crate::cursor::Cursor;
use crate::entities::{Entity, Records};
use crate::read::{Place, ReadError, Reader, Row};
use bridge_core::Class;
use bridge_store::{Store, StoreError, Telling};
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::{Arguments, AssertSqlSafe, Connection, Row as _};

/// What the register calls the warehouse.
pub const TOLD: &str = "warehouse";

async fn note_told(store: &Store, telling: Telling) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.append_told(&[telling], jiff::Timestamp::now().as_microsecond())
        .await?;
    tx.commit().await
}

/// What a step did to one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Rows written.
    pub put: u64,
    /// Rows marked as removed.
    pub removed: u64,
    /// Every row was read again: the columns changed, or the bridge's store is another one.
    pub again: bool,
}

/// How far a table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The entity.
    pub entity: String,
    /// The cursor it stands at; none if nothing was ever written.
    pub cursor: Option<String>,
    /// When rows or the cursor were last written, in ISO 8601.
    pub synced_at: Option<String>,
}

/// What the state table says of an entity.
struct State {
    cursor: Cursor,
    layout: String,
    columns: Vec<String>,
    /// Everything is being read again since then.
    again: bool,
}

impl Warehouse {
    /// Writes what changed since the last step. Killed at any moment, the next one goes on from what is there.
    ///
    /// # Errors
    /// [`WarehouseError`]; entities before the one that failed are done.
    pub async fn step(&mut self, store: &Store) -> Result<Vec<(String, Step)>, WarehouseError> {
        let mut done = Vec::new();
        for entity in self.plan.entities.clone() {
            let name = entity.name.clone();
            let step = self.one(store, entity).await?;
            done.push((name, step));
        }
        Ok(done)
    }

    /// How far each table is.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub async fn progress(&mut self) -> Result<Vec<Progress>, WarehouseError> {
        let sql = format!(
            "SELECT cursor, to_char(synced_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM {}.{STATE} WHERE entity = $1",
            quoted(&self.plan.schema)
        );
        let mut all = Vec::new();
        for entity in &self.plan.entities {
            let query = sqlx::query(AssertSqlSafe(sql.as_str())).bind(&entity.name);
            let row = query.fetch_optional(&mut self.session).await?;
            let text = |place: usize| row.as_ref().map(|row| row.try_get::<String, _>(place)).transpose();
            all.push(Progress {
                entity: entity.name.clone(),
                cursor: text(0)?,
                synced_at: text(1)?,
            });
        }
        Ok(all)
    }

    async fn one(&mut self, store: &Store, entity: Entity) -> Result<Step, WarehouseError> {
        let practice = self.plan.about();
        let (mut reader, _) = Reader::new(store, &practice, entity, &self.plan.grant);
        let layout = Layout::of(&self.plan.schema, reader.entity());
        let name = reader.entity().name.clone();
        let state = Keeper {
            schema: quoted(&self.plan.schema),
            practice: self.plan.practice.clone(),
            entity: name.clone(),
            layout,
        };
        let mut now = state.prepared(&mut self.session).await?;
        let (mut place, until) = match reader.since(&now.cursor).await {
            Ok((_, next)) => (now.cursor.seq, next),
            Err(ReadError::Elsewhere | ReadError::Forgotten) => {
                now.cursor = Cursor::start(&name);
                now.again = true;
                state.begin_again(&mut self.session).await?;
                (0, reader.since(&now.cursor).await?.1)
            }
            Err(other) => return Err(other.into()),
        };
        let mut step = Step {
            again: now.again,
            ..Step::default()
        };
        if until.seq == place && !now.again {
            return Ok(step);
        }
        let last = until.seq;
        loop {
            let (rows, next) = reader
                .page(&Place::Changes {
                    seq: place,
                    until: last,
                })
                .await?;
            let (taken, end) = match next {
                Place::Changes { seq, .. } => (reader.at(seq).await?, false),
                _ => (until.clone(), true),
            };
            place = taken.seq;
            let mut tx = self.session.begin().await?;
            // Whoever else keeps this table waits here, and then sees that the cursor has moved.
            if !state.is_at(&mut tx, &now.cursor).await? {
                return Ok(step);
            }
            step.put += state.put(&mut tx, &rows).await?;
            step.removed += state.remove(&mut tx, &rows).await?;
            // Events that were forgotten in time are no removals.
            if end && now.again && reader.entity().records != Records::Events {
                step.removed += state.sweep(&mut tx).await?;
            }
            state.note(&mut tx, &taken, end).await?;
            // Before the rows are there: a crash between the two leaves a line too many, and never one too few.
            if let Some(telling) = reader.telling(TOLD) {
                note_told(store, telling).await.map_err(ReadError::Store)?;
            }
            tx.commit().await?;
            now.cursor = taken;
            if end {
                return Ok(step);
            }
        }
    }
}

/// Writes one table and its line in the state table.
struct Keeper {
    schema: String,
    practice: String,
    entity: String,
    layout: Layout,
}

impl Keeper {
    async fn state(&self, session: &mut PgConnection) -> Result<Option<State>, WarehouseError> {
        let sql = format!(
            "SELECT cursor, layout, columns, again_since IS NOT NULL FROM {}.{STATE} WHERE entity = $1",
            self.schema
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(&self.entity);
        let Some(row) = query.fetch_optional(session).await? else {
            return Ok(None);
        };
        let cursor: String = row.try_get(0)?;
        Ok(Some(State {
            // What somebody wrote there by hand leads to a reading of everything.
            cursor: cursor.parse().unwrap_or_else(|_| Cursor::start(&self.entity)),
            layout: row.try_get(1)?,
            columns: row.try_get(2)?,
            again: row.try_get(3)?,
        }))
    }

    /// Makes the table as it is to be. Other columns than before: everything is read again, and what is not to be
    /// there any more is emptied.
    async fn prepared(&self, session: &mut PgConnection) -> Result<State, WarehouseError> {
        let before = self.state(session).await?;
        let digest = self.layout.digest();
        let before = match before {
            Some(state) if state.layout == digest => return Ok(state),
            other => other,
        };
        let columns: Vec<String> = self.layout.columns.iter().map(|column| column.name.clone()).collect();
        let mut tx = session.begin().await?;
        for sql in self.layout.statements() {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
        let was = before.as_ref().map(|state| state.columns.clone()).unwrap_or_default();
        for column in was.iter().filter(|column| !columns.contains(column)) {
            let (place, column) = (&self.layout.place, quoted(column));
            let sql = format!("UPDATE {place} SET {column} = NULL WHERE {column} IS NOT NULL");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
        let start = Cursor::start(&self.entity);
        let sql = format!(
            "INSERT INTO {}.{STATE} (entity, practice, layout, columns, cursor, again_since) VALUES ($1, $2, $3, $4, $5, now()) \
             ON CONFLICT (entity) DO UPDATE SET layout = excluded.layout, columns = excluded.columns, cursor = excluded.cursor, \
             again_since = coalesce({STATE}.again_since, now())",
            self.schema
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(&self.entity).bind(&self.practice);
        let query = query.bind(&digest).bind(&columns).bind(start.to_string());
        query.execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(State {
            cursor: start,
            layout: digest,
            columns,
            again: true,
        })
    }

    /// From the start, and what is not met on the way is marked as removed at the end.
    async fn begin_again(&self, session: &mut PgConnection) -> Result<(), WarehouseError> {
        let sql = format!(
            "UPDATE {}.{STATE} SET cursor = $2, again_since = now() WHERE entity = $1",
            self.schema
        );
        let start = Cursor::start(&self.entity).to_string();
        let query = sqlx::query(AssertSqlSafe(sql)).bind(&self.entity).bind(start);
        query.execute(session).await?;
        Ok(())
    }

    async fn is_at(&self, tx: &mut PgConnection, cursor: &Cursor) -> Result<bool, WarehouseError> {
        let sql = format!(
            "SELECT cursor FROM {}.{STATE} WHERE entity = $1 FOR UPDATE",
            self.schema
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(&self.entity)
            .fetch_optional(tx)
            .await?;
        let stored: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
        Ok(stored.is_some_and(|stored| stored == cursor.to_string()))
    }

    async fn note(&self, tx: &mut PgConnection, cursor: &Cursor, end: bool) -> Result<(), WarehouseError> {
        let sql = format!(
            "UPDATE {}.{STATE} SET cursor = $2, synced_at = now(), again_since = CASE WHEN $3 THEN NULL ELSE again_since END \
             WHERE entity = $1",
            self.schema
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(&self.entity);
        query.bind(cursor.to_string()).bind(end).execute(tx).await?;
        Ok(())
    }

    /// Columns travel as arrays of text, which the server reads as their types.
    async fn put(&self, tx: &mut PgConnection, rows: &[Row]) -> Result<u64, WarehouseError> {
        let cells = rows.iter().filter_map(|row| match row {
            Row::Put(cells) => Some(cells.as_slice()),
            Row::Removed(_) => None,
        });
        let cells: Vec<&[Cell]> = cells.collect();
        if cells.is_empty() {
            return Ok(0);
        }
        let columns = &self.layout.columns;
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        let keys: Vec<String> = self.layout.keys.iter().map(|key| quoted(&key.name)).collect();
        let set = names.iter().filter(|name| !keys.contains(name));
        let mut set: Vec<String> = set.map(|name| format!("{name} = excluded.{name}")).collect();
        set.extend(["synced_at = now()".into(), "removed_at = NULL".into()]);
        let sql = format!(
            "INSERT INTO {} ({}) SELECT {} FROM unnest({}) AS r ({}) ON CONFLICT ({}) DO UPDATE SET {}",
            self.layout.place,
            names.join(", "),
            typed(columns).join(", "),
            arrays(columns.len()),
            numbered(columns.len()),
            keys.join(", "),
            set.join(", ")
        );
        Ok(run(tx, sql, columns.len(), &cells).await?)
    }

    async fn remove(&self, tx: &mut PgConnection, rows: &[Row]) -> Result<u64, WarehouseError> {
        let keys = rows.iter().filter_map(|row| match row {
            Row::Removed(keys) => Some(keys.as_slice()),
            Row::Put(_) => None,
        });
        let keys: Vec<&[Cell]> = keys.collect();
        if keys.is_empty() {
            return Ok(0);
        }
        let own = &self.layout.keys;
        let same = own.iter().zip(typed(own));
        let same: Vec<String> = same
            .map(|(key, value)| format!("t.{} = {value}", quoted(&key.name)))
            .collect();
        let sql = format!(
            "UPDATE {} AS t SET {} FROM unnest({}) AS r ({}) WHERE {} AND t.removed_at IS NULL",
            self.layout.place,
            self.mark_removed(),
            arrays(own.len()),
            numbered(own.len()),
            same.join(" AND ")
        );
        Ok(run(tx, sql, own.len(), &keys).await?)
    }

    /// Marks what was not met since everything began to be read again.
    async fn sweep(&self, tx: &mut PgConnection) -> Result<u64, WarehouseError> {
        let sql = format!(
            "UPDATE {} AS t SET {} WHERE t.removed_at IS NULL AND t.synced_at < (SELECT again_since FROM {}.{STATE} WHERE entity = $1)",
            self.layout.place,
            self.mark_removed(),
            self.schema
        );
        let done = sqlx::query(AssertSqlSafe(sql)).bind(&self.entity).execute(tx).await?;
        Ok(done.rows_affected())
    }

    /// Who somebody is, and how to reach them, does not outlive the record.
    fn mark_removed(&self) -> String {
        let personal = |column: &&Column| matches!(column.class, Some(Class::Identity | Class::Contact));
        let columns = self.layout.columns.iter().filter(personal);
        let mut set: Vec<String> = columns
            .map(|column| format!("{} = NULL", quoted(&column.name)))
            .collect();
        set.extend(["removed_at = now()".into(), "synced_at = now()".into()]);
        set.join(", ")
    }
}

fn arrays(columns: usize) -> String {
    let list: Vec<String> = (1..=columns).map(|n| format!("${n}::text[]")).collect();
    list.join(", ")
}

fn numbered(columns: usize) -> String {
    let list: Vec<String> = (1..=columns).map(|n| format!("c{n}")).collect();
    list.join(", ")
}

fn typed(columns: &[Column]) -> Vec<String> {
    let columns = columns.iter().zip(1..);
    columns
        .map(|(column, n)| format!("r.c{n}::{}", sql_type(column.shape)))
        .collect()
}

async fn run(tx: &mut PgConnection, sql: String, columns: usize, rows: &[&[Cell]]) -> sqlx::Result<u64> {
    let mut args = PgArguments::default();
    for column in 0..columns {
        let values: Vec<Option<String>> = rows.iter().map(|row| text(row.get(column))).collect();
        args.add(values).map_err(sqlx::Error::Encode)?;
    }
    let done = sqlx::query_with(AssertSqlSafe(sql), args).execute(tx).await?;
    Ok(done.rows_affected())
}

/// PostgreSQL's text holds no NUL.
fn text(cell: Option<&Cell>) -> Option<String> {
    match cell? {
        Cell::Empty => None,
        cell => Some(cell.to_text().replace('\0', "")),
    }
}
