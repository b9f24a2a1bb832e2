//! Calls as activities of the CRM's contacts: each made once, marked before the call that makes it, and looked up by our
//! key before anything is repeated. A call is history: what is told of it is not changed afterwards, but where somebody
//! says that it was with another person, its activity goes there (`moves.rs`).

use super::{CALL, KeptCall, Telehealth, Told, ToldState};
use crate::error::EngineError;
use crate::pause;
use adapter_kit::{AdapterError, Answer};
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::telehealth::Party;
use bridge_store::{About, Telling};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) const TOLD: &str = "telehealth/told";
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
    /// It was nobody's after all.
    pub withdrawn: bool,
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
    /// Puts an activity to a contact.
    async fn attach(&self, id: &str, contact: &str) -> Answer;
    /// Takes an activity from a contact, with which it may not stand any more.
    async fn detach(&self, id: &str, contact: &str) -> Answer;
    /// Writes an activity whole.
    async fn rewrite(&self, id: &str, attempt: &str, call: &CallActivity) -> Answer;
}

/// Whom calls are told for in one CRM.
#[derive(Clone, Debug, Default)]
pub struct Contacts {
    /// The CRM, by name.
    pub crm: String,
    /// Records of referrers by Halaxy's id: none where activities cannot stand with one. Nothing if the CRM holds none.
    pub referrers: Option<BTreeMap<String, Option<String>>>,
}

