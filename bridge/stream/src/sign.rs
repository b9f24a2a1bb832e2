//! Proof that a webhook is ours: the scheme of Standard Webhooks
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>). The secret is
//! `whsec_` and the base64 of 24 to 64 random bytes; what is signed is `ID.SECONDS.BODY`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
const SHORTEST: usize = 24;
const LONGEST: usize = 64;

/// The text is no secret of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be whsec_ and the base64 of 24 to 64 random bytes; `echo \"whsec_$(openssl rand -base64 32)\"` makes one"
)]
pub struct SecretError;

/// Signs with every secret it has: two while one of them is being replaced.
pub struct Signer {
    keys: Vec<SecretSlice<u8>>,
}

impl Signer {
    /// The first secret's proof stands first.
    ///
    /// # Errors
    /// [`SecretError`] if there is none, or one is not written as it must be.
    pub fn new(secrets: &[SecretString]) -> Result<Self, SecretError> {
        let key = |secret: &SecretString| {
            let encoded = secret.expose_secret().strip_prefix(PREFIX).ok_or(SecretError)?;
            let key = STANDARD.decode(encoded).map_err(|_| SecretError)?;
            if (SHORTEST..=LONGEST).contains(&key.len()) {
                Ok(SecretSlice::from(key))
            } else {
                Err(SecretError)
            }
        };
        let keys: Vec<SecretSlice<u8>> = secrets.iter().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            Err(SecretError)
        } else {
            Ok(Self { keys })
        }
    }

    /// What stands in `webhook-signature`. `seconds` is the time of the attempt, since 1970 UTC.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let proofs = self.keys.iter().map(|key| {
            let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose_secret()) else {
                unreachable!("a key of HMAC may have any length");
            };
            mac.update(format!("{id}.{seconds}.").as_bytes());
            mac.update(body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        });
        proofs.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_the_example_of_the_scheme() {
        let published = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let (id, at, body) = (
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        let proof = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let one = Signer::new(std::slice::from_ref(&published)).map(|signer| signer.sign(id, at, body));
        assert_eq!(one.as_deref(), Ok(proof));
        let other = SecretString::from(format!("whsec_{}", STANDARD.encode([7; 32])));
        let two = Signer::new(&[other, published]).map(|signer| signer.sign(id, at, body));
        assert_eq!(
            two.ok()
                .and_then(|two| two.split_once(' ').map(|(_, old)| old.to_string()))
                .as_deref(),
            Some(proof)
        );
    }

    #[test]
    fn weak_or_misspelt_secrets_are_refused() {
        let short = format!("whsec_{}", STANDARD.encode([1; 23]));
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        let bare = STANDARD.encode([1; 32]);
        for bad in ["", "whsec_", "whsec_!!", "secret", &short, &long, &bare] {
            assert!(Signer::new(&[bad.into()]).is_err(), "{bad}");
        }
        assert!(Signer::new(&[]).is_err());
    }
}
