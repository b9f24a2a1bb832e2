//! A record typed into the try-box, with attacks for members and for their names, through the mappings that are delivered.

use super::hostile::{FILE, Planted, shown_in};
use super::markup::{guarded, said};
use crate::support::{Browser, House};
use adapter_kit::{
    Adapter, AdapterError, Answer, AnswerStyle, Found, Guard, Outgoing, Page, PrepareStep, Probe, Read, Traits, Usage,
    Versions,
};
use bridge_admin::access::role::Role;
use bridge_core::mapping::{EntityFile, Mapping};
use bridge_engine::System;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;

const MAPPINGS: [(&str, &str); 3] = [
    ("crm", include_str!("../../../../../mappings/example-crm.toml")),
    ("halaxy", include_str!("../../../../../mappings/halaxy.toml")),
    ("hubspot", include_str!("../../../../../mappings/hubspot.toml")),
];

/// An account that is never called.
struct Silent;

#[async_trait::async_trait]
impl Adapter for Silent {
    fn traits(&self, _kind: &str) -> Traits {
        Traits {
            guard: Guard::Read,
            answer: AnswerStyle::Written,
            versions: Versions::None,
            lag: Duration::ZERO,
            call_life: Duration::from_secs(60),
            read_batch: 1,
            update_batch: 1,
            create_batch: 1,
            guard_batch: 1,
            keeps_history: false,
            keeps_reference: true,
            create_is_idempotent: true,
            unique: vec![],
        }
    }
    async fn changes(&self, _kind: &str, _cursor: Option<&str>) -> Result<Page, AdapterError> {
        unreachable!("no page calls an account")
    }
    async fn listing(&self, kind: &str, cursor: Option<&str>) -> Result<Page, AdapterError> {
        self.changes(kind, cursor).await
    }
    async fn read(&self, _kind: &str, _ids: &[String]) -> Result<Vec<Read>, AdapterError> {
        Ok(vec![])
    }
    async fn write(&self, _kind: &str, _writes: Vec<Outgoing>) -> Vec<Answer> {
        vec![]
    }
    async fn find(&self, _kind: &str, _references: &[String]) -> Result<Vec<Found>, AdapterError> {
        Ok(vec![])
    }
    async fn probe(&self, _kinds: &[String]) -> Vec<Probe> {
        vec![]
    }
    async fn prepare(&self, _kind: &str, _apply: bool) -> Result<Vec<PrepareStep>, AdapterError> {
        Ok(vec![])
    }
    fn usage(&self) -> Usage {
        Usage::default()
    }
}

fn systems() -> Vec<System> {
    let file = EntityFile::parse("person.toml", FILE).unwrap();
    let system = |(name, text): (&str, &str)| {
        let mapping = Mapping::parse(name, text, &file, "AU".parse().unwrap()).unwrap();
        System {
            name: name.into(),
            adapter: Arc::new(Silent),
            paths: mapping.paths(),
            mapping: Arc::new(mapping),
            poll_every: Duration::from_secs(60),
            reference: "halaxy_number".into(),
        }
    };
    MAPPINGS.into_iter().map(system).collect()
}

/// Words by which a mapping finds a member stay; all others become attacks, and each object gets a member of that name.
fn spoiled(value: Json, name: &str, planted: &mut Planted) -> Json {
    match value {
        Json::Object(members) => {
            let all = members.into_iter().map(|(name, value)| {
                let value = spoiled(value, &name, planted);
                (name, value)
            });
            let mut all: Map<String, Json> = all.collect();
            all.insert(planted.short("a name of a member"), planted.loud("a member").into());
            Json::Object(all)
        }
        Json::Array(items) => Json::Array(items.into_iter().map(|item| spoiled(item, name, planted)).collect()),
        Json::String(text) if ["use", "system", "resourceType", "url", "type", "reference", "code"].contains(&name) => {
            text.into()
        }
        Json::String(_) => planted.loud(name).into(),
        other => other,
    }
}

/// The made-up record that a page offers.
async fn sample(browser: &mut Browser, system: &str) -> Json {
    let page = browser.get(&format!("/mappings?sample={system}")).await;
    guarded("/mappings", &page);
    said("/mappings", &page.text);
    let text = page.text.split("<textarea name=\"record\"").nth(1).unwrap();
    let text = text.split_once('>').unwrap().1.split("</textarea>").next().unwrap();
    let pairs = [
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let text = pairs
        .iter()
        .fold(text.to_string(), |text, (from, to)| text.replace(from, to));
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_record_that_is_tried_stays_text_both_ways() {
    let house = House::empty().await;
    let file = EntityFile::parse("person.toml", FILE).unwrap();
    let units: Vec<&str> = file.units.iter().map(|spec| spec.unit.name.as_str()).collect();
    let schema = crate::common::schema(&units);
    let clock = Arc::clone(&house.clock) as Arc<_>;
    let desk = crate::common::desk_among(systems(), house.store.clone(), &schema, clock);
    house.app.open(house.store.clone(), Some(desk));
    let mut admin = house.user(Role::Admin).await;
    for (system, _) in MAPPINGS {
        let mut planted = Planted::default();
        let record = spoiled(sample(&mut admin, system).await, "", &mut planted);
        let page = admin
            .post("/mappings/try", &[("system", system), ("record", &record.to_string())])
            .await;
        assert_eq!(page.status, 200, "{system}");
        guarded(system, &page);
        let words = said(system, &page.text);
        // The record itself stands there as JSON; what is understood of it, and what is not passed on, as it is.
        let shown = planted.0.iter().filter(|(attack, _)| shown_in(attack, &words)).count();
        assert!(shown >= 3, "{system} shows {shown} of {}", planted.0.len());
    }
    for page in ["/runs", "/mappings", "/vitals", "/inbox"] {
        said(page, &admin.get(page).await.text);
    }
}
