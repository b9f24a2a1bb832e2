//! The listener: binding, limits on what a client may take, headers every answer carries, and an end
//! that lets requests finish.

use crate::taken::Taken;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The largest body a request may have, unless its own router sets another [`DefaultBodyLimit`].
pub const BODY_LIMIT: usize = 1024 * 1024;

/// The longest a client may take over the head of a request, and a kept connection may idle.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// The longest a request may take from its head to its answer, its body included.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// The longest a client may take nothing of what it is sent.
const TAKING_TIME: Duration = Duration::from_secs(30);
/// The longest that requests under way may hold up the end.
const END_TIME: Duration = Duration::from_secs(5);
/// Connections served at once; further ones wait in the system's backlog.
const CONNECTIONS: usize = 512;
/// Pause after the system could not give a connection, e.g. for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Headers of every answer that does not set them itself.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// Puts routers behind the common limits: time, body size, and headers that forbid browsers what no
/// answer here needs. Anything that none of them routes is an empty 404.
pub fn router(parts: impl IntoIterator<Item = Router>) -> Router {
    parts
        .into_iter()
        .fold(Router::new(), Router::merge)
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(guarded))
}

async fn guarded(request: Request, next: Next) -> Response {
    let mut response = match tokio::time::timeout(REQUEST_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Whoever is at the other end of the connection: every request carries it as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Cancelled when the listener takes no more; what would go on for long ends then. Every request carries it.
#[derive(Clone, Debug, Default)]
pub struct Ending(pub CancellationToken);

/// A bound address that is not served yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// Binds an address; port 0 takes a free one.
    ///
    /// # Errors
    /// The system's, e.g. when something else has the port.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self { socket })
    }

    /// The address bound.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop` is cancelled; then takes no more, and lets what is under way finish for a
    /// few seconds.
    pub async fn serve(self, app: Router, stop: CancellationToken) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        let under_way = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let (socket, peer, place) = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                taken = self.take(&room) => match taken {
                    Ok(taken) => taken,
                    Err(error) => {
                        tracing::warn!(%error, "no connection could be taken");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            // A small answer must not wait for the next packet.
            let _ = socket.set_nodelay(true);
            let ending = Ending(stop.clone());
            let app = app.clone().map_request(move |mut request: hyper::Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                request.extensions_mut().insert(ending.clone());
                request
            });
            let service = TowerToHyperService::new(app);
            let connection =
                under_way.watch(http.serve_connection(TokioIo::new(Taken::within(TAKING_TIME, socket)), service));
            tokio::spawn(async move {
                // A client that goes away is its own affair.
                let _ = connection.await;
                drop(place);
            });
        }
        drop(self.socket);
        let _ = tokio::time::timeout(END_TIME, under_way.shutdown()).await;
    }

    async fn take(&self, room: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, impl Drop + Send + use<>)> {
        let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
        let (socket, peer) = self.socket.accept().await?;
        Ok((socket, peer, place))
    }
}
