//! A request on its way: identified, its turn, the look at the calendar, sent, and looked at again.

use super::keep::Stepped;
use super::{BookingDesk, Busy, CLOCKS_APART, GLANCE, PAUSED, Turnout, gone, keep, past, unknown};
use crate::deliver::micros;
use crate::error::EngineError;
use crate::pause;
use adapter_kit::FreeAsk;
use bridge_core::booking::{Answered, Appointment, Booking, Next, Record, Sight, State, sight};
use std::collections::BTreeSet;
use std::sync::PoisonError;

impl BookingDesk {
    /// Moves a request on by one.
    pub(super) async fn advance(&self, key: &str) -> Result<Turnout, EngineError> {
        let fresh = self
            .busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.to_string());
        if !fresh {
            return Ok(Turnout::Busy);
        }
        let _busy = Busy(self, key.to_string());
        let record = keep::load(&self.store, key).await?.ok_or_else(|| unknown(key))?;
        let now = self.clock.now();
        match record.next(now, micros(self.calendar.life())) {
            Next::Nothing | Next::Person => Ok(Turnout::Rests),
            Next::Wait(until) => Ok(Turnout::Until(until)),
            Next::Identify => self.identify(&record).await,
            Next::Mark => {
                let mut after = record.clone();
                match past(&record, now) {
                    true => after.to(gone(), now),
                    false => after.to(State::Marked, now),
                }
                self.keep(&record, &after).await
            }
            Next::Send => self.send(record).await,
            Next::Look(proves) => self.look(record, proves, false).await,
        }
    }

    pub(super) async fn identify(&self, record: &Record) -> Result<Turnout, EngineError> {
        let Some(request) = &record.request else {
            return Ok(Turnout::Rests);
        };
        let found = match self.whose(request).await? {
            Ok(found) => found,
            Err(error) => return Ok(Turnout::Trouble(error)),
        };
        let mut after = record.clone();
        let now = self.clock.now();
        match found {
            Ok(id) => {
                after.patient = Some(id);
                after.to(State::Asked, now);
            }
            Err(why) if record.state == (State::Waiting { why }) && !past(record, now) => return Ok(Turnout::Rests),
            Err(_) if past(record, now) => after.to(gone(), now),
            Err(why) => after.to(State::Waiting { why }, now),
        }
        self.keep(record, &after).await
    }

    /// The patient that a contact is linked with.
    pub(super) async fn linked(&self, system: &str, kind: &str, id: &str) -> Result<Option<String>, EngineError> {
        let Some(entity) = self.store.entity_of(system, kind, id).await? else {
            return Ok(None);
        };
        let entities = self.store.entities(&[entity]).await?;
        let link = entities
            .first()
            .and_then(|entity| entity.links.get(&self.settings.system));
        Ok(link
            .filter(|link| link.state == bridge_core::LinkState::Live)
            .map(|link| link.remote_id.clone()))
    }

    /// Looks whether the time is offered and free, marks, and sends.
    pub(super) async fn send(&self, record: Record) -> Result<Turnout, EngineError> {
        let (Some(request), Some(patient)) = (&record.request, &record.patient) else {
            return Ok(Turnout::Rests);
        };
        let mut after = record.clone();
        if past(&record, self.clock.now()) {
            after.to(gone(), self.clock.now());
            return self.keep(&record, &after).await;
        }
        if pause::closed(&self.store, &self.settings.system).await?.is_some() {
            return Ok(Turnout::Until(self.clock.now() + micros(PAUSED)));
        }
        let shown = match self.calendar.shown(&request.role, request.start, request.end()).await {
            Ok(shown) => shown,
            Err(error) => return Ok(Turnout::Trouble(error)),
        };
        let before: BTreeSet<String> = shown.iter().map(|one| one.id.clone()).collect();
        let seen = sight::look(request, patient, &shown, &before, &BTreeSet::new());
        let mut offered = true;
        if seen == Sight::Free && !request.unoffered {
            let ask = FreeAsk::at(request);
            offered = match self.calendar.free(&ask).await {
                Ok(free) => sight::offered(request, &free),
                Err(error) => return Ok(Turnout::Trouble(error)),
            };
        }
        let now = self.clock.now();
        if !after.looked_before(&seen, offered, now) {
            return self.keep(&record, &after).await;
        }
        after.tries += 1;
        after.to(State::Sent { at: now, before }, now);
        if !matches!(
            keep::step(&self.store, &record, &after, None, None).await?,
            Stepped::Done
        ) {
            return Ok(Turnout::Moved);
        }
        let booking = Booking {
            patient: patient.clone(),
            request: request.clone(),
        };
        let answer = self.calendar.book(&booking).await;
        let sent = after.clone();
        after.answered(&answer, self.clock.now());
        self.keep(&sent, &after).await?;
        match answer {
            Answered::Conflict => self.look(after, false, true).await,
            Answered::Unknown(_) => self.look(after, false, false).await,
            // Its turn is given back; whoever waits goes first.
            Answered::NotProcessed(_) => Ok(Turnout::Until(self.clock.now() + micros(GLANCE))),
            _ => Ok(Turnout::Moved),
        }
    }

    /// Looks what became of a booking that was sent.
    pub(super) async fn look(&self, record: Record, proves: bool, conflict: bool) -> Result<Turnout, EngineError> {
        let (State::Sent { at, before } | State::Unknown { at, before }) = &record.state else {
            return Ok(Turnout::Moved);
        };
        let (Some(request), Some(patient)) = (&record.request, &record.patient) else {
            return Ok(Turnout::Rests);
        };
        let mut shown = match self.calendar.shown(&request.role, request.start, request.end()).await {
            Ok(shown) => shown,
            Err(error) => return Ok(Turnout::Trouble(error)),
        };
        let nobody = BTreeSet::new();
        let see =
            |shown: &[Appointment], others: &BTreeSet<String>| sight::look(request, patient, shown, before, others);
        let mut seen = see(&shown, &nobody);
        if seen == Sight::Free && proves {
            // Before it goes out again: it may have been moved to another time, or to somebody else.
            match self.calendar.made_since(patient, at - CLOCKS_APART).await {
                Ok(made) => shown.extend(made.into_iter().map(|mut one| {
                    one.roles = vec![request.role.clone()];
                    one
                })),
                Err(error) => return Ok(Turnout::Trouble(error)),
            }
            seen = see(&shown, &nobody);
        }
        if matches!(seen, Sight::Elsewhere(_)) {
            seen = see(&shown, &self.of_others(&record, &shown).await?);
        }
        let mut after = record.clone();
        after.looked_after(seen, proves, conflict, self.clock.now());
        match after.revision == record.revision {
            false => self.keep(&record, &after).await,
            true => Ok(Turnout::Until(*at + micros(self.calendar.life()))),
        }
    }

    /// Appointments that are, or may be, those of other requests for the same patient.
    pub(super) async fn of_others(
        &self,
        record: &Record,
        shown: &[Appointment],
    ) -> Result<BTreeSet<String>, EngineError> {
        let mut others = BTreeSet::new();
        for other in keep::all(&self.store).await? {
            if other.key == record.key || other.patient != record.patient {
                continue;
            }
            if let State::Booked { id, .. } = &other.state {
                others.insert(id.clone());
            }
            if let (true, Some(request)) = (other.has_turn(), &other.request) {
                let then = shown.iter().filter(|one| one.start == request.start);
                others.extend(then.map(|one| one.id.clone()));
            }
        }
        Ok(others)
    }
}
