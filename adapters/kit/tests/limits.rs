//! Rate limits are used to about 95 % and never exceeded; whoever matters more goes first.

mod product;

use adapter_kit::{Call, Clock, Failure, Limits, MemoryDayBudget, Outcome, Priority, Rate, with_priority};
use futures::StreamExt;
use http::Method;
use product::{Product, Reply, ok, status};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn get(path: &str) -> Call {
    Call::read(Method::GET, path)
}

/// The most calls in any window of this length, its end excluded.
fn most_in_window(at: &[i64], per: Duration) -> usize {
    let per = per.as_micros() as i64;
    let mut start = 0;
    let mut most = 0;
    for end in 0..at.len() {
        while at[end] - at[start] >= per {
            start += 1;
        }
        most = most.max(end - start + 1);
    }
    most
}

#[tokio::test]
async fn every_window_is_used_to_95_percent_and_never_exceeded() {
    for (calls, per) in [
        (1, 1),
        (2, 1),
        (5, 1),
        (10, 1),
        (100, 10),
        (190, 10),
        (500, 60),
        (60, 60),
    ] {
        let per = Duration::from_secs(per);
        let product = Product::new(|_| ok(json!({})));
        let client = product.client(|options| {
            options.limits = Limits {
                rates: vec![Rate::new(calls, per)],
                ..Limits::default()
            }
        });
        let many = calls as usize * 8;
        let sent: Vec<_> = (0..many).map(|_| client.send(get("x"))).collect();
        let answers: Vec<_> = futures::stream::iter(sent).buffer_unordered(8).collect().await;
        assert!(answers.iter().all(Result::is_ok));
        let at: Vec<i64> = product.asked().iter().map(|asked| asked.at).collect();
        let most = most_in_window(&at, per);
        assert!(most <= calls as usize, "{calls} per {per:?}: {most} in one window");
        let took = (at[many - 1] - at[0]) as f64 / 1e6;
        let used = (many - 1) as f64 / (f64::from(calls) * took / per.as_secs_f64());
        assert!((0.94..1.0).contains(&used), "{calls} per {per:?}: {used} used");
    }
}

#[tokio::test]
async fn several_windows_hold_at_once() {
    let product = Product::new(|_| ok(json!({})));
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    let client = product.client(|options| {
        options.limits = Limits {
            rates: vec![Rate::new(10, second), Rate::new(120, minute)],
            ..Limits::default()
        };
    });
    for _ in 0..300 {
        client.send(get("x")).await.expect("an answer");
    }
    let at: Vec<i64> = product.asked().iter().map(|asked| asked.at).collect();
    assert!(most_in_window(&at, second) <= 10);
    assert!(most_in_window(&at, minute) <= 120);
}

#[tokio::test]
async fn a_search_limit_holds_up_searches_only() {
    let product = Product::new(|_| ok(json!({})));
    let client = product.client(|options| {
        let search = Rate::new(4, Duration::from_secs(1)).group("search");
        options.limits = Limits {
            rates: vec![search, Rate::new(100, Duration::from_secs(1))],
            ..Limits::default()
        };
    });
    let searches: Vec<_> = (0..8).map(|_| client.send(get("search").group("search"))).collect();
    let others: Vec<_> = (0..8).map(|_| client.send(get("other"))).collect();
    let searches = futures::future::join_all(searches);
    let others = futures::future::join_all(others);
    let _ = futures::future::join(searches, others).await;
    let last = |part: &str| {
        product
            .asked_for(part)
            .iter()
            .map(|asked| asked.at)
            .max()
            .expect("calls")
    };
    assert!(
        last("other") - product::START < 500_000,
        "others went at their own pace"
    );
    assert!(last("search") - product::START > 1_500_000, "searches kept theirs");
}

