//! One account of a product: the HTTP client that a connector's auth, limits and answers make,
//! and the calls that its requests become.

use crate::connector::{AuthStyle, Connector, LimitsSpec, OAuthSpec, Request};
use crate::meaning::Rules;
use crate::template::{Template, TemplateError, Variables, written};
use adapter_kit::{
    AdapterError, Auth, Call, CallError, Client, ClientCredentials, ClientOptions, Clock, DayBudget, Failure, Limits,
    MemoryDayBudget, OptionsError, Outcome, Rate, RefreshGrant, Response, TokenStore, TokenStoreError, TokenStyle,
    Transport,
};
use async_trait::async_trait;
use base64::Engine;
use bridge_core::Time;
use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What the user's configuration says of one system, besides the connector.
#[derive(Clone, Default)]
pub struct RestOptions {
    /// Instead of the connector's base URL.
    pub base_url: Option<String>,
    /// Instead of the connector's token URL.
    pub token_url: Option<String>,
    /// Instead of the connector's page for signing in.
    pub authorize_url: Option<String>,
    /// Instead of the connector's address that lists organisations.
    pub tenants_url: Option<String>,
    /// Secrets by the name the connector gives them, e.g. `token`.
    pub secrets: BTreeMap<String, SecretString>,
    /// Further settings by name, e.g. `tenant`.
    pub settings: BTreeMap<String, String>,
    /// Paths that the mapping reads and writes, by kind, e.g. `contacts` -> `properties.email`.
    pub members: BTreeMap<String, Vec<String>>,
    /// Sent with every call; the kit's own if `None`.
    pub user_agent: Option<String>,
    /// The share of the rate limits that is ours, 0 to 1.
    pub share: Option<f64>,
    /// Another process may just have spent the limits ([`adapter_kit::Limits::spent`]).
    pub spent: bool,
    /// Where the day's calls are counted; in memory if `None`.
    pub day: Option<Arc<dyn DayBudget>>,
    /// Instead of the connector's `lag`.
    pub lag: Option<Duration>,
    /// Instead of the connector's `call_life`.
    pub call_life: Option<Duration>,
}

/// Why a connector and a configuration do not make an adapter. Names no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The connector has no base URL and the configuration gives none.
    #[error("the connector has no base_url; give one in the system's section")]
    NoBaseUrl,
    /// The connector describes no books.
    #[error("the connector has no [books]: it is no accounting product")]
    NoBooks,
    /// The connector knows no sign-in.
    #[error("the connector does not sign in by an authorization code")]
    NoSignIn,
    /// Nobody has signed in, or chosen an organisation.
    #[error("the account is not connected")]
    NotConnected,
    /// A secret is missing.
    #[error("the secret `{0}` is missing; add {0} = \"env:..\" to the system's section")]
    NoSecret(String),
    /// A setting is missing: its name and what it is.
    #[error("the setting `{0}` is missing ({1}); add it to the system's section")]
    NoSetting(String, String),
    /// The refresh token changes with every use, so it needs a place to live.
    #[error("the connector's refresh token changes with every use: a token store is needed")]
    NoTokenStore,
    /// A template of the account could not be filled.
    #[error("{0}")]
    Template(#[from] TemplateError),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Client(#[from] OptionsError),
    /// A header name is none.
    #[error("`{0}` is no header name")]
    Header(String),
}

/// A connected account.
pub(crate) struct Account {
    pub client: Client,
    /// Variables of every call.
    pub variables: Variables,
    /// A credential that travels in the query.
    query_key: Option<(String, SecretString)>,
    headers: Vec<(String, Template)>,
}

