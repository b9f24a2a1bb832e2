//! Credentials: static ones, and OAuth2 tokens that are fetched once for everybody who waits.

use crate::call::Priority;
use crate::clock::micros;
use crate::contract::Failure;
use crate::gauge::Label;
use crate::origin::{Origin, OriginError};
use crate::token::{TokenStyle, answer_code, refresh_life, secret_header, token_request, usable_life};
use crate::transport::HttpRequest;
use crate::verdict::{StatusVerdicts, Verdict, Verdicts};
use crate::wire::{Purpose, Stopped, Wire, backoff};
use async_trait::async_trait;
use bridge_core::Time;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How an account is authorised.
#[derive(Clone, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// A static token, as `Authorization: Bearer`.
    Bearer(SecretString),
    /// A static key in a header.
    Header(HeaderName, SecretString),
    /// OAuth2 client credentials.
    ClientCredentials(ClientCredentials),
    /// OAuth2 refresh token that changes with every use.
    Refresh(RefreshGrant),
}

/// OAuth2 client credentials.
#[derive(Clone)]
pub struct ClientCredentials {
    /// Absolute URL of the token endpoint.
    pub token_url: String,
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretString,
    /// How the fields are sent.
    pub style: TokenStyle,
    /// Scopes to ask for.
    pub scope: Option<String>,
    /// Further fields, e.g. `audience`.
    pub extra: Vec<(String, String)>,
    /// The longest a token is used, whatever the product says of it.
    pub life_cap: Option<Duration>,
}

/// OAuth2 with a rotating refresh token.
#[derive(Clone)]
pub struct RefreshGrant {
    /// Absolute URL of the token endpoint.
    pub token_url: String,
    /// Client id.
    pub client_id: String,
    /// Client secret, unless the client is public.
    pub client_secret: Option<SecretString>,
    /// How the fields are sent.
    pub style: TokenStyle,
    /// Where the refresh token lives.
    pub store: Arc<dyn TokenStore>,
    /// The longest a token is used, whatever the product says of it.
    pub life_cap: Option<Duration>,
}

/// Keeps the refresh token of one account, durably.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The current refresh token; `None` if the account was never connected.
    ///
    /// # Errors
    /// [`TokenStoreError`] if it cannot be read now.
    async fn load(&self) -> Result<Option<SecretString>, TokenStoreError>;

    /// Replaces it. When this returns, the new token must survive a crash.
    ///
    /// # Errors
    /// [`TokenStoreError`] if it could not be stored; the new access token is then not used.
    async fn store(&self, refresh_token: &SecretString) -> Result<(), TokenStoreError>;

    /// An access token that this or another process keeps here, and until when it is used.
    async fn access(&self) -> Option<(SecretString, Time)> {
        None
    }

    /// Keeps an access token, so that others need not renew. Losing it costs a call and nothing else.
    async fn keep_access(&self, _token: &SecretString, _until: Time) {}
}

/// The token store does not answer. Carries no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token store: {0}")]
pub struct TokenStoreError(pub String);

/// Why there are no credentials.
pub(crate) struct AuthError {
    pub code: String,
    pub failure: Failure,
}

/// A header that authorises a call, and which token it is made of.
pub(crate) struct Credentials {
    pub header: Option<(HeaderName, HeaderValue)>,
    pub serial: u64,
}

enum Grant {
    Client(ClientCredentials),
    Refresh(RefreshGrant),
}

struct OAuth {
    grant: Grant,
    endpoint: Origin,
    state: Mutex<TokenState>,
}

#[derive(Default)]
struct TokenState {
    serial: u64,
    token: Option<(SecretString, Time)>,
    /// A token that was refused before its time.
    refused: Option<SecretString>,
    /// A refresh token that was issued and could not be stored yet.
    unstored: Option<SecretString>,
}

enum Kind {
    Static(Option<(HeaderName, HeaderValue)>),
    OAuth(Box<OAuth>),
}

/// The credentials of one account at work.
pub(crate) struct Authority {
    kind: Kind,
    user_agent: HeaderValue,
    attempts: u32,
}

/// Why credentials cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthOptionsError {
    /// The secret holds characters that no header can carry.
    #[error("the token or key holds characters that an HTTP header cannot carry (a line break?)")]
    NotAHeader,
    /// The token endpoint cannot be used.
    #[error("token endpoint: {0}")]
    Endpoint(#[from] OriginError),
}

