//! The ledger at work: facts come in from the practice's software, documents go out into the books, and what the books
//! show is mirrored for the proof. What is posted is decided in [`bridge_core::ledger`]; this moves facts and orders effects.
//!
//! Every document is marked sent in the store before the call. What was sent and not answered is looked up by its key before
//! anything is repeated, so that a crash between any two effects posts nothing twice and nothing not at all.

mod besides;
mod follow;
mod keep;
mod mirror;
mod post;
mod recode;

pub use follow::{followed_books, followed_invoices};
pub use recode::RecodePreview;

use crate::error::EngineError;
use crate::pause;
use adapter_kit::gathering::{Intake, Seen};
use adapter_kit::{Accounting, Adapter, AdapterError};
use bridge_core::Time;
use bridge_core::ledger::adopt::{Foreign, foreign};
use bridge_core::ledger::{
    Books, Cents, Document, DocumentKind, Entry, EntryState, Evidence, FactKind, Facts, Given, Plan, Proof, ReadFacts,
    Rules, Shown, Source, Target, Why,
};
use bridge_store::Store;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use keep::{Keep, State};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long the chart of the books is taken to be current.
const CHART_LIFE: Duration = Duration::from_secs(4 * 3600);

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
        if let Some(pause) = pause::paused(&self.store, &self.settings.books).await? {
            let books = &self.settings.books;
            step.trouble
                .push(format!("nothing is posted: {books} was paused by {}", pause.by));
            return Ok(());
        }
        self.asked_journals(state, now, step).await?;
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
        self.read_both(&mut state, now, false).await?;
        Ok(self.outlook(&state, now))
    }

    /// Reads both accounts, and settles what is open; `full` reads the books from the beginning.
    async fn read_both(&self, state: &mut State, now: Time, full: bool) -> Result<(), EngineError> {
        let mut step = LedgerStep::default();
        if !self.gather(state, now, &mut step).await? {
            return Err(cannot(step.trouble));
        }
        self.chart(state, now).await.map_err(|e| cannot([e.to_string()]))?;
        self.settle(state, now, &mut step).await?;
        self.mirror(state, now, full).await?;
        self.link(state, now).await?;
        Ok(())
    }

    /// Compares Halaxy, what was posted, and the books, over these days by Halaxy's date. Reads both accounts first;
    /// `full` reads the books from the beginning, not only what the vendor says has changed.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn prove(&self, from: Date, to: Date, full: bool, now: Time) -> Result<Proof, EngineError> {
        let mut state = self.state.lock().await;
        self.read_both(&mut state, now, full).await?;
        let Some(books) = &state.books else {
            return Err(cannot(["the chart of the books"]));
        };
        let target = self.target(&state, books);
        let contacts = state.contacts.iter().map(|(k, c)| (k.as_str(), c.remote_id.as_str()));
        Ok(Proof::of(&Evidence {
            target: &target,
            entries: state.entries.values().map(|k| &k.entry).collect(),
            shown: state.shown.values().collect(),
            contacts: contacts.collect(),
            rules: &self.settings.rules,
            from,
            to,
        }))
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

    /// A person lets posting by these rules begin (or go on, after they changed).
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn approve_rules(&self) -> Result<(), EngineError> {
        let mut state = self.state.lock().await;
        let mut keep = Keep::new(&self.store).await?;
        keep.note(keep::APPROVED, &self.settings.digest).await?;
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        state.approved_rules = Some(self.settings.digest.clone());
        state.changed = true;
        Ok(())
    }

    /// A person says yes to documents that wait for it, by key; all that wait if `keys` is empty. The keys said yes to.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for a key that does not wait.
    pub async fn approve(&self, keys: &[String], by: &str, now: Time) -> Result<Vec<String>, EngineError> {
        let mut state = self.state.lock().await;
        let outlook = self.outlook(&state, now);
        let waiting: BTreeMap<String, String> = outlook
            .plan
            .held
            .iter()
            .filter_map(|h| match &h.why {
                Why::Approval { key, digest, .. } => Some((key.clone(), digest.clone())),
                _ => None,
            })
            .collect();
        if let Some(unknown) = keys.iter().find(|k| !waiting.contains_key(*k)) {
            return Err(EngineError::NotFound(format!(
                "document {unknown} that waits for a yes"
            )));
        }
        let yes: Vec<(String, String)> = waiting
            .into_iter()
            .filter(|(key, _)| keys.is_empty() || keys.contains(key))
            .collect();
        let mut keep = Keep::new(&self.store).await?;
        for (key, digest) in &yes {
            keep.approval(key, digest, by, now).await?;
        }
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        let keys = yes.iter().map(|(k, _)| k.clone()).collect();
        state.approvals.extend(yes);
        state.changed = true;
        Ok(keys)
    }

    /// Forgets that the books refused documents, by key; all if `keys` is empty. They are posted again if still due.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn retry(&self, keys: &[String]) -> Result<Vec<String>, EngineError> {
        let mut state = self.state.lock().await;
        let refused: Vec<String> = state
            .entries
            .values()
            .filter(|k| {
                k.entry.state == EntryState::Refused && (keys.is_empty() || keys.contains(&k.entry.document.key))
            })
            .map(|k| k.entry.document.key.clone())
            .collect();
        let mut keep = Keep::new(&self.store).await?;
        keep.forget(&refused).await?;
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        for key in &refused {
            state.entries.remove(key);
        }
        state.changed = true;
        Ok(refused)
    }

    /// Links documents that the books already have to the invoices they are of, as if the bridge had posted them, together
    /// with their payments. The numbers linked.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn adopt(&self, now: Time) -> Result<Vec<String>, EngineError> {
        let outlook = self.preview(now).await?;
        let mut state = self.state.lock().await;
        let mut numbers = Vec::new();
        let mut keep = Keep::new(&self.store).await?;
        for (found, entries) in outlook.foreign.iter().filter(|(f, _)| f.adoptable()) {
            for entry in entries {
                if let (Some(contact), Some(remote)) = (&entry.contact, &found.shown.contact)
                    && !state.contacts.contains_key(&contact.key)
                {
                    keep.contact(&mut state, &contact.key, remote, &contact.name).await?;
                }
            }
            keep.entries(&mut state, entries.clone(), now).await?;
            numbers.push(found.number.clone());
        }
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        state.changed = true;
        Ok(numbers)
    }

    /// Whether a person decided something beside this process that it has not taken up yet.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn asked(&self) -> Result<bool, EngineError> {
        let hand = self.store.meta(keep::HAND).await?;
        Ok(self.state.lock().await.hand != hand)
    }

    /// Takes up what people decided beside this process.
    async fn look_up(&self, state: &mut State) -> Result<(), EngineError> {
        if self.store.meta(keep::HAND).await? != state.hand {
            let (books, read) = (state.books.take(), state.books_read);
            *state = State::load(&self.store, &self.settings, self.reader.as_ref()).await?;
            (state.books, state.books_read) = (books, read);
        }
        Ok(())
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
        jiff::Timestamp::from_microsecond(now)
            .unwrap_or_default()
            .to_zoned(self.settings.zone.clone())
            .date()
    }

    /// Reads what changed. False if not everything could be read: then nothing is decided.
    async fn gather(&self, state: &mut State, now: Time, step: &mut LedgerStep) -> Result<bool, EngineError> {
        self.gather_of(state, |_| true, BTreeMap::new(), now, step).await
    }

    /// Reads what changed of some kinds, and these records directly, by kind.
    async fn gather_of(
        &self,
        state: &mut State,
        kinds: impl Fn(FactKind) -> bool,
        asked: BTreeMap<String, Vec<String>>,
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<bool, EngineError> {
        let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
        let mut cursors = state.cursors.clone();
        let mut note = |s: Seen| {
            let (Seen::Body { kind, id, .. } | Seen::Gone { kind, id }) = s;
            seen.insert((kind, id));
        };
        let unreadable = std::mem::take(&mut state.reread);
        let mut intake = Intake {
            adapter: self.adapter.as_ref(),
            reader: self.reader.as_ref(),
            gathered: &mut state.gathered,
            keep: &mut note,
        };
        let mut failed = Vec::new();
        for (kind, ids) in unreadable.iter().chain(&asked) {
            if let Err(error) = intake.look(kind, ids).await {
                failed.push(error.to_string());
            }
        }
        let outcome = intake.round_of(kinds, &mut cursors).await;
        failed.extend(outcome.failed.iter().map(|(kind, error)| format!("{kind}: {error}")));
        if !failed.is_empty() {
            state.reread = unreadable;
        }
        step.records = seen.len();
        // A feed moves on only when everything that it led to was read as well.
        let cursors = if failed.is_empty() {
            cursors
        } else {
            state.cursors.clone()
        };
        self.remember(state, seen, cursors, now).await?;
        let complete = failed.is_empty();
        step.trouble.extend(failed);
        Ok(complete)
    }

    /// Lists everything and confirms what is gone by direct reads.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn sweep(&self, now: Time) -> Result<LedgerStep, EngineError> {
        let mut state = self.state.lock().await;
        let mut step = LedgerStep::default();
        let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
        let mut note = |s: Seen| {
            let (Seen::Body { kind, id, .. } | Seen::Gone { kind, id }) = s;
            seen.insert((kind, id));
        };
        let outcome = Intake {
            adapter: self.adapter.as_ref(),
            reader: self.reader.as_ref(),
            gathered: &mut state.gathered,
            keep: &mut note,
        }
        .sweep()
        .await;
        step.records = outcome.records;
        let failed = outcome.failed.iter().map(|(kind, error)| format!("{kind}: {error}"));
        step.trouble.extend(failed);
        let cursors = state.cursors.clone();
        self.remember(&mut state, seen, cursors, now).await?;
        Ok(step)
    }

    async fn remember(
        &self,
        state: &mut State,
        seen: BTreeSet<(&'static str, String)>,
        cursors: BTreeMap<String, String>,
        now: Time,
    ) -> Result<(), EngineError> {
        if seen.is_empty() && cursors == state.cursors {
            return Ok(());
        }
        let mut keep = Keep::new(&self.store).await?;
        let moved = keep.facts(state, self.reader.as_ref(), &seen).await?;
        keep.cursors(&self.settings, &state.cursors, &cursors, now).await?;
        keep.commit().await?;
        state.cursors = cursors;
        state.changed |= moved;
        Ok(())
    }

    async fn chart(&self, state: &mut State, now: Time) -> Result<(), AdapterError> {
        let life = i64::try_from(CHART_LIFE.as_micros()).unwrap_or(i64::MAX);
        if state.books.is_some() && now < state.books_read.saturating_add(life) {
            return Ok(());
        }
        let books = self.accounting.books().await?;
        state.changed |= state.books.as_ref() != Some(&books);
        state.books = Some(books);
        state.books_read = now;
        Ok(())
    }

    fn target(&self, state: &State, books: &Books) -> Target {
        let mut withheld: BTreeMap<Source, Why> = BTreeMap::new();
        for bad in state.gathered.unreadable() {
            if let Some(invoice) = &bad.invoice {
                let why = Why::Unreadable {
                    record: format!("{} {}", bad.kind, bad.id),
                    fault: format!("{} {}", bad.member, bad.fault),
                };
                withheld.insert(Source::Invoice(invoice.clone()), why);
            }
        }
        Target::without(&withheld, state.gathered.facts(), &self.settings.rules, books)
    }

    fn outlook(&self, state: &State, now: Time) -> Outlook {
        self.outlook_with(state, &state.recode, now)
    }

    /// The same with these sources coded anew by the rules of now.
    fn outlook_with(&self, state: &State, recode: &BTreeSet<Source>, now: Time) -> Outlook {
        let Some(books) = state.books.clone() else {
            return Outlook {
                target: Target::default(),
                plan: Plan::default(),
                foreign: Vec::new(),
                books: keep::no_books(),
                calls: BTreeMap::new(),
            };
        };
        let entries: Vec<&Entry> = state.entries.values().map(|k| &k.entry).collect();
        let mut target = self.target(state, &books);
        let found = foreign(&target, &entries, state.shown.values(), &self.settings.rules);
        let foreign: Vec<(Foreign, Vec<Entry>)> = found
            .iter()
            .filter_map(|f| Some((f.clone(), f.entries(target.charged.get(&f.invoice)?, &target.moved))))
            .collect();
        target.set_aside(&found);
        let plan = Plan::of(&Given {
            target: &target,
            entries,
            rules: &self.settings.rules,
            books: &books,
            today: self.today(now),
            approved: &state.approvals,
            recode,
        });
        let calls = self.calls(state, &plan);
        Outlook {
            target,
            plan,
            foreign,
            books,
            calls,
        }
    }

    fn calls(&self, state: &State, plan: &Plan) -> BTreeMap<String, usize> {
        let mut documents: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for entry in &plan.post {
            let kind = entry.document.kind;
            let row = documents
                .entry(format!("{kind:?}"))
                .or_insert((0, self.accounting.batch(kind).max(1)));
            row.0 += 1;
        }
        let mut calls: BTreeMap<String, usize> = documents
            .into_iter()
            .map(|(kind, (n, batch))| (kind, n.div_ceil(batch)))
            .collect();
        let new = plan
            .contacts()
            .keys()
            .filter(|k| !state.contacts.contains_key(*k))
            .count();
        if new > 0 {
            calls.insert("Contact".into(), new.div_ceil(post::CONTACTS));
        }
        if !plan.void.is_empty() {
            calls.insert("Void".into(), plan.void.len());
        }
        calls
    }
}

