//! What people decide: a value for a unit in review, a card, a link cut, a held unit released. A
//! decision is bound to the values on the screen: if any has changed, nothing is stored.

use crate::consent;
use crate::entity::{Agreed, CardKind, Doubt, Entity, Grave, Hold, Link, LinkState, Origin, Time, WriteState};
use crate::merge::AGREED;
use crate::plan::Loser;
use crate::schema::Schema;
use crate::value::Value;
use std::collections::BTreeMap;

/// Why a decision was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// There is no such open question.
    #[error("this is no longer open")]
    Closed,
    /// A value changed since it was shown.
    #[error("the values have changed since they were shown: look again")]
    Changed,
    /// The choice is none of those shown.
    #[error("there is no value from {0} to choose")]
    NoSuchChoice(String),
    /// Both values can be kept only where the unit is a set.
    #[error("`{0}` holds one value: take one, or type a third")]
    OneValue(String),
    /// What was decided or written is not what stands there now: somebody edited since.
    #[error("edited since in {}: nothing was taken back", .0.join(", "))]
    Edited(Vec<String>),
    /// A write to the record has no answer yet, or is being taken back already.
    #[error("a write to this record is on its way: try again in a moment")]
    UnderWay,
    /// Consent follows its own rule: an opt-out travels, and ends by an opt-in of a person.
    #[error("`{0}` is consent: an opt-out is neither kept from others nor taken back; decide it anew")]
    Consent(String),
    /// The unit is what records are known by.
    #[error("records are known by `{0}`: it cannot be kept apart")]
    Reference(String),
}

/// What a person chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The value of a system, or `agreed`.
    From(String),
    /// A value typed in, canonical.
    Value(Value),
    /// Every element of every side, where the unit is a set.
    Both,
}

/// Decides a unit in review. Returns the values that lost.
///
/// # Errors
/// [`DecisionError`]; the entity is then unchanged.
pub fn decide(
    schema: &Schema,
    entity: &mut Entity,
    unit: &str,
    shown: &BTreeMap<String, Value>,
    choice: &Choice,
    now: Time,
) -> Result<Vec<Loser>, DecisionError> {
    if !entity.conflicts.contains_key(unit) {
        return Err(DecisionError::Closed);
    }
    let current = |name: &str| {
        if name == AGREED {
            return entity.agreed.get(unit).map(|a| &a.value);
        }
        let link = entity
            .links
            .get(name)
            .filter(|l| l.state == LinkState::Live && l.held.is_none())?;
        link.units.get(unit).and_then(|x| x.seen())
    };
    let unchanged = shown.iter().all(|(name, value)| current(name) == Some(value));
    let complete = entity
        .conflicts
        .get(unit)
        .is_some_and(|c| c.values.keys().eq(shown.keys()));
    if !unchanged || !complete {
        return Err(DecisionError::Changed);
    }
    let set = schema.unit(unit).is_some_and(|u| u.set);
    let mut value = match choice {
        Choice::Value(value) => value.clone(),
        Choice::Both if !set => return Err(DecisionError::OneValue(unit.into())),
        Choice::Both => Value::Set(shown.values().flat_map(Value::elements).collect()),
        Choice::From(name) => shown
            .get(name)
            .cloned()
            .ok_or_else(|| DecisionError::NoSuchChoice(name.clone()))?,
    };
    if set {
        value = decided_set(entity, unit, choice, value);
    }
    let losers = shown
        .iter()
        .filter(|(_, v)| **v != value)
        .map(|(system, v)| Loser {
            unit: unit.into(),
            system: system.clone(),
            value: v.clone(),
            rule: "a person decided".into(),
        })
        .collect();
    for system in shown.keys().filter(|s| *s != AGREED) {
        if let Some(x) = entity.links.get_mut(system).and_then(|l| l.units.get_mut(unit))
            && let Some(seen) = x.seen().cloned()
        {
            x.set_base(seen, None);
            x.doubt = None;
            x.trail.clear();
            x.held = None;
        }
    }
    entity.agreed.insert(
        unit.into(),
        Agreed {
            value,
            origin: Origin::Person,
            lo: now,
            hi: now,
        }
        .into(),
    );
    entity.conflicts.remove(unit);
    entity.dirty = true;
    Ok(losers)
}

