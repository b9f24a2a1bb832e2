//! The desk's laws over a store in memory: a decision applies to what was shown and nothing else, what is taken back is as it
//! was, a group is decided as one by one would be, and what is shown of a choice is what it causes.
#![allow(clippy::unwrap_used)]

mod common;

use adapter_kit::{Clock, SystemClock};
use bridge_admin::desk::act::Decision;
use bridge_admin::desk::inbox::Query;
use bridge_admin::desk::rules::Rule;
use bridge_admin::desk::{Desk, DeskError, Risk};
use bridge_core::plan::{Context, reconcile};
use bridge_core::review::DecisionError;
use bridge_core::{Agreed, CardKind, Entity, Lane, Link, LinkState, Op, Origin, Schema, Value, WriteState};
use bridge_engine::EngineError;
use bridge_store::{AuditEntry, Candidate, Key, LookupKey, Page, RecordKey, Store};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const UNITS: [&str; 4] = ["official_name", "mobile", "email", "halaxy_number"];

struct Place {
    desk: Desk,
    schema: Schema,
}

async fn place() -> Place {
    let schema = common::schema(&UNITS);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Store::open("sqlite::memory:", &Key::generate(), "clinic", clock.now())
        .await
        .unwrap();
    Place {
        desk: common::desk(store, &schema, clock),
        schema,
    }
}

/// Both records agreed on `base`; then each was edited. Judged once, so that what differs is in question.
fn person(schema: &Schema, n: usize, unit: &str, base: &str, crm: &str, halaxy: &str) -> Entity {
    let id = format!("person{n:04}");
    let value = |text: &str| match unit {
        "official_name" => Value::group([("given", text), ("family", "Samplewood")]),
        _ => Value::text(text),
    };
    let mut entity = Entity {
        id: id.clone(),
        kind: "person".into(),
        ..Entity::default()
    };
    let agreed = Agreed {
        value: value(base),
        origin: Origin::System("halaxy".into()),
        lo: 1,
        hi: 2,
    };
    entity.agreed.insert(unit.into(), agreed.into());
    for (system, kind, seen) in [("crm", "contacts", crm), ("halaxy", "Patient", halaxy)] {
        let mut link = Link::new(system, kind, &format!("{system}-{n}"));
        link.entity = Some(id.clone());
        link.generation = 1;
        let x = link.units.entry(unit.into()).or_default();
        x.set_base(value(base), None);
        x.set_seen(value(seen));
        entity.links.insert(system.into(), link.into());
    }
    judged(schema, &entity)
}

fn judged(schema: &Schema, entity: &Entity) -> Entity {
    let context = Context {
        now: 1_000,
        lane: Lane::Live,
        mirrors_complete: true,
    };
    reconcile(schema, entity, context).entity
}

