//! Delivery as pure steps: marking a write sent, and what its answer means. The rule: only an
//! answer that proves non-processing is sent again; everything else is unknown, and is looked at
//! before anything is repeated.

use crate::capture::{Observation, accept, ask};
use crate::entity::{
    CardKind, Doubt, Entity, Grave, Hold, Link, LinkState, Op, Time, UnitHold, Version, Write, WriteState,
};
use crate::schema::{Party, Schema};
use crate::value::{Value, Values};

/// Whether a write may go out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Marked sent: call now.
    Go,
    /// The entity has unjudged facts: reconcile first. The write stays.
    Wait,
    /// It no longer fits what is known and was dropped; reconcile.
    Dropped,
}

/// Last check before a write goes out. `guard` is the direct read made just before, for products
/// without conditional writes; it is stored as an observation first.
pub fn mark_sent(entity: &mut Entity, system: &str, guard: Option<&Observation>, now: Time) -> Sending {
    if entity.dirty {
        if let (Some(link), Some(seen)) = (entity.links.get_mut(system), guard) {
            crate::capture::observe(link, false, seen, now);
        }
        return Sending::Wait;
    }
    let Some(write) = entity.writes.get_mut(system).filter(|w| w.state == WriteState::Planned) else {
        return Sending::Dropped;
    };
    if write.op == Op::Create {
        let buried = entity.graves.iter().any(|g| g.system == system);
        if entity.links.contains_key(system) || buried || entity.candidate {
            return drop_write(entity, system);
        }
        write.state = WriteState::Sent;
        write.at = now;
        return Sending::Go;
    }
    let waits = |l: &Link| l.held.is_some() && !write.opts_out();
    let fits = |l: &Link| l.state == LinkState::Live && l.generation == write.generation && !waits(l);
    let Some(link) = entity.links.get_mut(system).filter(|l| fits(l)) else {
        return drop_write(entity, system);
    };
    if let Some(seen) = guard {
        if seen.started <= link.known_at {
            return Sending::Wait; // something newer is known: guard again
        }
        if let (Some(Version::Counting(now)), Some(Version::Counting(then))) = (&seen.version, &link.version)
            && now < then
        {
            return Sending::Wait; // an older state answered: guard again
        }
        if seen.alive {
            // What cannot be read cannot be guarded: the unit waits, the rest goes ahead.
            let hidden: Vec<String> = write
                .values
                .keys()
                .filter(|u| !seen.values.contains_key(*u))
                .cloned()
                .collect();
            for unit in hidden {
                let Some(value) = write.values.remove(&unit) else {
                    continue;
                };
                write.reasons.remove(&unit);
                let why = Hold::Refused("what stands there cannot be read".into());
                link.units.entry(unit).or_default().held = Some(UnitHold { value, why });
            }
            if write.values.is_empty() {
                accept(link, seen, now);
                return drop_write(entity, system);
            }
        }
        let moved = write.values.keys().any(|unit| {
            let Some(value) = seen.values.get(unit) else {
                return true;
            };
            let Some(x) = link.units.get(unit) else {
                return true;
            };
            let expected = x.base.as_ref() == Some(value)
                || x.shown() == Some(value)
                || (x.base.is_none() && x.seen() == Some(value));
            !expected
        });
        let merged = crate::capture::new_merges(link, seen).next().is_some();
        let before = link.seen();
        accept(link, seen, now);
        if moved || merged || !seen.alive {
            return drop_write(entity, system);
        }
        // What the guard saw of other units is judged by the next reconcile.
        let others = link
            .seen()
            .iter()
            .any(|(u, v)| !write.values.contains_key(u) && before.get(u) != Some(v));
        entity.dirty = others;
        write.guard_mark = seen.mark.clone();
    }
    write.guard_version = link.version.clone();
    write.guarded = write
        .values
        .keys()
        .filter_map(|u| Some((u.clone(), link.units.get(u)?.seen()?.clone())))
        .collect();
    write.state = WriteState::Sent;
    write.at = now;
    link.known_at = now;
    Sending::Go
}

fn drop_write(entity: &mut Entity, system: &str) -> Sending {
    entity.writes.remove(system);
    entity.dirty = true;
    Sending::Dropped
}

/// What came back for a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Done. `shown`: the record's units, where the answer *is* the record as written.
    Applied {
        /// The record's id.
        remote_id: String,
        /// Units as the answer shows them.
        shown: Option<Values>,
        /// Version after the write, where the answer tells.
        version: Option<Version>,
    },
    /// 412: the record moved.
    Moved,
    /// 404: no such record. Never leads to a create.
    Gone,
    /// Refused; `unit` where the product names the member at fault.
    Refused {
        /// Why.
        hold: Hold,
        /// The unit at fault.
        unit: Option<String>,
    },
    /// Proved not processed: again, not before this moment.
    Later(Time),
    /// It may have landed; the call ended now.
    Unknown,
}

/// What kind of answers a product gives, as far as settling needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manners {
    /// Writes are conditional on the version.
    pub conditional: bool,
}

