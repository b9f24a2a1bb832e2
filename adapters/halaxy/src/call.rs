//! Sending the requests of [`crate::endpoints`]: answers taken apart, rows that were not asked for left out, links to
//! video rooms never let through.

use crate::bundle::{id_of, reference_id};
use crate::client::{FHIR, HalaxyClient, MERGE_PATCH};
use crate::endpoints::{Endpoint, Operation, Request};
use crate::links;
use crate::query::PAGE_SIZE;
use adapter_kit::{Call, CallError, Outcome, Response, Verdict};
use http::Method;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashSet};

/// What a request was answered.
#[derive(Clone, Default)]
pub struct Reply {
    /// The id of the record that was read, made or changed.
    pub id: Option<String>,
    /// The record, or the answer of an operation. Null for lists.
    pub record: Json,
    /// Rows of a list, of the kind asked for.
    pub rows: Vec<Json>,
    /// Other resources that came along because they were asked for.
    pub included: Vec<Json>,
    /// There is a further page.
    pub more: bool,
    /// How many rows were left out because they are about something else, by the input that Halaxy passed over.
    pub foreign: BTreeMap<&'static str, u64>,
}

impl HalaxyClient {
    /// Sends a request. Reads are repeated if Halaxy fails for now; writes are sent once.
    ///
    /// # Errors
    /// [`CallError`]; for writes its outcome tells whether it may have landed.
    pub async fn call(&self, request: &Request) -> Result<Reply, CallError> {
        self.call_page(request, None).await
    }

    /// As [`HalaxyClient::call`], with all further pages of a list; each record once.
    ///
    /// # Errors
    /// [`CallError`] of the first page that fails.
    pub async fn call_all(&self, request: &Request) -> Result<Reply, CallError> {
        let asked = |(name, value): &(String, String)| (name == "page").then(|| value.parse::<u32>().ok())?;
        let mut page = request.query.iter().find_map(asked).unwrap_or(1);
        let mut all = Reply::default();
        let mut known = HashSet::new();
        loop {
            let found = self.call_page(request, Some(page)).await?;
            let fresh = |row: &Json| match id_of(row) {
                Some(id) => known.insert((row["resourceType"].to_string(), id)),
                None => true,
            };
            let (rows, more) = (found.rows.len(), found.more);
            all.id = found.id;
            all.record = found.record;
            let seen = found.foreign.values().sum::<u64>() + rows as u64;
            for (input, count) in found.foreign {
                *all.foreign.entry(input).or_default() += count;
            }
            let mut fresh = fresh;
            all.rows.extend(found.rows.into_iter().filter(&mut fresh));
            all.included.extend(found.included.into_iter().filter(&mut fresh));
            if !more || seen == 0 {
                return Ok(all);
            }
            page = page.saturating_add(1);
        }
    }

    async fn call_page(&self, request: &Request, page: Option<u32>) -> Result<Reply, CallError> {
        let endpoint = request.endpoint;
        let what = format!("{} {}", endpoint.method, endpoint.path);
        let mut call = match endpoint.writes() {
            true => Call::write(request.method.clone(), &request.path),
            false => Call::read(request.method.clone(), &request.path),
        };
        call = call.what(&what);
        for (name, value) in &request.query {
            if name != "page" || page.is_none() {
                call = call.query(name, value);
            }
        }
        if let Some(page) = page.filter(|page| *page > 1) {
            call = call.query("page", page.to_string());
        }
        let asked = request.query.iter().find(|(name, _)| name == "_count");
        let asked = asked.and_then(|(_, count)| count.parse().ok()).unwrap_or(PAGE_SIZE);
        if endpoint.lists() && !request.query.iter().any(|(name, _)| name == "_count") {
            call = call.query("_count", PAGE_SIZE.to_string());
        }
        if let Some(body) = &request.body {
            let media = if request.method == Method::PATCH {
                MERGE_PATCH
            } else {
                FHIR
            };
            call = call.header("content-type", media).json(body.clone());
        }
        let answer = self.http().send(call).await?;
        let Some(mut reply) = take_apart(request, &answer, asked) else {
            return Err(self.nonsense(what, "an answer of another shape", endpoint, answer));
        };
        let lost = matches!(endpoint.operation, Operation::Create) || endpoint.action == "book-appointment";
        if lost && reply.id.is_none() {
            return Err(self.nonsense(what, "no id in the answer", endpoint, answer));
        }
        for resource in reply
            .rows
            .iter_mut()
            .chain(&mut reply.included)
            .chain([&mut reply.record])
        {
            without_links(resource);
        }
        Ok(reply)
    }

    /// An answer that was good by its status alone. Of a write nobody knows what it did.
    fn nonsense(&self, what: String, code: &str, endpoint: &Endpoint, answer: Response) -> CallError {
        let mut error = self.http().nonsense(what, code);
        error.not_processed = !endpoint.writes();
        CallError {
            error,
            outcome: if endpoint.writes() {
                Outcome::Unknown
            } else {
                Outcome::Refused
            },
            verdict: Some(Verdict::Protocol),
            response: Some(answer.http),
        }
    }
}