/// Why a call is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Untold {
    /// The patient has no contact in the CRM, or it is in doubt which.
    NoContact,
    /// `[referrers]` is not set up for this CRM.
    NoReferrers,
    /// The professional contact has no record there.
    NoRecord,
    /// Their record is not one that activities can stand with.
    NoActivities,
    /// The CRM refused it, with its code.
    Refused {
        /// Its code.
        code: String,
    },
    /// Somebody deleted its activity in the CRM.
    Deleted,
    /// It was sent, and nobody knows yet whether it is there.
    Unknown,
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TellStep {
    /// Activities made.
    pub created: usize,
    /// Activities put to another contact, or withdrawn.
    pub moved: usize,
    /// Refused ones.
    pub refused: usize,
    /// Those of which nobody knows yet.
    pub unknown: usize,
    /// Calls with somebody who has no record there.
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

    /// Calls with somebody that are not told as they should be, and why.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn untold(&self, contacts: &Contacts) -> Result<BTreeMap<String, Untold>, EngineError> {
        let (told, calls) = (self.told().await?, self.calls().await?);
        let patients = self.patients(&contacts.crm, &calls).await?;
        let mut all = BTreeMap::new();
        for (id, kept) in calls {
            let Some(party) = kept.who.party() else { continue };
            let why = match told.get(&id) {
                Some(known) if known.is_open() => Some(Untold::Unknown),
                Some(known) if known.state == ToldState::Deleted => Some(Untold::Deleted),
                Some(known) if known.code.is_some() => Some(Untold::Refused {
                    code: known.code.clone().unwrap_or_default(),
                }),
                Some(known) if known.party.as_ref().is_none_or(|told| told == party) => None,
                _ => contacts.of(&patients, party).err(),
            };
            all.extend(why.map(|why| (id, why)));
        }
        Ok(all)
    }

    /// Finds out what became of calls that were not answered, moves what was told for somebody else, and tells of further
    /// ones.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with the account is told in the step.
    pub async fn tell(
        &self,
        contacts: &Contacts,
        book: &dyn CallActivities,
        zone: &TimeZone,
        now: Time,
    ) -> Result<TellStep, EngineError> {
        let mut step = TellStep::default();
        let mut told = self.told().await?;
        let calls: BTreeMap<String, KeptCall> = self.kept(CALL).await?;
        let crm = contacts.crm.as_str();
        let whose = Whose { crm, calls: &calls };
        if !self.settle(&mut told, &whose, book, now, &mut step).await? {
            return Ok(step);
        }
        // What was sent may be found out; nothing further goes to a system that a person paused.
        if let Some(why) = pause::closed(&self.store, crm).await? {
            step.trouble.push(why);
            return Ok(step);
        }
        let patients = self.patients(crm, &calls).await?;
        let mut next = Vec::new();
        for (id, kept) in &calls {
            let party = kept.who.party();
            let known = told.get(id);
            if known.is_none() && party.is_none() {
                continue;
            }
            if next.len() + step.moved >= MOST {
                step.more = true;
                break;
            }
            let contact = party.and_then(|party| contacts.of(&patients, party).ok());
            // What was refused for somebody else never was made.
            let known =
                known.filter(|known| known.state != ToldState::Refused || contact.as_ref() == Some(&known.contact));
            match (known, party, contact) {
                (Some(known), party, contact) => {
                    let target = known.target(&kept.who, contact.as_ref());
                    let one = activity(id, kept, known.contact.clone(), zone);
                    let known = known.clone();
                    if !self
                        .bring((id, known, one), (&target, party), &whose, book, now, &mut step)
                        .await?
                    {
                        return Ok(step);
                    }
                }
                (None, Some(party), Some(contact)) => {
                    next.push((id.clone(), activity(id, kept, contact, zone), party.clone()));
                }
                (None, Some(_), None) => step.waiting += 1,
                (None, None, _) => {}
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
        let life = i64::try_from(book.call_life().as_micros()).unwrap_or(i64::MAX / 4);
        let late = |told: &Told| now >= told.at.saturating_add(life);
        // A change that was not answered is made again once the lost one cannot land any more.
        let mut over = BTreeMap::new();
        for (id, known) in told.iter_mut().filter(|(_, known)| known.outgoing.is_some()) {
            match late(known) {
                true => {
                    known.outgoing = None;
                    over.insert(id.clone(), known.clone());
                }
                false => step.unknown += 1,
            }
        }
        self.put(TOLD, &over).await?;
        let open: Vec<String> = told
            .iter()
            .filter(|(_, told)| told.state == ToldState::Sent)
            .map(|(id, _)| id.clone())
            .collect();
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
                    None if late(known) => never.push(id.clone()),
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
        batch: &[(String, CallActivity, Party)],
        whose: &Whose<'_>,
        book: &dyn CallActivities,
        now: Time,
        step: &mut TellStep,
    ) -> Result<bool, EngineError> {
        let mark = |(id, activity, party): &(String, CallActivity, Party)| {
            (id.clone(), Told::sent(party, &activity.contact, now))
        };
        let mut marked: BTreeMap<String, Told> = batch.iter().map(mark).collect();
        self.put(TOLD, &marked).await?;
        let new: Vec<CallActivity> = batch.iter().map(|(_, activity, _)| activity.clone()).collect();
        let answers = book.create(&new).await;
        let (mut go_on, mut unsent) = (answers.len() == batch.len(), Vec::new());
        let mut settled = BTreeMap::new();
        for ((id, ..), answer) in batch.iter().zip(answers) {
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
    pub(super) async fn keep_told(
        &self,
        whose: &Whose<'_>,
        told: &BTreeMap<String, Told>,
        now: Time,
    ) -> Result<(), EngineError> {
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

    /// The contacts of those patients that calls were with, where it is beyond doubt who that is.
    async fn patients(
        &self,
        crm: &str,
        calls: &BTreeMap<String, KeptCall>,
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let patient = |kept: &KeptCall| match kept.who.party() {
            Some(Party::Patient(id)) => Some(id.clone()),
            _ => None,
        };
        let ids: BTreeSet<String> = calls.values().filter_map(patient).collect();
        let ids: Vec<String> = ids.into_iter().collect();
        Ok(self.store.counterparts(&self.home, "Patient", crm, &ids).await?)
    }
}

impl Contacts {
    /// The record of somebody, among those of patients or of referrers.
    fn of(&self, patients: &BTreeMap<String, String>, party: &Party) -> Result<String, Untold> {
        match party {
            Party::Patient(id) => patients.get(id).cloned().ok_or(Untold::NoContact),
            Party::Professional(id) => match self.referrers.as_ref().map(|all| all.get(id)) {
                None => Err(Untold::NoReferrers),
                Some(None) => Err(Untold::NoRecord),
                Some(Some(record)) => record.clone().ok_or(Untold::NoActivities),
            },
        }
    }
}

/// Whose calls are told, and to whom.
pub(super) struct Whose<'a> {
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
        withdrawn: false,
    }
}
