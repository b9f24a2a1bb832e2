//! Writes that people ask for: each request key once, marked before the call and settled after it.

use super::{Asked, client};
use crate::args::ByArg;
use crate::config::{Config, SystemConfig};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::receipts::{self, Claim, Progress, Receipt, Sent};
use crate::{times, wiring};
use adapter_halaxy::advice;
use adapter_halaxy::endpoints::Request;
use adapter_kit::{Outcome, Priority, with_priority};
use bridge_store::{AuditEntry, Store};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

/// What is told when nobody knows.
const LOOK: &str = "nobody knows whether it was done: `halaxy settle KEY` looks, and takes your word where it cannot";

/// Sends a write, unless its key was used before.
pub(super) async fn run(
    asked: &Asked,
    config: &Config,
    system: &SystemConfig,
    request: &Request,
    out: &Output,
) -> Result<Exit, Failure> {
    let key = match &asked.request_key {
        Some(key) => sound(key)?,
        None => uuid::Uuid::now_v7().to_string(),
    };
    let client = client(system)?;
    let store = wiring::store(config).await?;
    let mut receipt = Receipt {
        action: request.endpoint.action.into(),
        request: digest(request),
        at: times::now(),
        by: ByArg { by: None }.name(),
        progress: Progress::Sent,
        id: None,
        code: None,
        sent: sent(request),
    };
    if let Claim::Earlier(earlier) = receipts::claim(&store, &key, &receipt).await? {
        if earlier.request != receipt.request {
            return Err(Failure::Usage(
                "--request-key was used for another request; take a new key, or leave it out".into(),
            ));
        }
        return Ok(told(request, &key, &earlier, true, None, out));
    }
    if asked.request_key.is_none() {
        out.remark(format!("request key: {key}"));
    }
    let answer = with_priority(Priority::Interactive, client.call(request)).await;
    let (mut record, mut words) = (None, None);
    match answer {
        Ok(reply) => {
            receipt.progress = Progress::Done;
            receipt.id = reply.id;
            // A note is never shown again.
            record = Some(reply.record).filter(|_| request.endpoint.action != "create-note");
        }
        Err(failed) => {
            let said = advice(request.endpoint, &failed);
            receipt.code = Some(failed.error.code.clone());
            match failed.outcome {
                Outcome::NotProcessed => {
                    receipts::release(&store, &key).await?;
                    return Err(Failure::Failed(format!("{}; {said}", failed.error)));
                }
                Outcome::Refused => receipt.progress = Progress::Refused,
                Outcome::Unknown => receipt.progress = Progress::Unknown,
            }
            words = Some(said);
        }
    }
    let line = line(&store, system, request, &key, &receipt).await?;
    receipts::settle(&store, &key, &receipt, line).await?;
    let exit = told(request, &key, &receipt, false, record, out);
    if let Some(words) = words {
        out.remark(words);
    }
    Ok(exit)
}

/// What is kept until the outcome is known. Notes are kept nowhere.
fn sent(request: &Request) -> Option<Sent> {
    let mut body = request
        .body
        .clone()
        .filter(|_| request.endpoint.action != "create-note")?;
    if let Some(members) = body.as_object_mut() {
        members.shift_remove("attachments");
    }
    Some(Sent {
        id: request.id.clone(),
        body,
    })
}

/// Keys are kept unsealed, so they are no place for names.
fn sound(key: &str) -> Result<String, Failure> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    if (1..=80).contains(&key.len()) && key.bytes().all(fits) {
        return Ok(key.to_string());
    }
    Err(Failure::Usage(
        "--request-key takes 1 to 80 letters, digits and - _ . : only; use e.g. the number of the order".into(),
    ))
}

fn digest(request: &Request) -> String {
    let mut hash = Sha256::new();
    hash.update(json!([request.method.as_str(), request.path, request.query, request.body]).to_string());
    hash.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// The line of the history: ids and codes only.
async fn line(
    store: &Store,
    system: &SystemConfig,
    request: &Request,
    key: &str,
    receipt: &Receipt,
) -> Result<AuditEntry, Failure> {
    let id = receipt.id.clone().or_else(|| request.id.clone());
    let entity = match &id {
        Some(id) => store.entity_of(&system.name, request.endpoint.resource, id).await?,
        None => None,
    };
    let became = match receipt.progress {
        Progress::Done => "done".to_string(),
        Progress::Refused => format!("refused ({})", receipt.code.as_deref().unwrap_or_default()),
        Progress::Unknown | Progress::Sent => "outcome unknown".to_string(),
    };
    Ok(AuditEntry {
        at: times::now(),
        run: None,
        entity,
        system: Some(system.name.clone()),
        remote_id: id,
        event: "action".into(),
        units: Vec::new(),
        reason: format!(
            "{} {became}, asked for by {}, request key {key}",
            receipt.action, receipt.by
        ),
        body: None,
    })
}

/// Prints what became of a write, and what the command ends with.
fn told(request: &Request, key: &str, receipt: &Receipt, again: bool, record: Option<Json>, out: &Output) -> Exit {
    let (outcome, exit, mut text) = match receipt.progress {
        Progress::Done => {
            let about = match &receipt.id {
                Some(id) => format!("{}: done, {}/{id}", receipt.action, request.endpoint.resource),
                None => format!("{}: done", receipt.action),
            };
            ("done", Exit::Done, about)
        }
        Progress::Refused => {
            let code = receipt.code.as_deref().unwrap_or_default();
            let about = format!("{}: refused ({code}); nothing was done", receipt.action);
            ("refused", Exit::Failed, about)
        }
        Progress::Sent | Progress::Unknown => ("unknown", Exit::Waiting, format!("{}: {LOOK}", receipt.action)),
    };
    if again {
        text.push_str(&format!(
            " (asked for {} already; nothing was sent now)",
            times::iso(receipt.at)
        ));
    }
    out.line(&text);
    out.document(&json!({
        "action": receipt.action, "request_key": key, "outcome": outcome, "repeated": again, "code": receipt.code,
        "resource": request.endpoint.resource, "id": receipt.id, "at": times::iso(receipt.at), "record": record,
    }));
    exit
}
