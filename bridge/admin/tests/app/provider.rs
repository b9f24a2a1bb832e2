//! A strict identity provider: codes work once, for the client, the address and the verifier they were given to.

use adapter_kit::{HttpRequest, HttpResponse, InProcess, Transport, TransportError};
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use url::{Url, form_urlencoded};

pub const ISSUER: &str = "https://id.example";
pub const CLIENT: &str = "bridge";
pub const SECRET: &str = "a secret: of % the client";

type Fields = BTreeMap<String, String>;

/// How a token is made, where it is not made well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forged {
    /// It is made well.
    No,
    /// Signed by nobody.
    Unsigned,
    /// Signed with what the client shares with the provider.
    Shared,
    /// Signed by a key that is not published, under the name of one that is.
    OtherKey,
    /// Signed by a key that is not published, under its own name.
    UnknownKey,
}

/// What a provider tells of somebody only when it is asked with the access token.
pub enum Thin {
    /// Everything that is not needed for the token itself.
    Told,
    /// That, of somebody else.
    OfAnother,
    /// Nothing: it does not answer there.
    Away,
}

struct Code {
    challenge: String,
    redirect: String,
    claims: Json,
    forged: Forged,
}

pub struct StandIn {
    key: Mutex<(EcdsaKeyPair, String)>,
    other: EcdsaKeyPair,
    now: i64,
    codes: Mutex<BTreeMap<String, Code>>,
    /// Requests to the token endpoint, refused ones too.
    pub asked: Mutex<usize>,
    pub away: Mutex<bool>,
    pub thin: Mutex<Option<Thin>>,
    /// What is told of whoever has an access token.
    beside: Mutex<BTreeMap<String, Json>>,
}

fn pair() -> EcdsaKeyPair {
    let (how, chance) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let made = EcdsaKeyPair::generate_pkcs8(how, &chance).unwrap();
    EcdsaKeyPair::from_pkcs8(how, made.as_ref(), &chance).unwrap()
}

/// What an ID token must say, and what may be told beside it, of the same person.
fn split(claims: &Json) -> (Json, Json) {
    let (mut needed, mut beside) = (json!({}), json!({ "sub": claims["sub"] }));
    for (name, value) in claims.as_object().unwrap() {
        match ["iss", "aud", "nonce", "iat", "exp", "sub"].contains(&name.as_str()) {
            true => needed[name] = value.clone(),
            false => beside[name] = value.clone(),
        }
    }
    (needed, beside)
}

