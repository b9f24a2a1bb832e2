//! The diary at work: appointments come in from the mirror, activities go out to the CRM's contacts. What is told is
//! decided in [`bridge_core::diary`]; this moves facts and orders effects.
//!
//! Every call is marked in the store before it is made. An activity whose making was not answered is looked up by our key
//! before anything is repeated, and no other call is sent again before the longest life of the lost one is over; so that a
//! crash between any two effects makes nothing twice and leaves nothing out.
//!
//! The appointments themselves are not kept here: a start reads the mirror from its beginning.

mod heirs;
mod keep;
mod send;
mod settle;
mod visits;

pub use visits::{VISITS_MEMBER, VisitMonths};

use crate::deliver::micros;
use crate::error::EngineError;
use crate::pause;
use adapter_kit::{Activities, Adapter};
use bridge_core::Time;
use bridge_core::diary::{
    Edits, Entry, EntryState, Given, Held, KINDS, Members, Outcome, Plan, Planned, Rules, Visit, Wanted, Why,
};
use bridge_store::Store;
use keep::State;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// Rows of the mirror taken at a time.
const PAGE: usize = 500;
/// An activity is detached, attached and changed in one step at most; further rounds would go in circles.
const ROUNDS: usize = 12;

/// What the diary is told.
pub struct DiarySettings {
    /// System whose appointments are shown, by name.
    pub source: String,
    /// Its kind of patients.
    pub patients: String,
    /// System that shows them, by name.
    pub crm: String,
    /// What the practice decided.
    pub rules: Rules,
    /// What becomes of edits made in the CRM.
    pub edits: Edits,
    /// Visits that began within this time are read again while nobody said how they went: a booked one turns into an
    /// attended one by itself, and no feed is known to show it.
    pub again: Duration,
    /// How often that, and the look for edits in the CRM, is done.
    pub look_every: Duration,
    /// Whether months of the last and next visit are worked out.
    pub months: bool,
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiaryStep {
    /// Appointments that were new or changed.
    pub visits: usize,
    /// Activities made.
    pub created: usize,
    /// Activities changed, those put right included.
    pub changed: usize,
    /// Of those, the ones that somebody had edited in the CRM.
    pub restored: usize,
    /// Activities put to another contact.
    pub moved: usize,
    /// Activities found to be deleted in the CRM.
    pub deleted: usize,
    /// Calls that the CRM refused.
    pub refused: usize,
    /// Calls whose outcome is not known yet.
    pub unknown: usize,
    /// Patients whose months of visits changed.
    pub months: usize,
    /// Activities that wait.
    pub held: usize,
    /// Of those, the ones that do not follow by themselves: a person must act.
    pub waiting: usize,
    /// What could not be done now: the call, and its code.
    pub trouble: Vec<String>,
}

impl DiaryStep {
    /// Whether anything moved.
    pub fn active(&self) -> bool {
        self.visits + self.created + self.changed + self.moved + self.deleted + self.refused + self.months > 0
    }
}

/// What would be done, and what waits.
#[derive(Clone, Debug, Default)]
pub struct DiaryOutlook {
    /// What would be done next about each activity.
    pub acts: Vec<Planned>,
    /// What waits.
    pub held: Vec<Held>,
    /// Activities as they were posted.
    pub entries: Vec<Entry>,
}

/// The diary of one practice.
pub struct Diary {
    store: Store,
    crm: Arc<dyn Adapter>,
    settings: DiarySettings,
    /// Every appointment has been read once.
    all_known: AtomicBool,
    /// Taken out while a step is under way: one that is dropped half-way leaves nothing behind but what was stored.
    state: Mutex<Option<State>>,
}

impl Diary {
    /// The diary over a store that a mirror fills, and the account of a CRM. Nothing is read before the first step.
    ///
    /// # Errors
    /// [`EngineError::NotPossible`] if the CRM's connector describes no activities.
    pub fn new(store: Store, crm: Arc<dyn Adapter>, settings: DiarySettings) -> Result<Diary, EngineError> {
        if crm.activities().is_none() {
            let name = &settings.crm;
            return Err(EngineError::NotPossible(format!(
                "the connector of {name} describes no [activities]: appointments cannot be shown there"
            )));
        }
        Ok(Diary {
            store,
            crm,
            settings,
            all_known: AtomicBool::new(false),
            state: Mutex::new(None),
        })
    }

    /// Says that the mirror has read every appointment once. Before that nobody can say which visit was the last.
    pub fn all_known(&self) {
        self.all_known.store(true, Ordering::Relaxed);
    }

    /// The settings.
    pub fn settings(&self) -> &DiarySettings {
        &self.settings
    }

    fn activities(&self) -> Result<&dyn Activities, EngineError> {
        let none = || EngineError::NotPossible("the CRM keeps no activities".into());
        self.crm.activities().ok_or_else(none)
    }

