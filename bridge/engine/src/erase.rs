//! Forgetting a person: everything the bridge holds of them goes, their records are never taken in again, and what
//! others still hold is named for a person to see to.

use crate::error::EngineError;
use crate::step::Engine;
use adapter_kit::mirror::MirrorRules;
use bridge_core::{Entity, LinkState, Time, Value};
use bridge_store::{AuditEntry, Mirrored, RecordKey, Store, Told, conflict_id};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Parts of the store that the books rest on: tax law wants them kept, so only names go.
const BOOKS: [&str; 9] = [
    "fact/",
    "entry",
    "contact",
    "approval",
    "unreadable",
    "shown/",
    "statement",
    "journal",
    "sign-off",
];
/// Mirrored rows read at once.
const PAGE: usize = 500;
/// Shorter values say nothing of anybody by themselves.
const TELLING: usize = 5;

/// Where records about people are mirrored from.
pub struct MirrorOf<'r> {
    /// System.
    pub system: String,
    /// What its bodies say of whom.
    pub rules: &'r dyn MirrorRules,
}

/// What an outside system still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Residue {
    /// System.
    pub system: String,
    /// Kind and id of the record.
    pub record: String,
    /// Whether the record was there when it was last seen.
    pub there: bool,
    /// Units the bridge wrote into it, by name.
    pub told: BTreeSet<String>,
}

/// Something of the person that left for a place where they have no record: a file, the warehouse, the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// What it went to, as the register has it.
    pub system: String,
    /// When, microseconds.
    pub at: Time,
    /// What it was.
    pub what: String,
    /// Names of what was told.
    pub units: Vec<String>,
}

/// What was the person's in the store, by its ids: copies elsewhere are found by them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ids {
    /// Their records: system, kind and id.
    pub records: Vec<(String, String, String)>,
    /// Mirrored records about nobody else: system, kind and id.
    pub mirrored: Vec<(String, String, String)>,
    /// Open conflicts, by their short ids.
    pub conflicts: Vec<String>,
}

/// What an erasure came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Erasure {
    /// The entity that was.
    pub entity: String,
    /// Rows removed by table; of `audit`, lines that lost their values and stay.
    pub removed: BTreeMap<&'static str, u64>,
    /// Rows of the books that name the person's records and are kept, without names.
    pub books_kept: u64,
    /// What outside systems still hold.
    pub residue: Vec<Residue>,
    /// What went elsewhere, oldest first.
    pub elsewhere: Vec<Elsewhere>,
    /// Ids of what was there.
    pub ids: Ids,
}

/// What gives a person away in the rows of other parts.
struct Marks {
    /// References, e.g. `Patient/900001`, and the entity's id.
    references: Vec<String>,
    /// Values, in lower case.
    values: BTreeSet<String>,
}

impl Marks {
    fn of(entity: &Entity) -> Self {
        let mut values = BTreeSet::new();
        let mut add = |value: &Value| match value {
            Value::Text(text) => drop(values.insert(text.to_lowercase())),
            Value::Group(parts) => {
                let name = [parts.get("given"), parts.get("family")];
                let name: Vec<&str> = name.into_iter().flatten().map(String::as_str).collect();
                if name.len() == 2 {
                    values.insert(name.join(" ").to_lowercase());
                    values.insert(format!("{}, {}", name[1], name[0]).to_lowercase());
                }
                values.extend(parts.get("line").map(|line| line.to_lowercase()));
            }
            _ => {}
        };
        entity.agreed.values().for_each(|agreed| add(&agreed.value));
        for link in entity.links.values() {
            link.units.values().filter_map(|x| x.seen()).for_each(&mut add);
        }
        // Codes, dates and ids are those of many: mailboxes, numbers, names and streets are one person's.
        values.retain(|text| {
            text.chars().count() >= TELLING && (text.contains([' ', '@', ',']) || text.starts_with('+'))
        });
        let record = |link: &bridge_core::Link| format!("{}/{}", link.kind, link.remote_id);
        let mut references: Vec<String> = entity.links.values().map(|link| record(link)).collect();
        references.push(entity.id.clone());
        Self { references, values }
    }

    fn is_value(&self, text: &str) -> bool {
        self.values.contains(&text.trim().to_lowercase())
    }

