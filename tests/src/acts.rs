//! What people do in a practice of the tests, and what can be seen of it from outside.

use crate::{Practice, now, person};
use adapter_sandbox::{Author, CallInfo, CallRecord, CrmKind, FaultKind, FaultRule, Manners, Phase, Verdict};
use bridge_core::review::Choice;
use bridge_core::{Conflict, Entity};
use bridge_engine::{Resolution, Step};
use bridge_store::{Counts, Filter, Page};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What an API call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in.
    Sign,
    /// A page of a poll or of a complete listing.
    Poll,
    /// A direct read.
    Read,
    /// A create or an update.
    Write,
}

/// Says what a call is for.
pub fn purpose(method: &str, path: &str, query: &str) -> Purpose {
    let halaxy = path.contains("/halaxy/");
    let single = |list: &str| !path.trim_end_matches('/').ends_with(list);
    match method {
        _ if path.contains("oauth") => Purpose::Sign,
        "GET" if halaxy && (single("/Patient") || query.contains("_id=")) => Purpose::Read,
        "GET" if !halaxy && (single("/contacts") || query.contains("external_ref=")) => Purpose::Read,
        "GET" => Purpose::Poll,
        _ if path.ends_with("/search") => Purpose::Poll,
        _ if path.ends_with("/batch/read") => Purpose::Read,
        _ => Purpose::Write,
    }
}

/// A fault of that kind in a system, on calls with this method whose path contains the text, once.
pub fn fault(system: &str, kind: FaultKind, method: &str, path: &str) -> FaultRule {
    FaultRule {
        system: Some(system.into()),
        fault: kind,
        status: None,
        delay_ms: None,
        rate: None,
        count: Some(1),
        method: Some(method.into()),
        path_contains: Some(path.into()),
    }
}

/// Method and path by which a system's records are created and updated: the two calls to strike.
pub fn writing(system: &str, crm: CrmKind) -> [(&'static str, &'static str); 2] {
    match (system, crm) {
        ("halaxy", _) => [("POST", "/Patient"), ("PATCH", "/Patient/")],
        (_, CrmKind::Hubspot) => [("POST", "/batch/upsert"), ("POST", "/batch/update")],
        (_, CrmKind::Plain) => [("POST", "/contacts"), ("PATCH", "/contacts/")],
    }
}

impl Practice {
    /// Miriam stands on both sides (`P1`, `C1`) and is linked; Bruno (`P2`) has been created in the CRM.
    pub async fn settled(crm: CrmKind) -> Self {
        let patients = vec![
            person(
                "P1",
                "Miriam",
                "Samplewood",
                "1988-04-17",
                "+61491570006",
                "miriam@example.org",
            ),
            person(
                "P2",
                "Bruno",
                "Testacre",
                "1970-12-01",
                "+61491570156",
                "bruno@example.org",
            ),
        ];
        let contacts = vec![person(
            "C1",
            "Miriam",
            "Samplewood",
            "1988-04-17",
            "+61491570006",
            "miriam@example.org",
        )];
        let practice = Self::start(crm, Manners::Polite, patients, contacts).await;
        practice.sync().await;
        practice
    }

    /// What a person's record in Halaxy or the CRM is called there.
    pub fn id(&self, csv_id: &str) -> String {
        self.sandbox
            .ids()
            .into_iter()
            .find(|row| row.csv_id == csv_id)
            .unwrap()
            .id
    }

    fn hubspot(&self) -> bool {
        self.crm == CrmKind::Hubspot
    }

    /// A unit as the raw record shows it; blank if it has none. Names are given and family name.
    pub fn shows(&self, system: &str, id: &str, unit: &str) -> String {
        let record = self.sandbox.record(system, kind(system), id).unwrap();
        self.read(system, &record, unit)
    }