#[tokio::test]
async fn headers_that_tell_another_limit_replace_ours() {
    let told = |limit: u32| Reply::Answer(200, vec![("x-limit", limit.to_string())], json!({}));
    let product = Product::new(move |_| told(20));
    let minute = Duration::from_secs(60);
    let client = product.client(|options| {
        options.limits = Limits {
            rates: vec![Rate::new(500, minute).headers("x-limit", "x-left")],
            ..Limits::default()
        };
    });
    assert!(client.calls_per_second().expect("a limit") > 7.0);
    for _ in 0..60 {
        client.send(get("x")).await.expect("an answer");
    }
    assert!(client.calls_per_second().expect("a limit") < 0.4);
    let at: Vec<i64> = product.asked().iter().map(|asked| asked.at).collect();
    // The call that brought the news was made under the old limit.
    assert!(most_in_window(&at[1..], minute) <= 20);
}

#[tokio::test]
async fn when_others_use_up_the_window_we_give_way() {
    let product =
        Product::new(|_| Reply::Answer(200, vec![("x-limit", "500".into()), ("x-left", "1".into())], json!({})));
    let client = product.client(|options| {
        let rate = Rate::new(500, Duration::from_secs(60)).headers("x-limit", "x-left");
        options.limits = Limits {
            rates: vec![rate],
            ..Limits::default()
        };
    });
    client.send(get("x")).await.expect("an answer");
    client.send(get("x")).await.expect("an answer");
    let asked = product.asked();
    assert!(asked[1].at - asked[0].at >= 1_000_000, "{}", asked[1].at - asked[0].at);
}

#[tokio::test]
async fn retry_after_holds_everything_back_and_is_counted() {
    let calls = AtomicU32::new(0);
    let product = Product::new(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Answer(429, vec![("retry-after", "7".into())], json!(null)),
        _ => ok(json!({})),
    });
    let client = product.client(|_| {});
    client.send(get("x")).await.expect("the second attempt");
    let asked = product.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].at - asked[0].at >= 7_000_000);
    assert_eq!(client.usage().throttled, 1);

    let throttled = Product::new(|_| Reply::Answer(429, vec![("retry-after", "5".into())], json!(null)));
    let client = throttled.client(|_| {});
    let failed = client
        .send(Call::write(Method::POST, "x").json(json!({})))
        .await
        .err()
        .expect("throttled");
    assert_eq!(failed.outcome, Outcome::NotProcessed);
    assert_eq!(failed.error.failure, Failure::Throttled(Some(Duration::from_secs(5))));
    assert_eq!(throttled.asked().len(), 1, "a write is not repeated");
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_told_instead_of_waited() {
    let product = Product::new(|_| Reply::Answer(429, vec![("retry-after", "3600".into())], json!(null)));
    let client = product.client(|_| {});
    let failed = client.send(get("x")).await.err().expect("throttled");
    let Failure::Throttled(Some(wait)) = failed.error.failure else {
        panic!("{failed}")
    };
    assert!(wait > Duration::from_secs(3_500), "{wait:?}");
    assert!(failed.error.not_processed);
    let again = client.send(get("x")).await.err().expect("still throttled");
    assert!(matches!(again.error.failure, Failure::Throttled(Some(_))));
    assert_eq!(
        product.asked().len(),
        1,
        "nothing is sent while the product asks us to wait"
    );
}

