//! When what is left will be done, from the pace of the last hour and the calls that a day allows.

use super::{Budget, DAY};
use bridge_core::Time;
use serde::Serialize;

const MINUTE: Time = 60_000_000;
/// Nothing is said of what would take longer.
const DAYS: i64 = 366;

/// What is left for one system, and what it goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Writes that wait to be sent.
    pub writes: u64,
    /// Calls that they cost, guards included.
    pub calls: u64,
    /// Writes a minute, as measured while there was something to write; none if nothing was measured.
    pub pace: Option<f64>,
    /// The calls of a day, where there is a limit.
    pub budget: Option<Budget>,
}

/// When it will be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// The moment, microseconds.
    pub ends: Time,
    /// The calls of a day hold it up, and not the pace.
    pub by_budget: bool,
}

/// When a load will be done; none if nothing was measured and no limit says at least how long, or never in a year.
/// Reads beside the writes are taken to go on as they did today.
pub fn forecast(load: &Load, now: Time) -> Option<Forecast> {
    if load.writes == 0 {
        return None;
    }
    let per_write = load.calls as f64 / load.writes as f64;
    let mut left = load.writes as f64;
    let (mut at, mut by_budget) = (now, false);
    for _ in 0..DAYS {
        let midnight = at - at.rem_euclid(DAY) + DAY;
        let minutes = (midnight - at) as f64 / MINUTE as f64;
        let by_pace = load.pace.map_or(f64::INFINITY, |pace| pace * minutes);
        let by_calls = match load.budget {
            Some(of) if per_write > 0.0 => {
                of.limit.saturating_sub(if at == now { of.used } else { 0 }) as f64 / per_write
            }
            _ => f64::INFINITY,
        };
        if left <= by_pace && left <= by_calls {
            // Without a pace only the day is known: its end is what can be promised.
            let needs = match load.pace {
                Some(pace) if pace > 0.0 => left / pace,
                Some(_) => return None,
                None if load.budget.is_some() => minutes,
                None => return None,
            };
            let ends = at + (needs * MINUTE as f64) as Time;
            return Some(Forecast { ends, by_budget });
        }
        by_budget |= by_calls < by_pace;
        left -= by_pace.min(by_calls);
        at = midnight;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = 20_000 * DAY + DAY / 2;

    fn load(writes: u64, pace: Option<f64>, budget: Option<(u64, u64)>) -> Load {
        let budget = budget.map(|(limit, used)| Budget {
            limit,
            used,
            forecast: used,
        });
        Load {
            writes,
            calls: writes * 2,
            pace,
            budget,
        }
    }

    #[test]
    fn the_pace_says_when_if_calls_are_enough() {
        let ends = |load| forecast(&load, NOON).map(|f| ((f.ends - NOON) / MINUTE, f.by_budget));
        assert_eq!(ends(load(600, Some(10.0), None)), Some((60, false)));
        assert_eq!(ends(load(600, Some(10.0), Some((5_000, 0)))), Some((60, false)));
        assert_eq!(ends(load(0, Some(10.0), None)), None);
        assert_eq!(ends(load(600, Some(0.0), None)), None, "never, as it goes");
        assert_eq!(ends(load(600, None, None)), None);
    }

    #[test]
    fn the_calls_of_a_day_say_when_if_they_are_not() {
        // 500 today, 500 tomorrow, and the last hundred in ten minutes of the day after.
        let found = forecast(&load(1_100, Some(10.0), Some((1_000, 0))), NOON);
        let ends = NOON + DAY / 2 + DAY + 10 * MINUTE;
        assert_eq!(found, Some(Forecast { ends, by_budget: true }));
        let found = forecast(&load(400, None, Some((1_000, 100))), NOON);
        assert_eq!(found.map(|f| f.ends), Some(NOON + DAY / 2), "some time today");
        assert_eq!(forecast(&load(1_100, Some(10.0), Some((0, 0))), NOON), None);
    }
}
