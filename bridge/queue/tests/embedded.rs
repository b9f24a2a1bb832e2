//! What only the embedded queue promises: lanes before age, room for the urgent, and exact counts over
//! any history. What every queue promises stands in `promises`.
#![allow(clippy::unwrap_used)]

use bridge_queue::{Claim, Embedded, Published, Queue, Topic, Wake};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const LEASE: i64 = 100;

fn wake(key: &str, lane: u8) -> Wake {
    Wake::new(Topic::Reconcile, key, lane, "observed")
}

fn keys(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.wake.key.as_str()).collect()
}

async fn claim(queue: &Embedded, count: usize, now: i64) -> Vec<Claim> {
    queue.claim(&Topic::Reconcile, count, now, LEASE).await.unwrap()
}

#[tokio::test]
async fn messages_come_by_lane_and_age_and_once() {
    let queue = Embedded::default();
    let sent = [wake("a", 2), wake("b", 1), wake("c", 1), wake("a", 2), wake("d", 0)];
    let published = queue.publish(&sent).await.unwrap();
    assert_eq!(
        published,
        Published {
            added: 4,
            joined: 1,
            dropped: 0
        }
    );
    assert_eq!(keys(&claim(&queue, 3, 0).await), ["d", "b", "c"]);
    assert_eq!(keys(&claim(&queue, 3, 0).await), ["a"]);
    assert!(claim(&queue, 3, 0).await.is_empty());
}

#[tokio::test]
async fn a_message_moves_up_when_somebody_waits_for_it() {
    let queue = Embedded::default();
    queue
        .publish(&[wake("a", 2), wake("b", 1), wake("c", 1)])
        .await
        .unwrap();
    queue.publish(&[wake("c", 0), wake("b", 2)]).await.unwrap();
    let claims = claim(&queue, 3, 0).await;
    assert_eq!(keys(&claims), ["c", "b", "a"]);
    assert_eq!(claims[1].wake.lane, 1, "it never moves down");
}

#[tokio::test]
async fn news_during_the_work_is_handed_out_after_it() {
    let queue = Embedded::default();
    queue.publish(&[wake("a", 1)]).await.unwrap();
    let first = claim(&queue, 1, 0).await;
    queue.publish(&[wake("a", 2), wake("a", 0)]).await.unwrap();
    assert!(claim(&queue, 1, 1).await.is_empty(), "not while it is worked on");
    queue.ack(&first).await.unwrap();
    let again = claim(&queue, 1, 2).await;
    assert_eq!((keys(&again), again[0].wake.lane, again[0].attempts), (vec!["a"], 0, 0));
    queue.ack(&again).await.unwrap();
    assert!(claim(&queue, 1, 3).await.is_empty());
}

#[tokio::test]
async fn a_lease_ends_and_its_late_answer_counts_for_nothing() {
    let queue = Embedded::default();
    queue.publish(&[wake("a", 1)]).await.unwrap();
    let late = claim(&queue, 1, 0).await;
    assert_eq!(queue.next_at(&Topic::Reconcile).await.unwrap(), Some(LEASE));
    assert!(claim(&queue, 1, LEASE - 1).await.is_empty());
    let next = claim(&queue, 1, LEASE).await;
    assert_eq!((next[0].attempts, next[0].until), (1, 2 * LEASE));
    queue.ack(&late).await.unwrap();
    queue.retry(&late[0], 0).await.unwrap();
    queue.bury(&late[0], "late").await.unwrap();
    assert!(queue.extend(&late, LEASE + 1, LEASE).await.unwrap().is_empty());
    assert_eq!(queue.depth(&Topic::Reconcile).await.unwrap().claimed, 1);
    assert_eq!(queue.extend(&next, LEASE + 50, LEASE).await.unwrap(), [next[0].token]);
    assert!(claim(&queue, 1, 2 * LEASE).await.is_empty(), "prolonged");
    assert_eq!(claim(&queue, 1, 2 * LEASE + 50).await.len(), 1);
}

