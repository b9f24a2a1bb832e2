//! Requests in the store, and whose turn it is at a time. Every change names the revision it was made from, in one
//! transaction with the turns: of two processes that move a request on at once one succeeds.

use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::booking::Record;
use bridge_store::{AuditEntry, Store, Telling, Tx};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const REQUEST: &str = "booking/request";
/// Keys of requests that something is left to be done for.
const OPEN: &str = "booking/open";
/// By practitioner role: who is under way at which times.
const TURN: &str = "booking/turn";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Turn {
    key: String,
    from: Time,
    to: Time,
}

/// What became of a change.
pub(super) enum Stepped {
    /// Kept.
    Done,
    /// Somebody else moved it on.
    Moved,
    /// Another request is under way at that time: its key.
    Behind(String),
}

fn read<T: DeserializeOwned>(part: &'static str, id: &str, body: Option<String>) -> Result<Option<T>, EngineError> {
    body.map(|body| serde_json::from_str(&body).map_err(|_| EngineError::unread_row(part, id)))
        .transpose()
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Keeps a new request; the one that has its key, if there is one.
pub(super) async fn ask(store: &Store, record: &Record, line: AuditEntry) -> Result<Option<Record>, EngineError> {
    let mut tx = store.begin().await?;
    if !tx.claim_ledger(REQUEST, &record.key, &text(record)).await? {
        let body = tx.ledger_row(REQUEST, &record.key).await?;
        tx.rollback().await?;
        return read(REQUEST, &record.key, body);
    }
    if !record.done() {
        tx.put_ledger(OPEN, &[(record.key.clone(), "{}".into())]).await?;
    }
    tx.append_audit(&[line]).await?;
    tx.commit().await?;
    Ok(None)
}

/// One request.
pub(super) async fn load(store: &Store, key: &str) -> Result<Option<Record>, EngineError> {
    read(REQUEST, key, store.ledger_row(REQUEST, key).await?)
}

/// Keys of requests that something is left to be done for.
pub(super) async fn open(store: &Store) -> Result<Vec<String>, EngineError> {
    let mut keys = Vec::new();
    store.ledger(OPEN, |key, _| keys.push(key)).await?;
    Ok(keys)
}

/// Takes a key off the list: its request was forgotten with its person.
pub(super) async fn close(store: &Store, key: &str) -> Result<(), EngineError> {
    let mut tx = store.begin().await?;
    tx.drop_ledger(OPEN, &[key.to_string()]).await?;
    Ok(tx.commit().await?)
}

/// Every request.
pub(super) async fn all(store: &Store) -> Result<Vec<Record>, EngineError> {
    let mut all = Vec::new();
    let mut bad = None;
    store
        .ledger(REQUEST, |key, body| match serde_json::from_str(&body) {
            Ok(record) => all.push(record),
            Err(_) => bad = Some(EngineError::unread_row(REQUEST, &key)),
        })
        .await?;
    bad.map_or(Ok(all), Err)
}

/// Keeps what a request became, if it is still as it was, and what a system was told by that; turns follow.
pub(super) async fn step(
    store: &Store,
    before: &Record,
    after: &Record,
    line: Option<AuditEntry>,
    told: Option<(Telling, Time)>,
) -> Result<Stepped, EngineError> {
    let key = &after.key;
    let mut tx = store.begin().await?;
    let kept: Option<Record> = read(REQUEST, key, tx.ledger_row(REQUEST, key).await?)?;
    let Some(kept) = kept.filter(|kept| kept.revision == before.revision) else {
        tx.rollback().await?;
        return Ok(Stepped::Moved);
    };
    if kept.has_turn() != after.has_turn()
        && let Some(behind) = turn(&mut tx, after).await?
    {
        tx.rollback().await?;
        return Ok(Stepped::Behind(behind));
    }
    tx.put_ledger(REQUEST, &[(key.clone(), text(after))]).await?;
    match (kept.done(), after.done()) {
        (false, true) => tx.drop_ledger(OPEN, std::slice::from_ref(key)).await?,
        (true, false) => tx.put_ledger(OPEN, &[(key.clone(), "{}".into())]).await?,
        _ => {}
    }
    if let Some((told, at)) = told {
        tx.append_told(&[told], at).await?;
    }
    tx.append_audit(&line.into_iter().collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(Stepped::Done)
}

/// Takes or gives back the turn of a request; the key of another one that has it.
async fn turn(tx: &mut Tx, record: &Record) -> Result<Option<String>, EngineError> {
    let Some(request) = &record.request else {
        return Ok(None);
    };
    let turns: Option<Vec<Turn>> = read(TURN, &request.role, tx.ledger_row(TURN, &request.role).await?)?;
    let mut turns = turns.unwrap_or_default();
    turns.retain(|turn| turn.key != record.key);
    if record.has_turn() {
        let over = |turn: &Turn| turn.from < request.end() && request.start < turn.to;
        while let Some(at) = turns.iter().position(over) {
            // The request of a person who was forgotten is gone, and nobody would ever give its turn back.
            if tx.ledger_row(REQUEST, &turns[at].key).await?.is_some() {
                return Ok(Some(turns[at].key.clone()));
            }
            turns.remove(at);
        }
        turns.push(Turn {
            key: record.key.clone(),
            from: request.start,
            to: request.end(),
        });
    }
    match turns.is_empty() {
        true => tx.drop_ledger(TURN, std::slice::from_ref(&request.role)).await?,
        false => tx.put_ledger(TURN, &[(request.role.clone(), text(&turns))]).await?,
    }
    Ok(None)
}
