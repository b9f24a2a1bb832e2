//! Moments as people write and read them, in the practice's time zone. A wall time that a clock change leaves out or
//! repeats is never guessed: both readings are told.

use crate::Time;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// Why a text is no moment in the practice's time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhenProblem {
    /// Not written as a date with a time.
    #[error(
        "is no moment; write it like 2026-03-04T09:00, on the practice's clock, or with an offset: 2026-03-04T09:00+11:00"
    )]
    Unreadable,
    /// Clocks are put forward over it.
    #[error("does not exist in {zone}: clocks are put forward over {wall} then; write {earlier} or {later}")]
    LeftOut {
        /// The practice's zone.
        zone: String,
        /// The wall time.
        wall: String,
        /// Read by the offset that holds after the change.
        earlier: String,
        /// Read by the offset that held before it.
        later: String,
    },
    /// Clocks are put back over it.
    #[error("comes twice in {zone}: clocks are put back over {wall} then; write {first} or {second}")]
    Repeated {
        /// The practice's zone.
        zone: String,
        /// The wall time.
        wall: String,
        /// The earlier moment.
        first: String,
        /// The later moment.
        second: String,
    },
    /// Not written as a date.
    #[error("is no day; write it like 2026-03-04")]
    NoDay,
}

/// The moment a text names: with an offset (or `Z`) as it says, else on the clock of the practice.
///
/// # Errors
/// [`WhenProblem`]; of a wall time that is left out or repeated with both readings.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Time, WhenProblem> {
    let text = text.trim();
    // A zone in brackets may contradict its offset, and a day alone is no moment.
    if text.contains('[') || !text.contains(':') {
        return Err(WhenProblem::Unreadable);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_microsecond());
    }
    let wall: DateTime = text.parse().map_err(|_| WhenProblem::Unreadable)?;
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    let at = |offset: jiff::tz::Offset| offset.to_timestamp(wall).map(Timestamp::as_microsecond);
    let read = |offset| at(offset).map(|at| spelt(at, zone)).unwrap_or_default();
    let (zone_name, wall_text) = (name(zone), wall.strftime("%H:%M").to_string());
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => at(offset).map_err(|_| WhenProblem::Unreadable),
        AmbiguousOffset::Gap { before, after } => Err(WhenProblem::LeftOut {
            zone: zone_name,
            wall: wall_text,
            earlier: read(after),
            later: read(before),
        }),
        AmbiguousOffset::Fold { before, after } => Err(WhenProblem::Repeated {
            zone: zone_name,
            wall: wall_text,
            first: read(before),
            second: read(after),
        }),
    }
}

/// When a day of the practice begins and when the next one does: 23, 24 or 25 hours later.
///
/// # Errors
/// [`WhenProblem::NoDay`].
pub fn day(text: &str, zone: &TimeZone) -> Result<(Time, Time), WhenProblem> {
    let date: Date = text.trim().parse().map_err(|_| WhenProblem::NoDay)?;
    let begins = |date: Date| {
        let start = zone.to_zoned(date.at(0, 0, 0, 0));
        let start = start.and_then(|at| at.start_of_day());
        start
            .map(|at| at.timestamp().as_microsecond())
            .map_err(|_| WhenProblem::NoDay)
    };
    let next = date.checked_add(1.day()).map_err(|_| WhenProblem::NoDay)?;
    Ok((begins(date)?, begins(next)?))
}

/// A moment as programs write it: date, time and the practice's offset then, e.g. `2026-03-04T09:00:00+11:00`.
pub fn spelt(at: Time, zone: &TimeZone) -> String {
    local(at, zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A moment as people read it, with the offset that tells repeated hours apart: `Wed 4 Mar 2026 09:00 (+11:00)`.
pub fn read(at: Time, zone: &TimeZone) -> String {
    local(at, zone).strftime("%a %-d %b %Y %H:%M (%:z)").to_string()
}

fn local(at: Time, zone: &TimeZone) -> jiff::Zoned {
    let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(zone.clone())
}

fn name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("the practice's time zone").to_string()
}
