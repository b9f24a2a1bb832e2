//! Endpoints of Halaxy as actions that people and their programs ask for: reads as they are, and each write once for
//! its request key, marked before the call and settled after it. The command line and the HTTP API are both this.

use crate::receipts::{self, Claim, PATIENT, Progress, Receipt, ReceiptError, Sent, Tells};
use adapter_halaxy::endpoints::Request;
use adapter_halaxy::{HalaxyClient, HalaxyMirror, Reply, advice};
use adapter_kit::mirror::MirrorRules;
use adapter_kit::{CallError, Clock, Outcome, Priority, with_priority};
use bridge_core::Time;
use bridge_store::{AuditEntry, Store};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What is told when nobody knows.
pub const LOOK: &str =
    "nobody knows whether it was done: `halaxy-bridge halaxy settle KEY` looks, and takes your word where it cannot";
/// No call is under way for longer, microseconds.
pub const CALL_LIFE: Time = 120 * 1_000_000;
/// The action that writes clinical notes.
const NOTE: &str = "create-note";

/// Why an action was not carried out. Nothing was done in Halaxy, but for [`ActionError::Call`] as it says.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The practice does not allow notes to be written.
    #[error(
        "clinical notes are not written unless the practice grants it: add [notes] with grant = true and purpose = \"..\" \
         to bridge.toml"
    )]
    Notes,
    /// The request holds what may go nowhere.
    #[error("the request is not sent: {}; take it out", bridge_core::deny::CODE)]
    Denied,
    /// Nothing is sent to the system at all.
    #[error("nothing is sent to {0}: it is paused; `halaxy-bridge resume {0}` ends that")]
    Paused(String),
    /// A request key that cannot be one.
    #[error("a request key has 1 to 80 letters, digits and - _ . : only; use e.g. the number of the order")]
    Key,
    /// The request key stands for another request.
    #[error("the request key was used for another request; take a new key, or leave it out")]
    OtherRequest,
    /// A call that failed.
    #[error("{failed}; {advice}")]
    Call {
        /// What failed.
        failed: Box<adapter_kit::AdapterError>,
        /// It may be tried again: nothing was done.
        later: bool,
        /// What a person can do about it.
        advice: &'static str,
    },
    /// The keeping of receipts fails.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] bridge_store::StoreError),
}

/// What became of a write.
#[derive(Clone)]
pub struct Done {
    /// Its receipt.
    pub receipt: Receipt,
    /// Nothing was sent now: this is what became of it when it was.
    pub repeated: bool,
    /// The record as the answer showed it.
    pub record: Option<Json>,
    /// What a person can do, if it was not done.
    pub advice: Option<&'static str>,
}

/// The actions of one Halaxy account.
#[derive(Clone)]
pub struct Actions {
    /// Name of the system.
    pub system: String,
    /// The account.
    pub client: HalaxyClient,
    /// Where receipts and history are kept.
    pub store: Store,
    /// Clinical notes may be written.
    pub clinical_notes: bool,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl Actions {
    /// Sends a write, unless its key was used before. `by` is who asked, as the history shows it.
    ///
    /// # Errors
    /// [`ActionError`]. After one the key may be used again; what was refused or is unknown is no error.
    pub async fn write(&self, request: &Request, key: &str, by: &str) -> Result<Done, ActionError> {
        allowed(request, self.clinical_notes)?;
        if bridge_engine::pause::closed(&self.store, &self.system).await?.is_some() {
            return Err(ActionError::Paused(self.system.clone()));
        }
        let key = sound(key).ok_or(ActionError::Key)?;
        let mut receipt = Receipt {
            action: request.endpoint.action.into(),
            request: digest(request),
            at: self.clock.now(),
            by: by.into(),
            progress: Progress::Sent,
            id: None,
            code: None,
            sent: sent(request),
            tells: tells(request),
        };
        if let Claim::Earlier(earlier) = receipts::claim(&self.store, key, &receipt).await? {
            if earlier.request != receipt.request {
                return Err(ActionError::OtherRequest);
            }
            return Ok(Done {
                receipt: earlier,
                repeated: true,
                record: None,
                advice: None,
            });
        }
        let answer = with_priority(Priority::Interactive, self.client.call(request)).await;
        let (mut record, mut words) = (None, None);
        match answer {
            Ok(reply) => {
                receipt.progress = Progress::Done;
                receipt.id = reply.id;
                // A note is never shown again.
                record = Some(reply.record).filter(|_| request.endpoint.action != NOTE);
            }
            Err(failed) => {
                receipt.code = Some(failed.error.code.clone());
                match failed.outcome {
                    Outcome::NotProcessed => {
                        receipts::release(&self.store, key).await?;
                        return Err(call(request, failed));
                    }
                    Outcome::Refused => receipt.progress = Progress::Refused,
                    Outcome::Unknown => receipt.progress = Progress::Unknown,
                }
                words = Some(advice(request.endpoint, &failed));
            }
        }
        let line = self.line(request, key, &receipt).await?;
        receipts::settle(&self.store, key, &receipt, line).await?;
        Ok(Done {
            receipt,
            repeated: false,
            record,
            advice: words,
        })
    }

    /// The line of the history: ids and codes only.
    async fn line(&self, request: &Request, key: &str, receipt: &Receipt) -> Result<AuditEntry, ActionError> {
        let id = receipt.id.clone().or_else(|| request.id.clone());
        let entity = match &id {
            Some(id) => {
                self.store
                    .entity_of(&self.system, request.endpoint.resource, id)
                    .await?
            }
            None => None,
        };
        let became = match receipt.progress {
            Progress::Done => "done".to_string(),
            Progress::Refused => format!("refused ({})", receipt.code.as_deref().unwrap_or_default()),
            Progress::Unknown | Progress::Sent => "outcome unknown".to_string(),
        };
        Ok(AuditEntry {
            at: self.clock.now(),
            entity,
            system: Some(self.system.clone()),
            remote_id: id,
            event: "action".into(),
            reason: format!(
                "{} {became}, asked for by {}, request key {key}",
                receipt.action, receipt.by
            ),
            ..AuditEntry::default()
        })
    }
}

/// Whether a request is taken at all; asked before anything is shown or sent.
///
/// # Errors
/// [`ActionError::Notes`], [`ActionError::Denied`].
pub fn allowed(request: &Request, clinical_notes: bool) -> Result<(), ActionError> {
    if request.endpoint.action == NOTE && !clinical_notes {
        return Err(ActionError::Notes);
    }
    if request.body.as_ref().is_some_and(bridge_core::deny::holds_in) {
        return Err(ActionError::Denied);
    }
    Ok(())
}

/// Sends a read, `all` for every page of a list.
///
/// # Errors
/// [`ActionError::Call`].
pub async fn read(client: &HalaxyClient, request: &Request, all: bool) -> Result<Reply, ActionError> {
    let answer = with_priority(Priority::Interactive, async {
        match all {
            true => client.call_all(request).await,
            false => client.call(request).await,
        }
    });
    answer.await.map_err(|failed| call(request, failed))
}

fn call(request: &Request, failed: CallError) -> ActionError {
    ActionError::Call {
        later: failed.outcome == Outcome::NotProcessed,
        advice: advice(request.endpoint, &failed),
        failed: Box::new(failed.error),
    }
}

/// What became of a write, as programs read it.
pub fn document(request: &Request, key: &str, done: &Done, now: Time) -> Json {
    let receipt = &done.receipt;
    json!({
        "action": receipt.action, "request_key": key, "outcome": outcome(receipt, now), "repeated": done.repeated,
        "code": receipt.code, "resource": request.endpoint.resource, "id": receipt.id, "at": moment(receipt.at),
        "record": done.record, "advice": done.advice,
    })
}

/// How far a write got, as a word.
pub fn outcome(receipt: &Receipt, now: Time) -> &'static str {
    match receipt.progress {
        Progress::Done => "done",
        Progress::Refused => "refused",
        Progress::Sent if now - receipt.at < CALL_LIFE => "under_way",
        Progress::Sent | Progress::Unknown => "unknown",
    }
}

