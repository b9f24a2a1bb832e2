//! What the service listens on: the routers behind `[serve]`, and the accounts that may call.

use crate::booking;
use crate::config::{ApiToken, Config, HALAXY, ServeConfig, SystemConfig, WebhookConfig};
use crate::exit::Failure;
use crate::pages;
use crate::wiring::{self, WiringError};
use adapter_halaxy::{HalaxyClient, HalaxyWebhook};
use adapter_kit::SystemClock;
use adapter_kit::webhook::{Overlap, Webhook};
use adapter_rest::{Connector, RestWebhook};
use bridge_admin::api::Api;
use bridge_admin::api::tokens::{self, Token};
use bridge_admin::app::App;
use bridge_admin::health::{self, Watch};
use bridge_admin::inbox::Inbox;
use bridge_admin::webhooks::{Door, Doors};
use bridge_admin::{Listener, metrics, router};
use bridge_engine::Engine;
use bridge_engine::ledger::{followed_books, followed_invoices};
use bridge_engine::mirror::followed_records;
use hmac::{Hmac, KeyInit, Mac};
use prometheus::Registry;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The shortest part of an address that counts as impossible to guess: 96 bits in base64.
const TOKEN_LENGTH: usize = 16;

/// The listener while it serves.
pub struct Serving {
    /// The address it listens on.
    pub address: SocketAddr,
    inbox: Inbox,
    api: Option<(Arc<Api>, SystemConfig)>,
    app: Option<Arc<App>>,
    config: Config,
    task: Option<JoinHandle<()>>,
    /// A thread of its own: the engine computes for long stretches, and whoever calls must not wait for that.
    thread: Option<Runtime>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.shutdown_background();
        }
    }
}

impl Serving {
    /// From now on hints go to this engine, and actions to its store. The process that drives the account makes them
    /// within the same limits; another one has limits of its own.
    pub fn open(&self, engine: &Engine) {
        self.inbox.open(engine.store().clone(), engine.bell());
        let desk = wiring::review_desk(&self.config, engine)
            .inspect_err(|error| tracing::warn!(%error, "nothing can be reviewed here"))
            .ok();
        if let Some(app) = &self.app {
            app.open(engine.store().clone(), desk.clone());
        }
        let Some((api, system)) = &self.api else { return };
        if let Some(desk) = desk {
            api.open_desk(desk);
        }
        let client = match engine.held::<HalaxyClient>() {
            Some(client) => Ok(client.clone()),
            None => wiring::halaxy_client(system),
        };
        if self.config.booking.said {
            let client = client.as_ref().ok().cloned();
            match booking::desk(&self.config, engine.store().clone(), client, &BTreeMap::new()) {
                Ok(desk) => api.open_bookings(Arc::new(desk)),
                Err(failure) => tracing::warn!(%failure, "the API books nothing"),
            }
        }
        match client {
            Ok(client) => api.open(wiring::actions(system, client, engine.store().clone())),
            Err(error) => tracing::warn!(%error, "the API makes no actions"),
        }
    }

    /// Senders of webhooks are told to come again.
    pub fn close(&self) {
        self.inbox.close();
        if let Some(app) = &self.app {
            app.close();
        }
        if let Some((api, _)) = &self.api {
            api.close();
        }
    }

    /// Returns when requests under way have been answered, after `stop` was cancelled.
    pub async fn ended(mut self) {
        if let Some(task) = self.task.take() {
            // It only panics if a handler does, and then there is nothing left to wait for.
            let _ = task.await;
        }
    }
}

/// Listens as `[serve]` says, until `stop` is cancelled; nothing without that section. Metrics are shown if
/// there is a `registry` of them.
///
/// # Errors
/// [`Failure`] if the address cannot be listened on, or a secret is missing.
pub async fn start(
    config: &Config,
    watch: &Watch,
    registry: Option<&Registry>,
    stop: &CancellationToken,
) -> Result<Option<Serving>, Failure> {
    let Some(serve) = &config.serve else {
        return Ok(None);
    };
    let listening = |error: std::io::Error| {
        Failure::Failed(format!(
            "cannot listen on {}: {error}; another program may have the port",
            serve.listen
        ))
    };
    let thread = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("listener")
        .enable_all()
        .build()?;
    let inbox = Inbox::new(Arc::new(SystemClock::new()), thread.handle());
    let doors = Doors::new(
        doors(config)?,
        public_url(serve),
        inbox.clone(),
        Arc::new(SystemClock::new()),
    );
    let bound = thread.spawn(Listener::bind(serve.listen)).await;
    let listener = bound.map_err(std::io::Error::other).flatten().map_err(listening)?;
    let address = listener.address().map_err(listening)?;
    let mut parts = vec![doors.routes(), health::router(watch.clone())];
    parts.extend(registry.cloned().map(metrics::router));
    let api = api(config)?;
    parts.extend(api.iter().map(|(api, _)| api.routes()));
    let pages = serve.admin.then(|| pages::app(config, address, watch));
    if let (Some(app), Some(oidc)) = (&pages, &serve.oidc) {
        app.sign_on(pages::provider(oidc, serve.locations)?);
    }
    parts.extend(pages.iter().map(App::routes));
    let app = router(parts);
    let task = thread.spawn(listener.serve(app, stop.clone()));
    Ok(Some(Serving {
        address,
        inbox,
        api,
        app: pages,
        config: config.clone(),
        task: Some(task),
        thread: Some(thread),
    }))
}

