//! A request as programs are told of it, and what would become of one.

use super::{BookingDesk, Standing};
use crate::error::EngineError;
use adapter_kit::{AdapterError, FreeAsk};
use bridge_core::booking::when::spelt;
use bridge_core::booking::{Recognised, Record, Request, Sight, State, Who, Why, sight, who};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeSet;

/// A request as programs are told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The key that it is known by.
    pub request_key: String,
    /// One word: `booked`, `taken`, `refused`, `waiting`, `unknown`, `open` or `withdrawn`.
    pub outcome: &'static str,
    /// A sentence.
    pub text: String,
    /// What to do about it.
    pub remedy: Option<&'static str>,
    /// What Halaxy answered, as a code, where it refused.
    pub code: Option<String>,
    /// The appointment in Halaxy.
    pub appointment: Option<String>,
    /// The patient in Halaxy, once known.
    pub patient: Option<String>,
    /// When it begins, with the practice's offset.
    pub start: Option<String>,
    /// Minutes.
    pub minutes: Option<u32>,
    /// Practitioner role in Halaxy.
    pub practitioner_role: Option<String>,
    /// When it was asked for, with the practice's offset.
    pub asked: String,
    /// By whom.
    pub by: String,
    /// It was asked for before under this key, and nothing was sent now.
    pub repeated: bool,
    /// What could not be done just now: the call, and its code.
    pub trouble: Option<String>,
}

impl Standing {
    /// As programs are told of it.
    pub fn shown(&self, zone: &TimeZone) -> Shown {
        let Record { request, state, .. } = &self.record;
        Shown {
            request_key: self.record.key.clone(),
            outcome: self.told.outcome,
            text: self.told.text.clone(),
            remedy: self.told.remedy,
            code: match state {
                State::Refused { code, .. } => code.clone(),
                _ => None,
            },
            appointment: match state {
                State::Booked { id, .. } => Some(id.clone()),
                _ => None,
            },
            patient: self.record.patient.clone(),
            start: request.as_ref().map(|request| spelt(request.start, zone)),
            minutes: request.as_ref().map(|request| request.minutes),
            practitioner_role: request.as_ref().map(|request| request.role.clone()),
            asked: spelt(self.record.asked, zone),
            by: self.record.by.clone(),
            repeated: self.earlier,
            trouble: self.trouble.clone(),
        }
    }
}

/// What would become of a request, by what is seen now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// Which patient it is for.
    pub patient: Result<String, Why>,
    /// Whether the practice offers the time.
    pub offered: bool,
    /// Whether nobody has it.
    pub free: bool,
}

impl BookingDesk {
    /// Which patient a request is for, so far as that can be told now; an error if an account cannot be asked.
    pub(super) async fn whose(
        &self,
        request: &Request,
    ) -> Result<Result<Result<String, Why>, AdapterError>, EngineError> {
        Ok(match &request.who {
            Who::Patient(id) => Ok(Ok(id.clone())),
            Who::Contact { system, kind, id } => Ok(self.linked(system, kind, id).await?.ok_or(Why::NotLinked)),
            Who::Named(named) => match self.calendar.candidates(named).await {
                Err(error) => Err(error),
                Ok(candidates) => Ok(match who::recognise(named, &candidates, self.settings.country) {
                    Recognised::One(id) => Ok(id),
                    Recognised::Nobody => Err(Why::Nobody),
                    Recognised::Several(_) => Err(Why::Several),
                }),
            },
        })
    }

    /// What would become of a request. Reads only.
    ///
    /// # Errors
    /// [`EngineError::NotPossible`] if the calendar cannot be read now.
    pub async fn rehearse(&self, request: &Request) -> Result<Rehearsal, EngineError> {
        let patient = self.whose(request).await?.map_err(super::cannot)?;
        let shown = self.calendar.shown(&request.role, request.start, request.end()).await;
        let shown = shown.map_err(super::cannot)?;
        let before: BTreeSet<String> = shown.iter().map(|one| one.id.clone()).collect();
        let seen = sight::look(request, "", &shown, &before, &BTreeSet::new());
        let free = self.find(&FreeAsk::at(request)).await?;
        Ok(Rehearsal {
            patient,
            offered: sight::offered(request, &free),
            free: seen == Sight::Free,
        })
    }
}
