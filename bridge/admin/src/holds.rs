//! What waits and why, gathered from the entities: refused units, doubtful creates, merged records.

use bridge_core::plan::hold_reason;
use bridge_core::{Entity, Hold, Op};
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
    let mut add = |system: &str, units: Vec<String>, why: &Hold, note: &str| {
        rows.push(HoldRow {
            entity: entity.id.clone(),
            system: system.into(),
            units,
            reason: format!("{}{note}", hold_reason(why)),
        });
    };
    for (system, link) in &entity.links {
        if let Some(why) = &link.held {
            add(system, vec![], why, "");
        }
        for (unit, x) in &link.units {
            // A hold is over once another value is agreed.
            let agreed = entity.agreed.get(unit).map(|a| &a.value);
            if let Some(held) = x.held.as_ref().filter(|h| agreed == Some(&h.value)) {
                add(system, vec![unit.clone()], &held.why, "");
            }
        }
    }
    for (system, units) in &entity.refused {
        for (unit, held) in units {
            if entity.agreed.get(unit).is_some_and(|a| a.value == held.value) && !entity.links.contains_key(system) {
                add(
                    system,
                    vec![unit.clone()],
                    &held.why,
                    "; the record is created without it",
                );
            }
        }
    }
    for (system, write) in &entity.writes {
        if let Some(why) = &write.held {
            let note = if write.op == Op::Create {
                "; nothing is created meanwhile"
            } else {
                ""
            };
            add(system, write.values.keys().cloned().collect(), why, note);
        }
    }
}