/// The API with its tokens, and the account that it acts on; nothing without `[api]`.
///
/// # Errors
/// [`WiringError`] if a token cannot be had, or is too short to be safe.
pub fn api(config: &Config) -> Result<Option<(Arc<Api>, SystemConfig)>, WiringError> {
    let home = config
        .systems
        .get(&config.home)
        .filter(|system| system.connector == HALAXY);
    let Some(home) = home.filter(|_| !config.api.is_empty()) else {
        return Ok(None);
    };
    let token = |token: &ApiToken| {
        let trouble = |why: String| WiringError::Token {
            token: token.name.clone(),
            why,
        };
        let secret = token.secret.load().map_err(trouble)?;
        if secret.expose_secret().len() < tokens::SHORTEST {
            let why = format!(
                "it must have {} or more characters; `halaxy-bridge key new` makes one",
                tokens::SHORTEST
            );
            return Err(trouble(why));
        }
        Ok(Token {
            name: token.name.clone(),
            secret,
            writes: token.writes,
            actions: token.actions.clone(),
            bound: token.bound.clone(),
        })
    };
    let tokens: Result<Vec<Token>, WiringError> = config.api.iter().map(token).collect();
    Ok(Some((Api::new(tokens?, wiring::halaxy_base(home)?), home.clone())))
}

/// What products call, up to `/webhooks`. Where nothing is said of it, nothing has webhooks.
pub fn public_url(serve: &ServeConfig) -> &str {
    serve.public_url.as_deref().unwrap_or_default()
}

/// The accounts that may call.
///
/// # Errors
/// [`WiringError`] naming the section and what it lacks.
pub fn doors(config: &Config) -> Result<Vec<Door>, WiringError> {
    let people = config.systems.values().map(|system| {
        let kind = Some(system.mapping.kind.clone());
        doors_of(
            config,
            &system.name,
            system.webhook.as_ref(),
            system.file.as_ref(),
            kind,
        )
    });
    let books = config.books.values().map(|system| {
        let connector = Some(&system.connector);
        doors_of(config, &system.name, system.webhook.as_ref(), connector, None)
    });
    let each: Result<Vec<Vec<Door>>, WiringError> = people.chain(books).collect();
    Ok(each?.into_iter().flatten().collect())
}

/// Kinds of a system that are followed beside the engine: whoever follows further ones adds them here, and finds their
/// hints by [`hints_of`](bridge_store::Store::hints_of).
fn beside(config: &Config, system: &str) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    if system == config.home {
        kinds.extend(followed_records(&config.mirror.kinds));
    }
    if let Some(ledger) = &config.ledger {
        if system == config.home {
            kinds.extend(followed_invoices());
        }
        if system == ledger.books {
            kinds.extend(followed_books());
        }
    }
    kinds
}

/// The doors of an account: one for each address, the newest first, each for all of its secrets. Halaxy's has no connector.
fn doors_of(
    all: &Config,
    name: &str,
    webhook: Option<&WebhookConfig>,
    connector: Option<&Connector>,
    kind: Option<String>,
) -> Result<Vec<Door>, WiringError> {
    let Some(config) = webhook else {
        return Ok(vec![]);
    };
    let trouble = |key: &str, why: String| WiringError::Secret {
        system: name.to_owned(),
        key: key.into(),
        why,
    };
    let secrets: Result<Vec<SecretString>, String> = config.secrets.iter().map(|secret| secret.load()).collect();
    let secrets = secrets.map_err(|why| trouble("webhook_secret", why))?;
    let tokens = match &config.path {
        Some(path) => vec![path.load().map_err(|why| trouble("webhook_path", why))?],
        None => secrets.iter().map(|secret| token(secret, name)).collect(),
    };
    let safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let weak =
        |token: &SecretString| token.expose_secret().len() < TOKEN_LENGTH || !token.expose_secret().chars().all(safe);
    if tokens.iter().any(weak) {
        let why = format!("it must have {TOKEN_LENGTH} or more characters, of a-z, A-Z, 0-9, - and _ only");
        return Err(trouble("webhook_path", why));
    }
    let mut doors = vec![];
    for token in tokens {
        let mut webhooks: Vec<Box<dyn Webhook>> = vec![];
        for secret in secrets.iter().cloned() {
            match connector {
                None => webhooks.push(Box::new(HalaxyWebhook::new(secret))),
                Some(connector) => {
                    let Some(spec) = connector.webhook.clone() else {
                        return Ok(vec![]);
                    };
                    let webhook =
                        RestWebhook::new(spec, secret).map_err(|why| trouble("webhook_secret", why.into()))?;
                    webhooks.push(Box::new(webhook));
                }
            }
        }
        doors.push(Door {
            system: name.to_owned(),
            kind: kind.clone(),
            beside: beside(all, name),
            token,
            webhook: Box::new(Overlap::new(webhooks)),
        });
    }
    Ok(doors)
}

/// As hard to guess as the secret, and tells nothing of it.
fn token(secret: &SecretString, system: &str) -> SecretString {
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose_secret().as_bytes()) else {
        unreachable!("a key of HMAC may have any length");
    };
    mac.update(b"halaxy-bridge webhook path ");
    mac.update(system.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bridge_core::hex(&bytes[..16]).into()
}