impl Authority {
    pub fn new(auth: Auth, user_agent: HeaderValue, attempts: u32) -> Result<Authority, AuthOptionsError> {
        let oauth = |grant: Grant, url: &str| -> Result<Kind, AuthOptionsError> {
            let endpoint = Origin::token_endpoint(url)?;
            Ok(Kind::OAuth(Box::new(OAuth {
                grant,
                endpoint,
                state: Mutex::default(),
            })))
        };
        let kind = match auth {
            Auth::None => Kind::Static(None),
            Auth::Bearer(token) => Kind::Static(Some((AUTHORIZATION, bearer(&token)?))),
            Auth::Header(name, key) => Kind::Static(Some((name, secret_header(key.expose_secret())?))),
            Auth::ClientCredentials(grant) => {
                let url = grant.token_url.clone();
                oauth(Grant::Client(grant), &url)?
            }
            Auth::Refresh(grant) => {
                let url = grant.token_url.clone();
                oauth(Grant::Refresh(grant), &url)?
            }
        };
        Ok(Authority {
            kind,
            user_agent,
            attempts,
        })
    }

    /// Whether a new token can be had when one is refused.
    pub fn renews(&self) -> bool {
        matches!(self.kind, Kind::OAuth(_))
    }

    /// The credentials for one call. Whoever finds no valid token fetches one while the others wait.
    pub async fn credentials(&self, wire: &Wire, priority: Priority) -> Result<Credentials, AuthError> {
        let oauth = match &self.kind {
            Kind::Static(header) => {
                return Ok(Credentials {
                    header: header.clone(),
                    serial: 0,
                });
            }
            Kind::OAuth(oauth) => oauth,
        };
        let mut state = oauth.state.lock().await;
        let valid = state.token.as_ref().is_some_and(|(_, until)| wire.clock.now() < *until);
        if !valid || state.unstored.is_some() {
            state.token = None;
            if !self.take_kept(oauth, &mut state, wire).await {
                self.renew(oauth, &mut state, wire, priority).await?;
            }
        }
        let (token, _) = state.token.as_ref().ok_or_else(|| protocol("no token"))?;
        let header = bearer(token).map_err(|_| protocol("token"))?;
        Ok(Credentials {
            header: Some((AUTHORIZATION, header)),
            serial: state.serial,
        })
    }

    /// A call found this token refused. Does nothing if it has been replaced already.
    pub async fn refused(&self, serial: u64) {
        if let Kind::OAuth(oauth) = &self.kind {
            let mut state = oauth.state.lock().await;
            if state.serial == serial {
                state.refused = state.token.take().map(|(token, _)| token);
            }
        }
    }

    /// Takes the access token that is kept beside the refresh token, if it is still good.
    async fn take_kept(&self, oauth: &OAuth, state: &mut TokenState, wire: &Wire) -> bool {
        let Grant::Refresh(grant) = &oauth.grant else {
            return false;
        };
        if state.unstored.is_some() {
            return false;
        }
        let Some((token, until)) = grant.store.access().await else {
            return false;
        };
        let refused = state.refused.as_ref().map(ExposeSecret::expose_secret);
        if until <= wire.clock.now() || refused == Some(token.expose_secret()) {
            return false;
        }
        state.token = Some((token, until));
        state.serial += 1;
        true
    }

