//! Single sign-on by OpenID Connect: the code flow with PKCE (RFC 7636), state, nonce, and the issuer named in the answer
//! (RFC 9207). Here is what is asked of the provider; who is let in stands in `door`.

mod door;
pub mod proof;

pub(crate) use door::LIFE;
pub use door::{Back, Setting};

use super::role::Role;
use adapter_kit::code_flow::{Attempt, CodeFlow, shown_code};
use adapter_kit::{HttpRequest, Origin, TokenStyle, Transport};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use bridge_core::Time;
use proof::{Claims, Expected, Keys, Untrue};
use secrecy::SecretString;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// What the provider tells of itself is read again after so long.
const KNOWN_FOR: Time = super::HOUR;
/// Nobody is sent to a provider that has not answered within this: whoever comes while it is away is told so.
const HEARD_OF: Time = 10 * super::SECOND;
/// Its keys are read again for a key that is not known, but not more often than this. Such a token came from the provider
/// itself, in answer to a code of its own, so nobody else can make us ask.
const KEYS_AGAIN: Time = 10 * super::SECOND;
/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(6);
/// What we name ourselves when a code is redeemed.
const AGENT: &str = concat!("halaxy-bridge/", env!("CARGO_PKG_VERSION"));

/// `[serve.oidc]`.
#[derive(Clone)]
pub struct SignOnSettings {
    /// The provider, exactly as it names itself.
    pub issuer: String,
    /// Us, as registered there.
    pub client_id: String,
    /// What proves it; none for a public client.
    pub client_secret: Option<SecretString>,
    /// What the button says after "Sign in with".
    pub label: String,
    /// Addresses of these domains only, verified by the provider; any if empty.
    pub domains: Vec<String>,
    /// What is asked for beside `openid email profile`.
    pub scopes: Vec<String>,
    /// The claim that says what somebody may do, if the provider decides that.
    pub role_claim: Option<String>,
    /// What a value of that claim means. If several do, the first of [`Role::ALL`] counts.
    pub roles: BTreeMap<String, Role>,
}

impl SignOnSettings {
    /// Whether a token leaves out what decides here who somebody is and what they may do.
    fn lacks(&self, claims: &Claims) -> bool {
        let lacks = |claim: &str| claims.all[claim].is_null();
        let by_claim = self.role_claim.as_deref();
        let vouched = by_claim.is_none() || !self.domains.is_empty();
        lacks("email") || vouched && lacks("email_verified") || by_claim.is_some_and(lacks)
    }
}

/// Why somebody is not signed in by the provider. Shown to whoever tries; carries nothing that was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignOnError {
    /// The provider cannot be asked.
    #[error("the identity provider cannot be reached now ({0}); try again in a minute")]
    Away(String),
    /// What it says of itself does not fit.
    #[error("the identity provider is not the one that is set up here: {0}")]
    Provider(&'static str),
    /// The answer does not belong to an attempt of this browser, or it is used.
    #[error("this answer does not belong to a sign-in that this browser began; begin again")]
    Attempt,
    /// The provider says no.
    #[error("the identity provider refused: {0}")]
    Denied(String),
    /// What it says of the person is not believed.
    #[error("what the identity provider says is not believed: {0}")]
    Untrue(#[from] Untrue),
    /// The person is known there, and not here.
    #[error("you are known to the identity provider, but not invited here: an administrator can do that")]
    Stranger,
    /// The address is not verified, or of another domain.
    #[error("the identity provider does not vouch for an e-mail address of this practice")]
    Domain,
    /// The person has none of the roles.
    #[error("the identity provider gives you no role here: whoever manages it can do that")]
    NoRole,
}

/// An identity provider.
pub struct Provider {
    /// What is set up.
    pub settings: SignOnSettings,
    transport: Arc<dyn Transport>,
    known: Mutex<Option<Known>>,
}

/// What it told of itself.
#[derive(Clone)]
struct Known {
    authorize: Origin,
    token: Origin,
    keys_at: Url,
    /// Where it tells more of somebody than the token does.
    more_at: Option<Url>,
    /// Where people end what it knows of their browser.
    leave: Option<Url>,
    /// How our secret is sent.
    style: TokenStyle,
    keys: Keys,
    read: Time,
    keys_read: Time,
}

/// What is made up for one attempt.
struct Asked<'a> {
    state: &'a str,
    nonce: &'a str,
    verifier: &'a str,
    back: &'a str,
}

impl Asked<'_> {
    fn attempt(&self) -> Attempt<'_> {
        Attempt {
            state: self.state,
            verifier: self.verifier,
        }
    }
}

impl Provider {
    /// A provider that is asked over this transport.
    pub fn new(settings: SignOnSettings, transport: Arc<dyn Transport>) -> Provider {
        Provider {
            settings,
            transport,
            known: Mutex::default(),
        }
    }

    /// The address that the browser is sent to. It holds no secret.
    async fn address(&self, asked: &Asked<'_>, now: Time) -> Result<String, SignOnError> {
        let known = self.known(now, HEARD_OF).await?;
        let flow = self.flow(&known, asked);
        let page = &known.authorize;
        let scopes = ["openid", "email", "profile"].into_iter();
        let scopes = scopes.chain(self.settings.scopes.iter().map(String::as_str));
        let scopes = scopes.collect::<Vec<_>>().join(" ");
        Ok(flow.address(page, &scopes, &asked.attempt(), &[("nonce", asked.nonce)]))
    }

    fn flow<'a>(&'a self, known: &Known, asked: &Asked<'a>) -> CodeFlow<'a> {
        CodeFlow {
            client_id: &self.settings.client_id,
            client_secret: self.settings.client_secret.as_ref(),
            style: known.style,
            redirect_uri: asked.back,
        }
    }

