//! Signing in and out. What the browser holds is new at every step, so that a session somebody planted
//! before is worth nothing after.

use super::chance;
use super::desk::{Access, SESSION, Signed, USER};
use super::password::{self, Weak};
use super::session::{Session, Stage};
use super::user::User;
use super::{AccessError, MINUTE, address};
use bridge_core::Time;
use bridge_store::Tx;
use secrecy::{ExposeSecret, SecretString};

/// Attempts that are noted in the history, once in so long at most: whoever guesses must not fill it.
const NOTED: Time = 15 * MINUTE;

impl Access {
    /// The first step: e-mail and password. What the browser is to hold until the second.
    ///
    /// # Errors
    /// [`AccessError::Wrong`], [`AccessError::TooMany`]. Neither tells whether there is such a person.
    pub async fn sign_in(&self, typed: &str, password: &SecretString, from: &str) -> Result<SecretString, AccessError> {
        let now = self.now();
        let email = address(typed).unwrap_or_default();
        self.attempt(&email, from).await?;
        let users = self.users().await?;
        let user = users.into_iter().find(|user| user.active() && user.email == email);
        let hash = user.as_ref().map(|user| user.password.clone());
        let right = self.passwords.matches(password, hash).await;
        let user = user.filter(|_| right).ok_or(AccessError::Wrong)?;
        let mut tx = self.store.begin().await?;
        let rows: Vec<(String, Session)> = self.rows(SESSION).await?;
        let over: Vec<String> = rows
            .into_iter()
            .filter(|(_, of)| of.over(now))
            .map(|(key, _)| key)
            .collect();
        tx.drop_ledger(SESSION, &over).await?;
        let session = self.open_session(&mut tx, &user, Stage::Half).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// The second step: a code of the app, or a recovery code. What the browser is to hold from now on.
    ///
    /// # Errors
    /// [`AccessError::Wrong`] for a code that is wrong or used, [`AccessError::TooMany`], and [`AccessError::Nobody`] if
    /// the first step is too long ago.
    pub async fn second(&self, half: &Signed, typed: &str, from: &str) -> Result<SecretString, AccessError> {
        self.attempt(&half.user.email, from).await?;
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let mut user = self.active(&half.user.id).await?;
        let session: Option<Session> = self.one(SESSION, &half.key).await?;
        if !session.is_some_and(|session| session.stands(&user, now)) {
            return Err(AccessError::Nobody);
        }
        if !user.takes(typed, now) {
            return Err(AccessError::Wrong);
        }
        user.signed_in = Some(now);
        self.put(&mut tx, USER, &user.id, &user).await?;
        tx.drop_ledger(SESSION, std::slice::from_ref(&half.key)).await?;
        let session = self.open_session(&mut tx, &user, Stage::Full).await?;
        self.line(&mut tx, format!("{} signed in", user.name)).await?;
        tx.commit().await?;
        self.right(&user.email, from).await?;
        Ok(session)
    }

    /// Whose session a browser holds. Only what a person does keeps it alive; `by_itself` is what a page does.
    ///
    /// # Errors
    /// The store's.
    pub async fn session(&self, held: &str, by_itself: bool) -> Result<Option<Signed>, AccessError> {
        let (key, now) = (chance::digest(held), self.now());
        let Some(mut session) = self.one::<Session>(SESSION, &key).await? else {
            return Ok(None);
        };
        let user: Option<User> = self.one(USER, &session.user).await?;
        let Some(user) = user.filter(|user| session.stands(user, now)) else {
            return Ok(None);
        };
        if session.to_note(now) && !by_itself {
            let mut tx = self.store.begin().await?;
            // It may have been ended a moment ago.
            if self.one::<Session>(SESSION, &key).await?.is_none() {
                return Ok(None);
            }
            session.seen = now;
            self.put(&mut tx, SESSION, &key, &session).await?;
            tx.commit().await?;
        }
        Ok(Some(Signed { user, session, key }))
    }

    /// Whether somebody's session still stands; asking keeps nobody signed in.
    ///
    /// # Errors
    /// The store's, or [`AccessError::Damaged`].
    pub async fn stands(&self, signed: &Signed) -> Result<bool, AccessError> {
        let session = self.one::<Session>(SESSION, &signed.key).await?;
        let user = self.one::<User>(USER, &signed.session.user).await?;
        Ok(session
            .zip(user)
            .is_some_and(|(session, user)| session.stands(&user, self.now())))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store's.
    pub async fn sign_out(&self, signed: &Signed) -> Result<(), AccessError> {
        let mut tx = self.store.begin().await?;
        tx.drop_ledger(SESSION, std::slice::from_ref(&signed.key)).await?;
        self.line(&mut tx, format!("{} signed out", signed.user.name)).await?;
        Ok(tx.commit().await?)
    }

    /// Changes somebody's own password. All sessions end but a new one, which the browser is to hold.
    ///
    /// # Errors
    /// [`AccessError::Wrong`] if the present password is not that, [`AccessError::TooMany`], [`AccessError::Password`].
    pub async fn new_password(
        &self,
        signed: &Signed,
        present: &SecretString,
        (wanted, again): (&SecretString, &SecretString),
        from: &str,
    ) -> Result<SecretString, AccessError> {
        let of = &signed.user;
        self.attempt(&of.email, from).await?;
        if !self.passwords.matches(present, Some(of.password.clone())).await {
            return Err(AccessError::Wrong);
        }
        self.right(&of.email, from).await?;
        password::taken(wanted.expose_secret(), &of.email, &of.name)?;
        if !chance::same(wanted.expose_secret(), again.expose_secret()) {
            return Err(Weak::Differ.into());
        }
        let hash = self.passwords.hash(wanted, &*self.chance).await;
        let mut tx = self.store.begin().await?;
        let mut user = self.active(&of.id).await?;
        // Somebody else may have changed it, or ended this session, while the password was computed.
        if user.epoch != of.epoch {
            return Err(AccessError::Wrong);
        }
        user.password = hash;
        user.out_everywhere();
        self.put(&mut tx, USER, &user.id, &user).await?;
        let session = self.open_session(&mut tx, &user, Stage::Full).await?;
        self.line(&mut tx, format!("{} changed the password", user.name))
            .await?;
        tx.commit().await?;
        Ok(session)
    }

    pub(super) async fn open_session(
        &self,
        tx: &mut Tx,
        user: &User,
        stage: Stage,
    ) -> Result<SecretString, AccessError> {
        let (held, now) = (chance::token(&*self.chance), self.now());
        let session = Session {
            user: user.id.clone(),
            epoch: user.epoch,
            stage,
            begun: now,
            seen: now,
            form: chance::token(&*self.chance),
        };
        self.put(tx, SESSION, &chance::digest(&held), &session).await?;
        Ok(held.into())
    }

    /// Counts an attempt before it is tried. What this process knows comes first: most of what guesses is refused without
    /// a look at the store, where every process counts.
    pub(super) async fn attempt(&self, email: &str, from: &str) -> Result<(), AccessError> {
        let now = self.now();
        let until = match self.throttle.attempt(email, from, now) {
            Ok(()) => self.count(email, from, now).await?,
            Err(until) => Some(until),
        };
        let Some(until) = until else {
            return Ok(());
        };
        if self.throttle.to_note(email, now, NOTED) {
            let users = self.users().await?;
            let user = users.iter().find(|user| user.active() && user.email == email);
            // A name that nobody has leaves a line too: what takes longer would tell which are known.
            let whom = user.map_or("somebody who is not here", |user| &user.name);
            let mut tx = self.store.begin().await?;
            let words = format!("too many wrong attempts to sign in as {whom}: delayed");
            self.line(&mut tx, words).await?;
            tx.commit().await?;
        }
        Err(AccessError::TooMany { until })
    }
}
