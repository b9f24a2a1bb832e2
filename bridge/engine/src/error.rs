//! What stops the engine. Trouble with one system does not: it is kept in that system's
//! [`crate::Health`], and the others go on.

use bridge_core::review::DecisionError;
use bridge_store::StoreError;

/// Why a step or a decision failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed: nothing more is done until it works again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] bridge_queue::QueueError),
    /// The right to drive the accounts is lost: another process may drive them now.
    #[error("the right to drive was lost with its session; nothing more is sent")]
    Dismissed,
    /// A worker thread ended abnormally: a defect of ours.
    #[error("a worker ended abnormally: {0}")]
    Worker(String),
    /// A person's decision was not stored.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// Nothing has that name.
    #[error("there is no {0}")]
    NotFound(String),
    /// What a person asked for does not fit what is there: why, and what to do instead.
    #[error("{0}")]
    NotPossible(String),
    /// Somebody else changed the same entity at the same moment.
    #[error("this was changed by somebody else at the same moment: look again")]
    Changed,
}

impl EngineError {
    /// A row that a part of ours keeps is not understood.
    pub(crate) fn unread_row(part: &str, id: &str) -> EngineError {
        EngineError::Store(StoreError::Damaged {
            table: "ledger",
            row: format!("{part}/{id}"),
            detail: "its content is not understood",
        })
    }
}