impl Account {
    pub fn new(
        system: &str,
        connector: &Connector,
        options: &RestOptions,
        rules: Rules,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        tokens: Option<Arc<dyn TokenStore>>,
    ) -> Result<Account, SetupError> {
        for (name, about) in &connector.settings {
            if !options.settings.contains_key(name) {
                return Err(SetupError::NoSetting(name.clone(), about.clone()));
            }
        }
        if let Some(setting) = connector.tenant_setting()
            && !options.settings.contains_key(setting)
        {
            return Err(SetupError::NotConnected);
        }
        let mut variables = Variables::new();
        variables.insert("account".into(), json!(options.settings));
        let base_url = match (&options.base_url, &connector.base_url) {
            (Some(base_url), _) => base_url.clone(),
            (None, Some(template)) => template.text(&variables)?.ok_or(SetupError::NoBaseUrl)?,
            (None, None) => return Err(SetupError::NoBaseUrl),
        };
        let secret = |name: &String| {
            options
                .secrets
                .get(name)
                .cloned()
                .ok_or_else(|| SetupError::NoSecret(name.clone()))
        };
        let mut query_key = None;
        let auth = match &connector.auth {
            AuthStyle::None => Auth::None,
            AuthStyle::Bearer { token } => Auth::Bearer(secret(token)?),
            AuthStyle::Header { token, header, prefix } => {
                let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| SetupError::Header(header.clone()))?;
                Auth::Header(name, format!("{prefix}{}", secret(token)?.expose_secret()).into())
            }
            AuthStyle::Query { token, parameter } => {
                query_key = Some((parameter.clone(), secret(token)?));
                Auth::None
            }
            AuthStyle::Basic { user, password } => {
                let pair = format!(
                    "{}:{}",
                    secret(user)?.expose_secret(),
                    secret(password)?.expose_secret()
                );
                let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
                Auth::Header(http::header::AUTHORIZATION, value.into())
            }
            AuthStyle::OAuth(oauth) => grant(oauth, &base_url, options, tokens)?,
        };
        let mut client = ClientOptions::new(system, base_url);
        let lives = connector.kinds.values().map(|kind| kind.call_life);
        let lives = lives.chain(connector.books.iter().map(|books| books.call_life));
        client.write_life = options.call_life.or(lives.min());
        if let Some(user_agent) = &options.user_agent {
            client.user_agent = user_agent.clone();
        }
        client.auth = auth;
        client.limits = limits(&connector.limits, options);
        client.verdicts = Arc::new(rules);
        Ok(Account {
            client: Client::new(client, transport, clock)?,
            variables,
            query_key,
            headers: connector.headers.clone(),
        })
    }

    /// Sends a call that has no effect.
    pub async fn read(&self, request: &Request, variables: &Variables, what: &str) -> Result<Response, CallError> {
        let path = request
            .path
            .path(variables)
            .map_err(|error| self.unsendable(what, &error))?;
        self.send(Call::read(request.method.clone(), path), request, variables, what)
            .await
    }

    /// Reads the next page by the address that the product itself gave.
    pub async fn follow(
        &self,
        link: &str,
        request: &Request,
        variables: &Variables,
        what: &str,
    ) -> Result<Response, CallError> {
        let mut bare = request.clone();
        bare.query.clear();
        self.send(Call::read(request.method.clone(), link), &bare, variables, what)
            .await
    }

    /// Sends a call that has an effect.
    pub async fn write(&self, request: &Request, variables: &Variables, what: &str) -> Result<Response, CallError> {
        let path = request
            .path
            .path(variables)
            .map_err(|error| self.unsendable(what, &error))?;
        self.send(Call::write(request.method.clone(), path), request, variables, what)
            .await
    }

    async fn send(
        &self,
        call: Call,
        request: &Request,
        variables: &Variables,
        what: &str,
    ) -> Result<Response, CallError> {
        let call = self
            .filled(call, request, variables)
            .map_err(|error| self.unsendable(what, &error))?;
        self.client.send(call.what(what).template(request.path.source())).await
    }

    fn filled(&self, mut call: Call, request: &Request, variables: &Variables) -> Result<Call, TemplateError> {
        for (name, shape) in &request.query {
            match shape.fill(variables)? {
                None | Some(Json::Null) => {}
                Some(Json::Array(values)) => {
                    for value in &values {
                        call = call.query(name, written(value));
                    }
                }
                Some(value) => call = call.query(name, written(&value)),
            }
        }
        if let Some((name, key)) = &self.query_key {
            call = call.query(name, key.expose_secret());
        }
        for (name, template) in self.headers.iter().chain(&request.headers) {
            if let Some(value) = template.text(variables)? {
                call = call.header(name, value);
            }
        }
        if let Some(group) = &request.limit {
            call = call.group(group);
        }
        Ok(match &request.body {
            None => call,
            Some(shape) => match shape.fill(variables)? {
                None => call,
                Some(body) if request.form => {
                    let mut fields = Vec::new();
                    form_fields(None, &body, &mut fields);
                    call.form(fields)
                }
                Some(body) => call.json(body),
            },
        })
    }

    /// The error of an answer that was good by its status and makes no sense.
    pub fn nonsense(&self, what: &str, code: &str) -> CallError {
        CallError {
            error: self.client.nonsense(what, code),
            outcome: Outcome::Unknown,
            verdict: None,
            response: None,
        }
    }

    /// A call that could not be made of the connector's templates: nothing was sent.
    fn unsendable(&self, what: &str, error: &TemplateError) -> CallError {
        let error = AdapterError {
            system: self.client.system().to_string(),
            what: what.to_string(),
            code: error.to_string(),
            failure: Failure::Refused,
            not_processed: true,
        };
        CallError {
            error,
            outcome: Outcome::Refused,
            verdict: None,
            response: None,
        }
    }
}

