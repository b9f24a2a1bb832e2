//! Which items somebody looks through: what stands behind the `?` of every page of the review, so that a decision leads to
//! the next item of the same kind.

use crate::app::call::Fields;
use crate::desk::inbox::Query;
use url::form_urlencoded;

/// What a filter may name.
const KEYS: [&str; 8] = ["kind", "risk", "unit", "system", "assigned", "snoozed", "days", "after"];
/// The longest thing it may say of one.
const LONGEST: usize = 200;

/// A filter as addresses carry it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter(Vec<(&'static str, String)>);

impl Filter {
    /// What is known of these fields.
    pub fn read(fields: &Fields) -> Filter {
        let known = KEYS.into_iter().filter_map(|key| {
            let text = fields
                .get(key)
                .filter(|text| !text.is_empty() && text.len() <= LONGEST)?;
            Some((key, text.clone()))
        });
        Filter(known.collect())
    }

    /// As a form brings it back.
    pub fn parse(text: &str) -> Filter {
        Filter::read(&form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// As [`Filter::parse`] reads it.
    pub fn text(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }

    /// What it says of one thing.
    pub fn of(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, text)| text.as_str())
    }

    /// The same with one thing said otherwise, from the first page.
    pub fn with(&self, key: &'static str, text: Option<&str>) -> Filter {
        let kept = self.0.iter().filter(|(known, _)| *known != key && *known != "after");
        let mut all: Vec<(&'static str, String)> = kept.cloned().collect();
        all.extend(text.map(|text| (key, text.to_string())));
        Filter(all)
    }

    /// The address of a page with this filter.
    pub fn link(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(&self.0).extend_pairs(more).finish();
        if query.is_empty() {
            path.into()
        } else {
            format!("{path}?{query}")
        }
    }

    /// As the desk asks for it. `me` is whoever looks.
    pub fn query(&self, me: &str, limit: usize) -> Query {
        let text = |key: &str| self.of(key).map(str::to_string);
        Query {
            kind: text("kind"),
            system: text("system"),
            unit: text("unit"),
            risk: text("risk"),
            assigned: self.of("assigned").map(|whose| match whose {
                "me" => me.to_string(),
                "nobody" => String::new(),
                name => name.to_string(),
            }),
            snoozed: self.of("snoozed") == Some("yes"),
            days: self
                .of("days")
                .and_then(|days| days.parse().ok())
                .filter(|days| *days <= 10_000),
            after: text("after"),
            limit: Some(limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_comes_back_as_it_went() {
        let fields: Fields = [("kind", "conflict"), ("unit", "a&b=c"), ("evil", "x"), ("risk", "")]
            .map(|(key, text)| (key.to_string(), text.to_string()))
            .into();
        let filter = Filter::read(&fields);
        assert_eq!(Filter::parse(&filter.text()), filter);
        assert_eq!(filter.link("/inbox", &[]), "/inbox?kind=conflict&unit=a%26b%3Dc");
        assert_eq!(
            filter.with("unit", None).with("kind", None).link("/inbox", &[]),
            "/inbox"
        );
        assert_eq!(
            filter.with("assigned", Some("me")).query("Rose", 5).assigned.as_deref(),
            Some("Rose")
        );
        assert!(
            Filter::parse("days=99999999999999&after=%00")
                .query("Rose", 5)
                .days
                .is_none()
        );
    }
}
