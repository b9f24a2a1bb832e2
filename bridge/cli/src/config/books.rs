//! `[systems.NAME]` of an accounting product: an account that keeps books and holds no people.

use super::reader::{Reader, Table};
use super::{SecretRef, WebhookConfig};
use adapter_rest::Connector;
use bridge_core::config_problem::Keys;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::de::DeTable;

/// One accounting system.
#[derive(Clone, Debug)]
pub struct BooksConfig {
    /// The system's name.
    pub name: String,
    /// Its connector.
    pub connector: Connector,
    /// Instead of the connector's base URL.
    pub base_url: Option<String>,
    /// Instead of the connector's token endpoint.
    pub token_url: Option<String>,
    /// Instead of the connector's page for signing in.
    pub authorize_url: Option<String>,
    /// Instead of the connector's address that lists organisations.
    pub tenants_url: Option<String>,
    /// Sent with every call.
    pub user_agent: Option<String>,
    /// Secrets by the connector's name for them.
    pub secrets: BTreeMap<String, SecretRef>,
    /// Further settings of the connector, by name; the organisation among them, if it stands here.
    pub settings: BTreeMap<String, String>,
    /// The share of the rate limits that is ours, 0 to 1.
    pub share: Option<f64>,
    /// Calls a day, where the plan has another number than the connector says.
    pub calls_per_day: Option<u64>,
    /// Instead of the connector's statement.
    pub call_life: Option<Duration>,
    /// Calls to private network addresses are allowed.
    pub allow_private: bool,
    /// Its webhooks, if it sends any.
    pub webhook: Option<WebhookConfig>,
    /// Line of the section.
    pub line: usize,
}

impl<'s> Reader<'s> {
    /// The connector of a section, if it is a good one and keeps books.
    pub(super) fn keeps_books(&self, table: &DeTable<'s>) -> Option<Connector> {
        let name = table.get("connector")?.get_ref().as_str()?;
        let relative = match name.ends_with(".toml") {
            true => name.to_string(),
            false => format!("connectors/{name}.toml"),
        };
        let (file, text) = (self.files)(&relative)?;
        Connector::parse(&file, &text).ok().filter(Connector::keeps_books)
    }

    /// A section whose connector keeps books.
    pub(super) fn books(
        &mut self,
        name: &str,
        (table, span): Table<'_, 's>,
        connector: Connector,
    ) -> Option<BooksConfig> {
        let source = self.source;
        let line = source.line(span.start);
        let mut keys = Keys::new(&source, table, span);
        keys.text("connector");
        keys.optional("destination"); // read beside the systems
        let mut own = |key: &'static str| keys.optional_text(key).map(|(text, _)| text.to_string());
        let (base_url, user_agent) = (own("base_url"), own("user_agent"));
        let (token_url, authorize_url, tenants_url) = (own("token_url"), own("authorize_url"), own("tenants_url"));
        let call_life = keys.optional_text("call_life");
        let (share, per_day) = (keys.optional("share"), keys.optional("calls_per_day"));
        let allow_private = keys.optional_flag("allow_private").unwrap_or(false);
        let webhook_secret = keys.optional("webhook_secret");
        let webhook_path = keys.optional_text("webhook_path");
        let mut secrets = BTreeMap::new();
        let needed = connector.secrets().into_iter().map(|name| (name, true));
        let optional = connector.optional_secrets().into_iter().map(|name| (name, false));
        let names: Vec<(String, bool)> = needed
            .chain(optional)
            .map(|(name, needed)| (name.to_string(), needed))
            .collect();
        for (secret, needed) in names {
            let key: &'static str = Box::leak(secret.clone().into_boxed_str());
            let told = if needed {
                keys.text(key)
            } else {
                keys.optional_text(key)
            };
            if let Some((text, span)) = told
                && let Some(reference) = self.secret(key, text, span)
            {
                secrets.insert(secret, reference);
            }
        }
        let mut settings = BTreeMap::new();
        let client_id = connector.authorize().map(|(oauth, _)| oauth.client_id.clone());
        let wanted = connector
            .settings
            .keys()
            .cloned()
            .chain(client_id)
            .map(|name| (name, true));
        let tenant = connector.tenant_setting().map(|name| (name.to_string(), false));
        for (setting, needed) in wanted.chain(tenant).collect::<Vec<_>>() {
            let key: &'static str = Box::leak(setting.clone().into_boxed_str());
            let told = if needed {
                keys.text(key)
            } else {
                keys.optional_text(key)
            };
            if let Some((text, _)) = told {
                settings.insert(setting, text.to_string());
            }
        }
        self.problems.extend(keys.finish());
        let webhook = self.webhook(webhook_secret, webhook_path, Some(&connector));
        let share = share.and_then(|value| {
            let share = value.get_ref().as_float().and_then(|f| f.as_str().parse::<f64>().ok());
            if share.is_none_or(|s| !(0.01..=1.0).contains(&s)) {
                let remedy = "Write share = 0.5 to use half of the limits.";
                self.note(value.span(), "`share` must be between 0.01 and 1", remedy);
            }
            share
        });
        let calls_per_day = per_day.and_then(|value| {
            let calls = value
                .get_ref()
                .as_integer()
                .and_then(|i| i.as_str().parse::<u64>().ok());
            if calls.is_none_or(|calls| calls == 0) {
                let remedy = "Write calls_per_day = 1000, as the product's plan says.";
                self.note(value.span(), "`calls_per_day` must be a whole number above 0", remedy);
            }
            calls
        });
        Some(BooksConfig {
            name: name.into(),
            connector,
            base_url,
            token_url,
            authorize_url,
            tenants_url,
            user_agent,
            secrets,
            settings,
            share,
            calls_per_day,
            call_life: self.duration("call_life", call_life),
            allow_private,
            webhook,
            line,
        })
    }
}
