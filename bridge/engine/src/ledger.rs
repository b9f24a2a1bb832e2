//! The ledger at work: facts come in from the practice's software, documents go out into the books, and what the books
//! show is mirrored for the proof. What is posted is decided in [`bridge_core::ledger`]; this moves facts and orders effects.
//!
//! Every document is marked sent in the store before the call. What was sent and not answered is looked up by its key before
//! anything is repeated, so that a crash between any two effects posts nothing twice and nothing not at all.

mod besides;
mod concerns;
mod decisions;
mod filed;
mod follow;
mod gather;
mod keep;
mod mirror;
pub mod office;
mod outlook;
mod post;
mod recode;
pub mod reports;
mod reread;
mod telling;

pub(crate) use concerns::INVOICES;
pub use filed::{TASK, open_task};
pub use follow::{followed_books, followed_invoices};
pub(crate) use keep::looked;
pub use outlook::journal_view;
pub use recode::RecodePreview;
pub use reread::Reading;

use crate::error::EngineError;
use crate::pause;
use crate::vitals::ProofVitals;
use adapter_kit::{Accounting, Adapter};
use bridge_core::Time;
use bridge_core::ledger::adopt::Foreign;
use bridge_core::ledger::prove::{Between, Difference};
use bridge_core::ledger::{
    Books, DocumentKind, Entry, Evidence, Facts, Plan, Proof, ReadFacts, Rules, Shown, Source, Target,
};
use bridge_store::Store;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use keep::State;
use reread::Reread;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// What the ledger is told.
pub struct LedgerSettings {
    /// System that bills, by name.
    pub source: String,
    /// System with the books, by name.
    pub books: String,
    /// Posting rules.
    pub rules: Rules,
    /// The practice's time zone.
    pub zone: TimeZone,
    /// The longest a posting can live after we gave up on it.
    pub call_life: Duration,
    /// Between two looks that webhooks lead to: each may take some calls on the books, of which a plan has so many a day.
    pub pace: Duration,
    /// Digest of what an approval covers: the rules and the two accounts.
    pub digest: String,
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerStep {
    /// Records read.
    pub records: usize,
    /// Documents that somebody changed in the books, as webhooks told.
    pub mirrored: usize,
    /// Documents posted.
    pub posted: usize,
    /// Documents voided.
    pub voided: usize,
    /// Contacts made.
    pub contacts: usize,
    /// Documents refused.
    pub refused: usize,
    /// Documents whose outcome is not known yet.
    pub unknown: usize,
    /// What waits.
    pub held: usize,
    /// Documents planned that nobody approved yet.
    pub unapproved: usize,
    /// What could not be read or sent now: the call, and its code.
    pub trouble: Vec<String>,
    /// Whether anything was new, so that `held` and `unapproved` were found out.
    pub judged: bool,
}

impl LedgerStep {
    /// Whether anything moved.
    pub fn active(&self) -> bool {
        self.records + self.mirrored + self.posted + self.voided + self.contacts > 0
    }
}

/// What would be posted, with everything a person needs to judge it.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// What the books should hold.
    pub target: Target,
    /// What to post, void and hold.
    pub plan: Plan,
    /// Documents in the books of invoices that we did not post, with the entries that adopting them would make.
    pub foreign: Vec<(Foreign, Vec<Entry>)>,
    /// The books.
    pub books: Books,
    /// Calls that carrying it out takes, by what they do.
    pub calls: BTreeMap<String, usize>,
}

/// The ledger of one practice.
pub struct Ledger {
    store: Store,
    adapter: Arc<dyn Adapter>,
    reader: Arc<dyn ReadFacts>,
    accounting: Arc<dyn Accounting>,
    settings: LedgerSettings,
    state: Mutex<State>,
}

