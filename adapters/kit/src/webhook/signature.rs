//! Proof of where a webhook comes from: a shared token, or a keyed hash over parts of the request.

use super::{Arrival, Refused};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bridge_core::Time;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256, Sha512};
use std::borrow::Cow;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How a product proves that it sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Header with the proof.
    pub header: HeaderName,
    /// What stands before the proof, e.g. `sha256=`; compared in any case.
    pub prefix: String,
    /// The proof may also stand there without the prefix.
    pub bare: bool,
    /// The header may hold several proofs, with this between them; one right one is enough.
    pub several: Option<char>,
    /// How the proof is made.
    pub algorithm: Algorithm,
    /// How its bytes are written.
    pub encoding: Encoding,
    /// How the bytes of the key are written in the shared secret.
    pub key: Encoding,
    /// What is hashed, one part after the other.
    pub signed: Vec<Part>,
    /// Percent-escapes of these characters in the address are undone before it is hashed.
    pub decoded: String,
    /// When the request was sent, where the product says so.
    pub stamp: Option<Stamp>,
}

/// How a proof is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// The shared secret itself.
    Token,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Plain,
    /// Base64, with or without padding.
    Base64,
    /// Hexadecimal digits in any case.
    Hex,
}

/// A part of what is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// HTTP method.
    Method,
    /// The whole public address.
    Uri,
    /// The raw body.
    Body,
    /// The text of the [`Stamp`]'s header.
    Stamp,
    /// The text of some header.
    Header(HeaderName),
    /// Fixed text.
    Text(String),
}

/// Where a request says when it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Header.
    pub header: HeaderName,
    /// Unit of the number in it, since 1970 UTC.
    pub unit: StampUnit,
    /// How far from now it may be, to either side.
    pub window: Duration,
}

/// Unit of a time stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

impl Signature {
    /// A shared token in a header, as `Bearer TOKEN` or bare.
    pub fn bearer() -> Signature {
        Signature {
            header: http::header::AUTHORIZATION,
            prefix: "Bearer ".into(),
            bare: true,
            several: None,
            algorithm: Algorithm::Token,
            encoding: Encoding::Plain,
            key: Encoding::Plain,
            signed: vec![],
            decoded: String::new(),
            stamp: None,
        }
    }

    /// Whether a shared secret can be used: its key must be written as the scheme says, and not be empty.
    pub fn accepts(&self, secret: &SecretString) -> bool {
        self.key
            .read(secret.expose_secret())
            .is_some_and(|bytes| !bytes.is_empty())
    }

    /// Proves that a request was made by somebody who knows the secret, for this address, lately. Takes
    /// the same time however much of a proof is right.
    ///
    /// # Errors
    /// [`Refused::Unsigned`], [`Refused::Forged`] or [`Refused::Stale`].
    pub fn verify(&self, secret: &SecretString, arrival: &Arrival<'_>) -> Result<(), Refused> {
        let key = self.key.read(secret.expose_secret()).filter(|key| !key.is_empty());
        let key = key.ok_or(Refused::Forged)?;
        let mut given = arrival.headers.get_all(&self.header).iter().peekable();
        given.peek().ok_or(Refused::Unsigned)?;
        let texts = given.filter_map(|value| value.to_str().ok());
        let proofs = texts.flat_map(|text| text.split(|c| Some(c) == self.several));
        let mut right = false;
        for proof in proofs.filter_map(|proof| self.without_prefix(proof.trim())) {
            right |= match self.algorithm {
                Algorithm::Token => self.is_token(&key, proof),
                Algorithm::HmacSha256 => self.is_hash::<Hmac<Sha256>>(&key, proof, arrival)?,
                Algorithm::HmacSha512 => self.is_hash::<Hmac<Sha512>>(&key, proof, arrival)?,
            };
        }
        if !right {
            return Err(Refused::Forged);
        }
        self.stamp.as_ref().map_or(Ok(()), |stamp| stamp.check(arrival))
    }

