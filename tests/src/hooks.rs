//! Webhooks in a practice of the tests: the listener as `run` starts it, stand-ins that call it, and a
//! storm of requests of which some must not be believed.

use crate::{Practice, Purpose, now};
use adapter_sandbox::Subscription;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bridge_admin::health::Watch;
use halaxy_bridge::serving::{self, Serving};
use halaxy_bridge::{config, drive};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

/// What products and bridge share.
const SECRET: &str = "what both of them know";
/// Larger than the listener takes.
const LARGE: usize = 300 * 1024;

/// A practice's listener while it serves.
pub struct Hooks {
    /// The listener.
    pub serving: Serving,
    /// Sends what a test makes up.
    pub client: Client,
    /// Addresses by system; Halaxy's without the event at its end.
    pub urls: BTreeMap<String, String>,
}

/// What a storm came to.
#[derive(Debug)]
pub struct Storm {
    /// Requests by sort, e.g. `forged`, and by the status they were answered with.
    pub answers: BTreeMap<(&'static str, u16), usize>,
    /// Requests that got no answer at all.
    pub unanswered: usize,
    /// Different events in the requests that had to be taken.
    pub events: u64,
    /// Events in the store afterwards.
    pub kept: u64,
    /// Records these events are about.
    pub records: usize,
    /// Direct reads that followed, by system.
    pub reads: BTreeMap<&'static str, usize>,
    /// From the moment a request was due to its answer, shortest first.
    pub times: Vec<Duration>,
}

impl Storm {
    /// The time that this share of the answers took at the most.
    pub fn percentile(&self, share: f64) -> Duration {
        let place = (self.times.len() as f64 * share) as usize;
        self.times
            .get(place.min(self.times.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

impl Practice {
    /// Starts the listener and lets both products call it. From now on the bridge polls once an hour only.
    pub async fn hooked(&mut self) -> Hooks {
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let text = std::fs::read_to_string(self.folder.path().join("bridge.toml")).unwrap();
        let text = text
            .replace(
                "call_life = \"1s\"",
                "call_life = \"1s\"\nwebhook_secret = \"file:hook\"",
            )
            .replace("poll_every = \"1s\"", "poll_every = \"1h\"");
        self.write("hook", SECRET);
        let serve = format!("[serve]\nlisten = \"{free}\"\npublic_url = \"http://{free}\"\n");
        self.configure("bridge.toml", &(text + &serve)).await;
        self.sync().await;
        let config = config::load(&self.folder.path().join("bridge.toml")).unwrap();
        let serving = serving::start(&config, &Watch::new(config.alerts.clone()), None, &self.stop)
            .await
            .unwrap()
            .expect("a listener");
        serving.open(&self.engine);
        let urls = serving::doors(&config).unwrap().into_iter().map(|door| {
            let (event, path) = door.paths().remove(0);
            let path = path.trim_end_matches(event.as_deref().unwrap_or_default());
            (door.system, format!("http://{free}{}", path.trim_end_matches('/')))
        });
        Hooks {
            serving,
            client: Client::new(),
            urls: urls.collect(),
        }
    }

    /// Lets both products tell of what people do, and of writes by the API if asked.
    pub fn tell(&self, hooks: &Hooks, api_writes: bool) {
        for (system, url) in &hooks.urls {
            self.sandbox
                .send_webhooks(Subscription {
                    system: system.clone(),
                    url: url.clone(),
                    secret: SECRET.into(),
                    api_writes,
                })
                .unwrap();
        }
    }

    /// Waits until so many webhooks of the stand-ins were taken.
    pub async fn told(&self, count: u64) {
        let begun = Instant::now();
        while self.sandbox.webhooks_sent().taken < count {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{:?}",
                self.sandbox.webhooks_sent()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Steps until nothing is left to do, without polling.
    pub async fn follow(&self) {
        for _ in 0..20 {
            let step = self.engine.step(now()).await.unwrap();
            if !step.active() && self.engine.store().quiet().await.unwrap() {
                return;
            }
        }
        panic!("it did not settle: {:?}", self.counts().await);
    }

    /// `count` requests at `rate` a second while the service runs: a tenth of them forged, stale, repeated or
    /// too large, the others half Halaxy's and half HubSpot's, about all people in turn.
    pub async fn storm(&self, hooks: &Hooks, count: usize, rate: usize) -> Storm {
        let from = self.last_call();
        let (mut requests, events, records) = self.requests(hooks, count);
        let stop = CancellationToken::new();
        let raging = async {
            // Products are elsewhere: what they do must not wait for the engine.
            let outside = Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            let sending = outside.spawn(async move {
                let (begun, mut sent) = (Instant::now(), tokio::task::JoinSet::new());
                for (n, (sort, request)) in requests.drain(..).enumerate() {
                    let due = begun + Duration::from_secs_f64(n as f64 / rate as f64);
                    tokio::time::sleep_until(due.into()).await;
                    sent.spawn(async move {
                        let answer = request.send().await.ok().map(|answer| answer.status().as_u16());
                        (sort, answer, due.elapsed())
                    });
                }
                sent.join_all().await
            });
            let done = sending.await.unwrap();
            outside.shutdown_background();
            while !self.engine.store().quiet().await.unwrap() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            stop.cancel();
            done
        };
        let (ran, done) = tokio::join!(drive::serve(&self.engine, &stop, |_| ()), raging);
        ran.unwrap();
        let (mut answers, mut times, mut unanswered) = (BTreeMap::new(), vec![], 0);
        for (sort, status, time) in done {
            match status {
                Some(status) => *answers.entry((sort, status)).or_default() += 1,
                None => unanswered += 1,
            }
            times.push(time);
        }
        times.sort();
        let sums = self.engine.store().sums().await.unwrap();
        let reads = ["halaxy", "crm"].map(|system| (system, self.calls(from, system, Purpose::Read).len()));
        Storm {
            answers,
            unanswered,
            events,
            kept: sums.iter().find(|sum| sum.table == "hint").unwrap().rows,
            records,
            reads: reads.into(),
            times,
        }
    }

    fn requests(&self, hooks: &Hooks, count: usize) -> (Vec<(&'static str, RequestBuilder)>, u64, usize) {
        let ids = self.sandbox.ids();
        let of = |system: &str| -> Vec<String> {
            let own = ids.iter().filter(|row| row.system == system);
            own.map(|row| row.id.clone()).collect()
        };
        let (patients, contacts) = (of("halaxy"), of("crm"));
        let (mut requests, mut events) = (vec![], 0);
        let mut about = std::collections::BTreeSet::new();
        for n in 0..count {
            let halaxy = n % 2 == 0;
            let own = if halaxy { &patients } else { &contacts };
            let make = |event: usize, age: i64, secret: &str, size: usize| {
                let id = &own[event / 2 % own.len()];
                match halaxy {
                    true => hooks.halaxy(id, event, secret, size),
                    false => hooks.hubspot(id, event, age, secret, size),
                }
            };
            let (sort, request) = match n % 60 {
                3 => ("stale", make(n, 301, SECRET, 0)),
                // Halaxy's webhooks bear no time: theirs are forged instead.
                10 | 23 => ("forged", make(n, 0, "what somebody guessed", 0)),
                // The address of the day before yesterday.
                30 => {
                    let url = format!("{}0/patient-update", hooks.urls["halaxy"]);
                    ("misdirected", hooks.client.post(url).bearer_auth(SECRET).body("{}"))
                }
                // What was sent just before is sent again, to the letter of its event.
                36 | 53 => ("repeated", make(n - 4, 0, SECRET, 0)),
                17 => ("too large", make(n, 0, SECRET, LARGE)),
                _ => {
                    events += 1;
                    about.insert((halaxy, n / 2 % own.len()));
                    ("right", make(n, 0, SECRET, 0))
                }
            };
            requests.push((sort, request));
        }
        (requests, events, about.len())
    }
}

impl Hooks {
    /// A request as Halaxy makes it.
    pub fn halaxy(&self, id: &str, event: usize, secret: &str, padding: usize) -> RequestBuilder {
        let body = json!({"resourceType": "Bundle", "type": "history", "id": "x".repeat(padding), "entry": [{"resource": {
            "resourceType": "SubscriptionStatus", "eventsSinceSubscriptionStart": "0",
            "notificationEvent": [{"id": format!("event-{event}"), "eventNumber": "1",
                "focus": {"reference": format!("https://au-api.halaxy.com/main/Patient/{id}"), "type": "Patient"}}]}}]});
        let url = format!("{}/patient-update", self.urls["halaxy"]);
        self.client.post(url).bearer_auth(secret).body(body.to_string())
    }

    /// A request as HubSpot makes it, sent so many seconds ago.
    pub fn hubspot(&self, id: &str, event: usize, age: i64, secret: &str, padding: usize) -> RequestBuilder {
        let body = json!([{"eventId": event, "subscriptionId": 1, "occurredAt": event, "objectId": id.parse::<u64>().unwrap(),
            "subscriptionType": "contact.propertyChange", "propertyName": "x".repeat(padding), "attemptNumber": 0}]);
        let (body, url) = (body.to_string(), &self.urls["crm"]);
        let time = (now() / 1_000 - age * 1_000).to_string();
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("POST{url}{body}{time}").as_bytes());
        self.client
            .post(url)
            .header("x-hubspot-signature-v3", STANDARD.encode(mac.finalize().into_bytes()))
            .header("x-hubspot-request-timestamp", time)
            .body(body)
    }
}
