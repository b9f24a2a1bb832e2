//! The control API: people act on records, and tests see and set what happens to calls.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{Answer, Call};
use crate::faults::FaultRule;
use crate::options::Manners;
use crate::sandbox::Sandbox;
use crate::webhooks::Subscription;

/// Who acts in a product. Only the HubSpot-shaped CRM shows the difference, in its property history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// Somebody at the screen.
    #[default]
    Person,
    /// A form that somebody outside filled in.
    Form,
    /// An import of a file.
    Import,
    /// The product's own automation.
    Automation,
}

/// Why an action of a person did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No such system, kind or record.
    #[error("no such system, kind or record")]
    NotFound,
    /// The product holds that value to be unique and somebody else has it.
    #[error("{0}")]
    Conflict(String),
    /// The product's screens would not take it.
    #[error("{0}")]
    Refused(String),
}

impl ControlError {
    fn answer(&self) -> Answer {
        let (status, code) = match self {
            Self::NotFound => (404, "not_found"),
            Self::Conflict(_) => (409, "conflict"),
            Self::Refused(_) => (422, "refused"),
        };
        Answer::json(status, json!({"error": {"code": code, "message": self.to_string()}}))
    }
}

fn bad(text: impl Into<String>) -> Answer {
    Answer::json(400, json!({"error": {"code": "bad_request", "message": text.into()}}))
}

