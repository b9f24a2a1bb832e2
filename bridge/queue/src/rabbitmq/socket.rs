//! The stream under a connection. It is ours and not lapin's for two reasons. TLS goes through the
//! rustls and the trust store that everything else here uses; built without a TLS feature, lapin
//! would speak plainly to an `amqps` address, and with one it brings some fifty crates. And it can be
//! cut from outside, so that an attempt that hangs ends together with the thread lapin runs it on.

use crate::QueueError;
use async_rs::{
    Runtime, Tokio,
    traits::{Executor, Reactor, RuntimeKit},
    util::{DummyIO, Task},
};
use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    uri::{AMQPScheme, AMQPUri},
};
use rustls::{
    ClientConfig, crypto::CryptoProvider, pki_types::CertificateDer, pki_types::ServerName, pki_types::pem::PemObject,
};
use rustls_platform_verifier::Verifier;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd};
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket as AsRawFd, AsSocket as AsFd};
use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// Unless the URL says otherwise: seconds between heartbeats, and bytes of a frame. Our messages are
/// small, and lapin keeps 64 frames of the largest size per connection.
const HEARTBEAT: u16 = 20;
const FRAME: u32 = 32 * 1024;

/// A broker's address, checked, with what TLS needs.
#[derive(Clone)]
pub(crate) struct Address {
    uri: AMQPUri,
    tls: Option<TlsConnector>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl Address {
    /// From `amqp://USER:PASSWORD@HOST:PORT/VHOST` or `amqps://`. `ca` is a PEM file of further roots.
    ///
    /// # Errors
    /// [`QueueError::Settings`], without the URL's secret.
    pub fn parse(url: &str, ca: Option<&Path>) -> Result<Self, QueueError> {
        let wrong = |why: &str| QueueError::Settings(format!("the URL {why}"));
        let parsed = url::Url::parse(url).map_err(|_| wrong("is none; write amqp://USER:PASSWORD@HOST:PORT/VHOST"))?;
        if !matches!(parsed.scheme(), "amqp" | "amqps") {
            return Err(wrong("must begin with amqp:// or amqps://"));
        }
        match parsed.host() {
            None => return Err(wrong("names no host")),
            // The URL's parser behind lapin reads such a host as `localhost`.
            Some(url::Host::Ipv6(_)) => return Err(wrong("must name the host, or give an IPv4 address")),
            Some(_) => {}
        }
        let mut uri: AMQPUri = url.parse().map_err(|_| wrong("has a part that cannot be read"))?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        uri.query.frame_max.get_or_insert(FRAME);
        let tls = match uri.scheme {
            AMQPScheme::AMQP => None,
            AMQPScheme::AMQPS => Some(connector(ca)?),
        };
        Ok(Self { uri, tls })
    }

    /// Where the broker is, without who we are.
    pub fn place(&self) -> String {
        format!(
            "{}://{}:{}",
            self.uri.scheme, self.uri.authority.host, self.uri.authority.port
        )
    }

    /// Opens a connection. It ends when `cut` is cancelled, in whatever state it is; `ended` is cancelled when
    /// nothing reads from it any more.
    pub async fn open(
        &self,
        name: &str,
        cut: &CancellationToken,
        ended: &CancellationToken,
    ) -> lapin::Result<Connection> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let (tls, cut, ended) = (self.tls.clone(), cut.clone(), ended.clone());
        let connect = async move |uri: AMQPUri, _: Runtime<Kit>| {
            let stream = stream(&uri, tls.as_ref(), &cut, &ended).await;
            Ok(AsyncTcpStream::Plain(stream.map_err(lapin::Error::from)?))
        };
        Connection::connector(
            self.uri.clone(),
            Runtime::new(Kit(Tokio::current())),
            connect,
            properties,
        )
        .await
    }
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector, QueueError> {
    let wrong = |why: String| QueueError::Settings(format!("TLS: {why}"));
    let mut roots: Vec<CertificateDer<'static>> = vec![];
    if let Some(path) = ca {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        roots = read.map_err(|e| wrong(format!("{} cannot be read as PEM: {e}", path.display())))?;
    }
    let provider = Arc::new(CryptoProvider::clone(&rustls::crypto::ring::default_provider()));
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(|e| wrong(e.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn stream(
    uri: &AMQPUri,
    tls: Option<&TlsConnector>,
    cut: &CancellationToken,
    ended: &CancellationToken,
) -> io::Result<CutStream> {
    let host = &uri.authority.host;
    let open = async {
        let plain = TcpStream::connect((host.as_str(), uri.authority.port)).await?;
        plain.set_nodelay(true)?;
        let inner: Pin<Box<dyn Duplex>> = match tls {
            None => Box::pin(plain),
            Some(tls) => {
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                Box::pin(tls.connect(name, plain).await?)
            }
        };
        Ok::<_, io::Error>(inner)
    };
    let inner = tokio::select! {
        inner = open => inner?,
        () = cut.cancelled() => return Err(io::ErrorKind::TimedOut.into()),
    };
    Ok(CutStream {
        inner,
        cut: Box::pin(cut.clone().cancelled_owned()),
        _ended: ended.clone().drop_guard(),
    })
}

trait Duplex: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// A stream that fails from the moment it is cut.
pub(crate) struct CutStream {
    inner: Pin<Box<dyn Duplex>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _ended: DropGuard,
}

impl CutStream {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl futures::io::AsyncRead for CutStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let mut buffer = ReadBuf::new(buffer);
        self.inner
            .as_mut()
            .poll_read(cx, &mut buffer)
            .map_ok(|()| buffer.filled().len())
    }
}

impl futures::io::AsyncWrite for CutStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        self.inner.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        self.inner.as_mut().poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_shutdown(cx)
    }
}

/// Tokio, as lapin wants it, with our stream in place of its own.
#[derive(Clone, Debug)]
struct Kit(Tokio);

impl RuntimeKit for Kit {}

impl Executor for Kit {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, f: F) -> T {
        self.0.block_on(f)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(&self, f: F) -> Task<Self::Task<T>> {
        self.0.spawn(f)
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(&self, f: F) -> Task<Self::Task<T>> {
        self.0.spawn_blocking(f)
    }
}

impl Reactor for Kit {
    type TcpStream = CutStream;
    type Sleep = <Tokio as Reactor>::Sleep;

    // Connections are made above; lapin asks its runtime for nothing but tasks and time.
    fn register<H: io::Read + io::Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl futures::io::AsyncRead + futures::io::AsyncWrite + Send + Unpin + 'static> {
        Err::<DummyIO, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, dur: Duration) -> Self::Sleep {
        self.0.sleep(dur)
    }

    fn interval(&self, dur: Duration) -> impl futures::Stream<Item = Instant> + Send + 'static {
        self.0.interval(dur)
    }

    fn tcp_connect_addr(&self, _: SocketAddr) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
