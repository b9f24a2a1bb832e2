//! The planner: what one entity comes to, and what is to be written where. Pure, total and
//! sorted: the same entity gives the same plan, and every write, skip and hold has a reason.

use crate::consent;
use crate::entity::{
    CardKind, Conflict, Entity, Hold, Lane, LinkState, LinkUnit, Op, Time, UnitHold, Write, WriteState,
};
use crate::merge::{self, Merged};
use crate::schema::{Party, Schema};
use crate::undo;
use crate::value::{Value, Values};
use std::collections::BTreeMap;

/// Something that happened to a unit, for the audit trail and `explain`. Carries no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What happened: `adopted`, `write`, `skip`, `hold`, `conflict`, `card`, `create`.
    pub event: &'static str,
    /// System concerned, if any.
    pub system: Option<String>,
    /// Units concerned.
    pub units: Vec<String>,
    /// Why, in words.
    pub reason: String,
}

/// A value that was overruled or overwritten; kept for the retention time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loser {
    /// Unit.
    pub unit: String,
    /// Where the value stood: a system, or `agreed`.
    pub system: String,
    /// The value.
    pub value: Value,
    /// The rule that overruled it.
    pub rule: String,
}

/// A reconciled entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// The entity afterwards, clean, with its planned writes.
    pub entity: Entity,
    /// What happened and why.
    pub notes: Vec<Note>,
    /// Values that lost.
    pub losers: Vec<Loser>,
}

/// What the planner must know beside schema and entity.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Now.
    pub now: Time,
    /// Lane for new writes.
    pub lane: Lane,
    /// Whether every party's records are completely known, so that "not found" means not there.
    pub mirrors_complete: bool,
}

/// Reconciles one entity: merges every unit, judges removals, plans writes.
pub fn reconcile(schema: &Schema, before: &Entity, context: Context) -> Reconciled {
    let mut entity = before.clone();
    let (mut notes, mut losers) = (vec![], vec![]);
    let advanced;
    let before = if entity.undoing.is_empty() {
        before
    } else {
        undo::advance(&mut entity, context.now, &mut notes);
        advanced = entity.clone();
        &advanced
    };
    // A link that is only written to never comes by `apply`: its trail is kept short here.
    let long = |x: &LinkUnit| x.trail.len() > 2 * schema.swings;
    for link in entity.links.values_mut().filter(|l| l.units.values().any(|x| long(x))) {
        for x in link.units.values_mut().filter(|x| long(x)) {
            shorten(&mut x.trail, schema);
        }
    }
    for unit in &schema.units {
        if rests(before, &unit.name) {
            entity.conflicts.remove(&unit.name);
            continue;
        }
        let merged = merge::merge(schema, before, unit);
        apply(
            &mut entity,
            &unit.name,
            merged,
            schema,
            context.now,
            &mut notes,
            &mut losers,
        );
    }
    consent::cover(schema, &mut entity, context.now, &mut notes, &mut losers);
    judge_removals(schema, before, &mut entity, context.now, &mut notes);
    let asks = |l: &crate::Link| match l.held {
        Some(Hold::Merged) => Some((CardKind::Merged, l.system.clone())),
        Some(Hold::LooksWrong) => Some((CardKind::LooksWrong, l.system.clone())),
        _ => None,
    };
    let asked: Vec<(CardKind, String)> = entity.links.values().filter_map(|l| asks(l)).collect();
    for (kind, system) in asked {
        entity.file_card(kind, &system, Default::default(), context.now);
    }
    for party in &schema.parties {
        plan_write(schema, &mut entity, party, context, &mut notes);
    }
    entity.dirty = false;
    Reconciled { entity, notes, losers }
}

/// Whether a unit takes no part in merging: kept apart by a person, or being put back.
fn rests(entity: &Entity, unit: &str) -> bool {
    entity.apart.contains(unit) || entity.undoing.contains_key(unit)
}

