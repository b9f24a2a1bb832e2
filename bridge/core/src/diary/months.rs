//! Months of the last and the next visit, as the practice's calendar names them: enough for a reminder list, and no more.

use super::status::Outcome;
use crate::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The months, as `2026-03`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Months {
    /// Of the last visit that took place; a booked one whose time is over counts, since Halaxy turns it into an attended
    /// one by itself.
    pub last: Option<String>,
    /// Of the next one that is still to take place.
    pub next: Option<String>,
}

/// The months of one patient's visits, each given as start and end (seconds since 1970) and outcome.
pub fn months(visits: impl IntoIterator<Item = (i64, i64, Outcome)>, now: Time, zone: &TimeZone) -> Months {
    let visits = visits
        .into_iter()
        .map(|(start, end, outcome)| (start, end, outcome, ()));
    let (last, next) = last_and_next(visits, now);
    let month = |(at, ()): (i64, ())| {
        let zoned = Timestamp::from_second(at).ok()?.to_zoned(zone.clone());
        Some(zoned.strftime("%Y-%m").to_string())
    };
    Months {
        last: last.and_then(month),
        next: next.and_then(month),
    }
}

/// A visit by its start, with what goes with it.
pub(crate) type Begun<T> = Option<(i64, T)>;

/// Of visits, each given as start and end (seconds since 1970), outcome and what goes with it: the last one that took place,
/// and the next that is still to, with their starts.
pub(crate) fn last_and_next<T>(
    visits: impl IntoIterator<Item = (i64, i64, Outcome, T)>,
    now: Time,
) -> (Begun<T>, Begun<T>) {
    let now = now.div_euclid(1_000_000);
    let (mut last, mut next): (Begun<T>, Begun<T>) = (None, None);
    for (start, end, outcome, with) in visits {
        let over = match outcome {
            Outcome::Completed => start <= now,
            Outcome::Scheduled => end <= now,
            Outcome::Cancelled | Outcome::NoShow => continue,
        };
        if over {
            if last.as_ref().is_none_or(|(at, _)| start > *at) {
                last = Some((start, with));
            }
        } else if outcome == Outcome::Scheduled && next.as_ref().is_none_or(|(at, _)| start < *at) {
            next = Some((start, with));
        }
    }
    (last, next)
}
