//! The stream through a real RabbitMQ: whoever binds a queue gets what it asked for, and a broker that is away only
//! delays.
#![allow(clippy::unwrap_used)]

#[path = "../../queue/tests/broker/mod.rs"]
mod broker;
mod common;

use adapter_kit::{Clock, ManualClock};
use bridge_queue::Exchange;
use bridge_stream::{Broker, Publisher};
use common::{NOW, append, event, store};
use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// A queue of somebody who wants events of this pattern.
async fn bind(channel: &Channel, exchange: &str, pattern: &str) -> String {
    let name = format!("{exchange} {pattern}");
    let (none, options) = (FieldTable::default, QueueDeclareOptions::durable());
    channel
        .queue_declare(name.as_str().into(), options, none())
        .await
        .unwrap();
    let bound = channel.queue_bind(
        name.as_str().into(),
        exchange.into(),
        pattern.into(),
        QueueBindOptions::default(),
        none(),
    );
    bound.await.unwrap();
    name
}

/// Ids of what is in a queue, in order, without repetitions.
async fn drain(channel: &Channel, queue: &str) -> Vec<String> {
    let mut ids: Vec<String> = vec![];
    while let Some(message) = channel
        .basic_get(queue.into(), BasicGetOptions { no_ack: true })
        .await
        .unwrap()
    {
        let properties = &message.delivery.properties;
        let id = properties.message_id().as_ref().unwrap().to_string();
        let document: serde_json::Value = serde_json::from_slice(&message.delivery.data).unwrap();
        assert_eq!(document["data"]["id"], id.as_str());
        assert_eq!(document["type"], message.delivery.routing_key.as_str());
        assert_eq!(*properties.delivery_mode(), Some(2), "it survives a restart");
        let headers = properties.headers().as_ref().unwrap();
        assert!(headers.inner().keys().any(|name| name.as_str() == "traceparent"));
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn name() -> String {
    format!("events-{}", uuid::Uuid::now_v7())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_binds_a_queue_gets_what_it_asked_for() {
    let (broker, store, exchange) = (broker::any(), store().await, name());
    let outlet = |clock: &Arc<ManualClock>| {
        let exchange = Exchange::new(&broker.url, None, &exchange).unwrap();
        Publisher::new(
            store.clone(),
            clock.clone(),
            vec![Arc::new(Broker::new("exchange", exchange))],
        )
    };
    let clock = Arc::new(ManualClock::new(NOW));
    let publisher = outlet(&clock);
    publisher.begin().await.unwrap();
    append(&store, &[event("0", "updated")]).await;
    publisher.round().await.unwrap(); // declares the exchange; nobody listens, and that is no trouble
    assert_eq!(store.subscriber("exchange").await.unwrap().unwrap().position, 1);
    let (_connection, channel) = channel(&broker.url).await;
    let all = bind(&channel, &exchange, "sampleton-clinic.#").await;
    let removed = bind(&channel, &exchange, "*.crm.*.removed").await;
    let other = bind(&channel, &exchange, "*.halaxy.#").await;
    let new: Vec<_> = (0..450)
        .map(|n| event(&n.to_string(), if n % 3 == 0 { "removed" } else { "updated" }))
        .collect();
    append(&store, &new).await;
    while publisher.round().await.unwrap() {}
    let ids: Vec<String> = new.iter().map(|event| event.id.clone()).collect();
    let gone: Vec<String> = ids.iter().step_by(3).cloned().collect();
    assert_eq!(drain(&channel, &all).await, ids);
    assert_eq!(drain(&channel, &removed).await, gone);
    assert_eq!(drain(&channel, &other).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_or_refuses_only_delays() {
    let (store, exchange) = (store().await, name());
    let mut private = broker::Private::start("");
    let clock = Arc::new(ManualClock::new(NOW));
    // Somebody has made an exchange of this name and of another type.
    let (_connection, channel) = channel(&private.url()).await;
    let declared = channel.exchange_declare(
        exchange.as_str().into(),
        ExchangeKind::Fanout,
        ExchangeDeclareOptions::default(),
        FieldTable::default(),
    );
    declared.await.unwrap();
    let outlet = Broker::new("exchange", Exchange::new(&private.url(), None, &exchange).unwrap());
    let publisher = Publisher::new(store.clone(), clock.clone(), vec![Arc::new(outlet)]);
    publisher.begin().await.unwrap();
    append(&store, &[event("1", "created")]).await;
    publisher.round().await.unwrap();
    let known = store.subscriber("exchange").await.unwrap().unwrap();
    assert!(known.failures == 1 && known.trouble.contains(&exchange), "{known:?}");
    channel
        .exchange_delete(exchange.as_str().into(), Default::default())
        .await
        .unwrap();
    private.kill();
    private.resume();
    let (begun, all) = (Instant::now(), 1);
    while store.subscriber("exchange").await.unwrap().unwrap().position < all {
        assert!(begun.elapsed() < Duration::from_secs(60));
        clock.advance(Duration::from_secs(900));
        publisher.round().await.unwrap();
    }
    assert_eq!(
        store.subscriber("exchange").await.unwrap().unwrap().failures,
        0,
        "at {}",
        clock.now()
    );
}
