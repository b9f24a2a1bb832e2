//! The store's key: personal values are sealed with XChaCha20-Poly1305 and found again by keyed
//! hashes (HMAC-SHA-256). Both use keys of their own, derived from the one key the operator keeps.

use chacha20::{R20, hchacha};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// First byte of every sealed value: how the rest is laid out.
const FORMAT: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = 1 + NONCE;

/// Why a text is not a key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Not 64 characters.
    #[error("a key is 64 hex digits; this has {0} characters. `halaxy-bridge key new` makes one")]
    Length(usize),
    /// Something else than 0-9, a-f.
    #[error("a key is 64 hex digits; character {0} is none. `halaxy-bridge key new` makes one")]
    Digit(usize),
}

/// The operator's key: 32 bytes, written as 64 hex digits. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// Reads 64 hex digits; white space around them is ignored.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let length = text.chars().count();
        if length != 64 {
            return Err(KeyError::Length(length));
        }
        let mut bytes = Zeroizing::new([0u8; 32]);
        for (place, digit) in text.chars().enumerate() {
            let value = digit.to_digit(16).ok_or(KeyError::Digit(place + 1))? as u8;
            bytes[place / 2] = bytes[place / 2] << 4 | value;
        }
        Ok(Self(bytes))
    }

    /// A new random key.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0u8; 32]);
        rand::fill(&mut bytes[..]);
        Self(bytes)
    }

    /// The 64 hex digits, for the operator to keep.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(bridge_core::hex(&self.0[..]))
    }

    /// Short name of the key. Says nothing about it, and may be shown and logged.
    pub fn id(&self) -> String {
        bridge_core::hex(&self.derive::<4>("id"))
    }

    fn derive<const N: usize>(&self, purpose: &str) -> [u8; N] {
        let mut out = [0u8; N];
        // Only an output of more than 255 hashes is refused.
        if Hkdf::<Sha256>::new(Some(b"halaxy-bridge store v1"), &self.0[..])
            .expand(purpose.as_bytes(), &mut out)
            .is_err()
        {
            unreachable!("derived keys are at most 32 bytes");
        }
        out
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

/// What is derived from a [`Key`]: one key per purpose.
pub(crate) struct Keys {
    pub id: String,
    pub check: String,
    seal: Zeroizing<[u8; 32]>,
    /// Keyed once; a clone of it is cheaper than keying again.
    look: Hmac<Sha256>,
}

impl Keys {
    /// Look-up keys differ from practice to practice, so that equal values in two of them are not
    /// seen to be equal; bodies are bound to their practice by the place they are sealed for.
    pub fn new(key: &Key, practice: &str) -> Self {
        let mut look = key.derive::<32>(&format!("look-up {practice}"));
        let keys = Self {
            id: key.id(),
            check: bridge_core::hex(&key.derive::<16>("check")),
            seal: Zeroizing::new(key.derive("seal")),
            look: keyed(&look),
        };
        look.zeroize();
        keys
    }

    /// Format, nonce, ciphertext, tag.
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut out = vec![0u8; HEAD + plain.len() + TAG];
        out[0] = FORMAT;
        rand::fill(&mut out[1..HEAD]);
        let (head, rest) = out.split_at_mut(HEAD);
        let (body, tag) = rest.split_at_mut(plain.len());
        body.copy_from_slice(plain);
        let (cipher, nonce) = self.cipher(head);
        match cipher.seal_in_place_separate_tag(nonce, Aad::from(place), body) {
            Ok(made) => tag.copy_from_slice(made.as_ref()),
            Err(_) => unreachable!("a body is shorter than 256 GB"),
        }
        out
    }

    /// Opens what [`Keys::seal`] made for the same place, within its own bytes; `None` for
    /// anything else.
    pub fn open<'a>(&self, place: &[u8], sealed: &'a mut [u8]) -> Option<&'a [u8]> {
        if sealed.len() < HEAD + TAG || sealed[0] != FORMAT {
            return None;
        }
        let (head, rest) = sealed.split_at_mut(HEAD);
        let (cipher, nonce) = self.cipher(head);
        let plain = cipher.open_in_place(nonce, Aad::from(place), rest).ok()?;
        Some(plain)
    }

    /// XChaCha20-Poly1305 as draft-irtf-cfrg-xchacha section 2.3 makes it of ChaCha20-Poly1305: the
    /// first 16 bytes of the nonce give a key, the other eight the nonce under it. ring's inner
    /// cipher takes a tenth of the time of the `chacha20poly1305` crate on bodies of this size,
    /// which is half of what a busy store does; the tests hold it against that crate.
    fn cipher(&self, head: &[u8]) -> (LessSafeKey, Nonce) {
        let (mut first, mut last) = ([0u8; 16], [0u8; 12]);
        first.copy_from_slice(&head[1..17]);
        last[4..].copy_from_slice(&head[17..HEAD]);
        let mut key: [u8; 32] = hchacha::<R20>(&(*self.seal).into(), &first.into()).into();
        let cipher = match UnboundKey::new(&CHACHA20_POLY1305, &key) {
            Ok(cipher) => LessSafeKey::new(cipher),
            Err(_) => unreachable!("the key has the length of the cipher's"),
        };
        key.zeroize();
        (cipher, Nonce::assume_unique_for_key(last))
    }

    /// Keyed hash of a look-up text; another `kind` gives another hash.
    pub fn hash(&self, kind: &str, text: &str) -> [u8; 16] {
        let mut mac = self.look.clone();
        mac.update(&(kind.len() as u64).to_le_bytes());
        mac.update(kind.as_bytes());
        mac.update(text.as_bytes());
        let full = mac.finalize().into_bytes();
        let mut out = [0u8; 16];
        out.copy_from_slice(&full[..16]);
        out
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    match <Hmac<Sha256> as KeyInit>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_and_bad_texts_say_where() {
        let key = Key::generate();
        assert_eq!(Key::parse(&format!("  {}\n", *key.to_hex())).unwrap().id(), key.id());
        assert_eq!(Key::parse("abc").unwrap_err(), KeyError::Length(3));
        assert_eq!(Key::parse(&"g".repeat(64)).unwrap_err(), KeyError::Digit(1));
        assert_eq!(
            Key::parse(&format!("{}é", "0".repeat(63))).unwrap_err(),
            KeyError::Digit(64)
        );
        assert!(!format!("{key:?}").contains(&key.to_hex()[..16]));
    }

    #[test]
    fn sealed_values_open_only_under_their_key_and_in_their_place() {
        let keys = Keys::new(&Key::generate(), "clinic");
        let sealed = keys.seal(b"here", b"Miriam Samplewood");
        assert_eq!(keys.open(b"here", &mut sealed.clone()).unwrap(), b"Miriam Samplewood");
        assert!(keys.open(b"there", &mut sealed.clone()).is_none());
        assert!(
            Keys::new(&Key::generate(), "clinic")
                .open(b"here", &mut sealed.clone())
                .is_none()
        );
        for place in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[place] ^= 1;
            assert!(keys.open(b"here", &mut bent).is_none(), "byte {place}");
        }
        assert!(keys.open(b"here", &mut sealed[..30].to_vec()).is_none());
        assert_ne!(keys.seal(b"here", b"x"), keys.seal(b"here", b"x"));
    }

    #[test]
    fn the_cipher_is_the_one_that_others_know() {
        use chacha20poly1305::{
            KeyInit, XChaCha20Poly1305, XNonce,
            aead::{Aead, Payload},
        };
        let keys = Keys::new(&Key::generate(), "clinic");
        let other = XChaCha20Poly1305::new(&(*keys.seal).into());
        for length in [0, 1, 15, 16, 63, 64, 65, 459, 5000] {
            let plain = vec![0x5a; length];
            let mut sealed = keys.seal(b"here", &plain);
            let nonce = XNonce::try_from(&sealed[1..HEAD]).unwrap();
            assert_eq!(
                other
                    .decrypt(
                        &nonce,
                        Payload {
                            msg: &sealed[HEAD..],
                            aad: b"here"
                        }
                    )
                    .unwrap(),
                plain
            );
            let theirs = other
                .encrypt(
                    &nonce,
                    Payload {
                        msg: &plain,
                        aad: b"here",
                    },
                )
                .unwrap();
            assert_eq!(sealed[HEAD..], theirs);
            assert_eq!(keys.open(b"here", &mut sealed).unwrap(), plain);
        }
    }

    #[test]
    fn hashes_depend_on_key_practice_kind_and_text() {
        let (one, two) = (
            Keys::new(&Key::generate(), "clinic"),
            Keys::new(&Key::generate(), "clinic"),
        );
        assert_eq!(one.hash("email", "a"), one.hash("email", "a"));
        assert_ne!(one.hash("email", "a"), one.hash("phone", "a"));
        assert_ne!(one.hash("email", "a"), two.hash("email", "a"));
        assert_ne!(one.hash("ab", "c"), one.hash("a", "bc"));
        let key = Key::generate();
        assert_eq!(
            Keys::new(&key, "x").hash("email", "a"),
            Keys::new(&key, "x").hash("email", "a")
        );
        assert_ne!(
            Keys::new(&key, "x").hash("email", "a"),
            Keys::new(&key, "y").hash("email", "a")
        );
    }
}
