//! What was asked for by its contents, so that two request keys do not make the same thing twice: a digest of who and
//! what, with the key that it was asked for under. Lists of Halaxy may lag; these do not.

use crate::exit::Failure;

use bridge_admin::receipts::{self, Progress};
use bridge_core::Time;
use bridge_store::Store;
use serde::{Deserialize, Serialize};

/// The part of the store's sealed rows.
const PART: &str = "care/once";
/// A mark whose write never began belongs to nobody after so long, microseconds.
const BEGINS_WITHIN: Time = 60_000_000;

#[derive(Serialize, Deserialize)]
struct Row {
    key: String,
    at: Time,
}

/// Whether something is ours to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing equal was made, as far as the bridge knows.
    Ours,
    /// It was asked for before.
    Earlier(Earlier),
}

/// What became of an earlier request for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It was made; the id, if Halaxy told one.
    Made {
        /// Its request key.
        key: String,
        /// The record.
        id: Option<String>,
    },
    /// Nobody knows.
    Unknown {
        /// Its request key.
        key: String,
    },
    /// It is being asked for right now.
    Busy,
}

/// Marks something before it is asked for. Of many who do so at once one is told that it is theirs.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn claim(store: &Store, mark: &str, key: &str, now: Time) -> Result<Mark, Failure> {
    let row = Row {
        key: key.into(),
        at: now,
    };
    let body = serde_json::to_string(&row).unwrap_or_default();
    let mut tx = store.begin().await?;
    let fresh = tx.claim_ledger(PART, mark, &body).await?;
    tx.commit().await?;
    if fresh {
        return Ok(Mark::Ours);
    }
    let kept = store.ledger_row(PART, mark).await?;
    let Some(kept) = kept.and_then(|body| serde_json::from_str::<Row>(&body).ok()) else {
        return Ok(Mark::Earlier(Earlier::Busy));
    };
    if kept.key == key {
        return Ok(Mark::Ours);
    }
    let receipt = receipts::one(store, &kept.key).await?;
    let earlier = match receipt.map(|receipt| (receipt.progress, receipt.id)) {
        Some((Progress::Done, id)) => Earlier::Made { key: kept.key, id },
        Some((Progress::Sent | Progress::Unknown, _)) => Earlier::Unknown { key: kept.key },
        None if now - kept.at < BEGINS_WITHIN => Earlier::Busy,
        Some((Progress::Refused, _)) | None => {
            give_back(store, mark).await?;
            return Box::pin(claim(store, mark, key, now)).await;
        }
    };
    Ok(Mark::Earlier(earlier))
}

/// Gives a mark back if nothing came of its write.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn settle(store: &Store, mark: &str, key: &str) -> Result<(), Failure> {
    let receipt = receipts::one(store, key).await?;
    match receipt.map(|receipt| receipt.progress) {
        None | Some(Progress::Refused) => give_back(store, mark).await,
        Some(_) => Ok(()),
    }
}

/// Gives a mark back: what it stands for is not there any more, or was never made.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn give_back(store: &Store, mark: &str) -> Result<(), Failure> {
    let mut tx = store.begin().await?;
    tx.drop_ledger(PART, &[mark.to_string()]).await?;
    tx.commit().await?;
    Ok(())
}
