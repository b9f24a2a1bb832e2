//! From HTTP to the products and back, with faults and the hook on the way.

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::json;

use crate::answer::{Answer, Call};
use crate::calls::{CallInfo, Phase, Verdict};
use crate::clock::http_date;
use crate::control;
use crate::courier;
use crate::sandbox::{Sandbox, System, halaxy_base};

/// No product takes more (a patient with attachments may hold 20 MB, in base64).
const BODY_CAP: usize = 32 * 1024 * 1024;

/// Stands on a response that means a cut connection: over HTTP the client gets nothing at all, in process its body
/// fails and this extension tells why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionCut {
    /// Whether the call had had its effect by then; it may still have it later.
    pub applied: bool,
}

impl Sandbox {
    /// All stand-ins and the control API as one service.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(answer).with_state(Arc::clone(self))
    }

    /// Serves the stand-ins until `shutdown` ends.
    ///
    /// # Errors
    /// What the listener reports.
    pub async fn serve(
        self: Arc<Self>,
        listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let router = self.router();
        self.serve_as(router, listener, shutdown).await
    }

    /// Like [`Self::serve`], by a router that something was laid over. Webhooks are sent meanwhile.
    ///
    /// # Errors
    /// What the listener reports.
    pub async fn serve_as(
        self: Arc<Self>,
        router: Router,
        listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let courier = tokio::spawn(courier::deliver(Arc::clone(&self)));
        let served = axum::serve(listener, router).with_graceful_shutdown(shutdown).await;
        courier.abort();
        served
    }
}

async fn answer(State(sandbox): State<Arc<Sandbox>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_CAP).await else {
        return to_http(Answer::empty(413), sandbox.clock().now_micros());
    };
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| parts.uri.authority().map(|authority| authority.as_str()))
        .unwrap_or("sandbox.invalid");
    let base = format!("http://{host}");
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or("").to_owned();
    let mut segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(decoded)
        .collect();
    if segments.is_empty() {
        return to_http(Answer::empty(404), sandbox.clock().now_micros());
    }
    let product = segments.remove(0);
    let mut call = Call {
        method: parts.method,
        path: segments,
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body,
        base: format!("{base}/{product}"),
    };
    let system = match product.as_str() {
        "control" => {
            let answer = control::handle(&sandbox, &call, &base);
            return to_http(answer, sandbox.clock().now_micros());
        }
        "halaxy" if call.path.first().is_some_and(|segment| segment == "main") => {
            call.path.remove(0);
            call.base = halaxy_base(&base);
            System::Halaxy
        }
        "books" => System::Books,
        name if name == sandbox.crm_product() => System::Crm,
        _ => return to_http(Answer::empty(404), sandbox.clock().now_micros()),
    };
    through(&sandbox, system, &product, &call, path, query).await
}

