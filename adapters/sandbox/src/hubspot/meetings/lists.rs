//! Meetings in batches, lists and searches, and what they show.

use super::super::Hubspot;
use super::super::error::Problem;
use super::super::objects::text_of;
use super::{BATCH_CAP, Meeting};
use crate::answer::{Answer, Call, Context};
use crate::clock::utc_millis;
use rand::seq::SliceRandom;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

impl Hubspot {
    pub(super) fn meeting_batch(
        &mut self,
        operation: &str,
        sent: &Value,
        archived: bool,
        cx: &mut Context<'_>,
    ) -> Result<Answer, Problem> {
        let Some(inputs) = sent["inputs"].as_array() else {
            return Err(Problem::invalid("Invalid input JSON: inputs is required"));
        };
        if inputs.len() > BATCH_CAP {
            return Err(Problem::invalid(format!("at most {BATCH_CAP} inputs")));
        }
        let asked: Vec<String> = sent["properties"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let (mut results, mut errors, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for input in inputs {
            let id = text_of(&input["id"]);
            let done = match operation {
                "create" => self.meeting_create(input, cx),
                "read" | "update" => {
                    let id = id
                        .clone()
                        .ok_or_else(|| Problem::invalid("Invalid input JSON: id is required"))?;
                    let property = [&input["idProperty"], &sent["idProperty"]]
                        .into_iter()
                        .find_map(Value::as_str);
                    match self.meeting_named(&id, property, archived && operation == "read") {
                        Err(_) if operation == "read" => {
                            missing.push(id);
                            continue;
                        }
                        Ok(own) if operation == "update" => {
                            self.meeting_update(own, &input["properties"], cx).map(|()| own)
                        }
                        named => named,
                    }
                }
                _ => return Err(Problem::new(404, "OBJECT_NOT_FOUND", "No such path")),
            };
            let trace = input["objectWriteTraceId"].as_str();
            match done {
                Ok(own) => {
                    let mut shown = self.meeting_shown(own, (operation == "read").then_some(&asked))?;
                    if let Some(trace) = trace {
                        shown["objectWriteTraceId"] = trace.into();
                    }
                    results.push(shown);
                }
                Err(mut problem) => {
                    problem.ids.extend(id.filter(|_| problem.ids.is_empty()));
                    errors.push(problem.element(trace));
                }
            }
        }
        if !missing.is_empty() {
            let mut problem = Problem::new(404, "OBJECT_NOT_FOUND", "Could not get some MEETING objects.");
            problem.ids = missing;
            errors.push(problem.element(None));
        }
        if self.switches.shuffle_batches {
            results.shuffle(cx.rng);
        }
        let status = match (errors.is_empty(), operation) {
            (false, _) => 207,
            (true, "create") => 201,
            (true, _) => 200,
        };
        let mut body = json!({"status": "COMPLETE", "results": results});
        if !errors.is_empty() {
            body["numErrors"] = errors.len().into();
            body["errors"] = errors.into();
        }
        Ok(Answer::json(status, body))
    }

    pub(super) fn meeting_list(&self, call: &Call) -> Result<Answer, Problem> {
        let number = |name: &str, otherwise: u64| match call.param(name) {
            None | Some("") => Ok(otherwise),
            Some(text) => text
                .parse::<u64>()
                .map_err(|_| Problem::invalid(format!("Invalid {name}"))),
        };
        let (limit, after) = (number("limit", 10)?, number("after", 0)?);
        if !(1..=100).contains(&limit) {
            return Err(Problem::invalid("Invalid limit: it must lie between 1 and 100"));
        }
        let asked = call.list_param("properties");
        let archived = call.flag("archived");
        let mut ids = self
            .meetings
            .all
            .range(after + 1..)
            .filter(|(_, meeting)| meeting.archived.is_some() == archived)
            .map(|(id, _)| *id);
        let page: Vec<u64> = ids.by_ref().take(limit as usize).collect();
        let rows: Result<Vec<Value>, Problem> = page.iter().map(|id| self.meeting_shown(*id, Some(&asked))).collect();
        let mut body = json!({"results": rows?});
        if let (Some(last), true) = (page.last(), ids.next().is_some()) {
            body["paging"] = json!({"next": {"after": last.to_string()}});
        }
        Ok(Answer::json(200, body))
    }

    /// Search by `hs_object_id`, the time of the last change and equal texts.
    pub(super) fn meeting_search(&mut self, sent: &Value, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        self.meetings.stale.retain(|_, (until, _)| *until > cx.now);
        let limit = text_of(&sent["limit"])
            .and_then(|text| text.parse::<usize>().ok())
            .unwrap_or(10);
        if limit > 200 {
            return Err(Problem::invalid("Invalid limit: at most 200"));
        }
        let asked: Vec<String> = sent["properties"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let filters = sent["filterGroups"][0]["filters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut hits = Vec::new();
        for id in self.meetings.all.keys() {
            let indexed = match self.meetings.stale.get(id) {
                Some((_, before)) => before.as_ref(),
                None => self.meetings.live(*id),
            };
            let Some(meeting) = indexed.filter(|meeting| meeting.archived.is_none()) else {
                continue;
            };
            let mut holds = true;
            for filter in &filters {
                holds &= self.meeting_passes(meeting, filter)?;
            }
            if holds {
                hits.push(self.shown_of(meeting, Some(&asked)));
            }
        }
        let total = hits.len();
        hits.truncate(limit);
        Ok(Answer::json(200, json!({"total": total, "results": hits})))
    }

    pub(super) fn meeting_passes(&self, meeting: &Meeting, filter: &Value) -> Result<bool, Problem> {
        let value = text_of(&filter["value"]).ok_or_else(|| Problem::invalid("a filter needs a value"))?;
        let name = filter["propertyName"].as_str().unwrap_or_default();
        let number = self.meetings.properties.number(name);
        let number = number.ok_or_else(|| Problem::invalid(format!("property {name} does not exist")))?;
        let held = match name {
            "hs_object_id" => meeting.id as i64,
            "hs_lastmodifieddate" => meeting.modified.div_euclid(1_000),
            _ => return Ok(meeting.values.get(&number) == Some(&value) && filter["operator"] == "EQ"),
        };
        let asked: i64 = value.parse().map_err(|_| Problem::invalid("a number is expected"))?;
        match filter["operator"].as_str() {
            Some("EQ") => Ok(held == asked),
            Some("GT") => Ok(held > asked),
            Some("GTE") => Ok(held >= asked),
            Some("LT") => Ok(held < asked),
            Some("LTE") => Ok(held <= asked),
            _ => Err(Problem::invalid("Invalid input JSON: operator")),
        }
    }

    pub(super) fn meeting_shown(&self, id: u64, asked: Option<&Vec<String>>) -> Result<Value, Problem> {
        let meeting = self.meetings.all.get(&id);
        let meeting = meeting.ok_or_else(|| Problem::not_found(&id.to_string()))?;
        Ok(self.shown_of(meeting, asked))
    }

    pub(super) fn shown_of(&self, meeting: &Meeting, asked: Option<&Vec<String>>) -> Value {
        let mut shown = Map::new();
        match asked {
            Some(asked) => {
                for name in asked {
                    if let Some(number) = self.meetings.properties.number(name) {
                        let value = meeting.values.get(&number).filter(|text| !text.is_empty());
                        shown.insert(name.clone(), value.map_or(Value::Null, |text| text.clone().into()));
                    }
                }
            }
            None => {
                for (number, text) in meeting.values.iter().filter(|(_, text)| !text.is_empty()) {
                    shown.insert(self.meetings.properties.get(*number).name.clone(), text.clone().into());
                }
            }
        }
        shown.insert("hs_object_id".into(), meeting.id.to_string().into());
        shown.insert("hs_createdate".into(), utc_millis(meeting.created).into());
        shown.insert("hs_lastmodifieddate".into(), utc_millis(meeting.modified).into());
        let mut object = json!({
            "id": meeting.id.to_string(),
            "properties": shown,
            "createdAt": utc_millis(meeting.created),
            "updatedAt": utc_millis(meeting.modified),
            "archived": meeting.archived.is_some(),
        });
        if let Some(at) = meeting.archived {
            object["archivedAt"] = utc_millis(at).into();
        }
        object
    }

    pub(super) fn meeting_contacts(&self, id: u64) -> Value {
        let resolved: BTreeSet<u64> = self
            .all_contacts_of(id, |contact| self.contacts.get(contact).is_some())
            .into_iter()
            .map(|contact| self.contacts.resolve(contact))
            .collect();
        let rows: Vec<Value> = resolved
            .into_iter()
            .map(|contact| json!({"id": contact.to_string(), "type": "meeting_event_to_contact"}))
            .collect();
        json!({"contacts": {"results": rows}})
    }
}
