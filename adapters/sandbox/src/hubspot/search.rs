//! Search over the lagging index.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::Hubspot;
use super::contact::{Contact, View};
use super::error::Problem;
use super::objects::text_of;
use crate::answer::{Answer, Call, Context};
use crate::clock::span_of;

const PAGE_CAP: u64 = 200;
const GROUP_CAP: usize = 5;
const FILTER_CAP: usize = 18;

/// One condition.
struct Filter {
    property: String,
    operator: String,
    values: Vec<String>,
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
        let sent = call
            .json()
            .ok_or_else(|| Problem::invalid("Invalid input JSON"))?;
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
            return Err(Problem::invalid(format!(
                "Invalid limit: at most {PAGE_CAP}"
            )));
        }
        if after + limit > self.switches.search_window as u64 {
            return Err(Problem::invalid(
                "Paging beyond 10,000 results is not supported",
            ));
        }
        self.contacts.catch_up(cx.now);
        let query = sent["query"].as_str().unwrap_or("").to_lowercase();
        let mut hits: Vec<&Contact> = self
            .candidates(&groups)
            .filter(|contact| {
                groups.is_empty() || groups.iter().any(|group| self.all_hold(group, contact))
            })
            .filter(|contact| query.is_empty() || self.mentions(contact, &query))
            .collect();
        match sort.as_str() {
            "hs_object_id" => hits.sort_unstable_by_key(|contact| contact.id),
            "lastmodifieddate" => hits
                .sort_unstable_by_key(|contact| (contact.modified.div_euclid(1_000), contact.id)),
            "createdate" => {
                hits.sort_unstable_by_key(|contact| (contact.created.div_euclid(1_000), contact.id))
            }
            name => hits.sort_by(|a, b| {
                let key =
                    |contact: &Contact| contact.text(name, &self.properties).unwrap_or_default();
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
        if parsed.len() > GROUP_CAP || parsed.iter().map(Vec::len).sum::<usize>() > FILTER_CAP {
            return Err(Problem::invalid(format!(
                "at most {GROUP_CAP} filterGroups and {FILTER_CAP} filters"
            )));
        }
        Ok(parsed
            .into_iter()
            .filter(|group| !group.is_empty())
            .collect())
    }

    fn filter(&self, sent: &Value) -> Result<Filter, Problem> {
        let property = sent["propertyName"].as_str().unwrap_or("").to_owned();
        let operator = sent["operator"].as_str().unwrap_or("").to_owned();
        if self.properties.number(&property).is_none() {
            let text =
                format!("There was a problem with the request: property {property} does not exist");
            return Err(Problem::invalid(text));
        }
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
                return Err(Problem::invalid(format!(
                    "Invalid input JSON: operator {operator}"
                )));
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
        Ok(Filter {
            property,
            operator,
            values,
        })
    }

    /// The contacts worth looking at: those in the modified range if there is one group that names it, else all.
    fn candidates(&self, groups: &[Vec<Filter>]) -> impl Iterator<Item = &Contact> {
        let (mut first, mut last) = (i64::MIN, i64::MAX);
        if let [group] = groups {
            for filter in group
                .iter()
                .filter(|filter| filter.property == "lastmodifieddate")
            {
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
        self.contacts
            .indexed_between(first, last)
            .filter_map(|id| self.contacts.indexed(id))
    }

    fn all_hold(&self, group: &[Filter], contact: &Contact) -> bool {
        group.iter().all(|filter| self.holds(filter, contact))
    }

    fn holds(&self, filter: &Filter, contact: &Contact) -> bool {
        let name = filter.property.as_str();
        // The two filters of every cursor are compared without making texts.
        let direct = match name {
            "hs_object_id" => Some(contact.id as f64),
            "lastmodifieddate" => Some(contact.modified.div_euclid(1_000) as f64),
            "createdate" => Some(contact.created.div_euclid(1_000) as f64),
            _ => None,
        };
        let held = match direct {
            Some(number) => Some(Key::Number(number)),
            None => contact
                .text(name, &self.properties)
                .filter(|text| !text.is_empty())
                .map(|text| key(&text)),
        };
        let asked = |value: &String| match direct {
            Some(_) if name != "hs_object_id" => {
                time_of(value).map_or(Key::Number(f64::NAN), |at| Key::Number(at as f64))
            }
            _ => key(value),
        };
        let Some(held) = held else {
            return matches!(
                filter.operator.as_str(),
                "NOT_HAS_PROPERTY" | "NEQ" | "NOT_IN"
            );
        };
        let compared = |index: usize| {
            filter
                .values
                .get(index)
                .map(|value| held.order(&asked(value)))
        };
        match filter.operator.as_str() {
            "HAS_PROPERTY" => true,
            "NOT_HAS_PROPERTY" => false,
            "EQ" => compared(0) == Some(Ordering::Equal),
            "NEQ" => compared(0) != Some(Ordering::Equal),
            "GT" => compared(0) == Some(Ordering::Greater),
            "GTE" => matches!(compared(0), Some(Ordering::Greater | Ordering::Equal)),
            "LT" => compared(0) == Some(Ordering::Less),
            "LTE" => matches!(compared(0), Some(Ordering::Less | Ordering::Equal)),
            "BETWEEN" => {
                matches!(compared(0), Some(Ordering::Greater | Ordering::Equal))
                    && matches!(compared(1), Some(Ordering::Less | Ordering::Equal))
            }
            "IN" => filter.values.iter().any(|value| held == asked(value)),
            "NOT_IN" => !filter.values.iter().any(|value| held == asked(value)),
            "CONTAINS_TOKEN" => match &held {
                Key::Text(text) => {
                    let token = filter.values[0].to_lowercase();
                    let token = token.trim_matches('*');
                    text.contains(token)
                }
                Key::Number(number) => number.to_string().contains(&filter.values[0]),
            },
            _ => false,
        }
    }

    fn mentions(&self, contact: &Contact, query: &str) -> bool {
        [
            "firstname",
            "lastname",
            "email",
            "phone",
            "mobilephone",
            "company",
        ]
        .into_iter()
        .any(|name| {
            contact
                .text(name, &self.properties)
                .is_some_and(|text| text.to_lowercase().contains(query))
        })
    }
}

fn sort_of(sent: &Value) -> Result<(String, bool), Problem> {
    let sorts = sent["sorts"].as_array().cloned().unwrap_or_default();
    match sorts.as_slice() {
        [] => Ok(("hs_object_id".to_owned(), false)),
        [Value::String(name)] => Ok((
            name.trim_start_matches('-').to_owned(),
            name.starts_with('-'),
        )),
        [sort] => Ok((
            sort["propertyName"]
                .as_str()
                .unwrap_or("hs_object_id")
                .to_owned(),
            sort["direction"] == "DESCENDING",
        )),
        _ => Err(Problem::invalid("Only one sort is supported")),
    }
}

/// Search compares without regard to case; digits alone compare as numbers.
fn key(text: &str) -> Key {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && !text.starts_with('0') && !text.starts_with('+') => {
            Key::Number(number)
        }
        _ => Key::Text(text.to_lowercase()),
    }
}

/// A time in milliseconds since 1970, given so or in ISO form.
fn time_of(text: &str) -> Option<i64> {
    text.parse::<i64>()
        .ok()
        .or_else(|| Some(span_of(text)?.0.div_euclid(1_000)))
}