    fn names(&self, body: &Json) -> bool {
        match body {
            Json::String(text) => {
                let refers = |r: &String| {
                    text.strip_suffix(r.as_str())
                        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
                };
                self.references.iter().any(refers) || self.is_value(text)
            }
            Json::Array(items) => items.iter().any(|item| self.names(item)),
            // Facts of the books spell a patient {"patient": "900001"}.
            Json::Object(members) => members.iter().any(|(name, value)| {
                let spelt = value.as_str().map(|id| format!("{name}/{id}").to_lowercase());
                self.references
                    .iter()
                    .any(|r| spelt.as_ref() == Some(&r.to_lowercase()))
                    || self.names(value)
            }),
            _ => false,
        }
    }

    /// Takes the person's values out of a body; whether there were any.
    fn scrub(&self, body: &mut Json) -> bool {
        match body {
            Json::String(text) if self.is_value(text) => {
                text.clear();
                true
            }
            Json::Array(items) => items.iter_mut().fold(false, |any, item| self.scrub(item) | any),
            Json::Object(members) => members.values_mut().fold(false, |any, value| self.scrub(value) | any),
            _ => false,
        }
    }
}

/// The body without the elements that are about these people; for records about several.
pub fn without(body: &mut Json, kind: &str, people: &BTreeSet<String>) {
    fn about(value: &Json, kind: &str, people: &BTreeSet<String>) -> bool {
        match value {
            Json::Object(members) => {
                let mut parts = members
                    .get("reference")
                    .and_then(Json::as_str)
                    .unwrap_or_default()
                    .rsplit('/');
                let named =
                    matches!((parts.next(), parts.next()), (Some(id), Some(of)) if of == kind && people.contains(id));
                named || members.values().any(|value| about(value, kind, people))
            }
            Json::Array(items) => items.iter().any(|item| about(item, kind, people)),
            _ => false,
        }
    }
    match body {
        Json::Array(items) => {
            items.retain(|item| !about(item, kind, people));
            items.iter_mut().for_each(|item| without(item, kind, people));
        }
        Json::Object(members) => {
            members.retain(|_, value| value.is_array() || !about(value, kind, people));
            members.values_mut().for_each(|value| without(value, kind, people));
        }
        _ => {}
    }
}

