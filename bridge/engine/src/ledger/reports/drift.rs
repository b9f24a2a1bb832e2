//! What changed in Halaxy or in the books after it was posted, and what would put it right.

use crate::error::EngineError;
use crate::ledger::Ledger;
use bridge_core::Time;
use bridge_core::ledger::prove::sheets::differences;
use bridge_core::ledger::prove::{Between, Difference};
use bridge_core::ledger::sheet::Sheet;
use bridge_core::ledger::{Entry, Purpose, Source};
use jiff::ToSpan;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// What drifted.
#[derive(Clone, Debug)]
pub struct Drift {
    /// What differs from what was posted.
    pub differences: Vec<Difference>,
    /// Documents that the next pass would post about it.
    pub proposals: Vec<Entry>,
    /// Keys of documents that it would void.
    pub void: Vec<String>,
    /// Keys of documents that somebody voided or deleted in the books; they are posted again only if a person says so.
    pub undone: Vec<String>,
}

impl Ledger {
    /// Everything that changed after it was posted, with the correcting documents. Reads both accounts first.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn drift(&self, now: Time) -> Result<Drift, EngineError> {
        let outlook = self.preview(now).await?;
        let to = self.today(now).saturating_add(366.days());
        let proof = self.prove(self.settings().rules.start_from, to, false, now).await?;
        let entries = self.entries().await;
        let posted: BTreeSet<Source> = entries.into_iter().flat_map(|e| e.sources).collect();
        // What is posted for the first time is no drift.
        let corrects = |e: &Entry| match e.purpose {
            Purpose::Charge | Purpose::Receipt | Purpose::Deposit | Purpose::Summary => {
                e.sources.iter().any(|s| posted.contains(s))
            }
            _ => true,
        };
        let known: BTreeSet<String> = posted.iter().map(ToString::to_string).collect();
        let after = |d: &Difference| d.between != Between::HalaxyAndPosted || known.contains(&d.subject);
        Ok(Drift {
            differences: proof.differences.into_iter().filter(after).collect(),
            proposals: outlook.plan.post.into_iter().filter(corrects).collect(),
            void: outlook.plan.void,
            undone: self.undone().await,
        })
    }
}

impl Drift {
    /// The correcting documents, and what would be voided.
    pub fn proposed(&self) -> Sheet {
        let mut sheet = Sheet::new(&["date", "proposed", "key", "on", "#amount", "from"]);
        for e in &self.proposals {
            let from: Vec<String> = e.sources.iter().take(3).map(ToString::to_string).collect();
            sheet.push([
                e.document.date.to_string(),
                format!("{:?} ({:?})", e.document.kind, e.purpose),
                e.document.key.clone(),
                e.document.of.clone().unwrap_or_default(),
                e.document.total.to_string(),
                from.join(", "),
            ]);
        }
        for key in &self.void {
            sheet.push([String::new(), "void".into(), key.clone()]);
        }
        sheet
    }

    /// Both tables as one CSV text.
    pub fn csv(&self) -> String {
        format!("{}\n{}", differences(&self.differences).csv(), self.proposed().csv())
    }

    /// For programs.
    pub fn json(&self) -> Json {
        let row = |e: &Entry| {
            json!({ "key": e.document.key, "kind": e.document.kind, "purpose": e.purpose, "date": e.document.date,
                "total": e.document.total.to_string(), "of": e.document.of })
        };
        json!({
            "differences": self.differences,
            "proposed": self.proposals.iter().map(row).collect::<Vec<_>>(),
            "void": self.void,
            "voided_in_books": self.undone,
        })
    }
}
