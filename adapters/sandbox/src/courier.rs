//! Sends the stand-ins' webhooks over the network, while they are served.

use std::sync::Arc;
use std::time::Duration;

use adapter_kit::{HttpRequest, Network, NetworkOptions, Transport};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::task::JoinSet;

use crate::sandbox::Sandbox;
use crate::webhooks::Delivery;

/// The longest a receiver may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at what is due.
const GLANCE: Duration = Duration::from_millis(10);
/// Requests under way at once, as HubSpot has it by default.
const AT_ONCE: usize = 10;

/// Sends what is due, for ever.
pub(crate) async fn deliver(sandbox: Arc<Sandbox>) {
    let options = NetworkOptions {
        timeout: PATIENCE,
        ..NetworkOptions::default()
    };
    let Ok(network) = Network::new(options) else {
        // Without a network nothing can be sent: all webhooks are lost.
        return std::future::pending().await;
    };
    let mut under_way = JoinSet::new();
    loop {
        for delivery in sandbox.webhooks_due() {
            while under_way.len() >= AT_ONCE {
                under_way.join_next().await;
            }
            let (network, sandbox) = (network.clone(), Arc::clone(&sandbox));
            under_way.spawn(async move {
                let status = send(&network, &delivery).await;
                sandbox.webhook_answered(delivery, status);
            });
        }
        while under_way.try_join_next().is_some() {}
        tokio::time::sleep(GLANCE).await;
    }
}

async fn send(network: &Network, delivery: &Delivery) -> Option<u16> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &delivery.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    let request = HttpRequest {
        method: Method::POST,
        url: delivery.url.parse().ok()?,
        headers,
        body: delivery.body.clone().into(),
        longest: None,
    };
    let answer = network.send(request).await.ok()?;
    Some(answer.status.as_u16())
}
