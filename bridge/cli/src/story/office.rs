//! The admin app over the demo's practice.

use crate::config::Config;
use crate::exit::Failure;
use crate::pages;
use crate::wiring;
use bridge_admin::health::{self, Watch};
use bridge_admin::{Listener, router};
use bridge_engine::Engine;
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves the app until `stop` is cancelled; the link that its first administrator comes in by.
///
/// # Errors
/// [`Failure`] if the address cannot be listened on.
pub async fn open(
    config: &Config,
    engine: &Arc<Engine>,
    listen: SocketAddr,
    stop: &CancellationToken,
    tracker: &TaskTracker,
) -> Result<String, Failure> {
    let trouble = |error: std::io::Error| Failure::Failed(format!("cannot listen on {listen}: {error}"));
    let listener = Listener::bind(listen).await.map_err(trouble)?;
    let address = listener.address().map_err(trouble)?;
    let watch = Watch::new(config.alerts.clone());
    let app = pages::app(config, address, &watch);
    let store = engine.store().clone();
    let desk = wiring::review_desk(config, engine).map_err(|error| Failure::Failed(error.to_string()))?;
    app.open(store.clone(), Some(desk));
    let routes = router([app.routes(), health::router(watch.clone())]);
    tracker.spawn(listener.serve(routes, stop.clone()));
    let (engine, stop) = (Arc::clone(engine), stop.clone());
    tracker.spawn(async move {
        tokio::select! {
            never = watch.keep(&engine) => match never {},
            () = stop.cancelled() => {}
        }
    });
    let made = app.access(store).found("the demo").await;
    let token = made.map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(format!("http://{address}/invitation/{}", token.expose_secret()))
}
