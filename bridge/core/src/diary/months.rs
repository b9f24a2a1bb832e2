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
    let now = now.div_euclid(1_000_000);
    let (mut last, mut next) = (None::<i64>, None::<i64>);
    for (start, end, outcome) in visits {
        let over = match outcome {
            Outcome::Completed => start <= now,
            Outcome::Scheduled => end <= now,
            Outcome::Cancelled | Outcome::NoShow => continue,
        };
        if over {
            last = last.max(Some(start));
        } else if outcome == Outcome::Scheduled {
            next = Some(next.map_or(start, |at| at.min(start)));
        }
    }
    let month = |at: i64| {
        let zoned = Timestamp::from_second(at).ok()?.to_zoned(zone.clone());
        Some(zoned.strftime("%Y-%m").to_string())
    };
    Months {
        last: last.and_then(month),
        next: next.and_then(month),
    }
}