    /// What the provider says of whoever brought the code. A code works once: nothing is repeated.
    async fn redeem(&self, code: &str, asked: &Asked<'_>, now: Time) -> Result<Claims, SignOnError> {
        let known = self.known(now, KNOWN_FOR).await?;
        let flow = self.flow(&known, asked);
        let request = flow.exchange(&known.token, code, &asked.attempt(), AGENT);
        let request = request.map_err(|_| SignOnError::Provider("the client secret cannot be sent"))?;
        let answer = self.call(request).await?;
        let token = answer["id_token"].as_str().ok_or(Untrue::Form)?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: asked.nonce,
        };
        let mut claims = match proof::believed(token, &known.keys, &expected, now) {
            // Providers change their keys.
            Err(Untrue::Key) if now - known.keys_read >= KEYS_AGAIN => {
                let keys = Keys::read(&self.get(known.keys_at.clone(), HeaderMap::new()).await?);
                if let Some(held) = self.known.lock().await.as_mut() {
                    (held.keys, held.keys_read) = (keys.clone(), now);
                }
                proof::believed(token, &keys, &expected, now)?
            }
            claims => claims?,
        };
        if let (Some(more_at), Some(access)) = (known.more_at, answer["access_token"].as_str())
            && self.settings.lacks(&claims)
        {
            claims.add(&self.more(more_at, access).await?)?;
        }
        Ok(claims)
    }

    /// What it tells whoever has the token that came with the code (OpenID Connect Core 1.0, section 5.3): providers may
    /// leave e-mail address, name and groups out of the ID token, and by the standard they do.
    async fn more(&self, at: Url, access: &str) -> Result<Json, SignOnError> {
        let value = HeaderValue::from_str(&format!("Bearer {access}"));
        let mut value = value.map_err(|_| SignOnError::Provider("its access token cannot be sent"))?;
        value.set_sensitive(true);
        self.get(at, HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
            .await
    }

    /// Where whoever came by the provider can sign out there too, if it ever told.
    pub(crate) async fn leaving(&self) -> Option<String> {
        let mut address = self.known.lock().await.as_ref()?.leave.clone()?;
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id);
        Some(address.into())
    }

    /// What it told of itself within `lately`, or tells now.
    async fn known(&self, now: Time, lately: Time) -> Result<Known, SignOnError> {
        // Whoever comes meanwhile waits, and does not ask a second time.
        let mut held = self.known.lock().await;
        if let Some(known) = held.as_ref().filter(|known| now - known.read < lately) {
            return Ok(known.clone());
        }
        let issuer = &self.settings.issuer;
        let described = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let described = usable(Some(&described))?.base().clone();
        let told = self.get(described, HeaderMap::new()).await?;
        if told["issuer"].as_str() != Some(issuer) {
            return Err(SignOnError::Provider("it names itself otherwise than `issuer` does"));
        }
        let address = |member: &str| usable(told[member].as_str());
        let methods = told["token_endpoint_auth_methods_supported"].as_array();
        let takes = |method: &str| methods.is_some_and(|all| all.iter().any(|one| one == method));
        let keys_at = address("jwks_uri")?.base().clone();
        let young = |known: &&Known| known.keys_at == keys_at && now - known.keys_read < KNOWN_FOR;
        let (keys, keys_read) = match held.as_ref().filter(young) {
            Some(known) => (known.keys.clone(), known.keys_read),
            None => (Keys::read(&self.get(keys_at.clone(), HeaderMap::new()).await?), now),
        };
        let beside = |member: &str| with_query(told[member].as_str());
        let known = Known {
            authorize: address("authorization_endpoint")?,
            token: address("token_endpoint")?,
            style: match takes("client_secret_post") && !takes("client_secret_basic") {
                true => TokenStyle::Form,
                false => TokenStyle::FormBasic,
            },
            more_at: beside("userinfo_endpoint"),
            leave: beside("end_session_endpoint"),
            keys,
            keys_at,
            read: now,
            keys_read,
        };
        *held = Some(known.clone());
        Ok(known)
    }

    async fn get(&self, url: Url, mut headers: HeaderMap) -> Result<Json, SignOnError> {
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        self.call(HttpRequest {
            method: Method::GET,
            url,
            headers,
            body: Default::default(),
            longest: None,
        })
        .await
    }

    async fn call(&self, mut request: HttpRequest) -> Result<Json, SignOnError> {
        request.longest = Some(PATIENCE);
        let answer = self.transport.send(request).await;
        let answer = answer.map_err(|error| SignOnError::Away(error.to_string()))?;
        let document = answer.json().unwrap_or_default();
        match answer.status {
            status if status.is_success() => Ok(document),
            status if status.is_client_error() => {
                let error = document["error"].as_str().unwrap_or(status.as_str());
                Err(SignOnError::Denied(shown_code(error)))
            }
            status => Err(SignOnError::Away(status.as_str().to_string())),
        }
    }
}

/// An address that secrets may be sent to: https, or this machine.
fn usable(address: Option<&str>) -> Result<Origin, SignOnError> {
    let origin = Origin::token_endpoint(address.unwrap_or_default());
    origin.map_err(|_| SignOnError::Provider("an address of it is missing or is not https"))
}

/// The same where it may have a query.
fn with_query(address: Option<&str>) -> Option<Url> {
    let url = Url::parse(address?).ok()?;
    let mut bare = url.clone();
    bare.set_query(None);
    usable(Some(bare.as_str())).ok().map(|_| url)
}
