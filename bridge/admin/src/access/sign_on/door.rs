//! Who is let in by the identity provider: whoever is linked by issuer and subject; else whoever was invited at an address
//! that the provider has verified; else whoever has a role by the provider's claim. Never somebody who is here already and
//! merely has the same address: whoever can choose an address there would be that person here.

use super::proof::Claims;
use super::{Asked, Provider, SignOnError};
use crate::access::bound::Bound;
use crate::access::desk::{Access, INVITATION, USER, bound_to};
use crate::access::invitation::{Invitation, Purpose};
use crate::access::role::Role;
use crate::access::session::Stage;
use crate::access::totp::Secret;
use crate::access::user::{Linked, User, another_admin};
use crate::access::{AccessError, MINUTE, chance};
use adapter_kit::code_flow::shown_code;
use bridge_core::Time;
use bridge_store::Tx;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Part of the store with attempts under way, by the digest of what the browser holds.
const ATTEMPT: &str = "access/sign_on";
/// An attempt must end within this.
pub(crate) const LIFE: Time = 10 * MINUTE;
/// Attempts under way at once; the oldest go first.
const ROOM: usize = 500;

/// An attempt, as kept. One answer is taken for it, right or wrong.
#[derive(Clone, Serialize, Deserialize)]
struct Attempt {
    /// Digest of what the answer must carry.
    state: String,
    nonce: String,
    verifier: String,
    next: String,
    begun: Time,
}

/// A sign-in that was begun.
pub struct Setting {
    /// What the browser is to hold until it comes back.
    pub held: SecretString,
    /// Where it is sent.
    pub address: String,
}

/// What the browser comes back with.
#[derive(Default)]
pub struct Back {
    /// What it holds.
    pub held: String,
    /// `state` of the address.
    pub state: String,
    /// `code`, if access was given.
    pub code: String,
    /// `error`, if not.
    pub error: Option<String>,
    /// `iss`, where the provider says who it is.
    pub issuer: Option<String>,
}

impl Access {
    /// Begins to sign somebody in by the provider, which sends the browser to `back`; afterwards it goes on to `next`.
    ///
    /// # Errors
    /// [`AccessError::SignOn`], [`AccessError::TooMany`].
    pub async fn set_out(
        &self,
        provider: &Provider,
        back: &str,
        next: &str,
        from: &str,
    ) -> Result<Setting, AccessError> {
        let now = self.now();
        let [held, state, nonce, verifier] = std::array::from_fn(|_| chance::token(&*self.chance));
        // Each attempt has a name of its own: only the address is counted.
        self.attempt(&chance::digest(&state), from).await?;
        let asked = Asked {
            state: &state,
            nonce: &nonce,
            verifier: &verifier,
            back,
        };
        let address = provider.address(&asked, now).await?;
        let attempt = Attempt {
            state: chance::digest(&state),
            nonce,
            verifier,
            next: next.into(),
            begun: now,
        };
        let mut tx = self.store.begin().await?;
        let mut rows: Vec<(String, Attempt)> = self.rows(ATTEMPT).await?;
        rows.sort_by_key(|(_, of)| std::cmp::Reverse(of.begun));
        let gone = rows.into_iter().enumerate();
        let gone = gone.filter(|(place, (_, of))| *place + 1 >= ROOM || now - of.begun > LIFE);
        let gone: Vec<String> = gone.map(|(_, (key, _))| key).collect();
        tx.drop_ledger(ATTEMPT, &gone).await?;
        self.put(&mut tx, ATTEMPT, &chance::digest(&held), &attempt).await?;
        tx.commit().await?;
        Ok(Setting {
            held: held.into(),
            address,
        })
    }

    /// Signs in whoever comes back from the provider: what the browser is to hold from now on, and where it goes.
    ///
    /// # Errors
    /// [`AccessError::SignOn`]; [`AccessError::Taken`] if somebody else has the address.
    pub async fn come_back(
        &self,
        provider: &Provider,
        back: &str,
        with: &Back,
        from: &str,
    ) -> Result<(SecretString, String), AccessError> {
        let (now, key) = (self.now(), chance::digest(&with.held));
        // Whoever comes with nothing makes no writes for us.
        if self.one::<Attempt>(ATTEMPT, &key).await?.is_none() {
            return Err(SignOnError::Attempt.into());
        }
        let mut tx = self.store.begin().await?;
        let attempt: Option<Attempt> = self.one(ATTEMPT, &key).await?;
        tx.drop_ledger(ATTEMPT, std::slice::from_ref(&key)).await?;
        tx.commit().await?;
        let attempt =
            attempt.filter(|of| now - of.begun <= LIFE && chance::same(&of.state, &chance::digest(&with.state)));
        let attempt = attempt.ok_or(SignOnError::Attempt)?;
        if with
            .issuer
            .as_ref()
            .is_some_and(|issuer| *issuer != provider.settings.issuer)
        {
            return Err(SignOnError::Attempt.into());
        }
        if let Some(error) = &with.error {
            return Err(SignOnError::Denied(shown_code(error)).into());
        }
        let asked = Asked {
            state: &with.state,
            nonce: &attempt.nonce,
            verifier: &attempt.verifier,
            back,
        };
        let claims = provider.redeem(&with.code, &asked, now).await?;
        let session = self.known_there(provider, &claims).await?;
        self.right(&attempt.state, from).await?;
        Ok((session, attempt.next))
    }

