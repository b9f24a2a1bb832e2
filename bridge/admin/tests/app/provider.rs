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

struct Code {
    challenge: String,
    redirect: String,
    claims: Json,
    forged: Forged,
}

pub struct StandIn {
    key: EcdsaKeyPair,
    other: EcdsaKeyPair,
    now: i64,
    codes: Mutex<BTreeMap<String, Code>>,
    /// Requests to the token endpoint, refused ones too.
    pub asked: Mutex<usize>,
    pub away: Mutex<bool>,
}

fn pair() -> EcdsaKeyPair {
    let (how, chance) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let made = EcdsaKeyPair::generate_pkcs8(how, &chance).unwrap();
    EcdsaKeyPair::from_pkcs8(how, made.as_ref(), &chance).unwrap()
}

fn fields(text: &str) -> Fields {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

impl StandIn {
    /// A provider that lives at that moment, in seconds.
    pub fn new(now: i64) -> Arc<StandIn> {
        Arc::new(StandIn {
            key: pair(),
            other: pair(),
            now,
            codes: Mutex::default(),
            asked: Mutex::default(),
            away: Mutex::default(),
        })
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
                }),
            ),
            "/keys" => (StatusCode::OK, json!({ "keys": [self.published()] })),
            "/token" => match self.token(request) {
                Some(token) => (StatusCode::OK, json!({ "id_token": token, "token_type": "Bearer" })),
                None => (StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" })),
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
        let point = self.key.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": "k1", "x": part(&point[1..33]), "y": part(&point[33..]) })
    }

    fn token(&self, request: &HttpRequest) -> Option<String> {
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
        holds.then(|| self.signed(&code.claims, code.forged))
    }

    fn signed(&self, claims: &Json, forged: Forged) -> String {
        let (method, name) = match forged {
            Forged::No | Forged::OtherKey => ("ES256", "k1"),
            Forged::UnknownKey => ("ES256", "k2"),
            Forged::Unsigned => ("none", "k1"),
            Forged::Shared => ("HS256", "k1"),
        };
        let part = |value: &Json| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({ "alg": method, "kid": name })), part(claims));
        let chance = SystemRandom::new();
        let signature = match forged {
            Forged::No => self.key.sign(&chance, text.as_bytes()).unwrap().as_ref().to_vec(),
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
