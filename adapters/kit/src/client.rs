//! The HTTP client of one account: credentials, limits, retries of reads, and what each answer
//! means. Writes are sent once; their outcome is classified, never guessed.

use crate::auth::{Auth, AuthError, AuthOptionsError, Authority};
use crate::call::{Body, Call, CallError, Effect, Outcome, Response, ambient_priority};
use crate::clock::Clock;
use crate::contract::{AdapterError, Failure, Usage};
use crate::gauge::Label;
use crate::limits::Limits;
use crate::origin::{Origin, OriginError};
use crate::transport::{HttpRequest, HttpResponse, Transport, TransportErrorKind};
use crate::verdict::{StatusVerdicts, Verdict, Verdicts};
use crate::wire::{Purpose, Stopped, Wire, backoff};
use bridge_core::Time;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What a [`Client`] is made of.
#[derive(Clone)]
pub struct ClientOptions {
    /// The system's name, for errors and traces.
    pub system: String,
    /// The base URL; calls never leave its origin.
    pub base_url: String,
    /// Sent with every call.
    pub user_agent: String,
    /// Headers sent with every call that does not set them itself.
    pub headers: Vec<(String, String)>,
    /// Credentials.
    pub auth: Auth,
    /// Rate limits.
    pub limits: Limits,
    /// What answers mean for this product.
    pub verdicts: Arc<dyn Verdicts>,
    /// How often a read is sent at most, the first time included.
    pub attempts: u32,
    /// The longest a call with an effect may live: after it, nothing of it can land any more. As
    /// long as the transport lets calls live if `None`.
    pub write_life: Option<Duration>,
}

impl ClientOptions {
    /// Options with no credentials, no limits, four attempts and the meaning HTTP gives to answers.
    pub fn new(system: impl Into<String>, base_url: impl Into<String>) -> ClientOptions {
        ClientOptions {
            system: system.into(),
            base_url: base_url.into(),
            user_agent: "halaxy-bridge".into(),
            headers: Vec::new(),
            auth: Auth::None,
            limits: Limits::default(),
            verdicts: Arc::new(StatusVerdicts),
            attempts: 4,
            write_life: None,
        }
    }
}

/// Why a client cannot be made of these options. Names no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The base URL cannot be used.
    #[error("base_url: {0}")]
    BaseUrl(#[from] OriginError),
    /// The credentials cannot be used.
    #[error("{0}")]
    Auth(#[from] AuthOptionsError),
    /// A header cannot be sent.
    #[error("header `{0}` holds characters that HTTP does not allow")]
    Header(String),
}

/// The HTTP client of one account. Cheap to clone; clones share limits, tokens and counters.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    system: String,
    origin: Origin,
    headers: HeaderMap,
    authority: Authority,
    verdicts: Arc<dyn Verdicts>,
    wire: Wire,
    attempts: u32,
    write_life: Option<Duration>,
}

/// Redirects a read may follow, all within its origin.
const REDIRECTS: u32 = 3;

impl Client {
    /// A client over this transport and clock.
    ///
    /// # Errors
    /// [`OptionsError`] if an option cannot be used.
    pub fn new(
        options: ClientOptions,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Client, OptionsError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let user_agent =
            HeaderValue::from_str(&options.user_agent).map_err(|_| OptionsError::Header("user-agent".into()))?;
        headers.insert(USER_AGENT, user_agent.clone());
        for (name, value) in &options.headers {
            set_header(&mut headers, name, value).ok_or_else(|| OptionsError::Header(name.clone()))?;
        }
        let attempts = options.attempts.max(1);
        Ok(Client {
            inner: Arc::new(Inner {
                origin: Origin::new(&options.base_url)?,
                authority: Authority::new(options.auth, user_agent, attempts)?,
                wire: Wire::new(&options.system, transport, clock, options.limits),
                system: options.system,
                headers,
                verdicts: options.verdicts,
                attempts,
                write_life: options.write_life,
            }),
        })
    }

