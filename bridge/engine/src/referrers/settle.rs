//! What became of calls whose answer nobody saw.

use super::{ReferrerDesk, ReferrersStep, State};
use crate::deliver::micros;
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::care::refer::{Entry, EntryState, Sort};

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
            let late = |entry: &Entry| now >= entry.at.saturating_add(micros(manners.call_life));
            let (creating, changing): (Vec<Entry>, Vec<Entry>) =
                open.into_iter().partition(|entry| entry.state == EntryState::Creating);
            let (over, waiting): (Vec<Entry>, Vec<Entry>) = changing.into_iter().partition(&late);
            step.unknown += waiting.len();
            self.save(state, over.into_iter().map(Entry::doubted).collect()).await?;
            for batch in creating.chunks(manners.batch) {
                let keys: Vec<String> = batch.iter().map(|entry| entry.key.clone()).collect();
                let found = match self.book()?.find(sort, &keys).await {
                    Ok(found) => found,
                    Err(error) => {
                        step.trouble.push(error.to_string());
                        step.unknown += batch.len();
                        return Ok(());
                    }
                };
                let (mut settled, mut never) = (Vec::new(), Vec::new());
                for (entry, found) in batch.iter().zip(found) {
                    match found.iter().find(|one| one.alive).or(found.first()) {
                        Some(shown) => {
                            let mut entry = entry.clone();
                            entry.remote_id = Some(shown.id.clone());
                            if shown.alive {
                                entry.state = EntryState::Posted;
                                // It may have been made by an earlier attempt: what differs is written anew.
                                entry.base.retain(|field, text| shown.fields.get(field) == Some(text));
                                step.created += 1;
                            } else {
                                entry.state = EntryState::Deleted;
                                step.deleted += 1;
                            }
                            settled.push(entry);
                        }
                        None if late(entry) => never.push(entry.key.clone()),
                        None => step.unknown += 1,
                    }
                }
                self.forget(state, &never).await?;
                self.save(state, settled).await?;
            }
        }
        Ok(())
    }
}
