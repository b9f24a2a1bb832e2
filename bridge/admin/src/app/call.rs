//! A request as pages see it. What decides whether it is believed stands here: the cookie, the origin of a form,
//! the token in it, and the address it came from.

use super::{App, Refused, Shelf};
use crate::access::role::Role;
use crate::access::session::Stage;
use crate::access::sign_on::LIFE;
use crate::access::{SECOND, Signed, chance};
use crate::desk::Desk;
use crate::listener::{Ending, Peer};
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use bridge_core::Time;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use url::{Host, Url, form_urlencoded};

/// The largest form.
const FORM: usize = 16 * 1024;
/// The largest with a provider's statement or a record in it.
const TEXT: usize = 900 * 1024;
/// Where such come from.
const TEXTS: [&str; 2] = ["/books/settlements", "/mappings/try"];
/// What a page that refreshes itself sends.
const BY_ITSELF: &str = "x-by-itself";
/// What only pages themselves ask for.
const LIVE: &str = "/live";
/// How long a chosen theme is kept, seconds.
const THEME: u32 = 365 * 24 * 3600;

/// What was typed into a form, or stands behind the `?`.
pub type Fields = BTreeMap<String, String>;

/// A request.
pub struct Call {
    pub shelf: Shelf,
    pub signed: Option<Signed>,
    /// What the browser holds while it is with the identity provider.
    pub attempt: Option<String>,
    pub form: Fields,
    pub query: Fields,
    pub path: String,
    /// The parts of the path that the route leaves open, in their order.
    pub parts: Vec<String>,
    /// Where it came from, for counting attempts.
    pub from: String,
    pub theme: &'static str,
    /// The page asked by itself, and nobody did.
    pub by_itself: bool,
    pub now: Time,
    /// When whoever serves this ends.
    pub ending: Ending,
}

impl Call {
    /// Reads a request to a route with that path.
    pub async fn read(app: &App, pattern: &str, request: Request) -> Result<Call, Refused> {
        let shelf = app.shelf().ok_or(Refused::Away)?;
        let (parts, body) = request.into_parts();
        let headers = &parts.headers;
        let peer = parts.extensions.get::<Peer>();
        let ending = parts.extensions.get::<Ending>().cloned().unwrap_or_default();
        let held = cookie(headers, session_cookie(app.settings.secure));
        let by_itself = headers.contains_key(BY_ITSELF) || pattern == LIVE;
        let signed = match held {
            Some(held) => shelf.access.session(&held, by_itself).await?,
            None => None,
        };
        let mut shelf = shelf;
        if let (Some(desk), Some(signed)) = (&shelf.desk, &signed) {
            shelf.desk = Some(desk.bound(signed.user.bound()).await?);
        }
        let form = match parts.method {
            Method::POST => {
                if !ours(headers, &app.settings.url) {
                    return Err(Refused::Form);
                }
                let most = if TEXTS.contains(&pattern) { TEXT } else { FORM };
                let body = to_bytes(body, most).await.map_err(|_| Refused::Form)?;
                fields(&body)
            }
            _ => Fields::new(),
        };
        let query = parts.uri.query().unwrap_or_default();
        let path = parts.uri.path().to_string();
        let open = pattern.split('/').zip(path.split('/'));
        let parts = open.filter(|(piece, _)| piece.starts_with('{'));
        Ok(Call {
            parts: parts.map(|(_, part)| unescaped(part)).collect(),
            from: from(headers, peer, app.settings.behind_proxy),
            theme: theme(cookie(headers, "bridge-theme").as_deref()),
            query: fields(query.as_bytes()),
            by_itself,
            now: app.clock.now(),
            ending,
            shelf,
            signed,
            attempt: cookie(headers, attempt_cookie(app.settings.secure)),
            form,
            path,
        })
    }

    /// Who is signed in, with both steps.
    pub fn user(&self) -> Option<&Signed> {
        self.signed
            .as_ref()
            .filter(|signed| signed.session.stage == Stage::Full)
    }

    /// Who has taken the first step and not the second.
    pub fn half(&self) -> Option<&Signed> {
        self.signed
            .as_ref()
            .filter(|signed| signed.session.stage == Stage::Half)
    }

    /// Who is signed in; for routes that let nobody else in.
    pub fn known(&self) -> Result<&Signed, Refused> {
        self.user().ok_or(Refused::Role)
    }

    /// Whose name stands in the history.
    pub fn by(&self) -> Result<&str, Refused> {
        Ok(&self.known()?.user.name)
    }

    /// Whether patients' details may be shown.
    pub fn sees_values(&self) -> bool {
        self.user().is_some_and(|signed| signed.user.role.sees_values())
    }

    /// Whether whoever asks is bound to some locations.
    pub fn bound(&self) -> bool {
        self.user().is_some_and(|signed| signed.user.bound().is_some())
    }

