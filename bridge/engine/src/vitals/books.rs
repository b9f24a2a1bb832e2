//! How the books are kept: what the process that posts notes for everybody who asks, and when somebody should be told.

use super::alerts::{Alert, AlertCode};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_store::Store;
use serde::{Deserialize, Serialize};

/// The note's name.
const NAME: &str = "ledger_status";

/// What the last proof came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofVitals {
    /// When it was tried.
    #[serde(with = "super::moment")]
    pub at: Time,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// Differences found; none if it could not be done.
    pub differences: Option<u64>,
    /// Digest of its figures.
    pub digest: Option<String>,
    /// Why it could not be done; no values.
    pub failed: Option<String>,
}

/// The ledger of a practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerVitals {
    /// When the books were last looked after.
    #[serde(with = "super::moment")]
    pub at: Time,
    /// Whether a person approved posting by the rules in force.
    pub approved: bool,
    /// Documents in the books that the bridge posted or adopted.
    pub posted: u64,
    /// What waits for a person, or for an account.
    pub held: u64,
    /// Documents that would be posted once that is approved.
    pub unapproved: u64,
    /// What was in the way; no values.
    pub trouble: Vec<String>,
    /// The last proof.
    pub proof: Option<ProofVitals>,
}

impl LedgerVitals {
    /// What was noted last; none if no ledger was ever kept.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn read(store: &Store) -> Result<Option<LedgerVitals>, EngineError> {
        let note = store.meta(NAME).await?;
        Ok(note.and_then(|note| serde_json::from_str(&note).ok()))
    }

    /// Notes it.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn keep(&self, store: &Store) -> Result<(), EngineError> {
        let note = serde_json::to_string(self).unwrap_or_default();
        let mut tx = store.begin().await?;
        tx.put_meta(NAME, &note).await?;
        Ok(tx.commit().await?)
    }
}

pub(super) fn alert(ledger: &LedgerVitals) -> Option<Alert> {
    let proof = ledger.proof.as_ref()?;
    let (message, remedy) = match (&proof.failed, proof.differences) {
        (Some(why), _) => (
            format!("the books could not be proved: {why}"),
            "See `halaxy-bridge check`; it is tried again every night.",
        ),
        (None, Some(n)) if n > 0 => (
            format!("the last proof of the books found {n} differences"),
            "See `halaxy-bridge ledger drift`.",
        ),
        _ => return None,
    };
    Some(Alert {
        code: AlertCode::Ledger,
        system: None,
        message,
        remedy: remedy.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::{LedgerVitals, ProofVitals, alert};

    fn told(differences: Option<u64>, failed: Option<&str>) -> Option<String> {
        let proof = ProofVitals {
            at: 0,
            from: "2026-10-01".into(),
            to: "2026-10-31".into(),
            differences,
            digest: None,
            failed: failed.map(str::to_owned),
        };
        let ledger = LedgerVitals {
            at: 0,
            approved: true,
            posted: 1,
            held: 0,
            unapproved: 0,
            trouble: vec![],
            proof: Some(proof),
        };
        alert(&ledger).map(|alert| alert.message)
    }

    #[test]
    fn somebody_is_told_of_a_proof_that_differs_or_was_not_done() {
        assert_eq!(told(Some(0), None), None);
        assert!(told(Some(3), None).is_some_and(|text| text.contains("3 differences")));
        assert!(told(None, Some("cannot read now")).is_some_and(|text| text.contains("cannot read now")));
    }
}
