//! What became of calls whose answer nobody saw, and what the CRM shows of activities.

use super::keep::State;
use super::send::deleted;
use super::{Diary, DiaryStep, micros};
use crate::error::EngineError;
use adapter_kit::{ReadActivity, ShownActivity};
use bridge_core::Time;
use bridge_core::diary::{Entry, EntryState, Outgoing};
use bridge_store::Telling;

impl Diary {
    /// Looks up activities whose making was not answered, and lets other calls be repeated once the lost ones cannot land
    /// any more.
    pub(super) async fn settle(&self, state: &mut State, now: Time, step: &mut DiaryStep) -> Result<(), EngineError> {
        let manners = self.activities()?.activity_manners();
        let late = |entry: &Entry| now >= entry.at.saturating_add(micros(manners.call_life));
        let open: Vec<Entry> = state.entries.values().filter(|e| e.is_open()).cloned().collect();
        let (creating, changing): (Vec<Entry>, Vec<Entry>) =
            open.into_iter().partition(|entry| entry.state == EntryState::Creating);
        let (over, waiting): (Vec<Entry>, Vec<Entry>) = changing.into_iter().partition(&late);
        step.unknown += waiting.len();
        state.dirty.extend(over.iter().map(|entry| entry.appointment.clone()));
        // A change that nobody saw land may have been read there all the same.
        let zone = &self.settings.rules.zone;
        let doubted = over.iter().filter_map(|entry| match entry.outgoing.as_ref()? {
            Outgoing::Change(sent) => Some(self.telling(entry, &sent.members(zone), false)),
            Outgoing::Attach(_) => Some(self.telling(entry, &entry.base.members(zone), false)),
            Outgoing::Detach(_) => None,
        });
        let doubted: Vec<Telling> = doubted.collect();
        self.save_told(state, over.into_iter().map(Entry::doubted).collect(), &doubted, now)
            .await?;
        for batch in creating.chunks(manners.batch) {
            let keys: Vec<String> = batch.iter().map(|entry| entry.key.clone()).collect();
            let found = match self.activities()?.find(&keys).await {
                Ok(found) => found,
                Err(error) => {
                    step.trouble.push(error.to_string());
                    step.unknown += batch.len();
                    return Ok(());
                }
            };
            self.take_found(state, batch, found, (&late, now), step).await?;
        }
        Ok(())
    }

    async fn take_found(
        &self,
        state: &mut State,
        batch: &[Entry],
        found: Vec<Vec<ShownActivity>>,
        (late, now): (impl Fn(&Entry) -> bool, Time),
        step: &mut DiaryStep,
    ) -> Result<(), EngineError> {
        let (mut settled, mut never, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for (entry, found) in batch.iter().zip(found) {
            let mut entry = entry.clone();
            let alive = found.iter().find(|shown| shown.alive).or(found.first());
            match alive {
                Some(shown) => {
                    // It may have been made by an earlier attempt: what it tells, and whom it stands with, is written anew.
                    entry.remote_id = Some(shown.id.clone());
                    told.push(self.telling(&entry, &entry.base.members(&self.settings.rules.zone), true));
                    entry.state = EntryState::Posted;
                    entry.sure = false;
                    entry.contacts.values_mut().for_each(|sure| *sure = false);
                    if shown.alive {
                        step.created += 1;
                    } else {
                        deleted(&mut entry, step);
                    }
                }
                None if late(&entry) => {
                    state.dirty.insert(entry.appointment);
                    never.push(entry.key);
                    continue;
                }
                None => {
                    step.unknown += 1;
                    continue;
                }
            }
            state.dirty.insert(entry.appointment.clone());
            settled.push(entry);
        }
        self.drop_entries(state, &never).await?;
        self.save_told(state, settled, &told, now).await
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
