//! Search over the lagging index.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Hubspot;
use super::contact::{Contact, View};
use super::error::Problem;
use super::objects::text_of;
use super::properties::EMAIL;
use crate::answer::{Answer, Call, Context};
use crate::clock::span_of;

const PAGE_CAP: u64 = 200;
const GROUP_CAP: usize = 5;
const GROUP_FILTER_CAP: usize = 10;
const FILTER_CAP: usize = 25;

/// One condition, with what it asks for already in comparable form.
struct Filter {
    place: Place,
    operator: String,
    values: Vec<String>,
    asked: Vec<Key>,
}

/// Where a compared value stands. The computed ones are compared without making texts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Id,
    Modified,
    Created,
    Property(u16),
}

/// What a property compares as.
#[derive(PartialEq)]
enum Key {
    Number(f64),
    Text(String),
}

impl Key {
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

impl Hubspot {
    /// `POST contacts/search`.
    pub(super) fn search(&mut self, call: &Call, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        let sent = call.json().ok_or_else(|| Problem::invalid("Invalid input JSON"))?;
        let groups = self.groups(&sent)?;
        let (sort, descending) = sort_of(&sent)?;
        let number = |member: &str, otherwise: u64| match &sent[member] {
            Value::Null => Ok(otherwise),
            value => text_of(value)
                .and_then(|text| {
                    if text.is_empty() {
                        Some(otherwise)
                    } else {
                        text.parse().ok()
                    }
                })
                .ok_or_else(|| Problem::invalid(format!("Invalid input JSON: {member}"))),
        };
        let (limit, after) = (number("limit", 10)?, number("after", 0)?);
        if limit > PAGE_CAP {
            return Err(Problem::invalid(format!("Invalid limit: at most {PAGE_CAP}")));
        }
        if after + limit > self.switches.search_window as u64 {
            return Err(Problem::invalid("Paging beyond 10,000 results is not supported"));
        }
        self.contacts.catch_up(cx.now);
        let query = sent["query"].as_str().unwrap_or("").to_lowercase();
        let mut hits: Vec<&Contact> = self
            .candidates(&groups)
            .filter(|contact| groups.is_empty() || groups.iter().any(|group| self.all_hold(group, contact)))
            .filter(|contact| query.is_empty() || self.mentions(contact, &query))
            .collect();
        match sort.as_str() {
            "hs_object_id" => hits.sort_unstable_by_key(|contact| contact.id),
            "lastmodifieddate" => hits.sort_unstable_by_key(|contact| (contact.modified.div_euclid(1_000), contact.id)),
            "createdate" => hits.sort_unstable_by_key(|contact| (contact.created.div_euclid(1_000), contact.id)),
            name => hits.sort_by(|a, b| {
                let key = |contact: &Contact| contact.text(name, &self.properties).unwrap_or_default();
                (key(a), a.id).cmp(&(key(b), b.id))
            }),
        }
        if descending {
            hits.reverse();
        }
        let view = View {
            properties: sent["properties"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            with_history: Vec::new(),
        };
        let total = hits.len();
        let results: Vec<Value> = hits
            .into_iter()
            .skip(after as usize)
            .take(limit as usize)
            .map(|contact| contact.shown(&view, &self.properties))
            .collect();
        let next = after + results.len() as u64;
        let mut body = json!({"total": total, "results": results});
        if (next as usize) < total && limit > 0 {
            body["paging"] = json!({"next": {"after": next.to_string()}});
        }
        Ok(Answer::json(200, body))
    }

    fn groups(&self, sent: &Value) -> Result<Vec<Vec<Filter>>, Problem> {
        let listed = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut groups = listed(&sent["filterGroups"]);
        if groups.is_empty() && sent["filters"].is_array() {
            groups.push(json!({"filters": sent["filters"]}));
        }
        let parsed: Vec<Vec<Filter>> = groups
            .iter()
            .map(|group| {
                listed(&group["filters"])
                    .iter()
                    .map(|filter| self.filter(filter))
                    .collect()
            })
            .collect::<Result<_, _>>()?;
        let too_many = parsed.len() > GROUP_CAP
            || parsed.iter().any(|group| group.len() > GROUP_FILTER_CAP)
            || parsed.iter().map(Vec::len).sum::<usize>() > FILTER_CAP;
        if too_many {
            return Err(Problem::invalid(format!(
                "at most {GROUP_CAP} filterGroups, {GROUP_FILTER_CAP} filters in each and {FILTER_CAP} in all"
            )));
        }
        Ok(parsed.into_iter().filter(|group| !group.is_empty()).collect())
    }

    fn filter(&self, sent: &Value) -> Result<Filter, Problem> {
        let property = sent["propertyName"].as_str().unwrap_or("").to_owned();
        let operator = sent["operator"].as_str().unwrap_or("").to_owned();
        let number = self.properties.number(&property).ok_or_else(|| {
            Problem::invalid(format!(
                "There was a problem with the request: property {property} does not exist"
            ))
        })?;
        let values = match operator.as_str() {
            "EQ" | "NEQ" | "GT" | "GTE" | "LT" | "LTE" | "CONTAINS_TOKEN" => {
                text_of(&sent["value"]).into_iter().collect()
            }
            "BETWEEN" => [&sent["value"], &sent["highValue"]]
                .into_iter()
                .filter_map(text_of)
                .collect(),
            "IN" | "NOT_IN" => sent["values"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(text_of)
                .collect(),
            "HAS_PROPERTY" | "NOT_HAS_PROPERTY" => Vec::new(),
            _ => {
                return Err(Problem::invalid(format!("Invalid input JSON: operator {operator}")));
            }
        };
        let enough = match operator.as_str() {
            "HAS_PROPERTY" | "NOT_HAS_PROPERTY" => true,
            "BETWEEN" => values.len() == 2,
            _ => !values.is_empty(),
        };
        if !enough {
            return Err(Problem::invalid(format!(
                "Invalid input JSON: {operator} needs a value"
            )));
        }
        let place = match property.as_str() {
            "hs_object_id" => Place::Id,
            "lastmodifieddate" => Place::Modified,
            "createdate" => Place::Created,
            _ => Place::Property(number),
        };
        let asked = values
            .iter()
            .map(|value| match place {
                Place::Modified | Place::Created => Key::Number(time_of(value).map_or(f64::NAN, |at| at as f64)),
                _ => key(value),
            })
            .collect();
        Ok(Filter {
            place,
            operator,
            values,
            asked,
        })
    }

    /// The contacts worth looking at. One group is narrowed by what it asks of the modified time or of a unique
    /// property; several are not.
    fn candidates(&self, groups: &[Vec<Filter>]) -> Box<dyn Iterator<Item = &Contact> + '_> {
        let (mut first, mut last) = (i64::MIN, i64::MAX);
        if let [group] = groups {
            if let Some(ids) = group.iter().find_map(|filter| self.named_by(filter)) {
                return Box::new(ids.into_iter().filter_map(|id| self.contacts.indexed(id)));
            }
            for filter in group.iter().filter(|filter| filter.place == Place::Modified) {
                let at = |index: usize| filter.values.get(index).and_then(|value| time_of(value));
                match (filter.operator.as_str(), at(0)) {
                    ("GT" | "GTE", Some(at)) => first = first.max(at),
                    ("LT" | "LTE", Some(at)) => last = last.min(at),
                    ("BETWEEN", Some(low)) => {
                        first = first.max(low);
                        last = last.min(at(1).unwrap_or(i64::MAX));
                    }
                    _ => {}
                }
            }
        }
        Box::new(
            self.contacts
                .indexed_between(first, last)
                .filter_map(|id| self.contacts.indexed(id)),
        )
    }

    /// The contacts that hold, or held when search last looked, one of the values of a unique property.
    fn named_by(&self, filter: &Filter) -> Option<BTreeSet<u64>> {
        let Place::Property(number) = filter.place else {
            return None;
        };
        // Other texts may be held in another case than they are asked for.
        let exact = |value: &String| number == EMAIL || !value.contains(char::is_alphabetic);
        let narrows = matches!(filter.operator.as_str(), "EQ" | "IN")
            && self.properties.get(number).unique
            && filter.values.iter().all(exact);
        narrows.then(|| {
            let holders = filter
                .values
                .iter()
                .filter_map(|value| self.contacts.holder(number, value));
            holders.chain(self.contacts.not_yet_indexed()).collect()
        })
    }

    fn all_hold(&self, group: &[Filter], contact: &Contact) -> bool {
        group.iter().all(|filter| holds(filter, contact))
    }

    fn mentions(&self, contact: &Contact, query: &str) -> bool {
        ["firstname", "lastname", "email", "phone", "mobilephone", "company"]
            .into_iter()
            .any(|name| {
                contact
                    .text(name, &self.properties)
                    .is_some_and(|text| text.to_lowercase().contains(query))
            })
    }
}

fn holds(filter: &Filter, contact: &Contact) -> bool {
    let held = match filter.place {
        Place::Id => Some(Key::Number(contact.id as f64)),
        Place::Modified => Some(Key::Number(contact.modified.div_euclid(1_000) as f64)),
        Place::Created => Some(Key::Number(contact.created.div_euclid(1_000) as f64)),
        Place::Property(number) => contact.value(number).filter(|text| !text.is_empty()).map(key),
    };
    let Some(held) = held else {
        return matches!(filter.operator.as_str(), "NOT_HAS_PROPERTY" | "NEQ" | "NOT_IN");
    };
    let compared = |index: usize| filter.asked.get(index).map(|asked| held.order(asked));
    let at_least = |index| matches!(compared(index), Some(Ordering::Greater | Ordering::Equal));
    let at_most = |index| matches!(compared(index), Some(Ordering::Less | Ordering::Equal));
    match filter.operator.as_str() {
        "HAS_PROPERTY" => true,
        "EQ" => compared(0) == Some(Ordering::Equal),
        "NEQ" => compared(0) != Some(Ordering::Equal),
        "GT" => compared(0) == Some(Ordering::Greater),
        "GTE" => at_least(0),
        "LT" => compared(0) == Some(Ordering::Less),
        "LTE" => at_most(0),
        "BETWEEN" => at_least(0) && at_most(1),
        "IN" => filter.asked.contains(&held),
        "NOT_IN" => !filter.asked.contains(&held),
        "CONTAINS_TOKEN" => {
            let token = filter.values.first().map(|value| value.to_lowercase());
            let token = token.as_deref().unwrap_or("").trim_matches('*');
            match &held {
                Key::Text(text) => text.contains(token),
                Key::Number(number) => number.to_string().contains(token),
            }
        }
        _ => false,
    }
}

fn sort_of(sent: &Value) -> Result<(String, bool), Problem> {
    let sorts = sent["sorts"].as_array().cloned().unwrap_or_default();
    match sorts.as_slice() {
        [] => Ok(("hs_object_id".to_owned(), false)),
        [Value::String(name)] => Ok((name.trim_start_matches('-').to_owned(), name.starts_with('-'))),
        [sort] => Ok((
            sort["propertyName"].as_str().unwrap_or("hs_object_id").to_owned(),
            sort["direction"] == "DESCENDING",
        )),
        _ => Err(Problem::invalid("Only one sort is supported")),
    }
}

/// Search compares without regard to case; digits alone compare as numbers.
fn key(text: &str) -> Key {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && !text.starts_with('0') && !text.starts_with('+') => Key::Number(number),
        _ => Key::Text(text.to_lowercase()),
    }
}

/// A time in milliseconds since 1970, given so or in ISO form.
fn time_of(text: &str) -> Option<i64> {
    text.parse::<i64>()
        .ok()
        .or_else(|| Some(span_of(text)?.0.div_euclid(1_000)))
}
