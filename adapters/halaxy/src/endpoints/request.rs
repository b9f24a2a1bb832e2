//! From inputs to a request. Nothing is sent here, and nothing is guessed: what does not fit is told with what to do.

use super::{Check, Endpoint, Input, Operation, Place, shapes};
use http::Method;
use serde_json::{Map, Value as Json};

/// What an endpoint is called with.
#[derive(Clone, Default)]
pub struct Inputs {
    values: Vec<(String, String)>,
    body: Option<Json>,
    base: String,
}

impl Inputs {
    /// No inputs yet. `base` is the account's base URL: references in bodies are absolute.
    pub fn new(base: impl Into<String>) -> Inputs {
        let mut base = base.into();
        if !base.ends_with('/') {
            base.push('/');
        }
        Inputs {
            base,
            ..Inputs::default()
        }
    }

    /// One more input, as text. Times that bound a range may be given twice.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Inputs {
        self.values.push((name.into(), value.into()));
        self
    }

    /// A body to start from; inputs are laid over it.
    pub fn body(mut self, body: Json) -> Inputs {
        self.body = Some(body);
        self
    }
}

/// Why inputs make no request. Names the input; never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: --{input} {what}; {remedy}")]
pub struct BadInput {
    /// The action.
    pub action: &'static str,
    /// The input's name.
    pub input: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// A request, ready to be sent by [`crate::HalaxyClient::call`].
#[derive(Clone)]
pub struct Request {
    /// The endpoint it is for.
    pub endpoint: &'static Endpoint,
    /// HTTP method.
    pub method: Method,
    /// Path below the base URL.
    pub path: String,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// The body, for writes.
    pub body: Option<Json>,
    /// The id in the path, if there is one.
    pub id: Option<String>,
    /// Members whose reference must be this one in every row of the answer, and the input that asked for it.
    pub(crate) scope: Vec<(&'static str, String, &'static str)>,
}

/// The body is left out: it holds what people wrote.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("action", &self.endpoint.action)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The request that these inputs make.
    ///
    /// # Errors
    /// [`BadInput`] for the first input that is unknown, missing, or does not fit.
    pub fn request(&'static self, inputs: &Inputs) -> Result<Request, BadInput> {
        let bad = |input: &str, what: &str, remedy: &str| BadInput {
            action: self.action,
            input: input.to_string(),
            what: what.to_string(),
            remedy: remedy.to_string(),
        };
        for (name, _) in &inputs.values {
            if self.input(name).is_none() {
                let known: Vec<String> = self.inputs().map(|input| format!("--{}", input.name)).collect();
                return Err(bad(
                    name,
                    "is no input of this action",
                    &format!("it takes {}", known.join(", ")),
                ));
            }
        }
        let Some(mut body) = start(self, inputs) else {
            let remedy = match self.writes() {
                false => "this action only reads; leave --body out".into(),
                true => format!(
                    "give a JSON object with `\"resourceType\": \"{}\"`, or without one",
                    self.sent_as()
                ),
            };
            return Err(bad("body", "does not fit", &remedy));
        };
        let mut request = Request {
            endpoint: self,
            method: self.method.parse().unwrap_or(Method::GET),
            path: self.path.to_string(),
            query: Vec::new(),
            body: None,
            id: None,
            scope: Vec::new(),
        };
        for input in self.inputs() {
            let given = inputs.values.iter().filter(|(name, _)| name == input.name);
            let given: Vec<&str> = given.map(|(_, value)| value.as_str()).collect();
            let range = input.check == Check::When;
            match given.len() {
                0 if input.required => return Err(bad(input.name, "is missing", &input.check.remedy())),
                0 | 1 => {}
                2 if range => {}
                _ => return Err(bad(input.name, "is given more than once", "give it once")),
            }
            for text in given {
                let value = input.check.read(text);
                let value = value.map_err(|remedy| bad(input.name, "cannot be used", &remedy))?;
                put(&mut request, &mut body, input, value, &inputs.base);
            }
        }
        if self.writes() {
            request.body = Some(
                self.finished(body, &inputs.base)
                    .map_err(|(input, what, remedy)| bad(&input, &what, &remedy))?,
            );
        }
        Ok(request)
    }

