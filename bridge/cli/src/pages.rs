//! The admin app of a practice: what it is told of the configuration.

use crate::config::{Config, HALAXY, OidcConfig, SecretRef, ServeConfig};
use crate::wiring::WiringError;
use adapter_kit::{Network, NetworkOptions, SystemClock};
use bridge_admin::access::Access;
use bridge_admin::access::chance;
use bridge_admin::access::password::Passwords;
use bridge_admin::access::sign_on::{Provider, SignOnSettings};
use bridge_admin::app::{App, AppSettings, Served};
use bridge_admin::health::Watch;
use bridge_store::Store;
use std::net::SocketAddr;
use std::sync::Arc;

/// The app, reached at an address.
pub fn app(config: &Config, listen: SocketAddr, watch: &Watch) -> Arc<App> {
    App::new(
        settings(config, listen),
        watch.clone(),
        Arc::new(SystemClock::new()),
        Arc::new(chance::System),
        Passwords::default(),
    )
}

/// The identity provider that people may sign in by. Whoever names one may have it on the practice's own network.
///
/// # Errors
/// [`WiringError`] if its secret cannot be had, or nothing can be called.
pub fn provider(oidc: &OidcConfig) -> Result<Provider, WiringError> {
    let secret = oidc.client_secret.as_ref().map(SecretRef::load).transpose();
    let options = NetworkOptions {
        allow_private: true,
        max_body: 1 << 20,
        ..NetworkOptions::default()
    };
    let settings = SignOnSettings {
        issuer: oidc.issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: secret.map_err(WiringError::Oidc)?,
        label: oidc.label.clone(),
        domains: oidc.domains.clone(),
        scopes: oidc.scopes.clone(),
        role_claim: oidc.role_claim.clone(),
        roles: oidc.roles.clone(),
    };
    Ok(Provider::new(settings, Arc::new(Network::new(options)?)))
}

/// Who may use the app, as kept in a store.
pub fn access(store: Store) -> Access {
    Access::new(
        store,
        Arc::new(SystemClock::new()),
        Arc::new(chance::System),
        Passwords::default(),
        Arc::default(),
    )
}

/// How browsers reach it: what the configuration says, or else the address itself.
pub fn url(config: &Config, listen: SocketAddr) -> String {
    let public = config.serve.as_ref().and_then(|serve| serve.public_url.clone());
    public.unwrap_or_else(|| match listen.ip().is_unspecified() {
        true => format!("http://localhost:{}", listen.port()),
        false => format!("http://{listen}"),
    })
}

fn settings(config: &Config, listen: SocketAddr) -> AppSettings {
    let url = url(config, listen);
    let tls = url.starts_with("https://");
    let others = config.systems.keys().filter(|name| **name != config.home);
    AppSettings {
        practice: config.practice.clone(),
        time_zone: config.time_zone.clone(),
        systems: std::iter::once(&config.home).chain(others).cloned().collect(),
        beside: beside(config),
        secure: tls || !listen.ip().is_loopback(),
        behind_proxy: tls,
        url,
    }
}

fn beside(config: &Config) -> Vec<Served> {
    let served = |path: &str, what: &str, who: &str| Served {
        path: path.into(),
        what: what.into(),
        who: who.into(),
    };
    let mut beside = vec![];
    if config.systems.values().any(|system| system.webhook.is_some()) {
        beside.push(served(
            "/webhooks/",
            "where products tell of changes",
            "products that prove who they are; the only path that the internet needs",
        ));
    }
    let halaxy = config
        .systems
        .get(&config.home)
        .is_some_and(|home| home.connector == HALAXY);
    if halaxy && !config.api.is_empty() {
        beside.push(served(
            "/api/",
            "Halaxy’s endpoints as actions, described at /api/openapi.json",
            "programs with a token of bridge.toml",
        ));
    }
    let anybody = "anybody on this network: counts and names of systems, no values";
    beside.push(served(
        "/health, /ready",
        "whether the service lives, and can take work",
        anybody,
    ));
    beside.push(served(
        "/status.json, /metrics",
        "how it is doing, for programs",
        anybody,
    ));
    beside
}

/// What is wrong with where it listens, if nobody could sign in there.
pub fn unreachable(serve: &ServeConfig) -> Option<&'static str> {
    let tls = serve.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    (!tls && !serve.listen.ip().is_loopback()).then_some(
        "The admin app takes sign-ins over https or on this machine only: give [serve] a public_url = \"https://..\" \
         with a proxy in front, or reach it as http://localhost.",
    )
}
