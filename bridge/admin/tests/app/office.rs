//! The desk that the app of the tests decides at, and what its answers hold.

use adapter_kit::Clock;
use axum::body::to_bytes;
use axum::http::header;
use axum::response::Response;
use bridge_admin::desk::Desk;
use bridge_core::codec::Country;
use bridge_core::mapping::EntityFile;
use bridge_core::{Accept, AcceptRule, Party, Schema};
use bridge_engine::{Brakes, Engine, RandomIds, Settings};
use bridge_queue::Embedded;
use bridge_store::Store;
use std::sync::Arc;
use std::time::Duration;

const FILE: &str = include_str!("../../../../mappings/entities/person.toml");
const UNITS: [&str; 5] = ["official_name", "birth_date", "mobile", "email", "halaxy_number"];

/// A desk over a store, with Halaxy and a CRM that take everything.
pub fn desk(store: &Store, clock: Arc<dyn Clock>) -> Desk {
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
        unique: Default::default(),
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
    let engine = Engine::attend(settings, store.clone(), queue, Arc::clone(&clock), Arc::new(RandomIds));
    Desk::new(engine, file, "AU".parse::<Country>().unwrap(), clock)
}

/// What an answer holds; of a stream that goes on, the first that is told.
pub async fn body(response: Response) -> Vec<u8> {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind == "text/event-stream") {
        let mut events = response.into_body().into_data_stream();
        return futures::StreamExt::next(&mut events).await.unwrap().unwrap().to_vec();
    }
    to_bytes(response.into_body(), 4 << 20).await.unwrap().to_vec()
}
