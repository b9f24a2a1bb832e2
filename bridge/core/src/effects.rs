//! What a change of an entity causes: the same planner on the entity as it is and as it would be, and the difference.

use crate::entity::{Entity, Op};
use crate::plan::{Context, reconcile};
use crate::schema::Schema;
use crate::value::Value;
use serde::Serialize;

/// One unit that would be written to one system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Receiving system.
    pub system: String,
    /// Create or update.
    pub op: Op,
    /// Unit.
    pub unit: String,
    /// What the system was last seen to hold there.
    pub from: Option<Value>,
    /// What it gets.
    pub to: Value,
    /// Why, in the planner's words.
    pub reason: String,
}

/// What a change comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Effects {
    /// Writes it causes.
    pub writes: Vec<Effect>,
    /// Writes that are planned now and would not be sent.
    pub dropped: Vec<Effect>,
    /// Units that would still wait for a person.
    pub open: Vec<String>,
}

/// What it causes that `after` takes the place of `now`.
pub fn effects(schema: &Schema, now: &Entity, after: &Entity, context: Context) -> Effects {
    let (was, will) = (
        reconcile(schema, now, context).entity,
        reconcile(schema, after, context).entity,
    );
    let planned = |plan: &Entity| -> Vec<Effect> {
        let writes = plan.writes.values().filter(|w| !plan.busy(&w.system));
        writes
            .flat_map(|w| w.values.iter().map(move |(unit, to)| (w, unit, to)))
            .map(|(w, unit, to)| Effect {
                system: w.system.clone(),
                op: w.op,
                unit: unit.clone(),
                from: plan
                    .links
                    .get(&w.system)
                    .and_then(|l| l.units.get(unit)?.seen().cloned()),
                to: to.clone(),
                reason: w.reasons.get(unit).cloned().unwrap_or_default(),
            })
            .collect()
    };
    let (before, then) = (planned(&was), planned(&will));
    let same =
        |one: &Effect, other: &Effect| one.system == other.system && one.unit == other.unit && one.to == other.to;
    let only = |these: &[Effect], others: &[Effect]| -> Vec<Effect> {
        let new = these.iter().filter(|e| !others.iter().any(|o| same(e, o)));
        new.cloned().collect()
    };
    Effects {
        writes: only(&then, &before),
        dropped: only(&before, &then),
        open: will.conflicts.keys().cloned().collect(),
    }
}