/// Stores an answer. Returns whether the write was applied.
pub fn settle(entity: &mut Entity, system: &str, manners: Manners, answer: Settlement, now: Time) -> bool {
    let Some(write) = entity.writes.get(system).cloned() else {
        return false;
    };
    if write.op == Op::Create {
        return settle_create(entity, &write, answer, now);
    }
    let Some(link) = entity
        .links
        .get_mut(system)
        .filter(|l| l.generation == write.generation)
    else {
        // The link was cut: the answer belongs to another generation. What stands there now could
        // not be planned while the write was out.
        entity.writes.remove(system);
        entity.dirty = true;
        return false;
    };
    match answer {
        Settlement::Applied { shown, version, .. } => {
            for (unit, sent) in &write.values {
                let x = link.units.entry(unit.clone()).or_default();
                let got = shown.as_ref().and_then(|s| s.get(unit));
                if let Some(got) = got
                    && got != sent
                    && write.guarded.get(unit) == Some(got)
                {
                    x.held = Some(UnitHold {
                        value: sent.clone(),
                        why: Hold::NotTaken,
                    });
                    x.set_seen(got.clone());
                    continue;
                }
                if x.base.as_ref() != Some(sent) {
                    x.trail.push(sent.clone());
                }
                // base is the value sent, not what is agreed by now
                x.base = Some(sent.clone());
                x.shown = got.filter(|g| *g != sent).cloned();
                x.set_seen(got.unwrap_or(sent).clone());
                x.doubt = None;
                x.held = None;
                x.lo = write.at;
                x.author = crate::Author::Unknown;
            }
            let grown = match (&version, &write.guard_version) {
                (Some(Version::Counting(after)), Some(Version::Counting(before))) => *after > before + 1,
                _ => false,
            };
            if grown && !manners.conditional {
                ask(link, now);
            }
            if version.is_some() {
                link.version = version;
            }
            link.known_at = now;
            entity.writes.remove(system);
            entity.dirty = true;
            if grown && !manners.conditional {
                let units = write.values.keys().cloned().collect();
                entity.file_card(CardKind::MayHaveOverwritten, system, units, now);
            }
            true
        }
        Settlement::Moved | Settlement::Gone => {
            ask(link, now);
            entity.writes.remove(system);
            entity.dirty = true;
            false
        }
        Settlement::Refused { hold, unit } => {
            let units: Vec<String> = match unit {
                Some(unit) if write.values.contains_key(&unit) => vec![unit],
                _ => write.values.keys().cloned().collect(),
            };
            for unit in units {
                let value = write.values[&unit].clone();
                link.units.entry(unit).or_default().held = Some(UnitHold {
                    value,
                    why: hold.clone(),
                });
            }
            link.known_at = now;
            entity.writes.remove(system);
            entity.dirty = true;
            false
        }
        Settlement::Later(at) => again(entity, system, at),
        Settlement::Unknown => unknown(entity, system, now),
    }
}

fn again(entity: &mut Entity, system: &str, at: Time) -> bool {
    if let Some(write) = entity.writes.get_mut(system) {
        write.state = WriteState::Planned;
        write.tries += 1;
        write.not_before = at;
        entity.dirty = true; // while it was out nothing could replace its values
    }
    false
}

fn unknown(entity: &mut Entity, system: &str, now: Time) -> bool {
    if let Some(write) = entity.writes.get_mut(system) {
        write.state = WriteState::Unknown;
        write.tries += 1;
        write.at = now;
    }
    false
}

fn settle_create(entity: &mut Entity, write: &Write, answer: Settlement, now: Time) -> bool {
    match answer {
        Settlement::Applied {
            remote_id,
            shown,
            version,
        } => {
            entity.writes.remove(&write.system);
            created(entity, write, &remote_id, shown.as_ref(), version, now);
            true
        }
        Settlement::Refused { hold, unit } => {
            match unit.filter(|u| write.values.contains_key(u)) {
                Some(unit) => {
                    // the rest of the record goes ahead without it
                    let value = write.values[&unit].clone();
                    let holds = entity.refused.entry(write.system.clone()).or_default();
                    holds.insert(unit, UnitHold { value, why: hold });
                    entity.writes.remove(&write.system);
                    entity.dirty = true;
                }
                None => {
                    if let Some(w) = entity.writes.get_mut(&write.system) {
                        w.state = WriteState::Refused;
                        w.held = Some(hold);
                    }
                }
            }
            false
        }
        Settlement::Moved | Settlement::Gone | Settlement::Unknown => unknown(entity, &write.system, now),
        Settlement::Later(at) => again(entity, &write.system, at),
    }
}

/// Known to hold nothing: blank, or the empty set.
fn blank(value: &Value) -> bool {
    matches!(value, Value::Empty) || matches!(value, Value::Set(elements) if elements.is_empty())
}

