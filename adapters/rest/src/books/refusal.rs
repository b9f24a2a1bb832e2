//! Why the product refuses, by the connector's rules. Messages are looked at and never kept: they may
//! quote a person.

use crate::connector::{RefusalRule, Refusals};
use crate::meaning::code_at;
use crate::place::Place;
use adapter_kit::{BooksRefusal, BooksRefusalKind};
use serde_json::Value as Json;

impl Refusals {
    /// What a refusal means; `status` of the answer, `body` of it or of one refused element of it.
    pub(crate) fn of(&self, status: Option<u16>, body: &Json, codes: &[Place]) -> BooksRefusal {
        let messages: Vec<String> = self
            .messages
            .iter()
            .flat_map(|place| place.texts(body))
            .map(|message| message.to_lowercase())
            .collect();
        if let Some(rule) = self.rules.iter().find(|rule| rule.matches(status, body, &messages)) {
            return BooksRefusal {
                kind: rule.means,
                code: rule.says.clone(),
            };
        }
        let kind = match status {
            Some(401 | 403) => BooksRefusalKind::Forbidden,
            _ => BooksRefusalKind::Invalid,
        };
        let code = code_at(codes, body).or_else(|| status.map(|status| status.to_string()));
        BooksRefusal {
            kind,
            code: code.unwrap_or_else(|| "refused".into()),
        }
    }
}

impl RefusalRule {
    fn matches(&self, status: Option<u16>, body: &Json, messages: &[String]) -> bool {
        let by_status = status.is_none()
            || self.status.is_empty()
            || self
                .status
                .iter()
                .any(|(first, last)| status.is_some_and(|s| (*first..=*last).contains(&s)));
        let by_message = self.contains.is_empty()
            || self
                .contains
                .iter()
                .any(|part| messages.iter().any(|message| message.contains(part.as_str())));
        by_status && by_message && self.body.holds(body)
    }
}