/// Only the elements in doubt were asked about; without doubt, the system's whole edit was.
fn decided_set(entity: &Entity, unit: &str, choice: &Choice, picked: Value) -> Value {
    let agreed = entity.agreed.get(unit).map(|a| a.value.elements()).unwrap_or_default();
    let Choice::From(system) = choice else {
        return picked;
    };
    let Some(x) = entity.links.get(system).and_then(|l| l.units.get(unit)) else {
        return picked;
    };
    let picked = picked.elements();
    match &x.doubt {
        Some(Doubt::Elements(doubtful)) => {
            let kept = agreed.iter().filter(|e| !doubtful.contains(*e));
            Value::Set(
                kept.chain(picked.iter().filter(|e| doubtful.contains(*e)))
                    .cloned()
                    .collect(),
            )
        }
        _ => {
            let base = x.base.as_ref().map(Value::elements).unwrap_or_default();
            let kept = agreed.iter().filter(|e| picked.contains(*e) || !base.contains(*e));
            Value::Set(kept.chain(picked.difference(&base)).cloned().collect())
        }
    }
}

/// What a person does with an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Decides a unit in review.
    Value {
        /// The unit.
        unit: String,
        /// What was chosen.
        choice: Choice,
    },
    /// Keeps a unit out of the sync.
    Apart(String),
    /// Takes it into the sync again.
    Together(String),
    /// Closes a card.
    Dismiss(CardKind, String),
    /// Tries what is held again, in every system.
    Replay,
}

