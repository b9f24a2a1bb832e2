//! Where something stands in a product's answer.
//!
//! | place | meaning |
//! |---|---|
//! | `paging.next.after` | member by member |
//! | `errors.context.ids` | a list on the way means every element of it |
//! | `results[0]` | one element of a list |
//! | `'@odata.etag'` | a member with an odd name |
//! | `.` | the whole answer |

use serde_json::Value as Json;
use std::fmt;

/// A parsed place. Read only: records are written through mappings, not through places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

/// Why a text is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place in an answer")]
pub struct NoPlace(String);

impl Place {
    /// Parses a place.
    ///
    /// # Errors
    /// [`NoPlace`] if members are empty, or quotes or brackets do not match.
    pub fn parse(text: &str) -> Result<Place, NoPlace> {
        let bad = || NoPlace(text.to_string());
        let mut steps = Vec::new();
        if text != "." {
            let mut rest = text;
            loop {
                let (member, after) = match rest.strip_prefix('\'') {
                    Some(quoted) => quoted.split_once('\'').ok_or_else(bad)?,
                    None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
                };
                if member.is_empty() {
                    return Err(bad());
                }
                steps.push(Step::Member(member.to_string()));
                rest = after;
                while let Some(open) = rest.strip_prefix('[') {
                    let (index, after) = open.split_once(']').ok_or_else(bad)?;
                    steps.push(Step::Element(index.parse().map_err(|_| bad())?));
                    rest = after;
                }
                if rest.is_empty() {
                    break;
                }
                rest = rest.strip_prefix('.').ok_or_else(bad)?;
            }
        }
        Ok(Place {
            text: text.to_string(),
            steps,
        })
    }

    /// The whole answer.
    pub fn whole() -> Place {
        Place {
            text: ".".into(),
            steps: Vec::new(),
        }
    }

    /// Everything that stands there, in order; nulls and missing members are nothing.
    pub fn all<'j>(&self, json: &'j Json) -> Vec<&'j Json> {
        let mut found = vec![json];
        for step in &self.steps {
            let mut next = Vec::with_capacity(found.len());
            for value in found {
                collect(value, step, &mut next);
            }
            found = next;
        }
        found.retain(|value| !value.is_null());
        found
    }

    /// The first that stands there.
    pub fn one<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        self.all(json).into_iter().next()
    }

    /// The first that stands there as text; numbers and truth values are written out.
    pub fn text(&self, json: &Json) -> Option<String> {
        self.texts(json).into_iter().next()
    }

    /// All texts that stand there; a list at the end counts element by element.
    pub fn texts(&self, json: &Json) -> Vec<String> {
        let mut texts = Vec::new();
        for value in self.all(json) {
            match value {
                Json::Array(elements) => texts.extend(elements.iter().filter_map(plain_text)),
                one => texts.extend(plain_text(one)),
            }
        }
        texts
    }

    /// The list that stands there; one object alone is a list of one; nothing is an empty list.
    pub fn list<'j>(&self, json: &'j Json) -> Vec<&'j Json> {
        match self.all(json).as_slice() {
            [Json::Array(elements)] => elements.iter().collect(),
            several => several.to_vec(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn collect<'j>(value: &'j Json, step: &Step, into: &mut Vec<&'j Json>) {
    match (value, step) {
        (Json::Object(members), Step::Member(name)) => into.extend(members.get(name)),
        (Json::Array(elements), Step::Member(_)) => elements.iter().for_each(|element| collect(element, step, into)),
        (Json::Array(elements), Step::Element(index)) => into.extend(elements.get(*index)),
        _ => {}
    }
}

/// A scalar as text.
pub(crate) fn plain_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
    }

    #[test]
    fn members_elements_lists_and_odd_names() {
        let answer =
            json!({"a": {"b": 7}, "rows": [{"ids": ["1", "2"]}, {"ids": ["3"]}], "@odata.etag": "W/1", "n": null});
        assert_eq!(place("a.b").text(&answer).as_deref(), Some("7"));
        assert_eq!(place("rows.ids").texts(&answer), ["1", "2", "3"]);
        assert_eq!(place("rows[1].ids[0]").text(&answer).as_deref(), Some("3"));
        assert_eq!(place("'@odata.etag'").text(&answer).as_deref(), Some("W/1"));
        assert_eq!(place("n").one(&answer), None);
        assert_eq!(place("rows").list(&answer).len(), 2);
        assert_eq!(place(".").list(&json!([1, 2])).len(), 2);
        assert_eq!(place("a").list(&answer).len(), 1);
    }

    #[test]
    fn malformed_places_are_refused() {
        for text in ["", "a.", ".a", "a[", "a[x]", "'a", "a..b", "a[0]b"] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
    }
}