/// Links a record the bridge has just made, or buries it if the entity was cut from it meanwhile.
fn created(
    entity: &mut Entity,
    write: &Write,
    remote_id: &str,
    shown: Option<&Values>,
    version: Option<Version>,
    now: Time,
) {
    let mut link = Link::new(&write.system, &write.kind, remote_id);
    link.entity = Some(entity.id.clone());
    link.created_here = true;
    link.known_at = now;
    link.version = version;
    if entity.links.contains_key(&write.system) {
        // Linked to another record meanwhile: the one just made must not be taken for a stranger.
        entity.graves.insert(Grave {
            system: write.system.clone(),
            remote_id: Some(remote_id.into()),
        });
        entity.dirty = true;
        return;
    }
    if entity.graves.iter().any(|g| g.system == write.system) {
        link.state = LinkState::Gone;
        link.removal_judged = true;
        entity.links.insert(write.system.clone(), link.into());
        return;
    }
    link.generation = entity.revision + 1;
    for (unit, sent) in &write.values {
        let x = link.units.entry(unit.clone()).or_default();
        let got = shown.and_then(|s| s.get(unit));
        x.hi = now;
        if let Some(got) = got.filter(|g| blank(g) && !blank(sent)) {
            x.base = Some(got.clone());
            x.set_seen(got.clone());
            x.held = Some(UnitHold {
                value: sent.clone(),
                why: Hold::NotTaken,
            });
            continue;
        }
        x.base = Some(sent.clone());
        x.shown = got.filter(|g| *g != sent).cloned();
        x.set_seen(got.unwrap_or(sent).clone());
        x.lo = write.at;
    }
    for (unit, nothing) in &write.guarded {
        let x = link.units.entry(unit.clone()).or_default();
        x.base = Some(nothing.clone());
        x.set_seen(shown.and_then(|s| s.get(unit)).unwrap_or(nothing).clone());
        x.hi = now;
    }
    for (unit, hold) in entity.refused.remove(&write.system).unwrap_or_default() {
        link.units.entry(unit).or_default().held = Some(hold);
    }
    entity.links.insert(write.system.clone(), link.into());
    entity.dirty = true;
}

/// Settles an unknown update by a direct read made after the longest time its call can have lived.
/// `unmoved`: the product's version or change mark is what the guard saw.
pub fn settle_unknown_update(entity: &mut Entity, system: &str, read: &Observation, now: Time) {
    let Some(write) = entity.writes.remove(system) else {
        return;
    };
    entity.dirty = true;
    let Some(link) = entity
        .links
        .get_mut(system)
        .filter(|l| l.generation == write.generation)
    else {
        return;
    };
    let unmoved = match (&read.version, &write.guard_version) {
        (Some(now), Some(then)) => now == then,
        _ => read.mark.is_some() && read.mark == write.guard_mark,
    };
    if read.alive {
        for (unit, sent) in &write.values {
            let Some(got) = read.values.get(unit) else {
                continue;
            };
            let x = link.units.entry(unit.clone()).or_default();
            if got == sent {
                x.base = Some(sent.clone());
                x.shown = None;
                x.set_seen(got.clone());
                x.lo = write.at;
            } else if !(unmoved && write.guarded.get(unit) == Some(got)) {
                x.doubt = Some(match (sent, got) {
                    (Value::Set(sent), Value::Set(got)) => {
                        Doubt::Elements(sent.symmetric_difference(got).cloned().collect())
                    }
                    _ => Doubt::Value,
                });
            }
        }
    }
    let grown = match (&read.version, &write.guard_version) {
        (Some(Version::Counting(after)), Some(Version::Counting(before))) => *after > before + 1,
        _ => false,
    };
    accept(link, read, now);
    if grown {
        entity.file_card(
            CardKind::MayHaveOverwritten,
            system,
            write.values.keys().cloned().collect(),
            now,
        );
    }
}

/// What a look for a created record found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It is there.
    Alive(String),
    /// It was there; a person removed it since.
    Dead(String),
    /// Not found.
    Nothing,
}

/// Settles an unknown create. "Not found" counts only after the product's lag since the call ended.
pub fn settle_unknown_create(schema: &Schema, entity: &mut Entity, system: &str, looked: Looked, now: Time) {
    let Some(write) = entity.writes.get(system).cloned() else {
        return;
    };
    let lag = schema.party(system).map_or(0, |p: &Party| p.lag);
    match looked {
        Looked::Alive(id) => {
            entity.writes.remove(system);
            created(entity, &write, &id, None, None, now);
            if let Some(link) = entity.links.get_mut(system) {
                ask(link, now);
            }
        }
        Looked::Dead(id) => {
            entity.writes.remove(system);
            entity.graves.insert(Grave {
                system: system.into(),
                remote_id: Some(id.clone()),
            });
            created(entity, &write, &id, None, None, now);
            entity.dirty = true;
        }
        Looked::Nothing if now - write.at <= lag => {}
        Looked::Nothing if entity.links.contains_key(system) => {
            entity.writes.remove(system); // a person linked a record meanwhile: nothing is made any more
            entity.dirty = true;
        }
        Looked::Nothing => {
            let findable = schema.party(system).is_some_and(|p| p.reference.is_some());
            if let Some(w) = entity.writes.get_mut(system) {
                if findable {
                    w.state = WriteState::Planned;
                    entity.dirty = true; // its values may be old by now
                } else {
                    w.state = WriteState::Doubtful;
                    w.held = Some(Hold::MayExist);
                }
            }
        }
    }
}
