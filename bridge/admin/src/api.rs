//! The HTTP API: `/api/halaxy` lists the actions, `POST /api/halaxy/{action}` makes one, `/api/bookings` finds times and
//! books them once for each request key ([`crate::bookings`]), `/api/openapi.json` describes all
//! of it. Callers are programs with a token; there are no cookies, so no page in a browser can call in somebody's name.
//!
//! A write needs `Idempotency-Key`: the same key with the same request is told what became of it and sends nothing, with
//! another request it is refused. A write goes on when its caller hangs up.

mod openapi;
pub mod review;
pub mod tokens;

use crate::actions::{self, ActionError, Actions, Done};
use crate::bookings::{self, Caller};
use crate::receipts::Progress;
use adapter_halaxy::Reply;
use adapter_halaxy::endpoints::{ENDPOINTS, Endpoint, Inputs, Request as Asked, endpoint};
use adapter_kit::Failure;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bridge_engine::booking::BookingDesk;
use bridge_store::{AuditEntry, StoreError};
use serde_json::{Value as Json, json};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokens::{Token, Tokens};
use tower::ServiceExt;

/// The largest body: a note with its attachments, which Halaxy takes up to 20 MB of, in base64.
const BODY_LIMIT: usize = 30 * 1024 * 1024;
/// How long a caller waits for the answer; below the listener's own limit.
const PATIENCE: Duration = Duration::from_secs(9);
/// The header that a write is known by.
const KEY: &str = "idempotency-key";

/// The API of one practice.
pub struct Api {
    tokens: Tokens,
    base: String,
    /// The account, while there is a store to keep receipts in.
    actions: RwLock<Option<Actions>>,
    /// Where what waits is decided, while there is a store.
    desk: RwLock<Option<crate::desk::Desk>>,
    /// Where times are found and booked, while there is a desk for it.
    bookings: RwLock<Option<Router>>,
}

impl Api {
    /// An API that these tokens may call. `base` is the Halaxy account's base URL.
    pub fn new(tokens: Vec<Token>, base: String) -> Arc<Api> {
        Arc::new(Api {
            tokens: Tokens::new(tokens),
            base,
            actions: RwLock::default(),
            desk: RwLock::default(),
            bookings: RwLock::default(),
        })
    }

    /// From now on actions go to this account and store.
    pub fn open(&self, actions: Actions) {
        *self.actions.write().unwrap_or_else(PoisonError::into_inner) = Some(actions);
    }

    /// From now on bookings are asked for at this desk.
    pub fn open_bookings(&self, desk: Arc<BookingDesk>) {
        *self.bookings.write().unwrap_or_else(PoisonError::into_inner) = Some(bookings::router(desk));
    }

