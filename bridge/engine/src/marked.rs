//! Records of ours in a CRM, one entry of the store each: marked before a call is made, settled by its answer, looked up
//! where nobody saw one. What the parts that tell a CRM of something (the diary, calls, referrers) have in common; what
//! is planned, and what the product's word makes of an entry, is each part's own.
//!
//! | answer | to making a record | to any other call |
//! |---|---|---|
//! | done, refused, no such record | the part's decision | the part's decision |
//! | proved not processed | forgotten; nothing further goes out | as before the mark; nothing further goes out |
//! | moved since | as no such record | in doubt; nothing further goes out |
//! | none | looked up by our key; forgotten when the call's life is over and it is not there | in doubt when that life is over |

use crate::deliver::micros;
use crate::error::EngineError;
use adapter_kit::{AdapterError, Answer, Refusal};
use async_trait::async_trait;
use bridge_core::Time;
use bridge_store::Telling;
use std::time::Duration;

/// What is kept of one record.
pub(crate) trait Entry: Clone + Send + Sync {
    /// Its name among the part's rows.
    fn row(&self) -> &str;
    /// Whether the call under way, if any, makes the record.
    fn is_making(&self) -> bool;
    /// When its last call was marked.
    fn at(&self) -> Time;
    /// It was marked for a call other than a making that did not take place.
    fn unsent(self) -> Self;
    /// That call may have landed, and cannot land any more.
    fn doubted(self) -> Self;
}

/// What the product says of a call.
pub(crate) enum Word {
    /// Done; the record's id.
    Done(String),
    /// There is no such record.
    Gone,
    /// It does not take it.
    Refused(Refusal),
}

/// What the product's word makes of an entry.
pub(crate) enum Fate<E> {
    /// The call is settled; with the line of the history if somebody was told of.
    Settled(E, Option<Telling>),
    /// The word proves nothing: it is found out as if there had been none.
    Open,
}

/// What is stored in one transaction.
pub(crate) struct Keep<E> {
    /// Entries as they are now.
    pub entries: Vec<E>,
    /// Rows that are dropped.
    pub forget: Vec<String>,
    /// Lines of the history.
    pub told: Vec<Telling>,
}

/// What a step counts of this.
pub(crate) trait Tally {
    /// So many calls of which nobody knows yet.
    fn unknown(&mut self, calls: usize);
    /// What could not be done now.
    fn trouble(&mut self, what: String);
}

/// A part that keeps records of ours in a CRM.
#[async_trait]
pub(crate) trait Part: Sync {
    /// What it has in memory.
    type State: Send;
    /// What it keeps of one record.
    type Entry: Entry;
    /// What a call is made for.
    type Plan: Sync;
    /// A record as the CRM shows it.
    type Found: Send;
    /// What its step counts.
    type Step: Tally + Send;

    /// What the product's word on a marked call makes of its entry.
    fn answered(
        &self,
        state: &mut Self::State,
        entry: Self::Entry,
        plan: &Self::Plan,
        word: Word,
        step: &mut Self::Step,
    ) -> Fate<Self::Entry>;

    /// What a record that was found makes of the entry whose making nobody saw answered.
    fn found(&self, entry: Self::Entry, found: Self::Found, step: &mut Self::Step) -> (Self::Entry, Option<Telling>);

    /// Of whom somebody may have been told by a call whose answer nobody saw.
    fn may_be_told(&self, _: &Self::Entry) -> Option<Telling> {
        None
    }

    /// Looks up records that are being made, by our keys, in order, deleted ones included. At most a batch.
    async fn find(&self, making: &[Self::Entry]) -> Result<Vec<Option<Self::Found>>, AdapterError>;

    /// Stores it, and has it in memory.
    async fn keep(&self, state: &mut Self::State, keep: Keep<Self::Entry>, now: Time) -> Result<(), EngineError>;
}

impl<E> Default for Keep<E> {
    fn default() -> Keep<E> {
        Keep {
            entries: vec![],
            forget: vec![],
            told: vec![],
        }
    }
}

impl<E> Keep<E> {
    /// Entries alone.
    pub fn entries(entries: Vec<E>) -> Keep<E> {
        Keep {
            entries,
            ..Keep::default()
        }
    }

