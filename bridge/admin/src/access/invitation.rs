//! Links that let somebody in once: the first administrator, somebody invited, somebody who lost their access.

use super::HOUR;
use super::bound::Bound;
use super::role::Role;
use super::totp::Secret;
use bridge_core::Time;
use serde::{Deserialize, Serialize};

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The first administrator.
    Found,
    /// Somebody new.
    Join {
        /// The name.
        name: String,
        /// The address that is signed in with.
        email: String,
        /// What the person may do.
        role: Role,
        /// What the person is bound to, unless everybody may be seen.
        #[serde(default)]
        bound: Option<Bound>,
    },
    /// A new password and a new second factor for somebody who is here.
    Renew {
        /// Whose.
        user: String,
    },
}

impl Purpose {
    /// How long the link works.
    pub fn life(&self) -> Time {
        match self {
            Purpose::Found => HOUR,
            Purpose::Join { .. } => 72 * HOUR,
            Purpose::Renew { .. } => 24 * HOUR,
        }
    }
}

/// What is kept of a link, under the digest of what stands in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// What it is for.
    pub purpose: Purpose,
    /// When it stops working.
    pub until: Time,
    /// Who made it.
    pub by: String,
    /// The second factor that will be the person's: the same however often the page is looked at.
    pub second: Secret,
}

impl Invitation {
    /// Whether it still works.
    pub fn works(&self, now: Time) -> bool {
        now <= self.until
    }
}