    /// Callers are told to come again.
    pub fn close(&self) {
        *self.bookings.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.actions.write().unwrap_or_else(PoisonError::into_inner) = None;
        *self.desk.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The routes, to be put behind the listener.
    pub fn routes(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/api/openapi.json", get(described))
            .route("/api/halaxy", get(listed))
            .route("/api/halaxy/{action}", post(made))
            .route("/api/bookings", any(booked))
            .route("/api/bookings/{*rest}", any(booked))
            .merge(review::routes().route_layer(middleware::from_fn_with_state(Arc::clone(self), with_token)))
            .method_not_allowed_fallback(other_method)
            .with_state(Arc::clone(self))
    }

    fn actions(&self) -> Option<Actions> {
        self.actions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn known(&self, headers: &HeaderMap) -> Result<&Token, Refused> {
        self.tokens.of(headers).ok_or_else(|| {
            let remedy = "Send `Authorization: Bearer` with a token of [[api.token]] in bridge.toml.";
            Refused::new(StatusCode::UNAUTHORIZED, "no token of this bridge", remedy)
        })
    }

    /// Hands a request on to the booking desk, in the name of its token.
    async fn book(&self, request: Request) -> Result<Response, Refused> {
        let token = self.known(request.headers())?;
        let finds = request.uri().path() == "/api/bookings/free";
        let action = if finds { "find-appointments" } else { "book-appointment" };
        if !token.may(action, !finds) {
            let remedy = format!("Let it in [[api.token]]: actions = [..] with {action}, and writes = true to book.");
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                "the token may not do this",
                &remedy,
            ));
        }
        let desk = self.bookings.read().unwrap_or_else(PoisonError::into_inner).clone();
        let desk = desk.ok_or_else(|| Refused {
            wait: Some(5),
            ..Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "nothing can be booked now",
                "Try again in a moment; the practice needs [booking] in bridge.toml.",
            )
        })?;
        let caller = token.name.clone();
        let called = request.uri().path_and_query().map_or("/", |called| called.as_str());
        let inner = called.strip_prefix("/api").unwrap_or(called).parse();
        let inner: Uri = inner.map_err(|_| Refused::new(StatusCode::NOT_FOUND, "no such address", ""))?;
        // A request of its own: what this router has read out of the address is not the desk's.
        let (head, body) = request.into_parts();
        let mut request = Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = inner;
        *request.headers_mut() = head.headers;
        request.extensions_mut().insert(Caller(caller));
        match desk.oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }

    async fn make(&self, action: &str, request: Request) -> Result<Response, Refused> {
        let token = self.known(request.headers())?;
        let endpoint = endpoint(action).ok_or_else(|| {
            let remedy = "GET /api/halaxy lists the actions.";
            Refused::new(StatusCode::NOT_FOUND, "there is no such action", remedy)
        })?;
        if !token.may(endpoint.action, endpoint.writes()) {
            let remedy = "Let it in [[api.token]]: writes = true, or actions = [..] with this one.";
            return Err(Refused::new(StatusCode::FORBIDDEN, "the token may not do this", remedy));
        }
        let key = request
            .headers()
            .get(KEY)
            .and_then(|key| key.to_str().ok())
            .map(str::to_string);
        let body = to_bytes(request.into_body(), BODY_LIMIT).await.map_err(|_| {
            Refused::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is too large",
                "Send at most 30 MB.",
            )
        })?;
        let told = Told::read(&body)?;
        let asked = told.request(endpoint, &self.base)?;
        let actions = self.actions().ok_or_else(Refused::away)?;
        actions::allowed(&asked, actions.clinical_notes)?;
        if told.dry_run {
            return Ok(answer(StatusCode::OK, &actions::preview(&asked, &self.base)));
        }
        if !endpoint.writes() {
            return read(actions, asked, told.all, token.name.clone()).await;
        }
        let key = key.ok_or_else(|| {
            let remedy =
                "Send a header `Idempotency-Key` that you keep, so that the same request can be sent again safely.";
            Refused::new(StatusCode::BAD_REQUEST, "a write needs a request key", remedy)
        })?;
        write(actions, asked, key, token.name.clone()).await
    }
}

/// What a caller sent.
#[derive(Default)]
struct Told {
    inputs: Vec<(String, String)>,
    body: Option<Json>,
    dry_run: bool,
    all: bool,
}

impl Told {
    fn read(bytes: &[u8]) -> Result<Told, Refused> {
        let bad = |what: &str| {
            let remedy =
                r#"Send {"inputs": {"NAME": "VALUE"}, "body": {..}, "dry_run": true}; every member may be left out."#;
            Refused::new(StatusCode::BAD_REQUEST, what, remedy)
        };
        if bytes.is_empty() {
            return Ok(Told::default());
        }
        let Ok(Json::Object(members)) = serde_json::from_slice(bytes) else {
            return Err(bad("the body is no JSON object"));
        };
        let mut told = Told::default();
        for (name, value) in members {
            match (name.as_str(), value) {
                ("inputs", Json::Object(inputs)) => {
                    for (name, value) in inputs {
                        let values = match value {
                            Json::Array(values) => values,
                            one => vec![one],
                        };
                        for value in values {
                            let text = match value {
                                Json::String(text) => text,
                                Json::Number(_) | Json::Bool(_) => value.to_string(),
                                _ => return Err(bad("an input is neither text nor number")),
                            };
                            told.inputs.push((name.clone(), text));
                        }
                    }
                }
                ("body", body @ Json::Object(_)) => told.body = Some(body),
                ("dry_run", Json::Bool(dry_run)) => told.dry_run = dry_run,
                ("all", Json::Bool(all)) => told.all = all,
                _ => return Err(bad("the body has a member that is not understood")),
            }
        }
        Ok(told)
    }

