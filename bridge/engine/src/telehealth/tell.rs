//! Calls as activities of the CRM's contacts: each made once, marked before the call that makes it, and looked up by our
//! key before anything is repeated. A call is history: it is never changed there afterwards.

use super::{CALL, KeptCall, Telehealth};
use crate::error::EngineError;
use crate::pause;
use adapter_kit::{AdapterError, Answer};
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::telehealth::Party;
use bridge_store::{About, Telling};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const TOLD: &str = "telehealth/told";
/// Calls told in one step at most.
const MOST: usize = 200;

/// What a CRM is told of a call: no number, no words, nobody's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallActivity {
    /// Our key, kept in the activity.
    pub key: String,
    /// The contact, by the CRM's id.
    pub contact: String,
    /// Began; seconds since 1970 UTC.
    pub start: i64,
    /// Seconds it took.
    pub seconds: u32,
    /// Whether somebody answered, where that is known.
    pub connected: Option<bool>,
}

/// A CRM that shows calls.
#[async_trait]
pub trait CallActivities: Send + Sync {
    /// Activities that one call takes.
    fn batch(&self) -> usize;
    /// The longest a call can live after we gave up on it.
    fn call_life(&self) -> Duration;
    /// Makes activities; one answer each, in order.
    async fn create(&self, new: &[CallActivity]) -> Vec<Answer>;
    /// Ids of the activities that bear our keys, in order.
    ///
    /// # Errors
    /// The first that cannot be looked up.
    async fn find(&self, keys: &[String]) -> Result<Vec<Option<String>>, AdapterError>;
}

/// How far one got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldState {
    /// Marked before the call; nobody has seen yet that it was made.
    Sent,
    /// It stands in the CRM.
    Posted,
    /// The CRM refused it, with its code.
    Refused,
}

/// One call that the CRM was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// How far it got.
    pub state: ToldState,
    /// When it was sent last.
    pub at: Time,
    /// The contact.
    pub contact: String,
    /// Id in the CRM.
    pub remote_id: Option<String>,
    /// What the CRM answered, as a code.
    pub code: Option<String>,
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TellStep {
    /// Activities made.
    pub created: usize,
    /// Refused ones.
    pub refused: usize,
    /// Those of which nobody knows yet.
    pub unknown: usize,
    /// Calls of patients who have no contact there.
    pub waiting: usize,
    /// There is more to do right away.
    pub more: bool,
    /// What could not be done now.
    pub trouble: Vec<String>,
}

fn key(id: &str) -> String {
    format!("halaxy-call-{id}")
}

