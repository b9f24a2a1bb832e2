//! `[serve]`: what the service listens on; and the webhooks of accounts, which need it.

use super::SecretRef;
use super::oidc::OidcConfig;
use super::reader::{Reader, Table};
use adapter_rest::Connector;
use bridge_core::config_problem::Keys;
use std::net::SocketAddr;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;
use url::{Host, Url};

/// What `[serve]` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Address and port; plain HTTP.
    pub listen: SocketAddr,
    /// How the outside reaches it, through whatever proxy ends TLS; without a slash at the end.
    pub public_url: Option<String>,
    /// The admin app is served there too.
    pub admin: bool,
    /// People of the app may be bound to locations: what tells where patients are seen is mirrored for that.
    pub locations: bool,
    /// The identity provider that people may sign in by.
    pub oidc: Option<OidcConfig>,
    /// Line of the section.
    pub line: usize,
}

/// Webhooks of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// What the product and the bridge share; while it is being replaced the new one and then the old one.
    pub secrets: Vec<SecretRef>,
    /// The part of the address that nobody can guess; derived from each secret if absent.
    pub path: Option<SecretRef>,
}

impl<'s> Reader<'s> {
    pub(super) fn serve(&mut self, table: Option<Table<'_, 's>>) -> Option<ServeConfig> {
        let (table, span) = table?;
        let source = self.source;
        let line = source.line(span.start);
        let mut keys = Keys::new(&source, table, span);
        let listen = keys.text("listen");
        let public_url = keys.optional_text("public_url");
        let admin = keys.optional_flag("admin").unwrap_or(true);
        let locations = keys.optional_flag("locations").unwrap_or(false);
        let oidc = keys.optional("oidc");
        self.problems.extend(keys.finish());
        let oidc =
            oidc.and_then(|value| self.table(Some(value), "serve.oidc", "[serve.oidc] with issuer and client_id"));
        let oidc = self.oidc(oidc);
        let public_url = public_url.and_then(|(text, span)| self.public_url(text, span));
        let (text, span) = listen?;
        let Ok(listen) = text.parse() else {
            self.note(
                span,
                format!("`{text}` is no address to listen on"),
                "Write listen = \"127.0.0.1:8600\": an IP address and a port.",
            );
            return None;
        };
        Some(ServeConfig {
            listen,
            public_url,
            admin,
            locations,
            oidc,
            line,
        })
    }

    /// Products call it and sign it, so it must be the address exactly.
    fn public_url(&mut self, text: &str, span: Range<usize>) -> Option<String> {
        let loopback = |url: &Url| match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        let url = Url::parse(text).ok().filter(|url| {
            let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
            plain && (url.scheme() == "https" || url.scheme() == "http" && loopback(url))
        });
        if url.is_none() {
            self.note(
                span,
                format!("`{text}` is no public address"),
                "Write public_url = \"https://bridge.practice.example\": https, and neither user nor query.",
            );
        }
        url.map(|_| text.trim_end_matches('/').to_string())
    }

    /// `webhook_secret` and `webhook_path` of a system's section, read from `keys` by the caller.
    pub(super) fn webhook(
        &mut self,
        secret: Option<&Spanned<DeValue<'s>>>,
        path: Option<(&str, Range<usize>)>,
        connector: Option<&Connector>,
    ) -> Option<WebhookConfig> {
        let Some((value, span)) = secret.map(|value| (value, value.span())) else {
            if let Some((_, span)) = path {
                self.note(
                    span,
                    "`webhook_path` is of no use without `webhook_secret`",
                    "Add webhook_secret = \"env:NAME\", or remove it.",
                );
            }
            return None;
        };
        if let Some(connector) = connector.filter(|connector| connector.webhook.is_none()) {
            self.note(
                span.clone(),
                format!("the connector `{}` says nothing of webhooks", connector.name),
                "Remove this, or add [webhook] to a connector file of your own (see connectors/example-crm.toml).",
            );
        }
        if !self.reachable {
            self.note(
                span.clone(),
                "webhooks need an address that the product can call",
                "Add [serve] with listen = \"127.0.0.1:8600\" and public_url = \"https://..\".",
            );
        }
        Some(WebhookConfig {
            secrets: self.secrets("webhook_secret", value),
            path: path.and_then(|(text, span)| self.secret("webhook_path", text, span)),
        })
    }
}
