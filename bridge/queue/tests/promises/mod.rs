//! What every queue promises, whatever it is made of. Order is asked for only within a lane and in
//! the hands of one taker; what arrives by way of a broker is waited for.
#![allow(dead_code, clippy::unwrap_used)]

use bridge_queue::{Claim, DELIVERY_LIMIT, Depth, EXHAUSTED, Queue, Topic, Wake};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

/// Microseconds; long against a moment, short against a test.
pub const LEASE: i64 = 60_000_000;
const MOMENT: i64 = 20_000;
/// For what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// One queue under test, and its clock.
#[async_trait::async_trait]
pub trait Subject: Sync {
    /// The queue as one taker has it.
    fn queue(&self) -> Arc<dyn Queue>;
    /// The same queue as another taker has it.
    async fn another(&self) -> Arc<dyn Queue>;
    /// A taker ends without answering, or hangs until its leases have ended.
    async fn lose(&self, taker: Arc<dyn Queue>);
    fn now(&self) -> i64;
    /// Lets so many microseconds go by.
    async fn pass(&self, time: i64);
}

pub fn wake(key: impl ToString, lane: u8) -> Wake {
    Wake::new(Topic::Reconcile, key.to_string(), lane, "observed")
}

fn keys(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.wake.key.as_str()).collect()
}

/// Claims until there are `count`.
pub async fn take(subject: &dyn Subject, queue: &dyn Queue, topic: &Topic, count: usize) -> Vec<Claim> {
    let (mut claims, until) = (vec![], Instant::now() + PATIENCE);
    while claims.len() < count {
        let more = queue
            .claim(topic, count - claims.len(), subject.now(), LEASE)
            .await
            .unwrap();
        claims.extend(more);
        assert!(Instant::now() < until, "only {} of {count} came", claims.len());
        tokio::task::yield_now().await;
    }
    claims
}

async fn nothing(subject: &dyn Subject, queue: &dyn Queue, topic: &Topic) -> bool {
    queue.claim(topic, 9, subject.now(), LEASE).await.unwrap().is_empty()
}

