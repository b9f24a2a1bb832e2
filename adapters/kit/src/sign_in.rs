//! Signing in to a product: a person consents once, in a browser, and the account is connected.

use crate::code_flow::{Attempt, CodeFlow, shown_code};
use crate::origin::{Origin, OriginError};
use crate::token::{TokenStyle, answer_code, usable_life};
use crate::transport::Transport;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How an application asks for an account.
#[derive(Clone)]
pub struct SignIn {
    /// Absolute URL of the page where a person consents.
    pub authorize_url: String,
    /// Absolute URL of the token endpoint.
    pub token_url: String,
    /// Client id.
    pub client_id: String,
    /// Client secret, unless the client is public.
    pub client_secret: Option<SecretString>,
    /// How the fields are sent.
    pub style: TokenStyle,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
    /// Further parameters of the page's address.
    pub extra: Vec<(String, String)>,
    /// Where the page sends the person back to.
    pub redirect_uri: String,
}

/// A sign-in that was begun: what proves that the answer belongs to it.
pub struct Begun {
    /// The address to open. It holds no secret.
    pub address: String,
    state: SecretString,
    verifier: SecretString,
}

/// What a finished sign-in gives.
pub struct Granted {
    /// Valid for some minutes.
    pub access_token: SecretString,
    /// For how long it is used.
    pub access_life: Duration,
    /// To be stored before anything else is done.
    pub refresh_token: SecretString,
}

/// Why a sign-in failed. Carries no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// An address cannot be used.
    #[error(transparent)]
    Address(#[from] OriginError),
    /// What came back is no address, or holds neither a code nor an error.
    #[error("this is not the address that the sign-in ended at: it holds no code")]
    NoCode,
    /// What came back answers another sign-in.
    #[error("the answer belongs to another sign-in; begin anew")]
    WrongState,
    /// The person, or the product, said no.
    #[error("the product did not give access: {0}")]
    Denied(String),
    /// The token endpoint said no, e.g. since the code was used already.
    #[error("the token endpoint refused: {0}")]
    Refused(String),
    /// The token endpoint did not answer.
    #[error("the token endpoint does not answer ({0})")]
    Unreachable(String),
    /// The answer holds no refresh token: the account could not stay connected.
    #[error("the product gave no refresh token; is a scope like offline_access missing?")]
    NoRefreshToken,
}

impl SignIn {
    fn flow(&self) -> CodeFlow<'_> {
        CodeFlow {
            client_id: &self.client_id,
            client_secret: self.client_secret.as_ref(),
            style: self.style,
            redirect_uri: &self.redirect_uri,
        }
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// [`SignInError::Address`].
    pub fn begin(&self) -> Result<Begun, SignInError> {
        let page = Origin::token_endpoint(&self.authorize_url)?;
        let (state, verifier) = (random(), random());
        let attempt = Attempt {
            state: &state,
            verifier: &verifier,
        };
        let extra: Vec<(&str, &str)> = self
            .extra
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let address = self
            .flow()
            .address(page.base(), &self.scopes.join(" "), &attempt, &extra);
        Ok(Begun {
            address,
            state: state.into(),
            verifier: verifier.into(),
        })
    }

    /// Redeems the code of a sign-in. A code works once: nothing is repeated.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn redeem(
        &self,
        begun: &Begun,
        code: &SecretString,
        transport: &dyn Transport,
        user_agent: &str,
    ) -> Result<Granted, SignInError> {
        let endpoint = Origin::token_endpoint(&self.token_url)?;
        let attempt = Attempt {
            state: begun.state.expose_secret(),
            verifier: begun.verifier.expose_secret(),
        };
        let request = self
            .flow()
            .exchange(endpoint.base(), code.expose_secret(), &attempt, user_agent);
        let request = request.map_err(|_| SignInError::Refused("the client secret cannot be sent".into()))?;
        let answer = transport.send(request).await;
        let answer = answer.map_err(|error| SignInError::Unreachable(error.to_string()))?;
        let body = answer.json().unwrap_or_default();
        if !answer.status.is_success() {
            return Err(match answer.status.is_server_error() {
                true => SignInError::Unreachable(answer.status.as_str().to_string()),
                false => SignInError::Refused(answer_code(&body)),
            });
        }
        let token = |name: &str| {
            body[name]
                .as_str()
                .filter(|token| !token.is_empty())
                .map(SecretString::from)
        };
        Ok(Granted {
            access_token: token("access_token").ok_or_else(|| SignInError::Refused(answer_code(&body)))?,
            access_life: usable_life(&body["expires_in"], None),
            refresh_token: token("refresh_token").ok_or(SignInError::NoRefreshToken)?,
        })
    }
}

