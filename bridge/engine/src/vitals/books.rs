//! How the books are kept: what the process that posts notes for everybody who asks, and when somebody should be told.

use super::Remedy;
use super::alerts::{Alert, AlertCode};
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::ledger::Proof;
use bridge_store::Store;
use jiff::civil::Date;
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
    /// It was the service's own, over every day that it watches; else somebody asked for these days.
    #[serde(default)]
    pub nightly: bool,
}

impl ProofVitals {
    /// What a proof came to.
    pub fn of(proof: &Proof, nightly: bool, at: Time) -> ProofVitals {
        ProofVitals {
            differences: Some(proof.differences.len() as u64),
            digest: Some(proof.digest()),
            ..ProofVitals::tried((proof.from, proof.to), nightly, at)
        }
    }

    /// One that came to nothing yet.
    pub fn tried((from, to): (Date, Date), nightly: bool, at: Time) -> ProofVitals {
        ProofVitals {
            at,
            from: from.to_string(),
            to: to.to_string(),
            differences: None,
            digest: None,
            failed: None,
            nightly,
        }
    }

    /// Whether the books were proved, and nothing differs.
    pub fn agrees(&self) -> bool {
        self.failed.is_none() && self.differences == Some(0)
    }

    /// Whether it says of every day of the other how it is now. Dates are written so that text orders like time.
    fn answers(&self, other: &ProofVitals) -> bool {
        self.nightly || (self.from <= other.from && self.to >= other.to)
    }
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
    /// The last proof, whoever asked for it and wherever.
    pub proof: Option<ProofVitals>,
    /// The last proof that found differences, or failed, until one of the same days, or a nightly one, agrees.
    #[serde(default)]
    pub amiss: Option<ProofVitals>,
}

impl LedgerVitals {
    /// Takes a proof into account. One of a few days that agrees says nothing of others that do not.
    pub fn proved(&mut self, proof: ProofVitals) {
        let settles = self.amiss.as_ref().is_none_or(|amiss| proof.answers(amiss));
        match (proof.agrees(), settles) {
            (false, true) => self.amiss = Some(proof.clone()),
            (true, true) => self.amiss = None,
            (_, false) => {}
        }
        self.proof = Some(proof);
    }

    /// What was noted last; none if no ledger was ever kept.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn read(store: &Store) -> Result<Option<LedgerVitals>, EngineError> {
        let note = store.meta(NAME).await?;
        Ok(note.and_then(|note| understood(&note)))
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

/// What was noted. An older version kept no more than the last proof: if that one found something, it is not found right yet.
fn understood(note: &str) -> Option<LedgerVitals> {
    let mut ledger: LedgerVitals = serde_json::from_str(note).ok()?;
    let last = ledger.proof.as_ref().filter(|proof| !proof.agrees());
    ledger.amiss = ledger.amiss.or_else(|| last.cloned());
    Some(ledger)
}

pub(super) fn alert(ledger: &LedgerVitals) -> Option<Alert> {
    let proof = ledger.amiss.as_ref()?;
    let (message, remedy) = match (&proof.failed, proof.differences) {
        (Some(why), _) => (format!("the books could not be proved: {why}"), Remedy::ProveAgain),
        (None, n) => {
            let (n, from, to) = (n.unwrap_or_default(), &proof.from, &proof.to);
            let message = format!("the proof of the books of {from} to {to} found {n} differences");
            (message, Remedy::SeeDrift)
        }
    };
    Some(Alert {
        code: AlertCode::Ledger,
        system: None,
        message,
        remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::{LedgerVitals, ProofVitals, alert};

    fn proof(from: &str, to: &str, differences: Option<u64>) -> ProofVitals {
        ProofVitals {
            at: 0,
            from: from.into(),
            to: to.into(),
            differences,
            digest: None,
            failed: differences.is_none().then(|| "cannot read now".into()),
            nightly: false,
        }
    }

    fn told(proofs: impl IntoIterator<Item = ProofVitals>) -> (Option<String>, LedgerVitals) {
        let mut ledger = LedgerVitals {
            at: 0,
            approved: true,
            posted: 1,
            held: 0,
            unapproved: 0,
            trouble: vec![],
            proof: None,
            amiss: None,
        };
        proofs.into_iter().for_each(|proof| ledger.proved(proof));
        (alert(&ledger).map(|alert| alert.message), ledger)
    }

    #[test]
    fn somebody_is_told_of_a_proof_that_differs_or_was_not_done() {
        let october = |n| proof("2026-10-01", "2026-10-31", n);
        assert_eq!(told([october(Some(0))]).0, None);
        assert!(
            told([october(Some(3))])
                .0
                .is_some_and(|text| text.contains("3 differences"))
        );
        assert!(
            told([october(None)])
                .0
                .is_some_and(|text| text.contains("cannot read now"))
        );
        assert_eq!(told([october(Some(3)), october(Some(0))]).0, None);
    }

    #[test]
    fn a_proof_of_other_days_is_the_last_one_and_hides_no_difference() {
        let differs = proof("2026-10-01", "2026-10-31", Some(3));
        let day = proof("2026-10-05", "2026-10-05", Some(0));
        let (alert, ledger) = told([differs.clone(), day.clone()]);
        assert_eq!((ledger.proof, ledger.amiss), (Some(day), Some(differs.clone())));
        assert!(alert.is_some_and(|text| text.contains("2026-10-01 to 2026-10-31 found 3")));
        let nightly = ProofVitals {
            nightly: true,
            ..proof("2026-10-02", "2026-11-30", Some(0))
        };
        assert_eq!(told([differs, nightly]).0, None);
    }

    #[test]
    fn what_an_older_version_noted_is_read_with_what_it_found() {
        let october = |n| proof("2026-10-01", "2026-10-31", n);
        for last in [october(Some(0)), october(Some(2)), october(None)] {
            let (_, ledger) = told([last]);
            let mut note = serde_json::to_value(&ledger).unwrap_or_default();
            if let Some(note) = note.as_object_mut() {
                note.remove("amiss");
            }
            if let Some(proof) = note["proof"].as_object_mut() {
                proof.remove("nightly");
            }
            assert_eq!(super::understood(&note.to_string()), Some(ledger));
        }
    }
}
