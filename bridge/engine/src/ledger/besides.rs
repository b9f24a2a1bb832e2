//! What stands beside invoices and payments: settlement statements that were imported, journals that other commands
//! propose (a practitioner's service fee, a settlement's fees), and payments that people recorded in the books.

use super::keep::{self, Keep, Kept, State};
use super::{Ledger, LedgerStep};
use crate::error::EngineError;
use crate::vitals::{LedgerVitals, ProofVitals};
use bridge_core::Time;
use bridge_core::ledger::settlement::{Added, Import, Imported};
use bridge_core::ledger::statement::HeldMovement;
use bridge_core::ledger::target::method_basis;
use bridge_core::ledger::tasks::{Posted, tasks};
use bridge_core::ledger::{Cents, Document, DocumentKind, Entry, EntryState, Payment, Purpose, Shown, Source, Status};

/// Where imported statements are kept.
const SETTLEMENT: &str = "settlement";
/// Where money paid out to agents is kept.
const MOVEMENT: &str = "movement";
const ALL: &str = "all";

impl Ledger {
    /// Settlement statements imported so far.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn settlements(&self) -> Result<Imported, EngineError> {
        let mut imported = Imported::default();
        self.store
            .ledger(SETTLEMENT, |_, body| {
                imported = serde_json::from_str(&body).unwrap_or_default()
            })
            .await?;
        Ok(imported)
    }

    /// Imports a statement; what was imported before counts once.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn import(&self, import: &Import) -> Result<Added, EngineError> {
        let _alone = self.state.lock().await;
        let mut imported = self.settlements().await?;
        let added = imported.add(import);
        let body = serde_json::to_string(&imported).unwrap_or_default();
        let mut tx = self.store.begin().await?;
        tx.put_ledger(SETTLEMENT, &[(ALL.to_owned(), body)]).await?;
        tx.commit().await?;
        Ok(added)
    }

    /// Posts journals that a person asked for. Those posted before, by key, are left alone.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn post_journals(&self, journals: Vec<Document>, now: Time) -> Result<LedgerStep, EngineError> {
        let mut state = self.state.lock().await;
        let mut step = LedgerStep::default();
        self.settle(&mut state, now, &mut step).await?;
        self.journals(&mut state, journals, now, &mut step).await?;
        Ok(step)
    }

    /// Has the process that posts post journals that a person asked for, also such as the books refused before.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn ask_journals(&self, journals: Vec<Document>) -> Result<(), EngineError> {
        let mut state = self.state.lock().await;
        let due: Vec<Document> = journals.into_iter().filter(|d| due(&state, d)).collect();
        let refused: Vec<String> = due
            .iter()
            .filter(|d| state.entries.contains_key(&d.key))
            .map(|d| d.key.clone())
            .collect();
        let mut keep = Keep::new(&self.store).await?;
        keep.forget(&refused).await?;
        keep.journals(&due).await?;
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        for key in refused {
            state.entries.remove(&key);
        }
        state.journals.extend(due.into_iter().map(|d| (d.key.clone(), d)));
        Ok(())
    }

    /// Posts what [`Ledger::ask_journals`] left, until each is in the books or refused.
    pub(super) async fn asked_journals(
        &self,
        state: &mut State,
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<(), EngineError> {
        if state.journals.is_empty() {
            return Ok(());
        }
        let all = state.journals.values().cloned().collect();
        self.journals(state, all, now, step).await?;
        let open = |key: &str| {
            matches!(
                state.entries.get(key).map(|k| k.entry.state),
                None | Some(EntryState::Sent)
            )
        };
        let done: Vec<String> = state.journals.keys().filter(|key| !open(key)).cloned().collect();
        let mut keep = Keep::new(&self.store).await?;
        keep.drop_rows(keep::JOURNAL, &done).await?;
        keep.commit().await?;
        for key in done {
            state.journals.remove(&key);
        }
        Ok(())
    }

    async fn journals(
        &self,
        state: &mut State,
        journals: Vec<Document>,
        now: Time,
        step: &mut LedgerStep,
    ) -> Result<(), EngineError> {
        let new: Vec<Entry> = journals.into_iter().filter(|d| due(state, d)).map(of_journal).collect();
        for batch in new.chunks(self.accounting.batch(DocumentKind::Journal).max(1)) {
            self.post(state, batch, now, step).await?;
        }
        Ok(())
    }

    /// Money paid out to agents, or brought forward for them, that people have told of.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn movements(&self) -> Result<Vec<HeldMovement>, EngineError> {
        let mut all = Vec::new();
        self.store
            .ledger(MOVEMENT, |_, body| {
                all = serde_json::from_str(&body).unwrap_or_default()
            })
            .await?;
        Ok(all)
    }

    /// Keeps such a list in place of the one before.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn keep_movements(&self, all: &[HeldMovement]) -> Result<(), EngineError> {
        let body = serde_json::to_string(all).unwrap_or_default();
        let mut tx = self.store.begin().await?;
        tx.put_ledger(MOVEMENT, &[(ALL.to_owned(), body)]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What was posted, as the list of tasks for Halaxy needs it.
    pub async fn posted(&self) -> Posted {
        posted(&*self.state.lock().await)
    }

    /// Keys of documents that we posted and somebody voided or deleted in the books since, as the books were last read.
    pub async fn undone(&self) -> Vec<String> {
        undone(&*self.state.lock().await)
    }

    /// A person has documents posted again that somebody voided or deleted in the books: by key, all if `keys` is empty.
    /// What is due of them is posted anew, under keys of its own. The keys given up.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for a key of which the books show no such thing; [`EngineError::Store`].
    pub async fn repost(&self, keys: &[String], now: Time) -> Result<Vec<String>, EngineError> {
        let mut state = self.state.lock().await;
        let gone = undone(&state);
        if let Some(unknown) = keys.iter().find(|k| !gone.contains(k)) {
            return Err(EngineError::NotFound(format!(
                "document {unknown} that was voided in the books"
            )));
        }
        let chosen: Vec<String> = gone
            .into_iter()
            .filter(|k| keys.is_empty() || keys.contains(k))
            .collect();
        let mut keep = Keep::new(&self.store).await?;
        let void = chosen
            .iter()
            .filter_map(|key| state.entries.get(key))
            .map(|kept| Entry {
                state: EntryState::Void,
                ..kept.entry.clone()
            })
            .collect();
        keep.entries(&mut state, void, now).await?;
        keep.by_hand(&mut state).await?;
        keep.commit().await?;
        state.changed = true;
        Ok(chosen)
    }

    /// Notes for everybody who asks how the books are kept: what the last look came to, or a proof. What is not told stays
    /// as it was noted.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn note(
        &self,
        step: Option<&LedgerStep>,
        proof: Option<ProofVitals>,
        now: Time,
    ) -> Result<(), EngineError> {
        let before = LedgerVitals::read(&self.store).await?;
        let state = self.state.lock().await;
        let posted = state.entries.values().filter(|k| k.entry.state == EntryState::Posted);
        let mut note = LedgerVitals {
            at: now,
            approved: self.approved(&state),
            posted: posted.count() as u64,
            held: before.as_ref().map_or(0, |b| b.held),
            unapproved: before.as_ref().map_or(0, |b| b.unapproved),
            trouble: before.as_ref().map_or_else(Vec::new, |b| b.trouble.clone()),
            proof: before.as_ref().and_then(|b| b.proof.clone()),
            amiss: before.and_then(|b| b.amiss),
        };
        drop(state);
        if let Some(proof) = proof {
            note.proved(proof);
        }
        if let Some(step) = step {
            // A look that found nothing new judged nothing anew.
            if step.judged {
                (note.held, note.unapproved) = (step.held as u64, step.unapproved as u64);
            }
            note.trouble.clone_from(&step.trouble);
        }
        note.keep(&self.store).await
    }

    /// Links payments that people recorded in the books to those that Halaxy shows of the same money by now, so that they
    /// are not posted a second time. They stay on the account that they were recorded in. What Halaxy does not show yet is filed
    /// for a person. Whether any were linked.
    pub(super) async fn link(&self, state: &mut State, now: Time) -> Result<bool, EngineError> {
        let shown: Vec<Shown> = state
            .shown
            .values()
            .filter(|s| s.kind == DocumentKind::Payment)
            .cloned()
            .collect();
        let facts = state.gathered.facts();
        let tasks = tasks(&shown, &posted(state), facts);
        let closed: Vec<Entry> = tasks
            .iter()
            .filter_map(|task| {
                let paid = facts.payments.get(task.recorded.as_ref()?)?;
                let there = shown.iter().find(|s| s.remote_id == task.payment)?;
                let on = state.entries.values().find(|k| {
                    let e = &k.entry;
                    e.counts() && e.document.kind == DocumentKind::Invoice && e.remote_id == there.of
                })?;
                Some(linked(paid, there, &on.entry))
            })
            .collect();
        self.file(state, tasks, now).await?;
        if closed.is_empty() {
            return Ok(false);
        }
        let mut keep = Keep::new(&self.store).await?;
        keep.entries(state, closed, now).await?;
        keep.by_hand(state).await?;
        keep.commit().await?;
        state.changed = true;
        Ok(true)
    }
}