impl Ledger {
    /// Opens the ledger of a practice, with everything it kept.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn open(
        store: Store,
        adapter: Arc<dyn Adapter>,
        reader: Arc<dyn ReadFacts>,
        accounting: Arc<dyn Accounting>,
        settings: LedgerSettings,
    ) -> Result<Ledger, EngineError> {
        let state = State::load(&store, &settings, reader.as_ref()).await?;
        Ok(Ledger {
            store,
            adapter,
            reader,
            accounting,
            settings,
            state: Mutex::new(state),
        })
    }

    /// Where it keeps what it knows.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The settings.
    pub fn settings(&self) -> &LedgerSettings {
        &self.settings
    }

    /// Reads what is new, settles what is open, and posts what is to be posted, if a person approved posting by these
    /// rules.
    ///
    /// # Errors
    /// [`EngineError::Store`]; trouble with an account is told in the step.
    pub async fn step(&self, now: Time) -> Result<LedgerStep, EngineError> {
        let mut state = self.state.lock().await;
        let mut step = LedgerStep::default();
        self.take_in(&state).await?;
        self.look_up(&mut state).await?;
        if self.gather(&mut state, now, &mut step).await? {
            self.decide(&mut state, now, &mut step).await?;
        }
        Ok(step)
    }

    /// Settles what is open, and posts what is to be posted by what was read.
    async fn decide(&self, state: &mut State, now: Time, step: &mut LedgerStep) -> Result<(), EngineError> {
        if let Err(error) = self.chart(state, now).await {
            step.trouble.push(error.to_string());
            return Ok(());
        }
        self.settle(state, now, step).await?;
        if let Some(why) = pause::closed(&self.store, &self.settings.books).await? {
            step.trouble.push(why);
            return Ok(());
        }
        self.asked_journals(state, now, step).await?;
        let settled = self.settled(now);
        if self.settings.rules.summarises() && state.planned_for != Some(settled) {
            state.changed = true;
        }
        if state.changed {
            let outlook = self.outlook(state, now);
            step.held = outlook.plan.held.len();
            step.judged = true;
            let fresh = !outlook.plan.post.is_empty() && self.approved(state);
            // Where nothing new was read, the plan made a moment ago stands.
            let outlook = match fresh {
                true => match self.nothing_foreign(state, now, step).await? {
                    Some(moved) if moved => self.outlook(state, now),
                    Some(_) => outlook,
                    None => return Ok(()),
                },
                false => outlook,
            };
            if self.approved(state) {
                let held = outlook.plan.held.iter().map(|h| h.source.clone()).collect();
                let done = self.carry_out(state, outlook.plan, now, step).await?;
                if done {
                    self.recoded(state, &held).await?;
                }
                state.changed = !done;
                state.planned_for = Some(settled);
            } else {
                step.unapproved = outlook.plan.post.len() + outlook.plan.void.len();
            }
        }
        Ok(())
    }

    /// Reads what is new and says what would be posted. Posts nothing.
    ///
    /// # Errors
    /// [`EngineError::Store`], or [`EngineError::NotPossible`] if an account cannot be read now.
    pub async fn preview(&self, now: Time) -> Result<Outlook, EngineError> {
        let mut state = self.state.lock().await;
        self.read_both(&mut state, now, Reread::Changes).await?;
        Ok(self.outlook(&state, now))
    }

    /// Reads both accounts, and settles what is open.
    async fn read_both(&self, state: &mut State, now: Time, how: Reread) -> Result<(), EngineError> {
        let mut step = LedgerStep::default();
        if !self.gather(state, now, &mut step).await? {
            return Err(cannot(step.trouble));
        }
        self.chart(state, now).await.map_err(|e| cannot([e.to_string()]))?;
        self.settle(state, now, &mut step).await?;
        self.read_books(state, now, how).await?;
        self.link(state, now).await?;
        Ok(())
    }

    /// Compares Halaxy, what was posted, and the books, over these days by Halaxy's date. Reads both accounts first;
    /// `full` reads the books from the beginning, not only what the vendor says has changed.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn prove(&self, from: Date, to: Date, full: bool, now: Time) -> Result<Proof, EngineError> {
        let how = if full { Reread::Whole } else { Reread::Changes };
        let proof = self.prove_by(from, to, how, now).await?;
        self.note(None, Some(ProofVitals::of(&proof, false, now)), now).await?;
        Ok(proof)
    }

    /// The same at night: as much of the books is read from the beginning as so many calls allow, all of it in turn over
    /// some nights. [`Ledger::readings`] says as of when each part was.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn prove_nightly(&self, from: Date, to: Date, calls: usize, now: Time) -> Result<Proof, EngineError> {
        let proof = self.prove_by(from, to, Reread::Share(calls), now).await?;
        self.note(None, Some(ProofVitals::of(&proof, true, now)), now).await?;
        Ok(proof)
    }

    /// The same for what is reckoned again by itself: nobody asked for this proof, so nobody is told of it.
    async fn prove_quietly(&self, from: Date, to: Date, now: Time) -> Result<Proof, EngineError> {
        self.prove_by(from, to, Reread::Changes, now).await
    }

    async fn prove_by(&self, from: Date, to: Date, how: Reread, now: Time) -> Result<Proof, EngineError> {
        let mut state = self.state.lock().await;
        self.read_both(&mut state, now, how).await?;
        let Some(books) = &state.books else {
            return Err(cannot(["the chart of the books"]));
        };
        let target = self.target(&state, books);
        let proof = |later: &BTreeSet<Source>| {
            let contacts = state.contacts.iter().map(|(k, c)| (k.as_str(), c.remote_id.as_str()));
            Proof::of(&Evidence {
                target: &target,
                entries: state.entries.values().map(|k| &k.entry).collect(),
                shown: state.shown.values().collect(),
                contacts: contacts.collect(),
                rules: &self.settings.rules,
                settled: Some(self.settled(now)),
                later,
                from,
                to,
            })
        };
        let first = proof(&BTreeSet::new());
        let unposted = |d: &Difference| d.between == Between::HalaxyAndPosted;
        // A plan takes longer than a proof: it is asked only where something may wait for a summary.
        if self.settings.rules.summarises() && first.differences.iter().any(unposted) {
            return Ok(proof(&self.outlook(&state, now).plan.later));
        }
        Ok(first)
    }

    /// The last day whose summaries are made by now.
    pub fn settled(&self, now: Time) -> Date {
        self.settings.rules.settled(self.clock_at(now))
    }

    fn clock_at(&self, now: Time) -> DateTime {
        let now = jiff::Timestamp::from_microsecond(now).unwrap_or_default();
        now.to_zoned(self.settings.zone.clone()).datetime()
    }

    /// The facts as they are known now.
    pub async fn facts(&self) -> Facts {
        self.state.lock().await.gathered.facts().clone()
    }

    /// Everything posted so far.
    pub async fn entries(&self) -> Vec<Entry> {
        self.state
            .lock()
            .await
            .entries
            .values()
            .map(|k| k.entry.clone())
            .collect()
    }

    /// Documents as the books last showed them.
    pub async fn shown(&self) -> Vec<Shown> {
        self.state.lock().await.shown.values().cloned().collect()
    }

    /// The books, if their chart was read.
    pub async fn books(&self) -> Option<Books> {
        self.state.lock().await.books.clone()
    }

    /// Whether posting by these rules was approved.
    pub async fn is_approved(&self) -> bool {
        let state = self.state.lock().await;
        self.approved(&state)
    }

    /// Reads what the books have of invoices and payments, before anything is posted: what Halaxy's own link or a person
    /// posted is never posted again. Whether that showed anything new; nothing if it cannot be read now.
    async fn nothing_foreign(
        &self,
        state: &mut State,
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<Option<bool>, EngineError> {
        let mut moved = false;
        for kind in [DocumentKind::Invoice, DocumentKind::Payment] {
            if !self.accounting.keeps(kind) {
                continue;
            }
            match self.mirror_kind(state, kind, now, false).await {
                Ok(shown) => moved |= shown > 0,
                Err(EngineError::NotPossible(why)) => {
                    step.trouble.push(why);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        moved |= self.link(state, now).await?;
        Ok(Some(moved))
    }

    fn approved(&self, state: &State) -> bool {
        state.approved_rules.as_deref() == Some(self.settings.digest.as_str())
    }

    /// The practice's date.
    pub fn today(&self, now: Time) -> Date {
        self.clock_at(now).date()
    }
}

fn cannot<S: Into<String>>(what: impl IntoIterator<Item = S>) -> EngineError {
    let all: Vec<String> = what.into_iter().map(Into::into).collect();
    EngineError::NotPossible(format!("cannot read now: {}; try again later", all.join("; ")))
}