/// Keeps as much of a trail as shows two systems rewriting each other.
fn shorten(trail: &mut Vec<Value>, schema: &Schema) {
    let excess = trail.len().saturating_sub(2 * schema.swings);
    trail.drain(..excess);
}

fn apply(
    entity: &mut Entity,
    unit: &str,
    merged: Merged,
    schema: &Schema,
    now: Time,
    notes: &mut Vec<Note>,
    losers: &mut Vec<Loser>,
) {
    for (system, step) in merged.moves {
        let Some(x) = entity.links.get_mut(&system).and_then(|l| l.units.get_mut(unit)) else {
            continue;
        };
        if x.base.as_ref() != Some(&step.base) {
            x.trail.push(step.base.clone());
            shorten(&mut x.trail, schema);
        }
        x.set_base(step.base, None);
        if let (true, Some(agreed)) = (step.alternates, &merged.agreed) {
            x.held = Some(UnitHold {
                value: agreed.value.clone(),
                why: Hold::Alternates,
            });
        }
        if step.settles_doubt {
            x.doubt = None;
        }
    }
    for (system, value, rule) in merged.losers {
        notes.push(Note {
            event: "overruled",
            system: Some(system.clone()),
            units: vec![unit.into()],
            reason: rule.into(),
        });
        losers.push(Loser {
            unit: unit.into(),
            system,
            value,
            rule: rule.into(),
        });
    }
    if let Some(reason) = merged.reason {
        notes.push(Note {
            event: "adopted",
            system: None,
            units: vec![unit.into()],
            reason,
        });
    }
    if let Some(agreed) = merged.agreed {
        entity.agreed.insert(unit.into(), agreed);
    }
    match merged.conflict {
        Some((values, why)) => {
            let open = entity.conflicts.get(unit);
            if open.is_none_or(|c| c.values != values || c.why != why) {
                notes.push(Note {
                    event: "conflict",
                    system: None,
                    units: vec![unit.into()],
                    reason: why.into(),
                });
            }
            let since = open.map_or(now, |c| c.since);
            entity.conflicts.insert(
                unit.into(),
                Conflict {
                    values,
                    since,
                    why: why.into(),
                },
            );
        }
        None => {
            if entity.conflicts.remove(unit).is_some() {
                notes.push(Note {
                    event: "conflict closed",
                    system: None,
                    units: vec![unit.into()],
                    reason: "the values no longer differ, or a rule decides".into(),
                });
            }
        }
    }
}

/// A removal that meets an edit the removed record never got is a card; nothing is removed elsewhere.
fn judge_removals(schema: &Schema, before: &Entity, entity: &mut Entity, now: Time, notes: &mut Vec<Note>) {
    let gone: Vec<String> = entity
        .links
        .values()
        .filter(|l| l.state == LinkState::Gone && !l.removal_judged && l.generation > 0)
        .map(|l| l.system.clone())
        .collect();
    for system in gone {
        let mut missed = std::collections::BTreeSet::new();
        for (unit, agreed) in entity.agreed.iter().filter(|(unit, _)| !entity.apart.contains(*unit)) {
            let seen = before.links.get(&system).and_then(|l| l.units.get(unit));
            let Some(x) = seen.filter(|x| x.seen().is_some()) else {
                // Mapped there and never read: it never got this value either.
                let party = schema.party(&system);
                if party.is_some_and(|p| p.receives.contains(unit)) && !agreed.value.is_empty() {
                    missed.insert(unit.clone());
                }
                continue;
            };
            let respelt = x.base.is_some() && x.seen() == x.shown() && x.base.as_ref() == Some(&agreed.value);
            let same = x.seen() == Some(&agreed.value) || respelt;
            if entity.conflicts.contains_key(unit) || !same {
                missed.insert(unit.clone());
            }
        }
        if let Some(link) = entity.links.get_mut(&system) {
            link.removal_judged = true;
        }
        let reason = if missed.is_empty() {
            "removed there; kept elsewhere, nothing is created again"
        } else {
            "removed there, changed elsewhere: a person decides"
        };
        notes.push(Note {
            event: "removed",
            system: Some(system.clone()),
            units: missed.iter().cloned().collect(),
            reason: reason.into(),
        });
        if !missed.is_empty() {
            entity.file_card(CardKind::RemovedButChanged, &system, missed, now);
        }
    }
}