/// Whether a journal is neither in the books nor on its way.
fn due(state: &State, journal: &Document) -> bool {
    let known = state.entries.get(&journal.key).map(|k| k.entry.state);
    journal.kind == DocumentKind::Journal && matches!(known, None | Some(EntryState::Refused))
}

fn of_journal(document: Document) -> Entry {
    Entry {
        serves: document.date,
        document,
        purpose: Purpose::Other,
        sources: Vec::new(),
        shares: Vec::new(),
        bases: Vec::new(),
        round: 0,
        settled: None,
        contact: None,
        state: EntryState::Planned,
        remote_id: None,
        refused: None,
    }
}

/// The books' own payment as if the bridge had posted it for that payment in Halaxy.
fn linked(paid: &Payment, there: &Shown, on: &Entry) -> Entry {
    Entry {
        document: Document {
            kind: DocumentKind::Payment,
            key: format!("hand-{}/{}", there.remote_id, paid.id),
            note: String::new(),
            date: there.date,
            due: None,
            currency: there.currency.unwrap_or(on.document.currency),
            contact: None,
            of: Some(on.document.key.clone()),
            to: None,
            account: there.account.clone(),
            lines: Vec::new(),
            total: there.total,
            tax: Cents::ZERO,
        },
        purpose: Purpose::Receipt,
        sources: vec![Source::Payment(paid.id.clone())],
        shares: Vec::new(),
        // By the method it rests on, so that the rules' clearing account does not move it.
        bases: vec![method_basis(&paid.method)],
        round: 1,
        settled: None,
        serves: paid.date,
        contact: on.contact.clone(),
        state: EntryState::Posted,
        remote_id: Some(there.remote_id.clone()),
        refused: None,
    }
}

