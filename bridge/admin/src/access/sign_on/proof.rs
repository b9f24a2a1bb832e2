//! What an identity provider says of somebody: an ID token (OpenID Connect Core 1.0, section 3.1.3.7), believed only if it is
//! signed by a key of the provider, for us, for this very attempt, and now. Pure: the time is a parameter.
//!
//! Signatures are `ring`'s, which is here for TLS; a library for the whole protocol would bring sixty crates beside it.

use crate::access::{MINUTE, SECOND, chance};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bridge_core::Time;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::Value as Json;

/// How far two clocks may be apart.
const LEEWAY: Time = MINUTE;
/// A token is for a sign-in that has just happened.
const FRESH: Time = 10 * MINUTE;
/// The largest token that is looked at, in bytes.
const LARGEST: usize = 64 * 1024;

/// Why an ID token is not believed. Says nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrue {
    /// It is not three parts of base64 with JSON in them.
    #[error("it is no signed token")]
    Form,
    /// Signed in a way that is not taken: `none`, a shared secret, or a method that is not known here.
    #[error("it is not signed by RS256, PS256, ES256 or EdDSA")]
    Method,
    /// No key of the provider is meant.
    #[error("it is signed by a key that the provider does not publish")]
    Key,
    /// The signature is not that key's.
    #[error("its signature is wrong")]
    Signature,
    /// It was issued by somebody else.
    #[error("it is of another issuer")]
    Issuer,
    /// It was issued for somebody else.
    #[error("it is for another application")]
    Audience,
    /// It answers another attempt.
    #[error("it answers another sign-in")]
    Nonce,
    /// It is too old, or from the future.
    #[error("its time is over, or the clocks differ")]
    Time,
    /// It names nobody.
    #[error("it names nobody")]
    Subject,
    /// What is told beside it is of somebody else, or nothing that can be read.
    #[error("what is told beside the token is not of the same person")]
    Beside,
}

/// What a token must be for.
pub struct Expected<'a> {
    /// Who issues it.
    pub issuer: &'a str,
    /// Us.
    pub client_id: &'a str,
    /// What was made up for this attempt.
    pub nonce: &'a str,
}

/// What a token that is believed says.
#[derive(Clone, Debug)]
pub struct Claims {
    /// The person, for ever, at this issuer.
    pub subject: String,
    /// Everything it says.
    pub all: Json,
}

impl Claims {
    /// Takes what the provider tells beside the token. What the token says itself stays.
    ///
    /// # Errors
    /// [`Untrue::Beside`] unless it is of the same person.
    pub fn add(&mut self, more: &Json) -> Result<(), Untrue> {
        let told = more.as_object().ok_or(Untrue::Beside)?;
        if more["sub"].as_str() != Some(&self.subject) {
            return Err(Untrue::Beside);
        }
        if let Some(all) = self.all.as_object_mut() {
            for (claim, value) in told {
                all.entry(claim).or_insert_with(|| value.clone());
            }
        }
        Ok(())
    }

    /// The address, lower case, if the provider says that it is the person's.
    pub fn verified_email(&self) -> Option<String> {
        // Some products send the flag as text.
        let verified = matches!(&self.all["email_verified"], Json::Bool(true))
            || self.all["email_verified"].as_str() == Some("true");
        self.email().filter(|_| verified)
    }

    /// The address, lower case, whoever wrote it there.
    pub fn email(&self) -> Option<String> {
        self.all["email"]
            .as_str()
            .and_then(|email| crate::access::address(email).ok())
    }

    /// The texts of a claim: one, or a list.
    pub fn texts(&self, claim: &str) -> Vec<&str> {
        match &self.all[claim] {
            Json::String(one) => vec![one],
            Json::Array(many) => many.iter().filter_map(Json::as_str).collect(),
            _ => vec![],
        }
    }
}

/// The keys that a provider publishes (RFC 7517).
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
struct Key {
    id: Option<String>,
    public: Public,
}

#[derive(Clone)]
enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Keys {
    /// Those of a key set that can be used; others are passed over.
    pub fn read(set: &Json) -> Keys {
        let listed = set["keys"].as_array().into_iter().flatten();
        Keys(listed.filter_map(Key::read).collect())
    }
}

