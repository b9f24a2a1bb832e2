//! What is asked of a token endpoint, and how its answers are read.

use crate::auth::AuthOptionsError;
use crate::transport::HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use std::time::Duration;
use url::Url;

/// How the token endpoint wants its fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenStyle {
    /// Form, client id and secret as fields.
    #[default]
    Form,
    /// Form, client id and secret as HTTP Basic.
    FormBasic,
    /// JSON, client id and secret as members (Halaxy: halaxy-api.md section 1).
    Json,
}

/// A request to a token endpoint.
pub(crate) fn token_request(
    user_agent: &HeaderValue,
    endpoint: &Url,
    mut fields: Vec<(String, String)>,
    client_id: &str,
    secret: Option<&SecretString>,
    style: TokenStyle,
) -> Result<HttpRequest, AuthOptionsError> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, user_agent.clone());
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/json, application/fhir+json"),
    );
    match (style, secret) {
        (TokenStyle::FormBasic, Some(secret)) => {
            // RFC 6749 section 2.3.1: both are form-encoded before they are joined.
            let pair = format!("{}:{}", form_encoded(client_id), form_encoded(secret.expose_secret()));
            let value = format!("Basic {}", STANDARD.encode(pair));
            headers.insert(AUTHORIZATION, secret_header(&value)?);
        }
        (_, secret) => {
            fields.push(("client_id".into(), client_id.to_string()));
            if let Some(secret) = secret {
                fields.push(("client_secret".into(), secret.expose_secret().to_string()));
            }
        }
    }
    let (content_type, body) = if style == TokenStyle::Json {
        let members = fields.into_iter().map(|(name, value)| (name, json!(value))).collect();
        ("application/json", Json::Object(members).to_string())
    } else {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        ("application/x-www-form-urlencoded", body)
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(HttpRequest {
        method: Method::POST,
        url: endpoint.clone(),
        headers,
        body: Bytes::from(body),
        longest: None,
    })
}

/// Members in which products say how long a refresh token lives, in seconds: no standard names one.
const REFRESH_LIFE: [&str; 3] = [
    "refresh_token_expires_in",
    "x_refresh_token_expires_in",
    "refresh_expires_in",
];

/// How long the refresh token of an answer lives, where the product says so.
pub(crate) fn refresh_life(answer: &Json) -> Option<Duration> {
    REFRESH_LIFE.into_iter().find_map(|name| seconds(&answer[name]))
}

fn seconds(told: &Json) -> Option<Duration> {
    let told = told.as_f64().or_else(|| told.as_str()?.parse().ok());
    told.filter(|seconds| seconds.is_finite() && *seconds > 0.0)
        .map(|seconds| Duration::from_secs_f64(seconds.min(1e9)))
}

/// How long a token is used: somewhat less than the product says, and no longer than the cap.
pub(crate) fn usable_life(expires_in: &Json, cap: Option<Duration>) -> Duration {
    let told = seconds(expires_in).unwrap_or(Duration::from_secs(600));
    let margin = Duration::from_secs(60).min(told / 10);
    let life = told - margin;
    cap.map_or(life, |cap| life.min(cap))
}

/// The error code of a token answer: OAuth2's `error`, or the code of an OperationOutcome. Codes
/// only, cut short: texts may echo what was sent.
pub(crate) fn answer_code(answer: &Json) -> String {
    let code = answer["error"]
        .as_str()
        .or_else(|| answer["issue"][0]["code"].as_str())
        .unwrap_or("no access_token");
    code.chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .take(40)
        .collect()
}

/// A header that no log prints.
pub(crate) fn secret_header(text: &str) -> Result<HeaderValue, AuthOptionsError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| AuthOptionsError::NotAHeader)?;
    value.set_sensitive(true);
    Ok(value)
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