/// The request that would be sent, as programs read it: texts of notes and files by their length. `base` is the account's
/// base URL.
pub fn preview(request: &Request, base: &str) -> Json {
    json!({
        "dry_run": true, "action": request.endpoint.action, "method": request.method.as_str(),
        "url": format!("{}/{}", base.trim_end_matches('/'), request.path), "query": request.query,
        "body": request.body.clone().map(without_contents),
    })
}

/// A body whose texts of notes and files are told by their length.
pub fn without_contents(mut body: Json) -> Json {
    let hide = |data: &mut Json| {
        if let Some(text) = data.as_str() {
            *data = format!("[{} characters]", text.chars().count()).into();
        }
    };
    let mut each = |member: &str, place: &str| {
        let all = body.get_mut(member).and_then(Json::as_array_mut);
        all.into_iter()
            .flatten()
            .filter_map(|one| one.pointer_mut(place))
            .for_each(hide);
    };
    each("attachments", "/data");
    each("content", "/attachment/data");
    body
}

/// What a read found, as programs read it.
pub fn found(request: &Request, reply: &Reply) -> Json {
    let action = request.endpoint.action;
    if !request.endpoint.lists() {
        return json!({ "action": action, "id": reply.id, "record": reply.record });
    }
    json!({
        "action": action, "rows": reply.rows, "included": reply.included, "more": reply.more, "left_out": reply.foreign,
    })
}

/// What is kept until the outcome is known. Notes are kept nowhere.
fn sent(request: &Request) -> Option<Box<Sent>> {
    let mut body = request.body.clone().filter(|_| request.endpoint.action != NOTE)?;
    if let Some(members) = body.as_object_mut() {
        members.shift_remove("attachments");
    }
    let id = request.id.clone();
    Some(Box::new(Sent { id, body }))
}

/// What Halaxy is told by a request, and the patients it names.
fn tells(request: &Request) -> Option<Box<Tells>> {
    let body = request.body.as_ref()?;
    let resource = request.endpoint.resource;
    let own = request.id.iter().filter(|_| resource == PATIENT);
    let mut patients: Vec<String> = HalaxyMirror.people(resource, body).into_iter().collect();
    patients.extend(own.cloned());
    patients.sort();
    patients.dedup();
    let names = body.as_object().into_iter().flat_map(|members| members.keys());
    Some(Box::new(Tells {
        resource: resource.to_owned(),
        members: names.filter(|name| *name != "resourceType").cloned().collect(),
        patients: patients.into_iter().map(|id| format!("{PATIENT}/{id}")).collect(),
    }))
}

/// Keys are kept unsealed, so they are no place for names.
fn sound(key: &str) -> Option<&str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    ((1..=80).contains(&key.len()) && key.bytes().all(fits)).then_some(key)
}

/// What a request is told apart by.
pub fn digest(request: &Request) -> String {
    let mut hash = Sha256::new();
    hash.update(json!([request.method.as_str(), request.path, request.query, request.body]).to_string());
    bridge_core::hex(&hash.finalize()[..16])
}

fn moment(at: Time) -> String {
    let at = jiff::Timestamp::from_microsecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
