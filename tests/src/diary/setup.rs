//! The configuration, and the engine over stand-ins that are called in process.

use super::{BASE, Sent};
use adapter_kit::{
    Clock, HttpRequest, HttpResponse, InProcess, ManualClock, Transport, TransportError, TransportErrorKind,
};
use adapter_sandbox::{ConnectionCut, CrmKind, Sandbox};
use bridge_engine::{Engine, RandomIds};
use bridge_queue::Embedded;
use bridge_store::Store;
use halaxy_bridge::config::Config;
use halaxy_bridge::wiring;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

pub(super) async fn engine(
    config: &Config,
    store: &Store,
    sandbox: &Arc<Sandbox>,
    clock: &Arc<ManualClock>,
    sent: &Sent,
) -> Engine {
    let transport = in_process(sandbox, sent);
    let mut adapters = BTreeMap::new();
    for system in config.systems.values() {
        let shared: Arc<dyn Clock> = clock.clone();
        let account = wiring::adapter(system, store, transport.clone(), shared, false).unwrap();
        adapters.insert(system.name.clone(), account);
    }
    let settings = wiring::settings(config, &adapters);
    let queue = Arc::new(Embedded::default());
    Engine::start(settings, store.clone(), queue, clock.clone(), Arc::new(RandomIds))
        .await
        .unwrap()
}

pub(super) fn write(folder: &TempDir, sandbox: &Sandbox, crm: CrmKind, section: &str) {
    let ends = serde_json::to_value(sandbox.endpoints(BASE)).unwrap();
    let file = |name: &str, value: &str| std::fs::write(folder.path().join(name), value).unwrap();
    file("id", ends["halaxy"]["client_id"].as_str().unwrap());
    file("secret", ends["halaxy"]["client_secret"].as_str().unwrap());
    file("token", ends["crm"]["token"].as_str().unwrap());
    file("key", &"0123456789abcdef".repeat(4));
    let connector = match crm {
        CrmKind::Hubspot => "hubspot",
        CrmKind::Plain => "example-crm",
    };
    let text = format!(
        r#"
[practice]
name = "Sampleton Clinic"
country = "AU"
time_zone = "Australia/Melbourne"
[store]
url = "sqlite:bridge.db"
key = "file:key"
[systems.halaxy]
connector = "halaxy"
base_url = {halaxy}
client_id = "file:id"
client_secret = "file:secret"
user_agent = "SampletonBridge (it@sampleton.example)"
[systems.crm]
connector = "{connector}"
base_url = {crm}
token = "file:token"
may_receive = ["identity", "contact", "appointment"]
[sync.person]
systems = ["halaxy", "crm"]
create_in = ["crm"]
create_when = "status in ['current', 'contact']"
poll_every = "10s"
[mirror]
kinds = ["Appointment"]
sweep_every = "never"
[diary]
back = "400d"
forward = "400d"
{section}
"#,
        halaxy = ends["halaxy"]["base_url"],
        crm = ends["crm"]["base_url"],
    );
    file("bridge.toml", &text);
}

/// Calls the stand-ins' router without a network, and keeps what is said of activities.
fn in_process(sandbox: &Arc<Sandbox>, sent: &Sent) -> Arc<dyn Transport> {
    let router = sandbox.router();
    let sent = sent.clone();
    Arc::new(InProcess::new(move |request: HttpRequest| {
        let (router, sent) = (router.clone(), sent.clone());
        async move {
            let path = request.url.path();
            if (path.contains("/meetings") || path.contains("/plain/appointments")) && !path.contains("/properties/") {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                sent.lock().unwrap().push(body);
            }
            let mut asked = axum::http::Request::builder()
                .method(request.method)
                .uri(request.url.as_str());
            if let Some(headers) = asked.headers_mut() {
                *headers = request.headers;
            }
            let asked = asked.body(axum::body::Body::from(request.body));
            let asked = asked.map_err(|_| TransportError::never_left(TransportErrorKind::NotAllowed))?;
            let answer = router.oneshot(asked).await.unwrap_or_else(|never| match never {});
            let broken = TransportError::may_have_landed(TransportErrorKind::Broken);
            if answer.extensions().get::<ConnectionCut>().is_some() {
                return Err(broken);
            }
            let (parts, body) = answer.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| broken)?;
            Ok(HttpResponse {
                status: parts.status,
                headers: parts.headers,
                body,
            })
        }
    }))
}
