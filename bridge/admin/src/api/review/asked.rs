//! What callers ask, read strictly: whatever does not fit is refused as JSON, without repeating what was sent.

use super::super::Refused;
use axum::body::to_bytes;
use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// A decision is small.
const BODY_LIMIT: usize = 64 * 1024;

/// The open parts of a path.
pub(super) struct Named<T>(pub T);

/// What stands behind the `?`.
pub(super) struct Asked<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        without_nul(parts.uri.path())?;
        match Path::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Named(named)),
            Err(_) => Err(bad("the address is not understood")),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        without_nul(parts.uri.query().unwrap_or_default())?;
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Asked(asked)),
            Err(_) => Err(bad("the parameters are not what is asked for here")),
        }
    }
}

/// The body of a request; nothing is an object without members.
pub(super) async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Refused> {
    let bytes = to_bytes(request.into_body(), BODY_LIMIT).await;
    let bytes = bytes.map_err(|_| bad("the body is too large"))?;
    let bytes = if bytes.is_empty() { b"{}".as_slice() } else { &bytes };
    let nul = br"\u0000";
    if bytes.windows(nul.len()).any(|piece| piece == nul) {
        return Err(bad("the body holds a character that no text has"));
    }
    serde_json::from_slice(bytes).map_err(|_| bad("the body is not what is asked for here"))
}

/// PostgreSQL keeps no text with this character in it.
fn without_nul(text: &str) -> Result<(), Refused> {
    match text.contains("%00") {
        true => Err(bad("the address holds a character that no text has")),
        false => Ok(()),
    }
}

fn bad(what: &str) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, what, "See /api/openapi.json.")
}
