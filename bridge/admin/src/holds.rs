//! What waits and why, gathered from the entities: refused units, doubtful creates, merged records.

use bridge_core::Entity;
use bridge_core::plan::hold_reason;
use bridge_core::waiting::held;
use bridge_store::{Page, Store, StoreError};
use serde::Serialize;

const BATCH: usize = 500;

/// One thing that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldRow {
    /// Entity.
    pub entity: String,
    /// System that does not get the values.
    pub system: String,
    /// Units that wait; none for a whole record.
    pub units: Vec<String>,
    /// Why, in words.
    pub reason: String,
}

/// Everything that waits. Reads every entity: for people, not for every cycle.
///
/// # Errors
/// The store's.
pub async fn all(store: &Store) -> Result<Vec<HoldRow>, StoreError> {
    let (mut rows, mut page) = (vec![], Page::first(BATCH));
    loop {
        let part = store.linked(&page).await?;
        let ids: Vec<String> = part.rows.into_iter().map(|r| r.entity).collect();
        for entity in store.entities(&ids).await? {
            of(&entity, &mut rows);
        }
        match part.next {
            Some(next) => page.after = Some(next),
            None => return Ok(rows),
        }
    }
}

/// What waits of one entity.
pub fn of(entity: &Entity, rows: &mut Vec<HoldRow>) {
    rows.extend(held(entity).into_iter().map(|h| HoldRow {
        entity: entity.id.clone(),
        system: h.system,
        units: h.units,
        reason: format!("{}{}", hold_reason(&h.why), h.note),
    }));
}
