//! Taking back: a decision of a person, or a write that was sent. What other systems hold since is put back by writes
//! that the planner plans like any other; where somebody edited meanwhile nothing is put back.
//!
//! A unit that is being put back takes no part in merging until every system shows what it held before. Then either the
//! question is open again exactly as it was ([`After::Reopen`]), or the unit is held where it was undone, until its
//! agreed value is another one or a person releases it ([`After::Hold`]).

use crate::consent;
use crate::entity::{Agreed, Conflict, Entity, Hold, LinkState, LinkUnit, Time, UnitHold};
use crate::plan::Note;
use crate::review::DecisionError;
use crate::schema::Schema;
use crate::shared::Shared;
use crate::value::{Value, Values};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that is known of one unit of an entity at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// The agreed value.
    pub agreed: Option<Shared<Agreed>>,
    /// Per system with a live record that knows the unit.
    pub links: BTreeMap<String, Shared<LinkUnit>>,
    /// The open question, if there was one.
    pub conflict: Option<Conflict>,
}

impl UnitState {
    /// The unit as it stands.
    pub fn of(entity: &Entity, unit: &str) -> UnitState {
        let live = entity.links.values().filter(|l| l.state == LinkState::Live);
        UnitState {
            agreed: entity.agreed.get(unit).cloned(),
            links: live
                .filter_map(|l| Some((l.system.clone(), l.units.get(unit)?.clone())))
                .collect(),
            conflict: entity.conflicts.get(unit).cloned(),
        }
    }

    /// Puts the bookkeeping back as it was. What systems were last seen to hold stays what it is.
    fn apply(&self, entity: &mut Entity, unit: &str) {
        match &self.agreed {
            Some(agreed) => drop(entity.agreed.insert(unit.into(), agreed.clone())),
            None => drop(entity.agreed.remove(unit)),
        }
        for (system, then) in &self.links {
            let Some(x) = entity.links.get_mut(system).and_then(|l| l.units.get_mut(unit)) else {
                continue;
            };
            if x.seen() == then.seen() {
                *x = then.clone();
                continue;
            }
            let seen = x.seen().cloned();
            *x = then.clone();
            if let Some(seen) = seen {
                x.set_seen(seen);
            }
        }
        if let Some(conflict) = &self.conflict {
            entity.conflicts.insert(unit.into(), conflict.clone());
        }
    }
}

/// What follows once every system shows what it held before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// The unit is not written there again until its agreed value is another one, or a person releases it.
    Hold,
    /// The unit is as it was, its question open again.
    Reopen(UnitState),
}

/// A unit that is being put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoing {
    /// What systems are to hold again.
    pub wishes: Values,
    /// What every system held when this was asked for: anything else is an edit, which ends it.
    pub shown: Values,
    /// What follows.
    pub then: After,
}

/// What every live record shows of a unit.
pub fn shown(entity: &Entity, unit: &str) -> Values {
    let live = entity.links.values().filter(|l| l.state == LinkState::Live);
    live.filter_map(|l| Some((l.system.clone(), l.units.get(unit)?.seen()?.clone())))
        .collect()
}

/// Takes back a decision: `before` is the unit as it was, `decided` what came to be agreed. Decided and taken back with
/// nothing sent between, the entity is what it was.
///
/// # Errors
/// [`DecisionError::Edited`] with the places where the unit is neither what it was nor what was decided,
/// [`DecisionError::UnderWay`] while a write to one of the systems has no answer. The entity is then unchanged.
pub fn undo_decision(
    schema: &Schema,
    entity: &mut Entity,
    unit: &str,
    before: &UnitState,
    decided: &Value,
) -> Result<(), DecisionError> {
    opts_out(schema, unit, decided)?;
    let mut edited: Vec<String> = vec![];
    if entity.undoing.contains_key(unit) {
        return Err(DecisionError::UnderWay);
    }
    if entity.agreed.get(unit).map(|a| &a.value) != Some(decided) || entity.conflicts.contains_key(unit) {
        edited.push(crate::merge::AGREED.into());
    }
    let mut wishes = Values::new();
    for (system, then) in &before.links {
        let link = entity.links.get(system).filter(|l| l.state == LinkState::Live);
        let Some((link, now)) = link.and_then(|l| Some((l, l.units.get(unit)?))) else {
            edited.push(system.clone());
            continue;
        };
        if entity.busy(system) {
            return Err(DecisionError::UnderWay);
        }
        // A product may have respelt what it was sent.
        let ours = now.base.as_ref() == Some(decided) && now.seen() == now.shown();
        match (now.seen(), then.seen()) {
            (now, then) if now == then => {}
            (Some(now), Some(then)) if (now == decided || ours) && link.held.is_none() => {
                wishes.insert(system.clone(), then.clone());
            }
            _ => edited.push(system.clone()),
        }
    }
    if !edited.is_empty() {
        return Err(DecisionError::Edited(edited));
    }
    entity.dirty = true;
    if wishes.is_empty() {
        before.apply(entity, unit);
    } else {
        let shown = shown(entity, unit);
        let then = After::Reopen(before.clone());
        entity.undoing.insert(unit.into(), Undoing { wishes, shown, then });
    }
    Ok(())
}

