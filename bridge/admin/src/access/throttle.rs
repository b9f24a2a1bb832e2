//! Delays that grow with wrong attempts, for each sign-in name and each address that attempts come from. A name that
//! nobody has is delayed like any other, so that a delay tells nothing. Here is what a process knows by itself; what all
//! processes of a practice count together stands in the store (`shared`).

use super::{HOUR, MINUTE, SECOND};
use bridge_core::Time;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The first delay, doubled with each further attempt.
const FIRST: Time = 15 * SECOND;
/// The longest.
const LONGEST: Time = 15 * MINUTE;
/// After so long without an attempt all is forgotten.
const MEMORY: Time = 24 * HOUR;
/// Wrong attempts without a delay, for a name.
pub(super) const OF_NAME: u32 = 5;
/// Wrong attempts without a delay, for an address: a practice has many people behind one.
pub(super) const OF_ADDRESS: u32 = 20;
/// Names and addresses remembered at once.
pub(super) const ROOM: usize = 20_000;

/// Wrong attempts at one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    count: u32,
    last: Time,
    noted: Time,
}

impl Wrong {
    /// From when on it may be tried again, if that is not now.
    pub fn until(&self, free: u32, now: Time) -> Option<Time> {
        let over = self.count.checked_sub(free)?;
        let delay = FIRST.saturating_mul(1 << over.min(20)).min(LONGEST);
        Some(self.last + delay).filter(|until| *until > now)
    }

    /// After one more.
    #[must_use]
    pub fn again(self, now: Time) -> Wrong {
        let before = if now - self.last > MEMORY { 0 } else { self.count };
        Wrong {
            count: before.saturating_add(1),
            last: now,
            noted: self.noted,
        }
    }

    /// After one of them turned out to be right.
    #[must_use]
    pub fn less(self) -> Wrong {
        Wrong {
            count: self.count.saturating_sub(1),
            ..self
        }
    }

    /// When the last was.
    pub fn last(&self) -> Time {
        self.last
    }

    /// Whether it may be forgotten.
    pub fn old(&self, now: Time) -> bool {
        now - self.last > MEMORY
    }
}

/// Attempts of everybody.
#[derive(Default)]
pub struct Throttle {
    of: Mutex<HashMap<(bool, String), Wrong>>,
}

impl Throttle {
    /// Counts an attempt as a wrong one, before it is tried: many at once are no way around the delay.
    ///
    /// # Errors
    /// From when on it may be tried again; then nothing is counted.
    pub fn attempt(&self, name: &str, address: &str, now: Time) -> Result<(), Time> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = [
            ((true, name.to_string()), OF_NAME),
            ((false, address.to_string()), OF_ADDRESS),
        ];
        for (key, free) in &keys {
            if let Some(until) = of.get(key).and_then(|wrong| wrong.until(*free, now)) {
                return Err(until);
            }
        }
        if of.len() >= ROOM {
            let mut ages: Vec<Time> = of.values().map(|wrong| wrong.last).collect();
            ages.sort_unstable();
            let middle = ages[ages.len() / 2];
            of.retain(|_, wrong| wrong.last > middle);
        }
        for (key, _) in keys {
            let wrong = of.entry(key).or_default();
            *wrong = wrong.again(now);
        }
        Ok(())
    }

    /// Whether the delays of a name are to be noted in the history: once in `every` at most, and only if it has any.
    pub fn to_note(&self, name: &str, now: Time, every: Time) -> bool {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = of.get_mut(&(true, name.to_string()));
        let Some(wrong) = wrong.filter(|wrong| wrong.noted == 0 || now - wrong.noted >= every) else {
            return false;
        };
        wrong.noted = now;
        true
    }

    /// It was right: the name starts anew, and the address has one wrong attempt less.
    pub fn right(&self, name: &str, address: &str) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.remove(&(true, name.to_string()));
        if let Some(wrong) = of.get_mut(&(false, address.to_string())) {
            *wrong = wrong.less();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_and_end_at_a_quarter_of_an_hour() {
        let (throttle, mut now) = (Throttle::default(), HOUR);
        let mut delays = vec![];
        for attempt in 0..14 {
            if let Err(until) = throttle.attempt("dana", &format!("10.0.0.{attempt}"), now) {
                delays.push((until - now) / SECOND);
                now = until;
                throttle.attempt("dana", "10.0.0.1", now).unwrap_or_default();
            }
        }
        assert_eq!(delays, [15, 30, 60, 120, 240, 480, 900, 900, 900]);
        // Another name is not delayed, and the right password ends it.
        assert!(throttle.attempt("kim", "10.0.0.2", now).is_ok());
        throttle.right("dana", "10.0.0.1");
        assert!(throttle.attempt("dana", "10.0.0.3", now).is_ok());
    }

    #[test]
    fn one_address_cannot_try_everybody() {
        let throttle = Throttle::default();
        let tried = (0..100)
            .filter(|n| throttle.attempt(&format!("u{n}"), "10.0.0.9", 0).is_ok())
            .count();
        assert_eq!(tried, OF_ADDRESS as usize);
    }

    #[test]
    fn a_day_without_attempts_is_forgotten() {
        let wrong = (0..10).fold(Wrong::default(), |wrong, n| wrong.again(n));
        assert!(wrong.until(OF_NAME, 20).is_some());
        assert_eq!(wrong.again(MEMORY + HOUR).until(OF_NAME, MEMORY + HOUR), None);
    }
}
