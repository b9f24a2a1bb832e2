//! Referrers in the CRM, at work: who refers comes in from the mirror, one record for each goes out and is kept up. What
//! is told is decided in [`bridge_core::care::refer`]; this moves facts and orders effects.
//!
//! Every call is marked in the store before it is made. Before a record is made it is looked for, by our key and by
//! provider number; and one whose making was not answered is looked up before anything is repeated. So a crash between any
//! two effects makes nothing twice and leaves nothing out.

mod send;
mod settle;

use crate::error::EngineError;
use crate::marked::{Keep, Part};
use crate::pause;
use adapter_kit::{Adapter, ReferrerManners, Referrers};
use bridge_core::Time;
use bridge_core::care::refer::{Entry, EntryState, Field, Given, Held, KINDS, Known, Plan, Planned, Rules, Sort};
use bridge_store::Store;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Entries by key.
const ENTRY: &str = "referrers/entry";
/// Rows of the mirror taken at a time.
const PAGE: usize = 500;
/// A record is made, taken from practices, put to its own and changed in one step at most.
const ROUNDS: usize = 6;

/// What is configured.
#[derive(Clone, Debug)]
pub struct ReferrersSettings {
    /// System whose referrers they are, by name.
    pub source: String,
    /// System that holds them, by name.
    pub crm: String,
    /// Its kind of the patients' contacts.
    pub contacts: String,
    /// What the practice decided.
    pub rules: Rules,
    /// The practice's clock.
    pub zone: TimeZone,
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferrersStep {
    /// Records made.
    pub created: usize,
    /// Records that were there already and are kept up from now on.
    pub adopted: usize,
    /// Records changed.
    pub changed: usize,
    /// Records found to be deleted in the CRM.
    pub deleted: usize,
    /// Calls that the CRM refused.
    pub refused: usize,
    /// Calls whose outcome is not known yet.
    pub unknown: usize,
    /// Referrers that wait for a person.
    pub held: usize,
    /// There is more to take in right away.
    pub more: bool,
    /// What could not be done now: the call, and its code.
    pub trouble: Vec<String>,
}

impl ReferrersStep {
    /// Whether anything moved.
    pub fn active(&self) -> bool {
        self.created + self.adopted + self.changed + self.deleted + self.refused > 0
    }
}

/// What would be done, and what waits.
#[derive(Clone, Debug, Default)]
pub struct ReferrersOutlook {
    /// What would be done next about each record.
    pub acts: Vec<Planned>,
    /// What waits.
    pub held: Vec<Held>,
    /// Records as they were told.
    pub entries: Vec<Entry>,
}

/// What is known: entries stand in the store, the rest is read anew from the mirror.
#[derive(Default)]
pub(crate) struct State {
    known: Known,
    taken: BTreeMap<&'static str, i64>,
    entries: BTreeMap<String, Entry>,
}

/// Referrers of one practice in one CRM.
pub struct ReferrerDesk {
    store: Store,
    crm: Arc<dyn Adapter>,
    settings: ReferrersSettings,
    /// Taken out while a step is under way: one that is dropped half-way leaves nothing behind but what was stored.
    state: Mutex<Option<State>>,
}

impl ReferrerDesk {
    /// Over a store that a mirror fills, and the account of a CRM. Nothing is read before the first step.
    ///
    /// # Errors
    /// [`EngineError::NotPossible`] if the CRM's connector describes no referrers.
    pub fn new(store: Store, crm: Arc<dyn Adapter>, settings: ReferrersSettings) -> Result<ReferrerDesk, EngineError> {
        if crm.referrers().is_none() {
            let name = &settings.crm;
            return Err(EngineError::NotPossible(format!(
                "the connector of {name} describes no [referrers]: they cannot be held there"
            )));
        }
        Ok(ReferrerDesk {
            store,
            crm,
            settings,
            state: Mutex::new(None),
        })
    }

    fn book(&self) -> Result<&dyn Referrers, EngineError> {
        let none = || EngineError::NotPossible("the CRM holds no referrers".into());
        self.crm.referrers().ok_or_else(none)
    }

    fn manners(&self, sort: Sort) -> Result<ReferrerManners, EngineError> {
        let none = || EngineError::NotPossible(format!("the CRM holds no referrers of the sort {sort}"));
        self.book()?.referrer_manners(sort).ok_or_else(none)
    }

