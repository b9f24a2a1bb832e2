//! How one request reaches a product: over the network, or in process for simulation.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use std::future::Future;
use std::time::Duration;
use url::Url;

/// One request, ready to be sent: credentials and all headers are in it.
#[derive(Clone)]
pub struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Absolute address, query included.
    pub url: Url,
    /// Headers.
    pub headers: HeaderMap,
    /// Body; empty if there is none.
    pub body: Bytes,
    /// The longest it may take, where that is less than calls usually may.
    pub longest: Option<Duration>,
}

/// One answer, its body received whole.
#[derive(Clone)]
pub struct HttpResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Decompressed body.
    pub body: Bytes,
}

impl HttpResponse {
    /// A header as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    }

    /// The body as JSON, members in their order. An empty body is `null`.
    ///
    /// # Errors
    /// If the body is not JSON.
    pub fn json(&self) -> Result<serde_json::Value, serde_json::Error> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_slice(&self.body)
    }
}

/// A request that got no whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct TransportError {
    /// What happened.
    pub kind: TransportErrorKind,
    /// The request provably never reached the product; otherwise it may have taken effect.
    pub not_processed: bool,
}

/// What happened to a request that got no whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportErrorKind {
    /// No connection: name not found, refused, TLS handshake failed, proxy refused.
    #[error("no connection")]
    Connect,
    /// No answer in time.
    #[error("time-out")]
    TimedOut,
    /// The connection broke while the request or the answer was under way.
    #[error("connection broken")]
    Broken,
    /// The answer is larger than the cap.
    #[error("answer too large")]
    TooLarge,
    /// The address is not one that may be called (private range, or not a URL of this origin).
    #[error("address not allowed")]
    NotAllowed,
}

impl TransportError {
    /// The request never left.
    pub fn never_left(kind: TransportErrorKind) -> TransportError {
        TransportError {
            kind,
            not_processed: true,
        }
    }

    /// The request may have landed.
    pub fn may_have_landed(kind: TransportErrorKind) -> TransportError {
        TransportError {
            kind,
            not_processed: false,
        }
    }
}

/// Sends one request and receives one answer. Follows nothing and repeats nothing.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends it.
    ///
    /// # Errors
    /// [`TransportError`] if no whole answer came; it tells whether the request may have landed.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}

/// Calls a function instead of the network, e.g. a stand-in's router in a simulation.
pub struct InProcess<F> {
    serve: F,
}

impl<F, R> InProcess<F>
where
    F: Fn(HttpRequest) -> R + Send + Sync,
    R: Future<Output = Result<HttpResponse, TransportError>> + Send,
{
    /// A transport that answers with this function.
    pub fn new(serve: F) -> InProcess<F> {
        InProcess { serve }
    }
}

#[async_trait]
impl<F, R> Transport for InProcess<F>
where
    F: Fn(HttpRequest) -> R + Send + Sync,
    R: Future<Output = Result<HttpResponse, TransportError>> + Send,
{
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        (self.serve)(request).await
    }
}