    /// Sends a call. A read is repeated a few times if the product fails for now; a write is sent
    /// once, and once more only if its token was refused.
    ///
    /// # Errors
    /// [`CallError`] for every answer that is not a good one. Its outcome tells what a write has done.
    pub async fn send(&self, call: Call) -> Result<Response, CallError> {
        let priority = call.priority.unwrap_or_else(ambient_priority);
        let unfit = |code: &str| self.error(&call, code, Failure::Protocol, Outcome::Refused);
        let mut url = self.address(&call).ok_or_else(|| unfit("other origin"))?;
        let mut attempt = 0;
        let mut redirects = 0;
        let mut renewed = false;
        loop {
            attempt += 1;
            let inner = &self.inner;
            let credentials = inner
                .authority
                .credentials(&inner.wire, priority)
                .await
                .map_err(|error| self.no_credentials(&call, error))?;
            let request = self
                .request(&call, url.clone(), credentials.header)
                .ok_or_else(|| unfit("header"))?;
            let purpose = Purpose::Call(call.effect);
            let label = Label {
                what: &call.what,
                template: call.template.as_deref(),
                attempt,
            };
            let sent = inner
                .wire
                .attempt(request, purpose, label, call.group.as_deref(), priority)
                .await;
            let again = call.effect == Effect::Read && attempt < inner.attempts;
            let (answer, started) = match sent {
                Ok(answered) => answered,
                Err(stopped) => match self.stopped(&call, stopped, again) {
                    Some(error) => return Err(error),
                    None => {
                        inner.wire.clock.sleep(backoff(attempt)).await;
                        continue;
                    }
                },
            };
            tracing::debug!(system = %inner.system, call = %call.what, status = answer.status.as_u16(), "answered");
            if call.effect == Effect::Read
                && redirects < REDIRECTS
                && let Some(next) = self.redirect(&call, &url, &answer)
            {
                redirects += 1;
                attempt -= 1;
                url = next;
                continue;
            }
            let verdict = inner.verdicts.of(&answer, inner.wire.clock.now());
            match &verdict {
                Verdict::Fine => {
                    return Ok(Response { http: answer, started });
                }
                Verdict::Expired if inner.authority.renews() && !renewed => {
                    renewed = true;
                    attempt -= 1;
                    inner.authority.refused(credentials.serial).await;
                    continue;
                }
                Verdict::Throttled(wait) => {
                    let wait = wait.unwrap_or_else(|| backoff(attempt));
                    inner.wire.throttled(wait);
                    if again {
                        // The limiter holds the next attempt back.
                        continue;
                    }
                }
                Verdict::DayBudget(_) => inner.wire.day_spent(),
                Verdict::Transient | Verdict::NotNow(_) if again => {
                    let wait = match verdict {
                        Verdict::NotNow(Some(wait)) => wait.min(Duration::from_secs(60)),
                        _ => crate::verdict::retry_after(&answer, inner.wire.clock.now())
                            .filter(|wait| *wait <= Duration::from_secs(60))
                            .unwrap_or_else(|| backoff(attempt)),
                    };
                    inner.wire.clock.sleep(wait).await;
                    continue;
                }
                _ => {}
            }
            return Err(self.failed(&call, verdict, answer));
        }
    }

    /// The address a call would go to, if that is within the origin.
    fn address(&self, call: &Call) -> Option<Url> {
        let mut url = self.inner.origin.resolve(&call.target)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Some(url)
    }

