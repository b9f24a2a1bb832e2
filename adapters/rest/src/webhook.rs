//! A product's webhooks, as its connector file describes them.

use crate::connector::WebhookSpec;
use adapter_kit::webhook::{Arrival, Notice, Refused, Webhook};
use secrecy::SecretString;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// The webhooks of one account.
pub struct RestWebhook {
    spec: WebhookSpec,
    secret: SecretString,
}

impl RestWebhook {
    /// `secret` is what the product and the bridge share.
    ///
    /// # Errors
    /// If the secret is not written as the connector file says, e.g. no base64.
    pub fn new(spec: WebhookSpec, secret: SecretString) -> Result<Self, &'static str> {
        if spec.signature.accepts(&secret) {
            Ok(Self { spec, secret })
        } else {
            Err("the webhook secret is not written as the connector's `key` says")
        }
    }
}

impl Webhook for RestWebhook {
    fn events(&self) -> Vec<&str> {
        vec![]
    }

    fn read(&self, arrival: &Arrival<'_>) -> Result<Vec<Notice>, Refused> {
        self.spec.signature.verify(&self.secret, arrival)?;
        let body: Json = serde_json::from_slice(arrival.body).map_err(|_| Refused::Content("its body is no JSON"))?;
        let mut notices = vec![];
        for event in self.spec.events.list(&body) {
            let Some(rule) = self.spec.rules.iter().find(|rule| rule.when.holds(event)) else {
                continue;
            };
            let ids: BTreeSet<String> = rule.ids.iter().flat_map(|place| place.texts(event)).collect();
            let ids: Vec<String> = ids.into_iter().filter(|id| !id.is_empty()).collect();
            if ids.is_empty() {
                return Err(Refused::Content("an event names no record"));
            }
            let told: Vec<String> = self
                .spec
                .event
                .iter()
                .map(|place| place.text(event).unwrap_or_default())
                .collect();
            notices.push(Notice {
                event: told.iter().any(|part| !part.is_empty()).then(|| told.join("/")),
                kind: rule.kind.clone(),
                remote_ids: ids,
                news: rule.means,
            });
        }
        Ok(notices)
    }
}
