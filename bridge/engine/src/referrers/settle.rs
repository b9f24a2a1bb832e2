//! What became of calls whose answer nobody saw.

use super::{ENTRY, ReferrerDesk, ReferrersStep, State};
use crate::error::EngineError;
use crate::marked::{self, Fate, Keep, Part, Tally, Word};
use adapter_kit::{AdapterError, ShownReferrer};
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::care::refer::{Entry, EntryState, Planned, Sort};
use bridge_store::Telling;

impl marked::Entry for Entry {
    fn row(&self) -> &str {
        &self.key
    }

    fn is_making(&self) -> bool {
        self.state == EntryState::Creating
    }

    fn at(&self) -> Time {
        self.at
    }

    fn unsent(mut self) -> Entry {
        (self.outgoing, self.leaving) = (None, None);
        self
    }

    fn doubted(self) -> Entry {
        Entry::doubted(self)
    }
}

impl Tally for ReferrersStep {
    fn unknown(&mut self, calls: usize) {
        self.unknown += calls;
    }

    fn trouble(&mut self, what: String) {
        self.trouble.push(what);
    }
}

#[async_trait]
impl Part for ReferrerDesk {
    type State = State;
    type Entry = Entry;
    type Plan = Planned;
    type Found = ShownReferrer;
    type Step = ReferrersStep;

    fn answered(
        &self,
        _: &mut State,
        entry: Entry,
        act: &Planned,
        word: Word,
        step: &mut ReferrersStep,
    ) -> Fate<Entry> {
        self.settled(entry, act, word, step)
    }

    fn found(&self, mut entry: Entry, shown: ShownReferrer, step: &mut ReferrersStep) -> (Entry, Option<Telling>) {
        entry.remote_id = Some(shown.id);
        let told = self.telling(&entry, &entry.base, true);
        if shown.alive {
            entry.state = EntryState::Posted;
            // It may have been made by an earlier attempt: what differs is written anew.
            entry.base.retain(|field, text| shown.fields.get(field) == Some(text));
            step.created += 1;
        } else {
            entry.state = EntryState::Deleted;
            step.deleted += 1;
        }
        (entry, told)
    }

    fn may_be_told(&self, entry: &Entry) -> Option<Telling> {
        self.telling(entry, entry.outgoing.as_ref()?, false)
    }

    /// Entries of one sort.
    async fn find(&self, making: &[Entry]) -> Result<Vec<Option<ShownReferrer>>, AdapterError> {
        let (Some(book), Some(first)) = (self.crm.referrers(), making.first()) else {
            return Ok(vec![]);
        };
        let keys: Vec<String> = making.iter().map(|entry| entry.key.clone()).collect();
        let found = book.find(first.sort, &keys).await?.into_iter();
        Ok(found.map(|all| marked::alive_first(all, |one| one.alive)).collect())
    }

    async fn keep(&self, state: &mut State, keep: Keep<Entry>, now: Time) -> Result<(), EngineError> {
        let row = |entry: &Entry| (entry.key.clone(), serde_json::to_string(entry).unwrap_or_default());
        let rows: Vec<(String, String)> = keep.entries.iter().map(row).collect();
        let mut tx = self.store.begin().await?;
        tx.put_ledger(ENTRY, &rows).await?;
        tx.drop_ledger(ENTRY, &keep.forget).await?;
        tx.append_told(&keep.told, now).await?;
        tx.commit().await?;
        for key in keep.forget {
            state.entries.remove(&key);
        }
        let entries = keep.entries.into_iter().map(|entry| (entry.key.clone(), entry));
        state.entries.extend(entries);
        Ok(())
    }
}

impl ReferrerDesk {
    /// Looks up records whose making was not answered, and lets changes be repeated once the lost ones cannot land any
    /// more.
    pub(super) async fn settle(
        &self,
        state: &mut State,
        now: Time,
        step: &mut ReferrersStep,
    ) -> Result<(), EngineError> {
        for sort in Sort::ALL {
            let open = state.entries.values().filter(|e| e.sort == sort && e.is_open());
            let open: Vec<Entry> = open.cloned().collect();
            if open.is_empty() {
                continue;
            }
            let manners = self.manners(sort)?;
            let manners = (manners.batch, manners.call_life);
            if !marked::find_out(self, state, open, manners, now, step).await? {
                break;
            }
        }
        Ok(())
    }
}
