//! Webhooks that the stand-ins send: for people's edits, and for writes by the API where asked. At least once,
//! and in nasty manners sometimes late, twice, out of order, or not at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::answer::{Answer, Call};
use crate::books::Marks;
use crate::clock::{SECOND, practice_instant};
use crate::control::ControlError;
use crate::options::Manners;
use crate::sandbox::{Crm, Sandbox, State, System};

/// How often a webhook that is not answered with 2xx is tried.
const ATTEMPTS: u32 = 10;

/// Where a product sends its webhooks, as `POST control/webhooks` takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// `halaxy`, `crm` or `books`.
    pub system: String,
    /// Where to: for Halaxy up to the last part, which names the event (`../patient-update`).
    pub url: String,
    /// The bearer token, the app's secret, or the key of the signature.
    #[serde(skip_serializing)]
    pub secret: String,
    /// Whether writes by the API are told too; the books always tell of them.
    #[serde(default)]
    pub api_writes: bool,
}

/// A webhook on its way.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where to.
    pub url: String,
    /// Its headers, the proof of its origin among them.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: String,
    told: Told,
}

/// What became of webhooks so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Attempts, repetitions included.
    pub attempts: u64,
    /// Attempts answered with 2xx.
    pub taken: u64,
    /// Not sent at all, as nasty manners have it.
    pub lost: u64,
    /// Not answered with 2xx in all attempts.
    pub given_up: u64,
    /// Subscriptions to the books whose receiver took what was signed rightly and refused what was not, and so get webhooks.
    pub validated: u64,
    /// Those whose receiver did not, and get none.
    pub not_validated: u64,
}

/// What happened to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    Created,
    /// With the names of what was changed.
    Changed(Vec<String>),
    Removed,
    Restored,
    /// The record took this one in, and is now called so.
    Merged(String, String),
    /// Removed on the person's demand.
    Erased,
}

/// One request to be made.
#[derive(Debug, Clone)]
struct Told {
    subscription: Subscription,
    /// Last part of the address, for Halaxy.
    event: &'static str,
    body: Value,
    due: i64,
    attempt: u32,
    /// Only to see whether signatures are checked: rightly signed or not.
    intent: Option<bool>,
}

/// A subscription to the books whose receiver is being tried.
#[derive(Debug)]
struct Trial {
    subscription: Subscription,
    left: u8,
    good: bool,
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    subscriptions: Vec<Subscription>,
    trials: Vec<Trial>,
    waiting: Vec<Told>,
    sent: Sent,
}

impl Sandbox {
    /// From now on a product sends webhooks; several subscriptions may be made. The books first send empty messages with
    /// right and wrong signatures, and nothing more unless the receiver answers 200 and 401.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for another system.
    pub fn send_webhooks(&self, subscription: Subscription) -> Result<(), ControlError> {
        let now = self.clock().now_micros();
        match subscription.system.as_str() {
            "halaxy" | "crm" => self.state().outbox.subscriptions.push(subscription),
            "books" => self.state().try_receiver(subscription, now),
            _ => return Err(ControlError::NotFound),
        }
        Ok(())
    }

    /// No more webhooks; those that wait are dropped.
    pub fn stop_webhooks(&self) {
        let outbox = &mut self.state().outbox;
        outbox.subscriptions.clear();
        outbox.trials.clear();
        outbox.waiting.clear();
    }

    /// What became of webhooks so far.
    pub fn webhooks_sent(&self) -> Sent {
        self.state().outbox.sent
    }

    /// Webhooks that are due now, each to be sent once and reported by [`Self::webhook_answered`].
    pub fn webhooks_due(&self) -> Vec<Delivery> {
        let now = self.clock().now_micros();
        let state = &mut *self.state();
        let (due, later) = std::mem::take(&mut state.outbox.waiting)
            .into_iter()
            .partition(|told: &Told| told.due <= now);
        state.outbox.waiting = later;
        let hubspot = matches!(state.crm, Crm::Hubspot(_));
        due.into_iter().map(|told| told.delivery(hubspot, now)).collect()
    }

