//! How long somebody stays signed in.

use super::user::User;
use super::{HOUR, MINUTE};
use bridge_core::Time;
use serde::{Deserialize, Serialize};

/// A session ends after so long without a request.
pub const IDLE: Time = 45 * MINUTE;
/// A session ends after so long in any case.
pub const LONGEST: Time = 12 * HOUR;
/// The code must follow the password within this.
pub const HALF: Time = 5 * MINUTE;
/// Clocks of processes may differ by this. What began later than that from now began by a clock that was wrong.
const SKEW: Time = 5 * MINUTE;
/// Requests are noted no more often than this.
const NOTED: Time = MINUTE;

/// How far a sign-in got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The password was right; the code is still to come.
    Half,
    /// Signed in.
    Full,
}

/// What is kept of a session, under the digest of what the browser holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub user: String,
    /// The user's number when it began.
    pub epoch: u64,
    /// How far it got.
    pub stage: Stage,
    /// When it began.
    pub begun: Time,
    /// When it was last used, to the minute.
    pub seen: Time,
    /// What forms must carry, so that no other page can send them.
    pub form: String,
}

impl Session {
    /// Whether time alone has ended it.
    pub fn over(&self, now: Time) -> bool {
        let longest = match self.stage {
            Stage::Half => HALF,
            Stage::Full => LONGEST,
        };
        now - self.begun > longest || now - self.seen > IDLE || self.begun.max(self.seen) - now > SKEW
    }

    /// Whether it is that person's and still good.
    pub fn stands(&self, user: &User, now: Time) -> bool {
        self.user == user.id && self.epoch == user.epoch && user.active() && !self.over(now)
    }

    /// Whether its use is to be noted.
    pub fn to_note(&self, now: Time) -> bool {
        now - self.seen >= NOTED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(stage: Stage) -> Session {
        Session {
            user: "u1".into(),
            epoch: 0,
            stage,
            begun: 0,
            seen: 0,
            form: String::new(),
        }
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_in_any_case() {
        let mut full = session(Stage::Full);
        assert!(!full.over(IDLE));
        assert!(full.over(IDLE + 1));
        full.seen = LONGEST;
        assert!(!full.over(LONGEST));
        assert!(full.over(LONGEST + 1));
        assert!(session(Stage::Half).over(HALF + 1));
        // Begun or used by a clock that was ahead.
        (full.begun, full.seen) = (SKEW, SKEW);
        assert!(!full.over(0));
        full.seen += 1;
        assert!(full.over(0));
        (full.begun, full.seen) = (0, LONGEST);
        assert!(full.to_note(LONGEST + MINUTE) && !full.to_note(LONGEST + 1));
    }
}