    /// Takes up what changed, finds out what became of open calls, and brings the CRM up to date.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with the account is told in the step.
    pub async fn step(&self, now: Time) -> Result<DiaryStep, EngineError> {
        let mut kept = self.state.lock().await;
        let mut state = match kept.take() {
            Some(state) => state,
            None => State::load(&self.store).await?,
        };
        let mut step = DiaryStep::default();
        self.take_up(&mut state, now, &mut step).await?;
        self.settle(&mut state, now, &mut step).await?;
        self.look_for_edits(&mut state, now, &mut step).await?;
        match pause::closed(&self.store, &self.settings.crm).await? {
            Some(why) => step.trouble.push(why),
            None => self.bring_up(&mut state, now, &mut step).await?,
        }
        if self.settings.months && self.all_known.load(Ordering::Relaxed) {
            self.months(&mut state, now, &mut step).await?;
        }
        step.held = state.held.values().map(Vec::len).sum();
        let held = state.held.values().flatten();
        step.waiting = held.filter(|held| held.why != Why::NoContact).count();
        *kept = Some(state);
        Ok(step)
    }

    /// What the next steps would do, by what is known now. Does nothing.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn outlook(&self, now: Time) -> Result<DiaryOutlook, EngineError> {
        let mut state = State::load(&self.store).await?;
        self.take_up(&mut state, now, &mut DiaryStep::default()).await?;
        let all: Vec<String> = state.visits.keys().cloned().collect();
        let mut outlook = DiaryOutlook::default();
        for id in all {
            let plan = self.plan(&state, &id, now);
            outlook.acts.extend(plan.acts);
            outlook.held.extend(plan.held);
        }
        outlook.entries = state.entries.into_values().collect();
        Ok(outlook)
    }

