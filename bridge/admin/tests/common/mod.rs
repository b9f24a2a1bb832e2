//! A desk over a store, with Halaxy and a CRM that take everything.
#![allow(dead_code)]

use adapter_kit::Clock;
use bridge_admin::desk::Desk;
use bridge_core::mapping::EntityFile;
use bridge_core::{Accept, AcceptRule, Party, Schema};
use bridge_engine::{Brakes, Engine, RandomIds, Settings, System};
use bridge_queue::Embedded;
use bridge_store::Store;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const FILE: &str = include_str!("../../../../mappings/entities/person.toml");

/// The two systems with these units of people.
pub fn schema(units: &[&str]) -> Schema {
    let file = EntityFile::parse("person.toml", FILE).unwrap();
    let party = |system: &str, kind: &str| Party {
        system: system.into(),
        kind: kind.into(),
        receives: units.iter().map(|unit| (*unit).to_string()).collect(),
        accepts: units
            .iter()
            .map(|unit| ((*unit).to_string(), AcceptRule::always(Accept::Yes)))
            .collect(),
        create: None,
        reference: Some("halaxy_number".into()),
        lag: 0,
        unique: BTreeSet::new(),
    };
    Schema {
        entity: "person".into(),
        units: units.iter().map(|unit| file.unit(unit).unwrap().unit.clone()).collect(),
        parties: vec![party("crm", "contacts"), party("halaxy", "Patient")],
        swings: 3,
    }
}

/// Where somebody decides by that schema.
pub fn desk(store: Store, schema: &Schema, clock: Arc<dyn Clock>) -> Desk {
    desk_among(vec![], store, schema, clock)
}

/// The same, with systems that have mappings.
pub fn desk_among(systems: Vec<System>, store: Store, schema: &Schema, clock: Arc<dyn Clock>) -> Desk {
    let settings = Settings {
        schema: Arc::new(schema.clone()),
        systems,
        home: "halaxy".into(),
        reference: "halaxy_number".into(),
        sweep_every: None,
        keep_losers: Duration::from_secs(9_999),
        brakes: Brakes::default(),
        digest: "digest".into(),
    };
    let queue = Arc::new(Embedded::default());
    let engine = Engine::attend(settings, store, queue, Arc::clone(&clock), Arc::new(RandomIds));
    let file = EntityFile::parse("person.toml", FILE).unwrap();
    Desk::new(engine, file, "AU".parse().unwrap(), clock)
}
