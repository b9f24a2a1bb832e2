//! Consent to marketing: units with `wins = "opt_out"`. Their codes are [`OUT`] and [`IN`]; blank and every other code
//! mean that nothing is known, which never allows anything.
//!
//! The rule: whoever says out, anywhere, wins everywhere, whatever is accepted from there and whether or not the record
//! waits for a person; it stays until a person, or a system that is allowed to and provably later, says in. Contenders
//! are decided by what permits least, so their order and names do not matter. An opt-out travels alone and before
//! everything else, so that nothing else of the record can hold it up; an opt-in travels like any value.

use crate::entity::{Agreed, Entity, Lane, Link, LinkState, LinkUnit, Op, Origin, Time, Write};
use crate::merge::{AGREED, Merged};
use crate::plan::{Loser, Note};
use crate::schema::{Accept, OptOut, Party, Schema, Unit, Wins};
use crate::value::{Value, Values};
use std::collections::BTreeMap;

/// The code of a person who does not want to be reached this way.
pub const OUT: &str = "out";
/// The code of a person who said yes.
pub const IN: &str = "in";
/// How the reason of an adopted opt-out begins, in the audit.
pub const OPTED_OUT: &str = "opted out";
/// Where a rule rather than a record says out.
const RULE: &str = "a rule: the person is not to be reached";
const NEEDS_PERSON: &str = "an opt-in from here needs a person's consent";
const STAYS_OUT: &str = "an opt-out stays until a person, or a later edit that is allowed to, says in";
const LEAST: &str = "what permits least wins";

/// Whether a value says out.
pub fn is_out(value: &Value) -> bool {
    value.as_text() == Some(OUT)
}

/// Whether a value says in.
pub fn is_in(value: &Value) -> bool {
    value.as_text() == Some(IN)
}

/// Policy of a unit of consent; none for every other unit.
pub fn policy(unit: &Unit) -> Option<&OptOut> {
    match &unit.wins {
        Wins::OptOut(policy) => Some(policy),
        _ => None,
    }
}

/// Units of consent, in the order of the entity file.
pub fn units(schema: &Schema) -> impl Iterator<Item = &Unit> {
    schema.units.iter().filter(|unit| policy(unit).is_some())
}

/// How much a value permits: out, nothing known, in.
fn permits(value: &Value) -> u8 {
    match value.as_text() {
        Some(OUT) => 0,
        Some(IN) => 2,
        _ => 1,
    }
}

impl Write {
    /// It carries opt-outs and nothing else: no brake, no hold of its record and no open question stops it.
    pub fn opts_out(&self) -> bool {
        self.op == Op::Update && !self.values.is_empty() && self.values.values().all(is_out)
    }
}

struct Says<'a> {
    system: &'a str,
    unit: &'a LinkUnit,
    seen: &'a Value,
    accept: Accept,
    /// It may be somebody else's record: it can stop marketing, and allow none.
    held: bool,
}

/// Live links that say something new of the unit, those that wait for a person included.
fn contenders<'a>(schema: &'a Schema, entity: &'a Entity, unit: &'a Unit, out: &mut Merged) -> Vec<Says<'a>> {
    let mut all = vec![];
    for party in &schema.parties {
        let link = entity
            .links
            .get(&party.system)
            .filter(|l| l.state == LinkState::Live && !entity.busy(&party.system));
        let Some((link, x)) = link.and_then(|l| Some((l, l.units.get(&unit.name)?))) else {
            continue;
        };
        let Some(seen) = x.seen() else { continue };
        let base = x.base.as_ref();
        let known = base.is_some() && x.doubt.is_none() && (base == Some(seen) || x.shown() == Some(seen));
        if known {
            if base == Some(seen) && x.shown.is_some() {
                out.follow(&party.system, seen, false);
            }
            continue;
        }
        if base.is_none() && seen.is_empty() {
            continue; // a new record that says nothing
        }
        let accept = party
            .accepts
            .get(&unit.name)
            .map_or(Accept::No, |rule| rule.of(x.author));
        all.push(Says {
            system: &party.system,
            unit: x,
            seen,
            accept,
            held: link.held.is_some(),
        });
    }
    all
}