fn grant(
    oauth: &OAuthSpec,
    base_url: &str,
    options: &RestOptions,
    tokens: Option<Arc<dyn TokenStore>>,
) -> Result<Auth, SetupError> {
    let secret = |name: &String| {
        options
            .secrets
            .get(name)
            .cloned()
            .ok_or_else(|| SetupError::NoSecret(name.clone()))
    };
    let client_id = match options.settings.get(&oauth.client_id) {
        Some(client_id) => client_id.clone(),
        None => secret(&oauth.client_id)?.expose_secret().to_string(),
    };
    let token_url = token_url(oauth, base_url, options);
    let style = token_style(oauth);
    let life_cap = oauth.life_cap;
    Ok(match &oauth.refresh_token {
        None => Auth::ClientCredentials(ClientCredentials {
            token_url,
            client_id,
            client_secret: secret(&oauth.client_secret)?,
            style,
            scope: oauth.scope.clone(),
            extra: oauth.extra.clone().into_iter().collect(),
            life_cap,
        }),
        Some(refresh_token) => {
            let tokens = tokens.ok_or(SetupError::NoTokenStore)?;
            let first = options.secrets.get(refresh_token).cloned();
            Auth::Refresh(RefreshGrant {
                token_url,
                client_id,
                client_secret: options.secrets.get(&oauth.client_secret).cloned(),
                style,
                store: Arc::new(Seeded { tokens, first }),
                life_cap,
            })
        }
    })
}

pub(crate) fn token_url(oauth: &OAuthSpec, base_url: &str, options: &RestOptions) -> String {
    match &options.token_url {
        Some(token_url) => token_url.clone(),
        None if oauth.token_url.contains("://") => oauth.token_url.clone(),
        None => format!(
            "{}/{}",
            base_url.trim_end_matches('/'),
            oauth.token_url.trim_start_matches('/')
        ),
    }
}

pub(crate) fn token_style(oauth: &OAuthSpec) -> TokenStyle {
    match (oauth.json, oauth.basic) {
        (true, _) => TokenStyle::Json,
        (false, true) => TokenStyle::FormBasic,
        (false, false) => TokenStyle::Form,
    }
}

/// A token store that falls back to the refresh token of the configuration until one is stored.
struct Seeded {
    tokens: Arc<dyn TokenStore>,
    first: Option<SecretString>,
}

#[async_trait]
impl TokenStore for Seeded {
    async fn load(&self) -> Result<Option<SecretString>, TokenStoreError> {
        Ok(self.tokens.load().await?.or_else(|| self.first.clone()))
    }

    async fn store(&self, refresh_token: &SecretString) -> Result<(), TokenStoreError> {
        self.tokens.store(refresh_token).await
    }

    async fn access(&self) -> Option<(SecretString, Time)> {
        self.tokens.access().await
    }

    async fn keep_access(&self, token: &SecretString, until: Time) {
        self.tokens.keep_access(token, until).await;
    }
}

/// The share of a day's calls that is kept for what a person waits for.
const RESERVED_SHARE: u64 = 20;

fn limits(spec: &LimitsSpec, options: &RestOptions) -> Limits {
    let rates = spec.windows.iter().map(|window| Rate {
        calls: window.calls,
        per: window.per,
        group: window.group.clone(),
        limit_header: window.limit_header.clone(),
        remaining_header: window.remaining_header.clone(),
    });
    let in_memory = || {
        spec.day
            .map(|day| Arc::new(MemoryDayBudget::new(day, day / RESERVED_SHARE)) as Arc<dyn DayBudget>)
    };
    Limits {
        rates: rates.collect(),
        share: options.share,
        spent: options.spent,
        concurrent: spec.concurrent,
        day: options.day.clone().or_else(in_memory),
        day_remaining_header: spec.day_remaining_header.clone(),
        longest_wait: None,
    }
}

/// A body as form fields: `a[b]=c` for tables, repeated names for lists, nothing for nulls.
fn form_fields(name: Option<&str>, value: &Json, into: &mut Vec<(String, String)>) {
    match (name, value) {
        (_, Json::Null) => {}
        (None, Json::Object(members)) => members
            .iter()
            .for_each(|(name, value)| form_fields(Some(name), value, into)),
        (Some(outer), Json::Object(members)) => {
            members
                .iter()
                .for_each(|(name, value)| form_fields(Some(&format!("{outer}[{name}]")), value, into));
        }
        (Some(name), Json::Array(elements)) => elements
            .iter()
            .for_each(|element| form_fields(Some(name), element, into)),
        (Some(name), value) => into.push((name.to_string(), written(value))),
        (None, _) => {}
    }
}
