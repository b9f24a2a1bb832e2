//! Where products call, over real connections: what is taken is kept before it is answered, and nothing
//! else leaves a trace.
#![allow(clippy::unwrap_used)]

use adapter_halaxy::HalaxyWebhook;
use adapter_kit::{Clock, SystemClock};
use adapter_rest::{Connector, RestWebhook};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bridge_admin::inbox::{Inbox, NotKept};
use bridge_admin::webhooks::{Door, Doors, WEBHOOK_LIMIT};
use bridge_admin::{Listener, router};
use bridge_core::capture::News;
use bridge_store::{Hint, Key, Store};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "0123456789abcdef";

/// A practice's doors behind a listener, and its store.
struct House {
    base: String,
    client: Client,
    store: Store,
    inbox: Inbox,
    bell: Arc<Notify>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl House {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let store = Store::open(&url, &Key::generate(), "clinic", 0).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (inbox, bell) = (
            Inbox::new(Arc::clone(&clock), &tokio::runtime::Handle::current()),
            Arc::new(Notify::new()),
        );
        inbox.open(store.clone(), Arc::clone(&bell));
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let base = format!("http://{}", listener.address().unwrap());
        let hubspot = Connector::parse("hubspot", adapter_rest::shipped::connector("hubspot").unwrap()).unwrap();
        let all = vec![
            Door {
                system: "halaxy".into(),
                kind: Some("Patient".into()),
                beside: BTreeSet::from(["Invoice".into()]),
                token: TOKEN.into(),
                webhook: Box::new(HalaxyWebhook::new("shared".into())),
            },
            Door {
                system: "crm".into(),
                kind: Some("contacts".into()),
                beside: BTreeSet::new(),
                token: TOKEN.into(),
                webhook: Box::new(RestWebhook::new(hubspot.webhook.unwrap(), "hub-secret".into()).unwrap()),
            },
        ];
        let doors = Doors::new(all, "https://bridge.example/behind/", inbox.clone(), clock);
        let stop = CancellationToken::new();
        tokio::spawn(listener.serve(router([doors.routes()]), stop.clone()));
        let client = Client::new();
        Self {
            base,
            client,
            store,
            inbox,
            bell,
            stop,
            _folder: folder,
        }
    }

    /// HubSpot's request, signed for the public address at this time.
    fn hubspot(&self, token: &str, body: &Value, at: i64) -> RequestBuilder {
        let (path, body, time) = (
            format!("/webhooks/crm/{token}"),
            body.to_string(),
            (at / 1_000).to_string(),
        );
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"hub-secret").unwrap();
        mac.update(format!("POSThttps://bridge.example/behind{path}{body}{time}").as_bytes());
        self.client
            .post(format!("{}{path}", self.base))
            .header("x-hubspot-signature-v3", STANDARD.encode(mac.finalize().into_bytes()))
            .header("x-hubspot-request-timestamp", time)
            .body(body)
    }

    fn halaxy(&self, event: &str, kind: &str, id: &str, number: usize) -> RequestBuilder {
        let body = json!({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "SubscriptionStatus",
            "notificationEvent": [{"id": format!("event-{number}"), "focus": {"reference": format!("{kind}/{id}"), "type": kind}}]}}]});
        self.client
            .post(format!("{}/webhooks/halaxy/{TOKEN}/{event}", self.base))
            .header("authorization", "Bearer shared")
            .body(body.to_string())
    }

    async fn status(&self, request: RequestBuilder) -> u16 {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        assert!(!answer.headers().contains_key("set-cookie"));
        assert!(answer.bytes().await.unwrap().is_empty(), "every answer is empty");
        status
    }

    async fn waiting(&self) -> Vec<String> {
        let mut ids = vec![];
        self.store.take_in_hints().await.unwrap();
        for system in ["crm", "halaxy"] {
            ids.extend(
                self.store
                    .hints(system, 10_000)
                    .await
                    .unwrap()
                    .into_iter()
                    .map(|h| h.remote_id),
            );
        }
        ids
    }
}

fn changed(id: u64, event: u64) -> Value {
    json!([{"eventId": event, "subscriptionType": "contact.propertyChange", "objectId": id, "occurredAt": 1, "propertyName": "x"}])
}

fn now() -> i64 {
    SystemClock::new().now()
}

#[tokio::test]
async fn what_is_proved_is_kept_before_it_is_answered_and_the_engine_is_woken() {
    let house = House::new().await;
    assert_eq!(house.status(house.hubspot(TOKEN, &changed(7, 1), now())).await, 200);
    assert_eq!(
        house
            .status(house.halaxy("patient-update", "Patient", "900001", 1))
            .await,
        200
    );
    assert_eq!(house.waiting().await, ["7", "900001"]);
    house.bell.notified().await;
}

#[tokio::test]
async fn a_repetition_is_answered_and_kept_once() {
    let house = House::new().await;
    let at = now();
    for _ in 0..3 {
        assert_eq!(house.status(house.hubspot(TOKEN, &changed(7, 1), at)).await, 200);
        assert_eq!(
            house
                .status(house.halaxy("patient-update", "Patient", "900001", 1))
                .await,
            200
        );
    }
    assert_eq!(house.waiting().await.len(), 2);
    assert_eq!(house.status(house.hubspot(TOKEN, &changed(7, 2), at)).await, 200);
    assert_eq!(
        house.waiting().await.len(),
        3,
        "another event about the same record is no repetition"
    );
}