/// Merges one unit of consent.
pub(crate) fn merge(schema: &Schema, entity: &Entity, unit: &Unit) -> Merged {
    let agreed = entity.agreed.get(&unit.name);
    let mut out = Merged {
        agreed: agreed.cloned(),
        ..Merged::default()
    };
    let all = contenders(schema, entity, unit, &mut out);
    let was = agreed.map_or(1, |a| permits(&a.value));
    let heard = all.iter().filter(|s| !s.held || is_out(s.seen) || was == 0);
    let Some(least) = heard.min_by_key(|s| (permits(s.seen), s.seen, s.system)) else {
        return out;
    };
    let now = permits(least.seen);
    let (winner, rule) = if now > was {
        match all.iter().find(|s| may_permit(s, agreed.map(|a| &**a))) {
            Some(allowed) => (Some(allowed), "opted in"),
            None if was == 0 => (None, STAYS_OUT),
            None => {
                let asks = all
                    .iter()
                    .filter(|s| !s.held)
                    .filter(|s| s.accept == Accept::Review || s.unit.doubt.is_some());
                let mut shown: BTreeMap<String, Value> = asks.map(|s| (s.system.to_string(), s.seen.clone())).collect();
                if !shown.is_empty() {
                    shown.extend(agreed.map(|a| (AGREED.to_string(), a.value.clone())));
                    out.conflict = Some((shown, NEEDS_PERSON));
                }
                return out;
            }
        }
    } else if agreed.is_some_and(|a| a.value == *least.seen) {
        (None, LEAST)
    } else {
        (Some(least), if now == 0 { OPTED_OUT } else { LEAST })
    };
    if let Some(won) = winner {
        out.agreed = Some(
            Agreed {
                value: won.seen.clone(),
                origin: Origin::System(won.system.into()),
                lo: won.unit.lo,
                hi: won.unit.hi,
            }
            .into(),
        );
        out.reason = Some(format!("{rule}: {}", won.system));
    }
    let value = out.agreed.as_ref().map(|a| a.value.clone()).unwrap_or(Value::Empty);
    let rule = if is_out(&value) { STAYS_OUT } else { LEAST };
    for says in all.iter().filter(|s| !s.held || is_out(&value)) {
        if *says.seen != value {
            out.losers.push((says.system.into(), says.seen.clone(), rule));
        }
        out.follow(says.system, says.seen, true);
    }
    out
}

/// Whether this opt-in may win over what is agreed: it is accepted from there, and was typed on top of what is agreed.
fn may_permit(says: &Says, agreed: Option<&Agreed>) -> bool {
    if says.held || says.accept != Accept::Yes || says.unit.doubt.is_some() || !is_in(says.seen) {
        return false;
    }
    match agreed {
        None => true,
        Some(agreed) if is_out(&agreed.value) => {
            let own = agreed.origin == Origin::System(says.system.into());
            let knew = says.unit.base.as_ref().is_some_and(is_out);
            knew && agreed.origin != Origin::Person && (own || says.unit.lo > agreed.hi)
        }
        Some(_) => says.unit.base.is_some(),
    }
}

/// What is known of one entity becomes part of another: its opt-outs come along, wherever they were said.
pub fn carry(schema: &Schema, kept: &mut Entity, given: &Entity) {
    for unit in units(schema) {
        if let Some(out) = given.agreed.get(&unit.name).filter(|a| is_out(&a.value)) {
            kept.agreed.insert(unit.name.clone(), out.clone());
        }
    }
}

/// Carries opt-outs over: a unit is out where a unit that covers it is, and while the person's own state suppresses it.
pub(crate) fn cover(schema: &Schema, entity: &mut Entity, now: Time, notes: &mut Vec<Note>, losers: &mut Vec<Loser>) {
    // A chain of covering units is as long as there are units at most.
    for _ in units(schema) {
        let mut moved = false;
        for unit in units(schema) {
            let Some(reason) = covered(schema, entity, &unit.name) else {
                continue;
            };
            if let Some(lost) = entity.agreed.get(&unit.name).filter(|a| !a.value.is_empty()) {
                losers.push(Loser {
                    unit: unit.name.clone(),
                    system: AGREED.into(),
                    value: lost.value.clone(),
                    rule: reason.clone(),
                });
            }
            entity.agreed.insert(
                unit.name.clone(),
                Agreed {
                    value: Value::text(OUT),
                    origin: Origin::System(RULE.into()),
                    lo: now,
                    hi: now,
                }
                .into(),
            );
            entity.conflicts.remove(&unit.name);
            notes.push(Note {
                event: "adopted",
                system: None,
                units: vec![unit.name.clone()],
                reason: format!("{OPTED_OUT}: {reason}"),
            });
            moved = true;
        }
        if !moved {
            return;
        }
    }
}

