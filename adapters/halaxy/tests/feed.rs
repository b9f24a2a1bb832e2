//! The change feed against the stand-in: what it costs, and what it must not miss.

mod support;

use adapter_kit::{Adapter, Clock, Failure};
use adapter_sandbox::Manners;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use support::{Practice, pass, seen};

const TOKEN: usize = 1;

#[tokio::test]
async fn a_backfill_takes_as_many_calls_as_it_has_pages_and_a_quiet_poll_takes_one() {
    let practice = Practice::new(Manners::Real, 2_950);
    let adapter = practice.adapter();
    let (pages, cursor) = pass(&adapter, None).await;
    assert_eq!(seen(&pages), practice.ids());
    assert!(
        practice.calls() <= TOKEN + 30 + 1,
        "{} calls for 30 pages",
        practice.calls()
    );
    assert!(pages.iter().all(|page| !page.may_lag));
    let mut cursor = cursor;
    for _ in 0..3 {
        practice.clock.advance(Duration::from_secs(60));
        let before = practice.calls();
        let (pages, next) = pass(&adapter, Some(cursor)).await;
        assert_eq!(practice.calls() - before, 1);
        assert!(seen(&pages).is_empty());
        cursor = next;
    }
    assert_eq!(adapter.usage().calls as usize, practice.calls());
    assert_eq!(adapter.usage().throttled, 0);
}

#[tokio::test]
async fn a_thousand_records_changed_in_a_moment_cost_little_more_than_their_pages() {
    let practice = Practice::new(Manners::Real, 1_500);
    let adapter = practice.adapter();
    let (_, cursor) = pass(&adapter, None).await;
    practice.clock.advance(Duration::from_secs(60));
    let changed: BTreeSet<String> = practice.ids().into_iter().take(1_000).collect();
    for (n, id) in changed.iter().enumerate() {
        practice.edit(
            id,
            json!({"gender": "female", "birthDate": format!("19{:02}-01-01", n % 100)}),
        );
    }
    practice.clock.advance(Duration::from_secs(2));
    let before = practice.calls();
    let (pages, cursor) = pass(&adapter, Some(cursor)).await;
    assert_eq!(seen(&pages), changed);
    assert!(
        practice.calls() - before <= 11,
        "{} calls for 10 pages",
        practice.calls() - before
    );
    // Within the overlap the rows show again; after it the poll is quiet.
    practice.clock.advance(Duration::from_secs(60));
    let (_, cursor) = pass(&adapter, Some(cursor)).await;
    practice.clock.advance(Duration::from_secs(60));
    let before = practice.calls();
    let (pages, _) = pass(&adapter, Some(cursor)).await;
    assert!(seen(&pages).is_empty());
    assert_eq!(practice.calls() - before, 1);
}

#[tokio::test]
async fn a_crowded_second_that_is_not_over_is_waited_out() {
    let practice = Practice::new(Manners::Real, 0);
    let adapter = practice.adapter();
    let (_, cursor) = pass(&adapter, None).await;
    practice.clock.advance(Duration::from_secs(60));
    let (_, cursor) = pass(&adapter, Some(cursor)).await;
    practice.clock.advance(Duration::from_secs(10));
    let person = practice.person();
    for n in 0..250 {
        adapter_kit::conformance::Person::create(&person, n).await;
    }
    let (pages, _) = pass(&adapter, Some(cursor)).await;
    assert_eq!(seen(&pages), practice.ids());
}

#[tokio::test]
async fn an_edit_shows_in_the_next_poll_even_within_the_second() {
    for ahead in [0, 90_000, -90_000] {
        let practice = Practice::new(Manners::Real, 20);
        practice.switch(json!({"clock_ahead_ms": ahead}));
        let adapter = practice.adapter();
        let id = practice.ids().into_iter().next().expect("a patient");
        let (_, mut cursor) = pass(&adapter, None).await;
        for n in 0..20 {
            practice.clock.advance(Duration::from_millis(130));
            let (_, next) = pass(&adapter, Some(cursor)).await;
            let street = format!("{n} Test Street");
            practice.edit(&id, json!({"address": [{"use": "home", "line": [street]}]}));
            practice.clock.advance(Duration::from_millis(130));
            let (pages, next) = pass(&adapter, Some(next)).await;
            let rows: Vec<_> = pages
                .iter()
                .flat_map(|page| &page.records)
                .filter(|row| row.id == id)
                .collect();
            let last = rows.last().expect("the row");
            assert_eq!(last.body["address"][0]["line"][0], street, "clock ahead by {ahead} ms");
            assert_eq!(last.mark.as_deref(), last.body["meta"]["lastUpdated"].as_str());
            cursor = next;
        }
    }
}

