//! Where a sign-in ends: a page of this machine that takes one answer.

use adapter_kit::SignInError;
use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use url::Url;

/// How long somebody may take to sign in.
const PATIENCE: Duration = Duration::from_secs(600);

/// A place for a sign-in to end at.
pub struct Landing {
    /// What the product is told, exactly.
    pub redirect_uri: String,
    listener: Option<TcpListener>,
    path: String,
}

/// Why nobody can land.
#[derive(Debug, thiserror::Error)]
pub enum LandingError {
    /// The connector's address is none of this machine.
    #[error("`{0}` is no address of this machine")]
    Address(String),
    /// The port is taken.
    #[error("cannot listen on port {port} of 127.0.0.1: {why}")]
    Listen {
        /// The port.
        port: u16,
        /// What the operating system said.
        why: std::io::Error,
    },
    /// The answer was refused.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// Nobody came.
    #[error("nobody signed in within ten minutes")]
    Patience,
}

/// Opens a place: the registered address, with another port if one is given; else a free port.
///
/// # Errors
/// [`LandingError`].
pub async fn open(registered: Option<&str>, port: Option<u16>, listens: bool) -> Result<Landing, LandingError> {
    let address = registered.unwrap_or("http://127.0.0.1/callback");
    let bad = || LandingError::Address(address.to_string());
    let mut url = Url::parse(address).map_err(|_| bad())?;
    let here = url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
    if !here && listens {
        return Err(bad());
    }
    let told = registered.and_then(|_| url.port());
    let asked = port.or(told).unwrap_or(0);
    let mut listener = None;
    if listens {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, asked)).await;
        let bound = bound.map_err(|why| LandingError::Listen { port: asked, why })?;
        let port = bound.local_addr().map_or(asked, |address| address.port());
        url.set_port(Some(port)).map_err(|()| bad())?;
        listener = Some(bound);
    } else if let Some(port) = port {
        url.set_port(Some(port)).map_err(|()| bad())?;
    }
    Ok(Landing {
        redirect_uri: url.to_string(),
        path: url.path().to_string(),
        listener,
    })
}

/// Somebody who came: the address, and whom to tell whether it was taken.
type Arrival = (String, oneshot::Sender<bool>);

impl Landing {
    /// Waits until somebody comes with an answer that `judge` takes. Answers of another sign-in are turned
    /// away, and the wait goes on: anything on this machine could send them.
    ///
    /// # Errors
    /// [`LandingError`].
    pub async fn wait<T>(self, mut judge: impl FnMut(&str) -> Result<T, SignInError>) -> Result<T, LandingError> {
        let Some(listener) = self.listener else {
            return Err(LandingError::Address(self.redirect_uri));
        };
        let (arrived, mut arrivals) = mpsc::channel::<Arrival>(4);
        let path = Arc::new(self.path);
        let router = Router::new().fallback(land).with_state((path, arrived));
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = axum::serve(listener, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        let server = tokio::spawn(async move { serve.await });
        let waited = async {
            while let Some((address, told)) = arrivals.recv().await {
                let verdict = judge(&address);
                let _ = told.send(verdict.is_ok());
                match verdict {
                    Err(SignInError::WrongState | SignInError::NoCode) => {}
                    verdict => return verdict.map_err(LandingError::from),
                }
            }
            Err(LandingError::Patience)
        };
        let verdict = tokio::time::timeout(PATIENCE, waited).await;
        // The page is still to be sent; a browser may hold its connection open for longer.
        let _ = stop.send(());
        let abort = server.abort_handle();
        if tokio::time::timeout(Duration::from_secs(2), server).await.is_err() {
            abort.abort();
        }
        verdict.unwrap_or(Err(LandingError::Patience))
    }
}

/// One page for everybody: it shows nothing of what was sent.
async fn land(
    State((path, arrived)): State<(Arc<String>, mpsc::Sender<Arrival>)>,
    OriginalUri(uri): OriginalUri,
) -> (StatusCode, &'static str) {
    const ELSEWHERE: (StatusCode, &str) = (StatusCode::NOT_FOUND, "Nothing is here.\n");
    const REFUSED: (StatusCode, &str) = (
        StatusCode::BAD_REQUEST,
        "The sign-in was not taken. The command line tells why.\n",
    );
    if uri.path() != *path {
        return ELSEWHERE;
    }
    let (told, verdict) = oneshot::channel();
    if arrived.send((uri.to_string(), told)).await.is_err() {
        return ELSEWHERE;
    }
    match verdict.await {
        Ok(true) => (
            StatusCode::OK,
            "You are signed in. This page can be closed; go on at the command line.\n",
        ),
        _ => REFUSED,
    }
}