fn plan_write(schema: &Schema, entity: &mut Entity, party: &Party, context: Context, notes: &mut Vec<Note>) {
    let system = &party.system;
    if entity.busy(system) {
        return;
    }
    let planned = match entity.links.get(system) {
        Some(link) if link.state == LinkState::Live => opt_out(schema, entity, party, link)
            .or_else(|| link.held.is_none().then(|| update(schema, entity, party, notes))?),
        Some(_) => None,
        None => create(schema, entity, party, context, notes),
    };
    let existing = entity.writes.get(system);
    let Some((op, generation, values, reasons)) = planned else {
        if existing.is_some_and(|w| w.state != WriteState::Doubtful) {
            entity.writes.remove(system);
            notes.push(Note {
                event: "skip",
                system: Some(system.clone()),
                units: vec![],
                reason: "the planned write is no longer needed".into(),
            });
        }
        return;
    };
    if let Some(w) = existing {
        let same = w.op == op && w.generation == generation && w.values == values;
        if same || w.state == WriteState::Doubtful {
            return;
        }
    }
    notes.push(Note {
        event: if op == Op::Create { "create" } else { "write" },
        system: Some(system.clone()),
        units: values.keys().cloned().collect(),
        reason: summary(&reasons),
    });
    // A record that does not exist yet holds nothing of what is not sent.
    let blank = |unit: &&String| op == Op::Create && !values.contains_key(*unit);
    let nothing = |unit: &String| match schema.unit(unit) {
        Some(u) if u.set => Value::set(Vec::<String>::new()),
        _ => Value::Empty,
    };
    let guarded = party
        .receives
        .iter()
        .filter(blank)
        .map(|unit| (unit.clone(), nothing(unit)))
        .collect();
    let lane = existing.map_or(context.lane, |w| w.lane.min(context.lane));
    let write = Write {
        system: system.clone(),
        kind: party.kind.clone(),
        op,
        generation,
        state: WriteState::Planned,
        lane: consent::lane(&values, op, lane),
        values,
        guarded,
        guard_version: None,
        guard_mark: None,
        at: context.now,
        not_before: 0,
        tries: 0,
        key: format!("{}-{}-{}", entity.id, system, entity.revision),
        reasons,
        held: None,
    };
    entity.writes.insert(system.clone(), write);
}

type Planned = (Op, i64, Values, BTreeMap<String, String>);

/// Opt-outs go alone, past everything that holds the rest of the record up.
fn opt_out(schema: &Schema, entity: &Entity, party: &Party, link: &crate::Link) -> Option<Planned> {
    let values = consent::to_tell(schema, entity, party, link);
    let why = |unit: &String| {
        entity
            .agreed
            .get(unit)
            .map(|a| (unit.clone(), origin_reason(&a.origin)))
    };
    let reasons = values.keys().filter_map(why).collect();
    (!values.is_empty()).then_some((Op::Update, link.generation, values, reasons))
}

