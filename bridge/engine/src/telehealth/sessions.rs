//! Consultations by video and phone as the mirrored calendar holds them: what credits are estimated from.

use super::Telehealth;
use crate::error::EngineError;
use bridge_core::Time;
use bridge_core::diary::{Around, KINDS, Mode, Outcome, Visit, outcome};
use bridge_core::telehealth::cost::Session;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

impl Telehealth {
    /// Sessions that took place, by booked length. A booked one whose time is over counts: Halaxy turns it into an attended
    /// one by itself. `statuses` are the practice's own.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn sessions(
        &self,
        zone: &TimeZone,
        statuses: &BTreeMap<String, Outcome>,
        now: Time,
    ) -> Result<Vec<Session>, EngineError> {
        let mut around = Around::default();
        for kind in KINDS.into_iter().filter(|kind| *kind != "Appointment") {
            for (id, body) in self.mirrored(kind).await? {
                around.take(kind, &id, &body);
            }
        }
        let mut all = Vec::new();
        for (id, body) in self.mirrored("Appointment").await? {
            let Ok(visit) = Visit::read(&id, &body, zone) else {
                continue;
            };
            let video = match around.mode(&visit) {
                Some(Mode::Video) => true,
                Some(Mode::Phone) => false,
                Some(Mode::Clinic | Mode::Other) | None => continue,
            };
            let over = visit.end <= now.div_euclid(1_000_000);
            let came = |status: &str| match outcome(status, statuses) {
                Outcome::Completed => true,
                Outcome::Scheduled => over,
                Outcome::Cancelled | Outcome::NoShow => false,
            };
            let patients = visit.patients.iter().filter(|part| came(&part.status)).count();
            let start = Timestamp::from_second(visit.start).unwrap_or_default();
            if patients > 0 {
                all.push(Session {
                    day: start.to_zoned(zone.clone()).date(),
                    video,
                    seconds: u32::try_from(visit.end - visit.start).unwrap_or(0),
                    patients: u32::try_from(patients).unwrap_or(0),
                    practitioner: around.practitioner(&visit).unwrap_or_default().to_owned(),
                    location: around.place(&visit).unwrap_or_default().to_owned(),
                });
            }
        }
        Ok(all)
    }
}
