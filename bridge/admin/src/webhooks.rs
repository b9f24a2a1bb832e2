//! Where products call: `/webhooks/{system}/{token}`, or `../{event}` for those that need an address for
//! each event. A request is proved, read for ids, left in the [`Inbox`], and answered. No value in it is
//! used, logged or stored.

use crate::inbox::{Inbox, NotKept};
use adapter_kit::Clock;
use adapter_kit::webhook::{Arrival, Notice, Refused, Webhook};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bridge_store::Hint;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

/// The largest body a webhook may have; HubSpot's largest, a hundred events, is a third of it.
pub const WEBHOOK_LIMIT: usize = 256 * 1024;
/// No product's ids are longer.
const ID_LIMIT: usize = 256;

/// One account that may call.
pub struct Door {
    /// System name.
    pub system: String,
    /// The kind of its records that the engine keeps in step; none of books.
    pub kind: Option<String>,
    /// Kinds that others follow, by [`Store::hints_of`](bridge_store::Store::hints_of). Events about any other kind are
    /// answered and left alone.
    pub beside: BTreeSet<String>,
    /// The part of the address that nobody can guess.
    pub token: SecretString,
    /// How its requests are proved and read.
    pub webhook: Box<dyn Webhook>,
}

impl Door {
    /// The paths that products call, with the event each is for.
    pub fn paths(&self) -> Vec<(Option<String>, String)> {
        let path = format!("/webhooks/{}/{}", self.system, self.token.expose_secret());
        let events = self.webhook.events();
        if events.is_empty() {
            return vec![(None, path)];
        }
        let of = |event: &str| (Some(event.to_string()), format!("{path}/{event}"));
        events.into_iter().map(of).collect()
    }
}

/// All accounts that may call.
pub struct Doors {
    /// By digest of system and token: finding one tells nothing of a token by the time it takes.
    doors: HashMap<[u8; 32], Door>,
    public_url: String,
    inbox: Inbox,
    clock: Arc<dyn Clock>,
}

/// Made at the first use: a meter provider that is set later counts nothing.
static REQUESTS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let meter = opentelemetry::global::meter("halaxy-bridge");
    let counter = meter.u64_counter("bridge.webhooks");
    counter
        .with_description("Requests of products, by what became of them")
        .build()
});

/// Counts a request; `outcome` is `taken` or why it was not. Whoever does not know an address has no system.
fn count(system: &str, outcome: &'static str) {
    let system = KeyValue::new("system", system.to_string());
    REQUESTS.add(1, &[system, KeyValue::new("outcome", outcome)]);
}

fn refuse(system: &str, reason: &'static str, status: u16) -> Response {
    count(system, reason);
    StatusCode::from_u16(status)
        .unwrap_or(StatusCode::BAD_REQUEST)
        .into_response()
}

impl Doors {
    /// `public_url` is what products call, up to `/webhooks`: some of them sign it.
    pub fn new(doors: Vec<Door>, public_url: &str, inbox: Inbox, clock: Arc<dyn Clock>) -> Arc<Self> {
        let doors = doors
            .into_iter()
            .map(|door| (digest(&door.system, door.token.expose_secret()), door));
        Arc::new(Self {
            doors: doors.collect(),
            public_url: public_url.trim_end_matches('/').into(),
            inbox,
            clock,
        })
    }

    /// The routes, to be put behind the listener.
    pub fn routes(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/webhooks/{system}/{token}", post(receive))
            .route("/webhooks/{system}/{token}/{event}", post(receive))
            .with_state(Arc::clone(self))
    }
}

/// Every answer has an empty body: Xero switches webhooks off that answer more.
async fn receive(
    State(doors): State<Arc<Doors>>,
    Path(address): Path<HashMap<String, String>>,
    request: Request<Body>,
) -> Response {
    let part = |name: &str| address.get(name).map_or("", String::as_str);
    let Some(door) = doors.doors.get(&digest(part("system"), part("token"))) else {
        return refuse("", "address", 404);
    };
    let (head, body) = request.into_parts();
    // Only who knows the address gets this far, so that nobody else can make us hold bodies.
    let Ok(body) = to_bytes(body, WEBHOOK_LIMIT).await else {
        return refuse(&door.system, "too large", 413);
    };
    let called = head.uri.path_and_query().map_or("/", |called| called.as_str());
    let arrival = Arrival {
        method: head.method.as_str(),
        uri: &format!("{}{called}", doors.public_url),
        event: address.get("event").map(String::as_str),
        headers: &head.headers,
        body: &body,
        received: doors.clock.now(),
    };
    let notices = match door.webhook.read(&arrival).and_then(sane) {
        Ok(notices) => notices,
        Err(refused) => {
            tracing::warn!(system = %door.system, why = %refused, "a webhook was refused");
            let reason = match refused {
                Refused::Unsigned => "unsigned",
                Refused::Forged => "forged",
                Refused::Stale => "stale",
                Refused::Content(_) => "content",
            };
            return refuse(&door.system, reason, refused.status());
        }
    };
    let hints = hints(door, notices);
    let kept = if hints.is_empty() {
        Ok(())
    } else {
        doors.inbox.put(hints).await
    };
    match kept {
        Ok(()) => {
            count(&door.system, "taken");
            StatusCode::OK.into_response()
        }
        Err(NotKept::Full | NotKept::Away) => {
            let mut answer = refuse(&door.system, "turned away", 503);
            answer
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            answer
        }
    }
}

fn sane(notices: Vec<Notice>) -> Result<Vec<Notice>, Refused> {
    let odd = |id: &String| id.is_empty() || id.len() > ID_LIMIT || id.chars().any(char::is_control);
    if notices.iter().flat_map(|notice| &notice.remote_ids).any(odd) {
        return Err(Refused::Content("an event names no usable id"));
    }
    Ok(notices)
}

fn hints(door: &Door, notices: Vec<Notice>) -> Vec<Hint> {
    let mut hints = vec![];
    for notice in notices {
        let own = door.kind.as_ref() == Some(&notice.kind);
        if !own && !door.beside.contains(&notice.kind) {
            continue;
        }
        // Without anything to know a repetition by, every event is a new one.
        let event = notice.event.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        for id in notice.remote_ids {
            let hint = Hint::new(&door.system, &notice.kind, &id, notice.news, &event);
            hints.push(if own { hint } else { hint.beside() });
        }
    }
    hints
}

fn digest(system: &str, token: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((system.len() as u64).to_le_bytes());
    hash.update(system);
    hash.update(token);
    hash.finalize().into()
}
