//! A large run is taken back in stretches: each in one transaction, by whichever process comes first, once for each record,
//! also after whoever began it was killed.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_kit::{Clock, SystemClock};
use bridge_core::{Agreed, Entity, Lane, Link, Origin, Schema, Value};
use bridge_engine::{Engine, EngineError, RandomIds, Settings};
use bridge_queue::Embedded;
use bridge_store::{AuditEntry, Key, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const PEOPLE: usize = 1_300;
/// So many were written twice, far apart.
const TWICE: usize = 20;
const FIRST: &str = "+61491570009";
const BETWEEN: &str = "+61491570005";
const LAST: &str = "+61491570001";

fn id(n: usize) -> String {
    format!("person{n:04}")
}

/// Somebody edited every tenth since; every thirteenth was created by the run.
fn edited(n: usize) -> bool {
    n.is_multiple_of(10)
}

fn created(n: usize) -> bool {
    n % 13 == 5
}

fn person(n: usize) -> Entity {
    let mut entity = Entity {
        id: id(n),
        kind: "person".into(),
        ..Entity::default()
    };
    let agreed = Agreed {
        value: Value::text(LAST),
        origin: Origin::System("halaxy".into()),
        lo: 1,
        hi: 2,
    };
    entity.agreed.insert("mobile".into(), agreed.into());
    for (system, kind) in [("crm", "contacts"), ("halaxy", "Patient")] {
        let mut link = Link::new(system, kind, &format!("{system}-{n}"));
        link.entity = Some(entity.id.clone());
        link.generation = 1;
        let unit = link.units.entry("mobile".into()).or_default();
        unit.set_base(Value::text(LAST), None);
        let now = if system == "crm" && edited(n) { BETWEEN } else { LAST };
        unit.set_seen(Value::text(now));
        entity.links.insert(system.into(), link.into());
    }
    entity
}

fn line(n: usize, event: &str, sent: &str, before: &str) -> AuditEntry {
    let values = |text: &str| BTreeMap::from([("mobile".to_string(), Value::text(text))]);
    let there = !(created(n) && event == "sent");
    AuditEntry {
        at: 5_000,
        entity: Some(id(n)),
        system: Some("crm".into()),
        remote_id: there.then(|| format!("crm-{n}")),
        event: event.into(),
        body: (event == "sent").then(|| serde_json::json!({ "sent": values(sent), "before": values(before) })),
        ..AuditEntry::default()
    }
}

async fn place() -> (Store, Schema) {
    let schema = common::schema(&["mobile", "halaxy_number"]);
    let store = Store::open("sqlite::memory:", &Key::generate(), "clinic", 0)
        .await
        .unwrap();
    let people: Vec<_> = (0..PEOPLE).map(|n| (None, person(n))).collect();
    let mut tx = store.begin().await.unwrap();
    assert!(tx.save_entities(&people, Lane::Live, 1_000).await.unwrap().is_empty());
    let mut lines = vec![];
    for run in ["run-1", "run-2"] {
        tx.start_run(run, "backfill", 4_000).await.unwrap();
        tx.end_run(run, 6_000, &serde_json::json!({})).await.unwrap();
    }
    for n in 0..PEOPLE {
        let sent = if n < TWICE { BETWEEN } else { LAST };
        lines.extend([line(n, "sent", sent, FIRST), line(n, "applied", "", "")]);
    }
    for n in 0..TWICE {
        lines.extend([line(n, "sent", LAST, BETWEEN), line(n, "applied", "", "")]);
    }
    tx.append_audit(&lines).await.unwrap();
    tx.commit().await.unwrap();
    (store, schema)
}

/// Another process over the same store.
async fn engine(store: &Store, schema: &Schema, drives: bool) -> Engine {
    let settings = Settings {
        schema: Arc::new(schema.clone()),
        systems: vec![],
        home: "halaxy".into(),
        reference: "halaxy_number".into(),
        sweep_every: None,
        keep_losers: Duration::from_secs(9_999),
        brakes: bridge_engine::Brakes::default(),
        digest: "digest".into(),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (store, queue, ids) = (store.clone(), Arc::new(Embedded::default()), Arc::new(RandomIds));
    match drives {
        true => Engine::start(settings, store, queue, clock, ids).await.unwrap(),
        false => Engine::attend(settings, store, queue, clock, ids),
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_taken_back_by_the_next_once_for_each_record() {
    let (store, schema) = place().await;
    let page = engine(&store, &schema, false).await;
    let mut look = page.to_take_back("run-1", "rose").await.unwrap();
    while look.ended.is_none() {
        page.look_further(&mut look).await.unwrap();
    }
    let stay = (0..PEOPLE).filter(|n| edited(*n) || created(*n)).count() as u64;
    assert_eq!((look.undo.back, look.undo.stay), (PEOPLE as u64 - stay, stay));
    assert!(page.taken_back("run-1").await.unwrap().is_none(), "only looked at");

    assert!(matches!(
        page.to_take_back("run-9", "rose").await,
        Err(EngineError::NotFound(_))
    ));
    page.begin_taking_back("run-1", "rose").await.unwrap();
    let other = page.begin_taking_back("run-2", "sam").await;
    assert!(matches!(other, Err(EngineError::NotPossible(_))), "one at a time");
    let begun = page.take_back_further().await.unwrap().unwrap();
    let (done, all) = begun.progress();
    assert!(begun.ended.is_none() && 0 < done && done < all, "{done} of {all}");
    drop(page);

    // Two come by at once: what one has done the other does not do again.
    let (one, two) = (
        engine(&store, &schema, true).await,
        engine(&store, &schema, false).await,
    );
    let (first, second) = tokio::join!(one.take_back_further(), two.take_back_further());
    assert!(first.unwrap().is_some() && second.unwrap().is_some());
    let mut steps = 0;
    while one.step(steps).await.unwrap().more {
        steps += 1;
        assert!(steps < 20, "each step goes on");
    }
    let taken = one.taken_back("run-1").await.unwrap().unwrap();
    assert!(taken.ended.is_some() && taken.progress().0 == taken.progress().1);
    assert_eq!((taken.undo.back, taken.undo.stay), (look.undo.back, look.undo.stay));
    assert_eq!(taken.undo, look.undo, "as it was looked at");
    assert_eq!(taken.undo.put_back.len(), 200, "the rest is told of in the history");
    assert!(two.take_back_further().await.unwrap().is_none(), "nothing is left");

    for n in [1, 7, 25, 499, 501, 742, 1_297] {
        let audit = store.audit(&id(n)).await.unwrap();
        let told: Vec<&str> = audit
            .iter()
            .map(|line| line.event.as_str())
            .filter(|event| matches!(*event, "taken back" | "not undone"))
            .collect();
        let stays = edited(n) || created(n);
        assert_eq!(told, [if stays { "not undone" } else { "taken back" }], "{n}");
        let entity = store.entities(&[id(n)]).await.unwrap().remove(0);
        assert_eq!(entity.undoing.contains_key("mobile"), !stays, "{n}");
    }
    // What was written twice gets back what stood there first.
    let entity = store.entities(&[id(1)]).await.unwrap().remove(0);
    let put_back = serde_json::to_string(&entity.undoing).unwrap();
    assert!(put_back.contains(FIRST) && !put_back.contains(BETWEEN), "{put_back}");
    page_again(&store, &schema).await;
}

/// A run that was taken back can be looked at again: nothing of it is there to be put back.
async fn page_again(store: &Store, schema: &Schema) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let desk = common::desk(store.clone(), schema, clock);
    let stage = desk.undo_of("run-1").await.unwrap().unwrap();
    assert!(stage.takes && stage.ended && stage.done == stage.all);
    let again = desk.take_run_back("run-1", "rose", Some((1, 1))).await.unwrap();
    assert!(!again.takes, "not what a look shows now");
}
