//! Bodies on their way out: only what differs, spelt as the product wants it.

use crate::connector::{Clearing, Members};
use crate::place::plain_text;
use serde_json::{Map, Value as Json};

/// The merge patch (RFC 7396) that makes `after` of `before`: differing members only, a removed
/// member as null, lists whole.
pub(crate) fn difference(before: &Json, after: &Json) -> Map<String, Json> {
    let mut changed = Map::new();
    let (Json::Object(before), Json::Object(after)) = (before, after) else {
        return changed;
    };
    for (name, new) in after {
        match (before.get(name), new) {
            (Some(old), new) if old == new => {}
            (None, Json::Null) => {}
            (Some(old @ Json::Object(_)), Json::Object(_)) => {
                let inner = difference(old, new);
                if !inner.is_empty() {
                    changed.insert(name.clone(), Json::Object(inner));
                }
            }
            _ => {
                changed.insert(name.clone(), new.clone());
            }
        }
    }
    for name in before
        .keys()
        .filter(|name| !after.contains_key(*name) && !before[*name].is_null())
    {
        changed.insert(name.clone(), Json::Null);
    }
    changed
}

/// Spells the mapped values of a body as the product wants them.
pub(crate) fn spell(mut body: Json, members: &Members) -> Json {
    let values = match &members.under {
        Some(under) => body.get_mut(under),
        None => Some(&mut body),
    };
    if let Some(Json::Object(values)) = values {
        for value in values.values_mut() {
            spell_value(value, members);
        }
    }
    body
}

fn spell_value(value: &mut Json, members: &Members) {
    match value {
        Json::Null if members.clear == Clearing::EmptyText => *value = Json::String(String::new()),
        Json::Number(_) | Json::Bool(_) if members.strings => {
            *value = plain_text(value).map_or(Json::Null, Json::String);
        }
        Json::Object(inner) => inner.values_mut().for_each(|value| spell_value(value, members)),
        _ => {}
    }
}

/// A new record has nothing to clear: nulls say nothing.
pub(crate) fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without_nulls(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Lays what an answer shows over what was sent.
pub(crate) fn overlay(sent: &Json, shown: &Json) -> Json {
    match (sent, shown) {
        (Json::Object(sent), Json::Object(shown)) => {
            let mut out = sent.clone();
            for (name, value) in shown {
                let merged = out
                    .get(name)
                    .map_or_else(|| value.clone(), |below| overlay(below, value));
                out.insert(name.clone(), merged);
            }
            Json::Object(out)
        }
        (_, shown) => shown.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_sent() {
        let before = json!({"id": "7", "properties": {"a": "1", "b": "2", "gone": "x", "blank": null}, "list": [1]});
        let after = json!({"id": "7", "properties": {"a": "1", "b": "3", "new": true, "blank": null, "none": null}, "list": [1]});
        let changed = Json::Object(difference(&before, &after));
        assert_eq!(changed, json!({"properties": {"b": "3", "new": true, "gone": null}}));
        let hubspot = Members {
            under: Some("properties".into()),
            strings: true,
            clear: Clearing::EmptyText,
            ..Members::default()
        };
        assert_eq!(
            spell(changed, &hubspot),
            json!({"properties": {"b": "3", "new": "true", "gone": ""}})
        );
        assert!(difference(&before, &before).is_empty());
    }

    #[test]
    fn answers_cover_what_was_sent_and_leave_the_rest() {
        let sent = json!({"properties": {"a": "X@Y", "b": "2"}});
        assert_eq!(
            overlay(&sent, &json!({"id": "7", "properties": {"a": "x@y"}})),
            json!({"properties": {"a": "x@y", "b": "2"}, "id": "7"})
        );
    }

    #[test]
    fn new_records_clear_nothing() {
        assert_eq!(
            without_nulls(json!({"a": null, "b": {"c": null, "d": 1}})),
            json!({"b": {"d": 1}})
        );
    }
}