    /// The request of a call, if its headers can be sent.
    fn request(&self, call: &Call, url: Url, credentials: Option<(HeaderName, HeaderValue)>) -> Option<HttpRequest> {
        let mut headers = self.inner.headers.clone();
        let (content_type, body) = match &call.body {
            Body::Empty => (None, Bytes::new()),
            Body::Json(json) => (Some("application/json"), Bytes::from(json.to_string())),
            Body::Form(fields) => {
                let text = url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(fields)
                    .finish();
                (Some("application/x-www-form-urlencoded"), Bytes::from(text))
            }
            Body::Raw(bytes) => (None, bytes.clone()),
        };
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, value) in &call.headers {
            set_header(&mut headers, name, value)?;
        }
        if let Some((name, value)) = credentials {
            headers.insert(name, value);
        }
        Some(HttpRequest {
            method: call.method.clone(),
            url,
            headers,
            body,
            longest: self.inner.write_life.filter(|_| call.effect == Effect::Write),
        })
    }

    /// Where a read is redirected to, if that stays within the origin.
    fn redirect(&self, call: &Call, from: &Url, answer: &HttpResponse) -> Option<Url> {
        let moved = matches!(answer.status.as_u16(), 301 | 302 | 307 | 308);
        if !moved || !matches!(call.method, Method::GET | Method::HEAD) {
            return None;
        }
        self.inner
            .origin
            .resolve(from.join(answer.header("location")?).ok()?.as_str())
    }

    /// The error of a call that got no answer; `None` if it is to be repeated.
    fn stopped(&self, call: &Call, stopped: Stopped, again: bool) -> Option<CallError> {
        let (code, failure, outcome) = match stopped {
            Stopped::Limits(wait) => (
                "limit".to_string(),
                Failure::Throttled(Some(wait)),
                Outcome::NotProcessed,
            ),
            Stopped::DayBudget(wait) => (
                "day budget".to_string(),
                Failure::DayBudget(Some(wait)),
                Outcome::NotProcessed,
            ),
            Stopped::Transport(error) => {
                let for_good = matches!(
                    error.kind,
                    TransportErrorKind::TooLarge | TransportErrorKind::NotAllowed
                );
                if again && !for_good {
                    return None;
                }
                let failure = if for_good {
                    Failure::Protocol
                } else {
                    Failure::Unavailable
                };
                let outcome = if error.not_processed {
                    Outcome::NotProcessed
                } else {
                    Outcome::Unknown
                };
                (error.to_string(), failure, outcome)
            }
        };
        tracing::debug!(system = %self.inner.system, call = %call.what, code, "no answer");
        Some(self.error(call, &code, failure, outcome))
    }

    fn no_credentials(&self, call: &Call, error: AuthError) -> CallError {
        self.error(call, &error.code, error.failure, Outcome::NotProcessed)
    }

    fn failed(&self, call: &Call, verdict: Verdict, answer: HttpResponse) -> CallError {
        let status = answer.status.as_str().to_string();
        let (code, failure, outcome) = match &verdict {
            Verdict::Throttled(wait) => (status, Failure::Throttled(*wait), Outcome::NotProcessed),
            Verdict::DayBudget(wait) => (status, Failure::DayBudget(*wait), Outcome::NotProcessed),
            // A token fetched a moment ago was refused: it is good, but not for this resource.
            Verdict::Expired if self.inner.authority.renews() => {
                (status, Failure::Scope(call.what.clone()), Outcome::NotProcessed)
            }
            Verdict::Expired | Verdict::Auth => (status, Failure::Auth, Outcome::NotProcessed),
            Verdict::Scope => (status, Failure::Scope(call.what.clone()), Outcome::Refused),
            Verdict::Missing | Verdict::Moved => (status, Failure::Refused, Outcome::Refused),
            Verdict::Refused(code) => (code.clone(), Failure::Refused, Outcome::Refused),
            Verdict::NotNow(_) => (status, Failure::Unavailable, Outcome::NotProcessed),
            Verdict::Transient => (status, Failure::Unavailable, Outcome::Unknown),
            Verdict::Protocol | Verdict::Fine => (status, Failure::Protocol, Outcome::Unknown),
        };
        let mut error = self.error(call, &code, failure, outcome);
        error.verdict = Some(verdict);
        error.response = Some(answer);
        error
    }

    fn error(&self, call: &Call, code: &str, failure: Failure, outcome: Outcome) -> CallError {
        CallError {
            error: AdapterError {
                system: self.inner.system.clone(),
                what: call.what.clone(),
                code: code.to_string(),
                failure,
                not_processed: matches!(outcome, Outcome::NotProcessed | Outcome::Refused),
            },
            outcome,
            verdict: None,
            response: None,
        }
    }

    /// The error of a call whose answer was good by its status but makes no sense to the adapter.
    pub fn nonsense(&self, what: impl Into<String>, code: impl Into<String>) -> AdapterError {
        AdapterError {
            system: self.inner.system.clone(),
            what: what.into(),
            code: code.into(),
            failure: Failure::Protocol,
            not_processed: false,
        }
    }

    /// The system's name.
    pub fn system(&self) -> &str {
        &self.inner.system
    }

    /// The base URL, with a slash at its end.
    pub fn base_url(&self) -> &Url {
        self.inner.origin.base()
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.wire.clock
    }

    /// Fetches a token, if the credentials work that way. Harmless.
    ///
    /// # Errors
    /// [`AdapterError`] if there is none to be had.
    pub async fn check_credentials(&self) -> Result<(), AdapterError> {
        let priority = ambient_priority();
        match self.inner.authority.credentials(&self.inner.wire, priority).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let call = Call::read(Method::POST, "").what("token");
                Err(self.no_credentials(&call, error).error)
            }
        }
    }

    /// Calls so far, token calls included.
    pub fn usage(&self) -> Usage {
        self.inner.wire.usage()
    }

    /// The product's clock now, as far as its answers tell.
    pub fn server_now(&self) -> Option<Time> {
        let wire = &self.inner.wire;
        wire.server_time().at(wire.clock.now())
    }

    /// The least the product's clock can have shown at a moment of ours: what a cursor may be set to.
    pub fn server_at_least(&self, at: Time) -> Option<Time> {
        self.inner.wire.server_time().at_least(at)
    }

    /// Calls a second that the limits allow in the long run, headers heeded; `None` without limits.
    pub fn calls_per_second(&self) -> Option<f64> {
        self.inner.wire.calls_per_second()
    }
}

fn set_header(headers: &mut HeaderMap, name: &str, value: &str) -> Option<()> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    headers.insert(name, HeaderValue::from_str(value).ok()?);
    Some(())
}
