//! The public stream wired up: what the engine is told of it, and the publisher that sends it.

use crate::config::{Config, EventsConfig, OutgoingConfig, QueueConfig};
use crate::wiring::{WiringError, broker_url};
use adapter_kit::{Clock, Network, NetworkOptions, SystemClock, Transport};
use bridge_engine::{Engine, Stream};
use bridge_queue::Exchange;
use bridge_store::StoreError;
use bridge_stream::{Broker, Outlet, Publisher, Signer, Webhook};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// For what is under way when the service ends.
const FAREWELL: Duration = Duration::from_secs(3);
/// For what a single `sync` has to tell.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the engine is told of the stream, if there is one.
pub fn stream(config: &Config) -> Option<Stream> {
    let events = config.events.as_ref()?;
    Some(Stream {
        include_first_read: events.include_first_read,
        keep: events.keep,
        subscribers: events.subscribers(),
    })
}

/// The publisher for an engine that drives; none if nobody is sent anything.
///
/// # Errors
/// [`WiringError`] naming a secret that is missing, or what cannot be used.
pub fn publisher(config: &Config, engine: &Engine) -> Result<Option<Publisher>, WiringError> {
    let Some(events) = &config.events else { return Ok(None) };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let outlets = outlets(config, events, &clock)?;
    let publisher = || Publisher::new(engine.store().clone(), clock, outlets);
    Ok((!events.subscribers().is_empty()).then(publisher))
}

/// Whether the secrets of all subscribers can be had and used. Calls nobody.
///
/// # Errors
/// [`WiringError`] naming the first that cannot.
pub fn check(config: &Config) -> Result<(), WiringError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut webhooks = config.events.iter().flat_map(|events| &events.webhooks);
    webhooks.try_for_each(|webhook| outgoing(webhook, &clock).map(drop))
}

fn outlets(
    config: &Config,
    events: &EventsConfig,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Arc<dyn Outlet>>, WiringError> {
    let mut outlets: Vec<Arc<dyn Outlet>> = vec![];
    if let (Some(name), QueueConfig::RabbitMq { ca, .. }) = (&events.exchange, &config.queue) {
        let url = broker_url(&config.queue)?;
        let exchange = Exchange::new(url.as_str(), ca.as_deref(), name)?;
        outlets.push(Arc::new(Broker::new(crate::config::EXCHANGE, exchange)));
    }
    for webhook in &events.webhooks {
        outlets.push(Arc::new(outgoing(webhook, clock)?));
    }
    Ok(outlets)
}

fn outgoing(config: &OutgoingConfig, clock: &Arc<dyn Clock>) -> Result<Webhook, WiringError> {
    let trouble = |why: String| WiringError::Event {
        webhook: config.name.clone(),
        why,
    };
    let secrets: Result<Vec<_>, String> = config.secrets.iter().map(|secret| secret.load()).collect();
    let signer = Signer::new(&secrets.map_err(trouble)?).map_err(|error| trouble(error.to_string()))?;
    let transport: Arc<dyn Transport> = Arc::new(Network::new(NetworkOptions {
        allow_private: config.allow_private,
        max_body: 64 << 10,
        ..NetworkOptions::default()
    })?);
    Ok(Webhook::new(
        config.name.as_str(),
        config.url.clone(),
        config.pattern.clone(),
        signer,
        transport,
        Arc::clone(clock),
    ))
}

/// A publisher at work beside an engine that drives. It ends with it.
pub struct Publishing {
    task: AbortOnDropHandle<Result<(), StoreError>>,
    stop: CancellationToken,
}

impl Publishing {
    /// Starts one. Whoever is new among the subscribers begins with what the engine sees from now on.
    ///
    /// # Errors
    /// [`WiringError`].
    pub async fn start(config: &Config, engine: &Engine) -> Result<Option<Self>, WiringError> {
        let (Some(publisher), Some(told)) = (publisher(config, engine)?, engine.told()) else {
            return Ok(None);
        };
        publisher.begin().await?;
        let stop = CancellationToken::new();
        let until = stop.clone();
        // A task of its own: the engine computes for long stretches.
        let task = tokio::spawn(async move { publisher.run(told, &until).await });
        Ok(Some(Self {
            task: AbortOnDropHandle::new(task),
            stop,
        }))
    }

    /// Returns when the publisher ends by itself, which it does only when the store says why.
    pub async fn failed(&mut self) -> StoreError {
        match (&mut self.task).await {
            Ok(Err(error)) => error,
            _ => std::future::pending().await,
        }
    }

    /// Lets it end in good order.
    pub async fn ended(self) {
        self.stop.cancel();
        // What is not done by then is sent again next time.
        let _ = tokio::time::timeout(FAREWELL, self.task).await;
    }
}

/// Sends what there is, for a command that ends by itself. Whoever does not take it gets it next time.
///
/// # Errors
/// [`WiringError`].
pub async fn send_all(publisher: &Publisher, stop: &CancellationToken) -> Result<(), WiringError> {
    let all = async {
        while !stop.is_cancelled() && publisher.round().await? {}
        Ok::<_, StoreError>(())
    };
    match tokio::time::timeout(PATIENCE, all).await {
        Ok(done) => Ok(done?),
        Err(_) => Ok(()),
    }
}