    fn request(&self, endpoint: &'static Endpoint, base: &str) -> Result<Asked, Refused> {
        let mut inputs = Inputs::new(base);
        for (name, value) in &self.inputs {
            inputs = inputs.with(name, value);
        }
        if let Some(body) = &self.body {
            inputs = inputs.body(body.clone());
        }
        endpoint.request(&inputs).map_err(|bad| Refused {
            status: StatusCode::BAD_REQUEST,
            document: json!({ "error": bad.what, "input": bad.input, "remedy": bad.remedy }),
            wait: None,
        })
    }
}

async fn read(actions: Actions, asked: Asked, all: bool, by: String) -> Result<Response, Refused> {
    let reading = async {
        let reply: Reply = actions::read(&actions.client, &asked, all).await?;
        // Whoever reads of people through here leaves a line.
        let line = AuditEntry {
            at: actions.clock.now(),
            system: Some(actions.system.clone()),
            remote_id: asked.id.clone(),
            event: "action_read".into(),
            reason: format!("{}, asked for by {by}", asked.endpoint.action),
            ..AuditEntry::default()
        };
        let mut tx = actions.store.begin().await?;
        tx.append_audit(&[line]).await?;
        tx.commit().await?;
        Ok::<_, ActionError>(reply)
    };
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(reply) => Ok(answer(StatusCode::OK, &actions::found(&asked, &reply?))),
        Err(_) => {
            let remedy = "Ask for one page, or again later.";
            Err(Refused::new(
                StatusCode::GATEWAY_TIMEOUT,
                "Halaxy takes longer than this may",
                remedy,
            ))
        }
    }
}

async fn write(actions: Actions, asked: Asked, key: String, by: String) -> Result<Response, Refused> {
    let clock = Arc::clone(&actions.clock);
    let (sent, known_by) = (asked.clone(), key.clone());
    // A task of its own: what is marked as sent must be settled, whether or not anybody waits for it.
    let task = tokio::spawn(async move { actions.write(&sent, &known_by, &by).await });
    match tokio::time::timeout(PATIENCE, task).await {
        Ok(Ok(done)) => {
            let done: Done = done?;
            let document = actions::document(&asked, &key, &done, clock.now());
            let status = match (done.receipt.progress, document["outcome"].as_str()) {
                (Progress::Done, _) => StatusCode::OK,
                (Progress::Refused, _) => StatusCode::UNPROCESSABLE_ENTITY,
                (_, Some("under_way")) => StatusCode::ACCEPTED,
                // Whoever looks at the status alone must not take it for done.
                _ => StatusCode::GATEWAY_TIMEOUT,
            };
            Ok(answer(status, &document))
        }
        Ok(Err(_)) => Err(Refused::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the action ended without an answer",
            actions::LOOK,
        )),
        Err(_) => {
            let advice = "it is under way; ask again with the same key to learn what became of it";
            let document = json!({
                "action": asked.endpoint.action, "request_key": key, "outcome": "under_way", "repeated": false,
                "advice": advice,
            });
            Ok(answer(StatusCode::ACCEPTED, &document))
        }
    }
}

