//! Batches of up to a hundred inputs. What fails is told in `errors`, without a place: only ids and trace ids relate it.

use rand::seq::SliceRandom;
use serde_json::{Value, json};

use super::Hubspot;
use super::contact::{Source, View};
use super::error::Problem;
use super::objects::text_of;
use crate::answer::{Answer, Call, Context};
use crate::clock::utc_millis;

const BATCH_CAP: usize = 100;

/// Results and errors of the inputs of one batch.
#[derive(Default)]
struct Outcome {
    results: Vec<Value>,
    errors: Vec<Value>,
}

impl Outcome {
    fn add(&mut self, done: Result<Value, Problem>, input: &Value) {
        let trace = input["objectWriteTraceId"].as_str();
        match done {
            Ok(mut shown) => {
                if let Some(trace) = trace {
                    shown["objectWriteTraceId"] = trace.into();
                }
                self.results.push(shown);
            }
            Err(problem) => self.errors.push(problem.element(trace)),
        }
    }
}

impl Hubspot {
    /// `POST contacts/batch/{operation}`.
    pub(super) fn batch(&mut self, operation: &str, call: &Call, cx: &mut Context<'_>) -> Result<Answer, Problem> {
        let started = utc_millis(cx.now);
        let sent = call.json().ok_or_else(|| Problem::invalid("Invalid input JSON"))?;
        let Some(inputs) = sent["inputs"].as_array() else {
            return Err(Problem::invalid("Invalid input JSON: inputs is required"));
        };
        if inputs.len() > BATCH_CAP {
            return Err(Problem::invalid(format!(
                "The maximum number of inputs supported in a batch request is {BATCH_CAP}"
            )));
        }
        if matches!(operation, "update" | "upsert") {
            self.refuse_repeated(inputs)?;
        }
        let mut outcome = Outcome::default();
        match operation {
            "read" => self.batch_read(&sent, inputs, call.flag("archived"), &mut outcome)?,
            "create" => {
                for input in inputs {
                    let done = self.create_one(input, cx);
                    outcome.add(done, input);
                }
            }
            "update" => {
                for input in inputs {
                    let done = self.update_one(input, cx);
                    outcome.add(done, input);
                }
            }
            "upsert" => {
                for input in inputs {
                    let done = self.upsert_one(input, cx);
                    outcome.add(done, input);
                }
            }
            "archive" => {
                for input in inputs {
                    if let Some(id) = text_of(&input["id"]).and_then(|id| id.parse().ok()) {
                        let own = self.contacts.resolve(id);
                        let visible = self.visible_at(cx);
                        self.contacts.archive(own, cx.now, visible, &self.properties);
                    }
                }
                return Ok(Answer::empty(204));
            }
            _ => return Err(Problem::new(404, "OBJECT_NOT_FOUND", "No such path")),
        }
        if self.switches.shuffle_batches {
            outcome.results.shuffle(cx.rng);
        }
        let mut body = json!({
            "status": "COMPLETE",
            "results": outcome.results,
            "startedAt": started,
            "completedAt": utc_millis(cx.now),
        });
        if !outcome.errors.is_empty() {
            body["numErrors"] = outcome.errors.len().into();
            body["errors"] = outcome.errors.into();
            return Ok(Answer::json(207, body));
        }
        let status = if operation == "create" { 201 } else { 200 };
        Ok(Answer::json(status, body))
    }

    fn refuse_repeated(&self, inputs: &[Value]) -> Result<(), Problem> {
        let mut seen = std::collections::HashSet::new();
        for input in inputs {
            if let Some(id) = text_of(&input["id"])
                && !seen.insert(id.clone())
            {
                return Err(Problem::invalid(format!(
                    "Duplicate IDs found in batch input: [{id}]. IDs must be unique"
                )));
            }
        }
        Ok(())
    }

