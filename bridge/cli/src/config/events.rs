//! `[events]`: what the public stream tells, and to whom.

use super::reader::{Reader, Table};
use super::{QueueConfig, SecretRef};
use bridge_core::config_problem::Keys;
use bridge_stream::{Pattern, address};
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;
use url::Url;

/// How long events are kept unless said otherwise.
const KEEP: Duration = Duration::from_secs(30 * 86_400);
/// The subscriber that the exchange is.
pub const EXCHANGE: &str = "exchange";

/// What `[events]` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsConfig {
    /// The first read of all records is told too.
    pub include_first_read: bool,
    /// How long events are kept.
    pub keep: Duration,
    /// The topic exchange that they are published to, at the broker of `[queue]`.
    pub exchange: Option<String>,
    /// Those who are sent webhooks.
    pub webhooks: Vec<OutgoingConfig>,
    /// Line of the section.
    pub line: usize,
}

/// One `[[events.webhook]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingConfig {
    /// The subscriber's name.
    pub name: String,
    /// Where events are sent.
    pub url: Url,
    /// What signs them: two while one is being replaced.
    pub secrets: Vec<SecretRef>,
    /// Which events.
    pub pattern: Pattern,
    /// Addresses of private networks may be called.
    pub allow_private: bool,
    /// Line of the section.
    pub line: usize,
}

impl EventsConfig {
    /// Names of all subscribers.
    pub fn subscribers(&self) -> Vec<String> {
        let exchange = self.exchange.iter().map(|_| EXCHANGE.to_string());
        exchange
            .chain(self.webhooks.iter().map(|webhook| webhook.name.clone()))
            .collect()
    }
}

impl<'s> Reader<'s> {
    pub(super) fn events(&mut self, table: Option<Table<'_, 's>>, queue: &QueueConfig) -> Option<EventsConfig> {
        let (table, span) = table?;
        let source = self.source;
        let line = source.line(span.start);
        let mut keys = Keys::new(&source, table, span);
        let include_first_read = keys.optional_flag("include_first_read").unwrap_or(false);
        let keep = keys.optional_text("keep");
        let exchange = keys.optional_text("exchange");
        let webhooks = keys.optional("webhook");
        self.problems.extend(keys.finish());
        if let Some((name, span)) = &exchange {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.is_empty() || name.len() > 200 || !name.chars().all(plain) || name.starts_with("amq.") {
                self.note(
                    span.clone(),
                    format!("`{name}` cannot name an exchange"),
                    "Write exchange = \"halaxy-bridge.events\": letters, digits, dots, - and _.",
                );
            }
            if *queue == QueueConfig::Embedded {
                self.note(
                    span.clone(),
                    "an exchange needs a broker",
                    "Name one in [queue], or send webhooks: [[events.webhook]].",
                );
            }
        }
        let webhooks = webhooks.map(|value| self.outgoing(value)).unwrap_or_default();
        Some(EventsConfig {
            include_first_read,
            keep: self.duration("keep", keep).unwrap_or(KEEP),
            exchange: exchange.map(|(name, _)| name.to_string()),
            webhooks,
            line,
        })
    }

    fn outgoing(&mut self, value: &Spanned<DeValue<'s>>) -> Vec<OutgoingConfig> {
        let Some(list) = value.get_ref().as_array() else {
            self.note(
                value.span(),
                "`webhook` must be a list of sections",
                "Write [[events.webhook]] with url and secret, once for each subscriber.",
            );
            return vec![];
        };
        let (mut webhooks, mut names) = (vec![], BTreeSet::from([EXCHANGE.to_string()]));
        for item in list.iter() {
            let example = "[[events.webhook]] with url and secret";
            let Some((table, _)) = self.table(Some(item), "events.webhook", example) else {
                continue;
            };
            let Some(webhook) = self.one_outgoing((table, item.span())) else {
                continue;
            };
            if !names.insert(webhook.name.clone()) {
                self.note(
                    item.span(),
                    format!("there are two subscribers `{}`", webhook.name),
                    "Give each a name of its own: name = \"..\".",
                );
            }
            webhooks.push(webhook);
        }
        webhooks
    }

    fn one_outgoing(&mut self, (table, span): Table<'_, 's>) -> Option<OutgoingConfig> {
        let source = self.source;
        let line = source.line(span.start);
        let mut keys = Keys::new(&source, table, span.clone());
        let url = keys.text("url");
        let secret = keys.optional("secret");
        let pattern = keys.optional_text("match");
        let name = keys.optional_text("name").map(|(name, _)| name.to_string());
        let allow_private = keys.optional_flag("allow_private").unwrap_or(false);
        self.problems.extend(keys.finish());
        let secrets = match secret {
            Some(value) => self.secrets("secret", value),
            None => {
                self.note(span, "`secret` is missing", "Add secret = \"env:NAME\".");
                vec![]
            }
        };
        let pattern = match pattern.map(|(text, span)| (text.parse::<Pattern>(), span)) {
            None => Pattern::default(),
            Some((Ok(pattern), _)) => pattern,
            Some((Err(error), span)) => {
                self.note(span, error.to_string(), "Write match = \"*.crm.*.updated\".");
                return None;
            }
        };
        let (text, span) = url?;
        let url = match address(text) {
            Ok(url) => url,
            Err(error) => {
                // The text itself is not shown: addresses of webhooks may hold what nobody else should know.
                self.note(span, error.to_string(), "Write url = \"https://..\".");
                return None;
            }
        };
        let host = url.host_str().unwrap_or_default().to_string();
        Some(OutgoingConfig {
            name: name.unwrap_or(host),
            url,
            secrets,
            pattern,
            allow_private,
            line,
        })
    }

    /// One reference, or a list of them.
    pub(super) fn secrets(&mut self, key: &str, value: &Spanned<DeValue<'s>>) -> Vec<SecretRef> {
        let mut refs = vec![];
        let mut one = |reader: &mut Self, text: &str, span: Range<usize>| {
            refs.extend(reader.secret(key, text, span));
        };
        match value.get_ref() {
            DeValue::String(text) => one(self, text, value.span()),
            DeValue::Array(list) if !list.is_empty() => {
                for item in list.iter() {
                    one(self, item.get_ref().as_str().unwrap_or_default(), item.span());
                }
            }
            _ => self.note(
                value.span(),
                format!("`{key}` must name where the secret is"),
                format!(
                    "Write {key} = \"env:NAME\", or {key} = [\"env:NEW\", \"env:OLD\"] while it is being replaced."
                ),
            ),
        }
        refs
    }
}
