//! A desk over the store of a house: who reviews there, and by which rules.

use adapter_kit::Clock;
use bridge_admin::desk::Desk;
use bridge_core::mapping::EntityFile;
use bridge_core::{Accept, AcceptRule, Party, Schema};
use bridge_engine::{Brakes, Engine, RandomIds, Settings};
use bridge_queue::Embedded;
use bridge_store::Store;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const FILE: &str = include_str!("../../../../mappings/entities/person.toml");
const UNITS: [&str; 5] = ["official_name", "birth_date", "mobile", "email", "halaxy_number"];

pub fn desk(store: &Store, clock: &Arc<dyn Clock>) -> Desk {
    let file = EntityFile::parse("person.toml", FILE).unwrap();
    let party = |system: &str, kind: &str| Party {
        system: system.into(),
        kind: kind.into(),
        receives: UNITS.map(String::from).into(),
        accepts: UNITS
            .map(|unit| (unit.to_string(), AcceptRule::always(Accept::Yes)))
            .into(),
        create: None,
        reference: Some("halaxy_number".into()),
        lag: 0,
        unique: BTreeSet::new(),
    };
    let schema = Schema {
        entity: "person".into(),
        units: UNITS.map(|unit| file.unit(unit).unwrap().unit.clone()).into(),
        parties: vec![party("crm", "contacts"), party("halaxy", "Patient")],
        swings: 3,
    };
    let settings = Settings {
        schema: Arc::new(schema),
        systems: vec![],
        home: "halaxy".into(),
        reference: "halaxy_number".into(),
        sweep_every: None,
        keep_losers: Duration::from_secs(9_999),
        brakes: Brakes::default(),
        digest: "digest".into(),
    };
    let queue = Arc::new(Embedded::default());
    let engine = Engine::attend(settings, store.clone(), queue, Arc::clone(clock), Arc::new(RandomIds));
    Desk::new(engine, file, "AU".parse().unwrap(), Arc::clone(clock))
}
