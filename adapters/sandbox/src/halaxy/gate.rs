//! The token call and what a call without a good token is answered (halaxy-api.md section 1).

use axum::http::Method;
use rand::RngExt;
use serde_json::json;

use super::Halaxy;
use super::bundle::outcome;
use super::switches::ExpiredAnswer;
use crate::answer::{Answer, Call, Context};
use crate::clock::SECOND;

impl Halaxy {
    pub(super) fn token(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        if call.method != Method::POST {
            return Answer::empty(405);
        }
        let refuse = |status, error: &str, text: &str| {
            Answer::json(
                status,
                json!({"error": error, "error_description": text, "message": text}),
            )
        };
        let form = call.header("content-type").is_none_or(|kind| !kind.contains("json"));
        let Some(body) = call.json().filter(|_| !form) else {
            return refuse(400, "invalid_request", "the body must be JSON");
        };
        if body["grant_type"] != "client_credentials" {
            return refuse(400, "unsupported_grant_type", "grant_type must be client_credentials");
        }
        if body["client_id"] != self.client_id.as_str() || body["client_secret"] != self.client_secret.as_str() {
            return refuse(401, "invalid_client", "client authentication failed");
        }
        let token = format!("{:032x}{:032x}", cx.rng.random::<u128>(), cx.rng.random::<u128>());
        let life = i64::from(self.switches.token_life_seconds) * SECOND;
        // Tokens long dead are forgotten; a client then sees the same answer as for an unknown one.
        self.tokens.retain(|_, given| *given + 4 * life > cx.now);
        self.tokens.insert(token.clone(), cx.now);
        Answer::json(
            200,
            json!({"token_type": "Bearer", "expires_in": 3600, "access_token": token}),
        )
    }

    pub(super) fn signed_in(&self, call: &Call, cx: &mut Context<'_>) -> Option<Answer> {
        let Some(given) = call.bearer().and_then(|token| self.tokens.get(token)) else {
            return Some(outcome(401, "login", "a valid token is required", ""));
        };
        if cx.now < given + i64::from(self.switches.token_life_seconds) * SECOND {
            return None;
        }
        let kinds = &self.switches.expired;
        let kind = match kinds.len() {
            0 => ExpiredAnswer::Outcome401,
            1 => kinds[0],
            many => kinds[cx.rng.random_range(0..many)],
        };
        let text = "the token has expired";
        Some(match kind {
            ExpiredAnswer::Outcome401 => outcome(401, "expired", text, ""),
            ExpiredAnswer::Outcome200 => outcome(200, "expired", text, ""),
            ExpiredAnswer::Error401 => Answer::json(
                401,
                json!({"error": "invalid_token", "error_description": text, "message": text}),
            ),
        })
    }
}