    /// Where people decide; of whoever is bound to some locations, about the people of those.
    pub fn desk(&self) -> Result<&Desk, Refused> {
        self.shelf.desk.as_ref().ok_or(Refused::Away)
    }

    /// The first part of the path that the route leaves open.
    pub fn part(&self) -> &str {
        self.parts.first().map(String::as_str).unwrap_or_default()
    }

    /// The role of whoever asks.
    pub fn role(&self) -> Option<Role> {
        self.user().map(|signed| signed.user.role)
    }

    /// Whether the form carries the token of the session, if there is one.
    pub fn form_is_ours(&self) -> bool {
        match &self.signed {
            None => true,
            Some(signed) => chance::same(&signed.session.form, self.typed("form")),
        }
    }

    /// What was typed; nothing if the field was not there.
    pub fn typed(&self, field: &str) -> &str {
        self.form.get(field).map(String::as_str).unwrap_or_default()
    }

    /// What was typed and is to stay secret.
    pub fn secret(&self, field: &str) -> SecretString {
        self.typed(field).into()
    }
}

/// What was typed. No field of ours holds NUL, and PostgreSQL keeps no text with it.
fn fields(text: &[u8]) -> Fields {
    let pairs = form_urlencoded::parse(text).into_owned();
    pairs.map(|(name, value)| (name, value.replace('\0', ""))).collect()
}

/// A piece of a path without its `%XX`, and without NUL.
fn unescaped(piece: &str) -> String {
    let text = percent_encoding::percent_decode_str(piece).decode_utf8_lossy();
    text.replace('\0', "")
}

/// The name of the cookie. With the prefix no other host and no plain connection can set it.
pub fn session_cookie(secure: bool) -> &'static str {
    if secure { "__Host-bridge" } else { "bridge" }
}

/// Has the browser hold a session; none to forget it.
pub fn hold(session: Option<&SecretString>, secure: bool) -> Option<HeaderValue> {
    let (held, end) = match session {
        Some(session) => (session.expose_secret(), ""),
        None => ("", "; Max-Age=0"),
    };
    let safe = if secure { "; Secure" } else { "" };
    let name = session_cookie(secure);
    let mut value =
        HeaderValue::from_str(&format!("{name}={held}; Path=/; HttpOnly; SameSite=Strict{safe}{end}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The name of the cookie of a browser that is with the identity provider.
fn attempt_cookie(secure: bool) -> &'static str {
    if secure {
        "__Host-bridge-attempt"
    } else {
        "bridge-attempt"
    }
}

/// Has the browser hold what proves that an answer of the identity provider is its own; none to forget it. Lax, since the
/// browser comes back from another site.
pub fn hold_attempt(held: Option<&SecretString>, secure: bool) -> Option<HeaderValue> {
    let (held, life) = match held {
        Some(held) => (held.expose_secret(), LIFE / SECOND),
        None => ("", 0),
    };
    let safe = if secure { "; Secure" } else { "" };
    let name = attempt_cookie(secure);
    let text = format!("{name}={held}; Path=/; Max-Age={life}; HttpOnly; SameSite=Lax{safe}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Has the browser hold a theme.
pub fn hold_theme(chosen: &str, secure: bool) -> Option<HeaderValue> {
    let safe = if secure { "; Secure" } else { "" };
    let chosen = theme(Some(chosen));
    let text = format!("bridge-theme={chosen}; Path=/; Max-Age={THEME}; HttpOnly; SameSite=Strict{safe}");
    HeaderValue::from_str(&text).ok()
}

fn theme(chosen: Option<&str>) -> &'static str {
    match chosen {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "auto",
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).into_iter();
    let pairs = all
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.to_string())
}

/// Whether a form was sent from a page of ours. Browsers say so in `Sec-Fetch-Site`, and name the origin.
fn ours(headers: &HeaderMap, url: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), None) => site == "same-origin",
        (site, Some(origin)) => site.is_none_or(|site| site == "same-origin") && own(origin, text("host"), url),
        (None, None) => false,
    }
}

/// Whether an origin is the public one, or this machine by its address. No other name counts, though a request may have
/// come by it: whoever owns a name can have it lead here, and then every page under it calls itself ours.
fn own(origin: &str, host: Option<&str>, public: &str) -> bool {
    let (Ok(origin), Ok(public)) = (Url::parse(origin), Url::parse(public)) else {
        return false;
    };
    let machine = match origin.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    };
    let asked = host.and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    origin.origin() == public.origin() || machine && asked.is_some_and(|asked| asked.origin() == origin.origin())
}