impl Engine {
    /// Forgets a person. With `dry`, says what that would come to and changes nothing. Afterwards [`Store::purge`] takes
    /// the bytes out of the database.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown entity; [`EngineError::NotPossible`] while a write to one of its records is on
    /// its way, since its answer would come to nobody.
    pub async fn erase(&self, id: &str, mirror: &[MirrorOf<'_>], by: &str, dry: bool) -> Result<Erasure, EngineError> {
        let now = self.clock.now();
        self.store.take_in_hints().await?;
        let Some(entity) = self.store.entities(&[id.to_string()]).await?.pop() else {
            return Err(EngineError::NotFound(format!("entity {id}")));
        };
        if let Some(system) = entity.writes.keys().find(|system| entity.busy(system)) {
            return Err(EngineError::NotPossible(format!(
                "a write to {system} is on its way, and its answer must come first: try again in a minute"
            )));
        }
        let told = told_of(&self.store, &entity).await?;
        let records: Vec<RecordKey> = entity.links.values().map(|link| RecordKey::from(&**link)).collect();
        let bodies = self.mirrored_of(mirror, &entity, now).await?;
        let parts = self.parts_of(&Marks::of(&entity)).await?;
        let mut tx = self.store.begin().await?;
        if tx.entities(&[id.to_string()]).await?.pop().as_ref() != Some(&entity) {
            return Err(EngineError::Changed);
        }
        for (system, rows) in &bodies {
            tx.put_mirrored(system, rows).await?;
        }
        for (part, rows) in &parts.scrubbed {
            tx.put_ledger(part, rows).await?;
        }
        for (part, ids) in &parts.gone {
            tx.drop_ledger(part, ids).await?;
        }
        let mut removed = tx.erase(id, &records, now).await?;
        *removed.entry("mirror").or_default() += bodies.iter().map(|(_, rows)| rows.len() as u64).sum::<u64>();
        removed.insert("ledger", parts.gone.values().map(|ids| ids.len() as u64).sum());
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(id.into()),
            event: "erased".into(),
            reason: format!("by {by}: all values removed; the records are never taken in again"),
            ..AuditEntry::default()
        }])
        .await?;
        if dry {
            tx.rollback().await?;
        } else {
            self.commit(tx).await?;
            self.forget_record(&records);
        }
        let mirrored = bodies.iter().flat_map(|(system, rows)| {
            let gone = rows.iter().filter(|row| row.gone && row.body.is_null());
            gone.map(|row| (system.clone(), row.kind.clone(), row.id.clone()))
        });
        let ids = Ids {
            records: records
                .iter()
                .map(|r| (r.system.clone(), r.kind.clone(), r.remote_id.clone()))
                .collect(),
            mirrored: mirrored.collect(),
            conflicts: entity.conflicts.keys().map(|unit| conflict_id(id, unit)).collect(),
        };
        Ok(Erasure {
            entity: id.into(),
            removed,
            books_kept: parts.kept,
            residue: residue(&entity, &told),
            elsewhere: elsewhere(&entity, told),
            ids,
        })
    }

    /// A directory in memory is built anew before anybody else is matched.
    fn forget_record(&self, records: &[RecordKey]) {
        let mut stale = self.stale.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(stale) = stale.as_mut() {
            stale.extend(records.iter().cloned());
        }
    }

    /// What becomes of mirrored bodies: those about this person alone go; of those about several, what is about this one.
    async fn mirrored_of(
        &self,
        mirror: &[MirrorOf<'_>],
        entity: &Entity,
        now: Time,
    ) -> Result<Vec<(String, Vec<Mirrored>)>, EngineError> {
        let mut all = vec![];
        for of in mirror {
            let kind = of.rules.person_kind();
            let Some(link) = entity.links.get(&of.system).filter(|l| l.kind == kind) else {
                continue;
            };
            let person = BTreeSet::from([link.remote_id.clone()]);
            let (mut seq, mut changed) = (0, vec![]);
            loop {
                let rows = self.store.mirrored_after(&of.system, "", seq, PAGE).await?;
                let Some(last) = rows.last() else { break };
                seq = last.seq;
                for mut row in rows {
                    let people = of.rules.people(&row.kind, &row.body);
                    if people == person {
                        (row.gone, row.body) = (true, Json::Null);
                    } else if people.contains(&link.remote_id) {
                        without(&mut row.body, kind, &person);
                        row.seen = row.seen.max(now);
                    } else {
                        continue;
                    }
                    changed.push(row);
                }
            }
            all.push((of.system.clone(), changed));
        }
        Ok(all)
    }

    /// What becomes of the rows of the parts beside people: those that name this person go, but for the books', which
    /// lose the names.
    async fn parts_of(&self, marks: &Marks) -> Result<Parts, EngineError> {
        let mut parts = Parts::default();
        let each = |part: String, id: String, text: String| {
            let Ok(mut body) = serde_json::from_str::<Json>(&text) else {
                return;
            };
            if !marks.names(&body) && !marks.references.iter().any(|r| id.contains(r.as_str())) {
                return;
            }
            if !BOOKS.iter().any(|books| part.starts_with(books)) {
                parts.gone.entry(part).or_default().push(id);
                return;
            }
            parts.kept += 1;
            if marks.scrub(&mut body) {
                parts.scrubbed.entry(part).or_default().push((id, body.to_string()));
            }
        };
        self.store.every_part(each).await?;
        Ok(parts)
    }
}

/// Rows of the parts beside people, by part.
#[derive(Default)]
struct Parts {
    gone: BTreeMap<String, Vec<String>>,
    scrubbed: BTreeMap<String, Vec<(String, String)>>,
    kept: u64,
}

/// Lines of everything that was told of an entity, oldest first.
async fn told_of(store: &Store, entity: &Entity) -> Result<Vec<AuditEntry>, EngineError> {
    let wanted = Told {
        entity: Some(entity.id.clone()),
        from: Time::MIN,
        to: Time::MAX,
        ..Told::default()
    };
    let mut lines = store.all_told(&wanted).await?;
    lines.retain(|line| line.tells().is_some());
    Ok(lines)
}

/// What outside systems hold of an entity, as far as the bridge knows.
fn residue(entity: &Entity, lines: &[AuditEntry]) -> Vec<Residue> {
    let mut told: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        let system = line.system.as_deref().unwrap_or_default();
        told.entry(system).or_default().extend(line.units.iter().cloned());
    }
    let of = |link: &bridge_core::Link| Residue {
        system: link.system.clone(),
        record: format!("{}/{}", link.kind, link.remote_id),
        there: link.state == LinkState::Live,
        told: told.get(link.system.as_str()).cloned().unwrap_or_default(),
    };
    entity.links.values().map(|link| of(link)).collect()
}

fn elsewhere(entity: &Entity, lines: Vec<AuditEntry>) -> Vec<Elsewhere> {
    let of = |line: AuditEntry| {
        let system = line.system.filter(|system| !entity.links.contains_key(system))?;
        Some(Elsewhere {
            system,
            at: line.at,
            what: line.reason,
            units: line.units,
        })
    };
    lines.into_iter().filter_map(of).collect()
}
