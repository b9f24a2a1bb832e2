//! Signed webhooks: one POST for each event, in order, one after the other.

use crate::outlet::{Letter, Outlet, Sent, Stopped};
use crate::pattern::Pattern;
use crate::sign::Signer;
use adapter_kit::{Clock, HttpRequest, Transport, retry_after};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// The longest an answer may take, which Standard Webhooks puts at 15 to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// After so long what was taken is noted, before more is sent.
const SLICE: Duration = Duration::from_secs(2);
/// The longest pause that a subscriber may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
const AGENT: &str = concat!("halaxy-bridge/", env!("CARGO_PKG_VERSION"));

/// The address cannot be one of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an address at all.
    #[error("this is no address; write https://host/path")]
    NotAbsolute,
    /// Anybody on the way could read along.
    #[error("webhooks go by https only (http is for this machine itself)")]
    NotHttps,
    /// Credentials do not belong there.
    #[error("the address carries a user name, password or fragment; leave them out")]
    Extras,
}

/// Reads the address of a webhook: https, or http on this machine itself.
///
/// # Errors
/// [`AddressError`].
pub fn address(text: &str) -> Result<Url, AddressError> {
    let url = Url::parse(text.trim()).map_err(|_| AddressError::NotAbsolute)?;
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err(AddressError::NotAbsolute),
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(AddressError::Extras);
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        "http" => Err(AddressError::NotHttps),
        _ => Err(AddressError::NotAbsolute),
    }
}

/// A subscriber that is sent webhooks.
pub struct Webhook {
    name: String,
    url: Url,
    pattern: Pattern,
    signer: Signer,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl Webhook {
    /// Events that match `pattern` go to `url`. The transport must follow no redirect.
    pub fn new(
        name: impl Into<String>,
        url: Url,
        pattern: Pattern,
        signer: Signer,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            name: name.into(),
            url,
            pattern,
            signer,
            transport,
            clock,
        }
    }

    async fn post(&self, letter: &Letter) -> Result<(), Stopped> {
        let stop = |why: String| Stopped {
            why,
            after: None,
            for_good: false,
        };
        // Every attempt has a time of its own: consumers refuse old ones.
        let seconds = self.clock.now() / 1_000_000;
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put(header::CONTENT_TYPE.as_str(), "application/json");
        put(header::USER_AGENT.as_str(), AGENT);
        put("webhook-id", &letter.id);
        put("webhook-timestamp", &seconds.to_string());
        put(
            "webhook-signature",
            &self.signer.sign(&letter.id, seconds, &letter.body),
        );
        if let Some(trace) = &letter.trace {
            put("traceparent", trace);
        }
        let request = HttpRequest {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body: Bytes::copy_from_slice(&letter.body),
            longest: Some(PATIENCE),
        };
        let answer = self
            .transport
            .send(request)
            .await
            .map_err(|error| stop(error.to_string()))?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(Stopped {
            after: retry_after(&answer, self.clock.now()).map(|after| after.min(LONGEST_PAUSE)),
            // How an endpoint says that it is gone, by Standard Webhooks.
            for_good: answer.status == StatusCode::GONE,
            ..stop(format!("status {}", answer.status.as_u16()))
        })
    }
}

#[async_trait]
impl Outlet for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn wants(&self, key: &str) -> bool {
        self.pattern.matches(key)
    }

    async fn send(&self, letters: &[Letter]) -> Sent {
        let begun = self.clock.ticks();
        let mut sent = Sent::default();
        for letter in letters {
            if let Err(stopped) = self.post(letter).await {
                sent.stopped = Some(stopped);
                break;
            }
            sent.taken += 1;
            if self.clock.ticks().saturating_sub(begun) > SLICE {
                break;
            }
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_go_to_https_or_this_machine() {
        for good in [
            "https://sheet.example/hook?key=1",
            "http://127.0.0.1:8700/",
            "http://localhost/x",
            "http://[::1]:1/",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", AddressError::NotAbsolute),
            ("sheet.example", AddressError::NotAbsolute),
            ("ftp://sheet.example/", AddressError::NotAbsolute),
            ("http://sheet.example/", AddressError::NotHttps),
            ("http://10.0.0.1/", AddressError::NotHttps),
            ("https://me@sheet.example/", AddressError::Extras),
            ("https://sheet.example/#x", AddressError::Extras),
        ] {
            assert_eq!(address(bad), Err(why), "{bad}");
        }
    }
}
