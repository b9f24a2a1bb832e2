//! Who was told what by a booking: Halaxy of the appointment, the product that asked of its answer.

use super::DeskSettings;
use bridge_core::booking::{Record, State};
use bridge_store::{About, Telling};
use std::collections::BTreeSet;

fn about(settings: &DeskSettings, record: &Record) -> BTreeSet<About> {
    let patient = record.patient.iter();
    patient
        .map(|id| About::record(&settings.system, &settings.kind, id))
        .collect()
}

/// What the calendar was told, if it took the booking, or nobody saw whether it did.
pub(super) fn told_home(settings: &DeskSettings, before: &Record, after: &Record) -> Option<Telling> {
    let (id, certain) = match (&before.state, &after.state) {
        (_, State::Booked { id, .. }) => (Some(id.clone()), true),
        (State::Sent { .. }, State::Unknown { .. } | State::Waiting { .. }) => (None, false),
        _ => return None,
    };
    let request = after.request.as_ref()?;
    let mut units = vec!["start", "end", "role", "patient", "location"];
    units.extend(request.service.as_ref().map(|_| "service"));
    units.extend(request.fee.as_ref().map(|_| "fee"));
    units.extend(request.comment.as_ref().map(|_| "comment"));
    Some(Telling {
        system: settings.system.clone(),
        remote_id: id,
        units: units.into_iter().map(|unit| format!("appointment.{unit}")).collect(),
        purpose: format!("booking: request key {}", after.key),
        certain,
        about: about(settings, after),
    })
}

/// What the product that asked was answered.
pub(super) fn told_origin(settings: &DeskSettings, record: &Record) -> Option<Telling> {
    let origin = record.origin.as_ref()?;
    let mut units = vec!["booking.outcome".to_owned(), "booking.message".into()];
    units.extend(matches!(record.state, State::Booked { .. }).then(|| "booking.appointment".into()));
    Some(Telling {
        system: origin.system.clone(),
        remote_id: Some(origin.id.clone()),
        units,
        purpose: format!("booking: answer to {} {}", origin.kind, origin.id),
        certain: true,
        about: about(settings, record),
    })
}