/// The address that attempts are counted for: what the proxy says, if there is one, and that of the connection else. A proxy
/// stands on this machine or in its network; whoever comes past it says of itself what it likes.
fn from(headers: &HeaderMap, peer: Option<&Peer>, behind_proxy: bool) -> String {
    let last = headers.get_all("x-forwarded-for").into_iter().next_back();
    let told = last
        .and_then(|value| value.to_str().ok())
        .and_then(|list| list.rsplit(',').next())
        .and_then(|address| address.trim().parse::<std::net::IpAddr>().ok());
    match (told, peer) {
        (Some(address), Some(Peer(peer))) if behind_proxy && near(peer.ip()) => network(address),
        (_, Some(Peer(peer))) => network(peer.ip()),
        (_, None) => String::new(),
    }
}

/// Whether an address is of this machine or of a network that the internet does not lead to.
fn near(address: std::net::IpAddr) -> bool {
    match address.to_canonical() {
        std::net::IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // Carriers' and overlay networks' own, RFC 6598.
            let shared = first == 100 && (64..128).contains(&second);
            address.is_loopback() || address.is_private() || address.is_link_local() || shared
        }
        std::net::IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// One subscriber has a whole /64 of IPv6. An IPv4 address that is written as one of IPv6 is the IPv4 address, or all of them
/// would count as one.
fn network(address: std::net::IpAddr) -> String {
    match address.to_canonical() {
        std::net::IpAddr::V4(address) => address.to_string(),
        std::net::IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    axum::http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn forms_from_elsewhere_are_known() {
        let ours = |pairs: &[(&'static str, &'static str)]| ours(&headers(pairs), "https://bridge.example");
        assert!(ours(&[("sec-fetch-site", "same-origin")]));
        assert!(ours(&[("origin", "http://127.0.0.1:8600"), ("host", "127.0.0.1:8600")]));
        assert!(ours(&[("origin", "https://bridge.example"), ("host", "10.0.0.7:8600")]));
        for foreign in [
            &[("sec-fetch-site", "cross-site"), ("origin", "https://bridge.example")][..],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example"), ("host", "bridge.example")],
            &[("origin", "null"), ("host", "bridge.example")],
            &[
                ("origin", "https://bridge.example.evil.example"),
                ("host", "bridge.example"),
            ],
            &[("host", "bridge.example")],
            // A name that somebody has lead here.
            &[
                ("origin", "http://rebound.example:8600"),
                ("host", "rebound.example:8600"),
            ],
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "http://rebound.example"),
                ("host", "rebound.example"),
            ],
            &[("origin", "http://bridge.example"), ("host", "bridge.example")],
            &[("origin", "https://bridge.example:444"), ("host", "bridge.example")],
            &[("origin", "http://127.0.0.1:9"), ("host", "127.0.0.1:8600")],
            &[("origin", "https://"), ("host", "")],
        ] {
            assert!(!ours(foreign), "{foreign:?}");
        }
    }

    #[test]
    fn addresses_come_from_the_proxy_only_if_there_is_one() {
        let told = headers(&[("x-forwarded-for", "203.0.113.9, 198.51.100.7")]);
        let peer = Peer(([127, 0, 0, 1], 5).into());
        assert_eq!(from(&told, Some(&peer), true), "198.51.100.7");
        assert_eq!(from(&told, Some(&peer), false), "127.0.0.1");
        let six = headers(&[("x-forwarded-for", "2001:db8:1:2:3:4:5:6")]);
        assert_eq!(from(&six, Some(&peer), true), "2001:db8:1:2::/64");
        // Past the proxy, straight from the internet.
        for outside in ["203.0.113.200", "2001:db8::5", "::ffff:203.0.113.200"] {
            let outside: std::net::IpAddr = outside.parse().expect("an address");
            let counted = from(&told, Some(&Peer((outside, 5).into())), true);
            assert_eq!(counted, network(outside));
        }
        for inside in [
            "10.0.0.2",
            "172.17.0.1",
            "::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "100.100.0.1",
        ] {
            let inside: std::net::IpAddr = inside.parse().expect("an address");
            assert_eq!(
                from(&told, Some(&Peer((inside, 5).into())), true),
                "198.51.100.7",
                "{inside}"
            );
        }
        assert_eq!(
            network("::ffff:203.0.113.200".parse().expect("an address")),
            "203.0.113.200"
        );
    }

    #[test]
    fn the_cookie_of_a_session_is_for_this_host_alone() {
        let held = hold(Some(&"abc".into()), true).map(|value| value.to_str().unwrap_or_default().to_string());
        let wanted = "__Host-bridge=abc; Path=/; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(held.as_deref(), Some(wanted));
        let sent = headers(&[("cookie", "x=1; __Host-bridge=abc; bridge=no")]);
        assert_eq!(cookie(&sent, session_cookie(true)).as_deref(), Some("abc"));
        assert_eq!(cookie(&sent, session_cookie(false)).as_deref(), Some("no"));
    }
}
