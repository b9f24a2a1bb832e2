//! One person who uses the app.

use super::bound::Bound;
use super::role::Role;
use super::totp::Secret;
use bridge_core::Time;
use serde::{Deserialize, Serialize};

/// Somebody who may sign in, as kept in the store, sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Short and random.
    pub id: String,
    /// As shown to others and in the history.
    pub name: String,
    /// What is signed in with; lower case.
    pub email: String,
    /// What the person may do.
    pub role: Role,
    /// What is kept of the password.
    pub password: String,
    /// What the authenticator app shares with us.
    pub second: Secret,
    /// The last step of it that was used.
    pub step: i64,
    /// What is kept of the recovery codes that are left.
    pub recovery: Vec<String>,
    /// Sessions begun under another number are over.
    pub epoch: u64,
    /// Since when the person is here.
    pub since: Time,
    /// When the person last signed in.
    pub signed_in: Option<Time>,
    /// Since when the person may not sign in any more.
    pub ended: Option<Time>,
    /// Who the person is at the identity provider, for whoever comes in by it.
    #[serde(default)]
    pub linked: Option<Linked>,
    /// What the person is bound to, unless everybody may be seen.
    #[serde(default)]
    pub bound: Option<Bound>,
}

/// Somebody as an identity provider knows them: the two together are never given to anybody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// The provider.
    pub issuer: String,
    /// The person there.
    pub subject: String,
}

impl User {
    /// Whether the person may sign in.
    pub fn active(&self) -> bool {
        self.ended.is_none()
    }

    /// What the person is bound to. Administrators never are: they could let go of it themselves.
    pub fn bound(&self) -> Option<&Bound> {
        self.bound.as_ref().filter(|_| self.role != Role::Admin)
    }

    /// Ends every session there is.
    pub fn out_everywhere(&mut self) {
        self.epoch += 1;
    }

    /// Takes a code of the app, or one of the recovery codes: each counts once.
    pub fn takes(&mut self, typed: &str, now: Time) -> bool {
        if let Some(step) = self.second.step_of(typed, now, self.step) {
            self.step = step;
            return true;
        }
        let digest = super::recovery::digest(typed);
        let before = self.recovery.len();
        self.recovery.retain(|kept| !super::chance::same(kept, &digest));
        self.recovery.len() < before
    }
}

/// Whether somebody other than `id` is left who may manage people.
pub fn another_admin(users: &[User], id: &str) -> bool {
    users
        .iter()
        .any(|user| user.id != id && user.active() && user.role == Role::Admin)
}