    /// Reports the status that a webhook was answered with, or that there was no answer.
    pub fn webhook_answered(&self, delivery: Delivery, status: Option<u16>) {
        let now = self.clock().now_micros();
        let outbox = &mut self.state().outbox;
        let mut told = delivery.told;
        if let Some(rightly) = told.intent {
            let wanted = if rightly { 200 } else { 401 };
            return outbox.tried(&told.subscription, status == Some(wanted));
        }
        outbox.sent.attempts += 1;
        if status.is_some_and(|status| (200..300).contains(&status)) {
            outbox.sent.taken += 1;
        } else if told.attempt + 1 >= ATTEMPTS {
            outbox.sent.given_up += 1;
        } else {
            told.attempt += 1;
            told.due = now + (SECOND << told.attempt.min(6)) / 2;
            outbox.waiting.push(told);
        }
    }
}

impl Outbox {
    fn tried(&mut self, subscription: &Subscription, as_wanted: bool) {
        let Some(at) = self.trials.iter().position(|trial| trial.subscription == *subscription) else {
            return;
        };
        let trial = &mut self.trials[at];
        trial.left -= 1;
        trial.good &= as_wanted;
        if trial.left > 0 {
            return;
        }
        let trial = self.trials.remove(at);
        if trial.good {
            self.sent.validated += 1;
            self.subscriptions.push(trial.subscription);
        } else {
            self.sent.not_validated += 1;
        }
    }
}

impl State {
    fn try_receiver(&mut self, subscription: Subscription, now: i64) {
        // The product sends several, in any order.
        let signed = [false, true, false];
        for rightly in signed {
            let body = self.books.intent();
            self.outbox.waiting.push(Told {
                subscription: subscription.clone(),
                event: "",
                body,
                due: now,
                attempt: 0,
                intent: Some(rightly),
            });
        }
        self.outbox.trials.push(Trial {
            subscription,
            left: signed.len() as u8,
            good: true,
        });
    }

    /// How the books stand, if anybody wants to be told of them.
    pub fn marks(&self) -> Option<Marks> {
        let mut all = self.outbox.subscriptions.iter();
        all.any(|s| s.system == System::Books.name())
            .then(|| self.books.marks())
    }

    /// Tells subscribers what is new in the books, whoever did it.
    pub fn tell_of_books(&mut self, before: Option<Marks>, now: i64) {
        let Some(body) = before.and_then(|before| self.books.news_since(&before, now)) else {
            return;
        };
        let subscriptions: Vec<Subscription> = self
            .outbox
            .subscriptions
            .iter()
            .filter(|s| s.system == System::Books.name())
            .cloned()
            .collect();
        for subscription in subscriptions {
            self.send_later(subscription, "", body.clone(), now);
        }
    }

    /// Tells subscribers what a person did, or a write by the API.
    pub fn tell(&mut self, system: System, kind: &str, id: &str, happened: &Happened, by_api: bool, now: i64) {
        let subscriptions: Vec<Subscription> = self
            .outbox
            .subscriptions
            .iter()
            .filter(|s| s.system == system.name() && (s.api_writes || !by_api))
            .cloned()
            .collect();
        for subscription in subscriptions {
            let (event, body) = match (system, &self.crm) {
                (System::Halaxy, _) => match halaxy(kind, id, happened, now, &mut self.rng) {
                    Some(told) => told,
                    None => continue,
                },
                (System::Crm, Crm::Hubspot(_)) => ("", hubspot(id, happened, by_api, now, &mut self.rng)),
                (System::Crm, Crm::Plain(_)) => ("", plain(id, happened, &mut self.rng)),
                // Theirs follow from what has changed.
                (System::Books, _) => return,
            };
            self.send_later(subscription, event, body, now);
        }
    }

    fn send_later(&mut self, subscription: Subscription, event: &'static str, body: Value, now: i64) {
        let mut times = 1;
        let mut due = now;
        if self.manners == Manners::Nasty {
            match self.rng.random_range(0..100) {
                0..5 => times = 0,
                5..15 => times = 2,
                15..45 => due += self.rng.random_range(0..2 * SECOND),
                _ => {}
            }
        }
        self.outbox.sent.lost += u64::from(times == 0);
        for _ in 0..times {
            self.outbox.waiting.push(Told {
                subscription: subscription.clone(),
                event,
                body: body.clone(),
                due,
                attempt: 0,
                intent: None,
            });
        }
    }