/// Takes back a write that was applied in `system`: `sent` is what it wrote, `before` what stood there. Units of which
/// it is not known what stood there are left alone. Returns the units that are being put back.
///
/// # Errors
/// As [`undo_decision`].
pub fn undo_write(
    schema: &Schema,
    entity: &mut Entity,
    system: &str,
    sent: &Values,
    before: &Values,
) -> Result<Vec<String>, DecisionError> {
    let Some(link) = entity.links.get(system).filter(|l| l.state == LinkState::Live) else {
        return Err(DecisionError::Edited(vec![system.into()]));
    };
    if entity.busy(system) || sent.keys().any(|unit| entity.undoing.contains_key(unit)) {
        return Err(DecisionError::UnderWay);
    }
    let stands = |unit: &String, value: &Value| {
        let x = link.units.get(unit);
        x.is_some_and(|x| x.seen() == Some(value) || x.base.as_ref() == Some(value) && x.seen() == x.shown())
    };
    if link.held.is_some() || sent.iter().any(|(unit, value)| !stands(unit, value)) {
        return Err(DecisionError::Edited(vec![system.into()]));
    }
    for (unit, value) in sent {
        opts_out(schema, unit, value)?;
    }
    let mut units = vec![];
    for (unit, value) in sent {
        let Some(then) = before.get(unit).filter(|then| *then != value) else {
            continue;
        };
        let undoing = Undoing {
            wishes: Values::from([(system.to_string(), then.clone())]),
            shown: shown(entity, unit),
            then: After::Hold,
        };
        entity.undoing.insert(unit.clone(), undoing);
        units.push(unit.clone());
    }
    entity.dirty |= !units.is_empty();
    Ok(units)
}

/// An opt-out is not taken back along with something else.
fn opts_out(schema: &Schema, unit: &str, value: &Value) -> Result<(), DecisionError> {
    let consents = schema.unit(unit).is_some_and(|u| consent::policy(u).is_some());
    if consents && consent::is_out(value) {
        return Err(DecisionError::Consent(unit.into()));
    }
    Ok(())
}

/// Ends what has arrived, and gives up where somebody edited meanwhile or the product refuses. Done before merging.
pub(crate) fn advance(entity: &mut Entity, _now: Time, notes: &mut Vec<Note>) {
    let units: Vec<String> = entity.undoing.keys().cloned().collect();
    for unit in units {
        let Some(undoing) = entity.undoing.get(&unit).cloned() else {
            continue;
        };
        let mut done = true;
        let mut end = None;
        for (system, then) in &undoing.shown {
            let wish = undoing.wishes.get(system);
            let link = entity.links.get(system).filter(|l| l.state == LinkState::Live);
            let Some(x) = link.and_then(|l| l.units.get(&unit)) else {
                end = Some((system.clone(), "the record is gone"));
                break;
            };
            let arrived =
                wish.is_some_and(|w| x.seen() == Some(w) || x.base.as_ref() == Some(w) && x.seen() == x.shown());
            if wish.is_some() && x.held.as_ref().is_some_and(|h| Some(&h.value) == wish) {
                end = Some((system.clone(), "the product does not take it"));
                break;
            }
            if !arrived && x.seen() != Some(then) {
                end = Some((system.clone(), "somebody edited it meanwhile"));
                break;
            }
            done &= wish.is_none() || arrived;
        }
        let note = |system: Option<String>, event, reason: &str| Note {
            event,
            system,
            units: vec![unit.clone()],
            reason: reason.into(),
        };
        if let Some((system, why)) = end {
            entity.undoing.remove(&unit);
            notes.push(note(Some(system), "not undone", why));
        } else if done {
            entity.undoing.remove(&unit);
            match &undoing.then {
                After::Reopen(before) => before.apply(entity, &unit),
                After::Hold => hold(entity, &unit, &undoing.wishes),
            }
            notes.push(note(None, "undone", "every system shows what it held before"));
        }
    }
}

fn hold(entity: &mut Entity, unit: &str, wishes: &Values) {
    let Some(value) = entity.agreed.get(unit).map(|a| a.value.clone()) else {
        return;
    };
    for system in wishes.keys() {
        if let Some(x) = entity.links.get_mut(system).and_then(|l| l.units.get_mut(unit)) {
            if let Some(seen) = x.seen().cloned() {
                x.set_base(seen, None);
            }
            x.held = Some(UnitHold {
                value: value.clone(),
                why: Hold::Undone,
            });
        }
    }
}