    /// Whether there is nothing to be stored.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.forget.is_empty() && self.told.is_empty()
    }
}

/// Makes one call about some records, each with its entry as marked and what it is made for; `call` is begun when the
/// marks are stored, and answers in order. False if something is in the way and the rest has to wait.
pub(crate) async fn send<P: Part>(
    part: &P,
    state: &mut P::State,
    marked: Vec<(P::Entry, &P::Plan)>,
    call: impl Future<Output = Vec<Answer>> + Send,
    now: Time,
    step: &mut P::Step,
) -> Result<bool, EngineError> {
    if marked.is_empty() {
        return Ok(true);
    }
    let marks = marked.iter().map(|(entry, _)| entry.clone()).collect();
    part.keep(state, Keep::entries(marks), now).await?;
    let answers = call.await;
    let (mut keep, mut go_on) = (Keep::default(), answers.len() == marked.len());
    for ((entry, plan), answer) in marked.into_iter().zip(answers) {
        let word = match answer {
            Answer::Applied { id, .. } => Word::Done(id),
            Answer::Gone => Word::Gone,
            Answer::Refused(refusal) => Word::Refused(refusal),
            Answer::Moved if entry.is_making() => Word::Gone,
            Answer::Moved => {
                keep.entries.push(entry.doubted());
                go_on = false;
                continue;
            }
            Answer::Later(error) => {
                step.trouble(error.to_string());
                match entry.is_making() {
                    true => keep.forget.push(entry.row().to_owned()),
                    false => keep.entries.push(entry.unsent()),
                }
                go_on = false;
                continue;
            }
            Answer::Unknown(error) => {
                step.trouble(error.to_string());
                step.unknown(1);
                continue;
            }
        };
        match part.answered(state, entry, plan, word, step) {
            Fate::Settled(entry, told) => {
                keep.entries.push(entry);
                keep.told.extend(told);
            }
            Fate::Open => step.unknown(1),
        }
    }
    if !keep.is_empty() {
        part.keep(state, keep, now).await?;
    }
    Ok(go_on)
}

/// Finds out what became of calls that were marked and not settled. `batch` records are looked up at once; `life` is the
/// longest that a call lives after we gave up on it. False if the CRM cannot be asked now.
pub(crate) async fn find_out<P: Part>(
    part: &P,
    state: &mut P::State,
    open: Vec<P::Entry>,
    (batch, life): (usize, Duration),
    now: Time,
    step: &mut P::Step,
) -> Result<bool, EngineError> {
    let late = |entry: &P::Entry| now >= entry.at().saturating_add(micros(life));
    let (making, others): (Vec<P::Entry>, Vec<P::Entry>) = open.into_iter().partition(Entry::is_making);
    let (over, waiting): (Vec<P::Entry>, Vec<P::Entry>) = others.into_iter().partition(late);
    step.unknown(waiting.len());
    if !over.is_empty() {
        let told = over.iter().filter_map(|entry| part.may_be_told(entry)).collect();
        let keep = Keep {
            entries: over.into_iter().map(Entry::doubted).collect(),
            told,
            ..Keep::default()
        };
        part.keep(state, keep, now).await?;
    }
    for some in making.chunks(batch.max(1)) {
        let found = match part.find(some).await {
            Ok(found) => found,
            Err(error) => {
                step.trouble(error.to_string());
                step.unknown(some.len());
                return Ok(false);
            }
        };
        let mut keep = Keep::default();
        for (entry, found) in some.iter().zip(found) {
            match found {
                Some(found) => {
                    let (entry, told) = part.found(entry.clone(), found, step);
                    keep.entries.push(entry);
                    keep.told.extend(told);
                }
                // It cannot land any more, and it is not there.
                None if late(entry) => keep.forget.push(entry.row().to_owned()),
                None => step.unknown(1),
            }
        }
        if !keep.is_empty() {
            part.keep(state, keep, now).await?;
        }
    }
    Ok(true)
}

/// Of the records with one key, one that is alive; else the first.
pub(crate) fn alive_first<T>(mut found: Vec<T>, alive: impl Fn(&T) -> bool) -> Option<T> {
    let at = found.iter().position(alive).unwrap_or(0);
    (at < found.len()).then(|| found.swap_remove(at))
}