    fn batch_read(&self, sent: &Value, inputs: &[Value], archived: bool, outcome: &mut Outcome) -> Result<(), Problem> {
        let names = |member: &str| {
            sent[member]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let view = View {
            properties: names("properties"),
            with_history: names("propertiesWithHistory"),
        };
        let id_property = sent["idProperty"].as_str();
        self.unique_property(id_property)?;
        let mut shown_ids = std::collections::HashSet::new();
        let mut missing = Vec::new();
        for input in inputs {
            let id = text_of(&input["id"]).ok_or_else(|| Problem::invalid("Invalid input JSON: id is required"))?;
            let found = if archived {
                id.parse()
                    .ok()
                    .and_then(|id| self.contacts.get_archived(id))
                    .ok_or_else(|| Problem::not_found(&id))
            } else {
                self.find(&id, id_property)
            };
            match found {
                // An id and the id it was merged into name the same object, which is shown once.
                Ok(contact) if shown_ids.insert(contact.id) => {
                    outcome.results.push(contact.shown(&view, &self.properties));
                }
                Ok(_) => {}
                Err(_) => missing.push(id),
            }
        }
        if !missing.is_empty() {
            let mut problem = Problem::new(
                404,
                "OBJECT_NOT_FOUND",
                "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.",
            );
            problem.ids = missing;
            outcome.errors.push(problem.element(None));
        }
        Ok(())
    }

    fn create_one(&mut self, input: &Value, cx: &mut Context<'_>) -> Result<Value, Problem> {
        let values = self.values(&input["properties"])?;
        let id = self.insert(values, Source::Integration, cx)?;
        let contact = self.contacts.get(id).ok_or_else(|| Problem::not_found("new"))?;
        Ok(contact.shown_full(&self.properties))
    }

    fn update_one(&mut self, input: &Value, cx: &mut Context<'_>) -> Result<Value, Problem> {
        let id = text_of(&input["id"]).ok_or_else(|| Problem::invalid("Invalid input JSON: id is required"))?;
        let own = self.find(&id, input["idProperty"].as_str())?.id;
        let in_context = |mut problem: Problem| {
            if problem.ids.is_empty() {
                problem.ids.push(id.clone());
            }
            problem
        };
        let values = self.values(&input["properties"]).map_err(in_context)?;
        self.update(own, &values, Source::Integration, cx).map_err(in_context)?;
        let names = values
            .iter()
            .map(|(number, _)| self.properties.get(*number).name.clone())
            .collect();
        self.shown_after_write(own, names)
    }

    fn upsert_one(&mut self, input: &Value, cx: &mut Context<'_>) -> Result<Value, Problem> {
        let id = text_of(&input["id"]).ok_or_else(|| Problem::invalid("Invalid input JSON: id is required"))?;
        let id_property = input["idProperty"].as_str();
        let number = self.unique_property(id_property)?;
        let in_context = |mut problem: Problem| {
            if problem.ids.is_empty() {
                problem.ids.push(id.clone());
            }
            problem
        };
        let mut values = self.values(&input["properties"]).map_err(in_context)?;
        let found = self.find(&id, id_property).map(|contact| contact.id);
        let (own, new) = match (found, number) {
            (Ok(own), _) => {
                self.update(own, &values, Source::Integration, cx).map_err(in_context)?;
                (own, false)
            }
            (Err(_), Some(number)) => {
                let key = self.values(&json!({ self.properties.get(number).name.clone(): id }))?;
                values.retain(|(property, _)| *property != number);
                values.extend(key);
                (
                    self.insert(values.clone(), Source::Integration, cx)
                        .map_err(in_context)?,
                    true,
                )
            }
            (Err(problem), None) => return Err(problem),
        };
        let names = values
            .iter()
            .map(|(number, _)| self.properties.get(*number).name.clone())
            .collect();
        let mut shown = self.shown_after_write(own, names)?;
        shown["new"] = new.into();
        Ok(shown)
    }
}
