//! What became of calls whose answer nobody saw, and what the CRM shows of activities.

use super::keep::{Keep, State};
use super::send::deleted;
use super::{Diary, DiaryStep};
use crate::error::EngineError;
use crate::marked::{self, Fate, Part, Tally, Word};
use adapter_kit::{AdapterError, ReadActivity, ShownActivity};
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::diary::{Entry, EntryState, Outgoing, Planned};
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
        self.outgoing = None;
        self
    }

    fn doubted(self) -> Entry {
        Entry::doubted(self)
    }
}

impl Tally for DiaryStep {
    fn unknown(&mut self, calls: usize) {
        self.unknown += calls;
    }

    fn trouble(&mut self, what: String) {
        self.trouble.push(what);
    }
}

#[async_trait]
impl Part for Diary {
    type State = State;
    type Entry = Entry;
    type Plan = Planned;
    type Found = ShownActivity;
    type Step = DiaryStep;

    fn answered(
        &self,
        state: &mut State,
        entry: Entry,
        planned: &Planned,
        word: Word,
        step: &mut DiaryStep,
    ) -> Fate<Entry> {
        self.settled(state, entry, planned, word, step)
    }

    fn found(&self, mut entry: Entry, shown: ShownActivity, step: &mut DiaryStep) -> (Entry, Option<Telling>) {
        // It may have been made by an earlier attempt: what it tells, and whom it stands with, is written anew.
        entry.remote_id = Some(shown.id);
        let told = self.telling_all(&entry, true);
        entry.state = EntryState::Posted;
        entry.sure = false;
        entry.contacts.values_mut().for_each(|sure| *sure = false);
        match shown.alive {
            true => step.created += 1,
            false => deleted(&mut entry, step),
        }
        (entry, Some(told))
    }

    /// A change that nobody saw land may have been read there all the same.
    fn may_be_told(&self, entry: &Entry) -> Option<Telling> {
        match entry.outgoing.as_ref()? {
            Outgoing::Change(sent) => Some(self.telling(entry, &sent.members(&self.settings.rules.zone), false)),
            Outgoing::Attach(_) => Some(self.telling_all(entry, false)),
            Outgoing::Detach(_) => None,
        }
    }

    async fn find(&self, making: &[Entry]) -> Result<Vec<Option<ShownActivity>>, AdapterError> {
        let Some(book) = self.crm.activities() else {
            return Ok(vec![]);
        };
        let keys: Vec<String> = making.iter().map(|entry| entry.key.clone()).collect();
        let found = book.find(&keys).await?.into_iter();
        Ok(found.map(|all| marked::alive_first(all, |one| one.alive)).collect())
    }

    async fn keep(&self, state: &mut State, keep: marked::Keep<Entry>, now: Time) -> Result<(), EngineError> {
        let mut tx = Keep::new(&self.store).await?;
        tx.entries(&keep.entries).await?;
        tx.forget(&keep.forget).await?;
        tx.told(&keep.told, now).await?;
        tx.commit().await?;
        for key in keep.forget {
            state.entries.remove(&key);
        }
        for entry in keep.entries {
            state.put(entry);
        }
        Ok(())
    }
}

impl Diary {
    /// Looks up activities whose making was not answered, and lets other calls be repeated once the lost ones cannot land
    /// any more.
    pub(super) async fn settle(&self, state: &mut State, now: Time, step: &mut DiaryStep) -> Result<(), EngineError> {
        let manners = self.activities()?.activity_manners();
        let open: Vec<Entry> = state.entries.values().filter(|e| e.is_open()).cloned().collect();
        let were: Vec<(String, String)> = open.iter().map(|e| (e.key.clone(), e.appointment.clone())).collect();
        let manners = (manners.batch, manners.call_life);
        marked::find_out(self, state, open, manners, now, step).await?;
        let settled = |key: &String| state.entries.get(key).is_none_or(|entry| !entry.is_open());
        let known: Vec<String> = were
            .into_iter()
            .filter(|(key, _)| settled(key))
            .map(|(_, of)| of)
            .collect();
        state.dirty.extend(known);
        Ok(())
    }

    /// Keeps entries.
    pub(super) async fn save(&self, state: &mut State, entries: Vec<Entry>) -> Result<(), EngineError> {
        if entries.is_empty() {
            return Ok(());
        }
        // No time is noted where nobody is told of.
        self.keep(state, marked::Keep::entries(entries), 0).await
    }

    /// Takes what a look at activities showed; `looked` are keys and the CRM's ids.
    pub(super) async fn take_shown(
        &self,
        state: &mut State,
        looked: &[(String, String)],
        read: Vec<ReadActivity>,
        now: Time,
        step: &mut DiaryStep,
    ) -> Result<(), EngineError> {
        let mut gone = Vec::new();
        for ((key, _), read) in looked.iter().zip(read) {
            let Some(entry) = state.entries.get(key) else { continue };
            let appointment = entry.appointment.clone();
            match read {
                ReadActivity::Found(shown) if shown.alive => {
                    state.shown.insert(key.clone(), shown.members);
                    state.dirty.insert(appointment);
                }
                ReadActivity::Found(_) | ReadActivity::Missing => {
                    let mut entry = entry.clone();
                    entry.at = now;
                    deleted(&mut entry, step);
                    gone.push(entry);
                }
                ReadActivity::Failed(error) => step.trouble.push(error.to_string()),
            }
        }
        self.save(state, gone).await
    }
}
