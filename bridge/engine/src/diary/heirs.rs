//! Patients whose records were merged in Halaxy: an appointment names the survivor where it named another one before. Its
//! activity is the survivor's from then on, and goes to their contact like any that has to move; so that each appointment
//! stands once. Whether the other record is gone is asked before anything is told of the appointment.

use super::keep::State;
use super::{Diary, DiaryStep};
use crate::deliver::micros;
use crate::error::EngineError;
use bridge_core::capture::News;
use bridge_core::diary::{Entry, EntryState};
use bridge_core::{Link, LinkState, Time};
use bridge_store::Hint;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Longest wait for a look at a patient whom an appointment names no more; then it counts as a change of patients.
const LOOK: Duration = Duration::from_secs(600);

/// An appointment with activities of patients it names no more, and patients without one.
struct Changed {
    appointment: String,
    left: Vec<Entry>,
    new: Vec<String>,
}

impl Diary {
    /// Gives activities of merged patients to the survivors. What it returns waits: appointments of which nothing is to be
    /// told before a call is settled, or a patient was looked at.
    pub(super) async fn inherit(
        &self,
        state: &mut State,
        now: Time,
        step: &mut DiaryStep,
    ) -> Result<BTreeSet<String>, EngineError> {
        let all: Vec<Changed> = state.dirty.iter().filter_map(|id| changed(state, id)).collect();
        let (mut wait, mut settled, mut asked) = (BTreeSet::new(), Vec::new(), Vec::new());
        if all.is_empty() {
            return Ok(wait);
        }
        let links = self.links_of(&all).await?;
        for change in all {
            let of_word = |entry: &Entry| {
                let names = |heir: &&String| {
                    links
                        .get(*heir)
                        .is_some_and(|link| link.merged_from.contains(&entry.patient))
                };
                change.new.iter().find(names)
            };
            for entry in &change.left {
                let link = links.get(&entry.patient);
                let gone = link.is_some_and(|link| link.state != LinkState::Live);
                let only = (gone && change.left.len() == 1 && change.new.len() == 1).then(|| &change.new[0]);
                match of_word(entry).or(only) {
                    Some(_) if entry.is_open() => drop(wait.insert(change.appointment.clone())),
                    Some(heir) => settled.push(Entry {
                        patient: heir.clone(),
                        ..entry.clone()
                    }),
                    None => {
                        let Some(link) = link.filter(|_| !gone) else { continue };
                        let since = state.asked.get(&entry.patient).copied();
                        if since.is_none() {
                            state.asked.insert(entry.patient.clone(), now);
                            asked.push(self.look_at(&entry.patient, now));
                        }
                        let since = since.unwrap_or(now);
                        if link.known_at < since.max(entry.at) && now < since.saturating_add(micros(LOOK)) {
                            wait.insert(change.appointment.clone());
                        }
                    }
                }
            }
        }
        if !asked.is_empty() {
            let mut tx = self.store.begin().await?;
            tx.put_hints(&asked, now).await?;
            tx.commit().await?;
        }
        self.save(state, settled).await?;
        step.unknown += wait.len();
        Ok(wait)
    }

    fn look_at(&self, patient: &str, now: Time) -> Hint {
        let (source, kind) = (&self.settings.source, &self.settings.patients);
        Hint::new(source, kind, patient, News::Changed, &format!("diary {now}"))
    }

    async fn links_of(&self, all: &[Changed]) -> Result<BTreeMap<String, Link>, EngineError> {
        let left = all.iter().flat_map(|change| &change.left).map(|entry| &entry.patient);
        let ids: BTreeSet<&String> = left.chain(all.iter().flat_map(|change| &change.new)).collect();
        let ids: Vec<String> = ids.into_iter().cloned().collect();
        let (source, kind) = (&self.settings.source, &self.settings.patients);
        let rows = self.store.links(source, kind, &ids).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.link.remote_id.clone(), row.link))
            .collect())
    }
}

fn changed(state: &State, id: &str) -> Option<Changed> {
    let visit = &state.visits.get(id).filter(|known| !known.gone)?.visit;
    let entries = state.entries_at(id);
    let named = |entry: &&Entry| visit.patients.iter().any(|part| part.patient == entry.patient);
    // One that was told to be removed long ago is over, whoever comes into the appointment now.
    let made = |entry: &&Entry| entry.state != EntryState::Unmade && entry.base != entry.base.removed();
    let left: Vec<Entry> = entries.values().filter(|e| !named(e) && made(e)).cloned().collect();
    let has = |patient: &str| entries.values().any(|entry| entry.patient == patient);
    let new = visit.patients.iter().map(|part| &part.patient);
    let new: Vec<String> = new.filter(|patient| !has(patient)).cloned().collect();
    (!left.is_empty() && !new.is_empty()).then(|| Changed {
        appointment: id.to_owned(),
        left,
        new,
    })
}
