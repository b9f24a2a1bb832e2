//! Signing in to a product whose connector says `style = "authorization_code"`, and the organisations
//! that one sign-in opens.

use crate::account::{RestOptions, SetupError, token_style, token_url};
use crate::connector::{Connector, TenantsTold};
use adapter_kit::{AdapterError, Auth, Call, Client, ClientOptions, Clock, SignIn, Transport};
use http::Method;
use secrecy::SecretString;
use std::sync::Arc;
use url::Url;

/// An organisation that a sign-in opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// What calls name it by.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// The sign-in of an account; `redirect_uri` is where the product sends the person back to.
///
/// # Errors
/// [`SetupError`] if the connector knows no sign-in, or its client id is missing.
pub fn sign_in(connector: &Connector, options: &RestOptions, redirect_uri: &str) -> Result<SignIn, SetupError> {
    let (oauth, authorize) = connector.authorize().ok_or(SetupError::NoSignIn)?;
    let client_id = options.settings.get(&oauth.client_id).cloned();
    let about = || SetupError::NoSetting(oauth.client_id.clone(), "the application's client id".into());
    Ok(SignIn {
        authorize_url: options.authorize_url.clone().unwrap_or_else(|| authorize.url.clone()),
        token_url: token_url(oauth, options.base_url.as_deref().unwrap_or_default(), options),
        client_id: client_id.ok_or_else(about)?,
        client_secret: options.secrets.get(&oauth.client_secret).cloned(),
        style: token_style(oauth),
        scopes: authorize.scopes.clone(),
        extra: authorize.extra.clone().into_iter().collect(),
        redirect_uri: redirect_uri.to_string(),
    })
}

/// The organisations that this access token opens; `None` if the product lists none.
///
/// # Errors
/// [`AdapterError`] if they cannot be listed now.
pub async fn tenants(
    system: &str,
    connector: &Connector,
    options: &RestOptions,
    access_token: SecretString,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
) -> Result<Option<Vec<Tenant>>, AdapterError> {
    let told = connector
        .authorize()
        .and_then(|(_, authorize)| authorize.tenants.as_ref());
    let Some(TenantsTold::Call { url, records, id, name }) = told.map(|tenants| &tenants.told) else {
        return Ok(None);
    };
    let url = options.tenants_url.as_ref().unwrap_or(url);
    let unusable = |code: String| AdapterError {
        system: system.to_string(),
        what: "list organisations".into(),
        code,
        failure: adapter_kit::Failure::Refused,
        not_processed: true,
    };
    let address = Url::parse(url).map_err(|error| unusable(error.to_string()))?;
    let mut options = ClientOptions::new(system, address[..url::Position::BeforePath].to_string());
    options.auth = Auth::Bearer(access_token);
    let client = Client::new(options, transport, clock).map_err(|error| unusable(error.to_string()))?;
    let call = Call::read(Method::GET, &address[url::Position::BeforePath..]).what("list organisations");
    let response = client.send(call).await.map_err(|error| error.error)?;
    let answer = response.http.json().map_err(|_| unusable("no JSON".into()))?;
    let tenants = records.list(&answer).into_iter().filter_map(|row| {
        let id = id.text(row)?;
        let name = name.text(row).unwrap_or_else(|| id.clone());
        Some(Tenant { id, name })
    });
    Ok(Some(tenants.collect()))
}