/// An answer that says no, with what to do about it.
struct Refused {
    status: StatusCode,
    document: Json,
    /// When to come again, seconds.
    wait: Option<u64>,
}

impl Refused {
    fn new(status: StatusCode, error: &str, remedy: &str) -> Refused {
        Refused {
            status,
            document: json!({ "error": error, "remedy": remedy }),
            wait: None,
        }
    }

    fn away() -> Refused {
        Refused {
            wait: Some(5),
            ..Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the bridge is starting",
                "Try again in a moment.",
            )
        }
    }
}

impl From<ActionError> for Refused {
    fn from(error: ActionError) -> Self {
        let text = error.to_string();
        let of = |status, remedy: &str| Refused::new(status, &text, remedy);
        match error {
            ActionError::Notes => of(StatusCode::FORBIDDEN, "Allow it in bridge.toml, if the practice does."),
            ActionError::Denied => of(StatusCode::UNPROCESSABLE_ENTITY, "Take the identifier out."),
            ActionError::Paused(_) => of(StatusCode::SERVICE_UNAVAILABLE, "Ask again when sending goes on."),
            ActionError::Key => of(StatusCode::BAD_REQUEST, "Take another key."),
            ActionError::OtherRequest => of(StatusCode::CONFLICT, "Take a new key for a new request."),
            ActionError::Call { failed, later, advice } => {
                let again = later || matches!(failed.failure, Failure::Unavailable | Failure::Throttled(_));
                let wait = match failed.failure {
                    Failure::Throttled(Some(wait)) | Failure::DayBudget(Some(wait)) => Some(wait.as_secs().max(1)),
                    _ => again.then_some(5),
                };
                let missing = matches!(failed.code.as_str(), "404" | "410" | "not-found");
                let status = match () {
                    () if again => StatusCode::SERVICE_UNAVAILABLE,
                    () if missing => StatusCode::NOT_FOUND,
                    () => StatusCode::UNPROCESSABLE_ENTITY,
                };
                Refused {
                    status,
                    document: json!({ "error": failed.to_string(), "code": failed.code, "remedy": advice }),
                    wait,
                }
            }
            ActionError::Store(StoreError::Unreachable { .. }) => Refused::away(),
            ActionError::Receipt(_) | ActionError::Store(_) => of(
                StatusCode::INTERNAL_SERVER_ERROR,
                "See the bridge's log. Ask again with the same key: that tells what became of it.",
            ),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = answer(self.status, &self.document);
        if let Some(wait) = self.wait {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

fn answer(status: StatusCode, document: &Json) -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, json, Body::from(document.to_string())).into_response()
}

/// Nobody without a token is told what a route asks for.
async fn with_token(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let known = api.known(request.headers()).map(drop);
    match known {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

async fn other_method() -> Response {
    let remedy = "See /api/openapi.json.";
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "not by this method", remedy).into_response()
}

async fn made(State(api): State<Arc<Api>>, Path(action): Path<String>, request: Request) -> Response {
    api.make(&action, request)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn booked(State(api): State<Arc<Api>>, request: Request) -> Response {
    api.book(request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn listed(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    match api.known(&headers) {
        Ok(token) => answer(StatusCode::OK, &table(Some(token))),
        Err(refused) => refused.into_response(),
    }
}

async fn described(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    match api.known(&headers) {
        Ok(_) => answer(StatusCode::OK, &openapi::document()),
        Err(refused) => refused.into_response(),
    }
}

/// The actions, as programs read them; only those that a token may make, if one is given.
pub fn table(token: Option<&Token>) -> Json {
    let may = |row: &&Endpoint| token.is_none_or(|token| token.may(row.action, row.writes()));
    let rows = ENDPOINTS.iter().filter(may).map(|row| {
        json!({ "action": row.action, "group": row.group, "method": row.method, "path": row.path, "writes": row.writes(),
            "about": row.about, "note": row.note })
    });
    json!({ "actions": rows.collect::<Vec<_>>() })
}