fn fields(text: &str) -> Fields {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

impl StandIn {
    /// A provider that lives at that moment, in seconds.
    pub fn new(now: i64) -> Arc<StandIn> {
        Arc::new(StandIn {
            key: Mutex::new((pair(), "k1".into())),
            other: pair(),
            now,
            codes: Mutex::default(),
            asked: Mutex::default(),
            away: Mutex::default(),
            thin: Mutex::default(),
            beside: Mutex::default(),
        })
    }

    /// From now on it signs by another key, and publishes that one alone.
    pub fn changes_keys(&self) {
        *self.key.lock().unwrap() = (pair(), "k9".into());
    }

    /// How the bridge reaches it.
    pub fn transport(self: &Arc<Self>) -> Arc<dyn Transport> {
        let own = Arc::clone(self);
        Arc::new(InProcess::new(move |request| {
            let answer = own.serve(&request);
            async move { answer }
        }))
    }

    /// Somebody signs in at the address that the browser was sent to; what it is sent back with. `change` is laid over
    /// what the token says.
    pub fn signed_in(&self, address: &str, change: Json, forged: Forged) -> Fields {
        let address = Url::parse(address).unwrap();
        assert!(address.as_str().starts_with("https://id.example/authorize?"));
        let asked = fields(address.query().unwrap());
        for (name, wanted) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("code_challenge_method", "S256"),
            ("redirect_uri", "https://bridge.practice.example/sign-in/back"),
        ] {
            assert_eq!(asked[name], wanted);
        }
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        let seconds = self.now;
        let mut claims = json!({
            "iss": ISSUER, "aud": CLIENT, "nonce": asked["nonce"], "iat": seconds, "exp": seconds + 300,
            "sub": "s-100", "name": "Rose Brook", "email": "rose@practice.example", "email_verified": true,
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut codes = self.codes.lock().unwrap();
        let code = format!("code-{}", &asked["nonce"][..16]);
        codes.insert(
            code.clone(),
            Code {
                challenge: asked["code_challenge"].clone(),
                redirect: asked["redirect_uri"].clone(),
                claims,
                forged,
            },
        );
        Fields::from([
            ("code".into(), code),
            ("state".into(), asked["state"].clone()),
            ("iss".into(), ISSUER.into()),
        ])
    }

    fn serve(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let (status, body) = match request.url.path() {
            _ if *self.away.lock().unwrap() => (StatusCode::BAD_GATEWAY, Json::Null),
            "/.well-known/openid-configuration" => (
                StatusCode::OK,
                json!({
                    "issuer": ISSUER, "authorization_endpoint": "https://id.example/authorize",
                    "token_endpoint": "https://id.example/token", "jwks_uri": "https://id.example/keys",
                    "userinfo_endpoint": "https://id.example/me", "end_session_endpoint": "https://id.example/leave?from=us",
                }),
            ),
            "/keys" => (StatusCode::OK, json!({ "keys": [self.published()] })),
            "/token" => match self.token(request) {
                Some(answer) => (StatusCode::OK, answer),
                None => (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" })),
            },
            "/me" => match self.more(request) {
                Some(told) => (StatusCode::OK, told),
                None => (StatusCode::UNAUTHORIZED, Json::Null),
            },
            _ => (StatusCode::NOT_FOUND, Json::Null),
        };
        Ok(HttpResponse {
            status,
            headers: HeaderMap::new(),
            body: body.to_string().into(),
        })
    }

    fn published(&self) -> Json {
        let held = self.key.lock().unwrap();
        let (point, name) = (held.0.public_key().as_ref(), &held.1);
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": name, "x": part(&point[1..33]), "y": part(&point[33..]) })
    }

    fn token(&self, request: &HttpRequest) -> Option<Json> {
        *self.asked.lock().unwrap() += 1;
        let sent = fields(std::str::from_utf8(&request.body).unwrap());
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let wanted = STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET)));
        let shown = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let code = self.codes.lock().unwrap().remove(sent.get("code")?)?;
        let verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(sent.get("code_verifier")?));
        let holds = shown == format!("Basic {wanted}")
            && sent.get("grant_type")? == "authorization_code"
            && sent.get("redirect_uri")? == &code.redirect
            && verifier == code.challenge;
        if !holds {
            return None;
        }
        let mut claims = code.claims.clone();
        let access = format!("access-{}", verifier);
        let (needed, beside) = split(&claims);
        self.beside.lock().unwrap().insert(access.clone(), beside);
        if self.thin.lock().unwrap().is_some() {
            claims = needed;
        }
        Some(json!({ "id_token": self.signed(&claims, code.forged), "token_type": "Bearer", "access_token": access }))
    }

    fn more(&self, request: &HttpRequest) -> Option<Json> {
        let shown = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let mut told = self
            .beside
            .lock()
            .unwrap()
            .get(shown.strip_prefix("Bearer ")?)
            .cloned()?;
        match self.thin.lock().unwrap().as_ref() {
            None | Some(Thin::Told) => {}
            Some(Thin::OfAnother) => told["sub"] = json!("s-666"),
            Some(Thin::Away) => return None,
        }
        Some(told)
    }

    fn signed(&self, claims: &Json, forged: Forged) -> String {
        let held = self.key.lock().unwrap();
        let (method, name) = match forged {
            Forged::No | Forged::OtherKey => ("ES256", held.1.as_str()),
            Forged::UnknownKey => ("ES256", "k2"),
            Forged::Unsigned => ("none", held.1.as_str()),
            Forged::Shared => ("HS256", held.1.as_str()),
        };
        let part = |value: &Json| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({ "alg": method, "kid": name })), part(claims));
        let chance = SystemRandom::new();
        let signature = match forged {
            Forged::No => held.0.sign(&chance, text.as_bytes()).unwrap().as_ref().to_vec(),
            Forged::Unsigned => vec![],
            Forged::Shared => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
                ring::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
            }
            Forged::OtherKey | Forged::UnknownKey => {
                self.other.sign(&chance, text.as_bytes()).unwrap().as_ref().to_vec()
            }
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
