//! A database to try a store on, and entities to put into it.

use bridge_core::{
    Agreed, Author, Card, CardKind, Conflict, Doubt, Entity, Grave, Hold, Lane, Link, LinkState, Op, Origin, UnitHold,
    Value, Values, Version, Write, WriteState,
};
use bridge_store::{Store, StoreError};

pub use crate::place::Place;
use std::collections::{BTreeMap, BTreeSet};

pub const NOW: i64 = 1_800_000_000_000_000;

pub fn contains(bytes: &[u8], mark: &str) -> bool {
    bytes.windows(mark.len()).any(|window| window == mark.as_bytes())
}

pub fn values<const N: usize>(values: [(&str, &str); N]) -> Values {
    values
        .map(|(unit, value)| (unit.to_string(), Value::text(value)))
        .into()
}

/// A live link that shows these values and agrees with them.
pub fn link(system: &str, kind: &str, id: &str, entity: Option<&str>, values: &Values) -> Link {
    let mut link = Link {
        entity: entity.map(str::to_string),
        generation: 1,
        known_at: NOW,
        ..Link::new(system, kind, id)
    };
    for (unit, value) in values {
        let unit = link.units.entry(unit.clone()).or_default();
        unit.set_seen(value.clone());
        unit.set_base(value.clone(), None);
        unit.lo = NOW - 5;
        unit.hi = NOW;
    }
    link
}

/// A new entity with a patient and a contact of the same number.
pub fn person(id: &str, number: usize) -> Entity {
    let seen = values([
        ("email", &format!("person{number}@samplewood.example")),
        ("mobile", "+61491570006"),
    ]);
    let mut entity = Entity {
        id: id.to_string(),
        kind: "person".into(),
        revision: 1,
        ..Entity::default()
    };
    for (unit, value) in &seen {
        let agreed = Agreed {
            value: value.clone(),
            origin: Origin::System("halaxy".into()),
            lo: NOW - 5,
            hi: NOW,
        };
        entity.agreed.insert(unit.clone(), agreed.into());
    }
    entity.links.insert(
        "halaxy".into(),
        link("halaxy", "Patient", &format!("p{number:06}"), Some(id), &seen).into(),
    );
    entity.links.insert(
        "crm".into(),
        link("crm", "contacts", &format!("c{number:06}"), Some(id), &seen).into(),
    );
    entity
}

pub fn write(system: &str, state: WriteState, lane: Lane) -> Write {
    Write {
        system: system.into(),
        kind: "contacts".into(),
        op: Op::Update,
        generation: 1,
        state,
        values: values([("mobile", "+61491570156")]),
        guarded: Values::new(),
        guard_version: None,
        guard_mark: None,
        at: 0,
        not_before: 0,
        tries: 0,
        lane,
        key: "0198-key".into(),
        reasons: [("mobile".to_string(), "changed in halaxy".to_string())].into(),
        held: None,
    }
}

