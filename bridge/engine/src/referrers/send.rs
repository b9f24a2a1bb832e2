//! Carrying out a plan: looked for first, marked before each call, settled after it.

use super::{ReferrerDesk, ReferrersStep, State};
use crate::error::EngineError;
use adapter_kit::{AdapterError, Answer, ChangedReferrer, NewReferrer, RefusalKind, ShownReferrer};
use bridge_core::Time;
use bridge_core::care::refer::{Act, Entry, EntryState, Field, Fields, Planned, Refused, Sort, adopted};
use bridge_core::hex;
use sha2::{Digest, Sha256};

/// Codes of ours, where the product said nothing.
const PATIENT: &str = "the record with this provider number is a patient's contact";
const SEVERAL: &str = "several records have this provider number";
const NO_RECORD: &str = "no such record";

/// What looking for a record that is to be made came to.
enum Sought {
    Nothing,
    Ours(ShownReferrer),
    Unclear(&'static str),
}

impl ReferrerDesk {
    /// Does what is planned. False if something is in the way and the rest has to wait.
    pub(super) async fn carry_out(
        &self,
        state: &mut State,
        acts: Vec<Planned>,
        now: Time,
        step: &mut ReferrersStep,
    ) -> Result<bool, EngineError> {
        for sort in Sort::ALL {
            let of_sort = acts.iter().filter(|act| act.sort == sort);
            let (creates, changes): (Vec<&Planned>, Vec<&Planned>) = of_sort.partition(|act| act.act == Act::Create);
            if creates.is_empty() && changes.is_empty() {
                continue;
            }
            let manners = self.manners(sort)?;
            let to_practice = |act: &&Planned| manners.relates && act.fields.contains_key(&Field::PracticeRecord);
            let (moves, changes): (Vec<&Planned>, Vec<&Planned>) = changes.into_iter().partition(to_practice);
            for act in moves {
                if !self.relate(state, act, now, step).await? {
                    return Ok(false);
                }
            }
            for some in changes.chunks(manners.batch) {
                if !self.change(state, sort, some, now, step).await? {
                    return Ok(false);
                }
            }
            for some in creates.chunks(manners.batch) {
                let missing = match self.seek(state, sort, some, now, step).await? {
                    Ok(missing) => missing,
                    Err(error) => {
                        step.trouble.push(error.to_string());
                        return Ok(false);
                    }
                };
                if !self.create(state, sort, &missing, now, step).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Takes up records that are there already; the others are given back. Fails whole if it cannot be said which.
    async fn seek<'p>(
        &self,
        state: &mut State,
        sort: Sort,
        planned: &[&'p Planned],
        now: Time,
        step: &mut ReferrersStep,
    ) -> Result<Result<Vec<&'p Planned>, AdapterError>, EngineError> {
        let keys: Vec<String> = planned.iter().map(|act| act.key.clone()).collect();
        let found = match self.book()?.find(sort, &keys).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let (mut missing, mut entries) = (Vec::new(), Vec::new());
        for (act, found) in planned.iter().zip(found) {
            let alive = found.iter().find(|one| one.alive).or(found.first()).cloned();
            let sought = match alive {
                Some(shown) => Sought::Ours(shown),
                None => match self.by_number(state, sort, act).await? {
                    Ok(sought) => sought,
                    Err(error) => return Ok(Err(error)),
                },
            };
            let mut entry = Entry::creating(&act.key, sort, &act.id, Fields::new(), now);
            match sought {
                Sought::Nothing => {
                    missing.push(*act);
                    continue;
                }
                Sought::Ours(shown) if !shown.alive => {
                    entry.state = EntryState::Deleted;
                    step.deleted += 1;
                }
                Sought::Ours(shown) => {
                    entry.state = EntryState::Posted;
                    entry.base = adopted(&act.fields, &shown.fields);
                    entry.remote_id = Some(shown.id);
                    step.adopted += 1;
                }
                Sought::Unclear(code) => {
                    entry.state = EntryState::Unmade;
                    entry.refused = Some(refused(act, code.into()));
                    step.refused += 1;
                }
            }
            entries.push(entry);
        }
        self.save(state, entries).await?;
        Ok(Ok(missing))
    }

    /// The one record that has a provider number of theirs, and is neither a patient's nor another referrer's.
    async fn by_number(
        &self,
        state: &State,
        sort: Sort,
        act: &Planned,
    ) -> Result<Result<Sought, AdapterError>, EngineError> {
        let manners = self.manners(sort)?;
        if !manners.by_number {
            return Ok(Ok(Sought::Nothing));
        }
        let mut found: Vec<ShownReferrer> = Vec::new();
        for number in &act.numbers {
            match self.book()?.numbered(sort, number).await {
                Ok(shown) => found.extend(shown),
                Err(error) => return Ok(Err(error)),
            }
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        let taken = |id: &String| {
            let mut entries = state.entries.values().filter(|entry| entry.sort == sort);
            entries.any(|entry| entry.remote_id.as_ref() == Some(id))
        };
        found.retain(|one| !taken(&one.id));
        if found.len() > 1 {
            return Ok(Ok(Sought::Unclear(SEVERAL)));
        }
        let Some(one) = found.pop() else {
            return Ok(Ok(Sought::Nothing));
        };
        if manners.contacts {
            let of = &self.settings;
            let ids = [one.id.clone()];
            let patients = self.store.counterparts(&of.crm, &of.contacts, &of.source, &ids).await?;
            if !patients.is_empty() {
                return Ok(Ok(Sought::Unclear(PATIENT)));
            }
        }
        Ok(Ok(Sought::Ours(one)))
    }

    async fn create(
        &self,
        state: &mut State,
        sort: Sort,
        planned: &[&Planned],
        now: Time,
        step: &mut ReferrersStep,
    ) -> Result<bool, EngineError> {
        if planned.is_empty() {
            return Ok(true);
        }
        let relates = self.manners(sort)?.relates;
        let mark = |act: &&Planned| {
            let mut fields = act.fields.clone();
            fields.retain(|field, _| !(relates && *field == Field::PracticeRecord));
            Entry::creating(&act.key, sort, &act.id, fields, now)
        };
        let marked: Vec<Entry> = planned.iter().map(mark).collect();
        self.save(state, marked.clone()).await?;
        let new: Vec<NewReferrer> = marked
            .iter()
            .map(|entry| NewReferrer {
                key: entry.key.clone(),
                fields: entry.base.clone(),
            })
            .collect();
        let answers = self.book()?.create(sort, &new).await;
        let (mut settled, mut unsent, mut go_on) = (Vec::new(), Vec::new(), answers.len() == new.len());
        for ((mut entry, act), answer) in marked.into_iter().zip(planned).zip(answers) {
            match answer {
                Answer::Applied { id, .. } => {
                    entry.state = EntryState::Posted;
                    entry.remote_id = Some(id);
                    step.created += 1;
                }
                // Ours may stand there, made by a call whose answer was lost: it is looked up.
                Answer::Refused(refusal) if refusal.kind == RefusalKind::Taken && refusal.path.is_none() => continue,
                Answer::Refused(refusal) => {
                    entry.state = EntryState::Unmade;
                    let at = refusal.path.map_or(String::new(), |path| format!(" at {path}"));
                    entry.refused = Some(refused(act, format!("{}{at}", refusal.code)));
                    step.refused += 1;
                }
                Answer::Gone | Answer::Moved => {
                    entry.state = EntryState::Unmade;
                    entry.refused = Some(refused(act, NO_RECORD.into()));
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
        self.forget(state, &unsent).await?;
        self.save(state, settled).await?;
        Ok(go_on)
    }

    async fn change(
        &self,
        state: &mut State,
        sort: Sort,
        planned: &[&Planned],
        now: Time,
        step: &mut ReferrersStep,
    ) -> Result<bool, EngineError> {
        let mut ready = Vec::new();
        for act in planned {
            if let Some((entry, id)) = marked(state, act, act.fields.clone(), now) {
                ready.push((*act, entry, id));
            }
        }
        self.save(state, ready.iter().map(|(_, entry, _)| entry.clone()).collect())
            .await?;
        let sent: Vec<ChangedReferrer> = ready
            .iter()
            .map(|(act, _, id)| ChangedReferrer {
                id: id.clone(),
                attempt: format!("{}-{}", act.key, digest(&act.fields)),
                fields: act.fields.clone(),
            })
            .collect();
        let answers = self.book()?.change(sort, &sent).await;
        let (mut settled, mut go_on) = (Vec::new(), answers.len() == sent.len());
        for ((act, entry, _), answer) in ready.into_iter().zip(answers) {
            let gone = answer_is_gone(&answer);
            let (entry, on) = take_answer(entry, act, answer, step);
            go_on &= on;
            if let Some(mut entry) = entry {
                if gone {
                    (entry.state, entry.refused) = (EntryState::Deleted, None);
                    step.deleted += 1;
                }
                settled.push(entry);
            }
        }
        self.save(state, settled).await?;
        Ok(go_on)
    }

    /// Puts a person's record to that of their practice. Said twice it is the same.
    async fn relate(
        &self,
        state: &mut State,
        act: &Planned,
        now: Time,
        step: &mut ReferrersStep,
    ) -> Result<bool, EngineError> {
        let practice = act.fields.get(&Field::PracticeRecord).cloned().unwrap_or_default();
        let only = Fields::from([(Field::PracticeRecord, practice.clone())]);
        let Some((entry, id)) = marked(state, act, only, now) else {
            return Ok(true);
        };
        self.save(state, vec![entry.clone()]).await?;
        let answer = self.book()?.relate(&id, &practice).await;
        if answer_is_gone(&answer) {
            step.refused += 1;
        }
        let (entry, go_on) = take_answer(entry, act, answer, step);
        self.save(state, entry.into_iter().collect()).await?;
        Ok(go_on)
    }
}

/// The entry with what is on its way, and the CRM's id of the record.
fn marked(state: &State, act: &Planned, fields: Fields, now: Time) -> Option<(Entry, String)> {
    let mut entry = state.entries.get(&act.key)?.clone();
    let id = entry.remote_id.clone()?;
    entry.outgoing = Some(fields);
    entry.at = now;
    Some((entry, id))
}

fn answer_is_gone(answer: &Answer) -> bool {
    matches!(answer, Answer::Gone)
}

/// What an answer to a change makes of an entry, and whether to go on; nothing if it is not known yet.
fn take_answer(mut entry: Entry, act: &Planned, answer: Answer, step: &mut ReferrersStep) -> (Option<Entry>, bool) {
    match answer {
        Answer::Applied { .. } => {
            entry.base.extend(entry.outgoing.take().into_iter().flatten());
            entry.refused = None;
            step.changed += 1;
            (Some(entry), true)
        }
        Answer::Gone => {
            entry.outgoing = None;
            entry.refused = Some(refused(act, NO_RECORD.into()));
            (Some(entry), true)
        }
        Answer::Refused(refusal) => {
            entry.outgoing = None;
            let at = refusal.path.map_or(String::new(), |path| format!(" at {path}"));
            entry.refused = Some(refused(act, format!("{}{at}", refusal.code)));
            step.refused += 1;
            (Some(entry), true)
        }
        Answer::Later(error) => {
            step.trouble.push(error.to_string());
            entry.outgoing = None;
            (Some(entry), false)
        }
        Answer::Unknown(error) => {
            step.trouble.push(error.to_string());
            step.unknown += 1;
            (None, true)
        }
        Answer::Moved => (Some(entry.doubted()), false),
    }
}

fn refused(act: &Planned, code: String) -> Refused {
    Refused {
        fields: act.whole.clone(),
        code,
    }
}

fn digest(fields: &Fields) -> String {
    let mut hash = Sha256::new();
    for (field, text) in fields {
        hash.update(field.name());
        hash.update([0]);
        hash.update(text);
        hash.update([0]);
    }
    hex(&hash.finalize()[..6])
}
