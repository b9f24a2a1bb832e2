//! What the publisher promises, whatever takes the events: each at least once, in order, from where it was left.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_kit::{Clock, ManualClock};
use async_trait::async_trait;
use bridge_stream::{Letter, Outlet, PARK_AFTER, Pattern, Publisher, Sent, Stopped};
use common::{NOW, append, event, store};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What an outlet does when letters come.
#[derive(Clone, Debug)]
enum Act {
    /// Takes so many and fails.
    Fail(usize, Option<Duration>),
    /// Takes so many and has enough for now.
    Enough(usize),
    /// Takes so many, and the process is killed before it notes that.
    Killed(usize),
    /// Says that it is gone.
    Gone,
}

/// Does what the test says, and then takes everything.
#[derive(Default)]
struct Fake {
    pattern: Pattern,
    acts: Mutex<Vec<Act>>,
    taken: Mutex<Vec<i64>>,
    attempts: Mutex<usize>,
}

impl Fake {
    fn of(acts: Vec<Act>) -> Arc<Self> {
        Arc::new(Self {
            acts: Mutex::new(acts.into_iter().rev().collect()),
            ..Self::default()
        })
    }

    fn taken(&self) -> Vec<i64> {
        self.taken.lock().unwrap().clone()
    }

    fn attempts(&self) -> usize {
        *self.attempts.lock().unwrap()
    }
}

#[async_trait]
impl Outlet for Fake {
    fn name(&self) -> &str {
        "fake"
    }

    fn wants(&self, key: &str) -> bool {
        self.pattern.matches(key)
    }