/// An entity that uses every member and every shape of value there is.
pub fn everything(id: &str) -> Entity {
    let mut entity = person(id, 7);
    entity.dirty = true;
    entity.candidate = true;
    let shapes = [
        (
            "name",
            Value::group([("family", "Nguyễn"), ("given", "Miriam \"Mim\"")]),
        ),
        ("deceased", Value::Flag(false)),
        ("phone", Value::Empty),
        ("tags", Value::set(["a", "b"])),
        ("more_emails", Value::set(Vec::<String>::new())),
    ];
    for (unit, value) in shapes {
        let origin = if unit == "phone" {
            Origin::Person
        } else {
            Origin::System("crm".into())
        };
        entity.agreed.insert(
            unit.into(),
            Agreed {
                value: value.clone(),
                origin,
                lo: 1,
                hi: i64::MAX,
            }
            .into(),
        );
        let link = entity.links.get_mut("crm").unwrap();
        let unit = link.units.entry(unit.into()).or_default();
        unit.set_seen(value);
    }
    let link = entity.links.get_mut("crm").unwrap();
    link.state = LinkState::Merged;
    link.look = true;
    link.asked = NOW;
    link.held = Some(Hold::Refused("E-17".into()));
    link.version = Some(Version::Opaque("W/\"3\"".into()));
    link.removal_judged = true;
    link.created_here = true;
    link.merged_from = vec!["c9".into()];
    let tags = link.units.get_mut("tags").unwrap();
    tags.set_base(Value::set(["a"]), Some(Value::set(["A"])));
    tags.doubt = Some(Doubt::Elements(BTreeSet::from(["b".to_string()])));
    tags.author = Author::Automation;
    tags.trail = vec![Value::set(["x"]), Value::Empty];
    tags.held = Some(UnitHold {
        value: Value::set(["a"]),
        why: Hold::Alternates,
    });
    link.units.get_mut("name").unwrap().doubt = Some(Doubt::Value);
    entity.links.get_mut("halaxy").unwrap().version = Some(Version::Counting(41));
    entity.graves.insert(Grave {
        system: "books".into(),
        remote_id: Some("b1".into()),
    });
    entity.graves.insert(Grave {
        system: "books".into(),
        remote_id: None,
    });
    entity
        .writes
        .insert("crm".into(), write("crm", WriteState::Planned, Lane::Live));
    entity.writes.insert(
        "books".into(),
        Write {
            op: Op::Create,
            guarded: values([("mobile", "+61491570157")]),
            guard_version: Some(Version::Counting(3)),
            guard_mark: Some("mark".into()),
            tries: 3,
            held: Some(Hold::MayExist),
            ..write("books", WriteState::Doubtful, Lane::Backfill)
        },
    );
    entity.conflicts.insert(
        "email".into(),
        Conflict {
            values: BTreeMap::from([
                ("halaxy".into(), Value::text("a@samplewood.example")),
                ("crm".into(), Value::Empty),
            ]),
            since: NOW - 60,
            why: "both changed".into(),
        },
    );
    entity.cards = vec![Card {
        kind: CardKind::MayHaveOverwritten,
        system: "crm".into(),
        units: BTreeSet::from(["email".to_string(), "mobile".to_string()]),
        since: NOW - 50,
    }];
    entity.refused.insert(
        "books".into(),
        BTreeMap::from([(
            "email".to_string(),
            UnitHold {
                value: Value::text("x@samplewood.example"),
                why: Hold::Taken,
            },
        )]),
    );
    entity
}

/// Saves new entities and expects that all are taken.
pub async fn save_new(store: &Store, entities: &[Entity]) {
    let pairs: Vec<_> = entities.iter().map(|entity| (None, entity.clone())).collect();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(
        tx.save_entities(&pairs, Lane::Live, NOW).await.unwrap(),
        Vec::<String>::new()
    );
    tx.commit().await.unwrap();
}

/// Changes one stored entity and expects that the change is taken.
pub async fn change(store: &Store, id: &str, now: i64, lane: Lane, change: impl FnOnce(&mut Entity)) -> Entity {
    let before = load(store, id).await;
    let mut after = before.clone();
    after.revision += 1;
    change(&mut after);
    let mut tx = store.begin().await.unwrap();
    assert!(
        tx.save_entities(&[(Some(before), after.clone())], lane, now)
            .await
            .unwrap()
            .is_empty()
    );
    tx.commit().await.unwrap();
    after
}

pub async fn load(store: &Store, id: &str) -> Entity {
    store.entities(&[id.to_string()]).await.unwrap().pop().unwrap()
}

pub fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| id.to_string()).collect()
}

/// Of `e1` and `e2`, the first's sealed body is found changed and named; the second can still be read.
pub async fn only_e1_is_damaged(store: &Store) {
    match store.entities(&ids(&["e1"])).await {
        Err(StoreError::Damaged {
            table: "entity", row, ..
        }) => assert_eq!(row, "e1"),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        load(store, "e2").await,
        person("e2", 2),
        "the neighbour can still be read"
    );
}