#[tokio::test]
async fn a_pass_goes_on_after_a_restart_from_its_stored_cursor() {
    let practice = Practice::new(Manners::Real, 450);
    let first = practice.adapter();
    let mut shown = BTreeSet::new();
    let page = first.changes("Patient", None).await.expect("a page");
    shown.extend(seen(std::slice::from_ref(&page)));
    assert!(page.more);
    // Another process, another adapter, the same cursor.
    let (pages, _) = pass(&practice.adapter(), Some(page.cursor)).await;
    assert!(pages.len() <= 5);
    shown.extend(seen(&pages));
    assert_eq!(shown, practice.ids());
    let (pages, _) = pass(&practice.adapter(), Some("not a cursor of ours".into())).await;
    assert_eq!(seen(&pages), practice.ids(), "a cursor that cannot be read starts over");
}

#[tokio::test]
async fn tokens_that_expire_on_the_way_cost_a_call_and_no_rows() {
    for answer in ["outcome401", "error401", "outcome200"] {
        let practice = Practice::new(Manners::Real, 450);
        // Tokens live for ten seconds, whatever they say.
        practice.switch(json!({"token_life_seconds": 10, "expired": [answer]}));
        let adapter = practice.adapter();
        let mut cursor = None;
        let mut shown = BTreeSet::new();
        loop {
            let page = adapter.changes("Patient", cursor.as_deref()).await.expect("a page");
            shown.extend(seen(std::slice::from_ref(&page)));
            if !page.more {
                break;
            }
            cursor = Some(page.cursor);
            practice.clock.advance(Duration::from_secs(20));
        }
        assert_eq!(shown, practice.ids(), "{answer}");
    }
}

#[tokio::test]
async fn a_missing_scope_stops_this_resource_and_is_said_in_words() {
    let practice = Practice::new(Manners::Real, 5);
    practice.switch(json!({"missing_scopes": ["Patient.read"]}));
    let adapter = practice.adapter();
    let error = adapter.changes("Patient", None).await.expect_err("no scope");
    assert!(matches!(error.failure, Failure::Scope(_)), "{error:?}");
    let probes = adapter.probe(&["Patient".into()]).await;
    let problem = probes
        .iter()
        .find(|probe| probe.what == "read Patient")
        .and_then(|probe| probe.problem.clone());
    assert!(problem.expect("a problem").1.contains("tick the scopes of Patient"));
}

#[tokio::test]
async fn nasty_manners_hide_nothing() {
    let practice = Practice::new(Manners::Nasty, 1_200);
    let adapter = practice.adapter();
    let mut shown = BTreeSet::new();
    let mut cursor: Option<String> = None;
    let mut failures = 0;
    loop {
        // What fails after all retries is asked again with the same cursor, as the engine does.
        match adapter.changes("Patient", cursor.as_deref()).await {
            Ok(page) => {
                shown.extend(seen(std::slice::from_ref(&page)));
                cursor = Some(page.cursor);
                if !page.more {
                    break;
                }
            }
            Err(error) => {
                failures += 1;
                assert!(failures < 10, "{error}");
            }
        }
    }
    assert_eq!(shown, practice.ids());
}

#[tokio::test]
async fn lists_that_lag_are_hints_and_are_looked_at_for_longer() {
    let practice = Practice::new(Manners::Real, 3);
    let mut options = practice.options();
    options.list_lag = Duration::from_secs(20);
    let adapter = practice.adapter_with(options);
    assert_eq!(adapter.traits("Patient").lag, Duration::from_secs(20));
    let (pages, cursor) = pass(&adapter, None).await;
    assert!(pages.iter().all(|page| page.may_lag));
    let id = practice.ids().into_iter().next().expect("a patient");
    practice.edit(&id, json!({"gender": "other"}));
    for _ in 0..2 {
        practice.clock.advance(Duration::from_secs(9));
        let (pages, _) = pass(&adapter, Some(cursor.clone())).await;
        assert!(
            seen(&pages).contains(&id),
            "a row shows again while it may have been hidden"
        );
    }
    let before = practice.calls();
    let ids: Vec<String> = practice.ids().into_iter().collect();
    adapter.read("Patient", &ids).await.expect("reads");
    assert_eq!(
        practice.calls() - before,
        3,
        "direct reads do not go through a list that lags"
    );
}

#[tokio::test]
async fn the_minute_is_used_to_95_percent_without_one_429() {
    let practice = Practice::new(Manners::Real, 1);
    let adapter = practice.adapter();
    let id = practice.ids().into_iter().next().expect("a patient");
    let began = practice.clock.now();
    let many = 1_500;
    for _ in 0..many {
        adapter.client().read("Patient", &id).await.expect("a read");
    }
    let took = (practice.clock.now() - began) as f64 / 60e6;
    let used = many as f64 / (500.0 * took);
    assert_eq!(adapter.usage().throttled, 0);
    assert!(
        practice
            .sandbox
            .calls_after(0)
            .iter()
            .all(|call| call.status != Some(429))
    );
    assert!((0.94..1.0).contains(&used), "{used}");
}
