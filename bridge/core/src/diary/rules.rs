//! What a practice decides of its appointments in the CRM, and what follows of it for one visit.

use super::activity::{Activity, key};
use super::around::Around;
use super::status::{Outcome, outcome};
use super::visit::Visit;
use super::wording::without_links;
use crate::Time;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is told besides time, status, mode and place. Each needs a purpose in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tell {
    /// The name of the appointment type.
    Service,
    /// The practitioner's name.
    Practitioner,
    /// The calendar's comment; never of an appointment with several patients, where it may name another one.
    Comment,
}

/// What a practice decides.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The title of every activity.
    pub title: String,
    /// What is told besides the least.
    pub tell: BTreeSet<Tell>,
    /// Whether the name of the place is told.
    pub place: bool,
    /// Statuses that mean something else than usual, in lower case.
    pub statuses: BTreeMap<String, Outcome>,
    /// Visits that began longer ago get no activity any more; those they have are kept up.
    pub back: Duration,
    /// Visits that begin later get none yet.
    pub forward: Duration,
    /// The practice's time zone.
    pub zone: TimeZone,
}

/// What a CRM should show of one patient's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Our key.
    pub key: String,
    /// Appointment id.
    pub appointment: String,
    /// Patient id.
    pub patient: String,
    /// What should be told.
    pub activity: Activity,
    /// An activity may be made: the visit lies in the window, and Halaxy still has it.
    pub due: bool,
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

impl Rules {
    /// Whether a visit that begins then (seconds since 1970) gets an activity at this moment.
    pub fn covers(&self, start: i64, now: Time) -> bool {
        let at = start.saturating_mul(1_000_000);
        at >= now.saturating_sub(micros(self.back)) && at <= now.saturating_add(micros(self.forward))
    }

    /// When a visit that begins then comes into the window, if it is still ahead of it.
    pub fn due_at(&self, start: i64, now: Time) -> Option<Time> {
        let at = start.saturating_mul(1_000_000).saturating_sub(micros(self.forward));
        (at > now).then_some(at)
    }

    /// What a CRM should show of a visit: an activity for each patient, alone. `gone`: Halaxy has it no more.
    pub fn wanted(&self, visit: &Visit, gone: bool, around: &Around, now: Time) -> Vec<Wanted> {
        let due = !gone && self.covers(visit.start, now);
        let alone = visit.patients.len() == 1;
        let mut more = Vec::new();
        let mut add = |tell: Tell, name: &str, text: Option<&str>| {
            if let Some(text) = text.filter(|_| self.tell.contains(&tell)) {
                more.push((name.to_owned(), without_links(text)));
            }
        };
        add(Tell::Practitioner, "With", around.practitioner(visit));
        add(Tell::Service, "Type", around.service(visit));
        add(Tell::Comment, "Comment", visit.comment.as_deref().filter(|_| alone));
        let place = around.place(visit).filter(|_| self.place).map(str::to_owned);
        visit
            .patients
            .iter()
            .map(|part| {
                let activity = Activity {
                    title: self.title.clone(),
                    start: visit.start,
                    end: visit.end,
                    outcome: outcome(&part.status, &self.statuses),
                    status: without_links(&part.status),
                    mode: around.mode(visit),
                    place: place.clone(),
                    more: more.clone(),
                };
                Wanted {
                    key: key(&visit.id, &part.patient),
                    appointment: visit.id.clone(),
                    patient: part.patient.clone(),
                    activity: if gone { activity.removed() } else { activity },
                    due,
                }
            })
            .collect()
    }
}
