//! Signing in: authorisation code with PKCE, rotating refresh tokens, client credentials, and the organisations that a
//! sign-in reaches (vendor-apis.md section 7, "Auth"; sdk-clients.md section 2).

use std::collections::HashMap;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ledger::Act;
use super::switches::BooksSwitches;
use crate::answer::{Answer, Call};
use crate::clock::{SECOND, utc_millis};

/// A refresh token that nobody used for so long is dead.
const UNUSED: i64 = 60 * 86_400 * SECOND;
/// A code is good for so long.
const CODE_LIFE: i64 = 300 * SECOND;
/// Everything a bridge may ask for; apps made since March 2026 get granular scopes only.
const SCOPES: &[&str] = &[
    "accounting.invoices",
    "accounting.payments",
    "accounting.banktransactions",
    "accounting.manualjournals",
    "accounting.contacts",
    "accounting.settings",
    "accounting.attachments",
];
const PLAIN_SCOPES: &[&str] = &["openid", "profile", "email", "offline_access"];

/// What somebody consented to.
#[derive(Debug, Clone)]
struct Grant {
    scopes: Vec<String>,
    /// A client without a secret, held by PKCE alone.
    public: bool,
    /// One organisation's own connection by client credentials, which needs no tenant header.
    custom: bool,
}

#[derive(Debug, Clone)]
struct Code {
    grant: Grant,
    redirect: String,
    challenge: Option<String>,
    end: i64,
}

#[derive(Debug, Clone)]
struct Refresh {
    grant: Grant,
    given: i64,
    used: Option<i64>,
}

/// Who may sign in, and what was given out.
pub(super) struct Identity {
    pub client_id: String,
    pub client_secret: String,
    /// The refresh token of the consent given when the stand-in was made.
    pub first_refresh: String,
    connection: String,
    second_tenant: String,
    codes: HashMap<String, Code>,
    refresh: HashMap<String, Refresh>,
    access: HashMap<String, (Grant, i64)>,
}

fn secret(rng: &mut StdRng) -> String {
    URL_SAFE_NO_PAD.encode(rng.random::<[u8; 32]>())
}

fn oauth_error(error: &str) -> Answer {
    Answer::json(400, json!({"error": error}))
}

/// The scopes of a request, if every one of them exists.
fn scopes_of(text: &str) -> Option<Vec<String>> {
    let asked: Vec<String> = text
        .split([' ', ','])
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    let known = |scope: &String| {
        let family = scope.strip_suffix(".read").unwrap_or(scope);
        SCOPES.contains(&family) || PLAIN_SCOPES.contains(&scope.as_str())
    };
    asked.iter().all(known).then_some(asked)
}

fn all_scopes() -> Vec<String> {
    let all = SCOPES.iter().chain(PLAIN_SCOPES);
    all.map(|scope| (*scope).to_owned()).collect()
}

impl Identity {
    pub fn new(act: &mut Act<'_>) -> Self {
        let first_refresh = secret(act.rng);
        let grant = Grant {
            scopes: all_scopes(),
            public: false,
            custom: false,
        };
        let first = Refresh {
            grant,
            given: act.now,
            used: None,
        };
        Self {
            client_id: act.id().replace('-', "").to_ascii_uppercase(),
            client_secret: secret(act.rng),
            connection: act.id(),
            second_tenant: act.id(),
            codes: HashMap::new(),
            refresh: HashMap::from([(first_refresh.clone(), first)]),
            access: HashMap::new(),
            first_refresh,
        }
    }

    /// `.well-known/openid-configuration`.
    pub fn discovery(&self, base: &str) -> Answer {
        Answer::json(
            200,
            json!({
                "issuer": base,
                "authorization_endpoint": format!("{base}/identity/connect/authorize"),
                "token_endpoint": format!("{base}/connect/token"),
                "revocation_endpoint": format!("{base}/connect/revocation"),
                "scopes_supported": all_scopes(),
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
            }),
        )
    }

