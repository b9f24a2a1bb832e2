//! A scripted product: answers what a test says, and remembers what it was asked and when.
#![allow(dead_code, reason = "each test file uses its own part")]

use adapter_kit::{
    Client, ClientOptions, Clock, HttpRequest, HttpResponse, ManualClock, Transport, TransportError, TransportErrorKind,
};
use async_trait::async_trait;
use serde_json::Value as Json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const START: i64 = 1_772_406_900_300_000;

/// What happens to one request.
pub enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Json),
    Cut,
    Refused,
}

pub fn ok(body: Json) -> Reply {
    Reply::Answer(200, Vec::new(), body)
}

pub fn status(status: u16) -> Reply {
    Reply::Answer(status, Vec::new(), Json::Null)
}

/// One request as the product saw it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: i64,
    pub method: String,
    pub url: String,
    pub authorization: Option<String>,
    pub content_type: Option<String>,
    pub user_agent: Option<String>,
    pub body: String,
}

type Script = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

pub struct Product {
    pub clock: Arc<ManualClock>,
    pub log: Mutex<Vec<Asked>>,
    script: Script,
    /// How long an answer takes.
    pub takes: Duration,
    pub sends_date: bool,
}

impl Product {
    pub fn new(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Arc<Product> {
        Product::slow(Duration::ZERO, script)
    }

    pub fn slow(takes: Duration, script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Arc<Product> {
        let clock = Arc::new(ManualClock::new(START));
        Arc::new(Product {
            clock,
            log: Mutex::default(),
            script: Box::new(script),
            takes,
            sends_date: false,
        })
    }

    pub fn client(self: &Arc<Self>, change: impl FnOnce(&mut ClientOptions)) -> Client {
        let mut options = ClientOptions::new("crm", "https://crm.example.com/api/");
        change(&mut options);
        Client::new(options, self.clone(), self.clock.clone()).expect("sound options")
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.log.lock().expect("a log").clone()
    }

    /// Requests whose URL contains this.
    pub fn asked_for(&self, part: &str) -> Vec<Asked> {
        self.asked()
            .into_iter()
            .filter(|asked| asked.url.contains(part))
            .collect()
    }
}

#[async_trait]
impl Transport for Product {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let header = |name: &str| {
            request
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_string)
        };
        let asked = Asked {
            at: self.clock.now(),
            method: request.method.to_string(),
            url: request.url.to_string(),
            authorization: header("authorization"),
            content_type: header("content-type"),
            user_agent: header("user-agent"),
            body: String::from_utf8(request.body.to_vec()).expect("text"),
        };
        self.log.lock().expect("a log").push(asked.clone());
        if !self.takes.is_zero() {
            self.clock.sleep(self.takes).await;
        }
        match (self.script)(&asked) {
            Reply::Cut => Err(TransportError::may_have_landed(TransportErrorKind::Broken)),
            Reply::Refused => Err(TransportError::never_left(TransportErrorKind::Connect)),
            Reply::Answer(status, headers, body) => {
                let mut answer = HttpResponse {
                    status: http::StatusCode::from_u16(status).expect("a status"),
                    headers: http::HeaderMap::new(),
                    body: if body.is_null() {
                        bytes::Bytes::new()
                    } else {
                        body.to_string().into()
                    },
                };
                for (name, value) in headers {
                    answer.headers.insert(name, value.parse().expect("a header value"));
                }
                Ok(answer)
            }
        }
    }
}
