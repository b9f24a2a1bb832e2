//! Groups of writes that a person has not approved yet: what is to be created in a system, or what is to be changed there,
//! waits while the rest goes out. Kept in the store, so that every process sees it at its next step. Opt-outs never wait.

use crate::error::EngineError;
use bridge_core::Time;
use bridge_store::{AuditEntry, KeptBack, Store, StoreError, Tx};
use std::collections::BTreeSet;

/// One group: everything that is to be created in a system, or to be changed there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The system.
    pub system: String,
    /// What is to be created; else what is to be changed.
    pub create: bool,
}

impl Group {
    /// Its name in forms and in the history: `crm/create`, `crm/update`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.system, if self.create { "create" } else { "update" })
    }

    /// The group of that name.
    pub fn parse(name: &str) -> Option<Group> {
        let (system, op) = name.rsplit_once('/')?;
        let create = match op {
            "create" => true,
            "update" => false,
            _ => return None,
        };
        Some(Group {
            system: system.into(),
            create,
        })
    }

    fn note(&self) -> String {
        format!("kept_back/{}", self.name())
    }
}

/// Whether a group waits for a person.
///
/// # Errors
/// The store's.
pub async fn is_kept_back(store: &Store, group: &Group) -> Result<bool, StoreError> {
    Ok(store.meta(&group.note()).await?.is_some_and(|note| !note.is_empty()))
}

/// What of a system's planned writes waits for a person.
///
/// # Errors
/// The store's.
pub async fn kept_back(store: &Store, system: &str) -> Result<KeptBack, StoreError> {
    let group = |create| Group {
        system: system.into(),
        create,
    };
    Ok(KeptBack {
        creates: is_kept_back(store, &group(true)).await?,
        updates: is_kept_back(store, &group(false)).await?,
    })
}

/// Keeps groups back, or lets them go.
pub(crate) async fn set(tx: &mut Tx, groups: &BTreeSet<Group>, kept: bool, now: Time) -> Result<(), StoreError> {
    for group in groups {
        let note = if kept { now.to_string() } else { String::new() };
        tx.put_meta(&group.note(), &note).await?;
    }
    Ok(())
}

/// A person approves a group that was kept back, with its line in the history.
///
/// # Errors
/// The store's, or [`EngineError::NotPossible`] if it was not kept back.
pub async fn let_go(store: &Store, group: &Group, by: &str, now: Time) -> Result<(), EngineError> {
    if !is_kept_back(store, group).await? {
        return Err(EngineError::NotPossible("this was approved already".into()));
    }
    let mut tx = store.begin().await?;
    set(&mut tx, &BTreeSet::from([group.clone()]), false, now).await?;
    tx.append_audit(&[AuditEntry {
        at: now,
        system: Some(group.system.clone()),
        event: "approved".into(),
        reason: format!("by {by}: {}", group.name()),
        ..AuditEntry::default()
    }])
    .await?;
    Ok(tx.commit().await?)
}
