//! Day budgets: how many calls a day an account has, and who may spend the last of them.

use crate::call::Priority;
use async_trait::async_trait;
use bridge_core::Time;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts an account's calls of the day. The owner decides where the count is kept and when the
/// vendor's day begins.
#[async_trait]
pub trait DayBudget: Send + Sync {
    /// Takes one call.
    ///
    /// # Errors
    /// The wait until there are calls again, if none is left for this priority.
    async fn take(&self, now: Time, priority: Priority) -> Result<(), Duration>;

    /// The product told how many calls are left today.
    async fn told(&self, now: Time, remaining: u64);

    /// How much of the day is used, for watchers; `None` if the count is kept elsewhere.
    fn state(&self, now: Time) -> Option<DayUse> {
        let _ = now;
        None
    }
}

/// An account's calls of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayUse {
    /// Calls the account has a day.
    pub limit: u64,
    /// Calls used today, by whomever, as far as known.
    pub used: u64,
}

/// A day budget kept in memory: a day is 24 hours from midnight UTC.
#[derive(Debug)]
pub struct MemoryDayBudget {
    calls: u64,
    reserved: u64,
    spent: Mutex<(i64, u64)>,
}

const DAY: Time = 86_400_000_000;

impl MemoryDayBudget {
    /// So many calls a day, of which so many are kept for [`Priority::Interactive`].
    pub fn new(calls: u64, reserved: u64) -> MemoryDayBudget {
        MemoryDayBudget {
            calls,
            reserved: reserved.min(calls),
            spent: Mutex::new((0, 0)),
        }
    }

    fn on_day<T>(&self, now: Time, act: impl FnOnce(&mut u64) -> T) -> T {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let day = now.div_euclid(DAY);
        if spent.0 != day {
            *spent = (day, 0);
        }
        act(&mut spent.1)
    }
}

#[async_trait]
impl DayBudget for MemoryDayBudget {
    async fn take(&self, now: Time, priority: Priority) -> Result<(), Duration> {
        let open = match priority {
            Priority::Interactive => self.calls,
            Priority::Live | Priority::Bulk => self.calls - self.reserved,
        };
        self.on_day(now, |spent| {
            if *spent >= open {
                let left = DAY - now.rem_euclid(DAY);
                return Err(Duration::from_micros(left.unsigned_abs()).max(Duration::from_secs(1)));
            }
            *spent += 1;
            Ok(())
        })
    }

    async fn told(&self, now: Time, remaining: u64) {
        self.on_day(now, |spent| *spent = (*spent).max(self.calls.saturating_sub(remaining)));
    }

    fn state(&self, now: Time) -> Option<DayUse> {
        Some(DayUse {
            limit: self.calls,
            used: self.on_day(now, |spent| *spent),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::micros;

    #[tokio::test]
    async fn the_last_calls_are_kept_for_people_and_a_new_day_begins_afresh() {
        let budget = MemoryDayBudget::new(3, 1);
        let noon = DAY * 10 + DAY / 2;
        assert!(budget.take(noon, Priority::Bulk).await.is_ok());
        assert!(budget.take(noon, Priority::Live).await.is_ok());
        assert_eq!(
            budget.take(noon, Priority::Live).await,
            Err(Duration::from_secs(43_200))
        );
        assert!(budget.take(noon, Priority::Interactive).await.is_ok());
        assert!(budget.take(noon, Priority::Interactive).await.is_err());
        assert_eq!(budget.state(noon), Some(DayUse { limit: 3, used: 3 }));
        let tomorrow = noon + micros(Duration::from_secs(43_200));
        assert!(budget.take(tomorrow, Priority::Bulk).await.is_ok());
        budget.told(tomorrow, 1).await;
        assert!(
            budget.take(tomorrow, Priority::Bulk).await.is_err(),
            "others have used the account too"
        );
    }
}
