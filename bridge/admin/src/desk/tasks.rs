//! Items that are to be done in Halaxy, which cannot be written: what is to be recorded there.

use super::inbox::{Row, Side};
use super::{Desk, DeskError};
use bridge_core::{Author, Value};
use bridge_engine::ledger::open_task;
use bridge_store::Item;

impl Desk {
    /// A row of a payment that the books received, with its invoice, amount and day.
    pub(crate) async fn with_task(&self, row: Row, item: &Item) -> Result<Row, DeskError> {
        let Some(task) = open_task(self.store(), &item.id).await? else {
            return Ok(row);
        };
        let value = match &task.account {
            Some(account) => format!("{} on {}, account {account}", task.amount, task.date),
            None => format!("{} on {}", task.amount, task.date),
        };
        let books = item.systems.last().cloned().unwrap_or_default();
        Ok(Row {
            what: format!("invoice {}: {}", task.invoice, row.what),
            sides: vec![Side {
                system: books,
                value: Value::text(value),
                spelt: None,
                after: item.since,
                before: item.since,
                author: Author::Unknown,
                asks: true,
            }],
            ..row
        })
    }
}