/// A call on a product: noted, struck by faults, shown to the hook before and after its effect.
async fn through(
    sandbox: &Sandbox,
    system: System,
    product: &str,
    call: &Call,
    path: String,
    query: String,
) -> Response<Body> {
    let _under_way = sandbox.hold(system);
    let (n, at_micros, strike) = sandbox.arrived(system, call.method.as_str(), &path, &query);
    let mut fault = strike.name();
    let mut info = CallInfo {
        n,
        at_micros,
        system: system.name(),
        method: call.method.to_string(),
        path,
        query,
        body: call.body.clone(),
        phase: Phase::Arrived,
        status: None,
    };
    let wait = |micros: u64| sandbox.clock().wait(micros);
    let cut = |applied: bool, fault: Option<String>| {
        sandbox.ended(n, None, fault);
        cut_connection(applied)
    };
    let mut refused = strike.refuse;
    match sandbox.ask(&info) {
        Verdict::Go => {}
        Verdict::Cut => return cut(false, Some("drop_before".into())),
        Verdict::CutThenLand(micros) => {
            sandbox.apply_late(n, product, call, micros);
            return cut(false, Some("drop_late".into()));
        }
        Verdict::Status(status) => refused = Some(status),
        Verdict::Delay(micros) => wait(micros).await,
    }
    if strike.delay > 0 {
        wait(strike.delay).await;
    }
    if strike.drop_before {
        return cut(false, fault);
    }
    if let Some(status) = refused {
        sandbox.ended(n, Some(status), Some(format!("status {status}")));
        return to_http(refusal(system, product, status), sandbox.now_of(system));
    }
    if let Some(micros) = strike.drop_late {
        sandbox.apply_late(n, product, call, micros);
        return cut(false, fault);
    }
    let mut answer = sandbox.apply(product, call);
    if strike.duplicate && may_be_repeated(call) {
        sandbox.apply(product, call);
    }
    info.phase = Phase::Applied;
    info.status = Some(answer.status);
    match sandbox.ask(&info) {
        Verdict::Go => {}
        Verdict::Cut | Verdict::CutThenLand(_) => return cut(true, Some("drop_after".into())),
        Verdict::Status(status) => {
            answer = refusal(system, product, status);
            fault = Some(format!("status {status} after the effect"));
        }
        Verdict::Delay(micros) => wait(micros).await,
    }
    if strike.drop_after {
        return cut(true, fault);
    }
    if let Some(status) = strike.fail_after {
        answer = refusal(system, product, status);
    }
    sandbox.ended(n, Some(answer.status), fault.or_else(|| answer.note.map(str::to_owned)));
    to_http(answer, sandbox.now_of(system))
}

/// Only requests that say the same when said twice are repeated by what lies between client and product.
fn may_be_repeated(call: &Call) -> bool {
    call.method != Method::POST
        || matches!(
            call.segments().as_slice(),
            [.., "search"] | [.., "batch", "read" | "update" | "upsert" | "archive"]
        )
}

/// The answer of a gateway or limiter in front of a product.
fn refusal(system: System, product: &str, status: u16) -> Answer {
    let throttled = status == 429;
    let answer = match (system, product) {
        (System::Halaxy, _) if throttled => Answer::json(
            status,
            json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "throttled"}]}),
        ),
        (System::Crm, "hubspot") if throttled => Answer::json(
            status,
            json!({
                "status": "error",
                "message": "You have reached your ten_secondly_rolling limit.",
                "errorType": "RATE_LIMIT",
                "policyName": "TEN_SECONDLY_ROLLING",
            }),
        ),
        (System::Crm, "hubspot") => Answer::json(
            status,
            json!({"status": "error", "message": "internal error", "category": "INTERNAL_ERROR"}),
        ),
        // The product names the bucket and sends no body.
        (System::Books, _) if throttled => Answer::empty(status).with("x-rate-limit-problem", "minute"),
        (System::Crm, _) => Answer::json(
            status,
            json!({"error": {"code": "unavailable", "message": "try again later"}}),
        ),
        // A gateway's page is not JSON at all.
        _ => {
            return Answer {
                content_type: "text/html",
                ..Answer::json(status, json!("Service Unavailable"))
            };
        }
    };
    // The HubSpot-shaped CRM tells the policy, not the wait.
    if throttled && product != "hubspot" {
        answer.with("retry-after", 1)
    } else {
        answer
    }
}

fn decoded(segment: &str) -> String {
    let plain = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(plain.as_bytes())
        .next()
        .map_or_else(String::new, |(key, _)| key.into_owned())
}

fn cut_connection(applied: bool) -> Response<Body> {
    let broken = futures::stream::once(async {
        Err::<Bytes, io::Error>(io::Error::new(io::ErrorKind::ConnectionReset, "connection cut"))
    });
    let mut response = Response::new(Body::from_stream(broken));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.extensions_mut().insert(ConnectionCut { applied });
    response
}

fn to_http(answer: Answer, now: i64) -> Response<Body> {
    let mut response = match &answer.body {
        Some(body) => Response::new(Body::from(body.to_string())),
        None => Response::new(Body::empty()),
    };
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if answer.body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(now)) {
        headers.insert(header::DATE, date);
    }
    for (name, value) in &answer.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    response
}