#[tokio::test]
async fn what_is_not_proved_or_not_understood_leaves_no_trace() {
    let house = House::new().await;
    let body = changed(7, 1);
    let good = || house.hubspot(TOKEN, &body, now());
    let large = json!([{"subscriptionType": "contact.creation", "objectId": 7, "note": "x".repeat(WEBHOOK_LIMIT)}]);
    let nameless = json!([{"subscriptionType": "contact.creation"}]);
    let odd = json!([{"subscriptionType": "contact.creation", "objectId": "7\n8"}]);
    let cases = [
        (
            "forged",
            401,
            good().header("x-hubspot-signature-v3", "AAAA").body("[]"),
        ),
        ("another address", 404, house.hubspot("0123456789abcdeF", &body, now())),
        (
            "another system",
            404,
            house.client.post(format!("{}/webhooks/books/{TOKEN}", house.base)),
        ),
        ("too old", 401, house.hubspot(TOKEN, &body, now() - 301_000_000)),
        ("from the future", 401, house.hubspot(TOKEN, &body, now() + 301_000_000)),
        ("too large", 413, house.hubspot(TOKEN, &large, now())),
        ("no record", 400, house.hubspot(TOKEN, &nameless, now())),
        ("no usable id", 400, house.hubspot(TOKEN, &odd, now())),
        (
            "unsigned",
            401,
            house
                .client
                .post(format!("{}/webhooks/crm/{TOKEN}", house.base))
                .body("[]"),
        ),
        (
            "another method",
            405,
            house.client.get(format!("{}/webhooks/crm/{TOKEN}", house.base)),
        ),
        ("no event", 400, house.halaxy("", "Patient", "1", 1).body("{}")),
        ("another kind", 400, house.halaxy("patient-update", "Invoice", "1", 1)),
    ];
    for (what, status, request) in cases {
        let status = if what == "no event" { 404 } else { status };
        assert_eq!(house.status(request).await, status, "{what}");
    }
    // Signed for the address that the listener sees, not for the public one.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"hub-secret").unwrap();
    let url = format!("{}/webhooks/crm/{TOKEN}", house.base);
    let time = (now() / 1_000).to_string();
    mac.update(format!("POST{url}{body}{time}").as_bytes());
    let inside = house
        .client
        .post(url)
        .header("x-hubspot-signature-v3", STANDARD.encode(mac.finalize().into_bytes()))
        .header("x-hubspot-request-timestamp", time)
        .body(body.to_string());
    assert_eq!(house.status(inside).await, 401);
    assert!(house.waiting().await.is_empty());
}

#[tokio::test]
async fn events_about_what_is_not_kept_in_step_are_answered_and_left_alone() {
    let house = House::new().await;
    let visit = house.halaxy("appointment-update", "Appointment", "1", 1);
    assert_eq!(house.status(visit).await, 200);
    let company = json!([{"subscriptionType": "company.creation", "objectId": 7}]);
    assert_eq!(house.status(house.hubspot(TOKEN, &company, now())).await, 200);
    assert!(house.waiting().await.is_empty());
}

#[tokio::test]
async fn what_others_than_the_engine_follow_is_kept_for_them_by_kind() {
    let house = House::new().await;
    let invoice = house.halaxy("invoice-update", "Invoice", "600001", 1);
    assert_eq!(house.status(invoice).await, 200);
    let gone = house.halaxy("invoice-delete", "Invoice", "600002", 2);
    assert_eq!(house.status(gone).await, 200);
    assert!(house.waiting().await.is_empty(), "the engine is told of people only");
    let mut kept = house.store.hints_of("halaxy", "Invoice", 10).await.unwrap();
    kept.sort_by(|a, b| a.remote_id.cmp(&b.remote_id));
    let kept: Vec<(&str, News)> = kept.iter().map(|h| (h.remote_id.as_str(), h.news)).collect();
    assert_eq!(kept, [("600001", News::Changed), ("600002", News::Removed)]);
    house.bell.notified().await;
}

#[tokio::test]
async fn while_the_store_is_away_senders_are_told_to_come_again() {
    let house = House::new().await;
    house.inbox.close();
    let answer = house.hubspot(TOKEN, &changed(7, 1), now()).send().await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["retry-after"].to_str().unwrap()
        ),
        (503, "5")
    );
    house.inbox.open(house.store.clone(), Arc::clone(&house.bell));
    assert_eq!(house.status(house.hubspot(TOKEN, &changed(7, 1), now())).await, 200);
    assert_eq!(house.waiting().await, ["7"]);
}

#[tokio::test]
async fn what_is_too_much_is_turned_away_and_what_was_taken_is_kept() {
    let mut house = House::new().await;
    // In memory there is one connection: nothing can be written meanwhile, so that requests pile up.
    house.store = Store::open("sqlite::memory:", &Key::generate(), "clinic", 0)
        .await
        .unwrap();
    house.inbox.open(house.store.clone(), Arc::clone(&house.bell));
    let busy = house.store.begin().await.unwrap();
    let puts: Vec<_> = (0..4_000)
        .map(|n| {
            let inbox = house.inbox.clone();
            let hint = Hint::new("crm", "contacts", &n.to_string(), News::Changed, "e");
            tokio::spawn(async move { inbox.put(vec![hint]).await })
        })
        .collect();
    tokio::task::yield_now().await;
    busy.commit().await.unwrap();
    let (mut kept, mut full) = (0, 0);
    for put in puts {
        match put.await.unwrap() {
            Ok(()) => kept += 1,
            Err(NotKept::Full) => full += 1,
            Err(NotKept::Away) => panic!("the store was there"),
        }
    }
    assert!(full > 0 && kept > 2_000, "{kept} kept, {full} turned away");
    assert_eq!(house.waiting().await.len(), kept);
}
