//! Calls as activities of the CRM's contacts, each made once by the order of [`crate::marked`]. A call is history: what is told of it is not changed afterwards, but where somebody
//! says that it was with another person, its activity goes there (`moves.rs`).

use super::{CALL, KeptCall, Move, Telehealth, Told, ToldState};
use crate::error::EngineError;
use crate::marked::{self, Fate, Keep, Part, Tally, Word};
use crate::pause;
use adapter_kit::{AdapterError, Answer, RefusalKind};
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::telehealth::Party;
use bridge_store::{About, Telling};
use jiff::tz::TimeZone;
use serde::Serialize;
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
        let at = Calls {
            of: self,
            crm,
            calls: &calls,
            book,
        };
        let open = told.iter().filter(|(_, told)| told.is_open());
        let open = open.map(|(id, told)| Row {
            id: id.clone(),
            told: told.clone(),
        });
        let (open, manners) = (open.collect(), (book.batch(), book.call_life()));
        if !marked::find_out(&at, &mut told, open, manners, now, &mut step).await? {
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
                    if !at.bring(&mut told, (id, one), (&target, party), now, &mut step).await? {
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
            let mark = |(id, activity, party): &(String, CallActivity, Party)| Row {
                id: id.clone(),
                told: Told::sent(party, &activity.contact, now),
            };
            let marked = batch.iter().map(|one| (mark(one), &Job::Make)).collect();
            let new: Vec<CallActivity> = batch.iter().map(|(_, activity, _)| activity.clone()).collect();
            if !marked::send(&at, &mut told, marked, book.create(&new), now, &mut step).await? {
                step.more = false;
                break;
            }
        }
        Ok(step)
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
pub(super) struct Calls<'a> {
    of: &'a Telehealth,
    crm: &'a str,
    calls: &'a BTreeMap<String, KeptCall>,
    pub book: &'a dyn CallActivities,
}

/// What was told of one call.
#[derive(Clone)]
pub(super) struct Row {
    pub id: String,
    pub told: Told,
}

/// What a call to the CRM is made for.
pub(super) enum Job {
    Make,
    Move(Move),
}

/// That the CRM was told of a call which stands there.
pub(super) fn told_of(at: &Calls<'_>, row: &Row) -> Option<Telling> {
    if row.told.state != ToldState::Posted {
        return None;
    }
    let patient = match at.calls.get(&row.id).and_then(|kept| kept.who.party()) {
        Some(Party::Patient(patient)) => Some(About::record(&at.of.home, "Patient", patient)),
        _ => None,
    };
    let units = ["title", "start", "end", "outcome", "mode"];
    Some(Telling {
        system: at.crm.to_owned(),
        remote_id: row.told.remote_id.clone(),
        units: units.map(|unit| format!("call.{unit}")).to_vec(),
        purpose: "telehealth: a call".into(),
        certain: true,
        about: patient.into_iter().collect::<BTreeSet<_>>(),
    })
}

impl marked::Entry for Row {
    fn row(&self) -> &str {
        &self.id
    }

    fn is_making(&self) -> bool {
        self.told.state == ToldState::Sent
    }

    fn at(&self) -> Time {
        self.told.at
    }

    fn unsent(mut self) -> Row {
        self.told.outgoing = None;
        self
    }

    /// With whom it stands, and what it tells, was marked as not known.
    fn doubted(self) -> Row {
        self.unsent()
    }
}

impl Tally for TellStep {
    fn unknown(&mut self, calls: usize) {
        self.unknown += calls;
    }

    fn trouble(&mut self, what: String) {
        self.trouble.push(what);
    }
}

#[async_trait]
impl Part for Calls<'_> {
    type State = BTreeMap<String, Told>;
    type Entry = Row;
    type Plan = Job;
    type Found = String;
    type Step = TellStep;

    fn answered(
        &self,
        _: &mut BTreeMap<String, Told>,
        mut row: Row,
        job: &Job,
        word: Word,
        step: &mut TellStep,
    ) -> Fate<Row> {
        let told = &mut row.told;
        match (job, word) {
            (Job::Make, Word::Done(id)) => {
                (told.state, told.remote_id) = (ToldState::Posted, Some(id));
                step.created += 1;
                let line = told_of(self, &row);
                return Fate::Settled(row, line);
            }
            // Ours may stand there, made by a call whose answer was lost: it is looked up.
            (Job::Make, Word::Refused(refusal)) if refusal.kind == RefusalKind::Taken => return Fate::Open,
            (Job::Make, word) => {
                (told.state, told.code) = (ToldState::Refused, Some(code(word)));
                step.refused += 1;
            }
            (Job::Move(_), Word::Done(_)) | (Job::Move(Move::Detach(_)), Word::Gone) => told.done(),
            (Job::Move(Move::Withdrawn(_)), Word::Gone) => {
                (told.state, told.outgoing) = (ToldState::Deleted, None);
            }
            (Job::Move(next), word) => {
                told.outgoing = None;
                (told.code, told.blocked) = (Some(code(word)), Some(next.clone()));
                step.refused += 1;
            }
        }
        Fate::Settled(row, None)
    }

    fn found(&self, mut row: Row, id: String, step: &mut TellStep) -> (Row, Option<Telling>) {
        (row.told.state, row.told.remote_id) = (ToldState::Posted, Some(id));
        step.created += 1;
        let line = told_of(self, &row);
        (row, line)
    }

    async fn find(&self, making: &[Row]) -> Result<Vec<Option<String>>, AdapterError> {
        let keys: Vec<String> = making.iter().map(|row| key(&row.id)).collect();
        self.book.find(&keys).await
    }

    async fn keep(&self, told: &mut BTreeMap<String, Told>, keep: Keep<Row>, now: Time) -> Result<(), EngineError> {
        let text = |row: &Row| (row.id.clone(), serde_json::to_string(&row.told).unwrap_or_default());
        let rows: Vec<(String, String)> = keep.entries.iter().map(text).collect();
        let mut tx = self.of.store.begin().await?;
        tx.put_ledger(TOLD, &rows).await?;
        tx.drop_ledger(TOLD, &keep.forget).await?;
        tx.append_told(&keep.told, now).await?;
        tx.commit().await?;
        for id in &keep.forget {
            told.remove(id);
        }
        told.extend(keep.entries.into_iter().map(|row| (row.id, row.told)));
        Ok(())
    }
}

fn code(word: Word) -> String {
    match word {
        Word::Refused(refusal) => refusal.code,
        Word::Done(_) | Word::Gone => "no_contact".into(),
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