fn undone(state: &State) -> Vec<String> {
    let gone = |kept: &&Kept| {
        let e = &kept.entry;
        let place = e.remote_id.clone().map(|id| (e.document.kind, id));
        let shown = place.and_then(|place| state.shown.get(&place));
        e.state == EntryState::Posted && shown.is_some_and(|s| s.status == Status::Void)
    };
    let all = state.entries.values().filter(gone);
    all.map(|kept| kept.entry.document.key.clone()).collect()
}

fn posted(state: &State) -> Posted {
    let mut posted = Posted::default();
    for kept in state.entries.values().filter(|k| k.entry.counts()) {
        let e = &kept.entry;
        // Whatever the money of a payment was posted as, it is in the books, and closes no task.
        let money = e.sources.iter().filter_map(|s| match s {
            Source::Payment(id) => Some(id.clone()),
            Source::Invoice(_) => None,
        });
        posted.payments.extend(money);
        match (e.document.kind, e.sources.first(), &e.remote_id) {
            (DocumentKind::Invoice, Some(Source::Invoice(id)), Some(remote)) => {
                posted.invoices.insert(remote.clone(), id.clone());
            }
            (DocumentKind::Payment, _, remote) => {
                posted.keys.insert(e.document.key.clone());
                posted.linked.extend(remote.clone());
            }
            _ => {}
        }
    }
    posted
}