    /// Tells of what an API call did, as its answer shows.
    pub fn tell_of_call(&mut self, system: System, call: &Call, answer: &Answer, now: i64) {
        let reads = call
            .path
            .iter()
            .any(|part| matches!(part.as_str(), "search" | "read" | "token"));
        let writes = matches!(call.method.as_str(), "POST" | "PATCH" | "PUT" | "DELETE") && !reads;
        let records = call
            .path
            .iter()
            .any(|part| matches!(part.as_str(), "Patient" | "contacts"));
        if self.outbox.subscriptions.is_empty() || !writes || !records || !(200..300).contains(&answer.status) {
            return;
        }
        let id = |body: &Value| {
            body["id"]
                .as_str()
                .map(str::to_owned)
                .or(body["id"].as_u64().map(|id| id.to_string()))
        };
        let body = answer.body.as_ref();
        let results = body.and_then(|body| body["results"].as_array());
        let mut records: Vec<(String, bool)> = results
            .into_iter()
            .flatten()
            .filter_map(|record| Some((id(record)?, record["new"] == true)))
            .collect();
        if results.is_none() {
            let named = call
                .path
                .last()
                .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))
                .cloned();
            let made = named.is_none();
            records.extend(named.or_else(|| body.and_then(id)).map(|id| (id, made)));
        }
        for (id, made) in records {
            let happened = match call.method.as_str() {
                "DELETE" => Happened::Removed,
                _ if made => Happened::Created,
                _ => Happened::Changed(vec![]),
            };
            self.tell(system, "Patient", &id, &happened, true, now);
        }
    }
}

impl Told {
    fn delivery(mut self, hubspot: bool, now: i64) -> Delivery {
        let secret = &self.subscription.secret;
        let mut url = self.subscription.url.clone();
        let (headers, body) = if self.subscription.system == "halaxy" {
            url = format!("{}/{}", url.trim_end_matches('/'), self.event);
            let token = ("authorization", format!("Bearer {secret}"));
            (vec![token], self.body.to_string())
        } else if self.subscription.system == "books" {
            let body = self.body.to_string();
            let rightly = self.intent != Some(false);
            let key = if rightly { secret.as_str() } else { "another key" };
            (vec![("x-xero-signature", STANDARD.encode(hmac(key, &[&body])))], body)
        } else if hubspot {
            for event in self.body.as_array_mut().into_iter().flatten() {
                event["attemptNumber"] = self.attempt.into();
            }
            let body = self.body.to_string();
            let time = (now / 1_000).to_string();
            let proof = STANDARD.encode(hmac(secret, &["POST", &url, &body, &time]));
            let headers = vec![("x-hubspot-signature-v3", proof), ("x-hubspot-request-timestamp", time)];
            (headers, body)
        } else {
            let body = self.body.to_string();
            let time = (now / SECOND).to_string();
            let bytes = hmac(secret, &[&time, ".", &body]);
            let proof: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let headers = vec![
                ("x-webhook-signature", format!("sha256={proof}")),
                ("x-webhook-timestamp", time),
            ];
            (headers, body)
        };
        Delivery {
            url,
            headers,
            body,
            told: self,
        }
    }
}

fn hmac(key: &str, parts: &[&str]) -> Vec<u8> {
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes()) else {
        unreachable!("a key may have any length");
    };
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().to_vec()
}

fn uuid(rng: &mut StdRng) -> String {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string()
}

