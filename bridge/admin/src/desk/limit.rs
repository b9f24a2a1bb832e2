//! How often somebody may search: whoever can ask can try names one by one.

use bridge_core::Time;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Searches that may come at once.
const BURST: i64 = 30;
/// One more every so often, microseconds.
const EVERY: Time = 1_000_000;

/// When each caller's allowance is whole again.
#[derive(Default)]
pub(crate) struct Limit(Mutex<HashMap<String, Time>>);

impl Limit {
    /// Takes one from a caller's allowance.
    ///
    /// # Errors
    /// Seconds until there is one.
    pub fn take(&self, caller: &str, now: Time) -> Result<(), u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, whole| *whole > now);
        let whole = all.get(caller).copied().unwrap_or(now).max(now) + EVERY;
        let over = whole - now - BURST * EVERY;
        if over > 0 {
            return Err(u64::try_from(over / 1_000_000).unwrap_or(0) + 1);
        }
        all.insert(caller.into(), whole);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_a_burst_and_then_one_a_second() {
        let limit = Limit::default();
        let taken = (0..100).filter(|_| limit.take("rose", 0).is_ok()).count();
        assert_eq!(taken as i64, BURST);
        assert!(limit.take("sam", 0).is_ok(), "others are not held up");
        assert_eq!(limit.take("rose", 0), Err(2));
        assert!(limit.take("rose", EVERY).is_ok());
        assert!(limit.take("rose", EVERY).is_err());
    }
}