fn update(schema: &Schema, entity: &Entity, party: &Party, notes: &mut Vec<Note>) -> Option<Planned> {
    let link = entity.links.get(&party.system)?;
    let (mut values, mut reasons) = (Values::new(), BTreeMap::new());
    for unit in schema.units.iter().filter(|u| party.receives.contains(&u.name)) {
        if let Some(undoing) = entity.undoing.get(&unit.name) {
            let seen = link.units.get(&unit.name).and_then(|x| x.seen());
            if let Some(wish) = undoing
                .wishes
                .get(&party.system)
                .filter(|w| seen.is_some_and(|s| s != *w))
            {
                values.insert(unit.name.clone(), wish.clone());
                reasons.insert(unit.name.clone(), "undone by a person: put back as it was".into());
            }
            continue;
        }
        if entity.apart.contains(&unit.name) {
            continue;
        }
        let Some(agreed) = entity.agreed.get(&unit.name) else {
            continue;
        };
        if entity.conflicts.contains_key(&unit.name) {
            continue;
        }
        let Some(x) = link.units.get(&unit.name) else {
            continue;
        };
        let nothing_to_clear = agreed.value.is_empty() && x.base.is_none();
        if x.seen().is_none() || x.base.as_ref() == Some(&agreed.value) || nothing_to_clear {
            continue;
        }
        if let Some(hold) = x.held.as_ref().filter(|h| h.value == agreed.value) {
            notes.push(Note {
                event: "hold",
                system: Some(party.system.clone()),
                units: vec![unit.name.clone()],
                reason: hold_reason(&hold.why),
            });
            continue;
        }
        values.insert(unit.name.clone(), agreed.value.clone());
        reasons.insert(unit.name.clone(), origin_reason(&agreed.origin));
    }
    (!values.is_empty()).then_some((Op::Update, link.generation, values, reasons))
}

fn create(schema: &Schema, entity: &Entity, party: &Party, context: Context, notes: &mut Vec<Note>) -> Option<Planned> {
    let condition = party.create.as_ref()?;
    let alive = entity
        .links
        .values()
        .any(|l| l.state == LinkState::Live && l.held.is_none());
    if !alive || entity.graves.iter().any(|g| g.system == party.system) {
        return None;
    }
    let mut skip = |reason: &str| {
        notes.push(Note {
            event: "skip",
            system: Some(party.system.clone()),
            units: vec![],
            reason: reason.into(),
        });
    };
    if entity.candidate {
        skip("not created: this may be somebody who is already there");
        return None;
    }
    if !context.mirrors_complete {
        skip("not created: not all records are known yet");
        return None;
    }
    if !condition.holds(&entity.agreed) {
        skip("not created: the condition does not hold");
        return None;
    }
    let refused = entity.refused.get(&party.system);
    let (mut values, mut reasons) = (Values::new(), BTreeMap::new());
    for unit in schema.units.iter().filter(|u| party.receives.contains(&u.name)) {
        if rests(entity, &unit.name) {
            continue;
        }
        let Some(agreed) = entity.agreed.get(&unit.name) else {
            continue;
        };
        if agreed.value.is_empty() || entity.conflicts.contains_key(&unit.name) {
            continue;
        }
        if refused
            .and_then(|r| r.get(&unit.name))
            .is_some_and(|h| h.value == agreed.value)
        {
            continue;
        }
        values.insert(unit.name.clone(), agreed.value.clone());
        reasons.insert(unit.name.clone(), origin_reason(&agreed.origin));
    }
    let named = party.reference.as_ref().is_none_or(|unit| values.contains_key(unit));
    if !named {
        skip("not created: there is no reference to find it again by");
        return None;
    }
    (!values.is_empty()).then_some((Op::Create, 0, values, reasons))
}

fn origin_reason(origin: &crate::Origin) -> String {
    match origin {
        crate::Origin::System(system) => format!("from {system}"),
        crate::Origin::Person => "decided by a person".into(),
    }
}

fn summary(reasons: &BTreeMap<String, String>) -> String {
    let mut distinct: Vec<&str> = reasons.values().map(String::as_str).collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.join(", ")
}

/// A hold in words.
pub fn hold_reason(hold: &crate::Hold) -> String {
    use crate::Hold;
    match hold {
        Hold::NotTaken => "the product answered success but kept the old value".into(),
        Hold::Taken => "another record there already has this value, and only one may".into(),
        Hold::Refused(code) => format!("the product refused it ({code})"),
        Hold::Undone => "what was written here was taken back by a person".into(),
        Hold::LooksWrong => "the linked records no longer look like one person".into(),
        Hold::Merged => "another record was merged into this one".into(),
        Hold::Alternates => "two values keep replacing each other".into(),
        Hold::MayExist => "a create may have landed and cannot be looked up".into(),
    }
}
