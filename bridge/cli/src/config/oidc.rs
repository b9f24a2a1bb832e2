//! `[serve.oidc]`: the identity provider that people may sign in by.

use super::SecretRef;
use super::reader::{Reader, Table};
use adapter_kit::Origin;
use bridge_admin::access::role::Role;
use bridge_core::config_problem::{Keys, suggestion};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::DeValue;

/// What `[serve.oidc]` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcConfig {
    /// The provider, exactly as it names itself.
    pub issuer: String,
    /// Us, as registered there.
    pub client_id: String,
    /// Where what proves it is; none for a public client.
    pub client_secret: Option<SecretRef>,
    /// What the button says after "Sign in with".
    pub label: String,
    /// Verified addresses of these domains only; any if empty.
    pub domains: Vec<String>,
    /// What is asked for beside `openid email profile`.
    pub scopes: Vec<String>,
    /// The claim that says what somebody may do, and what its values mean.
    pub role_claim: Option<String>,
    /// What a value of that claim means.
    pub roles: BTreeMap<String, Role>,
    /// Line of the section.
    pub line: usize,
}

impl<'s> Reader<'s> {
    pub(super) fn oidc(&mut self, table: Option<Table<'_, 's>>) -> Option<OidcConfig> {
        let (table, span) = table?;
        let source = self.source;
        let line = source.line(span.start);
        let mut keys = Keys::new(&source, table, span.clone());
        let (issuer, client_id) = (keys.text("issuer"), keys.text("client_id"));
        let secret = keys.optional_text("client_secret");
        let label = keys.optional_text("label").map_or("your account", |(text, _)| text);
        let role_claim = keys.optional_text("role_claim").map(|(text, _)| text.to_string());
        let (domains, roles) = (keys.optional("domains"), keys.optional("roles"));
        let scopes = keys.optional("scopes");
        self.problems.extend(keys.finish());
        let client_secret = secret.and_then(|(text, span)| self.secret("client_secret", text, span));
        let domains = domains.map(|value| self.domains(value)).unwrap_or_default();
        let scopes = scopes.map(|value| self.scopes(value)).unwrap_or_default();
        let roles = roles.map(|value| self.meant_roles(value)).unwrap_or_default();
        if role_claim.is_some() == roles.is_empty() {
            self.note(
                span,
                "`role_claim` and `roles` belong together",
                "Write role_claim = \"groups\" and roles = { \"front-desk\" = \"reviewer\" }, or neither.",
            );
        }
        let (issuer, span) = issuer?;
        if Origin::token_endpoint(issuer).is_err() {
            self.note(
                span,
                format!("`{issuer}` is no identity provider's address"),
                "Write issuer = \"https://..\", exactly as the provider's /.well-known/openid-configuration names it.",
            );
            return None;
        }
        Some(OidcConfig {
            issuer: issuer.to_string(),
            client_id: client_id?.0.to_string(),
            client_secret,
            label: label.to_string(),
            domains,
            scopes,
            role_claim,
            roles,
            line,
        })
    }

    fn domains(&mut self, value: &Spanned<DeValue<'s>>) -> Vec<String> {
        let remedy = "Write domains = [\"practice.example\"], or leave it out.";
        let list = value.get_ref().as_array().filter(|list| !list.is_empty());
        let names: Option<Vec<&str>> = list.and_then(|list| list.iter().map(|item| item.get_ref().as_str()).collect());
        let sound =
            |name: &&str| name.contains('.') && !name.contains(['@', '*', '/']) && !name.contains(char::is_whitespace);
        match names.filter(|names| names.iter().all(sound)) {
            Some(names) => names.iter().map(|name| name.to_lowercase()).collect(),
            None => {
                self.note(value.span(), "`domains` must be a list of domains", remedy);
                vec![]
            }
        }
    }

    fn scopes(&mut self, value: &Spanned<DeValue<'s>>) -> Vec<String> {
        let list = value.get_ref().as_array();
        let names: Option<Vec<&str>> = list.and_then(|list| list.iter().map(|item| item.get_ref().as_str()).collect());
        // RFC 6749, section 3.3.
        let sound =
            |name: &&str| !name.is_empty() && name.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        match names.filter(|names| names.iter().all(sound)) {
            Some(names) => names.into_iter().map(str::to_string).collect(),
            None => {
                let remedy = "Write scopes = [\"groups\"], or leave it out.";
                self.note(value.span(), "`scopes` must be a list of scopes", remedy);
                vec![]
            }
        }
    }

    fn meant_roles(&mut self, value: &Spanned<DeValue<'s>>) -> BTreeMap<String, Role> {
        let Some(table) = value.get_ref().as_table() else {
            let remedy = "Write roles = { \"front-desk\" = \"reviewer\" }.";
            self.note(value.span(), "`roles` must be a table", remedy);
            return BTreeMap::new();
        };
        let mut roles = BTreeMap::new();
        for (name, role) in table {
            let text = role.get_ref().as_str().unwrap_or_default();
            match Role::parse(text) {
                Some(role) => {
                    roles.insert(name.get_ref().to_string(), role);
                }
                None => {
                    let known = Role::ALL.map(Role::key);
                    let remedy = format!("{} Roles are {}.", suggestion(text, &known), known.join(", "));
                    self.note(role.span(), format!("`{text}` is no role"), remedy);
                }
            }
        }
        roles
    }
}
