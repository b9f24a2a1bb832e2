//! Every promise that can be judged from outside: what people typed against what stands in the
//! products, in the agreed values, in the review queue and in the ledger of values that lost.

use crate::product::{Edit, Product};
use crate::world::{SYSTEMS, World};
use bridge_core::{Entity, LinkState, Value, WriteState};
use bridge_engine::EngineError;
use bridge_simulation::promise::{Broken, Promise};
use bridge_store::Store;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Judges the world as it stands.
///
/// # Errors
/// The store's.
pub async fn judge(world: &World, store: &Store, bad: &mut Vec<Broken>) -> Result<(), EngineError> {
    let products = world.products();
    let mut entities: BTreeMap<String, Entity> = BTreeMap::new();
    let mut strangers = BTreeSet::new();
    for (system, product) in &products {
        for (id, record) in &product.records {
            match store.entity_of(system, "person", id).await? {
                Some(entity) if !entities.contains_key(&entity) => {
                    let found = store.entities(std::slice::from_ref(&entity)).await?;
                    entities.extend(found.into_iter().map(|e| (e.id.clone(), e)));
                }
                None if record.alive => {
                    strangers.insert(id.clone());
                }
                _ => {}
            }
        }
    }
    let mut covered: BTreeSet<String> = BTreeSet::new();
    for entity in entities.values() {
        covered.extend(entity.agreed.values().filter_map(|a| text(&a.value)));
        covered.extend(entity.conflicts.values().flat_map(|c| c.values.values().filter_map(text)));
        covered.extend(store.losers(&entity.id).await?.iter().filter_map(|l| text(&l.value)));
        for system in SYSTEMS {
            compare(entity, system, &products[system], &mut covered, bad);
        }
    }
    for id in &strangers {
        broken(bad, Promise::Convergence, format!("nobody has seen {id}"));
    }
    records(&products, bad);
    lost(&products, covered, bad);
    Ok(())
}

fn broken(bad: &mut Vec<Broken>, promise: Promise, what: String) {
    bad.push(Broken { promise, what });
}

fn text(value: &Value) -> Option<String> {
    value.as_text().map(String::from)
}

fn canonical(body: &Json, member: &str) -> Value {
    let text = body[member].as_str().unwrap_or_default();
    match member {
        "tags" => Value::set(text.split(';').filter(|t| !t.is_empty())),
        _ => Value::text(text),
    }
}

fn compare(entity: &Entity, system: &str, product: &Product, covered: &mut BTreeSet<String>, bad: &mut Vec<Broken>) {
    let Some(link) = entity.links.get(system) else { return };
    let Some(record) = product.records.get(&link.remote_id) else { return };
    let held = entity.links.values().any(|l| l.held.is_some());
    let doubtful = entity.writes.get(system).is_some_and(|w| matches!(w.state, WriteState::Doubtful | WriteState::Refused));
    for member in ["nick", "note", "tags"] {
        let stands = canonical(&record.body, member);
        if link.state != LinkState::Live || !record.alive || held || doubtful {
            covered.extend(text(&stands));
            continue;
        }
        let agreed = entity.agreed.get(member).map(|a| &a.value);
        let blank = |v: &Value| v.is_empty() || v.elements().is_empty() && matches!(v, Value::Set(_));
        let conflict = entity.conflicts.get(member);
        let in_review = conflict.is_some_and(|c| c.values.get(system) == Some(&stands));
        let x = link.units.get(member);
        let waits = x.is_some_and(|x| x.held.as_ref().is_some_and(|h| Some(&h.value) == agreed));
        let same = agreed == Some(&stands) || agreed.is_none_or(blank) && blank(&stands);
        if same || in_review || waits {
            covered.extend(text(&stands));
        } else if conflict.is_none() {
            let what = format!("{}.{member}: {stands:?}, agreed is {agreed:?}", link.remote_id);
            broken(bad, Promise::Convergence, what);
        }
    }
}

fn records(products: &BTreeMap<&'static str, Product>, bad: &mut Vec<Broken>) {
    for (system, product) in products {
        let mut alive: BTreeMap<usize, Vec<&String>> = BTreeMap::new();
        for (id, record) in &product.records {
            if record.alive {
                alive.entry(record.person).or_default().push(id);
            }
            let back = product.removed.iter().any(|(p, at)| *p == record.person && *at < record.made);
            if record.by_bridge && back {
                broken(bad, Promise::NoResurrection, format!("{id} was created after a removal"));
            }
        }
        for (person, ids) in alive.iter().filter(|(_, ids)| ids.len() > 1) {
            broken(bad, Promise::NoDuplicateCreate, format!("person {person} in {system}: {ids:?}"));
        }
        for what in &product.trampled {
            broken(bad, Promise::NoLostEdit, format!("written from an old body: {what}"));
        }
    }
}

/// An edit is accounted for if its value is, or if a value typed over it is.
fn lost(products: &BTreeMap<&'static str, Product>, mut covered: BTreeSet<String>, bad: &mut Vec<Broken>) {
    let edits: Vec<&Edit> = products.values().flat_map(|p| &p.edits).collect();
    for product in products.values() {
        covered.extend(product.overwritten.iter().cloned());
    }
    loop {
        let before = covered.len();
        for edit in &edits {
            if edit.value.is_empty() || covered.contains(&edit.value) {
                covered.insert(edit.over.clone());
            }
        }
        if covered.len() == before {
            break;
        }
    }
    for edit in edits {
        if !edit.value.is_empty() && !covered.contains(&edit.value) {
            broken(bad, Promise::NoLostEdit, format!("{} := {} at {}", edit.place, edit.value, edit.at));
        }
    }
}
