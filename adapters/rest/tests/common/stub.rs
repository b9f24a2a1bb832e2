//! A product of a few lines: a function from what was asked to what is answered, and a record of
//! everything that was asked.
#![allow(dead_code)]

use super::{TestClock, clock, over};
use adapter_kit::TokenStore;
use adapter_rest::{Connector, RestAdapter, RestOptions};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Asked {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn number(&self, name: &str) -> usize {
        self.param(name).map_or(0, |text| text.parse().unwrap())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Form fields in order.
    pub fn form(&self) -> Vec<(String, String)> {
        form_of(&self.body)
    }
}

/// What is answered.
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

pub fn ok(body: Json) -> Reply {
    reply(200, body)
}

pub fn reply(status: u16, body: Json) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.to_string(),
    }
}

pub fn empty(status: u16) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: String::new(),
    }
}

impl Reply {
    pub fn text(status: u16, body: &str) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// An adapter over such a product.
pub struct Stub {
    pub adapter: RestAdapter,
    pub clock: Arc<TestClock>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn last(&self) -> Asked {
        self.asked().last().cloned().unwrap()
    }
}

pub const SECRETS: [(&str, &str); 6] = [
    ("token", "s3cret"),
    ("user", "ann"),
    ("password", "pa:ss"),
    ("client_id", "client"),
    ("client_secret", "shh"),
    ("refresh_token", "refresh-1"),
];

pub fn stub(connector: &str, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Stub {
    stub_with(connector, RestOptions::default(), None, answer)
}

pub fn stub_with(
    connector: &str,
    mut options: RestOptions,
    tokens: Option<Arc<dyn TokenStore>>,
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> Stub {
    let clock = clock();
    let (router, asked) = product(answer);
    let connector = Connector::parse("test.toml", connector).unwrap_or_else(|problems| panic!("{problems:#?}"));
    options.base_url.get_or_insert("http://localhost:9/api".into());
    options.secrets = SECRETS
        .into_iter()
        .map(|(name, secret)| (name.to_string(), secret.into()))
        .collect();
    let adapter = RestAdapter::new("crm", connector, options, over(router, &clock), clock.clone(), tokens).unwrap();
    Stub { adapter, clock, asked }
}

/// Such a product, and what it is asked.
pub fn product(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (Router, Arc<Mutex<Vec<Asked>>>) {
    let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let (log, answer) = (asked.clone(), Arc::new(answer));
    let router = Router::new().fallback(move |request: Request<Body>| {
        let (log, answer) = (log.clone(), answer.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let headers = parts
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_string()));
            let asked = Asked {
                method: parts.method.to_string(),
                path: parts.uri.path().to_string(),
                query: form_of(parts.uri.query().unwrap_or_default()),
                headers: headers.collect(),
                body: String::from_utf8(body.to_vec()).unwrap(),
            };
            log.lock().unwrap().push(asked.clone());
            let reply = answer(&asked);
            let mut response = Response::builder().status(reply.status);
            for (name, value) in &reply.headers {
                response = response.header(name, value);
            }
            response.body(Body::from(reply.body)).unwrap()
        }
    });
    (router, asked)
}

fn form_of(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// A connector with these parts; `parts` override what a test does not care about.
pub fn connector(head: &str, kind: &str) -> String {
    let auth = if head.contains("[auth]") {
        ""
    } else {
        "[auth]\nstyle = \"none\"\n"
    };
    let record = if kind.contains("record = ") || kind.contains(".record]") {
        ""
    } else {
        "record = { id = \"id\" }
"
    };
    let scan = if kind.contains("contacts.changes") {
        ""
    } else {
        "full_scan = true\n"
    };
    let list = "[kinds.contacts.list]\ncall = \"GET contacts\"\nrecords = \"items\"\npaging = { style = \"single\" }\n";
    let list = if kind.contains("contacts.list]") { "" } else { list };
    let read = if kind.contains("contacts.read]") {
        ""
    } else {
        "[kinds.contacts.read]\ncall = \"GET contacts/{{ id }}\"\n"
    };
    format!("name = \"test\"\n{head}\n{auth}[kinds.contacts]\n{scan}{record}{kind}\n{list}{read}")
}