impl Key {
    fn read(key: &Json) -> Option<Key> {
        if key["use"].as_str().is_some_and(|of| of != "sig") {
            return None;
        }
        let bytes = |member: &str| bytes(key[member].as_str()?);
        let public = match (key["kty"].as_str()?, key["crv"].as_str()) {
            ("RSA", _) => Public::Rsa {
                n: bytes("n")?,
                e: bytes("e")?,
            },
            ("EC", Some("P-256")) => Public::P256([vec![4], bytes("x")?, bytes("y")?].concat()),
            ("OKP", Some("Ed25519")) => Public::Ed25519(bytes("x")?),
            _ => return None,
        };
        Some(Key {
            id: key["kid"].as_str().map(str::to_string),
            public,
        })
    }

    /// Whether it is a key of that method at all.
    fn fits(&self, method: &str) -> bool {
        matches!(
            (method, &self.public),
            ("RS256" | "PS256", Public::Rsa { .. }) | ("ES256", Public::P256(_)) | ("EdDSA", Public::Ed25519(_))
        )
    }

    fn signed(&self, method: &str, text: &[u8], signature: &[u8]) -> bool {
        let result = match &self.public {
            Public::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                let how = match method {
                    "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
                    _ => &signature::RSA_PKCS1_2048_8192_SHA256,
                };
                key.verify(how, text, signature)
            }
            Public::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(text, signature)
            }
            Public::Ed25519(point) => UnparsedPublicKey::new(&signature::ED25519, point).verify(text, signature),
        };
        result.is_ok()
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn json(part: &str) -> Result<Json, Untrue> {
    let found = bytes(part).and_then(|bytes| serde_json::from_slice(&bytes).ok());
    found.filter(Json::is_object).ok_or(Untrue::Form)
}

/// What a token says, if it is to be believed.
///
/// # Errors
/// [`Untrue`]; [`Untrue::Key`] may end when the provider's keys are read again.
pub fn believed(token: &str, keys: &Keys, expected: &Expected<'_>, now: Time) -> Result<Claims, Untrue> {
    if token.len() > LARGEST {
        return Err(Untrue::Form);
    }
    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Untrue::Form);
    };
    let header = json(head)?;
    // What `crit` lists must be understood, and nothing of it is.
    let method = header["alg"].as_str().filter(|_| header.get("crit").is_none());
    let method = method.filter(|method| matches!(*method, "RS256" | "PS256" | "ES256" | "EdDSA"));
    let method = method.ok_or(Untrue::Method)?;
    let named = header["kid"].as_str();
    let meant = |key: &&Key| key.fits(method) && (named.is_none() || key.id.as_deref() == named);
    let mut meant = keys.0.iter().filter(meant).peekable();
    meant.peek().ok_or(Untrue::Key)?;
    let signature = bytes(signature).ok_or(Untrue::Form)?;
    let text = &token.as_bytes()[..head.len() + 1 + body.len()];
    if !meant.any(|key| key.signed(method, text, &signature)) {
        return Err(Untrue::Signature);
    }
    judged(json(body)?, expected, now)
}