    async fn known_there(&self, provider: &Provider, claims: &Claims) -> Result<SecretString, AccessError> {
        let (now, settings) = (self.now(), &provider.settings);
        if !settings.domains.is_empty() {
            let vouched = claims.verified_email();
            let domain = vouched.as_deref().and_then(|email| email.rsplit_once('@'));
            let ours = domain.is_some_and(|(_, domain)| settings.domains.iter().any(|of| of == domain));
            ours.then_some(()).ok_or(SignOnError::Domain)?;
        }
        // Where the provider says what somebody may do, it says so every time.
        let told = settings.role_claim.as_deref().map(|claim| {
            let values = claims.texts(claim);
            let meant = values.iter().filter_map(|value| settings.roles.get(*value));
            meant.min().copied().ok_or(SignOnError::NoRole)
        });
        let told = told.transpose()?;
        let linked = Linked {
            issuer: settings.issuer.clone(),
            subject: claims.subject.clone(),
        };
        let mut tx = self.store.begin().await?;
        let users = self.users().await?;
        let theirs: Vec<&User> = users
            .iter()
            .filter(|user| user.linked.as_ref() == Some(&linked))
            .collect();
        let user = match theirs.iter().find(|user| user.active()) {
            Some(user) => Some((*user).clone()),
            None => {
                // Whose access was ended comes back by a new invitation, not by the claim.
                let told = told
                    .filter(|_| theirs.is_empty())
                    .map(|role| (role, settings.bound.clone()));
                self.joining(&mut tx, claims, &linked, &users, told).await?
            }
        };
        let mut user = user.ok_or(SignOnError::Stranger)?;
        if let Some(role) = told.filter(|role| *role != user.role) {
            if user.role == Role::Admin && !another_admin(&users, &user.id) {
                return Err(AccessError::LastAdmin);
            }
            let words = format!("{} is {} now, by the identity provider", user.name, role.key());
            self.line(&mut tx, words).await?;
            user.role = role;
            user.out_everywhere();
            self.forget_links_by(&mut tx, &user).await?;
        }
        user.signed_in = Some(now);
        self.put(&mut tx, USER, &user.id, &user).await?;
        let session = self.open_session(&mut tx, &user, Stage::Full).await?;
        self.line(&mut tx, format!("{} signed in by the identity provider", user.name))
            .await?;
        tx.commit().await?;
        Ok(session)
    }

    /// Somebody who comes for the first time, if there is an invitation or a role for them.
    async fn joining(
        &self,
        tx: &mut Tx,
        claims: &Claims,
        linked: &Linked,
        users: &[User],
        told: Option<(Role, Option<Bound>)>,
    ) -> Result<Option<User>, AccessError> {
        let now = self.now();
        let invited = match claims.verified_email() {
            Some(verified) => {
                let rows: Vec<(String, Invitation)> = self.rows(INVITATION).await?;
                let meant = |of: &Invitation| matches!(&of.purpose, Purpose::Join { email, .. } if *email == verified);
                rows.into_iter().find(|(_, of)| of.works(now) && meant(of))
            }
            None => None,
        };
        let (name, email, role, bound) = match invited {
            Some((key, invitation)) => {
                let Purpose::Join {
                    name,
                    email,
                    role,
                    bound,
                } = invitation.purpose
                else {
                    return Ok(None);
                };
                tx.drop_ledger(INVITATION, &[key]).await?;
                (name, email, role, bound)
            }
            None => {
                let Some((role, bound)) = told else { return Ok(None) };
                let email = claims.email().ok_or(SignOnError::Domain)?;
                let named = claims.all["name"].as_str().unwrap_or(&email);
                let named = crate::access::name(named).ok();
                // There people may call themselves what they like, and the history names people by nothing else.
                let free = named.filter(|named| !users.iter().any(|user| user.name.eq_ignore_ascii_case(named)));
                (free.unwrap_or_else(|| email.clone()), email, role, bound)
            }
        };
        if users.iter().any(|user| user.active() && user.email == email) {
            return Err(AccessError::Taken);
        }
        let bound = bound.filter(|_| role != Role::Admin);
        let words = format!(
            "{name} came in by the identity provider as {}{}",
            role.key(),
            bound_to(bound.as_ref())
        );
        self.line(tx, words).await?;
        Ok(Some(User {
            id: chance::id(&*self.chance),
            name,
            email,
            role,
            // No password is ever right.
            password: String::new(),
            second: Secret::new(&*self.chance),
            step: 0,
            recovery: vec![],
            epoch: 0,
            since: now,
            signed_in: None,
            ended: None,
            linked: Some(linked.clone()),
            bound,
        }))
    }
}