    async fn send(&self, letters: &[Letter]) -> Sent {
        *self.attempts.lock().unwrap() += 1;
        let act = self.acts.lock().unwrap().pop();
        let count = match act {
            None => letters.len(),
            Some(Act::Fail(count, _) | Act::Enough(count) | Act::Killed(count)) => count.min(letters.len()),
            Some(Act::Gone) => 0,
        };
        let now = letters[..count].iter().map(|letter| letter.seq);
        self.taken.lock().unwrap().extend(now);
        let stopped = |after, for_good| {
            Some(Stopped {
                why: "status 503".into(),
                after,
                for_good,
            })
        };
        match act {
            Some(Act::Killed(_)) => std::future::pending().await,
            Some(Act::Fail(_, after)) => Sent {
                taken: count,
                stopped: stopped(after, false),
            },
            Some(Act::Gone) => Sent {
                taken: 0,
                stopped: stopped(None, true),
            },
            _ => Sent {
                taken: count,
                stopped: None,
            },
        }
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (0_usize..8).prop_map(|count| Act::Fail(count, None)),
        (1_usize..8).prop_map(Act::Enough),
        (0_usize..8).prop_map(Act::Killed),
    ];
    prop::collection::vec(act, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever fails and whenever the process is killed: whoever leaves out what it knows has every event once and
    /// in order, and nothing is sent again that was noted.
    #[test]
    fn every_event_arrives_in_order(acts in acts(), counts in prop::collection::vec(0_i64..20, 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (store, clock) = (store().await, Arc::new(ManualClock::new(NOW)));
            let (fake, kills) = (Fake::of(acts.clone()), acts.iter().filter(|a| matches!(a, Act::Killed(_))).count());
            Publisher::new(store.clone(), clock.clone(), vec![fake.clone()]).begin().await.unwrap();
            let mut all = 0;
            for count in counts {
                let new: Vec<_> = (0..count).map(|n| event(&format!("{n}"), "updated")).collect();
                append(&store, &new).await;
                all += count;
                // Each round may be another process.
                for _ in 0..3 {
                    let publisher = Publisher::new(store.clone(), clock.clone(), vec![fake.clone()]);
                    let _ = tokio::time::timeout(Duration::from_millis(20), publisher.round()).await;
                    clock.advance(Duration::from_secs(900));
                }
            }
            while fake.taken().last().copied().unwrap_or(0) < all || !fake.acts.lock().unwrap().is_empty() {
                let publisher = Publisher::new(store.clone(), clock.clone(), vec![fake.clone()]);
                let _ = tokio::time::timeout(Duration::from_millis(20), publisher.round()).await;
                clock.advance(Duration::from_secs(900));
                if fake.taken().last().copied().unwrap_or(0) == all && store.subscriber("fake").await.unwrap().unwrap().position == all {
                    break;
                }
            }
            let (mut known, mut first, mut again) = (BTreeSet::new(), vec![], 0);
            for seq in fake.taken() {
                if known.insert(seq) { first.push(seq) } else { again += 1 }
            }
            prop_assert_eq!(first, (1..=all).collect::<Vec<i64>>());
            prop_assert!(again <= 7 * kills, "{} again after {} kills", again, kills);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_new_subscriber_begins_with_what_comes_next_and_takes_what_it_wants() {
    let (store, clock) = (store().await, Arc::new(ManualClock::new(NOW)));
    append(&store, &[event("1", "updated")]).await;
    let fake = Arc::new(Fake {
        pattern: "*.crm.*.removed".parse().unwrap(),
        ..Fake::default()
    });
    let publisher = Publisher::new(store.clone(), clock, vec![fake.clone()]);
    publisher.begin().await.unwrap();
    let new = ["removed", "updated", "removed", "created"].map(|op| event("1", op));
    append(&store, &new).await;
    while publisher.round().await.unwrap() {}
    assert_eq!(fake.taken(), [2, 4], "nothing of before, and only what is removed");
    assert_eq!(store.subscriber("fake").await.unwrap().unwrap().position, 5);
    append(&store, &[event("1", "created")]).await;
    while publisher.round().await.unwrap() {}
    assert_eq!(
        (
            fake.attempts(),
            store.subscriber("fake").await.unwrap().unwrap().position
        ),
        (1, 6)
    );
}

#[tokio::test]
async fn one_that_fails_is_tried_ever_more_rarely_then_parked_and_catches_up() {
    let (store, clock) = (store().await, Arc::new(ManualClock::new(NOW)));
    let fake = Fake::of((0..150).map(|_| Act::Fail(0, None)).collect());
    let publisher = Publisher::new(store.clone(), clock.clone(), vec![fake.clone()]);
    publisher.begin().await.unwrap();
    append(&store, &[event("1", "created"), event("2", "created")]).await;
    let (mut pauses, mut last) = (vec![], clock.now());
    let mut parked_after = None;
    while fake.taken().is_empty() {
        publisher.round().await.unwrap();
        pauses.push((clock.now() - last) / 1_000_000);
        last = clock.now();
        let known = store.subscriber("fake").await.unwrap().unwrap();
        if known.parked && parked_after.is_none() {
            parked_after = Some(clock.now() - NOW);
            assert_eq!(
                (known.position, known.trouble.as_str(), known.since),
                (0, "status 503", NOW)
            );
        }
        let attempts = fake.attempts();
        let wait = u64::try_from(known.retry_at - clock.now()).unwrap_or(0);
        clock.advance(Duration::from_micros(wait.saturating_sub(1)));
        publisher.round().await.unwrap();
        assert_eq!(fake.attempts(), attempts, "not before its time");
        clock.advance(Duration::from_micros(1));
    }
    assert_eq!(pauses[..11], [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
    assert_eq!(pauses[11..20], [900; 9]);
    let parked_after = u64::try_from(parked_after.unwrap()).unwrap();
    assert!(Duration::from_micros(parked_after) >= PARK_AFTER, "{parked_after}");
    assert_eq!(pauses.last(), Some(&3_600), "a parked one is tried once an hour");
    assert_eq!(fake.taken(), [1, 2], "it goes on where it was");
    let known = store.subscriber("fake").await.unwrap().unwrap();
    assert_eq!((known.parked, known.failures, known.trouble.as_str()), (false, 0, ""));
}

#[tokio::test]
async fn a_subscriber_says_when_to_come_again_and_when_not() {
    let (store, clock) = (store().await, Arc::new(ManualClock::new(NOW)));
    let fake = Fake::of(vec![Act::Fail(1, Some(Duration::from_secs(120))), Act::Gone]);
    let publisher = Publisher::new(store.clone(), clock.clone(), vec![fake.clone()]);
    publisher.begin().await.unwrap();
    append(&store, &[event("1", "created"), event("2", "created")]).await;
    publisher.round().await.unwrap();
    let known = store.subscriber("fake").await.unwrap().unwrap();
    assert_eq!(
        (known.position, known.failures, known.retry_at),
        (1, 1, clock.now() + 120_000_000)
    );
    clock.advance(Duration::from_secs(119));
    publisher.round().await.unwrap();
    assert_eq!(fake.attempts(), 1);
    clock.advance(Duration::from_secs(2));
    publisher.round().await.unwrap();
    let known = store.subscriber("fake").await.unwrap().unwrap();
    assert!(
        known.parked && known.retry_at == clock.now() + 3_600_000_000,
        "{known:?}"
    );
}

#[tokio::test]
async fn what_was_forgotten_meanwhile_is_left_out() {
    let (store, clock) = (store().await, Arc::new(ManualClock::new(NOW)));
    let fake = Fake::of(vec![]);
    let publisher = Publisher::new(store.clone(), clock, vec![fake.clone()]);
    publisher.begin().await.unwrap();
    append(
        &store,
        &[event("1", "created"), event("2", "created"), event("3", "created")],
    )
    .await;
    let mut tx = store.begin().await.unwrap();
    tx.expire_events(i64::MAX).await.unwrap();
    tx.commit().await.unwrap();
    while publisher.round().await.unwrap() {}
    assert_eq!(fake.taken(), [3]);
}

#[tokio::test]
async fn it_sends_when_told_and_ends_when_asked() {
    let (store, clock) = (store().await, Arc::new(ManualClock::new(NOW)));
    let fake = Fake::of(vec![]);
    let publisher = Publisher::new(store.clone(), clock, vec![fake.clone()]);
    let (bell, told) = tokio::sync::watch::channel(0);
    let stop = CancellationToken::new();
    publisher.begin().await.unwrap();
    let ends = async {
        append(&store, &[event("1", "created")]).await;
        bell.send_modify(|count| *count += 1);
        while fake.taken().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(publisher.run(told, &stop), ends);
    ran.unwrap();
}