/// Why a unit that is not out has to be.
fn covered(schema: &Schema, entity: &Entity, unit: &str) -> Option<String> {
    let is_out = |unit: &str| entity.agreed.get(unit).is_some_and(|a| is_out(&a.value));
    (!is_out(unit)).then(|| suppressed(schema, entity, unit))?
}

/// What keeps a unit out whatever anybody says of the unit itself: another unit that covers it, or the person's state.
pub fn suppressed(schema: &Schema, entity: &Entity, unit: &str) -> Option<String> {
    let policy = policy(schema.unit(unit)?)?;
    let is_out = |unit: &&String| entity.agreed.get(*unit).is_some_and(|a| is_out(&a.value));
    if let Some(above) = policy.covered_by.iter().find(is_out) {
        return Some(format!("{above} is out"));
    }
    let holds = policy.suppress_when.as_ref().filter(|c| c.holds(&entity.agreed))?;
    Some(format!("{} holds", holds.source()))
}

/// The opt-outs that a record has not taken yet: they are written alone, whatever else waits.
pub(crate) fn to_tell(schema: &Schema, entity: &Entity, party: &Party, link: &Link) -> Values {
    let due = |unit: &&Unit| {
        let agreed = entity.agreed.get(&unit.name).filter(|a| is_out(&a.value));
        let (Some(agreed), Some(x)) = (agreed, link.units.get(&unit.name)) else {
            return false;
        };
        let refused = x.held.as_ref().is_some_and(|h| h.value == agreed.value);
        party.receives.contains(&unit.name) && x.seen().is_some() && x.base.as_ref() != Some(&agreed.value) && !refused
    };
    units(schema)
        .filter(due)
        .map(|unit| (unit.name.clone(), Value::text(OUT)))
        .collect()
}

/// The lane of a write: opt-outs go first.
pub(crate) fn lane(values: &Values, op: Op, lane: Lane) -> Lane {
    let all_out = op == Op::Update && !values.is_empty() && values.values().all(is_out);
    if all_out { Lane::Requested } else { lane }
}

/// What came of a person's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// The unit is none of consent.
    #[error("`{0}` is no unit of consent")]
    NoSuchUnit(String),
    /// Something else keeps the unit out.
    #[error("{unit} stays out: {why}")]
    Suppressed {
        /// The unit.
        unit: String,
        /// What keeps it out.
        why: String,
    },
}

/// Stores a person's word. It counts for every record as it is seen now; what is typed later is judged afresh. Returns the
/// value that lost, if one did.
///
/// # Errors
/// [`WordError`]; the entity is then unchanged.
pub fn word(
    schema: &Schema,
    entity: &mut Entity,
    unit: &str,
    reachable: bool,
    now: Time,
) -> Result<Option<Loser>, WordError> {
    if schema.unit(unit).and_then(policy).is_none() {
        return Err(WordError::NoSuchUnit(unit.into()));
    }
    if reachable && let Some(why) = suppressed(schema, entity, unit) {
        return Err(WordError::Suppressed { unit: unit.into(), why });
    }
    let value = Value::text(if reachable { IN } else { OUT });
    for link in entity.links.values_mut().filter(|l| l.state == LinkState::Live) {
        if let Some(x) = link.units.get_mut(unit)
            && let Some(seen) = x.seen().cloned()
            && x.base.as_ref() != Some(&seen)
        {
            x.set_base(seen, None);
            x.doubt = None;
        }
    }
    let before = entity.agreed.insert(
        unit.into(),
        Agreed {
            value: value.clone(),
            origin: Origin::Person,
            lo: now,
            hi: now,
        }
        .into(),
    );
    entity.conflicts.remove(unit);
    entity.dirty = true;
    Ok(before.filter(|b| b.value != value).map(|b| Loser {
        unit: unit.into(),
        system: AGREED.into(),
        value: b.value.clone(),
        rule: "a person decided".into(),
    }))
}
