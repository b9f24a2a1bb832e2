//! Who may call the API: tokens with a name and what they may do. Finding one tells nothing of it by the time it takes.

use super::review::ACTION;
use crate::access::bound::Bound;
use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use subtle::ConstantTimeEq;

/// The fewest characters of a token.
pub const SHORTEST: usize = 24;

/// One token.
pub struct Token {
    /// Who calls with it, as the history shows it.
    pub name: String,
    /// What is sent as `Authorization: Bearer`.
    pub secret: SecretString,
    /// It may make actions that write.
    pub writes: bool,
    /// The actions it may make; every one if none are named.
    pub actions: BTreeSet<String>,
    /// The review shows it people of these locations only. Nothing else may be made with it then.
    pub bound: Option<Bound>,
}

impl Token {
    /// Whether it may make an action.
    pub fn may(&self, action: &str, writes: bool) -> bool {
        let fits = self.bound.is_none() || action == ACTION;
        fits && (self.writes || !writes) && (self.actions.is_empty() || self.actions.contains(action))
    }
}

/// All tokens.
pub struct Tokens(Vec<([u8; 32], Token)>);

impl Tokens {
    /// These tokens and no other.
    pub fn new(tokens: Vec<Token>) -> Tokens {
        let digested = |token: Token| (digest(token.secret.expose_secret()), token);
        Tokens(tokens.into_iter().map(digested).collect())
    }

    /// Whose request this is.
    pub fn of(&self, headers: &HeaderMap) -> Option<&Token> {
        let sent = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = sent.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let sent = digest(token.trim());
        let mut found = None;
        for (digest, token) in &self.0 {
            if bool::from(digest.ct_eq(&sent)) {
                found = Some(token);
            }
        }
        found
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
