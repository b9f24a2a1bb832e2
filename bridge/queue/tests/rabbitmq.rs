//! What only a broker can do to us, against a real one: refuse, differ, forget, block, stop and
//! come back.
#![allow(clippy::unwrap_used)]

mod broker;
mod promises;

use bridge_queue::{EXHAUSTED, Options, Queue, QueueError, RabbitMq, Topic, Wake};
use broker::{Private, any, free_ports, options};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicGetOptions, BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};
use promises::{LEASE, depth, wake};
use std::{
    collections::BTreeSet,
    fs,
    process::Command,
    time::{Duration, Instant, SystemTime},
};

const TOPIC: Topic = Topic::Reconcile;
/// For what must come after a broker has come back.
const PATIENCE: Duration = Duration::from_secs(60);

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

async fn refusal(url: &str, options: Options) -> QueueError {
    RabbitMq::connect(url, options)
        .await
        .err()
        .expect("it must not connect")
}

/// Claims and acknowledges until all keys have come, through whatever trouble.
async fn collect(queue: &RabbitMq, wanted: &BTreeSet<String>) {
    let (mut missing, until) = (wanted.clone(), Instant::now() + PATIENCE);
    while !missing.is_empty() {
        assert!(Instant::now() < until, "{} never came", missing.len());
        match queue.claim(&TOPIC, 100, now(), LEASE).await {
            Ok(claims) => {
                missing.retain(|key| claims.iter().all(|claim| claim.wake.key != *key));
                queue.ack(&claims).await.unwrap();
            }
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_differs_is_refused_by_name_and_argument() {
    let (broker, options) = (any(), options());
    let (_connection, channel) = channel(&broker.url).await;
    let name = format!("{}.v1.reconcile", options.namespace);
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(7));
    let declared = channel.queue_declare(name.as_str().into(), QueueDeclareOptions::durable(), arguments);
    declared.await.unwrap();
    let begun = Instant::now();
    let error = refusal(&broker.url, options.clone()).await;
    assert!(begun.elapsed() < options.patience, "there is nothing to wait for");
    let QueueError::Topology { what, argument, detail } = &error else {
        panic!("{error}")
    };
    assert_eq!(*what, format!("queue {name}"));
    assert!(argument.starts_with("x-"), "{argument}");
    assert!(!detail.is_empty() && error.to_string().contains("remove it"), "{error}");

    // One argument alone.
    let options = Options {
        namespace: format!("{}-b", options.namespace),
        ..options
    };
    drop(RabbitMq::connect(&broker.url, options.clone()).await.unwrap());
    drop(
        RabbitMq::connect(&broker.url, options.clone())
            .await
            .expect("the same again is fine"),
    );
    for (changed, wanted) in [
        (
            Options {
                capacity: 9,
                ..options.clone()
            },
            "x-max-length",
        ),
        (
            Options {
                delivery_limit: 3,
                ..options.clone()
            },
            "x-delivery-limit",
        ),
    ] {
        let error = refusal(&broker.url, changed).await;
        assert!(
            matches!(&error, QueueError::Topology { argument, .. } if argument == wanted),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_why_and_no_secret() {
    let broker = any();
    let begun = Instant::now();
    let error = refusal(&broker.url.replace("guest:guest", "guest:s3cret"), options()).await;
    assert!(
        matches!(&error, QueueError::Refused(why) if why.contains("ACCESS_REFUSED")),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    let error = refusal(&broker.url.replace("%2f", "nowhere"), options()).await;
    assert!(
        matches!(&error, QueueError::Refused(why) if why.contains("nowhere")),
        "{error}"
    );
    assert!(begun.elapsed() < options().patience, "there is nothing to wait for");
    for url in ["amqp://[::1]/", "http://guest:s3cret@localhost", "amqp//:s3cret"] {
        let error = refusal(url, options()).await;
        assert!(
            matches!(&error, QueueError::Settings(_)) && !error.to_string().contains("s3cret"),
            "{error}"
        );
    }
    let error = refusal(
        &broker.url,
        Options {
            namespace: "a.b".into(),
            ..options()
        },
    )
    .await;
    assert!(matches!(error, QueueError::Settings(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_end_in_time() {
    let [closed] = free_ports();
    // This one takes connections and never says a word.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for port in [closed, mute.local_addr().unwrap().port()] {
        let options = Options {
            attempt: Duration::from_millis(300),
            patience: Duration::from_secs(1),
            ..options()
        };
        let begun = Instant::now();
        let error = refusal(&format!("amqp://guest:guest@127.0.0.1:{port}/%2f"), options).await;
        assert!(
            error.is_transient() && error.to_string().contains(&port.to_string()),
            "{error}"
        );
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_carry_ids_and_codes_only() {
    let (broker, options) = (any(), options());
    let queue = RabbitMq::connect(&broker.url, options.clone()).await.unwrap();
    let sent = Wake {
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        ..wake("0192-entity", 1)
    };
    queue.publish(std::slice::from_ref(&sent)).await.unwrap();
    let (_connection, channel) = channel(&broker.url).await;
    let name = format!("{}.v1.reconcile", options.namespace);
    let got = channel
        .basic_get(name.as_str().into(), BasicGetOptions::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(got.data, b"0192-entity");
    let headers = got.properties.headers().clone().unwrap();
    let names = headers.inner().keys().map(|name| name.as_str());
    // What begins with x- is the broker's own.
    let names: Vec<&str> = names.filter(|name| !name.starts_with("x-")).collect();
    assert_eq!(names, ["lane", "reason", "traceparent"]);
    assert_eq!(*got.properties.delivery_mode(), Some(2), "kept over a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_others_is_parked_and_holds_nobody_up() {
    let (broker, options) = (any(), options());
    let queue = RabbitMq::connect(&broker.url, options.clone()).await.unwrap();
    let (_connection, channel) = channel(&broker.url).await;
    let name = format!("{}.v1.reconcile", options.namespace);
    let (flags, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let strange = channel.basic_publish("".into(), name.as_str().into(), flags, b"\xff{}", properties);
    strange.await.unwrap();
    queue.publish(&[wake("a", 1)]).await.unwrap();
    collect(&queue, &BTreeSet::from(["a".to_string()])).await;
    depth(&queue, &TOPIC, |d| d.buried == 1).await;
    assert_eq!(queue.buried(&TOPIC).await.unwrap()[0].1, "not-ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kills_every_taker_is_parked() {
    let broker = any();
    let options = Options {
        delivery_limit: 2,
        ..options()
    };
    let keeper = RabbitMq::connect(&broker.url, options.clone()).await.unwrap();
    keeper.publish(&[wake("poison", 1)]).await.unwrap();
    for attempts in 0..=2 {
        let taker = RabbitMq::connect(&broker.url, options.clone()).await.unwrap();
        let until = Instant::now() + PATIENCE;
        let claims = loop {
            let claims = taker.claim(&TOPIC, 1, now(), LEASE).await.unwrap();
            if !claims.is_empty() || Instant::now() > until {
                break claims;
            }
        };
        assert_eq!(claims[0].attempts, attempts);
    }
    depth(&keeper, &TOPIC, |d| (d.ready, d.buried) == (0, 1)).await;
    assert_eq!(
        keeper.buried(&TOPIC).await.unwrap(),
        [(wake("poison", 1), EXHAUSTED.to_string())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_wiped_under_us_are_made_again() {
    let (broker, options) = (any(), options());
    let queue = RabbitMq::connect(&broker.url, options.clone()).await.unwrap();
    queue.publish(&[wake("a", 1)]).await.unwrap();
    collect(&queue, &BTreeSet::from(["a".to_string()])).await;
    let (_connection, channel) = channel(&broker.url).await;
    for name in ["reconcile", "reconcile.parked", "drive.crm", "delay.1s"] {
        let name = format!("{}.v1.{name}", options.namespace);
        channel
            .queue_delete(name.as_str().into(), QueueDeleteOptions::default())
            .await
            .unwrap();
    }
    let sent = [wake("b", 1), Wake::new(Topic::Drive("crm".into()), "", 1, "planned")];
    assert_eq!(queue.publish(&sent).await.unwrap().added, 2);
    collect(&queue, &BTreeSet::from(["b".to_string()])).await;
    depth(&queue, &sent[1].topic, |d| d.ready == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_loses_nothing_confirmed() {
    let mut broker = Private::start("");
    let options = Options {
        patience: PATIENCE,
        ..options()
    };
    let queue = RabbitMq::connect(&broker.url(), options.clone()).await.unwrap();
    let other = RabbitMq::connect(&broker.url(), options).await.unwrap();

    // Some are done, some in hand, some waiting when the power goes.
    let early: Vec<Wake> = (0..600).map(|n| wake(n, 1)).collect();
    assert_eq!(queue.publish(&early).await.unwrap().added, 600);
    let held = queue.claim(&TOPIC, 50, now(), LEASE).await.unwrap();
    assert!(!held.is_empty());
    broker.kill();
    // Published while there is no broker: waits for one.
    let late: Vec<Wake> = (600..700).map(|n| wake(n, 1)).collect();
    let publishing = tokio::spawn(async move { other.publish(&late).await.map(|published| (published, other)) });
    let crm = Topic::Drive("crm".into());
    let (waited, ()) = tokio::join!(queue.wait(&crm), async {
        tokio::task::block_in_place(|| broker.resume());
        queue
            .publish(&[Wake::new(Topic::Drive("crm".into()), "", 1, "planned")])
            .await
            .unwrap();
    });
    waited.unwrap();
    let (published, other) = publishing.await.unwrap().unwrap();
    assert_eq!(published.added, 100);
    assert!(
        queue.extend(&held, now(), LEASE).await.unwrap().is_empty(),
        "somebody else may have them now"
    );
    queue.ack(&held).await.unwrap();
    drop(other);
    collect(&queue, &(0..700).map(|n| n.to_string()).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_broker_is_waited_for_and_work_in_hand_goes_on() {
    let broker = Private::start("");
    let options = Options {
        patience: Duration::from_secs(2),
        ..options()
    };
    let queue = RabbitMq::connect(&broker.url(), options).await.unwrap();
    queue.publish(&[wake("a", 1), wake("b", 1)]).await.unwrap();
    let claims = take(&queue, 2).await;
    tokio::task::block_in_place(|| broker.control(&["set_vm_memory_high_watermark", "absolute", "1"]));
    // The alarm is raised within a second or so; until then messages are taken.
    let until = Instant::now() + PATIENCE;
    let mut number = 0;
    let error = loop {
        number += 1;
        match queue.publish(&[wake(format!("early-{number}"), 1)]).await {
            Ok(_) => assert!(Instant::now() < until, "never blocked"),
            Err(error) => break error,
        }
    };
    assert!(
        error.is_transient() && error.to_string().contains("takes no messages"),
        "{error}"
    );
    queue.ack(&claims).await.unwrap();
    let begun = Instant::now();
    let late = [wake("late", 1)];
    let (published, ()) = tokio::join!(queue.publish(&late), async {
        tokio::task::block_in_place(|| broker.control(&["set_vm_memory_high_watermark", "0.6"]));
    });
    match published {
        Ok(published) => assert_eq!(published.added, 1),
        Err(error) => {
            assert!(
                error.is_transient() && begun.elapsed() > Duration::from_secs(1),
                "{error}"
            );
            assert_eq!(queue.publish(&late).await.unwrap().added, 1);
        }
    }
    let wanted = (1..number).map(|n| format!("early-{n}")).chain(["late".to_string()]);
    collect(&queue, &wanted.collect()).await;
}

async fn take(queue: &RabbitMq, count: usize) -> Vec<bridge_queue::Claim> {
    let (mut claims, until) = (vec![], Instant::now() + PATIENCE);
    while claims.len() < count && Instant::now() < until {
        claims.extend(queue.claim(&TOPIC, count, now(), LEASE).await.unwrap());
    }
    claims
}

/// A certificate authority of the test's own, and a server certificate for `localhost`.
fn certificates(folder: &std::path::Path) {
    fs::write(
        folder.join("names"),
        "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n",
    )
    .unwrap();
    for arguments in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    ] {
        let made = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder)
            .output();
        let made = made.expect("openssl is needed: apt-get install openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_and_certificates_count() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let ca = folder.path().join("ca.pem");
    let [tls] = free_ports();
    let settings = format!(
        "listeners.ssl.1 = 127.0.0.1:{tls}\nssl_options.cacertfile = FOLDER/ca.pem\nssl_options.certfile = \
         FOLDER/server.pem\nssl_options.keyfile = FOLDER/server.key\n"
    );
    let broker = Private::start_in(folder, &settings);
    let url = format!("amqps://guest:guest@localhost:{tls}/%2f");
    let trusting = Options {
        ca: Some(ca),
        ..options()
    };
    let queue = RabbitMq::connect(&url, trusting.clone()).await.unwrap();
    queue.publish(&[wake("a", 1)]).await.unwrap();
    collect(&queue, &BTreeSet::from(["a".to_string()])).await;

    let error = refusal(&url, options()).await;
    assert!(
        matches!(&error, QueueError::Refused(why) if why.contains("certificate")),
        "{error}"
    );
    let error = refusal(&url.replace("localhost", "127.0.0.1"), trusting.clone()).await;
    assert!(
        matches!(&error, QueueError::Refused(why) if why.contains("certificate")),
        "another name: {error}"
    );
    // TLS against a port that does not speak it fails, and is not given up for plain text.
    let plain = url.replace(&tls.to_string(), &broker.port.to_string());
    let hasty = Options {
        patience: Duration::from_secs(2),
        attempt: Duration::from_secs(1),
        ..trusting
    };
    refusal(&plain, hasty).await;
}