    fn without_prefix<'p>(&self, proof: &'p str) -> Option<&'p str> {
        let split = proof.split_at_checked(self.prefix.len());
        match split.filter(|(prefix, _)| prefix.eq_ignore_ascii_case(&self.prefix)) {
            Some((_, rest)) => Some(rest),
            None => self.bare.then_some(proof),
        }
    }

    /// Digests are compared, so that not even the token's length shows.
    fn is_token(&self, key: &[u8], proof: &str) -> bool {
        let given = self.encoding.read(proof).unwrap_or_default();
        Sha256::digest(given).ct_eq(&Sha256::digest(key)).into()
    }

    fn is_hash<M: Mac + KeyInit>(&self, key: &[u8], proof: &str, arrival: &Arrival<'_>) -> Result<bool, Refused> {
        let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
            return Ok(false);
        };
        let header = |name: &HeaderName| arrival.headers.get(name).map(|value| value.as_bytes());
        for part in &self.signed {
            match part {
                Part::Method => mac.update(arrival.method.as_bytes()),
                Part::Uri => mac.update(decoded(arrival.uri, &self.decoded).as_bytes()),
                Part::Body => mac.update(arrival.body),
                Part::Stamp => {
                    let stamp = self.stamp.as_ref().and_then(|stamp| header(&stamp.header));
                    mac.update(stamp.ok_or(Refused::Unsigned)?);
                }
                Part::Header(name) => mac.update(header(name).ok_or(Refused::Unsigned)?),
                Part::Text(text) => mac.update(text.as_bytes()),
            }
        }
        let given = self.encoding.read(proof).unwrap_or_default();
        Ok(mac.verify_slice(&given).is_ok())
    }
}

impl Encoding {
    fn read(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Encoding::Plain => Some(text.as_bytes().to_vec()),
            Encoding::Base64 => match text.strip_suffix('=') {
                None => STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok(),
                Some(_) => STANDARD.decode(text).ok(),
            },
            Encoding::Hex => {
                let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
                let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
                let bytes = digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]));
                bytes.collect::<Result<_, _>>().ok()
            }
        }
    }
}

impl Stamp {
    fn check(&self, arrival: &Arrival<'_>) -> Result<(), Refused> {
        let text = arrival.headers.get(&self.header).ok_or(Refused::Unsigned)?;
        let number: i64 = text
            .to_str()
            .ok()
            .and_then(|t| t.trim().parse().ok())
            .ok_or(Refused::Stale)?;
        let unit = match self.unit {
            StampUnit::Seconds => 1_000_000,
            StampUnit::Milliseconds => 1_000,
        };
        let sent: Time = number.checked_mul(unit).ok_or(Refused::Stale)?;
        let window = u64::try_from(self.window.as_micros()).unwrap_or(u64::MAX);
        if arrival.received.abs_diff(sent) > window {
            return Err(Refused::Stale);
        }
        Ok(())
    }
}

/// Undoes the percent-escapes of certain characters, and of no others.
fn decoded<'u>(uri: &'u str, characters: &str) -> Cow<'u, str> {
    if characters.is_empty() || !uri.contains('%') {
        return uri.into();
    }
    let mut out = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let escape = rest
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escape.map(char::from).filter(|c| characters.contains(*c)) {
            Some(character) => {
                out.push(character);
                rest = &rest[at + 3..];
            }
            None => {
                out.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_escapes_are_undone() {
        let uri = "https://a.example/x%2Fy?q=%3A%20%zz%é%2";
        assert_eq!(decoded(uri, ":/"), "https://a.example/x/y?q=:%20%zz%é%2");
        assert_eq!(decoded(uri, ""), uri);
    }

    #[test]
    fn encodings_read_what_they_say_and_nothing_else() {
        assert_eq!(Encoding::Hex.read("00Ff").unwrap(), [0, 255]);
        assert_eq!(Encoding::Base64.read("AP8=").unwrap(), [0, 255]);
        assert_eq!(Encoding::Base64.read("AP8").unwrap(), [0, 255]);
        for (encoding, text) in [(Encoding::Hex, "0"), (Encoding::Hex, "0g"), (Encoding::Base64, "A===")] {
            assert_eq!(encoding.read(text), None, "{text}");
        }
    }
}
