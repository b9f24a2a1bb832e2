//! Carrying out a plan: marked before each call, settled after it.

use super::keep::{Keep, State};
use super::{Diary, DiaryStep};
use crate::error::EngineError;
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

    pub(super) async fn save(&self, state: &mut State, entries: Vec<Entry>) -> Result<(), EngineError> {
        self.save_told(state, entries, &[], 0).await
    }

    /// Keeps entries, with the lines of the history about what the CRM was told by that.
    pub(super) async fn save_told(
        &self,
        state: &mut State,
        entries: Vec<Entry>,
        told: &[Telling],
        now: Time,
    ) -> Result<(), EngineError> {
        let mut keep = Keep::new(&self.store).await?;
        keep.entries(&entries).await?;
        keep.told(told, now).await?;
        keep.commit().await?;
        for entry in entries {
            state.put(entry);
        }
        Ok(())
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

    pub(super) async fn drop_entries(&self, state: &mut State, keys: &[String]) -> Result<(), EngineError> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut keep = Keep::new(&self.store).await?;
        keep.forget(keys).await?;
        keep.commit().await?;
        for key in keys {
            state.entries.remove(key);
        }
        Ok(())
    }

    async fn create(
        &self,
        state: &mut State,
        planned: &[Planned],
        now: Time,
        step: &mut DiaryStep,
    ) -> Result<bool, EngineError> {
        let zone = &self.settings.rules.zone;
        let marked: Vec<Entry> = planned
            .iter()
            .map(|p| {
                let w = &p.wanted;
                Entry::creating(&w.key, &w.appointment, &w.patient, w.activity.clone(), &p.contact, now)
            })
            .collect();
        self.save(state, marked.clone()).await?;
        let new: Vec<NewActivity> = planned
            .iter()
            .map(|p| NewActivity {
                key: p.wanted.key.clone(),
                contact: p.contact.clone(),
                members: p.wanted.activity.members(zone),
            })
            .collect();
        let answers = self.activities()?.create(&new).await;
        let (mut settled, mut unsent, mut go_on) = (Vec::new(), Vec::new(), answers.len() == new.len());
        let mut told = Vec::new();
        for (((mut entry, planned), sent), answer) in marked.into_iter().zip(planned).zip(&new).zip(answers) {
            match answer {
                Answer::Applied { id, .. } => {
                    entry.state = EntryState::Posted;
                    entry.remote_id = Some(id);
                    told.push(self.telling(&entry, &sent.members, true));
                    step.created += 1;
                }
                // Ours may stand there, made by a call whose answer was lost: it is looked up.
                Answer::Refused(Refusal {
                    kind: RefusalKind::Taken,
                    ..
                }) => continue,
                Answer::Refused(refusal) => {
                    entry.state = EntryState::Unmade;
                    entry.refused = Some(refused(planned, refusal.code));
                    step.refused += 1;
                }
                Answer::Gone | Answer::Moved => {
                    entry.state = EntryState::Unmade;
                    entry.refused = Some(refused(planned, NO_CONTACT.into()));
                    step.refused += 1;
                }
                Answer::Later(error) => {
                    step.trouble.push(error.to_string());
                    unsent.push(entry.key);
                    go_on = false;
                    continue;
                }
                Answer::Unknown(error) => {
                    step.trouble.push(error.to_string());
                    step.unknown += 1;
                    continue;
                }
            }
            settled.push(entry);
        }
        self.drop_entries(state, &unsent).await?;
        self.save_told(state, settled, &told, now).await?;
        Ok(go_on)
    }

    async fn change(
        &self,
        state: &mut State,
        planned: &[Planned],
        now: Time,
        step: &mut DiaryStep,
    ) -> Result<bool, EngineError> {
        let mut ready = Vec::new();
        for p in planned {
            let (Act::Change(members) | Act::Restore(members)) = &p.act else {
                continue;
            };
            let Some(entry) = state.entries.get(&p.wanted.key) else {
                continue;
            };
            let Some(id) = entry.remote_id.clone() else { continue };
            let mut marked = entry.clone();
            marked.outgoing = Some(Outgoing::Change(p.wanted.activity.clone()));
            marked.at = now;
            ready.push((p, marked, id, members.clone()));
        }
        let marked: Vec<Entry> = ready.iter().map(|(_, marked, ..)| marked.clone()).collect();
        self.save(state, marked).await?;
        let sent: Vec<ChangedActivity> = ready
            .iter()
            .map(|(p, _, id, members)| ChangedActivity {
                id: id.clone(),
                attempt: format!("{}-{}", p.wanted.key, digest(members)),
                members: members.clone(),
            })
            .collect();
        let answers = self.activities()?.change(&sent).await;
        let (mut settled, mut disclosed, mut go_on) = (Vec::new(), Vec::new(), answers.len() == sent.len());
        for ((p, mut entry, _, members), answer) in ready.into_iter().zip(answers) {
            match answer {
                Answer::Applied { .. } => {
                    disclosed.push(self.telling(&entry, &members, true));
                    let restores = matches!(p.act, Act::Restore(_));
                    step.changed += 1;
                    step.restored += usize::from(restores);
                    entry.restored = if restores { entry.restored.saturating_add(1) } else { 0 };
                    tells(&mut entry, p.wanted.activity.clone());
                    state.shown.remove(&entry.key);
                }
                Answer::Gone => deleted(&mut entry, step),
                Answer::Refused(refusal) => {
                    entry.outgoing = None;
                    entry.refused = Some(refused(p, refusal.code));
                    step.refused += 1;
                }
                Answer::Later(error) => {
                    step.trouble.push(error.to_string());
                    entry.outgoing = None;
                    go_on = false;
                }
                Answer::Unknown(error) => {
                    step.trouble.push(error.to_string());
                    step.unknown += 1;
                    continue;
                }
                Answer::Moved => {
                    entry = entry.doubted();
                    go_on = false;
                }
            }
            settled.push(entry);
        }
        self.save_told(state, settled, &disclosed, now).await?;
        Ok(go_on)
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
        let answer = match &planned.act {
            Act::Attach(contact) => {
                entry.contacts.insert(contact.clone(), false);
                entry.outgoing = Some(Outgoing::Attach(contact.clone()));
                self.save(state, vec![entry.clone()]).await?;
                self.activities()?.attach(&id, contact).await
            }
            Act::Detach(contact) => {
                // Where contacts were merged, taking it from the one may take it from the other.
                entry.contacts.values_mut().for_each(|sure| *sure = false);
                entry.outgoing = Some(Outgoing::Detach(contact.clone()));
                self.save(state, vec![entry.clone()]).await?;
                self.activities()?.detach(&id, contact).await
            }
            _ => return Ok(true),
        };
        let (mut go_on, mut told) = (true, vec![]);
        match (answer, &planned.act) {
            (Answer::Applied { .. }, Act::Attach(contact)) => {
                told.push(self.telling(&entry, &entry.base.members(&self.settings.rules.zone), true));
                entry.contacts.insert(contact.clone(), true);
                entry.outgoing = None;
                entry.refused = None;
                step.moved += 1;
            }
            (Answer::Applied { .. } | Answer::Gone, Act::Detach(contact)) => {
                entry.contacts.remove(contact);
                entry.outgoing = None;
            }
            (Answer::Gone, _) => match self.stands(&id).await {
                Some(true) => {
                    entry.outgoing = None;
                    entry.refused = Some(refused(planned, NO_CONTACT.into()));
                    step.refused += 1;
                }
                Some(false) => deleted(&mut entry, step),
                None => return Ok(false),
            },
            (Answer::Refused(refusal), _) => {
                entry.outgoing = None;
                entry.refused = Some(refused(planned, refusal.code));
                step.refused += 1;
            }
            (Answer::Later(error), _) => {
                step.trouble.push(error.to_string());
                entry.outgoing = None;
                go_on = false;
            }
            (Answer::Unknown(error), _) => {
                step.trouble.push(error.to_string());
                step.unknown += 1;
                return Ok(true);
            }
            (Answer::Moved | Answer::Applied { .. }, _) => {
                entry = entry.doubted();
                go_on = false;
            }
        }
        self.save_told(state, vec![entry], &told, now).await?;
        Ok(go_on)
    }

    /// Whether an activity is still there; nothing if that cannot be told now.
    async fn stands(&self, id: &str) -> Option<bool> {
        let ids = [id.to_owned()];
        match self.activities().ok()?.read(&ids).await.ok()?.pop()? {
            ReadActivity::Found(shown) => Some(shown.alive),
            ReadActivity::Missing => Some(false),
            ReadActivity::Failed(_) => None,
        }
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