    /// The resource type of the body.
    fn sent_as(&self) -> &'static str {
        match self.action {
            "book-appointment" => "Parameters",
            _ => self.resource,
        }
    }

    fn finished(&self, mut body: Json, base: &str) -> Result<Json, (String, String, String)> {
        let say = |input: &str, what: String, remedy: &str| (input.to_string(), what, remedy.to_string());
        let rules = &self.rules;
        for (member, remedy) in rules.needs {
            let there = match member.strip_prefix('/') {
                Some(_) => body.pointer(member).is_some_and(|value| !value.is_null()),
                None => shapes::parameter(&body, member).is_some(),
            };
            if !there {
                let name = member.trim_start_matches('/');
                return Err(say("body", format!("or the other inputs leave `{name}` open"), remedy));
            }
        }
        let members: Vec<String> = body
            .as_object()
            .into_iter()
            .flat_map(|members| members.keys().cloned())
            .collect();
        let sent: Vec<&String> = members.iter().filter(|name| *name != "resourceType").collect();
        if let Some(name) = sent.iter().find(|name| rules.passed_over.contains(&name.as_str())) {
            let what = format!("has `{name}`, which Halaxy passes over while it answers that all is well");
            return Err(say("body", what, "leave it out; it can be changed in Halaxy only"));
        }
        if let Some(name) = sent
            .iter()
            .find(|name| !rules.only.is_empty() && !rules.only.contains(&name.as_str()))
        {
            let what = format!("has `{}`, which cannot be changed", printable(name));
            return Err(say("body", what, &format!("send only {}", rules.only.join(", "))));
        }
        if self.operation == Operation::Update && sent.is_empty() {
            return Err(say(
                "body",
                "or other inputs name nothing to change".into(),
                "give what is to change",
            ));
        }
        if let Some(together) = rules.together {
            together(&mut body).map_err(|(input, what, remedy)| say(input, what.into(), remedy))?;
        }
        absolute(&mut body, base);
        Ok(body)
    }
}

/// A member's name as it may be printed.
fn printable(name: &str) -> &str {
    let plain = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if plain { name } else { "a member" }
}

/// The body to start from: an object of the right type. `None` if the one given is no such thing.
fn start(endpoint: &Endpoint, inputs: &Inputs) -> Option<Json> {
    let wanted = endpoint.sent_as();
    let mut members = match &inputs.body {
        None => Map::new(),
        Some(_) if !endpoint.writes() => return None,
        Some(Json::Object(members)) => members.clone(),
        Some(_) => return None,
    };
    match members.get("resourceType") {
        Some(said) if *said != wanted => return None,
        _ => {}
    }
    let typed = matches!(endpoint.operation, Operation::Create | Operation::Replace) || wanted == "Parameters";
    members.shift_remove("resourceType");
    if typed {
        members.shift_insert(0, "resourceType".into(), wanted.into());
    }
    Some(Json::Object(members))
}

fn put(request: &mut Request, body: &mut Json, input: &Input, value: Json, base: &str) {
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let in_body = || match input.check {
        Check::Reference(_) => reference(&text()),
        _ => value.clone(),
    };
    match input.place {
        Place::Path => {
            let id = text();
            request.path = request.path.replace("{id}", &id);
            request.id = Some(id);
        }
        Place::Query(name) => request.query.push((name.to_string(), text())),
        Place::Scope(name, member) => {
            request.query.push((name.to_string(), text()));
            request.scope.push((member, text(), input.name));
        }
        Place::Member(pointer) => shapes::set(body, pointer, in_body()),
        Place::Make(make) => make(body, in_body(), base),
        Place::Word => {}
    }
}

/// `{reference, type}` of `Type/id`.
fn reference(text: &str) -> Json {
    let kind = text.split('/').next().unwrap_or_default();
    serde_json::json!({"reference": text, "type": kind})
}

/// Halaxy's documentation writes references absolute.
fn absolute(value: &mut Json, base: &str) {
    match value {
        Json::Object(members) => {
            for (name, member) in members {
                match member {
                    Json::String(text) if name == "reference" && !text.contains("://") => {
                        let relative = text.trim_start_matches('/');
                        let relative = relative.strip_prefix("main/").unwrap_or(relative);
                        *text = format!("{base}{relative}");
                    }
                    other => absolute(other, base),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| absolute(item, base)),
        _ => {}
    }
}
