//! Which invoices a patient is to pay, kept up with the facts, so that a page finds somebody's few without reading all.

use super::Ledger;
use super::keep::State;
use crate::error::EngineError;
use bridge_core::ledger::facts::Party;
use bridge_core::ledger::{Fact, Invoice};
use bridge_store::RecordKey;
use std::ops::Bound;

/// The part of the store with invoices, by number.
pub(crate) const INVOICES: &str = "fact/Invoice";
/// The kind of the records of patients, as the ledger's facts call them.
const PATIENT: &str = "Patient";
/// Invoices of an older release that are taken in at a time.
const BITE: usize = 2_000;

fn payer(source: &str, invoice: &Invoice) -> Vec<RecordKey> {
    match &invoice.payer {
        Some(Party::Patient(id)) if !invoice.removed => vec![RecordKey::new(source, PATIENT, id.as_str())],
        _ => vec![],
    }
}

/// Whom a fact is about.
pub(super) fn about(source: &str, fact: &Fact) -> Vec<RecordKey> {
    match fact {
        Fact::Invoice(invoice) => payer(source, invoice),
        _ => vec![],
    }
}

impl Ledger {
    /// Takes in what an older release kept, a bite at a time, so that others may write between.
    pub(super) async fn take_in(&self, state: &State) -> Result<(), EngineError> {
        while !self.store.concerns_complete(INVOICES).await? {
            let mut tx = self.store.begin().await?;
            let Some(after) = tx.concerns_open(INVOICES).await? else {
                return Ok(());
            };
            let all = &state.gathered.facts().invoices;
            let rest = all.range::<str, _>((Bound::Excluded(after.as_str()), Bound::Unbounded));
            let source = &self.settings.source;
            let rows: Vec<(String, Vec<RecordKey>)> = rest
                .take(BITE)
                .map(|(id, invoice)| (id.clone(), payer(source, invoice)))
                .collect();
            tx.set_concerns(INVOICES, &rows).await?;
            let upto = rows.last().filter(|_| rows.len() == BITE).map(|(id, _)| id.as_str());
            tx.concerns_taken(INVOICES, upto).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
