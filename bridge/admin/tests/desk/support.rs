//! A desk over a store in memory, and people of whom something is in question.

use adapter_kit::{Clock, SystemClock};
use bridge_admin::desk::act::Decision;
use bridge_admin::desk::{Desk, DeskError};
use bridge_core::plan::{Context, reconcile};
use bridge_core::review::DecisionError;
use bridge_core::{Agreed, Entity, Lane, Link, Op, Origin, Schema, Value, WriteState};
use bridge_engine::EngineError;
use bridge_store::{Key, LookupKey, RecordKey, Store};
use proptest::prelude::*;
use std::sync::Arc;

pub const UNITS: [&str; 4] = ["official_name", "mobile", "email", "halaxy_number"];

pub struct Place {
    pub desk: Desk,
    pub schema: Schema,
}

pub async fn place() -> Place {
    let schema = crate::common::schema(&UNITS);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let store = Store::open("sqlite::memory:", &Key::generate(), "clinic", clock.now())
        .await
        .unwrap();
    Place {
        desk: crate::common::desk(store, &schema, clock),
        schema,
    }
}

/// Both records agreed on `base`; then each was edited. Judged once, so that what differs is in question.
pub fn person(schema: &Schema, n: usize, unit: &str, base: &str, crm: &str, halaxy: &str) -> Entity {
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

pub fn judged(schema: &Schema, entity: &Entity) -> Entity {
    let context = Context {
        now: 1_000,
        lane: Lane::Live,
        mirrors_complete: true,
    };
    reconcile(schema, entity, context).entity
}

impl Place {
    pub async fn put(&self, entities: &[Entity]) {
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

    pub async fn entity(&self, id: &str) -> Entity {
        self.desk.store().entities(&[id.to_string()]).await.unwrap().remove(0)
    }

    pub async fn change(&self, id: &str, change: impl FnOnce(&mut Entity)) {
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

    pub async fn judge(&self, id: &str) -> Entity {
        self.change(id, |entity| *entity = judged(&self.schema, entity)).await;
        self.entity(id).await
    }

    /// What delivery does: every planned write lands.
    pub async fn deliver(&self, id: &str) {
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

    pub async fn item(&self, entity: &str) -> String {
        self.desk.store().items_of(entity).await.unwrap().remove(0).id
    }

    pub async fn token(&self, id: &str) -> String {
        self.desk.detail(id).await.unwrap().token
    }
}

pub fn take(system: &str, token: &str) -> Decision {
    Decision {
        act: "take".into(),
        system: Some(system.into()),
        value: None,
        token: token.into(),
    }
}

pub fn word(act: &str, token: &str) -> Decision {
    Decision {
        act: act.into(),
        system: None,
        value: None,
        token: token.into(),
    }
}

pub fn refused_as_changed<T: std::fmt::Debug>(result: Result<T, DeskError>) -> bool {
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
pub fn essence(entity: &Entity) -> Entity {
    Entity {
        revision: 0,
        dirty: false,
        ..entity.clone()
    }
}

pub fn seen(entity: &Entity, system: &str, unit: &str) -> String {
    entity.links[system].units[unit].seen().unwrap().to_line()
}

pub fn phone() -> impl Strategy<Value = String> {
    (0..20u32).prop_map(|n| format!("+614915700{n:02}"))
}