    /// Appointments of the recent past that nobody said anything of yet, and that are due to be read again: by id.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn due_again(&self, now: Time) -> Result<Vec<String>, EngineError> {
        let mut kept = self.state.lock().await;
        let Some(state) = kept.as_mut() else { return Ok(vec![]) };
        if now < state.again_at {
            return Ok(vec![]);
        }
        state.again_at = now.saturating_add(micros(self.settings.look_every));
        let first = now.saturating_sub(micros(self.settings.again));
        let due = state.visits.iter().filter(|(_, known)| {
            let start = known.visit.start.saturating_mul(1_000_000);
            let open = |outcome: &Outcome| *outcome == Outcome::Scheduled;
            !known.gone && (first..=now).contains(&start) && known.outcomes(&self.settings.rules).any(|o| open(&o))
        });
        Ok(due.map(|(id, _)| id.clone()).collect())
    }

    /// Reads from the mirror what is new, whose contacts changed, and which visits came into the window.
    async fn take_up(&self, state: &mut State, now: Time, step: &mut DiaryStep) -> Result<(), EngineError> {
        let mut around = false;
        for kind in KINDS.into_iter().filter(|kind| *kind != "Appointment") {
            while let Some(rows) = self.page(state, kind).await? {
                for row in rows {
                    around |= state.around.take(kind, &row.id, &row.body);
                }
            }
        }
        while let Some(rows) = self.page(state, "Appointment").await? {
            for row in rows {
                step.visits += 1;
                match Visit::read(&row.id, &row.body, &self.settings.rules.zone) {
                    Ok(visit) => state.show(visit, row.gone),
                    // Of one that is gone nothing more is to be read.
                    Err(_) if row.gone => state.lose(&row.id),
                    Err(not_read) => state.unreadable(&row.id, not_read.0),
                }
                state.due.remove_of(&row.id);
                state.dirty.insert(row.id);
            }
        }
        if around {
            state.dirty.extend(state.visits.keys().cloned());
        }
        for id in state.due.take(now) {
            state.dirty.insert(id);
        }
        self.contacts(state, now).await
    }

    async fn page(
        &self,
        state: &mut State,
        kind: &'static str,
    ) -> Result<Option<Vec<bridge_store::Mirrored>>, EngineError> {
        let after = state.taken.get(kind).copied().unwrap_or(0);
        let rows = self
            .store
            .mirrored_after(&self.settings.source, kind, after, PAGE)
            .await?;
        let Some(last) = rows.last() else { return Ok(None) };
        state.taken.insert(kind, last.seq);
        Ok(Some(rows))
    }

    /// Whom the patients of visits that are shown, or are to be, are in the CRM.
    async fn contacts(&self, state: &mut State, now: Time) -> Result<(), EngineError> {
        let mut patients: BTreeSet<&String> = state.entries.values().map(|entry| &entry.patient).collect();
        for known in state.visits.values() {
            if !known.gone && self.settings.rules.covers(known.visit.start, now) {
                patients.extend(known.visit.patients.iter().map(|part| &part.patient));
            }
        }
        let patients: Vec<String> = patients.into_iter().cloned().collect();
        let (source, kind) = (&self.settings.source, &self.settings.patients);
        let contacts = self
            .store
            .counterparts(source, kind, &self.settings.crm, &patients)
            .await?;
        for patient in patients.iter().filter(|p| contacts.get(*p) != state.contacts.get(*p)) {
            let visits = state.visits_of.get(patient);
            state.dirty.extend(visits.into_iter().flatten().cloned());
            let shown = state.entries_of.get(patient);
            state.dirty.extend(shown.into_iter().flatten().cloned());
        }
        state.contacts = contacts;
        Ok(())
    }

    fn wanted(&self, state: &State, id: &str, now: Time) -> Result<Vec<Wanted>, &'static str> {
        if let Some(member) = state.unread.get(id) {
            return Err(member);
        }
        let rules = &self.settings.rules;
        Ok(state
            .visits
            .get(id)
            .map(|known| rules.wanted(&known.visit, known.gone, &state.around, now))
            .unwrap_or_default())
    }

    /// What is next about the activities of one appointment.
    fn plan(&self, state: &State, id: &str, now: Time) -> Plan {
        let wanted = match self.wanted(state, id, now) {
            Ok(wanted) => wanted,
            Err(member) => {
                return Plan {
                    acts: vec![],
                    held: vec![Held {
                        appointment: id.to_owned(),
                        patient: String::new(),
                        why: Why::Unreadable(member),
                    }],
                };
            }
        };
        Plan::of(&Given {
            wanted: &wanted,
            entries: &state.entries_at(id),
            contacts: &state.contacts,
            shown: &state.shown,
            edits: self.settings.edits,
            zone: &self.settings.rules.zone,
        })
    }

    /// Plans and carries out until nothing is left, or something is in the way.
    async fn bring_up(&self, state: &mut State, now: Time, step: &mut DiaryStep) -> Result<(), EngineError> {
        let wait = self.inherit(state, now, step).await?;
        let mut left = std::mem::take(&mut state.dirty);
        left.retain(|id| !wait.contains(id));
        state.dirty = wait;
        for _ in 0..ROUNDS {
            let mut acts = Vec::new();
            for id in &left {
                let plan = self.plan(state, id, now);
                match plan.held.is_empty() {
                    true => drop(state.held.remove(id)),
                    false => drop(state.held.insert(id.clone(), plan.held)),
                }
                acts.extend(plan.acts);
                let known = state.visits.get(id).filter(|known| !known.gone);
                let due_at = known.and_then(|known| self.settings.rules.due_at(known.visit.start, now));
                if let Some(due_at) = due_at {
                    state.due.put(id, due_at);
                }
            }
            if acts.is_empty() {
                return Ok(());
            }
            left = acts.iter().map(|act| act.wanted.appointment.clone()).collect();
            if !self.carry_out(state, acts, now, step).await? {
                state.dirty.extend(left);
                return Ok(());
            }
        }
        state.dirty.extend(left);
        Ok(())
    }

    /// Reads activities of visits in the window back from the CRM, where edits made there are put right.
    async fn look_for_edits(&self, state: &mut State, now: Time, step: &mut DiaryStep) -> Result<(), EngineError> {
        if self.settings.edits != Edits::Restore || now < state.look_at {
            return Ok(());
        }
        let rules = &self.settings.rules;
        let all: Vec<(String, String)> = state
            .entries
            .values()
            .filter(|entry| {
                entry.state == EntryState::Posted && !entry.is_open() && rules.covers(entry.base.start, now)
            })
            .filter_map(|entry| Some((entry.key.clone(), entry.remote_id.clone()?)))
            .collect();
        state.shown.clear();
        let batch = self.activities()?.activity_manners().batch;
        for chunk in all.chunks(batch) {
            let ids: Vec<String> = chunk.iter().map(|(_, id)| id.clone()).collect();
            let read = match self.activities()?.read(&ids).await {
                Ok(read) => read,
                Err(error) => {
                    step.trouble.push(error.to_string());
                    return Ok(());
                }
            };
            self.take_shown(state, chunk, read, now, step).await?;
        }
        state.look_at = now.saturating_add(micros(self.settings.look_every));
        Ok(())
    }
}

/// A visit as last read.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub visit: Visit,
    pub gone: bool,
}

impl Known {
    fn outcomes<'a>(&'a self, rules: &'a Rules) -> impl Iterator<Item = Outcome> + 'a {
        let parts = self.visit.patients.iter();
        parts.map(|part| bridge_core::diary::outcome(&part.status, &rules.statuses))
    }
}

/// What the CRM shows, by key.
type Shown = BTreeMap<String, Members>;