impl Place {
    async fn put(&self, entities: &[Entity]) {
        let mut tx = self.desk.store().begin().await.unwrap();
        let pairs: Vec<_> = entities.iter().map(|e| (None, e.clone())).collect();
        assert!(tx.save_entities(&pairs, Lane::Live, 1_000).await.unwrap().is_empty());
        let links = entities.iter().flat_map(|e| e.links.values());
        let keys = links.map(|link| (RecordKey::from(link), bridge_engine::lookup::keys(link)));
        let keys: Vec<(RecordKey, Vec<LookupKey>)> = keys.collect();
        tx.set_keys(&keys).await.unwrap();
        let links = entities.iter().flat_map(|e| e.links.values());
        let names: Vec<_> = links
            .map(|link| (RecordKey::from(link), bridge_engine::lookup::names(link)))
            .collect();
        tx.set_name_parts(&names).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn entity(&self, id: &str) -> Entity {
        self.desk.store().entities(&[id.to_string()]).await.unwrap().remove(0)
    }

    async fn change(&self, id: &str, change: impl FnOnce(&mut Entity)) {
        let before = self.entity(id).await;
        let mut after = before.clone();
        change(&mut after);
        let mut tx = self.desk.store().begin().await.unwrap();
        assert!(
            tx.save_entities(&[(Some(before), after)], Lane::Live, 1_000)
                .await
                .unwrap()
                .is_empty()
        );
        tx.commit().await.unwrap();
    }

    async fn judge(&self, id: &str) -> Entity {
        self.change(id, |entity| *entity = judged(&self.schema, entity)).await;
        self.entity(id).await
    }

    /// What delivery does: every planned write lands.
    async fn deliver(&self, id: &str) {
        self.judge(id).await;
        self.change(id, |entity| {
            for (system, write) in std::mem::take(&mut entity.writes) {
                assert_eq!((write.state, write.op), (WriteState::Planned, Op::Update));
                let link = entity.links.get_mut(&system).unwrap();
                for (unit, value) in write.values {
                    let x = link.units.get_mut(&unit).unwrap();
                    x.set_base(value.clone(), None);
                    x.set_seen(value);
                }
            }
            entity.dirty = true;
        })
        .await;
        self.judge(id).await;
    }

    async fn item(&self, entity: &str) -> String {
        self.desk.store().items_of(entity).await.unwrap().remove(0).id
    }

    async fn token(&self, id: &str) -> String {
        self.desk.detail(id).await.unwrap().token
    }
}

fn take(system: &str, token: &str) -> Decision {
    Decision {
        act: "take".into(),
        system: Some(system.into()),
        value: None,
        token: token.into(),
    }
}

fn word(act: &str, token: &str) -> Decision {
    Decision {
        act: act.into(),
        system: None,
        value: None,
        token: token.into(),
    }
}

fn refused_as_changed<T: std::fmt::Debug>(result: Result<T, DeskError>) -> bool {
    matches!(
        result,
        Err(DeskError::Engine(
            EngineError::Decision(DecisionError::Changed | DecisionError::Closed)
                | EngineError::NotFound(_)
                | EngineError::Changed
        ))
    )
}

/// All that undo promises to restore; numbers of savings and the mark that something is to be judged aside.
fn essence(entity: &Entity) -> Entity {
    Entity {
        revision: 0,
        dirty: false,
        ..entity.clone()
    }
}

fn seen(entity: &Entity, system: &str, unit: &str) -> String {
    entity.links[system].units[unit].seen().unwrap().to_line()
}

fn phone() -> impl Strategy<Value = String> {
    (0..20u32).prop_map(|n| format!("+614915700{n:02}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Decided and taken back, at once or after everything was sent, an entity is what it was; and what was shown of the
    /// choice is what was written.
    #[test]
    fn what_is_taken_back_is_as_it_was(base in phone(), crm in phone(), halaxy in phone(), side in 0..4usize, sent in any::<bool>()) {
        prop_assume!(crm != halaxy && crm != base && halaxy != base);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = place().await;
            place.put(&[person(&place.schema, 1, "mobile", &base, &crm, &halaxy)]).await;
            let before = place.entity("person0001").await;
            let id = place.item("person0001").await;
            let detail = place.desk.detail(&id).await.unwrap();
            let decision = match side {
                0 => take("crm", &detail.token),
                1 => take("halaxy", &detail.token),
                2 => take("agreed", &detail.token),
                _ => Decision { value: Some("0491 570 156".into()), ..word("value", &detail.token) },
            };
            let told = match side {
                3 => place.desk.effects_of_value(&id, "0491 570 156").await.unwrap(),
                _ => detail.choices.iter().find(|c| c.system == decision.system && c.act == "take").unwrap().effects.clone().unwrap(),
            };
            let done = place.desk.decide(&id, &decision, "rose").await.unwrap();
            let planned = place.judge("person0001").await;
            let writes: BTreeSet<(String, String)> = planned.writes.values()
                .flat_map(|w| w.values.values().map(|v| (w.system.clone(), v.to_line()))).collect();
            let shown: BTreeSet<(String, String)> = told.writes.iter().map(|e| (e.system.clone(), e.to.to_line())).collect();
            assert_eq!(writes, shown);
            if sent {
                place.deliver("person0001").await;
                let after = place.entity("person0001").await;
                assert_eq!(seen(&after, "crm", "mobile"), seen(&after, "halaxy", "mobile"));
            }
            place.desk.undo(&done.id, "rose").await.unwrap();
            if sent {
                place.deliver("person0001").await;
            }
            let mut after = place.judge("person0001").await;
            if sent {
                // The trail remembers what was written in between only if the state before is not put back.
                after.undoing.clear();
            }
            assert_eq!(essence(&after), essence(&before));
            assert!(place.desk.undo(&done.id, "rose").await.is_err(), "once");
        });
    }

    /// A decision bound to one state applies to no other, whatever changed.
    #[test]
    fn a_decision_applies_only_to_what_was_shown(change in 0..6usize, crm in phone()) {
        prop_assume!(crm != "+61491570001");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = place().await;
            let people = [1, 2].map(|n| person(&place.schema, n, "mobile", "+61491570000", "+61491570001", "+61491570002"));
            place.put(&people).await;
            let (id, other) = (place.item("person0001").await, place.item("person0002").await);
            let token = place.token(&id).await;
            assert!(refused_as_changed(place.desk.decide(&other, &take("crm", &token), "rose").await), "another person's");
            place.change("person0001", |entity| {
                let link = entity.links.get_mut("crm").unwrap();
                match change {
                    0 => link.units.get_mut("mobile").unwrap().set_seen(Value::text(crm.clone())),
                    1 => link.generation += 1,
                    2 => link.state = LinkState::Gone,
                    3 => drop(entity.conflicts.remove("mobile")),
                    4 => drop(entity.apart.insert("mobile".into())),
                    _ => link.held = Some(bridge_core::Hold::Merged),
                }
            }).await;
            let before = place.entity("person0001").await;
            for decision in [take("crm", &token), word("apart", &token)] {
                let result = place.desk.decide(&id, &decision, "rose").await;
                assert!(refused_as_changed(result));
            }
            assert_eq!(place.entity("person0001").await, before);
        });
    }
}