/// Asks until the depth is as wanted: brokers count a moment later.
pub async fn depth(queue: &dyn Queue, topic: &Topic, wanted: impl Fn(&Depth) -> bool) {
    let until = Instant::now() + PATIENCE;
    loop {
        let depth = queue.depth(topic).await.unwrap();
        if wanted(&depth) {
            return;
        }
        assert!(Instant::now() < until, "{depth:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn messages_come_once_and_in_order(subject: &dyn Subject) {
    let queue = subject.queue();
    let sent: Vec<Wake> = (0..1200).map(|n| wake(n, 1)).collect();
    assert_eq!(queue.publish(&sent).await.unwrap().added, sent.len());
    let mut came = vec![];
    while came.len() < sent.len() {
        let claims = take(subject, &*queue, &Topic::Reconcile, 100).await;
        queue.ack(&claims).await.unwrap();
        came.extend(claims);
    }
    let came: Vec<&Wake> = came.iter().map(|claim| &claim.wake).collect();
    assert_eq!(came, sent.iter().collect::<Vec<_>>());
    assert!(nothing(subject, &*queue, &Topic::Reconcile).await);
    depth(&*queue, &Topic::Reconcile, |d| *d == Depth::default()).await;
}

pub async fn a_message_arrives_as_it_was_sent(subject: &dyn Subject) {
    let queue = subject.queue();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = Wake {
        trace: Some(trace.into()),
        ..Wake::new(Topic::Drive("crm".into()), "", 2, "planned")
    };
    queue.publish(std::slice::from_ref(&sent)).await.unwrap();
    let claims = take(subject, &*queue, &sent.topic, 1).await;
    assert_eq!((&claims[0].wake, claims[0].attempts), (&sent, 0));
}

pub async fn topics_do_not_mix(subject: &dyn Subject) {
    let queue = subject.queue();
    let (crm, halaxy) = (Topic::Drive("crm".into()), Topic::Drive("halaxy".into()));
    let sent = [wake("a", 1), Wake::new(crm.clone(), "", 1, "planned"), wake("b", 1)];
    queue.publish(&sent).await.unwrap();
    assert_eq!(keys(&take(subject, &*queue, &Topic::Reconcile, 2).await), ["a", "b"]);
    assert_eq!(keys(&take(subject, &*queue, &crm, 1).await), [""]);
    for topic in [Topic::Reconcile, crm, halaxy] {
        assert!(nothing(subject, &*queue, &topic).await, "{topic:?}");
    }
}

pub async fn the_same_key_is_one_message(subject: &dyn Subject) {
    let queue = subject.queue();
    let published = queue
        .publish(&[wake("a", 1), wake("a", 1), wake("b", 1)])
        .await
        .unwrap();
    assert_eq!((published.added, published.joined), (2, 1));
    let first = take(subject, &*queue, &Topic::Reconcile, 2).await;
    assert_eq!(queue.publish(&[wake("a", 1)]).await.unwrap().joined, 1);
    assert!(
        nothing(subject, &*queue, &Topic::Reconcile).await,
        "not while it is worked on"
    );
    queue.ack(&first).await.unwrap();
    let again = take(subject, &*queue, &Topic::Reconcile, 1).await;
    assert_eq!((keys(&again), again[0].attempts), (vec!["a"], 0));
    queue.ack(&again).await.unwrap();
    assert!(nothing(subject, &*queue, &Topic::Reconcile).await);
}

pub async fn a_lease_ends_and_its_late_answer_counts_for_nothing(subject: &dyn Subject) {
    let (queue, topic) = (subject.queue(), Topic::Reconcile);
    queue.publish(&[wake("a", 1)]).await.unwrap();
    let held = take(subject, &*queue, &topic, 1).await;
    // The lease is cut short, as far as the clock of this test goes.
    let now = subject.now();
    assert_eq!(queue.extend(&held, now, MOMENT).await.unwrap(), [held[0].token]);
    assert_eq!(queue.next_at(&topic).await.unwrap(), Some(now + MOMENT));
    subject.pass(MOMENT).await;
    let next = take(subject, &*queue, &topic, 1).await;
    assert_eq!((next[0].attempts, next[0].token == held[0].token), (1, false));
    queue.ack(&held).await.unwrap();
    queue.retry(&held[0], 0).await.unwrap();
    queue.bury(&held[0], "late").await.unwrap();
    assert!(queue.extend(&held, subject.now(), LEASE).await.unwrap().is_empty());
    assert_eq!(
        queue.extend(&next, subject.now(), LEASE).await.unwrap(),
        [next[0].token]
    );
    depth(&*queue, &topic, |d| d.claimed == 1 && d.buried == 0).await;
}

pub async fn a_retry_waits_for_its_time_or_for_news(subject: &dyn Subject) {
    let (queue, topic) = (subject.queue(), Topic::Reconcile);
    queue.publish(&[wake("a", 1), wake("b", 1)]).await.unwrap();
    let claims = take(subject, &*queue, &topic, 2).await;
    let at = subject.now() + 25 * MOMENT;
    for claim in &claims {
        queue.retry(claim, at).await.unwrap();
    }
    assert_eq!(queue.next_at(&topic).await.unwrap(), Some(at));
    assert!(nothing(subject, &*queue, &topic).await);
    queue.publish(&[wake("b", 1)]).await.unwrap();
    let news = take(subject, &*queue, &topic, 1).await;
    assert_eq!((keys(&news), subject.now() < at), (vec!["b"], true));
    subject.pass(25 * MOMENT).await;
    let due = take(subject, &*queue, &topic, 1).await;
    assert_eq!((keys(&due), due[0].attempts), (vec!["a"], 1));
}

/// Far enough for a broker to keep it, and not a step of its ladder.
pub async fn a_far_retry_is_not_early(subject: &dyn Subject) {
    let (queue, topic) = (subject.queue(), Topic::Reconcile);
    queue.publish(&[wake("a", 1)]).await.unwrap();
    let claims = take(subject, &*queue, &topic, 1).await;
    let at = subject.now() + 2_500_000;
    queue.retry(&claims[0], at).await.unwrap();
    depth(&*queue, &topic, |d| (d.ready, d.claimed, d.later) == (0, 0, 1)).await;
    assert_eq!(queue.next_at(&topic).await.unwrap(), Some(at));
    for _ in 0..10 {
        subject.pass(250_000).await;
        let early = queue.claim(&topic, 1, subject.now(), LEASE).await.unwrap();
        assert!(
            early.is_empty() || subject.now() >= at,
            "{} us early",
            at - subject.now()
        );
        if !early.is_empty() {
            assert_eq!(early[0].attempts, 1);
            return;
        }
    }
    assert_eq!(take(subject, &*queue, &topic, 1).await[0].attempts, 1);
}

pub async fn what_is_given_up_is_kept_with_its_reason(subject: &dyn Subject) {
    let (queue, topic) = (subject.queue(), Topic::Reconcile);
    queue.publish(&[wake("a", 1), wake("b", 2)]).await.unwrap();
    for claim in take(subject, &*queue, &topic, 2).await {
        let reason = format!("poison-{}", claim.wake.key);
        queue.bury(&claim, &reason).await.unwrap();
    }
    depth(&*queue, &topic, |d| (d.ready, d.claimed, d.buried) == (0, 0, 2)).await;
    // Looking changes nothing.
    for _ in 0..2 {
        let buried = queue.buried(&topic).await.unwrap();
        let wanted = [
            (wake("a", 1), "poison-a".to_string()),
            (wake("b", 2), "poison-b".to_string()),
        ];
        assert_eq!(buried, wanted);
        depth(&*queue, &topic, |d| d.buried == 2).await;
    }
    queue.publish(&[wake("a", 1)]).await.unwrap();
    assert_eq!(
        keys(&take(subject, &*queue, &topic, 1).await),
        ["a"],
        "news comes through"
    );
}

pub async fn what_nobody_answers_for_is_given_up(subject: &dyn Subject) {
    let (queue, topic) = (subject.queue(), Topic::Reconcile);
    queue.publish(&[wake("a", 1)]).await.unwrap();
    for attempts in 0..=DELIVERY_LIMIT {
        let claims = take(subject, &*queue, &topic, 1).await;
        assert_eq!(claims[0].attempts, attempts);
        queue.extend(&claims, subject.now(), MOMENT).await.unwrap();
        subject.pass(MOMENT).await;
    }
    assert!(nothing(subject, &*queue, &topic).await);
    depth(&*queue, &topic, |d| (d.ready, d.claimed, d.buried) == (0, 0, 1)).await;
    assert_eq!(
        queue.buried(&topic).await.unwrap(),
        [(wake("a", 1), EXHAUSTED.to_string())]
    );
}

pub async fn waiting_ends_with_a_message(subject: &dyn Subject) {
    let (queue, topic) = (subject.queue(), Topic::Reconcile);
    let waiting = {
        let (queue, topic) = (Arc::clone(&queue), topic.clone());
        tokio::spawn(async move { queue.wait(&topic).await })
    };
    let other = Wake::new(Topic::Drive("crm".into()), "", 1, "planned");
    queue.publish(std::slice::from_ref(&other)).await.unwrap();
    take(subject, &*queue, &other.topic, 1).await;
    assert!(!waiting.is_finished(), "another topic's message");
    queue.publish(&[wake("a", 1)]).await.unwrap();
    tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(take(subject, &*queue, &topic, 1).await.len(), 1);
}

/// For a queue with room for few messages.
pub async fn a_full_queue_says_so_until_it_was_found_empty(subject: &dyn Subject) {
    let (queue, topic) = (subject.queue(), Topic::Reconcile);
    let mut kept = 0;
    for n in 0.. {
        let published = queue.publish(&[wake(n, 1)]).await.unwrap();
        kept += published.added;
        if published.dropped > 0 {
            break;
        }
        assert!(n < 1_000, "nothing was ever left out");
    }
    assert!(queue.depth(&topic).await.unwrap().overflowed);
    tokio::time::timeout(PATIENCE, queue.wait(&topic))
        .await
        .unwrap()
        .unwrap();
    let claims = take(subject, &*queue, &topic, kept).await;
    queue.ack(&claims).await.unwrap();
    depth(&*queue, &topic, |d| d.ready + d.claimed == 0).await;
    assert!(nothing(subject, &*queue, &topic).await);
    assert!(!queue.depth(&topic).await.unwrap().overflowed);
}

pub async fn takers_share_and_never_have_the_same(subject: &dyn Subject) {
    let topic = Topic::Reconcile;
    let (one, two) = (subject.queue(), subject.another().await);
    let sent: Vec<Wake> = (0..400).map(|n| wake(n, 1)).collect();
    one.publish(&sent).await.unwrap();
    let (mut seen, until) = (vec![], Instant::now() + PATIENCE);
    while seen.len() < sent.len() {
        for queue in [&one, &two] {
            let claims = queue.claim(&topic, 20, subject.now(), LEASE).await.unwrap();
            queue.ack(&claims).await.unwrap();
            seen.extend(claims.into_iter().map(|claim| claim.wake.key));
        }
        assert!(Instant::now() < until, "only {} came", seen.len());
    }
    let different: BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), different.len()), (400, 400));
    depth(&*two, &topic, |d| d.ready + d.claimed == 0).await;
}