/// Reads the body as `T`.
fn body_of<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Box<Answer>> {
    serde_json::from_slice(&call.body).map_err(|error| Box::new(bad(error.to_string())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MannersBody {
    mode: Manners,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeBody {
    winner: String,
    loser: String,
}

/// One fault or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum FaultsBody {
    Many(Vec<FaultRule>),
    One(FaultRule),
}

/// Answers a call on the control API. `base` is the address of the whole sandbox.
pub(crate) fn handle(sandbox: &Sandbox, call: &Call, base: &str) -> Answer {
    let segments = call.segments();
    let done = match segments.as_slice() {
        ["records", system, kind, rest @ ..] => records(sandbox, system, kind, rest, call, base),
        ["merge", system, kind] if call.method == Method::POST => body_of::<MergeBody>(call).map(|merge| match sandbox
            .person_merge(system, kind, &merge.winner, &merge.loser)
        {
            Ok(id) => Answer::json(200, json!({"id": id})),
            Err(error) => error.answer(),
        }),
        ["calls"] if call.method == Method::GET => Ok(calls(sandbox, call)),
        ["faults"] => faults(sandbox, call),
        ["manners"] if call.method == Method::POST => body_of::<MannersBody>(call).map(|body| {
            sandbox.set_manners(body.mode);
            Answer::json(200, json!({"mode": body.mode}))
        }),
        ["manners"] if call.method == Method::GET => Ok(Answer::json(200, json!({"mode": sandbox.manners()}))),
        ["ids"] if call.method == Method::GET => Ok(Answer::json(200, json!(sandbox.ids()))),
        ["books", report] if call.method == Method::GET => Ok(match sandbox.report(report, call) {
            Some(Ok(shown)) => Answer::json(200, shown),
            Some(Err(text)) => bad(text),
            None => ControlError::NotFound.answer(),
        }),
        ["webhooks"] => webhooks(sandbox, call),
        ["switches", system] => Ok(switches(sandbox, system, call)),
        _ => Ok(ControlError::NotFound.answer()),
    };
    done.unwrap_or_else(|answer| *answer)
}

fn records(
    sandbox: &Sandbox,
    system: &str,
    kind: &str,
    rest: &[&str],
    call: &Call,
    base: &str,
) -> Result<Answer, Box<Answer>> {
    let author = match call.param("author") {
        None => Author::Person,
        Some(name) => serde_json::from_value(json!(name))
            .map_err(|_| Box::new(bad("author is person, form, import or automation")))?,
    };
    let shown = |id: &str, status: u16| match sandbox.record_at(system, kind, id, base) {
        Ok(record) => Answer::json(status, record),
        Err(error) => error.answer(),
    };
    let done: Result<Answer, ControlError> = match (&call.method, rest) {
        (&Method::GET, []) => sandbox
            .records_at(system, kind, base, call.flag("include_deleted"))
            .map(|all| Answer::json(200, Value::Array(all))),
        (&Method::GET, [id]) => Ok(shown(id, 200)),
        (&Method::POST, []) => {
            let body: Value = body_of(call)?;
            sandbox
                .person_create_as(system, kind, &body, author)
                .map(|id| shown(&id, 201))
        }
        (&Method::PATCH, [id]) => {
            let body: Value = body_of(call)?;
            sandbox
                .person_edit_as(system, kind, id, &body, author)
                .map(|()| shown(id, 200))
        }
        (&Method::DELETE, [id]) => sandbox.person_delete(system, kind, id).map(|()| Answer::empty(204)),
        (&Method::POST, [id, "erase"]) => sandbox.person_erase(system, kind, id).map(|()| Answer::empty(204)),
        (&Method::POST, [id, "restore"]) => sandbox.person_restore(system, kind, id).map(|()| shown(id, 200)),
        _ => Ok(Answer::json(
            405,
            json!({"error": {"code": "method_not_allowed", "message": "not offered here"}}),
        )),
    };
    Ok(done.unwrap_or_else(|error| error.answer()))
}

fn calls(sandbox: &Sandbox, call: &Call) -> Answer {
    match call.param("after").unwrap_or("0").parse() {
        Ok(after) => Answer::json(200, json!(sandbox.calls_after(after))),
        Err(_) => bad("after is a number"),
    }
}

fn faults(sandbox: &Sandbox, call: &Call) -> Result<Answer, Box<Answer>> {
    match call.method {
        Method::GET => Ok(Answer::json(200, json!(sandbox.faults()))),
        Method::DELETE => {
            sandbox.set_faults(Vec::new());
            Ok(Answer::empty(204))
        }
        Method::POST => {
            let wanted = match body_of(call)? {
                FaultsBody::Many(rules) => rules,
                FaultsBody::One(rule) => vec![rule],
            };
            if wanted
                .iter()
                .filter_map(|rule| rule.rate)
                .any(|rate| !(0.0..=1.0).contains(&rate))
            {
                return Err(Box::new(bad("rate lies between 0 and 1")));
            }
            if wanted
                .iter()
                .filter_map(|rule| rule.status)
                .any(|status| !(400..=599).contains(&status))
            {
                return Err(Box::new(bad("status lies between 400 and 599")));
            }
            let mut rules = sandbox.faults();
            rules.extend(wanted);
            sandbox.set_faults(rules.clone());
            Ok(Answer::json(201, json!(rules)))
        }
        _ => Ok(ControlError::NotFound.answer()),
    }
}

fn webhooks(sandbox: &Sandbox, call: &Call) -> Result<Answer, Box<Answer>> {
    match call.method {
        Method::GET => Ok(Answer::json(200, json!(sandbox.webhooks_sent()))),
        Method::POST => {
            let subscription: Subscription = body_of(call)?;
            let shown = json!(subscription);
            Ok(match sandbox.send_webhooks(subscription) {
                Ok(()) => Answer::json(201, shown),
                Err(error) => error.answer(),
            })
        }
        Method::DELETE => {
            sandbox.stop_webhooks();
            Ok(Answer::empty(204))
        }
        _ => Ok(ControlError::NotFound.answer()),
    }
}

fn switches(sandbox: &Sandbox, system: &str, call: &Call) -> Answer {
    let done = match call.method {
        Method::GET => sandbox.switches(system),
        Method::POST | Method::PATCH => match call.json() {
            Some(patch) => sandbox.set_switches(system, &patch),
            None => return bad("send a JSON object"),
        },
        _ => Err(ControlError::NotFound),
    };
    match done {
        Ok(shown) => Answer::json(200, shown),
        Err(error) => error.answer(),
    }
}
