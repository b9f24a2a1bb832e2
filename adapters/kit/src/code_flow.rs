//! The OAuth2 code flow with PKCE (RFC 6749 section 4.1, RFC 7636): the address that a browser is sent to, and what redeems
//! the code that it brings back. Signing in to a product ([`crate::SignIn`]) and people who sign in here both rest on it.

use crate::auth::AuthOptionsError;
use crate::token::{TokenStyle, token_request};
use crate::transport::HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use url::Url;

/// An application, as an authorization server knows it.
#[derive(Clone, Copy)]
pub struct CodeFlow<'a> {
    /// Client id.
    pub client_id: &'a str,
    /// Client secret, unless the client is public.
    pub client_secret: Option<&'a SecretString>,
    /// How the fields are sent to the token endpoint.
    pub style: TokenStyle,
    /// Where the server sends the browser back to.
    pub redirect_uri: &'a str,
}

/// What belongs to one attempt alone, in characters that RFC 7636 allows for a verifier.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// What the answer must carry.
    pub state: &'a str,
    /// What only whoever began can redeem the code with.
    pub verifier: &'a str,
}

impl CodeFlow<'_> {
    /// The address that the browser is sent to, made of the server's page. It holds no secret.
    pub fn address(&self, page: &Url, scope: &str, attempt: &Attempt<'_>, extra: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(attempt.verifier.as_bytes()));
        let mut address = page.clone();
        let mut query = address.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.redirect_uri);
        if !scope.is_empty() {
            query.append_pair("scope", scope);
        }
        query
            .append_pair("state", attempt.state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(extra);
        drop(query);
        address.into()
    }

    /// The request that redeems a code at an address that secrets may be sent to. A code works once: it is not to be repeated.
    ///
    /// # Errors
    /// [`AuthOptionsError::NotAHeader`] if the secret cannot be sent.
    pub fn exchange(
        &self,
        endpoint: &Url,
        code: &str,
        attempt: &Attempt<'_>,
        user_agent: &str,
    ) -> Result<HttpRequest, AuthOptionsError> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri),
            ("code_verifier", attempt.verifier),
        ];
        let fields = fields.map(|(name, value)| (name.to_string(), value.to_string()));
        let agent = HeaderValue::from_str(user_agent).unwrap_or(HeaderValue::from_static("halaxy-bridge"));
        token_request(
            &agent,
            endpoint,
            fields.to_vec(),
            self.client_id,
            self.client_secret,
            self.style,
        )
    }
}

/// The code of an error as it may be shown: it came by way of a browser.
pub fn shown_code(error: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    error.chars().filter(allowed).take(40).collect()
}
