//! One call as an adapter describes it, its priority, and what came back.

use crate::contract::AdapterError;
use crate::transport::HttpResponse;
use crate::verdict::Verdict;
use bridge_core::Time;
use bytes::Bytes;
use http::Method;
use std::future::Future;

/// Whose work a call is. When calls wait for a limit, the higher priority goes first; a share of
/// day budgets is kept for [`Priority::Interactive`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Backfills, sweeps.
    Bulk,
    /// Polls and deliveries of the running service.
    #[default]
    Live,
    /// A person is waiting.
    Interactive,
}

tokio::task_local! {
    static AMBIENT: Priority;
}

/// Runs a future whose calls, through whatever adapter, have this priority.
pub async fn with_priority<F: Future>(priority: Priority, future: F) -> F::Output {
    AMBIENT.scope(priority, future).await
}

pub(crate) fn ambient_priority() -> Priority {
    AMBIENT.try_with(|priority| *priority).unwrap_or_default()
}

/// What a call does on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: may be repeated at will (searches by POST included).
    Read,
    /// Something: is sent once.
    Write,
}

/// The body of a call.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// JSON.
    Json(serde_json::Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
    /// Anything else; the content type is given as a header.
    Raw(Bytes),
}

/// One call. Made by [`Call::read`] or [`Call::write`].
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) what: String,
    pub(crate) template: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
    pub(crate) group: Option<String>,
    pub(crate) priority: Option<Priority>,
}

impl Call {
    fn new(method: Method, target: impl Into<String>, effect: Effect) -> Call {
        let target = target.into();
        Call {
            what: method.to_string(),
            template: None,
            method,
            target,
            effect,
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::Empty,
            group: None,
            priority: None,
        }
    }

    /// A call without effect. `target` is a path below the base URL (`Patient/7`), a path of the
    /// origin (`/crm/v3/..`) or an absolute URL of the same origin, which may carry a query.
    pub fn read(method: Method, target: impl Into<String>) -> Call {
        Call::new(method, target, Effect::Read)
    }

    /// A call with an effect: sent once, never repeated unless provably not processed.
    pub fn write(method: Method, target: impl Into<String>) -> Call {
        Call::new(method, target, Effect::Write)
    }

    /// What the call is called in logs and errors, e.g. `GET Patient`. Never a record's values.
    /// Without it, only the method is named.
    pub fn what(mut self, what: impl Into<String>) -> Call {
        self.what = what.into();
        self
    }

    /// The path with names in place of ids, for traces, e.g. `contacts/{{ id }}`. Without it, a trace shows
    /// what the call is called.
    pub fn template(mut self, template: impl Into<String>) -> Call {
        self.template = Some(template.into());
        self
    }

    /// Adds a query parameter; encoded here.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Call {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Call {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A JSON body. Sets `content-type: application/json` unless a header says otherwise.
    pub fn json(mut self, body: serde_json::Value) -> Call {
        self.body = Body::Json(body);
        self
    }

    /// A form body.
    pub fn form(mut self, fields: Vec<(String, String)>) -> Call {
        self.body = Body::Form(fields);
        self
    }

    /// Any body.
    pub fn body(mut self, body: Body) -> Call {
        self.body = body;
        self
    }

    /// The narrower limit group this call also counts in, e.g. `search`.
    pub fn group(mut self, group: impl Into<String>) -> Call {
        self.group = Some(group.into());
        self
    }

    /// The call's priority; without it, that of [`with_priority`].
    pub fn priority(mut self, priority: Priority) -> Call {
        self.priority = Some(priority);
        self
    }
}

/// A good answer.
#[derive(Clone)]
pub struct Response {
    /// The answer itself.
    pub http: HttpResponse,
    /// When the request that got it began, on the bridge's clock.
    pub started: Time,
}

/// What a failed call has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Provably nothing: may be sent again later.
    NotProcessed,
    /// Provably nothing, and repeating does not help.
    Refused,
    /// It may or may not have landed.
    Unknown,
}

/// A failed call. `error` is safe to log; `response` (with the product's own words) is not.
#[derive(Clone, thiserror::Error)]
#[error("{error}")]
pub struct CallError {
    /// The error as the engine sees it.
    pub error: AdapterError,
    /// What the call has done.
    pub outcome: Outcome,
    /// What the answer meant, if one came.
    pub verdict: Option<Verdict>,
    /// The answer, if a whole one came.
    pub response: Option<HttpResponse>,
}

impl CallError {
    /// The HTTP status, if an answer came.
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|response| response.status.as_u16())
    }
}

impl std::fmt::Debug for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallError")
            .field("error", &self.error)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
