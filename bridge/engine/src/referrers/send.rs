//! Carrying out a plan: what is to be made is looked for first, how each call is marked, and what its answer makes of an
//! entry. The order of marks, calls and settlements is [`crate::marked`]'s.

use super::{ReferrerDesk, ReferrersStep, State};
use crate::error::EngineError;
use crate::marked::{self, Fate, Word};
use adapter_kit::{AdapterError, Answer, ChangedReferrer, NewReferrer, Refusal, RefusalKind, ShownReferrer};
use bridge_core::Time;
use bridge_core::care::refer::{Act, Entry, EntryState, Field, Fields, Planned, Refused, Sort, adopted};
use bridge_core::hex;
use bridge_store::{About, Telling};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

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
            let to_practice = |act: &&Planned| match act.act {
                Act::Leave(_) => true,
                _ => manners.relates && act.fields.contains_key(&Field::PracticeRecord),
            };
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
            let sought = match marked::alive_first(found, |one| one.alive) {
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
        let relates = self.manners(sort)?.relates;
        let mark = |act: &Planned| {
            let mut fields = act.fields.clone();
            fields.retain(|field, _| !(relates && *field == Field::PracticeRecord));
            Entry::creating(&act.key, sort, &act.id, fields, now)
        };
        let marked: Vec<(Entry, &Planned)> = planned.iter().map(|act| (mark(act), *act)).collect();
        let new = marked.iter().map(|(entry, _)| NewReferrer {
            key: entry.key.clone(),
            fields: entry.base.clone(),
        });
        let new: Vec<NewReferrer> = new.collect();
        let call = self.book()?.create(sort, &new);
        marked::send(self, state, marked, call, now, step).await
    }

    async fn change(
        &self,
        state: &mut State,
        sort: Sort,
        planned: &[&Planned],
        now: Time,
        step: &mut ReferrersStep,
    ) -> Result<bool, EngineError> {
        let (mut marked, mut sent) = (Vec::new(), Vec::new());
        for act in planned {
            let Some((mut entry, id)) = known(state, act, now) else {
                continue;
            };
            entry.outgoing = Some(act.fields.clone());
            marked.push((entry, *act));
            sent.push(ChangedReferrer {
                id,
                attempt: format!("{}-{}", act.key, digest(&act.fields)),
                fields: act.fields.clone(),
            });
        }
        let call = self.book()?.change(sort, &sent);
        marked::send(self, state, marked, call, now, step).await
    }

    /// Puts a person's record to that of their practice, or takes it from that of one they left. Said twice it is the same.
    async fn relate(
        &self,
        state: &mut State,
        act: &Planned,
        now: Time,
        step: &mut ReferrersStep,
    ) -> Result<bool, EngineError> {
        let Some((mut entry, id)) = known(state, act, now) else {
            return Ok(true);
        };
        let (book, practice) = (self.book()?, act.fields.get(&Field::PracticeRecord).cloned());
        let practice = practice.unwrap_or_default();
        match &act.act {
            Act::Leave(left) => {
                // Where practices were merged, taking it from the one may take it from the other: it is put there again.
                entry.base.remove(&Field::PracticeRecord);
                entry.leaving = Some(left.clone());
            }
            Act::Create | Act::Change => {
                if self.manners(act.sort)?.leaves {
                    let before = entry
                        .base
                        .get(&Field::PracticeRecord)
                        .filter(|record| !record.is_empty());
                    entry.stands.extend(before.cloned());
                    entry.stands.insert(practice.clone());
                }
                entry.outgoing = Some(Fields::from([(Field::PracticeRecord, practice.clone())]));
            }
        }
        let call = async {
            let answer = match &act.act {
                Act::Leave(left) => book.leave(&id, left).await,
                Act::Create | Act::Change => match book.relate(&id, &practice).await {
                    // Which of the two is gone is not said.
                    Answer::Gone => Answer::Refused(Refusal {
                        kind: RefusalKind::Invalid,
                        code: NO_RECORD.into(),
                        path: None,
                    }),
                    answer => answer,
                },
            };
            vec![answer]
        };
        marked::send(self, state, vec![(entry, act)], call, now, step).await
    }

    /// What the CRM's word makes of an entry.
    pub(super) fn settled(&self, mut entry: Entry, act: &Planned, word: Word, step: &mut ReferrersStep) -> Fate<Entry> {
        let mut told = None;
        match (&act.act, word) {
            (Act::Create, Word::Done(id)) => {
                entry.state = EntryState::Posted;
                entry.remote_id = Some(id);
                told = self.telling(&entry, &entry.base, true);
                step.created += 1;
            }
            // Ours may stand there, made by a call whose answer was lost: it is looked up.
            (Act::Create, Word::Refused(refusal)) if refusal.kind == RefusalKind::Taken && refusal.path.is_none() => {
                return Fate::Open;
            }
            (Act::Change, Word::Done(_)) => {
                let sent = entry.outgoing.take().unwrap_or_default();
                told = self.telling(&entry, &sent, true);
                entry.base.extend(sent);
                entry.refused = None;
                step.changed += 1;
            }
            (Act::Change, Word::Gone) => {
                (entry.state, entry.outgoing, entry.refused) = (EntryState::Deleted, None, None);
                step.deleted += 1;
            }
            (Act::Leave(left), Word::Done(_) | Word::Gone) => {
                entry.stands.remove(left);
                (entry.leaving, entry.refused) = (None, None);
                step.changed += 1;
            }
            (does, word) => {
                if *does == Act::Create {
                    entry.state = EntryState::Unmade;
                }
                let code = match word {
                    Word::Refused(Refusal { code, path, .. }) => {
                        format!("{code}{}", path.map_or(String::new(), |path| format!(" at {path}")))
                    }
                    Word::Gone | Word::Done(_) => NO_RECORD.into(),
                };
                (entry.outgoing, entry.leaving) = (None, None);
                entry.refused = Some(refused(act, code));
                step.refused += 1;
            }
        }
        Fate::Settled(entry, told)
    }

    /// What the CRM was told of a person who refers: these fields. They are nobody's patient, and may all the same ask whom
    /// their particulars went to; the line names their record. A practice is no person.
    pub(super) fn telling(&self, entry: &Entry, fields: &Fields, certain: bool) -> Option<Telling> {
        let of_them = |(field, text): &(&Field, &String)| !text.is_empty() && !field.is_ours() && **field != Field::Key;
        let units: Vec<String> = fields
            .iter()
            .filter(of_them)
            .map(|(field, _)| format!("referrer.{}", field.name()))
            .collect();
        if entry.sort != Sort::Person || units.is_empty() {
            return None;
        }
        Some(Telling {
            system: self.settings.crm.clone(),
            remote_id: entry.remote_id.clone(),
            units,
            purpose: "referrers".into(),
            certain,
            about: BTreeSet::from([About::record(&self.settings.source, "Practitioner", &entry.id)]),
        })
    }
}

/// The entry of a record that stands there, about to be marked, and the CRM's id of it.
fn known(state: &State, act: &Planned, now: Time) -> Option<(Entry, String)> {
    let mut entry = state.entries.get(&act.key)?.clone();
    let id = entry.remote_id.clone()?;
    entry.at = now;
    Some((entry, id))
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
