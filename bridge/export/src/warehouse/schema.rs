//! Tables as they are to be: made, and widened, never narrowed.

use super::{Plan, Warehouse, WarehouseError};
use crate::cell::Shape;
use crate::column::Column;
use crate::entities::Entity;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeSet;

/// The table that says how far the others are.
pub const STATE: &str = "bridge_state";
/// Columns of every table, beside the entity's.
const OURS: [(&str, &str); 2] = [
    ("synced_at", "timestamptz NOT NULL DEFAULT now()"),
    ("removed_at", "timestamptz"),
];

/// A name in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn sql_type(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "text",
        Shape::Flag => "boolean",
        Shape::Whole => "bigint",
        Shape::Day => "date",
        Shape::Moment => "timestamptz",
        Shape::Amount | Shape::Cents => "numeric",
    }
}

/// One entity's table.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Its name, without the schema.
    pub table: String,
    pub(super) place: String,
    pub(super) keys: Vec<Column>,
    pub(super) columns: Vec<Column>,
}

impl Layout {
    /// Of an entity under its grant.
    pub(super) fn of(schema: &str, entity: &Entity) -> Layout {
        let table = entity.name.replace('-', "_");
        Layout {
            place: format!("{}.{}", quoted(schema), quoted(&table)),
            table,
            keys: entity.columns.iter().take(entity.keys).cloned().collect(),
            columns: entity.columns.clone(),
        }
    }

    /// Changes when other columns, or other types of them, are to be there.
    pub(super) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for column in &self.columns {
            hash.update(format!("{} {}\n", column.name, sql_type(column.shape)));
        }
        bridge_core::hex(&hash.finalize()[..8])
    }

    /// Makes the table and whatever columns it lacks.
    pub(super) fn statements(&self) -> Vec<String> {
        let column = |column: &Column| {
            let required = if self.keys.iter().any(|key| key.name == column.name) {
                " NOT NULL"
            } else {
                ""
            };
            format!("{} {}{required}", quoted(&column.name), sql_type(column.shape))
        };
        let keys: Vec<String> = self.keys.iter().map(|key| quoted(&key.name)).collect();
        let mut columns: Vec<String> = self.columns.iter().map(column).collect();
        columns.extend(OURS.iter().map(|(name, kind)| format!("{name} {kind}")));
        let mut all = vec![format!(
            "CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({}))",
            self.place,
            columns.join(", "),
            keys.join(", ")
        )];
        let further = self.columns.iter().skip(self.keys.len()).map(column);
        all.extend(further.map(|column| format!("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {column}", self.place)));
        all
    }
}

fn state_statement(schema: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {}.{STATE} (entity text PRIMARY KEY, practice text NOT NULL, layout text NOT NULL, \
         columns text[] NOT NULL, cursor text NOT NULL, again_since timestamptz, synced_at timestamptz NOT NULL DEFAULT now())",
        quoted(schema)
    )
}

/// What an administrator runs once: a role that can do nothing but keep this schema.
pub fn setup(plan: &Plan, role: &str) -> String {
    let (schema, role) = (quoted(&plan.schema), quoted(role));
    format!(
        "-- Run by an administrator of the warehouse's database, once. The role owns what it makes in its schema and may do\n\
         -- nothing elsewhere. Give it a password of its own, and put the address into what [warehouse] url names.\n\
         CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 4;\n\
         \\password {role}\n\
         CREATE SCHEMA IF NOT EXISTS {schema};\n\
         REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;\n\
         GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};\n\
         -- Whoever reads the tables gets that right apart, for example:\n\
         -- GRANT USAGE ON SCHEMA {schema} TO analyst;\n\
         -- ALTER DEFAULT PRIVILEGES FOR ROLE {role} IN SCHEMA {schema} GRANT SELECT ON TABLES TO analyst;\n"
    )
}

impl Warehouse {
    /// Whether the schema is there, may be used, and is not the bridge's own.
    pub(super) async fn usable(&mut self) -> Result<(), WarehouseError> {
        let schema = self.plan.schema.clone();
        let usable =
            sqlx::query("SELECT 1 FROM pg_namespace n WHERE n.nspname = $1 AND has_schema_privilege(n.oid, 'USAGE')");
        if usable.bind(&schema).fetch_optional(&mut self.session).await?.is_none() {
            return Err(WarehouseError::NoSchema(schema));
        }
        let named = self.tables().await?;
        if ["entity", "link", "meta"].iter().all(|own| named.contains(*own)) {
            return Err(WarehouseError::Own(schema));
        }
        Ok(())
    }

    /// Whether the schema may be ours; the state table is made if it is not there.
    pub(super) async fn look(&mut self) -> Result<(), WarehouseError> {
        self.usable().await?;
        let (schema, named) = (self.plan.schema.clone(), self.tables().await?);
        if !named.contains(STATE) {
            let taken = self.layouts().into_iter().find(|layout| named.contains(&layout.table));
            if let Some(layout) = taken {
                return Err(WarehouseError::Taken(layout.table));
            }
            let sql = state_statement(&schema);
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.session).await?;
        }
        self.ours().await
    }

    /// Whether the tables that are there are ours, and this practice's.
    pub(super) async fn ours(&mut self) -> Result<(), WarehouseError> {
        let (schema, named) = (self.plan.schema.clone(), self.tables().await?);
        let sql = format!("SELECT entity, practice FROM {}.{STATE}", quoted(&schema));
        let mut known = BTreeSet::new();
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut self.session).await? {
            if row.try_get::<String, _>(1)? != self.plan.practice {
                return Err(WarehouseError::OfAnother(schema));
            }
            known.insert(row.try_get::<String, _>(0)?);
        }
        let taken = self.plan.entities.iter().find(|entity| {
            let layout = Layout::of(&schema, entity);
            named.contains(&layout.table) && !known.contains(&entity.name)
        });
        match taken {
            Some(entity) => Err(WarehouseError::Taken(entity.name.replace('-', "_"))),
            None => Ok(()),
        }
    }

    pub(super) async fn tables(&mut self) -> Result<BTreeSet<String>, WarehouseError> {
        let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
        let rows = sqlx::query(sql)
            .bind(&self.plan.schema)
            .fetch_all(&mut self.session)
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    fn layouts(&self) -> Vec<Layout> {
        let entities = self.plan.entities.iter();
        entities.map(|entity| Layout::of(&self.plan.schema, entity)).collect()
    }
}