    /// The consent page, where somebody says yes at once.
    pub fn authorize(&mut self, call: &Call, switches: &BooksSwitches, act: &mut Act<'_>) -> Answer {
        let redirect = call.param("redirect_uri").and_then(|uri| uri.parse::<url::Url>().ok());
        let client = call.param("client_id") == Some(self.client_id.as_str());
        let Some(mut redirect) = redirect.filter(|uri| client && matches!(uri.scheme(), "http" | "https")) else {
            // Nobody is sent anywhere for a stranger.
            return oauth_error("unauthorized_client");
        };
        let exact = call.param("redirect_uri").unwrap_or_default().to_owned();
        let scopes = call
            .param("scope")
            .and_then(scopes_of)
            .filter(|scopes| !scopes.is_empty());
        let challenge = call.param("code_challenge").map(str::to_owned);
        let method = call.param("code_challenge_method");
        let error = if call.param("response_type") != Some("code") {
            Some("unsupported_response_type")
        } else if challenge.is_some() && method != Some("S256") {
            Some("invalid_request")
        } else if scopes.is_none() {
            Some("invalid_scope")
        } else if switches.consent_refused {
            Some("access_denied")
        } else {
            None
        };
        match error {
            Some(error) => {
                redirect.query_pairs_mut().append_pair("error", error);
            }
            None => {
                let code = secret(act.rng);
                let grant = Grant {
                    scopes: scopes.unwrap_or_default(),
                    public: false,
                    custom: false,
                };
                let end = act.now + CODE_LIFE;
                self.codes.retain(|_, code| code.end > act.now);
                let kept = Code {
                    grant,
                    redirect: exact,
                    challenge,
                    end,
                };
                self.codes.insert(code.clone(), kept);
                redirect.query_pairs_mut().append_pair("code", &code);
            }
        }
        if let Some(state) = call.param("state") {
            redirect.query_pairs_mut().append_pair("state", state);
        }
        Answer::empty(302).with("location", redirect)
    }

    /// `connect/token`: a form; the client's id and secret in it or as Basic.
    pub fn token(&mut self, call: &Call, switches: &BooksSwitches, act: &mut Act<'_>) -> Answer {
        if call.method != Method::POST {
            return Answer::empty(405);
        }
        let form: HashMap<String, String> = url::form_urlencoded::parse(&call.body).into_owned().collect();
        let (id, given) = client_of(call, &form);
        if id.as_deref() != Some(self.client_id.as_str())
            || given.as_ref().is_some_and(|given| *given != self.client_secret)
        {
            return oauth_error("invalid_client");
        }
        let is_secret = given.is_some();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let grant = match field("grant_type") {
            "authorization_code" => {
                // A code is good once, also when it was used wrongly.
                let Some(code) = self.codes.remove(field("code")) else {
                    return oauth_error("invalid_grant");
                };
                let proven = match &code.challenge {
                    None => is_secret,
                    Some(challenge) => {
                        URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier"))) == *challenge
                            && field("code_verifier").len() >= 43
                    }
                };
                if code.end <= act.now || code.redirect != field("redirect_uri") || !proven {
                    return oauth_error("invalid_grant");
                }
                Grant {
                    public: !is_secret,
                    ..code.grant
                }
            }
            "refresh_token" => {
                let grace = switches.refresh_grace_seconds * SECOND;
                let Some(token) = self.refresh.get_mut(field("refresh_token")) else {
                    return oauth_error("invalid_grant");
                };
                let spent = token.used.is_some_and(|used| act.now >= used + grace);
                if spent || act.now >= token.given + UNUSED || !(is_secret || token.grant.public) {
                    return oauth_error("invalid_grant");
                }
                token.used.get_or_insert(act.now);
                token.grant.clone()
            }
            "client_credentials" => {
                if !is_secret {
                    return oauth_error("invalid_client");
                }
                let asked = if field("scope").is_empty() {
                    field("scopes")
                } else {
                    field("scope")
                };
                let scopes = if asked.is_empty() {
                    Some(all_scopes())
                } else {
                    scopes_of(asked)
                };
                match scopes {
                    None => return oauth_error("invalid_scope"),
                    Some(scopes) => Grant {
                        scopes,
                        public: false,
                        custom: true,
                    },
                }
            }
            _ => return oauth_error("unsupported_grant_type"),
        };
        self.give(grant, switches, act)
    }

    /// Only these members: the vendor's Python client breaks on any other.
    fn give(&mut self, grant: Grant, switches: &BooksSwitches, act: &mut Act<'_>) -> Answer {
        let token = secret(act.rng);
        self.access.retain(|_, (_, end)| *end + 86_400 * SECOND > act.now);
        let end = act.now + switches.token_life_seconds * SECOND;
        let mut body = json!({
            "access_token": token,
            "expires_in": switches.token_life_seconds,
            "token_type": "Bearer",
            "scope": grant.scopes.join(" "),
        });
        if !grant.custom && grant.scopes.iter().any(|scope| scope == "offline_access") {
            let refresh = secret(act.rng);
            body["refresh_token"] = json!(refresh);
            let given = Refresh {
                grant: grant.clone(),
                given: act.now,
                used: None,
            };
            self.refresh.insert(refresh, given);
        }
        self.access.insert(token, (grant, end));
        Answer::json(200, body).with("cache-control", "no-store")
    }