    /// A unit of a raw record.
    pub fn read(&self, system: &str, record: &Json, unit: &str) -> String {
        if system == "halaxy" {
            let name = || {
                record["name"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|n| n["use"] != "usual")
            };
            return match unit {
                "given" => name().map(|n| text(&n["given"][0])),
                "family" => name().map(|n| text(&n["family"])),
                "birth_date" => Some(text(&record["birthDate"])),
                _ => {
                    let mut list = record["telecom"].as_array().into_iter().flatten();
                    list.find(|t| t["system"] == telecom(unit)).map(|t| text(&t["value"]))
                }
            }
            .unwrap_or_default();
        }
        let members = if self.hubspot() { &record["properties"] } else { record };
        text(&members[self.member(unit)])
    }

    fn member(&self, unit: &str) -> &'static str {
        match (unit, self.hubspot()) {
            ("given", true) => "firstname",
            ("given", false) => "first_name",
            ("family", true) => "lastname",
            ("family", false) => "last_name",
            ("birth_date", true) => "date_of_birth",
            ("birth_date", false) => "birth_date",
            ("mobile", true) => "mobilephone",
            ("mobile", false) => "mobile",
            ("phone", _) => "phone",
            ("email", _) => "email",
            ("preferred_name", _) => "preferred_name",
            ("status", true) => "halaxy_status",
            ("halaxy_number", true) => "halaxy_patient_id",
            ("halaxy_number", false) => "external_ref",
            _ => panic!("no member for {unit}"),
        }
    }

    /// Somebody at the screen changes one unit; blank clears it.
    pub fn edit(&self, system: &str, id: &str, unit: &str, value: &str) {
        self.edit_as(system, id, unit, value, Author::Person);
    }

    /// An author changes one unit; blank clears it.
    pub fn edit_as(&self, system: &str, id: &str, unit: &str, value: &str, author: Author) {
        let wanted = if value.is_empty() { Json::Null } else { json!(value) };
        let patch = if system == "halaxy" {
            let record = self.sandbox.record(system, kind(system), id).unwrap();
            match unit {
                "birth_date" => json!({ "birthDate": wanted }),
                "given" | "family" => {
                    let mut names = record["name"].clone();
                    let official = names
                        .as_array_mut()
                        .unwrap()
                        .iter_mut()
                        .find(|n| n["use"] != "usual")
                        .unwrap();
                    official[unit] = if unit == "given" { json!([value]) } else { wanted };
                    json!({ "name": names })
                }
                _ => {
                    let mut list = record["telecom"].as_array().cloned().unwrap_or_default();
                    list.retain(|t| t["system"] != telecom(unit));
                    if !value.is_empty() {
                        list.push(json!({ "system": telecom(unit), "use": "home", "value": value }));
                    }
                    json!({ "telecom": list })
                }
            }
        } else {
            json!({ self.member(unit): wanted })
        };
        self.sandbox
            .person_edit_as(system, kind(system), id, &patch, author)
            .unwrap();
    }

    /// The entity of a record.
    pub async fn entity(&self, system: &str, id: &str) -> Entity {
        let store = self.engine.store();
        let entity = store
            .entity_of(system, kind(system), id)
            .await
            .unwrap()
            .expect("the record has an entity");
        store.entities(&[entity]).await.unwrap().remove(0)
    }

    /// The id of the record that the bridge made or linked for the person of a record of another system.
    pub async fn counterpart(&self, system: &str, id: &str) -> String {
        let entity = self.entity(system, id).await;
        entity
            .links
            .values()
            .find(|l| l.system != system)
            .expect("a linked record")
            .remote_id
            .clone()
    }

    /// Every entity that has a record somewhere.
    pub async fn entities(&self) -> Vec<Entity> {
        let store = self.engine.store();
        let rows = store.linked(&Page::first(10_000)).await.unwrap().rows;
        store
            .entities(&rows.into_iter().map(|row| row.entity).collect::<Vec<_>>())
            .await
            .unwrap()
    }

    /// Reads everything once, and decides nothing.
    pub async fn observed(&self) {
        loop {
            self.engine.poll_now();
            let step = self.engine.observe(now()).await.unwrap();
            if !step.active() {
                return;
            }
        }
    }

    /// What stands in the store, in numbers.
    pub async fn counts(&self) -> Counts {
        self.engine.store().counts().await.unwrap()
    }

    /// The open conflict on a unit of an entity, if there is one.
    pub async fn conflict(&self, entity: &str, unit: &str) -> Option<(String, Conflict)> {
        let filter = Filter {
            entity: Some(entity.into()),
            unit: Some(unit.into()),
        };
        let rows = self
            .engine
            .store()
            .conflicts(&filter, &Page::first(10))
            .await
            .unwrap()
            .rows;
        rows.into_iter().next().map(|row| (row.id, row.conflict))
    }

    /// A person decides the open conflict on a unit for the value of a system, or `agreed`.
    pub async fn decide(&self, entity: &str, unit: &str, system: &str) {
        let (id, conflict) = self.conflict(entity, unit).await.expect("an open conflict");
        let row = self.engine.conflict(&id).await.unwrap();
        let choice = Choice::From(system.into());
        let resolution = Resolution {
            choice,
            shown: conflict.values,
            by: "reception".into(),
        };
        self.engine.resolve(&row, &resolution).await.unwrap();
    }

    /// So many rounds, each with a poll of everything; for a practice that cannot come to rest.
    pub async fn rounds(&self, count: usize) -> Step {
        self.engine.approve().await.unwrap();
        let mut sum = Step::default();
        for _ in 0..count {
            self.engine.poll_now();
            sum.add(&self.engine.step(now()).await.unwrap());
        }
        sum
    }

    /// Compares complete listings, then settles.
    pub async fn sweep(&self) -> Step {
        self.engine.sweep_now();
        self.sync().await
    }

    /// The number of the last call so far.
    pub fn last_call(&self) -> u64 {
        self.sandbox.calls_after(0).last().map_or(0, |call| call.n)
    }

    /// Calls of some purpose to a system after a number.
    pub fn calls(&self, after: u64, system: &str, wanted: Purpose) -> Vec<CallRecord> {
        let mut calls = self.sandbox.calls_after(after);
        calls.retain(|c| c.system == system && purpose(&c.method, &c.path, &c.query) == wanted);
        calls
    }

    /// Acts once, when the first write to a system has arrived and has had no effect yet: in the window
    /// between guard and write.
    pub fn before_next_write(
        &self,
        system: &'static str,
        act: impl Fn(&adapter_sandbox::Sandbox) + Send + Sync + 'static,
    ) {
        let hit = |info: &CallInfo| {
            info.phase == Phase::Arrived && purpose(&info.method, &info.path, &info.query) == Purpose::Write
        };
        self.once(system, hit, act);
    }

    /// Acts once, at the first call to a system that the test picks.
    pub fn once(
        &self,
        system: &'static str,
        hit: impl Fn(&CallInfo) -> bool + Send + Sync + 'static,
        act: impl Fn(&adapter_sandbox::Sandbox) + Send + Sync + 'static,
    ) {
        let (sandbox, done) = (Arc::downgrade(&self.sandbox), AtomicBool::new(false));
        self.sandbox.on_call(Box::new(move |info| {
            if info.system == system
                && hit(info)
                && !done.swap(true, Ordering::SeqCst)
                && let Some(sandbox) = sandbox.upgrade()
            {
                act(&sandbox);
            }
            Verdict::Go
        }));
    }

    /// How many live records of a system show this text somewhere.
    pub fn holding(&self, system: &str, text: &str) -> usize {
        self.records(system)
            .iter()
            .filter(|r| r.to_string().contains(text))
            .count()
    }
}

/// The kind of record that people are in a system.
pub fn kind(system: &str) -> &'static str {
    if system == "halaxy" { "Patient" } else { "contacts" }
}

fn telecom(unit: &str) -> &'static str {
    match unit {
        "mobile" => "sms",
        "phone" => "phone",
        "email" => "email",
        _ => panic!("no telecom for {unit}"),
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_string()
}