#[tokio::test]
async fn two_reviewers_at_one_card_decide_once() {
    let place = place().await;
    for round in 0..8 {
        place
            .put(&[person(
                &place.schema,
                round,
                "mobile",
                "+61491570000",
                "+61491570001",
                "+61491570002",
            )])
            .await;
        let id = place.item(&format!("person{round:04}")).await;
        let token = place.token(&id).await;
        let (one, other) = (take("crm", &token), take("halaxy", &token));
        let (one, other) = tokio::join!(
            place.desk.decide(&id, &one, "rose"),
            place.desk.decide(&id, &other, "sam")
        );
        assert!(one.is_ok() != other.is_ok(), "one of the two");
        let entity = place.entity(&format!("person{round:04}")).await;
        let taken = if one.is_ok() { "+61491570001" } else { "+61491570002" };
        assert_eq!(entity.agreed["mobile"].value, Value::text(taken));
    }
}

#[tokio::test]
async fn where_somebody_edited_since_nothing_is_taken_back() {
    let place = place().await;
    place
        .put(&[person(
            &place.schema,
            1,
            "mobile",
            "+61491570000",
            "+61491570001",
            "+61491570002",
        )])
        .await;
    let id = place.item("person0001").await;
    let token = place.token(&id).await;
    let done = place.desk.decide(&id, &take("halaxy", &token), "rose").await.unwrap();
    place.deliver("person0001").await;
    let edit = |system: &'static str, text: &'static str| {
        move |entity: &mut Entity| {
            let link = entity.links.get_mut(system).unwrap();
            link.units.get_mut("mobile").unwrap().set_seen(Value::text(text));
        }
    };
    place.change("person0001", edit("crm", "+61491570009")).await;
    match place.desk.undo(&done.id, "rose").await {
        Err(DeskError::Engine(EngineError::Decision(DecisionError::Edited(places)))) => assert_eq!(places, ["crm"]),
        other => panic!("{other:?}"),
    }
    // Edited back it can be; edited again while it is being put back, it ends.
    place.change("person0001", edit("crm", "+61491570002")).await;
    place.desk.undo(&done.id, "rose").await.unwrap();
    let planned = place.judge("person0001").await;
    assert_eq!(planned.writes["crm"].values["mobile"], Value::text("+61491570001"));
    place.change("person0001", edit("halaxy", "+61491570008")).await;
    place.deliver("person0001").await;
    let after = place.entity("person0001").await;
    assert!(after.undoing.is_empty() && after.conflicts.is_empty());
    assert_eq!(seen(&after, "crm", "mobile"), "+61491570008", "the edit travels");
}

