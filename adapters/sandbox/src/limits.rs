//! A sliding window over the calls of one client.

use std::collections::VecDeque;

/// Counts calls in the last `span` microseconds and refuses those over the limit.
#[derive(Debug, Default)]
pub(crate) struct SlidingWindow {
    taken: VecDeque<i64>,
}

/// What the window said of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Whether the call may go on.
    pub allowed: bool,
    /// How many calls are left in the window after this one.
    pub remaining: usize,
    /// Microseconds until the oldest call leaves the window, if the call was refused.
    pub free_in: i64,
}

impl SlidingWindow {
    /// Takes one call at `now`. A refused call does not count.
    pub fn take(&mut self, now: i64, limit: usize, span: i64) -> Spent {
        while self.taken.front().is_some_and(|at| *at <= now - span) {
            self.taken.pop_front();
        }
        if self.taken.len() >= limit {
            let oldest = self.taken.front().copied().unwrap_or(now);
            return Spent {
                allowed: false,
                remaining: 0,
                free_in: oldest + span - now,
            };
        }
        self.taken.push_back(now);
        Spent {
            allowed: true,
            remaining: limit - self.taken.len(),
            free_in: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SlidingWindow;

    #[test]
    fn the_window_slides() {
        let mut window = SlidingWindow::default();
        assert_eq!(window.take(0, 2, 100).remaining, 1);
        assert!(window.take(60, 2, 100).allowed);
        let refused = window.take(70, 2, 100);
        assert!(!refused.allowed);
        assert_eq!(refused.free_in, 30);
        assert!(window.take(100, 2, 100).allowed);
        assert!(!window.take(159, 2, 100).allowed);
        assert!(window.take(160, 2, 100).allowed);
    }
}