/// A thin history Bundle, with texts where FHIR has a list and numbers (halaxy-api.md section 6). Patients have no event
/// for removal; only patients, appointments and invoices have any; a merge looks like a change of the survivor.
fn halaxy(kind: &str, id: &str, happened: &Happened, now: i64, rng: &mut StdRng) -> Option<(&'static str, Value)> {
    let (event, id) = match (kind, happened) {
        ("Invoice", Happened::Created) => ("invoice-create", id),
        ("Invoice", Happened::Removed | Happened::Erased) => ("invoice-delete", id),
        ("Invoice", _) => ("invoice-update", id),
        ("Appointment", Happened::Created) => ("appointment-create", id),
        ("Appointment", Happened::Removed | Happened::Erased) => ("appointment-delete", id),
        ("Appointment", _) => ("appointment-update", id),
        (_, Happened::Created) => ("patient-create", id),
        (_, Happened::Changed(_) | Happened::Restored) => ("patient-update", id),
        (_, Happened::Merged(_, survivor)) => ("patient-update", survivor.as_str()),
        (_, Happened::Removed | Happened::Erased) => return None,
    };
    let profile = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription";
    let body = json!({
        "resourceType": "Bundle", "id": uuid(rng), "type": "history", "timestamp": practice_instant(now, false),
        "meta": {"profile": format!("{profile}-notification"), "security": [], "tag": []},
        "link": [], "contained": [], "extension": [], "modifierExtension": [],
        "entry": [{"fullUrl": uuid(rng), "resource": {
            "resourceType": "SubscriptionStatus", "id": uuid(rng), "meta": {"profile": format!("{profile}-status")},
            "status": "active", "type": "event-notification", "eventsSinceSubscriptionStart": "0",
            "subscription": {"reference": "Subscription/11111111-2222-4333-8444-555555555555", "type": "Subscription"},
            "topic": {"reference": "SubscriptionTopic/66666666-7777-4888-9999-000000000000", "type": "SubscriptionTopic"},
            "notificationEvent": [{"id": uuid(rng), "eventNumber": "1", "timestamp": practice_instant(now, false),
                "focus": {"reference": format!("https://au-api.halaxy.com/main/{kind}/{id}"), "type": kind}}]}}]
    });
    Some((event, body))
}

/// A list of events, one for each property that was changed (vendor-apis.md section 1).
fn hubspot(id: &str, happened: &Happened, by_api: bool, now: i64, rng: &mut StdRng) -> Value {
    let number = |id: &str| id.parse::<u64>().map_or(Value::Null, Value::from);
    let mut event = |kind: &str, more: Value| {
        let mut event = json!({
            "eventId": rng.random_range(1..u32::MAX), "subscriptionId": 25, "portalId": 5_550_001, "appId": 7,
            "occurredAt": now / 1_000, "subscriptionType": kind, "attemptNumber": 0,
            "changeSource": if by_api { "INTEGRATION" } else { "CRM_UI" }, "objectId": number(id),
        });
        crate::patch::merge(&mut event, &more);
        event
    };
    Value::Array(match happened {
        Happened::Created => vec![event("contact.creation", json!({"changeFlag": "CREATED"}))],
        // The value stands there in the real product as well; nobody may use it.
        Happened::Changed(names) if names.is_empty() => {
            vec![event(
                "contact.propertyChange",
                json!({"propertyName": "lastmodifieddate"}),
            )]
        }
        Happened::Changed(names) => names
            .iter()
            .map(|name| event("contact.propertyChange", json!({"propertyName": name})))
            .collect(),
        Happened::Removed => vec![event("contact.deletion", json!({"changeFlag": "DELETED"}))],
        Happened::Restored => vec![event("contact.restore", json!({}))],
        Happened::Merged(loser, survivor) => vec![event(
            "contact.merge",
            json!({"primaryObjectId": number(id), "mergedObjectIds": [number(loser)], "newObjectId": number(survivor),
                "numberOfPropertiesMoved": 1}),
        )],
        Happened::Erased => vec![
            event("contact.privacyDeletion", json!({})),
            event("contact.deletion", json!({"changeFlag": "DELETED"})),
        ],
    })
}

fn plain(id: &str, happened: &Happened, rng: &mut StdRng) -> Value {
    let (kind, id) = match happened {
        Happened::Created => ("contact.created", id),
        Happened::Changed(_) | Happened::Restored => ("contact.updated", id),
        Happened::Merged(_, survivor) => ("contact.updated", survivor.as_str()),
        Happened::Removed | Happened::Erased => ("contact.deleted", id),
    };
    json!({"events": [{"id": uuid(rng), "type": kind, "contact_id": id}]})
}
