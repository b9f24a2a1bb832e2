//! `[api]`: who may make actions over HTTP.

use super::SecretRef;
use super::reader::{Reader, Table};
use adapter_halaxy::endpoints::{ENDPOINTS, endpoint};
use bridge_admin::access::bound::Bound;
use bridge_core::config_problem::{Keys, suggestion};
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::DeValue;

/// Names the review among the actions of a token.
const REVIEW: &str = bridge_admin::api::review::ACTION;

/// One `[[api.token]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Who calls with it, as the history shows it.
    pub name: String,
    /// Where the token is.
    pub secret: SecretRef,
    /// It may make actions that write.
    pub writes: bool,
    /// The actions it may make; every one if none are named.
    pub actions: BTreeSet<String>,
    /// The review shows it people of these locations only.
    pub bound: Option<Bound>,
    /// Line of the section.
    pub line: usize,
}

impl<'s> Reader<'s> {
    pub(super) fn api(&mut self, table: Option<Table<'_, 's>>, serves: bool) -> Vec<ApiToken> {
        let Some((table, span)) = table else { return vec![] };
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        let tokens = keys.optional("token");
        self.problems.extend(keys.finish());
        if !serves {
            self.note(
                span.clone(),
                "an API needs an address to listen on",
                "Add [serve] with listen = \"127.0.0.1:8600\".",
            );
        }
        let list = tokens.and_then(|value| value.get_ref().as_array());
        let Some(list) = list else {
            let remedy = "Write [[api.token]] with name and secret, once for each program that calls.";
            self.note(span, "[api] has no tokens", remedy);
            return vec![];
        };
        let (mut all, mut names) = (vec![], BTreeSet::new());
        for item in list.iter() {
            let example = "[[api.token]] with name and secret";
            let Some((table, _)) = self.table(Some(item), "api.token", example) else {
                continue;
            };
            let Some(token) = self.api_token((table, item.span())) else {
                continue;
            };
            if !names.insert(token.name.clone()) {
                let message = format!("there are two tokens `{}`", token.name);
                self.note(item.span(), message, "Give each a name of its own.");
            }
            all.push(token);
        }
        all
    }

    fn api_token(&mut self, (table, span): Table<'_, 's>) -> Option<ApiToken> {
        let source = self.source;
        let line = source.line(span.start);
        let mut keys = Keys::new(&source, table, span.clone());
        let (name, secret) = (keys.text("name"), keys.text("secret"));
        let writes = keys.optional_flag("writes").unwrap_or(false);
        let actions = keys.optional("actions");
        let locations = keys.optional("locations");
        let unplaced = keys.optional_flag("without_location").unwrap_or(false);
        self.problems.extend(keys.finish());
        let actions = actions.map(|value| self.actions(value)).unwrap_or_default();
        let bound = locations.map(|value| self.bound(value, unplaced));
        if bound.is_some() && actions.iter().ne([REVIEW]) || bound.is_none() && unplaced {
            self.note(
                span,
                "a token of some locations is for the review alone",
                "Write actions = [\"review\"] beside locations = [..], and without_location = true only with these.",
            );
        }
        let secret = secret.and_then(|(text, span)| self.secret("secret", text, span));
        Some(ApiToken {
            name: name?.0.to_string(),
            secret: secret?,
            writes,
            actions,
            bound,
            line,
        })
    }

    fn actions(&mut self, value: &Spanned<DeValue<'s>>) -> BTreeSet<String> {
        let Some(list) = value.get_ref().as_array().filter(|list| !list.is_empty()) else {
            let remedy = "Write actions = [\"find-appointments\", \"book-appointment\"], or leave it out.";
            self.note(value.span(), "`actions` must be a list of actions", remedy);
            return BTreeSet::new();
        };
        let mut actions = BTreeSet::new();
        for item in list.iter() {
            let name = item.get_ref().as_str().unwrap_or_default();
            if endpoint(name).is_none() && name != REVIEW {
                let known: Vec<&str> = ENDPOINTS.iter().map(|row| row.action).collect();
                self.note(
                    item.span(),
                    format!("`{name}` is no action{}", suggestion(name, &known)),
                    "`halaxy-bridge halaxy` lists them.",
                );
            }
            actions.insert(name.to_string());
        }
        actions
    }
}