    /// `connect/revocation`: the refresh token is dead; an unknown one is as good.
    pub fn revoke(&mut self, call: &Call) -> Answer {
        let form: HashMap<String, String> = url::form_urlencoded::parse(&call.body).into_owned().collect();
        let (id, _) = client_of(call, &form);
        if id.as_deref() != Some(self.client_id.as_str()) {
            return oauth_error("invalid_client");
        }
        if let Some(token) = form.get("token") {
            self.refresh.remove(token);
            self.access.remove(token);
        }
        Answer::empty(200)
    }

    fn grant_of(&self, call: &Call, now: i64) -> Result<&Grant, Box<Answer>> {
        let refused = |detail: &str| super::problem::gate(401, "Unauthorized", detail);
        let given = call.bearer().and_then(|token| self.access.get(token));
        match given {
            None => Err(Box::new(refused("AuthenticationUnsuccessful"))),
            Some((_, end)) if now >= *end => {
                let refusal = refused("TokenExpired: token expired");
                Err(Box::new(
                    refusal.with("www-authenticate", "Bearer error=\"invalid_token\""),
                ))
            }
            Some((grant, _)) => Ok(grant),
        }
    }

    /// `connections`: the organisations that this sign-in reaches.
    pub fn connections(
        &self,
        rest: &[&str],
        call: &Call,
        tenant: &str,
        switches: &mut BooksSwitches,
        now: i64,
    ) -> Answer {
        if let Err(refusal) = self.grant_of(call, now) {
            return *refusal;
        }
        match (&call.method, rest) {
            (&Method::GET, []) => {
                let one = |id: &str, tenant: &str, name: &str| {
                    let at = utc_millis(now).trim_end_matches('Z').to_owned();
                    json!({
                        "id": id,
                        "authEventId": self.connection,
                        "tenantId": tenant,
                        "tenantType": "ORGANISATION",
                        "tenantName": name,
                        "createdDateUtc": at,
                        "updatedDateUtc": at,
                    })
                };
                let mut all = Vec::new();
                if switches.second_organisation {
                    all.push(one(&self.second_tenant, &self.second_tenant, "Testville Holdings"));
                }
                if switches.connected {
                    all.push(one(&self.connection, tenant, "Sampleton Allied Health"));
                }
                Answer::json(200, Value::Array(all))
            }
            (&Method::DELETE, [id]) if *id == self.connection => {
                switches.connected = false;
                Answer::empty(204)
            }
            (&Method::DELETE, [_]) => Answer::empty(404),
            _ => Answer::empty(405),
        }
    }

    /// Whether a call on the organisation's books may go on; `families` are the scopes any of which would do.
    pub fn admit(
        &self,
        call: &Call,
        tenant: &str,
        families: &[&str],
        switches: &BooksSwitches,
        now: i64,
    ) -> Result<(), Box<Answer>> {
        let refused = |status, title, detail| Err(Box::new(super::problem::gate(status, title, detail)));
        let grant = self.grant_of(call, now)?;
        let asked = call.header("xero-tenant-id").unwrap_or_default();
        let named = asked.eq_ignore_ascii_case(tenant) || (asked.is_empty() && grant.custom);
        if !named || !switches.connected {
            return refused(403, "Forbidden", "AuthenticationUnsuccessful");
        }
        let reads = call.method == Method::GET;
        let holds = |family: &&str| {
            !switches.missing_scopes.iter().any(|scope| scope == *family)
                && grant
                    .scopes
                    .iter()
                    .any(|scope| scope == *family || (reads && scope.strip_suffix(".read") == Some(*family)))
        };
        if !families.iter().any(holds) {
            return refused(401, "Unauthorized", "AuthorizationUnsuccessful");
        }
        Ok(())
    }
}

/// The client's id and secret, from the Basic header or the form.
fn client_of(call: &Call, form: &HashMap<String, String>) -> (Option<String>, Option<String>) {
    let basic = call
        .header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|value| STANDARD.decode(value).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match basic.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((id, secret)) => {
            let plain = |text: &str| {
                url::form_urlencoded::parse(text.as_bytes())
                    .next()
                    .map(|(key, _)| key.into_owned())
            };
            (plain(id), plain(secret))
        }
        None => (form.get("client_id").cloned(), form.get("client_secret").cloned()),
    }
}
