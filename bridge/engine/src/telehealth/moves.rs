//! Activities of calls that somebody said were with another person: taken from the one contact and put to the other, or
//! withdrawn if it was nobody, one call at a time.

use super::tell::{CallActivity, Calls, Job, Row, TellStep, told_of};
use super::told::Target;
use super::{Move, Told, ToldState};
use crate::error::EngineError;
use crate::marked::{self, Keep, Part};
use bridge_core::Time;
use bridge_core::telehealth::Party;
use std::collections::BTreeMap;

/// One activity needs no more calls than this.
const MOST: usize = 6;

impl Calls<'_> {
    /// Brings one activity to where it should stand. Whether to go on with others.
    pub(super) async fn bring(
        &self,
        told: &mut BTreeMap<String, Told>,
        (id, mut call): (&str, CallActivity),
        (target, party): (&Target, Option<&Party>),
        now: Time,
        step: &mut TellStep,
    ) -> Result<bool, EngineError> {
        let mut moved = false;
        for _ in 0..MOST {
            let Some(known) = told.get(id) else { break };
            let (Some(next), Some(remote)) = (known.next(target), known.remote_id.clone()) else {
                break;
            };
            let row = Row {
                id: id.to_owned(),
                told: known.clone().marked(&next, now),
            };
            if let Move::Withdrawn(withdrawn) = next {
                call.withdrawn = withdrawn;
            }
            let job = Job::Move(next);
            let sent = async {
                let answer = match &job {
                    Job::Move(Move::Attach(contact)) => self.book.attach(&remote, contact).await,
                    Job::Move(Move::Detach(contact)) => self.book.detach(&remote, contact).await,
                    Job::Move(Move::Withdrawn(withdrawn)) => {
                        let attempt = format!("{}-{withdrawn}-{now}", call.key);
                        self.book.rewrite(&remote, &attempt, &call).await
                    }
                    Job::Make => return vec![],
                };
                vec![answer]
            };
            if !marked::send(self, told, vec![(row, &job)], sent, now, step).await? {
                return Ok(false);
            }
            let done = |told: &Told| told.state == ToldState::Posted && !told.is_open() && told.blocked.is_none();
            moved |= told.get(id).is_some_and(done);
        }
        let Some(known) = told.get(id) else { return Ok(true) };
        // Whom it stands for now is noted when it does: until then whom it was told for says why it is not there.
        let there = match target {
            Target::Keep => false,
            Target::To(_) | Target::Away => known.next(target).is_none() && known.blocked.is_none() && !known.is_open(),
        };
        if there && known.state == ToldState::Posted && known.party.as_ref() != party && party.is_some() {
            let mut known = known.clone();
            known.party = party.cloned();
            let row = Row {
                id: id.to_owned(),
                told: known,
            };
            let keep = Keep {
                told: told_of(self, &row).into_iter().collect(),
                entries: vec![row],
                ..Keep::default()
            };
            self.keep(told, keep, now).await?;
        }
        step.moved += usize::from(moved);
        Ok(true)
    }
}
