//! Every promise that can be judged from outside: what people typed against what stands in the
//! products, in the agreed values, in the review queue and in the ledger of values that lost.

use crate::history::numbered;
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
pub async fn judge(world: &World, store: &Store, ids: u64, bad: &mut Vec<Broken>) -> Result<(), EngineError> {
    let products = world.products();
    let entities = entities(&products, store).await?;
    let owned: BTreeSet<&String> = entities
        .values()
        .flat_map(|e| e.links.values().map(|l| &l.remote_id))
        .collect();
    let mut covered: BTreeSet<String> = BTreeSet::new();
    // An entity whose records all joined another one keeps its ledger.
    for id in (0..ids).map(numbered) {
        covered.extend(store.losers(&id).await?.iter().filter_map(|l| text(&l.value)));
    }
    for entity in entities.values() {
        covered.extend(entity.agreed.values().filter_map(|a| text(&a.value)));
        covered.extend(
            entity
                .conflicts
                .values()
                .flat_map(|c| c.values.values().filter_map(text)),
        );
        for system in SYSTEMS {
            compare(entity, system, &products[system], &mut covered, bad);
        }
        opted_out(entity, &products, bad);
    }
    for id in products
        .values()
        .flat_map(|p| p.records.iter().filter(|(_, r)| r.alive).map(|(id, _)| id))
    {
        if !owned.contains(id) {
            broken(bad, Promise::Convergence, format!("nobody has seen {id}"));
        }
    }
    let dead = products.values().flat_map(|p| p.records.values()).filter(|r| !r.alive);
    covered.extend(dead.flat_map(|r| ["nick", "note"].map(|m| r.body[m].as_str().unwrap_or_default().to_string())));
    records(&products, &owned, bad);
    lost(&products, covered, bad);
    Ok(())
}

/// The entities of all records.
///
/// # Errors
/// The store's.
pub async fn entities(
    products: &BTreeMap<&'static str, Product>,
    store: &Store,
) -> Result<BTreeMap<String, Entity>, EngineError> {
    let mut entities = BTreeMap::new();
    for (system, product) in products {
        for id in product.records.keys() {
            if let Some(entity) = store.entity_of(system, "person", id).await?
                && !entities.contains_key(&entity)
            {
                let found = store.entities(&[entity]).await?;
                entities.extend(found.into_iter().map(|e| (e.id.clone(), e)));
            }
        }
    }
    Ok(entities)
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
    let Some(record) = product.records.get(&link.remote_id) else {
        return;
    };
    let held = entity.links.values().any(|l| l.held.is_some());
    let doubtful = entity
        .writes
        .get(system)
        .is_some_and(|w| matches!(w.state, WriteState::Doubtful | WriteState::Refused));
    for member in ["nick", "note", "tags"] {
        let stands = canonical(&record.body, member);
        if link.state != LinkState::Live || !record.alive || held || doubtful {
            covered.extend(text(&stands));
            continue;
        }
        let agreed = entity.agreed.get(member).map(|a| &a.value);
        let conflict = entity.conflicts.get(member);
        let in_review = conflict.is_some_and(|c| c.values.get(system) == Some(&stands));
        let x = link.units.get(member);
        let waits = x.is_some_and(|x| x.held.as_ref().is_some_and(|h| Some(&h.value) == agreed));
        let blank = |v: &Value| v.is_empty() || v.elements().is_empty() && matches!(v, Value::Set(_));
        // Nobody is asked there: what was there at first contact stays where nothing is agreed.
        let unasked = system == "books" && entity.links[system].units.get(member).is_none_or(|x| x.base.is_none());
        let alone =
            system == "books" && agreed.is_none() && entity.links.len() == 1 || unasked && agreed.is_none_or(blank);
        let same = alone || agreed == Some(&stands) || agreed.is_none_or(blank) && blank(&stands);
        if same || in_review || waits {
            covered.extend(text(&stands));
        } else if conflict.is_none() {
            let what = format!("{}.{member}: {stands:?}, agreed is {agreed:?}", link.remote_id);
            broken(bad, Promise::Convergence, what);
        }
    }
}

/// Whoever said out last is out everywhere, also where a record waits for a person.
fn opted_out(entity: &Entity, products: &BTreeMap<&'static str, Product>, bad: &mut Vec<Broken>) {
    let links = || entity.links.values();
    let words = links().flat_map(|l| {
        let product = &products[l.system.as_str()];
        product
            .words
            .iter()
            .filter(|w| w.id == l.remote_id)
            .map(move |w| (l, w))
    });
    let Some((link, word)) = words.max_by_key(|(_, word)| word.at) else {
        return;
    };
    let stands = |l: &bridge_core::Link| {
        let record = products[l.system.as_str()].records.get(&l.remote_id);
        record.filter(|r| r.alive && l.state == LinkState::Live)
    };
    let drowned = links().any(|l| products[l.system.as_str()].drowned.contains(&l.remote_id));
    if word.value != "out" || drowned || stands(link).is_none() {
        return;
    }
    for other in links() {
        let doubtful = entity
            .writes
            .get(&other.system)
            .is_some_and(|w| w.state != WriteState::Planned);
        if let Some(record) = stands(other).filter(|_| !doubtful)
            && record.body["mail"] != "out"
        {
            let what = format!(
                "{} said out at {}; {} has {}",
                word.id, word.at, other.remote_id, record.body["mail"]
            );
            broken(bad, Promise::OptOut, what);
        }
    }
}

fn records(products: &BTreeMap<&'static str, Product>, owned: &BTreeSet<&String>, bad: &mut Vec<Broken>) {
    for (system, product) in products {
        let mut alive: BTreeMap<usize, Vec<&String>> = BTreeMap::new();
        for (id, record) in &product.records {
            if record.alive {
                alive.entry(record.person).or_default().push(id);
            }
            // A record removed before the bridge had seen it left no trace to respect.
            let back = product
                .removed
                .iter()
                .any(|(p, removed, at)| *p == record.person && *at < record.made && owned.contains(removed));
            if record.by_bridge && back {
                broken(
                    bad,
                    Promise::NoResurrection,
                    format!("{id} was created after a removal"),
                );
            }
        }
        for (person, ids) in alive.iter().filter(|(_, ids)| ids.len() > 1) {
            broken(
                bad,
                Promise::NoDuplicateCreate,
                format!("person {person} in {system}: {ids:?}"),
            );
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
            broken(
                bad,
                Promise::NoLostEdit,
                format!("{} := {} at {}", edit.place, edit.value, edit.at),
            );
        }
    }
}
