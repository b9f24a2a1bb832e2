//! Cursors, runs, budgets, leases, notes, the audit and the values that lost.

use crate::support::*;
use bridge_core::Value;
use bridge_store::{AuditEntry, Cursor, Loser, RecordKey, Run, Sample, Span, trace_subject};

#[tokio::test]
async fn a_cursor_belongs_to_its_mapping_and_moves_with_its_transaction() {
    let place = Place::new();
    let store = place.open().await;
    let mut tx = store.begin().await.unwrap();
    tx.set_cursor("crm", "contacts", "d1", "page 1", NOW).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.set_cursor("crm", "contacts", "d1", "page 2", NOW + 1).await.unwrap();
    drop(tx);
    let cursor = Cursor {
        position: "page 1".into(),
        updated: NOW,
    };
    assert_eq!(
        store.cursor("crm", "contacts", "d1").await.unwrap(),
        Some(cursor),
        "a dropped transaction moves nothing"
    );
    assert_eq!(
        store.cursor("crm", "contacts", "d2").await.unwrap(),
        None,
        "another mapping starts its own"
    );
    let mut tx = store.begin().await.unwrap();
    tx.set_cursor("crm", "contacts", "d1", "page 3", NOW + 2).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        store.cursor("crm", "contacts", "d1").await.unwrap().unwrap().position,
        "page 3"
    );
}

#[tokio::test]
async fn runs_budgets_and_notes_are_kept() {
    let place = Place::new();
    let store = place.open().await;
    let mut tx = store.begin().await.unwrap();
    tx.start_run("r1", "sync", NOW).await.unwrap();
    tx.start_run("r2", "sweep", NOW + 1).await.unwrap();
    tx.end_run("r1", NOW + 5, &serde_json::json!({"writes": 3}))
        .await
        .unwrap();
    tx.add_calls("crm", "2026-11-22", 5).await.unwrap();
    tx.add_calls("crm", "2026-11-22", 7).await.unwrap();
    tx.add_calls("crm", "2026-11-23", 1).await.unwrap();
    tx.put_meta("approved", "digest").await.unwrap();
    tx.put_meta("approved", "another").await.unwrap();
    tx.commit().await.unwrap();
    let empty = serde_json::json!({});
    assert_eq!(
        store.runs(10).await.unwrap(),
        [
            Run {
                id: "r2".into(),
                kind: "sweep".into(),
                started: NOW + 1,
                ended: None,
                counts: empty
            },
            Run {
                id: "r1".into(),
                kind: "sync".into(),
                started: NOW,
                ended: Some(NOW + 5),
                counts: serde_json::json!({"writes": 3})
            },
        ]
    );
    assert_eq!(store.runs(1).await.unwrap().len(), 1);
    assert_eq!(store.calls("crm", "2026-11-22").await.unwrap(), 12);
    assert_eq!(store.calls("halaxy", "2026-11-22").await.unwrap(), 0);
    let mut tx = store.begin().await.unwrap();
    tx.drop_calls_before("2026-11-23").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.calls("crm", "2026-11-22").await.unwrap(), 0);
    assert_eq!(store.calls("crm", "2026-11-23").await.unwrap(), 1);
    assert_eq!(store.meta("approved").await.unwrap().as_deref(), Some("another"));
    assert_eq!(store.meta("never").await.unwrap(), None);
}

#[tokio::test]
async fn a_lease_has_one_holder_and_a_growing_epoch() {
    let place = Place::new();
    let (store, other) = (place.open().await, place.open().await);
    let mut tx = store.begin().await.unwrap();
    let lease = tx.take_lease("drive/crm", "one", 100, 200).await.unwrap().unwrap();
    assert_eq!(lease.epoch, 1);
    assert_eq!(
        tx.take_lease("drive/halaxy", "one", 100, 200)
            .await
            .unwrap()
            .unwrap()
            .epoch,
        1
    );
    tx.commit().await.unwrap();

    let mut tx = other.begin().await.unwrap();
    assert_eq!(
        tx.take_lease("drive/crm", "two", 150, 250).await.unwrap(),
        None,
        "it is held"
    );
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(
        tx.take_lease("drive/crm", "one", 190, 290)
            .await
            .unwrap()
            .unwrap()
            .epoch,
        1,
        "prolonged"
    );
    tx.commit().await.unwrap();

    let mut tx = other.begin().await.unwrap();
    let taken = tx.take_lease("drive/crm", "two", 290, 390).await.unwrap().unwrap();
    assert_eq!(taken.epoch, 2);
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert!(
        !tx.holds(&lease).await.unwrap(),
        "the one before may not write any more"
    );
    tx.release(&lease).await.unwrap();
    assert!(tx.holds(&taken).await.unwrap(), "nor give away what is another's");
    tx.release(&taken).await.unwrap();
    assert!(!tx.holds(&taken).await.unwrap());
    assert_eq!(
        tx.take_lease("drive/crm", "one", 291, 391)
            .await
            .unwrap()
            .unwrap()
            .epoch,
        3
    );
    tx.commit().await.unwrap();
    assert_eq!(other.lease("drive/crm").await.unwrap().unwrap().holder, "one");
}