/// The parts of an answer; `None` if it is none to this request.
fn take_apart(request: &Request, answer: &Response, asked: usize) -> Option<Reply> {
    let endpoint = request.endpoint;
    let body = answer.http.json().ok();
    if endpoint.lists() {
        return rows(request, body?, asked);
    }
    if !endpoint.writes() {
        let body = body?;
        let wanted = match endpoint.action {
            "export-patient-ids" => "Parameters",
            _ => endpoint.resource,
        };
        if body["resourceType"] != wanted || (endpoint.operation == Operation::Get && id_of(&body).is_none()) {
            return None;
        }
        let id = id_of(&body).filter(|_| endpoint.operation == Operation::Get);
        return Some(Reply {
            id,
            record: body,
            ..Reply::default()
        });
    }
    // A write that was answered well has landed, whatever the body looks like.
    let record = body.map(unwrapped).unwrap_or_default();
    let shown = id_of(&record).filter(|_| record["resourceType"] == endpoint.resource);
    let located = answer
        .http
        .header("location")
        .and_then(reference_id)
        .map(str::to_string);
    Some(Reply {
        id: shown.or(located).or_else(|| request.id.clone()),
        record,
        ..Reply::default()
    })
}

/// `$book` may wrap the appointment in `Parameters`.
fn unwrapped(mut body: Json) -> Json {
    if body["resourceType"] != "Parameters" {
        return body;
    }
    let all = body["parameter"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let mut resources = all.into_iter().map(|mut one| one["resource"].take());
    resources
        .find(|one| one["resourceType"] == "Appointment")
        .unwrap_or(body)
}

fn rows(request: &Request, mut bundle: Json, asked: usize) -> Option<Reply> {
    if bundle["resourceType"] != "Bundle" {
        return None;
    }
    let entries = match bundle.get_mut("entry").map(Json::take) {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(entries)) => entries,
        Some(_) => return None,
    };
    let more = match bundle["link"].as_array() {
        Some(links) if !links.is_empty() => links.iter().any(|link| link["relation"] == "next"),
        _ => entries.len() >= asked,
    };
    let mut reply = Reply {
        more: more && !entries.is_empty(),
        ..Reply::default()
    };
    for mut entry in entries {
        let row = entry["resource"].take();
        let kind = row["resourceType"].as_str().unwrap_or_default();
        if kind != request.endpoint.resource {
            if kind != "OperationOutcome" {
                reply.included.push(row);
            }
            continue;
        }
        let foreign = request
            .scope
            .iter()
            .find(|(member, wanted, _)| !names(&row[*member], wanted));
        match foreign {
            Some((_, _, input)) => *reply.foreign.entry(input).or_default() += 1,
            None => reply.rows.push(row),
        }
    }
    Some(reply)
}

/// Whether a member, or one of its items, refers to `Type/id`.
fn names(member: &Json, wanted: &str) -> bool {
    let one = |value: &Json| {
        let link = value["reference"]
            .as_str()
            .or_else(|| value["actor"]["reference"].as_str());
        link.is_some_and(|link| link == wanted || link.ends_with(&format!("/{wanted}")))
    };
    match member {
        Json::Array(items) => items.iter().any(one),
        other => one(other),
    }
}

/// Takes addresses out of what people may have written into an appointment: a link to a video room lets anybody in.
fn without_links(resource: &mut Json) {
    if resource["resourceType"] == "Appointment" {
        links::leave_out(resource);
    }
}

/// What a person can do about a call that failed, in words. Holds codes only.
pub fn advice(endpoint: &Endpoint, failed: &CallError) -> &'static str {
    let code = failed.error.code.as_str();
    match (failed.outcome, failed.status(), endpoint.action) {
        (Outcome::Unknown, _, _) if endpoint.writes() => {
            "nobody knows whether it was done: look in Halaxy before you ask for it again"
        }
        (_, Some(409), "book-appointment") => {
            "the time is taken and nothing was booked; `find-appointments` shows free ones"
        }
        (_, _, "book-appointment") if code.contains("too-costly") => {
            "this account does not take that location at booking; try --location clinic"
        }
        (_, Some(404), "create-note") => "the patient or the author is not known; the author must be a role with PR-",
        (_, Some(404 | 410), _) => "there is no such record; the list action of the same group shows what there is",
        (_, Some(405), _) => "Halaxy does not offer this to the account",
        (_, Some(403), _) => "the API key may not do this: allow it in Halaxy under Settings > API keys",
        (_, Some(401), _) => "the API key is not accepted: check client_id and client_secret",
        (_, Some(400 | 422), _) => "Halaxy does not accept the request: see --dry-run for what would be sent",
        (Outcome::NotProcessed, _, _) => "nothing was done; try again later with the same words",
        _ => "Halaxy does not answer as it should; try again later",
    }
}
