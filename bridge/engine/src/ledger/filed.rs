//! "Record this in Halaxy" as items of the review inbox: filed as soon as the books show such a payment, taken away when
//! Halaxy shows it, when it is gone from the books, or when something else has it.

use super::Ledger;
use super::keep::{Keep, State};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::Party;
use bridge_core::ledger::tasks::Task;
use bridge_store::{Item, Store, StoreError};
use std::collections::BTreeMap;

/// What the inbox files these items under.
pub const TASK: &str = "task/payment";
/// Where open tasks are kept, by the id of their item.
pub(super) const PART: &str = "task";
/// Records of people where invoices are written.
const PATIENT: &str = "Patient";

/// The task behind an item of the inbox, while it is open.
///
/// # Errors
/// [`EngineError::Store`].
pub async fn open_task(store: &Store, item: &str) -> Result<Option<Task>, EngineError> {
    let Some(body) = store.ledger_row(PART, item).await? else {
        return Ok(None);
    };
    let damaged = StoreError::Damaged {
        table: "ledger",
        row: format!("{PART}/{item}"),
        detail: "its content is not understood",
    };
    serde_json::from_str(&body)
        .map(Some)
        .map_err(|_| EngineError::Store(damaged))
}

impl Ledger {
    /// Brings the inbox up to these tasks, of which the open ones wait for a person.
    pub(super) async fn file(&self, state: &mut State, tasks: Vec<Task>, now: Time) -> Result<(), EngineError> {
        let open: BTreeMap<String, Task> = tasks
            .into_iter()
            .filter(Task::open)
            .map(|task| (task.id.clone(), task))
            .collect();
        if open == state.tasks {
            return Ok(());
        }
        let mut items = Vec::with_capacity(open.len());
        for task in open.values() {
            items.push(self.item(state, task, now).await?);
        }
        let mut keep = Keep::new(&self.store).await?;
        let gone: Vec<String> = state
            .tasks
            .keys()
            .filter(|id| !open.contains_key(*id))
            .cloned()
            .collect();
        keep.drop_rows(PART, &gone).await?;
        keep.tasks(TASK, &items, open.values()).await?;
        keep.commit().await?;
        state.tasks = open;
        Ok(())
    }

    async fn item(&self, state: &State, task: &Task, now: Time) -> Result<Item, EngineError> {
        let (source, books) = (&self.settings.source, &self.settings.books);
        let invoice = state.gathered.facts().invoices.get(&task.invoice);
        let entity = match invoice.and_then(|invoice| invoice.payer.as_ref()) {
            Some(Party::Patient(id)) => self.store.entity_of(source, PATIENT, id).await?,
            _ => None,
        };
        Ok(Item {
            id: task.id.clone(),
            topic: TASK.into(),
            systems: vec![source.clone(), books.clone()],
            entity,
            since: now,
            assigned: None,
            snoozed: 0,
        })
    }
}
