//! Randomness, as a parameter; and what is made of it.

use bridge_core::hex;
use sha2::{Digest, Sha256};

/// Where random bytes come from.
pub trait Chance: Send + Sync {
    /// Fills the bytes, each value as likely as any other.
    fn fill(&self, bytes: &mut [u8]);
}

/// The generator of the process, seeded by the system.
pub struct System;

impl Chance for System {
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes);
    }
}

/// 256 random bits in hexadecimal: what a session, a link or a form is known by.
pub fn token(chance: &dyn Chance) -> String {
    let mut bytes = [0; 32];
    chance.fill(&mut bytes);
    hex(&bytes)
}

/// A short id that tells nothing: 64 random bits.
pub fn id(chance: &dyn Chance) -> String {
    let mut bytes = [0; 8];
    chance.fill(&mut bytes);
    format!("u{}", hex(&bytes))
}

/// What is kept of a token: whoever reads it cannot make the token of it.
pub fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub fn same(one: &str, other: &str) -> bool {
    subtle::ConstantTimeEq::ct_eq(one.as_bytes(), other.as_bytes()).into()
}