#[tokio::test]
async fn a_full_queue_keeps_the_urgent_and_says_so() {
    let queue = Embedded::new(2);
    let published = queue
        .publish(&[wake("a", 2), wake("b", 2), wake("c", 2), wake("d", 0)])
        .await
        .unwrap();
    assert_eq!(
        published,
        Published {
            added: 3,
            joined: 0,
            dropped: 1
        }
    );
    assert!(queue.depth(&Topic::Reconcile).await.unwrap().overflowed);
    let claims = claim(&queue, 2, 0).await;
    assert_eq!(keys(&claims), ["d", "a"]);
    assert_eq!(
        queue.publish(&[wake("e", 0)]).await.unwrap().dropped,
        1,
        "claimed messages take room too"
    );
    queue.ack(&claims).await.unwrap();
    assert!(claim(&queue, 2, 0).await.is_empty());
    assert!(
        !queue.depth(&Topic::Reconcile).await.unwrap().overflowed,
        "whoever found it empty fills it again"
    );
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn waiting_ends_with_a_message_and_not_before() {
    let queue = Arc::new(Embedded::default());
    let (mut one, mut two) = (pin!(queue.wait(&Topic::Reconcile)), pin!(queue.wait(&Topic::Reconcile)));
    assert!(poll(one.as_mut()).is_pending() && poll(two.as_mut()).is_pending());
    queue
        .publish(&[Wake::new(Topic::Drive("crm".into()), "", 1, "planned")])
        .await
        .unwrap();
    assert!(poll(one.as_mut()).is_pending(), "another topic's message");
    queue.publish(&[wake("a", 1)]).await.unwrap();
    assert!(poll(one.as_mut()).is_ready() && poll(two.as_mut()).is_ready());

    let claims = claim(&queue, 1, 0).await;
    let mut idle = pin!(queue.wait(&Topic::Reconcile));
    assert!(poll(idle.as_mut()).is_pending(), "what is claimed wakes nobody");
    queue.publish(&[wake("a", 1)]).await.unwrap();
    assert!(poll(idle.as_mut()).is_pending(), "nor news about it");
    queue.ack(&claims).await.unwrap();
    assert!(poll(idle.as_mut()).is_ready());
}

/// What somebody does with the queue.
#[derive(Clone, Debug)]
enum Step {
    Publish { key: u8, lane: u8 },
    Claim { count: usize },
    Extend { which: usize },
    Ack { which: usize },
    Retry { which: usize, after: i64 },
    Pass { time: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6u8, 0..3u8).prop_map(|(key, lane)| Step::Publish { key, lane }),
        3 => (1..4usize).prop_map(|count| Step::Claim { count }),
        1 => any::<usize>().prop_map(|which| Step::Extend { which }),
        2 => any::<usize>().prop_map(|which| Step::Ack { which }),
        1 => (any::<usize>(), 0..150i64).prop_map(|(which, after)| Step::Retry { which, after }),
        2 => (0..120i64).prop_map(|time| Step::Pass { time }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, no two hold one key at a time, nothing is handed out that nobody asked
    /// for, and every wish is worked on after it was made, or still will be.
    #[test]
    fn nothing_is_lost_and_nothing_claimed_twice(steps in prop::collection::vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let queue = Embedded::new(64);
            let mut now = 0;
            // Ends of leases by key; every claim ever made; keys whose last wish was not yet worked
            // off by a claim that began after it and was acknowledged in time.
            let mut held: BTreeMap<String, (i64, u64)> = BTreeMap::new();
            let mut claims: Vec<Claim> = vec![];
            let mut owed: BTreeMap<String, bool> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Publish { key, lane } => {
                        let key = key.to_string();
                        queue.publish(&[wake(&key, lane)]).await.unwrap();
                        owed.insert(key, true);
                    }
                    Step::Claim { count } => {
                        // Asking is what makes the queue see that leases have ended.
                        held.retain(|_, (until, _)| *until > now);
                        for claim in claim(&queue, count, now).await {
                            let key = claim.wake.key.clone();
                            assert!(!held.contains_key(&key), "{key} is held by somebody else");
                            assert!(owed.contains_key(&key), "{key} was never asked for, or is done");
                            // This claim sees every wish up to now.
                            owed.insert(key.clone(), false);
                            held.insert(key, (claim.until, claim.token));
                            claims.push(claim);
                        }
                    }
                    Step::Extend { which } if !claims.is_empty() => {
                        let claim = claims[which % claims.len()].clone();
                        let holder = held.get(&claim.wake.key).is_some_and(|(until, token)| *token == claim.token && *until > now);
                        let prolonged = queue.extend(std::slice::from_ref(&claim), now, LEASE).await.unwrap();
                        assert_eq!(!prolonged.is_empty(), holder);
                        if holder {
                            held.insert(claim.wake.key, (now + LEASE, claim.token));
                        }
                    }
                    Step::Ack { which } if !claims.is_empty() => {
                        let claim = claims.swap_remove(which % claims.len());
                        let key = claim.wake.key.clone();
                        queue.ack(std::slice::from_ref(&claim)).await.unwrap();
                        if held.get(&key).is_some_and(|(_, token)| *token == claim.token) {
                            held.remove(&key);
                            if owed.get(&key) == Some(&false) {
                                owed.remove(&key);
                            }
                        }
                    }
                    Step::Retry { which, after } if !claims.is_empty() => {
                        let claim = claims.swap_remove(which % claims.len());
                        let key = claim.wake.key.clone();
                        queue.retry(&claim, now + after).await.unwrap();
                        if held.get(&key).is_some_and(|(_, token)| *token == claim.token) {
                            held.remove(&key);
                        }
                    }
                    Step::Pass { time } => now += time,
                    _ => {}
                }
                let depth = queue.depth(&Topic::Reconcile).await.unwrap();
                assert_eq!(depth.ready + depth.claimed + depth.later, owed.len(), "one message a key, none lost");
            }
            // When all leases and retries have ended, exactly what is owed is handed out.
            let rest = claim(&queue, 1_000, now + 1_000).await;
            let rest: BTreeSet<&str> = keys(&rest).into_iter().collect();
            assert_eq!(rest, owed.keys().map(String::as_str).collect());
        });
    }
}