pub async fn what_a_lost_taker_held_goes_to_others(subject: &dyn Subject) {
    let topic = Topic::Reconcile;
    let taker = subject.another().await;
    let sent: Vec<Wake> = (0..20).map(|n| wake(n, 1)).collect();
    taker.publish(&sent).await.unwrap();
    let done = take(subject, &*taker, &topic, 5).await;
    taker.ack(&done).await.unwrap();
    let held = take(subject, &*taker, &topic, 7).await;
    assert_eq!(held.len(), 7);
    subject.lose(taker).await;
    let queue = subject.queue();
    let claims = take(subject, &*queue, &topic, 15).await;
    let came: BTreeSet<&str> = keys(&claims).into_iter().collect();
    let wanted: Vec<String> = (5..20).map(|n| n.to_string()).collect();
    assert_eq!(came, wanted.iter().map(String::as_str).collect());
    let again = claims
        .iter()
        .filter(|claim| held.iter().any(|h| h.wake.key == claim.wake.key));
    assert!(again.into_iter().all(|claim| claim.attempts == 1));
}

/// Makes a test of each promise, over what `$subject` makes from the promise's name.
#[macro_export]
macro_rules! promises {
    ($subject:path) => {
        $crate::promises!($subject:
            messages_come_once_and_in_order,
            a_message_arrives_as_it_was_sent,
            topics_do_not_mix,
            the_same_key_is_one_message,
            a_lease_ends_and_its_late_answer_counts_for_nothing,
            a_retry_waits_for_its_time_or_for_news,
            a_far_retry_is_not_early,
            what_is_given_up_is_kept_with_its_reason,
            what_nobody_answers_for_is_given_up,
            waiting_ends_with_a_message,
            a_full_queue_says_so_until_it_was_found_empty,
            takers_share_and_never_have_the_same,
            what_a_lost_taker_held_goes_to_others,
        );
    };
    ($subject:path: $($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let subject = $subject(stringify!($name)).await;
                $crate::promises::$name(&subject).await;
            }
        )*
    };
}
