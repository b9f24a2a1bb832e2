//! `[systems.NAME]`: an account, its connector and its mapping.

use super::reader::{Reader, Table};
use super::{HALAXY, SystemConfig};
use adapter_rest::Connector;
use bridge_core::Class;
use bridge_core::codec::Country;
use bridge_core::config_problem::{Keys, suggestion};
use bridge_core::mapping::{EntityFile, Mapping};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::Spanned;
use toml::de::DeValue;

const CLASSES: &[(&str, Class)] = &[
    ("identity", Class::Identity),
    ("contact", Class::Contact),
    ("financial", Class::Financial),
    ("appointment", Class::Appointment),
    ("clinical", Class::Clinical),
];

impl<'s> Reader<'s> {
    pub(super) fn system(
        &mut self,
        name: &str,
        (table, span): Table<'_, 's>,
        entity: &EntityFile,
        country: Country,
    ) -> Option<SystemConfig> {
        let source = self.source;
        let line = source.line(span.start);
        let mut keys = Keys::new(&source, table, span.clone());
        let connector = keys.text("connector");
        let base_url = keys.optional_text("base_url").map(|(t, _)| t.to_string());
        let region = keys.optional_text("region").map(|(t, _)| t.to_string());
        let user_agent = keys.optional_text("user_agent").map(|(t, _)| t.to_string());
        let may_receive = keys.optional("may_receive");
        let webhook_secret = keys.optional("webhook_secret");
        let webhook_path = keys.optional_text("webhook_path");
        let poll = keys.optional_text("poll_every");
        let lag = keys.optional_text("lag");
        let call_life = keys.optional_text("call_life");
        let share = keys.optional("share");
        let stale_after = keys.optional_text("stale_after");
        let credentials_end = keys.optional_text("credentials_end");
        let allow_private = keys.optional_flag("allow_private").unwrap_or(false);
        keys.optional("destination"); // read beside the systems
        let Some((connector, connector_span)) = connector else {
            self.problems.extend(keys.give_up());
            return None;
        };
        let own_file = connector.ends_with(".toml");
        let stem = Path::new(connector)
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        let file = if connector == HALAXY {
            None
        } else {
            let relative = if own_file {
                connector.to_string()
            } else {
                format!("connectors/{connector}.toml")
            };
            let (file_name, text) = match (self.files)(&relative) {
                Some(found) => found,
                None => {
                    let known: Vec<&str> = [HALAXY]
                        .into_iter()
                        .chain(adapter_rest::shipped::CONNECTORS.iter().map(|(n, _)| *n))
                        .collect();
                    let near = suggestion(connector, &known);
                    self.note(
                        connector_span,
                        format!("there is no connector `{connector}`"),
                        format!(
                            "{near} Shipped are {}; or name a file of your own that ends in .toml.",
                            known.join(", ")
                        ),
                    );
                    self.problems.extend(keys.give_up());
                    return None;
                }
            };
            match Connector::parse(&file_name, &text) {
                Ok(connector) if connector.authorize().is_some() => {
                    let remedy =
                        "Say style = \"refresh_token\" in the connector, and refresh_token = \"env:NAME\" here.";
                    let message = "signing in by `connect` is for accounting systems";
                    self.note(connector_span, message, remedy);
                    self.problems.extend(keys.give_up());
                    return None;
                }
                Ok(connector) => Some(connector),
                Err(problems) => {
                    self.problems.extend(problems);
                    self.problems.extend(keys.give_up());
                    return None;
                }
            }
        };
        let secret_names: Vec<String> = match &file {
            None => vec!["client_id".into(), "client_secret".into()],
            Some(connector) => connector.secrets().into_iter().map(str::to_string).collect(),
        };
        let mut secrets = BTreeMap::new();
        for secret in &secret_names {
            let key: &'static str = Box::leak(secret.clone().into_boxed_str());
            if let Some((text, span)) = keys.text(key)
                && let Some(reference) = self.secret(key, text, span)
            {
                secrets.insert(secret.clone(), reference);
            }
        }
        let mut settings = BTreeMap::new();
        for setting in file.iter().flat_map(|c| c.settings.keys()) {
            let key: &'static str = Box::leak(setting.clone().into_boxed_str());
            if let Some((text, _)) = keys.text(key) {
                settings.insert(setting.clone(), text.to_string());
            }
        }
        self.problems.extend(keys.finish());
        let share = share.and_then(|value| {
            let share = value.get_ref().as_float().and_then(|f| f.as_str().parse::<f64>().ok());
            if share.is_none_or(|s| !(0.01..=1.0).contains(&s)) {
                self.note(
                    value.span(),
                    "`share` must be between 0.01 and 1",
                    "Write share = 0.5 to use half of the limits.",
                );
            }
            share
        });
        let webhook = self.webhook(webhook_secret, webhook_path, file.as_ref());
        if connector == HALAXY && user_agent.is_none() {
            self.note(
                span,
                "Halaxy refuses calls without a user_agent",
                "Add user_agent = \"YourAppName (you@practice.example)\".",
            );
        }
        let may_receive = self.classes(may_receive, connector == HALAXY);
        let stale_after = self.duration("stale_after", stale_after);
        let credentials_end = self.date("credentials_end", credentials_end);
        let (poll_every, lag, call_life) = (
            self.duration("poll_every", poll),
            self.duration("lag", lag),
            self.duration("call_life", call_life),
        );
        let (mapping_name, mapping_text) = self.file(&format!("mappings/{stem}.toml"), connector_span)?;
        let mapping = match Mapping::parse(&mapping_name, &mapping_text, entity, country) {
            Ok(mapping) => mapping,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        Some(SystemConfig {
            name: name.into(),
            connector: if own_file { stem } else { connector.into() },
            file,
            mapping,
            mapping_text,
            base_url,
            region,
            user_agent,
            secrets,
            settings,
            may_receive,
            poll_every,
            share,
            lag,
            call_life,
            stale_after,
            credentials_end,
            allow_private,
            clinical_notes: false,
            webhook,
            line,
        })
    }

    fn classes(&mut self, value: Option<&Spanned<DeValue<'s>>>, home: bool) -> BTreeSet<Class> {
        let all = CLASSES.iter().map(|(_, c)| *c).collect();
        let Some(value) = value else {
            return if home {
                all
            } else {
                BTreeSet::from([Class::Identity, Class::Contact])
            };
        };
        let mut classes = BTreeSet::new();
        let Some(list) = value.get_ref().as_array() else {
            self.note(
                value.span(),
                "`may_receive` must be a list",
                "Write may_receive = [\"identity\", \"contact\"].",
            );
            return classes;
        };
        for item in list.iter() {
            let word = item.get_ref().as_str().unwrap_or_default();
            match CLASSES.iter().find(|(name, _)| *name == word) {
                Some((_, class)) => {
                    classes.insert(*class);
                }
                None => {
                    let known: Vec<&str> = CLASSES.iter().map(|(n, _)| *n).collect();
                    let near = suggestion(word, &known);
                    self.note(
                        item.span(),
                        format!("`{word}` is no class of units"),
                        format!("{near} Classes are {}.", known.join(", ")),
                    );
                }
            }
        }
        classes
    }
}