#[tokio::test]
async fn the_audit_keeps_its_order_and_every_member() {
    let place = Place::new();
    let store = place.open().await;
    let entry = |n: i64, entity: Option<&str>| AuditEntry {
        at: NOW + n,
        run: Some("r1".into()),
        entity: entity.map(str::to_string),
        system: Some("crm".into()),
        remote_id: Some("c1".into()),
        event: "adopted".into(),
        units: vec!["email".into(), "mobile".into()],
        reason: "only crm changed it".into(),
        body: Some(serde_json::json!({"from": null, "to": "x"})),
    };
    let bare = AuditEntry {
        at: 1,
        event: "started".into(),
        ..AuditEntry::default()
    };
    let many: Vec<_> = (0..600).map(|n| entry(n, Some("e1"))).collect();
    let mut tx = store.begin().await.unwrap();
    tx.append_audit(&[entry(0, None), bare.clone()]).await.unwrap();
    tx.append_audit(&many).await.unwrap();
    tx.append_audit(&[]).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.append_audit(&[
        AuditEntry {
            entity: Some("e1".into()),
            ..bare.clone()
        },
        entry(9, Some("e2")),
    ])
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let mut expected = many;
    expected.push(AuditEntry {
        entity: Some("e1".into()),
        ..bare
    });
    assert_eq!(store.audit("e1").await.unwrap(), expected);
    assert!(store.audit("").await.unwrap().is_empty());
    let record = RecordKey::new("crm", "contacts", "c1");
    assert_eq!(
        store.audit_of_record(&record).await.unwrap(),
        [entry(0, None)],
        "before it had an entity"
    );
}

#[tokio::test]
async fn values_that_lost_are_kept_until_their_time() {
    let place = Place::new();
    let store = place.open().await;
    let loser = |n: i64, value| Loser {
        entity: "e1".into(),
        unit: "email".into(),
        system: "crm".into(),
        at: NOW + n,
        until: NOW + 100 + n,
        why: "halaxy wins".into(),
        value,
    };
    let (one, two) = (loser(1, Value::text("old@samplewood.example")), loser(2, Value::Empty));
    let mut tx = store.begin().await.unwrap();
    tx.append_losers(&[one.clone(), two.clone(), two.clone()])
        .await
        .unwrap();
    tx.append_losers(&[Loser {
        entity: "e2".into(),
        ..one.clone()
    }])
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.losers("e1").await.unwrap(), [one, two.clone(), two.clone()]);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.expire_losers(NOW + 102).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert_eq!(store.losers("e1").await.unwrap(), [two.clone(), two]);
}

#[tokio::test]
async fn a_trace_follows_its_subject_until_it_is_dropped_or_too_old() {
    let place = Place::new();
    let store = place.open().await;
    let stranger = trace_subject(&RecordKey::new("crm", "contacts", "7"));
    let traces = |names: &[(&str, &str)]| -> Vec<(String, String)> {
        names.iter().map(|(s, c)| (s.to_string(), c.to_string())).collect()
    };
    let mut tx = store.begin().await.unwrap();
    tx.keep_traces(&traces(&[("e1", "first"), ("e2", "other"), (&stranger, "new")]), NOW)
        .await
        .unwrap();
    tx.keep_traces(&traces(&[("e1", "second")]), NOW + 10).await.unwrap();
    tx.commit().await.unwrap();
    let asked: Vec<String> = ["e1", "e2", "e3", &stranger].map(String::from).into();
    let all = store.traces(&asked, 0).await.unwrap();
    assert_eq!(
        all.into_iter().collect::<Vec<_>>(),
        traces(&[(&stranger, "new"), ("e1", "second"), ("e2", "other")]),
        "the latest change of each"
    );
    let young = store.traces(&asked, NOW + 1).await.unwrap();
    assert_eq!(young.into_iter().collect::<Vec<_>>(), traces(&[("e1", "second")]));
    let mut tx = store.begin().await.unwrap();
    tx.drop_traces(std::slice::from_ref(&stranger)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.traces(&asked, 0).await.unwrap().len(), 2);
    let mut tx = store.begin().await.unwrap();
    tx.drop_traces_before(NOW + 1).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.traces(&asked, 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn samples_are_kept_by_minute_and_hour_and_forgotten() {
    let place = Place::new();
    let store = place.open().await;
    let sample = |name: &str, value, adds| Sample {
        name: name.into(),
        value,
        adds,
    };
    let start = NOW - NOW.rem_euclid(Span::Hour.length());
    for (after, lag, applied) in [(0, 5, 2), (20, 9, 1), (50, 3, 1), (70, 4, 8)] {
        let mut tx = store.begin().await.unwrap();
        let both = [sample("lag", lag, false), sample("applied/crm", applied, true)];
        tx.put_samples(&both, start + after * 1_000_000).await.unwrap();
        tx.commit().await.unwrap();
    }
    let minutes = store.samples(Span::Minute, start).await.unwrap();
    assert_eq!(minutes["lag"], [(start, 9), (start + 60_000_000, 4)], "the greatest");
    assert_eq!(minutes["applied/crm"], [(start, 4), (start + 60_000_000, 8)], "the sum");
    let hours = store.samples(Span::Hour, 0).await.unwrap();
    assert_eq!(
        (&hours["lag"][..], &hours["applied/crm"][..]),
        (&[(start, 9)][..], &[(start, 12)][..])
    );
    let later = start + 3 * 24 * Span::Hour.length();
    let mut tx = store.begin().await.unwrap();
    tx.put_samples(&[sample("lag", 1, false)], later).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.samples(Span::Minute, 0).await.unwrap()["lag"], [(later, 1)]);
    assert_eq!(store.samples(Span::Hour, 0).await.unwrap()["lag"].len(), 2);
}
