//! Carrying out a plan: how each call is marked, and what its answer makes of an entry. The order of marks, calls and
//! settlements is [`crate::marked`]'s.

use super::keep::State;
use super::{Diary, DiaryStep};
use crate::error::EngineError;
use crate::marked::{self, Fate, Word};
use adapter_kit::{Answer, ChangedActivity, NewActivity, ReadActivity, Refusal, RefusalKind};
use bridge_core::Time;
use bridge_core::diary::{Act, Activity, Entry, EntryState, Members, Outgoing, Planned, Refused, key};
use bridge_store::{About, Telling};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// The code where the product says nothing but that something named does not exist.
const NO_CONTACT: &str = "no such contact";

impl Diary {
    /// Does what is planned. False if something is in the way and the rest has to wait.
    pub(super) async fn carry_out(
        &self,
        state: &mut State,
        acts: Vec<Planned>,
        now: Time,
        step: &mut DiaryStep,
    ) -> Result<bool, EngineError> {
        let (mut creates, mut changes, mut moves) = (Vec::new(), Vec::new(), Vec::new());
        for act in acts {
            match act.act {
                Act::Create => creates.push(act),
                Act::Change(_) | Act::Restore(_) => changes.push(act),
                Act::Attach(_) | Act::Detach(_) => moves.push(act),
            }
        }
        let batch = self.activities()?.activity_manners().batch;
        for planned in moves {
            if !self.relate(state, &planned, now, step).await? {
                return Ok(false);
            }
        }
        for planned in changes.chunks(batch) {
            if !self.change(state, planned, now, step).await? {
                return Ok(false);
            }
        }
        for planned in creates.chunks(batch) {
            if !self.create(state, planned, now, step).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the CRM was told of a patient's part in an appointment: these members.
    pub(super) fn telling(&self, entry: &Entry, members: &Members, certain: bool) -> Telling {
        let named = members.iter().filter(|(_, text)| !text.is_empty());
        let patient = About::record(&self.settings.source, &self.settings.patients, &entry.patient);
        Telling {
            system: self.settings.crm.clone(),
            remote_id: entry.remote_id.clone(),
            units: named
                .map(|(member, _)| format!("appointment.{}", member.name()))
                .collect(),
            purpose: format!("diary: appointment {}", entry.appointment),
            certain,
            about: BTreeSet::from([patient]),
        }
    }

    /// That it was told all that an entry holds.
    pub(super) fn telling_all(&self, entry: &Entry, certain: bool) -> Telling {
        self.telling(entry, &entry.base.members(&self.settings.rules.zone), certain)
    }

    async fn create(
        &self,
        state: &mut State,
        planned: &[Planned],
        now: Time,
        step: &mut DiaryStep,
    ) -> Result<bool, EngineError> {
        let zone = &self.settings.rules.zone;
        let mark = |p: &Planned| {
            let w = &p.wanted;
            Entry::creating(&w.key, &w.appointment, &w.patient, w.activity.clone(), &p.contact, now)
        };
        let marked = planned.iter().map(|p| (mark(p), p)).collect();
        let new: Vec<NewActivity> = planned
            .iter()
            .map(|p| NewActivity {
                key: p.wanted.key.clone(),
                contact: p.contact.clone(),
                members: p.wanted.activity.members(zone),
            })
            .collect();
        let call = self.activities()?.create(&new);
        marked::send(self, state, marked, call, now, step).await
    }

    async fn change(
        &self,
        state: &mut State,
        planned: &[Planned],
        now: Time,
        step: &mut DiaryStep,
    ) -> Result<bool, EngineError> {
        let (mut marked, mut sent) = (Vec::new(), Vec::new());
        for p in planned {
            let (Act::Change(members) | Act::Restore(members)) = &p.act else {
                continue;
            };
            let Some(entry) = state.entries.get(&p.wanted.key) else {
                continue;
            };
            let Some(id) = entry.remote_id.clone() else { continue };
            let mut entry = entry.clone();
            entry.outgoing = Some(Outgoing::Change(p.wanted.activity.clone()));
            entry.at = now;
            marked.push((entry, p));
            sent.push(ChangedActivity {
                id,
                attempt: format!("{}-{}", p.wanted.key, digest(members)),
                members: members.clone(),
            });
        }
        let call = self.activities()?.change(&sent);
        marked::send(self, state, marked, call, now, step).await
    }

    /// Puts an activity to a contact, or takes it from one.
    async fn relate(
        &self,
        state: &mut State,
        planned: &Planned,
        now: Time,
        step: &mut DiaryStep,
    ) -> Result<bool, EngineError> {
        let found = state.entries.get(&planned.wanted.key).cloned();
        let Some((mut entry, id)) = found.and_then(|entry| Some((entry.clone(), entry.remote_id?))) else {
            return Ok(true);
        };
        entry.at = now;
        match &planned.act {
            Act::Attach(contact) => {
                entry.contacts.insert(contact.clone(), false);
                entry.outgoing = Some(Outgoing::Attach(contact.clone()));
            }
            Act::Detach(contact) => {
                // Where contacts were merged, taking it from the one may take it from the other.
                entry.contacts.values_mut().for_each(|sure| *sure = false);
                entry.outgoing = Some(Outgoing::Detach(contact.clone()));
            }
            _ => return Ok(true),
        }
        let book = self.activities()?;
        let call = async {
            let answer = match &planned.act {
                Act::Detach(contact) => book.detach(&id, contact).await,
                Act::Attach(contact) => match book.attach(&id, contact).await {
                    Answer::Gone => self.missing(&id).await,
                    answer => answer,
                },
                _ => Answer::Gone,
            };
            vec![answer]
        };
        marked::send(self, state, vec![(entry, planned)], call, now, step).await
    }

    /// Which of the two is missing where an activity could not be put to a contact.
    async fn missing(&self, id: &str) -> Answer {
        let ids = [id.to_owned()];
        let read = match self.activities() {
            Ok(book) => book.read(&ids).await.map(|mut read| read.pop()),
            Err(_) => return Answer::Gone,
        };
        match read {
            Ok(Some(ReadActivity::Found(shown))) if shown.alive => Answer::Refused(Refusal {
                kind: RefusalKind::Invalid,
                code: NO_CONTACT.into(),
                path: None,
            }),
            Ok(Some(ReadActivity::Failed(error))) | Err(error) => Answer::Unknown(error),
            Ok(_) => Answer::Gone,
        }
    }

    /// What the CRM's word makes of an entry.
    pub(super) fn settled(
        &self,
        state: &mut State,
        mut entry: Entry,
        planned: &Planned,
        word: Word,
        step: &mut DiaryStep,
    ) -> Fate<Entry> {
        let mut told = None;
        match (&planned.act, word) {
            (Act::Create, Word::Done(id)) => {
                entry.state = EntryState::Posted;
                entry.remote_id = Some(id);
                told = Some(self.telling_all(&entry, true));
                step.created += 1;
            }
            // Ours may stand there, made by a call whose answer was lost: it is looked up.
            (Act::Create, Word::Refused(refusal)) if refusal.kind == RefusalKind::Taken => return Fate::Open,
            (Act::Change(members) | Act::Restore(members), Word::Done(_)) => {
                told = Some(self.telling(&entry, members, true));
                let restores = matches!(planned.act, Act::Restore(_));
                step.changed += 1;
                step.restored += usize::from(restores);
                entry.restored = if restores { entry.restored.saturating_add(1) } else { 0 };
                tells(&mut entry, planned.wanted.activity.clone());
                state.shown.remove(&entry.key);
            }
            (Act::Attach(contact), Word::Done(_)) => {
                told = Some(self.telling_all(&entry, true));
                entry.contacts.insert(contact.clone(), true);
                entry.outgoing = None;
                entry.refused = None;
                step.moved += 1;
            }
            (Act::Detach(contact), Word::Done(_) | Word::Gone) => {
                entry.contacts.remove(contact);
                entry.outgoing = None;
            }
            (Act::Change(_) | Act::Restore(_) | Act::Attach(_), Word::Gone) => deleted(&mut entry, step),
            (act, word) => {
                if matches!(act, Act::Create) {
                    entry.state = EntryState::Unmade;
                }
                let code = match word {
                    Word::Refused(refusal) => refusal.code,
                    Word::Gone | Word::Done(_) => NO_CONTACT.into(),
                };
                entry.outgoing = None;
                entry.refused = Some(refused(planned, code));
                step.refused += 1;
            }
        }
        Fate::Settled(entry, told)
    }
}

/// It tells this now, by the CRM's own word.
fn tells(entry: &mut Entry, activity: Activity) {
    entry.base = activity;
    entry.sure = true;
    entry.outgoing = None;
    entry.refused = None;
}

pub(super) fn deleted(entry: &mut Entry, step: &mut DiaryStep) {
    entry.state = EntryState::Deleted;
    entry.outgoing = None;
    step.deleted += 1;
}

fn refused(planned: &Planned, code: String) -> Refused {
    Refused {
        activity: planned.wanted.activity.clone(),
        contact: planned.contact.clone(),
        code,
    }
}

fn digest(members: &Members) -> String {
    let mut hash = Sha256::new();
    for (member, text) in members {
        hash.update(key(member.name(), text));
        hash.update([0]);
    }
    bridge_core::hex(&hash.finalize()[..6])
}