#[tokio::test]
async fn a_group_is_decided_as_one_by_one_and_taken_back_whole() {
    let (bulk, single) = (place().await, place().await);
    let mut people: Vec<Entity> = (0..12)
        .map(|n| {
            person(
                &bulk.schema,
                n,
                "mobile",
                "+61491570000",
                "+61491570001",
                "+61491570002",
            )
        })
        .collect();
    people.push(person(
        &bulk.schema,
        20,
        "email",
        "a@b.example",
        "c@b.example",
        "d@b.example",
    ));
    people.push(person(&bulk.schema, 21, "official_name", "Mim", "Miriam", "Mirjam"));
    for place in [&bulk, &single] {
        place.put(&people).await;
    }
    let id = bulk.item("person0003").await;
    let group = bulk.desk.group(&id).await.unwrap();
    assert_eq!(
        (group.count, group.sample.len(), group.unit.as_str()),
        (12, 10, "mobile")
    );
    // One of them changes after it was shown: the whole group is shown again.
    bulk.change("person0005", |e| {
        e.links
            .get_mut("crm")
            .unwrap()
            .units
            .get_mut("mobile")
            .unwrap()
            .set_seen(Value::text("+61491570007"));
    })
    .await;
    assert!(refused_as_changed(
        bulk.desk.decide_group(&id, &take("halaxy", &group.token), "rose").await
    ));
    bulk.change("person0005", |e| {
        e.links
            .get_mut("crm")
            .unwrap()
            .units
            .get_mut("mobile")
            .unwrap()
            .set_seen(Value::text("+61491570001"));
    })
    .await;
    let before: Vec<Entity> = futures_of(&bulk, 12).await;
    let group = bulk.desk.group(&id).await.unwrap();
    let done = bulk
        .desk
        .decide_group(&id, &take("halaxy", &group.token), "rose")
        .await
        .unwrap();
    assert_eq!((done.decided, done.refused.len()), (12, 0));
    for n in 0..12 {
        let name = format!("person{n:04}");
        let id = single.item(&name).await;
        let token = single.token(&id).await;
        single.desk.decide(&id, &take("halaxy", &token), "rose").await.unwrap();
    }
    let (many, one) = (futures_of(&bulk, 12).await, futures_of(&single, 12).await);
    for (many, one) in many.iter().zip(&one) {
        let (many, one) = (judged(&bulk.schema, many), judged(&single.schema, one));
        assert_eq!(
            many.writes.values().map(|w| &w.values).collect::<Vec<_>>(),
            one.writes.values().map(|w| &w.values).collect::<Vec<_>>()
        );
        assert_eq!(many.agreed["mobile"].value, one.agreed["mobile"].value);
    }
    let undone = bulk.desk.undo_group(&done.group, "rose").await.unwrap();
    assert!(undone.len() == 12 && undone.iter().all(|o| o.refused.is_none()));
    for (before, after) in before.iter().zip(futures_of(&bulk, 12).await) {
        assert_eq!(essence(before), essence(&after));
    }
    let red = bulk.item("person0021").await;
    assert!(
        matches!(bulk.desk.group(&red).await, Err(DeskError::Asked(_))),
        "never in bulk"
    );
}