impl Telehealth {
    /// What was told of calls, by their ids.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn told(&self) -> Result<BTreeMap<String, Told>, EngineError> {
        self.kept(TOLD).await
    }

    /// Finds out what became of calls that were not answered, and tells of further ones.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with the account is told in the step.
    pub async fn tell(
        &self,
        crm: &str,
        book: &dyn CallActivities,
        zone: &TimeZone,
        now: Time,
    ) -> Result<TellStep, EngineError> {
        let mut step = TellStep::default();
        let mut told = self.told().await?;
        let calls: BTreeMap<String, KeptCall> = self.kept(CALL).await?;
        let whose = Whose { crm, calls: &calls };
        if !self.settle(&mut told, &whose, book, now, &mut step).await? {
            return Ok(step);
        }
        // What was sent may be found out; nothing further goes to a system that a person paused.
        if let Some(why) = pause::closed(&self.store, crm).await? {
            step.trouble.push(why);
            return Ok(step);
        }
        let mut next = Vec::new();
        for (id, kept) in &calls {
            let Some(Party::Patient(patient)) = kept.who.party() else {
                continue;
            };
            if told.contains_key(id) {
                continue;
            }
            if next.len() == MOST {
                step.more = true;
                break;
            }
            match self.contact(crm, patient).await? {
                None => step.waiting += 1,
                Some(contact) => next.push((id.clone(), activity(id, kept, contact, zone))),
            }
        }
        for batch in next.chunks(book.batch().max(1)) {
            if !self.send(batch, &whose, book, now, &mut step).await? {
                step.more = false;
                break;
            }
        }
        Ok(step)
    }

    async fn settle(
        &self,
        told: &mut BTreeMap<String, Told>,
        whose: &Whose<'_>,
        book: &dyn CallActivities,
        now: Time,
        step: &mut TellStep,
    ) -> Result<bool, EngineError> {
        let open: Vec<String> = told
            .iter()
            .filter(|(_, told)| told.state == ToldState::Sent)
            .map(|(id, _)| id.clone())
            .collect();
        let life = i64::try_from(book.call_life().as_micros()).unwrap_or(i64::MAX / 4);
        for batch in open.chunks(book.batch().max(1)) {
            let keys: Vec<String> = batch.iter().map(|id| key(id)).collect();
            let found = match book.find(&keys).await {
                Ok(found) => found,
                Err(error) => {
                    step.unknown += batch.len();
                    step.trouble.push(error.to_string());
                    return Ok(false);
                }
            };
            let (mut posted, mut never) = (BTreeMap::new(), Vec::new());
            for (id, found) in batch.iter().zip(found) {
                let Some(known) = told.get_mut(id) else { continue };
                match found {
                    Some(remote_id) => {
                        known.state = ToldState::Posted;
                        known.remote_id = Some(remote_id);
                        step.created += 1;
                        posted.insert(id.clone(), known.clone());
                    }
                    // It cannot land any more, and it is not there.
                    None if now >= known.at.saturating_add(life) => never.push(id.clone()),
                    None => step.unknown += 1,
                }
            }
            self.keep_told(whose, &posted, now).await?;
            self.forget(&never).await?;
            told.retain(|id, _| !never.contains(id));
        }
        Ok(true)
    }

    /// Whether to go on.
    async fn send(
        &self,
        batch: &[(String, CallActivity)],
        whose: &Whose<'_>,
        book: &dyn CallActivities,
        now: Time,
        step: &mut TellStep,
    ) -> Result<bool, EngineError> {
        let mark = |(id, activity): &(String, CallActivity)| {
            let told = Told {
                state: ToldState::Sent,
                at: now,
                contact: activity.contact.clone(),
                remote_id: None,
                code: None,
            };
            (id.clone(), told)
        };
        let mut marked: BTreeMap<String, Told> = batch.iter().map(mark).collect();
        self.put(TOLD, &marked).await?;
        let new: Vec<CallActivity> = batch.iter().map(|(_, activity)| activity.clone()).collect();
        let answers = book.create(&new).await;
        let (mut go_on, mut unsent) = (answers.len() == batch.len(), Vec::new());
        let mut settled = BTreeMap::new();
        for ((id, _), answer) in batch.iter().zip(answers) {
            let Some(mut told) = marked.remove(id) else { continue };
            match answer {
                Answer::Applied { id, .. } => {
                    told.state = ToldState::Posted;
                    told.remote_id = Some(id);
                    step.created += 1;
                }
                Answer::Refused(refusal) => {
                    // Ours may stand there, made by a call whose answer was lost: it is looked up.
                    if refusal.kind == adapter_kit::RefusalKind::Taken {
                        step.unknown += 1;
                        continue;
                    }
                    told.state = ToldState::Refused;
                    told.code = Some(refusal.code);
                    step.refused += 1;
                }
                Answer::Gone | Answer::Moved => {
                    told.state = ToldState::Refused;
                    told.code = Some("no_contact".into());
                    step.refused += 1;
                }
                Answer::Later(error) => {
                    step.trouble.push(error.to_string());
                    unsent.push(id.clone());
                    go_on = false;
                    continue;
                }
                Answer::Unknown(error) => {
                    step.trouble.push(error.to_string());
                    step.unknown += 1;
                    continue;
                }
            }
            settled.insert(id.clone(), told);
        }
        self.keep_told(whose, &settled, now).await?;
        self.forget(&unsent).await?;
        Ok(go_on)
    }

    /// Keeps what became of calls, with the lines of the history about what the CRM was told.
    async fn keep_told(&self, whose: &Whose<'_>, told: &BTreeMap<String, Told>, now: Time) -> Result<(), EngineError> {
        let posted = told.iter().filter(|(_, told)| told.state == ToldState::Posted);
        let lines: Vec<Telling> = posted.map(|(id, told)| whose.telling(&self.home, id, told)).collect();
        let rows = told
            .iter()
            .map(|(id, told)| (id.clone(), serde_json::to_string(told).unwrap_or_default()));
        let rows: Vec<(String, String)> = rows.collect();
        let mut tx = self.store.begin().await?;
        tx.put_ledger(TOLD, &rows).await?;
        tx.append_told(&lines, now).await?;
        Ok(tx.commit().await?)
    }

    async fn forget(&self, ids: &[String]) -> Result<(), EngineError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        tx.drop_ledger(TOLD, ids).await?;
        Ok(tx.commit().await?)
    }

    /// The contact that stands for a patient, if that is beyond doubt.
    async fn contact(&self, crm: &str, patient: &str) -> Result<Option<String>, EngineError> {
        let Some(entity) = self.store.entity_of(&self.home, "Patient", patient).await? else {
            return Ok(None);
        };
        let entities = self.store.entities(&[entity]).await?;
        let sound = |link: &bridge_core::Link| link.state == bridge_core::LinkState::Live && link.held.is_none();
        Ok(entities.first().and_then(|entity| {
            let own = entity.links.get(&self.home).filter(|link| sound(link));
            let there = entity.links.get(crm).filter(|link| sound(link));
            own.and(there).map(|link| link.remote_id.clone())
        }))
    }
}

/// Whose calls are told, and to whom.
struct Whose<'a> {
    crm: &'a str,
    calls: &'a BTreeMap<String, KeptCall>,
}

impl Whose<'_> {
    fn telling(&self, home: &str, id: &str, told: &Told) -> Telling {
        let patient = match self.calls.get(id).and_then(|kept| kept.who.party()) {
            Some(Party::Patient(patient)) => Some(About::record(home, "Patient", patient)),
            _ => None,
        };
        let units = ["title", "start", "end", "outcome", "mode"];
        Telling {
            system: self.crm.to_owned(),
            remote_id: told.remote_id.clone(),
            units: units.map(|unit| format!("call.{unit}")).to_vec(),
            purpose: "telehealth: a call".into(),
            certain: true,
            about: patient.into_iter().collect::<BTreeSet<_>>(),
        }
    }
}

fn activity(id: &str, kept: &KeptCall, contact: String, zone: &TimeZone) -> CallActivity {
    let start = kept.call.at.to_zoned(zone.clone()).map(|at| at.timestamp().as_second());
    CallActivity {
        key: key(id),
        contact,
        start: start.unwrap_or_default(),
        seconds: kept.call.seconds.unwrap_or(0),
        connected: kept.call.connected,
    }
}
