//! Calls allowed in a minute and a day. The windows are fixed, and start where this organisation's happen to
//! (vendor-apis.md section 7, "Limits").

use super::switches::BooksSwitches;
use crate::answer::Answer;
use crate::clock::SECOND;

const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 86_400 * SECOND;
/// Over all organisations of an app.
const APP_MINUTE: u64 = 10_000;

/// One fixed window.
#[derive(Debug, Clone, Copy)]
struct Window {
    span: i64,
    /// Where in the span it starts.
    offset: i64,
    number: i64,
    taken: u64,
}

impl Window {
    fn turn(&mut self, now: i64) {
        let number = (now - self.offset).div_euclid(self.span);
        if number != self.number {
            self.number = number;
            self.taken = 0;
        }
    }

    /// Whole seconds until it starts anew.
    fn wait(&self, now: i64) -> i64 {
        let left = self.span - (now - self.offset).rem_euclid(self.span);
        (left + SECOND - 1) / SECOND
    }
}

/// The calls taken.
#[derive(Debug)]
pub(super) struct Quota {
    minute: Window,
    day: Window,
}

impl Quota {
    /// Windows that start at some point of the minute and the day, both between 0 and 1.
    pub fn new(minute: f64, day: f64) -> Self {
        let window = |span: i64, part: f64| Window {
            span,
            offset: (span as f64 * part) as i64,
            number: 0,
            taken: 0,
        };
        Self {
            minute: window(MINUTE, minute),
            day: window(DAY, day),
        }
    }

    /// Takes one call, or refuses it. A refused call does not count.
    pub fn take(&mut self, now: i64, under_way: usize, switches: &BooksSwitches) -> Result<(), Box<Answer>> {
        self.minute.turn(now);
        self.day.turn(now);
        let (problem, wait) = if under_way > switches.concurrent {
            ("concurrent", None)
        } else if self.day.taken >= switches.requests_per_day {
            ("day", Some(self.day.wait(now)))
        } else if self.minute.taken >= switches.requests_per_minute {
            ("minute", Some(self.minute.wait(now)))
        } else {
            self.minute.taken += 1;
            self.day.taken += 1;
            return Ok(());
        };
        // Too many at once is told without a wait.
        let refusal = Answer::empty(429).with("x-rate-limit-problem", problem);
        Err(Box::new(match wait {
            Some(seconds) => refusal.with("retry-after", seconds),
            None => refusal,
        }))
    }

    /// What is left, as every answer tells it.
    pub fn headers(&self, switches: &BooksSwitches) -> Vec<(&'static str, String)> {
        let left = |limit: u64, taken: u64| limit.saturating_sub(taken).to_string();
        vec![
            (
                "x-minlimit-remaining",
                left(switches.requests_per_minute, self.minute.taken),
            ),
            ("x-daylimit-remaining", left(switches.requests_per_day, self.day.taken)),
            ("x-appminlimit-remaining", left(APP_MINUTE, self.minute.taken)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_fixed_and_tell_when_they_start_anew() {
        let switches = BooksSwitches {
            requests_per_minute: 2,
            requests_per_day: 3,
            concurrent: 5,
            ..BooksSwitches::default()
        };
        let mut quota = Quota::new(0.5, 0.0);
        let at = |second: i64| second * SECOND;
        assert!(quota.take(at(10), 1, &switches).is_ok());
        assert!(quota.take(at(20), 1, &switches).is_ok());
        let refused = quota.take(at(21), 1, &switches).unwrap_err();
        assert_eq!(refused.status, 429);
        assert_eq!(
            refused.headers,
            [
                ("x-rate-limit-problem", "minute".to_owned()),
                ("retry-after", "9".to_owned())
            ]
        );
        assert!(quota.take(at(30), 1, &switches).is_ok());
        let refused = quota.take(at(31), 1, &switches).unwrap_err();
        assert_eq!(refused.headers[0].1, "day");
        assert_eq!(refused.headers[1].1, (86_400 - 31).to_string());
        let refused = quota.take(at(90_000), 6, &switches).unwrap_err();
        assert_eq!(refused.headers, [("x-rate-limit-problem", "concurrent".to_owned())]);
    }
}