fn judged(all: Json, expected: &Expected<'_>, now: Time) -> Result<Claims, Untrue> {
    if all["iss"].as_str() != Some(expected.issuer) {
        return Err(Untrue::Issuer);
    }
    let audience: Vec<&str> = match &all["aud"] {
        Json::String(one) => vec![one],
        Json::Array(many) => many.iter().filter_map(Json::as_str).collect(),
        _ => vec![],
    };
    let party = all["azp"].as_str();
    // With several, the token must have been asked for by us.
    let asked = party.map_or(audience.len() == 1, |party| party == expected.client_id);
    if !asked || !audience.contains(&expected.client_id) {
        return Err(Untrue::Audience);
    }
    let time = |claim: &str| {
        all[claim]
            .as_f64()
            .map(|seconds| (seconds as Time).saturating_mul(SECOND))
    };
    let (until, issued) = (time("exp").ok_or(Untrue::Time)?, time("iat").ok_or(Untrue::Time)?);
    let begun = if all["nbf"].is_null() {
        issued
    } else {
        time("nbf").ok_or(Untrue::Time)?
    };
    let late = until.saturating_add(LEEWAY) <= now || issued.saturating_add(FRESH) < now;
    if late || issued > now + LEEWAY || begun > now + LEEWAY {
        return Err(Untrue::Time);
    }
    let nonce = all["nonce"].as_str().unwrap_or_default();
    if !chance::same(nonce, expected.nonce) {
        return Err(Untrue::Nonce);
    }
    let subject = all["sub"].as_str().filter(|of| !of.is_empty() && of.len() <= 255);
    Ok(Claims {
        subject: subject.ok_or(Untrue::Subject)?.to_string(),
        all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Time = 1_800_000_000 * SECOND;

    fn said() -> Json {
        json!({
            "iss": "https://id.example", "aud": "bridge", "sub": "s1", "nonce": "n1",
            "exp": 1_800_000_300, "iat": 1_800_000_000,
        })
    }

    fn judge(change: impl FnOnce(&mut Json)) -> Result<Claims, Untrue> {
        let mut all = said();
        change(&mut all);
        let expected = Expected {
            issuer: "https://id.example",
            client_id: "bridge",
            nonce: "n1",
        };
        judged(all, &expected, NOW)
    }

    #[test]
    fn what_is_not_for_us_and_now_is_not_believed() {
        assert!(judge(|_| ()).is_ok());
        let wrong = |claim: &'static str, value: Json| judge(move |all| all[claim] = value).err();
        for (claim, value, why) in [
            ("iss", json!("https://id.example/"), Untrue::Issuer),
            ("iss", json!(["https://id.example"]), Untrue::Issuer),
            ("aud", json!("other"), Untrue::Audience),
            ("aud", json!(["bridge", "other"]), Untrue::Audience),
            ("azp", json!("other"), Untrue::Audience),
            ("nonce", json!("n2"), Untrue::Nonce),
            ("nonce", Json::Null, Untrue::Nonce),
            ("exp", json!(1_799_999_900), Untrue::Time),
            ("exp", json!("1800000300"), Untrue::Time),
            ("exp", Json::Null, Untrue::Time),
            ("iat", json!(1_799_999_000), Untrue::Time),
            ("iat", json!(1_800_000_100), Untrue::Time),
            ("nbf", json!(1_800_000_100), Untrue::Time),
            ("nbf", json!("soon"), Untrue::Time),
            ("sub", json!(""), Untrue::Subject),
            ("sub", json!(7), Untrue::Subject),
        ] {
            assert_eq!(wrong(claim, value.clone()), Some(why), "{claim} {value}");
        }
        let several = judge(|all| {
            all["aud"] = json!(["bridge", "other"]);
            all["azp"] = json!("bridge");
        });
        assert!(several.is_ok());
    }

    #[test]
    fn an_address_counts_only_if_the_provider_has_verified_it() {
        let email = |verified: Json| {
            let claims = judge(|all| {
                all["email"] = json!("Dana@Practice.example");
                all["email_verified"] = verified;
            });
            claims.ok().and_then(|claims| claims.verified_email())
        };
        assert_eq!(email(json!(true)).as_deref(), Some("dana@practice.example"));
        assert_eq!(email(json!("true")).as_deref(), Some("dana@practice.example"));
        assert_eq!((email(json!(false)), email(Json::Null)), (None, None));
    }

    /// The example of RFC 7515, appendix A.2: its key and its signature, over text that is not ours.
    #[test]
    fn an_rsa_signature_of_the_standard_is_verified() {
        let key = json!({"keys": [{"kty": "RSA", "e": "AQAB",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2\
                  lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEM\
                  a2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PA\
                  cDTW9gb54h4FRWyuXpoQ"}]});
        let text = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9\
                         CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6\
                         _dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0\
                         igcN_IoypGlUPQGe77Rw";
        let keys = Keys::read(&key);
        let expected = Expected {
            issuer: "joe",
            client_id: "bridge",
            nonce: "",
        };
        // Signed well, and not for us.
        let whole = believed(&format!("{text}.{signature}"), &keys, &expected, NOW);
        assert_eq!(whole.err(), Some(Untrue::Audience));
        let altered = signature.replacen('c', "d", 1);
        let altered = believed(&format!("{text}.{altered}"), &keys, &expected, NOW);
        assert_eq!(altered.err(), Some(Untrue::Signature));
    }
}
