//! Activities of calls that somebody said were with another person: taken from the one contact and put to the other, or
//! withdrawn if it was nobody, one call at a time, each marked before it is made.

use super::tell::{CallActivities, CallActivity, TOLD, TellStep, Whose};
use super::told::Target;
use super::{Move, Telehealth, Told, ToldState};
use crate::error::EngineError;
use adapter_kit::Answer;
use bridge_core::Time;
use bridge_core::telehealth::Party;
use std::collections::BTreeMap;

/// One activity needs no more calls than this.
const CALLS: usize = 6;

impl Telehealth {
    /// Brings one activity to where it should stand. Whether to go on with others.
    pub(super) async fn bring(
        &self,
        (id, mut told, mut call): (&str, Told, CallActivity),
        (target, party): (&Target, Option<&Party>),
        whose: &Whose<'_>,
        book: &dyn CallActivities,
        now: Time,
        step: &mut TellStep,
    ) -> Result<bool, EngineError> {
        let mut moved = false;
        for _ in 0..CALLS {
            let (Some(next), Some(remote)) = (told.next(target), told.remote_id.clone()) else {
                break;
            };
            told = told.marked(&next, now);
            self.keep_move(id, &told).await?;
            let answer = match &next {
                Move::Attach(contact) => book.attach(&remote, contact).await,
                Move::Detach(contact) => book.detach(&remote, contact).await,
                Move::Withdrawn(withdrawn) => {
                    call.withdrawn = *withdrawn;
                    let attempt = format!("{}-{withdrawn}-{now}", call.key);
                    book.rewrite(&remote, &attempt, &call).await
                }
            };
            match (answer, &next) {
                (Answer::Applied { .. }, _) | (Answer::Gone, Move::Detach(_)) => {
                    told = told.done();
                    told.code = None;
                    moved = true;
                }
                (Answer::Gone, Move::Withdrawn(_)) => {
                    (told.state, told.outgoing) = (ToldState::Deleted, None);
                }
                (Answer::Gone, Move::Attach(_)) => {
                    told.outgoing = None;
                    (told.code, told.blocked) = (Some("no_contact".into()), Some(next));
                    step.refused += 1;
                }
                (Answer::Refused(refusal), _) => {
                    told.outgoing = None;
                    (told.code, told.blocked) = (Some(refusal.code), Some(next));
                    step.refused += 1;
                }
                (Answer::Later(error), _) => {
                    step.trouble.push(error.to_string());
                    told.outgoing = None;
                    self.keep_move(id, &told).await?;
                    return Ok(false);
                }
                (Answer::Unknown(error), _) => {
                    step.trouble.push(error.to_string());
                    step.unknown += 1;
                    return Ok(true);
                }
                (Answer::Moved, _) => {
                    told.outgoing = None;
                    self.keep_move(id, &told).await?;
                    return Ok(false);
                }
            }
            self.keep_move(id, &told).await?;
        }
        // Whom it stands for now is noted when it does: until then whom it was told for says why it is not there.
        let there = match target {
            Target::Keep => false,
            Target::To(_) | Target::Away => told.next(target).is_none() && told.blocked.is_none() && !told.is_open(),
        };
        if there && told.state == ToldState::Posted && told.party.as_ref() != party && party.is_some() {
            told.party = party.cloned();
            self.keep_told(whose, &BTreeMap::from([(id.to_owned(), told)]), now)
                .await?;
        }
        step.moved += usize::from(moved);
        Ok(true)
    }

    async fn keep_move(&self, id: &str, told: &Told) -> Result<(), EngineError> {
        self.put(TOLD, &BTreeMap::from([(id.to_owned(), told.clone())])).await
    }
}
