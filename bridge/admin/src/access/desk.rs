//! People and links in the store. Every change reads what it rests on while it holds the store's one write
//! transaction, so that two at once cannot both count on the same.

use super::bound::Bound;
use super::chance::{self, Chance};
use super::invitation::{Invitation, Purpose};
use super::password::{self, Passwords};
use super::role::Role;
use super::session::{Session, Stage};
use super::throttle::Throttle;
use super::totp::Secret;
use super::user::{User, another_admin};
use super::{AccessError, address, name, recovery};
use adapter_kit::Clock;
use bridge_core::Time;
use bridge_store::{AuditEntry, Store, Tx};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Part of the store with people, by their id.
pub(super) const USER: &str = "access/user";
/// Part of the store with sessions, by the digest of what the browser holds.
pub(super) const SESSION: &str = "access/session";
/// Part of the store with links, by the digest of what stands in them.
pub(super) const INVITATION: &str = "access/invitation";

/// Who may use the app of one practice. Clones share everything.
#[derive(Clone)]
pub struct Access {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chance: Arc<dyn Chance>,
    pub(super) passwords: Passwords,
    pub(super) throttle: Arc<Throttle>,
}

/// Somebody whose browser holds a session that stands.
#[derive(Clone)]
pub struct Signed {
    /// Who.
    pub user: User,
    /// The session.
    pub session: Session,
    /// What it is kept under.
    pub(super) key: String,
}

/// Personal values that are about to be shown.
pub struct Viewed {
    /// Whose, where that is decided.
    pub entity: Option<String>,
    /// System and id of the record, where it is one record's.
    pub record: Option<(String, String)>,
    /// Which.
    pub units: Vec<String>,
}

/// Somebody who came in by a link.
pub struct Accepted {
    /// Codes for the drawer, shown this once.
    pub recovery: Vec<String>,
    /// What the browser is to hold: the person is signed in.
    pub session: SecretString,
}

/// What somebody typed who comes in by a link.
pub struct Joining {
    /// The name; only the first administrator gives one.
    pub name: String,
    /// The address to sign in with; only the first administrator gives one.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// The password again.
    pub again: SecretString,
    /// The code that the authenticator app shows.
    pub code: String,
}