    /// Takes up what changed, finds out what became of open calls, and brings the CRM up to date.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with the account is told in the step.
    pub async fn step(&self, now: Time) -> Result<ReferrersStep, EngineError> {
        let mut kept = self.state.lock().await;
        let mut state = match kept.take() {
            Some(state) => state,
            None => self.load().await?,
        };
        let mut step = ReferrersStep::default();
        self.take_up(&mut state).await?;
        self.settle(&mut state, now, &mut step).await?;
        if let Some(pause) = pause::paused(&self.store, &self.settings.crm).await? {
            let crm = &self.settings.crm;
            step.trouble
                .push(format!("no referrers are told: {crm} was paused by {}", pause.by));
        } else if self.all_known().await? {
            for _ in 0..ROUNDS {
                let plan = self.plan(&state, now)?;
                step.held = plan.held.len();
                if plan.acts.is_empty() || !self.carry_out(&mut state, plan.acts, now, &mut step).await? {
                    break;
                }
            }
        }
        *kept = Some(state);
        Ok(step)
    }

    /// What the next step would do, by what is known now. Does nothing.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn outlook(&self, now: Time) -> Result<ReferrersOutlook, EngineError> {
        let mut state = self.load().await?;
        self.take_up(&mut state).await?;
        let plan = self.plan(&state, now)?;
        Ok(ReferrersOutlook {
            acts: plan.acts,
            held: plan.held,
            entries: state.entries.into_values().collect(),
        })
    }

    async fn load(&self) -> Result<State, EngineError> {
        let mut state = State::default();
        let mut bad = None;
        self.store
            .ledger(ENTRY, |id, body| match serde_json::from_str::<Entry>(&body) {
                Ok(entry) => drop(state.entries.insert(entry.key.clone(), entry)),
                Err(_) => bad = Some(id),
            })
            .await?;
        match bad {
            None => Ok(state),
            Some(id) => Err(EngineError::unread_row(ENTRY, &id)),
        }
    }

    async fn take_up(&self, state: &mut State) -> Result<(), EngineError> {
        for kind in KINDS {
            loop {
                let after = state.taken.get(kind).copied().unwrap_or(0);
                let rows = self
                    .store
                    .mirrored_after(&self.settings.source, kind, after, PAGE)
                    .await?;
                let Some(last) = rows.last() else { break };
                state.taken.insert(kind, last.seq);
                for row in rows {
                    state.known.take(kind, &row.id, &row.body, row.gone);
                }
            }
        }
        Ok(())
    }

    /// Until every record was read once nobody can say how many somebody referred.
    async fn all_known(&self) -> Result<bool, EngineError> {
        for kind in KINDS {
            let read = format!("stream/{}/{kind}", self.settings.source);
            if self.store.meta(&read).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn plan(&self, state: &State, now: Time) -> Result<Plan, EngineError> {
        let mut places: BTreeMap<Sort, BTreeSet<Field>> = BTreeMap::new();
        for sort in Sort::ALL {
            let Some(manners) = self.book()?.referrer_manners(sort) else {
                continue;
            };
            let mut fields = manners.fields;
            if manners.relates {
                fields.insert(Field::PracticeRecord);
            }
            places.insert(sort, fields);
        }
        let wanted = state.known.wanted(&self.settings.rules, self.today(now));
        Ok(Plan::of(&Given {
            wanted: &wanted,
            entries: &state.entries,
            places: &places,
            now,
        }))
    }

    fn today(&self, now: Time) -> Date {
        let at = Timestamp::from_microsecond(now).unwrap_or_default();
        at.to_zoned(self.settings.zone.clone()).date()
    }

    async fn save(&self, state: &mut State, entries: Vec<Entry>) -> Result<(), EngineError> {
        if entries.is_empty() {
            return Ok(());
        }
        // No time is noted where nobody is told of.
        self.keep(state, Keep::entries(entries), 0).await
    }
}

/// Records by Halaxy's id of the professional contact (`EP-...`, `SP-...`): none where activities cannot stand with one.
///
/// # Errors
/// [`EngineError::Store`].
pub async fn contacts(store: &Store, crm: &dyn Adapter) -> Result<BTreeMap<String, Option<String>>, EngineError> {
    let takes = |sort| {
        let manners = crm.referrers().and_then(|book| book.referrer_manners(sort));
        manners.is_some_and(|manners| manners.contacts)
    };
    let mut all = BTreeMap::new();
    store
        .ledger(ENTRY, |_, body| {
            let entry = serde_json::from_str::<Entry>(&body).ok();
            let posted = entry.filter(|entry| entry.state == EntryState::Posted);
            all.extend(posted.map(|entry| (entry.id, entry.remote_id.filter(|_| takes(entry.sort)))));
        })
        .await?;
    Ok(all)
}