impl Begun {
    /// The code in the address that the sign-in ended at, whole or from its `?` on; and what else is in it
    /// under this name (some products tell the company there).
    ///
    /// # Errors
    /// [`SignInError`] if it answers another sign-in or access was refused.
    pub fn code(&self, ended_at: &str, also: Option<&str>) -> Result<(SecretString, Option<String>), SignInError> {
        let query = ended_at.trim().split_once('?').ok_or(SignInError::NoCode)?.1;
        let query = query.split('#').next().unwrap_or_default();
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let held = |name: &str| {
            pairs
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let state = held("state").unwrap_or_default();
        let ours = self.state.expose_secret();
        if !bool::from(state.as_bytes().ct_eq(ours.as_bytes())) {
            // Without a state it may be no answer at all.
            return Err(match held("code").or(held("error")) {
                Some(_) => SignInError::WrongState,
                None => SignInError::NoCode,
            });
        }
        if let Some(error) = held("error") {
            return Err(SignInError::Denied(shown_code(error)));
        }
        let code = held("code")
            .filter(|code| !code.is_empty())
            .ok_or(SignInError::NoCode)?;
        let also = also.and_then(held).map(str::to_string);
        Ok((code.into(), also))
    }
}

/// 256 random bits, in characters that RFC 7636 allows.
fn random() -> String {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use url::Url;

    fn sign_in() -> SignIn {
        SignIn {
            authorize_url: "https://login.example.com/authorize".into(),
            token_url: "https://login.example.com/token".into(),
            client_id: "client".into(),
            client_secret: None,
            style: TokenStyle::Form,
            scopes: vec!["offline_access".into(), "books".into()],
            extra: vec![],
            redirect_uri: "http://127.0.0.1:8123/callback".into(),
        }
    }

    fn held(address: &str, name: &str) -> String {
        let url = Url::parse(address).unwrap();
        url.query_pairs()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.into_owned())
            .unwrap()
    }

    #[test]
    fn the_address_proves_the_answer() {
        let begun = sign_in().begin().unwrap();
        assert_eq!(held(&begun.address, "scope"), "offline_access books");
        assert_eq!(held(&begun.address, "code_challenge_method"), "S256");
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(begun.verifier.expose_secret().as_bytes()));
        assert_eq!(held(&begun.address, "code_challenge"), challenge);
        let state = held(&begun.address, "state");
        let (code, company) = begun
            .code(
                &format!("http://127.0.0.1:8123/callback?code=c%2F1&state={state}&realmId=9"),
                Some("realmId"),
            )
            .unwrap();
        assert_eq!((code.expose_secret(), company.as_deref()), ("c/1", Some("9")));
    }

    #[test]
    fn what_does_not_belong_is_refused() {
        let begun = sign_in().begin().unwrap();
        let state = held(&begun.address, "state");
        let other = held(&sign_in().begin().unwrap().address, "state");
        let error = |text: &str| begun.code(text, None).map(|_| ()).unwrap_err();
        assert_eq!(error(&format!("?code=c&state={other}")), SignInError::WrongState);
        assert_eq!(error("?code=c"), SignInError::WrongState);
        assert_eq!(error("http://127.0.0.1/callback"), SignInError::NoCode);
        assert_eq!(error(&format!("?state={state}")), SignInError::NoCode);
        assert_eq!(
            error(&format!("?error=access_denied&state={state}")),
            SignInError::Denied("access_denied".into())
        );
    }
}