async fn futures_of(place: &Place, count: usize) -> Vec<Entity> {
    let ids: Vec<String> = (0..count).map(|n| format!("person{n:04}")).collect();
    place.desk.store().entities(&ids).await.unwrap()
}

#[tokio::test]
async fn a_unit_kept_apart_is_left_alone_until_it_is_taken_in_again() {
    let place = place().await;
    place
        .put(&[person(
            &place.schema,
            1,
            "mobile",
            "+61491570000",
            "+61491570001",
            "+61491570002",
        )])
        .await;
    let id = place.item("person0001").await;
    let token = place.token(&id).await;
    place.desk.decide(&id, &word("apart", &token), "rose").await.unwrap();
    let apart = place.judge("person0001").await;
    assert!(apart.conflicts.is_empty() && apart.writes.is_empty());
    assert_eq!(place.desk.story("person0001").await.unwrap().apart, ["mobile"]);
    place
        .change("person0001", |e| {
            e.links
                .get_mut("halaxy")
                .unwrap()
                .units
                .get_mut("mobile")
                .unwrap()
                .set_seen(Value::text("+61491570003"));
        })
        .await;
    assert!(
        place.judge("person0001").await.writes.is_empty(),
        "an edit stays where it was made"
    );
    let token = place.desk.unit_token("person0001", "mobile").await.unwrap();
    place
        .desk
        .keep_apart("person0001", "mobile", false, &token, "rose")
        .await
        .unwrap();
    assert!(
        place.judge("person0001").await.conflicts.contains_key("mobile"),
        "asked about again"
    );
    let token = place.desk.unit_token("person0001", "halaxy_number").await.unwrap();
    let reference = place
        .desk
        .keep_apart("person0001", "halaxy_number", true, &token, "rose")
        .await;
    assert!(reference.is_err(), "records are known by it");
}

#[tokio::test]
async fn a_run_is_taken_back_but_for_what_was_edited_or_created() {
    let place = place().await;
    let settled = |n| {
        person(
            &place.schema,
            n,
            "mobile",
            "+61491570001",
            "+61491570001",
            "+61491570001",
        )
    };
    place.put(&[settled(1), settled(2), settled(3)]).await;
    let values = |text: &str| BTreeMap::from([("mobile".to_string(), Value::text(text))]);
    let line = |n: usize, event: &str, remote: Option<String>| AuditEntry {
        at: 5_000,
        entity: Some(format!("person{n:04}")),
        system: Some("crm".into()),
        remote_id: remote,
        event: event.into(),
        body: (event == "sent")
            .then(|| serde_json::json!({ "sent": values("+61491570001"), "before": values("+61491570009") })),
        ..AuditEntry::default()
    };
    let mut tx = place.desk.store().begin().await.unwrap();
    let noise = AuditEntry {
        at: 10,
        event: "sent".into(),
        ..AuditEntry::default()
    };
    tx.append_audit(&vec![noise; 40]).await.unwrap();
    tx.start_run("r1", "sync", 4_000).await.unwrap();
    for n in 1..=3 {
        let remote = (n != 3).then(|| format!("crm-{n}"));
        tx.append_audit(&[line(n, "sent", remote.clone()), line(n, "applied", remote)])
            .await
            .unwrap();
    }
    tx.end_run("r1", 6_000, &serde_json::json!({})).await.unwrap();
    tx.commit().await.unwrap();
    place
        .change("person0002", |e| {
            e.links
                .get_mut("crm")
                .unwrap()
                .units
                .get_mut("mobile")
                .unwrap()
                .set_seen(Value::text("+61491570004"));
        })
        .await;
    let dry = place.desk.look_at_undo("r1", "rose").await.unwrap().undo;
    assert!(place.entity("person0001").await.undoing.is_empty(), "only looked at");
    let undo = place.desk.take_run_back("r1", "rose", None).await.unwrap().undo;
    assert_eq!(dry, undo);
    let names = |rows: &[bridge_engine::PutBack]| rows.iter().map(|r| r.entity.clone()).collect::<Vec<_>>();
    assert_eq!(names(&undo.put_back), ["person0001"]);
    assert_eq!(names(&undo.refused), ["person0002", "person0003"]);
    place.deliver("person0001").await;
    let after = place.judge("person0001").await;
    assert_eq!(seen(&after, "crm", "mobile"), "+61491570009");
    assert_eq!(seen(&after, "halaxy", "mobile"), "+61491570001");
    assert!(
        after.writes.is_empty() && after.conflicts.is_empty(),
        "it is not written again"
    );
    let item = place.item("person0001").await;
    let detail = place.desk.detail(&item).await.unwrap();
    assert_eq!(detail.row.kind, "hold");
    place
        .desk
        .decide(&item, &word("replay", &detail.token), "rose")
        .await
        .unwrap();
    assert!(
        place.judge("person0001").await.writes.contains_key("crm"),
        "released by a person"
    );
}