    async fn renew(
        &self,
        oauth: &OAuth,
        state: &mut TokenState,
        wire: &Wire,
        priority: Priority,
    ) -> Result<(), AuthError> {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut field = |name: &str, value: &str| fields.push((name.to_string(), value.to_string()));
        let (client_id, secret, style, life_cap) = match &oauth.grant {
            Grant::Client(grant) => {
                field("grant_type", "client_credentials");
                if let Some(scope) = &grant.scope {
                    field("scope", scope);
                }
                for (name, value) in &grant.extra {
                    field(name, value);
                }
                (
                    &grant.client_id,
                    Some(&grant.client_secret),
                    grant.style,
                    grant.life_cap,
                )
            }
            Grant::Refresh(grant) => {
                // A token that was issued but not stored is still the only one that works.
                let refresh = match &state.unstored {
                    Some(token) => Some(token.clone()),
                    None => grant.store.load().await.map_err(store_failed)?,
                };
                let Some(refresh) = refresh else {
                    return Err(AuthError {
                        code: "not connected".into(),
                        failure: Failure::Auth,
                    });
                };
                if state.unstored.is_some() {
                    grant.store.store(&refresh).await.map_err(store_failed)?;
                    state.unstored = None;
                }
                field("grant_type", "refresh_token");
                field("refresh_token", refresh.expose_secret());
                (
                    &grant.client_id,
                    grant.client_secret.as_ref(),
                    grant.style,
                    grant.life_cap,
                )
            }
        };
        let request = token_request(
            &self.user_agent,
            oauth.endpoint.base(),
            fields,
            client_id,
            secret,
            style,
        );
        let request = request.map_err(|_| protocol("client secret"))?;
        let (answer, asked) = self.ask(wire, request, priority).await?;
        let token = answer["access_token"].as_str().filter(|token| !token.is_empty());
        let Some(token) = token else {
            return Err(AuthError {
                code: answer_code(&answer),
                failure: Failure::Auth,
            });
        };
        if let Grant::Refresh(grant) = &oauth.grant
            && let Some(new) = answer["refresh_token"].as_str().filter(|token| !token.is_empty())
        {
            let new = SecretString::from(new);
            if let Err(error) = grant.store.store(&new).await {
                state.unstored = Some(new);
                return Err(store_failed(error));
            }
        }
        if let Some(life) = refresh_life(&answer) {
            wire.credentials_until(asked + micros(life));
        }
        let life = usable_life(&answer["expires_in"], life_cap);
        let (token, until) = (SecretString::from(token), asked + micros(life));
        if let Grant::Refresh(grant) = &oauth.grant {
            grant.store.keep_access(&token, until).await;
        }
        state.token = Some((token, until));
        state.serial += 1;
        Ok(())
    }

    /// Sends a token request until it is answered, a few times. Repeating is safe: a token that
    /// was issued and lost costs nothing, and vendors with rotation accept the old refresh token
    /// for a grace time.
    async fn ask(&self, wire: &Wire, request: HttpRequest, priority: Priority) -> Result<(Json, Time), AuthError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let last = attempt >= self.attempts;
            let label = Label {
                what: "POST token",
                template: None,
                attempt,
            };
            let sent = wire
                .attempt(request.clone(), Purpose::Token, label, None, priority)
                .await;
            let (failure, code, wait) = match sent {
                Ok((answer, asked)) => {
                    let status = answer.status.as_str().to_string();
                    match StatusVerdicts.of(&answer, wire.clock.now()) {
                        Verdict::Fine => {
                            return answer
                                .json()
                                .map(|body| (body, asked))
                                .map_err(|_| protocol("token answer"));
                        }
                        Verdict::Throttled(wait) => {
                            let wait = wait.unwrap_or_else(|| backoff(attempt));
                            wire.throttled(wait);
                            (Failure::Throttled(Some(wait)), status, Duration::ZERO)
                        }
                        Verdict::Transient => (Failure::Unavailable, status, backoff(attempt)),
                        _ => {
                            let code = answer.json().map_or(status, |body| answer_code(&body));
                            return Err(AuthError {
                                code,
                                failure: Failure::Auth,
                            });
                        }
                    }
                }
                Err(Stopped::Transport(error)) => (Failure::Unavailable, error.to_string(), backoff(attempt)),
                Err(Stopped::Limits(wait)) => {
                    return Err(AuthError {
                        code: "limit".into(),
                        failure: Failure::Throttled(Some(wait)),
                    });
                }
                Err(Stopped::DayBudget(wait)) => {
                    return Err(AuthError {
                        code: "day budget".into(),
                        failure: Failure::DayBudget(Some(wait)),
                    });
                }
            };
            if last {
                return Err(AuthError {
                    code: format!("token: {code}"),
                    failure,
                });
            }
            wire.clock.sleep(wait).await;
        }
    }
}

fn protocol(code: &str) -> AuthError {
    AuthError {
        code: code.into(),
        failure: Failure::Protocol,
    }
}

fn store_failed(_: TokenStoreError) -> AuthError {
    AuthError {
        code: "token store".into(),
        failure: Failure::Unavailable,
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, AuthOptionsError> {
    secret_header(&format!("Bearer {}", token.expose_secret()))
}