impl Access {
    /// The people of a store. `throttle` is the process's own, whichever store is open.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        passwords: Passwords,
        throttle: Arc<Throttle>,
    ) -> Access {
        Access {
            store,
            clock,
            chance,
            passwords,
            throttle,
        }
    }

    /// Everybody who is or was here, by name.
    ///
    /// # Errors
    /// The store's.
    pub async fn users(&self) -> Result<Vec<User>, AccessError> {
        let mut users: Vec<User> = self.all(USER).await?;
        users.sort_by(|a, b| (a.ended, &a.name, &a.id).cmp(&(b.ended, &b.name, &b.id)));
        Ok(users)
    }

    /// Links that still work.
    ///
    /// # Errors
    /// The store's.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, AccessError> {
        let now = self.clock.now();
        let mut open: Vec<Invitation> = self.all(INVITATION).await?;
        open.retain(|invitation| invitation.works(now));
        open.sort_by_key(|invitation| invitation.until);
        Ok(open)
    }

    /// Whether nobody is an administrator yet.
    ///
    /// # Errors
    /// The store's.
    pub async fn unfounded(&self) -> Result<bool, AccessError> {
        Ok(!another_admin(&self.users().await?, ""))
    }

    /// Makes the link that the first administrator comes in by.
    ///
    /// # Errors
    /// [`AccessError::SetUp`] if there is an administrator.
    pub async fn found(&self, by: &str) -> Result<SecretString, AccessError> {
        let tx = self.store.begin().await?;
        if !self.unfounded().await? {
            return Err(AccessError::SetUp);
        }
        self.link(
            tx,
            Purpose::Found,
            by,
            "a link for the first administrator was made".into(),
        )
        .await
    }

    /// Makes a link for somebody new. Links for the same address that are still open stop working.
    ///
    /// # Errors
    /// [`AccessError::Taken`], [`AccessError::Typed`].
    pub async fn invite(&self, typed: (&str, &str), role: Role, by: &str) -> Result<SecretString, AccessError> {
        self.invite_to(typed, role, None, by).await
    }

    /// As [`Access::invite`], for somebody who is bound to some locations.
    ///
    /// # Errors
    /// As [`Access::invite`]; an administrator cannot be bound.
    pub async fn invite_to(
        &self,
        typed: (&str, &str),
        role: Role,
        bound: Option<Bound>,
        by: &str,
    ) -> Result<SecretString, AccessError> {
        may_be_bound(role, bound.as_ref())?;
        let (name, email) = (name(typed.0)?, address(typed.1)?);
        let mut tx = self.store.begin().await?;
        if self
            .users()
            .await?
            .iter()
            .any(|user| user.active() && user.email == email)
        {
            return Err(AccessError::Taken);
        }
        self.forget_links(
            &mut tx,
            |of| matches!(&of.purpose, Purpose::Join { email: other, .. } if *other == email),
        )
        .await?;
        let words = format!("{name} was invited as {}{}", role.key(), bound_to(bound.as_ref()));
        let purpose = Purpose::Join {
            name,
            email,
            role,
            bound,
        };
        self.link(tx, purpose, by, words).await
    }

    /// Makes a link by which somebody who is here gets a new password and a new second factor. Until it is used the old
    /// ones work.
    ///
    /// # Errors
    /// [`AccessError::Nobody`].
    pub async fn renew(&self, id: &str, by: &str) -> Result<SecretString, AccessError> {
        let mut tx = self.store.begin().await?;
        let user = self.active(id).await?;
        self.forget_links(
            &mut tx,
            |of| matches!(&of.purpose, Purpose::Renew { user } if user == id),
        )
        .await?;
        let words = format!("a link for {} to sign in anew was made", user.name);
        self.link(tx, Purpose::Renew { user: user.id }, by, words).await
    }

    /// What a link is for, and whose access it renews.
    ///
    /// # Errors
    /// [`AccessError::Link`] if it does not work.
    pub async fn invitation(&self, token: &str) -> Result<(Invitation, Option<User>), AccessError> {
        let invitation: Option<Invitation> = self.one(INVITATION, &chance::digest(token)).await?;
        let invitation = invitation
            .filter(|of| of.works(self.clock.now()))
            .ok_or(AccessError::Link)?;
        let user = match &invitation.purpose {
            Purpose::Renew { user } => Some(self.active(user).await.map_err(|_| AccessError::Link)?),
            Purpose::Found if !self.unfounded().await? => return Err(AccessError::Link),
            Purpose::Found | Purpose::Join { .. } => None,
        };
        Ok((invitation, user))
    }

    /// Lets somebody in by a link, once: makes or renews the person, and signs them in.
    ///
    /// # Errors
    /// [`AccessError::Link`], [`AccessError::Password`], [`AccessError::Wrong`] if the code is not the app's,
    /// [`AccessError::Typed`], [`AccessError::Taken`]; the link still works then, unless it did not before.
    pub async fn accept(&self, token: &str, joining: &Joining) -> Result<Accepted, AccessError> {
        let now = self.clock.now();
        let (invitation, renewed) = self.invitation(token).await?;
        let (name, email, role, bound) = match (&invitation.purpose, &renewed) {
            (
                Purpose::Join {
                    name,
                    email,
                    role,
                    bound,
                },
                _,
            ) => (name.clone(), email.clone(), *role, bound.clone()),
            (_, Some(user)) => (user.name.clone(), user.email.clone(), user.role, user.bound.clone()),
            (_, None) => (name(&joining.name)?, address(&joining.email)?, Role::Admin, None),
        };
        let typed = joining.password.expose_secret();
        password::taken(typed, &email, &name)?;
        if !chance::same(typed, joining.again.expose_secret()) {
            return Err(password::Weak::Differ.into());
        }
        let step = invitation
            .second
            .step_of(&joining.code, now, 0)
            .ok_or(AccessError::Wrong)?;
        let hash = self.passwords.hash(&joining.password, &*self.chance).await;
        let codes = recovery::codes(&*self.chance);

        let mut tx = self.store.begin().await?;
        // Somebody else may have used the link, or taken the address, while the password was computed.
        let (still, renewed) = self.invitation(token).await?;
        if still != invitation {
            return Err(AccessError::Link);
        }
        let here = self.users().await?;
        let id = renewed
            .as_ref()
            .map_or_else(|| chance::id(&*self.chance), |user| user.id.clone());
        if here
            .iter()
            .any(|user| user.active() && user.email == email && user.id != id)
        {
            return Err(AccessError::Taken);
        }
        let mut user = renewed.unwrap_or(User {
            id,
            name,
            email,
            role,
            password: String::new(),
            second: invitation.second.clone(),
            step: 0,
            recovery: vec![],
            epoch: 0,
            since: now,
            signed_in: None,
            ended: None,
            linked: None,
            bound,
        });
        user.password = hash;
        user.second = invitation.second;
        user.step = step;
        user.recovery = codes.iter().map(|code| recovery::digest(code)).collect();
        user.signed_in = Some(now);
        user.out_everywhere();
        tx.drop_ledger(INVITATION, &[chance::digest(token)]).await?;
        self.put(&mut tx, USER, &user.id, &user).await?;
        let session = self.open_session(&mut tx, &user, Stage::Full).await?;
        self.line(
            &mut tx,
            format!("{} came in by a link as {}", user.name, user.role.key()),
        )
        .await?;
        tx.commit().await?;
        Ok(Accepted {
            recovery: codes,
            session,
        })
    }

    /// Changes what somebody may do; their sessions end, and links they made as an administrator stop working.
    ///
    /// # Errors
    /// [`AccessError::LastAdmin`], [`AccessError::Nobody`].
    pub async fn set_role(&self, id: &str, role: Role, by: &str) -> Result<User, AccessError> {
        self.change(id, |user, others| {
            if user.role == Role::Admin && role != Role::Admin && !others {
                return Err(AccessError::LastAdmin);
            }
            let words = format!(
                "{} is {} now instead of {}, by {by}",
                user.name,
                role.key(),
                user.role.key()
            );
            user.role = role;
            user.out_everywhere();
            Ok(words)
        })
        .await
    }

    /// Binds somebody to some locations, or to none in particular; their sessions end.
    ///
    /// # Errors
    /// [`AccessError::Nobody`]; [`AccessError::Typed`] for an administrator.
    pub async fn bind(&self, id: &str, bound: Option<Bound>, by: &str) -> Result<User, AccessError> {
        self.change(id, |user, _| {
            may_be_bound(user.role, bound.as_ref())?;
            let words = match &bound {
                Some(bound) => format!("{} sees {} and nobody else now, by {by}", user.name, bound.words()),
                None => format!("{} sees every location now, by {by}", user.name),
            };
            user.bound = bound;
            user.out_everywhere();
            Ok(words)
        })
        .await
    }

    /// Ends somebody's access: sessions, and links they made.
    ///
    /// # Errors
    /// [`AccessError::LastAdmin`], [`AccessError::Nobody`].
    pub async fn end(&self, id: &str, by: &str) -> Result<User, AccessError> {
        let now = self.clock.now();
        self.change(id, |user, others| {
            if user.role == Role::Admin && !others {
                return Err(AccessError::LastAdmin);
            }
            user.ended = Some(now);
            user.out_everywhere();
            Ok(format!("the access of {} was ended by {by}", user.name))
        })
        .await
    }

    /// Ends all of somebody's sessions.
    ///
    /// # Errors
    /// [`AccessError::Nobody`].
    pub async fn out_everywhere(&self, id: &str, by: &str) -> Result<User, AccessError> {
        self.change(id, |user, _| {
            user.out_everywhere();
            Ok(format!("{} was signed out everywhere by {by}", user.name))
        })
        .await
    }

    /// Notes that personal values were shown to somebody, record by record.
    ///
    /// # Errors
    /// The store's; then they must not be shown.
    pub async fn viewed(&self, user: &User, what: &str, viewed: Vec<Viewed>) -> Result<(), AccessError> {
        if viewed.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let line = |of: Viewed| {
            let (system, remote_id) = of.record.unzip();
            AuditEntry {
                at: now,
                entity: of.entity,
                system,
                remote_id,
                event: "viewed".into(),
                units: of.units,
                reason: format!("{what}, to {}", user.name),
                ..AuditEntry::default()
            }
        };
        let lines: Vec<AuditEntry> = viewed.into_iter().map(line).collect();
        let mut tx = self.store.begin().await?;
        tx.append_audit(&lines).await?;
        Ok(tx.commit().await?)
    }

    /// Notes that somebody did something that is not about one person, such as taking a file along.
    ///
    /// # Errors
    /// The store's.
    pub async fn noted(&self, user: &User, what: String) -> Result<(), AccessError> {
        let mut tx = self.store.begin().await?;
        self.line(&mut tx, format!("{what}, by {}", user.name)).await?;
        Ok(tx.commit().await?)
    }

    /// Changes somebody; the closure is told whether another administrator is left, and gives the line of the history.
    pub(super) async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut User, bool) -> Result<String, AccessError>,
    ) -> Result<User, AccessError> {
        let mut tx = self.store.begin().await?;
        let users = self.users().await?;
        let mut user = self.active(id).await?;
        let words = change(&mut user, another_admin(&users, id))?;
        self.forget_links_by(&mut tx, &user).await?;
        self.put(&mut tx, USER, id, &user).await?;
        self.line(&mut tx, words).await?;
        tx.commit().await?;
        Ok(user)
    }

    pub(super) async fn active(&self, id: &str) -> Result<User, AccessError> {
        let user: Option<User> = self.one(USER, id).await?;
        user.filter(User::active).ok_or(AccessError::Nobody)
    }

    async fn link(&self, mut tx: Tx, purpose: Purpose, by: &str, words: String) -> Result<SecretString, AccessError> {
        let (token, now) = (chance::token(&*self.chance), self.clock.now());
        self.forget_links(&mut tx, |_| false).await?;
        let invitation = Invitation {
            until: now + purpose.life(),
            purpose,
            by: by.into(),
            second: Secret::new(&*self.chance),
        };
        self.put(&mut tx, INVITATION, &chance::digest(&token), &invitation)
            .await?;
        self.line(&mut tx, format!("{words}, by {by}")).await?;
        tx.commit().await?;
        Ok(token.into())
    }

    /// Has the links stop working that somebody made who may make none any more: by one of them they could come back, or
    /// come in as somebody else. Namesakes lose theirs too, since a link keeps a name.
    pub(super) async fn forget_links_by(&self, tx: &mut Tx, user: &User) -> Result<(), AccessError> {
        if user.active() && user.role == Role::Admin {
            return Ok(());
        }
        self.forget_links(tx, |of| of.by == user.name).await
    }

    /// Forgets links of that kind, and those whose time is over.
    async fn forget_links(&self, tx: &mut Tx, which: impl Fn(&Invitation) -> bool) -> Result<(), AccessError> {
        let now = self.clock.now();
        let rows: Vec<(String, Invitation)> = self.rows(INVITATION).await?;
        let gone = rows.into_iter().filter(|(_, of)| !of.works(now) || which(of));
        let gone: Vec<String> = gone.map(|(key, _)| key).collect();
        Ok(tx.drop_ledger(INVITATION, &gone).await?)
    }

    pub(super) async fn line(&self, tx: &mut Tx, words: String) -> Result<(), AccessError> {
        let line = AuditEntry {
            at: self.clock.now(),
            event: "access".into(),
            reason: words,
            ..AuditEntry::default()
        };
        Ok(tx.append_audit(&[line]).await?)
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(super) async fn put<T: Serialize>(
        &self,
        tx: &mut Tx,
        part: &'static str,
        key: &str,
        row: &T,
    ) -> Result<(), AccessError> {
        let body = serde_json::to_string(row).map_err(|_| AccessError::Damaged(part))?;
        Ok(tx.put_ledger(part, &[(key.to_string(), body)]).await?)
    }

    pub(super) async fn one<T: DeserializeOwned>(
        &self,
        part: &'static str,
        key: &str,
    ) -> Result<Option<T>, AccessError> {
        let row = self.store.ledger_row(part, key).await?;
        row.map(|body| serde_json::from_str(&body).map_err(|_| AccessError::Damaged(part)))
            .transpose()
    }

    pub(super) async fn rows<T: DeserializeOwned>(&self, part: &'static str) -> Result<Vec<(String, T)>, AccessError> {
        let mut rows = vec![];
        self.store.ledger(part, |key, body| rows.push((key, body))).await?;
        rows.into_iter()
            .map(|(key, body)| {
                Ok((
                    key,
                    serde_json::from_str(&body).map_err(|_| AccessError::Damaged(part))?,
                ))
            })
            .collect()
    }

    async fn all<T: DeserializeOwned>(&self, part: &'static str) -> Result<Vec<T>, AccessError> {
        Ok(self.rows(part).await?.into_iter().map(|(_, row)| row).collect())
    }
}

fn may_be_bound(role: Role, bound: Option<&Bound>) -> Result<(), AccessError> {
    match bound {
        Some(_) if role == Role::Admin => Err(AccessError::Typed(
            "an administrator is bound to no location: choose another role",
        )),
        _ => Ok(()),
    }
}

/// What the history adds for somebody who is bound.
pub(super) fn bound_to(bound: Option<&Bound>) -> String {
    bound.map_or_else(String::new, |bound| format!(", bound to {}", bound.words()))
}