#[tokio::test]
async fn a_rule_is_tried_on_what_is_open_and_on_what_people_decided() {
    let place = place().await;
    let people: Vec<Entity> = (0..9)
        .map(|n| {
            person(
                &place.schema,
                n,
                "mobile",
                "+61491570000",
                "+61491570001",
                "+61491570002",
            )
        })
        .collect();
    place.put(&people).await;
    for (n, side) in [(0, "halaxy"), (1, "halaxy"), (2, "crm")] {
        let id = place.item(&format!("person{n:04}")).await;
        let token = place.token(&id).await;
        place.desk.decide(&id, &take(side, &token), "rose").await.unwrap();
    }
    let id = place.item("person0005").await;
    let rule = place.desk.rule_of(&id, "halaxy").await.unwrap();
    assert_eq!((rule.key.as_str(), rule.value.as_str()), ("wins", "halaxy"));
    let trial = place.desk.try_rule(&rule).await.unwrap();
    assert_eq!((trial.open, trial.would_decide), (6, 6));
    assert_eq!((trial.decided, trial.agrees, trial.differs, trial.leaves), (3, 2, 1, 0));
    assert_eq!(trial.examples.len(), 1);
    assert!(trial.adopt.contains("wins = \"halaxy\"") && trial.adopt.contains("person.toml"));
    assert_eq!(
        place.entity("person0005").await.conflicts.len(),
        1,
        "nothing was decided"
    );
    let nonsense = Rule {
        value: "nobody".into(),
        ..rule
    };
    assert!(matches!(place.desk.try_rule(&nonsense).await, Err(DeskError::Asked(_))));
}