#[tokio::test]
async fn people_go_before_the_service_and_the_service_before_backfills() {
    let product = Product::new(|_| ok(json!({})));
    let client = product.client(|options| {
        options.limits = Limits {
            rates: vec![Rate::new(2, Duration::from_secs(1))],
            ..Limits::default()
        };
    });
    let mut sent = Vec::new();
    for (priority, name) in [
        (Priority::Bulk, "bulk1"),
        (Priority::Bulk, "bulk2"),
        (Priority::Bulk, "bulk3"),
        (Priority::Bulk, "bulk4"),
        (Priority::Live, "live"),
        (Priority::Interactive, "person"),
    ] {
        let client = client.clone();
        sent.push(with_priority(priority, async move {
            client.send(get(name)).await.map(|_| ())
        }));
    }
    for answer in futures::future::join_all(sent).await {
        answer.expect("an answer");
    }
    let order: Vec<String> = product
        .asked()
        .iter()
        .map(|asked| asked.url.rsplit('/').next().unwrap_or("").into())
        .collect();
    // The first had gone and the second stood at the gate before anybody else came.
    assert_eq!(order, ["bulk1", "bulk2", "person", "live", "bulk3", "bulk4"]);
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_allowed() {
    let under_way = Arc::new(AtomicU32::new(0));
    let most = Arc::new(AtomicU32::new(0));
    let product = Product::new(|_| ok(json!({})));
    struct Counting(Arc<Product>, Arc<AtomicU32>, Arc<AtomicU32>);
    #[async_trait::async_trait]
    impl adapter_kit::Transport for Counting {
        async fn send(
            &self,
            request: adapter_kit::HttpRequest,
        ) -> Result<adapter_kit::HttpResponse, adapter_kit::TransportError> {
            let now = self.1.fetch_add(1, Ordering::SeqCst) + 1;
            self.2.fetch_max(now, Ordering::SeqCst);
            self.0.clock.sleep(Duration::from_millis(50)).await;
            let answer = self.0.send(request).await;
            self.1.fetch_sub(1, Ordering::SeqCst);
            answer
        }
    }
    let mut options = adapter_kit::ClientOptions::new("crm", "https://crm.example.com/");
    options.limits = Limits {
        concurrent: Some(3),
        ..Limits::default()
    };
    let transport = Arc::new(Counting(product.clone(), under_way, most.clone()));
    let client = adapter_kit::Client::new(options, transport, product.clock.clone()).expect("sound options");
    let sent: Vec<_> = (0..20).map(|_| client.send(get("x"))).collect();
    assert!(futures::future::join_all(sent).await.iter().all(Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_day_budget_is_kept_and_its_last_calls_are_for_people() {
    let product = Product::new(|_| ok(json!({})));
    let client = product.client(|options| {
        options.limits = Limits {
            day: Some(Arc::new(MemoryDayBudget::new(3, 1))),
            ..Limits::default()
        };
    });
    for _ in 0..2 {
        client.send(get("x")).await.expect("within the budget");
    }
    let failed = client.send(get("x")).await.err().expect("spent");
    assert!(matches!(failed.error.failure, Failure::DayBudget(Some(_))) && failed.error.not_processed);
    client
        .send(get("x").priority(Priority::Interactive))
        .await
        .expect("a person's call");
    assert_eq!(product.asked().len(), 3);
    assert_eq!(client.usage().calls, 3);
}

#[tokio::test]
async fn status_500_is_no_reason_to_pause() {
    let product = Product::new(|asked| {
        if asked.method == "POST" {
            status(500)
        } else {
            ok(json!({}))
        }
    });
    let client = product.client(|_| {});
    let failed = client
        .send(Call::write(Method::POST, "x"))
        .await
        .err()
        .expect("a failure");
    assert_eq!(failed.outcome, Outcome::Unknown);
    let before = product.clock.now();
    client.send(get("x")).await.expect("an answer");
    assert_eq!(product.clock.now(), before);
}

/// The most calls in a window when processes take over from one another without a pause.
async fn most_over_takeovers(calls: u32, per: Duration, spent: bool) -> usize {
    let product = Product::new(|_| ok(json!({})));
    for process in 0..12 {
        let client = product.client(|options| {
            options.limits = Limits {
                rates: vec![Rate::new(calls, per)],
                spent: spent && process > 0,
                ..Limits::default()
            };
        });
        for _ in 0..(calls / 8).max(2) {
            client.send(get("x")).await.expect("an answer");
        }
    }
    let at: Vec<i64> = product.asked().iter().map(|asked| asked.at).collect();
    most_in_window(&at, per)
}

#[tokio::test]
async fn whoever_takes_over_has_no_burst_of_its_own() {
    for (calls, per) in [(1, 1), (10, 1), (190, 10), (500, 60)] {
        let per = Duration::from_secs(per);
        let most = most_over_takeovers(calls, per, true).await;
        assert!(most <= calls as usize, "{calls} per {per:?}: {most} in one window");
        let fresh = most_over_takeovers(calls, per, false).await;
        assert!(fresh > calls as usize, "this looks at what it is about: {fresh}");
    }
}
