//! The transport over the network: rustls, the system's proxies, caps on time and size, and no
//! private address unless the operator allows it.

use crate::origin::is_loopback;
use crate::transport::{HttpRequest, HttpResponse, Transport, TransportError, TransportErrorKind};
use async_trait::async_trait;
use bytes::BytesMut;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use url::{Host, Url};

/// How calls go over the network.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// The longest a connection takes.
    pub connect_timeout: Duration,
    /// The longest a call takes, from start to the end of its answer.
    pub timeout: Duration,
    /// The largest answer, decompressed, in bytes.
    pub max_body: usize,
    /// Whether addresses of private networks may be called (this machine itself always may).
    pub allow_private: bool,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        NetworkOptions {
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(55),
            max_body: 32 << 20,
            allow_private: false,
        }
    }
}

/// The network cannot be used: the system's TLS roots or the proxy settings are unusable.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made: {0}")]
pub struct NetworkError(#[from] reqwest::Error);

/// Sends requests over the network.
#[derive(Clone, Debug)]
pub struct Network {
    outside: reqwest::Client,
    /// Calls to this machine itself never go through a proxy.
    inside: reqwest::Client,
    options: NetworkOptions,
}

impl Network {
    /// A transport with these options.
    ///
    /// # Errors
    /// [`NetworkError`] if the system's TLS or proxy settings are unusable.
    pub fn new(options: NetworkOptions) -> Result<Network, NetworkError> {
        // Nothing happens if the program has installed its provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(options.connect_timeout)
                .timeout(options.timeout)
                .redirect(Policy::none())
                // Shorter than servers keep idle connections, so that no write is sent into a closing one.
                .pool_idle_timeout(Duration::from_secs(4))
                .tcp_nodelay(true)
        };
        let outside = builder().dns_resolver(Outside {
            allow_private: options.allow_private,
            proxies: proxy_hosts(),
        });
        Ok(Network {
            outside: outside.build()?,
            inside: builder().no_proxy().build()?,
            options,
        })
    }

    /// The client for an address, if it may be called.
    fn client(&self, url: &Url) -> Option<&reqwest::Client> {
        if is_loopback(url) {
            return Some(&self.inside);
        }
        let allowed = match url.host()? {
            Host::Domain(_) => true, // its addresses are judged when they are looked up
            Host::Ipv4(ip) => self.options.allow_private || is_public(IpAddr::V4(ip)),
            Host::Ipv6(ip) => self.options.allow_private || is_public(IpAddr::V6(ip)),
        };
        allowed.then_some(&self.outside)
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let client = self.client(&request.url);
        let client = client.ok_or_else(|| TransportError::never_left(TransportErrorKind::NotAllowed))?;
        let mut outgoing = client
            .request(request.method, request.url)
            .headers(request.headers)
            .body(request.body);
        if let Some(longest) = request.longest {
            outgoing = outgoing.timeout(longest.min(self.options.timeout));
        }
        let mut answer = outgoing.send().await.map_err(|error| explain(&error))?;
        let too_large = || TransportError::may_have_landed(TransportErrorKind::TooLarge);
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| landed(explain(&error)))? {
            if body.len() + chunk.len() > self.options.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse {
            status: answer.status(),
            headers: std::mem::take(answer.headers_mut()),
            body: body.freeze(),
        })
    }
}

/// Once an answer has begun, the request has landed whatever happens to the rest.
fn landed(error: TransportError) -> TransportError {
    TransportError {
        not_processed: false,
        ..error
    }
}

fn explain(error: &reqwest::Error) -> TransportError {
    if error.is_connect() {
        return TransportError::never_left(TransportErrorKind::Connect);
    }
    if error.is_builder() {
        return TransportError::never_left(TransportErrorKind::NotAllowed);
    }
    if error.is_timeout() {
        return TransportError::may_have_landed(TransportErrorKind::TimedOut);
    }
    TransportError::may_have_landed(TransportErrorKind::Broken)
}

/// Looks names up and leaves out the addresses that may not be called.
struct Outside {
    allow_private: bool,
    /// Proxies of the environment, which usually live in a private network.
    proxies: Vec<String>,
}

impl Resolve for Outside {
    fn resolve(&self, name: Name) -> Resolving {
        let any = self.allow_private || self.proxies.iter().any(|host| host.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| any || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err("no address that may be called".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn proxy_hosts() -> Vec<String> {
    [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ]
    .into_iter()
    .filter_map(|name| std::env::var(name).ok())
    .filter_map(|text| {
        if text.contains("://") {
            Url::parse(&text)
        } else {
            Url::parse(&format!("http://{text}"))
        }
        .ok()
    })
    .filter_map(|url| url.host_str().map(str::to_string))
    .collect()
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // carrier-grade NAT
        || (a == 192 && b == 0 && c == 0) // protocol assignments
        || (a == 198 && (b == 18 || b == 19))) // benchmarking
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let parts = ip.segments();
    if parts[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        // NAT64 carries a v4 address at its end.
        let [a, b] = parts[6].to_be_bytes();
        let [c, d] = parts[7].to_be_bytes();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    !(ip.is_loopback()
        || ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_unique_local()
        || ip.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for private in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
        ] {
            assert!(!is_public(private.parse().expect("sound")), "{private}");
        }
        for public in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(public.parse().expect("sound")), "{public}");
        }
    }
}