#[tokio::test]
async fn the_inbox_filters_counts_and_tells_what_is_likely() {
    let place = place().await;
    let mut people: Vec<Entity> = vec![
        person(
            &place.schema,
            1,
            "mobile",
            "+61491570000",
            "+61491570001",
            "+61491570002",
        ),
        person(&place.schema, 2, "official_name", "Mim", "Miriam", "Mirjam"),
        person(
            &place.schema,
            3,
            "email",
            "mim@x.example",
            "a.b@x.example",
            "ab@x.example",
        ),
    ];
    people[0].file_card(CardKind::MayHaveOverwritten, "crm", ["mobile".to_string()].into(), 7);
    place.put(&people).await;
    let pair = Candidate::new(
        RecordKey::new("crm", "contacts", "crm-1"),
        RecordKey::new("halaxy", "Patient", "halaxy-2"),
        810,
        vec!["same name".into()],
        9,
    );
    let mut tx = place.desk.store().begin().await.unwrap();
    tx.add_candidates(&[pair]).await.unwrap();
    tx.commit().await.unwrap();
    let totals = place.desk.totals().await.unwrap();
    assert_eq!(
        (totals.open, totals.kinds["conflict"], totals.kinds["match"]),
        (5, 3, 1)
    );
    assert_eq!((totals.risks[&Risk::Red], totals.risks[&Risk::Grey]), (2, 1));
    let count = async |query: Query| place.desk.inbox(&query).await.unwrap().rows.len();
    let of = |change: fn(&mut Query)| {
        let mut query = Query::default();
        change(&mut query);
        query
    };
    assert_eq!(count(of(|_| ())).await, 5);
    assert_eq!(count(of(|q| q.risk = Some("red".into()))).await, 2);
    assert_eq!(count(of(|q| q.unit = Some("mobile".into()))).await, 1);
    assert_eq!(count(of(|q| q.kind = Some("card".into()))).await, 1);
    assert_eq!(count(of(|q| q.kind = Some("nothing".into()))).await, 0);
    assert!(place.desk.inbox(&of(|q| q.risk = Some("purple".into()))).await.is_err());
    let id = bridge_store::conflict_id("person0001", "mobile");
    place.desk.assign(&id, Some("rose")).await.unwrap();
    assert_eq!(count(of(|q| q.assigned = Some("rose".into()))).await, 1);
    place.desk.snooze(&id, i64::MAX).await.unwrap();
    assert_eq!(count(of(|q| q.snoozed = true)).await, 1);
    assert_eq!(place.desk.totals().await.unwrap().snoozed, 1);
    place
        .desk
        .comment("person0001", &id, "asked him on the phone", "rose")
        .await
        .unwrap();
    let story = place.desk.story("person0001").await.unwrap();
    assert!(story.history.iter().any(|e| e.text.contains("asked him on the phone")));
    let detail = place.desk.detail(&id).await.unwrap();
    assert_eq!(detail.row.sides.len(), 2);
    let last = detail.differences[0].left_pieces.last().unwrap();
    assert_eq!((last.text.as_str(), last.same), ("1", false), "where they differ");
    let page = Page::first(10);
    assert_eq!(
        place
            .desk
            .decisions(Some("comment"), None, &page)
            .await
            .unwrap()
            .0
            .len(),
        1
    );
}

#[tokio::test]
async fn people_are_found_by_what_is_known_of_them() {
    let place = place().await;
    let mut people = vec![
        person(
            &place.schema,
            1,
            "mobile",
            "+61491570006",
            "+61491570006",
            "+61491570006",
        ),
        person(&place.schema, 2, "official_name", "Miriam", "Miriam", "Miriam"),
        person(
            &place.schema,
            3,
            "email",
            "mim@x.example",
            "mim@x.example",
            "mim@x.example",
        ),
    ];
    people.push(person(&place.schema, 4, "halaxy_number", "1042", "1042", "1042"));
    place.put(&people).await;
    let find = async |text: &str| {
        let found = place.desk.find(text, "rose").await.unwrap();
        found.into_iter().map(|f| (f.who.entity, f.by)).collect::<Vec<_>>()
    };
    let one = |n: usize, by: &str| vec![(format!("person{n:04}"), by.to_string())];
    assert_eq!(find("0491 570 006").await, one(1, "phone"));
    assert_eq!(find("mir sample").await, one(2, "name"));
    assert_eq!(find(" MIM@x.example ").await, one(3, "email"));
    assert_eq!(find("1042").await, one(4, "number"));
    assert!(find("nobody").await.is_empty() && find("").await.is_empty());
    let mut refused = 0;
    for _ in 0..60 {
        refused += usize::from(matches!(
            place.desk.find("mir", "rose").await,
            Err(DeskError::TooOften(_))
        ));
    }
    assert!(refused > 10, "who tries names one by one is slowed down");
}
