//! One origin per system: where calls may go, and nowhere else.

use url::{Host, Url};

/// Why a base URL cannot be used. The text names no secret and says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not an absolute http(s) URL.
    #[error("`{0}` is not an absolute URL; write it as https://host/path/")]
    NotAbsolute(String),
    /// Plain http to a host that is not this machine.
    #[error("`{0}` uses plain http; use https (http is only for this machine itself, e.g. http://127.0.0.1:8080/)")]
    NotHttps(String),
    /// Has a user name, password, query or fragment.
    #[error("the URL of host `{0}` carries a user name, password, query or fragment; leave them out")]
    Extras(String),
}

/// A base URL and the rule that no call leaves its origin.
#[derive(Clone, Debug)]
pub struct Origin {
    base: Url,
}

impl Origin {
    /// Pins calls to the origin of this base URL. A missing slash at its end is added.
    ///
    /// # Errors
    /// [`OriginError`] if calls must not go there.
    pub fn new(base: &str) -> Result<Origin, OriginError> {
        let mut origin = Origin::token_endpoint(base)?;
        if !origin.base.path().ends_with('/') {
            let path = format!("{}/", origin.base.path());
            origin.base.set_path(&path);
        }
        Ok(origin)
    }

    /// The same for the one address of a token endpoint, which stays as it is.
    ///
    /// # Errors
    /// [`OriginError`] if calls must not go there.
    pub fn token_endpoint(base: &str) -> Result<Origin, OriginError> {
        let url = Url::parse(base.trim()).map_err(|_| OriginError::NotAbsolute(base.to_string()))?;
        let host = match url.host() {
            Some(host) if matches!(url.scheme(), "http" | "https") => host,
            _ => return Err(OriginError::NotAbsolute(base.to_string())),
        };
        let name = host.to_string();
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::Extras(name));
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(OriginError::NotHttps(base.to_string()));
        }
        Ok(Origin { base: url })
    }

    /// The base URL, with a slash at its end.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The address of a call: a path below the base, a path of the origin (`/x`) or an absolute URL.
    /// `None` if it would leave the origin.
    pub fn resolve(&self, target: &str) -> Option<Url> {
        let url = self.base.join(target).ok()?;
        let stays = url.origin() == self.base.origin() && url.username().is_empty() && url.password().is_none();
        stays.then_some(url)
    }
}

/// Whether a URL names this machine itself.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// One path segment made of a remote id, percent-encoded. `None` for ids that no path can carry
/// (empty, `.`, `..`), since a URL would drop them and the call would mean something else.
pub fn segment(id: &str) -> Option<String> {
    if matches!(id, "" | "." | "..") {
        return None;
    }
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'$' | b'@' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine() {
        assert!(Origin::new("https://au-api.example.com/main").is_ok());
        assert!(Origin::new("http://127.0.0.1:8080/x/").is_ok());
        assert!(Origin::new("http://localhost:8080").is_ok());
        assert!(Origin::new("http://[::1]:8080").is_ok());
        for bad in [
            "http://example.com/",
            "example.com",
            "ftp://example.com/",
            "https://a:b@example.com/",
            "https://e.com/?a=1",
            "http://localhost.example.com/",
        ] {
            assert!(Origin::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_target_leaves_the_origin() {
        let origin = Origin::new("https://api.example.com/main").expect("sound");
        let at = |target: &str| origin.resolve(target).map(String::from);
        assert_eq!(
            at("Patient/7").as_deref(),
            Some("https://api.example.com/main/Patient/7")
        );
        assert_eq!(
            at("/crm/v3/x?limit=2").as_deref(),
            Some("https://api.example.com/crm/v3/x?limit=2")
        );
        assert_eq!(
            at("https://api.example.com/main/Patient?page=2").as_deref(),
            Some("https://api.example.com/main/Patient?page=2")
        );
        for bad in [
            "https://evil.example.net/main/Patient",
            "//evil.example.net/x",
            "http://api.example.com/main/Patient",
            "https://api.example.com:8443/main/",
            "https://u:p@api.example.com/main/",
            "file:///etc/passwd",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_stay_one_segment() {
        assert_eq!(segment("PR-7").as_deref(), Some("PR-7"));
        assert_eq!(segment("a/../b?c#d e").as_deref(), Some("a%2F..%2Fb%3Fc%23d%20e"));
        assert_eq!(segment(".."), None);
        assert_eq!(segment("%2e%2e").as_deref(), Some("%252e%252e"));
    }
}
