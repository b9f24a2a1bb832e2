//! Rows of a person who was erased, taken out of the warehouse. A record that is gone is otherwise only marked there, without
//! what says who somebody is: times and amounts stay.

use super::schema::{Layout, quoted};
use super::{Plan, Warehouse, WarehouseError};
use sqlx::{AssertSqlSafe, Executor};
use std::collections::BTreeMap;

/// Keys of rows, by entity: each with as many parts as the entity has key columns.
pub type Keys = BTreeMap<String, Vec<Vec<String>>>;

/// The statements that delete these rows, by entity; for people to run where the bridge cannot.
pub fn deletions(plan: &Plan, keys: &Keys) -> BTreeMap<String, String> {
    let text = |part: &String| format!("'{}'", part.replace('\'', "''").replace('\0', ""));
    let one = |entity: &crate::entities::Entity| {
        let rows = keys.get(&entity.name).filter(|rows| !rows.is_empty())?;
        let (entity, _) = entity.clone().under(&plan.grant);
        let layout = Layout::of(&plan.schema, &entity);
        let columns: Vec<String> = layout.keys.iter().map(|key| quoted(&key.name)).collect();
        let rows = rows.iter().filter(|row| row.len() == columns.len()).map(|row| {
            let parts: Vec<String> = row.iter().map(text).collect();
            format!("({})", parts.join(", "))
        });
        let rows: Vec<String> = rows.collect();
        let sql = format!(
            "DELETE FROM {} WHERE ({}) IN ({})",
            layout.place,
            columns.join(", "),
            rows.join(", ")
        );
        (!rows.is_empty()).then_some((entity.name, sql))
    };
    plan.entities.iter().filter_map(one).collect()
}

impl Warehouse {
    /// Deletes these rows: how many, by entity. To be done after a [step](Warehouse::step), which leaves whoever else keeps the
    /// tables nothing to write of them any more, and makes tables that are not there yet.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub async fn forget(&mut self, keys: &Keys) -> Result<BTreeMap<String, u64>, WarehouseError> {
        let mut deleted = BTreeMap::new();
        for (entity, sql) in deletions(&self.plan, keys) {
            let done = self.session.execute(AssertSqlSafe(sql)).await?;
            deleted.insert(entity, done.rows_affected());
        }
        Ok(deleted)
    }
}