/// Debits and credits of documents by account and tax rate: what a preview shows.
pub fn journal_view<'a>(documents: impl Iterator<Item = &'a Document>) -> BTreeMap<(String, String), (Cents, Cents)> {
    use bridge_core::ledger::DocumentKind::{CreditNote, Invoice, Journal, Overpayment, Payment, Prepayment, Refund};
    let mut rows: BTreeMap<(String, String), (Cents, Cents)> = BTreeMap::new();
    let mut add = |account: &str, tax: &str, amount: Cents| {
        let row = rows.entry((account.to_owned(), tax.to_owned())).or_default();
        if amount.is_negative() {
            row.1 -= amount;
        } else {
            row.0 += amount;
        }
    };
    for d in documents {
        let sign = match d.kind {
            Invoice | Prepayment | Overpayment => -1,
            CreditNote | Journal => 1,
            _ => 0,
        };
        for line in d.lines.iter().filter(|_| sign != 0) {
            add(&line.account, &line.tax_code, Cents(sign * line.net.0));
            if !line.tax.is_zero() {
                add("tax", &line.tax_code, Cents(sign * line.tax.0));
            }
        }
        match d.kind {
            Invoice => add("debtors", "", d.total),
            CreditNote => add("debtors", "", -d.total),
            Payment => {
                add(d.account.as_deref().unwrap_or_default(), "", d.total);
                add("debtors", "", -d.total);
            }
            Prepayment | Overpayment => add(d.account.as_deref().unwrap_or_default(), "", d.total),
            Refund => {
                add(d.account.as_deref().unwrap_or_default(), "", -d.total);
                add("debtors", "", d.total);
            }
            _ => {}
        }
    }
    rows
}

fn cannot<S: Into<String>>(what: impl IntoIterator<Item = S>) -> EngineError {
    let all: Vec<String> = what.into_iter().map(Into::into).collect();
    EngineError::NotPossible(format!("cannot read now: {}; try again later", all.join("; ")))
}
