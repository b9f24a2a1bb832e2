//! Conflicts as people see them: what each system holds now, and which of the stored choices a
//! person means by naming a system.

use crate::exit::Failure;
use bridge_core::review::Choice;
use bridge_core::{Entity, LinkState, Value};
use bridge_store::{ConflictRow, Store};
use std::collections::BTreeMap;

/// The name of the last agreed value among the values of a conflict.
pub const AGREED: &str = "agreed";

/// What every system holds of the unit, by name. A system whose value is the agreed one is no
/// contender, but people want to see it.
///
/// # Errors
/// The store's.
pub async fn values_of(store: &Store, row: &ConflictRow) -> Result<BTreeMap<String, Value>, Failure> {
    let mut values = row.conflict.values.clone();
    values.remove(AGREED);
    if let Some(entity) = entity(store, row).await? {
        for (system, link) in entity.links.iter().filter(|(_, l)| l.state == LinkState::Live) {
            if let Some(seen) = link.units.get(&row.unit).and_then(|x| x.seen()) {
                values.entry(system.clone()).or_insert_with(|| seen.clone());
            }
        }
    }
    Ok(values)
}

/// The value agreed before the edits that are in conflict, or by an edit that was taken first.
///
/// # Errors
/// The store's.
pub async fn agreed_of(store: &Store, row: &ConflictRow) -> Result<Option<Value>, Failure> {
    if let Some(value) = row.conflict.values.get(AGREED) {
        return Ok(Some(value.clone()));
    }
    Ok(entity(store, row)
        .await?
        .and_then(|mut e| e.agreed.remove(&row.unit))
        .map(|a| a.into_inner().value))
}

/// The choice that a person means by a system's name, or by `agreed`.
///
/// # Errors
/// [`Failure::Usage`] if nothing of that name is shown.
pub async fn choice_of(store: &Store, row: &ConflictRow, name: &str) -> Result<Choice, Failure> {
    if row.conflict.values.contains_key(name) {
        return Ok(Choice::From(name.into()));
    }
    let values = values_of(store, row).await?;
    match (values.get(name), row.conflict.values.get(AGREED)) {
        (Some(held), Some(agreed)) if held == agreed => Ok(Choice::From(AGREED.into())),
        _ => {
            let names: Vec<&str> = row.conflict.values.keys().map(String::as_str).collect();
            Err(Failure::Usage(format!(
                "there is no value from `{name}` to take; take one of {}",
                names.join(", ")
            )))
        }
    }
}

async fn entity(store: &Store, row: &ConflictRow) -> Result<Option<Entity>, Failure> {
    Ok(store.entities(std::slice::from_ref(&row.entity)).await?.pop())
}
