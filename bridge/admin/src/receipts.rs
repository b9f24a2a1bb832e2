//! What became of writes that people asked for, by request key: marked before the call, settled after it, so that the
//! same key never does anything twice, whatever happened in between. Kept sealed; ids and codes only, but for what was sent
//! as long as nobody knows its outcome.

use bridge_core::Time;
use bridge_store::{About, AuditEntry, Store, StoreError, Telling};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Halaxy's kind of people.
pub(crate) const PATIENT: &str = "Patient";
/// The part of the store's sealed rows.
const PART: &str = "action";

/// How far a write got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Marked; the call is under way, or was cut off.
    Sent,
    /// Done.
    Done,
    /// Refused; nothing was done.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The action.
    pub action: String,
    /// Digest of the request: a key stands for one request only.
    pub request: String,
    /// When it was first sent.
    pub at: Time,
    /// Who asked.
    pub by: String,
    /// How far it got.
    pub progress: Progress,
    /// The record that was made or changed.
    pub id: Option<String>,
    /// What Halaxy answered, as a code.
    pub code: Option<String>,
    /// What was sent, as long as nobody knows whether it was done.
    #[serde(default)]
    pub sent: Option<Box<Sent>>,
    /// What it tells of whom, until that stands in the history.
    #[serde(default)]
    pub tells: Option<Box<Tells>>,
}

/// What a write tells, by names, and the patients it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tells {
    /// The kind of its record.
    pub resource: String,
    /// Members of the body.
    pub members: Vec<String>,
    /// References, like `Patient/900001`: an erasure finds them so.
    pub patients: Vec<String>,
}

/// What was sent: looked for in Halaxy when nobody knows whether it was done, and forgotten when somebody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The record that was to be changed.
    pub id: Option<String>,
    /// The body, without attachments.
    pub body: serde_json::Value,
}

/// Whether a key is ours to use.
#[derive(Debug)]
pub enum Claim {
    /// Nothing was sent with it yet.
    Fresh,
    /// It was used before, and this became of it.
    Earlier(Receipt),
}

/// Why nothing can be said of a key now.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever used it is giving it back at this moment.
    #[error("the request key is being given back just now; try again")]
    Passing,
    /// What was kept is not understood.
    #[error("what became of the request key is not understood; look in Halaxy, and take a new key")]
    Damaged,
}

/// Marks a write before it is sent. Of many who use a key at once one is told that it is fresh.
///
/// # Errors
/// [`ReceiptError::Store`].
pub async fn claim(store: &Store, key: &str, receipt: &Receipt) -> Result<Claim, ReceiptError> {
    let mut tx = store.begin().await?;
    let fresh = tx.claim_ledger(PART, key, &text(receipt)?).await?;
    tx.commit().await?;
    if fresh {
        return Ok(Claim::Fresh);
    }
    let kept = store.ledger_row(PART, key).await?.ok_or(ReceiptError::Passing)?;
    serde_json::from_str(&kept)
        .map(Claim::Earlier)
        .map_err(|_| ReceiptError::Damaged)
}

/// Keeps what became of a write, with its line of the history. What was sent is kept only while nobody knows.
///
/// # Errors
/// [`ReceiptError::Store`].
pub async fn settle(store: &Store, key: &str, receipt: &Receipt, line: AuditEntry) -> Result<(), ReceiptError> {
    let mut receipt = receipt.clone();
    let told = told(&receipt, key, &line);
    if !matches!(receipt.progress, Progress::Sent | Progress::Unknown) {
        receipt.sent = None;
        receipt.tells = None;
    }
    let mut tx = store.begin().await?;
    tx.put_ledger(PART, &[(key.to_string(), text(&receipt)?)]).await?;
    tx.append_told(told.as_slice(), line.at).await?;
    tx.append_audit(&[line]).await?;
    tx.commit().await?;
    Ok(())
}

/// What the system was told by a write, for sure or perhaps.
fn told(receipt: &Receipt, key: &str, line: &AuditEntry) -> Option<Telling> {
    let tells = receipt.tells.as_ref()?;
    let certain = match receipt.progress {
        Progress::Done => true,
        Progress::Unknown => false,
        Progress::Sent | Progress::Refused => return None,
    };
    let system = line.system.clone()?;
    let of = |reference: &String| {
        let (kind, id) = reference.split_once('/')?;
        Some(About::record(&system, kind, id))
    };
    let mut about: BTreeSet<About> = tells.patients.iter().filter_map(of).collect();
    let own = receipt.id.iter().filter(|_| tells.resource == PATIENT);
    about.extend(own.map(|id| About::record(&system, PATIENT, id)));
    let unit = |member: &String| format!("{}.{member}", tells.resource);
    Some(Telling {
        remote_id: receipt.id.clone(),
        units: tells.members.iter().map(unit).collect(),
        purpose: format!(
            "action: {}, asked for by {}, request key {key}",
            receipt.action, receipt.by
        ),
        certain,
        about,
        system,
    })
}

/// Gives a key back because a person says that its write was not done, with its line of the history.
///
/// # Errors
/// [`ReceiptError::Store`].
pub async fn take_back(store: &Store, key: &str, line: AuditEntry) -> Result<(), ReceiptError> {
    let mut tx = store.begin().await?;
    tx.drop_ledger(PART, &[key.to_string()]).await?;
    tx.append_audit(&[line]).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives a key back: its write was provably not processed.
///
/// # Errors
/// [`ReceiptError::Store`].
pub async fn release(store: &Store, key: &str) -> Result<(), ReceiptError> {
    let mut tx = store.begin().await?;
    tx.drop_ledger(PART, &[key.to_string()]).await?;
    tx.commit().await?;
    Ok(())
}

fn text(receipt: &Receipt) -> Result<String, ReceiptError> {
    serde_json::to_string(receipt).map_err(|_| ReceiptError::Damaged)
}

/// What became of a key; none if it was never used, or given back.
///
/// # Errors
/// [`ReceiptError::Store`].
pub async fn one(store: &Store, key: &str) -> Result<Option<Receipt>, ReceiptError> {
    let kept = store.ledger_row(PART, key).await?;
    Ok(kept.and_then(|body| serde_json::from_str(&body).ok()))
}

/// Every write of an action by its key, oldest first.
///
/// # Errors
/// [`ReceiptError::Store`].
pub async fn of_action(store: &Store, action: &str) -> Result<Vec<(String, Receipt)>, ReceiptError> {
    let mut all: Vec<(String, Receipt)> = Vec::new();
    store
        .ledger(PART, |key, body| {
            let receipt = serde_json::from_str::<Receipt>(&body).ok();
            all.extend(receipt.filter(|r| r.action == action).map(|r| (key, r)));
        })
        .await?;
    all.sort_by(|(a, one), (b, other)| (one.at, a).cmp(&(other.at, b)));
    Ok(all)
}