impl Act {
    /// The unit it is about.
    pub fn unit(&self) -> Option<&str> {
        match self {
            Act::Value { unit, .. } | Act::Apart(unit) | Act::Together(unit) => Some(unit),
            Act::Dismiss(..) | Act::Replay => None,
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// [`DecisionError`]; the entity is then unchanged.
    pub fn apply(&self, schema: &Schema, entity: &mut Entity, now: Time) -> Result<Vec<Loser>, DecisionError> {
        match self {
            Act::Value { unit, choice } => {
                let Some(open) = entity.conflicts.get(unit) else {
                    return Err(DecisionError::Closed);
                };
                let shown = open.values.clone();
                let choice = meant(entity, unit, &shown, choice);
                return decide(schema, entity, unit, &shown, &choice, now);
            }
            Act::Apart(unit) => keep_apart(schema, entity, unit)?,
            Act::Together(unit) => bring_together(entity, unit)?,
            Act::Dismiss(kind, system) => dismiss(entity, *kind, system)?,
            Act::Replay => {
                for party in &schema.parties {
                    release(entity, &party.system);
                }
            }
        }
        Ok(vec![])
    }
}

/// A system that holds the agreed value is no contender; who names it means that value.
fn meant(entity: &Entity, unit: &str, shown: &BTreeMap<String, Value>, choice: &Choice) -> Choice {
    let Choice::From(name) = choice else {
        return choice.clone();
    };
    let seen = entity.links.get(name).and_then(|l| l.units.get(unit)?.seen());
    if !shown.contains_key(name) && seen.is_some() && seen == shown.get(AGREED) {
        return Choice::From(AGREED.into());
    }
    choice.clone()
}

/// Keeps a unit of this entity out of the sync from now on: every system keeps what it holds.
///
/// # Errors
/// [`DecisionError::Closed`] if it is kept apart already, [`DecisionError::Reference`] for what records are known by.
pub fn keep_apart(schema: &Schema, entity: &mut Entity, unit: &str) -> Result<(), DecisionError> {
    if schema.parties.iter().any(|p| p.reference.as_deref() == Some(unit)) {
        return Err(DecisionError::Reference(unit.into()));
    }
    if schema.unit(unit).is_some_and(|u| consent::policy(u).is_some()) {
        return Err(DecisionError::Consent(unit.into()));
    }
    if schema.unit(unit).is_none() || !entity.apart.insert(unit.into()) {
        return Err(DecisionError::Closed);
    }
    entity.conflicts.remove(unit);
    entity.undoing.remove(unit);
    entity.dirty = true;
    Ok(())
}

/// Takes that back: what differs is judged as usual.
///
/// # Errors
/// [`DecisionError::Closed`] if it is not kept apart.
pub fn bring_together(entity: &mut Entity, unit: &str) -> Result<(), DecisionError> {
    if !entity.apart.remove(unit) {
        return Err(DecisionError::Closed);
    }
    entity.dirty = true;
    Ok(())
}

/// Names what a person sees of a unit, a card or a hold: another state, another token. For questions about a whole
/// record `unit` is none, and everything that is read of the entity counts.
pub fn token(entity: &Entity, unit: Option<&str>, asked: &str) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    let mut add = |text: String| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    add(format!("{} {unit:?} {asked}", entity.id));
    for link in entity.links.values() {
        add(format!(
            "{} {} {} {:?} {:?}",
            link.system, link.remote_id, link.generation, link.state, link.held
        ));
        for (name, x) in link.units.iter().filter(|(name, _)| unit.is_none_or(|u| u == *name)) {
            add(format!("{name} {:?} {:?} {:?} {:?}", x.seen(), x.base, x.doubt, x.held));
        }
    }
    for (name, agreed) in entity.agreed.iter().filter(|(name, _)| unit.is_none_or(|u| u == *name)) {
        add(format!("{name} {:?}", agreed.value));
    }
    for (name, conflict) in entity
        .conflicts
        .iter()
        .filter(|(name, _)| unit.is_none_or(|u| u == *name))
    {
        add(format!("{name} {:?} {}", conflict.values, conflict.why));
    }
    add(format!(
        "{:?}",
        unit.map(|u| (entity.apart.contains(u), entity.undoing.get(u)))
    ));
    crate::hex(&hash.finalize()[..16])
}

/// Closes a card: the person has seen it. A merge card also releases the hold on its records.
///
/// # Errors
/// [`DecisionError::Closed`] if there is no such card.
pub fn dismiss(entity: &mut Entity, kind: CardKind, system: &str) -> Result<(), DecisionError> {
    let before = entity.cards.len();
    entity.cards.retain(|c| !(c.kind == kind && c.system == system));
    if entity.cards.len() == before {
        return Err(DecisionError::Closed);
    }
    let held = match kind {
        CardKind::Merged => Some(Hold::Merged),
        CardKind::LooksWrong => Some(Hold::LooksWrong),
        _ => None,
    };
    if held.is_some() {
        for link in entity.links.values_mut().filter(|l| l.held == held) {
            link.held = None;
        }
    }
    entity.dirty = true;
    Ok(())
}

/// Releases what is held of a link's units and its refused or doubtful write, so that it is tried again.
pub fn release(entity: &mut Entity, system: &str) {
    if let Some(link) = entity.links.get_mut(system) {
        for x in link.units.values_mut() {
            x.held = None;
            x.trail.clear();
        }
    }
    entity.refused.remove(system);
    if entity
        .writes
        .get(system)
        .is_some_and(|w| matches!(w.state, WriteState::Refused | WriteState::Doubtful))
    {
        entity.writes.remove(system);
    }
    entity.dirty = true;
}

/// A person says: this record is somebody else. The record becomes an entity of its own; neither
/// is created again or linked again by itself. What is known of the record outlives the link.
pub fn cut(entity: &mut Entity, system: &str, new_id: &str, now: Time) -> Option<Entity> {
    let mut link = entity.links.remove(system)?;
    entity.graves.insert(Grave {
        system: system.into(),
        remote_id: Some(link.remote_id.clone()),
    });
    entity.conflicts.clear();
    entity.undoing.clear();
    entity.cards.retain(|c| c.system != system);
    entity.dirty = true;
    // A write on its way keeps its row until its answer comes, which then changes nothing.
    if entity
        .writes
        .get(system)
        .is_some_and(|w| !matches!(w.state, WriteState::Sent | WriteState::Unknown))
    {
        entity.writes.remove(system);
    }
    let mut other = Entity {
        id: new_id.into(),
        kind: entity.kind.clone(),
        dirty: true,
        ..Entity::default()
    };
    for grave in entity.links.keys() {
        other.graves.insert(Grave {
            system: grave.clone(),
            remote_id: None,
        });
    }
    link.entity = Some(new_id.into());
    link.generation += 1;
    link.known_at = now;
    link.held = None;
    for (unit, x) in &mut link.units {
        let Some(seen) = x.seen().cloned() else {
            continue;
        };
        x.set_base(seen.clone(), None);
        x.doubt = None;
        x.held = None;
        let origin = Origin::System(system.into());
        other.agreed.insert(
            unit.clone(),
            Agreed {
                value: seen,
                origin,
                lo: 0,
                hi: now,
            }
            .into(),
        );
    }
    other.links.insert(system.into(), link);
    Some(other)
}

/// Links a record to an entity. Reads under way before this moment do not count for the link, and
/// answers to writes made for an earlier record of the entity change nothing of it.
pub fn join(entity: &mut Entity, mut link: Link, now: Time) {
    let write = entity.writes.get(&link.system);
    let written = write.map_or(0, |w| w.generation);
    if write.is_some_and(|w| !matches!(w.state, WriteState::Sent | WriteState::Unknown)) {
        entity.writes.remove(&link.system); // made for what stood there before
    }
    link.entity = Some(entity.id.clone());
    link.generation = link.generation.max(entity.revision).max(written) + 1;
    link.known_at = now;
    for x in link.units.values_mut() {
        let seen = x.seen().cloned();
        *x = crate::LinkUnit {
            lo: 0,
            hi: x.hi,
            author: x.author,
            ..Default::default()
        }
        .into();
        if let Some(seen) = seen {
            x.set_seen(seen);
        }
    }
    entity.links.insert(link.system.clone(), link.into());
    entity.dirty = true;
}
