//! What became of writes that people asked for, by request key: marked before the call, settled after it, so that the
//! same key never does anything twice, whatever happened in between. Kept sealed; ids and codes only, save for what was sent while nobody knows its outcome.

use crate::exit::Failure;
use bridge_core::Time;
use bridge_store::{AuditEntry, Store};
use serde::{Deserialize, Serialize};

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
    pub sent: Option<Sent>,
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

/// Marks a write before it is sent. Of many who use a key at once one is told that it is fresh.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn claim(store: &Store, key: &str, receipt: &Receipt) -> Result<Claim, Failure> {
    let mut tx = store.begin().await?;
    let fresh = tx.claim_ledger(PART, key, &text(receipt)?).await?;
    tx.commit().await?;
    if fresh {
        return Ok(Claim::Fresh);
    }
    let kept = store.ledger_row(PART, key).await?;
    let kept = kept.and_then(|body| serde_json::from_str(&body).ok());
    kept.map(Claim::Earlier)
        .ok_or_else(|| Failure::Failed("the request key is being given back just now; try again".into()))
}

/// What became of the write with that key.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn find(store: &Store, key: &str) -> Result<Option<Receipt>, Failure> {
    let kept = store.ledger_row(PART, key).await?;
    Ok(kept.and_then(|body| serde_json::from_str(&body).ok()))
}

/// Keeps what became of a write, with its line of the history. What was sent is kept only while nobody knows.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn settle(store: &Store, key: &str, receipt: &Receipt, line: AuditEntry) -> Result<(), Failure> {
    let mut receipt = receipt.clone();
    if !matches!(receipt.progress, Progress::Sent | Progress::Unknown) {
        receipt.sent = None;
    }
    let mut tx = store.begin().await?;
    tx.put_ledger(PART, &[(key.to_string(), text(&receipt)?)]).await?;
    tx.append_audit(&[line]).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives a key back: its write was provably not processed.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn release(store: &Store, key: &str) -> Result<(), Failure> {
    let mut tx = store.begin().await?;
    tx.drop_ledger(PART, &[key.to_string()]).await?;
    tx.commit().await?;
    Ok(())
}

fn text(receipt: &Receipt) -> Result<String, Failure> {
    serde_json::to_string(receipt).map_err(|error| Failure::Failed(error.to_string()))
}
